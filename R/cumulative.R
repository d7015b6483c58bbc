# Running sums and their like along an axis.

#' Cumulative functions along an axis
#'
#' `axis = NULL` runs over the row-major flattening, as in MLX, and gives a vector; base R's `cumsum()`
#' and its like run over the column-major one. All are differentiable.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param axis The axis, from 1, or from the last with -1; `NULL`: all elements.
#' @param reverse Whether to run from the end.
#' @param inclusive Whether an element counts for its own position. If not, the first result is that
#'   of nothing: 0, 1, -Inf, Inf (for integers the smallest or largest of the dtype), -Inf.
#' @return An mlx array: sums, products, maxima, minima, and log(sum(exp(x))) of the elements up to
#'   each.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' mlx_cumsum(x, axis = 2)
#' mlx_cumprod(x, axis = 1, reverse = TRUE)
#' mlx_cummax(as_mlx(c(2, 1, 3)), inclusive = FALSE)
#' mlx_logcumsumexp(as_mlx(c(1000, 1000)))
#' @export
mlx_cumsum <- function(x, axis = NULL, reverse = FALSE, inclusive = TRUE) {
  cumulate(C_cumsum_along, x, axis, reverse, inclusive)
}

cumulate <- function(routine, x, axis, reverse, inclusive) {
  .Call(routine, x, one_axis(axis), check_flag(reverse, "reverse"), check_flag(inclusive, "inclusive"))
}

#' @rdname mlx_cumsum
#' @export
mlx_cumprod <- function(x, axis = NULL, reverse = FALSE, inclusive = TRUE) {
  cumulate(C_cumprod_along, x, axis, reverse, inclusive)
}

#' @rdname mlx_cumsum
#' @export
mlx_cummax <- function(x, axis = NULL, reverse = FALSE, inclusive = TRUE) {
  cumulate(C_cummax_along, x, axis, reverse, inclusive)
}

#' @rdname mlx_cumsum
#' @export
mlx_cummin <- function(x, axis = NULL, reverse = FALSE, inclusive = TRUE) {
  cumulate(C_cummin_along, x, axis, reverse, inclusive)
}

#' @rdname mlx_cumsum
#' @export
mlx_logcumsumexp <- function(x, axis = NULL, reverse = FALSE, inclusive = TRUE) {
  cumulate(C_logcumsumexp_along, x, axis, reverse, inclusive)
}
