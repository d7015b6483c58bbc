// MLX computes exp, sin, cos, erf and others of float64 arrays in float32, and
// has no gamma functions. This primitive runs kernels written in Rust instead,
// in double precision; their derivatives are Rust functions too, which build
// ordinary operations, so that gradients of any order, vmap and compile work.
//
// float32 arrays are served by the same kernels: each block is widened, computed
// in double precision and rounded once. What loses nothing in single precision
// may have a kernel for it.

#include "exact.h"
#include "exact_row.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/common/utils.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

struct Table {
  const rmlx_exact_row* rows = nullptr;
  size_t count = 0;
  rmlx_exact_kernel kernel = nullptr;
  rmlx_exact_single single = nullptr;
  rmlx_exact_derivative derivative = nullptr;
};

// Written once, before any operation exists, and only read afterwards.
Table table;

// Elements a kernel sees at once where a copy is needed: small enough for the
// buffers of all inputs to stay in the first-level cache.
constexpr size_t BLOCK = 512;

// Reads the elements of a strided array in row-major order, a block at a time.
template <typename T>
class Strided {
 public:
  explicit Strided(const mx::array& a) : at_(a.data<T>()) {
    // Neighbouring axes that step as one are one axis: longer inner loops.
    for (int i = 0; i < static_cast<int>(a.ndim()); i++) {
      int64_t size = a.shape(i), stride = a.strides()[i];
      if (size == 1) {
        continue;
      }
      if (!axes_.empty() && axes_.back().stride == size * stride) {
        axes_.back() = {axes_.back().size * size, stride, 0};
      } else {
        axes_.push_back({size, stride, 0});
      }
    }
    if (axes_.empty()) {
      axes_.push_back({1, 0, 0});
    }
  }

  template <typename K>
  void read(K* to, size_t n) {
    Axis& inner = axes_.back();
    while (n > 0) {
      size_t m = std::min(n, static_cast<size_t>(inner.size - inner.at));
      for (size_t i = 0; i < m; i++) {
        to[i] = static_cast<K>(at_[i * inner.stride]);
      }
      to += m;
      n -= m;
      at_ += m * inner.stride;
      inner.at += m;
      for (size_t k = axes_.size(); axes_[k - 1].at == axes_[k - 1].size;) {
        Axis& done = axes_[--k];
        at_ -= done.size * done.stride;
        done.at = 0;
        if (k == 0) {
          return; // the end of the array
        }
        at_ += axes_[k - 1].stride;
        axes_[k - 1].at++;
      }
    }
  }

 private:
  struct Axis {
    int64_t size, stride, at;
  };
  const T* at_;
  std::vector<Axis> axes_;
};

// How an input's elements lie in relation to the output's.
enum class Layout {
  same, // element i of the buffer belongs to element i of the output's buffer
  single, // one element, for all of the output
  strided,
};

using Layouts = std::array<Layout, RMLX_EXACT_MAX_ARITY>;

bool is_single(const mx::array& a) {
  return a.data_size() == 1;
}

// True if the dense inputs can all be walked in the order of their buffers: a
// column-major matrix costs no copy, and a broadcast scalar is computed once.
bool walk_alike(const std::vector<mx::array>& inputs) {
  const mx::array* first = nullptr;
  bool row = true, col = true, strides = true;
  for (const auto& a : inputs) {
    if (is_single(a)) {
      continue;
    }
    const auto& f = a.flags();
    if (!f.contiguous) {
      return false;
    }
    first = first ? first : &a;
    row = row && f.row_contiguous;
    col = col && f.col_contiguous;
    strides = strides && a.strides() == first->strides() &&
        a.data_size() == first->data_size();
  }
  return row || col || strides;
}

int compute(uint32_t row, int32_t order, const double* const* from, uint32_t arity, double* into, size_t n) {
  return table.kernel(row, order, from, arity, into, n);
}

int compute(uint32_t row, int32_t order, const float* const* from, uint32_t arity, float* into, size_t n) {
  return table.single(row, order, from, arity, into, n);
}

// Runs the kernel for numbers of type K over all elements of `out`'s buffer, on a thread of MLX's.
template <typename T, typename K>
void run(
    uint32_t row,
    int32_t order,
    const std::vector<mx::array>& inputs,
    const Layouts& layouts,
    mx::array& out,
    bool shares_buffer) {
  constexpr bool direct = std::is_same_v<T, K>;
  const size_t arity = inputs.size(), n = out.data_size();
  K blocks[RMLX_EXACT_MAX_ARITY][BLOCK];
  K result[BLOCK];
  const K* from[RMLX_EXACT_MAX_ARITY] = {};
  const T* data[RMLX_EXACT_MAX_ARITY] = {};
  std::vector<Strided<T>> strided;
  strided.reserve(arity);
  for (size_t k = 0; k < arity; k++) {
    data[k] = inputs[k].data<T>();
    from[k] = blocks[k];
    if (layouts[k] == Layout::single) {
      std::fill_n(blocks[k], BLOCK, static_cast<K>(data[k][0]));
    } else if (layouts[k] == Layout::strided) {
      strided.emplace_back(inputs[k]);
    }
  }
  T* to = out.data<T>();
  for (size_t start = 0; start < n; start += BLOCK) {
    const size_t m = std::min(BLOCK, n - start);
    size_t next = 0;
    for (size_t k = 0; k < arity; k++) {
      if (layouts[k] == Layout::strided) {
        strided[next++].read(blocks[k], m);
      } else if (layouts[k] == Layout::same) {
        if constexpr (direct) {
          from[k] = data[k] + start;
        } else {
          std::copy_n(data[k] + start, m, blocks[k]);
        }
      }
    }
    K* into = result;
    if constexpr (direct) {
      // A kernel is promised that its output overlaps no input.
      into = shares_buffer ? result : to + start;
    }
    if (compute(row, order, from, arity, into, m) != 0) {
      throw std::runtime_error(
          std::string("[rmlx] the kernel of ") + table.rows[row].name +
          " failed");
    }
    if (static_cast<void*>(into) != static_cast<void*>(to + start)) {
      for (size_t i = 0; i < m; i++) {
        to[start + i] = static_cast<T>(result[i]);
      }
    }
  }
}

mx::array
apply(uint32_t row, int32_t order, std::vector<mx::array> inputs, mx::Stream s);

class Exact : public mx::UnaryPrimitive {
 public:
  Exact(mx::Stream s, uint32_t row, int32_t order)
      : mx::UnaryPrimitive(s), row_(row), order_(order) {}

  void eval_cpu(const std::vector<mx::array>& inputs, mx::array& out) override {
    auto& encoder = mx::cpu::get_command_encoder(stream());
    Layouts layouts{};
    bool shares_buffer = false;
    if (out.size() == 0) {
      out.set_data(mx::allocator::malloc(0));
      return;
    }
    if (walk_alike(inputs)) {
      // The output takes the layout, and where possible the buffer, of an input.
      const mx::array* like = &inputs[0];
      for (size_t k = 0; k < inputs.size(); k++) {
        layouts[k] = is_single(inputs[k]) ? Layout::single : Layout::same;
        if (layouts[k] == Layout::same && is_single(*like)) {
          like = &inputs[k];
        }
      }
      for (size_t k = 0; k < inputs.size() && !shares_buffer; k++) {
        if (inputs[k].data_size() == like->data_size() &&
            mx::is_donatable(inputs[k], out)) {
          out.copy_shared_buffer(inputs[k]);
          shares_buffer = true;
        }
      }
      if (!shares_buffer) {
        out.set_data(
            mx::allocator::malloc(like->data_size() * out.itemsize()),
            like->data_size(),
            like->strides(),
            like->flags());
      }
    } else {
      for (size_t k = 0; k < inputs.size(); k++) {
        layouts[k] = is_single(inputs[k]) ? Layout::single
            : inputs[k].flags().row_contiguous
            ? Layout::same
            : Layout::strided;
      }
      out.set_data(mx::allocator::malloc(out.nbytes()));
    }
    // Weak copies, as MLX's own operations do: the buffers are kept alive by the
    // evaluation, and a strong reference would forbid later donation.
    std::vector<mx::array> in;
    in.reserve(inputs.size());
    for (const auto& a : inputs) {
      encoder.set_input_array(a);
      in.push_back(mx::array::unsafe_weak_copy(a));
    }
    encoder.set_output_array(out);
    encoder.dispatch([row = row_,
                      order = order_,
                      in = std::move(in),
                      layouts,
                      out = mx::array::unsafe_weak_copy(out),
                      shares_buffer]() mutable {
      if (out.dtype() == mx::float64) {
        run<double, double>(row, order, in, layouts, out, shares_buffer);
      } else if (table.rows[row].has_single) {
        run<float, float>(row, order, in, layouts, out, shares_buffer);
      } else {
        run<float, double>(row, order, in, layouts, out, shares_buffer);
      }
    });
  }

  void eval_gpu(const std::vector<mx::array>&, mx::array&) override {
    // apply() accepts streams of the CPU only.
    throw std::logic_error("[rmlx] exact operations run on the cpu device");
  }

  std::vector<mx::array> jvp(
      const std::vector<mx::array>& primals,
      const std::vector<mx::array>& tangents,
      const std::vector<int>& argnums) override {
    auto out = apply(row_, order_, primals, stream());
    std::vector<mx::array> sum;
    for (size_t i = 0; i < argnums.size(); i++) {
      auto term = mx::multiply(
          tangents[i], derivative(primals, argnums[i], out), stream());
      if (sum.empty()) {
        sum.push_back(std::move(term));
      } else {
        sum[0] = mx::add(sum[0], term, stream());
      }
    }
    return sum;
  }

  std::vector<mx::array> vjp(
      const std::vector<mx::array>& primals,
      const std::vector<mx::array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<mx::array>& outputs) override {
    std::vector<mx::array> grads;
    for (int argnum : argnums) {
      grads.push_back(mx::multiply(
          cotangents[0], derivative(primals, argnum, outputs[0]), stream()));
    }
    return grads;
  }

  std::pair<std::vector<mx::array>, std::vector<int>> vmap(
      const std::vector<mx::array>& inputs,
      const std::vector<int>& axes) override {
    // The mapped axis goes where the first mapped input has it; an input without
    // one is broadcast along it.
    auto mapped = std::find_if(
        axes.begin(), axes.end(), [](int axis) { return axis >= 0; });
    if (mapped == axes.end()) {
      return {{apply(row_, order_, inputs, stream())}, {-1}};
    }
    int axis = *mapped;
    std::vector<mx::array> aligned;
    for (size_t i = 0; i < inputs.size(); i++) {
      if (axes[i] < 0) {
        aligned.push_back(mx::expand_dims(inputs[i], axis, stream()));
      } else if (axes[i] == axis) {
        aligned.push_back(inputs[i]);
      } else {
        aligned.push_back(mx::moveaxis(inputs[i], axes[i], axis, stream()));
      }
    }
    return {{apply(row_, order_, std::move(aligned), stream())}, {axis}};
  }

  const char* name() const override {
    return table.rows[row_].name;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Exact&>(other);
    return row_ == o.row_ && order_ == o.order_;
  }

  std::vector<mx::Shape> output_shapes(
      const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

 private:
  mx::array derivative(
      const std::vector<mx::array>& inputs,
      int argnum,
      const mx::array& out) {
    // Borrowed handles: Rust reads them during this call and frees none.
    auto borrow = [](const mx::array& a) {
      return mlx_array{const_cast<mx::array*>(&a)};
    };
    mlx_array handles[RMLX_EXACT_MAX_ARITY];
    for (size_t k = 0; k < inputs.size(); k++) {
      handles[k] = borrow(inputs[k]);
    }
    mx::Stream s = stream();
    mlx_array res{nullptr};
    char message[512] = "";
    int status = table.derivative(
        &res,
        row_,
        order_,
        argnum,
        handles,
        inputs.size(),
        borrow(out),
        mlx_stream{&s},
        message,
        sizeof message);
    std::unique_ptr<mx::array> owned(static_cast<mx::array*>(res.ctx));
    if (status != 0 || !owned) {
      throw std::runtime_error(
          std::string("[rmlx] the derivative of ") + name() +
          " failed: " + message);
    }
    return *owned;
  }

  uint32_t row_;
  int32_t order_;
};

mx::array apply(
    uint32_t row,
    int32_t order,
    std::vector<mx::array> inputs,
    mx::Stream s) {
  if (inputs.size() > 1) {
    bool alike = true;
    for (const auto& a : inputs) {
      alike = alike && a.shape() == inputs[0].shape();
    }
    if (!alike) {
      inputs = mx::broadcast_arrays(inputs, s);
    }
  }
  mx::Shape shape = inputs[0].shape();
  mx::Dtype dtype = inputs[0].dtype();
  return mx::array(
      std::move(shape),
      dtype,
      std::make_shared<Exact>(s, row, order),
      std::move(inputs));
}

} // namespace

uint32_t rmlx::exact_row(std::string_view name) {
  for (uint32_t row = 0; row < table.count; row++) {
    if (name == table.rows[row].name) {
      return row;
    }
  }
  throw std::logic_error("[rmlx] there is no exact operation of this name");
}

mx::array rmlx::exact(uint32_t row, Arrays inputs, mx::Stream stream) {
  return apply(row, 0, std::move(inputs), stream);
}

extern "C" void rmlx_exact_register(
    const rmlx_exact_row* rows,
    size_t count,
    rmlx_exact_kernel kernel,
    rmlx_exact_single single,
    rmlx_exact_derivative derivative) {
  table = {rows, count, kernel, single, derivative};
}

extern "C" int rmlx_exact_apply(
    mlx_array* res,
    uint32_t row,
    int32_t order,
    const mlx_array* inputs,
    uint32_t arity,
    mlx_stream stream) {
  return rmlx::status_of([&] {
    if (row >= table.count) {
      throw std::logic_error("[rmlx] the table of exact operations is not registered");
    }
    if (arity != table.rows[row].arity || arity == 0 ||
        arity > RMLX_EXACT_MAX_ARITY) {
      throw std::invalid_argument(
          std::string("[") + table.rows[row].name +
          "] wrong number of arguments");
    }
    mx::Stream s = mlx_stream_get_(stream);
    if (s.device != mx::Device::cpu) {
      throw std::invalid_argument(
          std::string("[") + table.rows[row].name +
          "] runs on the cpu device only");
    }
    std::vector<mx::array> in;
    for (uint32_t k = 0; k < arity; k++) {
      in.push_back(mlx_array_get_(inputs[k]));
      auto dtype = in[k].dtype();
      if ((dtype != mx::float64 && dtype != mx::float32) ||
          dtype != in[0].dtype()) {
        throw std::invalid_argument(
            std::string("[") + table.rows[row].name +
            "] takes float64 or float32 arrays, all of one type");
      }
    }
    mlx_array_set_(*res, apply(row, order, std::move(in), s));
  });
}
