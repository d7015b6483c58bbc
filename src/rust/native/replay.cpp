// Computing part of a graph again with other inputs.

#include <unordered_map>

#include "replay.h"

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

#include "walk.h"

namespace mx = mlx::core;

using rmlx::Arrays;

Arrays rmlx::replay(const Arrays& outputs, const Arrays& inputs, const Arrays& values) {
  std::unordered_map<std::uintptr_t, mx::array> fresh;
  for (size_t i = 0; i < inputs.size(); i++) {
    fresh.emplace(inputs[i].id(), values.at(i));
  }
  auto now = [&](const Arrays& arrays) {
    Arrays out;
    for (auto& a : arrays) {
      auto found = fresh.find(a.id());
      out.push_back(found == fresh.end() ? a : found->second);
    }
    return out;
  };
  for (auto& a : rmlx::between(inputs, outputs, rmlx::any_array)) {
    Arrays results = a.outputs();
    std::vector<mx::Shape> shapes;
    std::vector<mx::Dtype> dtypes;
    for (auto& result : results) {
      shapes.push_back(result.shape());
      dtypes.push_back(result.dtype());
    }
    auto made =
        mx::array::make_arrays(std::move(shapes), dtypes, a.primitive_ptr(), now(a.inputs()));
    for (size_t i = 0; i < results.size(); i++) {
      fresh.emplace(results[i].id(), made[i]);
    }
  }
  return now(outputs);
}

extern "C" int rmlx_replay(
    mlx_vector_array* res,
    mlx_vector_array outputs,
    mlx_vector_array inputs,
    mlx_vector_array values) {
  try {
    mlx_vector_array_set_(
        *res,
        rmlx::replay(
            mlx_vector_array_get_(outputs), mlx_vector_array_get_(inputs),
            mlx_vector_array_get_(values)));
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}
