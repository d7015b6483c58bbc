# `[` and its relatives. The native code takes the `...` of these frames, missing arguments included.

#' Index mlx arrays
#'
#' One index per axis (left out: all of it), a single index into the column-major flattening, or a
#' matrix with one column per axis and one row per element (positions, or names of the dimnames). An
#' index may be positive (any order, repeated), negative, logical (of length 1 or the axis' extent),
#' names, or an mlx array of positions or bools. Positions are checked: those out of range, zeros and
#' NA are errors. Values and gradients of every form stay on MLX.
#'
#' Axes are kept unless `drop = TRUE`: `x[1, ]` of a matrix is 1 x p. `[[` extracts one plain R
#' number, so inside a differentiated function it is an error; write `x[i]` there. Of a 0-d array `x[1]`
#' is the element, 1-d; it takes no other index.
#'
#' In `x[...] <- value` the value is taken in column-major order, cast to the dtype of `x`, and
#' repeated if its length divides the number of elements. An mlx value is cast as [mlx_cast()] does; a
#' plain R value that the cast would change (a fraction for integers, a number other than 0 and 1 for
#' bools) is an error of class `rmlx_error_dtype`. Positions may not repeat. Another variable
#' that holds the same array keeps its values.
#'
#' @param x An mlx array.
#' @param ... Indices.
#' @param drop Whether axes of extent 1 disappear.
#' @param exact Not used.
#' @param value An R vector or mlx array.
#' @return `[`: an mlx array with the names that base R would keep. `[[`: an R value of length 1.
#'   The assignments: the changed array.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' x[1, ]
#' x[, c(TRUE, FALSE, TRUE)]
#' x[x > 3]
#' x[cbind(1:2, 2:3)]
#' x[[2, 3]]
#' x[2, ] <- 0
#' x
#' @name mlx_index
NULL

#' @rdname mlx_index
#' @export
`[.mlx` <- function(x, ..., drop = FALSE) {
  if (!is_mlx(x)) return(unclass(x)[..., drop = drop])
  if (was_plain(x) && missing(drop)) drop <- !is.null(dim(x))
  .Call(C_subset, x, environment(), drop)
}

#' @rdname mlx_index
#' @export
`[[.mlx` <- function(x, ..., exact = TRUE) {
  if (!is_mlx(x)) return(unclass(x)[[...]])
  out <- .Call(C_element, x, environment())
  if (is.double(out) && !is.nan(out) && abs(out) >= 2^53) {
    warn_beyond_double(if (length(x) == 1L) x else x[...], out)
  }
  out
}

#' @rdname mlx_index
#' @export
`[<-.mlx` <- function(x, ..., value) {
  if (was_plain(x)) {
    x <- grown(x, ...)
    value <- beside_target(value)
  }
  .Call(C_assign, x, environment(), value, FALSE)
}

#' @rdname mlx_index
#' @export
`[[<-.mlx` <- function(x, ..., value) {
  if (length(value) != 1L) {
    rmlx_abort(paste0("`[[<-` replaces one element: the value must have length 1, not ", length(value), "."),
               "argument")
  }
  if (was_plain(x)) {
    x <- grown(x, ...)
    value <- beside_target(value)
  }
  .Call(C_assign, x, environment(), value, TRUE)
}

# Called by the native code for arrays that have names: what base R's `[` keeps of them. Indices are
# plain R vectors, or the missing argument.
carry_index_names <- function(out, x, indices, drop) {
  n <- length(indices)
  left_out <- function(k) identical(indices[[k]], rlang::missing_arg())
  if (n == 0L || (n == 1L && left_out(1L))) {
    names(out) <- names(x)
    if (!is.null(dim(out))) dimnames(out) <- dimnames(x)
    return(out)
  }
  if (is.null(dim(x))) {
    names(out) <- names(x)[index_positions(indices[[1L]], length(x), names(x))]
    return(out)
  }
  if (n == 1L) return(out)
  kept <- dimnames(x)
  extents <- dim(x)
  for (k in which(!vapply(seq_len(n), left_out, NA))) {
    chosen <- index_positions(indices[[k]], extents[k], kept[[k]])
    extents[k] <- length(chosen)
    if (!is.null(kept[[k]])) kept[[k]] <- kept[[k]][chosen]
  }
  if (drop) {
    # one element keeps its name if there is but one
    left <- if (any(extents != 1L)) extents != 1L else !vapply(kept, is.null, NA)
    kept <- kept[left]
  }
  if (is.null(dim(out))) {
    if (length(kept) == 1L && length(out) > 0L) names(out) <- kept[[1L]]
  } else if (!all(vapply(kept, is.null, NA))) {
    dimnames(out) <- kept
  }
  out
}

# The positions that a valid index selects among n.
index_positions <- function(index, n, names) {
  if (is.character(index)) return(match(index, names))
  if (is.logical(index)) return(which(rep_len(index, n)))
  seq_len(n)[index]
}
