// How our own functions report failure: as those of mlx-c do.
#pragma once

#include <exception>

#include "mlx/c/error.h"

namespace rmlx {

// Runs `body`. 0, or 1 after handing what it threw to mlx-c's error handler.
template <typename F>
int status_of(F&& body) {
  try {
    body();
    return 0;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

} // namespace rmlx
