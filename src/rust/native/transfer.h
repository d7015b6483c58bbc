// Copies between R's memory and a CUDA device's.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// `n` bytes of elements at `chunk`, which come after `at` others.
typedef void (*rmlx_take)(void* data, const void* chunk, size_t at, size_t n);
typedef int (*rmlx_fill)(void* data, void* chunk, size_t at, size_t n);

#ifdef __cplusplus
}
#endif
