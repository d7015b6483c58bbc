// Primitives that pass on values which were computed beforehand.

#include "passing.h"

#include "complex.h"
#include "derive.h"
#include "outputs.h"

namespace mx = mlx::core;

namespace rmlx {

Arrays Passing::vjp(
    const Arrays& primals,
    const Arrays& cotangents,
    const std::vector<int>& argnums,
    const Arrays& outputs) {
  Arrays weights = conjugates(cotangents, stream()), wanted;
  Arrays all = conjugates(gradient(of_function(primals), weights, outputs), stream());
  for (int argnum : argnums) {
    size_t k = argnum;
    wanted.push_back(k < arity_ ? all.at(k) : mx::zeros_like(primals[k], stream()));
  }
  return wanted;
}

Arrays Passing::cut(const Arrays& inputs, mx::Stream stream) {
  Arrays out;
  for (auto& input : inputs) {
    out.push_back(mx::stop_gradient(input, stream));
  }
  return out;
}

Arrays
Passing::make(const std::shared_ptr<Passing>& primitive, const Arrays& inputs, const Arrays& values) {
  return outputs_like(values, primitive, joined(inputs, values));
}

Arrays Passing::of_function(const Arrays& primals) const {
  return Arrays(primals.begin(), primals.begin() + arity_);
}

Arrays Passing::directions(
    const Arrays& inputs,
    const Arrays& tangents,
    const std::vector<int>& argnums) {
  Arrays out;
  for (auto& input : inputs) {
    out.push_back(mx::zeros_like(input, stream()));
  }
  for (size_t i = 0; i < argnums.size(); i++) {
    if (static_cast<size_t>(argnums[i]) < arity_) {
      out[argnums[i]] = tangents[i];
    }
  }
  return out;
}

Arrays Passing::forward(const Arrays& inputs, const Arrays& outputs, const Arrays& directions) {
  auto back = [&](const Arrays& cotangents) { return gradient(inputs, cotangents, outputs); };
  return transpose(back, outputs, directions, stream(), joined(inputs, outputs, directions));
}

void Passing::pass(const Arrays& inputs, Arrays& outputs) const {
  for (size_t i = 0; i < outputs.size(); i++) {
    outputs[i].copy_shared_buffer(inputs[arity_ + i]);
  }
}

} // namespace rmlx
