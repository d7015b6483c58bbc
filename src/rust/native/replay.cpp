// Computing part of a graph again with other inputs.

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>
#include <mlx/transforms_impl.h>

#include "replay.h"

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

} // namespace

Arrays rmlx::replay(const Arrays& outputs, const Arrays& inputs, const Arrays& values) {
  std::unordered_map<std::uintptr_t, mx::array> fresh;
  for (size_t i = 0; i < inputs.size(); i++) {
    fresh.emplace(inputs[i].id(), values.at(i));
  }
  auto now = [&](const mx::array& a) {
    auto found = fresh.find(a.id());
    return found == fresh.end() ? a : found->second;
  };
  std::unordered_set<std::uintptr_t> seen;
  std::vector<std::pair<mx::array, size_t>> path; // an array and its next input to look at
  auto enter = [&](const mx::array& a) {
    if (!fresh.count(a.id()) && seen.insert(a.id()).second) {
      path.emplace_back(a, 0);
    }
  };
  for (auto& root : outputs) {
    enter(root);
    while (!path.empty()) {
      auto& [at, next] = path.back();
      if (next < at.inputs().size()) {
        enter(mx::array(at.inputs()[next++]));
        continue;
      }
      mx::array a = at;
      path.pop_back(); // all before it has been seen
      bool depends = std::any_of(a.inputs().begin(), a.inputs().end(), [&](const mx::array& x) {
        return fresh.count(x.id()) > 0;
      });
      if (!depends || fresh.count(a.id())) {
        continue;
      }
      std::vector<mx::array> arguments;
      for (auto& input : a.inputs()) {
        arguments.push_back(now(input));
      }
      if (std::string_view(a.primitive().name()) == "Broadcast" && a.inputs().size() == 1) {
        // MLX 0.32.2's vmap changes the primitive itself, which so serves no second time. One with
        // further inputs takes its shape from these.
        fresh.emplace(a.id(), mx::broadcast_to(arguments[0], a.shape(), a.primitive().stream()));
        continue;
      }
      auto siblings = a.outputs();
      std::vector<mx::Shape> shapes;
      std::vector<mx::Dtype> dtypes;
      for (auto& sibling : siblings) {
        shapes.push_back(sibling.shape());
        dtypes.push_back(sibling.dtype());
      }
      auto made = mx::array::make_arrays(
          std::move(shapes), dtypes, a.primitive_ptr(), std::move(arguments));
      for (size_t i = 0; i < siblings.size(); i++) {
        fresh.emplace(siblings[i].id(), made[i]);
      }
    }
  }
  std::vector<mx::array> out;
  for (auto& root : outputs) {
    out.push_back(now(root));
  }
  return out;
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

// The same for every item along the first axis of the values, which is the first of the results, too.
extern "C" int rmlx_replay_rows(
    mlx_vector_array* res,
    mlx_vector_array outputs,
    mlx_vector_array inputs,
    mlx_vector_array values) {
  try {
    const auto& from = mlx_vector_array_get_(inputs);
    Arrays stand_ins; // of this graph, which is mapped once
    for (auto& input : from) {
      stand_ins.push_back(mx::stop_gradient(input, mx::default_stream(mx::Device::cpu)));
    }
    Arrays once = rmlx::replay(mlx_vector_array_get_(outputs), from, stand_ins);
    std::vector<int> in(from.size(), 0), out(once.size(), 0);
    mlx_vector_array_set_(
        *res,
        mx::detail::vmap_replace(mlx_vector_array_get_(values), stand_ins, once, in, out));
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}
