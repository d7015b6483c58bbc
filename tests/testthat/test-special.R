# Special functions beyond the table: orders far beyond the argument.

test_that("Bessel functions of orders far above the argument are 0, at once", {
  x <- as64(c(0, 1, -30, 700))
  for (order in c(5000, .Machine$integer.max)) {
    expect_identical(as.vector(mlx_bessel_j(x, order)), numeric(4), label = "J")
    expect_identical(as.vector(mlx_bessel_i(x, order)), numeric(4), label = "I")
    expect_identical(as.vector(mlx_bessel_i(x, order, scaled = TRUE)), numeric(4), label = "scaled I")
  }
  near <- as64(c(90, 120, 150))
  expect_near(mlx_bessel_j(near, 101), besselJ(c(90, 120, 150), 101), 1e-11)
})
