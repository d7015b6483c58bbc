# New arrays.

place <- function(device) device %||% mlx_default_device()

#' Arrays from data in column-major order
#'
#' @param data An atomic vector or an mlx array, in R's column-major order. In `mlx_array()` and `mlx_matrix()` it
#'   is recycled if its length divides the array's size.
#' @param dim Extents: non-negative whole numbers.
#' @param dtype A dtype's name; `NULL` chooses by the type of `data`, see [as_mlx()], and keeps that
#'   of an mlx array.
#' @param device `"cpu"`, `"gpu"` or a stream; default: [mlx_default_device()].
#' @param allow_scalar Whether `dim = integer(0)` (a 0-d array) is allowed.
#' @param nrow,ncol Extents of a matrix; one may be left out.
#' @param byrow Fill by rows, as in [base::matrix()].
#' @param value One value.
#' @return An mlx array: of shape `dim`, a matrix, 1-d (`mlx_vector()`), or 0-d (`mlx_scalar()`).
#' @examples
#' mlx_array(1:6, c(2, 3))
#' mlx_matrix(1:6, ncol = 2, byrow = TRUE)
#' mlx_vector(c(1.5, 2.5))
#' mlx_scalar(3, dtype = "float64")
#' @export
mlx_array <- function(data, dim, dtype = NULL, device = mlx_default_device(),
                      allow_scalar = FALSE) {
  data <- check_data(data)
  dim <- check_dim(dim)
  if (length(dim) == 0L) {
    if (!check_flag(allow_scalar, "allow_scalar")) {
      rmlx_abort("dim must contain at least one element. (`allow_scalar = TRUE` makes a 0-d array of one value.)",
                 "shape")
    }
    if (length(data) != 1L) {
      rmlx_abort(paste0("Scalar data must be length 1. It has length ", length(data), "."), "shape")
    }
  }
  check_divides(length(data), prod(dim))
  .Call(C_from_vector, data, dtype, device, dim)
}

# An atomic vector or an mlx array; raw bytes as uint8.
check_data <- function(data) {
  if (!is.atomic(data) || is.null(data)) {
    rmlx_abort(paste0("data must be an atomic vector. It is of class ", class(data)[[1L]], "."), "argument")
  }
  if (is.raw(data)) as_mlx(data) else data
}

check_one <- function(value) {
  if (!is.atomic(value) || length(value) != 1L) {
    rmlx_abort(paste0("value must be length 1. It is of class ", class(value)[[1L]], " and has length ",
                      length(value), "."), "argument")
  }
}

# `n` is a double and may be more than `%%` takes exactly.
check_divides <- function(length, n) {
  divides <- length == n || length == 1L || length > 0L && n < 2^53 && n %% length == 0
  if (!divides) {
    rmlx_abort(paste0("length(data) is ", length, ", which does not divide the array's size, ",
                      format(n, scientific = FALSE), "."), "shape")
  }
}

#' @rdname mlx_array
#' @export
mlx_matrix <- function(data, nrow = NULL, ncol = NULL, byrow = FALSE, dtype = NULL,
                       device = mlx_default_device()) {
  data <- check_data(data)
  if (is.null(nrow) && is.null(ncol)) {
    rmlx_abort("Provide either nrow or ncol when calling mlx_matrix().", "argument")
  }
  if (!is.null(nrow)) nrow <- check_count(nrow, "nrow")
  if (!is.null(ncol)) ncol <- check_count(ncol, "ncol")
  n <- length(data)
  if (is.null(nrow)) {
    if (ncol == 0L || n %% ncol != 0) {
      rmlx_abort(paste0("length(data) must be divisible by ncol: ", n, " elements, ", ncol, " columns."), "shape")
    }
    nrow <- n %/% ncol
  } else if (is.null(ncol)) {
    if (nrow == 0L || n %% nrow != 0) {
      rmlx_abort(paste0("length(data) must be divisible by nrow: ", n, " elements, ", nrow, " rows."), "shape")
    }
    ncol <- n %/% nrow
  }
  size <- as.double(nrow) * ncol
  if (n != size && (n == 0L || size %% n != 0)) {
    rmlx_abort(paste0("length(data) must equal nrow * ncol. It is ", n, ", for ", nrow, " x ", ncol, "."), "shape")
  }
  if (!check_flag(byrow, "byrow")) return(.Call(C_from_vector, data, dtype, device, c(nrow, ncol)))
  t(.Call(C_from_vector, data, dtype, device, c(ncol, nrow)))
}

#' @rdname mlx_array
#' @export
mlx_vector <- function(data, dtype = NULL, device = mlx_default_device()) {
  data <- check_data(data)
  if (length(data) == 0L) rmlx_abort("data must contain at least one element.", "argument")
  .Call(C_from_vector, data, dtype, device, length(data))
}

#' @rdname mlx_array
#' @export
mlx_scalar <- function(value, dtype = NULL, device = mlx_default_device()) {
  check_one(value)
  .Call(C_from_vector, check_data(value), dtype, device, integer())
}

#' Constant arrays
#'
#' `mlx_empty()` is Python's other name for zeros.
#'
#' @param dim Extents: non-negative whole numbers.
#' @param value One value.
#' @param x An mlx array, whose shape (and, unless given, dtype and device) the result takes.
#' @param dtype A dtype's name. Default: `getOption("rmlx.dtype", "float32")`; in `mlx_full()` by
#'   the type of `value`.
#' @param device `"cpu"` or `"gpu"`.
#' @return An mlx array.
#' @examples
#' mlx_zeros(c(2, 2))
#' mlx_full(3, 2.5)
#' mlx_ones_like(mlx_zeros(c(1, 2), dtype = "float64"))
#' @export
mlx_zeros <- function(dim, dtype = NULL, device = mlx_default_device()) {
  .Call(C_full, check_dim(dim), 0, dtype, device)
}

#' @rdname mlx_zeros
#' @export
mlx_empty <- mlx_zeros

#' @rdname mlx_zeros
#' @export
mlx_ones <- function(dim, dtype = NULL, device = mlx_default_device()) {
  .Call(C_full, check_dim(dim), 1, dtype, device)
}

#' @rdname mlx_zeros
#' @export
mlx_full <- function(dim, value, dtype = NULL, device = mlx_default_device()) {
  check_one(value)
  value <- check_data(value)
  if (is.null(dtype)) dtype <- .Call(C_common_dtype, list(value))
  .Call(C_full, check_dim(dim), value, dtype, device)
}

#' @rdname mlx_zeros
#' @export
mlx_zeros_like <- function(x, dtype = NULL, device = NULL) {
  x <- as_mlx(x)
  mlx_zeros(mlx_shape(x), dtype %||% mlx_dtype(x), device %||% mlx_device(x))
}

#' @rdname mlx_zeros
#' @export
mlx_empty_like <- mlx_zeros_like

#' @rdname mlx_zeros
#' @export
mlx_ones_like <- function(x, dtype = NULL, device = NULL) {
  x <- as_mlx(x)
  mlx_ones(mlx_shape(x), dtype %||% mlx_dtype(x), device %||% mlx_device(x))
}

#' @rdname mlx_zeros
#' @export
mlx_full_like <- function(x, value, dtype = NULL, device = NULL) {
  x <- as_mlx(x)
  mlx_full(mlx_shape(x), value, dtype %||% mlx_dtype(x), device %||% mlx_device(x))
}

#' Ones on a diagonal
#'
#' @param n,m Rows and columns.
#' @param k Which diagonal: 0 the main one, positive above, negative below.
#' @param dtype A dtype's name. Default: `getOption("rmlx.dtype", "float32")`.
#' @param device `"cpu"` or `"gpu"`.
#' @return An n x m mlx matrix.
#' @examples
#' mlx_eye(3)
#' mlx_eye(2, 3, k = 1)
#' mlx_identity(2, dtype = "float64")
#' @export
mlx_eye <- function(n, m = n, k = 0L, dtype = NULL, device = mlx_default_device()) {
  .Call(C_eye, check_count(n, "n"), check_count(m, "m"),
        check_offset(k, "k"), dtype, device)
}

#' @rdname mlx_eye
#' @export
mlx_identity <- function(n, dtype = NULL, device = mlx_default_device()) {
  mlx_eye(n, dtype = dtype, device = device)
}

#' Sequences
#'
#' `mlx_arange()` is like [base::seq()]: `stop` is included when a step ends on it.
#' `mlx_linspace()` gives `num` values from `start` to `stop`, both included
#' (unless `endpoint = FALSE`). Elements are computed
#' as `start + i * step` in double precision.
#'
#' @param start,stop First value and bound.
#' @param step Distance, not 0; negative to count down.
#' @param num How many.
#' @param endpoint Whether `stop` is the last value; otherwise it would be the next one.
#' @param dtype A dtype's name. Default: `getOption("rmlx.dtype", "float32")`.
#' @param device `"cpu"` or `"gpu"`.
#' @return A 1-d mlx array.
#' @examples
#' mlx_arange(1, 10, 3)
#' mlx_linspace(0, 1, 5)
#' @export
mlx_arange <- function(start, stop, step = 1, dtype = NULL, device = mlx_default_device()) {
  if (missing(stop)) {
    rmlx_abort("`stop` is missing: mlx_arange(start, stop) counts as seq() does, so mlx_arange(1, 5) is 1, 2, .., 5.",
               "argument")
  }
  start <- check_number(start, "start")
  stop <- check_number(stop, "stop")
  step <- check_number(step, "step")
  if (step == 0) rmlx_abort("`step` must not be 0.", "argument")
  # as seq(): forgive the last rounding error of (stop - start) / step
  n <- max(0, floor((stop - start) / step + 1e-10) + 1)
  .Call(C_sequence, start, step, n, NaN, dtype, device)
}

#' @rdname mlx_arange
#' @export
mlx_linspace <- function(start, stop, num = 50L, dtype = NULL, device = mlx_default_device(),
                         endpoint = TRUE) {
  start <- check_number(start, "start")
  stop <- check_number(stop, "stop")
  num <- check_count(num, "num")
  steps <- if (check_flag(endpoint, "endpoint")) num - 1L else num
  step <- if (steps > 0L) (stop - start) / steps else 0
  .Call(C_sequence, start, step, num, if (endpoint && num > 1L) stop else NaN, dtype, device)
}
