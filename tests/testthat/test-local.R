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
