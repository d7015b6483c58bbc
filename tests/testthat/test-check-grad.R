# mlx_check_grad(): derivatives against differences.

test_that("right gradients pass, in both modes and orders", {
  check <- mlx_check_grad(function(p, x) sum(mlx_sigmoid(x %*% p$w + p$b)), list(w = matrix(c(1, -1), 2), b = 0.5),
                          matrix(c(1, 3, 2, 4), 2), argnums = 1)
  expect_true(check$ok)
  expect_identical(nrow(check$entries), 2L * (3L + 9L))
  expect_lt(max(check$entries$error), 1e-10)
  expect_identical(sort(unique(check$entries$mode)), c("forward", "reverse"))
  expect_identical(check$worst$order, c(1L, 1L, 2L, 2L))
})

test_that("the derivatives that are compared are those of the closed form", {
  check <- mlx_check_grad(function(a, b) a^2 * b, a = 3, b = 5)
  first <- subset(check$entries, order == 1 & mode == "reverse")
  expect_equal(first$analytic, c(30, 9))
  expect_equal(first$numeric, c(30, 9), tolerance = 1e-10)
  expect_identical(first$path, c("a", "b"))
  second <- subset(check$entries, order == 2 & mode == "forward")
  expect_equal(second$analytic, c(10, 6, 6, 0))
  expect_equal(second$numeric, c(10, 6, 6, 0), tolerance = 1e-8)
  expect_identical(second$path, c("a, a", "b, a", "a, b", "b, b"))
})

test_that("elements are named by argument, list and position", {
  f <- function(p, x, ...) sum(p$w) + sum(p$list[[1]]) + p[[3]] + sum(x) + sum(..1)
  p <- list(w = matrix(1:4 / 2, 2), list = list(c(1, 2)), 3, n = 1L)
  check <- mlx_check_grad(f, p, x = c(a = 1), array(1:2, c(1, 2, 1)), order = 1, modes = "reverse")
  expect_true(check$ok)
  expect_identical(
    check$entries$path,
    c("p$w[1,1]", "p$w[2,1]", "p$w[1,2]", "p$w[2,2]", "p$list[[1]][1]", "p$list[[1]][2]", "p[[3]]", "x",
      "[[3]][1,1,1]", "[[3]][1,2,1]")
  )
  by_name <- mlx_check_grad(function(u, v) sum(u * v), c(1, 2), c(3, 4), argnums = "v", order = 1) |>
    tryCatch(error = identity)
  expect_s3_class(by_name, "rmlx_error_argument")
  expect_identical(mlx_check_grad(function(u, v) sum(u * v), c(1, 2), v = c(3, 4), argnums = "v", order = 1,
                                  modes = "forward")$entries$path, c("v[1]", "v[2]"))
})

test_that("a wrong gradient is found at its place", {
  wrong <- mlx_custom_function(function(x) x^2, vjp = function(primals, cotangents, outputs) {
    list(2 * primals[[1]] * cotangents * c(1, 1.001))
  })
  check <- mlx_check_grad(function(p) sum(wrong(p$x)), list(x = c(1, 2)), order = 1, modes = "reverse")
  expect_false(check$ok)
  expect_identical(check$entries$ok, c(TRUE, FALSE))
  expect_identical(check$worst$path, "p$x[2]")
  expect_equal(check$worst$error, 0.001, tolerance = 1e-2)
  loose <- mlx_check_grad(function(p) sum(wrong(p$x)), list(x = c(1, 2)), order = 1, tol = 0.01, modes = "reverse")
  expect_true(loose$ok)
  out <- capture.output(print(check))
  expect_match(out[1], "FAILED")
  expect_match(out, "1 of 2 elements pass.*p\\$x\\[2\\]", all = FALSE)
  stopped <- mlx_check_grad(function(x) sum(x * mlx_stop_gradient(x)), x = c(1, 2), order = 1)
  expect_false(any(stopped$entries$ok))
})

test_that("a right gradient with a wrong second derivative is found by order 2 alone", {
  cubic <- mlx_custom_function(function(x) x^3, vjp = function(primals, cotangents, outputs) {
    list(3 * mlx_stop_gradient(primals[[1]])^2 * cotangents)
  })
  expect_true(mlx_check_grad(function(x) sum(cubic(x)), c(1, 2), order = 1, modes = "reverse")$ok)
  second <- mlx_check_grad(function(x) sum(cubic(x)), c(1, 2), modes = "reverse")
  expect_false(second$ok)
  expect_identical(unique(second$entries$order[!second$entries$ok]), 2L)
})

test_that("a gradient of NaN does not pass", {
  f <- function(x) sum(mlx_custom_function(function(x) x, vjp = function(p, c, o) list(c * NaN))(x))
  check <- mlx_check_grad(f, c(1, 2), order = 1, modes = "reverse")
  expect_false(check$ok)
  expect_identical(check$worst$error, Inf)
})

test_that("kinks do not pass, and points beside them do", {
  local_cpu()
  expect_false(mlx_check_grad(function(x) sum(mlx_where(x > 0, x, 0)), c(-1, 0), order = 1)$ok)
  expect_true(mlx_check_grad(function(x) sum(pmax(x, 0)), c(-1, 0.1), order = 2)$ok)
})

test_that("results of any shape are checked by a weighted sum", {
  f <- function(x) x %*% x
  check <- mlx_check_grad(f, matrix(c(1, 3, 2, 4), 2), order = 1)
  expect_true(check$ok)
  weights <- matrix(1 + sin(1:4) / 2, 2)
  x <- matrix(c(1, 3, 2, 4), 2)
  expect_equal(check$entries$analytic[1:4], as.vector(weights %*% t(x) + t(x) %*% weights))
  expect_true(mlx_check_grad(function(x) list(sum(x^2), aux = x), c(1, 2))$ok)
  expect_true(mlx_check_grad(function(x) mlx_reshape(sum(x^2), c(1, 1)), c(1, 2))$ok)
})

test_that("all is computed in double precision, whatever came", {
  seen <- NULL
  f <- function(x, y, k, data) {
    seen <<- c(mlx_dtype(x), mlx_dtype(y), mlx_dtype(as_mlx(1)), class(data))
    sum(x * y) * k
  }
  expect_true(mlx_check_grad(f, as_mlx(c(1, 2)), as_mlx(c(3, 4)), 2, data.frame(a = "b"), argnums = 1)$ok)
  expect_identical(seen, c("float64", "float64", "float64", "data.frame"))
  expect_identical(getOption("rmlx.dtype", "float32"), "float32")
})

test_that("steps that leave the domain are left out, and small or large arguments and values do not matter", {
  expect_true(mlx_check_grad(log, 1e-4)$ok)
  expect_true(mlx_check_grad(function(x) sum(x^2), c(1e-8, 1e6), order = 1)$ok)
  expect_true(mlx_check_grad(function(x) sum(x) + 1e8, c(1, 2), order = 1)$ok)
  expect_false(mlx_check_grad(function(x) sum(1.001 * x - 0.001 * mlx_stop_gradient(x)) + 1e4, c(1, 2), order = 1)$ok)
})

test_that("mistakes are named", {
  f <- function(x) sum(x)
  expect_error(mlx_check_grad(f), "at least one argument", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(3, 1), "must be a function", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(f, 1, order = 3), "order", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(f, 1, tol = 0), "tol", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(f, 1, modes = "backward"), "modes", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(f, 1, argnums = 2), "argnums", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(function(x) 3, 1), "class numeric", class = "rmlx_error_result")
  expect_error(mlx_check_grad(function(s) as_mlx(1), "a"), "floating", class = "rmlx_error_argument")
  expect_error(mlx_check_grad(function(x) sum(as.numeric(x)), c(1, 2)), class = "rmlx_error_tape")
})
