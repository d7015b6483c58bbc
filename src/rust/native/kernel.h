// Kernels in a GPU's own language. Declared here for C++; src/op/kernel.rs declares the same for Rust,
// and the two must agree.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mlx/c/array.h"
#include "mlx/c/stream.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmlx_kernel_source_ {
  bool cuda; // Metal else
  const char* name;
  const char* const* inputs;
  size_t n_inputs;
  const char* const* outputs;
  size_t n_outputs;
  const char* source;
  const char* header;
  bool contiguous;
  bool atomic; // Metal
  int shared_memory; // CUDA
} rmlx_kernel_source;

// `extents`: those of all outputs, one after the other. `init`: NULL for none.
typedef struct rmlx_kernel_launch_ {
  const int* grid;
  const int* group;
  const int* extents;
  const int* ranks;
  const mlx_dtype* dtypes;
  size_t n_outputs;
  const float* init;
} rmlx_kernel_launch;

enum { RMLX_KERNEL_BOOL = 0, RMLX_KERNEL_INT = 1, RMLX_KERNEL_FLOAT = 2, RMLX_KERNEL_DTYPE = 3 };

// An argument of a template, or a scalar, which has no name.
typedef struct rmlx_kernel_argument_ {
  int kind;
  const char* name;
  double number;
  mlx_dtype dtype;
} rmlx_kernel_argument;

int rmlx_kernel_new(void** res, const rmlx_kernel_source* from);

void rmlx_kernel_free(void* kernel);

int rmlx_kernel_apply(
    mlx_vector_array* res,
    void* kernel,
    mlx_vector_array inputs,
    const rmlx_kernel_launch* how,
    const rmlx_kernel_argument* arguments,
    size_t n,
    bool verbose,
    mlx_stream stream);

int rmlx_kernel_precompiled(
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
    mlx_stream stream);

#ifdef __cplusplus
}
#endif
