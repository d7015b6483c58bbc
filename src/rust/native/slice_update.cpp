// A block of an array replaced, which vmap can map: MLX 0.32.2 writes an update that is the same for
// all items into the first of them only, and so does the gradient, whose update is zeros. MLX also copies
// all of an array before it writes the block, element by element. Here both happen line by line where the
// array is dense, whatever the order of its axes; all else is MLX's own primitive, which is wrapped.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
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

using rmlx::Arrays;
using mx::array;

struct Block {
  mx::Shape from, to, step;
};

array updated(const array& x, const array& value, const Block& block, mx::Stream s);

// The axes of a dense array, that of neighbours first; none if it has gaps or repeats elements.
std::optional<std::vector<int>> dense_axes(const array& x) {
  std::vector<int> axes(x.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  std::stable_sort(axes.begin(), axes.end(), [&](int a, int b) {
    bool one_a = x.shape(a) == 1, one_b = x.shape(b) == 1;
    return one_a == one_b ? x.strides()[a] < x.strides()[b] : one_b;
  });
  int64_t next = 1;
  for (int axis : axes) {
    if (x.shape(axis) != 1 && x.strides()[axis] != next) {
      return std::nullopt;
    }
    next *= x.shape(axis);
  }
  return axes;
}

// The place of a coordinate in a block along one axis, -1 if it lies outside.
int64_t place_in(const Block& block, const array& value, int axis, int64_t at) {
  int64_t offset = at - block.from[axis], place = offset / block.step[axis];
  bool inside = offset >= 0 && offset % block.step[axis] == 0 && place < value.shape(axis);
  return inside ? place : -1;
}

// Writes the block; all else too unless `out` is where `x` is.
template <typename T>
void replace(
    const array& x,
    const array& value,
    array& out,
    const Block& block,
    const std::vector<int>& axes) {
  const int line = axes[0];
  const int64_t length = x.shape(line), from = block.from[line], step = block.step[line];
  const int64_t n = value.shape(line), stride = value.strides()[line];
  const T *old = x.data<T>(), *values = value.data<T>();
  T* to = out.data<T>();
  const bool in_place = old == to, whole = step == 1 && stride == 1;
  std::vector<int64_t> at(x.ndim(), 0);
  for (int64_t start = 0; start < static_cast<int64_t>(x.size()); start += length) {
    int64_t offset = 0;
    bool inside = true;
    for (size_t k = 1; k < axes.size(); k++) {
      int64_t place = place_in(block, value, axes[k], at[k]);
      inside = inside && place >= 0;
      offset += place * value.strides()[axes[k]];
    }
    if (!in_place && !(inside && whole)) {
      std::memcpy(to + start, old + start, length * sizeof(T));
    }
    if (inside && whole) {
      if (!in_place) {
        std::memcpy(to + start, old + start, from * sizeof(T));
        int64_t rest = from + n;
        std::memcpy(to + start + rest, old + start + rest, (length - rest) * sizeof(T));
      }
      std::memcpy(to + start + from, values + offset, n * sizeof(T));
    } else if (inside) {
      for (int64_t i = 0; i < n; i++) {
        to[start + from + i * step] = values[offset + i * stride];
      }
    }
    for (size_t k = 1; k < axes.size() && ++at[k] == x.shape(axes[k]); k++) {
      at[k] = 0;
    }
  }
}

class SliceUpdate : public rmlx::Wrapper {
 public:
  SliceUpdate(std::shared_ptr<mx::Primitive> inner, Block block)
      : Wrapper(std::move(inner)), block_(std::move(block)) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    const auto &x = inputs[0], &value = inputs[1];
    array& out = outputs[0];
    auto axes = dense_axes(x);
    auto is_rising = [](int step) { return step > 0; };
    bool plain = std::all_of(block_.step.begin(), block_.step.end(), is_rising) &&
        std::all_of(block_.from.begin(), block_.from.end(), [](int from) { return from >= 0; });
    if (!axes || !plain || x.ndim() == 0 || x.size() == 0 || x.data_size() != x.size()) {
      Wrapper::eval_cpu(inputs, outputs);
      return;
    }
    if (x.is_donatable()) {
      out.copy_shared_buffer(x);
    } else {
      out.set_data(mx::allocator::malloc(out.nbytes()), x.size(), x.strides(), x.flags());
    }
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(x);
    encoder.set_input_array(value);
    encoder.set_output_array(out);
    encoder.dispatch([x = array::unsafe_weak_copy(x),
                      value = array::unsafe_weak_copy(value),
                      out = array::unsafe_weak_copy(out),
                      block = block_,
                      axes = std::move(*axes)]() mutable {
      rmlx::with_word(
          out.itemsize(), [&](auto word) { replace<decltype(word)>(x, value, out, block, axes); });
    });
  }

  bool has_own_kernel() const override {
    return true;
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays&) override {
    Arrays grads;
    for (int argnum : argnums) {
      grads.push_back(
          argnum == 0
              ? updated(cotangents[0], mx::zeros_like(primals[1], stream()), block_, stream())
              : mx::slice(cotangents[0], block_.from, block_.to, block_.step, stream()));
    }
    return grads;
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    Arrays along{mx::zeros_like(primals[0], stream()), mx::zeros_like(primals[1], stream())};
    for (size_t i = 0; i < argnums.size(); i++) {
      along[argnums[i]] = tangents[i];
    }
    return {updated(along[0], along[1], block_, stream())};
  }

  rmlx::Items vmap(const Arrays& inputs, const rmlx::Axes& axes) override {
    int extent = rmlx::extent_of(inputs, axes);
    Arrays first = rmlx::items_first(inputs, axes, extent, stream());
    Block block = block_;
    block.from.insert(block.from.begin(), 0);
    block.to.insert(block.to.begin(), extent);
    block.step.insert(block.step.begin(), 1);
    return {{updated(first[0], first[1], block, stream())}, {0}};
  }

 private:
  Block block_;
};

array updated(const array& x, const array& value, const Block& block, mx::Stream s) {
  array out = mx::slice_update(x, value, block.from, block.to, block.step, s);
  bool plain = !out.is_tracer() && s.device != mx::Device::cpu;
  if (plain || !out.has_primitive() ||
      std::string_view(out.primitive().name()) != "SliceUpdate") {
    return out; // nothing is traced, or nothing or everything is replaced
  }
  return array(
      out.shape(),
      out.dtype(),
      std::make_shared<SliceUpdate>(out.primitive_ptr(), block),
      out.inputs());
}

} // namespace

// x with a block with steps, 0-based starts and ends past the last, replaced by a value of its shape
// and of the dtype of x.
extern "C" int rmlx_slice_update(
    mlx_array* res,
    mlx_array x,
    mlx_array value,
    const int* from,
    const int* to,
    const int* step,
    size_t rank,
    mlx_stream s) {
  return rmlx::status_of([&] {
    Block block{
        mx::Shape(from, from + rank), mx::Shape(to, to + rank), mx::Shape(step, step + rank)};
    array out = updated(
        mlx_array_get_(x), mlx_array_get_(value), block, mlx_stream_get_(s));
    mlx_array_set_(*res, out);
  });
}
