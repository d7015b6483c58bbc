// Branches of mlx_where() whose slopes do not leak into each other.
//
// Where a branch is not chosen its gradient is 0, and MLX multiplies that by the branch's slopes: 0
// times the infinite slope of log(0) is NaN, in the gradient of the input that both branches share. So
// the branch is copied with harmless inputs, at those places, to the operations whose slope may be
// infinite or undefined. Only operations that work element by element on the way from the result are
// looked at: what is computed from other elements too keeps its values.

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "own.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using mx::array;

bool is_elementwise(const array& a) {
  static const std::unordered_set<std::string_view> names{
      "Abs",     "Add",    "ArcCos", "ArcCosh", "ArcSin",     "ArcSinh", "ArcTan",  "ArcTan2",
      "ArcTanh", "AsType", "Ceil",   "Cos",     "Cosh",       "Divide",  "Erf",     "ErfInv",
      "Exp",     "Expm1",  "Floor",  "Log",     "Log10",      "Log1p",   "Log2",    "LogAddExp",
      "Maximum", "Minimum", "Multiply", "Negative", "Power",  "Remainder", "Round", "Rsqrt",
      "Select",  "Sigmoid", "Sign",  "Sin",     "Sinh",       "Sqrt",    "Square",  "Subtract",
      "Tan",     "Tanh"};
  return names.count(a.primitive().name()) > 0 || rmlx::is_exact(a);
}

// Copies part of a graph, each array once.
class Copy {
 public:
  Copy(const array& chosen, std::unordered_set<std::uintptr_t> singular)
      : chosen_(chosen), singular_(std::move(singular)) {}

  // The copy of x, or x itself if no singular operation leads to it.
  array of(const array& x) {
    return enters(x) && find(x) ? rebuild(x) : x;
  }

  // The singular operations in the copy.
  const std::vector<array>& copies() const {
    return copies_;
  }

 private:
  bool enters(const array& a) const {
    return a.is_tracer() && a.has_primitive() && a.shape() == chosen_.shape() && is_elementwise(a);
  }

  // Visits what leads to x until all singular operations were met; whether one was.
  bool find(const array& x) {
    size_t met = 0;
    std::vector<const array*> open{&x};
    for (size_t next = 0; next < open.size() && met < singular_.size(); next++) {
      const array& at = *open[next];
      if (!visited_.insert(at.id()).second) {
        continue;
      }
      met += singular_.count(at.id());
      for (auto& input : at.inputs()) {
        if (enters(input)) {
          open.push_back(&input);
        }
      }
    }
    return met > 0;
  }

  array rebuild(const array& x) {
    std::vector<std::pair<array, size_t>> path{{x, 0}}; // an array and its next input to look at
    while (!path.empty()) {
      auto& [at, next] = path.back();
      if (next < at.inputs().size()) {
        const array& input = at.inputs()[next++];
        if (visited_.count(input.id()) > 0 && done_.count(input.id()) == 0) {
          path.emplace_back(input, 0);
        }
        continue;
      }
      array whole = at;
      path.pop_back();
      done_.emplace(whole.id(), copy(whole));
    }
    return done_.at(x.id());
  }

  array copy(const array& at) {
    std::vector<array> inputs;
    bool singular = singular_.count(at.id()) > 0, changed = singular;
    for (auto& input : at.inputs()) {
      auto found = done_.find(input.id());
      bool copied = found != done_.end() && found->second.id() != input.id();
      inputs.push_back(copied ? found->second : input);
      changed = changed || copied;
    }
    if (!changed) {
      return at;
    }
    auto primitive = at.primitive_ptr();
    if (singular) {
      // a point where all of them are smooth
      double safe = std::string_view(primitive->name()) == "ArcCosh" ? 2.0 : 0.5;
      for (auto& input : inputs) {
        input = mx::where(chosen_, input, array(safe, input.dtype()), primitive->stream());
      }
    }
    array out(at.shape(), at.dtype(), std::move(primitive), std::move(inputs));
    if (singular) {
      copies_.push_back(out);
    }
    return out;
  }

  const array& chosen_;
  std::unordered_set<std::uintptr_t> singular_;
  std::unordered_set<std::uintptr_t> visited_;
  std::unordered_map<std::uintptr_t, array> done_;
  std::vector<array> copies_;
};

} // namespace

// In `res` the array x with the results of the operations `singular` computed from harmless inputs
// where `chosen`, a bool array of the shape of x, does not hold. The operations' copies are appended to
// `copies`.
extern "C" int rmlx_branch(
    mlx_array* res,
    mlx_vector_array copies,
    mlx_array x,
    mlx_array chosen,
    mlx_vector_array singular) {
  return rmlx::status_of([&] {
    std::unordered_set<std::uintptr_t> ids;
    for (auto& operation : mlx_vector_array_get_(singular)) {
      // kernels of ours round their results to half precision afterwards
      const array* at = &operation;
      while (rmlx::name_of(*at) == "AsType") {
        at = &at->inputs()[0];
      }
      ids.insert(at->id());
    }
    Copy copy(mlx_array_get_(chosen), std::move(ids));
    mlx_array_set_(*res, copy.of(mlx_array_get_(x)));
    auto& list = mlx_vector_array_get_(copies);
    list.insert(list.end(), copy.copies().begin(), copy.copies().end());
  });
}
