// Elements of a vector, rows or columns of a matrix at positions. MLX 0.32.2 copies whole slices where they
// lie together, but of rows of a column-major matrix (what R's matrices are), of columns of a row-major one
// and of single elements it looks up each through an iterator. There the primitive here fills the result
// line by line, in the layout of the matrix; all else is MLX's own primitive, which is wrapped.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "items.h"
#include "words.h"
#include "wrapper.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using mx::array;
using rmlx::Arrays;

// out[line, k] = from[line, at[k]]. Elements of a line are neighbours.
template <typename T>
void pick(const array& from, const array& at, array& out, int axis) {
  // stores are what takes time: some elements are written at once
  typedef T Some __attribute__((vector_size(16)));
  constexpr int64_t some = sizeof(Some) / sizeof(T);
  const int64_t n = at.size(), extent = from.shape(axis);
  const int64_t lines = from.ndim() == 1 ? 1 : from.shape(1 - axis);
  const int64_t stride = from.ndim() == 1 ? 0 : from.strides()[1 - axis];
  const int64_t step = from.strides()[axis];
  const int32_t* given = at.data<int32_t>();
  std::vector<int64_t> places(n);
  for (int64_t k = 0; k < n; k++) {
    int64_t place = given[k * at.strides()[0]];
    places[k] = (place < 0 ? place + extent : place) * step;
  }
  const T* line = from.data<T>();
  T* to = out.data<T>();
  for (int64_t i = 0; i < lines; i++, line += stride, to += n) {
    int64_t k = 0;
    for (; k + some <= n; k += some) {
      Some values;
      for (int64_t j = 0; j < some; j++) {
        values[j] = line[places[k + j]];
      }
      std::memcpy(to + k, &values, sizeof values);
    }
    for (; k < n; k++) {
      to[k] = line[places[k]];
    }
  }
}

class Take : public rmlx::Wrapper {
 public:
  Take(std::shared_ptr<mx::Primitive> inner, int axis) : Wrapper(std::move(inner)), axis_(axis) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    const auto &from = inputs[0], &at = inputs[1];
    array& out = outputs[0];
    // the elements along the axis are neighbours, those of a slice are not
    bool single = from.ndim() == 1;
    bool across = single || (from.strides()[axis_] == 1 && from.strides()[1 - axis_] > 1);
    if (!across || at.dtype() != mx::int32 || out.size() == 0) {
      Wrapper::eval_cpu(inputs, outputs);
      return;
    }
    // out has the axes n, 1 or n, 1, lines or n, lines, 1
    const int64_t n = at.size(), lines = single ? 1 : from.shape(1 - axis_);
    mx::Strides strides{1, n};
    if (!single) {
      strides.insert(axis_ == 0 ? strides.begin() + 1 : strides.end(), n * lines);
    }
    mx::array::Flags flags{};
    flags.contiguous = true;
    flags.row_contiguous = n == 1 || lines == 1;
    flags.col_contiguous = true;
    out.set_data(mx::allocator::malloc(out.nbytes()), out.size(), std::move(strides), flags);
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(from);
    encoder.set_input_array(at);
    encoder.set_output_array(out);
    encoder.dispatch([from = array::unsafe_weak_copy(from),
                      at = array::unsafe_weak_copy(at),
                      out = array::unsafe_weak_copy(out),
                      axis = axis_]() mutable {
      rmlx::with_word(
          out.itemsize(), [&](auto word) { pick<decltype(word)>(from, at, out, axis); });
    });
  }

  bool has_own_kernel() const override {
    return true;
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    return wrapped()->vjp(primals, cotangents, argnums, outputs);
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    return wrapped()->jvp(primals, tangents, argnums);
  }

  rmlx::Items vmap(const Arrays& inputs, const rmlx::Axes& axes) override {
    return wrapped()->vmap(inputs, axes);
  }

 private:
  int axis_;
};

array taken(const array& x, const array& at, int axis, mx::Stream s) {
  if (x.ndim() == 0 || x.ndim() > 2 || at.ndim() != 1 || s.device != mx::Device::cpu) {
    return mx::take(x, at, axis, s);
  }
  mx::Shape sizes = x.shape();
  sizes[axis] = 1;
  array out = mx::gather(x, {at}, std::vector<int>{axis}, sizes, s);
  if (out.has_primitive() && std::string_view(out.primitive().name()) == "Gather") {
    out = array(
        out.shape(), out.dtype(), std::make_shared<Take>(out.primitive_ptr(), axis), out.inputs());
  }
  if (axis == 1) {
    out = mx::transpose(out, {1, 0, 2}, s);
  }
  return mx::squeeze(out, 1 + axis, s);
}

} // namespace

// What lies at positions along an axis.
extern "C" int rmlx_take(mlx_array* res, mlx_array x, mlx_array at, int axis, mlx_stream s) {
  return rmlx::status_of([&] {
    mlx_array_set_(
        *res, taken(mlx_array_get_(x), mlx_array_get_(at), axis, mlx_stream_get_(s)));
  });
}
