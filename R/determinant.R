# Determinants, norms and condition numbers.

#' Determinants
#'
#' `det()` is base R's as a generic: any object but an mlx array goes to base R. `mlx_slogdet()` does
#' not overflow. Stacks of matrices have one determinant for each.
#'
#' @param x A square matrix, or a stack of them.
#' @param logarithm Whether the logarithm of the modulus is returned.
#' @param ... Passed on to methods.
#' @return `det()`, `mlx_det()`: an mlx array. `determinant()`: `list(modulus, sign)` of class `"det"`.
#'   `mlx_slogdet()`: `list(sign, logabsdet)`.
#'
#' @section Gradient:
#' That of `det()` is the matrix of cofactors, also of singular matrices; that of the logarithm is
#' `t(solve(x))`.
#' @examples
#' x <- as_mlx(matrix(c(2, 1, 1, 3), 2))
#' det(x)
#' determinant(x)
#' mlx_slogdet(x)
#' @export
det <- function(x, ...) UseMethod("det")

#' @export
det.default <- function(x, ...) base::det(x, ...)

#' @rdname det
#' @export
det.mlx <- function(x, ...) factorize(C_linalg_det, x)[[1L]]

#' @rdname det
#' @export
mlx_det <- function(x) det.mlx(x)

#' @rdname det
#' @export
determinant.mlx <- function(x, logarithm = TRUE, ...) {
  parts <- mlx_slogdet(x)
  modulus <- if (check_flag(logarithm, "logarithm")) parts$logabsdet else abs(det.mlx(x))
  attr(modulus, "logarithm") <- logarithm
  structure(list(modulus = modulus, sign = parts$sign), class = "det")
}

#' @rdname det
#' @export
mlx_slogdet <- function(x) setNames(factorize(C_linalg_log_det, x), c("sign", "logabsdet"))

#' Norms
#'
#' `norm()` is base R's as a generic: any object but an mlx array goes to base R. `mlx_norm()` has
#' NumPy's norms, of vectors along one axis or of matrices in two.
#'
#' @param x An mlx array; a vector counts as one column in `norm()`.
#' @param type `"O"` or `"1"`: the largest column sum of absolute values; `"I"`: the largest row sum;
#'   `"F"` or `"E"`: the root of the sum of squares; `"M"`: the largest absolute value; `"2"`: the largest
#'   singular value.
#' @param ord `NULL`: the root of the sum of squares. Of vectors: `Inf`, `-Inf` (largest and smallest
#'   absolute value), 0 (how many are not 0), or any p (`sum(abs(x)^p)^(1/p)`). Of matrices: `"fro"`,
#'   `"nuc"` (sum of singular values), `Inf`, `-Inf` (largest and smallest row sum of absolute values), 1,
#'   -1 (column sums), 2, -2 (largest and smallest singular value).
#' @param axes One axis for vectors, two (rows, columns) for matrices; `NULL`: all.
#' @param drop Whether the axes disappear or stay with extent 1.
#' @param ... Passed on to methods.
#' @return An mlx array; NaN where `x` has NaN.
#' @details The gradient of a norm at 0 is 0.
#' @examples
#' x <- as_mlx(matrix(c(1, -2, 3, 4), 2))
#' norm(x)
#' norm(x, "2")
#' mlx_norm(x)
#' mlx_norm(x, ord = 1, axes = 2)
#' @export
norm <- function(x, ...) UseMethod("norm")

#' @export
norm.default <- function(x, ...) base::norm(x, ...)

#' @rdname norm
#' @export
norm.mlx <- function(x, type = c("O", "I", "F", "M", "2"), ...) {
  rank <- length(mlx_shape(x))
  x <- as_floating(x)
  if (rank == 1L) x <- .Call(C_reshape, x, c(length(x), 1L), FALSE)
  if (rank != 1L && rank != 2L) {
    rmlx_abort("'A' must be a matrix; use mlx_norm(x, axes = ) for stacks of matrices.", "shape")
  }
  if (!is.character(type) || is.na(type[1L])) rmlx_abort("`type` must be a string.", "argument")
  switch(
    EXPR = toupper(type[1L]),
    "O" = , "1" = mlx_norm(x, 1),
    "I" = mlx_norm(x, Inf),
    "F" = , "E" = mlx_norm(x, "fro"),
    "M" = largest(abs(x), NULL, TRUE),
    "2" = mlx_norm(x, 2),
    rmlx_abort(paste0("argument type[1]='", type[1L], "' must be one of 'M', '1', 'O', 'I', 'F', 'E' or '2'"),
               "argument")
  )
}

#' @rdname norm
#' @export
mlx_norm <- function(x, ord = NULL, axes = NULL, drop = TRUE) {
  x <- as_floating(as_mlx(x))
  check_flag(drop, "drop")
  rank <- length(mlx_shape(x))
  axes <- check_axes(axes)
  if (is.null(ord) && length(axes) != 1L) return(root_sum(x, axes, 2, drop))
  if (is.null(axes)) axes <- seq_len(rank)
  if (length(axes) == 1L) return(vector_norm(x, ord %||% 2, axes, drop))
  if (length(axes) != 2L) {
    rmlx_abort(paste0("a norm with `ord` is of vectors or matrices: `axes` must name one or two axes of ",
                      "the array of rank ", rank, "."), "shape")
  }
  matrix_norm(x, if (is.character(ord)) tolower(ord) else ord, axes, drop)
}

# Integers and bools as the default floating dtype.
as_floating <- function(x) {
  floats <- c("float16", "bfloat16", "float32", "float64", "complex64")
  if (mlx_dtype(x) %in% floats) return(x)
  dtype <- getOption("rmlx.dtype", "float32")
  mlx_cast(x, if (dtype %in% floats[1:4]) dtype else "float32")
}

vector_norm <- function(x, ord, axis, drop) {
  if (!is.numeric(ord) || length(ord) != 1L || is.na(ord)) {
    rmlx_abort(paste0("`ord` of vectors must be a number, not ", deparse(ord, nlines = 1L), "."), "argument")
  }
  if (ord == Inf) return(largest(abs(x), axis, drop))
  if (ord == -Inf) return(mlx_min(abs(x), axes = axis, drop = drop))
  if (ord == 0) {
    there <- mlx_cast(x != 0, if (mlx_dtype(x) == "complex64") "float32" else mlx_dtype(x))
    return(mlx_sum(there, axes = axis, drop = drop))
  }
  if (ord == 1) return(mlx_sum(abs(x), axes = axis, drop = drop))
  root_sum(x, axis, ord, drop)
}

matrix_norm <- function(x, ord, axes, drop) {
  known <- list(Inf, -Inf, 1, -1, 2, -2, "fro", "f", "nuc")
  if (length(ord) != 1L || !(is.numeric(ord) || is.character(ord)) || is.na(ord) ||
        !any(vapply(known, function(k) is.numeric(k) == is.numeric(ord) && k == ord, NA))) {
    rmlx_abort(paste0("`ord` of matrices must be \"fro\", \"nuc\", Inf, -Inf, 1, -1, 2 or -2, not ",
                      deparse(ord, nlines = 1L), "."), "argument")
  }
  if (ord %in% c("fro", "f")) return(root_sum(x, axes, 2, drop))
  if (abs_is(ord, 1) || abs_is(ord, Inf)) {
    # sums along the other axis, then the extreme along this one, counted from the end
    rank <- length(mlx_shape(x))
    axes <- ifelse(axes < 0, rank + 1L + axes, axes)
    along <- if (abs_is(ord, 1)) rev(axes) else axes
    sums <- mlx_sum(abs(x), axes = along[2L], drop = FALSE)
    pick <- if (ord > 0) largest else function(x, axes, drop) mlx_min(x, axes = axes, drop = drop)
    out <- pick(sums, along[1L], FALSE)
    return(if (drop) .Call(C_squeeze, out, axes) else out)
  }
  rank <- length(mlx_shape(x))
  axes <- ifelse(axes < 0, rank + 1L + axes, axes)
  last <- .Call(C_permute, x, c(setdiff(seq_len(rank), axes), axes))
  # singular values have no gradient at 0: there the norm's is 0
  zero <- mlx_all(last == 0, axes = c(-1, -2), drop = FALSE)
  d <- factorize(C_linalg_singular_values, mlx_where(zero, 1, last), option = 1L)[[1L]]
  d <- mlx_where(.Call(C_squeeze, zero, rank), 0, d)
  out <- if (identical(ord, "nuc")) {
    mlx_sum(d, axes = -1)
  } else if (ord > 0) {
    largest(d, -1L, TRUE)
  } else {
    mlx_min(d, axes = -1)
  }
  if (drop) out else mlx_expand_dims(out, sort(axes))
}

abs_is <- function(ord, value) is.numeric(ord) && abs(ord) == value

# The largest of absolute values; of nothing it is 0.
largest <- function(x, axes, drop) {
  if (length(x) == 0L) mlx_sum(x, axes = axes, drop = drop) else mlx_max(x, axes = axes, drop = drop)
}

# sum(abs(x)^p)^(1/p), scaled so that powers do not overflow; the gradient at 0 is 0, also in an element
# of 0 that has an infinite slope.
root_sum <- function(x, axes, p, drop) {
  size <- abs(x)
  if (length(x) == 0L) return(mlx_sum(size, axes = axes, drop = drop))
  scale <- mlx_stop_gradient(mlx_max(size, axes = axes, drop = FALSE))
  scale <- mlx_where(is.finite(scale) & scale > 0, scale, 1)
  powers <- if (p < 1) {
    mlx_where(size == 0, if (p < 0) Inf else 0, (size / scale)^p)
  } else {
    (size / scale)^p
  }
  sum <- mlx_sum(powers, axes = axes, drop = FALSE)
  zero <- sum == 0
  root <- mlx_where(zero, 1, sum)
  root <- if (p == 2) sqrt(root) else root^(1 / p)
  out <- mlx_where(zero, 0, root) * scale
  if (drop) .Call(C_squeeze, out, axes %||% seq_along(mlx_shape(x))) else out
}

#' Condition numbers
#'
#' `rcond()` is base R's as a generic: any object but an mlx array goes to base R.
#'
#' @param x,z A matrix. One that is not square is replaced by the R of its QR factorization.
#' @param norm `"O"` or `"1"` for the 1-norm, `"I"` for the maximum norm; in `kappa()` also `"2"`.
#' @param triangular Whether only the upper triangle counts.
#' @param exact Whether `kappa()` is the ratio of the largest and the smallest positive singular value.
#' @param ... Passed on to methods.
#' @return A 0-d mlx array. `rcond()`: `1 / (norm(x) * norm(solve(x)))`, 0 for a singular matrix, where
#'   base R estimates it. `kappa()`: as in base R, `1 / rcond()` of the R of the QR factorization.
#' @examples
#' x <- as_mlx(matrix(c(2, 1, 1, 3), 2))
#' rcond(x)
#' kappa(x, exact = TRUE)
#' @export
rcond <- function(x, ...) UseMethod("rcond")

#' @export
rcond.default <- function(x, ...) base::rcond(x, ...)

#' @rdname rcond
#' @export
rcond.mlx <- function(x, norm = c("O", "I", "1"), triangular = FALSE, ...) {
  norm <- check_choice(norm, c("O", "I", "1"), "norm")
  shape <- mlx_shape(x)
  if (length(shape) != 2L) rmlx_abort("'x' must be a matrix.", "shape")
  if (shape[1L] != shape[2L]) x <- qr.mlx(if (shape[1L] < shape[2L]) t(x) else x)$R
  if (check_flag(triangular, "triangular")) x <- mlx_triu(x)
  factorize(C_linalg_rcond, if (norm == "I") t(x) else x)[[1L]]
}

#' @rdname rcond
#' @export
kappa.mlx <- function(z, exact = FALSE, norm = NULL, ...) {
  norm <- if (is.null(norm)) "2" else check_choice(norm, c("2", "1", "O", "I"), "norm")
  if (length(mlx_shape(z)) != 2L) rmlx_abort("'z' must be a matrix.", "shape")
  if (check_flag(exact, "exact") && norm == "2") {
    d <- factorize(C_linalg_singular_values, z)[[1L]]
    return(mlx_max(d) / mlx_min(mlx_where(d > 0, d, Inf)))
  }
  wide <- nrow(z) < ncol(z)
  r <- qr.mlx(if (wide) t(z) else z)$R
  1 / rcond.mlx(r, if (norm == "I") "I" else "O")
}

#' @rdname rcond
#' @export
kappa.mlx_qr <- function(z, ...) 1 / rcond.mlx(z$R, ...)
