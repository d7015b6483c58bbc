// Computing part of a graph again with other inputs.
#pragma once

#include <vector>

#include <mlx/mlx.h>

namespace rmlx {

// `outputs` with `values` in the place of `inputs`. Arrays that do not depend on these stay as they are.
// `plain`: with MLX's own primitives in the place of those that wrap them (wrapper.h), and of the kernel of
// extreme.h, neither of which MLX's compiler fuses; such outputs are not to be derived.
std::vector<mlx::core::array> replay(
    const std::vector<mlx::core::array>& outputs,
    const std::vector<mlx::core::array>& inputs,
    const std::vector<mlx::core::array>& values,
    bool plain = false);

} // namespace rmlx
