// Graphs of one item, computed for all items at once.
#pragma once

#include "derive.h"

namespace rmlx {

// Something that was to be the same for all items is not.
struct Differs {};

// `outputs`, the results for one item `stand_ins`, for all `items`: `in` and `out` tell along which axes
// of these and of the results the items lie, -1 that something is the same for all items.
Arrays map_graph(
    const Arrays& outputs,
    const Arrays& stand_ins,
    const Arrays& items,
    const std::vector<int>& in,
    const std::vector<int>& out);

// A function of all items, along the first axes of arguments and results; none for none.
Function mapped(const Function& f);

// The array with an axis moved to the front; a new one, of `extent`, for axis -1.
mlx::core::array items_first(const mlx::core::array& a, int axis, int extent, mlx::core::Stream stream);

} // namespace rmlx
