# Generalised linear models: our maximum likelihood against glm().

tight <- glm.control(epsilon = 1e-15, maxit = 100)
design <- function(formula, data) unname(model.matrix(formula, data))
linear <- function(p, data) drop(data$x %*% p$b)

test_that("logistic regression is glm(binomial)'s", {
  want <- glm(am ~ wt + hp, binomial, mtcars, control = tight)
  loglik <- function(p, data) {
    eta <- linear(p, data)
    sum(data$y * eta - mlx_logaddexp(eta, 0))
  }
  fit <- mlx_mle(loglik, list(b = numeric(3)), list(x = design(~ wt + hp, mtcars), y = mtcars$am))
  expect_same_fit(fit, coef(want), sqrt(diag(vcov(want))), log_lik = as.numeric(logLik(want)))
  expect_equal(AIC(fit), AIC(want))
})

test_that("Poisson regression with an offset is glm(poisson)'s", {
  want <- glm(breaks ~ wool * tension, poisson, warpbreaks, offset = rep(log(2), 54), control = tight)
  loglik <- function(p, data) sum(mlx_dpois(data$y, exp(linear(p, data) + log(2)), log = TRUE))
  data <- list(x = design(~ wool * tension, warpbreaks), y = warpbreaks$breaks)
  fit <- mlx_mle(loglik, list(b = numeric(6)), data, nobs = 54)
  expect_same_fit(fit, coef(want), sqrt(diag(vcov(want))), log_lik = as.numeric(logLik(want)))
  expect_equal(BIC(fit), BIC(want))
})

test_that("Gamma regression with its shape is glm(Gamma)'s and gamma.shape()'s", {
  skip_if_not_installed("MASS")
  clotting <- data.frame(u = c(5, 10, 15, 20, 30, 40, 60, 80, 100), time = c(118, 58, 42, 35, 27, 25, 21, 19, 18))
  want <- glm(time ~ log(u), Gamma, clotting, control = tight)
  shape <- MASS::gamma.shape(want, it.lim = 50, eps.max = 1e-9)
  loglik <- function(p, data) {
    rate <- exp(p$log_shape) * linear(p, data) # of the mean's inverse
    sum(mlx_dgamma(data$y, exp(p$log_shape), rate, log = TRUE))
  }
  data <- list(x = design(~ log(u), clotting), y = clotting$time)
  fit <- mlx_mle(loglik, list(b = c(0.01, 0), log_shape = 0), data)
  expect_same_fit(fit, coef(want), sqrt(diag(summary(want, dispersion = 1 / shape$alpha)$cov.scaled)), which = 1:2)
  expect_equal(exp(fit$par$log_shape), shape$alpha, tolerance = 1e-6)
  size <- predict(fit, function(p, data) exp(p$log_shape), se.fit = TRUE)
  expect_equal(size$se.fit, shape$SE, tolerance = 1e-4)
})

test_that("Gaussian regression is lm()'s, with the maximum likelihood's variance", {
  want <- lm(mpg ~ wt + qsec, mtcars)
  n <- nrow(mtcars)
  loglik <- function(p, data) sum(mlx_dnorm(data$y, linear(p, data), exp(p$log_sd), log = TRUE))
  fit <- mlx_mle(loglik, list(b = c(20, 0, 0), log_sd = 1), list(x = design(~ wt + qsec, mtcars), y = mtcars$mpg))
  sd <- sqrt(deviance(want) / n)
  expect_same_fit(fit, c(coef(want), log(sd)), c(sqrt(diag(vcov(want)) * (n - 3) / n), sqrt(1 / (2 * n))),
                  log_lik = as.numeric(logLik(want)))
})

test_that("negative binomial regression is glm.nb()'s", {
  skip_if_not_installed("MASS")
  quine <- MASS::quine
  want <- MASS::glm.nb(Days ~ Eth + Sex, quine, control = glm.control(epsilon = 1e-14, maxit = 100))
  x <- design(~ Eth + Sex, quine)
  loglik <- function(p, data) {
    sum(mlx_dnbinom(data$y, size = exp(p$log_theta), mu = exp(linear(p, data)), log = TRUE))
  }
  fit <- mlx_mle(loglik, list(b = c(2, 0, 0), log_theta = 0), list(x = x, y = quine$Days))
  # glm.nb() has the expected information, the fit the observed one: that of R's own density
  by_r <- numeric_mle(function(v) {
    sum(dnbinom(quine$Days, size = exp(v[4]), mu = exp(drop(x %*% v[1:3])), log = TRUE))
  }, c(2, 0, 0, 0))
  expect_same_fit(fit, c(coef(want), log(want$theta)), by_r$se, log_lik = as.numeric(logLik(want)))
  # the standard error of theta given the coefficients
  alone <- 1 / sqrt(-fit$hessian[4, 4]) * want$theta
  theta <- MASS::theta.ml(quine$Days, fitted(want), limit = 100, eps = 1e-10)
  expect_equal(alone, attr(theta, "SE"), tolerance = 1e-4)
})
