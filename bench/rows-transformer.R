# A transformer block, forward and backward.

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
  fast <- mlx_compile(function(p, x) mlx_value_grad(loss, p, x, argnums = 1))
})
everyone <- c("mlx", "pip", "jax", "torch")
eval(bquote(bench_row("transformer", "transformer block, d 512, 8 heads, seq 256, batch 8", .(transformer),
  call = {
    out <- mlx_value_grad(loss, p, x, argnums = 1)
    mlx_eval(out)
  },
  value = out, peers = everyone, aims = list(at_most(1.1))
)))
eval(bquote(bench_row("transformer-compiled", "transformer block, compiled", .(transformer),
  call = {
    out <- fast(p, x)
    mlx_eval(out)
  },
  value = out, peers = everyone, aims = list(at_most(1.1))
)))
