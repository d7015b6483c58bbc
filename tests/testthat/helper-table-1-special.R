# The table's rows for special functions.

erf_r <- function(x) sign(x) * pgamma(x^2, 0.5)
erfinv_r <- function(x) sign(x) * sqrt(qgamma(abs(x), 0.5))
log_sigmoid_r <- function(x) plogis(x, log.p = TRUE)
parity <- function(f, order) shaped(function(x) ifelse(x < 0, (-1)^order, 1) * f(abs(x), order))
# f with the shape of x, which some functions of R drop where there are no elements.
shaped <- function(f) function(x) array_shaped(f(x), x)
array_shaped <- function(values, x) {
  dim(values) <- dim(x)
  values
}
wide <- c(-2.1, 0.4, 1.7, -0.3, 3.2, -22.25, 0.9, 37.5)

special_rows <- list(
  unary("mlx_erf", mlx_erf, unit * 3, c(NaN, Inf, -Inf, 0, 1e-4, 6), oracle = erf_r),
  unary("mlx_erfc", mlx_erfc, unit * 3, c(NaN, Inf, -Inf, 0, 5, 8),
        oracle = shaped(function(x) 2 * pnorm(-x * sqrt(2)))),
  unary("mlx_erfinv", mlx_erfinv, unit, c(NaN, 1, -1, 0, 0.999), oracle = erfinv_r,
        int = 0L, bool = FALSE),
  unary("mlx_sigmoid", mlx_sigmoid, mixed, c(edges, 40, -80), oracle = shaped(plogis)),
  unary("mlx_log_sigmoid", mlx_log_sigmoid, mixed, c(edges, 40, -700), oracle = shaped(log_sigmoid_r)),
  unary("mlx_softplus", mlx_softplus, mixed, c(edges, 700, -40),
        oracle = shaped(function(x) -plogis(-x, log.p = TRUE))),
  unary("mlx_logit", mlx_logit, (unit + 1) / 2, c(NaN, 0, 1, 0.5, -0.1, 1.1), oracle = shaped(qlogis),
        int = c(0L, 1L)),
  unary("mlx_log1mexp", mlx_log1mexp, positive, c(NaN, Inf, 0, 1e-10, 50),
        oracle = function(x) pexp(x, log.p = TRUE)),
  unary("mlx_bessel_j", mlx_bessel_j, c(-2.1, 0.4, 1.7, -0.3, 3.2, -12.25, 0.9, 7.5), c(NaN, 0),
        oracle = parity(besselJ, 0)),
  unary("mlx_bessel_j, order 1", function(x) mlx_bessel_j(x, 1), mixed, c(NaN, 0),
        oracle = parity(besselJ, 1), covers = "mlx_bessel_j"),
  unary("mlx_bessel_j, order 3", function(x) mlx_bessel_j(x, 3), mixed, c(NaN, 0),
        oracle = parity(besselJ, 3), covers = "mlx_bessel_j"),
  unary("mlx_bessel_i", mlx_bessel_i, wide, c(NaN, 0, 80), oracle = parity(besselI, 0)),
  unary("mlx_bessel_i, order 1", function(x) mlx_bessel_i(x, order = 1), wide, c(NaN, 0, 60),
        oracle = parity(besselI, 1), covers = "mlx_bessel_i"),
  unary("mlx_bessel_i, order 4, scaled", function(x) mlx_bessel_i(x, 4, scaled = TRUE), wide,
        c(NaN, 0, 100, 1e4), covers = "mlx_bessel_i",
        oracle = shaped(function(x) besselI(abs(x), 4, expon.scaled = TRUE))),
  unary("factorial", factorial, positive, c(NaN, Inf, 0, 5, 20), covers = "gamma"),
  unary("lfactorial", lfactorial, positive, c(NaN, Inf, 0, 5, 200), covers = "lgamma"),
  binary("beta", beta, positive, positive[8:1], special = c(NaN, 0, 1, 2.5), int_dtype = "float32",
         oracle = broadcasting(base::beta), int = list(c(1L, 3L), c(2L, 5L)), bool = NULL),
  binary("lbeta", lbeta, positive, positive[8:1], special = c(NaN, 0, 1, 2.5),
         int_dtype = "float32", oracle = broadcasting(base::lbeta),
         int = list(c(1L, 3L), c(2L, 5L)), bool = NULL),
  binary("choose", choose, c(5.5, 7.3, 40.2, 12.1, 3.6, 9.7, 100.4, 8.5), c(2, 3, 0, 5, 1, 4, 2, 6),
         special = c(0, 1, 5, 40), int_dtype = "float32", oracle = broadcasting(base::choose),
         int = list(c(5L, 7L), c(2L, 3L)), bool = NULL, grad = 1),
  binary("lchoose", lchoose, c(5.5, 7.3, 40.2, 12.1, 3.6, 9.7, 100.4, 8.5), c(2, 3, 1, 5, 1, 4, 2, 6),
         special = c(0, 1, 5, 40), int_dtype = "float32", oracle = broadcasting(base::lchoose),
         int = list(c(5L, 7L), c(2L, 3L)), bool = NULL, grad = 1)
)
