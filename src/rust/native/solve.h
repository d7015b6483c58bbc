// Linear systems by LAPACK.
#pragma once

#include "walk.h"

namespace rmlx {

// What the operation of solve.cpp gives for inputs, by MLX's own operations, which files can hold: singular
// matrices pass unnoticed.
Arrays solved_by_mlx(mlx::core::Primitive& solve, const Arrays& inputs);

} // namespace rmlx
