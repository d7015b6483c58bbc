# The QR factorization and what is computed from it.

#' QR factorization
#'
#' `qr(x)` gives Q with orthonormal columns and upper triangular R with `Q %*% R = x`, without
#' pivoting. Base R's functions of a factorization are generics here, with methods for this one; any
#' other object goes to base R.
#'
#' @param x A matrix of any shape, or a stack of them.
#' @param tol,LAPACK Must be left at their defaults: nothing is pivoted.
#' @param qr,a A factorization; in `qr.solve()` also a matrix.
#' @param y,b A matrix or vector with as many elements (rows) as the factored matrix has rows.
#' @param complete Whether Q is completed to a square matrix, and R filled up with zero rows.
#' @param Dvec What to multiply the columns of Q by.
#' @param ncol How many columns of the factored matrix to rebuild.
#' @param k How many columns of the factored matrix to fit with.
#' @param ... Passed on to methods.
#' @return `qr()`: `list(Q, R)` of class `c("mlx_qr", "list")`, with `min(nrow, ncol)` columns of Q and
#'   rows of R. `qr.Q()`, `qr.R()`, `qr.X()`: the factors and their product. `qr.qy()`: Q y and
#'   `qr.qty()`: t(Q) y, with the complete Q. `qr.coef()`, `qr.fitted()`, `qr.resid()`: least squares.
#'   `qr.solve()`, `solve()`: the solution of a system, exact or by least squares. A zero on the
#'   diagonal of R is an error of class `rmlx_error_singular` where it is divided by.
#'
#' @section Gradient:
#' Goes through Q and R, of matrices of full rank. The columns that complete Q have the gradient of
#' functions that depend on the space that they span, not on the basis.
#' @examples
#' x <- as_mlx(cbind(1, c(1, 2, 4)))
#' f <- qr(x)
#' qr.Q(f) %*% qr.R(f)
#' qr.coef(f, c(1, 2, 3))
#' qr.solve(as_mlx(matrix(c(2, 1, 1, 3), 2)), c(1, 2))
#' @name mlx_qr
NULL

#' @rdname mlx_qr
#' @export
qr.mlx <- function(x, tol = 1e-07, LAPACK = FALSE, ...) {
  if (!identical(tol, 1e-07)) {
    rmlx_abort("`tol` is not supported by qr() of an mlx array: nothing is pivoted.", "argument")
  }
  if (!isFALSE(LAPACK)) {
    rmlx_abort("`LAPACK = TRUE` is not supported by qr() of an mlx array: nothing is pivoted.",
               "argument")
  }
  structure(setNames(factorize(C_linalg_qr, x), c("Q", "R")), class = c("mlx_qr", "list"))
}

# Rows and columns of the factored matrix.
factored_dim <- function(qr) {
  rows <- mlx_shape(qr$Q)
  columns <- mlx_shape(qr$R)
  c(rows[length(rows) - 1L], columns[length(columns)])
}

#' @rdname mlx_qr
#' @export
qr.Q <- function(qr, ...) UseMethod("qr.Q")

#' @method qr.Q default
#' @export
qr.Q.default <- function(qr, ...) base::qr.Q(qr, ...)

#' @rdname mlx_qr
#' @method qr.Q mlx_qr
#' @export
qr.Q.mlx_qr <- function(qr, complete = FALSE, Dvec = NULL, ...) {
  q <- if (check_flag(complete, "complete")) complete_basis(qr$Q) else qr$Q
  if (is.null(Dvec)) q else q * Dvec
}

# Q with columns that make it square.
complete_basis <- function(q) {
  shape <- mlx_shape(q)
  rank <- length(shape)
  if (shape[rank] >= shape[rank - 1L]) return(q)
  .Call(C_concatenate, list(q, factorize(C_linalg_complement, q)[[1L]]), rank)
}

#' @rdname mlx_qr
#' @export
qr.R <- function(qr, ...) UseMethod("qr.R")

#' @method qr.R default
#' @export
qr.R.default <- function(qr, ...) base::qr.R(qr, ...)

#' @rdname mlx_qr
#' @method qr.R mlx_qr
#' @export
qr.R.mlx_qr <- function(qr, complete = FALSE, ...) {
  if (check_flag(complete, "complete")) pad_to(qr$R, qr$Q) else qr$R
}

#' @rdname mlx_qr
#' @export
qr.X <- function(qr, ...) UseMethod("qr.X")

#' @method qr.X default
#' @export
qr.X.default <- function(qr, ...) base::qr.X(qr, ...)

#' @rdname mlx_qr
#' @method qr.X mlx_qr
#' @export
qr.X.mlx_qr <- function(qr, complete = FALSE, ncol = NULL, ...) {
  whole <- mlx_matmul(qr$Q, qr$R)
  if (check_flag(complete, "complete")) {
    d <- factored_dim(qr)
    if (d[1L] > d[2L]) {
      rank <- length(mlx_shape(whole))
      whole <- .Call(C_concatenate, list(whole, factorize(C_linalg_complement, qr$Q)[[1L]]), rank)
    }
  }
  if (is.null(ncol)) whole else whole[, seq_len(check_count(ncol, "ncol"))]
}

#' @rdname mlx_qr
#' @export
qr.qy <- function(qr, y) UseMethod("qr.qy")

#' @method qr.qy default
#' @export
qr.qy.default <- function(qr, y) base::qr.qy(qr, y)

#' @rdname mlx_qr
#' @method qr.qy mlx_qr
#' @export
qr.qy.mlx_qr <- function(qr, y) on_columns(qr, y, function(y) mlx_matmul(complete_basis(qr$Q), y))

#' @rdname mlx_qr
#' @export
qr.qty <- function(qr, y) UseMethod("qr.qty")

#' @method qr.qty default
#' @export
qr.qty.default <- function(qr, y) base::qr.qty(qr, y)

#' @rdname mlx_qr
#' @method qr.qty mlx_qr
#' @export
qr.qty.mlx_qr <- function(qr, y) {
  on_columns(qr, y, function(y) mlx_matmul(swap_last(complete_basis(qr$Q)), y))
}

# f of y as columns; a vector y gives a vector.
on_columns <- function(qr, y, f) {
  shape <- shape_of_any(y)
  rows <- factored_dim(qr)[1L]
  if (shape[max(1L, length(shape) - 1L)] != rows) {
    rmlx_abort(paste0("'qr' and 'y' must have the same number of rows: ", rows, " are factored, 'y' has ",
                      shape[max(1L, length(shape) - 1L)], "."), "shape")
  }
  if (length(shape) > 1L) return(f(y))
  out <- f(.Call(C_reshape, as_like(y, qr$Q), c(rows, 1L), FALSE))
  .Call(C_squeeze, out, -1L)
}

# R values in the dtype and on the device of an array.
as_like <- function(x, like) {
  if (is_mlx(x)) x else as_mlx(x, dtype = mlx_dtype(like), device = mlx_device(like))
}

#' @rdname mlx_qr
#' @export
qr.coef <- function(qr, y) UseMethod("qr.coef")

#' @method qr.coef default
#' @export
qr.coef.default <- function(qr, y) base::qr.coef(qr, y)

#' @rdname mlx_qr
#' @method qr.coef mlx_qr
#' @export
qr.coef.mlx_qr <- function(qr, y) {
  d <- factored_dim(qr)
  if (d[1L] < d[2L]) {
    rmlx_abort(paste0("the factored matrix has more columns (", d[2L], ") than rows (", d[1L],
                      "): its coefficients are not unique. Use pinv(x) %*% y for the shortest."), "shape")
  }
  on_columns(qr, y, function(y) triangular(qr$R, mlx_matmul(swap_last(qr$Q), y), TRUE, FALSE))
}

#' @rdname mlx_qr
#' @export
qr.fitted <- function(qr, y, ...) UseMethod("qr.fitted")

#' @method qr.fitted default
#' @export
qr.fitted.default <- function(qr, y, ...) base::qr.fitted(qr, y, ...)

#' @rdname mlx_qr
#' @method qr.fitted mlx_qr
#' @export
qr.fitted.mlx_qr <- function(qr, y, k = NULL, ...) {
  q <- qr$Q
  if (!is.null(k)) {
    if (check_count(k, "k") > factored_dim(qr)[2L]) {
      rmlx_abort(paste0("'k' is too large: the factored matrix has ", factored_dim(qr)[2L], " columns."), "argument")
    }
    q <- q[, seq_len(k)]
  }
  on_columns(qr, y, function(y) mlx_matmul(q, mlx_matmul(swap_last(q), y)))
}

#' @rdname mlx_qr
#' @export
qr.resid <- function(qr, y) UseMethod("qr.resid")

#' @method qr.resid default
#' @export
qr.resid.default <- function(qr, y) base::qr.resid(qr, y)

#' @rdname mlx_qr
#' @method qr.resid mlx_qr
#' @export
qr.resid.mlx_qr <- function(qr, y) {
  y <- as_like(y, qr$Q)
  y - qr.fitted.mlx_qr(qr, y)
}

#' @rdname mlx_qr
#' @export
qr.solve <- function(a, b, ...) UseMethod("qr.solve")

#' @method qr.solve default
#' @export
qr.solve.default <- function(a, b, ...) {
  if (!missing(b) && is_mlx(b)) return(qr.solve.mlx(as_like(a, b), b))
  if (missing(b)) base::qr.solve(a, ...) else base::qr.solve(a, b, ...)
}

#' @rdname mlx_qr
#' @method qr.solve mlx
#' @export
qr.solve.mlx <- function(a, b, ...) qr.solve.mlx_qr(qr.mlx(a), b)

#' @rdname mlx_qr
#' @method qr.solve mlx_qr
#' @export
qr.solve.mlx_qr <- function(a, b, ...) {
  if (missing(b)) {
    d <- factored_dim(a)
    if (d[1L] != d[2L]) {
      rmlx_abort(paste0("only square matrices can be inverted; the factored one is ", d[1L], " x ", d[2L], "."),
                 "shape")
    }
    b <- identity_beside(a$R)
  }
  if (length(mlx_shape(as_mlx(b))) == 0L) b <- mlx_reshape(b, 1L)
  qr.coef.mlx_qr(a, b)
}

#' @rdname mlx_qr
#' @export
solve.mlx_qr <- function(a, b, ...) qr.solve.mlx_qr(a, b)
