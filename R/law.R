# What the functions of all distributions share.

#' Probability distributions
#'
#' Densities (`mlx_d*`), distribution functions (`mlx_p*`) and quantile functions (`mlx_q*`) of mlx
#' arrays, with the arguments, defaults and values of their namesakes in package stats. Draws are at
#' [mlx_rnorm()], the multivariate normal distribution at [mlx_dmvnorm()].
#'
#' Arguments broadcast against each other as in arithmetic, and each may be an mlx array. All is on
#' the gradient's tape: with respect to `x` or `p` (a distribution function's derivative is the
#' density, a quantile's follows from it by the implicit rule) and to every parameter, but for
#' counts, `size` of the binomial distribution among them. Second derivatives exist throughout;
#' third ones of the distribution functions of gamma, beta, t and F in their shapes do not, and are
#' an error.
#'
#' float64 agrees with package stats to a relative error of 1e-12, in the tails and of logarithms
#' too, and derivatives in shapes to about 1e-12: tails of the gamma, beta, t and F distributions are
#' integrals of the density by Gauss and Legendre's rule, scaled so that nothing underflows or
#' cancels, quantiles are found by Newton's method. float32 is computed in double precision and
#' rounded.
#'
#' The Laplace distribution has the density exp(-|x - location| / scale) / (2 scale). `mlx_qbinom()`
#' and the other quantiles of counts are the smallest count whose distribution function is at least
#' `p`.
#'
#' @section Unfit parameters:
#' An R number that is no parameter of the distribution (a negative `sd`, a probability of 2) is an
#' error of class `rmlx_error_argument`. In an mlx array, which is not looked at before it is
#' evaluated, it gives NaN.
#'
#' @param x Quantiles: mlx arrays or R vectors. (The first argument of distribution functions is
#'   called `q` in package stats.)
#' @param p Probabilities, or their logarithms.
#' @param mean,sd,meanlog,sdlog,min,max,rate,location,scale,shape,shape1,shape2,df,df1,df2,lambda,size,prob,mu
#'   Parameters, as in package stats.
#' @param log,log.p Whether densities or probabilities are logarithms.
#' @param lower.tail Whether probabilities are P(X <= x), or else P(X > x).
#' @param device `"cpu"` or `"gpu"`; default: where the arrays are, see [mlx_device()] for R numbers.
#' @return An mlx array of the shape to which the arguments broadcast.
#' @examples
#' x <- as_mlx(c(-1, 0, 2), dtype = "float64")
#' mlx_dnorm(x, log = TRUE)
#' mlx_pgamma(abs(x), shape = 2, lower.tail = FALSE)
#' mlx_qt(c(0.025, 0.975), df = 4)
#'
#' # the slope of a log likelihood in its parameters
#' counts <- as_mlx(c(3, 0, 2), dtype = "float64")
#' mlx_grad(function(size, mu) sum(mlx_dnbinom(counts, size, mu = mu, log = TRUE)), 1.5, 2)
#' @name mlx_distributions
NULL

# The first argument as an mlx array of floating dtype: beside parameters that are mlx arrays an R
# vector takes theirs.
variable <- function(x, device, ...) {
  if (!is_mlx(x)) return(as_mlx(x, common_float(...), device %||% common_device(...)))
  x <- as_mlx(x, device = device)
  if (mlx_dtype(x) == "complex64") {
    rmlx_abort("distributions are of real numbers; this is complex64. Take Re() or Mod() first.", "dtype")
  }
  if (mlx_dtype(x) %in% real_dtypes) x else mlx_cast(x, default_float())
}

real_dtypes <- c("float16", "bfloat16", "float32", "float64")

# The floating dtype of the mlx arrays among values; without any the default one.
common_float <- function(...) {
  dtypes <- vapply(Filter(is_mlx, list(...)), mlx_dtype, "")
  dtypes <- unique(dtypes[dtypes %in% real_dtypes])
  switch(min(length(dtypes), 2L) + 1L, default_float(), dtypes,
         if ("float64" %in% dtypes) "float64" else "float32")
}

# The device of the mlx arrays among values; without any the default one.
common_device <- function(...) {
  devices <- vapply(Filter(is_mlx, list(...)), mlx_device, "")
  if (length(devices) == 0L) mlx_default_device() else if ("gpu" %in% devices) "gpu" else "cpu"
}

kinds <- list(
  positive = list(fits = function(x) x > 0, text = "positive"),
  nonnegative = list(fits = function(x) x >= 0, text = "0 or more"),
  probability = list(fits = function(x) x >= 0 & x <= 1, text = "between 0 and 1"),
  chance = list(fits = function(x) x > 0 & x <= 1, text = "above 0 and at most 1"),
  count = list(fits = function(x) x >= 0 & x == round(x), text = "whole numbers of 0 or more")
)

# A parameter: of R numbers unfit ones are an error, in an mlx array they become NaN.
parameter <- function(x, kind = NULL) {
  name <- deparse(substitute(x))
  kind <- kinds[[kind %||% "none"]]
  if (is_mlx(x)) return(if (is.null(kind)) x else mlx_where(kind$fits(x), x, NaN))
  if (!is.numeric(x) && !is.logical(x)) {
    rmlx_abort(paste0("`", name, "` must be numbers or an mlx array."), "argument")
  }
  if (!is.null(kind) && !all(kind$fits(x), na.rm = TRUE)) {
    rmlx_abort(paste0("`", name, "` must be ", kind$text, "."), "argument")
  }
  x
}

# Flags of a tail, as the kernels number them.
form <- function(lower.tail, log.p) {
  (!check_flag(lower.tail, "lower.tail")) + 2L * check_flag(log.p, "log.p")
}

density_of <- function(log_density, log) if (check_flag(log, "log")) log_density else exp(log_density)

# Probabilities, NaN where they are none.
probability <- function(p, device, log.p, ...) {
  p <- variable(p, device, ...)
  mlx_where(if (check_flag(log.p, "log.p")) p > 0 else (p < 0) | (p > 1), NaN, p)
}

# The logarithms of the lower and of the upper tail that probabilities mean.
log_lower <- function(p, form) {
  switch(form + 1L, log(p), log1p(-p), p, mlx_log1mexp(-p))
}

log_upper <- function(p, form) {
  switch(form + 1L, log1p(-p), log(p), mlx_log1mexp(-p), p)
}

# A tail from the logarithm of the upper one, minus a cumulated hazard.
tail_of_hazard <- function(hazard, form) {
  switch(form + 1L, -expm1(-hazard), exp(-hazard), mlx_log1mexp(hazard), -hazard)
}

# A certain event's lower tail in a form, 1 or 0.
certain <- function(is_one, form) {
  one <- if (form %% 2L == 1L) !is_one else is_one
  if (form >= 2L) log(as.numeric(one)) else as.numeric(one)
}

# x where it is inside a support (or NaN), and elsewhere a number at which no slope is infinite.
within_support <- function(x, inside, instead) mlx_where(inside | is.nan(x), x, instead)
