#!/usr/bin/env bash
# What rmlx does on a GPU:  run.sh OUT [LIBRARY] [SECONDS]
# Measures beside Python MLX, PyTorch and JAX where python3 has them, and then runs the test suite, all within
# SECONDS (460). LIBRARY (target/library) is where rmlx is installed. OUT gets table.md, suite.txt,
# failures.txt, raw.tsv and logs.tar.gz; a summary is printed last. On a machine without GPU all of it runs on
# the cpu, in small sizes.
#   RMLX_BENCH_PYTHON  the Python to use (python3)       RMLX_BENCH_ROUNDS  rounds of measuring (2)
#   RMLX_BENCH_ONLY    a piece (op, matmul, mlp, ..)      RMLX_TESTS         a pattern of test files; none: "^$"
#   RMLX_GPU_ENV       a file that sets R and a CUDA libmlx up, sourced first
#   RMLX_JOBS          test processes at a time (12)     RMLX_WHEELS        a folder with the wheel of Python MLX
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.." || exit
out=$(mkdir -p "$1" && cd "$1" && pwd)
export R_LIBS=${2:-$PWD/target/library}
finish=$(($(date +%s) + ${3:-460}))
# the libraries that R brought along are for R; Python MLX needs those of MLX and CUDA, the others their own
before=${LD_LIBRARY_PATH-}
[ -n "${RMLX_GPU_ENV-}" ] && . "$RMLX_GPU_ENV"
with_mlx=$(tr ':' '\n' <<< "${LD_LIBRARY_PATH-}" | grep -v '/rlibs$' | paste -sd:)
python=${RMLX_BENCH_PYTHON:-python3}
in_python() { # SIDE ARGUMENTS..
  local path=$before
  [ "$1" = mlx ] && path=$with_mlx
  shift
  LD_LIBRARY_PATH=$path $pinned timeout -k 5 90 "$python" "$@"
}
# what a step takes is mostly the host's time, and cores differ by a third: the same few for every side
pinned=""
[ "$(nproc)" -ge 8 ] && taskset -c 2-5 true 2> /dev/null && pinned="taskset -c 2-5"
left() { echo $((finish - $(date +%s))); }

# Python MLX: its small wheel holds the module, which then finds the CUDA libmlx that R uses
wheel=$(ls "${RMLX_WHEELS:-$here/wheels}"/mlx-*.whl 2> /dev/null | head -1)
if [ -n "$wheel" ]; then
  in_python plain -m zipfile -e "$wheel" "$out/site" && export PYTHONPATH=$out/site${PYTHONPATH:+:$PYTHONPATH}
fi
export XLA_PYTHON_CLIENT_PREALLOCATE=false PYTHONUNBUFFERED=1

echo "== machine"
command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
nproc
timeout 60 Rscript -e 'suppressMessages(library(rmlx)); x <- as_mlx(1) + 1; cat("rmlx", mlx_device(x), as.numeric(x), "\n"); mlx_sitrep()' \
  2>&1 < /dev/null | grep -v masked
sides=""
for side in mlx torch jax; do
  module=$side
  [ "$side" = mlx ] && module=mlx.core
  if why=$(in_python "$side" -c "import $module" 2>&1); then
    sides="$sides $side"
  else
    echo "no $side: $(tail -n 1 <<< "$why")"
  fi
done

: > "$out/raw.tsv"
: > "$out/bench.err"
measure() {
  "$@" >> "$out/raw.tsv" 2>> "$out/bench.err" < /dev/null || echo "status $?: $*"
}
for round in $(seq "${RMLX_BENCH_ROUNDS:-2}"); do
  [ "$(left)" -lt 60 ] && break
  measure $pinned timeout -k 5 90 Rscript bench/gpu/work.R rmlx
  for side in $sides; do
    # what the aims are about in every round, the others once
    if [ "$side" = mlx ] || [ "$round" = 1 ]; then measure in_python "$side" bench/gpu/work.py "$side"; fi
  done
  [ "$round" = 1 ] && RMLX_BENCH_ONLY=convert RMLX_TRANSFER=mlx measure $pinned timeout -k 5 60 Rscript bench/gpu/work.R rmlx-mlx
done
in_python plain bench/gpu/table.py "$out/raw.tsv" > "$out/table.md"
echo "== measured, $(left) s left"
cat "$out/table.md"

bash bench/gpu/suite.sh "$out" "${RMLX_JOBS:-12}" "$(($(left) - 10))" > "$out/suite-total.txt" 2>&1
tar -C "$out" -czf "$out/logs.tar.gz" logs
rm -rf "$out/logs" "$out/site"
echo "== failures (all in failures.txt)"
cut -c1-160 "$out/failures.txt" | head -c 5000
echo
echo "== files that are not green"
grep -v ' rc=0 ' "$out/suite.txt" | head -60
echo "== slowest"
sort -t' ' -k3,3 -rn "$out/suite.txt" | awk '{print $3, $1}' | sort -rn | head -8 | tr '\n' ';'
echo
echo "== table"
cat "$out/table.md"
cat "$out/suite-total.txt"
