# Distributions beyond the table: far tails, derivatives in shapes, unfit arguments.

forms <- list(
  list(), list(lower.tail = FALSE), list(log.p = TRUE), list(lower.tail = FALSE, log.p = TRUE)
)

expect_law <- function(f, oracle, grid, tolerance = 1e-10, ...) {
  args <- unname(as.list(grid))
  got <- do.call(f, c(lapply(args, as64), list(...)))
  want <- suppressWarnings(do.call(oracle, c(args, list(...))))
  expect_near(got, want, tolerance, paste(deparse(list(...)), collapse = ""))
}

expect_tails <- function(f, oracle, grid, tolerance = 1e-10) {
  for (form in forms) do.call(expect_law, c(list(f, oracle, grid, tolerance), form))
}

ratios <- c(1e-3, 0.1, 0.5, 0.9, 0.99, 1, 1.01, 1.1, 1.5, 2, 4, 10, 100)
chances <- c(1e-300, 1e-100, 1e-10, 1e-3, 0.07, 0.2, 0.5, 0.6, 0.9, 1 - 1e-10)

test_that("gamma agrees with base R from tiny to huge shapes and into the tails", {
  local_cpu()
  grid <- expand.grid(x = ratios, shape = c(1e-5, 0.01, 0.3, 1, 2.5, 10, 100, 1000, 1e5))
  grid$x <- grid$x * grid$shape
  expect_tails(mlx_pgamma, pgamma, grid)
  expect_law(mlx_dgamma, dgamma, grid)
  grid <- expand.grid(p = chances, shape = c(0.01, 0.3, 1, 2.5, 10, 100, 1e5))
  for (lower in c(TRUE, FALSE)) expect_law(mlx_qgamma, qgamma, grid, lower.tail = lower)
})

test_that("beta agrees with base R for all shapes and into the tails", {
  local_cpu()
  grid <- expand.grid(
    x = c(1e-10, 1e-3, 0.1, 0.3, 0.5, 0.9, 0.999, 1 - 1e-10),
    a = c(1e-3, 0.2, 1, 2, 10, 300, 1e4), b = c(1e-3, 0.5, 1, 3, 50, 1000)
  )
  expect_tails(mlx_pbeta, pbeta, grid)
  expect_law(mlx_dbeta, dbeta, grid)
  grid <- expand.grid(p = chances, a = c(0.2, 1, 2, 10, 300), b = c(0.5, 1, 3, 50))
  for (lower in c(TRUE, FALSE)) expect_law(mlx_qbeta, qbeta, grid, lower.tail = lower)
})

test_that("logarithms of beta's far tails are right where base R's are not, by 60-digit arithmetic", {
  local_cpu()
  x <- as64(c(0.950357377856025, 0.933090980007084))
  a <- as64(c(26480.7575615396, 12666.6500770014))
  b <- as64(c(17.06351154398310, 8.59294373082738))
  expect_near(mlx_pbeta(x, a, b, log.p = TRUE), c(-1263.8022519749554, -835.73628795021189))
})

test_that("quantiles are undone by distribution functions, from tiny to huge shapes", {
  local_cpu()
  set.seed(1)
  p <- -10^runif(500, -12, 4)
  shape <- 10^runif(500, -1, 6)
  undone <- function(quantile, distribution) {
    x <- quantile(as64(p), shape, log.p = TRUE)
    back <- distribution(x, shape, log.p = TRUE)
    x <- as.vector(x)
    doubles <- is.finite(x) & x != 0 # quantiles may be beyond the range of doubles
    expect_gt(mean(doubles), 0.9)
    expect_near(as.vector(back)[doubles], p[doubles], 1e-9)
  }
  undone(mlx_qgamma, mlx_pgamma)
  undone(mlx_qt, mlx_pt)
})

test_that("t and F agree with base R for all degrees of freedom and into the tails", {
  local_cpu()
  grid <- expand.grid(t = c(-1e10, -100, -5, -1, -1e-3, 0, 1e-3, 0.5, 2, 40, 1e5),
                      df = c(0.1, 1, 2.5, 10, 100, 1e4))
  expect_tails(mlx_pt, pt, grid)
  expect_law(mlx_dt, dt, grid)
  grid <- expand.grid(x = c(1e-5, 0.1, 0.5, 1, 1.5, 5, 100, 1e5),
                      d1 = c(0.1, 1, 2, 7.5, 100, 1e4), d2 = c(0.1, 1, 5, 20.5, 1000))
  expect_tails(mlx_pf, pf, grid)
  expect_law(mlx_df, stats::df, grid)
  grid <- expand.grid(p = c(1e-10, 1e-3, 0.07, 0.3, 0.6, 0.9), df = c(1, 2, 10, 300))
  expect_law(mlx_qt, qt, grid)
  expect_law(mlx_qt, qt, grid, lower.tail = FALSE)
})

test_that("infinite degrees of freedom are the limits of base R", {
  local_cpu()
  expect_law(mlx_pt, pt, list(c(-2, 0, 1), Inf))
  expect_law(mlx_dt, dt, list(c(-2, 0, 1), Inf))
  expect_law(mlx_qt, qt, list(c(0.1, 0.5), Inf))
  grid <- list(c(0.5, 2, 0.5, 2, 1), c(3, 3, Inf, Inf, Inf), c(Inf, Inf, 4, 4, Inf))
  expect_law(mlx_pf, pf, grid)
  expect_law(mlx_df, stats::df, grid)
  expect_law(mlx_qf, qf, list(c(0.3, 0.3), c(3, Inf), c(Inf, 4)))
})

test_that("the normal tails go on where probabilities underflow", {
  local_cpu()
  z <- c(-37, -10, -5.1, -4.9, -1, -1e-5, 0, 0.3, 2, 5, 8, 30)
  expect_tails(mlx_pnorm, pnorm, list(z))
  far <- c(-1e5, -1000, -50)
  expect_near(mlx_pnorm(as64(far), log.p = TRUE), pnorm(far, log.p = TRUE))
  p <- c(-1e5, -2000, -700, -10, -2.4, -1, -log(2), -0.5, -1e-10)
  z <- mlx_qnorm(as64(p), log.p = TRUE)
  expect_near(mlx_pnorm(z, log.p = TRUE), p, 1e-12)
})

test_that("counts agree with base R into the tails", {
  local_cpu()
  chances <- c(0, 1e-300, 1e-10, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-10, 1)
  grid <- expand.grid(x = c(-1, 0, 1, 7, 30, 99.5), lambda = c(0.01, 1, 7.3, 100))
  expect_tails(mlx_ppois, ppois, grid)
  expect_law(mlx_dpois, dpois, grid)
  grid <- expand.grid(p = chances, lambda = c(0.1, 1, 5, 30, 1e3, 1e6))
  expect_law(mlx_qpois, qpois, grid, 0)
  expect_law(mlx_qpois, qpois, grid, 0, lower.tail = FALSE)

  grid <- expand.grid(x = c(-1, 0, 1, 7, 30, 999), size = c(0, 1, 30, 1000), prob = c(0, 1e-5, 0.3, 1))
  expect_tails(mlx_pbinom, pbinom, grid)
  expect_law(mlx_dbinom, dbinom, grid)
  grid <- expand.grid(p = chances, size = c(0, 1, 30, 1e5), prob = c(0, 1e-3, 0.3, 1))
  expect_law(mlx_qbinom, qbinom, grid, 0)

  grid <- expand.grid(x = c(-1, 0, 1, 7, 30, 999), size = c(0.1, 1, 50), prob = c(1e-3, 0.3, 1))
  expect_tails(mlx_pnbinom, pnbinom, grid)
  expect_law(mlx_dnbinom, dnbinom, grid)
  x <- c(0, 3, 40)
  expect_near(mlx_dnbinom(as64(x), 2.5, mu = 4), dnbinom(x, 2.5, mu = 4))
  expect_near(mlx_pnbinom(as64(x), 2.5, mu = 4), pnbinom(x, 2.5, mu = 4))
  grid <- expand.grid(p = chances, size = c(0.1, 1, 30), prob = c(0.01, 0.4))
  expect_law(mlx_qnbinom, qnbinom, grid, 0)
})

# d f / d argument k, element by element.
first <- function(f, k) function(...) mlx_grad(function(...) sum(f(...)), ..., argnums = k)[[1L]]
in_logs <- function(f) function(...) f(..., log.p = TRUE)

test_that("derivatives in shapes are those of 40-digit arithmetic", {
  local_cpu()
  near <- function(got, want) expect_near(got, want, 1e-11)
  x <- as64(c(0.001, 2, 12, 0.02, 90, 130))
  a <- as64(c(0.5, 2.5, 3, 0.01, 100, 100))
  near(first(mlx_pgamma, 2)(x, a), c(
    -0.24772119046242066, -0.27455132194588155, -0.00086238765481506121, -3.2591885753328979,
    -0.02461191684397991, -0.0008101300285622899
  ))
  expect_near(first(first(mlx_pgamma, 2), 2)(x, a), c(
    1.6870229822143636, 0.067077171809110783, -0.0012212631004481207, 9.4550605268280368952,
    0.0025954929112745809, -0.00021271959135303795
  ), 1e-9)
  near(first(in_logs(mlx_pgamma), 2)(x, a), c(
    -6.9446896855457284, -0.60932321676757523, -0.00086283827905217273, -3.3706487452159372,
    -0.15555405746439836, -0.00081236436230166603
  ))
  x <- as64(c(0.3, 0.01, 0.9))
  a <- as64(c(2, 0.2, 30))
  b <- as64(c(5, 0.7, 4))
  near(first(mlx_pbeta, 2)(x, a, b), c(-0.25241578126828584, -1.8102912113717353, -0.023256776498140627))
  near(first(mlx_pbeta, 3)(x, a, b), c(0.099444894569456877, 0.16550343360563988, 0.19775879490579011))
  near(first(first(mlx_pbeta, 2), 3)(x, a, b),
       c(0.0168790376481204, -0.15481998444635273, 0.0014440888238776467))
  near(first(first(mlx_pbeta, 2), 2)(x, a, b),
       c(0.031881095536526744, 9.4090422454754059, 0.00023417111764146772))
  t <- as64(c(-2, 0.7, -40))
  df <- as64(c(3.5, 10, 5))
  near(first(mlx_pt, 2)(t, df), c(-0.011393815340238739, 0.00078111743831880589, -2.2804856337475423e-7))
  near(first(first(mlx_pt, 2), 2)(t, df),
       c(0.0062203207507685611, -0.00015271475102327352, 5.7555253190648182e-7))
  near(first(in_logs(mlx_pt), 2)(t, df),
       c(-0.18065560159675466, 0.0010414118605881131, -2.4771782740719656))
  x <- as64(c(0.7, 3))
  df1 <- as64(c(4, 1.5))
  df2 <- as64(c(9, 20))
  near(first(mlx_pf, 2)(x, df1, df2), c(-0.030153091271620656, 0.026499559411636241))
  near(first(mlx_pf, 3)(x, df1, df2), c(0.0019424708672242817, 0.00098895814558995693))
  near(first(first(mlx_pf, 2), 3)(x, df1, df2), c(-0.00045797402315131316, 0.00037159784241051205))
})

test_that("derivatives survive where the probabilities underflow", {
  local_cpu()
  # far out log Q(x; a) is (a - 1) log x - x - lgamma(a) + log(1 + (a - 1) / x + ..)
  x <- as64(5000)
  slope <- first(function(x, a) mlx_pgamma(x, a, lower.tail = FALSE, log.p = TRUE), 2)(x, as64(2))
  expect_near(slope, log(5000) - digamma(2) + 1 / 5000, 1e-7)
  slope <- first(function(x) mlx_pnorm(x, log.p = TRUE), 1)(as64(-100))
  expect_near(slope, 100 + 1 / 100 - 2 / 100^3, 1e-9)
})

test_that("mixed second derivatives do not depend on their order", {
  local_cpu()
  x <- as64(c(0.4, 1.5))
  for (f in list(mlx_pgamma, mlx_pt, in_logs(mlx_pgamma), mlx_dt, mlx_dgamma)) {
    a <- as64(c(0.8, 3))
    expect_near(first(first(f, 1), 2)(x, a), as.vector(first(first(f, 2), 1)(x, a)), 1e-11)
  }
  u <- as64(c(0.4, 0.9))
  for (f in list(mlx_qgamma, mlx_qt)) {
    a <- as64(c(0.8, 3))
    expect_near(first(first(f, 1), 2)(u, a), as.vector(first(first(f, 2), 1)(u, a)), 1e-9)
  }
})

test_that("a third derivative in a shape is an error that says so", {
  local_cpu()
  f <- first(first(first(mlx_pgamma, 2), 2), 2)
  expect_error(f(as64(1), as64(2)), "third derivatives")
})

test_that("unfit parameters are an error for R numbers and NaN in arrays", {
  local_cpu()
  expect_error(mlx_dnorm(1, 0, -1), "`sd` must be positive", class = "rmlx_error_argument")
  expect_error(mlx_pexp(1, 0), "`rate` must be positive", class = "rmlx_error_argument")
  expect_error(mlx_dunif(1, 2, 1), "`min` must be below `max`", class = "rmlx_error_argument")
  expect_error(mlx_dbinom(1, 2.5, 0.5), "`size` must be whole", class = "rmlx_error_argument")
  expect_error(mlx_dbinom(1, 2, 1.5), "between 0 and 1", class = "rmlx_error_argument")
  expect_error(mlx_dgamma(1, 2, 1, 1), "not both", class = "rmlx_error_argument")
  expect_error(mlx_dnbinom(1, 2), "`prob` or `mu`", class = "rmlx_error_argument")
  expect_error(mlx_dnorm(1, "a"), "`mean` must be numbers", class = "rmlx_error_argument")
  expect_error(mlx_dgamma(as64(1:2), as64(1:3)), "broadcast", class = "rmlx_error_shape")
  expect_error(mlx_pnorm(1, lower.tail = NA), "`lower.tail` must be TRUE or FALSE")
  for (f in list(mlx_dnorm, mlx_pnorm, mlx_dlogis, mlx_pcauchy, mlx_plaplace, mlx_dlnorm)) {
    expect_identical(as.vector(f(as64(c(1, 2)), 0, as64(c(-1, NaN)))), c(NaN, NaN))
  }
  for (f in list(mlx_dgamma, mlx_pgamma, mlx_qgamma, mlx_dt, mlx_dpois, mlx_ppois, mlx_qexp)) {
    expect_identical(as.vector(f(as64(0.5), as64(-1))), NaN)
  }
  expect_identical(as.vector(mlx_dunif(as64(1), as64(2), as64(1))), NaN)
  expect_identical(as.vector(mlx_pbeta(as64(0.5), as64(-1), as64(1))), NaN)
})

test_that("dtype and device follow the arrays", {
  local_cpu()
  expect_identical(mlx_dtype(mlx_dnorm(0.1)), "float32")
  x <- mlx_dnorm(0.1, mean = as64(0))
  expect_identical(mlx_dtype(x), "float64")
  expect_near(x, dnorm(0.1))
  expect_identical(mlx_dtype(mlx_pgamma(as_mlx(1, dtype = "float16"), 2)), "float16")
  expect_identical(mlx_dtype(mlx_dpois(as_mlx(1L, dtype = "int32"), 2)), "float32")
  expect_near(mlx_dpois(as_mlx(0:3, dtype = "int32"), as64(2)), dpois(0:3, 2))
  expect_identical(mlx_device(mlx_pt(1, 2, device = "cpu")), "cpu")
  expect_error(mlx_erfc(as_mlx(1i)), class = "rmlx_error_dtype")
  expect_error(mlx_logit(as_mlx(1i)), class = "rmlx_error_dtype")
})

test_that("names are kept", {
  x <- as_mlx(c(a = 1, b = 2))
  expect_named(mlx_pgamma(x, 2), c("a", "b"))
  expect_named(mlx_dnorm(x), c("a", "b"))
})

test_that("base R's beta and choose still serve R numbers", {
  local_cpu()
  expect_identical(beta(2, 3), base::beta(2, 3))
  expect_identical(lbeta(2, 3), base::lbeta(2, 3))
  expect_identical(choose(5, 0:5), base::choose(5, 0:5))
  expect_identical(lchoose(5, 2), base::lchoose(5, 2))
  expect_near(choose(5, as64(2)), 10)
})

test_that("Bessel functions of higher order and of large arguments agree with base R", {
  local_cpu()
  x <- c(0.1, 2, 29, 31, 60, 200)
  for (n in c(0, 1, 2, 5, 10)) {
    expect_near(mlx_bessel_j(as64(x), n), besselJ(x, n), 1e-11, absolute = 1e-14)
    expect_near(mlx_bessel_i(as64(x), n), besselI(x, n), 1e-12)
    expect_near(mlx_bessel_i(as64(x), n, scaled = TRUE), besselI(x, n, TRUE), 1e-12)
  }
  expect_error(mlx_bessel_j(1, -1), "order")
  expect_error(mlx_bessel_i(1, 0.5), "order")
})

test_that("a maximum likelihood fit by these gradients agrees with MASS", {
  local_cpu()
  set.seed(1)
  x <- rgamma(200, 2.5, 0.7)
  data <- as64(x)
  loss <- function(theta) -sum(mlx_dgamma(data, exp(theta[1]), exp(theta[2]), log = TRUE))
  fit <- optim(c(0, 0), function(p) as.numeric(loss(as64(p))),
               function(p) as.vector(mlx_grad(loss, as64(p))[[1]]), method = "BFGS",
               control = list(reltol = 1e-14))
  want <- suppressWarnings(MASS::fitdistr(x, "gamma", control = list(reltol = 1e-14)))$estimate
  expect_equal(exp(fit$par), unname(want), tolerance = 1e-5)
})

test_that("complex numbers are refused, not stripped of their imaginary parts", {
  for (f in list(mlx_dnorm, mlx_pexp, mlx_qunif)) {
    expect_error(f(as_mlx(0.5 + 1i)), "complex64", class = "rmlx_error_dtype")
  }
})
