# R values to MLX arrays and back.

#' Make an mlx array from R values
#'
#' The array holds the same elements at the same indices: `as_mlx(m)[i, j]` is `m[i, j]`.
#'
#' @param x A logical, integer, double or complex vector, matrix or array, a `bit64::integer64`
#'   vector, a raw vector, a data frame (or tibble) of numeric columns, a matrix of the package
#'   Matrix (sparse ones become dense, with a message of class `rmlx_message_dense`), a NumPy or
#'   MLX array of [python], or an mlx array. One number without `dim` gives a 0-d array, other
#'   vectors without `dim` 1-d ones.
#' @param dtype One of `"bool"`, `"uint8"`, `"uint16"`, `"uint32"`, `"uint64"`, `"int8"`,
#'   `"int16"`, `"int32"`, `"int64"`, `"float16"`, `"bfloat16"`, `"float32"`, `"float64"`,
#'   `"complex64"`. `NULL`: bool for logical, complex64 for complex, int64 for integer64, uint8 for
#'   raw, and `getOption("rmlx.dtype", "float32")` for other numbers, integers included.
#' @param device `"cpu"`, `"gpu"`, a stream, or `NULL` for the default device ([mlx_device()]).
#' @return An object of class `mlx`. An mlx array comes back as it is unless another dtype or
#'   device is asked for.
#'
#' @section Missing and unfitting values:
#' A numeric `NA` becomes `NaN`. `NA` is an error for bool and integer dtypes, and so is a number
#' outside an integer dtype's range; fractions are cut as by `as.integer()`.
#'
#' @section float64:
#' `"float64"` is real double precision. MLX has it on the CPU only; asking for it on a gpu is an
#' error.
#' @examples
#' x <- as_mlx(matrix(1:6, 2, 3))
#' x
#' as_mlx(pi, dtype = "float64")
#' as_mlx(c(TRUE, FALSE))
#' @seealso [mlx_cast()], [as_r()], [mlx_array()]
#' @export
as_mlx <- function(x, dtype = NULL, device = NULL) {
  if (is_mlx(x)) {
    if (is.null(dtype) && is.null(device)) return(x)
    return(.Call(C_cast, x, dtype, device))
  }
  if (is.object(x)) {
    if (is.data.frame(x)) {
      x <- numeric_columns(x, dtype, device)
      if (is_mlx(x)) return(x)
    }
    if (is_matrix_package(x)) x <- dense_matrix(x)
    if (is_python(x)) return(from_python(x, dtype, device))
  }
  if (is.raw(x)) {
    if (is.null(dtype)) dtype <- "uint8"
    x <- array_like(as.integer(x), x)
  }
  .Call(C_from_vector, x, dtype, device, NULL)
}

`%||%` <- function(x, y) if (is.null(x)) y else x

array_like <- function(values, x) {
  dim(values) <- dim(x)
  values
}

is_number_column <- function(x) {
  (is.numeric(x) || is.logical(x)) && (!is.object(x) || inherits(x, "integer64") || is_mlx(x))
}

not_numeric <- function(names) {
  one <- length(names) == 1L
  paste0(if (one) "column " else "columns ", paste0("`", names, "`", collapse = ", "),
         if (one) " is not numeric" else " are not numeric")
}

# The matrix of a data frame: an mlx array if a column is more than an R number.
numeric_columns <- function(x, dtype, device) {
  fine <- vapply(x, is_number_column, NA)
  if (!all(fine)) {
    rmlx_abort(
      c(paste0("Cannot convert object of class data.frame to mlx: ", not_numeric(names(x)[!fine]), "."),
        i = "model.matrix() turns factors into numbers."),
      "argument"
    )
  }
  if (any(vapply(x, is.object, NA))) {
    out <- do.call(cbind, lapply(x, as_mlx, dtype = dtype, device = device))
    if (.row_names_info(x) >= 0L) rownames(out) <- row.names(x)
    return(out)
  }
  out <- as.matrix(x)
  if (.row_names_info(x) < 0L) rownames(out) <- NULL
  out
}

#' Cast an mlx array to another dtype
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param dtype A dtype's name, see [as_mlx()].
#' @return `x` as an mlx array of that dtype. Floats become integers by cutting their fraction.
#'   Casts between floating dtypes are differentiable. Casting is lazy, so nothing checks the values:
#'   what an integer dtype cannot hold wraps or becomes arbitrary, and complex numbers lose their
#'   imaginary part. (`as_mlx()` of plain R numbers does check.)
#' @examples
#' mlx_cast(as_mlx(c(1.5, 2.5)), "float64")
#' @export
mlx_cast <- function(x, dtype) {
  if (is_mlx(x)) .Call(C_cast, x, dtype, NULL) else as_mlx(x, dtype = dtype)
}

#' Is it an mlx array?
#'
#' @param x Anything.
#' @return `TRUE` or `FALSE`.
#' @examples
#' is_mlx(as_mlx(1))
#' is_mlx(1)
#' @export
is_mlx <- function(x) .Call(C_is_mlx, x)

#' mlx arrays as R values
#'
#' These evaluate the array and copy its values to R, in R's column-major order. Inside a function
#' that is being differentiated they are an error of class `rmlx_error_tape` for values that depend
#' on its arguments: a plain number carries no gradient.
#'
#' bool gives logical, dtypes of integers up to 32 bits (but uint32) integer, complex64 complex, all
#' others double. int64 and uint64 values beyond 2^53 are not all doubles: a warning of class
#' `rmlx_warning_precision` says so (`bit64::as.integer64()` keeps int64 exact), and one tells that
#' int32's smallest value is R's `NA`.
#'
#' @param x An mlx array.
#' @param mode A type as in [base::as.vector()].
#' @param nm The column's name, for an array without one.
#' @param ... Not used, or passed on to base R.
#' @return `as_r()` and `as.array()`: an R array with `dim` and `dimnames` from rank 2 on, else a
#'   plain vector. `mlx_item()`: the only element. `as.matrix()`: a matrix; arrays of another rank
#'   become one column, with a warning. `as.vector()`, `as.numeric()`, ...: a plain vector.
#'   `as.list()`: a list of 0-d arrays for rank 1 (so that loops stay on the tape), else of plain
#'   values.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' as.matrix(x)
#' as.vector(x)
#' as.numeric(sum(x))
#' @name as_r
#' @export
as_r <- function(x) {
  if (!is_mlx(x)) return(x)
  as.array.mlx(x)
}

#' @rdname as_r
#' @export
mlx_item <- function(x) {
  if (length(check_mlx(x)) != 1L) {
    rmlx_abort(paste0("mlx_item() takes an array of one element; this one has ", length(x), "."),
               "shape")
  }
  as.vector.mlx(x)
}

plain_values <- function(x, traced = FALSE) {
  out <- .Call(C_values, x, as.integer(traced))
  if (is.double(out)) warn_beyond_double(x, out)
  if (is.integer(out) && .Call(C_na_made)) {
    rmlx_warn("int32's smallest value, -2147483648, is NA among R's integers.", "precision")
  }
  out
}

warn_beyond_double <- function(x, values) {
  dtype <- mlx_dtype(x)
  if (!dtype %in% c("int64", "uint64")) return()
  # 2^53 + 1 is the double 2^53: where values reach that far, MLX compares the integers
  if (any(values >= 2^53) && any(x > 2^53) || any(values <= -2^53) && any(x < -2^53)) {
    rmlx_warn(
      c("Values beyond 2^53 were rounded: R's doubles do not hold every 64-bit integer.",
        i = "bit64::as.integer64() keeps int64 values exact."),
      "precision"
    )
  }
}

# The R object with shape, names and the user's own attributes.
r_object <- function(x, traced = FALSE) {
  if (!is_mlx(x)) return(unclass(x))
  out <- plain_values(x, traced)
  kept <- attributes(x)
  kept$class <- NULL
  kept$rmlx_was_plain <- NULL
  if (length(mlx_shape(x)) < 2L) kept <- kept["names"]
  attributes(out) <- kept
  out
}

#' @rdname as_r
#' @export
as.array.mlx <- function(x, ...) r_object(x)

#' @rdname as_r
#' @export
as.matrix.mlx <- function(x, ...) {
  out <- r_object(x)
  if (length(dim(out)) == 2L) return(out)
  warning("Converting array to 1-column matrix", call. = FALSE)
  names <- if (is.null(dim(out))) names(out)
  matrix(as.vector(out), ncol = 1L, dimnames = if (!is.null(names)) list(names, NULL))
}

#' @rdname as_r
#' @export
as.vector.mlx <- function(x, mode = "any") {
  if (!is_mlx(x)) return(as.vector(unclass(x), mode))
  if (check_string(mode, "mode") == "list") return(as.list.mlx(x))
  out <- plain_values(x)
  if (mode == "any") return(out)
  tryCatch(as.vector(out, mode), error = function(e) {
    rmlx_abort(paste0("`mode` is \"", mode, "\", which is no type of vector: see ?as.vector."),
               "argument")
  })
}

#' @rdname as_r
#' @export
as.double.mlx <- function(x, ...) .Call(C_float_values, x) %||% as.double(as.vector.mlx(x))

#' @rdname as_r
#' @export
as.integer.mlx <- function(x, ...) as.integer(as.vector.mlx(x))

#' @rdname as_r
#' @export
as.logical.mlx <- function(x, ...) as.logical(as.vector.mlx(x))

#' @rdname as_r
#' @export
as.complex.mlx <- function(x, ...) as.complex(as.vector.mlx(x))

#' @rdname as_r
#' @export
as.character.mlx <- function(x, ...) as.character(as.vector.mlx(x))

#' @rdname as_r
#' @export
as.list.mlx <- function(x, ...) {
  if (!is_mlx(x)) return(as.list(unclass(x)))
  if (length(mlx_shape(x)) != 1L) return(as.list(plain_values(x)))
  out <- lapply(seq_along(x), function(i) .Call(C_reshape, x[i], integer(), FALSE))
  names(out) <- names(x)
  out
}

#' @rdname as_r
#' @export
as.data.frame.mlx <- function(x, ..., nm = deparse1(substitute(x))) {
  out <- r_object(x)
  if (is.null(dim(out))) as.data.frame(out, ..., nm = nm) else as.data.frame(out, ...)
}

# Registered when bit64 is loaded: see .onLoad's hook in NAMESPACE (delayed S3 registration).
#' @exportS3Method bit64::as.integer64
as.integer64.mlx <- function(x, ...) {
  dtype <- mlx_dtype(x)
  # bit64 knows what of floats does not fit
  if (is_floating(x)) return(bit64::as.integer64(as.vector.mlx(x)))
  wide <- .Call(C_cast, x, "int64", NULL)
  if (dtype == "uint64" && any(wide < 0L)) {
    rmlx_abort("a value beyond 2^63 - 1 is more than integer64 holds.", "dtype")
  }
  structure(.Call(C_values_integer64, wide), class = "integer64")
}
