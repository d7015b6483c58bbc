# Products with Jacobians against closed forms.

f64 <- function(x) as_mlx(x, dtype = "float64")

test_that("vjp and jvp multiply with the closed form of the Jacobian", {
  f <- function(x) c(x[1] * x[2], sin(x[1]), x[2]^3)
  jacobian <- rbind(c(3, 2), c(cos(2), 0), c(0, 27))
  x <- f64(c(2, 3))
  weights <- c(0.5, -2, 3)
  out <- mlx_vjp(f, x, cotangents = weights)
  expect_named(out, c("value", "grads"))
  expect_equal(as.numeric(out$value), c(6, sin(2), 27))
  expect_equal(as.numeric(out$grads[[1]]), as.vector(weights %*% jacobian))
  direction <- c(0.1, -0.7)
  out <- mlx_jvp(f, x, tangents = direction)
  expect_equal(as.numeric(out$tangents), as.vector(jacobian %*% direction))
  expect_equal(as.numeric(out$value), c(6, sin(2), 27))
})

test_that("a linearized function multiplies from both sides without running f again", {
  runs <- 0
  f <- function(x) {
    runs <<- runs + 1
    list(a = x^2, b = sum(x))
  }
  lin <- mlx_linearize(f, f64(c(1, 2)))
  expect_equal(runs, 1)
  expect_equal(lapply(lin$jvp(c(1, 10)), as.numeric), list(a = c(2, 40), b = 11))
  expect_equal(as.numeric(lin$jvp(c(1, 0))$a), c(2, 0))
  expect_equal(as.numeric(lin$vjp(list(a = c(1, 1), b = 5))[[1]]), c(7, 9))
  expect_equal(as.numeric(lin$vjp(list(b = 5))[[1]]), c(5, 5))
  expect_equal(runs, 1)
})
