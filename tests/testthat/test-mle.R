# mlx_mle(): what a fit holds and what follows from it. Its answers for known models are in test-models-*.R.

poisson_loglik <- function(p, data) sum(mlx_dpois(data$y, exp(p$a + p$b * data$x), log = TRUE))
counts <- data.frame(x = 0:9 / 3, y = c(1, 0, 3, 2, 4, 7, 5, 12, 10, 17))
poisson_fit <- function() mlx_mle(poisson_loglik, list(a = 0, b = 0), counts)
poisson_glm <- function() glm(y ~ x, poisson, counts, control = glm.control(epsilon = 1e-15, maxit = 100))

test_that("estimates come as a vector with names and in the structure of start", {
  fit <- poisson_fit()
  expect_named(coef(fit), c("a", "b"))
  expect_equal(unname(coef(fit)), unname(coef(poisson_glm())), tolerance = 1e-9)
  expect_identical(fit$par, as.list(coef(fit)))
  expect_true(fit$converged)
  expect_lt(max(abs(fit$gradient)), 1e-8)
  expect_identical(dimnames(fit$hessian), list(c("a", "b"), c("a", "b")))
  unnamed <- mlx_mle(function(p, y) sum(mlx_dnorm(y, p[1], exp(p[2]), log = TRUE)), c(0, 0), c(1, 4, 2, 7))
  expect_named(coef(unnamed), c("par1", "par2"))
  expect_equal(unname(coef(unnamed)), c(3.5, log(sqrt(mean((c(1, 4, 2, 7) - 3.5)^2)))), tolerance = 1e-9)
  nested <- mlx_mle(function(p, y) sum(mlx_dnorm(y, p$m$mean, exp(p$s), log = TRUE)),
                    list(m = list(mean = 0), s = 0), c(1, 4, 2, 7))
  expect_named(coef(nested), c("m.mean", "s"))
  expect_equal(nested$par$m$mean, 3.5)
})

test_that("vcov, logLik, AIC, BIC and nobs are glm()'s", {
  fit <- poisson_fit()
  want <- poisson_glm()
  expect_equal(unname(vcov(fit)), unname(vcov(want)), tolerance = 1e-8)
  expect_identical(dimnames(vcov(fit)), list(c("a", "b"), c("a", "b")))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(want)))
  expect_identical(attributes(logLik(fit))[c("df", "nobs", "class")], list(df = 2L, nobs = 10L, class = "logLik"))
  expect_equal(AIC(fit), AIC(want))
  expect_equal(BIC(fit), BIC(want))
  expect_identical(nobs(fit), 10L)
})

test_that("the number of observations comes from the data or is given", {
  loglik <- function(p, ...) -sum(p^2)
  expect_identical(nobs(mlx_mle(loglik, 1, data.frame(a = 1:7))), 7L)
  expect_identical(nobs(mlx_mle(loglik, 1, 1:6)), 6L)
  expect_identical(nobs(mlx_mle(loglik, 1, matrix(1:6, 2))), 2L)
  expect_identical(nobs(mlx_mle(loglik, 1, list(x = matrix(1:6, 3), y = 1:3))), 3L)
  expect_identical(nobs(mlx_mle(loglik, 1, list(x = 1:2, y = 1:3))), NA_integer_)
  expect_identical(nobs(mlx_mle(loglik, 1)), NA_integer_)
  expect_identical(nobs(mlx_mle(loglik, 1, 1:6, nobs = 12)), 12L)
})

test_that("data may be missing, and further arguments are constants", {
  fit <- mlx_mle(function(p) -sum((p - c(1, 2))^2), c(u = 0, v = 0))
  expect_equal(coef(fit), c(u = 1, v = 2))
  expect_equal(vcov(fit), diag(0.5, 2), ignore_attr = TRUE)
  fit <- mlx_mle(function(p, y, scale) sum(mlx_dnorm(y, p, scale, log = TRUE)), c(mean = 0), c(1, 2, 6), scale = 2)
  expect_equal(c(coef(fit), vcov(fit)), c(mean = 3, 4 / 3))
})

test_that("Wald and profile intervals are those of glm()", {
  fit <- poisson_fit()
  want <- poisson_glm()
  wald <- confint(fit)
  expect_equal(unname(wald), unname(confint.default(want)), tolerance = 1e-7)
  expect_identical(dimnames(wald), list(c("a", "b"), c("2.5 %", "97.5 %")))
  narrow <- confint(fit, "b", level = 0.9)
  expect_equal(unname(narrow), unname(confint.default(want, "x", level = 0.9)), tolerance = 1e-7)
  # where the profile meets the quantile, by the deviance of glm() with an offset
  profile <- confint(fit, method = "profile")
  deviance_at <- function(b) {
    fixed <- glm(y ~ 1, poisson, counts, offset = b * counts$x, control = glm.control(epsilon = 1e-15))
    deviance(fixed) - deviance(want)
  }
  expect_equal(vapply(profile["b", ], deviance_at, 0), rep(qchisq(0.95, 1), 2), ignore_attr = TRUE, tolerance = 1e-6)
  expect_lt(profile["b", 1], coef(fit)["b"])
  expect_gt(profile["b", 2], coef(fit)["b"])
  # MASS's interpolates the profile
  skip_if_not_installed("MASS")
  expect_equal(unname(profile), unname(suppressMessages(confint(want))), tolerance = 1e-3)
})

test_that("the profile of a single parameter is the likelihood itself", {
  y <- c(2, 0, 3, 1)
  fit <- mlx_mle(function(p, y) sum(mlx_dpois(y, p, log = TRUE)), c(mean = 1), y)
  limits <- confint(fit, method = "profile")
  deviance <- function(mean) 2 * (sum(dpois(y, 1.5, log = TRUE)) - sum(dpois(y, mean, log = TRUE)))
  expect_equal(c(deviance(limits[1]), deviance(limits[2])), rep(qchisq(0.95, 1), 2), tolerance = 1e-6)
})

test_that("a profile that stays high has an infinite limit", {
  fit <- mlx_mle(function(p) -(tanh(p[1]))^2, c(x = 0.2))
  expect_identical(unname(confint(fit, method = "profile")[1, ]), c(-Inf, Inf))
})

test_that("predictions have standard errors by the delta method", {
  fit <- poisson_fit()
  want <- predict(poisson_glm(), data.frame(x = c(1, 4)), type = "response", se.fit = TRUE)
  got <- predict(fit, function(p, data) exp(p$a + p$b * data$x), data.frame(x = c(1, 4)), se.fit = TRUE)
  expect_equal(got$fit, unname(want$fit), tolerance = 1e-8)
  expect_equal(got$se.fit, unname(want$se.fit), tolerance = 1e-7)
  expect_equal(sqrt(diag(got$vcov)), got$se.fit)
  expect_equal(predict(fit, function(p, data) exp(p$a + p$b * data$x)), unname(fitted(poisson_glm())), tolerance = 1e-8)
  ratio <- predict(fit, function(p, data) p$a / p$b, se.fit = TRUE)
  gradient <- c(1 / coef(fit)["b"], -coef(fit)["a"] / coef(fit)["b"]^2)
  expect_equal(ratio$se.fit, sqrt(drop(gradient %*% vcov(fit) %*% gradient)))
  both <- function(p, data, k) mlx_reshape(c(p$a, p$b, p$a * p$b, k * p$a), c(2, 2))
  square <- predict(fit, both, se.fit = TRUE, k = 3)
  expect_identical(dim(square$se.fit), c(2L, 2L))
  expect_equal(square$se.fit[2, 2], 3 * square$se.fit[1, 1])
  expect_error(predict(fit, function(p, data) 3), "must return an mlx array", class = "rmlx_error_result")
  expect_error(predict(fit, 3), "`fn` of predict() must be a function", fixed = TRUE, class = "rmlx_error_argument")
})

test_that("summary has z values and p values, and prints them", {
  fit <- poisson_fit()
  want <- coef(summary(poisson_glm()))
  got <- coef(summary(fit))
  expect_equal(unname(got), unname(want), tolerance = 1e-7)
  expect_identical(colnames(got), colnames(want))
  out <- capture.output(print(summary(fit)))
  expect_match(out, "^b +0.93065 +0.16560 +5.62 1.91e-08", all = FALSE)
  expect_match(out, "10 observations, AIC", all = FALSE)
  out <- capture.output(print(fit))
  expect_match(out, "Coefficients", all = FALSE)
  expect_match(out, "df = 2", all = FALSE)
})

test_that("tidy() and glance() of generics give tables", {
  skip_if_not_installed("generics")
  fit <- poisson_fit()
  table <- generics::tidy(fit, conf.int = TRUE, conf.level = 0.9)
  expect_named(table, c("term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high"))
  expect_identical(table$term, c("a", "b"))
  expect_equal(table$estimate, unname(coef(fit)))
  expect_equal(table$conf.low, unname(confint(fit, level = 0.9)[, 1]))
  row <- generics::glance(fit)
  expect_equal(row$AIC, AIC(fit))
  expect_identical(c(row$df, row$nobs), c(2L, 10L))
  expect_true(row$converged)
})

test_that("parameters that the data do not determine are a warning, and vcov() an error", {
  expect_warning(
    fit <- mlx_mle(function(p, y) sum(mlx_dnorm(y, p$a + p$b, 1, log = TRUE)), list(a = 0, b = 0), c(1, 2)),
    class = "rmlx_warning_information"
  )
  expect_error(vcov(fit), class = "rmlx_error_singular")
  expect_error(confint(fit, method = "profile"), class = "rmlx_error_singular")
  expect_true(all(is.na(confint(fit))))
  expect_true(all(is.na(coef(summary(fit))[, 2:4])))
  expect_equal(sum(coef(fit)), 1.5)
})

test_that("a fit that was stopped early says so", {
  # Newton's steps take a third of the way only
  expect_warning(fit <- mlx_mle(function(p) -(p - 5)^4, c(x = 1e4), control = list(iter.max = 1)),
                 "a Newton step would still gain", class = "rmlx_warning_convergence")
  expect_false(fit$converged)
  expect_match(capture.output(print(fit)), "No maximum was found", all = FALSE)
  expect_match(capture.output(print(summary(fit))), "No maximum was found", all = FALSE)
})

test_that("steps out of the domain are taken back without a word", {
  # a variance as itself: negative ones give NaN
  y <- c(0.1, 0.3, -0.2, 0.15)
  expect_silent(fit <- mlx_mle(function(p, y) sum(mlx_dnorm(y, 0, sqrt(p), log = TRUE)), c(variance = 20), y))
  expect_equal(coef(fit)[["variance"]], mean(y^2), tolerance = 1e-9)
})

test_that("mistakes are named", {
  loglik <- function(p, y) sum(mlx_dnorm(y, p, 1, log = TRUE))
  expect_error(mlx_mle(loglik, NaN, 1:3), "is NaN at `start`", class = "rmlx_error_value")
  expect_error(mlx_mle(3, 1), "`loglik` of mlx_mle() must be a function", fixed = TRUE, class = "rmlx_error_argument")
  expect_error(mlx_mle(loglik, "a", 1:3), "`start` must be numbers", class = "rmlx_error_argument")
  expect_error(mlx_mle(function(p) p, c(1, 2)), "`mlx_mle()` must return one number", fixed = TRUE,
               class = "rmlx_error_result")
  expect_error(mlx_mle(function(p) NULL, 1), "it returned NULL", class = "rmlx_error_result")
  expect_error(mlx_mle(function(p) as_mlx(as.numeric(p)), 1), "mlx_mle", class = "rmlx_error_tape")
  expect_error(mlx_mle(loglik, 1, 1:3, nobs = -1), "nobs", class = "rmlx_error_argument")
  expect_error(mlx_mle(loglik, 1, 1:3, control = list("a")), "control", class = "rmlx_error_argument")
  fit <- mlx_mle(loglik, c(mean = 1), c(1, 2, 3))
  expect_error(confint(fit, "sd"), "`parm`.*`mean`", class = "rmlx_error_argument")
  expect_error(confint(fit, level = 1), "level", class = "rmlx_error_argument")
  expect_error(confint(fit, method = "exact"), "method", class = "rmlx_error_argument")
})

test_that("a fit survives saveRDS()", {
  fit <- poisson_fit()
  path <- withr::local_tempfile(fileext = ".rds")
  saveRDS(fit, path)
  again <- readRDS(path)
  expect_equal(vcov(again), vcov(fit))
  expect_equal(confint(again, method = "profile"), confint(fit, method = "profile"))
})

test_that("a negative log likelihood and missing values are told as such", {
  y <- c(1, 2, 4, 3)
  loglik <- function(p, y) sum(dnorm(y, p[1], exp(p[2]), log = TRUE))
  expect_error(mlx_mle(function(p, y) -loglik(p, y), c(0, 0), y), "return the negative log likelihood",
               class = "rmlx_error_value")
  expect_warning(mlx_mle(function(p) sum(p), c(a = 1)), "must not be the negative log likelihood",
                 class = "rmlx_warning_information")
  expect_error(mlx_mle(loglik, c(0, 0), c(y, NA)), "data have missing values", class = "rmlx_error_value")
  frame_loglik <- function(p, d) loglik(p, d$y)
  expect_error(mlx_mle(frame_loglik, c(0, 0), data.frame(y = c(y, NA))), "data have missing values",
               class = "rmlx_error_value")
  said <- tryCatch(mlx_mle(loglik, c(0, Inf), y), error = conditionMessage)
  expect_match(said, "begin where it is finite")
  expect_no_match(said, "missing values")
})

test_that("a log likelihood of several numbers is an error of the user's call", {
  said <- tryCatch(mlx_mle(function(p) p, c(0, 0)), rmlx_error_result = identity)
  expect_match(conditionMessage(said), "The function of `mlx_mle()` must return one number", fixed = TRUE)
  expect_identical(conditionCall(said)[[1L]], quote(mlx_mle))
  fns <- mlx_optim_fns(function(p) p, c(0, 0))
  expect_error(fns$hess(c(0, 0)), "The function of `mlx_optim_fns()`", fixed = TRUE, class = "rmlx_error_result")
})
