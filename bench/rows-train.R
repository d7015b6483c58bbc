# A regression's gradient; a small network's gradient and steps of its training, each from where the one before
# led to.

bench_row("regression", "linear regression, n 1000, p 100: mlx_value_grad()",
  setup = {
    x <- as_mlx(noise(1, 1000, 100))
    y <- as_mlx(noise(2, 1000, 1))
    w <- as_mlx(noise(3, 100, 1))
    loss <- function(w, x, y) {
      r <- x %*% w - y
      sum(r * r) / length(y)
    }
    mlx_eval(w, x, y)
  },
  call = {
    out <- mlx_value_grad(loss, w, x, y, argnums = 1)
    mlx_eval(out)
  },
  value = out, peers = everyone, aims = list(at_most(1.6))
)

one_step <- function(step) {
  bquote({
    out <- .(step)(params, x, y)
    mlx_eval(out)
    params <- out$params
  })
}

eval(bquote(bench_row("mlp-gradient", "MLP 784-256-128-10, batch 64: mlx_value_grad()", .(network),
  call = {
    out <- mlx_value_grad(loss, params, x, y, argnums = 1)
    mlx_eval(out)
  },
  value = out, peers = everyone, aims = list(at_most(1.5))
)))
eval(bquote(bench_row("mlp-step", "MLP: step of gradient descent", .(network),
  call = .(one_step(quote(step))),
  value = out, peers = everyone, aims = list(at_most(1.5))
)))
eval(bquote(bench_row("mlp-compiled", "MLP: the same step compiled", .(network),
  call = .(one_step(quote(fast))),
  value = out, peers = c("mlx", "pip", "jax"),
  aims = list(at_most(1.05), at_most(0.1, side = "pip", row = "mlp-step"))
)))
