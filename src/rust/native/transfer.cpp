// Copies between R's memory and that of a CUDA device, by the driver and through pinned memory. What MLX
// offers is to read and write an array's elements where they are, which moves them page by page: an order
// of magnitude slower for large arrays.
//
// MLX's library is the CPU's where rmlx is built, so the driver is looked up in the process, and a buffer's
// address on the device is read from MLX's own record of it, as it is in the one version below.

#include "transfer.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <mlx/backend/cuda/cuda.h>
#include <mlx/mlx.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using Handle = void*;
using Address = unsigned long long; // CUdeviceptr

// MLX's CudaBuffer: where the elements are, and on which device; -1 for what the host can read at once.
struct Buffer {
  void* data;
  size_t size;
  int device;
};

constexpr std::string_view RECORDED = "0.32.2";

constexpr size_t CHUNK = size_t{4} << 20;

// The functions of the driver that are used here, and what they work with. All calls come from R's thread.
struct Driver {
  int (*to_host)(void*, Address, size_t, Handle) = nullptr;
  int (*to_device)(Address, const void*, size_t, Handle) = nullptr;
  int (*host_alloc)(void**, size_t, unsigned) = nullptr;
  int (*stream_create)(Handle*, unsigned) = nullptr;
  int (*event_create)(Handle*, unsigned) = nullptr;
  int (*event_record)(Handle, Handle) = nullptr;
  int (*event_synchronize)(Handle) = nullptr;
  char* chunks[2] = {};
  Handle stream = nullptr, copied[2] = {};
  bool usable = false;

  Driver() {
    if (mx::version() != RECORDED || !mx::cu::is_available()) {
      return;
    }
    void* lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    if (!lib) {
      return;
    }
    bool all = find(lib, "cuMemcpyDtoHAsync_v2", to_host) && find(lib, "cuMemcpyHtoDAsync_v2", to_device) &&
        find(lib, "cuMemHostAlloc", host_alloc) && find(lib, "cuStreamCreate", stream_create) &&
        find(lib, "cuEventCreate", event_create) && find(lib, "cuEventRecord", event_record) &&
        find(lib, "cuEventSynchronize", event_synchronize);
    constexpr unsigned non_blocking = 1, no_timing = 2;
    usable = all && stream_create(&stream, non_blocking) == 0;
    for (int i = 0; usable && i < 2; i++) {
      void* chunk = nullptr;
      usable = host_alloc(&chunk, CHUNK, 0) == 0 && event_create(&copied[i], no_timing) == 0;
      chunks[i] = static_cast<char*>(chunk);
    }
  }

  template <typename F>
  static bool find(void* lib, const char* name, F& to) {
    to = reinterpret_cast<F>(dlsym(lib, name));
    return to != nullptr;
  }
};

// Made when the device was used already, and is current on this thread.
Driver& driver() {
  static Driver it;
  return it;
}

// The address of an evaluated array's elements if they lie in a device's memory, else 0.
Address on_device(const mx::array& a) {
  if (!driver().usable || a.nbytes() == 0) {
    return 0;
  }
  const auto* buffer = static_cast<const Buffer*>(a.buffer().ptr());
  return buffer->device < 0 ? 0 : reinterpret_cast<Address>(buffer->data) + a.offset();
}

} // namespace

extern "C" int rmlx_is_on_device(mlx_array array) {
  return on_device(mlx_array_get_(array)) != 0;
}

// Gives the elements of a dense array, in the order of its buffer, to `take`, a chunk of whole elements at
// a time while the next one is on its way. 2: nothing was given, read the array in place.
extern "C" int rmlx_download(mlx_array array, rmlx_take take, void* data) {
  const mx::array& a = mlx_array_get_(array);
  Driver& d = driver();
  const Address from = on_device(a);
  if (from == 0) {
    return 2;
  }
  const size_t bytes = a.nbytes();
  auto start = [&](size_t at, int i) {
    return d.to_host(d.chunks[i], from + at, std::min(CHUNK, bytes - at), d.stream) == 0 &&
        d.event_record(d.copied[i], d.stream) == 0;
  };
  if (!start(0, 0)) {
    return 2;
  }
  int i = 0;
  for (size_t at = 0; at < bytes; at += CHUNK, i = 1 - i) {
    const bool more = at + CHUNK < bytes;
    if ((more && !start(at + CHUNK, 1 - i)) || d.event_synchronize(d.copied[i]) != 0) {
      return 2; // whatever was given is given again
    }
    take(data, d.chunks[i], at, std::min(CHUNK, bytes - at));
  }
  return 0;
}

// A dense row-major array on a gpu stream whose elements `fill` writes, a chunk of whole elements at a time
// while the one before is on its way. `fill` says 0, or that it failed. 2: not done, write it in place.
extern "C" int rmlx_upload(
    mlx_array* res,
    const int* shape,
    int rank,
    mlx_dtype dtype,
    mlx_stream stream,
    rmlx_fill fill,
    void* data) {
  if (!driver().usable) {
    return 2;
  }
  int undone = 0;
  int status = rmlx::status_of([&] {
    mx::array a = mx::zeros(
        mx::Shape(shape, shape + rank), mlx_dtype_to_cpp(dtype), mlx_stream_get_(stream));
    a.eval(); // so that it has memory on the device, of its own
    a.wait();
    Driver& d = driver();
    const Address to = on_device(a);
    if (to == 0 || a.data_size() != a.size()) {
      undone = 2;
      return;
    }
    const size_t bytes = a.nbytes();
    int i = 0;
    for (size_t at = 0; at < bytes; at += CHUNK, i = 1 - i) {
      const size_t n = std::min(CHUNK, bytes - at);
      if ((at >= 2 * CHUNK && d.event_synchronize(d.copied[i]) != 0) ||
          fill(data, d.chunks[i], at, n) != 0 ||
          d.to_device(to + at, d.chunks[i], n, d.stream) != 0 ||
          d.event_record(d.copied[i], d.stream) != 0) {
        undone = 2;
        break;
      }
    }
    // nothing is on its way any more when this returns
    for (int k = 0; k < 2; k++) {
      if (bytes > k * CHUNK && d.event_synchronize(d.copied[k]) != 0) {
        undone = 2;
      }
    }
    if (!undone) {
      mlx_array_set_(*res, a);
    }
  });
  return status ? status : undone;
}
