# Random numbers: their seeds and keys, their distributions, their gradients.

draws <- function(code) {
  local_doubles()
  set.seed(20)
  as.vector(code)
}

# A test at level 1e-3 with a fixed seed: it passes once and for all, or the sampler is wrong.
expect_distribution <- function(x, p, label = "draws") {
  level <- suppressWarnings(ks.test(x, p))$p.value
  testthat::expect(level > 1e-3, sprintf("%s: Kolmogorov and Smirnov's test gives p = %g", label, level))
}

expect_counts <- function(x, d, label) {
  k <- seq(0, max(x))
  expected <- length(x) * d(k)
  common <- expected >= 5
  observed <- tabulate(x + 1, length(k))[common]
  expected <- expected[common]
  rest <- length(x) - c(sum(observed), sum(expected))
  if (rest[2L] >= 5) {
    observed <- c(observed, rest[1L])
    expected <- c(expected, rest[2L])
  }
  statistic <- sum((observed - expected)^2 / expected)
  level <- pchisq(statistic, max(1, length(expected) - 1), lower.tail = FALSE)
  testthat::expect(level > 1e-3, sprintf("%s: the chi-squared test gives p = %g", label, level))
}

# f: draws of a shape; p: the distribution function.
continuous <- list(
  list("rnorm", function(n) mlx_rnorm(n, 1, 2), function(q) pnorm(q, 1, 2)),
  list("rlnorm", function(n) mlx_rlnorm(n, 1, 0.5), function(q) plnorm(q, 1, 0.5)),
  list("runif", function(n) mlx_runif(n, -1, 3), function(q) punif(q, -1, 3)),
  list("rexp", function(n) mlx_rexp(n, 2), function(q) pexp(q, 2)),
  list("rlogis", function(n) mlx_rlogis(n, 1, 2), function(q) plogis(q, 1, 2)),
  list("rcauchy", function(n) mlx_rcauchy(n, 1, 2), function(q) pcauchy(q, 1, 2)),
  list("rweibull", function(n) mlx_rweibull(n, 1.5, 2), function(q) pweibull(q, 1.5, 2)),
  list("rlaplace", function(n) mlx_rlaplace(n, 1, 2), function(q) laplace_r$p(q, 1, 2)),
  list("rgamma", function(n) mlx_rgamma(n, 2.5, 2), function(q) pgamma(q, 2.5, 2)),
  list("rgamma, small shape", function(n) mlx_rgamma(n, 0.05), function(q) pgamma(q, 0.05)),
  list("rgamma, large shape", function(n) mlx_rgamma(n, 1e4), function(q) pgamma(q, 1e4)),
  list("rchisq", function(n) mlx_rchisq(n, 3), function(q) pchisq(q, 3)),
  list("rbeta", function(n) mlx_rbeta(n, 0.3, 2), function(q) pbeta(q, 0.3, 2)),
  list("rt", function(n) mlx_rt(n, 3), function(q) pt(q, 3)),
  list("rf", function(n) mlx_rf(n, 3, 7), function(q) pf(q, 3, 7)),
  list("rand_gumbel", function(n) mlx_rand_gumbel(n), function(q) exp(-exp(-q))),
  list("rand_normal", function(n) mlx_rand_normal(n), pnorm),
  list("rand_uniform", function(n) mlx_rand_uniform(n), punif),
  list("rand_laplace", function(n) mlx_rand_laplace(n), function(q) laplace_r$p(q, 0, 1)),
  list("rand_truncated_normal", function(n) mlx_rand_truncated_normal(-0.5, 2, n),
       function(q) (pnorm(q) - pnorm(-0.5)) / (pnorm(2) - pnorm(-0.5))),
  list("rand_truncated_normal, far out", function(n) mlx_rand_truncated_normal(10, Inf, n),
       function(q) -expm1(pnorm(q, lower.tail = FALSE, log.p = TRUE) - pnorm(-10, log.p = TRUE)))
)

for (case in continuous) {
  test_that(paste0("`mlx_", case[[1]], "()` has its distribution in both precisions"), {
    expect_distribution(draws(case[[2]](4000)), case[[3]], "float64")
    set.seed(21)
    x <- case[[2]](4000)
    expect_identical(mlx_dtype(x), "float32")
    expect_distribution(as.vector(x), case[[3]], "float32")
    expect_identical(mlx_shape(case[[2]](c(2, 3))), c(2L, 3L))
    expect_identical(mlx_shape(case[[2]](0)), 0L)
  })
}

test_that("counts have their distributions, by each of the methods", {
  local_cpu()
  for (mean in c(0.5, 9, 11, 300)) {
    expect_counts(draws(mlx_rpois(4000, mean)), function(k) dpois(k, mean), paste("Poisson", mean))
  }
  for (prob in c(0.01, 0.3, 0.8)) {
    for (size in c(5, 40, 1000)) {
      expect_counts(draws(mlx_rbinom(4000, size, prob)), function(k) dbinom(k, size, prob),
                    paste("binomial", size, prob))
    }
  }
  expect_counts(draws(mlx_rnbinom(4000, 2.5, mu = 4)), function(k) dnbinom(k, 2.5, mu = 4), "nbinom")
  expect_counts(draws(mlx_rnbinom(4000, 2.5, 0.2)), function(k) dnbinom(k, 2.5, 0.2), "nbinom")
  expect_counts(draws(mlx_rand_randint(4000, 0, 7)), function(k) as.numeric(k < 7) / 7, "randint")
  expect_counts(draws(mlx_rand_bernoulli(4000, 0.3)), function(k) dbinom(k, 1, 0.3), "bernoulli")
  expect_identical(unique(draws(mlx_rbinom(10, 7, 1))), 7)
  expect_identical(unique(draws(mlx_rpois(10, 0))), 0)
})

test_that("set.seed() governs all draws, and each draw is fresh", {
  all <- function() {
    list(
      mlx_rnorm(3), mlx_rnorm(3), mlx_rgamma(3, 2), mlx_rbeta(3, 1, 2), mlx_rpois(3, 50),
      mlx_rand_randint(3, 0, 1e6), mlx_rand_permutation(20), mlx_sample(20, 10),
      mlx_rand_categorical(as_mlx(rep(0, 50)), num_samples = 5), mlx_key_bits(2)
    )
  }
  set.seed(7)
  one <- lapply(all(), as.vector)
  set.seed(7)
  two <- lapply(all(), as.vector)
  expect_identical(one, two)
  three <- lapply(all(), as.vector)
  for (i in seq_along(one)) expect_false(identical(one[[i]], three[[i]]))
  expect_false(identical(one[[1]], one[[2]]))
  mlx_seed(7)
  expect_identical(as.vector(mlx_rnorm(3)), one[[1]])
})

test_that("R's own draws and kinds of generators go together with MLX's", {
  old <- RNGkind()
  on.exit(RNGkind(old[1], old[2], old[3]))
  RNGkind("L'Ecuyer-CMRG")
  set.seed(1)
  a <- as.vector(mlx_runif(2))
  b <- runif(1)
  set.seed(1)
  expect_identical(as.vector(mlx_runif(2)), a)
  expect_identical(runif(1), b)
})

test_that("keys determine draws, and split into independent ones", {
  key <- mlx_key(42)
  expect_identical(as.vector(key), c(0, 42))
  expect_identical(mlx_dtype(key), "uint32")
  samplers <- list(
    function(k) mlx_rand_normal(5, key = k), function(k) mlx_rt(5, 3, key = k),
    function(k) mlx_rand_permutation(30, key = k), function(k) mlx_rand_bernoulli(40, key = k),
    function(k) mlx_rnbinom(5, 20, mu = 100, key = k), function(k) mlx_key_bits(3, key = k),
    function(k) mlx_rand_truncated_normal(-1, 1, 4, key = k),
    function(k) mlx_rand_multivariate_normal(2, c(0, 0), diag(2), key = k)
  )
  keys <- mlx_key_split(key, 3)
  expect_length(keys, 3L)
  for (f in samplers) {
    expect_identical(as.vector(f(key)), as.vector(f(key)))
    expect_false(identical(as.vector(f(keys[[1]])), as.vector(f(keys[[2]]))))
  }
  set.seed(1)
  before <- .Random.seed
  mlx_rnorm(2, key = key)
  expect_identical(.Random.seed, before)
  expect_error(mlx_rnorm(2, key = as_mlx(1)), "mlx_key", class = "rmlx_error_argument")
  expect_error(mlx_key(0.5), "whole number", class = "rmlx_error_argument")
})

test_that("a key gives the numbers of Python MLX 0.32.2", {
  key <- mlx_key(42)
  near <- function(got, want) expect_near(got, want, 2e-6)
  near(mlx_rand_normal(3, key = key), c(0.1869356483221054, -1.28065025806427, -1.5593127012252808))
  near(mlx_rand_uniform(3, key = key), c(0.5741444230079651, 0.10015823692083359, 0.05946118012070656))
  near(mlx_rand_gumbel(3, key = key), c(0.5890136957168579, -0.8333455324172974, -1.037598729133606))
  near(mlx_rand_laplace(3, key = key), c(-0.1605079025030136, 1.6078563928604126, 2.129283905029297))
  near(mlx_rand_truncated_normal(-1, 2, 3, key = key),
       c(0.3282715678215027, -0.7042316198348999, -0.8157208561897278))
  expect_identical(as.vector(mlx_rand_bernoulli(6, key = key)), c(FALSE, FALSE, FALSE, TRUE, TRUE, FALSE))
  expect_identical(as.vector(mlx_rand_randint(4, 0, 100, key = key)), c(57L, 85L, 5L, 6L))
  expect_identical(as.vector(mlx_rand_permutation(6, key = key)), c(4L, 3L, 5L, 0L, 1L, 2L) + 1L)
  expect_identical(lapply(mlx_key_split(key), as.vector),
                   list(c(2465931498, 3679230171), c(255383827, 267815257)))
})

test_that("random bits have the width that was asked for", {
  expect_identical(mlx_dtype(mlx_key_bits(3)), "uint32")
  expect_identical(mlx_dtype(mlx_key_bits(3, width = 2)), "uint16")
  expect_identical(mlx_dtype(mlx_key_bits(3, width = 1)), "uint8")
  expect_error(mlx_key_bits(3, width = 3), "4, 2 or 1", class = "rmlx_error_argument")
})

test_that("float64 draws use 53 bits", {
  local_cpu()
  x <- draws(mlx_rand_uniform(2000))
  expect_true(all(x >= 0 & x < 1))
  expect_true(all(x * 2^53 == round(x * 2^53)))
  expect_gt(mean(x * 2^40 != round(x * 2^40)), 0.9)
  expect_identical(anyDuplicated(x), 0L)
})

test_that("draws are fresh at each call of a gradient, and follow set.seed()", {
  noisy <- function(x) sum(x * mlx_rnorm(3))
  set.seed(3)
  a <- as.vector(mlx_grad(noisy, c(1, 1, 1))[[1]])
  b <- as.vector(mlx_grad(noisy, c(1, 1, 1))[[1]])
  expect_false(identical(a, b))
  set.seed(3)
  expect_identical(as.vector(mlx_grad(noisy, c(1, 1, 1))[[1]]), a)
  set.seed(3)
  expect_identical(as.vector(mlx_rnorm(3)), a)
})

# Reparameterised: draws as functions of parameters with the noise held fixed by a key.
test_that("draws that are shifted and scaled noise have its gradient", {
  key <- mlx_key(5)
  cases <- list(
    list(mlx_rnorm, c(0.5, 2)), list(mlx_rlnorm, c(0.5, 0.7)), list(mlx_runif, c(-1, 2)),
    list(mlx_rexp, 2), list(mlx_rlogis, c(1, 2)), list(mlx_rcauchy, c(1, 2)),
    list(mlx_rweibull, c(1.5, 2)), list(mlx_rlaplace, c(0.5, 2)),
    list(function(n, ..., key) mlx_rand_truncated_normal(..., n, key = key), c(-0.5, 1.5)),
    list(function(n, ..., key) mlx_rand_truncated_normal(..., n, key = key), c(0.5, 1.5))
  )
  for (case in cases) {
    args <- as.list(case[[2]])
    f <- function(...) case[[1]](4, ..., key = key)
    plain <- function(...) as.vector(do.call(f, lapply(list(...), as64)))
    expect_gradient(f, plain, args)
  }
})

test_that("gamma, beta, t and F draws move with their parameters as their quantiles do", {
  local_cpu()
  key <- mlx_key(6)
  cases <- list(
    list(mlx_rgamma, list(0.7, 2), mlx_pgamma, mlx_qgamma),
    list(mlx_rchisq, list(3), mlx_pchisq, mlx_qchisq)
  )
  for (case in cases) {
    x <- do.call(case[[1]], c(list(5), lapply(case[[2]], as64), list(key = key)))
    p <- as64(as.vector(do.call(case[[3]], c(list(x), case[[2]]))))
    for (k in seq_along(case[[2]])) {
      args <- lapply(case[[2]], as64)
      got <- do.call(mlx_grad, c(list(function(...) sum(case[[1]](5, ..., key = key))), args,
                                 argnums = k))[[1]]
      want <- do.call(mlx_grad, c(list(function(...) sum(case[[4]](p, ...))), args, argnums = k))[[1]]
      expect_near(got, as.vector(want), 1e-9)
    }
  }
  # the mean of the gradients is the gradient of the mean: a / (a + b), and 0 and d2 / (d2 - 2)
  set.seed(11)
  g <- mlx_grad(function(a, b) mean(mlx_rbeta(4000, a, b)), as64(2), as64(3))
  expect_equal(as.numeric(g[[1]]), 3 / 25, tolerance = 0.05)
  expect_equal(as.numeric(g[[2]]), -2 / 25, tolerance = 0.05)
  g <- mlx_grad(function(df) mean(mlx_rt(4000, df)^2), as64(12))
  expect_equal(as.numeric(g[[1]]), -2 / 100, tolerance = 0.2)
  g <- mlx_grad(function(d2) mean(mlx_rf(4000, 30, d2)), as64(20))
  expect_equal(as.numeric(g[[1]]), -2 / 18^2, tolerance = 0.1)
})

test_that("second derivatives of gamma draws exist", {
  key <- mlx_key(8)
  slope <- function(a) mlx_grad(function(a) sum(mlx_rgamma(3, a, key = key)), a)[[1]]
  got <- mlx_grad(slope, as64(2.5))[[1]]
  # along the draw's own path, z'' = d/da (z'(a, z)) + z' d/dz (z'(a, z))
  x <- as.vector(mlx_rgamma(3, as64(2.5), key = key))
  p <- as64(pgamma(x, 2.5))
  path <- function(a) mlx_grad(function(a) sum(mlx_qgamma(p, a)), a)[[1]]
  expect_near(got, as.numeric(mlx_grad(path, as64(2.5))[[1]]), 1e-8)
})

test_that("counts carry no gradient", {
  for (f in list(mlx_rpois, function(n, x) mlx_rnbinom(n, x, mu = 3))) {
    expect_identical(as.numeric(mlx_grad(function(x) sum(f(3, x)), as64(4))[[1]]), 0)
  }
})

test_that("parameters broadcast to the shape of the draws, and no further", {
  set.seed(1)
  x <- mlx_rnorm(c(4000, 2), as_mlx(c(0, 100)))
  expect_equal(colMeans(as.matrix(x)), c(0, 100), tolerance = 0.1)
  x <- mlx_rpois(c(4000, 2), as_mlx(c(1, 100)))
  expect_equal(colMeans(as.matrix(x)), c(1, 100), tolerance = 0.1)
  x <- mlx_rgamma(c(4000, 2), as_mlx(c(1, 100)))
  expect_equal(colMeans(as.matrix(x)), c(1, 100), tolerance = 0.1)
  expect_error(mlx_rnorm(3, as_mlx(c(0, 1))), class = "rmlx_error_shape")
  expect_error(mlx_rnorm(1, as_mlx(c(0, 1))), "shape of the draws", class = "rmlx_error_shape")
  expect_error(mlx_rpois(1, as_mlx(c(1, 2))), "shape of the draws", class = "rmlx_error_shape")
  expect_error(mlx_rnorm(-1), "`dim`|`n`", class = "rmlx_error_shape")
})

test_that("unfit parameters are an error for R numbers and NaN in arrays", {
  expect_error(mlx_rnorm(2, 0, -1), "`sd` must be positive", class = "rmlx_error_argument")
  expect_error(mlx_rand_bernoulli(2, 1.5), "between 0 and 1", class = "rmlx_error_argument")
  expect_error(mlx_rand_randint(2, 3, 3), "`low` must be below `high`", class = "rmlx_error_argument")
  expect_error(mlx_rand_randint(2, 0, 3, dtype = "float32"), class = "rmlx_error_dtype")
  expect_error(mlx_rand_normal(2, dtype = "int32"), "floating", class = "rmlx_error_dtype")
  expect_error(mlx_rand_truncated_normal(1, 0, 2), "below `upper`", class = "rmlx_error_argument")
  for (f in list(mlx_rpois, mlx_rgamma, mlx_rexp, mlx_rt)) {
    expect_identical(as.vector(f(2, as64(-1))), c(NaN, NaN))
  }
})

test_that("narrow dtypes are drawn", {
  set.seed(1)
  for (dtype in c("float16", "bfloat16")) {
    for (f in list(mlx_rand_normal, mlx_rand_uniform, mlx_rand_gumbel, mlx_rand_laplace, mlx_rexp)) {
      x <- f(200, dtype = dtype)
      expect_identical(mlx_dtype(x), dtype)
      expect_true(all(is.finite(as.vector(x))))
    }
    expect_identical(mlx_dtype(mlx_rgamma(2, 2, dtype = dtype)), dtype)
  }
  for (dtype in c("int64", "uint8", "int16")) {
    x <- mlx_rand_randint(100, 2, 5, dtype = dtype)
    expect_identical(mlx_dtype(x), dtype)
    expect_identical(sort(unique(as.numeric(x))), c(2, 3, 4))
  }
})

test_that("categories are drawn by their logits along an axis", {
  logits <- log(matrix(c(0.2, 0.5, 0.3, 0.7, 0.1, 0.2), 2, byrow = TRUE))
  set.seed(2)
  x <- mlx_rand_categorical(as_mlx(logits), num_samples = 4000)
  expect_identical(mlx_shape(x), c(2L, 4000L))
  expect_identical(mlx_dtype(x), "int32")
  x <- as.matrix(x)
  expect_counts(x[1, ] - 1, function(k) c(0.2, 0.5, 0.3)[k + 1], "row 1")
  expect_counts(x[2, ] - 1, function(k) c(0.7, 0.1, 0.2)[k + 1], "row 2")
  x <- mlx_rand_categorical(as64(t(logits)), axis = 1, num_samples = 4000)
  expect_identical(mlx_shape(x), c(2L, 4000L))
  expect_counts(as.matrix(x)[1, ] - 1, function(k) c(0.2, 0.5, 0.3)[k + 1], "axis 1")
  expect_identical(mlx_shape(mlx_rand_categorical(as_mlx(logits))), c(2L, 1L))
  expect_identical(mlx_shape(mlx_rand_categorical(as_mlx(c(0, 0)), num_samples = 0)), 0L)
  expect_error(mlx_rand_categorical(as_mlx(numeric())), "no categories", class = "rmlx_error_shape")
  expect_error(mlx_rand_categorical(as_mlx(c(0, 0)), axis = 2), "axis", class = "rmlx_error_index")
})

test_that("many draws from many categories are searched for, by the same weights", {
  set.seed(9)
  weights <- c(3, 0, 1, rep(0, 19996), 6) # most categories are impossible
  x <- mlx_rand_categorical(as_mlx(log(rbind(weights, rev(weights)))), num_samples = 2000)
  expect_identical(mlx_shape(x), c(2L, 2000L))
  x <- as.matrix(x)
  expect_counts(match(x[1, ], c(1, 3, 20000)) - 1, function(k) c(0.3, 0.1, 0.6)[k + 1], "row 1")
  expect_counts(match(x[2, ], c(20000, 19998, 1)) - 1, function(k) c(0.3, 0.1, 0.6)[k + 1], "row 2")
  x <- as.vector(mlx_sample(1e5, 1e5, replace = TRUE, prob = rep(1, 1e5)))
  expect_true(all(x >= 1 & x <= 1e5))
  expect_distribution(x / 1e5, punif, "uniform weights")
  # Poisson(1) many times each
  expect_counts(tabulate(x, 1e5), function(k) dpois(k, 1), "counts")
})

test_that("permutations hold each element once", {
  set.seed(4)
  x <- mlx_rand_permutation(10)
  expect_identical(mlx_dtype(x), "int32")
  expect_identical(sort(as.vector(x)), 1:10)
  m <- matrix(1:12, 4)
  rows <- as.matrix(mlx_rand_permutation(as_mlx(m)))
  expect_identical(rows[order(rows[, 1]), ], m + 0)
  columns <- as.matrix(mlx_rand_permutation(as_mlx(m), axis = -1))
  expect_identical(columns[, order(columns[1, ])], m + 0)
  # all 6 orders of 3 elements are as likely
  orders <- vapply(1:600, function(i) sum(as.vector(mlx_rand_permutation(3)) * c(100, 10, 1)), 0)
  expect_length(unique(orders), 6L)
  expect_gt(chisq.test(table(orders))$p.value, 1e-3)
})

test_that("mlx_sample() chooses as sample() does", {
  set.seed(5)
  expect_identical(sort(as.vector(mlx_sample(8))), 1:8)
  expect_length(mlx_sample(8, 3), 3L)
  x <- as.vector(mlx_sample(3, 4000, replace = TRUE))
  expect_counts(x - 1, function(k) as.numeric(k < 3) / 3, "with replacement")
  x <- as.vector(mlx_sample(as_mlx(c(0, 1, 2)), 4000, TRUE, prob = c(1, 3, 6)))
  expect_counts(x, function(k) c(0.1, 0.3, 0.6)[k + 1], "by weight")
  # without replacement: the first by weight, the second by weight of what is left
  pairs <- vapply(1:1500, function(i) {
    sum((as.vector(mlx_sample(3, 2, prob = c(1, 3, 6))) - 1) * c(3, 1))
  }, 0)
  w <- c(0.1, 0.3, 0.6)
  chance <- outer(0:2, 0:2, function(i, j) ifelse(i == j, 0, w[i + 1] * w[j + 1] / (1 - w[i + 1])))
  expect_counts(pairs, function(k) t(chance)[k + 1], "pairs")
  m <- matrix(1:6, 3)
  rows <- as.matrix(mlx_sample(as_mlx(m), 2))
  expect_true(all(rows[, 2] - rows[, 1] == 3) && rows[1, 1] != rows[2, 1])
  expect_identical(as.vector(mlx_sample(3, 1, prob = as_mlx(c(0, 1, 0)))), 2L)
  expect_length(mlx_sample(3, 0), 0L)
  expect_error(mlx_sample(3, 4), "larger than the population", class = "rmlx_error_argument")
  expect_error(mlx_sample(3, 2, prob = c(1, 0, 0)), "too few positive", class = "rmlx_error_argument")
  expect_error(mlx_sample(3, 2, prob = 1), "number of probabilities", class = "rmlx_error_argument")
})

test_that("multivariate normal draws and densities agree with closed forms", {
  sigma <- matrix(c(2, 0.5, 0.3, 0.5, 1, -0.2, 0.3, -0.2, 1.5), 3)
  mean <- c(1, -1, 10)
  set.seed(6)
  x <- as.matrix(mlx_rmvnorm(4000, mean, sigma))
  expect_equal(colMeans(x), mean, tolerance = 0.02)
  expect_equal(cov(x), sigma, tolerance = 0.1)
  expect_identical(mlx_shape(mlx_rand_multivariate_normal(c(2, 5), mean, sigma)), c(2L, 5L, 3L))
  # squared distances are chi-squared
  expect_distribution(mahalanobis(x, mean, sigma), function(q) pchisq(q, 3))
  # gradients reach mean and covariance
  key <- mlx_key(3)
  f <- function(mean, sigma) mlx_rmvnorm(2, mean, sigma, key = key)
  plain <- function(mean, sigma) as.matrix(f(as64(mean), as64((sigma + t(sigma)) / 2)))
  expect_gradient(f, plain, list(mean, sigma))
  expect_error(mlx_rmvnorm(2, c(0, 0), diag(3)), "must be 2 x 2", class = "rmlx_error_shape")
  for (cov in list(matrix(c(1, 2, 2, 1), 2), as_mlx(matrix(1, 2, 2)))) {
    expect_error(mlx_rmvnorm(2, c(0, 0), cov), "the leading minor of order 2 is not positive",
                 class = "rmlx_error_singular")
    expect_error(mlx_rand_multivariate_normal(2, c(0, 0), cov), "the leading minor of order 2 is not positive",
                 class = "rmlx_error_singular")
  }
  expect_error(mlx_dmvnorm(c(1, 2, 3), c(0, 0), diag(2)), "2 numbers a row", class = "rmlx_error_shape")
  expect_identical(as.vector(mlx_dmvnorm(c(1, 2), c(0, 0), -diag(2))), NaN)
})

test_that("no distribution reads values behind the user's back", {
  old <- options(rmlx.host_reads = "error")
  on.exit(options(old))
  names <- grep("^mlx_[dpqr](norm|lnorm|unif|exp|logis|cauchy|laplace)$", getNamespaceExports("rmlx"),
                value = TRUE)
  expect_length(names, 28L)
  for (name in names) {
    x <- if (startsWith(name, "mlx_r")) 3 else as64(0.5)
    expect_true(is_mlx(get(name)(x, as64(0.25))))
  }
  for (letter in c("d", "p", "q")) {
    for (name in c("gamma", "beta", "f", "nbinom", "binom", "weibull")) {
      expect_true(is_mlx(get(paste0("mlx_", letter, name))(as64(0.5), as64(3), as64(0.5))))
    }
  }
  mlx_rmvnorm(2, as64(c(0, 0)), as64(diag(2)))
  mlx_sample(as64(c(1, 2)), 1, prob = as64(c(1, 2)))
  expect_identical(as.numeric(mlx_rbinom(1, as64(3), as64(1))), 3)
})
