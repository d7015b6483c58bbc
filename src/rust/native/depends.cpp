// Order among computations: mlx-c does not offer it.

#include <mlx/mlx.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

// `inputs`, which are computed after `before`.
extern "C" int
rmlx_depends(mlx_vector_array* res, mlx_vector_array inputs, mlx_vector_array before) {
  return rmlx::status_of([&] {
    mlx_vector_array_set_(
        *res, mlx::core::depends(mlx_vector_array_get_(inputs), mlx_vector_array_get_(before)));
  });
}
