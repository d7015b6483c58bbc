# Evaluation.

#' Evaluate arrays now
#'
#' Operations on mlx arrays are lazy: MLX computes when values are needed. `mlx_eval()` computes
#' now, all arrays in one go; an interrupt ends the wait. `mlx_async_eval()` starts the computation and
#' does not wait: R goes on beside it, and whoever reads a value waits for that value.
#'
#' @param x,... mlx arrays, or (nested) lists of them; other values in a list are ignored.
#' @return `x`, invisibly.
#' @examples
#' y <- as_mlx(1:3) * 2
#' mlx_eval(y)
#' mlx_async_eval(y * 2)
#' @export
mlx_eval <- function(x, ...) {
  if (is_mlx(x) && ...length() == 0L) {
    .Call(C_eval_all, list(x))
    return(invisible(x))
  }
  leaves <- leaves_to_evaluate(x, ...)
  if (length(leaves) > 0L) .Call(C_eval_all, leaves)
  invisible(x)
}

#' @rdname mlx_eval
#' @export
mlx_async_eval <- function(x, ...) {
  leaves <- leaves_to_evaluate(x, ...)
  if (length(leaves) > 0L) .Call(C_eval_start, leaves)
  invisible(x)
}

leaves_to_evaluate <- function(x, ...) {
  if (!is.list(x)) check_mlx(x)
  for (more in list(...)) if (!is.list(more)) check_mlx(more)
  mlx_leaves(list(x, ...))
}

#' Compute one array after another
#'
#' @param x An mlx array or a (nested) list of them.
#' @param on mlx arrays, or a (nested) list of them, that are to be computed first.
#' @return `x`, whose arrays are computed only after those of `on`; the values and gradients are those of `x`.
#'   It keeps large intermediate values from being there at the same time.
#' @examples
#' a <- as_mlx(1:3) + 1
#' b <- mlx_depends(as_mlx(1:3) * 2, on = a)
#' b
#' @export
mlx_depends <- function(x, on) {
  for (given in list(x, on)) if (!is.list(given)) check_mlx(given)
  parts <- partition(x, leaf = function(x) if (is_mlx(x)) x)
  first <- mlx_leaves(on)
  if (length(parts$leaves) == 0L || length(first) == 0L) return(x)
  later <- .Call(C_depends, parts$leaves, first)
  restore(parts$skeleton, base::Map(named_like, later, parts$leaves))
}

# Every mlx array in a nested list.
mlx_leaves <- function(x) .Call(C_arrays_within, x)
