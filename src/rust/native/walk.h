// Walking through MLX's graph.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "ids.h"

namespace rmlx {

using Arrays = std::vector<mlx::core::array>;

// Several lists, one after the other.
template <typename... More>
Arrays joined(Arrays first, const More&... more) {
  (first.insert(first.end(), more.begin(), more.end()), ...);
  return first;
}

// The arrays between `inputs` and `outputs`: what the outputs are, or are computed from, and what itself
// depends on an input. Each comes after those it was computed from; of an operation with several
// results there is one. Where `carries` denies that an array depends on what it was computed from, and
// at arrays in `border`, the walk goes no further. (A loop: graphs are deeper than the stack.)
template <typename Carries>
Arrays between(
    const Arrays& inputs,
    const Arrays& outputs,
    Carries carries,
    const Arrays& border = {}) {
  Ids depending, seen;
  for (auto& input : inputs) {
    depending.insert(input.id());
    seen.insert(input.id());
  }
  for (auto& array : border) {
    seen.insert(array.id());
  }
  Arrays found;
  std::vector<std::pair<mlx::core::array, size_t>> path; // an array and its next input to look at
  auto enter = [&](const mlx::core::array& a) {
    if (!seen.insert(a.id()) || !a.has_primitive() || !carries(a)) {
      return;
    }
    for (auto& sibling : a.siblings()) {
      seen.insert(sibling.id());
    }
    path.emplace_back(a, 0);
  };
  for (auto& output : outputs) {
    enter(output);
    while (!path.empty()) {
      auto& [a, next] = path.back();
      if (next < a.inputs().size()) {
        enter(mlx::core::array(a.inputs()[next++]));
        continue;
      }
      for (auto& input : a.inputs()) {
        if (depending.has(input.id())) {
          for (auto& one : a.outputs()) {
            depending.insert(one.id());
          }
          found.push_back(a);
          break;
        }
      }
      path.pop_back();
    }
  }
  return found;
}

// Calls `see` for the arrays that `roots` are or are computed from, as far as they have a primitive and up
// to those in `border`.
template <typename See>
void visit(const Arrays& roots, See see, const Arrays& border = {}) {
  Ids seen;
  for (auto& array : border) {
    seen.insert(array.id());
  }
  Arrays open = roots;
  while (!open.empty()) {
    mlx::core::array a = open.back();
    open.pop_back();
    if (!a.has_primitive() || !seen.insert(a.id())) {
      continue;
    }
    see(a);
    open.insert(open.end(), a.inputs().begin(), a.inputs().end());
  }
}

// Whatever an array was computed from counts.
inline bool any_array(const mlx::core::array&) {
  return true;
}

inline bool is_inexact(const mlx::core::array& a) {
  return mlx::core::issubdtype(a.dtype(), mlx::core::inexact);
}

// Whether derivatives pass from an array to what it was computed from. Of several results one may be
// an integer.
inline bool carries_derivative(const mlx::core::array& a) {
  if (std::string_view(a.primitive().name()) == "StopGradient") {
    return false;
  }
  return is_inexact(a) || std::any_of(a.siblings().begin(), a.siblings().end(), is_inexact);
}

// Whether one of `outputs` is or depends on one of `inputs`.
template <typename Carries>
bool depend(
    const Arrays& outputs,
    const Arrays& inputs,
    Carries carries,
    const Arrays& border = {}) {
  for (auto& output : outputs) {
    for (auto& input : inputs) {
      if (output.id() == input.id()) {
        return true;
      }
    }
  }
  return !between(inputs, outputs, carries, border).empty();
}

// A transformation of `inputs` is over for what lies `between` them and its outputs: only what is computed
// from inputs of transformations further out stays marked as traced, which keeps its graph when it is
// evaluated.
inline void release(Arrays inputs, const Arrays& between) {
  auto remark = [](mlx::core::array one) {
    one.set_tracer(std::any_of(one.inputs().begin(), one.inputs().end(), [](const auto& a) {
      return a.is_tracer();
    }));
  };
  std::for_each(inputs.begin(), inputs.end(), remark);
  for (auto& a : between) {
    Arrays results = a.outputs();
    std::for_each(results.begin(), results.end(), remark);
  }
}

} // namespace rmlx
