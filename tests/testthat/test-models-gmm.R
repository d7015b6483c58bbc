# ADBench's Gaussian mixture: the log posterior with a Wishart prior, its gradient and Hessian.

# The file: d K n; K lines alpha; K of means; K of icf (d log-diagonals, then the strictly lower triangle by
# columns); n of x; gamma and m.
read_gmm <- function(path) {
  numbers <- scan(path, quiet = TRUE)
  d <- numbers[1]
  k <- numbers[2]
  n <- numbers[3]
  at <- 3
  take <- function(rows, columns) {
    out <- matrix(numbers[at + seq_len(rows * columns)], rows, columns, byrow = TRUE)
    at <<- at + rows * columns
    out
  }
  list(
    par = list(alpha = drop(take(k, 1)), means = take(k, d), icf = take(k, d * (d + 1) / 2)),
    x = take(n, d), gamma = take(1, 1)[1], m = take(1, 1)[1]
  )
}

log_multigamma <- function(a, p) p * (p - 1) / 4 * log(pi) + sum(lgamma(a + (1 - seq_len(p)) / 2))

gmm_objective <- function(p, data) {
  n <- nrow(data$x)
  d <- ncol(data$x)
  k <- length(p$alpha)
  below <- lower.tri(diag(d))
  size <- d + data$m + 1
  logs <- p$icf[, seq_len(d)]
  terms <- lapply(seq_len(k), function(j) {
    q <- diag(exp(drop(logs[j, ])))
    q[below] <- drop(p$icf[j, -seq_len(d)])
    z <- (data$x - p$means[j, ]) %*% t(q)
    p$alpha[j] + sum(logs[j, ]) - rowSums(z^2) / 2
  })
  prior <- data$gamma^2 / 2 * (sum(exp(2 * logs)) + sum(p$icf[, -seq_len(d)]^2)) - data$m * sum(logs)
  constant <- k * (size * d * (log(data$gamma) - log(2) / 2) - log_multigamma(size / 2, d))
  sum(mlx_logsumexp(do.call(mlx_stack, terms), axes = 1)) - n * mlx_logsumexp(p$alpha) + prior - constant -
    n * d / 2 * log(2 * pi)
}

# Of the suite's own program, by alpha, means by row and icf by row.
published_value <- 8.07380408004975791
published_gradient <- c(
  1.08662855508652456e-01, -7.41270039523898472e-01, 6.32607184015246071e-01, 1.11692576532787013e+00,
  1.63333013551455269e-01, -2.19989824071193142e-02, 2.27778292254236098e-01, 1.20963025612832187e+00,
  -6.06375920733956339e-02, 2.58529994051162237e+00, 1.12632694524213789e-01, 3.85744309849611777e-01,
  7.35180573182305508e-02, 5.41836362715595232e+00, -3.21494409677446469e-01, 1.71892309775004937e+00,
  8.60091090790866875e-01, -9.94640930466322848e-01
)

data <- read_gmm(test_path("fixtures", "adbench", "gmm-test.txt"))
fns <- mlx_optim_fns(gmm_objective, data$par, data[-1])

test_that("the objective and its gradient are ADBench's published ones", {
  expect_length(fns$par, 18)
  expect_near(fns$fn(fns$par), published_value, 1e-10)
  gradient <- fns$unflatten(fns$gr(fns$par))
  by_row <- c(gradient$alpha, t(gradient$means), t(gradient$icf))
  expect_near(by_row, published_gradient, 1e-10)
})

test_that("the Hessian forward over reverse, reverse over reverse, by products and by differences is one", {
  local_cpu()
  space <- fns$par
  loss <- function(v) {
    means <- mlx_reshape(v[4:9], c(3, 2), order = "F")
    icf <- mlx_reshape(v[10:18], c(3, 3), order = "F")
    gmm_objective(list(alpha = v[1:3], means = means, icf = icf), data[-1])
  }
  local_doubles()
  v <- as_mlx(unname(space))
  gradient <- function(v) mlx_grad(loss, v)[[1]]
  forward <- fns$hess(space)
  reverse <- as_r(mlx_jacobian(gradient, v, mode = "reverse")[[1]])
  products <- vapply(1:18, function(i) as_r(mlx_hvp(loss, v, vectors = replace(numeric(18), i, 1))[[1]]), numeric(18))
  expect_lt(max(abs(unname(forward) - reverse)), 1e-8)
  expect_lt(max(abs(unname(forward) - products)), 1e-8)
  differences <- vapply(1:18, function(i) {
    h <- 1e-4 * (seq_len(18) == i)
    (8 * (fns$gr(space + h) - fns$gr(space - h)) - (fns$gr(space + 2 * h) - fns$gr(space - 2 * h))) / 12e-4
  }, numeric(18))
  expect_lt(max(abs(forward - differences)), 1e-8)
})
