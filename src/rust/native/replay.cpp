// Computing part of a graph again with other inputs.

#include <unordered_map>

#include "replay.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

#include "extreme.h"
#include "outputs.h"
#include "walk.h"
#include "wrapper.h"

namespace mx = mlx::core;

using rmlx::Arrays;

Arrays rmlx::replay(
    const Arrays& outputs,
    const Arrays& inputs,
    const Arrays& values,
    bool plain) {
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
    Arrays results = a.outputs(), arguments = now(a.inputs());
    auto wrapper = plain ? dynamic_cast<const Wrapper*>(&a.primitive()) : nullptr;
    bool unwraps = wrapper && !wrapper->has_own_kernel();
    auto primitive = unwraps ? wrapper->wrapped() : a.primitive_ptr();
    Arrays made = plain && rmlx::is_share(a)
        ? Arrays{rmlx::share_by_mlx(arguments, primitive->stream())}
        : rmlx::outputs_like(results, primitive, arguments);
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
  return rmlx::status_of([&] {
    mlx_vector_array_set_(
        *res,
        rmlx::replay(
            mlx_vector_array_get_(outputs), mlx_vector_array_get_(inputs),
            mlx_vector_array_get_(values)));
  });
}
