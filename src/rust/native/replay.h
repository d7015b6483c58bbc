// Computing part of a graph again with other inputs.
#pragma once

#include <vector>

#include <mlx/mlx.h>

namespace rmlx {

// `outputs` with `values` in the place of `inputs`. Arrays that do not depend on these stay as they are.
std::vector<mlx::core::array> replay(
    const std::vector<mlx::core::array>& outputs,
    const std::vector<mlx::core::array>& inputs,
    const std::vector<mlx::core::array>& values);

} // namespace rmlx
