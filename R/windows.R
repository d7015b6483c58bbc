# Windows for signals, and constants.

#' Window functions
#'
#' `M` points of a window for signals, symmetric, with n = 0, ..., M - 1 and w = 2 pi n / (M - 1):
#' Bartlett 1 - |2 n / (M - 1) - 1|, Hanning 0.5 - 0.5 cos(w), Hamming 0.54 - 0.46 cos(w), Blackman
#' 0.42 - 0.5 cos(w) + 0.08 cos(2 w). One point is 1.
#'
#' @param M How many points.
#' @inheritParams mlx_zeros
#' @return A 1-d mlx array of length `M`.
#' @examples
#' mlx_hanning(5)
#' mlx_bartlett(5)
#' @name mlx_windows
NULL

window_of <- function(M, dtype, device, f) {
  M <- check_count(M, "M")
  if (M == 1L) return(mlx_ones(1L, dtype, device))
  # in double precision, rounded once
  values <- f(mlx_linspace(0, 1, M, "float64", "cpu"))
  .Call(C_cast, values, dtype %||% getOption("rmlx.dtype", "float32"), device)
}

#' @rdname mlx_windows
#' @export
mlx_bartlett <- function(M, dtype = NULL, device = mlx_default_device()) {
  window_of(M, dtype, device, function(t) 1 - abs(2 * t - 1))
}

#' @rdname mlx_windows
#' @export
mlx_hanning <- function(M, dtype = NULL, device = mlx_default_device()) {
  window_of(M, dtype, device, function(t) 0.5 - 0.5 * cospi(2 * t))
}

#' @rdname mlx_windows
#' @export
mlx_hamming <- function(M, dtype = NULL, device = mlx_default_device()) {
  window_of(M, dtype, device, function(t) 0.54 - 0.46 * cospi(2 * t))
}

#' @rdname mlx_windows
#' @export
mlx_blackman <- function(M, dtype = NULL, device = mlx_default_device()) {
  window_of(M, dtype, device, function(t) 0.42 - 0.5 * cospi(2 * t) + 0.08 * cospi(4 * t))
}

#' Euler's constant
#'
#' 0.5772..., the limit of 1 + 1/2 + ... + 1/n - log(n), as an R number. Python's other constants are
#' R's own `pi`, `exp(1)`, `Inf` and `NaN`.
#' @format One double.
#' @examples
#' mlx_euler_gamma
#' @export
mlx_euler_gamma <- 0.57721566490153286
