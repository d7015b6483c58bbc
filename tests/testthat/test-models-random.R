# Gaussian processes, random effects and penalties: Cholesky factors, determinants, Laplace's approximation.

test_that("a Gaussian process is gls(corGaus)'s, and its likelihood R's own", {
  x <- seq(0, 5, length.out = 25)
  set.seed(7)
  y <- sin(2 * x) + 0.3 * rnorm(25) + 1
  squares <- outer(x, x, `-`)^2
  covariance_of <- function(v, squares, one) {
    exp(v[2]) * exp(-squares / exp(2 * v[3])) + exp(v[4]) * one
  }
  loglik <- function(p, data) {
    s <- covariance_of(p, data$squares, mlx_eye(25))
    root <- mlx_cholesky(s)
    z <- forwardsolve(root, data$y - p[1])
    -sum(z^2) / 2 - sum(log(mlx_diagonal(root))) - 25 * log(2 * pi) / 2
  }
  by_solve <- function(p, data) {
    s <- covariance_of(p, data$squares, mlx_eye(25))
    r <- data$y - p[1]
    -sum(r * solve(s, r)) / 2 - determinant(s)$modulus / 2 - 25 * log(2 * pi) / 2
  }
  data <- list(squares = squares, y = y)
  start <- c(mean = 1, log_signal = 0, log_range = 0, log_noise = -2)
  fit <- mlx_mle(loglik, start, data)
  by_r <- numeric_mle(function(v) {
    root <- chol(covariance_of(v, squares, diag(25)))
    z <- backsolve(root, y - v[1], transpose = TRUE)
    -sum(z^2) / 2 - sum(log(diag(root))) - 25 * log(2 * pi) / 2
  }, unname(start))
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
  other <- mlx_mle(by_solve, start, data)
  expect_same_fit(other, by_r$coef, by_r$se, log_lik = by_r$loglik)

  skip_if_not_installed("nlme")
  want <- nlme::gls(y ~ 1, data.frame(x = x, y = y), method = "ML",
                    correlation = nlme::corGaus(c(1, 0.2), form = ~x, nugget = TRUE),
                    control = nlme::glsControl(tolerance = 1e-12, opt = "nlminb", msTol = 1e-14))
  expect_equal(fit$loglik, as.numeric(logLik(want)), tolerance = 1e-8)
  expect_equal(coef(fit)[["mean"]], coef(want)[[1]], tolerance = 1e-4)
})

test_that("a linear mixed model by Laplace's approximation, which is exact there, is lme()'s", {
  skip_if_not_installed("nlme")
  data <- as.data.frame(nlme::Orthodont)
  want <- nlme::lme(distance ~ age, data, random = ~ 1 | Subject, method = "ML",
                    control = nlme::lmeControl(tolerance = 1e-12, msTol = 1e-14, opt = "nlminb"))
  groups <- outer(as.character(data$Subject), unique(as.character(data$Subject)), `==`) + 0
  loglik <- function(p, data) {
    noise <- exp(2 * p$log_noise)
    spread <- exp(2 * p$log_spread)
    r <- data$y - p$a - p$b * data$age
    # the mode of the random effects, and the negative log density's second derivative there
    curvature <- colSums(data$groups) / noise + 1 / spread
    mode <- colSums(data$groups * mlx_expand_dims(r, 2)) / noise / curvature
    joint <- sum(mlx_dnorm(r, drop(data$groups %*% mode), exp(p$log_noise), log = TRUE)) +
      sum(mlx_dnorm(mode, 0, exp(p$log_spread), log = TRUE))
    joint - sum(log(curvature)) / 2 + length(mode) * log(2 * pi) / 2
  }
  fit <- mlx_mle(loglik, list(a = 17, b = 0.6, log_noise = 0, log_spread = 0),
                 list(y = data$distance, age = data$age, groups = groups), nobs = nrow(data))
  spread <- as.numeric(nlme::VarCorr(want)[, "StdDev"])
  # lme() takes the fixed effects' covariance with the variances as given
  given <- solve(-fit$hessian[1:2, 1:2])
  expect_lt(max(abs(coef(fit)[1:2] - nlme::fixef(want))), 1e-6)
  expect_equal(exp(unname(coef(fit)[3:4])), rev(spread), tolerance = 1e-6)
  expect_lt(max(abs(sqrt(diag(given)) / sqrt(diag(want$varFix)) - 1)), 1e-4)
  expect_equal(fit$loglik, as.numeric(logLik(want)), tolerance = 1e-9)
})

test_that("a logistic mixed model by Laplace's approximation has the maximum of the one in R", {
  skip_if_not_installed("MASS")
  bacteria <- MASS::bacteria
  y <- as.integer(bacteria$y == "y")
  week <- as.numeric(bacteria$week > 2)
  id <- as.integer(bacteria$ID)
  groups <- outer(id, seq_len(max(id)), `==`) + 0
  steps <- 12L # Newton's, from zero; more change nothing
  loglik <- function(p, data) {
    fixed <- p$a + p$b * data$week
    inverse <- exp(-2 * p$log_spread)
    u <- mlx_zeros(ncol(data$groups))
    for (i in seq_len(steps)) {
      prob <- mlx_sigmoid(fixed + drop(data$groups %*% u))
      slope <- drop(t(data$groups) %*% (data$y - prob)) - u * inverse
      curvature <- drop(t(data$groups) %*% (prob * (1 - prob))) + inverse
      u <- u + slope / curvature
    }
    eta <- fixed + drop(data$groups %*% u)
    prob <- mlx_sigmoid(eta)
    curvature <- drop(t(data$groups) %*% (prob * (1 - prob))) + inverse
    sum(data$y * eta - mlx_logaddexp(eta, 0)) - sum(u^2) * inverse / 2 - length(u) * p$log_spread -
      sum(log(curvature)) / 2
  }
  by_r <- numeric_mle(function(v) {
    inverse <- exp(-2 * v[3])
    u <- numeric(ncol(groups))
    for (i in seq_len(steps)) {
      prob <- plogis(v[1] + v[2] * week + u[id])
      slope <- rowsum(y - prob, id)[, 1] - u * inverse
      u <- u + slope / (rowsum(prob * (1 - prob), id)[, 1] + inverse)
    }
    eta <- v[1] + v[2] * week + u[id]
    curvature <- rowsum(plogis(eta) * plogis(-eta), id)[, 1] + inverse
    sum(y * eta - log1p(exp(eta))) - sum(u^2) * inverse / 2 - length(u) * v[3] - sum(log(curvature)) / 2
  }, c(2, -1, 0))
  fit <- mlx_mle(loglik, list(a = 2, b = -1, log_spread = 0), list(y = y, week = week, groups = groups),
                 nobs = length(y))
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
})

test_that("ridge regression has its closed form", {
  x <- scale(as.matrix(mtcars[c("wt", "hp", "disp", "qsec")]))[, ]
  y <- mtcars$mpg - mean(mtcars$mpg)
  lambda <- 3
  want <- solve(crossprod(x) + lambda * diag(4), crossprod(x, y))
  loss <- function(b, x, y) sum((y - drop(x %*% b))^2) + lambda * sum(b^2)
  for (method in c("lbfgs", "newton-cg")) {
    fit <- mlx_optimize(loss, numeric(4), unname(x), y, method = method)
    expect_lt(max(abs(fit$par - want)), 1e-6, label = method)
  }
  # the posterior's standard errors under a normal prior with unit noise
  posterior <- function(b, data) -loss(b, data$x, data$y) / 2
  fit <- mlx_mle(posterior, numeric(4), list(x = unname(x), y = y), nobs = 32)
  expect_same_fit(fit, want, sqrt(diag(solve(crossprod(x) + lambda * diag(4)))))
})
