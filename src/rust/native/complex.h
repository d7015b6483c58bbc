// Derivatives of single operations on complex numbers.
#pragma once

#include <optional>

#include "walk.h"

namespace rmlx {

// The complex conjugates of what is complex, and the rest. They lead from the convention of derive.cpp to
// that of a primitive's vjp, and back.
Arrays conjugates(Arrays arrays, mlx::core::Stream stream);

// What an operation pulls `weights` of its results back to, for the inputs `argnums`: weights times the
// conjugate of the derivative, as most of MLX's operations have it.
Arrays pulled(const mlx::core::array& a, const Arrays& weights, const std::vector<int>& argnums);

// The forward derivative of an operation of which MLX has a wrong one.
std::optional<Arrays>
pushed(const mlx::core::array& a, const Arrays& tangents, const std::vector<int>& argnums);

} // namespace rmlx
