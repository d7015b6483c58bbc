#!/usr/bin/env bash
# Prints the path of a Python with the benchmark's peers: RMLX_BENCH_PYTHON, else a virtual environment of
# our own in R's cache, made when it is not there: MLX of the installed rmlx's version, NumPy, JAX, PyTorch.
# A peer that cannot be installed is left out; if there can be no Python MLX, says why and prints nothing.
set -eu

if [ -n "${RMLX_BENCH_PYTHON:-}" ]; then
    echo "$RMLX_BENCH_PYTHON"
    exit
fi

. "$(dirname "$0")/../tools/environment.sh"
packages() {
    install "$mlx" numpy || return
    install jax > /dev/null || echo "==> JAX could not be installed" >&2
    # PyTorch's own index has builds for the CPU alone
    install torch --index-url https://download.pytorch.org/whl/cpu > /dev/null || install torch > /dev/null ||
        echo "==> PyTorch could not be installed" >&2
}
environment python-bench "for the benchmark, with JAX and PyTorch" "rmlx is measured alone"
