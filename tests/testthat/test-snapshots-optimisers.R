# What users are told by optimisers and maximum likelihood, and what these show.

rosenbrock <- function(p) 100 * (p$y - p$x^2)^2 + (1 - p$x)^2

test_that("parameters and functions that cannot be optimised are refused", {
  square <- function(p) sum(p^2)
  expect_told({
    mlx_optim_fns(1, 1)
    mlx_optim_fns("no such function", 1)
    mlx_optim_fns(square, "a")
    mlx_optim_fns(square, list())
    mlx_optim_fns(square, list(a = "b"))
    mlx_optim_fns(square, 1i)
    mlx_optim_fns(square, list(as_mlx(1i)))
    mlx_optim_fns(square, 1, dtype = "int32")
    mlx_optim_fns(square, c(1, 2))$fn(1)
    mlx_optim_fns(square, c(1, 2))$gr("a")
    mlx_optim_fns(square, c(1, 2))$unflatten(1:3)
    mlx_optim_fns(square, c(1, 2))$flatten(list(1, 2))
    mlx_optim_fns(square, list(a = 1, b = 2))$flatten(list(a = 1))
    mlx_optim_fns(function(p) p, c(1, 2))$fn(c(1, 2))
    mlx_optim_fns(function(p) 1, c(1, 2))$hess(c(1, 2))
    mlx_optimize(square, 1, method = "simplex")
    mlx_optimize(square, "a")
    mlx_optimize(square, 1, control = 3)
    mlx_optimize(square, 1, control = list(maxit = 3, xtol = 1))
    mlx_optimize(square, 1, control = list(gtol = -1))
    mlx_optimize(square, 1, control = list(maxit = "a"))
    mlx_optimize(square, 1, control = list(memory = 0))
    mlx_optimize(square, 1, control = list(trace = NA))
    mlx_optimize(function(p) sum(log(p)), -1)
    mlx_optimize(function(p) sum(log(p)), -1, method = "newton-cg")
    mlx_optimize(function(p) log(p), c(-1, 1), method = "levenberg-marquardt")
    mlx_optimize(function(p) 1, 1, method = "gauss-newton")
    mlx_optimize(function(p) mlx_cast(p, "int32"), 1, method = "gauss-newton")
    mlx_optimize(function(p) sum(p), c(1, 2), method = "gauss-newton")
    mlx_optimize(function(p) rep(p[1] + p[2], 3), c(1, 2), method = "gauss-newton")
    mlx_optimize(function(p) sqrt(p), c(0, 1), method = "levenberg-marquardt")
  })
})

test_that("a minimum shows how it was found", {
  start <- list(x = -1.2, y = 1)
  # rounding decides on the last digits and the last steps
  steady <- function(lines) {
    lines <- gsub("-?[0-9.]+e-[0-9]+", "<small>", lines)
    lines <- gsub("iterations:  [0-9]+", "iterations:  <n>", lines)
    gsub("[0-9]+ (values|Jacobians|Hessian)", "<n> \\1", lines)
  }
  expect_told({
    mlx_optimize(rosenbrock, start)
    mlx_optimize(rosenbrock, start, method = "newton-cg")
    print(mlx_optimize(function(p) c(10 * (p[2] - p[1]^2), 1 - p[1]), c(-1.2, 1), method = "gauss-newton"), digits = 3)
    mlx_optimize(function(p) p - c(1, 2), c(0, 0), method = "levenberg-marquardt")
    mlx_optimize(rosenbrock, start, control = list(maxit = 2))
    mlx_optimize(function(p) sum((p - 1)^2), c(0, 3), control = list(trace = TRUE))
  }, kind = NULL, transform = steady)
})

test_that("maximum likelihood refuses what it cannot fit", {
  normal <- function(p, y) sum(mlx_dnorm(y, p["mean"], exp(p["log_sd"]), log = TRUE))
  start <- c(mean = 0, log_sd = 0)
  y <- c(1, 3, 2, 5)
  fit <- mlx_mle(normal, start, y)
  flat <- suppressWarnings(mlx_mle(function(p) -(p$a + p$b)^2, list(a = 1, b = -1)))
  expect_told({
    mlx_mle(1, start, y)
    mlx_mle("no such function", start, y)
    mlx_mle(normal, "a", y)
    mlx_mle(normal, start, y, nobs = 0)
    mlx_mle(normal, start, y, control = list(1))
    mlx_mle(normal, start, y, control = 5)
    mlx_mle(normal, c(mean = NaN, log_sd = 0), y)
    mlx_mle(function(p, y) y - p["mean"], start, y)
    vcov(flat)
    confint(flat, method = "profile")
    confint(fit, level = 95)
    confint(fit, method = "bootstrap")
    confint(fit, "sd")
    confint(fit, 3)
    predict(fit, 1)
    predict(fit, function(p, y) "a")
    predict(fit, function(p, y) mlx_cast(p, "int32"))
    predict(fit, function(p, y) p, se.fit = NA)
    predict(flat, function(p) p$a, se.fit = TRUE)
  })
})

test_that("fits that are not maxima warn", {
  # up to a wall, behind which the log likelihood is not a number
  walled <- function(p) -(p["a"] - 1)^2 / 2 + 0 * sum(log(2 - p["a"])) - p["b"]^2
  wall <- mlx_mle(walled, c(a = 0, b = 0))
  alone <- mlx_mle(function(p) -(p["a"] - 1)^2 / 2 + 0 * sum(log(2 - p["a"])), c(a = 0))
  expect_told({
    mlx_mle(function(p) -(p$a + p$b)^2, list(a = 1, b = -1))
    mlx_mle(function(p) -sum(exp(p)), c(a = 30), control = list(iter.max = 1))
    confint(wall, "a", method = "profile")
    confint(alone, method = "profile")
  }, kind = NULL)
})

test_that("a fit shows its estimates, summary, intervals and tables", {
  normal <- function(p, y) sum(mlx_dnorm(y, p["mean"], exp(p["log_sd"]), log = TRUE))
  fit <- mlx_mle(normal, c(mean = 0, log_sd = 0), c(1, 3, 2, 5))
  flat <- suppressWarnings(mlx_mle(function(p) -(p$a + p$b)^2, list(a = 1, b = -1)))
  expect_told({
    fit
    summary(fit)
    logLik(fit)
    confint(fit)
    print(fit, digits = 2)
    flat
    summary(flat)
  }, kind = NULL)
})
