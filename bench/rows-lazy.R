# Operations that are recorded and never evaluated: what R and the binding cost.

small <- quote({
  x <- as_mlx(matrix(1.5))
  y <- as_mlx(matrix(2.5))
  m <- as_mlx(noise(1, 4, 4))
  mlx_eval(x, y, m)
})
lazy_row <- function(id, label, call) {
  eval(bquote(bench_row(
    .(paste0("lazy-", id)), .(label), .(small), .(call),
    aims = list(at_most(6)), clock = "cpu"
  )))
}
lazy_row("add", "x + y", quote(x + y))
lazy_row("add-number", "x + 1", quote(x + 1))
lazy_row("negative", "-x", quote(-x))
lazy_row("exp", "exp(x)", quote(exp(x)))
lazy_row("sum", "sum(x)", quote(sum(x)))
lazy_row("matmul", "x %*% y", quote(x %*% y))
lazy_row("slice", "m[1:2, ]", quote(m[1:2, ]))
lazy_row("transpose", "t(x)", quote(t(x)))
lazy_row("dim", "dim(x)", quote(dim(x)))
