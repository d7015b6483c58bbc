// x^y with slopes at 0. There MLX's are 0 times infinity; here x^0, x^1, .. are polynomials in x, and
// 0^y is constant in y, as in JAX. Values are computed by MLX's own primitive, which is wrapped.

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "pair.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using mx::array;

array smooth(const array& power);

class Power : public rmlx::Pair<Power> {
 public:
  using Pair::Pair;

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
};

array smooth(const array& power) {
  if (!power.is_tracer()) {
    return power;
  }
  return Power::of(power.primitive_ptr(), power.inputs());
}

} // namespace

// x^y, of floating or complex arrays that broadcast.
extern "C" int rmlx_power(mlx_array* res, mlx_array x, mlx_array y, mlx_stream s) {
  return rmlx::status_of([&] {
    array out = mx::power(mlx_array_get_(x), mlx_array_get_(y), mlx_stream_get_(s));
    mlx_array_set_(*res, smooth(out));
  });
}
