# The models that are trained here and on a GPU, as code that prepares one; it is run where there are noise() and
# sized().

# Three layers, 784-256-128-10, and a batch of 64: the classes' cross entropy, and a step of gradient descent.
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

# A transformer block, and the mean square of what it makes.
transformer <- quote({
  d <- sized(512, 32)
  heads <- 8
  long <- sized(256, 8)
  batch <- sized(8, 2)
  shapes <- list(wq = c(d, d), wk = c(d, d), wv = c(d, d), wo = c(d, d), w1 = c(d, 4 * d), w2 = c(4 * d, d))
  p <- lapply(seq_along(shapes), function(i) as_mlx(noise(i, shapes[[i]]) * 2 / sqrt(shapes[[i]][1])))
  names(p) <- names(shapes)
  p <- c(p, list(
    g1 = as_mlx(noise(11, d) + 1), b1 = as_mlx(noise(12, d)), g2 = as_mlx(noise(13, d) + 1), b2 = as_mlx(noise(14, d)),
    c1 = as_mlx(noise(15, 4 * d)), c2 = as_mlx(noise(16, d))
  ))
  x <- as_mlx(noise(20, batch, long, d))
  mlx_eval(p, x)
  parted <- function(z) mlx_transpose(mlx_reshape(z, c(batch, long, heads, d / heads)), c(1, 3, 2, 4))
  gelu <- function(z) z * (1 + mlx_erf(z / sqrt(2))) / 2
  loss <- function(p, x) {
    h <- mlx_fast_layer_norm(x, p$g1, p$b1)
    a <- mlx_fast_scaled_dot_product_attention(
      parted(mlx_matmul(h, p$wq)), parted(mlx_matmul(h, p$wk)), parted(mlx_matmul(h, p$wv)),
      scale = 1 / sqrt(d / heads)
    )
    a <- mlx_reshape(mlx_transpose(a, c(1, 3, 2, 4)), c(batch, long, d))
    x <- x + mlx_matmul(a, p$wo)
    h <- mlx_fast_layer_norm(x, p$g2, p$b2)
    out <- x + mlx_matmul(gelu(mlx_matmul(h, p$w1) + p$c1), p$w2) + p$c2
    mean(out * out)
  }
  step <- function(p, x) mlx_value_grad(loss, p, x, argnums = 1)
  fast <- mlx_compile(step)
})
