# Elementwise functions, comparisons of arrays, dtypes, windows: what the table has not.

int <- function(x, dtype = "int32") as_mlx(x, dtype = dtype)

test_that("bitwise functions agree with base R's on integers", {
  x <- c(12L, 5L, -7L, 0L)
  y <- c(10L, 3L, 6L, -1L)
  expect_identical(as.vector(mlx_bitwise_and(int(x), int(y))), bitwAnd(x, y))
  expect_identical(as.vector(mlx_bitwise_or(int(x), int(y))), bitwOr(x, y))
  expect_identical(as.vector(mlx_bitwise_xor(int(x), int(y))), bitwXor(x, y))
  expect_identical(as.vector(mlx_bitwise_invert(int(x))), bitwNot(x))
  expect_identical(as.vector(mlx_left_shift(int(c(1L, 3L)), 2)), c(4L, 12L))
  expect_identical(as.vector(mlx_right_shift(int(c(-8L, 13L)), 2)), c(-2L, 3L))
  expect_identical(mlx_dtype(mlx_bitwise_and(int(x), 4)), "int32")
})

test_that("bitwise functions keep every integer dtype, and take bools", {
  for (dtype in grep("int", dtypes, value = TRUE)) {
    expect_identical(mlx_dtype(mlx_bitwise_or(int(1:2, dtype), int(4L, dtype))), dtype)
    expect_identical(as.vector(mlx_bitwise_or(int(1:2, dtype), int(4L, dtype))) + 0, c(5, 6))
  }
  expect_identical(as.vector(mlx_bitwise_xor(as_mlx(c(TRUE, FALSE)), TRUE)), c(FALSE, TRUE))
  expect_identical(as.vector(mlx_bitwise_invert(as_mlx(c(TRUE, FALSE)))), c(FALSE, TRUE))
})

test_that("floats have no bits", {
  local_cpu()
  expect_error(mlx_bitwise_and(as_mlx(1), 1L), "float32.*Cast", class = "rmlx_error_dtype")
  expect_error(mlx_bitwise_invert(as64(1)), "float64", class = "rmlx_error_dtype")
})

test_that("mlx_clip takes one bound or two, and refuses none and bounds in the wrong order", {
  x <- as_mlx(c(-2, 0, 2))
  expect_identical(as.vector(mlx_clip(x, max = 1)), c(-2, 0, 1))
  expect_identical(as.vector(mlx_clip(x, min = 0)), c(0, 0, 2))
  expect_identical(mlx_dtype(mlx_clip(int(1:3), 2, 2)), "int32")
  expect_error(mlx_clip(x, 2, 1), "min must be less than or equal to max", class = "rmlx_error_argument")
  expect_error(mlx_clip(x), "min.*max", class = "rmlx_error_argument")
})

test_that("mlx_nan_to_num takes the dtype's own limits for infinities", {
  local_cpu()
  limits <- c(float16 = 65504, bfloat16 = 3.3895313892515355e38, float32 = 3.4028234663852886e38,
              float64 = .Machine$double.xmax)
  for (dtype in names(limits)) {
    x <- mlx_nan_to_num(as_mlx(c(Inf, -Inf, NaN), dtype = dtype))
    expect_identical(as.vector(x), c(limits[[dtype]], -limits[[dtype]], 0), label = dtype)
  }
  expect_error(mlx_nan_to_num(as_mlx(1i)), "complex64", class = "rmlx_error_dtype")
})

test_that("division by integer zero in mlx_divmod is what R says, and ends no process", {
  parts <- mlx_divmod(int(c(7L, -7L, 0L)), int(c(0L, 0L, 0L)))
  expect_identical(as.vector(parts$quotient), c(Inf, -Inf, NaN))
  expect_identical(as.vector(parts$remainder), c(NaN, NaN, NaN))
})

test_that("closeness counts equal infinities, and NaN only if asked", {
  local_cpu()
  x <- c(1, Inf, -Inf, NaN, Inf)
  y <- c(1 + 1e-6, Inf, Inf, NaN, 1)
  expect_identical(as.vector(mlx_isclose(as64(x), y)), c(TRUE, TRUE, FALSE, FALSE, FALSE))
  expect_identical(as.vector(mlx_isclose(as64(x), y, equal_nan = TRUE)), c(TRUE, TRUE, FALSE, TRUE, FALSE))
  expect_false(as.logical(mlx_array_equal(as64(NaN), NaN)))
  expect_true(as.logical(mlx_array_equal(as64(NaN), NaN, equal_nan = TRUE)))
  expect_false(as.logical(mlx_array_equal(as_mlx(1:3), 1:2)))
  # the bound is |a - b| <= atol + rtol |b|, which is not symmetric
  expect_true(as.logical(mlx_allclose(as64(10), 11, rtol = 0.095, atol = 0)))
  expect_false(as.logical(mlx_allclose(as64(11), 10, rtol = 0.095, atol = 0)))
})

test_that("all.equal says what differs", {
  expect_true(all.equal(as_mlx(1:2), c(1, 2)))
  expect_match(all.equal(as_mlx(1:3), as_mlx(1:2)), "different shapes: 3 vs 2")
  expect_match(all.equal(as_mlx(1), as_mlx(1:2)), "different shapes: scalar vs 2")
  expect_match(all.equal(as_mlx(1:2), c(1, 3)), "not all close", ignore.case = TRUE)
  expect_match(all.equal(as_mlx(1), "a"), "character")
  expect_true(all.equal(as_mlx(1), 1.05, tolerance = 0.1))
})

test_that("dtypes tell their kind, size and limits", {
  local_cpu()
  expect_identical(mlx_dtype_size("float16"), 2L)
  expect_identical(mlx_itemsize(as64(1)), 8L)
  expect_identical(mlx_ndim(mlx_zeros(c(1, 2, 3))), 3L)
  expect_identical(mlx_ndim(as_mlx(1)), 0L)
  expect_true(mlx_issubdtype("int8", "signedinteger"))
  expect_true(mlx_issubdtype("float64", "inexact"))
  expect_true(mlx_issubdtype(as_mlx(TRUE), "generic"))
  expect_true(mlx_issubdtype("signedinteger", "integer"))
  expect_false(mlx_issubdtype("uint8", "floating"))
  expect_true(mlx_isdtype("float32", "real floating"))
  expect_true(mlx_isdtype("uint8", c("bool", "unsigned integer")))
  expect_false(mlx_isdtype("bool", "numeric"))
  expect_identical(mlx_finfo("float64")[c("eps", "max", "smallest_normal")],
                   list(eps = .Machine$double.eps, max = .Machine$double.xmax,
                        smallest_normal = .Machine$double.xmin))
  expect_identical(mlx_finfo("float32")$eps, 2^-23)
  expect_identical(mlx_iinfo("int32")$max, 2147483647)
  expect_identical(mlx_iinfo("uint8")[c("min", "max", "bits")], list(min = 0, max = 255, bits = 8L))
  expect_error(mlx_finfo("int8"), "mlx_iinfo", class = "rmlx_error_dtype")
  expect_error(mlx_iinfo("float32"), "mlx_finfo", class = "rmlx_error_dtype")
  expect_error(mlx_dtype_size("float128"), "float32", class = "rmlx_error_dtype")
})

test_that("promotion is asked of MLX", {
  expect_identical(mlx_result_type("int8", "uint8"), "int16")
  expect_identical(mlx_result_type(as_mlx(1:2, dtype = "int32"), 1L), "int32")
  expect_identical(mlx_result_type(as_mlx(1:2, dtype = "int32"), 1.5), "float32")
  expect_identical(mlx_result_type("float32", "complex64"), "complex64")
  expect_true(mlx_can_cast("int8", "int32"))
  expect_false(mlx_can_cast("float32", "int32"))
  expect_true(mlx_can_cast("bool", "float16"))
})

test_that("windows are those of their formulas", {
  local_cpu()
  n <- 0:6
  local_doubles()
  expect_near(mlx_bartlett(7), c(0, 1, 2, 3, 2, 1, 0) / 3)
  expect_near(mlx_hanning(7), sin(pi * n / 6)^2, absolute = 1e-15)
  expect_near(mlx_hamming(7), 0.08 + 0.92 * sin(pi * n / 6)^2, absolute = 1e-15)
  expect_near(mlx_blackman(7), c(0, 0.13, 0.63, 1, 0.63, 0.13, 0), absolute = 1e-15)
  expect_identical(as.vector(mlx_hanning(1)), 1)
  expect_identical(mlx_shape(mlx_hanning(0)), 0L)
  expect_identical(mlx_dtype(mlx_hanning(3, dtype = "float32")), "float32")
  expect_equal(mlx_euler_gamma, -digamma(1))
})

test_that("mlx_linspace can leave its end out, and mlx_empty is zeros", {
  expect_equal(as.vector(mlx_linspace(0, 1, 4, endpoint = FALSE)), c(0, 0.25, 0.5, 0.75))
  expect_equal(as.vector(mlx_linspace(0, 3, 4)), 0:3)
  expect_identical(as.vector(mlx_empty(2)), c(0, 0))
  expect_identical(mlx_dtype(mlx_empty_like(int(1:2))), "int32")
})

test_that("clipping lets the gradient through within the bounds only", {
  expect_identical(as.vector(mlx_grad(function(x) sum(mlx_clip(x, -1, 1)), c(-2, -1, 0, 1, 2))[[1]]),
                   c(0, 1, 1, 1, 0))
})

test_that("mlx_item gives the only element, and refuses others", {
  expect_identical(mlx_item(as_mlx(matrix(2.5))), 2.5)
  expect_identical(mlx_item(as_mlx(TRUE)), TRUE)
  expect_error(mlx_item(as_mlx(1:2)), "one element.*2", class = "rmlx_error_shape")
  expect_error(mlx_item(1), "is_mlx", class = "rmlx_error_argument")
  expect_error(mlx_grad(function(x) mlx_item(x), 1), class = "rmlx_error_tape")
})
