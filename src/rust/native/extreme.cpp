// The larger or the smaller of two values. Where they are equal each gets half of the derivative, as in max()
// and min() of one array; MLX gives all to the second. Values are computed by MLX's own primitive, which is
// wrapped.

#include <memory>
#include <string_view>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "items.h"
#include "wrapper.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using mx::array;

class Extreme : public rmlx::Wrapper {
 public:
  using Wrapper::Wrapper;

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    Arrays grads;
    for (int argnum : argnums) {
      grads.push_back(share(argnum, cotangents[0], primals));
    }
    return grads;
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    array sum = share(argnums[0], tangents[0], primals);
    if (argnums.size() == 2) {
      sum = mx::add(sum, share(argnums[1], tangents[1], primals), stream());
    }
    return {sum};
  }

  rmlx::Items vmap(const Arrays& inputs, const rmlx::Axes& axes) override {
    Arrays items = rmlx::items_first(inputs, axes, stream());
    auto shape = items[0].shape();
    auto type = items[0].dtype();
    auto primitive = std::make_shared<Extreme>(wrapped());
    return {{array(std::move(shape), type, std::move(primitive), std::move(items))}, {0}};
  }

 private:
  // d where the operand is the one that is chosen, half of it where both are equal.
  array share(int argnum, const array& d, const Arrays& primals) {
    auto s = stream();
    const array &own = primals[argnum], &other = primals[1 - argnum];
    bool largest = std::string_view(name()) == "Maximum";
    array chosen = largest ? mx::greater(own, other, s) : mx::less(own, other, s);
    array half(0.5, d.dtype());
    array weight = mx::where(mx::equal(own, other, s), half, mx::astype(chosen, d.dtype(), s), s);
    return mx::multiply(d, weight, s);
  }
};

} // namespace

// What mlx_maximum() or mlx_minimum() of two floating arrays gave, with derivatives that halve ties.
extern "C" int rmlx_halve_ties(mlx_array* res, mlx_array extreme) {
  return rmlx::status_of([&] {
    const array& x = mlx_array_get_(extreme);
    mlx_array_set_(
        *res, array(x.shape(), x.dtype(), std::make_shared<Extreme>(x.primitive_ptr()), x.inputs()));
  });
}
