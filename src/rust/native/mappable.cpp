// MLX 0.32.2 has no vmap of its LU and QR factorizations, though both take stacks of matrices. The
// primitive here runs another one and maps it by way of a new leading axis. It also repairs what LU
// says of its result: it gives bytes for the number of elements, and elementwise operations on a
// matrix of one row or column then write beyond its end.

#include <memory>
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

class Mappable : public rmlx::Wrapper {
 public:
  using Wrapper::Wrapper;

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    Wrapper::eval_cpu(inputs, outputs);
    for (auto& out : outputs) {
      if (out.data_size() > out.size()) {
        out.copy_shared_buffer(out, out.strides(), out.flags(), out.size());
      }
    }
  }

  bool has_own_kernel() const override {
    return true;
  }

  rmlx::Items vmap(const Arrays& inputs, const rmlx::Axes& axes) override {
    auto first = mx::contiguous(mx::moveaxis(inputs[0], axes[0], 0, stream()), false, stream());
    std::vector<mx::Shape> shapes;
    for (auto shape : shapes_) {
      shape.insert(shape.begin(), inputs[0].shape(axes[0]));
      shapes.push_back(std::move(shape));
    }
    return rmlx::with_items_first(make(wrapped(), std::move(shapes), dtypes_, {first}));
  }

  static Arrays make(
      const std::shared_ptr<mx::Primitive>& inner,
      std::vector<mx::Shape> shapes,
      std::vector<mx::Dtype> dtypes,
      const Arrays& inputs) {
    auto primitive = std::make_shared<Mappable>(inner);
    primitive->shapes_ = shapes;
    primitive->dtypes_ = dtypes;
    return mx::array::make_arrays(std::move(shapes), dtypes, primitive, inputs);
  }

 private:
  std::vector<mx::Shape> shapes_;
  std::vector<mx::Dtype> dtypes_;
};

} // namespace

// All outputs of the factorization of one matrix that `x` is an output of, by a primitive that vmap
// can map.
extern "C" int rmlx_mappable(mlx_vector_array* res, mlx_array x) {
  return rmlx::status_of([&] {
    const auto& any = mlx_array_get_(x);
    std::vector<mx::Shape> shapes;
    std::vector<mx::Dtype> dtypes;
    for (auto& output : any.outputs()) {
      shapes.push_back(output.shape());
      dtypes.push_back(output.dtype());
    }
    mlx_vector_array_set_(
        *res, Mappable::make(any.primitive_ptr(), std::move(shapes), std::move(dtypes), any.inputs()));
  });
}
