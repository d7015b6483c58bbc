// Operations with derivatives of our own: MLX has none for its factorizations, and those that it
// would derive of composed ones are undefined where the function itself is smooth (the determinant at
// 0). The values are composed of ordinary operations; a primitive that only passes them on asks the
// Rust function for the gradient, which is built of ordinary operations too, so that gradients of any
// order work.

#include "rule.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include "mlx/c/private/mlx.h"

#include "complex.h"
#include "items.h"
#include "passing.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;

// Written once, before any operation exists, and only read afterwards.
rmlx_rule_forward forward_of_row = nullptr;
rmlx_rule_backward backward_of_row = nullptr;
rmlx_rule_name name_of_row = nullptr;

// A list as Rust sees it during a call.
mlx_vector_array borrow(const Arrays& list) {
  return mlx_vector_array{const_cast<Arrays*>(&list)};
}

Arrays apply(uint32_t row, int32_t flags, const Arrays& inputs, mx::Stream stream);

class Rule : public rmlx::Passing {
 public:
  Rule(mx::Stream stream, uint32_t row, int32_t flags, size_t arity)
      : Passing(stream, arity), row_(row), flags_(flags) {}

  Arrays jvp(
      const Arrays& primals,
      const Arrays& tangents,
      const std::vector<int>& argnums) override {
    Arrays inputs = of_function(primals);
    Arrays outputs = apply(row_, flags_, inputs, stream());
    return forward(inputs, outputs, directions(inputs, tangents, argnums));
  }

  // Rows take leading axes as a batch, so the mapped axis becomes the first of them.
  rmlx::Items vmap(const Arrays& primals, const rmlx::Axes& axes) override {
    int extent = rmlx::extent_of(primals, axes);
    Arrays inputs = rmlx::items_first(of_function(primals), axes, extent, stream());
    return rmlx::with_items_first(apply(row_, flags_, inputs, stream()));
  }

  const char* name() const override {
    return name_of_row(row_);
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Rule&>(other);
    return row_ == o.row_ && flags_ == o.flags_;
  }

 private:
  Arrays
  gradient(const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) override {
    Arrays out, weights = rmlx::conjugates(cotangents, stream()); // rows are written as MLX's rules
    mx::Stream s = stream();
    int status = backward_of_row(
        borrow(out), row_, flags_, borrow(inputs), borrow(weights), borrow(outputs),
        mlx_stream{&s});
    if (status != 0 || out.size() != inputs.size()) {
      throw std::runtime_error("[rmlx] the gradient of an operation failed");
    }
    return rmlx::conjugates(std::move(out), stream());
  }

  uint32_t row_;
  int32_t flags_;
};

Arrays apply(uint32_t row, int32_t flags, const Arrays& inputs, mx::Stream stream) {
  Arrays values;
  Arrays cut = rmlx::Passing::cut(inputs, stream);
  if (forward_of_row(borrow(values), row, flags, borrow(cut)) != 0) {
    throw std::runtime_error("[rmlx] an operation failed");
  }
  auto primitive = std::make_shared<Rule>(stream, row, flags, inputs.size());
  return rmlx::Passing::make(primitive, inputs, values);
}

} // namespace

extern "C" void rmlx_rule_register(
    rmlx_rule_forward values,
    rmlx_rule_backward gradient,
    rmlx_rule_name name) {
  forward_of_row = values;
  backward_of_row = gradient;
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
