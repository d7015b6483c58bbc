# Axes merged, split, moved and added; shapes made equal.

# Axes counted from 1 upward, whatever way they were given.
resolve_axes <- function(x, axes, name = "axes") {
  .Call(C_resolve_axes, check_axes(axes, name), length(mlx_shape(x)))
}

resolve_axis <- function(x, axis, name = "axis") {
  if (length(axis) != 1L) rmlx_abort(paste0("`", name, "` must be one axis."), "index")
  resolve_axes(x, axis, name)
}

# The arrays in `...`, which may also come as one list.
arrays_of <- function(...) {
  parts <- list(...)
  if (length(parts) == 1L && is.list(parts[[1L]]) && !is.data.frame(parts[[1L]])) {
    parts <- parts[[1L]]
  }
  parts
}

#' Merge and split axes
#'
#' Both are row-major, as MLX's reshape.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param start_axis,end_axis First and last axis to merge (`NULL`: the last one).
#' @param axis The axis to split.
#' @param shape Its new extents; one may be -1 and is computed.
#' @return An mlx array. A 0-d array is flattened to one element.
#' @examples
#' x <- mlx_zeros(c(2, 3, 4))
#' mlx_shape(mlx_flatten(x))
#' mlx_shape(mlx_flatten(x, 2))
#' mlx_shape(mlx_unflatten(x, 3, c(2, -1)))
#' @export
mlx_flatten <- function(x, start_axis = 1L, end_axis = NULL) {
  x <- as_mlx(x)
  shape <- mlx_shape(x)
  if (length(shape) == 0L) return(.Call(C_reshape, x, 1L, FALSE))
  from <- resolve_axis(x, start_axis, "start_axis")
  to <- resolve_axis(x, end_axis %||% -1L, "end_axis")
  if (from > to) {
    rmlx_abort(paste0("start_axis must not come after end_axis: they are ", from, " and ", to, "."), "index")
  }
  merged <- prod(shape[from:to])
  .Call(C_reshape, x, c(shape[seq_len(from - 1L)], merged, shape[-seq_len(to)]), FALSE)
}

#' @rdname mlx_flatten
#' @export
mlx_unflatten <- function(x, axis, shape) {
  x <- as_mlx(x)
  old <- mlx_shape(x)
  axis <- resolve_axis(x, axis)
  shape <- close_shape(shape, old[axis], "shape")
  if (prod(shape) != old[axis]) {
    rmlx_abort(paste0("axis ", axis, " has extent ", old[axis], " and cannot be split into ",
                      paste(shape, collapse = " x "), "."), "shape")
  }
  .Call(C_reshape, x, c(old[seq_len(axis - 1L)], shape, old[-seq_len(axis)]), FALSE)
}

#' Move axes
#'
#' Axes count from 1, or from the last with -1. dimnames move along.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param source,destination Axes, and where they go in the result; the others keep their order.
#' @param axis1,axis2 The two axes that change places.
#' @param axes All axes in their new order; `NULL` reverses them.
#' @return An mlx array. `mlx_matrix_transpose()` swaps the last two axes.
#' @examples
#' x <- mlx_zeros(c(2, 3, 4))
#' mlx_shape(mlx_moveaxis(x, 1, -1))
#' mlx_shape(mlx_swapaxes(x, 1, 2))
#' mlx_shape(mlx_transpose(x, c(3, 1, 2)))
#' mlx_shape(mlx_matrix_transpose(x))
#' @export
mlx_moveaxis <- function(x, source, destination) {
  x <- as_mlx(x)
  source <- resolve_axes(x, source, "source")
  destination <- resolve_axes(x, destination, "destination")
  if (length(source) != length(destination)) {
    rmlx_abort(paste0("`source` and `destination` must name equally many axes: they name ", length(source), " and ",
                      length(destination), "."), "index")
  }
  order <- integer(length(mlx_shape(x)))
  order[destination] <- source
  order[order == 0L] <- setdiff(seq_along(order), source)
  .Call(C_permute, x, order)
}

#' @rdname mlx_moveaxis
#' @export
mlx_swapaxes <- function(x, axis1, axis2) {
  x <- as_mlx(x)
  swapped <- c(resolve_axis(x, axis1, "axis1"), resolve_axis(x, axis2, "axis2"))
  order <- seq_along(mlx_shape(x))
  order[swapped] <- order[rev(swapped)]
  .Call(C_permute, x, order)
}

#' @rdname mlx_moveaxis
#' @export
mlx_transpose <- function(x, axes = NULL) .Call(C_permute, as_mlx(x), check_axes(axes))

#' @rdname mlx_moveaxis
#' @export
mlx_matrix_transpose <- function(x) mlx_swapaxes(x, -2L, -1L)

#' Arrays of at least one, two or three axes
#'
#' @param ... mlx arrays or what [as_mlx()] takes, or one list of them.
#' @return An mlx array, or for several a list of them: a 0-d array becomes 1-d, a vector of n becomes
#'   1 x n and (in `mlx_atleast_3d()`) 1 x n x 1, a matrix n x m becomes n x m x 1.
#' @examples
#' mlx_shape(mlx_atleast_2d(as_mlx(1:3)))
#' mlx_shape(mlx_atleast_3d(as_mlx(1:3)))
#' @export
mlx_atleast_1d <- function(...) {
  each_array(function(shape) if (length(shape) == 0L) 1L else shape, ...)
}

#' @rdname mlx_atleast_1d
#' @export
mlx_atleast_2d <- function(...) {
  each_array(function(shape) c(rep(1L, max(0L, 2L - length(shape))), shape), ...)
}

#' @rdname mlx_atleast_1d
#' @export
mlx_atleast_3d <- function(...) {
  each_array(function(shape) {
    switch(length(shape) + 1L, c(1L, 1L, 1L), c(1L, shape, 1L), c(shape, 1L)) %||% shape
  }, ...)
}

each_array <- function(shape_of, ...) {
  out <- lapply(arrays_of(...), function(x) {
    x <- as_mlx(x)
    shape <- shape_of(mlx_shape(x))
    if (length(shape) == length(mlx_shape(x))) x else .Call(C_reshape, x, shape, FALSE)
  })
  if (length(out) == 1L) out[[1L]] else out
}

#' Make shapes equal
#'
#' Shapes broadcast as in NumPy: counted from the last axis, extents must be equal or 1.
#'
#' @param ... mlx arrays or what [as_mlx()] takes, or one list of them; for
#'   `mlx_broadcast_shapes()` shapes.
#' @param device `"cpu"` or `"gpu"`; `NULL`: where the arrays are.
#' @param sparse Whether the grids keep extent 1 along the other axes.
#' @param indexing `"xy"`: the first array runs along columns, the second along rows; `"ij"`: array i
#'   runs along axis i.
#' @return `mlx_broadcast_arrays()`: a list of arrays of one shape and the promoted dtype, named as
#'   the arguments. `mlx_broadcast_shapes()`: the common shape. `mlx_meshgrid()`: a list of
#'   coordinate grids.
#' @examples
#' mlx_broadcast_arrays(as_mlx(1:2), matrix(0, 3, 1))
#' mlx_broadcast_shapes(c(3, 1), 4)
#' mlx_meshgrid(as_mlx(1:3), as_mlx(1:2))
#' @export
mlx_broadcast_arrays <- function(..., device = NULL) {
  parts <- arrays_of(...)
  if (length(parts) == 0L) return(list())
  kind <- .Call(C_common_dtype, unname(parts))
  parts <- lapply(parts, as_mlx, dtype = kind, device = device)
  shape <- do.call(mlx_broadcast_shapes, unname(lapply(parts, mlx_shape)))
  lapply(parts, function(x) .Call(C_broadcast_to, x, shape))
}

#' @rdname mlx_broadcast_arrays
#' @export
mlx_broadcast_shapes <- function(...) {
  shapes <- lapply(list(...), check_dim, name = "shape")
  rank <- max(0L, lengths(shapes))
  Reduce(function(a, b) {
    if (!all(a == b | a == 1L | b == 1L)) {
      rmlx_abort(paste0("shapes ", paste(vapply(shapes, paste, "", collapse = " x "),
                                         collapse = " and "),
                        " cannot be broadcast: counted from the last axis, extents must be equal or 1."),
                 "shape")
    }
    ifelse(a == 1L, b, a)
  }, lapply(shapes, function(s) c(rep(1L, rank - length(s)), s)), integer(rank) + 1L)
}

#' @rdname mlx_broadcast_arrays
#' @export
mlx_meshgrid <- function(..., sparse = FALSE, indexing = c("xy", "ij"), device = NULL) {
  indexing <- check_choice(indexing, c("xy", "ij"), "indexing")
  parts <- lapply(arrays_of(...), function(x) mlx_flatten(as_mlx(x, device = device)))
  n <- length(parts)
  place <- seq_len(n)
  if (indexing == "xy" && n > 1L) place[1:2] <- 2:1
  grids <- lapply(seq_len(n), function(i) {
    shape <- rep(1L, n)
    shape[place[i]] <- length(parts[[i]])
    .Call(C_reshape, parts[[i]], shape, FALSE)
  })
  names(grids) <- names(parts)
  if (check_flag(sparse, "sparse")) return(grids)
  shape <- integer(n)
  shape[place] <- lengths(parts)
  lapply(grids, function(x) .Call(C_broadcast_to, x, shape))
}

#' The memory of an array
#'
#' `mlx_contiguous()` copies the elements into row-major order. `mlx_view()` reads the same bytes as
#' another dtype. `mlx_as_strided()` reads elements of the row-major flattening at `offset` plus the
#' steps of each axis; they may overlap.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param device `"cpu"` or `"gpu"`; `NULL`: where `x` is.
#' @param dtype A dtype's name. Where its size differs the last axis grows or shrinks.
#' @param shape Extents of the result; `NULL`: those of `x`.
#' @param strides Elements from one position of each axis to the next; `NULL`: row-major.
#' @param offset How many elements to skip at the start.
#' @return An mlx array. Views by dtype have no gradient.
#' @section Errors: A view that would reach outside the array is an error of class
#'   `rmlx_error_index`.
#' @examples
#' mlx_view(as_mlx(1), "uint32")
#' mlx_as_strided(as_mlx(1:5), c(3, 3), c(1, 1)) # sliding windows
#' @export
mlx_contiguous <- function(x, device = NULL) .Call(C_contiguous, as_mlx(x, device = device))

#' @rdname mlx_contiguous
#' @export
mlx_view <- function(x, dtype) .Call(C_view, as_mlx(x), check_dtype(dtype))

#' @rdname mlx_contiguous
#' @export
mlx_as_strided <- function(x, shape = NULL, strides = NULL, offset = 0) {
  x <- as_mlx(x)
  shape <- if (is.null(shape)) mlx_shape(x) else check_dim(shape, "shape")
  if (is.null(strides)) strides <- rev(cumprod(rev(c(shape[-1L], 1L)[seq_along(shape)])))
  check_count(offset, "offset")
  .Call(C_as_strided, x, shape, check_axes(strides, "strides"), offset)
}
