// A gpu that is none: preloaded into R, it makes the CPU build of MLX offer a gpu device, whose streams are
// worked off by the CPU. So the rules of gpu devices (no float64, linear algebra on the CPU alone, arrays
// of two devices, streams of two devices waiting for each other) can be tested without the hardware.
// What it cannot show: the precision of a gpu's kernels, and faults of CUDA's own.
//
// MLX does not export the functions that its other half calls to reach a gpu, so their code is overwritten
// with jumps to those here. pretend.sh says where they are, by the offsets that nm finds:
//   RMLX_PRETEND_LIB=.../libmlx.so RMLX_PRETEND_AT="init=0x..,eval=0x..,..".
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <variant>

#include <mlx/array.h>
#include <mlx/primitives.h>
#include <mlx/stream.h>

namespace mx = mlx::core;

namespace {

using StreamFunction = void (*)(mx::Stream);

StreamFunction cpu_new_stream, cpu_new_thread_unsafe_stream, synchronize;
void (*cpu_eval)(mx::array&);

mx::Stream on_cpu(mx::Stream s) {
  return mx::Stream{s.index, mx::Device::cpu};
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "pretend: %s\n", what);
  std::abort();
}

void nothing() {}

void new_stream(mx::Stream s) {
  cpu_new_stream(on_cpu(s));
}

void new_thread_unsafe_stream(mx::Stream s) {
  cpu_new_thread_unsafe_stream(on_cpu(s));
}

// The operations that CUDA MLX refuses, as it refuses them.
void refuse(const char* name) {
  for (const char* none : {"Cholesky", "Eig", "Eigh", "Inverse", "LUF", "QRF", "SVD"}) {
    if (std::strcmp(name, none) == 0) {
      throw std::runtime_error(std::string(name) + " has no CUDA implementation.");
    }
  }
}

void eval(mx::array& arr) {
  auto& primitive = arr.primitive();
  refuse(primitive.name());
  // of ours, these run on the cpu alone
  const std::string type = typeid(primitive).name();
  if (type.find("Exact") != std::string::npos || type.find("5Whole") != std::string::npos) {
    throw std::logic_error("[pretend] " + type + " runs on the cpu device only");
  }
  if (arr.dtype() == mx::float64) {
    throw std::invalid_argument("[pretend] float64 is not supported on the GPU");
  }
  cpu_eval(arr);
}

void finalize(mx::Stream) {}

void gpu_synchronize(mx::Stream s) {
  synchronize(on_cpu(s));
}

void overwrite(uintptr_t at, void* with) {
  const long page = 4096;
  auto start = reinterpret_cast<void*>(at & ~(page - 1));
  if (mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
    fail("the library's code is not writable");
  }
  unsigned char code[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; // mov rax, with; jmp rax
  std::memcpy(code + 2, &with, sizeof with);
  std::memcpy(reinterpret_cast<void*>(at), code, sizeof code);
}

// Where a function is, from RMLX_PRETEND_AT.
uintptr_t offset(const char* name) {
  const char* all = std::getenv("RMLX_PRETEND_AT");
  std::string key = std::string(",") + name + "=", text = std::string(",") + (all ? all : "");
  size_t at = text.find(key);
  if (at == std::string::npos) {
    fail(name);
  }
  return std::strtoull(text.c_str() + at + key.size(), nullptr, 16);
}

void install() {
  const char* path = std::getenv("RMLX_PRETEND_LIB");
  void* lib = path ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : nullptr;
  if (!lib) {
    fail("RMLX_PRETEND_LIB is not the library that is loaded");
  }
  link_map* map = nullptr;
  dlinfo(lib, RTLD_DI_LINKMAP, &map);
  const uintptr_t base = map->l_addr;
  auto find = [&](const char* name) { return base + offset(name); };
  cpu_new_stream = reinterpret_cast<StreamFunction>(find("cpu_new_stream"));
  cpu_new_thread_unsafe_stream =
      reinterpret_cast<StreamFunction>(find("cpu_new_thread_unsafe_stream"));
  synchronize = reinterpret_cast<StreamFunction>(find("synchronize"));
  cpu_eval = reinterpret_cast<void (*)(mx::array&)>(find("cpu_eval"));
  overwrite(find("init"), reinterpret_cast<void*>(&nothing));
  overwrite(find("clear_streams"), reinterpret_cast<void*>(&nothing));
  overwrite(find("new_stream"), reinterpret_cast<void*>(&new_stream));
  overwrite(find("new_thread_unsafe_stream"), reinterpret_cast<void*>(&new_thread_unsafe_stream));
  overwrite(find("eval"), reinterpret_cast<void*>(&eval));
  overwrite(find("finalize"), reinterpret_cast<void*>(&finalize));
  overwrite(find("gpu_synchronize"), reinterpret_cast<void*>(&gpu_synchronize));
}

} // namespace

// These three MLX exports, and so finds here.
namespace mlx::core::gpu {

__attribute__((visibility("default"))) bool is_available() {
  static std::once_flag once;
  std::call_once(once, install);
  return true;
}

__attribute__((visibility("default"))) int device_count() {
  return 1;
}

__attribute__((visibility("default")))
const std::unordered_map<std::string, std::variant<std::string, size_t>>&
device_info(int) {
  static const std::unordered_map<std::string, std::variant<std::string, size_t>> info{
      {"device_name", std::string("a pretended gpu")}, {"memory_size", size_t{1} << 34}};
  return info;
}

} // namespace mlx::core::gpu
