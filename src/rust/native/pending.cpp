// How much work and memory an evaluation takes. Asked before each, so it has to be quick.

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "ids.h"
#include "own.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace {

using mlx::core::array;

// What an operation is here.
struct Kind {
  bool views; // its result shares its input's buffer
  bool views_dense; // unless elements of that share memory
  bool passes; // elements that share memory in its input do so in its result
  bool broadcasts;
  bool product;
  bool factorization;
};

Kind described(const array& a) {
  using Names = std::unordered_set<std::string_view>;
  static const Names views{
      "Broadcast", "BroadcastAxes", "AsStrided", "Transpose", "ExpandDims", "Squeeze", "Slice",
      "Copy", "StopGradient", "Depends", "CustomTransforms"};
  static const Names views_dense{"Reshape", "Flatten", "Unflatten", "Contiguous"};
  static const Names passing{
      "Reshape", "Transpose", "ExpandDims", "Squeeze", "Flatten", "Unflatten", "Slice", "Copy",
      "StopGradient", "Depends", "CustomTransforms"};
  static const Names broadcasts{"Broadcast", "BroadcastAxes", "AsStrided"};
  static const Names products{"Matmul", "AddMM", "BlockMaskedMM", "GatherMM", "Convolution"};
  static const Names factorizations{"SVD", "QRF", "Inverse", "Cholesky", "Eig", "Eigh", "LUF"};
  auto is = [name = rmlx::name_of(a)](const Names& names) { return names.count(name) > 0; };
  return {
      is(views) || rmlx::is_passed_on(a), is(views_dense), is(passing),
      is(broadcasts), is(products), is(factorizations)};
}

// Whether an operation has made up its name, which goes with it. These are nothing special here.
bool is_made_up(const char* name) {
  return std::strncmp(name, "Compiled", 8) == 0 || std::strncmp(name, "View", 4) == 0;
}

// The same, remembered by the name's address.
Kind kind_of(const array& a) {
  thread_local rmlx::IdMap<Kind> known;
  if (!a.has_primitive() || is_made_up(a.primitive().name())) {
    return {};
  }
  const char* name = a.primitive().name();
  auto address = reinterpret_cast<std::uintptr_t>(name);
  const Kind* before = known.find(address);
  return before ? *before : *known.emplace(address, described(a)).first;
}

bool is_pending(const array& a) {
  return a.status() == array::Status::unscheduled;
}

// What one walk through the graph finds out about arrays, each once.
class Views {
 public:
  // Whether an array shares its input's buffer and needs no memory of its own.
  bool is_view(const array& a, Kind kind) {
    return kind.views || (kind.views_dense && !is_expanded(a.inputs()[0]));
  }

 private:
  // Whether elements share memory, as those of a broadcast array do.
  bool is_expanded(const array& a) {
    path_.clear();
    const array* at = &a; // a loop, since views of views may be deeper than the stack
    const bool* known = expanded_.find(at->id());
    while (!known && is_pending(*at) && kind_of(*at).passes) {
      path_.push_back(at->id());
      at = &at->inputs()[0];
      known = expanded_.find(at->id());
    }
    bool expanded = known ? *known : starts_expanded(*at);
    for (auto id : path_) {
      expanded_.emplace(id, expanded);
    }
    return expanded;
  }

  static bool starts_expanded(const array& a) {
    if (!is_pending(a)) {
      return a.status() == array::Status::available && a.data_size() < a.size();
    }
    return kind_of(a).broadcasts && a.inputs()[0].size() < a.size();
  }

  rmlx::IdMap<bool> expanded_;
  std::vector<std::uintptr_t> path_;
};

// What a gpu does while a cpu's core reads a byte. Small ones do less, large ones ten times as much; between
// two parts of an evaluation they all stand still for some fifty microseconds.
constexpr double GPU_BYTES = 200;

// About how long computing an array that is no view takes, in bytes that a cpu's core reads and writes meanwhile.
// Products count a byte for every eight floating-point operations, factorizations like several products.
double work_of(const array& a, Kind kind) {
  double bytes = a.nbytes();
  for (auto& input : a.inputs()) {
    bytes += input.nbytes();
  }
  if (kind.product) {
    bytes += 0.25 * a.size() * a.inputs()[0].shape(-1);
  } else if (kind.factorization) {
    bytes += 4.0 * a.inputs()[0].size() * a.inputs()[0].shape(-1);
  }
  bool on_gpu = a.has_primitive() && a.primitive().stream().device == mlx::core::Device::gpu;
  return on_gpu ? bytes / GPU_BYTES : bytes;
}

} // namespace

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
    rmlx::IdMap<size_t> memory; // the bytes that each array needs, 0 for views
    std::vector<std::pair<const array*, size_t>> path; // an array and its next input to look at
    Views views;
    const array* found = nullptr;
    double work = 0;
    *needed = 0;
    *total = 0;
    auto enter = [&](const array& a) {
      if (is_pending(a) && memory.emplace(a.id()).second) {
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
          const size_t* bytes = memory.find(input.id());
          inputs += bytes ? *bytes : 0;
        }
        Kind kind = kind_of(a);
        *needed = std::max(*needed, inputs);
        if (views.is_view(a, kind)) {
          continue;
        }
        *memory.emplace(a.id()).first = a.nbytes();
        *needed = std::max(*needed, a.nbytes());
        *total += a.nbytes();
        double own = work_of(a, kind);
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
