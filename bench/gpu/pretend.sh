#!/usr/bin/env bash
# Runs a command with a gpu that is none (pretend.cpp):  pretend.sh LIBRARY COMMAND...
# LIBRARY is the folder that rmlx is installed in.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lib=$(readlink -f "$1/rmlx/mlx/mlx/lib/libmlx.so")
shift
include=${MLX_INCLUDE:-$(ls -d "$HOME"/.cache/R/rmlx/mlx-cpu-*/mlx/include | head -1)}
build=${TMPDIR:-/tmp}/rmlx-pretend-$(md5sum < "$here/pretend.cpp" | cut -c1-12).so
if [ ! -e "$build" ]; then
  g++ -std=c++20 -O1 -fPIC -shared -Wl,-z,lazy -I "$include" "$here/pretend.cpp" -o "$build.$$" -ldl
  mv "$build.$$" "$build"
fi
at=$(nm -C "$lib" | awk '
  function put(name) { printf "%s%s=0x%s", sep, name, $1; sep = "," }
  { address = $1; sub(/^[0-9a-f]+ . /, ""); what = $0; $0 = address }
  what == "mlx::core::gpu::init()" { put("init") }
  what == "mlx::core::gpu::clear_streams()" { put("clear_streams") }
  what == "mlx::core::gpu::new_stream(mlx::core::Stream)" { put("new_stream") }
  what == "mlx::core::gpu::new_thread_unsafe_stream(mlx::core::Stream)" { put("new_thread_unsafe_stream") }
  what == "mlx::core::gpu::eval(mlx::core::array&)" { put("eval") }
  what == "mlx::core::gpu::finalize(mlx::core::Stream)" { put("finalize") }
  what == "mlx::core::gpu::synchronize(mlx::core::Stream)" { put("gpu_synchronize") }
  what == "mlx::core::cpu::new_stream(mlx::core::Stream)" { put("cpu_new_stream") }
  what == "mlx::core::cpu::new_thread_unsafe_stream(mlx::core::Stream)" { put("cpu_new_thread_unsafe_stream") }
  what == "mlx::core::cpu::eval(mlx::core::array&)" { put("cpu_eval") }
  what == "mlx::core::synchronize(mlx::core::Stream)" { put("synchronize") }')
RMLX_PRETEND_LIB=$lib RMLX_PRETEND_AT=$at LD_PRELOAD=$build exec "$@"
