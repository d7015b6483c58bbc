# Draws from the distributions of package stats.

#' Draws from probability distributions
#'
#' Random numbers of the distributions of [mlx_dnorm()] and its like, with the arguments of their
#' namesakes in package stats, but for `n`. How seeds and keys work is told at [mlx_key()].
#'
#' Parameters may be mlx arrays that broadcast to the shape of the draws. Draws carry gradients to
#' the parameters: normal, log-normal, uniform, exponential, logistic, Cauchy, Weibull and Laplace
#' ones as a function of the parameters and of fixed noise; gamma, chi-squared, beta, t and F ones by
#' implicit differentiation of the distribution function. Counts carry none.
#'
#' Gamma draws are made by Marsaglia and Tsang's method, Poisson and binomial ones by inversion for
#' small means and by Hoermann's rejection methods PTRS and BTRS for others, all in double precision.
#'
#' @param n How many, or the extents of the result.
#' @param mean,sd,meanlog,sdlog,min,max,rate,location,scale,shape,shape1,shape2,df,df1,df2,lambda,size,prob,mu
#'   Parameters, as in package stats.
#' @inheritParams mlx_rand
#' @return An mlx array of `n` draws, or of that shape; counts are floating numbers too.
#' @inheritSection mlx_distributions Unfit parameters
#' @examples
#' set.seed(1)
#' mlx_rgamma(3, shape = 2)
#' mlx_rpois(c(2, 2), lambda = 4)
#' # how gamma draws move with their shape
#' mlx_grad(function(shape) sum(mlx_rgamma(3, shape)), 2)
#' @name mlx_draws
NULL

# Draws of a row of the kernels' table.
draw_law <- function(name, n, dtype, device, key, ...) {
  .Call(C_random_law, name, check_dim(n, "n"), list(...), dtype %||% common_float(...),
        device %||% common_device(...), key)
}

# Quantiles of uniform numbers.
invert <- function(n, quantile, dtype, device, key, ...) {
  u <- draw(C_random_open_uniform, n, dtype, device, key, ...)
  of_shape(quantile(u, ...), n)
}

# Two keys for draws that need two: of the one given, or fresh ones.
two_keys <- function(key) if (is.null(key)) list(NULL, NULL) else mlx_key_split(key, 2L)

#' @rdname mlx_draws
#' @export
mlx_rnorm <- function(n, mean = 0, sd = 1, dtype = NULL, device = NULL, key = NULL) {
  mlx_rand_normal(n, parameter(mean), parameter(sd, "positive"), dtype, device, key)
}

#' @rdname mlx_draws
#' @export
mlx_rlnorm <- function(n, meanlog = 0, sdlog = 1, dtype = NULL, device = NULL, key = NULL) {
  exp(mlx_rand_normal(n, parameter(meanlog), parameter(sdlog, "positive"), dtype, device, key))
}

#' @rdname mlx_draws
#' @export
mlx_runif <- function(n, min = 0, max = 1, dtype = NULL, device = NULL, key = NULL) {
  mlx_rand_uniform(n, min, max, dtype, device, key)
}

#' @rdname mlx_draws
#' @export
mlx_rexp <- function(n, rate = 1, dtype = NULL, device = NULL, key = NULL) {
  invert(n, mlx_qexp, dtype, device, key, parameter(rate, "positive"))
}

#' @rdname mlx_draws
#' @export
mlx_rlogis <- function(n, location = 0, scale = 1, dtype = NULL, device = NULL, key = NULL) {
  invert(n, mlx_qlogis, dtype, device, key, parameter(location), parameter(scale, "positive"))
}

#' @rdname mlx_draws
#' @export
mlx_rcauchy <- function(n, location = 0, scale = 1, dtype = NULL, device = NULL, key = NULL) {
  invert(n, mlx_qcauchy, dtype, device, key, parameter(location), parameter(scale, "positive"))
}

#' @rdname mlx_draws
#' @export
mlx_rweibull <- function(n, shape, scale = 1, dtype = NULL, device = NULL, key = NULL) {
  invert(n, mlx_qweibull, dtype, device, key, parameter(shape, "positive"), parameter(scale, "positive"))
}

#' @rdname mlx_draws
#' @export
mlx_rlaplace <- function(n, location = 0, scale = 1, dtype = NULL, device = NULL, key = NULL) {
  invert(n, mlx_qlaplace, dtype, device, key, parameter(location), parameter(scale, "positive"))
}

#' @rdname mlx_draws
#' @export
mlx_rgamma <- function(n, shape, rate = 1, scale = 1 / rate, dtype = NULL, device = NULL,
                       key = NULL) {
  scale <- gamma_scale(rate, scale, missing(rate), missing(scale))
  shape <- parameter(shape, "nonnegative")
  dtype <- dtype %||% common_float(shape, scale)
  of_shape(scale * exp(draw_law("GammaDraw", n, dtype, device, key, shape)), n)
}

#' @rdname mlx_draws
#' @export
mlx_rchisq <- function(n, df, dtype = NULL, device = NULL, key = NULL) {
  2 * exp(draw_law("GammaDraw", n, dtype, device, key, parameter(df, "nonnegative") / 2))
}

#' @rdname mlx_draws
#' @export
mlx_rbeta <- function(n, shape1, shape2, dtype = NULL, device = NULL, key = NULL) {
  shape1 <- parameter(shape1, "positive")
  shape2 <- parameter(shape2, "positive")
  dtype <- dtype %||% common_float(shape1, shape2)
  keys <- two_keys(key)
  # the share of one gamma draw in two, by their logarithms
  mlx_sigmoid(draw_law("GammaDraw", n, dtype, device, keys[[1L]], shape1) -
                draw_law("GammaDraw", n, dtype, device, keys[[2L]], shape2))
}

#' @rdname mlx_draws
#' @export
mlx_rt <- function(n, df, dtype = NULL, device = NULL, key = NULL) {
  keys <- two_keys(key)
  df <- parameter(df, "positive")
  z <- draw(C_random_normal, n, dtype, device, keys[[1L]], df)
  z * exp(-0.5 * (draw_law("GammaDraw", n, dtype, device, keys[[2L]], df / 2) - log(df / 2)))
}

#' @rdname mlx_draws
#' @export
mlx_rf <- function(n, df1, df2, dtype = NULL, device = NULL, key = NULL) {
  df1 <- parameter(df1, "positive")
  df2 <- parameter(df2, "positive")
  dtype <- dtype %||% common_float(df1, df2)
  keys <- two_keys(key)
  above <- draw_law("GammaDraw", n, dtype, device, keys[[1L]], df1 / 2) - log(df1)
  exp(above - (draw_law("GammaDraw", n, dtype, device, keys[[2L]], df2 / 2) - log(df2)))
}

#' @rdname mlx_draws
#' @export
mlx_rpois <- function(n, lambda, dtype = NULL, device = NULL, key = NULL) {
  draw_law("PoissonDraw", n, dtype, device, key, parameter(lambda, "nonnegative"))
}

#' @rdname mlx_draws
#' @export
mlx_rbinom <- function(n, size, prob, dtype = NULL, device = NULL, key = NULL) {
  size <- parameter(size, "count")
  draw_law("BinomialDraw", n, dtype, device, key, size, parameter(prob, "probability"))
}

#' @rdname mlx_draws
#' @export
mlx_rnbinom <- function(n, size, prob, mu, dtype = NULL, device = NULL, key = NULL) {
  size <- parameter(size, "positive")
  mu <- nbinom_mean(size, prob, mu, missing(prob), missing(mu))
  dtype <- dtype %||% common_float(size, mu)
  keys <- two_keys(key)
  # a Poisson draw whose mean is a gamma draw
  mean <- mu / size * exp(draw_law("GammaDraw", n, "float64", "cpu", keys[[1L]], constant(size)))
  draw_law("PoissonDraw", n, dtype, device %||% common_device(size, mu), keys[[2L]], constant(mean))
}
