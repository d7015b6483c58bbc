# Contract section 13: gradients of gradients keep the outer tape, whatever is evaluated in between.

grad_at <- function(f, x) as.vector(mlx_grad(f, x)[[1]])

test_that("evaluating an inner gradient, or what it captured, keeps the outer gradient", {
  cube <- function(z) z^3
  # each is 12 x^3 + 2 x: the inner gradient of z^3 at x^2, plus x^2
  ways <- list(
    function(x) {
      y <- x^2
      g <- mlx_grad(cube, y)[[1]]
      mlx_eval(g)
      g + y
    },
    function(x) {
      y <- x^2
      g <- mlx_grad(cube, y)[[1]]
      if (g > 0) g + y else y
    },
    function(x) {
      y <- x^2
      g <- mlx_grad(cube, y)[[1]]
      utils::capture.output(print(g), print(y))
      mlx_eval(y)
      g + y
    },
    function(x) {
      out <- mlx_value_grad(function(z) list(as_mlx(1), kept = z * 1), x^2)
      mlx_eval(out)
      3 * out$aux$kept^2 + out$aux$kept
    },
    function(x) {
      y <- x^2
      out <- mlx_value_grad(function(z) list(cube(z), inner = z + 0), y)
      mlx_eval(out$value, out$aux$inner, y)
      out$grads[[1]] + out$aux$inner
    }
  )
  for (f in ways) expect_equal(grad_at(f, 3), 330)
})

test_that("an outer value that an inner function captured stays traced", {
  # d/dx of (3 z^2 x^2 at z = 2) + x^2
  f <- function(x) {
    y <- x^2
    g <- mlx_grad(function(z) z^3 * y, 2)[[1]]
    mlx_eval(g, y, x)
    g + y
  }
  expect_equal(grad_at(f, 3), 78)
  read <- function(x) {
    mlx_grad(function(z) z^3 * x, 2)
    x * as.numeric(x)
  }
  expect_error(mlx_grad(read, 3), class = "rmlx_error_tape")
})

test_that("three deep, with an evaluation after each", {
  d <- function(f) {
    function(x) {
      g <- mlx_grad(f, x)[[1]]
      mlx_eval(g, x)
      g
    }
  }
  expect_equal(grad_at(d(d(function(x) x^4)), 2), 48)
  expect_equal(grad_at(d(d(d(function(x) x^5))), 2), 240)
})

test_that("reading the results of an inner gradient leaves the outer tape", {
  rlang::local_options(rmlx.overlay = FALSE)
  reads <- list(
    function(x) x * as.numeric(mlx_grad(function(z) z^3, x)[[1]]),
    function(x) x * as.numeric(mlx_grad(function(z) z * x, 2)[[1]]),
    function(x) x * as.numeric(mlx_value_grad(exp, x)$value),
    function(x) x * mean.default(mlx_value_grad(function(z) list(z^2, z * 2), x)$aux[[1]]),
    function(x) x * mean.default(mlx_value_grad(function(z) list(as_mlx(5), z * 2), x)$aux[[1]]),
    function(x) x * mean.default(mlx_grad(function(y) mlx_grad(function(z) z^3, y)[[1]], x)[[1]])
  )
  for (f in reads) expect_error(mlx_grad(f, 3), class = "rmlx_error_tape")
})

test_that("an inner gradient that does not depend on the outer argument may be read", {
  f <- function(x) {
    k <- as.numeric(mlx_grad(function(z) z^3, 2)[[1]])
    m <- as.numeric(mlx_value_grad(function(z) z^2, mlx_stop_gradient(x))$grads[[1]])
    x * k * m
  }
  expect_equal(grad_at(f, 3), 12 * 6)
})

test_that("an error in an inner gradient leaves the outer one whole", {
  f <- function(x) {
    y <- x^2
    try(mlx_grad(function(z) {
      k <- z * y
      mlx_eval(k)
      stop("inner")
    }, x), silent = TRUE)
    mlx_eval(y)
    y * x
  }
  expect_equal(grad_at(f, 2), 12)
})
