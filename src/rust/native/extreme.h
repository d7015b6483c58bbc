// The gradient of the larger of two values, in MLX's own operations.
#pragma once

#include "walk.h"

namespace rmlx {

// Whether an array is such a gradient by the kernel of ours, which MLX can neither fuse nor write to a file.
bool is_share(const mlx::core::array& a);

// The same values: the first input where the second is above the third, half of it where they are equal.
mlx::core::array share_by_mlx(const Arrays& inputs, mlx::core::Stream stream);

} // namespace rmlx
