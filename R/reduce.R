# Reductions: R's Summary group and mlx_* functions over axes.

#' Reduce an array over axes
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param axes Axes to reduce: 1 is the first, -1 the last; `NULL` all.
#' @param drop Whether the reduced axes disappear (`TRUE`) or stay with extent 1.
#' @param na.rm Whether NaN is left out.
#' @param ddof Subtracted from the number of elements in the divisor: 0 for the population's
#'   variance, 1 for R's [var()] and [sd()].
#' @return An mlx array, 0-d when all axes go. Bools count as float32; sums of integers stay
#'   integers; means and variances of integers are float32. `mlx_all()` and `mlx_any()` give bool,
#'   `mlx_count_nonzero()` int32.
#' @details `mlx_sd()` is R's standard deviation (`ddof = 1`), `mlx_std()` Python's (`ddof = 0`).
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' mlx_sum(x)
#' mlx_mean(x, axes = 2)
#' mlx_max(x, axes = 1, drop = FALSE)
#' mlx_sd(x, axes = -1)
#' @name mlx_reduce
NULL

reduce <- function(routine, x, axes, drop, na.rm = FALSE) {
  .Call(routine, x, check_axes(axes), !check_flag(drop, "drop"), na.rm)
}

#' @rdname mlx_reduce
#' @export
mlx_sum <- function(x, axes = NULL, drop = TRUE, na.rm = FALSE) {
  reduce(C_sum, x, axes, drop, check_flag(na.rm, "na.rm"))
}

#' @rdname mlx_reduce
#' @export
mlx_prod <- function(x, axes = NULL, drop = TRUE, na.rm = FALSE) {
  reduce(C_prod, x, axes, drop, check_flag(na.rm, "na.rm"))
}

#' @rdname mlx_reduce
#' @export
mlx_max <- function(x, axes = NULL, drop = TRUE, na.rm = FALSE) {
  reduce(C_max, x, axes, drop, check_flag(na.rm, "na.rm"))
}

#' @rdname mlx_reduce
#' @export
mlx_min <- function(x, axes = NULL, drop = TRUE, na.rm = FALSE) {
  reduce(C_min, x, axes, drop, check_flag(na.rm, "na.rm"))
}

#' @rdname mlx_reduce
#' @export
mlx_mean <- function(x, axes = NULL, drop = TRUE, na.rm = FALSE) {
  reduce(C_mean, x, axes, drop, check_flag(na.rm, "na.rm"))
}

#' @rdname mlx_reduce
#' @export
mlx_all <- function(x, axes = NULL, drop = TRUE) reduce(C_all, x, axes, drop)

#' @rdname mlx_reduce
#' @export
mlx_any <- function(x, axes = NULL, drop = TRUE) reduce(C_any, x, axes, drop)

#' @rdname mlx_reduce
#' @export
mlx_count_nonzero <- function(x, axes = NULL, drop = TRUE) reduce(C_count_nonzero, x, axes, drop)

#' @rdname mlx_reduce
#' @export
mlx_var <- function(x, axes = NULL, drop = TRUE, ddof = 0L) variance(x, axes, drop, ddof, FALSE)

#' @rdname mlx_reduce
#' @export
mlx_std <- function(x, axes = NULL, drop = TRUE, ddof = 0L) variance(x, axes, drop, ddof, TRUE)

#' @rdname mlx_reduce
#' @export
mlx_sd <- function(x, axes = NULL, drop = TRUE, ddof = 1L) variance(x, axes, drop, ddof, TRUE)

variance <- function(x, axes, drop, ddof, root) {
  check_number(ddof, "ddof")
  .Call(C_variance, x, check_axes(axes), !check_flag(drop, "drop"), as.double(ddof), root)
}

#' log(sum(exp(x))) and softmax
#'
#' Computed without overflow, over the given axes jointly.
#'
#' @inheritParams mlx_reduce
#' @param precise Whether float16 and bfloat16 accumulate in float32.
#' @return `mlx_logsumexp()`: an array without the axes (or with extents of 1). `mlx_softmax()`:
#'   `exp(x) / sum(exp(x))`, of the shape of `x`.
#' @examples
#' x <- as_mlx(c(1000, 1001))
#' mlx_logsumexp(x)
#' mlx_softmax(x)
#' @export
mlx_logsumexp <- function(x, axes = NULL, drop = TRUE) reduce(C_logsumexp, x, axes, drop)

#' @rdname mlx_logsumexp
#' @export
mlx_softmax <- function(x, axes = NULL, precise = FALSE) {
  .Call(C_softmax, x, check_axes(axes), check_flag(precise, "precise"))
}

#' Summaries of mlx arrays
#'
#' @param x An mlx array.
#' @param ... More arrays, reduced with `x`; or `axes =` and `drop =` of [mlx_sum()], for `x` alone.
#'   `mean()` has no `trim`.
#' @param na.rm Whether NaN is left out.
#' @return `sum()`, `prod()`, `max()`, `min()`, `mean()`: a 0-d mlx array. `range()`: a 1-d one of
#'   two. `all()`, `any()`: an R logical, since they are made to branch on: they evaluate.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' sum(x)
#' range(x)
#' mean(x)
#' any(x > 5)
#' sum(x, axes = 1)
#' @name mlx_summary
NULL

# Reduces x and the arrays in ..., then the results with each other.
summarise <- function(one, join, x, dots, na.rm) {
  named <- names(dots) %in% c("axes", "axis", "drop")
  if (any(named)) {
    if (!all(named)) {
      rmlx_abort("axes/drop arguments are only supported when reducing a single array.", "argument")
    }
    return(one(x, axes = dots$axes %||% dots$axis, drop = dots$drop %||% TRUE, na.rm = na.rm))
  }
  out <- one(x, na.rm = na.rm)
  for (more in dots) if (!is.null(more)) out <- join(out, one(more, na.rm = na.rm))
  out
}

#' @rdname mlx_summary
#' @export
sum.mlx <- function(x, ..., na.rm = FALSE) {
  if (...length() == 0L) return(.Call(C_sum, x, NULL, FALSE, na.rm))
  summarise(mlx_sum, `+`, x, list(...), na.rm)
}

#' @rdname mlx_summary
#' @export
prod.mlx <- function(x, ..., na.rm = FALSE) summarise(mlx_prod, `*`, x, list(...), na.rm)

#' @rdname mlx_summary
#' @export
max.mlx <- function(x, ..., na.rm = FALSE) {
  warn_empty("max", "-Inf", x, ...)
  summarise(mlx_max, mlx_maximum, x, list(...), na.rm)
}

#' @rdname mlx_summary
#' @export
min.mlx <- function(x, ..., na.rm = FALSE) {
  warn_empty("min", "Inf", x, ...)
  summarise(mlx_min, mlx_minimum, x, list(...), na.rm)
}

warn_empty <- function(what, value, x, ...) {
  if (length(x) == 0L && all(lengths(list(...)) == 0L)) {
    warning("no non-missing arguments to ", what, "; returning ", value, call. = FALSE)
  }
}

#' @rdname mlx_summary
#' @export
range.mlx <- function(x, ..., na.rm = FALSE) {
  dots <- list(...)
  if (length(dots) > 0L) x <- do.call(c.mlx, c(list(x), dots), quote = TRUE)
  warn_empty("min", "Inf", x)
  warn_empty("max", "-Inf", x)
  .Call(C_value_range, x, na.rm)
}

#' @rdname mlx_summary
#' @export
all.mlx <- function(x, ..., na.rm = FALSE) {
  truth(function(z) .Call(C_all, z, NULL, FALSE, na.rm), list(x, ...), na.rm, all)
}

#' @rdname mlx_summary
#' @export
any.mlx <- function(x, ..., na.rm = FALSE) {
  truth(function(z) .Call(C_any, z, NULL, FALSE, na.rm), list(x, ...), na.rm, any)
}

truth <- function(one, parts, na.rm, join) {
  join(vapply(parts, function(part) {
    if (is_mlx(part)) return(as.logical(one(part)))
    if (is.object(part) || !(is.numeric(part) || is.logical(part) || is.null(part))) {
      rmlx_abort(paste0("truth is asked of an object of class ", class(part)[[1L]],
                        ": give logical or numeric vectors, or mlx arrays."), "argument")
    }
    join(part, na.rm = na.rm)
  }, NA), na.rm = na.rm)
}

#' @rdname mlx_summary
#' @export
mean.mlx <- function(x, ..., na.rm = FALSE) {
  if (...length() == 0L) return(.Call(C_mean, x, NULL, FALSE, na.rm))
  dots <- list(...)
  reducing <- names(dots) %in% c("axes", "axis", "drop")
  if (length(reducing) < length(dots) || !all(reducing)) {
    rmlx_abort("mean() of an mlx array takes `na.rm`, `axes` and `drop`; there is no `trim`.",
               "argument")
  }
  mlx_mean(x, axes = dots$axes %||% dots$axis, drop = dots$drop %||% TRUE, na.rm = na.rm)
}

#' Sums and means of rows and columns
#'
#' Base R's functions as generics, with methods for mlx arrays; any other object goes to base R.
#'
#' @param x An array of rank 2 or more.
#' @param na.rm Whether NaN is left out.
#' @param dims How many leading axes count as rows, see [base::colSums()].
#' @param ... Passed on to methods.
#' @return An mlx array of the axes that are left, with their dimnames.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' rowSums(x)
#' colMeans(x)
#' rowSums(matrix(1:4, 2))
#' @export
rowSums <- function(x, ...) UseMethod("rowSums")

#' @rdname rowSums
#' @export
colSums <- function(x, ...) UseMethod("colSums")

#' @rdname rowSums
#' @export
rowMeans <- function(x, ...) UseMethod("rowMeans")

#' @rdname rowSums
#' @export
colMeans <- function(x, ...) UseMethod("colMeans")

#' @export
rowSums.default <- function(x, ...) base::rowSums(x, ...)

#' @export
colSums.default <- function(x, ...) base::colSums(x, ...)

#' @export
rowMeans.default <- function(x, ...) base::rowMeans(x, ...)

#' @export
colMeans.default <- function(x, ...) base::colMeans(x, ...)

#' @rdname rowSums
#' @export
rowSums.mlx <- function(x, na.rm = FALSE, dims = 1L, ...) {
  reduce(C_sum, x, trailing_axes(x, dims), TRUE, check_flag(na.rm, "na.rm"))
}

#' @rdname rowSums
#' @export
colSums.mlx <- function(x, na.rm = FALSE, dims = 1L, ...) {
  reduce(C_sum, x, leading_axes(x, dims), TRUE, check_flag(na.rm, "na.rm"))
}

#' @rdname rowSums
#' @export
rowMeans.mlx <- function(x, na.rm = FALSE, dims = 1L, ...) {
  reduce(C_mean, x, trailing_axes(x, dims), TRUE, check_flag(na.rm, "na.rm"))
}

#' @rdname rowSums
#' @export
colMeans.mlx <- function(x, na.rm = FALSE, dims = 1L, ...) {
  reduce(C_mean, x, leading_axes(x, dims), TRUE, check_flag(na.rm, "na.rm"))
}

leading_axes <- function(x, dims) {
  rank <- length(mlx_shape(x))
  if (rank < 2L) rmlx_abort("'x' must be an array of at least two dimensions", "shape")
  dims <- check_count(dims, "dims", 1)
  if (dims >= rank) rmlx_abort(paste0("invalid 'dims': ", dims, " for rank ", rank, "."), "index")
  seq_len(dims)
}

trailing_axes <- function(x, dims) {
  first <- leading_axes(x, dims)
  setdiff(seq_along(mlx_shape(x)), first)
}
