#!/usr/bin/env bash
# Prints the path of a Python with the benchmark's peers: RMLX_BENCH_PYTHON, else a virtual environment of
# our own in R's cache, made when it is not there: MLX of the installed rmlx's version, NumPy, JAX, PyTorch.
# A peer that cannot be installed is left out; if there can be no Python MLX, says why and prints nothing.
set -eu

if [ -n "${RMLX_BENCH_PYTHON:-}" ]; then
    echo "$RMLX_BENCH_PYTHON"
    exit
fi

IFS=$'\t' read -r version cache < <(Rscript -e '
    options(rmlx.quiet = TRUE)
    version <- sub("[^0-9.].*", "", suppressMessages(rmlx::mlx_sitrep())$mlx)
    cat(version, "\t", tools::R_user_dir("rmlx", "cache"), "\n", sep = "")')
home=$cache/python-bench-$version
python=$home/bin/python

install() {
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 "$@" 2>&1
}

# Written last, so that a half-made environment is made again.
if [ ! -e "$home/complete" ] || ! "$python" -c "" 2> /dev/null; then
    case $(uname -s) in
        Darwin) mlx="mlx==$version" ;;
        *) mlx="mlx[cpu]==$version" ;;
    esac
    echo "==> making a Python with MLX $version, JAX and PyTorch for the benchmark in $home" >&2
    rm -rf "$home"
    mkdir -p "$cache"
    if ! said=$(python3 -m venv "$home" 2>&1 && install "$mlx" numpy); then
        rm -rf "$home"
        echo "==> no such Python could be made: rmlx is measured alone. pip said:" >&2
        tail -n 3 <<< "$said" >&2
        exit
    fi
    install jax > /dev/null || echo "==> JAX could not be installed" >&2
    # PyTorch's own index has builds for the CPU alone
    install torch --index-url https://download.pytorch.org/whl/cpu > /dev/null || install torch > /dev/null ||
        echo "==> PyTorch could not be installed" >&2
    : > "$home/complete"
fi
echo "$python"
