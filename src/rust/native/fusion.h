// Fused operations of the cpu.
#pragma once

#include <string>

#include "walk.h"

namespace rmlx {

// Whether MLX traces functions to compile them. Found out when first asked. Compilation has to be on.
bool compiles();

// Whether fused operations of the cpu are among those that lead from `inputs` to `outputs`.
bool has_fused_on_cpu(const Arrays& outputs, const Arrays& inputs);

// Why MLX cannot compile them; empty where it can. Found out when first asked. Likewise.
const std::string& fusion_trouble();

} // namespace rmlx
