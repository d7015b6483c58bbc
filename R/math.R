# The Math group: one line per function, each a direct method.

#' Mathematical functions of mlx arrays
#'
#' Every member of R's group Math, element by element on MLX and on the gradient's tape, with R's
#' meaning. float64 is exact to about 1e-15 (the gamma family to 1e-13): where MLX itself rounds
#' through float32, rmlx computes with kernels of its own. Integers are computed in float32.
#'
#' `round()` rounds to the nearer of the two neighbouring decimals and halves to the even digit;
#' the functions that round have the gradient 0. `cumsum()`, `cumprod()`, `cummax()`, `cummin()` run
#' over the elements in R's column-major order and return a vector. `gamma()` is NaN at 0 and the
#' negative integers, where base R warns too.
#'
#' @param x An mlx array.
#' @param base Base of the logarithm: a number or an mlx array.
#' @param digits Decimals, or significant digits.
#' @param ... Not used.
#' @return An mlx array of the shape of `x` (cumulative functions: 1-d).
#' @examples
#' x <- as_mlx(c(0.5, 1, 2))
#' exp(x)
#' log(x, base = 2)
#' cumsum(x)
#' lgamma(x)
#' @name mlx_math
NULL

#' @rdname mlx_math
#' @export
abs.mlx <- function(x) .Call(C_abs, x)

#' @rdname mlx_math
#' @export
sign.mlx <- function(x) .Call(C_sign, x)

#' @rdname mlx_math
#' @export
sqrt.mlx <- function(x) .Call(C_sqrt, x)

#' @rdname mlx_math
#' @export
exp.mlx <- function(x) .Call(C_exp, x)

#' @rdname mlx_math
#' @export
expm1.mlx <- function(x) .Call(C_expm1, x)

#' @rdname mlx_math
#' @method log2 mlx
#' @export
log2.mlx <- function(x) .Call(C_log2, x)

#' @rdname mlx_math
#' @method log10 mlx
#' @export
log10.mlx <- function(x) .Call(C_log10, x)

#' @rdname mlx_math
#' @export
log1p.mlx <- function(x) .Call(C_log1p, x)

#' @rdname mlx_math
#' @export
cos.mlx <- function(x) .Call(C_cos, x)

#' @rdname mlx_math
#' @export
sin.mlx <- function(x) .Call(C_sin, x)

#' @rdname mlx_math
#' @export
tan.mlx <- function(x) .Call(C_tan, x)

#' @rdname mlx_math
#' @export
cospi.mlx <- function(x) .Call(C_cospi, x)

#' @rdname mlx_math
#' @export
sinpi.mlx <- function(x) .Call(C_sinpi, x)

#' @rdname mlx_math
#' @export
tanpi.mlx <- function(x) .Call(C_tanpi, x)

#' @rdname mlx_math
#' @export
acos.mlx <- function(x) .Call(C_acos, x)

#' @rdname mlx_math
#' @export
asin.mlx <- function(x) .Call(C_asin, x)

#' @rdname mlx_math
#' @export
atan.mlx <- function(x) .Call(C_atan, x)

#' @rdname mlx_math
#' @export
cosh.mlx <- function(x) .Call(C_cosh, x)

#' @rdname mlx_math
#' @export
sinh.mlx <- function(x) .Call(C_sinh, x)

#' @rdname mlx_math
#' @export
tanh.mlx <- function(x) .Call(C_tanh, x)

#' @rdname mlx_math
#' @export
acosh.mlx <- function(x) .Call(C_acosh, x)

#' @rdname mlx_math
#' @export
asinh.mlx <- function(x) .Call(C_asinh, x)

#' @rdname mlx_math
#' @export
atanh.mlx <- function(x) .Call(C_atanh, x)

#' @rdname mlx_math
#' @export
floor.mlx <- function(x) .Call(C_floor, x)

#' @rdname mlx_math
#' @export
ceiling.mlx <- function(x) .Call(C_ceiling, x)

#' @rdname mlx_math
#' @export
gamma.mlx <- function(x) .Call(C_gamma, x)

#' @rdname mlx_math
#' @export
lgamma.mlx <- function(x) .Call(C_lgamma, x)

#' @rdname mlx_math
#' @export
digamma.mlx <- function(x) .Call(C_digamma, x)

#' @rdname mlx_math
#' @export
trigamma.mlx <- function(x) .Call(C_trigamma, x)

#' @rdname mlx_math
#' @export
cumsum.mlx <- function(x) .Call(C_cumulative_sum, x)

#' @rdname mlx_math
#' @export
cumprod.mlx <- function(x) .Call(C_cumulative_product, x)

#' @rdname mlx_math
#' @export
cummax.mlx <- function(x) .Call(C_cumulative_max, x)

#' @rdname mlx_math
#' @export
cummin.mlx <- function(x) .Call(C_cumulative_min, x)

#' @rdname mlx_math
#' @export
trunc.mlx <- function(x, ...) .Call(C_trunc, x)

#' @rdname mlx_math
#' @export
round.mlx <- function(x, digits = 0, ...) .Call(C_round_to, x, check_digits(digits))

#' @rdname mlx_math
#' @export
signif.mlx <- function(x, digits = 6) .Call(C_signif_to, x, check_digits(digits))

#' @rdname mlx_math
#' @export
log.mlx <- function(x, base) {
  if (missing(base)) return(.Call(C_log, x))
  if (is_mlx(base)) return(.Call(C_divide, .Call(C_log, x), .Call(C_log, base)))
  if (is.object(base) || !(is.numeric(base) || is.complex(base) || is.logical(base))) {
    rmlx_abort("`base` must be a number, or an mlx array.", "argument")
  }
  if (identical(as.vector(base), 2)) return(.Call(C_log2, x))
  if (identical(as.vector(base), 10)) return(.Call(C_log10, x))
  .Call(C_divide, .Call(C_log, x), log(base))
}

#' Parts of complex arrays
#'
#' @param z An mlx array.
#' @return An mlx array: real part, imaginary part, modulus and argument as float32 for complex64;
#'   `Conj()` keeps the dtype.
#' @examples
#' z <- as_mlx(complex(real = 3, imaginary = 4))
#' Mod(z)
#' Re(Conj(z))
#' @name mlx_complex
NULL

#' @rdname mlx_complex
#' @export
Re.mlx <- function(z) .Call(C_real, z)

#' @rdname mlx_complex
#' @export
Im.mlx <- function(z) .Call(C_imaginary, z)

#' @rdname mlx_complex
#' @export
Mod.mlx <- function(z) .Call(C_abs, z)

#' @rdname mlx_complex
#' @export
Arg.mlx <- function(z) .Call(C_atan2, .Call(C_imaginary, z), .Call(C_real, z))

#' @rdname mlx_complex
#' @export
Conj.mlx <- function(z) .Call(C_conjugate, z)

#' Which elements are NaN, finite or infinite
#'
#' @param x An mlx array.
#' @param recursive Not used.
#' @return A bool mlx array of the same shape, of `is.na()` as of `is.nan()`: MLX knows NaN only, so they
#'   are the same (and [which()] or `as.logical()` makes R values of it). `anyNA()`: `TRUE` or `FALSE`.
#' @examples
#' is.nan(as_mlx(c(1, NaN, Inf)))
#' @name mlx_is_nan
NULL

#' @rdname mlx_is_nan
#' @export
is.nan.mlx <- function(x) .Call(C_is_nan, x)

#' @rdname mlx_is_nan
#' @export
is.finite.mlx <- function(x) .Call(C_is_finite, x)

#' @rdname mlx_is_nan
#' @export
is.infinite.mlx <- function(x) .Call(C_is_infinite, x)
