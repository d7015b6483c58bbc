// Derivatives of functions of arrays, in both modes.
#pragma once

#include <functional>
#include <utility>

#include "walk.h"

namespace rmlx {

using Function = std::function<Arrays(const Arrays&)>;

// MLX's own vjp or jvp.
using Transformation =
    std::pair<Arrays, Arrays> (*)(const Function&, const Arrays&, const Arrays&);

// Runs `body` while MLX takes a transformation, of nothing, to be running: it keeps graphs then.
void within(Transformation transformation, const std::function<void()>& body);

// The gradients by `inputs` of the sum of `outputs` weighted by `cotangents`.
Arrays pull(
    const Arrays& outputs,
    const Arrays& inputs,
    const Arrays& cotangents,
    mlx::core::Stream stream,
    const Arrays& border = {});

// The derivatives of `outputs` along `tangents` of `inputs`.
Arrays push(
    const Arrays& outputs,
    const Arrays& inputs,
    const Arrays& tangents,
    mlx::core::Stream stream);

// The results of f, and what `cotangents_of` them pull back to `primals`.
std::pair<Arrays, Arrays>
vjp(const Function& f, const Arrays& primals, const Function& cotangents_of, mlx::core::Stream stream);

// The results of f, and their derivatives along `tangents`.
std::pair<Arrays, Arrays>
jvp(const Function& f, const Arrays& primals, const Arrays& tangents, mlx::core::Stream stream);

// The transpose of a linear map at `y`: `map` takes arrays like `domain` and gives arrays like `y`. What it
// uses beside its argument was computed from `border` or does not matter to it.
Arrays transpose(
    const Function& map,
    const Arrays& domain,
    const Arrays& y,
    mlx::core::Stream stream,
    const Arrays& border);

} // namespace rmlx
