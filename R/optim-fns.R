# Objective functions with exact derivatives for R's own optimisers.

#' Functions for R's optimisers
#'
#' `mlx_optim_fns()` makes of a function `f` of parameters the functions of plain numeric vectors that
#' [stats::optim()], [stats::nlminb()] and [stats::nlm()] ask for: its value, gradient and Hessian, by
#' automatic differentiation.
#'
#' @param f A function of the parameters (and of the arguments in `...`) that returns one number as an
#'   mlx array, or a list whose first element is one, as for [mlx_grad()]. R's optimisers minimise, so of a
#'   likelihood f is the negative logarithm.
#' @param par Parameters, as f receives them: a numeric vector, matrix or array, an mlx array, or a
#'   nested list of them. What is not floating point in a list reaches f untouched; a number with a name
#'   is a vector of one element.
#' @param ... Further arguments of `f`: constants. R's numbers reach f as mlx arrays of `dtype`, lists and
#'   data frames as they are.
#' @param dtype `"float64"` or `"float32"`. Double precision is computed on the CPU. While f runs, it is
#'   also the dtype of R's numbers that f itself turns into arrays.
#'
#' @return A list:
#' - `par`: the parameters as a plain named vector, in column-major order and with the names that
#'   `unlist()` gives: `list(a = c(1, 2), b = 3)` becomes `c(a1 = 1, a2 = 2, b = 3)`;
#' - `fn(par)`: the value, one number;
#' - `gr(par)`: the gradient, a vector with the names of `par`;
#' - `hess(par)`: the Hessian, a symmetric matrix;
#' - `nlm(par)`: the value with the attribute `"gradient"`, for [stats::nlm()];
#' - `unflatten(par)`: a vector as parameters in the structure of the argument `par`, in R's numbers;
#' - `flatten(par)`: the opposite.
#'
#' @section Caching:
#' f runs once for `fn` and `gr` of the same vector, whichever is asked for first; the gradient is
#' computed only if it is asked for. The last Hessian is kept too.
#'
#' @section Values that are not finite:
#' They come back as they are: `optim()` (but for method `"L-BFGS-B"`), `nlminb()` and `nlm()` take a NaN or infinite
#' value as a point to step back from. Errors of f stop the optimiser. Where f may fail outside its
#' domain, say so in f: `tryCatch(chol(s), rmlx_error_singular = function(e) NULL)`, and return
#' `as_mlx(Inf)` for `NULL`.
#'
#' @section Errors:
#' A result that is not one number is an error of class `rmlx_error_result`, a vector of another length than
#' `par` one of class `rmlx_error_argument`, a value that leaves the tape one of class `rmlx_error_tape`.
#' @seealso [mlx_optimize()], which runs on MLX arrays; [mlx_mle()]; [mlx_check_grad()].
#' @examples
#' rosenbrock <- function(p) 100 * (p$y - p$x^2)^2 + (1 - p$x)^2
#' fns <- mlx_optim_fns(rosenbrock, list(x = -1.2, y = 1))
#' optim(fns$par, fns$fn, fns$gr, method = "BFGS")$par
#' fit <- nlminb(fns$par, fns$fn, fns$gr, fns$hess)
#' fns$unflatten(fit$par)
#' nlm(fns$nlm, fns$par)$estimate
#' @export
mlx_optim_fns <- function(f, par, ..., dtype = "float64") {
  given <- given_function(f, substitute(f), "mlx_optim_fns")
  dtype <- check_choice(dtype, c("float64", "float32"), "dtype")
  space <- parameter_space(par, dtype)
  cached_functions(scalar_objective(given$f, space, list(...), "mlx_optim_fns", given$title), space)
}

cached_functions <- function(objective, space) {
  names <- names(space$flat)
  n <- length(space$flat)
  plain <- function(par) as.double(check_flat(par, n, "par"))
  on_mlx <- function(par) as_mlx(vector_of(par), dtype = space$dtype, device = space$device)

  first <- list()
  at <- function(par) {
    par <- plain(par)
    if (!identical(par, first$par, num.eq = FALSE)) {
      first <<- c(list(par = par), objective$value_grad(on_mlx(par)))
    }
    first
  }
  second <- list()
  fn <- function(par) as.numeric(at(par)$value)
  gr <- function(par) setNames(as.numeric(at(par)$gradient), names)
  hess <- function(par) {
    par <- plain(par)
    if (!identical(par, second$par, num.eq = FALSE)) {
      second <<- list(par = par, hessian = symmetric(as_r(objective$hessian(on_mlx(par))), names))
    }
    second$hessian
  }
  list(
    par = space$flat, fn = fn, gr = gr, hess = hess,
    nlm = function(par) structure(fn(par), gradient = gr(par)),
    unflatten = space$unflatten, flatten = space$flatten
  )
}

# One number as a vector, which as_mlx() would make an array without axes.
vector_of <- function(x) base::array(as.double(x), length(x))

# Rounding leaves a Hessian a little asymmetric.
symmetric <- function(x, names) {
  out <- (x + t(x)) / 2
  if (!is.null(names)) dimnames(out) <- list(names, names)
  out
}
