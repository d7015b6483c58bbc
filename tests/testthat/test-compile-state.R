# What compiled functions change outside of themselves: refused, unless it is their state.

x <- as_mlx(c(1, 2, 3))

test_that("an assignment outside of the function is refused, and nothing is left of it", {
  w <- as_mlx(1)
  env <- new.env()
  env$v <- "old"
  f <- mlx_compile(function(x) {
    w <<- x * 2
    unknown_in_compile_test <<- x
    env$v <- list(1, x)
    env$new <- x
    x
  })
  error <- tryCatch(f(x), error = identity)
  expect_s3_class(error, "rmlx_error_state")
  for (name in c("w", "unknown_in_compile_test", "v", "new", "state =")) {
    expect_match(conditionMessage(error), name, fixed = TRUE)
  }
  expect_equal(numbers(w), 1)
  expect_identical(as.list(env), list(v = "old"))
  expect_false(exists("unknown_in_compile_test", globalenv()))
  g <- mlx_compile(function(x) {
    w <<- x
    stop("late")
  })
  expect_error(g(x), "late")
  expect_equal(numbers(w), 1)
  h <- mlx_compile(function(x) {
    total <- 0
    lapply(1:2, function(i) total <<- total + x * i)
    total
  })
  expect_equal(numbers(h(x)), c(3, 6, 9)) # a local variable of the function
})

# Adam on a nested list of parameters
adam <- function(state, x, y) {
  loss <- function(p) mean((tanh(x %*% p$hidden$w + p$hidden$b) %*% p$out - y)^2)
  fit <- mlx_value_grad(loss, state$p)
  g <- fit$grads[[1]]
  state$t <- state$t + 1
  step <- function(p, g, m, v) {
    m <- 0.9 * m + 0.1 * g
    v <- 0.999 * v + 0.001 * g^2
    list(p = p - 0.05 * (m / (1 - 0.9^state$t)) / (sqrt(v / (1 - 0.999^state$t)) + 1e-8), m = m, v = v)
  }
  w <- step(state$p$hidden$w, g$hidden$w, state$m$w, state$v$w)
  b <- step(state$p$hidden$b, g$hidden$b, state$m$b, state$v$b)
  o <- step(state$p$out, g$out, state$m$out, state$v$out)
  state$p <- list(hidden = list(w = w$p, b = b$p), out = o$p)
  state$m <- list(w = w$m, b = b$m, out = o$m)
  state$v <- list(w = w$v, b = b$v, out = o$v)
  fit$value
}
fresh_state <- function() {
  start <- list(w = matrix(c(0.1, -0.2, 0.3, 0.4, 0.2, -0.1), 2), b = c(0, 0.1, 0.2), out = matrix(c(1, -1, 0.5), 3))
  zeros <- function() lapply(start, function(p) mlx_zeros_like(as_mlx(p)))
  state <- new.env()
  state$p <- list(hidden = list(w = as_mlx(start$w), b = as_mlx(start$b)), out = as_mlx(start$out))
  state$m <- zeros()
  state$v <- zeros()
  state$t <- as_mlx(0)
  state
}

test_that("a training step on a nested list of parameters is replayed without R, with the values of R's run", {
  own <- fresh_state()
  eager <- fresh_state()
  runs <- 0
  step <- mlx_compile(function(x, y) {
    runs <<- runs + 1
    adam(own, x, y)
  }, state = own)
  for (i in 1:12) {
    n <- if (i %% 3 == 0) 4 else 6 # batches of two sizes
    data <- matrix(sin(seq_len(2 * n) + i), n)
    y <- matrix(data[, 1] - data[, 2], n)
    expect_equal(numbers(step(data, y)), numbers(adam(eager, as_mlx(data), as_mlx(y))), tolerance = 1e-5)
  }
  expect_equal(runs, 2)
  flat <- function(state) unlist(lapply(list(state$p$hidden$w, state$p$hidden$b, state$p$out, state$t), numbers))
  expect_equal(flat(own), flat(eager), tolerance = 1e-5)
  expect_equal(numbers(own$t), 12)
  expect_named(own$p$hidden, c("w", "b"))
})

test_that("state may be a list of environments, may grow, and keeps what an error interrupts", {
  a <- new.env()
  b <- new.env()
  a$inner <- new.env()
  a$inner$w <- as_mlx(1)
  runs <- 0
  f <- mlx_compile(function(x, fails = FALSE) {
    runs <<- runs + 1
    if (is.null(b$sum)) b$sum <- mlx_zeros(3)
    b$sum <- b$sum + x * a$inner$w
    a$inner$w <- a$inner$w + 1
    if (fails) stop("no")
    b$sum
  }, state = list(a, list(b)))
  total <- 0
  for (k in 1:4) {
    total <- total + c(1, 2, 3) * k
    expect_equal(numbers(f(x)), total)
    expect_equal(numbers(b$sum), total)
  }
  expect_equal(numbers(a$inner$w), 5)
  expect_equal(runs, 2) # the first made b$sum
  expect_error(f(x, TRUE), "no")
  expect_equal(numbers(a$inner$w), 5)
  expect_equal(numbers(b$sum), total)
  a$inner$w <- as_mlx(0)
  expect_equal(numbers(f(x)), total)
})
