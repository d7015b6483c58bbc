# What has derivatives and no row in the table of operations: complex64, which has no float64; draws, of
# which the key makes functions of their parameters; arrays made of traced ones.
slope_row <- function(id, f, inputs, covers = id, tolerance = 1e-7, h = 2e-4, ...) {
  c(row(id, f, inputs = inputs, covers = covers, h = h, ...), list(slope_tolerance = tolerance))
}
complex_parts <- function(z) {
  mlx_concatenate(.Call(rmlx:::C_flatten_columns, Re(z)), .Call(rmlx:::C_flatten_columns, Im(z)))
}
complex_row <- function(name, f, x, covers = name) {
  slope_row(name, function(x) complex_parts(f(x)), list(list(x)), covers, tolerance = 2e-2, h = 0.25)
}
wave <- round(sin(1:8), 3)
waved <- matrix(round(cos(1:8), 3), 2)
fourier_rows <- list(
  complex_row("fft", fft, wave), complex_row("mlx_fft", mlx_fft, waved), complex_row("mlx_ifft", mlx_ifft, waved),
  complex_row("mlx_fft2", mlx_fft2, waved), complex_row("mlx_ifft2", mlx_ifft2, waved),
  complex_row("mlx_fftn", mlx_fftn, waved), complex_row("mlx_ifftn", mlx_ifftn, waved),
  complex_row("mlx_rfft", mlx_rfft, waved), complex_row("mlx_rfft2", mlx_rfft2, waved),
  complex_row("mlx_rfftn", mlx_rfftn, waved), complex_row("mlx_irfft", mlx_irfft, waved),
  complex_row("mlx_irfft2", mlx_irfft2, waved), complex_row("mlx_irfftn", mlx_irfftn, waved)
)
draw_row <- function(name, ..., arguments = list(), counts = 4) {
  f <- get(name)
  slope_row(name, function(...) do.call(f, c(list(counts), list(...), list(key = mlx_key(3)), arguments)),
            list(list(...)), tolerance = 1e-6)
}
draw_rows <- list(
  draw_row("mlx_rand_normal", 0.3, 1.7), draw_row("mlx_rand_uniform", 0.3, 1.7),
  draw_row("mlx_rand_laplace", 0.3, 1.7),
  draw_row("mlx_rnorm", 0.3, 1.7), draw_row("mlx_rlnorm", 0.3, 0.7), draw_row("mlx_runif", 0.3, 1.7),
  draw_row("mlx_rexp", 1.7), draw_row("mlx_rlogis", 0.3, 1.7), draw_row("mlx_rcauchy", 0.3, 1.7),
  draw_row("mlx_rweibull", 1.3, 1.7), draw_row("mlx_rlaplace", 0.3, 1.7)
)
made_rows <- list(
  slope_row("mlx_cummin", function(x) mlx_cummin(x, 1, reverse = TRUE), list(list(apart))),
  slope_row("as_mlx", function(x) as_mlx(x) * x, list(list(mixed), list(a), list(1.5))),
  slope_row("as.list", function(x) as.list(x)[[2L]] * as.list(x)[[1L]], list(list(mixed))),
  slope_row("mlx_full", function(x) mlx_full(c(2, 3), x^2), list(list(1.5))),
  slope_row("mlx_full_like", function(x) mlx_full_like(mlx_zeros(3), x^2, dtype = "float64"), list(list(1.5))),
  slope_row("mlx_value_grad", function(x) mlx_value_grad(function(x) sum(x^3), x)$grads[[1L]], list(list(mixed)),
            covers = c("mlx_value_grad", "mlx_grad")),
  slope_row("kronecker.mlx", function(x, y) kronecker(x, y), list(list(v2, v3)))
)
further_rows <- c(fourier_rows, draw_rows, made_rows)
names(further_rows) <- vapply(further_rows, function(r) r$id, "")
