# For scripts that are to print the path of a Python: sourced by them.

# environment NAME WHAT OTHERWISE: the path of a Python with the MLX of the installed rmlx's version, of a
# virtual environment in R's cache, which is made when it is not there: `packages` (a function of the caller's)
# calls `install` for what is in it. `mlx` is the requirement for MLX. If it cannot be made, says why and
# OTHERWISE, and prints nothing.
environment() {
    local version cache home said
    IFS=$'\t' read -r version cache < <(Rscript -e '
        options(rmlx.quiet = TRUE)
        version <- sub("[^0-9.].*", "", suppressMessages(rmlx::mlx_sitrep())$mlx)
        cat(version, "\t", tools::R_user_dir("rmlx", "cache"), "\n", sep = "")')
    home=$cache/$1-$version
    python=$home/bin/python
    # Written last, so that a half-made environment is made again.
    if [ ! -e "$home/complete" ] || ! "$python" -c "" 2> /dev/null; then
        case $(uname -s) in
            Darwin) mlx="mlx==$version" ;;
            *) mlx="mlx[cpu]==$version" ;;
        esac
        echo "==> making a Python with MLX $version $2 in $home" >&2
        rm -rf "$home"
        mkdir -p "$cache"
        if ! said=$(python3 -m venv "$home" 2>&1 && packages); then
            rm -rf "$home"
            echo "==> no such Python could be made: $3. pip said:" >&2
            tail -n 3 <<< "$said" >&2
            return
        fi
        : > "$home/complete"
    fi
    echo "$python"
}

install() {
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 "$@" 2>&1
}
