// The order of multiplication in an Einstein sum, which mlx-c does not offer.

#include <mlx/einsum.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

// Writes the steps as "0 1;0 2;" into `out`, at most `capacity` bytes with the terminator.
extern "C" int rmlx_einsum_path(
    char* out,
    size_t capacity,
    const char* subscripts,
    mlx_vector_array operands) {
  return rmlx::status_of([&] {
    std::string text;
    auto path = mlx::core::einsum_path(subscripts, mlx_vector_array_get_(operands)).first;
    for (auto& step : path) {
      for (size_t i = 0; i < step.size(); i++) {
        text += (i ? " " : "") + std::to_string(step[i]);
      }
      text += ";";
    }
    if (text.size() + 1 > capacity) {
      throw std::length_error("the path of an Einstein sum is too long");
    }
    text.copy(out, text.size());
    out[text.size()] = 0;
  });
}
