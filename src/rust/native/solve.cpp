// Linear systems by LAPACK: MLX's own solver multiplies with inverses of triangles, which takes three times
// as long and loses digits.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <mlx/allocator.h>
#include <mlx/backend/cpu/encoder.h>
#include <mlx/linalg.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include "lapack.h"
#include "solve.h"

#include "mlx/c/private/mlx.h"
#include "status.h"

namespace mx = mlx::core;

namespace {

using rmlx::Arrays;
using rmlx::Lapack;

enum class Kind { general, upper, lower };

// One system, column by column: `x` holds the right sides, and then the solution, NaN where the matrix is
// singular. `code`: the first zero of the diagonal (from 1) or 0. `rcond`: the reciprocal condition
// number in the 1-norm, for general matrices.
template <typename T>
void solve(Kind kind, int n, int columns, const T* matrix, T* x, float* code, float* rcond) {
  const Lapack<T>& lapack = Lapack<T>::get();
  size_t size = static_cast<size_t>(n) * n;
  int info = 0;
  if (kind == Kind::general) {
    std::vector<T> factors(matrix, matrix + size), work(4 * static_cast<size_t>(n));
    std::vector<int> pivots(n), whole_work(n);
    T norm = 0;
    for (int j = 0; j < n; j++) {
      T sum = 0;
      for (int i = 0; i < n; i++) {
        sum += std::abs(matrix[static_cast<size_t>(j) * n + i]);
      }
      norm = sum > norm || std::isnan(sum) ? sum : norm;
    }
    lapack.getrf(&n, &n, factors.data(), &n, pivots.data(), &info);
    T condition = 0;
    if (std::isnan(norm)) {
      condition = norm; // LAPACK refuses it
    } else if (info == 0 && std::isfinite(norm)) { // of infinite elements it is 0
      int refused = 0;
      lapack.gecon("1", &n, factors.data(), &n, &norm, &condition, work.data(), whole_work.data(), &refused, 1);
    }
    *rcond = static_cast<float>(condition);
    if (info == 0) {
      int refused = 0;
      lapack.getrs("N", &n, &columns, factors.data(), &n, pivots.data(), x, &n, &refused, 1);
    }
  } else {
    const char* uplo = kind == Kind::upper ? "U" : "L";
    lapack.trtrs(uplo, "N", "N", &n, &columns, matrix, &n, x, &n, &info, 1, 1, 1);
  }
  *code = static_cast<float>(info);
  if (info != 0) {
    std::fill_n(x, static_cast<size_t>(n) * columns, std::numeric_limits<T>::quiet_NaN());
  }
}

// Of the solutions and of the numbers of each matrix.
std::vector<mx::Shape> output_shapes(Kind kind, const Arrays& inputs) {
  mx::Shape numbers = inputs[0].shape();
  numbers.pop_back();
  numbers.back() = kind == Kind::general ? 2 : 1;
  return {inputs[1].shape(), std::move(numbers)};
}

// Stacks of systems. All matrices are transposed: their rows lie one after the other, as columns do for LAPACK.
class Solve : public mx::Primitive {
 public:
  Solve(mx::Stream stream, Kind kind) : mx::Primitive(stream), kind_(kind) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    auto& encoder = mx::cpu::get_command_encoder(stream());
    for (auto& input : inputs) {
      encoder.set_input_array(input);
    }
    for (auto& output : outputs) {
      output.set_data(mx::allocator::malloc(output.nbytes()));
      encoder.set_output_array(output);
    }
    encoder.dispatch([kind = kind_,
                      a = mx::array::unsafe_weak_copy(inputs[0]),
                      b = mx::array::unsafe_weak_copy(inputs[1]),
                      x = mx::array::unsafe_weak_copy(outputs[0]),
                      info = mx::array::unsafe_weak_copy(outputs[1])]() mutable {
      if (a.dtype() == mx::float64) {
        solve_all<double>(kind, a, b, x, info);
      } else {
        solve_all<float>(kind, a, b, x, info);
      }
    });
  }

  void eval_gpu(const Arrays&, Arrays&) override {
    throw std::logic_error("[rmlx] linear systems are solved on the cpu device");
  }

  const char* name() const override {
    return "Solve";
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return kind_ == static_cast<const Solve&>(other).kind_;
  }

  Kind kind() const {
    return kind_;
  }

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    return ::output_shapes(kind_, inputs);
  }

 private:
  template <typename T>
  static void
  solve_all(Kind kind, const mx::array& a, const mx::array& b, mx::array& x, mx::array& info) {
    size_t n = a.shape(-1), columns = b.shape(-2), numbers = info.shape(-1);
    std::copy_n(b.data<T>(), b.size(), x.data<T>());
    for (size_t i = 0; i < a.size() / (n * n); i++) {
      float* found = info.data<float>() + i * numbers;
      solve<T>(
          kind, static_cast<int>(n), static_cast<int>(columns), a.data<T>() + i * n * n,
          x.data<T>() + i * n * columns, found, found + 1);
    }
  }

  Kind kind_;
};

mx::array transposed(const mx::array& x, mx::Stream s) {
  return mx::swapaxes(x, -1, -2, s);
}

} // namespace

Arrays rmlx::solved_by_mlx(mx::Primitive& primitive, const Arrays& inputs) {
  auto& solve = static_cast<Solve&>(primitive);
  mx::Stream s = solve.stream();
  mx::array a = transposed(inputs[0], s), b = transposed(inputs[1], s);
  mx::array x = solve.kind() == Kind::general
      ? mx::linalg::solve(a, b, s)
      : mx::linalg::solve_triangular(a, b, solve.kind() == Kind::upper, s);
  mx::Shape numbers = output_shapes(solve.kind(), inputs)[1];
  return {transposed(x, s), mx::zeros(std::move(numbers), mx::float32, s)};
}

// X with A X = B for stacks of matrices of n >= 1 rows, and the numbers of each A: code and reciprocal
// condition number. `triangle`: 1, A is upper triangular, -1, lower; then there is no such number.
extern "C" int rmlx_solve(mlx_vector_array* res, mlx_array a, mlx_array b, int triangle, mlx_stream stream) {
  return rmlx::status_of([&] {
    mx::Stream s = mlx_stream_get_(stream);
    auto rows = [&](const mx::array& x) { return mx::contiguous(transposed(x, s), false, s); };
    Arrays inputs{rows(mlx_array_get_(a)), rows(mlx_array_get_(b))};
    Kind kind = triangle == 0 ? Kind::general : triangle > 0 ? Kind::upper : Kind::lower;
    auto type = inputs[1].dtype();
    Arrays out = mx::array::make_arrays(
        output_shapes(kind, inputs), {type, mx::float32}, std::make_shared<Solve>(s, kind), inputs);
    mlx_vector_array_set_(*res, {transposed(out[0], s), out[1]});
  });
}
