# Differences, variances, correlations, standardised columns, sums of groups.

#' Lagged differences
#'
#' @param x An mlx array.
#' @param lag Distance of the elements that are subtracted.
#' @param differences,n How often.
#' @param axis The axis, from 1, or from the last with -1.
#' @param ... Not used.
#' @return An mlx array, shorter by `lag * differences` (or `n`) along the axis: `diff()` takes rows of a
#'   matrix, as base R does.
#' @examples
#' diff(as_mlx(c(1, 4, 9)))
#' mlx_diff(as_mlx(matrix(1:6, 2)))
#' @export
mlx_diff <- function(x, n = 1L, axis = -1L) {
  x <- as_mlx(x)
  difference(x, 1L, check_count(n, "n"), resolve_axis(x, axis))
}

#' @rdname mlx_diff
#' @export
diff.mlx <- function(x, lag = 1L, differences = 1L, ...) {
  lag <- check_count(lag, "lag", 1)
  differences <- check_count(differences, "differences", 1)
  if (length(mlx_shape(x)) == 0L) x <- .Call(C_reshape, x, 1L, FALSE)
  if (lag * differences >= mlx_shape(x)[1L]) return(along(x, integer(), 1L))
  difference(x, lag, differences, 1L)
}

difference <- function(x, lag, times, axis) {
  for (i in seq_len(times)) {
    n <- max(mlx_shape(x)[axis] - lag, 0L)
    if (n == 0L) return(along(x, integer(), axis))
    x <- along(x, lag + seq_len(n), axis) - along(x, seq_len(n), axis)
  }
  x
}

#' Variance, standard deviation and correlation
#'
#' Base R's functions, for mlx arrays too; everything else goes to \pkg{stats}. Divisors are n - 1, and
#' everything is on the gradient's tape. [mlx_var()] and [mlx_sd()] work along axes.
#'
#' @param x,y mlx vectors, or matrices with variables in columns (an array of more axes counts as a vector);
#'   `y = NULL`: `x` itself.
#' @param na.rm,use,method For \pkg{stats}; of mlx arrays NaN is not left out, and correlations are
#'   Pearson's. `sd(na.rm = TRUE)` leaves NaN out.
#' @return An mlx array: 0-d of vectors, else the matrix of the columns of `x` by those of `y`.
#' @examples
#' x <- as_mlx(c(1, 2, 4))
#' var(x)
#' sd(x)
#' cor(x, c(1, 3, 4))
#' @export
var <- function(x, y = NULL, na.rm = FALSE, use) {
  if (!is_mlx(x) && !is_mlx(y)) {
    return(if (missing(use)) stats::var(x, y, na.rm) else stats::var(x, y, na.rm, use))
  }
  if (na.rm) {
    rmlx_abort("var(na.rm = TRUE) is not supported for mlx arrays. Leave NaN out before, as in x[!is.nan(x)].",
               "argument")
  }
  covariance(x, y)
}

#' @rdname var
#' @export
cov <- function(x, y = NULL, use = "everything", method = c("pearson", "kendall", "spearman")) {
  method <- match.arg(method)
  if (!is_mlx(x) && !is_mlx(y)) return(stats::cov(x, y, use, method))
  check_pearson(method, use, x, y)
  covariance(x, y)
}

# Of what stats computes for numbers: Pearson's, of all of it.
check_pearson <- function(method, use, x, y) {
  if (method != "pearson" || use != "everything") {
    rmlx_abort("of mlx arrays there are Pearson's covariances and correlations only: leave out `method` and `use`.",
               "argument")
  }
  if (is.null(y) && length(mlx_shape(x)) != 2L) {
    rmlx_abort("supply both 'x' and 'y' or a matrix-like 'x'", "argument")
  }
}

# Of no rows 0 / 0, as of one.
covariance <- function(x, y) by_columns(x, y, centred, max(dim(columns(x))[1L] - 1, 0))

#' @rdname var
#' @export
sd <- function(x, na.rm = FALSE) {
  if (!is_mlx(x)) return(stats::sd(x, na.rm))
  mlx_sd(if (na.rm) without_nan(x) else x)
}

#' @rdname var
#' @export
cor <- function(x, y = NULL, use = "everything", method = c("pearson", "kendall", "spearman")) {
  method <- match.arg(method)
  if (!is_mlx(x) && !is_mlx(y)) return(stats::cor(x, y, use, method))
  check_pearson(method, use, x, y)
  unit <- function(z) {
    z <- centred(z)
    z / sqrt(mlx_sum(mlx_square(z), axes = 1L, drop = FALSE))
  }
  rows <- dim(columns(x))[1L]
  out <- by_columns(x, y, unit, min(rows, 1))
  if (!is.null(y) || rows < 2L) return(out)
  # a variable with itself, also where it does not vary
  mlx_where(mlx_eye(dim(out)[1L], dtype = "bool", device = mlx_device(out)), 1, out)
}

# A matrix as it is, the elements of any other array as one column.
columns <- function(x) {
  x <- as_mlx(x)
  if (length(mlx_shape(x)) != 2L) .Call(C_reshape, x, c(length(x), 1L), TRUE) else x
}

centred <- function(x) {
  x <- columns(x)
  x - mlx_mean(x, axes = 1L, drop = FALSE)
}

by_columns <- function(x, y, prepare, divisor) {
  if (is.null(y)) y <- x
  arrays <- paired(x, y)
  x <- arrays[[1L]]
  y <- arrays[[2L]]
  if (dim(columns(x))[1L] != dim(columns(y))[1L]) {
    rmlx_abort(paste0("incompatible dimensions: 'x' has ", dim(columns(x))[1L], " rows, 'y' has ",
                      dim(columns(y))[1L], "."), "shape")
  }
  vectors <- length(mlx_shape(x)) != 2L && length(mlx_shape(y)) != 2L
  out <- crossprod.mlx(prepare(x), prepare(y)) / divisor
  if (vectors) .Call(C_reshape, out, integer(), FALSE) else out
}

#' Standardise columns
#'
#' As [base::scale()]: columns are centred by their means and divided by their standard deviations (or,
#' if not centred, by their root mean squares, with divisor n - 1), or by given numbers. Means and squares
#' leave NaN out, which stays where it is.
#'
#' @param x A matrix; a vector counts as one column.
#' @param center,scale `TRUE`, `FALSE`, or one number for each column (or for all).
#' @return An mlx matrix with attributes `scaled:center` and `scaled:scale`: 1 x p mlx arrays where they
#'   were computed, the numbers where they were given.
#' @examples
#' scale(as_mlx(matrix(c(1, 2, 3, 6), 2)))
#' @export
scale.mlx <- function(x, center = TRUE, scale = TRUE) {
  if (length(mlx_shape(x)) < 2L) x <- columns(x)
  if (length(mlx_shape(x)) != 2L) {
    rmlx_abort(paste0("scale() takes a matrix; the shape is ", paste(mlx_shape(x), collapse = " x "), "."), "shape")
  }
  check_numbers(center, "center")
  check_numbers(scale, "scale")
  x <- as_floating(x)
  there <- !is.nan(x)
  if (isTRUE(center)) {
    # the second mean is exactly 1 where nothing is NaN
    center <- mlx_mean(mlx_where(there, x, 0), axes = 1L, drop = FALSE) /
      mlx_mean(mlx_cast(there, mlx_dtype(x)), axes = 1L, drop = FALSE)
  }
  if (!isFALSE(center)) x <- x - per_column(center, x, "center")
  if (isTRUE(scale)) {
    there <- !is.nan(x)
    counts <- mlx_cast(mlx_count_nonzero(there, axes = 1L, drop = FALSE), mlx_dtype(x))
    squares <- mlx_sum(mlx_square(mlx_where(there, x, 0)), axes = 1L, drop = FALSE)
    scale <- safe_root(squares / mlx_maximum(counts - 1, 1))
  }
  if (!isFALSE(scale)) x <- x / per_column(scale, x, "scale")
  if (!isFALSE(center)) attr(x, "scaled:center") <- center
  if (!isFALSE(scale)) attr(x, "scaled:scale") <- scale
  x
}

# The square root, with the gradient 0 at 0.
safe_root <- function(x) {
  flat <- x == 0
  mlx_where(flat, 0, sqrt(mlx_where(flat, 1, x)))
}

per_column <- function(values, x, name) {
  if (!length(values) %in% c(1L, dim(x)[2L])) {
    rmlx_abort(paste0("length of '", name, "' must equal the number of columns of 'x': it is ", length(values),
                      ", not ", dim(x)[2L], "."), "shape")
  }
  if (is_mlx(values)) values else as.vector(values)
}

#' Sums of rows by group
#'
#' @param x An mlx vector or matrix.
#' @param group One group for each row.
#' @param reorder Whether groups are sorted, or come as they first appear.
#' @param na.rm Whether NaN is left out.
#' @param ... Not used.
#' @return An mlx matrix with one row for each group, named by it.
#' @examples
#' rowsum(as_mlx(matrix(1:6, 3)), c("a", "b", "a"))
#' @export
rowsum.mlx <- function(x, group, reorder = TRUE, na.rm = FALSE, ...) {
  if (length(mlx_shape(x)) < 2L) x <- columns(x)
  if (mlx_dtype(x) == "bool") x <- mlx_cast(x, "float32")
  group <- settled(group)
  if (!is.atomic(group)) rmlx_abort("`group` must be a vector.", "argument")
  group <- as.vector(group)
  if (length(group) != dim(x)[1L]) {
    rmlx_abort(paste0("incorrect length for 'group': ", length(group), " groups for ", dim(x)[1L], " rows."), "shape")
  }
  groups <- unique(group)
  if (check_flag(reorder, "reorder")) groups <- sort(groups, na.last = TRUE)
  if (check_flag(na.rm, "na.rm")) x <- mlx_where(is.nan(x), 0, x)
  out <- mlx_zeros(c(length(groups), dim(x)[2L]), mlx_dtype(x), mlx_device(x))
  out <- mlx_at_add(out, list(match(group, groups), TRUE), x)
  dimnames(out) <- list(as.character(groups), dimnames(x)[[2L]])
  out
}
