// What the gradient of the larger of two values is in MLX's own operations.
#pragma once

#include <optional>

#include "walk.h"

namespace rmlx {

// The same values as a kernel's of extreme.cpp on these inputs, for MLX to fuse or to write to a file; none
// for another operation.
std::optional<Arrays> composed(const mlx::core::array& a, const Arrays& inputs);

} // namespace rmlx
