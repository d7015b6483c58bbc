#!/usr/bin/env bash
# Builds the package from what git has or would take, and runs R CMD check on it.
# Fails at any ERROR or WARNING. CHECK_ARGS is for more options, such as --no-tests.
set -eu

cd "$(dirname "$0")/.."
# What cargo has built here serves the check too. It also keeps R from counting, as the package's
# own, calls that are not: Rust's library calls abort when a panic cannot unwind, and mlx-c holds
# an error handler that exits, which rmlx replaces before its first use.
export CARGO_TARGET_DIR="$PWD/target"
work=$PWD/target/check
rm -rf "$work"
mkdir -p "$work/rmlx"
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar -c --null -T - -f - | tar -x -C "$work/rmlx" -f -

cd "$work"
R CMD build rmlx
_R_CHECK_FORCE_SUGGESTS_=false R CMD check --no-manual ${CHECK_ARGS:-} rmlx_*.tar.gz
status=$(sed -n 's/^Status: //p' rmlx.Rcheck/00check.log)
echo "R CMD check: $status"
case $status in
    *ERROR* | *WARNING* | "") exit 1 ;;
esac
