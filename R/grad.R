# Gradients of R functions.

#' Gradients of R functions
#'
#' `mlx_grad()` differentiates `f` with respect to its arguments by reverse mode: while `f` runs, MLX
#' records what every function with a method for mlx does.
#'
#' @param f A function of the arguments in `...` that returns an mlx array of one element, or a list
#'   whose first element is one; the others come back as `aux`.
#' @param ... Arguments of `f`, given to it by position or name. Vectors, matrices and arrays are
#'   converted by [as_mlx()], so R numbers become float32 unless `options(rmlx.dtype = "float64")`; a
#'   data frame is one matrix if it is differentiated, and reaches `f` as it is if not. An argument may
#'   be a nested list: floating leaves are differentiated, anything else (integers, bools, strings,
#'   functions, `NULL`) reaches `f` untouched and gets the gradient `NULL`.
#' @param argnums Which arguments to differentiate: positions or names; `NULL` all. The others are
#'   constants.
#' @param value Whether to return the value too.
#' @return A list of gradients in the order of `argnums`, with the arguments' names, each with the
#'   shape, dtype, device, names and dimnames of its argument (for a list: the same list of gradients).
#'   `mlx_value_grad()` and `mlx_grad(value = TRUE)`: `list(value, grads)`, and `aux` between them if
#'   `f` returned more than the value.
#'
#' @section Staying on the tape:
#' Functions written for R's own vectors may be used unchanged: see [mlx_overlay]. But a plain R number carries
#' no gradient, so turning a value that depends on the arguments into one
#' (`as.numeric()`, `as.matrix()`, `x[[i]]`, or code of packages that reads values, such as `lm()`) is an
#' error of class `rmlx_error_tape` at that place. In functions of packages, which the overlay leaves
#' alone, and with `options(rmlx.overlay = FALSE)` the usual causes are:
#' - assigning into a plain vector, `out <- numeric(n); out[i] <- x[i]`: start from `mlx_zeros(n)`;
#' - `for (v in x)`: loop over `seq_along(x)`, or over `as.list(x)`;
#' - `c(0, x)`, which R dispatches on its first argument: `c(as_mlx(0), x)`;
#' - functions that know nothing of mlx: `mlx_dnorm()` for `dnorm()`, `mlx_sigmoid()` for `plogis()`;
#' - `format()` and `paste()`, whose strings would become numbers again.
#'
#' Comparisons may be read to branch (`if (x > 0)`):
#' the gradient is that of the branch taken. [mlx_stop_gradient()] lets a value be read on purpose.
#' `print()` and `str()` are allowed.
#'
#' Errors, warnings, messages and interrupts in `f` reach the caller's handlers unchanged. `f` may
#' itself call `mlx_grad()`: gradients nest to any order.
#'
#' @section Derivatives of complex functions:
#' They follow JAX's convention. The gradient of a real \eqn{u(z)}, \eqn{z = x + iy}, is
#' \eqn{\partial u/\partial x - i\,\partial u/\partial y}; that of a complex result is the gradient of its real
#' part, which for a holomorphic function is its derivative \eqn{f'(z)}. `mlx_vjp()` multiplies \eqn{c} with
#' \eqn{f'(z)} and `mlx_jvp()` \eqn{v} with it, neither with the conjugate; of any function, holomorphic or not,
#' the former is the gradient of \eqn{\mathrm{Re}(\sum c f(z))}{Re(sum(c f(z)))}. Real arguments have real
#' gradients. PyTorch and Python's MLX return the conjugate of these gradients.
#'
#' A gradient so points where the conjugate of \eqn{z} goes: a step downhill is `z - lr * Conj(grad)`.
#'
#' @section Long loops:
#' MLX walks from the result to the arguments by calls within calls, about 90 bytes of stack for every
#' operation that waits for another: a chain of some 80,000 operations fills the usual 8 MB. A longer
#' one is an error of class `rmlx_error_depth`, which says how much stack there is and what helps: a
#' part of the loop within `mlx_checkpoint()` counts as one operation, and R started after
#' `ulimit -s 65536` has room for 700,000. What is only computed and not differentiated may be of any length.
#' @examples
#' loss <- function(w, x, y) {
#'   r <- x %*% w - y
#'   sum(r * r) / length(y)
#' }
#' x <- as_mlx(matrix(1:8, 4, 2))
#' y <- as_mlx(matrix(c(1, 3, 2, 4), 4, 1))
#' w <- as_mlx(matrix(0, 2, 1))
#' mlx_grad(loss, w, x, y)[[1]]
#' mlx_value_grad(loss, w = w, x = x, y = y, argnums = "w")
#'
#' # a nested list of parameters, and the second derivative
#' mlx_grad(function(p) sum(p$a^2) * p$b, list(a = c(1, 2), b = 3))
#' d <- function(x) mlx_grad(function(z) z^3, x)[[1]]
#' mlx_grad(d, 2)[[1]]
#'
#' # a complex argument, and a step downhill
#' loss <- function(z) Mod(z - (1 + 2i))^2
#' z <- as_mlx(3 - 1i)
#' z - 0.5 * Conj(mlx_grad(loss, z)[[1]])
#' @export
mlx_grad <- structure(
  function(f, ..., argnums = NULL, value = FALSE) {
    out <- differentiate(f, list(...), argnums, "mlx_grad", substitute(f))
    if (check_flag(value, "value")) out else out$grads
  },
  transforms = TRUE
)

#' @rdname mlx_grad
#' @export
mlx_value_grad <- structure(
  function(f, ..., argnums = NULL) differentiate(f, list(...), argnums, "mlx_value_grad", substitute(f)),
  transforms = TRUE
)

differentiate <- function(f, args, argnums, who, written) {
  given <- given_function(f, written, who)
  aux <- ready <- result <- NULL
  # what C_differentiate calls by these names, after it has set `ready` or `result`
  called <- function() eval(ready[[1L]], ready[[2L]]) # nolint: object_usage_linter.
  checked <- function() {
    if (is_led_by_array(result)) aux <<- result[-1L]
    check_loss(first_result(result), who)
  }
  out <- if (length(args) > 0L) .Call(C_differentiate, given, args, argnums, environment(), as_mlx, overlay_state)
  if (is.null(out)) {
    problem <- transformation_of(given, args, argnums, who)
    traced <- function(leaves) {
      result <<- problem$call(leaves)
      if (.Call(C_is_loss, result)) result else checked()
    }
    out <- .Call(C_value_and_grad, traced, problem$leaves, environment())
    out[[2L]] <- problem$like_arguments(out[[2L]])
  }
  if (is.null(aux)) {
    list(value = out[[1L]], grads = out[[2L]])
  } else {
    list(value = out[[1L]], aux = aux, grads = out[[2L]])
  }
}

function_of <- function(f, who, name = "f") {
  if (is.function(f)) return(f)
  if (!is.character(f) || length(f) != 1L) {
    rmlx_abort(paste0("`", name, "` of ", who, "() must be a function, not an object of class ",
                      class(f)[[1L]], "."), "argument")
  }
  tryCatch(match.fun(f), error = function(e) {
    rmlx_abort(paste0("`", name, "` of ", who, "() names no function: \"", f, "\"."), "argument")
  })
}

resolve_argnums <- function(argnums, args) {
  if (is.null(argnums)) return(seq_along(args))
  if (is.character(argnums)) {
    found <- match(argnums, names(args))
    if (anyNA(found)) {
      rmlx_abort(paste0("argnums names no argument: ",
                        paste0("`", argnums[is.na(found)], "`", collapse = ", "),
                        ". Name the arguments in the call, as in mlx_grad(f, w = w, argnums = \"w\")."),
                 "argument")
    }
    argnums <- found
  }
  if (!is.numeric(argnums) || length(argnums) == 0L || anyNA(argnums) ||
        any(argnums < 1 | argnums > length(args) | argnums != trunc(argnums))) {
    rmlx_abort(paste0("argnums must be between 1 and the number of arguments, ", length(args), " here."), "argument")
  }
  if (anyDuplicated(argnums)) rmlx_abort("argnums names an argument twice.", "argument")
  as.integer(argnums)
}

# An argument as f receives it: numbers as mlx arrays, lists and everything else as they are.
constant_argument <- function(x) {
  convertible <- is_mlx(x) || (is.atomic(x) && !is.null(x) && !is.character(x) && !is.factor(x))
  if (convertible) as_mlx(x) else x
}

# A data frame to differentiate, as one matrix.
check_columns <- function(x) {
  fine <- vapply(x, is_number_column, NA)
  if (!all(fine)) {
    rmlx_abort(
      c(paste0("a data frame is differentiated as a matrix, and its ", not_numeric(names(x)[!fine]), "."),
        i = paste0("`argnums` tells what to differentiate, as in mlx_grad(f, par, data, argnums = 1); ",
                   "a data frame that it leaves out reaches f as it is.")),
      "argument"
    )
  }
  x
}

# What an argument is called in messages.
argument_label <- function(args, i) {
  name <- names(args)[i]
  if (is.null(name) || name == "") paste("argument", i) else paste0("`", name, "`")
}

refuse_argument <- function(args, i) {
  x <- args[[i]]
  what <- if (is_mlx(x)) paste("of dtype", mlx_dtype(x)) else paste("of class", class(x)[[1L]])
  rmlx_abort(
    paste0(argument_label(args, i), " is ", what, " and has no floating-point values to differentiate. ",
           "Leave it out of `argnums`, or cast it with mlx_cast(x, \"float32\")."),
    "argument"
  )
}

# A user's function `f`, and the `title` that calls of it get in conditions. `written`: what stands for it in
# the user's call.
given_function <- function(f, written, who, name = "f") {
  if (is.function(f) && is.name(written)) { # the usual case
    title <- as.character(written)
    if (!startsWith(title, "..")) return(list(f = f, title = title))
  }
  list(f = function_of(f, who, name), title = title_of(written, f))
}

# The name that calls of f get in conditions: the user's own if there is one.
title_of <- function(written, f) {
  name <- if (is.character(f)) f else name_of(written)
  if (nzchar(name) && !startsWith(name, "..")) name else "f"
}

# Calls f with symbols for arguments, so that calls in conditions stay short and hold no values.
call_with <- function(f, args, title) {
  ready <- .Call(C_known_call, f, args, title, overlay_state)
  as_plain <- !is.null(ready) || overlay_on()
  if (is.null(ready)) ready <- first_call(f, args, title, as_plain)
  pairing <- .Call(C_pair_columns, as_plain)
  on.exit(.Call(C_pair_columns, pairing))
  eval(ready[[1L]], ready[[2L]])
}

# As C_known_call, for any function.
first_call <- function(f, args, title, as_plain) {
  functions <- FALSE
  for (arg in args) if (is.function(arg)) functions <- TRUE
  if (as_plain) {
    f <- overlaid(f)
    if (functions) args <- lapply(args, function(arg) if (is.function(arg)) overlay_of(arg) else arg)
  }
  ready <- if (!functions && !is.primitive(f)) {
    .Call(C_prepare_call, f, args, title, names(formals(f)), environment(f))
  }
  ready %||% unusual_call(f, args, title, functions)
}

# A call, and the environment for it, as C_prepare_call gives them, where names may clash.
unusual_call <- function(f, args, title, functions) {
  symbols <- argument_symbols(f, args)
  # f is looked up as a function, so of its arguments only a function could stand in for it
  if (functions) symbols <- make.unique(c(title, symbols))[-1L]
  arguments <- lapply(symbols, as.name)
  names(arguments) <- names(args)
  names(args) <- symbols
  # where f sees what it is called from: a generic looks for its methods there
  above <- new.env(parent = if (is.primitive(f)) emptyenv() else environment(f))
  assign(title, f, above)
  list(as.call(c(as.name(title), arguments)), list2env(args, parent = above))
}

# Unique names of arguments of which some are given: those of f's own that are open, then x1, x2, ...
argument_symbols <- function(f, args) {
  given <- names(args)
  n <- length(args)
  own <- names(formals(if (is.primitive(f)) args(f) else f))
  if (is.null(given)) {
    if (length(own) >= n && !"..." %in% own[seq_len(n)]) return(own[seq_len(n)])
    given <- character(n)
  }
  open <- own[!own %in% given]
  open <- open[seq_len(match("...", open, length(open) + 1L) - 1L)]
  symbols <- given
  free <- which(given == "")
  symbols[free] <- paste0("x", free)
  known <- seq_len(min(length(open), length(free)))
  symbols[free[known]] <- open[known]
  make.unique(symbols)
}

check_loss <- function(x, who) {
  if (!is_mlx(x)) {
    what <- if (is.null(x)) "NULL" else if (is.list(x)) {
      "a list whose first element is no mlx scalar"
    } else {
      paste("an object of class", paste(class(x), collapse = "/"))
    }
    rmlx_abort(
      c(paste0("The function of `", who, "()` must return an `mlx` object (one number), or a list ",
               "whose first element is one; it returned ", what, "."),
        i = "Ensure all differentiable computations use MLX operations."),
      "result"
    )
  }
  if (length(x) != 1L) {
    rmlx_abort(
      c(paste0("The function of `", who, "()` must return one number; its result has shape ",
               paste(mlx_shape(x), collapse = " x "), "."),
        i = "Reduce it, for example by sum(), or use mlx_jacobian() or mlx_vjp()."),
      "result"
    )
  }
  if (!is_floating(x)) {
    rmlx_abort(
      c(paste0("The function of `", who, "()` returned dtype ", mlx_dtype(x),
               ", which has no gradient."),
        i = "It must return a floating-point number."),
      "result"
    )
  }
  x
}

#' Cut a value out of the gradient
#'
#' @param x An mlx array.
#' @return The same values as constants: their gradient is zero, and inside a differentiated function
#'   they may be read as plain numbers.
#' @examples
#' f <- function(x) sum(x * mlx_stop_gradient(x))
#' mlx_grad(f, c(1, 2))[[1]]
#' @export
mlx_stop_gradient <- function(x) .Call(C_stop_gradient, x)
