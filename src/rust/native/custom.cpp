// Functions that bring rules of their own for their derivatives or for vmap, and functions that are
// computed again when a gradient needs them. As in rule.cpp a primitive passes on values that were
// computed beforehand; here rules and values are closures, in which R functions run. A rule that is
// missing follows from the others, in the end from the function itself.

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>
#include <mlx/transforms.h>

#include "mlx/c/private/mlx.h"
#include "linear.h"
#include "status.h"

extern "C" int rmlx_depends_on(bool* res, mlx_array a, const size_t* ids, size_t n);

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using rmlx::Function;

// Absent ones are empty. Lists of arrays follow each other in one argument.
struct Rules {
  Function values; // the function, run for its values
  Function again; // the function, run to be differentiated or mapped
  Function vjp; // inputs, cotangents, outputs: the inputs' gradients
  Function jvp; // inputs, tangents: the outputs' tangents
  Function vmap; // inputs, their axes: outputs, their axes
};

Arrays operator+(Arrays a, const Arrays& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Function mapped(const Function& f) {
  return f ? mx::vmap(f) : f;
}

Arrays apply(
    const std::shared_ptr<const Rules>& rules,
    const Arrays& inputs,
    mx::Stream stream,
    const std::vector<size_t>& traced = {});

// Its inputs are those of the function followed by the values.
class Custom : public mx::Primitive {
 public:
  Custom(mx::Stream stream, std::shared_ptr<const Rules> rules, size_t arity)
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
    Arrays all = gradient(of_function(primals), cotangents, outputs), wanted;
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
      return mx::jvp(rules_->again, inputs, directions).second;
    }
    Arrays outputs = apply(rules_, inputs, stream());
    auto pull = [&](const Arrays& cotangents) { return gradient(inputs, cotangents, outputs); };
    return rmlx::transpose(pull, outputs, directions, stream());
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
      if (axes[i] >= 0) {
        inputs[i] = mx::moveaxis(inputs[i], axes[i], 0, stream());
      } else {
        mx::Shape shape = inputs[i].shape();
        shape.insert(shape.begin(), extent);
        inputs[i] = mx::broadcast_to(inputs[i], std::move(shape), stream());
      }
    }
    auto rules = std::make_shared<Rules>();
    rules->values = mapped(rules_->values);
    rules->again = mapped(rules_->again);
    rules->vjp = mapped(rules_->vjp);
    rules->jvp = mapped(rules_->jvp);
    Arrays out = apply(rules, inputs, stream());
    std::vector<int> first(out.size(), 0);
    return {std::move(out), std::move(first)};
  }

  const char* name() const override {
    return "Custom";
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
      auto push = [&](const Arrays& tangents) { return rules_->jvp(inputs + tangents); };
      return rmlx::transpose(push, inputs, cotangents, stream());
    }
    // The function runs on inputs that wait for the cotangents: else its intermediate values could be
    // computed, and would have to be kept, long before they are needed.
    Arrays late = mx::depends(inputs, cotangents);
    auto inexact = [&](const Arrays& x) {
      Arrays out;
      for (auto& result : rules_->again(x)) {
        if (mx::issubdtype(result.dtype(), mx::inexact)) {
          out.push_back(mx::copy(result, stream()));
        }
      }
      return out;
    };
    Arrays along;
    for (size_t i = 0; i < outputs.size(); i++) {
      if (mx::issubdtype(outputs[i].dtype(), mx::inexact)) {
        along.push_back(cotangents[i]);
      }
    }
    return mx::vjp(inexact, late, along).second;
  }

  std::shared_ptr<const Rules> rules_;
  size_t arity_;
};

// `traced`: ids of arrays that are differentiated outside. Values that depend on them other than by
// way of the inputs would lose that part of the derivative.
Arrays apply(
    const std::shared_ptr<const Rules>& rules,
    const Arrays& inputs,
    mx::Stream stream,
    const std::vector<size_t>& traced) {
  // cut out of the graph here, so that derivatives do not walk through what the values are made of
  Arrays cut;
  for (auto& input : inputs) {
    cut.push_back(mx::stop_gradient(input, stream));
  }
  Arrays primals = inputs, values = rules->values(cut);
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (auto& value : values) {
    bool captured = false;
    rmlx_depends_on(&captured, mlx_array{&value}, traced.data(), traced.size());
    if (captured) {
      throw std::domain_error("captured");
    }
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

// The lazy results of a function with rules; absent rules have no ctx. 2: the function uses one of the
// arrays `traced`, which are differentiated outside, without having it for an argument.
extern "C" int rmlx_custom_apply(
    mlx_vector_array* res,
    mlx_closure values,
    mlx_closure again,
    mlx_closure vjp,
    mlx_closure jvp,
    mlx_closure vmap,
    mlx_vector_array inputs,
    const size_t* traced,
    size_t n,
    mlx_stream stream) {
  bool captured = false;
  int status = rmlx::status_of([&] {
    auto rules = std::make_shared<Rules>();
    *rules = {
        function_of(values), function_of(again), function_of(vjp), function_of(jvp),
        function_of(vmap)};
    try {
      mlx_vector_array_set_(
          *res,
          apply(
              rules, mlx_vector_array_get_(inputs), mlx_stream_get_(stream),
              std::vector<size_t>(traced, traced + n)));
    } catch (std::domain_error&) {
      captured = true;
    }
  });
  return captured ? 2 : status;
}
