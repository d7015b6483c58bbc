// The larger or the smaller of two values. Where they are equal each gets half of the derivative, as in max()
// and min() of one array; MLX gives all to the second. Values are computed by MLX's own primitive, which is
// wrapped.

#include <string_view>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "pair.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using mx::array;

class Extreme : public rmlx::Pair<Extreme> {
 public:
  using Pair::Pair;

  // d where the operand is the one that is chosen, half of it where both are equal.
  array along(int argnum, const array& d, const Arrays& primals, const array&) {
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
    mlx_array_set_(*res, Extreme::of(x.primitive_ptr(), x.inputs()));
  });
}
