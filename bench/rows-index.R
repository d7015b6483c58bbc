# Parts of a 1000 x 1000 matrix, read and assigned. Python MLX cannot select by a mask: there the mask
# goes through NumPy. A matrix that came from R is by columns in memory, Python's by rows.

rows <- sized(1000L, 50L)
square <- quote({
  x <- as_mlx(noise(1, rows, rows))
  at <- 1L + as.integer(floor((noise(2, rows / 2) + 0.5) * rows))
  mask <- x > 0.25
  block <- as_mlx(noise(3, rows / 2, rows / 2))
  some <- seq_len(rows / 2) + 10L
  mlx_eval(x, mask, block)
})
index_row <- function(id, label, call, value) {
  eval(bquote(bench_row(.(paste0("index-", id)), .(label), .(square), .(call), .(value), aims = list(at_most(1.5)))))
}
index_row("gather", "rows at random: x[at, ]", quote({
  out <- x[at, ]
  mlx_eval(out)
}), quote(out))
index_row("select", "by a mask: x[mask]", quote({
  out <- x[mask]
  mlx_eval(out)
}), quote(sort(as.vector(out))))
index_row("block", "block assignment: x[rows, cols] <- block", quote({
  x[some, some] <- block
  mlx_eval(x)
}), quote(x))
index_row("masked", "masked assignment: x[mask] <- 0", quote({
  x[mask] <- 0
  mlx_eval(x)
}), quote(x))
