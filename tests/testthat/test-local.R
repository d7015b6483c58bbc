# Settings that hold for a piece of code or the rest of a function.

test_that("local_mlx_dtype() holds until the function ends", {
  f <- function() {
    local_mlx_dtype("float64")
    mlx_dtype(as_mlx(1))
  }
  expect_identical(f(), "float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("with_mlx_dtype() holds for its code, after an error no longer", {
  expect_identical(with_mlx_dtype("float64", mlx_dtype(as_mlx(1))), "float64")
  expect_error(with_mlx_dtype("float64", stop("here")), "here")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
  expect_identical(with_mlx_dtype("float64", with_mlx_dtype("float16", mlx_dtype(as_mlx(1)))), "float16")
})

test_that("a default device holds for its code", {
  old <- mlx_device()
  expect_identical(with_mlx_device("cpu", mlx_device()), "cpu")
  f <- function() {
    local_mlx_device("cpu")
    mlx_device(as_mlx(1))
  }
  expect_identical(f(), "cpu")
  expect_identical(mlx_device(), old)
})

test_that("only real floating dtypes may be the default of numbers", {
  for (bad in c("int32", "bool", "complex64", "uint8")) {
    expect_error(local_mlx_dtype(bad), bad, class = "rmlx_error_dtype")
    expect_error(with_mlx_dtype(bad, 1), "as_mlx(x, dtype", fixed = TRUE, class = "rmlx_error_dtype")
    rlang::with_options(rmlx.dtype = bad, {
      expect_error(as_mlx(1.7), "options(rmlx.dtype = )", fixed = TRUE, class = "rmlx_error_dtype")
    })
  }
  expect_error(local_mlx_dtype("nonsense"), class = "rmlx_error_dtype")
  for (good in c("float16", "bfloat16")) expect_identical(with_mlx_dtype(good, mlx_dtype(as_mlx(1))), good)
})

test_that("options(rmlx.host_reads) takes its three words only", {
  x <- as_mlx(c(1, 2))
  for (bad in list("never", TRUE, 1)) {
    rlang::with_options(rmlx.host_reads = bad, {
      expect_error(mean.default(x), "options(rmlx.host_reads = )", fixed = TRUE, class = "rmlx_error_argument")
    })
  }
  rlang::with_options(rmlx.host_reads = "allow", expect_identical(mean.default(x), 1.5))
})
