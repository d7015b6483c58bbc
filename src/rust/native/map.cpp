// vmap: the operations of a graph for one item, one after the other, for all items. MLX's operations
// say how. Where one cannot, or does it wrongly, it is done here. (MLX's own walk through the graph
// gives up at the former, and ends in the stack's overflow for long loops.)

#include "map.h"

#include <string_view>
#include <unordered_map>

#include <mlx/transforms_impl.h>

#include "beside.h"
#include "mlx/c/private/mlx.h"
#include "own.h"
#include "outputs.h"
#include "status.h"

namespace mx = mlx::core;

namespace rmlx {

namespace {

using Names = std::unordered_set<std::string_view>;

mx::array one_of(const mx::array& a, int axis, int i, mx::Stream s) {
  mx::Shape start(a.ndim(), 0), stop = a.shape();
  start[axis] = i;
  stop[axis] = i + 1;
  return mx::squeeze(mx::slice(a, std::move(start), std::move(stop), s), axis, s);
}

// An operation applied to one item after the other.
Items one_by_one(const mx::array& a, const Arrays& inputs, const Axes& axes, int extent) {
  mx::Stream s = a.primitive().stream();
  Arrays outputs = a.outputs();
  std::vector<Arrays> found(outputs.size());
  for (int i = 0; i < extent; i++) {
    Arrays arguments;
    for (size_t k = 0; k < inputs.size(); k++) {
      arguments.push_back(axes[k] < 0 ? inputs[k] : one_of(inputs[k], axes[k], i, s));
    }
    auto made = outputs_like(outputs, a.primitive_ptr(), arguments);
    for (size_t j = 0; j < found.size(); j++) {
      found[j].push_back(made[j]);
    }
  }
  Arrays stacked;
  for (auto& items : found) {
    stacked.push_back(mx::stack(items, 0, s));
  }
  return with_items_first(std::move(stacked));
}

// MLX 0.32.2 changes the primitive itself, which so serves no second time.
Items broadcast(const mx::array& a, const mx::array& input, int axis) {
  mx::Stream s = a.primitive().stream();
  mx::array x = mx::moveaxis(input, axis, 0, s);
  mx::Shape shape = a.shape(), padded(a.ndim() + 1 - x.ndim(), 1);
  shape.insert(shape.begin(), x.shape(0));
  padded.insert(padded.begin(), x.shape(0));
  padded.insert(padded.end(), x.shape().begin() + 1, x.shape().end());
  return {{mx::broadcast_to(mx::reshape(x, std::move(padded), s), std::move(shape), s)}, {0}};
}

// Its first inputs are its outputs, which wait for the others.
Items depends(const mx::array& a, const Arrays& inputs, const Axes& axes) {
  size_t n = a.outputs().size();
  Arrays first(inputs.begin(), inputs.begin() + n), others(inputs.begin() + n, inputs.end());
  return {mx::depends(first, others), Axes(axes.begin(), axes.begin() + n)};
}

// Whether an operation is the product of two matrices of which one is the same for all items.
bool has_fixed_factor(const mx::array& a, const Axes& axes) {
  if (std::string_view(a.primitive().name()) != "Matmul" || (axes[0] >= 0) == (axes[1] >= 0)) {
    return false;
  }
  const Arrays& factors = a.inputs();
  return factors[0].ndim() == 2 && factors[1].ndim() == 2 && factors[0].size() > 0 && factors[1].size() > 0;
}

// All items in one product: their rows, or their columns as rows, one below the other. MLX multiplies them one
// by one.
Items product(const mx::array& a, const Arrays& inputs, const Axes& axes, int extent) {
  mx::Stream s = a.primitive().stream();
  auto times = [&](const mx::array& items, const mx::array& fixed) {
    int rows = items.shape(1), inner = items.shape(2);
    mx::array all = mx::matmul(mx::reshape(items, {extent * rows, inner}, s), fixed, s);
    return mx::reshape(all, {extent, rows, fixed.shape(1)}, s);
  };
  if (axes[0] >= 0) {
    return {{times(mx::moveaxis(inputs[0], axes[0], 0, s), inputs[1])}, {0}};
  }
  mx::array columns = mx::swapaxes(mx::moveaxis(inputs[1], axes[1], 0, s), 1, 2, s);
  return {{mx::swapaxes(times(columns, mx::transpose(inputs[0], s)), 1, 2, s)}, {0}};
}

Items map_operation(const mx::array& a, Arrays inputs, Axes axes, int extent) {
  // MLX 0.32.2 maps these rightly only if it maps all their inputs
  static const Names all_or_none{"AddMM", "DivMod", "NotEqual", "Remainder", "SliceUpdate"};
  std::string_view name = a.primitive().name();
  Beside its_device(a);
  if (name == "Broadcast") {
    return broadcast(a, inputs[0], axes[0]);
  }
  if (name == "Depends") {
    return depends(a, inputs, axes);
  }
  if (has_fixed_factor(a, axes)) {
    return product(a, inputs, axes, extent);
  }
  if (all_or_none.count(name)) {
    inputs = items_first(inputs, axes, extent, a.primitive().stream());
    axes.assign(axes.size(), 0);
  }
  try {
    return a.primitive().vmap(inputs, axes);
  } catch (std::exception&) {
    if (is_passed_on(a)) {
      throw; // a rule of ours, whose failure is the user's
    }
    return one_by_one(a, inputs, axes, extent);
  }
}

} // namespace

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
    Items now;
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
  return rmlx::status_of([&] {
    const auto& results = mlx_vector_array_get_(outputs);
    const auto& from = mlx_vector_array_get_(stand_ins);
    try {
      mlx_vector_array_set_(
          *res,
          rmlx::map_graph(
              results, from, mlx_vector_array_get_(items), rmlx::Axes(in, in + from.size()),
              rmlx::Axes(out, out + results.size())));
    } catch (rmlx::Differs&) {
      return 2;
    }
    return 0;
  });
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
