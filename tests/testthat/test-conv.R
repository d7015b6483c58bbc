# What the table of operations does not say of convolutions.

test_that("shapes that do not fit are told", {
  x <- mlx_zeros(c(1, 5, 2))
  w <- mlx_zeros(c(4, 3, 2))
  expect_error(mlx_conv1d(x, mlx_zeros(c(4, 3, 3))), "`input` has 2 channels", class = "rmlx_error_shape")
  expect_error(mlx_conv1d(mlx_zeros(c(5, 2)), w), "batch x length x channels", class = "rmlx_error_shape")
  expect_error(mlx_conv2d(x, w), "batch x height x width", class = "rmlx_error_shape")
  expect_error(mlx_conv1d(x, mlx_zeros(c(4, 6, 2))), "covers 6 points of axis 2, but `input` has 5",
               class = "rmlx_error_shape")
  expect_error(mlx_conv1d(x, mlx_zeros(c(3, 3, 1)), groups = 2), "do not divide into 2 groups",
               class = "rmlx_error_shape")
  expect_error(mlx_conv1d(x, w, stride = 0), "`stride` must be", class = "rmlx_error_argument")
  expect_error(mlx_conv1d(x, w, padding = c(1, 2)), "it has 2", class = "rmlx_error_argument")
  expect_error(mlx_conv1d(x, w, groups = 1.5), "`groups`", class = "rmlx_error_argument")
  expect_error(mlx_conv_general(x, 1), "at least 3 axes", class = "rmlx_error_shape")
  expect_error(mlx_convolve(matrix(1, 2, 2), 1:2), "vectors", class = "rmlx_error_shape")
  expect_error(mlx_convolve(numeric(), 1:2), "at least one", class = "rmlx_error_shape")
})

test_that("nothing convolved is nothing, or zeros", {
  local_cpu()
  w <- as64(array(1, c(4, 3, 2)))
  for (kind in c("float32", "float64")) {
    w <- mlx_cast(w, kind)
    expect_identical(mlx_shape(mlx_conv1d(mlx_zeros(c(0, 5, 2), kind), w)), c(0L, 3L, 4L))
    none <- mlx_conv1d(mlx_zeros(c(1, 5, 0), kind), mlx_zeros(c(2, 3, 0), kind))
    expect_identical(as.array(none), array(0, c(1, 3, 2)))
  }
})

test_that("every floating dtype is convolved, integers and logicals too, and groups and complex numbers", {
  local_cpu()
  x <- array(c(1, -2, 3, 4, 0, 1), c(1, 3, 2))
  w <- array(c(1, 2, -1, 0.5, 1, 1, 2, 0), c(2, 2, 2))
  for (kind in c("float16", "bfloat16", "float32", "float64")) {
    y <- mlx_conv1d(as_mlx(x, dtype = kind), as_mlx(w, dtype = kind))
    expect_identical(mlx_dtype(y), kind)
    expect_near(y, conv_r(x, w), 1e-2, kind)
  }
  z <- x + 1i * rev(x)
  got <- mlx_conv1d(as_mlx(z), as_mlx(w + 1i))
  want <- conv_r(x, w) - conv_r(array(rev(x), dim(x)), array(1, dim(w))) +
    1i * (conv_r(array(rev(x), dim(x)), w) + conv_r(x, array(1, dim(w))))
  expect_near(got, want, 1e-5)
  whole <- mlx_conv1d(as_mlx(x, dtype = "int32"), as_mlx(2 * w, dtype = "int32"))
  expect_identical(mlx_dtype(whole), "float32")
  expect_near(whole, conv_r(x, 2 * w), 0)
  expect_near(mlx_conv1d(as_mlx(x > 0), as_mlx(w)), conv_r(array(+(x > 0), dim(x)), w), 0)
  y <- mlx_conv1d(as64(x), as_mlx(w))
  expect_identical(mlx_dtype(y), "float64")
})

test_that("the float32 gradients of grouped and dilated convolutions agree with float64's", {
  local_cpu()
  x <- waves(c(2, 6, 5, 4))
  w <- waves(c(4, 3, 2, 2), 1.3)
  f <- function(x, w) sum(mlx_conv2d(x, w, 2, 1, c(1, 2), 2)^2)
  want <- mlx_grad(f, as64(x), as64(w))
  got <- mlx_grad(f, as_mlx(x), as_mlx(w))
  for (i in 1:2) expect_near(got[[i]], as.array(want[[i]]), 1e-4, absolute = 1e-3)
  f <- function(x, w) sum(mlx_conv_transpose2d(x, w, 2, 1, 1, 1, 2)^2)
  want <- mlx_grad(f, as64(x), as64(w))
  got <- mlx_grad(f, as_mlx(x), as_mlx(w))
  for (i in 1:2) expect_near(got[[i]], as.array(want[[i]]), 1e-4, absolute = 1e-2)
})
