// What primitives of ours have in common that run one of MLX's with two inputs of one shape, element by
// element: `Own::along(argnum, d, primals, output)` gives the derivative along d by an input.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "items.h"
#include "wrapper.h"

namespace rmlx {

template <typename Own>
class Pair : public Wrapper {
 public:
  using Wrapper::Wrapper;

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    namespace mx = mlx::core;
    Arrays grads;
    mx::array weight = mx::conjugate(cotangents[0], stream());
    for (int argnum : argnums) {
      grads.push_back(mx::conjugate(own().along(argnum, weight, primals, outputs[0]), stream()));
    }
    return grads;
  }

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    mlx::core::array output = of(wrapped(), primals);
    mlx::core::array sum = own().along(argnums[0], tangents[0], primals, output);
    if (argnums.size() == 2) {
      sum = mlx::core::add(sum, own().along(argnums[1], tangents[1], primals, output), stream());
    }
    return {sum};
  }

  Items vmap(const Arrays& inputs, const Axes& axes) override {
    return {{of(wrapped(), items_first(inputs, axes, stream()))}, {0}};
  }

  // What MLX's primitive gives for two inputs.
  static mlx::core::array of(std::shared_ptr<mlx::core::Primitive> inner, Arrays inputs) {
    auto shape = inputs[0].shape();
    auto type = inputs[0].dtype();
    return mlx::core::array(
        std::move(shape), type, std::make_shared<Own>(std::move(inner)), std::move(inputs));
  }

 private:
  Own& own() {
    return static_cast<Own&>(*this);
  }
};

} // namespace rmlx
