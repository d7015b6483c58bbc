#!/usr/bin/env bash
# The test suite with the default device in force, file by file in parallel:  suite.sh OUT JOBS SECONDS
# OUT/suite.txt has a line a file (exit status, counts, seconds), OUT/failures.txt what failed, OUT/logs all.
# SECONDS limits the whole, and each file to what is left of it. RMLX_TESTS: a pattern of files.
# RMLX_SUITE_WRAP: a command put before each Rscript (pretend.sh).
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
jobs=$2
export end=$(($(date +%s) + $3)) logs=$out/logs here
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.." || exit
mkdir -p "$logs"
rm -f "$logs"/*
# single precision, as the tests' tolerances have it, and one thread a process
export MLX_ENABLE_TF32=0 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 RMLX_SUITE_WRAP=${RMLX_SUITE_WRAP:-}
# what splits by rows, and into how many parts; the longest first. Operations take twice as many: on a gpu
# each fused kernel of theirs is compiled when it first runs, for about a second.
cut=${RMLX_CUT:-6}
files=$(ls tests/testthat/test-*.R | sed 's|.*/test-||; s|\.R$||' | grep -E "${RMLX_TESTS:-.}")
[ -n "$files" ] || { echo "suite: no files"; : > "$out/suite.txt"; : > "$out/failures.txt"; exit; }
for n in "$cut" $((2 * cut)); do
  Rscript bench/gpu/parts.R "$n" > "$logs/parts.$n" 2> "$logs/parts.err" < /dev/null
  [ "$(wc -l < "$logs/parts.$n")" = "$n" ] || { echo "parts.R failed:"; tail -3 "$logs/parts.err"; cut=0; break; }
done
run_one() { # FILE [PART OF]
  local name=$1 part=${2:-} of=${3:-} id=$1 start=$(date +%s) rc left
  local -a wrap
  read -ra wrap <<< "$RMLX_SUITE_WRAP"
  if [ -n "$part" ]; then
    id=$name.$part
    RMLX_ROWS=$(sed -n "${part}p" "$logs/parts.$of")
    export RMLX_ROWS
  fi
  left=$((end - start))
  if [ "$left" -lt 5 ]; then
    echo "$id rc=none 0s not started: no time left" >> "$logs/summary"
    return
  fi
  timeout -k 5 "$left" "${wrap[@]}" Rscript tools/test.R "^$name\$" > "$logs/$id.log" 2>&1 < /dev/null
  rc=$?
  echo "$id rc=$rc $(($(date +%s) - start))s $(tail -n 1 "$logs/$id.log" | cut -c1-80)" >> "$logs/summary"
  # a process that ended by a signal: once more, to see where
  if [ "$rc" -ge 129 ] && [ "$rc" -ne 137 ] && [ -e "$logs/terminate.so" ] && [ $((end - $(date +%s))) -gt 20 ]; then
    LD_PRELOAD="$logs/terminate.so" timeout -k 5 $((end - $(date +%s))) "${wrap[@]}" Rscript tools/test.R "^$name\$" \
      > "$logs/$id.again.log" 2>&1 < /dev/null
    echo "$id.again rc=$? (with a backtrace)" >> "$logs/summary"
  fi
}
export -f run_one
command -v g++ > /dev/null && g++ -O1 -g -fPIC -shared bench/gpu/terminate.cpp -o "$logs/terminate.so" 2> /dev/null
{
  for name in $files; do
    case $name in
      operations | derivatives | operations-shapes)
        n=$cut
        [ "$name" = operations ] && n=$((2 * cut))
        if [ "$cut" -gt 0 ]; then seq "$n" | sed "s/.*/0 $name & $n/"; else echo "0 $name"; fi ;;
      # compiled one by one, and so the longest
      compile | captures | compile-captures | export | hostile | quantize) echo "0 $name" ;;
      vmap | memory | custom | complex | tape | file | conditions | depth | fork) echo "1 $name" ;;
      *) echo "2 $name" ;;
    esac
  done
} | sort -s -n -k1,1 | cut -d' ' -f2- | xargs -r -P "$jobs" -L 1 bash -c 'run_one "$@"' run_one
rm -f "$logs/terminate.so"
sort "$logs/summary" > "$out/suite.txt"
{
  for log in "$logs"/*.log; do
    name=$(basename "$log" .log)
    grep -q "^${name} rc=0 " "$out/suite.txt" && continue
    echo "== $name: $(grep "^$name rc" "$out/suite.txt" | head -1 | cut -d' ' -f2-)"
    grep -A2 -E "^── (Failure|Error)" "$log" | grep -v '^--$' | grep -v '^<rmlx_error' | cut -c1-220 | head -40
    grep -E "terminate called|what\(\):|caught segfault|== where" -A24 "$log" | head -40
  done
} > "$out/failures.txt"
awk '{ n++; if ($2 == "rc=0") ok++
       for (i = 3; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^skipped/) s += $i } }
     END { printf "suite: %d of %d files (and parts) green; %d expectations passed, %d failed, %d skipped\n", ok, n, p, f, s }' \
  "$out/suite.txt"
