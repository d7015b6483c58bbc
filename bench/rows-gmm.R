# ADBench's Gaussian mixture in double precision: the log posterior with a Wishart prior, n 1000.

gmm <- quote({
  n <- sized(1000L, 50L)
  f64 <- function(x) as_mlx(x, dtype = "float64")
  p <- list(alpha = f64(noise(1, k)), means = f64(noise(2, k, d)), icf = f64(noise(3, k, d * (d + 1) / 2)))
  x <- f64(noise(4, n, d))
  # where each entry of a lower triangle is among the columns of (diagonal, below it by columns, 0)
  at <- matrix(d * (d + 1) / 2 + 1, d, d)
  diag(at) <- seq_len(d)
  at[lower.tri(at)] <- d + seq_len(d * (d - 1) / 2)
  at <- as_mlx(as.vector(t(at)), dtype = "int32")
  nothing <- mlx_zeros(c(k, 1), dtype = "float64")
  gamma <- 1
  m <- 0
  size <- d + m + 1
  log_multigamma <- d * (d - 1) / 4 * log(pi) + sum(lgamma(size / 2 + (1 - seq_len(d)) / 2))
  constant <- k * (size * d * (log(gamma) - log(2) / 2) - log_multigamma) + n * d / 2 * log(2 * pi)
  first <- seq_len(d)
  objective <- function(p) {
    logs <- p$icf[, first]
    below <- p$icf[, -first]
    columns <- mlx_concatenate(exp(logs), below, nothing, axis = 2)
    q <- mlx_reshape(mlx_take(columns, at, axis = 2), c(k, d, d))
    z <- mlx_matmul(x - mlx_expand_dims(p$means, 2), mlx_swapaxes(q, 2, 3))
    each <- mlx_expand_dims(p$alpha + rowSums(logs), 2) - mlx_sum(z * z, axes = 3) / 2
    prior <- gamma^2 / 2 * (sum(exp(2 * logs)) + sum(below^2)) - m * sum(logs)
    sum(mlx_logsumexp(each, axes = 1)) - n * mlx_logsumexp(p$alpha) + prior - constant
  }
  fast <- mlx_compile(function(p) mlx_value_grad(objective, p))
  mlx_eval(p, x, at, nothing)
})

gmm_rows <- function(d, k) {
  setup <- bquote({
    d <- .(d)
    k <- .(k)
    .(gmm)
  })
  id <- function(what) paste("gmm", what, d, k, sep = "-")
  label <- function(what) sprintf("GMM d %d, K %d: %s", d, k, what)
  large <- if (d >= 20) list(at_most(1, "jax"), at_most(1, "torch")) else list()
  eval(bquote(bench_row(.(id("objective")), .(label("objective")), .(setup),
    call = {
      out <- objective(p)
      mlx_eval(out)
    },
    value = out, peers = c("mlx", "jax", "torch"), tolerance = 1e-5
  )))
  eval(bquote(bench_row(.(id("gradient")), .(label("value and gradient")), .(setup),
    call = {
      out <- mlx_value_grad(objective, p)
      mlx_eval(out)
    },
    value = out, peers = c("mlx", "torch"), tolerance = 1e-5,
    aims = .(list(at_most(4, "rmlx", row = id("objective"))))
  )))
  eval(bquote(bench_row(.(id("compiled")), .(label("value and gradient, compiled")), .(setup),
    call = {
      out <- fast(p)
      mlx_eval(out)
    },
    value = out, peers = c("mlx", "jax", "torch"), tolerance = 1e-5, aims = .(large)
  )))
}
gmm_sizes <- list(c(2, 5), c(2, 25), c(10, 5), c(10, 25), c(20, 10), c(20, 50), c(32, 25), c(64, 25))
for (size in if (quick) gmm_sizes[1:2] else gmm_sizes) gmm_rows(size[1], size[2])
