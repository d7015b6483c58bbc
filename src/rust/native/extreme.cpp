// The larger or the smaller of two values. Where they are equal each gets half of the derivative, as in max()
// and min() of one array; MLX gives all to the second. Values are computed by MLX's own primitive, which is
// wrapped.

#include "extreme.h"

#include <string_view>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "exact_row.h"
#include "own.h"
#include "pair.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using mx::array;

constexpr std::string_view kernel = "ExactShare";

// d where x is above y, half of it where they are equal; by one kernel where there is one, which takes a fifth
// of the time. What is above is a constant for derivatives, also where d is infinite.
array share(const array& d, const array& x, const array& y, mx::Stream s) {
  bool known = s.device == mx::Device::cpu && (d.dtype() == mx::float32 || d.dtype() == mx::float64) &&
      x.dtype() == d.dtype() && y.dtype() == d.dtype();
  if (!known) {
    return rmlx::share_by_mlx({d, x, y}, s);
  }
  static const uint32_t row = rmlx::exact_row(kernel);
  return rmlx::exact(row, {d, mx::stop_gradient(x, s), mx::stop_gradient(y, s)}, s);
}

class Extreme : public rmlx::Pair<Extreme> {
 public:
  using Pair::Pair;

  // d where the operand is the one that is chosen, half of it where both are equal.
  array along(int argnum, const array& d, const Arrays& primals, const array&) {
    const array &one = primals[argnum], &other = primals[1 - argnum];
    bool largest = std::string_view(name()) == "Maximum";
    return largest ? share(d, one, other, stream()) : share(d, other, one, stream());
  }
};

} // namespace

bool rmlx::is_share(const array& a) {
  return name_of(a) == kernel;
}

array rmlx::share_by_mlx(const Arrays& inputs, mx::Stream s) {
  const array &d = inputs[0], &x = inputs[1], &y = inputs[2];
  array half(0.5, d.dtype());
  array above = mx::astype(mx::greater(x, y, s), d.dtype(), s);
  return mx::multiply(d, mx::where(mx::equal(x, y, s), half, above, s), s);
}

// What mlx_maximum() or mlx_minimum() of two floating arrays gave, with derivatives that halve ties.
extern "C" int rmlx_halve_ties(mlx_array* res, mlx_array extreme) {
  return rmlx::status_of([&] {
    const array& x = mlx_array_get_(extreme);
    mlx_array_set_(*res, Extreme::of(x.primitive_ptr(), x.inputs()));
  });
}
