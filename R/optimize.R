# Optimisers that run on MLX arrays.

#' Minimise a function on MLX
#'
#' Minimises a function by its exact derivatives; vectors and matrices stay in MLX, and only what
#' decides on the next step is read.
#'
#' @param f A function of the parameters (and of the arguments in `...`). It returns one number as an mlx
#'   array, or a list whose first element is one; for `"gauss-newton"` and `"levenberg-marquardt"` it
#'   returns an array of residuals, whose sum of squares is minimised.
#' @param par Where to start: a numeric vector, matrix or array, an mlx array, or a nested list of
#'   them. R's numbers are computed in float64 on the CPU; mlx arrays keep their dtype (float16 and bfloat16
#'   are computed in float32) and device.
#' @param ... Further arguments of `f`: constants. R's numbers reach f as mlx arrays, lists and data frames
#'   as they are.
#' @param method
#' - `"lbfgs"`: limited memory BFGS. The direction comes from the last `memory` steps and changes of the
#'   gradient (two-loop recursion), the step's length from a line search for the strong Wolfe
#'   conditions.
#' - `"newton-cg"`: Newton's method. Steps come from conjugate gradients on Hessian-vector products,
#'   stopped at the edge of a trust region or where the curvature is negative (Steihaug).
#' - `"gauss-newton"`: `par - qr.solve(J, r)` for residuals r with the Jacobian J, each step
#'   halved until it lowers the sum of squares.
#' - `"levenberg-marquardt"`: the same with the penalty `mu * sum((D * step)^2)`, where D has the largest
#'   norms that the columns of J had, and mu follows how well the linear model predicts. It also serves
#'   where J has linearly dependent columns.
#' @param control A list of
#' - `maxit`: most iterations (1000 for `"lbfgs"`, 200 for the others);
#' - `gtol`: the minimum is found where no element of the gradient is larger than
#'   `gtol * max(1, abs(value))`. For residuals: where no column of the Jacobian makes a cosine larger
#'   than `gtol` with them. Default: the dtype's machine epsilon to the power 2/3 (3.7e-11 or 2.4e-5);
#' - `xtol` (residuals only): also where a step is shorter than this part of the parameters,
#'   both scaled by the norms of the columns of J. Default: 8 machine epsilons;
#' - `memory` (`"lbfgs"` only): steps that are remembered, 10;
#' - `trace`: `TRUE` prints a line for each iteration.
#'
#' @return A list of class `mlx_optimum`:
#' - `par`: the parameters, in the structure and of the kind (R's numbers or mlx arrays) of the argument;
#' - `value`: the value of f, or the sum of squares, as one number;
#' - `gradient`: the gradient of that, like `par`, and `gradient_norm`, its largest absolute element;
#' - `counts`: how often the value, the gradient, Hessian-vector products or the Jacobian were computed;
#' - `iterations`;
#' - `convergence`: 0 a minimum was found, to the tolerance or to rounding; 1 `maxit` was reached; 2 no step
#'   lowers the value although the gradient is not small;
#' - `message`: the same in words; `method`;
#' - for residuals also `residuals` and `jacobian`, mlx arrays of length m and of shape m x n.
#'
#' @section Errors:
#' f that is not finite at the start and residuals fewer than the parameters or a Jacobian without full
#' rank in `"gauss-newton"` are errors (`rmlx_error_value`, `rmlx_error_shape`, `rmlx_error_singular`), as is
#' a result of another kind (`rmlx_error_result`). At trial points a value that is not finite shortens
#' the step, and so does a matrix that is singular or not positive definite (`rmlx_error_singular`).
#' @references Nocedal, J. and Wright, S. J. (2006) *Numerical Optimization*, 2nd ed., chapters 3, 7 and 10.
#' @seealso [mlx_optim_fns()] for R's own optimisers.
#' @examples
#' rosenbrock <- function(p) 100 * (p[2] - p[1]^2)^2 + (1 - p[1])^2
#' mlx_optimize(rosenbrock, c(-1.2, 1))
#' mlx_optimize(rosenbrock, c(-1.2, 1), method = "newton-cg")$par
#'
#' # nonlinear least squares
#' residuals <- function(p, data) data$rate - p$top * data$conc / (p$half + data$conc)
#' treated <- subset(Puromycin, state == "treated")
#' fit <- mlx_optimize(residuals, list(top = 200, half = 0.1), data = treated, method = "levenberg-marquardt")
#' fit$par
#' @export
mlx_optimize <- structure(
  function(f, par, ..., method = c("lbfgs", "newton-cg", "gauss-newton", "levenberg-marquardt"), control = list()) {
    given <- given_function(f, substitute(f), "mlx_optimize")
    method <- check_choice(method, c("lbfgs", "newton-cg", "gauss-newton", "levenberg-marquardt"), "method")
    space <- parameter_space(par)
    control <- optimizer_control(control, method, space$dtype)
    objective_of <- if (of_residuals(method)) residual_objective else scalar_objective
    objective <- objective_of(given$f, space, list(...), "mlx_optimize", given$title)
    start <- as_mlx(vector_of(space$flat), dtype = space$dtype, device = space$device)
    minimise <- switch(
      method,
      "lbfgs" = lbfgs,
      "newton-cg" = newton_cg,
      "gauss-newton" = gauss_newton,
      "levenberg-marquardt" = levenberg_marquardt
    )
    optimum(minimise(objective, start, control), space, method)
  },
  transforms = TRUE
)

of_residuals <- function(method) method %in% c("gauss-newton", "levenberg-marquardt")

optimizer_control <- function(control, method, dtype) {
  epsilon <- dtype_epsilon(dtype)
  defaults <- list(maxit = if (method == "lbfgs") 1000L else 200L, gtol = epsilon^(2 / 3), trace = FALSE)
  if (method == "lbfgs") defaults$memory <- 10L
  if (of_residuals(method)) defaults$xtol <- 8 * epsilon
  if (!is.list(control) || length(control) > 0L && is.null(names(control))) {
    rmlx_abort("`control` must be a list with names.", "argument")
  }
  unknown <- setdiff(names(control), names(defaults))
  if (length(unknown)) {
    rmlx_abort(paste0("`control` has ", paste0("`", unknown, "`", collapse = ", "), "; of method \"", method,
                      "\" it may have ", paste0("`", names(defaults), "`", collapse = ", "), "."), "argument")
  }
  out <- utils::modifyList(defaults, control)
  out$maxit <- check_count(out$maxit, "control$maxit")
  for (name in intersect(c("gtol", "xtol"), names(out))) {
    if (check_number(out[[name]], paste0("control$", name)) < 0) {
      rmlx_abort(paste0("`control$", name, "` must not be negative."), "argument")
    }
  }
  if (!is.null(out$memory)) out$memory <- check_count(out$memory, "control$memory", 1)
  check_flag(out$trace, "control$trace")
  # the value's own rounding, relative to its size
  out$noise <- 10 * epsilon
  out
}

dtype_epsilon <- function(dtype) if (dtype == "float64") .Machine$double.eps else 2^-23

refuse_start <- function(value) {
  if (!is.finite(value)) {
    rmlx_abort(paste0("the function is ", value, " at the start: begin where it is finite."), "value")
  }
}

# A point with the value and the gradient there, computed.
gradient_point <- function(objective, x) {
  out <- objective$value_grad(x)
  mlx_eval(list(x, out$value, out$gradient))
  list(x = x, value = as.numeric(out$value), gradient = out$gradient)
}

# A trial point; where f meets a matrix that is singular or not positive definite, an infinitely bad one.
tried <- function(measure, x) {
  tryCatch(measure(x), rmlx_error_singular = function(e) list(x = x, value = Inf))
}

trace_line <- function(control, iteration, value, gradient_norm) {
  if (control$trace) {
    cat(sprintf("%5d  value %.10g  gradient %.3g\n", iteration, value, gradient_norm))
  }
}

largest_of <- function(x) if (length(x) == 0L) 0 else as.numeric(mlx_max(abs(x)))

endings <- c(
  gradient = "the gradient is zero to the tolerance",
  step = "the last step is zero to the tolerance",
  rounding = "the value cannot be lowered beyond its rounding errors",
  maxit = "the limit of iterations was reached",
  stuck = "no step lowers the value, although the gradient is not small"
)

optimum <- function(found, space, method) {
  code <- switch(found$ending, maxit = 1L, stuck = 2L, 0L)
  out <- list(
    par = space$give(found$x), value = found$value, gradient = space$give(found$gradient),
    gradient_norm = largest_of(found$gradient), counts = found$counts, iterations = found$iterations,
    convergence = code, message = endings[[found$ending]], method = method
  )
  structure(c(out, found$more), class = "mlx_optimum")
}

#' Print an optimum
#'
#' @param x What [mlx_optimize()] returned.
#' @param digits Significant digits.
#' @param ... Not used.
#' @return `x`, invisibly.
#' @examples
#' print(mlx_optimize(function(p) sum((p - c(1, 2))^2), c(a = 0, b = 0)), digits = 3)
#' @export
print.mlx_optimum <- function(x, digits = getOption("digits"), ...) {
  cat("Minimum by ", x$method, "\n", sep = "")
  cat("  value:       ", format(x$value, digits = digits), "\n", sep = "")
  cat("  gradient:    ", format(x$gradient_norm, digits = 3L), " (largest element)\n", sep = "")
  cat("  iterations:  ", x$iterations, " (", paste(x$counts, names(x$counts), collapse = ", "), ")\n", sep = "")
  cat("  convergence: ", x$convergence, ", ", x$message, "\n", sep = "")
  cat("  par:\n")
  print(r_leaves(x$par), digits = digits)
  invisible(x)
}

# Nested lists of arrays as R's values.
r_leaves <- function(x) if (is_node(x)) lapply(x, r_leaves) else as_r(x)
