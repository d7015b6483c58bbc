# Distributions built on the incomplete gamma and beta functions.

#' @rdname mlx_distributions
#' @export
mlx_dgamma <- function(x, shape, rate = 1, scale = 1 / rate, log = FALSE, device = NULL) {
  check_flag(log, "log")
  scale <- gamma_scale(rate, scale, missing(rate), missing(scale))
  x <- variable(x, device, shape, scale)
  out <- special("GammaDensity", 0L, x / scale, parameter(shape, "nonnegative")) - log(scale)
  density_of(out, log)
}

#' @rdname mlx_distributions
#' @export
mlx_pgamma <- function(x, shape, rate = 1, scale = 1 / rate, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  scale <- gamma_scale(rate, scale, missing(rate), missing(scale))
  x <- variable(x, device, shape, scale)
  special("GammaTail", form(lower.tail, log.p), x / scale, parameter(shape, "nonnegative"))
}

#' @rdname mlx_distributions
#' @export
mlx_qgamma <- function(p, shape, rate = 1, scale = 1 / rate, lower.tail = TRUE, log.p = FALSE,
                       device = NULL) {
  scale <- gamma_scale(rate, scale, missing(rate), missing(scale))
  p <- variable(p, device, shape, scale)
  shape <- parameter(shape, "nonnegative")
  scale * special("GammaQuantile", form(lower.tail, log.p), p, shape)
}

gamma_scale <- function(rate, scale, no_rate, no_scale) {
  if (!no_rate && !no_scale) {
    rmlx_abort("Give `rate` or `scale`, not both: one is 1 over the other.", "argument")
  }
  if (no_scale) {
    rate <- parameter(rate, "positive")
    return(1 / rate)
  }
  parameter(scale, "positive")
}

#' @rdname mlx_distributions
#' @export
mlx_dchisq <- function(x, df, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, df)
  out <- special("GammaDensity", 0L, x / 2, parameter(df, "nonnegative") / 2) - log(2)
  density_of(out, log)
}

#' @rdname mlx_distributions
#' @export
mlx_pchisq <- function(x, df, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, df)
  special("GammaTail", form(lower.tail, log.p), x / 2, parameter(df, "nonnegative") / 2)
}

#' @rdname mlx_distributions
#' @export
mlx_qchisq <- function(p, df, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, df)
  2 * special("GammaQuantile", form(lower.tail, log.p), p, parameter(df, "nonnegative") / 2)
}

#' @rdname mlx_distributions
#' @export
mlx_dbeta <- function(x, shape1, shape2, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, shape1, shape2)
  shape1 <- parameter(shape1, "nonnegative")
  density_of(special("BetaDensity", 0L, x, shape1, parameter(shape2, "nonnegative")), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pbeta <- function(x, shape1, shape2, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, shape1, shape2)
  shape1 <- parameter(shape1, "nonnegative")
  special("BetaTail", form(lower.tail, log.p), x, shape1, parameter(shape2, "nonnegative"))
}

#' @rdname mlx_distributions
#' @export
mlx_qbeta <- function(p, shape1, shape2, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, shape1, shape2)
  shape1 <- parameter(shape1, "nonnegative")
  special("BetaQuantile", form(lower.tail, log.p), p, shape1, parameter(shape2, "nonnegative"))
}

#' @rdname mlx_distributions
#' @export
mlx_dt <- function(x, df, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, df)
  density_of(special("StudentDensity", 0L, x, parameter(df, "positive")), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pt <- function(x, df, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, df)
  special("StudentTail", form(lower.tail, log.p), x, parameter(df, "positive"))
}

#' @rdname mlx_distributions
#' @export
mlx_qt <- function(p, df, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, df)
  special("StudentQuantile", form(lower.tail, log.p), p, parameter(df, "positive"))
}

#' @rdname mlx_distributions
#' @export
mlx_df <- function(x, df1, df2, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, df1, df2)
  df1 <- parameter(df1, "positive")
  density_of(special("FDensity", 0L, x, df1, parameter(df2, "positive")), log)
}

#' @rdname mlx_distributions
#' @export
mlx_pf <- function(x, df1, df2, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  x <- variable(x, device, df1, df2)
  df1 <- parameter(df1, "positive")
  special("FTail", form(lower.tail, log.p), x, df1, parameter(df2, "positive"))
}

#' @rdname mlx_distributions
#' @export
mlx_qf <- function(p, df1, df2, lower.tail = TRUE, log.p = FALSE, device = NULL) {
  p <- variable(p, device, df1, df2)
  df1 <- parameter(df1, "positive")
  special("FQuantile", form(lower.tail, log.p), p, df1, parameter(df2, "positive"))
}
