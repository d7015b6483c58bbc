# Special functions beside R's own group Math.

# A row of the kernels' table (src/rust/src/exact/table.rs), at arguments that broadcast.
special <- function(name, order, ...) .Call(C_special, name, order, list(...))

#' Special functions
#'
#' Element by element, on the gradient's tape to any order, in double precision for float64 (to
#' 1e-14) and rounded once for float32.
#'
#' - `mlx_erf()`, `mlx_erfc()`: the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0
#'   to x, and its complement, which keeps its digits where it is small; `mlx_erfinv()`: the inverse
#'   of the first.
#' - `mlx_sigmoid()`: 1 / (1 + exp(-x)); `mlx_log_sigmoid()` its logarithm, `mlx_softplus()`
#'   log(1 + exp(x)), both without overflow.
#' - `mlx_logit()`: log(x / (1 - x)), the inverse of the sigmoid; NaN outside \[0, 1\].
#' - `mlx_log1mexp()`: log(1 - exp(-x)) for x >= 0, without cancellation.
#' - `mlx_bessel_j()`, `mlx_bessel_i()`: the Bessel functions J and I of a whole order >= 0, as
#'   [base::besselJ()] and [base::besselI()], for negative x too.
#'
#' @param x An mlx array or R vector.
#' @param order A whole number >= 0.
#' @param scaled Whether to multiply by exp(-|x|), which avoids overflow.
#' @return An mlx array of the shape of `x`; integers give the default floating dtype.
#' @examples
#' x <- as_mlx(c(0.1, 0.5, 2), dtype = "float64")
#' mlx_erf(x)
#' mlx_erfinv(mlx_erf(x))
#' mlx_logit(mlx_sigmoid(x))
#' mlx_bessel_j(x, 1)
#' @name mlx_special
NULL

#' @rdname mlx_special
#' @export
mlx_erf <- function(x) .Call(C_erf, x)

#' @rdname mlx_special
#' @export
mlx_erfc <- function(x) .Call(C_erfc, x)

#' @rdname mlx_special
#' @export
mlx_erfinv <- function(x) .Call(C_erfinv, x)

#' @rdname mlx_special
#' @export
mlx_sigmoid <- function(x) .Call(C_sigmoid, x, .Generic)

#' @rdname mlx_special
#' @export
mlx_log_sigmoid <- function(x) .Call(C_log_sigmoid, x)

#' @rdname mlx_special
#' @export
mlx_softplus <- function(x) .Call(C_softplus, x)

#' @rdname mlx_special
#' @export
mlx_logit <- function(x) special("Logit", 0L, x)

#' @rdname mlx_special
#' @export
mlx_log1mexp <- function(x) special("Log1mExp", 0L, x)

#' @rdname mlx_special
#' @export
mlx_bessel_j <- function(x, order = 0) special("BesselJ", check_count(order, "order"), x)

#' @rdname mlx_special
#' @export
mlx_bessel_i <- function(x, order = 0, scaled = FALSE) {
  name <- if (check_flag(scaled, "scaled")) "BesselIScaled" else "BesselI"
  special(name, check_count(order, "order"), x)
}

#' Base R's functions of two arguments, for mlx arrays too
#'
#' Base R's [base::beta()], [base::lbeta()], [base::choose()], [base::lchoose()], [base::psigamma()] and
#' [base::atan2()] are not generic: these take their place, compute mlx arrays on MLX, and leave all
#' else to base R. `gamma()`, `lgamma()`, `digamma()`, `trigamma()`, `factorial()` and `lfactorial()`
#' take mlx arrays as they are, see [mlx_math].
#'
#' `choose(n, k)` has a gradient in `n`, which need not be whole; `k` is rounded and has none.
#'
#' @param a,b,n,k,x,y mlx arrays or R vectors. If one is an mlx array, they broadcast.
#' @param deriv The order of the derivative of digamma: a whole number >= 0.
#' @return An mlx array, or what base R returns for R vectors.
#' @examples
#' beta(as_mlx(2), 3)
#' choose(as_mlx(5), 0:5)
#' choose(5, 2)
#' psigamma(as_mlx(1), 2)
#' atan2(as_mlx(1), -1)
#' @name mlx_beta
NULL

#' @rdname mlx_beta
#' @export
beta <- function(a, b) {
  if (is_mlx(a) || is_mlx(b)) special("Beta", 0L, a, b) else base::beta(a, b)
}

#' @rdname mlx_beta
#' @export
lbeta <- function(a, b) {
  if (is_mlx(a) || is_mlx(b)) special("Lbeta", 0L, a, b) else base::lbeta(a, b)
}

#' @rdname mlx_beta
#' @export
choose <- function(n, k) {
  if (is_mlx(n) || is_mlx(k)) special("Choose", 0L, n, k) else base::choose(n, k)
}

#' @rdname mlx_beta
#' @export
lchoose <- function(n, k) {
  if (is_mlx(n) || is_mlx(k)) special("Lchoose", 0L, n, k) else base::lchoose(n, k)
}

#' @rdname mlx_beta
#' @export
psigamma <- function(x, deriv = 0L) {
  if (!is_mlx(x)) return(base::psigamma(x, deriv))
  special("Polygamma", check_count(deriv, "deriv"), x)
}

#' @rdname mlx_beta
#' @export
atan2 <- function(y, x) {
  if (is_mlx(y) || is_mlx(x)) .Call(C_atan2, y, x) else base::atan2(y, x)
}
