# mlx_optimize(): known minima, least squares with certified values, and what it does at the borders.

rosenbrock <- function(p) sum(100 * (p[-1] - p[-length(p)]^2)^2 + (1 - p[-length(p)])^2)
himmelblau <- function(p) (p[1]^2 + p[2] - 11)^2 + (p[1] + p[2]^2 - 7)^2
scalar_methods <- c("lbfgs", "newton-cg")
residual_methods <- c("gauss-newton", "levenberg-marquardt")

test_that("Rosenbrock's function in 2 and 20 dimensions is minimised to ten digits", {
  for (method in scalar_methods) {
    for (start in list(c(-1.2, 1), rep(c(-1.2, 1), 10))) {
      fit <- mlx_optimize(rosenbrock, start, method = method)
      expect_identical(fit$convergence, 0L)
      expect_near(fit$par, rep(1, length(start)), 1e-9, paste(method, length(start)))
      expect_lt(fit$value, 1e-18)
      expect_lt(fit$gradient_norm, 1e-8)
    }
  }
})

test_that("each of Himmelblau's four minima is found from its side", {
  starts <- list(c(4, 3), c(-3, 3), c(-4, -4), c(4, -2))
  # from Himmelblau's equations, x^2 + y = 11 and x + y^2 = 7
  minima <- list(c(3, 2), c(-2.805118086952745, 3.131312518250573), c(-3.779310253377747, -3.283185991286170),
                 c(3.584428340330492, -1.848126526964404))
  for (method in scalar_methods) {
    for (i in 1:4) expect_near(mlx_optimize(himmelblau, starts[[i]], method = method)$par, minima[[i]], 1e-9, method)
  }
})

test_that("Newton's method leaves a maximum and a saddle by negative curvature", {
  saddle <- function(p) p[1]^4 / 4 - p[1]^2 / 2 + p[2]^2
  fit <- mlx_optimize(saddle, c(1e-3, 1), method = "newton-cg")
  expect_near(fit$par, c(1, 0), 1e-8, absolute = 1e-8)
  expect_near(fit$value, -0.25, 1e-12)
  top <- mlx_optimize(function(p) cos(p), 0.1, method = "newton-cg")
  expect_near(cos(top$par), -1, 1e-12)
})

test_that("a quadratic is solved as solve() solves it", {
  a <- crossprod(matrix(sin(1:30), 6)) + diag(5)
  b <- cos(1:5)
  for (method in scalar_methods) {
    fit <- mlx_optimize(function(x, a, b) sum(x * drop(a %*% x)) / 2 - sum(b * x), numeric(5), a, b, method = method)
    expect_near(fit$par, solve(a, b), 1e-9, method)
  }
})

test_that("linear least squares are those of lm()", {
  x <- model.matrix(~ wt + hp, mtcars)
  want <- unname(coef(lm(mpg ~ wt + hp, mtcars)))
  residuals <- function(b, x, y) y - drop(x %*% b)
  for (method in residual_methods) {
    fit <- mlx_optimize(residuals, numeric(3), x, mtcars$mpg, method = method)
    expect_near(fit$par, want, 1e-9, method)
    expect_near(fit$value, deviance(lm(mpg ~ wt + hp, mtcars)), 1e-10)
    expect_near(fit$jacobian, -unname(x), 1e-14)
    expect_near(fit$residuals, mtcars$mpg - drop(unname(x) %*% fit$par), 1e-10)
  }
  loss <- function(b, x, y) sum((y - drop(x %*% b))^2)
  for (method in scalar_methods) {
    expect_near(mlx_optimize(loss, numeric(3), x, mtcars$mpg, method = method)$par, want, 1e-6, method)
  }
})

test_that("NIST's nonlinear regressions give the certified values", {
  # from these starts a step of Gauss and Newton's leads away, as NIST warns of
  left_out <- c("MGH09 gauss-newton 1", "MGH10 gauss-newton 1", "MGH10 gauss-newton 2", "MGH10 levenberg-marquardt 1")
  for (name in names(nist)) {
    d <- nist[[name]]
    for (method in residual_methods) {
      for (k in 1:2) {
        label <- paste(name, method, k)
        if (label %in% left_out) next
        fit <- mlx_optimize(function(b) d$y - d$model(b, d$x), d$starts[[k]], method = method)
        expect_identical(fit$convergence, 0L, label = label)
        expect_near(fit$par, d$par, 1e-7, label)
        expect_near(fit$value, d$rss, 1e-9, label)
        j <- as_r(fit$jacobian)
        freedom <- length(d$y) - length(d$par)
        scale <- sqrt(colSums(j^2))
        se <- sqrt(diag(solve(crossprod(t(t(j) / scale)))) * fit$value / freedom) / scale
        expect_near(as.vector(se), d$se, 1e-6, label)
      }
    }
  }
})

test_that("residuals of rank below the number of parameters are for Levenberg and Marquardt", {
  twice <- function(p) c(p[1] + p[2] - 3, 2 * p[1] + 2 * p[2] - 6, p[1] + p[2] - 3)
  expect_error(mlx_optimize(twice, c(0, 0), method = "gauss-newton"), "linearly dependent",
               class = "rmlx_error_singular")
  expect_error(mlx_optimize(function(p) sum(p)^2 + p[1:1], c(1, 2), method = "gauss-newton"),
               "gave 1 for 2 parameters", class = "rmlx_error_shape")
  fit <- mlx_optimize(twice, c(0, 0), method = "levenberg-marquardt")
  expect_identical(fit$convergence, 0L)
  expect_near(sum(fit$par), 3, 1e-8)
})

test_that("parameters come back in the structure and of the kind in which they came", {
  f <- function(p) sum((p$w - matrix(1:4, 2))^2) + (p$b$c - 5)^2 + sum((p$v - p$n)^2)
  start <- list(w = matrix(0, 2, 2, dimnames = list(c("a", "b"), NULL)), b = list(c = 0), v = c(x = 1, y = 1), n = 2L)
  for (method in scalar_methods) {
    fit <- mlx_optimize(f, start, method = method)
    expect_equal(fit$par, list(w = matrix(c(1, 2, 3, 4), 2, dimnames = list(c("a", "b"), NULL)), b = list(c = 5),
                               v = c(x = 2, y = 2), n = 2L), tolerance = 1e-8)
    expect_identical(names(fit$gradient), names(start))
    expect_identical(dim(fit$gradient$w), c(2L, 2L))
  }
  fit <- mlx_optimize(function(p) sum((p - c(1, 2))^2), as_mlx(c(0, 0)))
  expect_s3_class(fit$par, "mlx")
  expect_identical(mlx_dtype(fit$par), "float32")
  expect_equal(as_r(fit$par), c(1, 2), tolerance = 1e-4)
  fit <- mlx_optimize(function(p) sum((p$a - c(1, 2))^2) + p$b^2, list(a = as64(c(0, 0)), b = 1))
  expect_identical(mlx_dtype(fit$par$a), "float64")
  expect_identical(typeof(fit$par$b), "double")
  expect_false(is_mlx(fit$par$b))
  half <- mlx_optimize(function(p) sum((p - 1)^2), as_mlx(c(0, 0), dtype = "bfloat16"))
  expect_identical(mlx_dtype(half$par), "bfloat16")
  expect_equal(as_r(half$par), c(1, 1))
})

test_that("a result that is a list is minimised in its first element", {
  fit <- mlx_optimize(function(p) list(sum((p - 2)^2), seen = p), c(0, 0), method = "newton-cg")
  expect_near(fit$par, c(2, 2), 1e-9)
})

test_that("a step out of the domain is shortened", {
  # log() is NaN below zero; the minimum is at 1 / 2
  barrier <- function(p) sum(2 * p - log(p))
  for (method in scalar_methods) {
    fit <- mlx_optimize(barrier, c(1e-3, 40), method = method)
    expect_near(fit$par, c(0.5, 0.5), 1e-8, method)
  }
  root <- function(p) sqrt(p) - 1
  fit <- mlx_optimize(root, 9, method = "levenberg-marquardt")
  expect_near(fit$par, 1, 1e-8)
})

test_that("a step to a matrix without a Cholesky factor is shortened", {
  # the covariance that has the given one's entropy: the likelihood of a normal sample
  s <- matrix(c(2, 1.9, 1.9, 2), 2)
  loss <- function(p) {
    v <- mlx_reshape(c(p[1], p[2], p[2], p[3]), c(2, 2))
    sum(mlx_diagonal(solve(v, s))) + 2 * sum(log(mlx_diagonal(mlx_cholesky(v))))
  }
  for (method in scalar_methods) {
    expect_near(mlx_optimize(loss, c(1, 0, 1), method = method)$par, c(2, 1.9, 2), 1e-8, method)
  }
  expect_error(mlx_optimize(loss, c(1, 2, 1)), class = "rmlx_error_singular")
})

test_that("the end is told: by tolerance, by the limit of iterations, by no way down", {
  fit <- mlx_optimize(rosenbrock, c(-1.2, 1), control = list(maxit = 3))
  expect_identical(fit$convergence, 1L)
  expect_identical(fit$iterations, 3L)
  expect_match(fit$message, "limit of iterations")
  loose <- mlx_optimize(rosenbrock, c(-1.2, 1), control = list(gtol = 1))
  expect_gt(loose$gradient_norm, 1e-3)
  expect_lte(loose$gradient_norm, max(1, loose$value))
  # the gradient claims a way down that is none
  wrong <- function(p) sum(mlx_stop_gradient(p)^2) - sum(p) + mlx_stop_gradient(sum(p))
  expect_identical(mlx_optimize(wrong, c(0, 0))$convergence, 2L)
  expect_identical(mlx_optimize(wrong, c(0, 0), method = "newton-cg")$convergence, 2L)
  at_once <- mlx_optimize(function(p) sum((p - 1)^2), c(1, 1))
  expect_identical(at_once$iterations, 0L)
  expect_identical(unname(at_once$counts), 1L)
})

test_that("a search among rounding errors ends", {
  # values that are steps: the gradient is there, but small steps change nothing
  calls <- 0
  steps <- function(p) {
    calls <<- calls + 1
    x <- mlx_stop_gradient(sum(p))
    round(x * 10) / 10 + sum(p) - x + 5
  }
  fit <- mlx_optimize(function(p) steps(p^2), c(0.3, 0.2))
  expect_true(fit$convergence %in% c(0L, 2L))
  expect_lt(calls, 2000)
})

test_that("counts are the evaluations that were made", {
  calls <- 0
  f <- function(p) {
    calls <<- calls + 1
    sum((p - 1)^4)
  }
  fit <- mlx_optimize(f, c(3, 3))
  expect_equal(calls, fit$counts[["values and gradients"]])
})

test_that("what cannot be minimised is refused", {
  f <- function(p) sum(p^2)
  expect_error(mlx_optimize(f, c(NaN, 1)), "is NaN at the start", class = "rmlx_error_value")
  expect_error(mlx_optimize(function(p) sum(log(p)), c(0, 1)), "is -Inf at the start", class = "rmlx_error_value")
  expect_error(mlx_optimize(function(p) p^2, c(1, 2)), "must return one number", class = "rmlx_error_result")
  expect_error(mlx_optimize(function(p) 3, c(1, 2), method = "gauss-newton"), "class numeric",
               class = "rmlx_error_result")
  expect_error(mlx_optimize(f, "a"), "class character", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, list(a = "b")), "no floating-point", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, as_mlx(1i)), "complex", class = "rmlx_error_dtype")
  expect_error(mlx_optimize(3, 1), "must be a function", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, 1, method = "simplex"), "`method`", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, 1, control = list(steps = 3)), "`steps`.*`maxit`", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, 1, control = list(maxit = -1)), "maxit", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, 1, control = list(gtol = -1)), "gtol", class = "rmlx_error_argument")
  expect_error(mlx_optimize(f, 1, control = 3), "list with names", class = "rmlx_error_argument")
  expect_error(mlx_optimize(function(p) sum(as.numeric(p)), c(1, 2)), class = "rmlx_error_tape")
  expect_error(mlx_optimize(function(p) stop("mine"), c(1, 2)), "^mine$")
})

test_that("an optimum prints what was found, and a trace is a line for each iteration", {
  fit <- mlx_optimize(function(p) sum((p$a - c(1, 2))^2), list(a = c(x = 0, y = 0)))
  out <- capture.output(print(fit))
  expect_match(out[1], "Minimum by lbfgs")
  expect_match(out, "convergence: 0, the gradient is zero", all = FALSE)
  expect_match(out, "x y", all = FALSE)
  capture.output(expect_invisible(print(fit)))
  traced <- capture.output(fit <- mlx_optimize(rosenbrock, c(-1.2, 1), control = list(trace = TRUE)))
  expect_length(traced, fit$iterations + 1L)
  expect_match(traced[1], "0  value 24.2")
})

test_that("memory of one step still converges", {
  fit <- mlx_optimize(rosenbrock, c(-1.2, 1), control = list(memory = 1))
  expect_identical(fit$convergence, 0L)
  expect_near(fit$par, c(1, 1), 1e-8)
})
