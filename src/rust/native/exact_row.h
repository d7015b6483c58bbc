// The operations of exact.cpp, for C++.
#pragma once

#include <cstdint>
#include <string_view>

#include "walk.h"

namespace rmlx {

// The number of a row of this name.
uint32_t exact_row(std::string_view name);

// The lazy result of a row on inputs of one shape and one floating dtype, on a stream of the CPU.
mlx::core::array exact(uint32_t row, Arrays inputs, mlx::core::Stream stream);

} // namespace rmlx
