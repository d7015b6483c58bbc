# Temporaries that R's collector does not see the size of.

times <- sized(2000L, 20L)
bench_row("loop", "2000 times x * 2 + 1 with 1e6 floats",
  setup = {
    x <- as_mlx(noise(1, 1e6))
    mlx_eval(x)
  },
  call = for (i in seq_len(times)) {
    y <- x * 2 + 1
    mlx_eval(y)
  },
  value = x * 2 + 1, aims = list(at_most(2.5), under(400)), fresh = TRUE
)
