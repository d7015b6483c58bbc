// Sums of products of whole numbers have to be exact, which only their values tell: a primitive that
// passes float64 values on and fails where one is beyond what may be held. So nothing is computed
// before it is asked for.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "items.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;

// The largest size of an element; NaN counts for nothing.
double largest(const mx::array& a) {
  const double* at = a.data<double>();
  double most = 0;
  for (size_t i = 0; i < a.data_size(); i++) {
    most = std::fmax(most, std::fabs(at[i]));
  }
  return most;
}

// A number as people write whole ones.
std::string shown(double x) {
  if (x < 1e15) {
    return std::to_string(static_cast<long long>(x));
  }
  char text[32];
  snprintf(text, sizeof text, "%.3g", x);
  return text;
}

// The values, and perhaps what they would be of the factors' sizes, which bounds every partial sum.
class Whole : public mx::Primitive {
 public:
  Whole(mx::Stream stream, double most, double most_partial, std::string what, std::string held_by)
      : mx::Primitive(stream),
        most_(most),
        most_partial_(most_partial),
        what_(std::move(what)),
        held_by_(std::move(held_by)) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    auto& encoder = mx::cpu::get_command_encoder(stream());
    outputs[0].copy_shared_buffer(inputs[0]);
    Arrays in;
    for (auto& input : inputs) {
      encoder.set_input_array(input);
      in.push_back(mx::array::unsafe_weak_copy(input));
    }
    encoder.set_output_array(outputs[0]);
    encoder.dispatch([in = std::move(in),
                      out = mx::array::unsafe_weak_copy(outputs[0]),
                      most = most_,
                      most_partial = most_partial_,
                      what = what_,
                      held_by = held_by_]() mutable {
      double size = largest(in[0]);
      double partial = in.size() > 1 ? largest(in[1]) : 0;
      if (size <= most && partial <= most_partial) {
        return;
      }
      // so that nobody who reads on in spite of the failure takes them for right
      std::fill_n(out.data<double>(), out.data_size(), std::numeric_limits<double>::quiet_NaN());
      throw std::range_error(
          "[rmlx dtype] the product of " + what + " arrays has " +
          (size > most ? "elements up to " + shown(size) + ", which " + held_by
                       : "sums up to " + shown(partial) + ", which float64") +
          " does not hold exactly. Cast one with mlx_cast(x, \"float64\") first.");
    });
  }

  void eval_gpu(const Arrays&, Arrays&) override {
    throw std::logic_error("[rmlx] products of whole numbers run on the cpu device");
  }

  Arrays jvp(const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) override {
    return {argnums[0] == 0 ? tangents[0] : mx::zeros_like(primals[0], stream())};
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays&) override {
    Arrays grads;
    for (int argnum : argnums) {
      grads.push_back(argnum == 0 ? cotangents[0] : mx::zeros_like(primals[argnum], stream()));
    }
    return grads;
  }

  rmlx::Items vmap(const Arrays& inputs, const rmlx::Axes& axes) override {
    return {{make(rmlx::items_first(inputs, axes, stream()))}, {0}};
  }

  const char* name() const override {
    return "Whole";
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Whole&>(other);
    return most_ == o.most_ && most_partial_ == o.most_partial_ && what_ == o.what_ &&
        held_by_ == o.held_by_;
  }

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    return {inputs[0].shape()};
  }

  mx::array make(const Arrays& inputs) {
    Arrays dense;
    for (auto& input : inputs) {
      dense.push_back(mx::contiguous(input, true, stream()));
    }
    mx::Shape shape = dense[0].shape();
    return mx::array(
        std::move(shape),
        mx::float64,
        std::make_shared<Whole>(stream(), most_, most_partial_, what_, held_by_),
        std::move(dense));
  }

 private:
  double most_, most_partial_;
  std::string what_, held_by_;
};

} // namespace

// `value` (float64), which fails where an element is larger than `most`, or one of `partial` (may be
// null) larger than `most_partial`. The texts name the factors and the dtype that is to hold it.
extern "C" int rmlx_whole(
    mlx_array* res,
    mlx_array value,
    double most,
    mlx_array partial,
    double most_partial,
    const char* what,
    const char* held_by,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    Arrays inputs{mlx_array_get_(value)};
    if (partial.ctx) {
      inputs.push_back(mlx_array_get_(partial));
    }
    Whole whole(mlx_stream_get_(stream), most, most_partial, what, held_by);
    mlx_array_set_(*res, whole.make(inputs));
  });
}
