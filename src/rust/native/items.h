// Arrays of items: what the vmap of an operation gets. An axis tells where the items lie, -1 that an
// array is the same for all.
#pragma once

#include <utility>
#include <vector>

#include "walk.h"

namespace rmlx {

using Axes = std::vector<int>;
using Items = std::pair<Arrays, Axes>;

// How many items there are; 1 if no array has any.
inline int extent_of(const Arrays& arrays, const Axes& axes) {
  int extent = 1;
  for (size_t i = 0; i < arrays.size(); i++) {
    if (axes[i] >= 0) {
      extent = arrays[i].shape(axes[i]);
    }
  }
  return extent;
}

// The array with its items along the first axis, `extent` times itself if it has none.
inline mlx::core::array
items_first(const mlx::core::array& a, int axis, int extent, mlx::core::Stream stream) {
  if (axis >= 0) {
    return mlx::core::moveaxis(a, axis, 0, stream);
  }
  mlx::core::Shape shape = a.shape();
  shape.insert(shape.begin(), extent);
  return mlx::core::broadcast_to(a, std::move(shape), stream);
}

inline Arrays
items_first(const Arrays& arrays, const Axes& axes, int extent, mlx::core::Stream stream) {
  Arrays out;
  for (size_t i = 0; i < arrays.size(); i++) {
    out.push_back(items_first(arrays[i], axes[i], extent, stream));
  }
  return out;
}

inline Arrays items_first(const Arrays& arrays, const Axes& axes, mlx::core::Stream stream) {
  return items_first(arrays, axes, extent_of(arrays, axes), stream);
}

// Results whose items all lie along the first axis.
inline Items with_items_first(Arrays results) {
  Axes first(results.size(), 0);
  return {std::move(results), std::move(first)};
}

} // namespace rmlx
