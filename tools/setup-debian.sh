#!/bin/sh
# Installs the Debian packages that rmlx needs and that are not here yet.
# With --dev, also what the documentation and the linters need, and reticulate for its tests;
# with --bench, what the benchmark needs.
set -eu

# R with its compilers and headers, the R packages that rmlx and its tests use, a fast BLAS,
# and what builds mlx-c and its bindings.
wanted="r-base-dev r-cran-rlang r-cran-cli r-cran-testthat r-cran-mass r-cran-bit64
    r-cran-matrix r-cran-tibble r-cran-generics r-cran-nlme r-cran-nnet r-cran-survival
    libopenblas0-pthread g++ make cmake libfmt-dev"
if [ "${1:-}" = --dev ]; then
    wanted="$wanted r-cran-roxygen2 r-cran-lintr r-cran-reticulate r-cran-rmarkdown pandoc"
elif [ "${1:-}" = --bench ]; then
    wanted="$wanted r-cran-processx r-cran-ggplot2 valgrind"
fi
python3 -m pip --version > /dev/null 2>&1 || wanted="$wanted python3 python3-pip"
python3 -c "import ensurepip, venv" > /dev/null 2>&1 || wanted="$wanted python3-venv"

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Abbrev}' "$1" 2> /dev/null)" = "ii " ]
}

# Any libclang that is new enough; the first of these that this release has.
clangs="19 20 21 18 17 16 15"
have_clang=
for version in $clangs; do
    ! installed "libclang-$version-dev" || have_clang=yes
done

missing=
for package in $wanted; do
    installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ] && [ -n "$have_clang" ]; then
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null 2>&1 || {
        echo "Run this as root: apt-get install$missing libclang-19-dev" >&2
        exit 1
    }
    as_root=sudo
fi

echo "==> asking Debian's package lists"
$as_root apt-get update -qq
if [ -z "$have_clang" ]; then
    for version in $clangs; do
        if apt-cache show "libclang-$version-dev" > /dev/null 2>&1; then
            missing="$missing libclang-$version-dev"
            have_clang=yes
            break
        fi
    done
    if [ -z "$have_clang" ]; then
        echo "This release has no libclang from version 15 on: Debian 12, Ubuntu 22.04 and later do" >&2
        exit 1
    fi
fi

echo "==> installing$missing"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq \
    --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $missing
