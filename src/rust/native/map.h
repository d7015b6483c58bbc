// Graphs of one item, computed for all items at once.
#pragma once

#include "derive.h"
#include "items.h"

namespace rmlx {

// Something that was to be the same for all items is not.
struct Differs {};

// `outputs`, the results for one item `stand_ins`, for all `items`: `in` and `out` tell along which axes
// of these and of the results the items lie, -1 that something is the same for all items.
Arrays map_graph(
    const Arrays& outputs,
    const Arrays& stand_ins,
    const Arrays& items,
    const Axes& in,
    const Axes& out);

// A function of all items, along the first axes of arguments and results; none for none.
Function mapped(const Function& f);

} // namespace rmlx
