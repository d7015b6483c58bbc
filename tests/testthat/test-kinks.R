# Derivatives where functions have kinks, ties or infinite slopes.

slope_at <- function(f, ...) as_r(mlx_grad(f, ..., argnums = 1)[[1L]])
# the gradient of a weighted sum of the gradient's elements
bend_at <- function(f, x) {
  w <- seq_along(x) / 2 + 0.7
  slope_at(function(x) sum(mlx_grad(f, x)[[1L]] * array(w, if (is.null(dim(x))) length(w) else dim(x))), x)
}
expect_slope <- function(f, x, first, second = NULL) {
  local_doubles()
  expect_near(slope_at(f, x), first, absolute = 1e-14)
  if (!is.null(second)) expect_near(bend_at(f, x), second, absolute = 1e-14)
}

test_that("a branch that is not chosen has no part in the gradient, to any order", {
  local_cpu()
  expect_slope(function(x) sum(mlx_where(x > 0, sqrt(x), 0)), c(-1, 0, 4), c(0, 0, 1 / 4), c(0, 0, -2.2 / 32))
  expect_slope(function(x) sum(ifelse(x > 0, log(x), 0)), c(-1, 0, 4), c(0, 0, 1 / 4), c(0, 0, -2.2 / 16))
  expect_slope(function(x) sum(ifelse(x > 0, x * log(x), 0)), c(0, 4), c(0, log(4) + 1), c(0, 1.7 / 4))
  expect_slope(function(x) sum(ifelse(x != 0, sin(x) / x, 1)), c(0, 2), c(0, cos(2) / 2 - sin(2) / 4))
  expect_slope(function(x) sum(ifelse(x < 700, exp(x), 0)), c(0, 800), c(1, 0), c(1.2, 0))
  expect_slope(function(x) sum(ifelse(c(FALSE, TRUE), log(x), x)), c(0, 2), c(1, 1 / 2))
  # a branch within a branch
  expect_slope(function(x) sum(ifelse(x > 0, ifelse(x >= 0, sqrt(x), 1) + 1, 0)), c(0, 4), c(0, 1 / 4))
})

test_that("a branch keeps the values that more than its own element decide", {
  local_cpu()
  local_doubles()
  f <- function(x) sum(ifelse(x > 1, sqrt(x) / sum(sqrt(x)), 0))
  x <- c(0.25, 4, 9)
  expect_near(slope_at(f, x), central_difference(f, list(x), 1) / weights_for(0), 1e-8)
  expect_identical(as.vector(as_mlx(f(as_mlx(x)))), f(x))
})

test_that("a branch evaluated before stays as it is, and errors in branches end the notes", {
  local_cpu()
  expect_true(is.nan(slope_at(function(x) {
    root <- log(x)
    mlx_where(x > 0, root, 0)
  }, 0)))
  expect_error(mlx_grad(function(x) mlx_where(x > 0, stop("inside"), log(x)), 1), "inside")
  expect_slope(function(x) ifelse(x > 0, log(x), 0), 0, 0)
})

test_that("powers have JAX's slopes at 0", {
  local_cpu()
  expect_slope(function(x) x^as_mlx(0), 0, 0, 0)
  expect_slope(function(x) x^as_mlx(1), 0, 1, 0)
  expect_slope(function(x) x^as_mlx(2), 0, 0, 2.4)
  expect_slope(function(x) x^as_mlx(3), -2, 12, -12 * 1.2)
  expect_slope(function(x) x^0.5, 0, Inf)
  expect_slope(function(p) as_mlx(0)^p, 0, 0, 0)
  expect_slope(function(p) as_mlx(0)^p, 2, 0, 0)
  expect_slope(function(z) z[1]^z[2], c(0, 0), c(0, 0), c(0, 0))
  local_doubles()
  both <- as_r(mlx_grad(function(x, p) x^p, -2, 2)[[1L]])
  expect_identical(both, -4)
})

test_that("the roots, logarithms and signs of 0 have their limits for slopes", {
  local_cpu()
  expect_slope(sqrt, 0, Inf)
  expect_slope(log, 0, Inf)
  expect_slope(function(x) sum(abs(x)), c(0, -2, 3), c(0, -1, 1), c(0, 0, 0))
  expect_slope(sign, 0, 0, 0)
})

test_that("ties share the gradient equally", {
  local_cpu()
  for (f in list(max, mlx_max, function(x) -min(-x))) expect_slope(f, c(1, 2, 2), c(0, 0.5, 0.5), c(0, 0, 0))
  expect_slope(max, matrix(c(3, 3, 3, 1), 2), matrix(c(1, 1, 1, 0) / 3, 2))
  expect_slope(max, c(1, Inf), c(0, 1))
  expect_slope(function(z) mlx_maximum(z[1], z[2]), c(1, 1), c(0.5, 0.5))
  expect_slope(function(z) pmin(z[1], z[2]), c(1, 1), c(0.5, 0.5))
  expect_slope(median, c(1, 1, 1, 1), c(0, 0.5, 0.5, 0))
  expect_slope(function(x) sum(mlx_sort(x) * c(1, 2, 3)), c(1, 1, 1), c(1, 2, 3))
})

test_that("maximum and minimum of two arrays have gradients in every layout and dtype, mapped and compiled", {
  wide <- matrix(c(-1, 0, 2, 3, 0, -2, 5, 1.5, 0, 1, -3, 2), 3)
  other <- matrix(c(0, 0, 2, -3, 1, -2, 4, 1.5, 7, 0, -3, 9), 3)
  weights <- matrix(c(1, -2, 0.5, 3, 1, 2, -1, 4, 1, 1, 6, 2), 3)
  taken <- (wide > other) + (wide == other) / 2 # closed form
  local_cpu()
  for (dtype in c("float32", "float64", "float16", "bfloat16")) {
    arrays <- list(
      columns = as_mlx(wide, dtype = dtype), rows = mlx_contiguous(as_mlx(wide, dtype = dtype)),
      transposed = t(as_mlx(t(wide), dtype = dtype)), part = as_mlx(cbind(9, wide, 9), dtype = dtype)[, 2:5]
    )
    y <- as_mlx(other, dtype = dtype)
    w <- as_mlx(weights, dtype = dtype)
    up <- function(x, y) sum(mlx_maximum(x, y) * w)
    down <- function(x, y) sum(mlx_minimum(x, y) * w)
    for (x in arrays) {
      expect_equal(grads <- lapply(mlx_grad(up, x, y), as_r), list(taken * weights, (1 - taken) * weights))
      expect_equal(lapply(mlx_grad(down, x, y), as_r), list((1 - taken) * weights, taken * weights))
      expect_equal(as_r(mlx_jvp(function(x) mlx_maximum(x, y), x, tangents = w)$tangents), taken * weights)
      # beside one number, with one weight for all
      half <- (wide > 0) + (wide == 0) / 2
      expect_equal(slope_at(function(x) sum(mlx_maximum(x, 0)), x), half)
      expect_equal(slope_at(function(x) sum(mlx_minimum(0, x)), x), 1 - half)
      # row by row
      each <- mlx_vmap(function(x, y, w) mlx_grad(function(x) sum(mlx_maximum(x, y) * w), x)[[1L]])
      expect_equal(as_r(each(x, y, w)), taken * weights)
    }
    for (shapeless in c(FALSE, TRUE)) {
      compiled <- mlx_compile(function(x, y) mlx_grad(up, x, y), shapeless = shapeless)
      expect_equal(lapply(compiled(arrays$columns, y), as_r), list(taken * weights, (1 - taken) * weights))
    }
  }
  expect_identical(slope_at(function(x) sum(mlx_maximum(x, c(1, NaN, 3)) * c(1, 1, 2)), c(NaN, 2, 3)), c(0, 0, 1))
})

test_that("what a maximum has chosen is a constant for further derivatives", {
  local_cpu()
  for (dtype in c("float32", "float64")) {
    chosen <- function(z) mlx_grad(function(z) sum(mlx_maximum(z, 0)), z)[[1L]]
    at <- function(f, x) as_r(mlx_grad(f, as_mlx(x, dtype = dtype))[[1L]])
    expect_identical(at(function(x) sum(chosen(x) / x), c(1, 0)), c(-1, -Inf))
    for (f in list(sqrt, log, function(v) 1 / v, function(v) v^0.5)) {
      expect_identical(at(function(x) sum(f(chosen(x))), c(-1, 2)), c(0, 0))
    }
    expect_identical(at(function(x) sum(x * as.numeric(chosen(x))), c(-1, 2)), c(0, 1)) # may be read
  }
})

test_that("products with zeros have gradients", {
  local_cpu()
  expect_slope(prod, c(2, 3, 4), c(12, 8, 6))
  expect_slope(prod, c(0, 3, 4), c(12, 0, 0), c(13.4, 4.8, 3.6))
  expect_slope(prod, c(0, 0, 4), c(0, 0, 0), c(6.8, 4.8, 0))
  expect_slope(function(x) sum(cumprod(x)), c(2, 0, 0), c(1, 2, 0), c(1.7, 5.6, 3.4))
})

test_that("norms have the gradient 0 at 0", {
  local_cpu()
  for (type in c("O", "I", "F", "M", "2")) {
    expect_slope(function(x) norm(x, type), matrix(0, 2, 2), matrix(0, 2, 2), matrix(0, 2, 2))
  }
  for (ord in list(Inf, -Inf, 0, 1, 2, 3, 0.5, -1)) {
    expect_slope(function(x) mlx_norm(x, ord), c(0, 0), c(0, 0))
  }
  expect_slope(function(x) mlx_norm(x, 0.5), c(0, 2), c(0, 1))
  for (ord in list(2, -2, "nuc", "fro")) {
    expect_slope(function(x) mlx_norm(x, ord, axes = c(1, 2)), matrix(0, 2, 2), matrix(0, 2, 2))
  }
  expect_slope(sd, c(1, 1, 1), c(0, 0, 0))
})

test_that("determinants of singular matrices have second derivatives", {
  local_cpu()
  # of a 2 x 2 matrix: the second derivative of x11 x22 - x12 x21
  expect_slope(det, matrix(0, 2, 2), matrix(0, 2, 2), matrix(c(2.7, -2.2, -1.7, 1.2), 2))
  local_doubles()
  x <- diag(c(1, 2, 0)) + 0
  slope <- function(x) as_r(mlx_grad(det, x)[[1L]])
  w <- matrix(1:9 / 2 + 0.7, 3)
  want <- (slope(x + 1e-3 * w) - slope(x - 1e-3 * w)) / 2e-3
  expect_near(bend_at(det, as_r(x)), want, 1e-8, absolute = 1e-8)
})

test_that("comparisons and replaced blocks map over either operand alone", {
  local_cpu()
  local_doubles()
  items <- matrix(c(3, 4, 5, 6, 7, 8), 2)
  x <- as_mlx(c(3.5, 7, 5))
  for (name in c("==", "!=", "<", "<=", ">", ">=", "&", "|", "%%", "%/%", "mlx_logical_xor", "atan2", "mlx_maximum")) {
    f <- get(name)
    left <- as_r(mlx_vmap(function(y) f(x, y))(items))
    right <- as_r(mlx_vmap(function(y) f(y, x))(items))
    for (i in 1:2) {
      expect_identical(left[i, ], as.vector(f(x, as_mlx(items[i, ]))), label = name)
      expect_identical(right[i, ], as.vector(f(as_mlx(items[i, ]), x)), label = name)
    }
  }
  replaced <- function(y) {
    y[2:3] <- 0
    y
  }
  expect_identical(as_r(mlx_vmap(replaced)(items)), cbind(items[, 1], 0, 0))
  filled <- function(y) {
    out <- mlx_zeros(3)
    out[2:3] <- y[1:2]
    out
  }
  expect_identical(as_r(mlx_vmap(filled)(items)), cbind(0, items[, 1:2]))
})
