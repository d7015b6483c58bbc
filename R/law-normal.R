# The normal and the log-normal distribution.

#' @rdname mlx_distributions
#' @export
mlx_dnorm <- function(x, mean = 0, sd = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  sd <- parameter(sd, "positive")
  z <- (variable(x, device, mean, sd) - parameter(mean)) / sd
  density_of(-(log(sd) + 0.5 * log(2 * pi)) - 0.5 * z^2, log)
}

#' @rdname mlx_distributions
#' @export
mlx_pnorm <- function(x, mean = 0, sd = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  z <- (variable(x, device, mean, sd) - parameter(mean)) / parameter(sd, "positive")
  special("NormalTail", form(lower.tail, log.p), z)
}

#' @rdname mlx_distributions
#' @export
mlx_qnorm <- function(p, mean = 0, sd = 1, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, mean, sd)
  parameter(mean) + parameter(sd, "positive") * special("NormalQuantile", form(lower.tail, log.p), p)
}

#' @rdname mlx_distributions
#' @export
mlx_dlnorm <- function(x, meanlog = 0, sdlog = 1, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, meanlog, sdlog)
  logs <- log(within_support(x, x > 0, 1))
  out <- mlx_dnorm(logs, parameter(meanlog), parameter(sdlog, "positive"), log = TRUE) - logs
  density_of(mlx_where(x <= 0, -Inf, out), log)
}

#' @rdname mlx_distributions
#' @export
mlx_plnorm <- function(x, meanlog = 0, sdlog = 1, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  x <- variable(x, device, meanlog, sdlog)
  form <- form(lower.tail, log.p)
  z <- (log(within_support(x, x > 0, 1)) - parameter(meanlog)) / parameter(sdlog, "positive")
  mlx_where(x <= 0, certain(FALSE, form), special("NormalTail", form, z))
}

#' @rdname mlx_distributions
#' @export
mlx_qlnorm <- function(p, meanlog = 0, sdlog = 1, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  exp(mlx_qnorm(p, parameter(meanlog), parameter(sdlog, "positive"), lower.tail, log.p, device))
}
