#!/usr/bin/env bash
# Prints the path of a Python with NumPy, safetensors and the MLX of the installed rmlx's version, with
# which the tests compare files and arrays: RMLX_TEST_PYTHON, else a virtual environment of our own
# in R's cache, made when it is not there. If it cannot be made, says why and prints nothing.
set -eu

if [ -n "${RMLX_TEST_PYTHON:-}" ]; then
    echo "$RMLX_TEST_PYTHON"
    exit
fi

. "$(dirname "$0")/environment.sh"
packages() {
    install "$mlx" numpy safetensors && "$python" -c "import mlx.core, numpy, safetensors.numpy" 2>&1
}
environment python-mlx "for the tests" "the tests that need one are skipped"
