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
  value = out, peers = c("mlx", "pip", "jax", "torch"), aims = list(at_most(1.6))
)

network <- quote({
  size <- c(784, 256, 128, 10)
  params <- lapply(1:3, function(i) {
    list(
      w = as_mlx(noise(i, size[i], size[i + 1]) / sqrt(size[i])),
      b = as_mlx(noise(10 + i, size[i + 1]) / 10)
    )
  })
  x <- as_mlx(noise(20, 64, 784))
  y <- as_mlx(+outer(0:63 %% 10, 0:9, "=="))
  mlx_eval(params, x, y)
  loss <- function(params, x, y) {
    for (i in 1:2) x <- mlx_maximum(x %*% params[[i]]$w + params[[i]]$b, 0)
    x <- x %*% params[[3]]$w + params[[3]]$b
    sum(mlx_logsumexp(x, axes = 2) - rowSums(x * y)) / nrow(x)
  }
  moved <- function(p, g) list(w = p$w - 0.01 * g$w, b = p$b - 0.01 * g$b)
  step <- function(params, x, y) {
    out <- mlx_value_grad(loss, params, x, y, argnums = 1)
    list(value = out$value, params = Map(moved, params, out$grads[[1]]))
  }
  fast <- mlx_compile(step)
})
everyone <- c("mlx", "pip", "jax", "torch")

eval(bquote(bench_row("mlp-gradient", "MLP 784-256-128-10, batch 64: mlx_value_grad()", .(network),
  call = {
    out <- mlx_value_grad(loss, params, x, y, argnums = 1)
    mlx_eval(out)
  },
  value = out, peers = everyone, aims = list(at_most(1.5))
)))
eval(bquote(bench_row("mlp-step", "MLP: step of gradient descent", .(network),
  call = {
    out <- step(params, x, y)
    mlx_eval(out)
    params <- out$params
  },
  value = out, peers = everyone, aims = list(at_most(1.5))
)))
eval(bquote(bench_row("mlp-compiled", "MLP: the same step compiled", .(network),
  call = {
    out <- fast(params, x, y)
    mlx_eval(out)
    params <- out$params
  },
  value = out, peers = c("mlx", "pip", "jax"),
  aims = list(at_most(1.05), at_most(0.1, side = "pip", row = "mlp-step"))
)))
