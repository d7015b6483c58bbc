# Elements at positions given by arrays.

# Positions checked against an extent: what is out of range would be read as garbage. Positions that
# have no values yet, in a function that is being compiled or vectorised, are kept within it.
check_positions <- function(at, extent, what) {
  fine <- if (is_mlx(at)) {
    tryCatch(positions_fit(at, extent), rmlx_error_tape = function(e) NULL)
  } else {
    is.numeric(at) && !anyNA(at) && all(at >= 1 & at < extent + 1)
  }
  if (is.null(fine)) return(mlx_clip(at, 1, extent))
  if (length(at) == 0L || fine) return(at)
  rmlx_abort(paste0("Index out of bounds: ", what, " must be whole numbers from 1 to ", extent, "."), "index")
}

positions_fit <- function(at, extent) as.logical(.Call(C_are_positions, at, extent))

#' Take and put elements at positions
#'
#' Positions count from 1. They are R vectors or arrays or mlx arrays, and are checked; gradients flow
#' to the elements, and in `mlx_put_along_axis()` to the values. In a function that is being compiled or
#' vectorised they have no values to check: those out of range count as the nearest there.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param indices Positions. `mlx_take()`: an array of any shape, which stands in the place of the axis.
#'   `mlx_take_along_axis()`, `mlx_put_along_axis()`: of as many axes as `x`, broadcasting beside the
#'   axis. `mlx_gather()`: one array, or a list with one for each of `axes`; negative positions leave
#'   out; several broadcast against each other.
#' @param axis The axis, from 1, or from the last with -1. `NULL`: positions in the column-major
#'   flattening; a result of `mlx_take_along_axis()` is then 1-d.
#' @param axes The axes that `indices` are for, from 1; `NULL`: the first ones.
#' @param values What to put, broadcast to the shape of `indices`. Where a position comes twice, one of
#'   its values wins.
#' @return An mlx array. `mlx_take()`: the shape of `x` with that of `indices` instead of the axis.
#'   `mlx_take_along_axis()`: that of `indices`. `mlx_put_along_axis()`: that of `x`. `mlx_gather()`: the
#'   common shape of `indices`, then the other axes; with one index vector as `mlx_take()`.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' mlx_take(x, c(3, 1), axis = 2)
#' mlx_take_along_axis(x, mlx_argsort(x, axis = 2), axis = 2)
#' mlx_put_along_axis(x, matrix(1, 2, 1), 0, axis = 2)
#' mlx_gather(x, list(c(1, 2), c(3, 1)))
#' @export
mlx_take <- function(x, indices, axis = NULL) {
  x <- as_mlx(x)
  if (is.null(axis)) {
    x <- .Call(C_flatten_columns, x)
    axis <- 1L
  }
  axis <- resolve_axis(x, axis)
  indices <- check_positions(indices, mlx_shape(x)[axis], "`indices`")
  .Call(C_take, x, indices, axis)
}

#' @rdname mlx_take
#' @export
mlx_take_along_axis <- function(x, indices, axis = NULL) {
  x <- as_mlx(x)
  if (is.null(axis)) {
    x <- .Call(C_flatten_columns, x)
    indices <- .Call(C_flatten_columns, indices)
    axis <- 1L
  }
  axis <- resolve_axis(x, axis)
  indices <- check_positions(as_array(indices), mlx_shape(x)[axis], "`indices`")
  .Call(C_take_along_axis, x, indices, axis)
}

#' @rdname mlx_take
#' @export
mlx_put_along_axis <- function(x, indices, values, axis = NULL) {
  x <- as_mlx(x)
  if (is.null(axis)) {
    flat <- .Call(C_flatten_columns, x)
    if (!is_mlx(values)) values <- as.vector(check_numbers(values, "values"))
    if (length(values) > 1L) values <- .Call(C_flatten_columns, values)
    out <- mlx_put_along_axis(flat, .Call(C_flatten_columns, indices), values, 1L)
    return(.Call(C_reshape, out, mlx_shape(x), TRUE))
  }
  axis <- resolve_axis(x, axis)
  indices <- check_positions(as_array(indices), mlx_shape(x)[axis], "`indices`")
  .Call(C_put_along_axis, x, indices, values, axis)
}

# One number as a vector of one, not 0-d.
as_array <- function(x) if (is_mlx(x) || !is.null(dim(x))) x else array(x, length(x))

#' @rdname mlx_take
#' @export
mlx_gather <- function(x, indices, axes = NULL) {
  x <- as_mlx(x)
  if (!is.list(indices)) indices <- list(indices)
  if (length(indices) == 0L) rmlx_abort("`indices` must have a part for each of `axes`.", "index")
  axes <- if (is.null(axes)) seq_along(indices) else check_axes(axes)
  if (any(axes < 0, na.rm = TRUE)) {
    rmlx_abort("Negative axes are not supported by mlx_gather(): count them from 1.", "index")
  }
  if (anyDuplicated(axes)) rmlx_abort("`axes` must not contain duplicates.", "index")
  if (length(axes) != length(indices)) {
    rmlx_abort(paste0("`indices` has ", length(indices), " parts for ", length(axes), " axes."), "index")
  }
  axes <- resolve_axes(x, axes)
  for (at in indices) check_numbers(at, "indices")
  indices <- Map(function(at, axis) chosen(settled(at), mlx_shape(x)[axis]), indices, axes)
  if (length(indices) == 1L) return(.Call(C_take, x, indices[[1L]], axes))
  .Call(C_gather, x, unname(indices), axes)
}

# The positions that an index of one axis selects, its shape kept.
chosen <- function(at, extent) {
  omits <- is.numeric(at) && length(at) > 0L && !anyNA(at) && all(at < 0)
  if (is.logical(at) || omits) at <- seq_len(extent)[check_omitted(at, extent)]
  check_positions(as_array(at), extent, "`indices`")
}

check_omitted <- function(at, extent) {
  fits <- if (is.logical(at)) length(at) == extent && !anyNA(at) else all(at >= -extent)
  if (!fits) rmlx_abort(paste0("Index out of bounds: the axis has extent ", extent, "."), "index")
  at
}

#' Slices with steps
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param start,stop First and last position along each axis, from 1, both included.
#' @param strides Distances along each axis, at least 1; `NULL`: 1.
#' @param value What replaces the slice: cast to the dtype of `x` and broadcast as in NumPy.
#' @return `mlx_slice()`: the slice. `mlx_slice_update()`: `x` with the slice replaced. Gradients flow to
#'   both.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' mlx_slice(x, c(1, 1), c(2, 3), strides = c(1, 2))
#' mlx_slice_update(x, 0, start = c(1, 2), stop = c(2, 3))
#' @export
mlx_slice <- function(x, start, stop, strides = NULL) {
  x <- as_mlx(x)
  at <- slice_bounds(x, start, stop, strides)
  for (axis in seq_along(at$from)) {
    positions <- seq.int(at$from[axis] + 1L, length.out = at$count[axis], by = at$step[axis])
    x <- along(x, positions, axis)
  }
  x
}

#' @rdname mlx_slice
#' @export
mlx_slice_update <- function(x, value, start, stop, strides = NULL) {
  x <- as_mlx(x)
  at <- slice_bounds(x, start, stop, strides)
  if (prod(at$count) == 0) return(x)
  .Call(C_slice_update, x, value, at$from, at$to, at$step)
}

slice_bounds <- function(x, start, stop, strides) {
  shape <- mlx_shape(x)
  start <- check_dim(start, "start")
  stop <- check_dim(stop, "stop")
  step <- if (is.null(strides)) rep(1L, length(shape)) else check_dim(strides, "strides")
  if (any(lengths(list(start, stop, step)) != length(shape))) {
    rmlx_abort(paste0("`start`, `stop` and `strides` need one entry per axis, ", length(shape), " here."),
               "index")
  }
  if (any(step < 1L)) rmlx_abort("`strides` must be at least 1.", "index")
  if (any(start < 1L | stop > shape | stop < start - 1L)) {
    rmlx_abort(paste0("Index out of bounds: slices of shape ", paste(shape, collapse = " x "),
                      " run from 1 to its extents."), "index")
  }
  list(from = start - 1L, to = stop, step = step, count = (stop - start + step) %/% step)
}

#' Update elements at positions, which may repeat
#'
#' Python's `x.at[indices].add(value)` and its like. Unlike in `x[i] <- x[i] + value`, a position that
#' comes several times takes part as often. Gradients flow to `x` and to `value`.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param indices As in `x[indices]`: positions in the column-major flattening, a mask, or a matrix with
#'   one column per axis; or a list with one index per axis, in which `TRUE` is all of it.
#' @param value Cast to the dtype of `x`, taken in column-major order, and repeated if its length
#'   divides the number of elements.
#' @return An mlx array of the shape and dtype of `x`.
#' @examples
#' mlx_at_add(mlx_zeros(3), c(1, 1, 3), 1)
#' mlx_at_maximum(mlx_zeros(c(2, 2)), list(1, TRUE), c(-1, 5))
#' @export
mlx_at_add <- function(x, indices, value) {
  x <- as_mlx(x)
  .Call(C_add_at, x, positions_of(x, indices), value)
}

#' @rdname mlx_at_add
#' @export
mlx_at_subtract <- function(x, indices, value) mlx_at_add(x, indices, -as_mlx_beside(value))

#' @rdname mlx_at_add
#' @export
mlx_at_multiply <- function(x, indices, value) combine_at(x, indices, value, `*`)

#' @rdname mlx_at_add
#' @export
mlx_at_divide <- function(x, indices, value) {
  x <- as_mlx(x)
  if (!is_floating(x)) {
    rmlx_abort(paste0("quotients do not fit into an array of dtype ", mlx_dtype(x),
                      "; cast it with mlx_cast() first."), "dtype")
  }
  combine_at(x, indices, value, `/`, `*`)
}

#' @rdname mlx_at_add
#' @export
mlx_at_maximum <- function(x, indices, value) combine_at(x, indices, value, mlx_maximum)

#' @rdname mlx_at_add
#' @export
mlx_at_minimum <- function(x, indices, value) combine_at(x, indices, value, mlx_minimum)

positions_of <- function(x, indices) {
  find <- function(...) .Call(C_positions, x, environment())
  do.call(find, if (is.list(indices)) unname(indices) else list(indices), quote = TRUE)
}

# Values of one position are first combined with each other, in pairs, then with the element: all
# of it in operations that have gradients, in as many rounds as the log2 of the most repeats.
combine_at <- function(x, indices, value, op, merge = op) {
  x <- as_mlx(x)
  at <- positions_of(x, indices)
  n <- length(at)
  if (n == 0L) return(x)
  value <- if (is_mlx(value)) mlx_cast(value, mlx_dtype(x)) else as_mlx(value, mlx_dtype(x), mlx_device(x))
  if (length(value) == 0L || n %% length(value) != 0L) {
    rmlx_abort(paste0("Number of items to replace is not a multiple of replacement length (", n, " items, ",
                      length(value), " values)."), "argument")
  }
  order <- order(at)
  at <- at[order]
  value <- elements_at(value, rep_len(seq_along(value), n)[order])
  while (anyDuplicated(at)) {
    rank <- sequence(rle(at)$lengths)
    first <- rank %% 2L == 1L
    second <- which(!first)
    paired <- match(second - 1L, which(first))
    kept <- along(value, which(first), 1L)
    kept[paired] <- merge(along(kept, paired, 1L), along(value, second, 1L))
    value <- kept
    at <- at[first]
  }
  x[at] <- op(elements_at(x, at), value)
  x
}
