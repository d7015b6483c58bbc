// How deep a graph is.
#pragma once

#include "walk.h"

namespace rmlx {

// The most operations of which each needs the one before.
size_t depth(const Arrays& roots);

} // namespace rmlx
