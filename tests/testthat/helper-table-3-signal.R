# The table's rows for shifts, convolutions and MLX's fused operations.

roll_r <- function(x, by, axes) {
  d <- if (is.null(dim(x))) length(x) else dim(x)
  out <- array(x, d)
  for (k in axes) {
    at <- rep(list(TRUE), length(d))
    at[[k]] <- (seq_len(d[k]) - 1L - by(d[k])) %% d[k] + 1L
    out <- do.call(`[`, c(list(out), at, drop = FALSE))
  }
  if (length(d) > 1L) out else as.vector(out)
}
shift_r <- function(by) {
  function(x, axes = NULL) {
    rank <- if (is.null(dim(x))) 1L else length(dim(x))
    if (length(x) == 0L) return(x)
    roll_r(x, by, if (is.null(axes)) seq_len(rank) else axes)
  }
}

shift_rows <- lapply(c("mlx_fftshift", "mlx_ifftshift"), function(name) {
  by <- if (name == "mlx_fftshift") function(n) n %/% 2L else function(n) -(n %/% 2L)
  row(name, get(name), shift_r(by), inputs = list(list(mixed), list(mixed[1:7]), list(square), list(cube)),
      empty = nothing, int = list(1:5), int_dtype = "int32", bool = list(c(TRUE, FALSE, FALSE)),
      bool_dtype = "bool")
})
shift_rows <- c(shift_rows, list(
  row("mlx_fftshift, axes = 2", function(x) mlx_fftshift(x, axes = 2),
      function(x) shift_r(function(n) n %/% 2L)(x, 2), inputs = list(list(square)),
      covers = "mlx_fftshift")
))

operations <- c(operations, shift_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
