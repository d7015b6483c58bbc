// Included before every C++ source built against mlx-c: what mlx-c takes for
// granted on macOS and a Linux compiler may lack.
#pragma once
#if defined(__cplusplus)

#include <version>
#if !defined(__cpp_lib_format)
#define FMT_HEADER_ONLY
#include <fmt/format.h>
namespace std {
using fmt::format;
}
#endif

// mlx-c declares the half types on ARM only.
#if !defined(__aarch64__)
#include <mlx/types/half_types.h>
#define HAS_FLOAT16
#define HAS_BFLOAT16
using float16_t = mlx::core::float16_t;
using bfloat16_t = mlx::core::bfloat16_t;
#endif

// mlx-c takes what an exception says for a format: a "%s" in it, which may come from a user's file
// name or kernel, would end the process.
#include "mlx/c/error.h"
namespace rmlx {
inline void report(const char* file, int line, const char* text) {
  _mlx_error(file, line, "%s", text);
}
template <typename... Values>
void report(const char* file, int line, const char* format, Values... values) {
  _mlx_error(file, line, format, values...);
}
} // namespace rmlx
#undef mlx_error
#define mlx_error(...) rmlx::report(__FILE__, __LINE__, __VA_ARGS__)

#endif
