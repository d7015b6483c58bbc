// Functions that bring rules of their own for their derivatives or for vmap, and functions that are
// computed again when a gradient needs them. As in rule.cpp a primitive passes on values that were
// computed beforehand; here rules and values are closures, in which R functions run. A rule that is
// missing follows from the others, in the end from the function itself.

#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

#include "complex.h"
#include "map.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using rmlx::Function;

// A function, and rules or nothing. Lists of arrays follow each other in one argument.
struct Rules {
  Function values; // the function, run for its values
  Function again; // the function, run to be differentiated or mapped
  Function vjp; // inputs, cotangents, outputs: the inputs' gradients
  Function jvp; // inputs, tangents: the outputs' tangents
  Function vmap; // inputs, their axes: outputs, their axes
};

// The rules that were made while the outermost of the running transformations ran.
thread_local std::vector<std::weak_ptr<Rules>> made;

Arrays operator+(Arrays a, const Arrays& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// What transformations that are running differentiate and map.
struct Traced {
  Arrays differentiated;
  Arrays mapped;
};

// The status of an application whose function uses such an array without having it for an argument.
enum class Captured { differentiated = 2, mapped = 3 };

Arrays apply(
    const std::shared_ptr<Rules>& rules,
    const Arrays& inputs,
    mx::Stream stream,
    const Traced& traced = {});

// Its inputs are those of the function followed by the values.
class Custom : public mx::Primitive {
 public:
  Custom(mx::Stream stream, std::shared_ptr<Rules> rules, size_t arity)
      : mx::Primitive(stream), rules_(std::move(rules)), arity_(arity) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    pass(inputs, outputs);
  }

  void eval_gpu(const Arrays& inputs, Arrays& outputs) override {
    pass(inputs, outputs);
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    Arrays weights = rmlx::conjugates(cotangents, stream()), wanted;
    Arrays all = rmlx::conjugates(gradient(of_function(primals), weights, outputs), stream());
    for (int argnum : argnums) {
      size_t k = argnum;
      wanted.push_back(k < arity_ ? all.at(k) : mx::zeros_like(primals[k], stream()));
    }
    return wanted;
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    Arrays inputs = of_function(primals), directions;
    for (auto& input : inputs) {
      directions.push_back(mx::zeros_like(input, stream()));
    }
    for (size_t i = 0; i < argnums.size(); i++) {
      if (static_cast<size_t>(argnums[i]) < arity_) {
        directions[argnums[i]] = tangents[i];
      }
    }
    if (rules_->jvp) {
      return rules_->jvp(inputs + directions);
    }
    if (!rules_->vjp) {
      return rmlx::jvp(rules_->again, inputs, directions, stream()).second;
    }
    Arrays outputs = apply(rules_, inputs, stream());
    auto back = [&](const Arrays& cotangents) { return gradient(inputs, cotangents, outputs); };
    return rmlx::transpose(back, outputs, directions, stream(), inputs + outputs + tangents);
  }

  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& primals,
      const std::vector<int>& axes) override {
    Arrays inputs = of_function(primals);
    if (rules_->vmap) {
      mx::array where(axes.data(), {static_cast<int>(arity_)}, mx::int32);
      Arrays out = rules_->vmap(inputs + Arrays{where});
      mx::array last = mx::contiguous(mx::astype(out.back(), mx::int32, stream()), false, stream());
      last.eval();
      out.pop_back();
      return {out, std::vector<int>(last.data<int>(), last.data<int>() + out.size())};
    }
    int extent = 1;
    for (size_t i = 0; i < primals.size(); i++) {
      if (axes[i] >= 0) {
        extent = primals[i].shape(axes[i]);
      }
    }
    for (size_t i = 0; i < inputs.size(); i++) {
      inputs[i] = rmlx::items_first(inputs[i], axes[i], extent, stream());
    }
    auto rules = std::make_shared<Rules>();
    rules->values = rmlx::mapped(rules_->values);
    rules->again = rmlx::mapped(rules_->again);
    rules->vjp = rmlx::mapped(rules_->vjp);
    rules->jvp = rmlx::mapped(rules_->jvp);
    Arrays out = apply(rules, inputs, stream());
    std::vector<int> first(out.size(), 0);
    return {std::move(out), std::move(first)};
  }

  const char* name() const override {
    return "Custom";
  }

  const Rules* rules() const {
    return rules_.get();
  }

 private:
  void pass(const Arrays& inputs, Arrays& outputs) {
    for (size_t i = 0; i < outputs.size(); i++) {
      outputs[i].copy_shared_buffer(inputs[arity_ + i]);
    }
  }

  Arrays of_function(const Arrays& primals) const {
    return Arrays(primals.begin(), primals.begin() + arity_);
  }

  Arrays gradient(const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
    if (rules_->vjp) {
      return rules_->vjp(inputs + cotangents + outputs);
    }
    if (rules_->jvp) {
      auto forward = [&](const Arrays& tangents) { return rules_->jvp(inputs + tangents); };
      return rmlx::transpose(forward, inputs, cotangents, stream(), inputs + outputs + cotangents);
    }
    // The function runs on inputs that wait for the cotangents: else its intermediate values could be
    // computed, and would have to be kept, long before they are needed.
    auto weights = [&](const Arrays&) { return cotangents; };
    return rmlx::vjp(rules_->again, mx::depends(inputs, cotangents), weights, stream()).second;
  }

  std::shared_ptr<Rules> rules_;
  size_t arity_;
};

// Whether values depend on arrays of an outer transformation other than by way of the inputs `cut`. What
// compile traces is not among them: it stays what it is while the function is traced.
void check_captures(const Arrays& values, const Arrays& cut, const Traced& traced) {
  Arrays differentiated;
  for (auto& a : traced.differentiated) {
    if (a.has_primitive() || a.status() == mx::array::Status::available) {
      differentiated.push_back(a);
    }
  }
  if (rmlx::depend(values, differentiated, rmlx::carries_derivative, cut)) {
    throw Captured::differentiated;
  }
  if (rmlx::depend(values, traced.mapped, rmlx::any_array, cut)) {
    throw Captured::mapped;
  }
}

// Values that depend on `traced` arrays other than by way of the inputs would lose that part of the
// derivative.
Arrays apply(
    const std::shared_ptr<Rules>& rules,
    const Arrays& inputs,
    mx::Stream stream,
    const Traced& traced) {
  // cut out of the graph here, so that derivatives do not walk through what the values are made of
  Arrays cut;
  for (auto& input : inputs) {
    cut.push_back(mx::stop_gradient(input, stream));
  }
  made.push_back(rules);
  Arrays primals = inputs, values = rules->values(cut);
  check_captures(values, cut, traced);
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (auto& value : values) {
    shapes.push_back(value.shape());
    dtypes.push_back(value.dtype());
    primals.push_back(mx::stop_gradient(value, stream));
  }
  return mx::array::make_arrays(
      std::move(shapes),
      dtypes,
      std::make_shared<Custom>(stream, rules, inputs.size()),
      std::move(primals));
}

Function function_of(mlx_closure closure) {
  return closure.ctx ? mlx_closure_get_(closure) : Function();
}

} // namespace

// The outermost transformation is over, with the results `roots`. What else there is of its graph will not
// be differentiated or mapped any more, and lets go of its functions: they may hold variables that hold
// the graph, and neither R nor MLX would see that nobody else does.
extern "C" int rmlx_custom_release(mlx_vector_array roots) {
  try {
    std::unordered_set<const Rules*> kept;
    std::vector<std::weak_ptr<Rules>> all;
    all.swap(made);
    if (!all.empty()) {
      rmlx::visit(mlx_vector_array_get_(roots), [&](const mx::array& a) {
        if (auto custom = dynamic_cast<const Custom*>(&a.primitive())) {
          kept.insert(custom->rules());
        }
      });
    }
    for (auto& weak : all) {
      auto rules = weak.lock();
      if (rules && !kept.count(rules.get())) {
        *rules = Rules{};
      }
    }
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// The lazy results of a function with rules; absent rules have no ctx. 2 or 3: the function uses one of
// the arrays that are differentiated or mapped outside, without having it for an argument.
extern "C" int rmlx_custom_apply(
    mlx_vector_array* res,
    mlx_closure values,
    mlx_closure again,
    mlx_closure vjp,
    mlx_closure jvp,
    mlx_closure vmap,
    mlx_vector_array inputs,
    mlx_vector_array differentiated,
    mlx_vector_array mapped,
    mlx_stream stream) {
  try {
    auto rules = std::make_shared<Rules>();
    *rules = {
        function_of(values), function_of(again), function_of(vjp), function_of(jvp),
        function_of(vmap)};
    Traced traced{mlx_vector_array_get_(differentiated), mlx_vector_array_get_(mapped)};
    mlx_vector_array_set_(
        *res, apply(rules, mlx_vector_array_get_(inputs), mlx_stream_get_(stream), traced));
  } catch (Captured what) {
    return static_cast<int>(what);
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
  return 0;
}
