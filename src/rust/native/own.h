// How rmlx's own primitives are told from MLX's: by their names.
#pragma once

#include <memory>
#include <string_view>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace rmlx {

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

// Whether a kernel of exact.cpp or whole.cpp computes an array.
inline bool is_kernel(const mlx::core::array& a) {
  return name_of(a).substr(0, 5) == "Exact" || name_of(a) == "Whole";
}

// A primitive that runs one of MLX's under its name, with other derivatives.
struct Wraps {
  virtual const std::shared_ptr<mlx::core::Primitive>& inner() const = 0;

 protected:
  ~Wraps() = default;
};

// MLX's own primitive of an operation.
inline std::shared_ptr<mlx::core::Primitive> primitive_of(const mlx::core::array& a) {
  auto wrapper = dynamic_cast<const Wraps*>(&a.primitive());
  return wrapper ? wrapper->inner() : a.primitive_ptr();
}

} // namespace rmlx
