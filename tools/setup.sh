#!/bin/sh
# Installs the system packages that rmlx needs on Debian and Ubuntu; elsewhere says
# what to install. With --dev, also what the documentation and the linters need; with --bench,
# what the benchmark needs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

if command -v apt-get > /dev/null 2>&1; then
    "$here/setup-debian.sh" "$@"
else
    missing=
    for program in R python3 cmake cc c++ make; do
        command -v "$program" > /dev/null 2>&1 || missing="$missing $program"
    done
    for package in rlang cli testthat MASS bit64 Matrix tibble; do
        command -v Rscript > /dev/null 2>&1 || break
        Rscript -e "quit(status = !requireNamespace('$package', quietly = TRUE))" > /dev/null 2>&1 ||
            missing="$missing $package(R)"
    done
    if [ -n "$missing" ]; then
        cat >&2 <<EOF
Not found:$missing
  Fedora: sudo dnf install R-core-devel R-rlang R-cli R-testthat R-MASS R-bit64 R-Matrix R-tibble \\
            openblas cmake gcc-c++ clang-devel fmt-devel python3-pip cargo
  macOS:  xcode-select --install
          brew install r cmake python3 rust
          Rscript -e 'install.packages(c("rlang", "cli", "testthat", "MASS", "bit64", "Matrix", "tibble"))'
EOF
        exit 1
    fi
fi

if ! command -v cargo > /dev/null 2>&1; then
    echo "cargo was not found: rmlx needs Rust 1.85 or newer, see https://rustup.rs" >&2
    exit 1
fi
