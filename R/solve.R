# Linear systems, inverses, triangular systems and the Cholesky factorization.

# One of the native factorizations: a list of mlx arrays. `tolerance`: NaN for the dtype's own.
factorize <- function(routine, ..., option = 0L, tolerance = NaN) {
  .Call(routine, list(...), option, tolerance)
}

#' Solve linear systems
#'
#' `solve(a, b)` gives X with `a %*% X = b`, `solve(a)` and `mlx_inv(a)` the inverse. Stacks of
#' matrices (in the last two axes) are solved matrix by matrix; their other axes broadcast.
#'
#' @param a,x A square matrix or a stack of them: float32, float64 (or integers, which count as the
#'   default floating dtype).
#' @param b A matrix of right-hand sides, a vector, or a stack of matrices; missing or `NULL`: the
#'   identity.
#' @param tol A matrix whose reciprocal condition number (in the 1-norm) is smaller is an error; 0
#'   accepts all but exactly singular ones. `NULL`: the machine epsilon of the dtype, 2.2e-16 or
#'   1.2e-7.
#' @param ... Not used.
#' @return An mlx array: for a vector `b` a vector, else of the shape of `b`.
#'
#' @section Errors:
#' A singular matrix, exactly or computationally, is an error of class `rmlx_error_singular`, raised
#' at the call: so `a` is evaluated. Inside functions that are compiled or mapped there are no values
#' to look at, and the result of a singular matrix is NaN. NaN in `a` gives NaN.
#'
#' @section Gradient:
#' For `X = solve(a, b)` with the gradient G of the result: `solve(t(a), G)` for `b`, and
#' `-solve(t(a), G) %*% t(X)` for `a`; to any order.
#' @examples
#' a <- as_mlx(matrix(c(2, 1, 1, 3), 2))
#' solve(a, c(1, 2))
#' solve(a) %*% a
#' @name mlx_solve
NULL

#' @rdname mlx_solve
#' @export
solve.mlx <- function(a, b = NULL, tol = NULL, ...) {
  tolerance <- if (is.null(tol)) NaN else check_tolerance(tol)
  if (is.null(b)) {
    out <- factorize(C_linalg_inverse, a, tolerance = tolerance)[[1L]]
    return(name_axes(out, colnames_of(a), rownames_of(a)))
  }
  out <- factorize(C_linalg_solve, a, b, tolerance = tolerance)[[1L]]
  if (is.null(dim(out))) return(out)
  name_axes(out, colnames_of(a), colnames_of(b))
}

#' @rdname mlx_solve
#' @export
mlx_inv <- function(x) solve.mlx(as_mlx(x))

check_tolerance <- function(tol) {
  if (!is.numeric(tol) || length(tol) != 1L || is.na(tol) || tol < 0) {
    rmlx_abort("`tol` must be one number of at least 0.", "argument")
  }
  as.double(tol)
}

rownames_of <- function(x) if (length(dim(x)) == 2L) dimnames(x)[[1L]]

colnames_of <- function(x) if (length(dim(x)) == 2L) dimnames(x)[[2L]]

# The matrix with names for its rows and columns, where there are any.
name_axes <- function(x, rows, columns) {
  if (length(dim(x)) == 2L && !(is.null(rows) && is.null(columns))) dimnames(x) <- list(rows, columns)
  x
}

#' Triangular systems
#'
#' `backsolve()` and `forwardsolve()` are base R's, as generics: any object but an mlx array goes to
#' base R. Only the triangle that is named is looked at.
#'
#' @param r,l,a A triangular square matrix, or a stack of them.
#' @param x,b Right-hand sides: a matrix, a vector or a stack of matrices. In `mlx_tri_inv()` `x` is
#'   the triangular matrix.
#' @param k The number of columns of `r` and rows of `x` to use; default: all.
#' @param upper.tri,upper Whether the upper triangle counts, or the lower.
#' @param transpose Whether to solve with the transposed matrix.
#' @param ... Passed on to methods.
#' @return An mlx array: the solution, or the inverse. A zero on the diagonal is an error of class
#'   `rmlx_error_singular`.
#' @examples
#' l <- as_mlx(matrix(c(2, 1, 0, 3), 2))
#' forwardsolve(l, c(2, 7))
#' mlx_solve_triangular(l, c(2, 7))
#' mlx_tri_inv(l)
#' @export
backsolve <- function(r, x, ...) UseMethod("backsolve")

#' @export
backsolve.default <- function(r, x, ...) {
  if (is_mlx(x)) backsolve.mlx(r, x, ...) else base::backsolve(r, x, ...)
}

#' @rdname backsolve
#' @export
backsolve.mlx <- function(r, x, k = NULL, upper.tri = TRUE, transpose = FALSE, ...) {
  check_flag(upper.tri, "upper.tri")
  if (!is.null(k)) {
    k <- check_count(k, "k", 1)
    shape <- shape_of_any(r)
    if (length(shape) != 2L || k > min(shape)) {
      rmlx_abort("invalid 'k' argument: it counts columns of the matrix 'r'.", "argument")
    }
    if (k < max(shape)) r <- as_mlx(r)[seq_len(k), seq_len(k)]
    rows <- shape_of_any(x)[1L]
    if (k < rows) x <- if (is.null(dim(x))) x[seq_len(k)] else as_mlx(x)[seq_len(k), ]
  }
  triangular(r, x, upper.tri, check_flag(transpose, "transpose"))
}

#' @rdname backsolve
#' @export
forwardsolve <- function(l, x, ...) UseMethod("forwardsolve")

#' @export
forwardsolve.default <- function(l, x, ...) {
  if (is_mlx(x)) forwardsolve.mlx(l, x, ...) else base::forwardsolve(l, x, ...)
}

#' @rdname backsolve
#' @export
forwardsolve.mlx <- function(l, x, k = NULL, upper.tri = FALSE, transpose = FALSE, ...) {
  backsolve.mlx(l, x, k = k, upper.tri = upper.tri, transpose = transpose)
}

#' @rdname backsolve
#' @export
mlx_solve_triangular <- function(a, b, upper = FALSE) {
  triangular(a, b, check_flag(upper, "upper"), FALSE)
}

#' @rdname backsolve
#' @export
mlx_tri_inv <- function(x, upper = FALSE) {
  x <- as_mlx(x)
  triangular(x, identity_beside(x), check_flag(upper, "upper"), FALSE)
}

triangular <- function(a, b, upper, transpose) {
  if (transpose) {
    a <- swap_last(a)
    upper <- !upper
  }
  factorize(C_linalg_triangular, a, b, option = as.integer(upper))[[1L]]
}

shape_of_any <- function(x) if (is_mlx(x)) mlx_shape(x) else dim(x) %||% length(x)

# The last two axes exchanged.
swap_last <- function(x) {
  x <- as_mlx(x)
  rank <- length(mlx_shape(x))
  if (rank < 2L) return(x)
  .Call(C_permute, x, c(seq_len(rank - 2L), rank, rank - 1L))
}

identity_beside <- function(x) {
  shape <- mlx_shape(x)
  mlx_eye(if (length(shape)) shape[length(shape)] else 1L, device = mlx_device(x),
          dtype = if (mlx_dtype(x) %in% c("float16", "bfloat16", "float64")) mlx_dtype(x) else "float32")
}

#' Cholesky factorization
#'
#' `chol(x)` is the upper triangular R with `t(R) %*% R = x`, as in base R; `mlx_cholesky()` gives the
#' lower factor unless asked for the upper. Only the triangle that the factor lies in is looked at.
#' `chol2inv()`, base R's as a generic, and `mlx_cholesky_inv()` are the inverse of the matrix that
#' was factored.
#'
#' @param x A symmetric positive definite matrix, or a stack of them; in `chol2inv()` and
#'   `mlx_cholesky_inv()` its factor.
#' @param pivot Must be `FALSE`.
#' @param upper Whether the factor is upper triangular.
#' @param size The number of columns of `x` to use; default: all.
#' @param ... Passed on to methods.
#' @return An mlx array of the shape of `x`.
#'
#' @section Errors:
#' A matrix that is not positive definite is an error of class `rmlx_error_singular`, which tells the
#' order of the first leading minor that is not positive.
#'
#' @section Gradient:
#' That of the function computed: the triangle that is not looked at has the gradient 0, and the other
#' triangle holds what base R's `chol()` changes by if that one element changes.
#' @examples
#' x <- as_mlx(matrix(c(4, 2, 2, 3), 2))
#' chol(x)
#' mlx_cholesky(x)
#' chol2inv(chol(x)) %*% x
#' @name mlx_cholesky
NULL

#' @rdname mlx_cholesky
#' @export
chol.mlx <- function(x, pivot = FALSE, ...) {
  if (!isFALSE(pivot)) {
    rmlx_abort("pivoted Cholesky is not supported for mlx objects: leave out `pivot`.", "argument")
  }
  out <- mlx_cholesky(x, upper = TRUE)
  if (is.null(dimnames(x))) out else name_axes(out, rownames_of(x), colnames_of(x))
}

#' @rdname mlx_cholesky
#' @export
mlx_cholesky <- function(x, upper = FALSE) {
  factorize(C_linalg_cholesky, x, option = as.integer(check_flag(upper, "upper")))[[1L]]
}

#' @rdname mlx_cholesky
#' @export
chol2inv <- function(x, ...) UseMethod("chol2inv")

#' @export
chol2inv.default <- function(x, ...) base::chol2inv(x, ...)

#' @rdname mlx_cholesky
#' @export
chol2inv.mlx <- function(x, size = NULL, ...) {
  if (!is.null(size)) {
    size <- check_count(size, "size", 1)
    if (length(dim(x)) != 2L || size > min(dim(x))) {
      rmlx_abort("'size' cannot exceed the extents of the matrix 'x'.", "argument")
    }
    if (size < max(dim(x))) x <- x[seq_len(size), seq_len(size)]
  }
  mlx_cholesky_inv(x, upper = TRUE)
}

#' @rdname mlx_cholesky
#' @export
mlx_cholesky_inv <- function(x, upper = FALSE) {
  inverse <- mlx_tri_inv(x, upper)
  if (upper) mlx_matmul(inverse, swap_last(inverse)) else mlx_matmul(swap_last(inverse), inverse)
}

#' LU factorization
#'
#' `x[i, ] = (l %*% u)[p[i], ]`, that is `x = (l %*% u)[p, ]`: L is unit lower triangular, U upper
#' triangular. `mlx_lu_factor()` gives the two in one matrix, for storage.
#'
#' @param x A matrix of any shape, or a stack of them.
#' @return `mlx_lu()`: `list(p, l, u)`, with p the positions of rows, counted from 1, as int32.
#'   `mlx_lu_factor()`: `list(lu, p)`, where the strict lower triangle of `lu` is that of L and the rest
#'   is U. A singular matrix has a factorization, with a zero on the diagonal of U. The gradient goes
#'   through L and U; p is constant.
#' @examples
#' x <- as_mlx(matrix(c(1, 3, 5, 2, 4, 7, 1, 1, 2), 3))
#' f <- mlx_lu(x)
#' (f$l %*% f$u)[f$p, ]
#' @export
mlx_lu <- function(x) setNames(factorize(C_linalg_lu, x), c("p", "l", "u"))

#' @rdname mlx_lu
#' @export
mlx_lu_factor <- function(x) {
  f <- mlx_lu(x)
  shape <- mlx_shape(f$l)
  k <- shape[length(shape)]
  strict <- f$l - mlx_eye(shape[length(shape) - 1L], k, dtype = mlx_dtype(f$l), device = mlx_device(f$l))
  list(lu = pad_to(strict, f$u) + pad_to(f$u, strict), p = f$p)
}

# Zero rows below or columns beside x up to the larger extents of the two.
pad_to <- function(x, other) {
  rank <- length(mlx_shape(x))
  for (axis in c(rank - 1L, rank)) {
    more <- max(mlx_shape(other)[axis], mlx_shape(x)[axis]) - mlx_shape(x)[axis]
    if (more > 0L) {
      shape <- mlx_shape(x)
      shape[axis] <- more
      zeros <- mlx_zeros(shape, dtype = mlx_dtype(x), device = mlx_device(x))
      x <- .Call(C_concatenate, list(x, zeros), axis)
    }
  }
  x
}
