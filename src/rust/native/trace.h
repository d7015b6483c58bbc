// The graph of a function as data. Declared here for C++; src/transform/graph.rs declares the same for
// Rust, and the two must agree.
#pragma once

#include <stddef.h>

#include "mlx/c/array.h"
#include "mlx/c/closure.h"
#include "mlx/c/stream.h"
#include "mlx/c/vector.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RMLX_GRAPH_INPUT = 0, RMLX_GRAPH_CONSTANT = 1, RMLX_GRAPH_OPERATION = 2 };

// Where a graph goes. Nodes are counted from 0, the inputs first, each after those it needs.
typedef struct rmlx_graph_sink_ {
  void* data;
  // A node. Operation and device are those of an operation, NULL else; the value is that of a constant
  // of one element, if it is there, NULL else.
  void (*node)(void* data, int kind, const char* operation, const char* device, const double* value);
  // An array that the last node gives.
  void (*array)(void* data, mlx_dtype dtype, const int* shape, int rank);
  // An array, number `output` of node `from`, that node `to` takes in a place.
  void (*edge)(void* data, int from, int output, int to, int position);
  // A result of the function.
  void (*result)(void* data, int node, int output);
} rmlx_graph_sink;

int rmlx_trace(
    mlx_vector_array* inputs,
    mlx_vector_array* outputs,
    mlx_closure function,
    mlx_vector_array primals,
    mlx_stream stream);

int rmlx_graph(
    mlx_vector_array inputs,
    mlx_vector_array outputs,
    const size_t* copied,
    size_t n_copied,
    const size_t* given,
    size_t n_given,
    const rmlx_graph_sink* sink);

#ifdef __cplusplus
}
#endif
