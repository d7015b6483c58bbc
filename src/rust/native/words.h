// Elements that are moved as they are, whatever their type: as whole numbers of the same size.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rmlx {

// Calls f with a number of so many bytes: 1, 2, 4 or 8.
template <typename F>
void with_word(size_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

} // namespace rmlx
