# What print(), format(), str() and summary() show.

test_that("arrays show their shape, dtype, device and values", {
  local_mlx_device("cpu")
  named <- as_mlx(matrix(1:4, 2, dimnames = list(c("u", "v"), c("a", "b"))))
  expect_told({
    as_mlx(8)
    as_mlx(c(1.5, NA, Inf))
    as_mlx(c(a = 1, b = 2))
    as_mlx(1:3, dtype = "int8")
    as_mlx(c(TRUE, FALSE))
    as_mlx(1 + 2i)
    as_mlx(numeric())
    mlx_zeros(c(0, 3))
    as_mlx(matrix(c(-14.5, -34.5), 2))
    named
    mlx_zeros(c(2, 3, 4))
    mlx_zeros(101)
    print(as_mlx(pi, dtype = "float64"), digits = 3)
    list(w = as_mlx(1:2), n = 1)
    format(named)
    format(as_mlx(c(1.5, 10)), nsmall = 2)
    str(named)
    str(as_mlx(TRUE))
    str(list(w = as_mlx(1:2), n = 1))
    summary(as_mlx(1:4))
    summary(named)
    summary(as_mlx(c(TRUE, FALSE)))
    cat(as_mlx(1:3), "\n")
    toString(as_mlx(1:3))
    mlx_grad(function(w) {
      print(w)
      sum(w)
    }, 2)
  }, kind = NULL)
})

test_that("streams, memory and print options show themselves", {
  scrubbed <- function(lines) gsub("index[= ]+[0-9]+", "index=<n>", gsub(" +[0-9.]+ MB", " <n> MB", lines))
  expect_told({
    mlx_new_stream("cpu")
    format(mlx_new_stream("cpu"))
    mlx_memory()
    mlx_print_options()
    qr(as_mlx(diag(2)))
  }, kind = NULL, transform = scrubbed)
})

test_that("the situation report says what this installation can do", {
  skip_if(mlx_has_gpu(), "a gpu is reported otherwise")
  skip_on_os("mac")
  scrubbed <- function(lines) {
    lines <- gsub("(/[^/' ]+)+", "<path>", lines)
    lines <- gsub("[0-9.]+ (GB|MB)", "<n> \\1", lines)
    lines <- sub("(rmlx|MLX) [0-9.]+", "\\1 <version>", lines)
    sub("R uses the reference BLAS.*|BLAS: .*", "BLAS: <path>", lines)
  }
  expect_snapshot_output(cat(scrubbed(cli::cli_fmt(mlx_sitrep())), sep = "\n"), cran = TRUE)
})
