# Special functions of two arguments, which base R has no methods for.

#' Beta functions, binomial coefficients, angles
#'
#' Base R's functions, for mlx arrays too; everything else goes to base R. `factorial()` and
#' `lfactorial()` need no mask: they call `gamma()` and `lgamma()`, see [mlx_math]. float64 is exact to
#' about 1e-13, float32 to 1e-6, and all but `choose()` and `lchoose()` in `k` are differentiable.
#'
#' @param a,b,n,k,x,y mlx arrays or R vectors, which broadcast. `k` is rounded to a whole number.
#' @param deriv The order of the derivative of digamma: a whole number.
#' @return An mlx array where an argument is one: the beta function and its logarithm, the binomial
#'   coefficient and the logarithm of its absolute value, the polygamma function, and the angle of the
#'   point (x, y).
#' @examples
#' beta(as_mlx(2), 3)
#' choose(5, as_mlx(0:5))
#' psigamma(as_mlx(1), 2)
#' atan2(as_mlx(1), -1)
#' @name special
NULL

two_of <- function(routine, plain, x, y) if (any_mlx(x, y)) .Call(routine, x, y) else plain(x, y)

#' @rdname special
#' @export
beta <- function(a, b) two_of(C_beta, base::beta, a, b)

#' @rdname special
#' @export
lbeta <- function(a, b) two_of(C_lbeta, base::lbeta, a, b)

#' @rdname special
#' @export
choose <- function(n, k) two_of(C_choose, base::choose, n, k)

#' @rdname special
#' @export
lchoose <- function(n, k) two_of(C_lchoose, base::lchoose, n, k)

#' @rdname special
#' @export
atan2 <- function(y, x) two_of(C_atan2, base::atan2, y, x)

#' @rdname special
#' @export
psigamma <- function(x, deriv = 0L) {
  if (is_mlx(x)) .Call(C_polygamma, x, check_count(deriv, "deriv")) else base::psigamma(x, deriv)
}
