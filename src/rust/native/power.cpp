// x^y with slopes at 0. There MLX's are 0 times infinity; here x^0, x^1, .. are polynomials in x, and
// 0^y is constant in y, as in JAX. Values are computed by MLX's own primitive, which is wrapped.

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "own.h"

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;
using mx::array;

array smooth(const array& power);

class Power : public mx::Primitive, public rmlx::Wrapper {
 public:
  explicit Power(std::shared_ptr<mx::Primitive> inner)
      : mx::Primitive(inner->stream()), inner_(std::move(inner)) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    inner_->eval_cpu(inputs, outputs);
  }

  void eval_gpu(const Arrays& inputs, Arrays& outputs) override {
    inner_->eval_gpu(inputs, outputs);
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    Arrays grads;
    array weight = mx::conjugate(cotangents[0], stream());
    for (int argnum : argnums) {
      grads.push_back(mx::conjugate(along(argnum, weight, primals, outputs[0]), stream()));
    }
    return grads;
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    array output = applied(primals);
    array sum = along(argnums[0], tangents[0], primals, output);
    if (argnums.size() == 2) {
      sum = mx::add(sum, along(argnums[1], tangents[1], primals, output), stream());
    }
    return {sum};
  }

  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& inputs,
      const std::vector<int>& axes) override {
    int extent = axes[0] >= 0 ? inputs[0].shape(axes[0]) : inputs[1].shape(axes[1]);
    auto first = [&](int k) {
      if (axes[k] >= 0) {
        return mx::moveaxis(inputs[k], axes[k], 0, stream());
      }
      mx::Shape shape = inputs[k].shape();
      shape.insert(shape.begin(), extent);
      return mx::broadcast_to(inputs[k], std::move(shape), stream());
    };
    return {{applied({first(0), first(1)})}, {0}};
  }

  const char* name() const override {
    return inner_->name();
  }

  std::shared_ptr<mx::Primitive> wrapped() const override {
    return inner_;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return inner_->is_equivalent(*static_cast<const Power&>(other).inner_);
  }

 private:
  array applied(const Arrays& inputs) {
    return array(
        inputs[0].shape(), inputs[0].dtype(), std::make_shared<Power>(inner_), inputs);
  }

  // d times y x^(y - 1), which is 0 where y is, or times x^y log(x), which is 0 where x is.
  array along(int argnum, const array& d, const Arrays& primals, const array& output) {
    auto s = stream();
    const array &x = primals[0], &y = primals[1];
    array zero(0.0, d.dtype()), one(1.0, d.dtype());
    if (argnum == 1) {
      array base = mx::where(mx::equal(x, zero, s), one, x, s);
      return mx::multiply(d, mx::multiply(output, mx::log(base, s), s), s);
    }
    array flat = mx::equal(y, zero, s);
    array exponent = mx::where(flat, one, y, s);
    array lower = smooth(mx::power(x, mx::subtract(exponent, one, s), s));
    return mx::where(flat, zero, mx::multiply(d, mx::multiply(exponent, lower, s), s), s);
  }

  std::shared_ptr<mx::Primitive> inner_;
};

array smooth(const array& power) {
  if (!power.is_tracer()) {
    return power;
  }
  return array(
      power.shape(), power.dtype(), std::make_shared<Power>(power.primitive_ptr()), power.inputs());
}

} // namespace

// x^y, of floating or complex arrays that broadcast.
extern "C" int rmlx_power(mlx_array* res, mlx_array x, mlx_array y, mlx_stream s) {
  try {
    array out = mx::power(mlx_array_get_(x), mlx_array_get_(y), mlx_stream_get_(s));
    mlx_array_set_(*res, smooth(out));
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}
