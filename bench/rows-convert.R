# Matrices to MLX and back. Python's are NumPy arrays that hold what R's hold: float64, int32, bool,
# complex128. From MLX's own order, by rows, R's is made, by columns: NumPy's peer is np.asfortranarray().

side <- sized(2000L, 50L)
make <- list(
  double = quote(noise(1, side, side)),
  integer = quote(matrix(as.integer(1000 * noise(1, side, side)), side)),
  logical = quote(noise(1, side, side) > 0),
  complex = quote(matrix(complex(real = noise(1, side, side), imaginary = noise(2, side, side)), side))
)
dtype_of <- c(double = "float32", integer = "int32", logical = "bool", complex = "complex64")
convert_rows <- function(id, type, dtype, size) {
  setup <- bquote({
    r <- .(make[[type]])
    x <- as_mlx(r, dtype = .(dtype))
    # what operations usually give is in MLX's own order, by rows
    by_rows <- t(as_mlx(t(r), dtype = .(dtype)))
    mlx_eval(x, by_rows)
  })
  aims <- list(at_most(1.5))
  bytes <- size * side^2
  as_dtype <- paste(type, "as", dtype)
  eval(bquote(bench_row(.(paste0("to-", id)), .(paste("to MLX:", as_dtype)), .(setup),
    call = {
      x <- as_mlx(r, dtype = .(dtype))
      mlx_eval(x)
    },
    value = x, aims = .(aims), bytes = .(bytes)
  )))
  eval(bquote(bench_row(.(paste0("from-", id)), .(paste("back:", as_dtype)), .(setup),
    call = as.matrix(x), aims = .(aims), bytes = .(bytes)
  )))
  eval(bquote(bench_row(.(paste0("from-rows-", id)), .(paste("back, from rows to columns:", as_dtype)), .(setup),
    call = as.matrix(by_rows), aims = .(aims), bytes = .(bytes)
  )))
}
size_of <- c(double = 8, integer = 4, logical = 4, complex = 16)
for (type in names(make)) convert_rows(type, type, dtype_of[[type]], size_of[[type]])
convert_rows("double-float64", "double", "float64", 8)

# What a copy of the same doubles takes: memory and memcpy.
bench_row("copy-double", "copy of a double matrix",
  setup = r <- noise(1, side, side),
  call = {
    x <- r
    x[1] <- 1
  },
  value = x[2:3], peers = "numpy", bytes = 8 * side^2
)
