# Dense linear algebra beside base R, whose numbers are doubles.

n <- sized(1000L, 30L)
matrices <- quote({
  g <- noise(1, n, n)
  s <- crossprod(g) + diag(n)
  g <- g + diag(n) * sqrt(n) / 2
  b <- noise(2, n, 1)
})
linalg_rows <- function(id, label, call, base) {
  for (dtype in c("float64", "float32")) {
    setup <- bquote({
      .(matrices)
      g <- as_mlx(g, dtype = .(dtype))
      s <- as_mlx(s, dtype = .(dtype))
      b <- as_mlx(b, dtype = .(dtype))
      mlx_eval(g, s, b)
    })
    eval(bquote(bench_row(.(paste(id, dtype, sep = "-")), .(paste0(label, ", ", dtype)), .(setup),
      call = {
        out <- .(call)
        mlx_eval(out)
      },
      value = .(if (id %in% c("svd", "eigh")) quote(sort(as.vector(out[[1]]))) else quote(out)),
      base_setup = .(matrices), base = .(base),
      peers = c("mlx", "pip", "numpy", "torch"), aims = .(list(at_most(1, "base")))
    )))
  }
}
linalg_rows("solve", "solve(a, b), 1000 x 1000", quote(solve(g, b)), quote(solve(g, b)))
linalg_rows("chol", "chol(a), 1000 x 1000", quote(chol(s)), quote(chol(s)))
linalg_rows("svd", "svd(a), 1000 x 1000", quote(svd(g)), quote(sort(svd(g)$d)))
linalg_rows("eigh", "eigen(a, symmetric = TRUE), 1000 x 1000",
  quote(eigen(s, symmetric = TRUE)), quote(sort(eigen(s, symmetric = TRUE)$values))
)

large <- sized(2048L, 40L)
matmul_row <- function(dtype) {
  setup <- bquote({
    a <- as_mlx(noise(1, large, large), dtype = .(dtype))
    b <- as_mlx(noise(2, large, large), dtype = .(dtype))
    mlx_eval(a, b)
  })
  eval(bquote(bench_row(.(paste0("matmul-", dtype)), .(paste0("a %*% b, 2048 x 2048, ", dtype)), .(setup),
    call = {
      out <- a %*% b
      mlx_eval(out)
    },
    value = out,
    base_setup = {
      a <- noise(1, large, large)
      b <- noise(2, large, large)
    },
    base = a %*% b, peers = c("mlx", "pip", "numpy", "torch"), aims = .(list(at_most(1, "base")))
  )))
}
for (dtype in c("float64", "float32")) matmul_row(dtype)
