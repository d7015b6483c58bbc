# Survival models: our maximum likelihood against survreg() and coxph().

tight <- function() survival::survreg.control(rel.tolerance = 1e-14, maxiter = 200)

test_that("a Weibull regression with censored times is survreg()'s", {
  skip_if_not_installed("survival")
  lung <- survival::lung[c("time", "status", "age", "sex")]
  want <- survival::survreg(survival::Surv(time, status) ~ age + sex, lung, control = tight())
  loglik <- function(p, data) {
    z <- (log(data$time) - data$x %*% p$b) / exp(p$log_scale)
    sum(data$dead * (z - p$log_scale - log(data$time)) - exp(z))
  }
  data <- list(time = cbind(lung$time), dead = cbind(lung$status == 2) + 0, x = cbind(1, lung$age, lung$sex))
  fit <- mlx_mle(loglik, list(b = c(6, 0, 0), log_scale = 0), data)
  expect_same_fit(fit, c(coef(want), log(want$scale)), sqrt(diag(vcov(want))), log_lik = want$loglik[2])
})

test_that("a tobit model is survreg(dist = \"gaussian\")'s", {
  skip_if_not_installed("survival")
  tobin <- survival::tobin
  want <- survival::survreg(survival::Surv(durable, durable > 0, type = "left") ~ age + quant, tobin,
                            dist = "gaussian", control = tight())
  loglik <- function(p, data) {
    mean <- drop(data$x %*% p$b)
    sd <- exp(p$log_sd)
    density <- mlx_dnorm(data$y, mean, sd, log = TRUE)
    sum(mlx_where(data$y > 0, density, mlx_pnorm(0, mean, sd, log.p = TRUE)))
  }
  data <- list(y = tobin$durable, x = cbind(1, tobin$age, tobin$quant))
  fit <- mlx_mle(loglik, list(b = coef(lm(durable ~ age + quant, tobin)), log_sd = 1), data, nobs = 20)
  expect_same_fit(fit, c(coef(want), log(want$scale)), sqrt(diag(vcov(want))), log_lik = want$loglik[2])
})

test_that("Cox's partial likelihood is coxph()'s", {
  skip_if_not_installed("survival")
  ovarian <- survival::ovarian
  expect_identical(anyDuplicated(ovarian$futime), 0L)
  want <- survival::coxph(survival::Surv(futime, fustat) ~ age + rx, ovarian,
                          control = survival::coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100))
  # from the last time on, those at risk are the ones before
  sorted <- ovarian[order(-ovarian$futime), ]
  loglik <- function(p, data) {
    eta <- drop(data$x %*% p)
    sum(data$dead * (eta - mlx_logcumsumexp(eta)))
  }
  fit <- mlx_mle(loglik, c(age = 0, rx = 0), list(x = cbind(sorted$age, sorted$rx), dead = sorted$fustat))
  expect_same_fit(fit, coef(want), sqrt(diag(vcov(want))), log_lik = want$loglik[2])
})

test_that("a Gumbel regression is survreg(dist = \"extreme\")'s of the negated response", {
  skip_if_not_installed("survival")
  want <- survival::survreg(survival::Surv(-mpg) ~ wt, mtcars, dist = "extreme", control = tight())
  loglik <- function(p, data) {
    z <- (data$mpg - p$a - p$b * data$wt) / exp(p$log_scale)
    sum(-z - exp(-z) - p$log_scale)
  }
  fit <- mlx_mle(loglik, list(a = 30, b = -3, log_scale = 1), mtcars)
  expect_same_fit(fit, c(-coef(want), log(want$scale)), sqrt(diag(vcov(want))), log_lik = want$loglik[2])
})
