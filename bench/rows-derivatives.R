# A Jacobian by vmap, and the Hessian of a logistic likelihood.

bench_row("jacobian", "Jacobian 1000 x 50: mlx_jacobian()",
  setup = {
    x <- as_mlx(noise(1, 1000, 50))
    w <- as_mlx(noise(2, 50))
    f <- function(w) tanh(drop(x %*% w))
    mlx_eval(x, w)
  },
  call = {
    out <- mlx_jacobian(f, w)
    mlx_eval(out)
  },
  value = out, peers = c("mlx", "jax"), aims = list(at_most(1, "jax"))
)
bench_row("jacobian-compiled", "Jacobian, compiled",
  setup = {
    x <- as_mlx(noise(1, 1000, 50))
    w <- as_mlx(noise(2, 50))
    f <- function(w) tanh(drop(x %*% w))
    fast <- mlx_compile(function(w) mlx_jacobian(f, w))
    mlx_eval(x, w)
  },
  call = {
    out <- fast(w)
    mlx_eval(out)
  },
  value = out, peers = c("mlx", "jax"), aims = list(at_most(1, "jax"))
)

logistic <- quote({
  n <- sized(1e5, 200)
  p <- sized(100, 5)
  x <- as_mlx(noise(1, n, p), dtype = "float64")
  y <- as_mlx(+(noise(2, n) > 0), dtype = "float64")
  w <- as_mlx(noise(3, p), dtype = "float64")
  nll <- function(w) {
    eta <- drop(x %*% w)
    sum(mlx_softplus(eta) - y * eta)
  }
  fast <- mlx_compile(function(w) mlx_hessian(nll, w))
  mlx_eval(x, y, w)
})
eval(bquote(bench_row("hessian", "Hessian, logistic, n 1e5, p 100: mlx_hessian()", .(logistic),
  call = {
    out <- mlx_hessian(nll, w)
    mlx_eval(out)
  },
  value = out, peers = c("mlx", "jax"), tolerance = 1e-5, aims = list(at_most(1, "jax"))
)))
eval(bquote(bench_row("hessian-compiled", "Hessian, compiled", .(logistic),
  call = {
    out <- fast(w)
    mlx_eval(out)
  },
  value = out, peers = c("mlx", "jax"), tolerance = 1e-5, aims = list(at_most(1, "jax"))
)))
