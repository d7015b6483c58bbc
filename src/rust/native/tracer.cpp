// Questions about MLX's graph that mlx-c does not offer: what is traced, what depends on what,
// how much memory an evaluation needs, and evaluation in steps.

#include <chrono>
#include <cstring>
#include <unordered_set>

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"
#include "mlx/transforms.h"

namespace {

using mlx::core::array;

bool is(const array& a, const char* name) {
  return a.has_primitive() && std::strcmp(a.primitive().name(), name) == 0;
}

// Whether an array shares its input's buffer, or may: it needs no memory of its own.
bool is_view(const array& a) {
  for (auto name :
       {"Broadcast", "BroadcastAxes", "Reshape", "Transpose", "ExpandDims", "Squeeze", "Flatten",
        "Unflatten", "Slice", "Copy", "StopGradient", "AsStrided", "Contiguous", "Depends",
        "CustomTransforms", "Real", "Imag"}) {
    if (is(a, name)) {
      return true;
    }
  }
  return false;
}

// The arrays that `root` needs and that are not computed yet, inputs before what uses them.
std::vector<array> pending(const array& root) {
  std::vector<array> order;
  std::unordered_set<std::uintptr_t> seen;
  std::vector<std::pair<array, size_t>> path;
  auto enter = [&](const array& a) {
    if (a.status() == array::Status::unscheduled && seen.insert(a.id()).second) {
      path.emplace_back(a, 0);
    }
  };
  enter(root);
  while (!path.empty()) {
    auto& [a, next] = path.back();
    if (next < a.inputs().size()) {
      enter(a.inputs()[next++]);
    } else {
      order.push_back(std::move(a));
      path.pop_back();
    }
  }
  return order;
}

} // namespace

// Whether MLX holds an array for traced: an input of a transformation that is running, or a value
// computed from one while a transformation, perhaps an earlier one, ran.
extern "C" int rmlx_is_tracer(bool* res, mlx_array a) {
  try {
    *res = mlx_array_get_(a).is_tracer();
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// What tells an array from others in the graph, however many handles it has.
extern "C" int rmlx_array_id(size_t* res, mlx_array a) {
  try {
    *res = mlx_array_get_(a).id();
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// Whether an array was computed from one of `ids` along a path that carries a gradient: one
// without integers, bools and stop_gradient.
extern "C" int
rmlx_depends_on(bool* res, mlx_array a, const size_t* ids, size_t n) {
  try {
    std::unordered_set<std::uintptr_t> targets(ids, ids + n);
    std::unordered_set<std::uintptr_t> seen;
    std::vector<const array*> open{&mlx_array_get_(a)};
    *res = false;
    while (!open.empty()) {
      const array& at = *open.back();
      open.pop_back();
      bool carries = mlx::core::issubdtype(at.dtype(), mlx::core::inexact);
      if (!carries || !at.is_tracer() || !seen.insert(at.id()).second) {
        continue;
      }
      if (targets.count(at.id())) {
        *res = true;
        return 0;
      }
      if (is(at, "StopGradient")) {
        continue;
      }
      for (auto& input : at.inputs()) {
        open.push_back(&input);
      }
    }
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// A lower bound of the memory that evaluating an array needs: the largest buffer that has to be
// made, or the inputs of one operation that have to exist together.
extern "C" int rmlx_bytes_needed(size_t* res, mlx_array a) {
  try {
    size_t most = 0;
    for (auto& at : pending(mlx_array_get_(a))) {
      size_t inputs = 0;
      for (auto& input : at.inputs()) {
        if (input.status() == array::Status::unscheduled && !is_view(input)) {
          inputs += input.nbytes();
        }
      }
      most = std::max({most, inputs, is_view(at) ? 0 : at.nbytes()});
    }
    *res = most;
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// Evaluates what an array needs for some seconds, then says whether it is done. MLX refuses to
// evaluate a traced array asynchronously, so this is how such an evaluation can be interrupted.
extern "C" int rmlx_eval_some(bool* done, mlx_array a, double seconds) {
  try {
    using clock = std::chrono::steady_clock;
    auto root = mlx_array_get_(a);
    auto order = pending(root);
    auto start = clock::now();
    size_t at = 0, batch = 16;
    while (at < order.size()) {
      auto began = clock::now();
      auto end = std::min(order.size(), at + batch);
      std::vector<array> group(order.begin() + at, order.begin() + end);
      mlx::core::eval(std::move(group));
      at = end;
      auto now = clock::now();
      if (std::chrono::duration<double>(now - start).count() > seconds) {
        break;
      }
      if (std::chrono::duration<double>(now - began).count() < seconds / 10) {
        batch *= 2;
      }
    }
    *done = at >= order.size();
    if (*done) {
      mlx::core::eval({root}); // waits for what an earlier asynchronous evaluation scheduled
    }
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}
