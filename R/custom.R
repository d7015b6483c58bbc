# Functions with rules of their own, and checkpoints.

#' Functions with derivatives of their own
#'
#' `mlx_custom_function()` returns `f` with other rules for its derivatives or for [mlx_vmap()]: for
#' functions whose gradient is known in closed form, is numerically better written down than derived,
#' or cannot be derived at all, because `f` computes in plain R.
#'
#' @param f A function of arrays, nested lists of arrays and other values that returns an mlx array or a
#'   nested list of them. With a `vjp` or `jvp` it may read the values of its arguments as plain
#'   numbers (outside [mlx_vmap()] and [mlx_compile()]) and compute with base R.
#' @param vjp `function(primals, cotangents, outputs)`: the gradients of the arguments, \eqn{J^T c}, as a
#'   list like `primals` (the list of arguments); `NULL` for zeros. For a function of one argument the
#'   list may be left out. `cotangents` and `outputs` have the structure of the result of `f`. Complex ones
#'   are multiplied with the derivative, not with its conjugate: see [mlx_grad()].
#' @param jvp `function(primals, tangents)`: the derivative of the result along `tangents`, a list like
#'   `primals`, with the structure of the result.
#' @param vmap `function(inputs, axes)`: `list(outputs, out_axes)` of all items at once; `axes` is a list
#'   like `inputs` of axes (`NULL`: not mapped), `out_axes` likewise for the outputs.
#' @return A function of the arguments of `f`.
#' @details Of `vjp` and `jvp` one follows from the other, whose operations must then be differentiable;
#'   if both are missing, `f` is differentiated. If `vmap` is missing `f` and its rules are mapped. Rules
#'   are R code like any other: they are differentiated in turn for second derivatives, and their
#'   errors and warnings reach the caller. `f` must take arrays that are differentiated as arguments,
#'   not from its environment: that is an error.
#' @examples
#' # log(1 + exp(x)), whose derived gradient overflows
#' softplus <- mlx_custom_function(
#'   function(x) log1p(exp(x)),
#'   vjp = function(primals, cotangents, outputs) cotangents * mlx_sigmoid(primals[[1]])
#' )
#' mlx_grad(function(x) sum(softplus(x)), c(0, 100))[[1]]
#'
#' # a function that base R computes
#' area <- mlx_custom_function(
#'   function(b) as_mlx(integrate(dnorm, -Inf, as.numeric(b))$value),
#'   vjp = function(primals, cotangents, outputs) cotangents * mlx_dnorm(primals[[1]])
#' )
#' mlx_grad(area, 1)[[1]]
#' dnorm(1)
#' @export
mlx_custom_function <- function(f, vjp = NULL, jvp = NULL, vmap = NULL) {
  given <- given_function(f, substitute(f), "mlx_custom_function")
  rules <- list(vjp = vjp, jvp = jvp, vmap = vmap)
  for (name in names(rules)) if (!is.null(rules[[name]])) check_rule(rules[[name]], name)
  made_function(
    function(...) custom_call(given, list(...), rules, "mlx_custom_function", environment()),
    "mlx_custom_function", given$f
  )
}

#' Compute again instead of keeping
#'
#' `mlx_checkpoint(f)` is `f`, of whose intermediate values a gradient keeps none: it runs `f` again when
#' it needs them. Deep chains of functions take less memory that way, for about a third more time.
#'
#' @inheritParams mlx_custom_function
#' @return A function of the arguments of `f`.
#' @details `f` must take arrays that are differentiated as arguments, not from its environment: that is
#'   an error. It runs again with the same arguments; random numbers that it draws itself would be others,
#'   so give it a `key`.
#' @examples
#' layer <- mlx_checkpoint(function(x, w) tanh(x %*% w))
#' x <- as_mlx(matrix(1:4 / 10, 2))
#' mlx_grad(function(w) sum(layer(layer(x, w), w)), diag(2))[[1]]
#' @export
mlx_checkpoint <- function(f) {
  given <- given_function(f, substitute(f), "mlx_checkpoint")
  made_function(
    function(...) custom_call(given, list(...), list(NULL, NULL, NULL), "mlx_checkpoint", environment()),
    "mlx_checkpoint", given$f
  )
}

check_rule <- function(rule, name) {
  if (!is.function(rule)) {
    rmlx_abort(paste0("`", name, "` must be a function or NULL, not ", description(rule), "."), "argument")
  }
  takes <- switch(name,
    vjp = c("primals", "cotangents", "outputs"), jvp = c("primals", "tangents"), vmap = c("inputs", "axes")
  )
  own <- names(formals(base::args(rule)))
  if (!"..." %in% own && length(own) < length(takes)) {
    rmlx_abort(paste0("`", name, "` must be a function(", paste(takes, collapse = ", "), "), and takes ", length(own),
                      ngettext(length(own), " argument.", " arguments.")), "argument")
  }
}

# A call of a function with rules. All arrays in its arguments are the leaves that MLX gets.
custom_call <- function(given, args, rules, who, caller) {
  run <- function(args) call_with(given$f, args, given$title)
  args <- lapply(args, constant_argument)
  parts <- partition(args, leaf = function(x) if (is_mlx(x)) x else floating_leaf(x))
  if (length(parts$leaves) == 0L || !.Call(C_is_tracing)) {
    result <- result_parts(run(args), who)
    return(restore(result$skeleton, result$leaves))
  }
  n <- length(parts$leaves)
  written <- as.call(lapply(c(given$title, argument_symbols(given$f, args)), as.name))
  # the first run is the one for the values, whose structure the rules' arguments have as well
  result <- NULL
  values <- function(leaves) {
    found <- result_parts(run(restore(parts$skeleton, leaves)), who)
    if (is.null(result)) result <<- found else in_rule(written, check_alike(found, result))
    found$leaves
  }
  like_primals <- function(leaves) restore(parts$skeleton, leaves)
  like_results <- function(leaves) {
    force(leaves) # which may be what gives the result
    restore(result$skeleton, leaves)
  }
  vjp <- if (!is.null(rules[[1L]])) function(arrays) {
    m <- length(result$leaves)
    primals <- arrays[seq_len(n)]
    cotangents <- like_results(arrays[n + seq_len(m)])
    outputs <- like_results(arrays[n + m + seq_len(m)])
    grads <- call_with(rules[[1L]], list(like_primals(primals), cotangents, outputs), "vjp")
    in_rule(quote(vjp(primals, cotangents, outputs)),
            matching_leaves(as_list_of(grads, parts$skeleton), parts$skeleton, primals, "vjp()"))
  }
  jvp <- if (!is.null(rules[[2L]])) function(arrays) {
    pairs <- list(like_primals(arrays[seq_len(n)]), like_primals(arrays[n + seq_len(n)]))
    tangents <- call_with(rules[[2L]], pairs, "jvp")
    in_rule(quote(jvp(primals, tangents)), matching_leaves(tangents, result$skeleton, result$leaves, "jvp()"))
  }
  vmap <- if (!is.null(rules[[3L]])) function(arrays) {
    inputs <- arrays[seq_len(n)]
    from <- as.integer(arrays[[n + 1L]])
    axes <- lapply(from, function(axis) if (axis >= 0L) axis + 1L)
    out <- call_with(rules[[3L]], list(like_primals(inputs), like_primals(axes)), "vmap")
    mapped <- which(from >= 0L)[[1L]]
    in_rule(quote(vmap(inputs, axes)),
            mapped_results(out, result, mlx_shape(inputs[[mapped]])[[from[[mapped]] + 1L]]))
  }
  # no variable holds the results: MLX keeps the functions, with this frame, as long as it has the results
  like_results(.Call(C_custom, values, list(vjp, jvp, vmap), parts$leaves, caller))
}

# What a user's function or rule gave is looked at after it has returned: errors in it are those of its call.
in_rule <- function(call, code) {
  tryCatch(code, rmlx_error = function(e) {
    e$call <- call
    stop(e)
  })
}

# A function that runs again must give what it gave before.
check_alike <- function(found, result) {
  same <- length(found$leaves) == length(result$leaves) &&
    all(base::mapply(function(x, y) identical(mlx_shape(x), mlx_shape(y)), found$leaves, result$leaves))
  if (!same) {
    rmlx_abort(paste0("the function gave other arrays when it ran again for its derivative: it must depend on its ",
                      "arguments only."), "result")
  }
}

# What a vmap rule gave for `extent` items of `result`: the arrays, and their axes from 0.
mapped_results <- function(out, result, extent) {
  if (!is_plain_list(out) || length(out) != 2L) {
    rmlx_abort("`vmap` must return list(outputs, out_axes).", "result")
  }
  found <- result_parts(out[[1L]], "mlx_custom_function")
  if (length(found$leaves) != length(result$leaves)) {
    rmlx_abort(paste0("`vmap` gave ", length(found$leaves), " outputs, and the function has ", length(result$leaves),
                      "."), "result")
  }
  shapes <- lapply(found$leaves, mlx_shape)
  axes <- axes_within(axes_like(out[[2L]], found$skeleton, "out_axes"), lengths(shapes))
  leaves <- base::Map(function(x, shape, axis, one) {
    fine <- if (axis < 0L) shape else if (shape[[axis + 1L]] == extent) shape[-(axis + 1L)]
    if (!identical(fine, mlx_shape(one))) {
      rmlx_abort(paste0("`vmap` gave an output of shape ", shape_text(x), " for ", extent, " items of shape ",
                        shape_text(one), "."), "shape")
    }
    mlx_cast(x, mlx_dtype(one))
  }, found$leaves, shapes, axes, result$leaves)
  c(leaves, list(as_mlx(axes, dtype = "int32", device = "cpu")))
}
