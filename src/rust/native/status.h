// How our own functions report failure: as those of mlx-c do.
#pragma once

#include <exception>
#include <type_traits>

#include "mlx/c/error.h"

namespace rmlx {

// Runs `body`. The status that it returns, or 0; 1 after handing what it threw to mlx-c's error handler.
template <typename F>
int status_of(F&& body) {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return 0;
    } else {
      return body();
    }
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

} // namespace rmlx
