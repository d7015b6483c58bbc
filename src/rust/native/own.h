// How rmlx's own primitives are told from MLX's: by their names, or by what they wrap.
#pragma once

#include <memory>
#include <string_view>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace rmlx {

// A primitive that runs one of MLX's, under its name.
class Wrapper {
 public:
  virtual ~Wrapper() = default;
  virtual std::shared_ptr<mlx::core::Primitive> wrapped() const = 0;
};

inline std::string_view name_of(const mlx::core::array& a) {
  return a.has_primitive() ? a.primitive().name() : "";
}

// Whether an operation of rule.cpp passes an array on.
inline bool is_rule(const mlx::core::array& a) {
  return name_of(a).substr(0, 4) == "Rule";
}

// Whether an array is one of the values that come last among its primitive's inputs.
inline bool is_passed_on(const mlx::core::array& a) {
  return is_rule(a) || name_of(a) == "Custom";
}

// Whether a kernel of exact.cpp computes an array.
inline bool is_exact(const mlx::core::array& a) {
  return name_of(a).substr(0, 5) == "Exact";
}

} // namespace rmlx
