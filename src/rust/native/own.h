// How rmlx's own primitives are told from MLX's: by their names.
#pragma once

#include <string_view>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace rmlx {

inline std::string_view name_of(const mlx::core::array& a) {
  return a.has_primitive() ? a.primitive().name() : "";
}

// Whether an array is one of the values that come last among its primitive's inputs: those of rule.cpp and
// custom.cpp.
inline bool is_passed_on(const mlx::core::array& a) {
  return name_of(a).substr(0, 4) == "Rule" || name_of(a) == "Custom";
}

// Whether a kernel of exact.cpp computes an array.
inline bool is_exact(const mlx::core::array& a) {
  return name_of(a).substr(0, 5) == "Exact";
}

} // namespace rmlx
