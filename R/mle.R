# Maximum likelihood.

#' Maximum likelihood with exact derivatives
#'
#' Maximises a log likelihood by its exact gradient and Hessian in double precision, and takes the
#' covariance matrix of the estimates from the exact Hessian at the maximum: the inverse of the observed
#' information.
#'
#' @param loglik A function of parameters in the structure of `start`, of `data` if given, and of the
#'   arguments in `...`. It returns the log likelihood (not its negative), one number that is computed from the
#'   parameters. R's own functions, `dnorm()` for example, may be used as they are: see [mlx_overlay].
#' @param start Where to start: a named numeric vector or a nested list of vectors, matrices and arrays.
#' @param data What `loglik` gets as its second argument: a data frame or a list reaches it as it is, numbers
#'   as an mlx array. Missing: it has no such argument.
#' @param ... `mlx_mle()`: further arguments of `loglik`, constants.
#' @param nobs The number of observations, for BIC. `NULL`: the number of rows of `data`, or its length if that
#'   is a vector, or the length that all elements of a list have.
#' @param control A list of arguments for [stats::nlminb()]'s `control`.
#'
#' @details
#' The maximum is found by `nlminb()`, which steps back from points where the log likelihood is not finite or meets
#' a matrix that is singular or not positive definite; then it is refined by Newton's steps as long as they
#' make the Newton decrement smaller. It counts as found if that is below 1e-8: the
#' log likelihood is that close to the maximum of its quadratic approximation.
#'
#' Parameters are unconstrained. Give those with a limited range by a transformation that `loglik` inverts:
#' `sd = exp(p$log_sd)`, `prob = mlx_sigmoid(p$logit)`, correlations `tanh(p$z)`, increasing
#' cutpoints `cumsum(c(p$first, exp(p$steps)))`. `predict()` then gives estimates
#' and standard errors on the scale of interest, by the delta method.
#'
#' @return A list of class `mlx_mle` with methods for `coef()`, `vcov()`, `confint()`, `logLik()` (so `AIC()` and
#'   `BIC()`), `nobs()`, `summary()`, `predict()`, `print()`, and, from \pkg{generics} (as \pkg{broom} has
#'   them), `tidy()` and `glance()`. It holds
#' - `par`: the estimates in the structure of `start`; `coefficients`: as a named vector;
#' - `loglik`, `gradient`, `hessian`: of the log likelihood at the maximum;
#' - `nobs`, `iterations`, `evaluations`, `converged`, `message`, `call`.
#'
#' @section Errors and warnings:
#' A log likelihood that is not finite at the start, or whose derivatives are not finite later, is an error of
#' class `rmlx_error_value`: mostly data with `NA`, or a negative log likelihood. A maximum that was
#' not found is a warning of class `rmlx_warning_convergence`; an observed information that is not
#' positive definite one of class `rmlx_warning_information`, and `vcov()` then an error of class
#' `rmlx_error_singular`.
#' @seealso [predict.mlx_mle()], [confint.mlx_mle()]; [mlx_optim_fns()] for other optimisers.
#' @examples
#' # Weibull regression of survival times, without censoring
#' loglik <- function(p, data) {
#'   scale <- exp(p$b0 + p$b1 * data$x)
#'   sum(dweibull(data$y, exp(p$log_shape), scale, log = TRUE))
#' }
#' set.seed(1)
#' data <- data.frame(x = seq(0, 1, length.out = 40))
#' data$y <- rweibull(40, shape = 2, scale = exp(1 + data$x))
#' fit <- mlx_mle(loglik, list(b0 = 0, b1 = 0, log_shape = 0), data)
#' summary(fit)
#' confint(fit)
#' predict(fit, function(p, data) exp(p$log_shape), se.fit = TRUE)
#' AIC(fit)
#' @export
mlx_mle <- structure(
  function(loglik, start, data, ..., nobs = NULL, control = list()) {
    given <- given_function(loglik, substitute(loglik), "mlx_mle", "loglik")
    nobs <- if (is.null(nobs)) count_observations(if (!missing(data)) data) else check_count(nobs, "nobs", 1)
    check_port_control(control)
    constants <- c(if (!missing(data)) list(data), list(...))
    space <- parameter_space(start, "float64", "start")
    labels <- parameter_labels(space$flat)
    fns <- cached_functions(scalar_objective(given$f, space, constants, "mlx_mle", given$title, sign = -1), space)
    found <- maximise(fns, control, constants)
    fit <- structure(
      list(
        par = space$unflatten(found$par), coefficients = setNames(found$par, labels), loglik = -fns$fn(found$par),
        gradient = setNames(-fns$gr(found$par), labels),
        hessian = structure(-fns$hess(found$par), dimnames = list(labels, labels)), nobs = nobs,
        iterations = found$iterations, evaluations = found$evaluations,
        converged = found$decrement < 1e-8, message = found$message, call = match.call(),
        space = space, fns = fns, data = if (!missing(data)) list(data) else list()
      ),
      class = "mlx_mle"
    )
    warn_of_fit(fit, found$decrement)
    fit
  },
  transforms = TRUE
)

check_port_control <- function(control) {
  fine <- is.list(control) && (length(control) == 0L || !is.null(names(control))) &&
    all(base::vapply(control, function(x) is.numeric(x) && length(x) == 1L && is.finite(x), NA))
  if (!fine) rmlx_abort("`control` must be a list of numbers with names, as nlminb() has them.", "argument")
}

count_observations <- function(data) {
  if (length(dim(data)) == 2L) return(nrow(data))
  if (!is_node(data)) return(if (is.null(data)) NA_integer_ else length(data))
  sizes <- unique(base::vapply(data, NROW, 1L))
  if (length(sizes) == 1L) sizes else NA_integer_
}

# nlminb(), then Newton's steps, which it gives up too early for eight digits of the estimates.
maximise <- function(fns, control, constants) {
  value <- fns$fn(fns$par)
  if (!is.finite(value)) {
    rmlx_abort(c(paste0("the log likelihood is ", -value, " at `start`: begin where it is finite."),
                 i = if (has_missing(constants)) "The data have missing values: leave these out, as na.omit() does."),
               "value")
  }
  call <- user_call() # nlminb() calls what is below
  finite <- function(derivative) {
    function(par) {
      out <- derivative(par)
      if (!all(is.finite(out))) refuse_infinite(-fns$fn(par), call)
      out
    }
  }
  found <- stats::nlminb(fns$par, stepping_back(fns$fn), finite(fns$gr), finite(fns$hess), control = control)
  par <- found$par
  step <- newton_step(fns, par)
  for (i in seq_len(20L)) {
    there <- par - step$step
    if (!is.finite(step$decrement) || step$decrement == 0 || !is.finite(stepping_back(fns$fn)(there))) break
    ahead <- newton_step(fns, there)
    if (!(ahead$decrement < step$decrement)) break
    par <- there
    step <- ahead
  }
  list(par = par, decrement = step$decrement, iterations = found$iterations, evaluations = found$evaluations,
       message = found$message)
}

# Whether data have NA among numbers or factors.
has_missing <- function(x) {
  if (is_node(x)) return(any(base::vapply(x, has_missing, NA)))
  if (is_mlx(x)) any(as.vector(is.nan(x))) else is.atomic(x) && anyNA(x)
}

# Where the log likelihood has no derivatives, there is no step to take.
refuse_infinite <- function(loglik, call) {
  rmlx_abort(c(
    paste0("the derivatives of the log likelihood are not finite where mlx_mle() arrived: it is ",
           format(loglik, digits = 4L), " there."),
    i = "mlx_mle() maximises: does `loglik` return the negative log likelihood?",
    i = "Else begin elsewhere, or give parameters a scale on which they are unlimited, such as a logarithm."
  ), "value", call = call)
}

# nlminb() warns of NaN, and steps back from infinity without a word; so it shall from matrices that are not
# positive definite.
stepping_back <- function(fn) {
  function(par) {
    value <- tryCatch(fn(par), rmlx_error_singular = function(e) Inf)
    if (is.nan(value)) Inf else value
  }
}

# Newton's step and what it would gain in the quadratic approximation; infinite where that has no maximum.
newton_step <- function(fns, par) {
  factor <- cholesky_or_null(fns$hess(par))
  if (is.null(factor)) return(list(step = 0 * par, decrement = Inf))
  half <- base::backsolve(factor, fns$gr(par), transpose = TRUE)
  list(step = base::backsolve(factor, half), decrement = sum(half^2) / 2)
}

# The upper factor of a positive definite matrix of R's numbers.
cholesky_or_null <- function(x) {
  if (!all(is.finite(x)) || any(diag(x) <= 0)) return(NULL)
  scale <- sqrt(diag(x))
  # of the matrix with a unit diagonal, so that the parameters' units do not matter
  factor <- tryCatch(chol(x / base::outer(scale, scale)), error = function(e) NULL)
  if (is.null(factor) || min(diag(factor)) < sqrt(.Machine$double.eps)) return(NULL)
  factor * rep(scale, each = nrow(x))
}

warn_of_fit <- function(fit, decrement) {
  if (is.null(cholesky_or_null(-fit$hessian))) {
    rmlx_warn(c(
      "the observed information is not positive definite where mlx_mle() ended: there are no standard errors.",
      i = "The parameters may not be identified, or the maximum may lie at infinity.",
      i = if (!fit$converged) "mlx_mle() maximises: `loglik` must not be the negative log likelihood."
    ), "information")
  } else if (!fit$converged) {
    rmlx_warn(c(
      paste0("mlx_mle() found no maximum: a Newton step would still gain ", format(decrement, digits = 3L),
             " in the log likelihood."),
      i = paste0("nlminb() said: ", fit$message, ".")
    ), "convergence")
  }
}

#' @rdname mlx_mle
#' @param object,x What `mlx_mle()` returned.
#' @export
vcov.mlx_mle <- function(object, ...) {
  factor <- cholesky_or_null(-object$hessian)
  if (is.null(factor)) {
    rmlx_abort("the observed information is not positive definite: it has no inverse.", "singular")
  }
  structure(base::chol2inv(factor), dimnames = dimnames(object$hessian))
}

#' @rdname mlx_mle
#' @export
logLik.mlx_mle <- function(object, ...) {
  structure(object$loglik, df = length(object$coefficients), nobs = object$nobs, class = "logLik")
}

#' @rdname mlx_mle
#' @export
nobs.mlx_mle <- function(object, ...) object$nobs

standard_errors <- function(object) {
  if (is.null(cholesky_or_null(-object$hessian))) return(0 * object$coefficients + NA)
  sqrt(diag(vcov.mlx_mle(object)))
}

#' @rdname mlx_mle
#' @export
summary.mlx_mle <- function(object, ...) {
  estimate <- object$coefficients
  error <- standard_errors(object)
  z <- estimate / error
  table <- base::cbind(
    "Estimate" = estimate, "Std. Error" = error, "z value" = z, "Pr(>|z|)" = 2 * stats::pnorm(-abs(z))
  )
  structure(
    c(object[c("call", "converged", "message", "nobs")], list(coefficients = table, logLik = logLik.mlx_mle(object))),
    class = "summary.mlx_mle"
  )
}

#' @rdname mlx_mle
#' @param digits Significant digits.
#' @export
print.summary.mlx_mle <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("Maximum likelihood, standard errors from the observed information\n\n")
  cat("Call:\n", paste(deparse(x$call), collapse = "\n"), "\n\n", sep = "")
  stats::printCoefmat(x$coefficients, digits = digits, ...)
  cat("\n", fit_line(x$logLik, digits), "\n", sep = "")
  if (!x$converged) cat("No maximum was found: ", x$message, "\n", sep = "")
  invisible(x)
}

#' @rdname mlx_mle
#' @export
print.mlx_mle <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("Maximum likelihood\n\nCall:\n", paste(deparse(x$call), collapse = "\n"), "\n\nCoefficients:\n", sep = "")
  print(x$coefficients, digits = digits)
  cat("\n", fit_line(logLik.mlx_mle(x), digits), "\n", sep = "")
  if (!x$converged) cat("No maximum was found: ", x$message, "\n", sep = "")
  invisible(x)
}

fit_line <- function(loglik, digits) {
  nobs <- attr(loglik, "nobs")
  paste0(
    "Log likelihood ", format(c(loglik), digits = digits), " (df = ", attr(loglik, "df"), ")",
    if (!is.na(nobs)) paste0(", ", nobs, " observations"), ", AIC ", format(stats::AIC(loglik), digits = digits)
  )
}
