// Derivatives of single operations where MLX 0.32.2 has them wrong, all but one for complex numbers only:
// some weigh with the derivative itself and not, as the others, with its conjugate; the sign, which is a
// step of real numbers, turns with complex ones; logaddexp asks for a sigmoid that there is not; arccosh has
// the slope of another branch left of 0; and the real Fourier transform forgets of what length it is.

#include "complex.h"

#include "beside.h"
#include "own.h"
#include "wrapper.h"

namespace mx = mlx::core;

namespace rmlx {

namespace {

using mx::array;
using Names = std::unordered_set<std::string_view>;

bool is_complex(const array& a) {
  return a.dtype() == mx::complex64;
}

// Whether an operation's own vjp multiplies with the derivative instead of its conjugate.
bool lacks_conjugate(const array& a) {
  static const Names found{
      "ArcCos", "ArcSin", "ArcSinh", "ArcTan", "ArcTanh", "Cos", "Rsqrt", "Sqrt"};
  // that of power.cpp has the name of MLX's
  bool own = dynamic_cast<const Wrapper*>(&a.primitive()) != nullptr;
  return found.count(name_of(a)) || (name_of(a) == "Power" && !own);
}

// The derivative of s = z / |z| along d: (d - s Re(conj(s) d)) / |z|, and 0 at 0. It is its own transpose.
array turned(const array& sign, const array& z, const array& d) {
  mx::Stream s = sign.primitive().stream();
  array size = mx::abs(z, s), none = mx::equal(size, array(0.0f), s);
  array radial = mx::real(mx::multiply(mx::conjugate(sign, s), d, s), s);
  array across = mx::subtract(d, mx::multiply(sign, radial, s), s);
  array scale = mx::where(none, array(1.0f), size, s);
  return mx::where(none, mx::zeros_like(d, s), mx::divide(across, scale, s), s);
}

// Whether an operation has its derivative from `slope`.
bool has_slope(const array& a) {
  return name_of(a) == "ArcCosh" || name_of(a) == "LogAddExp";
}

// The derivative by an input: exp(x) / (exp(x) + exp(y)), or 1 / (sqrt(x - 1) sqrt(x + 1)).
array slope(const array& a, int argnum) {
  mx::Stream s = a.primitive().stream();
  const array& x = a.inputs()[argnum];
  if (name_of(a) == "LogAddExp") {
    return mx::exp(mx::subtract(x, a, s), s);
  }
  array one(1.0f);
  return mx::multiply(mx::rsqrt(mx::subtract(x, one, s), s), mx::rsqrt(mx::add(x, one, s), s), s);
}

// Where an operation chooses elements and runs on a gpu. MLX multiplies with the condition, which CUDA turns
// into the complex number 1+1i.
bool chooses_on_gpu(const array& a) {
  return name_of(a) == "Select" && a.primitive().stream().device == mx::Device::gpu;
}

// What an operation chooses of `x`, its second (1) or third (2) input, and zeros elsewhere.
array chosen(const array& a, const array& x, int argnum) {
  mx::Stream s = a.primitive().stream();
  array none = mx::zeros(x.shape(), x.dtype(), s);
  const array& condition = a.inputs()[0];
  return argnum == 1 ? mx::where(condition, x, none, s) : mx::where(condition, none, x, s);
}

} // namespace

Arrays conjugates(Arrays arrays, mx::Stream stream) {
  for (auto& a : arrays) {
    a = mx::conjugate(a, stream);
  }
  return arrays;
}

Arrays pulled(const array& a, const Arrays& weights, const std::vector<int>& argnums) {
  mx::Stream s = a.primitive().stream();
  Arrays outputs = a.outputs();
  auto own = [&](const Arrays& by) {
    Beside its_device(a);
    return a.primitive().vjp(a.inputs(), by, argnums, outputs);
  };
  if (!is_complex(a)) {
    return own(weights);
  }
  if (name_of(a) == "Sign") {
    return {turned(a, a.inputs()[0], weights[0])};
  }
  if (chooses_on_gpu(a)) {
    Arrays grads;
    for (int argnum : argnums) {
      grads.push_back(chosen(a, weights[0], argnum));
    }
    return grads;
  }
  if (has_slope(a)) {
    Arrays grads;
    for (int argnum : argnums) {
      grads.push_back(mx::multiply(weights[0], mx::conjugate(slope(a, argnum), s), s));
    }
    return grads;
  }
  return lacks_conjugate(a) ? conjugates(own(conjugates(weights, s)), s) : own(weights);
}

std::optional<Arrays>
pushed(const array& a, const Arrays& tangents, const std::vector<int>& argnums) {
  if (name_of(a) == "FFT") { // linear
    return Arrays{array(a.shape(), a.dtype(), a.primitive_ptr(), tangents)};
  }
  if (is_complex(a) && name_of(a) == "Sign") {
    return Arrays{turned(a, a.inputs()[0], tangents[0])};
  }
  if (is_complex(a) && chooses_on_gpu(a)) {
    array sum = chosen(a, tangents[0], argnums[0]);
    if (argnums.size() == 2) {
      sum = mx::add(sum, chosen(a, tangents[1], argnums[1]), a.primitive().stream());
    }
    return Arrays{sum};
  }
  if (is_complex(a) && has_slope(a)) {
    mx::Stream s = a.primitive().stream();
    array sum = mx::multiply(tangents[0], slope(a, argnums[0]), s);
    if (argnums.size() == 2) {
      sum = mx::add(sum, mx::multiply(tangents[1], slope(a, argnums[1]), s), s);
    }
    return Arrays{sum};
  }
  return std::nullopt;
}

} // namespace rmlx
