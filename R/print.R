# What an array shows of itself.

#' Print, format and describe mlx arrays
#'
#' `print()` shows shape, dtype and device, and the values of arrays of at most
#' `getOption("rmlx.max_print", 100)` elements and rank 2; larger ones are not evaluated.
#'
#' @param x,object An mlx array.
#' @param ... Passed on to base R's methods.
#' @return `print()`: `x`, invisibly. `format()`: strings in the array's shape; they carry no gradient, so
#'   inside a differentiated function it is an error of class `rmlx_error_tape`. `str()`: `NULL`,
#'   invisibly, after one line. `summary()`: as for the R values.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' print(x)
#' str(x)
#' format(x)
#' summary(x)
#' @name print.mlx
#' @export
print.mlx <- function(x, ...) {
  if (!is_mlx(x)) {
    print(unclass(x), ...)
    return(invisible(x))
  }
  shape <- mlx_shape(x)
  shown <- length(x) <= max_print() && length(shape) <= 2L
  cat("mlx array [", paste(shape, collapse = " x "), "]\n", sep = "")
  cat("  dtype: ", mlx_dtype(x), "\n", sep = "")
  cat("  device: ", mlx_device(x), "\n", sep = "")
  if (shown) {
    cat("  values:\n")
    show_values(r_object(x, traced = TRUE), ...)
  } else {
    cat("  (", format(length(x), scientific = FALSE), " elements, not shown)\n", sep = "")
  }
  invisible(x)
}

max_print <- function() {
  most <- getOption("rmlx.max_print", 100)
  if (!is.numeric(most) || length(most) != 1L || is.na(most)) {
    rmlx_abort("options(rmlx.max_print = ) must be one number, the most elements to print.", "argument")
  }
  most
}

show_values <- function(x, ..., digits = getOption("rmlx.print_precision")) {
  print(x, digits = digits, ...)
}

#' How arrays are printed
#'
#' @param precision The number of significant digits; `NULL` leaves it as it is, `NA` makes it R's own
#'   (`getOption("digits")`).
#' @param max_print The most elements of an array whose values are shown; `NULL` leaves it.
#' @return A list of the former `precision` (`NULL`: R's own) and `max_print`, invisibly if one was set.
#'   They are the options `rmlx.print_precision` and `rmlx.max_print`.
#' @examples
#' old <- mlx_print_options(precision = 3)
#' as_mlx(pi)
#' mlx_print_options(precision = NA)
#' mlx_print_options()
#' @export
mlx_print_options <- function(precision = NULL, max_print = NULL) {
  old <- list(precision = getOption("rmlx.print_precision"), max_print = getOption("rmlx.max_print", 100))
  if (is.null(precision) && is.null(max_print)) return(old)
  if (!is.null(precision)) {
    reset <- length(precision) == 1L && is.na(precision)
    options(rmlx.print_precision = if (!reset) check_count(precision, "precision", 1))
  }
  if (!is.null(max_print)) options(rmlx.max_print = check_count(max_print, "max_print"))
  invisible(old)
}

#' @rdname print.mlx
#' @export
format.mlx <- function(x, ...) format(r_object(x), ...)

#' @rdname print.mlx
#' @importFrom utils str
#' @export
str.mlx <- function(object, ...) {
  if (!is_mlx(object)) return(utils::str(unclass(object), ...))
  cat("mlx [", paste(mlx_shape(object), collapse = " x "), "] ", mlx_dtype(object), " on ",
      mlx_device(object), "\n", sep = "")
  invisible()
}

#' @rdname print.mlx
#' @export
summary.mlx <- function(object, ...) summary(r_object(object), ...)

#' Shape, dtype and size of an mlx array
#'
#' @param x An mlx array.
#' @return `mlx_shape()`: its extents as integers, `integer(0)` for 0-d. `mlx_dtype()`: the name of
#'   its dtype. `mlx_nbytes()`: bytes that its elements take. All are read from MLX and do not
#'   evaluate the array. `x$device` is the device, and `dim(x)` the extents from rank 2 on.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' mlx_shape(x)
#' mlx_dtype(x)
#' mlx_nbytes(x)
#' x$device
#' @export
mlx_shape <- function(x) .Call(C_shape, x)

#' @rdname mlx_shape
#' @export
mlx_dtype <- function(x) .Call(C_dtype_name, x)

#' @rdname mlx_shape
#' @export
mlx_nbytes <- function(x) .Call(C_nbytes, x)

#' @rdname mlx_shape
#' @param name `device`, `dtype` or `shape`.
#' @export
`$.mlx` <- function(x, name) {
  switch(check_string(name, "name"),
    device = .Call(C_device_name, x),
    dtype = .Call(C_dtype_name, x),
    shape = .Call(C_shape, x),
    rmlx_abort(
      c(paste0("an mlx array has no `$", name, "`; it has `$device`, `$dtype` and `$shape`."),
        i = if (name %in% colnames(x)) paste0("Its column is `x[, \"", name, "\"]`."),
        i = if (name %in% names(x)) {
          paste0("Its element is `x[\"", name, "\"]`; only of a list of parameters it is `x$", name, "`.")
        }),
      "argument"
    )
  )
}

#' @rdname mlx_shape
#' @param value Not taken: `x$name <- value` is an error of class `rmlx_error_argument`, which says what
#'   changes the device, dtype or shape.
#' @export
`$<-.mlx` <- function(x, name, value) {
  remedy <- switch(check_string(name, "name"),
    device = "Use as_mlx(x, device = ) to move it.",
    dtype = "Use mlx_cast(x, dtype) for another dtype.",
    shape = "Use `dim(x) <-` or mlx_reshape() for another shape.",
    if (name %in% colnames(x)) {
      paste0("Assign to its column with `x[, \"", name, "\"] <-`.")
    } else {
      "Keep arrays that belong together in a list: list(a = x, b = y)."
    }
  )
  rmlx_abort(c(paste0("`$", name, " <-` cannot change an mlx array: it has no components."), i = remedy), "argument")
}
