// Operations composed of others that have derivatives of their own. Declared here for C++;
// src/rule.rs declares the same for Rust, and the two must agree.
#pragma once

#include <stdint.h>

#include "mlx/c/stream.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

// Appends to `res` the outputs of row `row` on inputs with equal leading (batch) axes. Handles are
// borrowed. Anything but 0 is a failure, whose error Rust keeps.
typedef int (*rmlx_rule_forward)(
    mlx_vector_array res,
    uint32_t row,
    int32_t flags,
    mlx_vector_array inputs);

// Appends to `res` the gradient of each input.
typedef int (*rmlx_rule_backward)(
    mlx_vector_array res,
    uint32_t row,
    int32_t flags,
    mlx_vector_array inputs,
    mlx_vector_array cotangents,
    mlx_vector_array outputs,
    mlx_stream stream);

// What a row is called in graphs, for as long as the process lives.
typedef const char* (*rmlx_rule_name)(uint32_t row);

// Hands over the functions. To be called once, before the first operation is made.
void rmlx_rule_register(
    rmlx_rule_forward forward,
    rmlx_rule_backward backward,
    rmlx_rule_name name);

// Makes the lazy outputs of a row. `flags` goes to Rust untouched.
int rmlx_rule_apply(
    mlx_vector_array* res,
    uint32_t row,
    int32_t flags,
    mlx_vector_array inputs,
    mlx_stream stream);

#ifdef __cplusplus
}
#endif
