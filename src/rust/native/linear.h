// Derivatives as linear maps, of which one mode follows from the other by transposition.
#pragma once

#include <functional>
#include <vector>

#include <mlx/mlx.h>
#include <mlx/transforms.h>

namespace rmlx {

using Arrays = std::vector<mlx::core::array>;
using Function = std::function<Arrays(const Arrays&)>;

// The transpose of a linear map at `y`: `map` takes arrays like `domain`, gives arrays like `y`. Integer
// arrays have no derivative: they get zeros, and the map does not see `y` for them.
inline Arrays transpose(
    const Function& map,
    const Arrays& domain,
    const Arrays& y,
    mlx::core::Stream stream) {
  namespace mx = mlx::core;
  Arrays out, zeros, along;
  std::vector<size_t> inexact;
  for (size_t i = 0; i < domain.size(); i++) {
    out.push_back(mx::zeros_like(domain[i], stream));
    if (mx::issubdtype(domain[i].dtype(), mx::inexact)) {
      inexact.push_back(i);
      zeros.push_back(out.back());
    }
  }
  std::vector<size_t> kept;
  for (size_t i = 0; i < y.size(); i++) {
    if (mx::issubdtype(y[i].dtype(), mx::inexact)) {
      kept.push_back(i);
      along.push_back(y[i]);
    }
  }
  if (zeros.empty() || along.empty()) {
    return out;
  }
  auto some = [&](const Arrays& x) {
    Arrays all = out;
    for (size_t k = 0; k < inexact.size(); k++) {
      all[inexact[k]] = x[k];
    }
    Arrays results = map(all), picked;
    for (size_t i : kept) {
      // MLX takes a result of stop_gradient for no result at all, and would pair the others wrongly
      picked.push_back(mx::copy(results[i], stream));
    }
    return picked;
  };
  Arrays found = mx::vjp(some, zeros, along).second;
  for (size_t k = 0; k < inexact.size(); k++) {
    out[inexact[k]] = found[k];
  }
  return out;
}

} // namespace rmlx
