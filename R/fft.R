# Fourier transforms.

#' Discrete Fourier transforms
#'
#' `fft()` is base R's: a vector is transformed as such, a matrix or array over all its axes, and
#' `inverse = TRUE` is not divided by the number of points. `mlx_fft()` transforms one axis,
#' `mlx_fft2()` two, `mlx_fftn()` several; with `inverse = TRUE` they too are not divided. The others
#' are NumPy's: `mlx_ifft()` and its like divide by the number of points, `mlx_rfft()` takes real
#' numbers and gives the first half of the symmetric result (`n %/% 2 + 1` points of its last axis),
#' and `mlx_irfft()` turns that back into `n` real numbers.
#'
#' \deqn{y_k = \sum_{j=0}^{n-1} x_j \exp(-2 \pi i j k / n)}{
#'   y[k] = sum(x[j] * exp(-2i * pi * j * k / n)), j = 0 .. n - 1}
#'
#' MLX computes in single precision: results are complex64 (`mlx_irfft()`: float32). From a float64
#' array a warning of class `rmlx_warning_precision` says so, once a session.
#'
#' @param x,z An mlx array (or what [as_mlx()] takes) of any dtype.
#' @param axis,axes The axis, or axes, to transform: 1 is the first, -1 the last. `NULL`: all
#'   (not in `mlx_fft()` and its like). `mlx_rfftn()` halves the last one named.
#' @param inverse Whether to do the inverse, without dividing.
#' @param n,s The number of points, or one for each of `axes`: `x` is cut or filled up with zeros.
#'   `mlx_fftfreq()`: the number of points. `NULL`: the extents of `x`; in `mlx_irfft()` and its
#'   like twice the last extent less 2.
#' @param norm `"backward"`: the inverse is divided by the number of points, `"forward"`: the
#'   transform is, `"ortho"`: both are, by its square root. `NULL` is `"backward"`, but with
#'   `inverse = TRUE` nothing is divided.
#' @param device Where to compute: `"cpu"`, `"gpu"` or a stream; `NULL`: where `x` is.
#' @param d The distance between two points.
#' @param ... Not used.
#' @return An mlx array. `mlx_fftfreq()` and `mlx_rfftfreq()`: the frequencies that the results
#'   belong to. `mlx_fftshift()`: `x` with the zero frequency in the middle of the axes,
#'   `mlx_ifftshift()`: back at their front.
#' @examples
#' x <- as_mlx(c(1, 2, 3, 4))
#' fft(x)
#' mlx_ifft(mlx_fft(x))
#' mlx_irfft(mlx_rfft(x))
#' mlx_fftfreq(4)
#' @name mlx_fft
NULL

fft_said <- new.env(parent = emptyenv())

# MLX has complex64 only; said once.
warn_single_precision <- function(x) {
  if (mlx_dtype(x) != "float64" || isTRUE(fft_said$yes)) return(invisible())
  fft_said$yes <- TRUE
  rmlx_warn(
    c("Fourier transforms of float64 arrays are computed in single precision: MLX has complex64 only.",
      i = "This is said once a session."),
    "precision"
  )
}

check_norm <- function(norm, inverse) {
  if (is.null(norm)) return(if (inverse) "forward" else "backward")
  if (!is.character(norm) || length(norm) != 1L || !norm %in% c("backward", "ortho", "forward")) {
    rmlx_abort("`norm` must be \"backward\", \"ortho\" or \"forward\".", "argument")
  }
  norm
}

# `entry` of x over axes; n: the numbers of points.
transform <- function(entry, x, n, axes, norm, device) {
  x <- as_mlx(x)
  warn_single_precision(x)
  if (is.null(axes) && length(n)) axes <- -rev(seq_along(n))
  if (!is.null(n)) n <- vapply(n, check_count, 0L, name = if (length(n) == 1L) "n" else "s", least = 1)
  .Call(entry, x, n, check_axes(axes), norm, device)
}

check_axis <- function(axis) {
  if (is.null(axis) || length(axis) != 1L) {
    rmlx_abort("`axis` must be one axis: 1 is the first, -1 the last.", "index")
  }
  axis
}

check_two <- function(axes) {
  if (length(axes) != 2L) rmlx_abort("`axes` must be two axes.", "index")
  axes
}

either_way <- function(inverse) {
  if (check_flag(inverse, "inverse")) C_fft_inverse else C_fft_forward
}

#' @rdname mlx_fft
#' @export
fft <- function(z, inverse = FALSE, ...) UseMethod("fft")

#' @rdname mlx_fft
#' @export
fft.default <- function(z, inverse = FALSE, ...) stats::fft(z, inverse)

#' @rdname mlx_fft
#' @export
fft.mlx <- function(z, inverse = FALSE, axis = NULL, ...) mlx_fftn(z, axis, inverse)

#' @rdname mlx_fft
#' @export
mlx_fft <- function(x, axis = -1L, inverse = FALSE, device = NULL, n = NULL, norm = NULL) {
  transform(either_way(inverse), x, n, check_axis(axis), check_norm(norm, inverse), device)
}

#' @rdname mlx_fft
#' @export
mlx_fft2 <- function(x, axes = c(-2L, -1L), inverse = FALSE, device = NULL, s = NULL, norm = NULL) {
  transform(either_way(inverse), x, s, check_two(axes), check_norm(norm, inverse), device)
}

#' @rdname mlx_fft
#' @export
mlx_fftn <- function(x, axes = NULL, inverse = FALSE, device = NULL, s = NULL, norm = NULL) {
  transform(either_way(inverse), x, s, axes, check_norm(norm, inverse), device)
}

#' @rdname mlx_fft
#' @export
mlx_ifft <- function(x, axis = -1L, n = NULL, norm = "backward", device = NULL) {
  transform(C_fft_inverse, x, n, check_axis(axis), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_ifft2 <- function(x, axes = c(-2L, -1L), s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_inverse, x, s, check_two(axes), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_ifftn <- function(x, axes = NULL, s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_inverse, x, s, axes, check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_rfft <- function(x, axis = -1L, n = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_forward, x, n, check_axis(axis), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_rfft2 <- function(x, axes = c(-2L, -1L), s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_forward, x, s, check_two(axes), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_rfftn <- function(x, axes = NULL, s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_forward, x, s, axes, check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_irfft <- function(x, axis = -1L, n = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_inverse, x, n, check_axis(axis), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_irfft2 <- function(x, axes = c(-2L, -1L), s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_inverse, x, s, check_two(axes), check_norm(norm, FALSE), device)
}

#' @rdname mlx_fft
#' @export
mlx_irfftn <- function(x, axes = NULL, s = NULL, norm = "backward", device = NULL) {
  transform(C_fft_real_inverse, x, s, axes, check_norm(norm, FALSE), device)
}

whole_numbers <- function(from, to) mlx_arange(from, to, dtype = "float64", device = "cpu")

frequencies <- function(k, n, d, device) {
  if (!is.numeric(d) || length(d) != 1L || is.na(d) || d == 0) {
    rmlx_abort("`d` must be one number other than 0.", "argument")
  }
  # in double precision, rounded once
  .Call(C_cast, k / (as.double(n) * d), default_float(), device)
}

#' @rdname mlx_fft
#' @export
mlx_fftfreq <- function(n, d = 1, device = mlx_default_device()) {
  n <- check_count(n, "n", 1)
  up <- whole_numbers(0, (n - 1L) %/% 2L)
  frequencies(if (n == 1L) up else c(up, whole_numbers(-(n %/% 2L), -1)), n, d, device)
}

#' @rdname mlx_fft
#' @export
mlx_rfftfreq <- function(n, d = 1, device = mlx_default_device()) {
  n <- check_count(n, "n", 1)
  frequencies(whole_numbers(0, n %/% 2L), n, d, device)
}

#' @rdname mlx_fft
#' @export
mlx_fftshift <- function(x, axes = NULL) .Call(C_fft_shift, x, check_axes(axes), FALSE)

#' @rdname mlx_fft
#' @export
mlx_ifftshift <- function(x, axes = NULL) .Call(C_fft_shift, x, check_axes(axes), TRUE)
