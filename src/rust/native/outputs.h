// Making the outputs of operations.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "walk.h"

namespace rmlx {

// The outputs of `primitive`, of the shapes and dtypes of `like`.
inline Arrays outputs_like(
    const Arrays& like,
    const std::shared_ptr<mlx::core::Primitive>& primitive,
    const Arrays& inputs) {
  std::vector<mlx::core::Shape> shapes;
  std::vector<mlx::core::Dtype> dtypes;
  for (auto& output : like) {
    shapes.push_back(output.shape());
    dtypes.push_back(output.dtype());
  }
  return mlx::core::array::make_arrays(std::move(shapes), dtypes, primitive, inputs);
}

} // namespace rmlx
