# Evaluation.

#' Evaluate arrays now
#'
#' Operations on mlx arrays are lazy: MLX computes when values are needed. `mlx_eval()` computes
#' now, all arrays in one go; an interrupt ends the wait.
#'
#' @param x,... mlx arrays, or (nested) lists of them; other values in a list are ignored.
#' @return `x`, invisibly.
#' @examples
#' y <- as_mlx(1:3) * 2
#' mlx_eval(y)
#' @export
mlx_eval <- function(x, ...) {
  rest <- list(...)
  if (is_mlx(x) && length(rest) == 0L) {
    .Call(C_eval_all, list(x))
    return(invisible(x))
  }
  if (!is.list(x)) check_mlx(x)
  for (more in rest) if (!is.list(more)) check_mlx(more)
  leaves <- c(mlx_leaves(x), mlx_leaves(rest))
  if (length(leaves) > 0L) .Call(C_eval_all, leaves)
  invisible(x)
}

# Every mlx array in a nested list.
mlx_leaves <- function(x) {
  if (is_mlx(x)) return(list(x))
  if (!is_node(x)) return(list())
  do.call(c, c(list(list()), lapply(unname(unclass(x)), mlx_leaves)))
}
