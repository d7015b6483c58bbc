// Forward mode: MLX's own where every operation knows its forward derivative, and by transposing
// the gradient where one does not.

#include <string_view>

#include <mlx/mlx.h>
#include <mlx/transforms.h>

#include "mlx/c/private/mlx.h"
#include "linear.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using rmlx::Function;

// Whether MLX lacks an operation's forward derivative: "[Primitive::jvp] Not implemented for X.", or
// "JVP not yet implemented".
bool is_missing(std::string_view text) {
  bool forward = text.find("jvp") != text.npos || text.find("JVP") != text.npos;
  return forward && text.find("mplemented") != text.npos;
}

} // namespace

// The results of a function and their derivatives along `directions`.
extern "C" int rmlx_jvp(
    mlx_vector_array* values,
    mlx_vector_array* tangents,
    mlx_closure function,
    mlx_vector_array primals,
    mlx_vector_array directions,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    mx::Stream s = mlx_stream_get_(stream);
    const Function& f = mlx_closure_get_(function);
    const Arrays& at = mlx_vector_array_get_(primals);
    const Arrays& along = mlx_vector_array_get_(directions);
    Arrays seen;
    auto watched = [&](const Arrays& x) {
      seen = f(x);
      return seen;
    };
    try {
      auto [results, derivatives] = mx::jvp(watched, at, along);
      mlx_vector_array_set_(*values, results);
      mlx_vector_array_set_(*tangents, derivatives);
      return;
    } catch (std::exception& e) {
      if (!is_missing(e.what())) {
        throw;
      }
    }
    auto pull = [&](const Arrays& cotangents) {
      std::vector<bool> inexact;
      Arrays some;
      for (auto& cotangent : cotangents) {
        inexact.push_back(mx::issubdtype(cotangent.dtype(), mx::inexact));
        if (inexact.back()) {
          some.push_back(cotangent);
        }
      }
      auto of_inexact = [&](const Arrays& x) {
        Arrays out;
        seen = f(x);
        for (size_t i = 0; i < seen.size(); i++) {
          if (inexact[i]) {
            out.push_back(mx::copy(seen[i], s));
          }
        }
        return out;
      };
      return mx::vjp(of_inexact, at, some).second;
    };
    Arrays like = seen; // the first run's, of which only shapes and dtypes matter
    Arrays derivatives = rmlx::transpose(pull, like, along, s);
    mlx_vector_array_set_(*values, seen);
    mlx_vector_array_set_(*tangents, derivatives);
  });
}
