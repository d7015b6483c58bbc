# What follows from a maximum likelihood fit: intervals, the delta method, tables.

#' Confidence intervals of maximum likelihood fits
#'
#' @param object What [mlx_mle()] returned.
#' @param parm Which parameters: names or positions in `coef(object)`; missing: all.
#' @param level The confidence level.
#' @param method `"wald"`: the estimate plus and minus normal quantiles of the standard error. `"profile"`: the
#'   values of a parameter for which the log likelihood, maximised over the others by their exact
#'   derivatives, is within `qchisq(level, 1) / 2` of the maximum.
#' @param ... Not used.
#' @return A matrix with a row for each parameter and columns for the lower and upper limit. A limit of the
#'   profile is infinite if the likelihood stays above that level for parameters within 1000 standard
#'   errors, and NA (with a warning of class `rmlx_warning_convergence`) if the profile cannot be followed to it.
#' @examples
#' loglik <- function(p, y) sum(mlx_dpois(y, exp(p["log_mean"]), log = TRUE))
#' fit <- mlx_mle(loglik, c(log_mean = 0), c(2, 0, 3, 1))
#' confint(fit)
#' confint(fit, method = "profile", level = 0.9)
#' @export
confint.mlx_mle <- function(object, parm, level = 0.95, method = c("wald", "profile"), ...) {
  method <- check_choice(method, c("wald", "profile"), "method")
  level <- check_level(level)
  labels <- names(object$coefficients)
  which <- if (missing(parm)) seq_along(labels) else resolve_parm(parm, labels)
  tails <- c((1 - level) / 2, (1 + level) / 2)
  limits <- if (method == "wald") {
    object$coefficients + base::outer(standard_errors(object), stats::qnorm(tails))
  } else {
    vcov.mlx_mle(object) # refuses fits without one
    t(base::vapply(seq_along(labels), function(i) {
      if (i %in% which) profile_limits(object, i, level) else c(NA, NA)
    }, c(0, 0)))
  }
  dimnames(limits) <- list(labels, paste(format(100 * tails, trim = TRUE, digits = 3L), "%"))
  limits[which, , drop = FALSE]
}

check_level <- function(level) {
  if (check_number(level, "level") <= 0 || level >= 1) {
    rmlx_abort("`level` must lie between 0 and 1.", "argument")
  }
  level
}

resolve_parm <- function(parm, labels) {
  found <- if (is.character(parm)) match(parm, labels) else parm
  if (!is.numeric(found) || anyNA(found) || any(!found %in% seq_along(labels))) {
    rmlx_abort(paste0("`parm` must name parameters (", paste0("`", labels, "`", collapse = ", "),
                      ") or give their positions."), "argument")
  }
  found
}

# The two values of parameter i where the signed root of the deviance is -z and z. The other parameters start
# from where they were at the nearest value that was tried.
profile_limits <- function(object, i, level) {
  estimate <- unname(object$coefficients)
  error <- unname(standard_errors(object)[i])
  z <- sqrt(stats::qchisq(level, 1))
  base::vapply(c(-1, 1), function(side) {
    others <- estimate[-i]
    excess <- function(distance) {
      at <- constrained_maximum(object$fns, i, estimate[i] + side * distance * error, others)
      others <<- at$others
      deviance <- 2 * (object$loglik - at$loglik)
      # not the estimate's maximum: a little below 0 by rounding
      sqrt(max(deviance, 0)) - z
    }
    limit <- profile_crossing(excess, z, names(object$coefficients)[i])
    estimate[i] + side * limit * error
  }, 0)
}

# Where an increasing function that is negative at 0 crosses zero: Inf if not before 1000, NA if it cannot be
# computed on the way.
profile_crossing <- function(excess, first, name) {
  low <- 0
  high <- first
  repeat {
    value <- excess(high)
    if (is.na(value)) {
      rmlx_warn(paste0("the profile of `", name, "` has the limit NA: on the way there the log likelihood is not a ",
                       "number."), "convergence")
      return(NA_real_)
    }
    if (value >= 0) break
    if (high >= 1000) return(Inf)
    low <- high
    high <- min(1.5 * high, 1000)
  }
  # beyond the domain it is infinite, of which uniroot() warns
  limited <- function(distance) min(excess(distance), first)
  stats::uniroot(limited, c(low, high), f.upper = min(value, first), tol = 1e-9)$root
}

# The maximum of the log likelihood over all parameters but the i-th.
constrained_maximum <- function(fns, i, value, others) {
  whole <- function(others) append(others, value, i - 1L)
  if (length(others) == 0L) return(list(others = others, loglik = -fns$fn(value)))
  found <- stats::nlminb(
    others,
    stepping_back(function(o) fns$fn(whole(o))), function(o) fns$gr(whole(o))[-i],
    function(o) fns$hess(whole(o))[-i, -i, drop = FALSE]
  )
  list(others = found$par, loglik = -found$objective)
}

#' Predictions from maximum likelihood fits
#'
#' Any function of the estimates, with standard errors by the delta method: for a function g with the
#' Jacobian J at the estimates, the covariance matrix of `g(par)` is `J %*% vcov(object) %*% t(J)`.
#'
#' @param object What [mlx_mle()] returned.
#' @param fn A function of the parameters, in the structure of `start`, and of data if there are any, that
#'   returns an mlx array.
#' @param newdata What `fn` gets as its second argument; missing: the data of the fit, if it had any.
#' @param se.fit Whether standard errors are wanted.
#' @param ... Further arguments of `fn`: constants.
#' @return The values in R's numbers, with the shape that `fn` gives them; `se.fit = TRUE`: `list(fit, se.fit, vcov)`,
#'   with `se.fit` of the same shape and the covariance matrix of the elements in column-major order.
#' @examples
#' loglik <- function(p, data) sum(mlx_dpois(data$y, exp(p$a + p$b * data$x), log = TRUE))
#' data <- data.frame(x = 0:5, y = c(1, 1, 2, 6, 7, 13))
#' fit <- mlx_mle(loglik, list(a = 0, b = 0), data)
#' predict(fit, function(p, data) exp(p$a + p$b * data$x), data.frame(x = 6:7), se.fit = TRUE)
#' @export
predict.mlx_mle <- function(object, fn, newdata, se.fit = FALSE, ...) {
  given <- given_function(fn, substitute(fn), "predict", "fn")
  check_flag(se.fit, "se.fit")
  data <- if (missing(newdata)) object$data else list(newdata)
  objective <- residual_objective(given$f, object$space, c(data, list(...)), "predict", given$title)
  at <- as_mlx(vector_of(object$coefficients), dtype = "float64", device = "cpu")
  fit <- as_r(objective$values(at))
  if (!se.fit) return(fit)
  jacobian <- as_r(objective$jacobian(at))
  covariance <- jacobian %*% vcov.mlx_mle(object) %*% t(jacobian)
  error <- fit
  error[] <- sqrt(diag(covariance))
  list(fit = fit, se.fit = error, vcov = unname(covariance))
}

#' Tables of maximum likelihood fits
#'
#' Methods for `tidy()` and `glance()` of \pkg{generics}, which \pkg{broom} exports too. They are there once that
#' package is loaded.
#'
#' @param x What [mlx_mle()] returned.
#' @param conf.int Whether confidence limits are wanted, from [confint.mlx_mle()].
#' @param conf.level Their level.
#' @param method Of the limits, see [confint.mlx_mle()].
#' @param ... Not used.
#' @return Data frames (tibbles where \pkg{tibble} is installed). `tidy()`: a row for each parameter, columns `term`,
#'   `estimate`, `std.error`, `statistic`, `p.value` (and `conf.low`, `conf.high`). `glance()`: one row, columns
#'   `logLik`, `AIC`, `BIC`, `df`, `nobs`, `converged`.
#' @examplesIf requireNamespace("generics", quietly = TRUE)
#' loglik <- function(p, y) sum(mlx_dnorm(y, p["mean"], exp(p["log_sd"]), log = TRUE))
#' fit <- mlx_mle(loglik, c(mean = 0, log_sd = 0), c(1, 3, 2, 5))
#' generics::tidy(fit, conf.int = TRUE)
#' generics::glance(fit)
#' @name tidy.mlx_mle
#' @exportS3Method generics::tidy
tidy.mlx_mle <- function(x, conf.int = FALSE, conf.level = 0.95, method = c("wald", "profile"), ...) {
  table <- summary.mlx_mle(x)$coefficients
  out <- data.frame(
    term = rownames(table), estimate = table[, 1L], std.error = table[, 2L], statistic = table[, 3L],
    p.value = table[, 4L], row.names = NULL
  )
  if (check_flag(conf.int, "conf.int")) {
    limits <- confint.mlx_mle(x, level = conf.level, method = method)
    out$conf.low <- unname(limits[, 1L])
    out$conf.high <- unname(limits[, 2L])
  }
  as_table(out)
}

#' @rdname tidy.mlx_mle
#' @exportS3Method generics::glance
glance.mlx_mle <- function(x, ...) {
  loglik <- logLik.mlx_mle(x)
  as_table(data.frame(
    logLik = c(loglik), AIC = stats::AIC(loglik), BIC = stats::BIC(loglik), df = attr(loglik, "df"),
    nobs = x$nobs, converged = x$converged
  ))
}

as_table <- function(x) if (requireNamespace("tibble", quietly = TRUE)) tibble::as_tibble(x) else x
