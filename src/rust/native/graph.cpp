// Questions about MLX's graph that mlx-c does not offer: what is traced, and what depends on what.

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ids.h"
#include "own.h"

#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"
#include "status.h"

namespace {

using mlx::core::array;
using Names = std::unordered_set<std::string_view>;

bool is_one_of(const array& a, const Names& names) {
  return a.has_primitive() && names.count(a.primitive().name()) > 0;
}

} // namespace

// Whether MLX holds an array for traced: an input of a transformation that is running, or a value
// computed from one while a transformation, perhaps an earlier one, ran.
extern "C" int rmlx_is_tracer(bool* res, mlx_array a) {
  return rmlx::status_of([&] {
    *res = mlx_array_get_(a).is_tracer();
  });
}

// Whether an array has no value yet and cannot get one, because it is computed from the stand-ins
// that vmap and compile trace a function with.
extern "C" int rmlx_is_abstract(bool* res, mlx_array a) {
  return rmlx::status_of([&] {
    rmlx::Ids seen;
    std::vector<const array*> open{&mlx_array_get_(a)};
    *res = false;
    while (!open.empty() && !*res) {
      const array& at = *open.back();
      open.pop_back();
      if (at.status() != array::Status::unscheduled || !seen.insert(at.id())) {
        continue;
      }
      *res = !at.has_primitive();
      for (auto& input : at.inputs()) {
        open.push_back(&input);
      }
    }
  });
}

// What tells an array from others in the graph, however many handles it has.
extern "C" int rmlx_array_id(size_t* res, mlx_array a) {
  return rmlx::status_of([&] {
    *res = mlx_array_get_(a).id();
  });
}

// Whether an array was computed from one of `ids` along a path that carries a gradient: one
// without integers, bools and stop_gradient.
extern "C" int
rmlx_depends_on(bool* res, mlx_array a, const size_t* ids, size_t n) {
  static const Names cutting{"StopGradient"};
  return rmlx::status_of([&] {
    rmlx::Ids targets(ids, ids + n);
    rmlx::Ids seen;
    std::vector<const array*> open{&mlx_array_get_(a)};
    *res = false;
    while (!open.empty()) {
      const array& at = *open.back();
      open.pop_back();
      bool carries = mlx::core::issubdtype(at.dtype(), mlx::core::inexact);
      if (!carries || !at.is_tracer() || !seen.insert(at.id())) {
        continue;
      }
      if (targets.has(at.id())) {
        *res = true;
        return;
      }
      if (is_one_of(at, cutting)) {
        continue;
      }
      for (auto& input : at.inputs()) {
        open.push_back(&input);
      }
    }
  });
}

// Marks as traced again what `roots` were computed from or are, as far as it depends on one of `ids`.
extern "C" int
rmlx_mark_dependents(mlx_vector_array roots, const size_t* ids, size_t n) {
  return rmlx::status_of([&] {
    rmlx::Ids depending(ids, ids + n);
    rmlx::Ids seen;
    std::vector<std::pair<array, size_t>> path; // an array and its next input to look at
    for (auto& root : mlx_vector_array_get_(roots)) {
      path.emplace_back(root, 0);
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next < at.inputs().size()) {
          const array& input = at.inputs()[next++];
          if (seen.insert(input.id())) {
            path.emplace_back(input, 0);
          }
          continue;
        }
        auto depends = [&](const array& a) { return depending.has(a.id()); };
        if (depends(at) || std::any_of(at.inputs().begin(), at.inputs().end(), depends)) {
          depending.insert(at.id());
          at.set_tracer(true);
        }
        path.pop_back(); // all before it has been seen
      }
    }
  });
}
