# Nonlinear regressions: our least squares and derivatives against nls().

# nls() warns where it cannot lower the sum of squares any more
nls_tightly <- function(...) {
  suppressWarnings(nls(..., control = nls.control(tol = 1e-9, maxiter = 200, warnOnly = TRUE)))
}

# Coefficients and standard errors as nls() has them, from our residuals and Jacobian.
expect_nls <- function(want, residuals, start, data) {
  for (method in c("gauss-newton", "levenberg-marquardt")) {
    fit <- mlx_optimize(residuals, start, data = data, method = method)
    got <- unlist(fit$par)
    expect_lt(max(abs(got - coef(want)) / pmax(1, abs(coef(want)))), 1e-6, label = "error of coefficients")
    expect_equal(fit$value, deviance(want), tolerance = 1e-9)
    covariance <- solve(crossprod(as_r(fit$jacobian))) * fit$value / df.residual(want)
    expect_lt(max(abs(sqrt(diag(covariance)) / sqrt(diag(vcov(want))) - 1)), 1e-4, label = "error of standard errors")
  }
}

test_that("a logistic growth curve is nls(SSlogis)'s", {
  data <- subset(DNase, Run == 1)
  want <- nls_tightly(density ~ SSlogis(log(conc), Asym, xmid, scal), data)
  residuals <- function(p, data) data$density - p$Asym / (1 + exp((p$xmid - log(data$conc)) / p$scal))
  expect_nls(want, residuals, list(Asym = 3, xmid = 0, scal = 1), data)
})

test_that("a Michaelis-Menten curve is nls()'s", {
  data <- subset(Puromycin, state == "treated")
  want <- nls_tightly(rate ~ Vm * conc / (K + conc), data, start = list(Vm = 200, K = 0.05))
  expect_nls(want, function(p, data) data$rate - p$Vm * data$conc / (p$K + data$conc), list(Vm = 200, K = 0.05), data)
})

test_that("an asymptotic exponential is nls(SSasymp)'s", {
  data <- subset(Loblolly, Seed == "301")
  want <- nls_tightly(height ~ SSasymp(age, Asym, R0, lrc), data)
  residuals <- function(p, data) data$height - p$Asym - (p$R0 - p$Asym) * exp(-exp(p$lrc) * data$age)
  expect_nls(want, residuals, list(Asym = 90, R0 = -5, lrc = -3), data)
})

test_that("two exponentials are nls(SSbiexp)'s", {
  data <- subset(Indometh, Subject == 1)
  want <- nls_tightly(conc ~ SSbiexp(time, A1, lrc1, A2, lrc2), data)
  residuals <- function(p, data) {
    data$conc - p$A1 * exp(-exp(p$lrc1) * data$time) - p$A2 * exp(-exp(p$lrc2) * data$time)
  }
  expect_nls(want, residuals, list(A1 = 2, lrc1 = 1, A2 = 0.5, lrc2 = -1), data)
})

test_that("a nonlinear regression by its likelihood has nls()'s coefficients and likelihood", {
  data <- subset(DNase, Run == 1)
  want <- nls_tightly(density ~ SSlogis(log(conc), Asym, xmid, scal), data)
  loglik <- function(p, data) {
    curve <- p["Asym"] / (1 + exp((p["xmid"] - log(data$conc)) / p["scal"]))
    sum(mlx_dnorm(data$density, curve, exp(p["log_sd"]), log = TRUE))
  }
  fit <- mlx_mle(loglik, c(Asym = 2, xmid = 1.5, scal = 1, log_sd = -3), data)
  expect_equal(coef(fit)[1:3], coef(want), tolerance = 1e-6)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(want)), tolerance = 1e-9)
})
