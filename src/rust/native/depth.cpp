// How deep a graph is, and how much stack is left for MLX to walk through it: its transformations
// call themselves for every operation that one waits for.

#include "depth.h"

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mlx/c/private/mlx.h"
#include "status.h"

using mlx::core::array;

size_t rmlx::depth(const Arrays& roots) {
  std::unordered_map<std::uintptr_t, size_t> depths; // 0 for those on the path
  std::vector<std::pair<const array*, size_t>> path; // an array and its next input to look at
  size_t deepest = 0;
  auto enter = [&](const array& a) {
    if (!a.inputs().empty() && depths.emplace(a.id(), 0).second) {
      path.emplace_back(&a, 0);
    }
  };
  for (auto& root : roots) {
    enter(root);
    while (!path.empty()) {
      auto& [at, next] = path.back();
      if (next < at->inputs().size()) {
        enter(at->inputs()[next++]);
        continue;
      }
      size_t before = 0;
      for (auto& input : at->inputs()) {
        auto known = depths.find(input.id());
        before = std::max(before, known == depths.end() ? 0 : known->second);
      }
      depths[at->id()] = before + 1;
      deepest = std::max(deepest, before + 1);
      path.pop_back();
    }
  }
  return deepest;
}

extern "C" int rmlx_graph_depth(size_t* res, mlx_vector_array roots) {
  return rmlx::status_of([&] { *res = rmlx::depth(mlx_vector_array_get_(roots)); });
}

// Bytes of this thread's stack, and how many of them are left; 0 if the system does not say.
extern "C" void rmlx_stack(size_t* size, size_t* left) {
  char here;
  char* low = nullptr;
  *size = *left = 0;
#ifdef __APPLE__
  *size = pthread_get_stacksize_np(pthread_self());
  low = static_cast<char*>(pthread_get_stackaddr_np(pthread_self())) - *size;
#else
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
    return;
  }
  void* address = nullptr;
  if (pthread_attr_getstack(&attributes, &address, size) == 0) {
    low = static_cast<char*>(address);
  }
  pthread_attr_destroy(&attributes);
#endif
  if (low != nullptr && &here > low) {
    *left = &here - low;
  }
}
