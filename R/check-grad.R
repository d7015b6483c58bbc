# Gradients against finite differences.

#' Check gradients against finite differences
#'
#' Compares the derivatives of `f` by automatic differentiation, element by element, with central
#' differences of its values; both in double precision. Meant for tests of functions with rules of their own
#' or with `mlx_stop_gradient()`, and for finding out where a wrong gradient comes from.
#'
#' @param f A function of the arguments in `...`, as for [mlx_grad()]. Its result may have any shape; of one with
#'   several elements, the derivatives of a weighted sum of the elements are checked, with the weights
#'   `1 + sin(k) / 2` for the k-th in column-major order.
#' @param ... Arguments of f: what is floating point in them is cast to float64 on the CPU.
#' @param argnums Which arguments to differentiate: positions or names; `NULL` all.
#' @param order 1: gradients; 2: Hessians too, compared with differences of gradients.
#' @param tol The largest relative difference that passes. What rounding errors of f make of the differences
#'   is allowed besides.
#' @param modes The modes of differentiation that are checked; for Hessians `"forward"` is forward over reverse
#'   mode, `"reverse"` reverse over reverse mode.
#' @details
#' Differences are extrapolated from shorter and shorter steps (Ridders), which begin with 2 % of an element's
#' absolute value, or 0.001 where that is larger, and end when the extrapolations agree; steps at which f is not
#' finite are left out. With n elements f runs 8 n to 28 n times, for `order = 2` its gradient too.
#'
#' A function that is not differentiable at the arguments does not pass, unless the kink is symmetric about the
#' derivative that it is given, as in `abs(x)` or `pmax(x, 0)` at 0: such a one fails with `order = 2` only.
#' @return A list of class `mlx_grad_check`, which prints as a summary:
#' - `ok`: whether all derivatives pass;
#' - `worst`: of each order and mode the element with the largest error, as a data frame with the columns `order`,
#'   `mode`, `path` (such as `p$w[2,1]`, two of them for Hessians), `analytic`, `numeric`, `error` (relative) and `ok`;
#' - `entries`: the same of all elements; `tol`.
#' @examples
#' mlx_check_grad(function(p, x) sum(mlx_sigmoid(x %*% p$w + p$b)), list(w = matrix(c(1, -1), 2), b = 0.5),
#'                matrix(c(1, 3, 2, 4), 2), argnums = 1)
#' wrong <- function(x) sum(x * mlx_stop_gradient(x))
#' mlx_check_grad(wrong, x = c(1, 2))$ok
#' @export
mlx_check_grad <- structure(
  function(f, ..., argnums = NULL, order = 2, tol = 1e-6, modes = c("reverse", "forward")) {
    given <- given_function(f, substitute(f), "mlx_check_grad")
    order <- check_count(order, "order", 1)
    if (order > 2L) rmlx_abort("`order` must be 1 or 2.", "argument")
    if (check_number(tol, "tol") <= 0) rmlx_abort("`tol` must be positive.", "argument")
    modes <- check_modes(modes)
    checked <- checked_function(given$f, list(...), argnums, given$title)
    x <- checked$x
    s <- checked_sum(checked$fun)
    on_r <- function(v) as_mlx(vector_of(v), dtype = "float64", device = "cpu")
    value <- function(v) in_space(checked$space, as.numeric(s(on_r(v))))
    gradient <- function(v) in_space(checked$space, as.numeric(mlx_grad(s, on_r(v))[[1L]]))

    first <- first_derivatives(checked$space, s, on_r(x), modes)
    entries <- compare_with_differences(1L, first, value, x, checked$paths, tol)
    if (order == 2L) {
      second <- second_derivatives(checked$space, s, on_r(x), modes)
      entries <- rbind(entries, compare_with_differences(2L, second, gradient, x, checked$paths, tol))
    }
    groups <- split(seq_len(nrow(entries)), list(entries$mode, entries$order), drop = TRUE)
    worst <- base::vapply(groups, function(i) i[base::which.max(entries$error[i])], 1L)
    structure(
      list(ok = all(entries$ok), worst = entries[worst, ], entries = entries, tol = tol),
      class = "mlx_grad_check"
    )
  },
  transforms = TRUE
)

check_modes <- function(modes) {
  known <- c("reverse", "forward")
  if (!is.character(modes) || length(modes) == 0L || !all(modes %in% known)) {
    rmlx_abort("`modes` must be \"reverse\", \"forward\" or both.", "argument")
  }
  unique(modes)
}

# f as a function of the differentiated arguments' elements in one vector, `x`, with names for those.
checked_function <- function(f, args, argnums, title) {
  if (length(args) == 0L) rmlx_abort("mlx_check_grad() requires at least one argument.", "argument")
  which <- resolve_argnums(argnums, args)
  local_mlx_device("cpu")
  local_mlx_dtype("float64")
  double_leaves <- function(x) {
    if (is.data.frame(x)) return(x)
    part <- partition(constant_argument(x))
    restore(part$skeleton, lapply(part$leaves, double_leaf))
  }
  args <- lapply(args, double_leaves)
  for (i in which) if (is.data.frame(args[[i]])) args[[i]] <- as_mlx(check_columns(args[[i]]))
  labels <- argument_labels(f, args)
  differentiated <- args[which]
  if (length(partition(differentiated)$leaves) == 0L) {
    rmlx_abort("no argument has floating-point values to differentiate.", "argument")
  }
  space <- parameter_space(differentiated, "float64", "...")
  fun <- function(v) {
    args[which] <- space$lift(v)
    first_result(call_with(f, args, title))
  }
  paths <- base::unlist(base::Map(element_paths, differentiated, labels[which]), use.names = FALSE)
  list(fun = fun, space = space, x = unname(space$flat), paths = paths)
}

double_leaf <- function(x) if (mlx_dtype(x) == "complex64") x else as_mlx(x, dtype = "float64", device = "cpu")

# What arguments are called: by their names, those that f has for them, or their positions.
argument_labels <- function(f, args) {
  given <- names(args) %||% character(length(args))
  open <- setdiff(names(formals(args(f))), c(given, "..."))
  free <- which(given == "")
  given[free] <- base::ifelse(seq_along(free) <= length(open), open[seq_along(free)], paste0("[[", free, "]]"))
  given
}

# The names of a nested list's floating elements: p$w[2,1], p[[3]][1].
element_paths <- function(x, path) {
  if (is_node(x)) {
    inner <- names(x) %||% character(length(x))
    inner <- base::ifelse(inner == "", paste0("[[", seq_along(x), "]]"), paste0("$", inner))
    return(base::unlist(base::Map(element_paths, unclass(x), paste0(path, inner)), use.names = FALSE))
  }
  leaf <- floating_leaf(x)
  if (is.null(leaf)) return(character())
  shape <- mlx_shape(leaf)
  if (length(shape) == 0L) return(path)
  positions <- base::arrayInd(seq_len(prod(shape)), shape)
  paste0(path, "[", base::apply(positions, 1L, paste, collapse = ","), "]")[seq_len(prod(shape))]
}

# What is differentiated in place of a result of several elements: their weighted sum.
checked_sum <- function(fun) {
  structure(relays = TRUE, function(v) {
    out <- fun(v)
    if (!is_mlx(out) || !is_floating(out) || mlx_dtype(out) == "complex64") {
      rmlx_abort(paste0("The function of `mlx_check_grad()` must return an mlx array of real floating-point numbers, ",
                        "or a list whose first element is one; it returned ", describe_result(out), "."), "result")
    }
    if (length(out) == 1L) return(.Call(C_reshape, out, integer(), FALSE))
    weights <- as_mlx(1 + sin(seq_along(out)) / 2, dtype = "float64", device = "cpu")
    sum(out * .Call(C_reshape, weights, mlx_shape(out), TRUE))
  })
}

# Of the sum, by each mode: its gradient as one row, its Hessian.
first_derivatives <- function(space, s, x, modes) {
  in_space(space, lapply(setNames(modes, modes), function(mode) {
    derivative <- if (mode == "reverse") mlx_grad(s, x) else mlx_jacobian(s, x, mode = "forward")
    matrix(as.numeric(derivative[[1L]]), nrow = 1L)
  }))
}

second_derivatives <- function(space, s, x, modes) {
  gradient <- function(x) mlx_grad(s, x)[[1L]]
  in_space(space, lapply(setNames(modes, modes), function(mode) as_r(mlx_jacobian(gradient, x, mode = mode)[[1L]])))
}

# The rows of a data frame of derivatives by each mode: of `fun`, which has one value (paths of one element) or
# one for each element (paths of two).
compare_with_differences <- function(order, derivatives, fun, x, paths, tol) {
  numeric <- lapply(seq_along(x), function(i) central_difference(fun, x, i))
  values <- base::vapply(numeric, function(d) d$value, numeric[[1L]]$value)
  noise <- base::vapply(numeric, function(d) d$noise, numeric[[1L]]$noise)
  path <- if (order == 1L) paths else paste(rep(paths, length(paths)), rep(paths, each = length(paths)), sep = ", ")
  do.call(rbind, lapply(names(derivatives), function(mode) {
    analytic <- as.vector(derivatives[[mode]])
    size <- base::pmax(abs(analytic), abs(as.vector(values)))
    difference <- abs(analytic - as.vector(values))
    error <- base::ifelse(difference == 0, 0, difference / (size + as.vector(noise) / tol))
    error[is.na(error)] <- Inf # NaN passes for nothing
    data.frame(
      order = order, mode = mode, path = path, analytic = analytic, numeric = as.vector(values), error = error,
      ok = error <= tol
    )
  }))
}

# The derivative of fun(x) by x[i] from central differences, extrapolated to steps of no length, and what
# rounding makes of it. Of all extrapolations the one that agrees best with its neighbours is taken, for each
# value of fun by itself (Ridders 1982).
central_difference <- function(fun, x, i, levels = 14L) {
  step <- max(0.02 * abs(x[i]), 1e-3)
  table <- list()
  best <- list(value = NA_real_, error = Inf, noise = 0)
  for (level in seq_len(levels)) {
    h <- step / 2^(level - 1L)
    above <- replace(x, i, x[i] + h)
    below <- replace(x, i, x[i] - h)
    up <- fun(above)
    down <- fun(below)
    row <- list((up - down) / (above[i] - below[i]))
    noise <- 20 * .Machine$double.eps * base::pmax(abs(up), abs(down)) / h
    if (level == 1L) best <- list(value = NA * up, error = Inf + 0 * noise, noise = noise)
    for (k in seq_along(table)) {
      row[[k + 1L]] <- row[[k]] + (row[[k]] - table[[k]]) / (4^k - 1)
      error <- base::pmax(abs(row[[k + 1L]] - row[[k]]), abs(row[[k + 1L]] - table[[k]]))
      better <- !is.na(error) & (is.na(best$value) | error < best$error)
      best$value[better] <- row[[k + 1L]][better]
      best$error[better] <- error[better]
      best$noise[better] <- noise[better]
    }
    table <- row
    if (level >= 4L && all(!is.na(best$value) & best$error <= 1e-10 * abs(best$value) + best$noise)) break
  }
  best
}

#' @rdname mlx_check_grad
#' @param x What `mlx_check_grad()` returned.
#' @param n How many elements that do not pass are shown.
#' @export
print.mlx_grad_check <- function(x, n = 10L, ...) {
  cat("Gradient check: ", if (x$ok) "passed" else "FAILED", " (tolerance ", format(x$tol), ")\n", sep = "")
  for (i in seq_len(nrow(x$worst))) {
    worst <- x$worst[i, ]
    group <- x$entries[x$entries$order == worst$order & x$entries$mode == worst$mode, ]
    cat(sprintf("  order %d, %s: %d of %d elements pass, largest error %.2g at %s\n", worst$order, worst$mode,
                sum(group$ok), nrow(group), worst$error, worst$path))
  }
  failed <- x$entries[!x$entries$ok, ]
  if (nrow(failed)) {
    cat("Elements that do not pass", if (nrow(failed) > n) paste0(" (", n, " of ", nrow(failed), ")"), ":\n", sep = "")
    failed <- failed[order(-failed$error), names(failed) != "ok"]
    print(utils::head(failed, n), row.names = FALSE)
  }
  invisible(x)
}
