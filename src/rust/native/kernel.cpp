// Kernels that users write in Metal's or CUDA's own language. mlx-c has no precompiled ones, and MLX
// has one type for the others.

#include "kernel.h"

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <mlx/fast.h>
#include <mlx/mlx.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using Names = std::vector<std::string>;
using Kernel = mx::fast::CustomKernelFunction;
using Three = std::tuple<int, int, int>;

Three three(const int* at) {
  return {at[0], at[1], at[2]};
}

Names names(const char* const* at, size_t n) {
  return Names(at, at + n);
}

// What a launch gives: shapes and dtypes.
std::pair<std::vector<mx::Shape>, std::vector<mx::Dtype>> outputs_of(const rmlx_kernel_launch& how) {
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  const int* extents = how.extents;
  for (size_t i = 0; i < how.n_outputs; i++) {
    shapes.emplace_back(extents, extents + how.ranks[i]);
    extents += how.ranks[i];
    dtypes.push_back(mlx_dtype_to_cpp(how.dtypes[i]));
  }
  return {std::move(shapes), std::move(dtypes)};
}

std::optional<float> initial(const rmlx_kernel_launch& how) {
  return how.init ? std::optional<float>(*how.init) : std::nullopt;
}

} // namespace

extern "C" int rmlx_kernel_new(void** res, const rmlx_kernel_source* from) {
  return rmlx::status_of([&] {
    Names in = names(from->inputs, from->n_inputs), out = names(from->outputs, from->n_outputs);
    *res = new Kernel(
        from->cuda ? mx::fast::cuda_kernel(
                         from->name, in, out, from->source, from->header, from->contiguous,
                         from->shared_memory)
                   : mx::fast::metal_kernel(
                         from->name, in, out, from->source, from->header, from->contiguous,
                         from->atomic));
  });
}

extern "C" void rmlx_kernel_free(void* kernel) {
  delete static_cast<Kernel*>(kernel);
}

extern "C" int rmlx_kernel_apply(
    mlx_vector_array* res,
    void* kernel,
    mlx_vector_array inputs,
    const rmlx_kernel_launch* how,
    const rmlx_kernel_argument* arguments,
    size_t n,
    bool verbose,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    std::vector<std::pair<std::string, mx::fast::TemplateArg>> given;
    for (size_t i = 0; i < n; i++) {
      const auto& argument = arguments[i];
      switch (argument.kind) {
        case RMLX_KERNEL_BOOL:
          given.emplace_back(argument.name, argument.number != 0);
          break;
        case RMLX_KERNEL_DTYPE:
          given.emplace_back(argument.name, mlx_dtype_to_cpp(argument.dtype));
          break;
        default:
          given.emplace_back(argument.name, static_cast<int>(argument.number));
      }
    }
    auto [shapes, dtypes] = outputs_of(*how);
    mlx_vector_array_set_(
        *res,
        (*static_cast<Kernel*>(kernel))(
            mlx_vector_array_get_(inputs), shapes, dtypes, three(how->grid), three(how->group),
            given, initial(*how), verbose, mlx_stream_get_(stream)));
  });
}

extern "C" int rmlx_kernel_precompiled(
    mlx_vector_array* res,
    const char* name,
    const char* code,
    size_t length,
    mlx_vector_array inputs,
    const rmlx_kernel_launch* how,
    const rmlx_kernel_argument* arguments,
    size_t n,
    int shared_memory,
    bool contiguous,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    std::vector<mx::fast::ScalarArg> scalars;
    for (size_t i = 0; i < n; i++) {
      double number = arguments[i].number;
      switch (arguments[i].kind) {
        case RMLX_KERNEL_BOOL:
          scalars.emplace_back(number != 0);
          break;
        case RMLX_KERNEL_INT:
          scalars.emplace_back(static_cast<int>(number));
          break;
        default:
          scalars.emplace_back(static_cast<float>(number));
      }
    }
    auto [shapes, dtypes] = outputs_of(*how);
    mlx_vector_array_set_(
        *res,
        mx::fast::precompiled_cuda_kernel(
            name, std::string(code, length), mlx_vector_array_get_(inputs), shapes, dtypes, scalars,
            three(how->grid), three(how->group), shared_memory, initial(*how), contiguous,
            mlx_stream_get_(stream)));
  });
}
