# Elementwise functions that base R has no generic for.

#' More functions of the elements
#'
#' Element by element, on MLX and on the gradient's tape. Integers are computed in the default
#' floating dtype (`mlx_square()` keeps them), bools in float32.
#'
#' @param x,y mlx arrays or R vectors. In two-argument functions they broadcast.
#' @return An mlx array of the (broadcast) shape.
#'   - `mlx_square()`: x^2; `mlx_reciprocal()`: 1 / x; `mlx_rsqrt()`: 1 / sqrt(x).
#'   - `mlx_degrees()`, `mlx_radians()`: angles converted from radians and from degrees.
#'   - `mlx_atan2(y, x)`, also called `mlx_arctan2()`: the angle of the point (x, y), as
#'     [base::atan2()], which has no methods.
#'   - `mlx_divmod()`: `list(quotient = x %/% y, remainder = x %% y)`, with R's meaning; see
#'     [mlx_operators].
#' @examples
#' mlx_square(as_mlx(1:3))
#' mlx_degrees(as_mlx(pi))
#' mlx_atan2(as_mlx(1), -1)
#' mlx_divmod(as_mlx(-7), 2)$remainder
#' @name mlx_elements
NULL

#' @rdname mlx_elements
#' @export
mlx_square <- function(x) .Call(C_square, x, .Generic)

# UseMethod() sets it for a method, which has the argument from its generic.
.Generic <- NULL

#' @rdname mlx_elements
#' @export
mlx_reciprocal <- function(x) .Call(C_reciprocal, x)

#' @rdname mlx_elements
#' @export
mlx_rsqrt <- function(x) .Call(C_rsqrt, x)

#' @rdname mlx_elements
#' @export
mlx_degrees <- function(x) .Call(C_degrees, x)

#' @rdname mlx_elements
#' @export
mlx_radians <- function(x) .Call(C_radians, x)

#' @rdname mlx_elements
#' @export
mlx_atan2 <- function(y, x) .Call(C_atan2, y, x)

#' @rdname mlx_elements
#' @export
mlx_arctan2 <- mlx_atan2

#' @rdname mlx_elements
#' @export
mlx_divmod <- function(x, y) {
  list(quotient = .Call(C_integer_divide, x, y), remainder = .Call(C_modulo, x, y))
}

#' Parts of complex arrays, by Python's names
#'
#' @param x An mlx array or R vector.
#' @return As [Re()], [Im()] and [Conj()] of an mlx array.
#' @examples
#' z <- as_mlx(complex(real = 3, imaginary = 4))
#' mlx_real(z)
#' mlx_conjugate(z)
#' @export
mlx_real <- function(x) .Call(C_real, x)

#' @rdname mlx_real
#' @export
mlx_imag <- function(x) .Call(C_imaginary, x)

#' @rdname mlx_real
#' @export
mlx_conjugate <- function(x) .Call(C_conjugate, x)

#' @rdname mlx_is_nan
#' @export
mlx_isnan <- function(x) .Call(C_is_nan, x)

#' @rdname mlx_is_nan
#' @export
mlx_isfinite <- function(x) .Call(C_is_finite, x)

#' @rdname mlx_is_nan
#' @export
mlx_isinf <- function(x) .Call(C_is_infinite, x)

#' @rdname mlx_is_nan
#' @export
mlx_isposinf <- function(x) .Call(C_is_positive_infinite, x)

#' @rdname mlx_is_nan
#' @export
mlx_isneginf <- function(x) .Call(C_is_negative_infinite, x)

#' @rdname mlx_is_nan
#' @export
is.na.mlx <- function(x) .Call(C_is_nan, x)

#' @rdname mlx_is_nan
#' @export
anyNA.mlx <- function(x, recursive = FALSE) any(.Call(C_is_nan, x))

#' Bits of integers
#'
#' Base R's `bitwAnd()` and its like have no methods. Shifts by the dtype's width or more are
#' undefined.
#'
#' @param x,y mlx arrays of an integer dtype or bool, or whole R numbers beside one; they broadcast.
#' @return An mlx array of the promoted dtype. `mlx_logical_xor()` takes any dtype and gives bool:
#'   whether exactly one of the two is not 0.
#' @section Errors: Floating-point arrays have no bits here: an error of class `rmlx_error_dtype`.
#' @examples
#' x <- as_mlx(c(12, 5), dtype = "int32")
#' mlx_bitwise_and(x, 4)
#' mlx_left_shift(x, 2)
#' mlx_logical_xor(as_mlx(c(TRUE, FALSE)), TRUE)
#' @export
mlx_bitwise_and <- function(x, y) .Call(C_bitwise_and, x, y)

#' @rdname mlx_bitwise_and
#' @export
mlx_bitwise_or <- function(x, y) .Call(C_bitwise_or, x, y)

#' @rdname mlx_bitwise_and
#' @export
mlx_bitwise_xor <- function(x, y) .Call(C_bitwise_xor, x, y)

#' @rdname mlx_bitwise_and
#' @export
mlx_bitwise_invert <- function(x) .Call(C_bitwise_invert, x)

#' @rdname mlx_bitwise_and
#' @export
mlx_left_shift <- function(x, y) .Call(C_left_shift, x, y)

#' @rdname mlx_bitwise_and
#' @export
mlx_right_shift <- function(x, y) .Call(C_right_shift, x, y)

#' @rdname mlx_bitwise_and
#' @export
mlx_logical_xor <- function(x, y) .Call(C_logical_xor, x, y)

#' Keep elements within bounds
#'
#' @param x An mlx array or R vector.
#' @param min,max Bounds: numbers or arrays, which broadcast; one may be `NULL`.
#' @return An mlx array: `min` where x is smaller, `max` where it is larger, NaN where x or a bound is
#'   NaN. The gradient passes where x is within the bounds.
#' @examples
#' mlx_clip(as_mlx(c(-2, 0.5, 2)), -1, 1)
#' @export
mlx_clip <- function(x, min = NULL, max = NULL) {
  if (is.null(min) && is.null(max)) rmlx_abort("give `min`, `max` or both.", "argument")
  plain <- is.numeric(min) && is.numeric(max) && !is_mlx(min) && !is_mlx(max)
  if (plain && isTRUE(any(min > max))) {
    rmlx_abort(paste0("min must be less than or equal to max.", if (length(min) == 1L && length(max) == 1L) {
      paste0(" They are ", min, " and ", max, ".")
    }), "argument")
  }
  if (!is.null(min)) check_numbers(min, "min")
  if (!is.null(max)) check_numbers(max, "max")
  x <- as_mlx(x)
  if (!is.null(min)) x <- mlx_where(or_nan(.Call(C_less, x, min), min), min, x)
  if (!is.null(max)) x <- mlx_where(or_nan(.Call(C_greater, x, max), max), max, x)
  x
}

# ... or where a bound is NaN.
or_nan <- function(outside, bound) {
  if (if (is_mlx(bound)) is_floating(bound) else anyNA(bound)) outside | is.nan(bound) else outside
}

#' Replace NaN and infinities
#'
#' @param x An mlx array or R vector.
#' @param nan,posinf,neginf What becomes of NaN, Inf and -Inf; `NULL` for the infinities: the
#'   largest and smallest finite number of the dtype.
#' @return An mlx array of the shape and dtype of `x`; integers and bools come back as they are.
#' @examples
#' mlx_nan_to_num(as_mlx(c(NaN, Inf, 1)), posinf = 99)
#' @export
mlx_nan_to_num <- function(x, nan = 0, posinf = NULL, neginf = NULL) {
  x <- as_mlx(x)
  if (!is_floating(x)) return(x)
  if (mlx_dtype(x) == "complex64") {
    rmlx_abort("mlx_nan_to_num() is for real numbers; this is complex64.", "dtype")
  }
  limit <- mlx_finfo(mlx_dtype(x))$max
  x <- mlx_where(.Call(C_is_nan, x), nan, x)
  x <- mlx_where(.Call(C_is_positive_infinite, x), posinf %||% limit, x)
  mlx_where(.Call(C_is_negative_infinite, x), neginf %||% -limit, x)
}
