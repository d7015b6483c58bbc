// Operations with derivatives of our own: MLX has none for its factorizations, and those that it
// would derive of composed ones are undefined where the function itself is smooth (the determinant at
// 0). The values are composed of ordinary operations; a primitive that only passes them on asks the
// Rust function for the gradient, which is built of ordinary operations too, so that gradients of any
// order work. (MLX's own CustomTransforms is not exported by its library.)

#include "rule.h"

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "mlx/c/private/mlx.h"

#include "complex.h"
#include "map.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;

// Written once, before any operation exists, and only read afterwards.
rmlx_rule_forward forward = nullptr;
rmlx_rule_backward backward = nullptr;
rmlx_rule_name name_of_row = nullptr;

// A list as Rust sees it during a call.
mlx_vector_array borrow(const Arrays& list) {
  return mlx_vector_array{const_cast<Arrays*>(&list)};
}

Arrays apply(uint32_t row, int32_t flags, const Arrays& inputs, mx::Stream stream);

// Its inputs are those of the operation followed by the values, which are no functions of them to
// derivatives.
class Rule : public mx::Primitive {
 public:
  Rule(mx::Stream stream, uint32_t row, int32_t flags, size_t arity)
      : mx::Primitive(stream), row_(row), flags_(flags), arity_(arity) {}

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
      const Arrays& outputs) override {
    Arrays all = gradient(of_operation(primals), cotangents, outputs), wanted;
    for (int argnum : argnums) {
      size_t k = argnum;
      wanted.push_back(k < arity_ ? all[k] : mx::zeros_like(primals[k], stream()));
    }
    return wanted;
  }

  // The gradient is linear in the cotangents, and the matrix of that map is the transpose of the
  // forward derivative's: so the latter is the gradient's own gradient.
  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    Arrays inputs = of_operation(primals);
    Arrays outputs = apply(row_, flags_, inputs, stream());
    Arrays directions;
    for (auto& input : inputs) {
      directions.push_back(mx::zeros_like(input, stream()));
    }
    for (size_t i = 0; i < argnums.size(); i++) {
      if (static_cast<size_t>(argnums[i]) < arity_) {
        directions[argnums[i]] = tangents[i];
      }
    }
    auto back = [&](const Arrays& cotangents) {
      Arrays weights = rmlx::conjugates(cotangents, stream());
      return rmlx::conjugates(gradient(inputs, weights, outputs), stream());
    };
    Arrays border = inputs;
    border.insert(border.end(), outputs.begin(), outputs.end());
    border.insert(border.end(), tangents.begin(), tangents.end());
    return rmlx::transpose(back, outputs, directions, stream(), border);
  }

  // Rows take leading axes as a batch, so the mapped axis becomes the first of them.
  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& primals,
      const std::vector<int>& axes) override {
    Arrays inputs = of_operation(primals);
    int extent = 1;
    for (size_t i = 0; i < primals.size(); i++) {
      if (axes[i] >= 0) {
        extent = primals[i].shape(axes[i]);
      }
    }
    for (size_t i = 0; i < inputs.size(); i++) {
      inputs[i] = rmlx::items_first(inputs[i], axes[i], extent, stream());
    }
    Arrays out = apply(row_, flags_, inputs, stream());
    std::vector<int> first(out.size(), 0);
    return {std::move(out), std::move(first)};
  }

  const char* name() const override {
    return name_of_row(row_);
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Rule&>(other);
    return row_ == o.row_ && flags_ == o.flags_;
  }

 private:
  void pass(const Arrays& inputs, Arrays& outputs) {
    for (size_t i = 0; i < outputs.size(); i++) {
      outputs[i].copy_shared_buffer(inputs[arity_ + i]);
    }
  }

  Arrays of_operation(const Arrays& primals) const {
    return Arrays(primals.begin(), primals.begin() + arity_);
  }

  Arrays gradient(const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
    Arrays out;
    mx::Stream s = stream();
    int status = backward(
        borrow(out), row_, flags_, borrow(inputs), borrow(cotangents), borrow(outputs),
        mlx_stream{&s});
    if (status != 0 || out.size() != inputs.size()) {
      throw std::runtime_error("[rmlx] the gradient of an operation failed");
    }
    return out;
  }

  uint32_t row_;
  int32_t flags_;
  size_t arity_;
};

Arrays apply(uint32_t row, int32_t flags, const Arrays& inputs, mx::Stream stream) {
  // cut out of the graph here, so that derivatives do not walk through what the values are made of
  Arrays cut, values;
  for (auto& input : inputs) {
    cut.push_back(mx::stop_gradient(input, stream));
  }
  if (forward(borrow(values), row, flags, borrow(cut)) != 0) {
    throw std::runtime_error("[rmlx] an operation failed");
  }
  Arrays primals = inputs;
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (auto& value : values) {
    shapes.push_back(value.shape());
    dtypes.push_back(value.dtype());
    primals.push_back(value);
  }
  return mx::array::make_arrays(
      std::move(shapes),
      dtypes,
      std::make_shared<Rule>(stream, row, flags, inputs.size()),
      std::move(primals));
}

} // namespace

extern "C" void rmlx_rule_register(
    rmlx_rule_forward values,
    rmlx_rule_backward gradient,
    rmlx_rule_name name) {
  forward = values;
  backward = gradient;
  name_of_row = name;
}

extern "C" int rmlx_rule_apply(
    mlx_vector_array* res,
    uint32_t row,
    int32_t flags,
    mlx_vector_array inputs,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    mlx_vector_array_set_(
        *res, apply(row, flags, mlx_vector_array_get_(inputs), mlx_stream_get_(stream)));
  });
}
