/* Included before mlx-c's headers when bindings are made: mlx-c declares the half
   types on ARM only. */
#if !defined(__aarch64__)
#include <stdint.h>
#define HAS_FLOAT16
#define HAS_BFLOAT16
typedef _Float16 float16_t;
typedef uint16_t bfloat16_t;
#endif
