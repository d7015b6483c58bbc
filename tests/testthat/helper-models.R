# Oracles for fitted models that know nothing of rmlx.

# A derivative of a plain R function in double precision, by extrapolated central differences.
difference_by <- function(fn, x, i) {
  h <- 2e-3 * max(abs(x[i]), 0.1)
  at <- function(h) (fn(replace(x, i, x[i] + h)) - fn(replace(x, i, x[i] - h))) / (2 * h)
  (64 * at(h / 4) - 20 * at(h / 2) + at(h)) / 45
}

numeric_gradient <- function(fn, x) vapply(seq_along(x), function(i) difference_by(fn, x, i), 0)

numeric_hessian <- function(fn, x) {
  out <- vapply(seq_along(x), function(i) difference_by(function(x) numeric_gradient(fn, x), x, i), x)
  out <- matrix(out, length(x))
  (out + t(out)) / 2
}

# The maximum of a log likelihood written with R's own densities, and its standard errors.
numeric_mle <- function(loglik, start) {
  fit <- optim(start, function(x) -loglik(x), function(x) -numeric_gradient(loglik, x), method = "BFGS",
               control = list(reltol = 1e-12, maxit = 1000))
  x <- unname(fit$par)
  for (i in 1:3) x <- x - solve(numeric_hessian(loglik, x), numeric_gradient(loglik, x))
  list(coef = x, se = sqrt(diag(solve(-numeric_hessian(loglik, x)))), loglik = loglik(x))
}

# Coefficients to 1e-6 and standard errors to 1e-4, relative for numbers above 1.
expect_same_fit <- function(fit, coef, se, which = seq_along(coef), log_lik = NULL) {
  got <- unname(coef(fit))[which]
  coef <- unname(coef)
  expect_lt(max(abs(got - coef) / pmax(1, abs(coef))), 1e-6, label = "error of coefficients")
  got_se <- unname(sqrt(diag(vcov(fit))))[which]
  expect_lt(max(abs(got_se / unname(se) - 1)), 1e-4, label = "error of standard errors")
  if (!is.null(log_lik)) {
    expect_lt(abs(fit$loglik - log_lik) / max(1, abs(log_lik)), 1e-8, label = "error of log likelihood")
  }
}
