# A transformer block, forward and backward.

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
