# Singular values and eigenvalues.

#' Singular value decomposition
#'
#' `x = u %*% diag(d) %*% t(v)`. `svd()` is base R's as a generic: any object but an mlx array goes to
#' base R.
#'
#' @param x A matrix (n x p) or a stack of them; complex matrices too.
#' @param nu,nv How many columns of `u` and `v`: `min(n, p)` of them or 0. Not given, both are square.
#' @param ... Passed on to methods.
#' @return `list(d, u, v)`: the singular values, in decreasing order, and `u`, `v`, which are `NULL` if
#'   none of their columns were asked for. NaN or infinities are an error.
#'
#' @section Gradient:
#' Of real matrices. Singular vectors are functions of the matrix only where their values are distinct
#' and positive: elsewhere a gradient through them is NaN, whereas one through `d` alone is right. Signs
#' are arbitrary: depend on what does not change with them.
#' @examples
#' x <- as_mlx(matrix(c(1, 3, 2, 4, 0, 1), 3))
#' s <- svd(x, nu = 2, nv = 2)
#' s$u %*% diag(s$d) %*% t(s$v)
#' @export
svd <- function(x, ...) UseMethod("svd")

#' @export
svd.default <- function(x, ...) base::svd(x, ...)

#' @rdname svd
#' @export
svd.mlx <- function(x, nu = NULL, nv = NULL, ...) {
  shape <- mlx_shape(x)
  rank <- length(shape)
  k <- if (rank >= 2L) min(shape[rank - 1:0]) else 0L
  check <- function(n, name) {
    if (is.null(n) || rank < 2L) return(!is.null(n))
    if (!is.numeric(n) || length(n) != 1L || !n %in% c(0, k)) {
      rmlx_abort(paste0("svd() of an mlx array takes ", name, " = 0 or ", name, " = min(n, p), which is ", k,
                        "; leave it out for a square matrix."), "argument")
    }
    TRUE
  }
  given <- c(check(nu, "nu"), check(nv, "nv"))
  if (all(given) && nu == 0 && nv == 0) {
    return(list(d = factorize(C_linalg_singular_values, x)[[1L]], u = NULL, v = NULL))
  }
  parts <- factorize(C_linalg_svd, x)
  u <- parts[[1L]]
  v <- swap_last(parts[[3L]])
  if (mlx_dtype(x) == "complex64") v <- Conj(v)
  columns <- function(basis, given, n) {
    if (!given) complete_basis(basis) else if (n > 0 || k == 0L) basis
  }
  list(d = parts[[2L]], u = columns(u, given[1L], nu), v = columns(v, given[2L], nv))
}

#' Moore-Penrose inverse
#'
#' `v %*% diag(1/d) %*% t(u)` of the singular value decomposition, where singular values of at most
#' `max(n, p) * eps * max(d)` count as 0.
#'
#' @param x A matrix or a stack of them.
#' @return An mlx array. Its gradient is that of matrices of the same rank.
#' @examples
#' pinv(matrix(c(1, 2, 2, 4, 3, 6), 2))
#' @export
pinv <- function(x) factorize(C_linalg_pinv, x)[[1L]]

#' Matrix exponential
#'
#' `I + x + x %*% x / 2 + ...`, by scaling and squaring of a Pade approximation.
#'
#' @param x A square matrix or a stack of them, real.
#' @return An mlx array of the shape of `x`; NaN where `x` has NaN or infinities. Its gradient, of any
#'   order, is the exponential of a block matrix.
#' @examples
#' mlx_expm(matrix(c(0, -1, 1, 0), 2)) # a rotation by 1
#'
#' # transition probabilities of a Markov chain after a time, and their derivative
#' rates <- matrix(c(-0.2, 0.2, 0.5, -0.5), 2, byrow = TRUE)
#' mlx_grad(function(t) mlx_expm(rates * t)[1, 2], 3)
#' @export
mlx_expm <- function(x) factorize(C_linalg_expm, x)[[1L]]

#' Eigenvalues and eigenvectors
#'
#' `eigen()` is base R's as a generic: any object but an mlx array goes to base R. `mlx_eigh()` and
#' `mlx_eigvalsh()` are for symmetric (Hermitian) matrices, of which they look at one triangle;
#' `mlx_eig()` and `mlx_eigvals()` for all.
#'
#' @param x A square matrix, or a stack of them.
#' @param symmetric Whether to take the matrix for symmetric, and look at its lower triangle. Missing:
#'   found out from its values.
#' @param only.values Whether the vectors are left out.
#' @param uplo Which triangle counts: `"L"` the lower, `"U"` the upper.
#' @param ... Passed on to methods.
#' @return `eigen()`: `list(values, vectors)` of class `"eigen"`, in decreasing order as in base R.
#'   `mlx_eigh()`, `mlx_eig()`: `list(values, vectors)`, ascending and in no order. `mlx_eigvalsh()`,
#'   `mlx_eigvals()`: the values. Those of matrices that are not symmetric are complex64, in single
#'   precision also of float64, which a warning of class `rmlx_warning_precision` says once. NaN or
#'   infinities are an error.
#'
#' @section Gradient:
#' Of all but complex Hermitian matrices, where it is an error of class `rmlx_error_gradient`; of those
#' that are not symmetric in single precision. Eigenvectors are functions of the matrix only where their
#' values are distinct: elsewhere a gradient through them is NaN, whereas one through the values alone is
#' right. Signs are arbitrary: depend on what does not change with them. Complex vectors have the phase
#' that makes their largest component real. The triangle that is not looked at has the gradient 0.
#' @examples
#' x <- as_mlx(matrix(c(2, 1, 1, 3), 2))
#' eigen(x)
#' mlx_eigvalsh(x)
#' mlx_eigvals(matrix(c(0, 1, -1, 0), 2))
#' @export
eigen <- function(x, ...) UseMethod("eigen")

#' @export
eigen.default <- function(x, ...) base::eigen(x, ...)

#' @rdname eigen
#' @export
eigen.mlx <- function(x, symmetric, only.values = FALSE, ...) {
  shape <- mlx_shape(x)
  if (length(shape) != 2L || shape[1L] != shape[2L]) {
    rmlx_abort(paste0("non-square matrix in 'eigen': the shape is ",
                      if (length(shape)) paste(shape, collapse = " x ") else "scalar", "."), "shape")
  }
  if (missing(symmetric)) symmetric <- is_symmetric(x)
  check_flag(only.values, "only.values")
  parts <- if (!check_flag(symmetric, "symmetric")) {
    mlx_eig(x)
  } else if (only.values) {
    list(values = mlx_eigvalsh(x))
  } else {
    mlx_eigh(x)
  }
  at <- if (symmetric) {
    rev(seq_len(shape[1L]))
  } else {
    order(Mod(as.vector(mlx_stop_gradient(parts$values))), decreasing = TRUE)
  }
  values <- parts$values[at]
  if (check_flag(only.values, "only.values")) return(list(values = values, vectors = NULL))
  structure(class = "eigen", list(values = values, vectors = parts$vectors[, at]))
}

# As isSymmetric() with its default tolerance, in x's own precision.
is_symmetric <- function(x) {
  other <- Conj(t(x))
  eps <- if (mlx_dtype(x) == "float64") .Machine$double.eps else 2^-23
  as.logical(mlx_sum(abs(x - other)) <= 100 * eps * mlx_sum(abs(x)) | !mlx_all(is.finite(x)))
}

#' @rdname eigen
#' @export
mlx_eigh <- function(x, uplo = c("L", "U")) {
  uplo <- check_choice(uplo, c("L", "U"), "uplo")
  setNames(factorize(C_linalg_eigh, x, option = as.integer(uplo == "U")), c("values", "vectors"))
}

#' @rdname eigen
#' @export
mlx_eigvalsh <- function(x, uplo = c("L", "U")) {
  uplo <- check_choice(uplo, c("L", "U"), "uplo")
  factorize(C_linalg_eigvalsh, x, option = as.integer(uplo == "U"))[[1L]]
}

#' @rdname eigen
#' @export
mlx_eig <- function(x) {
  if ((is_mlx(x) && mlx_dtype(x) == "float64") ||
        (!is_mlx(x) && identical(getOption("rmlx.dtype"), "float64"))) {
    warn_single("eigenvalues of a matrix that is not symmetric")
  }
  setNames(factorize(C_linalg_eig, x), c("values", "vectors"))
}

#' @rdname eigen
#' @export
mlx_eigvals <- function(x) mlx_eig(x)$values

# Once a session: complex numbers are complex64 only.
warn_single <- function(what) {
  warn(
    paste0(what, " are complex64: MLX has no complex numbers in double precision, so that float64 ",
           "input is computed or returned in single precision."),
    class = c("rmlx_warning_precision", "rmlx_warning"), .frequency = "once",
    .frequency_id = "rmlx_complex64"
  )
}
