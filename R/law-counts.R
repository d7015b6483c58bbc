# Distributions of counts.

#' @rdname mlx_distributions
#' @export
mlx_dbinom <- function(x, size, prob, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, size, prob)
  size <- parameter(size, "count")
  density_of(special("BinomialDensity", 0L, x, size, parameter(prob, "probability")), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pbinom <- function(x, size, prob, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, size, prob)
  size <- constant(parameter(size, "count"))
  prob <- parameter(prob, "probability")
  form <- form(lower.tail, log.p)
  k <- whole(x)
  # up to k successes: the k + 1st smallest of `size` uniform numbers is above prob
  inside <- special("BetaTail", flip(form), prob, mlx_maximum(k, 0) + 1, mlx_maximum(size - k, 1))
  mlx_where(k < 0, certain(FALSE, form), mlx_where(k >= size, certain(TRUE, form), inside))
}

#' @rdname mlx_distributions
#' @export
mlx_qbinom <- function(p, size, prob, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, size, prob)
  size <- parameter(size, "count")
  prob <- parameter(prob, "probability")
  special("BinomialQuantile", form(lower.tail, log.p), p, size, prob)
}

#' @rdname mlx_distributions
#' @export
mlx_dpois <- function(x, lambda, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, lambda)
  density_of(special("PoissonDensity", 0L, x, parameter(lambda, "nonnegative")), log)
}

#' @rdname mlx_distributions
#' @export
mlx_ppois <- function(x, lambda, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, lambda)
  form <- form(lower.tail, log.p)
  k <- whole(x)
  lambda <- parameter(lambda, "nonnegative")
  # up to k events: the time to the k + 1st is above lambda
  inside <- special("GammaTail", flip(form), lambda, mlx_maximum(k, 0) + 1)
  mlx_where(k < 0, certain(FALSE, form), inside)
}

#' @rdname mlx_distributions
#' @export
mlx_qpois <- function(p, lambda, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, lambda)
  special("PoissonQuantile", form(lower.tail, log.p), p, parameter(lambda, "nonnegative"))
}

#' @rdname mlx_distributions
#' @export
mlx_dnbinom <- function(x, size, prob, mu, log = FALSE, device = NULL) {
  check_flag(log, "log")
  size <- parameter(size, "positive")
  mu <- nbinom_mean(size, prob, mu, missing(prob), missing(mu))
  x <- variable(x, device, size, mu)
  density_of(special("NegativeBinomialDensity", 0L, x, size, mu), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pnbinom <- function(x, size, prob, mu, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  size <- parameter(size, "positive")
  mu <- nbinom_mean(size, prob, mu, missing(prob), missing(mu))
  x <- variable(x, device, size, mu)
  form <- form(lower.tail, log.p)
  k <- whole(x)
  failures <- mlx_maximum(k, 0) + 1
  inside <- special("FTail", form, failures / mu, 2 * size, 2 * failures)
  mlx_where(k < 0, certain(FALSE, form), inside)
}

#' @rdname mlx_distributions
#' @export
mlx_qnbinom <- function(p, size, prob, mu, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  size <- parameter(size, "positive")
  mu <- nbinom_mean(size, prob, mu, missing(prob), missing(mu))
  p <- variable(p, device, size, mu)
  special("NegativeBinomialQuantile", form(lower.tail, log.p), p, size, mu)
}

nbinom_mean <- function(size, prob, mu, no_prob, no_mu) {
  if (no_prob == no_mu) rmlx_abort("Give `prob` or `mu`, one of the two.", "argument")
  if (no_prob) return(parameter(mu, "nonnegative"))
  prob <- parameter(prob, "chance")
  size * (1 - prob) / prob
}

# The count that a number stands for, with R's tolerance; it has no slope.
whole <- function(x) floor(constant(x) + 1e-7)

constant <- function(x) if (is_mlx(x)) mlx_stop_gradient(x) else x

# The other tail.
flip <- function(form) form + if (form %% 2L == 1L) -1L else 1L
