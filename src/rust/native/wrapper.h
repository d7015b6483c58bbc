// What primitives of ours have in common that run one of MLX's under its name, but derive or map it in
// another way.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "walk.h"

namespace rmlx {

class Wrapper : public mlx::core::Primitive {
 public:
  explicit Wrapper(std::shared_ptr<mlx::core::Primitive> inner)
      : mlx::core::Primitive(inner->stream()), inner_(std::move(inner)) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    inner_->eval_cpu(inputs, outputs);
  }

  void eval_gpu(const Arrays& inputs, Arrays& outputs) override {
    inner_->eval_gpu(inputs, outputs);
  }

  const char* name() const override {
    return inner_->name();
  }

  // MLX asks of primitives of one type only.
  bool is_equivalent(const mlx::core::Primitive& other) const override {
    return inner_->is_equivalent(*static_cast<const Wrapper&>(other).inner_);
  }

  std::vector<mlx::core::Shape> output_shapes(const Arrays& inputs) override {
    return inner_->output_shapes(inputs);
  }

  // Whether it computes its values otherwise than what it wraps.
  virtual bool has_own_kernel() const {
    return false;
  }

  const std::shared_ptr<mlx::core::Primitive>& wrapped() const {
    return inner_;
  }

 private:
  std::shared_ptr<mlx::core::Primitive> inner_;
};

} // namespace rmlx
