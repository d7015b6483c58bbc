// What primitives have in common that stand for a function whose values were computed beforehand: they
// pass these on, and bring a gradient of their own. (MLX's CustomTransforms, which does the like, is not
// exported by its library.)
#pragma once

#include <memory>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "walk.h"

namespace rmlx {

// Its inputs are those of the function followed by the values, which are no functions of them to
// derivatives.
class Passing : public mlx::core::Primitive {
 public:
  Passing(mlx::core::Stream stream, size_t arity) : mlx::core::Primitive(stream), arity_(arity) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    pass(inputs, outputs);
  }

  void eval_gpu(const Arrays& inputs, Arrays& outputs) override {
    pass(inputs, outputs);
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override;

  // Inputs cut out of the graph, so that derivatives do not walk through what values are made of.
  static Arrays cut(const Arrays& inputs, mlx::core::Stream stream);

  // The outputs of `primitive`, which stands for a function of `inputs`.
  static Arrays
  make(const std::shared_ptr<Passing>& primitive, const Arrays& inputs, const Arrays& values);

 protected:
  // The gradient of every input of the function. Nothing is conjugated in it, as MLX's own rules do with
  // complex numbers.
  virtual Arrays
  gradient(const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) = 0;

  Arrays of_function(const Arrays& primals) const;

  // The direction of every input of the function: zeros for those that are not among `argnums`.
  Arrays directions(
      const Arrays& inputs,
      const Arrays& tangents,
      const std::vector<int>& argnums);

  // The derivative of `outputs` along directions. The gradient is linear in the cotangents, and the
  // matrix of that map is the transpose of the forward derivative's: so the latter is the gradient's
  // own gradient.
  Arrays forward(const Arrays& inputs, const Arrays& outputs, const Arrays& directions);

 private:
  void pass(const Arrays& inputs, Arrays& outputs) const;

  size_t arity_;
};

} // namespace rmlx
