# Functions that Python exported.

test_that("an exported function computes, takes arguments by position and name, and is differentiable", {
  one <- mlx_import_function(test_path("fixtures", "one"))
  x <- matrix(c(0, 0.5, -1, 2, 0.1, 1), 2)
  expect_near(one(x), sum(exp(x)), 1e-6)
  expect_near(mlx_grad(one, x)[[1L]], exp(x), 1e-6)
  two <- mlx_import_function(test_path("fixtures", "two.mlxfn"), device = "cpu")
  y <- matrix(1:6, 2)
  z <- matrix(6:1, 3)
  out <- two(x, y, z = z)
  expect_length(out, 2L)
  expect_near(out[[1L]], x * 2 + y, 1e-6)
  expect_near(out[[2L]], base::`%*%`(sin(x), z), 1e-5)
  expect_near(two(z = z, x, y, .device = "cpu")[[1L]], x * 2 + y, 1e-6)
})

test_that("what does not fit an exported function is told", {
  one <- mlx_import_function(test_path("fixtures", "one"))
  expect_error(one(1:3), class = "rmlx_error_mlx")
  expect_error(one(), class = "rmlx_error_mlx")
  expect_error(one("a"), "character", class = "rmlx_error_argument")
  missing <- file.path(normalizePath(tempdir()), "none.mlxfn")
  expect_error(mlx_import_function(missing), missing, fixed = TRUE, class = "rmlx_error_file")
  broken <- tempfile(fileext = ".mlxfn")
  writeLines("not a function", broken)
  expect_error(mlx_import_function(broken), "exported function", class = "rmlx_error_file")
})
