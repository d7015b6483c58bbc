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

# What R itself takes to come to a method and to native code: a package with S3 methods takes no less.
floor_row <- function(id, generic, call) {
  eval(bquote(bench_row(
    .(paste0("floor-", id)), .(paste0("R's floor: ", deparse(call), ", an S3 method with an empty .Call")),
    {
      p <- structure(1, class = "plain")
      routine <- rmlx:::C_host_reads
      registerS3method(.(generic), "plain", function(x, y) .Call(routine))
    },
    .(call),
    value = 0, peers = character(), clock = "cpu"
  )))
}
floor_row("operator", "+", quote(p + p))
floor_row("function", "exp", quote(exp(p)))
floor_row("generic", "t", quote(t(p)))
