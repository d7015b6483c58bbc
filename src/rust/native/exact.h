// Elementwise operations of our own for MLX, whose kernels and derivatives are
// Rust functions. Declared here for C++; src/exact/ffi.rs declares the same for
// Rust, and the two must agree.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlx/c/array.h"
#include "mlx/c/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RMLX_EXACT_MAX_ARITY = 3 };

// One operation. The name is what MLX shows in graphs; it must live as long as
// the process.
typedef struct rmlx_exact_row_ {
  const char* name;
  uint32_t arity;
  bool has_single; // a kernel in single precision too
} rmlx_exact_row;

// Computes n elements of row `row` from `arity` input buffers of n doubles each.
// Runs on one of MLX's threads: it may not call R, nor MLX. The output never
// overlaps an input. Anything but 0 is an error of the evaluation.
typedef int (*rmlx_exact_kernel)(
    uint32_t row,
    int32_t order,
    const double* const* inputs,
    uint32_t arity,
    double* output,
    size_t n);

// The same of a row that has a kernel in single precision.
typedef int (*rmlx_exact_single)(
    uint32_t row,
    int32_t order,
    const float* const* inputs,
    uint32_t arity,
    float* output,
    size_t n);

// Builds, by ordinary operations, the derivative of row `row` with respect to
// input `argnum`, from the inputs and the output. The handles are borrowed; the
// result is a new handle, which the caller frees. On failure, anything but 0,
// and a message of at most `capacity` bytes with its terminator.
typedef int (*rmlx_exact_derivative)(
    mlx_array* res,
    uint32_t row,
    int32_t order,
    uint32_t argnum,
    const mlx_array* inputs,
    uint32_t arity,
    mlx_array output,
    mlx_stream stream,
    char* message,
    size_t capacity);

// Hands over the table. To be called once, before the first operation is made.
void rmlx_exact_register(
    const rmlx_exact_row* rows,
    size_t count,
    rmlx_exact_kernel kernel,
    rmlx_exact_single single,
    rmlx_exact_derivative derivative);

// Makes the lazy result of row `row` on inputs that broadcast together, all
// float64 or all float32, on a stream of the CPU. `order` goes to the kernel and
// the derivative untouched (the order of a polygamma function, the form of a tail).
int rmlx_exact_apply(
    mlx_array* res,
    uint32_t row,
    int32_t order,
    const mlx_array* inputs,
    uint32_t arity,
    mlx_stream stream);

#ifdef __cplusplus
}
#endif
