# What is known of dtypes.

# Kind and bits of every dtype.
dtype_table <- data.frame(
  kind = c("bool", rep("unsignedinteger", 4L), rep("signedinteger", 4L), rep("floating", 4L),
           "complexfloating"),
  bits = c(8L, 8L, 16L, 32L, 64L, 8L, 16L, 32L, 64L, 16L, 16L, 32L, 64L, 64L),
  row.names = c("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
                "float16", "bfloat16", "float32", "float64", "complex64")
)

# What a kind is a part of, innermost first.
dtype_parents <- list(
  bool = c("bool", "generic"),
  unsignedinteger = c("unsignedinteger", "integer", "number", "generic"),
  signedinteger = c("signedinteger", "integer", "number", "generic"),
  floating = c("floating", "inexact", "number", "generic"),
  complexfloating = c("complexfloating", "inexact", "number", "generic"),
  integer = c("integer", "number", "generic"),
  inexact = c("inexact", "number", "generic"),
  number = c("number", "generic"),
  generic = "generic"
)

check_dtype <- function(dtype) {
  if (is_mlx(dtype)) return(mlx_dtype(dtype))
  if (!is.character(dtype) || length(dtype) != 1L || !dtype %in% rownames(dtype_table)) {
    rmlx_abort(paste0("`dtype` must be an mlx array or one of ",
                      paste(rownames(dtype_table), collapse = ", "), "."), "dtype")
  }
  dtype
}

#' Dtypes: their kinds, sizes and limits
#'
#' @param dtype,from,to A dtype's name, see [as_mlx()], or an mlx array, which stands for its own.
#' @param kind A category: `"generic"`, `"number"`, `"integer"`, `"signedinteger"`,
#'   `"unsignedinteger"`, `"inexact"`, `"floating"`, `"complexfloating"`; or a dtype's name; in
#'   `mlx_isdtype()` also the array API's `"bool"`, `"signed integer"`, `"unsigned integer"`,
#'   `"integral"`, `"real floating"`, `"complex floating"` and `"numeric"`.
#' @param x An mlx array.
#' @param ... mlx arrays, R vectors (which are weak) and dtypes' names.
#' @return
#'   - `mlx_dtype_size()`, `mlx_itemsize()`: bytes of one element. `mlx_ndim()`: how many axes.
#'   - `mlx_issubdtype()`, `mlx_isdtype()`: `TRUE` or `FALSE`.
#'   - `mlx_can_cast()`: whether `to` holds every value of `from`, in kind: bool to anything, integers
#'     to larger integers, floats to larger floats, anything to complex.
#'   - `mlx_result_type()`: the name of the dtype that they are promoted to.
#'   - `mlx_finfo()`: list(dtype, bits, eps, min, max, smallest_normal); `mlx_iinfo()`: list(dtype,
#'     bits, min, max), the limits as doubles, so those of 64 bits rounded.
#' @examples
#' mlx_dtype_size("float64")
#' mlx_issubdtype("int8", "integer")
#' mlx_result_type(as_mlx(1:2, dtype = "int32"), "float32")
#' mlx_finfo("float32")$eps
#' mlx_iinfo("int8")$max
#' @name mlx_dtypes
NULL

#' @rdname mlx_dtypes
#' @export
mlx_dtype_size <- function(dtype) dtype_table[check_dtype(dtype), "bits"] %/% 8L

#' @rdname mlx_dtypes
#' @export
mlx_itemsize <- function(x) mlx_dtype_size(mlx_dtype(x))

#' @rdname mlx_dtypes
#' @export
mlx_ndim <- function(x) length(mlx_shape(x))

#' @rdname mlx_dtypes
#' @export
mlx_issubdtype <- function(dtype, kind) {
  check_kinds(kind)
  if (is.character(dtype) && length(dtype) == 1L && dtype %in% names(dtype_parents) &&
        dtype != "bool") {
    return(kind %in% dtype_parents[[dtype]])
  }
  dtype <- check_dtype(dtype)
  kind %in% c(dtype, dtype_parents[[dtype_table[dtype, "kind"]]])
}

#' @rdname mlx_dtypes
#' @export
mlx_isdtype <- function(dtype, kind) {
  check_kinds(kind)
  array_api <- c("signed integer" = "signedinteger", "unsigned integer" = "unsignedinteger",
                 integral = "integer", "real floating" = "floating",
                 "complex floating" = "complexfloating", numeric = "number")
  known <- kind %in% names(array_api)
  kind[known] <- array_api[kind[known]]
  any(vapply(kind, function(one) mlx_issubdtype(dtype, one), NA))
}

#' @rdname mlx_dtypes
#' @export
mlx_can_cast <- function(from, to) {
  from <- check_dtype(from)
  to <- check_dtype(to)
  from == to || mlx_result_type(from, to) == to
}

#' @rdname mlx_dtypes
#' @export
mlx_result_type <- function(...) {
  parts <- lapply(list(...), function(x) {
    if (is.character(x)) .Call(C_from_vector, 0, check_dtype(x), "cpu", integer()) else x
  })
  .Call(C_common_dtype, unname(parts))
}

#' @rdname mlx_dtypes
#' @export
mlx_finfo <- function(dtype) {
  dtype <- check_dtype(dtype)
  # bits of the fraction, largest and smallest exponent
  form <- switch(dtype,
    float16 = c(10, 15, -14), bfloat16 = c(7, 127, -126), float32 = c(23, 127, -126),
    complex64 = c(23, 127, -126), float64 = c(52, 1023, -1022),
    rmlx_abort(paste0(dtype, " is no floating-point dtype: see mlx_iinfo()."), "dtype")
  )
  max <- (2 - 2^-form[1L]) * 2^form[2L]
  list(dtype = dtype, bits = dtype_table[dtype, "bits"], eps = 2^-form[1L], min = -max, max = max,
       smallest_normal = 2^form[3L])
}

#' @rdname mlx_dtypes
#' @export
mlx_iinfo <- function(dtype) {
  dtype <- check_dtype(dtype)
  bits <- dtype_table[dtype, "bits"]
  limits <- switch(dtype_table[dtype, "kind"],
    signedinteger = c(-2^(bits - 1L), 2^(bits - 1L) - 1),
    unsignedinteger = c(0, 2^bits - 1),
    rmlx_abort(paste0(dtype, " is no integer dtype: see mlx_finfo()."), "dtype")
  )
  list(dtype = dtype, bits = bits, min = limits[1L], max = limits[2L])
}

check_kinds <- function(kind) {
  if (!is.character(kind) || anyNA(kind)) {
    rmlx_abort("`kind` must be strings: names of dtypes or of their categories.", "argument")
  }
}
