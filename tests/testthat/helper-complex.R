# Operations on complex numbers, each with the same in base R, at arguments that may be complex or real. The
# derivatives are those of base R's function of the real and imaginary parts, by central differences.

of_complex <- function(f, oracle = f, ...) list(f = f, oracle = oracle, args = list(...))

z_vector <- c(0.8 + 0.5i, -0.6 + 0.9i, 1.3 - 0.7i)
z_other <- c(1.1 - 0.4i, 0.5 + 0.6i, -0.9 + 0.3i)
z_matrix <- matrix(c(0.8 + 0.5i, -0.6 + 0.9i, 1.3 - 0.7i, 0.2 + 1.1i, -1.2 - 0.3i, 0.7 + 0.1i), 2)
z_wide <- matrix(c(1.1 - 0.4i, 0.5 + 0.6i, -0.9 + 0.3i, 0.3 - 1.2i, -0.7 + 0.2i, 0.4 + 0.8i), 3)
z_square <- matrix(c(1.8 + 0.5i, -0.6 + 0.9i, 0.3 - 0.7i, 2.2 + 1.1i), 2)
x_vector <- c(0.7, -1.2, 0.4)

fft_along_rows <- function(z, inverse = FALSE) {
  out <- t(apply(z, 1L, stats::fft, inverse = inverse))
  if (inverse) out / ncol(z) else out
}
# The real sequence of length n whose transform begins with z.
from_half <- function(z, n) {
  whole <- c(z[seq_len(n %/% 2L + 1L)], Conj(rev(z[seq_len((n + 1L) %/% 2L)][-1L])))
  whole[c(1L, if (n %% 2L == 0L) n %/% 2L + 1L)] <- Re(whole[c(1L, if (n %% 2L == 0L) n %/% 2L + 1L)])
  Re(stats::fft(whole, inverse = TRUE)) / n
}
# Base R 4.2 has another branch.
arcosh <- function(z) log(z + sqrt(z + 1) * sqrt(z - 1))

complex_operations <- list(
  "+" = of_complex(function(x, y) x + y, , z_vector, z_other),
  "-" = of_complex(function(x, y) x - y, , z_vector, z_other),
  "*" = of_complex(function(x, y) x * y, , z_vector, z_other),
  "/" = of_complex(function(x, y) x / y, , z_vector, z_other),
  "^" = of_complex(function(x, y) x^y, , z_vector, z_other),
  "^ with an R number" = of_complex(function(x) x^3, , z_vector),
  "^ with one half" = of_complex(function(x) x^0.5, , z_vector),
  "a complex constant to a power" = of_complex(function(y) (0.4 + 0.3i)^y, , z_vector),
  "unary minus" = of_complex(function(x) -x, , z_vector),
  "a complex and a real operand of *" = of_complex(function(x, y) x * y, , z_vector, x_vector),
  "a real and a complex operand of /" = of_complex(function(x, y) x / y, , x_vector, z_vector),
  "a real and a complex operand of +" = of_complex(function(x, y) x + y, , x_vector, z_vector),
  "operands that broadcast" = of_complex(function(x, y) x * y, , z_vector, 0.3 - 0.8i),
  exp = of_complex(exp, , z_vector),
  log = of_complex(log, , z_vector),
  log2 = of_complex(log2, function(z) log(z) / log(2), z_vector),
  log10 = of_complex(log10, function(z) log(z) / log(10), z_vector),
  "log with a base" = of_complex(function(z) log(z, 3), function(z) log(z) / log(3), z_vector),
  log1p = of_complex(log1p, function(z) log(1 + z), z_vector),
  sqrt = of_complex(sqrt, , z_vector),
  mlx_rsqrt = of_complex(mlx_rsqrt, function(z) 1 / sqrt(z), z_vector),
  mlx_square = of_complex(mlx_square, function(z) z^2, z_vector),
  mlx_reciprocal = of_complex(mlx_reciprocal, function(z) 1 / z, z_vector),
  sin = of_complex(sin, , z_vector),
  cos = of_complex(cos, , z_vector),
  tan = of_complex(tan, , z_vector),
  asin = of_complex(asin, , z_vector),
  acos = of_complex(acos, , z_vector),
  atan = of_complex(atan, , z_vector),
  sinh = of_complex(sinh, , z_vector),
  cosh = of_complex(cosh, , z_vector),
  tanh = of_complex(tanh, , z_vector),
  asinh = of_complex(asinh, , z_vector),
  acosh = of_complex(acosh, arcosh, z_vector),
  atanh = of_complex(atanh, , z_vector),
  mlx_degrees = of_complex(mlx_degrees, function(z) z * 180 / pi, z_vector),
  sign = of_complex(sign, function(z) z / Mod(z), z_vector),
  abs = of_complex(abs, Mod, z_vector),
  Mod = of_complex(Mod, , z_vector),
  Arg = of_complex(Arg, , z_vector),
  Re = of_complex(Re, , z_vector),
  Im = of_complex(Im, , z_vector),
  Conj = of_complex(Conj, , z_vector),
  mlx_logaddexp = of_complex(mlx_logaddexp, function(x, y) log(exp(x) + exp(y)), z_vector, z_other),
  mlx_logsumexp = of_complex(mlx_logsumexp, function(z) log(sum(exp(z))), z_vector),
  mlx_logcumsumexp = of_complex(mlx_logcumsumexp, function(z) log(cumsum(exp(z))), z_vector),
  mlx_softmax = of_complex(mlx_softmax, function(z) exp(z) / sum(exp(z)), z_vector),
  "sum of squared moduli" = of_complex(function(z) sum(Mod(z)^2), , z_vector),
  "z times its conjugate" = of_complex(function(z) z * Conj(z), , z_vector),
  "an array cast to complex64" = of_complex(function(x) mlx_cast(x, "complex64") * 2i, function(x) x * 2i, x_vector),
  "an array cast from complex64" = of_complex(function(z) mlx_cast(z, "float32"), Re, z_vector),
  "a matrix with an axis that is summed" = of_complex(rowSums, , z_matrix),
  sum = of_complex(sum, , z_vector),
  mean = of_complex(mean, , z_vector),
  prod = of_complex(prod, , z_vector),
  "prod with a zero" = of_complex(prod, , c(0.8 + 0.5i, 0i, 1.3 - 0.7i)),
  mlx_var = of_complex(mlx_var, function(z) mean((z - mean(z))^2), z_vector),
  cumsum = of_complex(cumsum, , z_vector),
  cumprod = of_complex(cumprod, , z_vector),
  "cumprod with a zero" = of_complex(cumprod, , c(0.8 + 0.5i, 0i, 1.3 - 0.7i)),
  "cumsum in reverse" = of_complex(function(z) mlx_cumsum(z, reverse = TRUE), function(z) rev(cumsum(rev(z))),
                                    z_vector),
  diff = of_complex(diff, , z_vector),
  "%*%" = of_complex(function(x, y) x %*% y, , z_matrix, z_wide),
  "%*% with a real matrix" = of_complex(function(x, y) x %*% y, , z_matrix, Re(z_wide)),
  "%*% with a vector" = of_complex(function(x, y) x %*% y, , z_matrix, z_vector),
  crossprod = of_complex(function(x, y) crossprod(x, y), function(x, y) t(x) %*% y, z_matrix, z_square),
  outer = of_complex(function(x, y) outer(x, y), , z_vector, z_other),
  mlx_addmm = of_complex(function(c, a, b) mlx_addmm(c, a, b, alpha = 0.5, beta = 2),
                          function(c, a, b) 0.5 * (a %*% b) + 2 * c, z_square, z_matrix, z_wide),
  mlx_einsum = of_complex(function(x, y) mlx_einsum("ij,jk->ik", x, y), `%*%`, z_matrix, z_wide),
  mlx_tensordot = of_complex(function(x, y) mlx_tensordot(x, y, 1), `%*%`, z_matrix, z_wide),
  mlx_inner = of_complex(mlx_inner, function(x, y) sum(x * y), z_vector, z_other),
  mlx_vecdot = of_complex(mlx_vecdot, function(x, y) sum(Conj(x) * y), z_vector, z_other),
  mlx_kron = of_complex(mlx_kron, kronecker, z_vector, z_other),
  mlx_trace = of_complex(mlx_trace, function(z) sum(diag(z)), z_square),
  mlx_convolve = of_complex(function(x, y) mlx_convolve(x, y), function(x, y) {
    vapply(1:5, function(k) {
      i <- max(1, k - 2):min(3, k)
      sum(x[i] * y[k + 1L - i])
    }, 0i)
  }, z_vector, z_other),
  mlx_fft = of_complex(mlx_fft, stats::fft, z_vector),
  "mlx_fft of real numbers" = of_complex(mlx_fft, stats::fft, x_vector),
  mlx_ifft = of_complex(mlx_ifft, function(z) stats::fft(z, inverse = TRUE) / 3, z_vector),
  "mlx_fft of rows" = of_complex(mlx_fft, fft_along_rows, z_matrix),
  "mlx_ifft of rows" = of_complex(mlx_ifft, function(z) fft_along_rows(z, TRUE), z_matrix),
  mlx_fft2 = of_complex(mlx_fft2, stats::fft, z_matrix),
  mlx_ifft2 = of_complex(mlx_ifft2, function(z) stats::fft(z, inverse = TRUE) / 6, z_matrix),
  "fft, base R's generic" = of_complex(function(z) fft(z), stats::fft, z_vector),
  "mlx_fft, padded" = of_complex(function(z) mlx_fft(z, n = 5), function(z) stats::fft(c(z, 0, 0)), z_vector),
  mlx_rfft = of_complex(mlx_rfft, function(x) stats::fft(x)[1:2], x_vector),
  "mlx_rfft of even length" = of_complex(mlx_rfft, function(x) stats::fft(x)[1:3], c(x_vector, 2.1)),
  mlx_irfft = of_complex(mlx_irfft, function(z) from_half(z, 4L), z_vector),
  "mlx_irfft of odd length" = of_complex(function(z) mlx_irfft(z, n = 5), function(z) from_half(z, 5L), z_vector),
  mlx_fftshift = of_complex(mlx_fftshift, function(z) z[c(3, 1, 2)], z_vector),
  "[" = of_complex(function(z) z[c(2, 2, 3)], , z_vector),
  "[ of a matrix" = of_complex(function(z) drop(z[2, ]), , z_matrix),
  "[<-" = of_complex(function(z, v) { z[2] <- v; z }, , z_vector, 0.3 - 0.8i), # nolint
  "[<- of several" = of_complex(function(z, v) { z[c(1, 3)] <- v; z }, , z_vector, z_other[1:2]), # nolint
  c = of_complex(function(x, y) c(x, y), , z_vector, z_other),
  rbind = of_complex(function(x, y) rbind(x, y), function(x, y) unname(rbind(x, y)), z_vector, z_other),
  t = of_complex(t, , z_matrix),
  mlx_reshape = of_complex(function(z) mlx_reshape(z, c(3, 2)), function(z) matrix(as.vector(t(z)), 3, byrow = TRUE),
                            z_matrix),
  rev = of_complex(rev, , z_vector),
  rep = of_complex(function(z) rep(z, 2), , z_vector),
  diag = of_complex(diag, , z_square),
  mlx_where = of_complex(function(x, y) mlx_where(c(TRUE, FALSE, TRUE), x, y),
                          function(x, y) c(x[1], y[2], x[3]), z_vector, z_other),
  "mlx_where of a singular branch" = of_complex(
    function(z) mlx_where(Mod(z) > 0.1, log(z), z), function(z) c(log(z[1:2]), z[3]), c(z_vector[1:2], 0.01 + 0.01i)
  ),
  mlx_tril = of_complex(mlx_tril, function(z) z * lower.tri(z, TRUE), z_square),
  mlx_pad = of_complex(function(z) mlx_pad(z, 1), function(z) c(0, z, 0), z_vector),
  mlx_roll = of_complex(function(z) mlx_roll(z, 1), function(z) z[c(3, 1, 2)], z_vector),
  mlx_take = of_complex(function(z) mlx_take(z, c(3, 1, 1)), function(z) z[c(3, 1, 1)], z_vector),
  mlx_at_add = of_complex(function(z, v) mlx_at_add(z, c(1, 1), v), function(z, v) c(z[1] + sum(v), z[2:3]),
                           z_vector, z_other[1:2]),
  mlx_at_multiply = of_complex(function(z, v) mlx_at_multiply(z, c(1, 3), v),
                                function(z, v) z * c(v[1], 1, v[2]), z_vector, z_other[1:2]),
  mlx_at_divide = of_complex(function(z, v) mlx_at_divide(z, c(1, 3), v),
                              function(z, v) z / c(v[1], 1, v[2]), z_vector, z_other[1:2]),
  mlx_take_along_axis = of_complex(function(z) mlx_take_along_axis(z, c(3, 1, 1), 1), function(z) z[c(3, 1, 1)],
                                    z_vector),
  mlx_put_along_axis = of_complex(function(z, v) mlx_put_along_axis(z, c(3, 1), v, 1),
                                   function(z, v) c(v[2], z[2], v[1]), z_vector, z_other[1:2]),
  mlx_norm = of_complex(mlx_norm, function(z) sqrt(sum(Mod(z)^2)), z_vector),
  "mlx_norm of order 1" = of_complex(function(z) mlx_norm(z, 1), function(z) sum(Mod(z)), z_vector),
  "cubes of eigenvalues" = of_complex(function(z) sum(mlx_eigvals(z)^3), function(z) sum(diag(z %*% z %*% z)),
                                       z_square),
  "moduli of eigenvectors" = of_complex(function(z) sum(Mod(mlx_eig(z)$vectors)^4),
                                         function(z) sum(Mod(eigen(z)$vectors)^4), z_square)
)
