# Second derivatives against closed forms and differences of gradients.

f64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

test_that("Hessians of numbers, vectors, matrices and arrays are those of calculus", {
  local_cpu()
  expect_equal(as.numeric(mlx_hessian(function(x) x^4, f64(2))[[1]]), 48)
  expect_identical(mlx_shape(mlx_hessian(function(x) x^4, f64(2))[[1]]), integer())
  h <- mlx_hessian(function(x) exp(x[1]) * x[2]^2, f64(c(0.5, 3)))[[1]]
  expect_equal(as.matrix(h), exp(0.5) * rbind(c(9, 6), c(6, 2)))
  x <- matrix(c(0.1, -0.4, 0.9, 1.7, -2, 0.3), 2)
  h <- mlx_hessian(function(x) sum(x^3), f64(x))[[1]]
  expect_identical(mlx_shape(h), c(2L, 3L, 2L, 3L))
  expect_equal(matrix(as_r(h), 6), diag(6 * as.vector(x)))
  a <- array(seq(-1, 1, length.out = 8), c(2, 2, 2))
  h <- mlx_hessian(function(x) sum(x)^2, f64(a))[[1]]
  expect_equal(as_r(h), array(2, rep(2, 6)))
})

test_that("several arguments give blocks, nested lists their structure", {
  local_cpu()
  f <- function(x, y) sum(x^2) * y
  h <- mlx_hessian(f, x = f64(c(1, 2)), y = f64(3))
  expect_named(h, c("x", "y"))
  expect_named(h$x, c("x", "y"))
  expect_equal(as.matrix(h$x$x), diag(6, 2))
  expect_equal(as.numeric(h$x$y), c(2, 4))
  expect_equal(as.numeric(h$y$x), c(2, 4))
  expect_equal(as.numeric(h$y$y), 0)
  h <- mlx_hessian(function(p, k) sum(p$a^2) * p$in_it$b * k, list(a = f64(c(1, 2)), in_it = list(b = f64(3), s = "x")),
                   f64(1), argnums = 1)[[1]]
  expect_equal(as.matrix(h$a$a), diag(6, 2))
  expect_equal(as.numeric(h$a$in_it$b), c(2, 4))
  expect_equal(as.numeric(h$in_it$b$a), c(2, 4))
  expect_equal(as.numeric(h$in_it$b$in_it$b), 0)
  expect_null(h$in_it$s)
})

# A function without symmetry, and its Hessian by central differences of its gradient.
bowl <- function(x) sum(exp(x) * rev(x)^2) + prod(x) + log(sum(x^2))
at <- c(0.3, -1.2, 0.8, 1.5)

hessian_r <- function(f, x, h = 1e-4) {
  gradient <- function(x) as.numeric(mlx_grad(f, f64(x))[[1]])
  out <- sapply(seq_along(x), function(i) {
    e <- replace(0 * x, i, h)
    (8 * (gradient(x + e) - gradient(x - e)) - (gradient(x + 2 * e) - gradient(x - 2 * e))) / (12 * h)
  })
  (out + t(out)) / 2
}

test_that("the Hessian is symmetric, its products, diagonal and trace agree with it", {
  local_cpu()
  h <- as.matrix(mlx_hessian(bowl, f64(at))[[1]])
  expect_equal(h, hessian_r(bowl, at), tolerance = 1e-8)
  expect_equal(h, t(h), tolerance = 1e-13)
  v <- c(1, -2, 0.5, 3)
  expect_equal(as.numeric(mlx_hvp(bowl, f64(at), vectors = v)[[1]]), as.vector(h %*% v))
  expect_equal(as.numeric(mlx_hessian_diag(bowl, f64(at))[[1]]), diag(h))
  expect_equal(as.numeric(mlx_hessian_trace(bowl, f64(at))), sum(diag(h)))
  loss <- function(x) list(bowl(x), aux = x)
  expect_equal(as.matrix(mlx_hessian(loss, f64(at))[[1]]), h)
})

test_that("products and diagonals of nested arguments keep the structure", {
  local_cpu()
  f <- function(p, y) sum(p$a^3) * p$b + y^2 * p$b
  p <- list(a = f64(c(u = 1, v = 2)), b = f64(3), n = 1:2)
  out <- mlx_hvp(f, p, y = f64(2), vectors = list(list(a = c(1, 0)), y = 1))
  expect_named(out, c("", "y"))
  expect_equal(as.numeric(out[[1]]$a), c(18, 0))
  expect_named(out[[1]]$a, c("u", "v"))
  expect_equal(as.numeric(out[[1]]$b), 3 + 4)
  expect_equal(as.numeric(out$y), 6)
  out <- mlx_hessian_diag(f, p, f64(2), argnums = 1)[[1]]
  expect_equal(as.numeric(out$a), c(18, 36))
  expect_equal(as.numeric(out$b), 0)
  expect_named(out$a, c("u", "v"))
  expect_equal(as.numeric(mlx_hessian_trace(f, p, f64(2))), 54 + 6)
})

test_that("Hutchinson's estimates are exact for diagonal Hessians and near otherwise", {
  local_cpu()
  expect_equal(as.numeric(mlx_hessian_diag(function(x) sum(x^4), f64(at), method = "hutchinson", samples = 3)[[1]]),
               12 * at^2)
  a <- crossprod(matrix(sin(1:16), 4)) + diag(4)
  quadratic <- function(x) sum(x * drop(f64(a) %*% x)) / 2
  n <- 4000
  estimate <- as.numeric(mlx_hessian_trace(quadratic, f64(at), method = "hutchinson", samples = n, key = mlx_key(7)))
  # its variance is twice the sum of squares beside the diagonal
  deviation <- sqrt(2 * (sum(a^2) - sum(diag(a)^2)) / n)
  expect_lt(abs(estimate - sum(diag(a))), 4 * deviation)
  expect_gt(abs(estimate - sum(diag(a))), 0)
  again <- mlx_hessian_trace(quadratic, f64(at), method = "hutchinson", samples = n, key = mlx_key(7))
  expect_identical(as.numeric(again), estimate)
  set.seed(1)
  first <- as.numeric(mlx_hessian_trace(quadratic, f64(at), method = "hutchinson", samples = 5))
  set.seed(1)
  expect_identical(as.numeric(mlx_hessian_trace(quadratic, f64(at), method = "hutchinson", samples = 5)), first)
})

test_that("Hessians of linear functions are zero, and of nothing empty", {
  local_cpu()
  expect_equal(as.matrix(mlx_hessian(function(x) sum(x), f64(c(1, 2)))[[1]]), matrix(0, 2, 2))
  expect_equal(as.numeric(mlx_hvp(function(x) sum(x), f64(c(1, 2)), vectors = c(1, 1))[[1]]), c(0, 0))
  expect_identical(mlx_shape(mlx_hessian(function(x) sum(x^2), f64(numeric()))[[1]]), c(0L, 0L))
  expect_identical(mlx_shape(mlx_hessian_diag(function(x) sum(x^2), f64(numeric()))[[1]]), 0L)
  expect_equal(as.numeric(mlx_hessian_trace(function(x) sum(x^2), f64(numeric()))), 0)
})

test_that("Hessians go through matrix decompositions", {
  local_cpu()
  a <- crossprod(matrix(c(2, 0.3, -0.5, 0.1, 1.5, 0.4, 0.7, -0.2, 1.8), 3)) + diag(3)
  fs <- list(
    logdet = function(x) log(det(f64(a) + diag(x))),
    solve = function(x) sum(solve(f64(a) + diag(x), f64(c(1, 2, 3)))),
    chol = function(x) sum(chol(f64(a) + diag(x))),
    svd = function(x) svd(f64(a) + diag(x))$d[2],
    qr = function(x) sum(qr.R(qr(f64(a) + diag(x)))^3),
    eigen = function(x) eigen(f64(a) + diag(x), symmetric = TRUE)$values[1]
  )
  x <- c(0.2, -0.1, 0.4)
  for (name in names(fs)) {
    h <- as.matrix(mlx_hessian(fs[[name]], f64(x))[[1]])
    expect_equal(h, hessian_r(fs[[name]], x), tolerance = 1e-7, label = name)
  }
})

test_that("Hessians are mapped, differentiated and go through checkpoints and custom functions", {
  local_cpu()
  f <- function(x) x[1]^3 * x[2]
  want <- function(x) rbind(c(6 * x[1] * x[2], 3 * x[1]^2), c(3 * x[1]^2, 0))
  rows <- rbind(c(1, 2), c(3, 4), c(-1, 0.5))
  h <- mlx_vmap(function(x) mlx_hessian(f, x)[[1]])(f64(rows))
  expect_identical(mlx_shape(h), c(3L, 2L, 2L))
  for (i in 1:3) expect_equal(as_r(h)[i, , ], want(rows[i, ]))
  checked <- mlx_checkpoint(f)
  expect_equal(as.matrix(mlx_hessian(checked, f64(c(1, 2)))[[1]]), want(c(1, 2)))
  expect_equal(as.matrix(mlx_jacobian(function(x) mlx_grad(checked, x)[[1]], f64(c(1, 2)), mode = "reverse")[[1]]),
               want(c(1, 2)))
  cube <- mlx_custom_function(function(x) x^3, vjp = function(primals, cotangents, outputs) {
    list(cotangents * 3 * primals[[1]]^2)
  })
  expect_equal(as.matrix(mlx_hessian(function(x) sum(cube(x)), f64(c(1, 2)))[[1]]), diag(c(6, 12)))
  expect_equal(as.numeric(mlx_grad(function(x) sum(mlx_hessian(f, x)[[1]]), f64(c(1, 2)))[[1]]), c(12 + 12, 6))
  expect_equal(as.numeric(mlx_grad(function(x) mlx_hessian_trace(f, x), f64(c(1, 2)))[[1]]), c(12, 6))
})

test_that("functions that give no number, and directions of other shapes, are refused", {
  local_cpu()
  expect_error(mlx_hessian(function(x) x, f64(c(1, 2))), "must return one number", class = "rmlx_error_result")
  expect_error(mlx_hvp(function(x) sum(x^2), f64(c(1, 2)), vectors = 1:3), class = "rmlx_error_shape")
  expect_error(mlx_hessian_diag(function(x) sum(x^2), 1, method = "other"), class = "rmlx_error_argument")
  expect_error(mlx_hessian_trace(function(x) sum(x^2), 1, method = "hutchinson", samples = 0), "samples",
               class = "rmlx_error_argument")
  e <- tryCatch(mlx_hessian(function(x) stop("mine"), f64(1)), error = identity)
  expect_identical(conditionMessage(e), "mine")
})

test_that("the axes of a Hessian have the names of the arguments", {
  f <- function(p) sum(p$a^2) * p$b
  h <- mlx_hessian(f, list(a = c(u = 1, v = 2), b = 3))[[1L]]
  expect_equal(as.matrix(h$a$a), matrix(c(6, 0, 0, 6), 2, dimnames = list(c("u", "v"), c("u", "v"))))
  expect_equal(as_r(h$a$b), c(u = 2, v = 4))
  expect_null(dimnames(mlx_hessian(function(x) sum(x^2), c(1, 2))[[1L]]))
})

test_that("a missing direction is told", {
  expect_error(mlx_hvp(sum, c(1, 2)), "`vectors` is missing", class = "rmlx_error_argument")
  expect_error(mlx_jvp(sum, c(1, 2)), "`tangents` is missing", class = "rmlx_error_argument")
})
