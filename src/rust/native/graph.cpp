// Questions about MLX's graph that mlx-c does not offer: what is traced, what depends on what, how
// much work and memory an evaluation takes.

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

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

// What one walk through the graph finds out about views, each array once.
class Views {
 public:
  // Whether an array shares its input's buffer and needs no memory of its own.
  bool is_view(const array& a) {
    static const Names always{
        "Broadcast", "BroadcastAxes", "AsStrided", "Transpose", "ExpandDims", "Squeeze", "Slice",
        "Copy", "StopGradient", "Depends", "CustomTransforms"};
    static const Names unless_expanded{"Reshape", "Flatten", "Unflatten", "Contiguous"};
    return is_one_of(a, always) || rmlx::is_passed_on(a) ||
        (is_one_of(a, unless_expanded) && !is_expanded(a.inputs()[0]));
  }

 private:
  // Whether elements share memory, as those of a broadcast array do.
  bool is_expanded(const array& a) {
    static const Names passing{
        "Reshape", "Transpose", "ExpandDims", "Squeeze", "Flatten", "Unflatten", "Slice", "Copy",
        "StopGradient", "Depends", "CustomTransforms"};
    std::vector<std::uintptr_t> path;
    const array* at = &a; // a loop, since views of views may be deeper than the stack
    auto known = expanded_.find(at->id());
    while (known == expanded_.end() && at->status() == array::Status::unscheduled &&
           is_one_of(*at, passing)) {
      path.push_back(at->id());
      at = &at->inputs()[0];
      known = expanded_.find(at->id());
    }
    bool expanded = known == expanded_.end() ? starts_expanded(*at) : known->second;
    for (auto id : path) {
      expanded_.emplace(id, expanded);
    }
    return expanded;
  }

  static bool starts_expanded(const array& a) {
    static const Names broadcasts{"Broadcast", "BroadcastAxes", "AsStrided"};
    if (a.status() != array::Status::unscheduled) {
      return a.status() == array::Status::available && a.data_size() < a.size();
    }
    return is_one_of(a, broadcasts) && a.inputs()[0].size() < a.size();
  }

  std::unordered_map<std::uintptr_t, bool> expanded_;
};

// What a gpu does while a cpu's core reads a byte. Small ones do less, large ones ten times as much; between
// two parts of an evaluation they all stand still for some fifty microseconds.
constexpr double GPU_BYTES = 200;

// About how long computing an array takes, in bytes that a cpu's core reads and writes meanwhile. Products
// count a byte for every eight floating-point operations, factorizations like several products.
double work_of(const array& a, Views& views) {
  static const Names products{"Matmul", "AddMM", "BlockMaskedMM", "GatherMM", "Convolution"};
  static const Names factorizations{"SVD", "QRF", "Inverse", "Cholesky", "Eig", "Eigh", "LUF"};
  if (views.is_view(a)) {
    return 0;
  }
  double bytes = a.nbytes();
  for (auto& input : a.inputs()) {
    bytes += input.nbytes();
  }
  if (is_one_of(a, products)) {
    bytes += 0.25 * a.size() * a.inputs()[0].shape(-1);
  } else if (is_one_of(a, factorizations)) {
    bytes += 4.0 * a.inputs()[0].size() * a.inputs()[0].shape(-1);
  }
  bool on_gpu = a.has_primitive() && a.primitive().stream().device == mlx::core::Device::gpu;
  return on_gpu ? bytes / GPU_BYTES : bytes;
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
    std::unordered_set<std::uintptr_t> seen;
    std::vector<const array*> open{&mlx_array_get_(a)};
    *res = false;
    while (!open.empty() && !*res) {
      const array& at = *open.back();
      open.pop_back();
      if (at.status() != array::Status::unscheduled || !seen.insert(at.id()).second) {
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
    std::unordered_set<std::uintptr_t> depending(ids, ids + n);
    std::unordered_set<std::uintptr_t> seen;
    std::vector<std::pair<array, size_t>> path; // an array and its next input to look at
    for (auto& root : mlx_vector_array_get_(roots)) {
      path.emplace_back(root, 0);
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next < at.inputs().size()) {
          const array& input = at.inputs()[next++];
          if (seen.insert(input.id()).second) {
            path.emplace_back(input, 0);
          }
          continue;
        }
        auto depends = [&](const array& a) { return depending.count(a.id()) > 0; };
        if (depends(at) || std::any_of(at.inputs().begin(), at.inputs().end(), depends)) {
          depending.insert(at.id());
          at.set_tracer(true);
        }
        path.pop_back(); // all before it has been seen
      }
    }
  });
}

// Looks at what has to be computed for `roots`. `needed`: a lower bound of its memory, the largest
// buffer that has to be made or the inputs of one operation, which exist together. `total`: the memory of
// all that is made, if none of it is released meanwhile. `part`: if all of it is more work than
// `budget`, an array with about that much work before it; untouched else.
extern "C" int rmlx_pending(
    size_t* needed,
    size_t* total,
    mlx_array* part,
    mlx_vector_array roots,
    double budget) {
  return rmlx::status_of([&] {
    std::unordered_set<std::uintptr_t> seen;
    std::vector<std::pair<const array*, size_t>> path; // an array and its next input to look at
    Views views;
    const array* found = nullptr;
    double work = 0;
    *needed = 0;
    *total = 0;
    auto enter = [&](const array& a) {
      if (a.status() == array::Status::unscheduled && seen.insert(a.id()).second) {
        path.emplace_back(&a, 0);
      }
    };
    for (auto& root : mlx_vector_array_get_(roots)) {
      enter(root);
      while (!path.empty()) {
        const array& a = *path.back().first;
        if (path.back().second < a.inputs().size()) {
          enter(a.inputs()[path.back().second++]);
          continue;
        }
        path.pop_back(); // all before it has been seen
        size_t inputs = 0;
        for (auto& input : a.inputs()) {
          if (input.status() == array::Status::unscheduled && !views.is_view(input)) {
            inputs += input.nbytes();
          }
        }
        size_t own_bytes = views.is_view(a) ? 0 : a.nbytes();
        *needed = std::max({*needed, inputs, own_bytes});
        *total += own_bytes;
        double own = work_of(a, views);
        if (!found && work > 0 && work + own > budget) {
          found = &a;
        }
        work += own;
      }
    }
    if (found) {
      mlx_array_set_(*part, *found);
    }
  });
}
