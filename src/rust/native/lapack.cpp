// Finding LAPACK's routines at run time: MLX brings its own library, whose name differs from wheel to wheel,
// and R may have loaded a faster one.

#include "lapack.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include <mlx/mlx.h>

namespace rmlx {

namespace {

// The library that holds MLX; what it is linked with is searched along with it.
void* library_of_mlx() {
  Dl_info info;
  auto any = static_cast<void (*)(std::vector<mlx::core::array>)>(&mlx::core::eval);
  if (!dladdr(reinterpret_cast<void*>(any), &info)) {
    return nullptr;
  }
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

template <typename F>
void find(F*& routine, char precision, const char* rest) {
  static void* const library = library_of_mlx();
  std::string name = precision + std::string(rest) + "_";
  void* found = dlsym(RTLD_DEFAULT, name.c_str());
  if (!found && library) {
    found = dlsym(library, name.c_str());
  }
  if (!found) {
    throw std::runtime_error("[rmlx] LAPACK has no routine " + name);
  }
  routine = reinterpret_cast<F*>(found);
}

template <typename T>
Lapack<T> routines(char precision) {
  Lapack<T> all{};
  find(all.getrf, precision, "getrf");
  find(all.getrs, precision, "getrs");
  find(all.gecon, precision, "gecon");
  find(all.trtrs, precision, "trtrs");
  return all;
}

} // namespace

template <>
const Lapack<float>& Lapack<float>::get() {
  static const Lapack<float> all = routines<float>('s');
  return all;
}

template <>
const Lapack<double>& Lapack<double>::get() {
  static const Lapack<double> all = routines<double>('d');
  return all;
}

} // namespace rmlx
