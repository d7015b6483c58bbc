# Devices and default dtypes for a piece of code.

test_that("a local default dtype lasts until its function ends", {
  f <- function() {
    local_mlx_dtype("float64")
    mlx_dtype(as_mlx(1))
  }
  expect_identical(f(), "float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
  expect_identical(with_mlx_dtype("float64", mlx_dtype(as_mlx(1))), "float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("a local default dtype lasts until its test ends", {
  local_mlx_dtype("float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float64")
})

test_that("after a test with a local default dtype the former one is back", {
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("a local default dtype ends with an error too, innermost first", {
  f <- function() {
    local_mlx_dtype("float64")
    local_mlx_dtype("float16")
    stop(mlx_dtype(as_mlx(1)))
  }
  expect_error(f(), "float16")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})
