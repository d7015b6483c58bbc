// A dense array whose elements the caller writes before anyone reads them. mlx-c can only copy
// from memory that already holds the elements in MLX's own type.
#include "mlx/c/private/array.h"
#include "mlx/c/private/enums.h"
#include "status.h"

extern "C" int rmlx_array_uninitialised(
    mlx_array* out,
    const int* shape,
    int rank,
    mlx_dtype dtype) {
  return rmlx::status_of([&] {
    mlx::core::Shape extents(shape, shape + rank);
    size_t n = 1;
    for (auto extent : extents) {
      n *= static_cast<size_t>(extent);
    }
    auto type = mlx_dtype_to_cpp(dtype);
    mlx_array_set_(
        *out,
        mlx::core::array(
            mlx::core::allocator::malloc(n * mlx::core::size_of(type)),
            std::move(extents),
            type));
  });
}
