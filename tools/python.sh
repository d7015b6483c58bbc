#!/usr/bin/env bash
# Prints the path of a Python with NumPy, safetensors and the MLX of the installed rmlx's version, with
# which the tests compare files and arrays: RMLX_TEST_PYTHON, else a virtual environment of our own
# in R's cache, made when it is not there. If it cannot be made, says why and prints nothing.
set -eu

if [ -n "${RMLX_TEST_PYTHON:-}" ]; then
    echo "$RMLX_TEST_PYTHON"
    exit
fi

IFS=$'\t' read -r version cache < <(Rscript -e '
    options(rmlx.quiet = TRUE)
    version <- sub("[^0-9.].*", "", suppressMessages(rmlx::mlx_sitrep())$mlx)
    cat(version, "\t", tools::R_user_dir("rmlx", "cache"), "\n", sep = "")')
home=$cache/python-mlx-$version
python=$home/bin/python

# Written last, so that a half-made environment is made again.
if [ ! -e "$home/complete" ] || ! "$python" -c "" 2> /dev/null; then
    case $(uname -s) in
        Darwin) mlx="mlx==$version" ;;
        *) mlx="mlx[cpu]==$version" ;;
    esac
    echo "==> making a Python with MLX $version for the tests in $home" >&2
    rm -rf "$home"
    mkdir -p "$cache"
    if ! said=$(python3 -m venv "$home" 2>&1 &&
        "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 \
            "$mlx" numpy safetensors 2>&1 &&
        "$python" -c "import mlx.core, numpy, safetensors.numpy" 2>&1); then
        rm -rf "$home"
        echo "==> no such Python could be made: the tests that need one are skipped. pip said:" >&2
        tail -n 3 <<< "$said" >&2
        exit
    fi
    : > "$home/complete"
fi
echo "$python"
