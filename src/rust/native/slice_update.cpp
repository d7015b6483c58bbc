// A block of an array replaced, which vmap can map: MLX 0.32.2 writes an update that is the same for
// all items into the first of them only, and so does the gradient, whose update is zeros. Values are
// computed by MLX's own primitive, which is wrapped.

#include <memory>
#include <string_view>
#include <utility>
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

struct Block {
  mx::Shape from, to, step;
};

array updated(const array& x, const array& value, const Block& block, mx::Stream s);

class SliceUpdate : public rmlx::Wrapper {
 public:
  SliceUpdate(std::shared_ptr<mx::Primitive> inner, Block block)
      : Wrapper(std::move(inner)), block_(std::move(block)) {}

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
  if (!out.is_tracer() || !out.has_primitive() ||
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
