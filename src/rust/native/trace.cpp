// The graph of a function as data: what it computed of which inputs.

#include "trace.h"

#include <optional>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/dtype_utils.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>
#include <mlx/transforms.h>

#include "derive.h"
#include "own.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;

bool is_evaluated(const mx::array& a) {
  return a.status() != mx::array::Status::unscheduled;
}

// The value of an array of one element, if it is there.
std::optional<double> value_of(const mx::array& a) {
  std::optional<double> value;
  if (a.size() == 1 && a.status() == mx::array::Status::available) {
    mx::dispatch_all_types(a.dtype(), [&](auto type) {
      using T = MLX_GET_TYPE(type);
      if constexpr (!std::is_same_v<T, mx::complex64_t>) {
        value = static_cast<double>(*a.data<T>());
      }
    });
  }
  return value;
}

// Calls `leave` for every array behind `roots`, after what it is computed from. `enter` says whether to
// look at what an array is computed from.
template <typename Enter, typename Leave>
void walk(const Arrays& roots, Enter enter, Leave leave) {
  std::unordered_set<std::uintptr_t> seen;
  std::vector<std::pair<const mx::array*, size_t>> path; // an array and its next input to look at
  auto open = [&](const mx::array& a) {
    if (seen.insert(a.id()).second) {
      path.emplace_back(&a, enter(a) ? 0 : a.inputs().size());
    }
  };
  for (auto& root : roots) {
    open(root);
    while (!path.empty()) {
      auto [at, next] = path.back();
      if (next < at->inputs().size()) {
        path.back().second++;
        open(at->inputs()[next]);
      } else {
        path.pop_back();
        leave(*at);
      }
    }
  }
}

class Graph {
 public:
  // `copied`: those of the inputs that a transformation within the function makes copies of, which are
  // one with them to its user. `given`: ids of arrays that the function does not compute.
  Graph(
      const Arrays& inputs,
      const Arrays& outputs,
      const std::vector<size_t>& copied,
      std::unordered_set<std::uintptr_t> given,
      const rmlx_graph_sink& sink)
      : inputs_(inputs), outputs_(outputs), given_(std::move(given)), sink_(sink) {
    for (size_t i : copied) {
      copied_.insert(inputs.at(i).id());
    }
  }

  void tell() {
    for (auto& input : inputs_) {
      places_[input.id()] = {count_++, 0};
      sink_.node(sink_.data, RMLX_GRAPH_INPUT, nullptr, nullptr, nullptr);
      tell_array(input);
    }
    find_dependents();
    walk(
        outputs_,
        [&](const mx::array& a) { return !is_placed(a) && !is_constant(a); },
        [&](const mx::array& a) { add(a); });
    for (auto& output : outputs_) {
      auto [node, which] = place(output);
      sink_.result(sink_.data, node, which);
    }
  }

 private:
  struct Place {
    int node;
    int output;
  };

  bool is_copy(const mx::array& a) const {
    return rmlx::name_of(a) == "Copy" && copied_.count(a.inputs()[0].id());
  }

  bool is_placed(const mx::array& a) const {
    return places_.count(a.id()) > 0;
  }

  Place place(const mx::array& a) const {
    return places_.at(a.id());
  }

  // What has a value without the function's inputs is a constant, however it was computed.
  bool is_constant(const mx::array& a) const {
    return !a.has_primitive() || given_.count(a.id()) || (is_evaluated(a) && !dependents_.count(a.id()));
  }

  void find_dependents() {
    for (auto& input : inputs_) {
      dependents_.insert(input.id());
    }
    walk(
        outputs_,
        [&](const mx::array& a) { return !is_placed(a); },
        [&](const mx::array& a) {
          for (auto& input : a.inputs()) {
            if (dependents_.count(input.id())) {
              dependents_.insert(a.id());
              return;
            }
          }
        });
  }

  void add(const mx::array& a) {
    if (is_placed(a)) {
      return;
    }
    if (is_constant(a)) {
      places_[a.id()] = {count_++, 0};
      auto value = value_of(a);
      sink_.node(sink_.data, RMLX_GRAPH_CONSTANT, nullptr, nullptr, value ? &*value : nullptr);
      tell_array(a);
      return;
    }
    if (is_copy(a)) {
      places_[a.id()] = place(a.inputs()[0]);
      return;
    }
    int node = count_++;
    auto outputs = a.outputs();
    auto& primitive = a.primitive();
    auto device = primitive.stream().device == mx::Device::gpu ? "gpu" : "cpu";
    sink_.node(sink_.data, RMLX_GRAPH_OPERATION, primitive.name(), device, nullptr);
    for (size_t i = 0; i < outputs.size(); i++) {
      places_[outputs[i].id()] = {node, static_cast<int>(i)};
      tell_array(outputs[i]);
    }
    int position = 0;
    for (auto& input : a.inputs()) {
      auto [from, output] = place(input);
      sink_.edge(sink_.data, from, output, node, position++);
    }
  }

  void tell_array(const mx::array& a) {
    sink_.array(
        sink_.data, mlx_dtype_to_c(a.dtype()), a.shape().data(), static_cast<int>(a.ndim()));
  }

  const Arrays& inputs_;
  const Arrays& outputs_;
  std::unordered_set<std::uintptr_t> given_, copied_;
  const rmlx_graph_sink& sink_;
  int count_ = 0;
  std::unordered_map<std::uintptr_t, Place> places_;
  std::unordered_set<std::uintptr_t> dependents_;
};

} // namespace

// Runs a function once, on inputs of which MLX keeps the graph also where the function evaluates.
extern "C" int rmlx_trace(
    mlx_vector_array* inputs,
    mlx_vector_array* outputs,
    mlx_closure function,
    mlx_vector_array primals,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    mx::Stream s = mlx_stream_get_(stream);
    const rmlx::Function& f = mlx_closure_get_(function);
    rmlx::within(mx::vjp, [&] {
      Arrays leaves;
      for (auto& primal : mlx_vector_array_get_(primals)) {
        leaves.push_back(mx::stop_gradient(primal, s));
        leaves.back().set_tracer(true);
      }
      Arrays results = f(leaves);
      mlx_vector_array_set_(*inputs, std::move(leaves));
      mlx_vector_array_set_(*outputs, std::move(results));
    });
  });
}

extern "C" int rmlx_graph(
    mlx_vector_array inputs,
    mlx_vector_array outputs,
    const size_t* copied,
    size_t n_copied,
    const size_t* given,
    size_t n_given,
    const rmlx_graph_sink* sink) {
  return rmlx::status_of([&] {
    Graph(
        mlx_vector_array_get_(inputs), mlx_vector_array_get_(outputs),
        std::vector<size_t>(copied, copied + n_copied),
        std::unordered_set<std::uintptr_t>(given, given + n_given), *sink)
        .tell();
  });
}
