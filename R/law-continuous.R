# Distributions whose functions are elementary.

#' @rdname mlx_distributions
#' @export
mlx_dunif <- function(x, min = 0, max = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, min, max)
  width <- interval(min, max)
  out <- mlx_where(((x < min) | (x > max)) & (width > 0), -Inf, mlx_where(is.nan(x), x, -log(width)))
  density_of(out, log)
}

#' @rdname mlx_distributions
#' @export
mlx_punif <- function(x, min = 0, max = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, min, max)
  width <- interval(min, max)
  part <- (if (check_flag(lower.tail, "lower.tail")) x - min else max - x) / width
  out <- mlx_minimum(mlx_maximum(part, 0), 1)
  if (check_flag(log.p, "log.p")) log(out) else out
}

#' @rdname mlx_distributions
#' @export
mlx_qunif <- function(p, min = 0, max = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- probability(p, device, log.p, min, max)
  width <- interval(min, max)
  if (log.p) p <- exp(p)
  if (check_flag(lower.tail, "lower.tail")) min + width * p else max - width * p
}

# The width of an interval, NaN where it is none.
interval <- function(min, max) {
  width <- parameter(max) - parameter(min)
  if (is_mlx(width)) return(mlx_where(width > 0, width, NaN))
  if (!all(width > 0, na.rm = TRUE)) rmlx_abort("`min` must be below `max`.", "argument")
  width
}

#' @rdname mlx_distributions
#' @export
mlx_dexp <- function(x, rate = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  rate <- parameter(rate, "positive")
  x <- variable(x, device, rate)
  density_of(mlx_where(x < 0, -Inf, log(rate) - rate * x), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pexp <- function(x, rate = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, rate)
  hazard <- parameter(rate, "positive") * within_support(x, x > 0, 0)
  tail_of_hazard(hazard, form(lower.tail, log.p))
}

#' @rdname mlx_distributions
#' @export
mlx_qexp <- function(p, rate = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- probability(p, device, log.p, rate)
  -log_upper(p, form(lower.tail, log.p)) / parameter(rate, "positive")
}

#' @rdname mlx_distributions
#' @export
mlx_dlogis <- function(x, location = 0, scale = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  scale <- parameter(scale, "positive")
  z <- (variable(x, device, location, scale) - parameter(location)) / scale
  z <- mlx_where(z == -Inf, Inf, z) # the density is even; at -Inf two infinities would meet
  density_of(-(z + log(scale)) - 2 * mlx_softplus(-z), log)
}

#' @rdname mlx_distributions
#' @export
mlx_plogis <- function(x, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  z <- (variable(x, device, location, scale) - parameter(location)) / parameter(scale, "positive")
  if (!check_flag(lower.tail, "lower.tail")) z <- -z
  if (check_flag(log.p, "log.p")) mlx_log_sigmoid(z) else mlx_sigmoid(z)
}

#' @rdname mlx_distributions
#' @export
mlx_qlogis <- function(p, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  p <- probability(p, device, log.p, location, scale)
  z <- if (log.p) p - mlx_log1mexp(-p) else mlx_logit(p)
  if (!check_flag(lower.tail, "lower.tail")) z <- -z
  parameter(location) + parameter(scale, "positive") * z
}

#' @rdname mlx_distributions
#' @export
mlx_dcauchy <- function(x, location = 0, scale = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  scale <- parameter(scale, "positive")
  z <- (variable(x, device, location, scale) - parameter(location)) / scale
  density_of(-log(pi * scale) - log1p(z^2), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pcauchy <- function(x, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                        device = NULL) {
  z <- (variable(x, device, location, scale) - parameter(location)) / parameter(scale, "positive")
  if (!check_flag(lower.tail, "lower.tail")) z <- -z
  below <- .Call(C_atan2, 1, -z) / pi
  if (!check_flag(log.p, "log.p")) return(below)
  mlx_where(z > 0, log1p(-.Call(C_atan2, 1, z) / pi), log(below))
}

#' @rdname mlx_distributions
#' @export
mlx_qcauchy <- function(p, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                        device = NULL) {
  p <- probability(p, device, log.p, location, scale)
  other <- FALSE
  if (log.p) {
    other <- p > -log(2) # the complement has the digits
    p <- mlx_where(other, -expm1(p), exp(p))
  }
  z <- -cospi(p) / sinpi(p)
  z <- mlx_where(other, -z, z)
  if (!check_flag(lower.tail, "lower.tail")) z <- -z
  parameter(location) + parameter(scale, "positive") * z
}

#' @rdname mlx_distributions
#' @export
mlx_dweibull <- function(x, shape, scale = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, shape, scale)
  shape <- parameter(shape, "positive")
  scale <- parameter(scale, "positive")
  logs <- log(within_support(x, x > 0, 1)) - log(scale)
  out <- log(shape) - log(scale) + (shape - 1) * logs - exp(shape * logs)
  out <- mlx_where(x == 0, -log(scale), out)
  out <- mlx_where((x == 0) & (shape < 1), Inf, out)
  density_of(mlx_where((x < 0) | (x == Inf) | (x == 0) & (shape > 1), -Inf, out), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pweibull <- function(x, shape, scale = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, shape, scale)
  logs <- log(within_support(x, x > 0, 1)) - log(parameter(scale, "positive"))
  hazard <- mlx_where(x <= 0, 0, exp(parameter(shape, "positive") * logs))
  tail_of_hazard(hazard, form(lower.tail, log.p))
}

#' @rdname mlx_distributions
#' @export
mlx_qweibull <- function(p, shape, scale = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- probability(p, device, log.p, shape, scale)
  hazard <- -log_upper(p, form(lower.tail, log.p))
  parameter(scale, "positive") * hazard^(1 / parameter(shape, "positive"))
}

#' @rdname mlx_distributions
#' @export
mlx_dlaplace <- function(x, location = 0, scale = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  scale <- parameter(scale, "positive")
  z <- (variable(x, device, location, scale) - parameter(location)) / scale
  density_of(-log(2 * scale) - abs(z), log)
}

#' @rdname mlx_distributions
#' @export
mlx_plaplace <- function(x, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                         device = NULL) {
  z <- (variable(x, device, location, scale) - parameter(location)) / parameter(scale, "positive")
  if (!check_flag(lower.tail, "lower.tail")) z <- -z
  far <- mlx_where(z < 0, z, -z) - log(2)
  if (check_flag(log.p, "log.p")) {
    mlx_where(z < 0, far, mlx_log1mexp(-far))
  } else {
    mlx_where(z < 0, exp(far), -expm1(far))
  }
}

#' @rdname mlx_distributions
#' @export
mlx_qlaplace <- function(p, location = 0, scale = 1, lower.tail = TRUE, log.p = FALSE,
                         device = NULL) {
  p <- probability(p, device, log.p, location, scale)
  form <- form(lower.tail, log.p)
  lower <- log_lower(p, form)
  upper <- log_upper(p, form)
  z <- mlx_where(lower < upper, lower + log(2), -(upper + log(2)))
  parameter(location) + parameter(scale, "positive") * z
}
