// Compiled functions: the graph that one run of an R function left, with MLX's compiler behind it.
//
// MLX compiles a function that it calls itself. Here R's function is run once, on stand-ins, and what
// MLX compiles is a function that builds the same graph on other inputs. So R is never entered again,
// and the arrays that the function found outside of its arguments are inputs as well.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iomanip>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/compile_impl.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "depth.h"
#include "fusion.h"
#include "replay.h"
#include "walk.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;

struct Graph {
  Arrays inputs; // stand-ins without values
  Arrays outputs;
};

// The number of operations that lead from `inputs` to `outputs`.
size_t operations(const Arrays& outputs, const Arrays& inputs) {
  std::unordered_set<const mx::Primitive*> counted; // several arrays may come of one operation
  auto count = [&](const mx::array& a) { counted.insert(&a.primitive()); };
  rmlx::visit(outputs, count, inputs);
  return counted.size();
}

// Whether complex numbers are computed with on a gpu: CUDA MLX 0.32.2 has no fused code for them that
// compiles.
bool has_complex_on_gpu(const Graph& graph) {
  bool found = false;
  auto is_complex = [](const mx::array& a) { return a.dtype() == mx::complex64; };
  auto look = [&](const mx::array& a) {
    found = found ||
        (a.primitive().stream().device == mx::Device::gpu &&
         (is_complex(a) || std::any_of(a.inputs().begin(), a.inputs().end(), is_complex)));
  };
  rmlx::visit(graph.outputs, look, graph.inputs);
  return found;
}

// While it lives, MLX's compiler does not fuse operations. It is on where programs run.
class Unfused {
 public:
  explicit Unfused(bool wanted) : wanted_(wanted) {
    if (wanted_) {
      mx::set_compile_mode(mx::CompileMode::no_fuse);
    }
  }

  ~Unfused() {
    if (wanted_) {
      mx::set_compile_mode(mx::CompileMode::enabled);
    }
  }

  Unfused(const Unfused&) = delete;
  Unfused& operator=(const Unfused&) = delete;

 private:
  bool wanted_;
};

// MLX's compiler calls itself for each operation of a chain. 20,000 fit into a stack of 8 MB.
constexpr size_t deepest_compiled = 5000;

// A stand-in for an array.
mx::array stand_in(const mx::array& like) {
  return mx::array(like.shape(), like.dtype(), nullptr, {});
}

// Whether MLX's fused code gives a number as it is: there it is printed in decimal, 0 without its sign.
template <typename T>
bool prints_whole(T value) {
  std::ostringstream text;
  text << std::setprecision(std::numeric_limits<T>::digits10 + 1) << value;
  return std::isfinite(value) && !(value == 0 && std::signbit(value)) &&
      static_cast<T>(std::strtod(text.str().c_str(), nullptr)) == value;
}

bool prints_whole(mx::array constant) {
  if (constant.dtype() == mx::float64) {
    return prints_whole(constant.item<double>());
  }
  if (constant.dtype() == mx::complex64) {
    mx::complex64_t value = constant.item<mx::complex64_t>();
    return prints_whole(value.real()) && prints_whole(value.imag());
  }
  return prints_whole(mx::astype(constant, mx::float32, mx::Device(mx::Device::cpu)).item<float>());
}

// The constants of a graph that fused code would not give as they are.
Arrays lossy_constants(const Graph& graph) {
  std::unordered_set<std::uintptr_t> seen;
  for (auto& input : graph.inputs) {
    seen.insert(input.id());
  }
  Arrays found;
  Arrays open(graph.outputs);
  while (!open.empty()) {
    mx::array at = open.back();
    open.pop_back();
    if (!seen.insert(at.id()).second) {
      continue;
    }
    if (at.has_primitive()) {
      open.insert(open.end(), at.inputs().begin(), at.inputs().end());
    } else if (at.size() == 1 && mx::issubdtype(at.dtype(), mx::inexact) && !prints_whole(at)) {
      found.push_back(at);
    }
  }
  return found;
}

// Thrown to leave MLX's compiler once the graph is there.
struct Traced {};

class Program {
 public:
  Program(Graph graph, bool shapeless) : graph_(std::make_shared<Graph>(std::move(graph))) {
    constants_ = lossy_constants(*graph_);
    places_ = rmlx::joined(graph_->inputs, constants_);
    auto build = [graph = graph_, places = places_](const Arrays& inputs) {
      return rmlx::replay(graph->outputs, places, inputs, true);
    };
    traced_ = operations(graph_->outputs, graph_->inputs);
    unfused_ = has_complex_on_gpu(*graph_);
    if (rmlx::depth(graph_->outputs) <= deepest_compiled) {
      compiled_ = mx::detail::compile(build, id(), shapeless);
    } else if (shapeless) {
      throw std::invalid_argument(
          "a chain of more than 5000 operations is compiled for one shape only.");
    } else {
      compiled_ = build; // the graph as it is
    }
  }

  ~Program() {
    mx::detail::compile_erase(mx::detail::compile_cache(), id());
  }

  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Arrays run(Arrays inputs, mx::Stream stream) {
    inputs.insert(inputs.end(), constants_.begin(), constants_.end());
    bool derived = std::any_of(
        inputs.begin(), inputs.end(), [](const mx::array& input) { return input.is_tracer(); });
    if (derived) {
      return rmlx::replay(graph_->outputs, places_, inputs);
    }
    if (ready_) {
      return compiled(inputs);
    }
    // MLX refuses a graph that has the very inputs of this first run as constants.
    Arrays other;
    for (auto& input : inputs) {
      other.push_back(mx::stop_gradient(input, stream));
    }
    try {
      Arrays results = compiled(other);
      if (!unfused_ && rmlx::has_fused_on_cpu(results, other) && !rmlx::fusion_trouble().empty()) {
        mx::detail::compile_erase(mx::detail::compile_cache(), id());
        unfused_ = true;
        results = compiled(other);
      }
      left_ = operations(results, other);
      ready_ = true;
      return results;
    } catch (...) {
      mx::detail::compile_erase(mx::detail::compile_cache(), id());
      throw;
    }
  }

  const Graph& graph() const {
    return *graph_;
  }

  size_t traced() const {
    return traced_;
  }

  size_t left() const {
    return left_;
  }

 private:
  std::uintptr_t id() const {
    return reinterpret_cast<std::uintptr_t>(this);
  }

  Arrays compiled(const Arrays& inputs) const {
    Unfused unfused(unfused_);
    return compiled_(inputs);
  }

  std::shared_ptr<const Graph> graph_;
  Arrays constants_; // inputs besides those of the graph
  Arrays places_; // where a run's inputs and the constants are in the graph
  std::function<Arrays(const Arrays&)> compiled_;
  bool unfused_ = false;
  bool ready_ = false;
  size_t traced_ = 0;
  size_t left_ = 0;
};

bool same_constant(const mx::array& a, const mx::array& b) {
  if (a.id() == b.id()) {
    return true;
  }
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    return false;
  }
  bool nan = mx::issubdtype(a.dtype(), mx::inexact);
  return mx::array_equal(a, b, nan, mx::Device(mx::Device::cpu)).item<bool>();
}

// What differs between the graphs that a function has for arguments of other extents: the name of an
// operation, or "a constant"; empty where nothing does.
std::string difference(const Graph& a, const Graph& b) {
  std::unordered_map<std::uintptr_t, std::uintptr_t> paired;
  std::unordered_set<std::uintptr_t> inputs;
  for (size_t i = 0; i < a.inputs.size(); i++) {
    paired.emplace(a.inputs[i].id(), b.inputs.at(i).id());
    inputs.insert(b.inputs[i].id());
  }
  if (a.outputs.size() != b.outputs.size()) {
    return "the number of results";
  }
  std::vector<std::pair<mx::array, mx::array>> open;
  for (size_t i = 0; i < a.outputs.size(); i++) {
    open.emplace_back(a.outputs[i], b.outputs[i]);
  }
  while (!open.empty()) {
    auto [x, y] = open.back();
    open.pop_back();
    auto known = paired.find(x.id());
    if (known != paired.end()) {
      if (known->second != y.id()) {
        return "which values are used";
      }
      continue;
    }
    if (inputs.count(y.id())) {
      return "which values are used";
    }
    paired.emplace(x.id(), y.id());
    if (!x.has_primitive() || !y.has_primitive()) {
      if (x.has_primitive() || y.has_primitive() || !same_constant(x, y)) {
        return "a constant";
      }
      continue;
    }
    const mx::Primitive &p = x.primitive(), &q = y.primitive();
    bool same = typeid(p) == typeid(q) && x.inputs().size() == y.inputs().size() &&
        x.ndim() == y.ndim() && x.dtype() == y.dtype();
    // traced for all extents, it takes them from its inputs
    bool broadcasts =
        same && std::string_view(p.name()) == "Broadcast" && x.inputs().size() > 1;
    if (!same || (!broadcasts && !p.is_equivalent(q))) {
      return std::string("the operation ") + p.name();
    }
    for (size_t i = 0; i < x.inputs().size(); i++) {
      open.emplace_back(x.inputs()[i], y.inputs()[i]);
    }
  }
  return "";
}

Program* program_of(void* program) {
  return static_cast<Program*>(program);
}

} // namespace

// Runs `function` on stand-ins for `inputs`. The arrays of `captured` become further inputs, after
// these.
extern "C" int rmlx_program_trace(
    void** program,
    mlx_closure function,
    mlx_vector_array inputs,
    mlx_vector_array captured,
    bool shapeless) {
  return rmlx::status_of([&] {
    const auto& run = mlx_closure_get_(function);
    const auto& outside = mlx_vector_array_get_(captured);
    Graph graph;
    auto watched = [&](const Arrays& stand_ins) -> Arrays {
      graph.outputs = run(stand_ins);
      graph.inputs = stand_ins;
      throw Traced{};
    };
    auto id = reinterpret_cast<std::uintptr_t>(&graph);
    try {
      mx::detail::compile(watched, id, shapeless)(mlx_vector_array_get_(inputs));
    } catch (Traced&) {
      mx::detail::compile_erase(mx::detail::compile_cache(), id);
    } catch (...) {
      mx::detail::compile_erase(mx::detail::compile_cache(), id);
      throw;
    }
    Arrays places;
    for (auto& array : outside) {
      places.push_back(stand_in(array));
    }
    graph.outputs = rmlx::replay(graph.outputs, outside, places);
    graph.inputs.insert(graph.inputs.end(), places.begin(), places.end());
    *program = new Program(std::move(graph), shapeless);
  });
}

extern "C" int rmlx_program_run(
    mlx_vector_array* res,
    void* program,
    mlx_vector_array inputs,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    mlx_vector_array_set_(
        *res, program_of(program)->run(mlx_vector_array_get_(inputs), mlx_stream_get_(stream)));
  });
}

extern "C" void rmlx_program_free(void* program) {
  delete program_of(program);
}

// How many operations R's function made, and how many are left after MLX's compiler.
extern "C" void rmlx_program_operations(size_t* traced, size_t* left, void* program) {
  *traced = program_of(program)->traced();
  *left = program_of(program)->left();
}

// What `difference` says, in at most `capacity` bytes with the terminator.
extern "C" int rmlx_program_difference(char* out, size_t capacity, void* a, void* b) {
  return rmlx::status_of([&] {
    std::string text = difference(program_of(a)->graph(), program_of(b)->graph());
    out[text.copy(out, capacity - 1)] = '\0';
  });
}
