# Diagonals.

#' Diagonals
#'
#' `diag()` and `diag<-` are base R's as generics: any object but an mlx array goes to base R.
#'
#' @param x A matrix, whose diagonal is taken, or a vector, which becomes one; in `mlx_diagonal()` and
#'   `mlx_trace()` an array of any rank from 2.
#' @param offset,k Which diagonal: 0 the main one, positive above, negative below.
#' @param nrow,ncol Of a vector: the extents of the matrix, as in base R. Of a matrix: `nrow` is another
#'   name of `offset`, kept for older scripts.
#' @param names Whether the diagonal takes the names of rows and columns that agree.
#' @param axis1,axis2 The axes whose diagonal is taken; it becomes the last axis.
#' @param value The new diagonal: a number, or one for each element.
#' @param ... Passed on to methods.
#' @return An mlx array: the diagonal, the matrix, or (`mlx_trace()`) the sum of the diagonal.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' diag(x)
#' diag(x, offset = 1)
#' diag(x) <- 0
#' diag(as_mlx(c(1, 2)))
#' mlx_trace(x)
#' @export
diag <- function(x = 1, ...) UseMethod("diag")

#' @export
diag.default <- function(x = 1, ...) base::diag(x, ...)

#' @rdname diag
#' @export
diag.mlx <- function(x, nrow, ncol, names = TRUE, offset = NULL, ...) {
  rank <- length(mlx_shape(x))
  if (rank > 2L) rmlx_abort("'x' is an array of rank 3 or more: use mlx_diagonal().", "shape")
  if (rank == 2L) {
    if (is.null(offset)) offset <- if (missing(nrow)) 0L else nrow
    out <- mlx_diagonal(x, offset)
    labels <- if (names && offset == 0) dimnames(x)
    same <- length(labels) == 2L && length(out) > 0L && !is.null(labels[[1L]]) &&
      identical(labels[[1L]][seq_along(out)], labels[[2L]][seq_along(out)])
    if (same) names(out) <- labels[[1L]][seq_along(out)]
    return(out)
  }
  if (!is.null(offset)) return(mlx_diag(x, offset))
  if (missing(nrow) && missing(ncol)) {
    return(if (rank == 0L) mlx_eye(as.integer(x), dtype = mlx_dtype(x), device = mlx_device(x)) else mlx_diag(x))
  }
  n <- check_count(if (missing(nrow)) length(x) else nrow, "nrow")
  p <- check_count(if (missing(ncol)) n else ncol, "ncol")
  mlx_where(mlx_cast(mlx_eye(n, p, device = mlx_device(x)), "bool"), recycled(x, min(n, p), n, p), 0)
}

# The first k elements of x, repeated, down the rows of an n x p matrix.
recycled <- function(x, k, n, p) {
  column <- .Call(C_reshape, x, length(x), FALSE)[rep_len(seq_along(x), n)]
  mlx_broadcast_to(.Call(C_reshape, column, c(n, 1L), FALSE), c(n, p))
}

#' @rdname diag
#' @export
mlx_diag <- function(x, k = 0L) {
  x <- as_mlx(x)
  if (length(mlx_shape(x)) == 2L) return(mlx_diagonal(x, k))
  if (length(mlx_shape(x)) > 2L) rmlx_abort("`x` must be a vector or a matrix; see mlx_diagonal().", "shape")
  x <- .Call(C_reshape, x, length(x), FALSE)
  .Call(C_diagonal_matrix, list(x), check_offset(k, "k"))
}

#' @rdname diag
#' @export
mlx_diagonal <- function(x, offset = 0L, axis1 = 1L, axis2 = 2L) {
  .Call(C_diagonal, list(x), check_offset(offset), check_count_axis(axis1, "axis1"),
        check_count_axis(axis2, "axis2"))
}

#' @rdname diag
#' @export
mlx_trace <- function(x, offset = 0L, axis1 = 1L, axis2 = 2L) {
  mlx_sum(mlx_diagonal(x, offset, axis1, axis2), axes = -1L)
}

#' @rdname diag
#' @export
`diag<-` <- function(x, value) UseMethod("diag<-")

#' @export
`diag<-.default` <- function(x, value) base::`diag<-`(x, value)

#' @rdname diag
#' @export
`diag<-.mlx` <- function(x, value) {
  shape <- mlx_shape(x)
  if (length(shape) != 2L) rmlx_abort("only matrix diagonals can be replaced", "shape")
  n <- min(shape)
  if (length(value) != 1L && length(value) != n) {
    rmlx_abort(paste0("replacement diagonal has wrong length: ", length(value), " for ", n, " elements."),
               "shape")
  }
  if (n > 0L) x[cbind(seq_len(n), seq_len(n))] <- value
  x
}
