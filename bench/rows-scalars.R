# One number to R and to MLX.

bench_row("scalar-out", "as.numeric(x)",
  setup = {
    x <- as_mlx(1.5)
    mlx_eval(x)
  },
  call = as.numeric(x), aims = list(at_most(10)), clock = "cpu"
)
bench_row("scalar-computed", "as.numeric(x + x)",
  setup = {
    x <- as_mlx(1.5)
    mlx_eval(x)
  },
  call = as.numeric(x + x), aims = list(at_most(10))
)
bench_row("scalar-in", "as_mlx(1.5)", setup = NULL, call = as_mlx(1.5), aims = list(at_most(10)), clock = "cpu")
