# Elements repeated, rolled, turned, padded; arrays split and stacked.

# The elements at positions (1-based, within the extent) along an axis, with their names.
along <- function(x, positions, axis) {
  retitled(.Call(C_select_along, x, positions, axis), x, positions, axis)
}

# An axis `times` over, as a whole or (`each`) position by position. No list of positions is made: it would be
# as long as the result.
replicated <- function(x, times, axis, each) {
  shape <- mlx_shape(x)
  n <- shape[axis]
  check_fits_axis(as.double(n) * times, if (each) "repeats" else "reps")
  if (times == 0L) return(along(x, integer(), axis))
  around <- function(own) c(shape[seq_len(axis - 1L)], own, shape[-seq_len(axis)])
  split <- .Call(C_reshape, x, around(if (each) c(n, 1L) else c(1L, n)), FALSE)
  wide <- .Call(C_broadcast_to, split, around(if (each) c(n, times) else c(times, n)))
  out <- .Call(C_reshape, wide, around(n * times), FALSE)
  # made only where there are names to choose
  retitled(out, x, if (each) rep(seq_len(n), each = times) else rep(seq_len(n), times), axis)
}

check_fits_axis <- function(count, name) {
  if (count > .Machine$integer.max) {
    rmlx_abort(paste0("`", name, "` asks for more positions than an axis can have (2^31 - 1)."), "shape")
  }
}

# The names that `out` has, whose positions on an axis are these of x: looked at only if there are any.
retitled <- function(out, x, positions, axis) {
  if (is.null(dim(x))) {
    if (!is.null(names(x))) names(out) <- names(x)[positions]
  } else if (!is.null(dimnames(x))) {
    titles <- dimnames(x)
    if (!is.null(titles[[axis]])) titles[[axis]] <- titles[[axis]][positions]
    dimnames(out) <- titles
  }
  out
}

# The elements at positions of the column-major flattening, with the names of a vector.
elements_at <- function(x, positions) {
  if (length(mlx_shape(x)) == 1L) return(along(x, positions, 1L))
  .Call(C_select_along, .Call(C_flatten_columns, x), positions, 1L)
}

#' Repeat, tile, roll and flip
#'
#' Axes count from 1, or from the last with -1.
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param repeats How often each element comes: one number, or one for each position of the axis.
#' @param axis,axes Along which axis or axes. `NULL`: `mlx_repeat()` and `mlx_roll()` take the
#'   row-major flattening (and `mlx_roll()` gives the shape back), `mlx_flip()` all axes.
#' @param reps How often the whole array comes along each axis, counted from the last as in NumPy.
#' @param shift By how many positions elements move on: one number, or one for each of `axes`.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' mlx_repeat(x, 2, axis = 1)
#' mlx_tile(x, c(1, 2))
#' mlx_roll(x, 1, axes = 2)
#' mlx_flip(x, axes = 1)
#' @export
mlx_repeat <- function(x, repeats, axis = NULL) {
  x <- as_mlx(x)
  if (is.null(axis)) {
    x <- mlx_flatten(x)
    axis <- 1L
  }
  axis <- resolve_axis(x, axis)
  n <- mlx_shape(x)[axis]
  repeats <- check_dim(repeats, "repeats")
  if (length(repeats) == 1L) return(replicated(x, repeats, axis, each = TRUE))
  check_fits_axis(sum(as.double(repeats)), "repeats")
  if (length(repeats) != n) {
    rmlx_abort(paste0("`repeats` must be one number, or one for each of the ", n, " positions."), "shape")
  }
  along(x, rep(seq_len(n), times = repeats), axis)
}

#' @rdname mlx_repeat
#' @export
mlx_tile <- function(x, reps) {
  x <- as_mlx(x)
  reps <- check_dim(reps, "reps")
  shape <- mlx_shape(x)
  rank <- max(length(shape), length(reps))
  reps <- c(rep(1L, rank - length(reps)), reps)
  if (rank > length(shape)) {
    x <- .Call(C_reshape, x, c(rep(1L, rank - length(shape)), shape), FALSE)
  }
  for (axis in which(reps != 1L)) x <- replicated(x, reps[axis], axis, each = FALSE)
  x
}

#' @rdname mlx_repeat
#' @export
mlx_roll <- function(x, shift, axes = NULL) {
  x <- as_mlx(x)
  shift <- check_axes(shift, "shift")
  if (anyNA(shift)) rmlx_abort("`shift` must be whole numbers without NA.", "argument")
  if (is.null(axes)) {
    if (length(shift) != 1L) rmlx_abort("without `axes`, `shift` must be one number.", "argument")
    return(.Call(C_reshape, roll(mlx_flatten(x), shift, 1L), mlx_shape(x), FALSE))
  }
  axes <- resolve_axes(x, axes)
  if (!length(shift) %in% c(1L, length(axes))) {
    rmlx_abort("`shift` must be one number, or one for each of `axes`.", "argument")
  }
  for (i in seq_along(axes)) x <- roll(x, rep_len(shift, length(axes))[i], axes[i])
  x
}

# The two parts change places, as slices.
roll <- function(x, shift, axis) {
  n <- mlx_shape(x)[axis]
  if (n == 0L || shift %% n == 0L) return(x)
  first <- n - shift %% n
  join(list(along(x, (first + 1L):n, axis), along(x, seq_len(first), axis)), axis)
}

#' @rdname mlx_repeat
#' @export
mlx_flip <- function(x, axes = NULL) {
  x <- as_mlx(x)
  for (axis in resolve_axes(x, axes)) x <- along(x, rev(seq_len(mlx_shape(x)[axis])), axis)
  x
}

#' Pad the edges of an array
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param pad_width How many elements to add before and after: one number for both sides of all
#'   axes, a pair (before, after) for all axes, a matrix with one such row per axis, a list of pairs,
#'   or 2 numbers per axis in a row.
#' @param value What is added in mode `"constant"`.
#' @param mode `"constant"`; `"edge"` repeats the outermost elements; `"reflect"` mirrors at them, and
#'   `"symmetric"` mirrors including them.
#' @param axes Which axes are padded, `NULL` all; `pad_width` has then one entry for each of them.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(1:3)
#' mlx_pad(x, 1)
#' mlx_pad(x, c(0, 2), mode = "reflect")
#' @export
mlx_pad <- function(x, pad_width, value = 0, mode = c("constant", "edge", "reflect", "symmetric"),
                    axes = NULL) {
  mode <- check_choice(mode, c("constant", "edge", "reflect", "symmetric"), "mode")
  x <- as_mlx(x)
  axes <- resolve_axes(x, axes)
  widths <- pad_widths(pad_width, length(axes))
  if (mode == "constant") {
    if (length(value) != 1L) rmlx_abort("`value` must be one number.", "argument")
    return(.Call(C_pad, x, axes, widths[, 1L], widths[, 2L], value))
  }
  for (i in seq_along(axes)) {
    n <- mlx_shape(x)[axes[i]]
    if (n == 0L && any(widths[i, ] > 0L)) {
      rmlx_abort(paste0("axis ", axes[i], " has no elements to pad with; use mode \"constant\"."), "shape")
    }
    x <- .Call(C_select_along, x, mirrored(seq(1L - widths[i, 1L], length.out = n + sum(widths[i, ])), n, mode),
               axes[i])
  }
  x
}

pad_widths <- function(width, n) {
  if (is.list(width)) width <- do.call(rbind, width)
  wanted <- c(1L, 2L, 2L * n)
  fits <- if (is.matrix(width)) identical(dim(width), c(n, 2L)) else length(width) %in% wanted
  if (!fits || !is.numeric(width) || anyNA(width) || any(width < 0 | width != trunc(width))) {
    rmlx_abort(paste0("`pad_width` must be one non-negative whole number, a pair, or a pair for each of ",
                      "the ", n, " axes (a matrix with two columns, a list, or a vector)."), "argument")
  }
  byrow <- !is.matrix(width)
  matrix(as.integer(width), n, 2L, byrow = byrow)
}

# Positions from 1 to n for positions that go beyond.
mirrored <- function(at, n, mode) {
  if (mode == "edge" || n == 1L) return(pmin(pmax(at, 1L), n))
  if (mode == "reflect") {
    at <- (at - 1L) %% (2L * n - 2L)
    return(pmin(at, 2L * n - 2L - at) + 1L)
  }
  at <- (at - 1L) %% (2L * n)
  pmin(at, 2L * n - 1L - at) + 1L
}

#' Split and stack arrays
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param sections One number: into how many equal parts. Several: the positions after which a part
#'   ends, increasing.
#' @param axis,along The axis, from 1, or from the last with -1. For `mlx_stack()` it is the new one;
#'   so it is in `abind()` for `along` one beyond the arrays' axes.
#' @param ... mlx arrays and R arrays of one shape (apart from the axis), or one list of them.
#' @return `mlx_split()`: a list of mlx arrays. `mlx_unstack()`: a list with one array for each position
#'   of the axis, which is gone. The others: one mlx array of the promoted dtype, with the dimnames
#'   that [base::cbind()] would keep.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' mlx_split(x, 3, axis = 2)
#' mlx_unstack(x)
#' mlx_shape(mlx_stack(x, x))
#' mlx_shape(mlx_concatenate(x, x, axis = 2))
#' mlx_shape(abind(x, x, along = 3))
#' @export
mlx_split <- function(x, sections, axis = 1L) {
  x <- as_mlx(x)
  axis <- resolve_axis(x, axis)
  n <- mlx_shape(x)[axis]
  sections <- check_dim(sections, "sections")
  if (length(sections) == 1L) {
    if (sections == 0L || n %% sections != 0L) {
      rmlx_abort(paste0("axis ", axis, " (extent ", n, ") cannot be split into ", sections,
                        " equal parts."), "shape")
    }
    ends <- seq_len(sections) * (n %/% sections)
  } else {
    if (is.unsorted(sections, strictly = TRUE) || any(sections > n)) {
      rmlx_abort(paste0("`sections` must increase and stay within the extent, ", n, "."), "index")
    }
    ends <- c(sections, n)
  }
  starts <- c(0L, ends[-length(ends)])
  Map(function(from, to) along(x, from + seq_len(to - from), axis), starts, ends)
}

#' @rdname mlx_split
#' @export
mlx_unstack <- function(x, axis = 1L) {
  x <- as_mlx(x)
  axis <- resolve_axis(x, axis)
  out <- lapply(seq_len(mlx_shape(x)[axis]), function(i) .Call(C_squeeze, along(x, i, axis), axis))
  names(out) <- if (is.null(dim(x))) names(x) else dimnames(x)[[axis]]
  out
}

#' @rdname mlx_split
#' @export
mlx_stack <- function(..., axis = 1L) {
  parts <- arrays_of(...)
  if (length(parts) == 0L) rmlx_abort("there is nothing to stack.", "argument")
  kind <- .Call(C_common_dtype, unname(parts))
  parts <- lapply(unname(parts), as_mlx, dtype = kind)
  shapes <- lapply(parts, mlx_shape)
  if (length(unique(shapes)) > 1L) {
    shown <- unique(vapply(shapes, paste, "", collapse = " x "))
    rmlx_abort(paste0("arrays of different shapes cannot be stacked: ", paste(shown, collapse = ", "), "."),
               "shape")
  }
  join(lapply(parts, mlx_expand_dims, axes = axis), axis)
}

#' @rdname mlx_split
#' @export
mlx_concatenate <- function(..., axis = 1L) join(arrays_of(...), axis)

#' @rdname mlx_split
#' @export
abind <- function(..., along = 1L) {
  parts <- arrays_of(...)
  along <- check_axes(along, "along")
  if (length(along) != 1L || is.na(along)) rmlx_abort("`along` must be one axis.", "index")
  if (length(parts) > 0L && along == length(mlx_shape(as_mlx(parts[[1L]]))) + 1L) {
    return(mlx_stack(parts, axis = along))
  }
  join(parts, along)
}

# Arrays joined along an axis: dimnames are joined there and come from the first array elsewhere.
join <- function(parts, axis) {
  for (part in parts) if (!is.null(part)) check_numbers(part, "...")
  parts <- parts[!vapply(parts, is.null, NA)]
  if (length(parts) == 0L) rmlx_abort("there is nothing to join.", "argument")
  parts <- lapply(unname(parts), function(x) if (is_mlx(x)) x else array(x, dim(x) %||% length(x)))
  out <- .Call(C_concatenate, parts, check_axes(axis, "axis"))
  titled <- !vapply(parts, function(x) is.null(names(x)) && is.null(dimnames(x)), NA)
  if (!any(titled)) return(out)
  if (is.null(dim(out))) {
    names(out) <- combined_names(parts)
    return(out)
  }
  axis <- resolve_axis(out, axis)
  titles <- dimnames(parts[[which(titled)[1L]]])
  along <- lapply(parts, function(x) dimnames(x)[[axis]] %||% rep("", dim(x)[axis]))
  if (!all(unlist(along) == "")) titles[[axis]] <- unlist(along)
  dimnames(out) <- titles
  out
}

#' Triangles
#'
#' @param x An array of rank 2 or more, whose last two axes are matrices.
#' @param n,m Rows and columns; `m = NULL`: as many as rows.
#' @param k The diagonal: 0 the main one, positive above, negative below it.
#' @inheritParams mlx_zeros
#' @return `mlx_tri()`: an n x m matrix of ones up to diagonal `k` and zeros above. `mlx_tril()`,
#'   `mlx_triu()`: `x` with zeros above or below diagonal `k`.
#' @examples
#' mlx_tri(3)
#' mlx_tril(matrix(1:9, 3))
#' mlx_triu(matrix(1:9, 3), k = 1)
#' @export
mlx_tri <- function(n, m = NULL, k = 0L, dtype = NULL, device = mlx_default_device()) {
  .Call(C_tri, check_count(n, "n"), check_count(m %||% n, "m"),
        check_offset(k, "k"), dtype, device)
}

#' @rdname mlx_tri
#' @export
mlx_tril <- function(x, k = 0L) {
  .Call(C_triangle, x, check_offset(k, "k"), FALSE)
}

#' @rdname mlx_tri
#' @export
mlx_triu <- function(x, k = 0L) {
  .Call(C_triangle, x, check_offset(k, "k"), TRUE)
}

#' Repeat and reverse as base R does
#'
#' @param x An mlx array; of higher rank, its elements in column-major order.
#' @param ... `times`, `each` and `length.out`, see [base::rep()].
#' @return A 1-d mlx array, with the names of a vector.
#' @examples
#' rep(as_mlx(1:2), times = c(1, 2))
#' rev(as_mlx(1:3))
#' @name rep.mlx
NULL

#' @rdname rep.mlx
#' @export
rep.mlx <- function(x, ...) {
  if (isTRUE(repeated_length(length(x), ...) > .Machine$integer.max)) {
    rmlx_abort("rep() asks for more elements than an axis can have (2^31 - 1).", "shape")
  }
  positions <- tryCatch(rep(seq_along(x), ...), error = function(e) {
    rmlx_abort(paste0(conditionMessage(e), ": see ?rep."), "argument")
  })
  if (anyNA(positions)) rmlx_abort("an empty array has no elements to repeat.", "argument")
  elements_at(x, positions)
}

# How many elements rep() makes of n, before any list of as many positions is made: 2^31 of these are 8 GB.
# What rep() does not take is left to its own errors.
repeated_length <- function(n, times = 1, length.out = NA, each = 1, ...) {
  one <- function(x) if (is.numeric(x) && length(x) == 1L) as.double(x) else NA_real_
  if (!is.na(one(length.out))) return(one(length.out))
  n <- n * (if (is.na(one(each))) 1 else one(each))
  if (is.numeric(times) && length(times) != 1L) sum(as.double(times)) else n * one(times)
}

#' @rdname rep.mlx
#' @export
rev.mlx <- function(x) elements_at(x, rev(seq_along(x)))
