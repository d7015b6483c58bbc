// Whether MLX holds an array for traced: an input of the transformation that is
// running, or a value that follows from one. mlx-c does not offer the question.

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

extern "C" int rmlx_is_tracer(bool* res, mlx_array a) {
  try {
    *res = mlx_array_get_(a).is_tracer();
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}
