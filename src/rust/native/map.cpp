// vmap: the operations of a graph for one item, one after the other, for all items. MLX's operations
// say how. Where one cannot, or does it wrongly, it is done here. (MLX's own walk through the graph
// gives up at the former, and ends in the stack's overflow for long loops.)

#include "map.h"

#include <string_view>
#include <unordered_map>

#include <mlx/transforms_impl.h>

#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace mx = mlx::core;

namespace rmlx {

namespace {

using Axes = std::vector<int>;
using Names = std::unordered_set<std::string_view>;
using Results = std::pair<Arrays, Axes>; // -1: the same for all items

mx::array one_of(const mx::array& a, int axis, int i, mx::Stream s) {
  mx::Shape start(a.ndim(), 0), stop = a.shape();
  start[axis] = i;
  stop[axis] = i + 1;
  return mx::squeeze(mx::slice(a, std::move(start), std::move(stop), s), axis, s);
}

// An operation applied to one item after the other.
Results one_by_one(const mx::array& a, const Arrays& inputs, const Axes& axes, int extent) {
  mx::Stream s = a.primitive().stream();
  Arrays outputs = a.outputs();
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> dtypes;
  for (auto& output : outputs) {
    shapes.push_back(output.shape());
    dtypes.push_back(output.dtype());
  }
  std::vector<Arrays> found(outputs.size());
  for (int i = 0; i < extent; i++) {
    Arrays arguments;
    for (size_t k = 0; k < inputs.size(); k++) {
      arguments.push_back(axes[k] < 0 ? inputs[k] : one_of(inputs[k], axes[k], i, s));
    }
    auto made = mx::array::make_arrays(shapes, dtypes, a.primitive_ptr(), arguments);
    for (size_t j = 0; j < found.size(); j++) {
      found[j].push_back(made[j]);
    }
  }
  Arrays stacked;
  for (auto& items : found) {
    stacked.push_back(mx::stack(items, 0, s));
  }
  return {std::move(stacked), Axes(outputs.size(), 0)};
}

// MLX 0.32.2 changes the primitive itself, which so serves no second time.
Results broadcast(const mx::array& a, const mx::array& input, int axis) {
  mx::Stream s = a.primitive().stream();
  mx::array x = mx::moveaxis(input, axis, 0, s);
  mx::Shape shape = a.shape(), padded(a.ndim() + 1 - x.ndim(), 1);
  shape.insert(shape.begin(), x.shape(0));
  padded.insert(padded.begin(), x.shape(0));
  padded.insert(padded.end(), x.shape().begin() + 1, x.shape().end());
  return {{mx::broadcast_to(mx::reshape(x, std::move(padded), s), std::move(shape), s)}, {0}};
}

// Its first inputs are its outputs, which wait for the others.
Results depends(const mx::array& a, const Arrays& inputs, const Axes& axes) {
  size_t n = a.outputs().size();
  Arrays first(inputs.begin(), inputs.begin() + n), others(inputs.begin() + n, inputs.end());
  return {mx::depends(first, others), Axes(axes.begin(), axes.begin() + n)};
}

Results map_operation(const mx::array& a, Arrays inputs, Axes axes, int extent) {
  // MLX 0.32.2 maps these rightly only if it maps all their inputs
  static const Names all_or_none{"AddMM", "DivMod", "NotEqual", "Remainder", "SliceUpdate"};
  // rules of ours, whose failures are the user's
  static const Names own{"Custom", "Rule"};
  std::string_view name = a.primitive().name();
  if (name == "Broadcast") {
    return broadcast(a, inputs[0], axes[0]);
  }
  if (name == "Depends") {
    return depends(a, inputs, axes);
  }
  if (all_or_none.count(name)) {
    for (size_t k = 0; k < inputs.size(); k++) {
      inputs[k] = items_first(inputs[k], axes[k], extent, a.primitive().stream());
      axes[k] = 0;
    }
  }
  try {
    return a.primitive().vmap(inputs, axes);
  } catch (std::exception&) {
    if (own.count(name)) {
      throw;
    }
    return one_by_one(a, inputs, axes, extent);
  }
}

} // namespace

mx::array items_first(const mx::array& a, int axis, int extent, mx::Stream stream) {
  if (axis >= 0) {
    return mx::moveaxis(a, axis, 0, stream);
  }
  mx::Shape shape = a.shape();
  shape.insert(shape.begin(), extent);
  return mx::broadcast_to(a, std::move(shape), stream);
}

Arrays map_graph(
    const Arrays& outputs,
    const Arrays& stand_ins,
    const Arrays& items,
    const Axes& in,
    const Axes& out) {
  std::unordered_map<std::uintptr_t, std::pair<mx::array, int>> found;
  Arrays mapped;
  int extent = 1;
  for (size_t i = 0; i < stand_ins.size(); i++) {
    if (in[i] >= 0) {
      extent = items.at(i).shape(in[i]);
      mapped.push_back(stand_ins[i]);
      found.insert_or_assign(stand_ins[i].id(), std::pair{items[i], in[i]});
    }
  }
  Arrays tape = between(mapped, outputs, any_array);
  release(mapped, tape);
  for (auto& a : tape) {
    Arrays inputs, results = a.outputs();
    Axes axes;
    for (auto& input : a.inputs()) {
      auto at = found.find(input.id());
      inputs.push_back(at == found.end() ? input : at->second.first);
      axes.push_back(at == found.end() ? -1 : at->second.second);
    }
    Results now;
    if (extent == 0) {
      for (auto& result : results) {
        mx::Shape shape = result.shape();
        shape.insert(shape.begin(), 0);
        now.first.push_back(mx::zeros(std::move(shape), result.dtype(), a.primitive().stream()));
        now.second.push_back(0);
      }
    } else {
      now = map_operation(a, std::move(inputs), std::move(axes), extent);
    }
    for (size_t i = 0; i < results.size(); i++) {
      found.emplace(results[i].id(), std::pair{now.first[i], now.second[i]});
    }
  }
  Arrays placed;
  for (size_t i = 0; i < outputs.size(); i++) {
    auto at = found.find(outputs[i].id());
    mx::array a = at == found.end() ? outputs[i] : at->second.first;
    int axis = at == found.end() ? -1 : at->second.second;
    if (axis >= 0 && out[i] < 0) {
      throw Differs{};
    }
    if (axis == out[i]) {
      placed.push_back(a);
      continue;
    }
    mx::Stream s = a.has_primitive() ? a.primitive().stream() : mx::default_stream(mx::Device::cpu);
    placed.push_back(mx::moveaxis(items_first(a, axis, extent, s), 0, out[i], s));
  }
  return placed;
}

Function mapped(const Function& f) {
  if (!f) {
    return f;
  }
  return [f](const Arrays& inputs) {
    auto [stand_ins, outputs] = mx::detail::vmap_trace(f, inputs, Axes(inputs.size(), 0));
    return map_graph(outputs, stand_ins, inputs, Axes(inputs.size(), 0), Axes(outputs.size(), 0));
  };
}

} // namespace rmlx

// The results of a graph for all items; axes from 0, -1 for what is the same for all items. 2: a result
// is not.
extern "C" int rmlx_map_graph(
    mlx_vector_array* res,
    mlx_vector_array outputs,
    mlx_vector_array stand_ins,
    mlx_vector_array items,
    const int* in,
    const int* out) {
  try {
    const auto& results = mlx_vector_array_get_(outputs);
    const auto& from = mlx_vector_array_get_(stand_ins);
    mlx_vector_array_set_(
        *res,
        rmlx::map_graph(
            results, from, mlx_vector_array_get_(items), std::vector<int>(in, in + from.size()),
            std::vector<int>(out, out + results.size())));
    return 0;
  } catch (rmlx::Differs&) {
    return 2;
  } catch (std::exception& e) {
    mlx_error("%s", e.what());
    return 1;
  }
}

// The same for items along the first axes of arguments and results.
extern "C" int rmlx_map_rows(
    mlx_vector_array* res,
    mlx_vector_array outputs,
    mlx_vector_array stand_ins,
    mlx_vector_array items) {
  std::vector<int> in(mlx_vector_array_get_(stand_ins).size(), 0);
  std::vector<int> out(mlx_vector_array_get_(outputs).size(), 0);
  return rmlx_map_graph(res, outputs, stand_ins, items, in.data(), out.data());
}
