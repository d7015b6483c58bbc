# Sorting, positions of extremes, quantiles, unique values.

#' Sort, and find positions
#'
#' Over the column-major flattening where `axis = NULL`, so that `x[mlx_argmax(x)]` is the maximum and
#' `x[mlx_argsort(x)]` is sorted. Positions count from 1 and are uint32. Sorting is stable: equal
#' elements keep their order. NaN counts as larger than any number: it is sorted to the end, and is
#' the maximum and (as in `min()`) the minimum wherever there is one.
#'
#' Positions are constants for gradients; those of `mlx_sort()`, `mlx_partition()` and `mlx_topk()`
#' flow to the elements they select.
#'
#' @param x An mlx array or what [as_mlx()] takes; not complex.
#' @param axis The axis, from 1, or from the last with -1; `NULL`: all elements.
#' @param drop Whether the reduced axis disappears.
#' @param decreasing Whether the largest come first (NaN still last).
#' @param kth The position, counted **from 0**, whose element is put into its sorted place; smaller
#'   ones come before it, in no particular order.
#' @param k How many of the largest, in no particular order.
#' @return `mlx_sort()`, `mlx_partition()`: the elements, of the shape of `x` (1-d for `axis = NULL`);
#'   `mlx_argsort()`, `mlx_argpartition()`: their positions; `mlx_topk()`: `k` along the axis.
#'   `mlx_argmax()`, `mlx_argmin()`: positions of the first largest and smallest element, without the
#'   axis, 0-d for `axis = NULL`.
#' @examples
#' x <- as_mlx(c(3, 1, 2))
#' mlx_sort(x)
#' mlx_argsort(x)
#' x[mlx_argmax(x)]
#' mlx_topk(x, 2)
#' mlx_partition(x, kth = 0)
#' @export
mlx_sort <- function(x, axis = NULL, decreasing = FALSE) {
  .Call(C_sort, x, one_axis(axis), check_flag(decreasing, "decreasing"))
}

one_axis <- function(axis) {
  if (length(axis) > 1L) rmlx_abort("`axis` must be one axis, or NULL.", "index")
  check_axes(axis, "axis")
}

#' @rdname mlx_sort
#' @export
mlx_argsort <- function(x, axis = NULL, decreasing = FALSE) {
  .Call(C_argsort, x, one_axis(axis), check_flag(decreasing, "decreasing"))
}

#' @rdname mlx_sort
#' @export
mlx_argmax <- function(x, axis = NULL, drop = TRUE) extreme_at(C_argmax, x, axis, drop)

#' @rdname mlx_sort
#' @export
mlx_argmin <- function(x, axis = NULL, drop = TRUE) extreme_at(C_argmin, x, axis, drop)

extreme_at <- function(routine, x, axis, drop) {
  out <- .Call(routine, x, one_axis(axis), !check_flag(drop, "drop"))
  if (is.null(axis) && !drop) .Call(C_reshape, out, rep(1L, length(mlx_shape(as_mlx(x)))), FALSE) else out
}

#' @rdname mlx_sort
#' @export
mlx_partition <- function(x, kth, axis = NULL) {
  .Call(C_partition, x, check_count(kth, "kth"), one_axis(axis))
}

#' @rdname mlx_sort
#' @export
mlx_argpartition <- function(x, kth, axis = NULL) {
  .Call(C_argpartition, x, check_count(kth, "kth"), one_axis(axis))
}

#' @rdname mlx_sort
#' @export
mlx_topk <- function(x, k, axis = NULL) .Call(C_topk, x, check_count(k, "k"), one_axis(axis))

#' Where values belong in a sorted vector
#'
#' @param sorted A sorted vector, without NaN.
#' @param values Values to place.
#' @param side `"left"`: before equal elements, `"right"`: behind them.
#' @return A uint32 array of the shape of `values`: the position, from 1, at which each would be
#'   inserted. `mlx_searchsorted(v, x, "right") - 1` is `findInterval(x, v)`.
#' @examples
#' mlx_searchsorted(as_mlx(c(1, 2, 3)), c(0, 2, 9))
#' @export
mlx_searchsorted <- function(sorted, values, side = c("left", "right")) {
  side <- check_choice(side, c("left", "right"), "side")
  .Call(C_searchsorted, sorted, values, side == "right")
}

#' Sort, order and unique values as base R does
#'
#' @param x An mlx array.
#' @param decreasing Whether the largest come first.
#' @param na.last What becomes of NaN: `NA` leaves it out, `TRUE` puts it last, `FALSE` first.
#' @param incomparables Must be `FALSE`.
#' @param fromLast Whether the last of equal values counts as the first.
#' @param ... Not used.
#' @return `sort()`: the elements as a 1-d array, with the names of a vector, on the gradient's tape.
#'   `xtfrm()`: the values as plain R numbers, by which [order()] orders. `unique()`: the
#'   different elements in the order of their first appearance, or of a matrix its different rows.
#'   `duplicated()`: a bool array (for a matrix one R logical per row).
#' @examples
#' x <- as_mlx(c(b = 3, a = 1, c = 3))
#' sort(x)
#' order(x)
#' unique(x)
#' duplicated(x)
#' @name sort.mlx
NULL

#' @rdname sort.mlx
#' @export
sort.mlx <- function(x, decreasing = FALSE, na.last = NA, ...) {
  flat <- if (length(mlx_shape(x)) == 1L) x else .Call(C_flatten_columns, x)
  out <- mlx_sort(flat, decreasing = decreasing)
  titles <- names(flat)
  if (!is.null(titles)) titles <- titles[as.vector(mlx_argsort(flat, decreasing = decreasing))]
  names(out) <- titles
  if (isTRUE(na.last) || !is_floating(x)) return(out)
  n <- length(out)
  missing <- as.vector(mlx_count_nonzero(.Call(C_is_nan, mlx_stop_gradient(flat))))
  if (missing == 0L) return(out)
  numbers <- seq_len(n - missing)
  along(out, if (is.na(na.last)) numbers else c(n - missing + seq_len(missing), numbers), 1L)
}

# The values as constants, for functions whose results have no gradient.
settled <- function(x) if (is_mlx(x)) as_r(mlx_stop_gradient(x)) else x

#' @rdname sort.mlx
#' @export
xtfrm.mlx <- function(x) as.vector(settled(x))

#' @rdname sort.mlx
#' @export
duplicated.mlx <- function(x, incomparables = FALSE, fromLast = FALSE, ...) {
  if (!isFALSE(incomparables)) {
    rmlx_abort("`incomparables` is not supported for mlx arrays: leave it out.", "argument")
  }
  check_flag(fromLast, "fromLast")
  if (length(mlx_shape(x)) >= 2L) return(as.vector(duplicated(settled(x), fromLast = fromLast, ...)))
  n <- length(x)
  if (n < 2L) return(mlx_full(n, FALSE, device = mlx_device(x)))
  if (fromLast) return(rev(duplicated.mlx(rev(x))))
  x <- mlx_stop_gradient(x)
  order <- mlx_argsort(x)
  sorted <- mlx_sort(x)
  same <- along(sorted, 2:n, 1L) == along(sorted, seq_len(n - 1L), 1L)
  # NaN is sorted to the end, and counts as equal to itself here
  if (is_floating(x)) same <- same | .Call(C_is_nan, along(sorted, seq_len(n - 1L), 1L))
  .Call(C_put_along_axis, mlx_full(n, FALSE, device = mlx_device(x)), order, c.mlx(FALSE, same), 1L)
}

#' @rdname sort.mlx
#' @export
unique.mlx <- function(x, incomparables = FALSE, fromLast = FALSE, ...) {
  kept <- which(!as.vector(duplicated.mlx(x, incomparables, fromLast, ...)))
  if (length(mlx_shape(x)) >= 2L) along(x, kept, 1L) else unname(elements_at(x, kept))
}

#' @rdname sort.mlx
#' @export
anyDuplicated.mlx <- function(x, incomparables = FALSE, ...) {
  which(as.vector(duplicated.mlx(x, incomparables, ...)))[1L] %|na|% 0L
}

`%|na|%` <- function(x, y) if (is.na(x)) y else x

#' Medians and quantiles
#'
#' Quantiles are of type 7, R's default: with n sorted elements, the one at 1 + (n - 1) p,
#' interpolated. They are on the gradient's tape. NaN anywhere makes the result NaN.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param probs Probabilities, from 0 to 1.
#' @param axes,axis Axes or axis to reduce; `NULL` all.
#' @param drop `mlx_median()`: whether the axes disappear. `mlx_quantile()`: whether the axis
#'   disappears when there is one probability.
#' @param device `"cpu"` or `"gpu"`; `NULL`: where `x` is.
#' @param na.rm Whether NaN is left out.
#' @param names Whether the result has names such as `"25%"`.
#' @param ... Not used.
#' @return `mlx_median()`, `median()`: an mlx array without the axes, 0-d for all. `mlx_quantile()`: an
#'   array whose axis has one position for each probability; 1-d for `axis = NULL`, as `quantile()`.
#' @examples
#' x <- as_mlx(c(1, 2, 3, 10))
#' median(x)
#' quantile(x, c(0.25, 0.75))
#' mlx_median(as_mlx(matrix(1:6, 2)), axes = 1)
#' mlx_quantile(as_mlx(matrix(1:6, 2)), 0.5, axis = 2)
#' @export
mlx_quantile <- function(x, probs, axis = NULL, drop = FALSE, device = NULL) {
  x <- as_mlx(x, device = device)
  probs <- check_probs(probs)
  if (is.null(axis)) {
    x <- .Call(C_flatten_columns, x)
    axis <- 1L
    drop <- FALSE
  }
  axis <- resolve_axis(x, axis)
  if (!is_floating(x)) x <- mlx_cast(x, default_float())
  n <- mlx_shape(x)[axis]
  drop <- check_flag(drop, "drop") && length(probs) == 1L
  if (n == 0L) {
    shape <- replace(mlx_shape(x), axis, length(probs))
    return(mlx_full(if (drop) shape[-axis] else shape, NaN, mlx_dtype(x), mlx_device(x)))
  }
  sorted <- .Call(C_sort, x, axis, FALSE)
  at <- 1 + (n - 1) * probs
  low <- along(sorted, floor(at), axis)
  high <- along(sorted, ceiling(at), axis)
  shape <- replace(rep(1L, length(mlx_shape(x))), axis, length(probs))
  weight <- array(at - floor(at), shape)
  if (length(shape) == 1L) weight <- as.vector(weight)
  mixed <- low * (1 - weight) + high * weight
  out <- mlx_where(is.infinite(low) & low == high, low, mixed) # 0 times Inf is NaN
  last <- along(sorted, n, axis)
  out <- mlx_where(is.nan(last), last, out)
  if (drop) .Call(C_squeeze, out, axis) else out
}

check_probs <- function(probs) {
  if (is_mlx(probs)) probs <- as.vector(probs)
  if (!is.numeric(probs) || anyNA(probs) || any(probs < 0 | probs > 1)) {
    rmlx_abort("'probs' outside [0,1]: probabilities must be numbers from 0 to 1.", "argument")
  }
  as.double(probs)
}

#' @rdname mlx_quantile
#' @export
mlx_median <- function(x, axes = NULL, drop = TRUE) {
  x <- as_mlx(x)
  rank <- length(mlx_shape(x))
  axes <- resolve_axes(x, axes)
  left <- setdiff(seq_len(rank), axes)
  # the axes to reduce last, as one
  moved <- .Call(C_permute, x, c(left, axes))
  merged <- .Call(C_reshape, moved, c(mlx_shape(x)[left], prod(mlx_shape(x)[axes])), FALSE)
  out <- mlx_quantile(merged, 0.5, axis = -1L, drop = TRUE)
  if (check_flag(drop, "drop")) return(out)
  .Call(C_reshape, out, replace(mlx_shape(x), axes, 1L), FALSE)
}

#' @rdname mlx_quantile
#' @importFrom stats median
#' @export
median.mlx <- function(x, na.rm = FALSE, ...) {
  mlx_median(if (check_flag(na.rm, "na.rm")) without_nan(x) else x)
}

#' @rdname mlx_quantile
#' @importFrom stats quantile
#' @export
quantile.mlx <- function(x, probs = seq(0, 1, 0.25), na.rm = FALSE, names = TRUE, ...) {
  out <- mlx_quantile(if (check_flag(na.rm, "na.rm")) without_nan(x) else x, probs)
  if (check_flag(names, "names")) names(out) <- names(stats::quantile(0, check_probs(probs)))
  out
}

# The elements that are numbers, 1-d.
without_nan <- function(x) x[!as.vector(is.nan(mlx_stop_gradient(x)))]
