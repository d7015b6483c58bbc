# Models of categories, proportions and counts with zeros.

test_that("multinomial regression is multinom()'s", {
  skip_if_not_installed("nnet")
  skip_if_not_installed("MASS")
  housing <- MASS::housing
  want <- nnet::multinom(Sat ~ Infl + Cont, housing, weights = Freq, trace = FALSE, Hess = TRUE, maxit = 1000,
                         reltol = 1e-16, abstol = 1e-12)
  x <- unname(model.matrix(~ Infl + Cont, housing))
  counts <- housing$Freq * outer(as.integer(housing$Sat), 1:3, `==`)
  loglik <- function(p, data) {
    eta <- cbind(mlx_zeros(c(nrow(data$x), 1)), data$x %*% p)
    sum(data$counts * (eta - mlx_logsumexp(eta, axes = 2, drop = FALSE)))
  }
  fit <- mlx_mle(loglik, matrix(0, ncol(x), 2), list(x = x, counts = counts))
  expect_same_fit(fit, as.vector(t(coef(want))), sqrt(diag(vcov(want))), log_lik = as.numeric(logLik(want)))
  expect_identical(dim(fit$par), c(4L, 2L))
})

test_that("an ordered logit model is polr()'s", {
  local_cpu()
  skip_if_not_installed("MASS")
  housing <- MASS::housing
  want <- MASS::polr(Sat ~ Infl + Type + Cont, housing, weights = Freq, Hess = TRUE,
                     control = list(reltol = 1e-16, maxit = 1000))
  x <- unname(model.matrix(~ Infl + Type + Cont, housing)[, -1])
  loglik <- function(p, data) {
    eta <- drop(data$x %*% p$b)
    low <- mlx_sigmoid(p$first - eta)
    high <- mlx_sigmoid(p$first + exp(p$log_step) - eta)
    prob <- mlx_where(data$y == 1, low, mlx_where(data$y == 2, high - low, 1 - high))
    sum(data$weights * log(prob))
  }
  data <- list(x = x, y = as.integer(housing$Sat), weights = housing$Freq)
  fit <- mlx_mle(loglik, list(b = numeric(6), first = -0.5, log_step = 0), data)
  expect_lt(max(abs(fit$par$b - coef(want))), 1e-6)
  cuts <- predict(fit, function(p, data) c(p$b, p$first, p$first + exp(p$log_step)), se.fit = TRUE)
  expect_lt(max(abs(cuts$fit[7:8] - want$zeta)), 1e-6)
  expect_equal(fit$loglik, as.numeric(logLik(want)), tolerance = 1e-9)
  expect_lt(max(abs(cuts$se.fit / sqrt(diag(vcov(want))) - 1)), 1e-4)
})

test_that("a zero-inflated Poisson model has the maximum of R's own densities", {
  data <- data.frame(x = seq(-1, 1, length.out = 60))
  set.seed(11)
  data$y <- rpois(60, exp(1 + 0.8 * data$x)) * rbinom(60, 1, 0.7)
  by_r <- numeric_mle(function(v) {
    zero <- plogis(v[3])
    sum(log(zero * (data$y == 0) + (1 - zero) * dpois(data$y, exp(v[1] + v[2] * data$x))))
  }, c(1, 0, -1))
  loglik <- function(p, data) {
    there <- mlx_log_sigmoid(-p$zero) + mlx_dpois(data$y, exp(p$a + p$b * data$x), log = TRUE)
    sum(mlx_where(data$y == 0, mlx_logaddexp(mlx_log_sigmoid(p$zero), there), there))
  }
  fit <- mlx_mle(loglik, list(a = 1, b = 0, zero = -1), data)
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
})

test_that("beta regression has the maximum of R's own densities", {
  # the share of days in a season, from a recipe of fixed numbers
  data <- data.frame(x = seq(0, 2, length.out = 40))
  data$y <- plogis(-0.5 + 0.7 * data$x + 0.6 * sin(3 * seq_len(40)))
  by_r <- numeric_mle(function(v) {
    mean <- plogis(v[1] + v[2] * data$x)
    sum(dbeta(data$y, mean * exp(v[3]), (1 - mean) * exp(v[3]), log = TRUE))
  }, c(0, 0, 2))
  loglik <- function(p, data) {
    mean <- mlx_sigmoid(p["a"] + p["b"] * data$x)
    precision <- exp(p["log_precision"])
    sum(mlx_dbeta(data$y, mean * precision, (1 - mean) * precision, log = TRUE))
  }
  fit <- mlx_mle(loglik, c(a = 0, b = 0, log_precision = 2), data)
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
})

test_that("a regression with Student's errors, their degrees of freedom too, has the maximum of dt()", {
  data <- data.frame(x = 1:50, y = 2 + 0.3 * 1:50 + qt(((1:50) * 0.6180339887) %% 1, 3))
  by_r <- numeric_mle(function(v) {
    sum(dt((data$y - v[1] - v[2] * data$x) / exp(v[3]), exp(v[4]), log = TRUE) - v[3])
  }, c(2, 0.3, 0, 1))
  loglik <- function(p, data) {
    z <- (data$y - p$a - p$b * data$x) / exp(p$log_scale)
    sum(mlx_dt(z, exp(p$log_df), log = TRUE) - p$log_scale)
  }
  fit <- mlx_mle(loglik, list(a = 2, b = 0.3, log_scale = 0, log_df = 1), data)
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
})
