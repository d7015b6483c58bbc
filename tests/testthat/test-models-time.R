# Time series: likelihoods through loops over time.

test_that("an ARMA(1, 1) process with a mean is arima()'s", {
  # by innovations; r is the variance of one, over the noise's
  loglik <- function(p, y) {
    phi <- tanh(p["z_ar"])
    theta <- tanh(p["z_ma"])
    centred <- y - p["mean"]
    log_var <- p["log_var"]
    r <- (1 + 2 * phi * theta + theta^2) / (1 - phi^2)
    ahead <- 0
    total <- 0
    for (t in seq_along(y)) {
      innovation <- centred[t] - ahead
      total <- total + log_var + log(r) + innovation^2 / (exp(log_var) * r)
      ahead <- phi * centred[t] + theta * innovation / r
      r <- 1 + theta^2 - theta^2 / r
    }
    -(total + length(y) * log(2 * pi)) / 2
  }
  fit <- mlx_mle(loglik, c(z_ar = 0.4, z_ma = 0.1, mean = 2.4, log_var = -1.5), as.numeric(lh))
  coefficients <- predict(fit, function(p, y) c(tanh(p["z_ar"]), tanh(p["z_ma"]), p["mean"]), se.fit = TRUE)

  want <- arima(lh, c(1, 0, 1), optim.control = list(reltol = 1e-16, maxit = 500))
  # arima() takes its standard errors from coarse differences: from finer ones of its own likelihood
  by_arima <- numeric_mle(function(v) arima(lh, c(1, 0, 1), fixed = v, transform.pars = FALSE)$loglik, coef(want))
  expect_lt(max(abs(coefficients$fit - by_arima$coef)), 1e-6)
  expect_lt(max(abs(coefficients$fit - coef(want))), 1e-5)
  expect_lt(max(abs(coefficients$se.fit / by_arima$se - 1)), 1e-4)
  expect_equal(fit$loglik, as.numeric(logLik(want)), tolerance = 1e-8)
  expect_equal(exp(fit$par[["log_var"]]), want$sigma2, tolerance = 1e-5)
})

test_that("a local level by Kalman's filter is StructTS()'s", {
  y <- as.numeric(Nile)
  start <- 1e4 * var(y) # StructTS()'s prior variance of the level
  loglik <- function(p, y, prior) {
    level <- y[1]
    variance <- prior
    total <- 0
    for (t in seq_along(y)) {
      variance <- variance + exp(p$level)
      f <- variance + exp(p$noise)
      v <- y[t] - level
      total <- total + log(f) + v^2 / f
      gain <- variance / f
      level <- level + gain * v
      variance <- variance * (1 - gain)
    }
    -(total + length(y) * log(2 * pi)) / 2
  }
  fit <- mlx_mle(loglik, list(level = 7, noise = 9), y, prior = start)
  want <- StructTS(Nile, "level", optim.control = list(factr = 10, pgtol = 0))
  expect_equal(exp(unname(coef(fit))), unname(want$coef), tolerance = 1e-3)
  # L-BFGS-B on coarse differences stops early: further with R's own likelihood
  model <- want$model0
  by_r <- numeric_mle(function(v) {
    model$V[] <- exp(v[1])
    model$h <- exp(v[2])
    model$P[] <- start
    # R gives the means of squares, s2, and of log variances, as (log(s2) + mean) / 2
    found <- KalmanLike(y, model, nit = -1L, update = FALSE)
    -length(y) / 2 * (found$s2 + 2 * found$Lik - log(found$s2) + log(2 * pi))
  }, log(unname(want$coef)))
  expect_same_fit(fit, by_r$coef, by_r$se, log_lik = by_r$loglik)
})
