# What users are told of gradients and of leaving the tape.

test_that("what cannot be differentiated is refused with the reason", {
  x <- as_mlx(c(1, 2))
  whole <- as_mlx(1:2, dtype = "int32")
  frame <- data.frame(u = 1:2, v = c("a", "b"))
  square <- function(w) sum(w^2)
  expect_told({
    mlx_grad(1, x)
    mlx_grad("no such function", x)
    mlx_grad(c("sum", "mean"), x)
    mlx_grad(square)
    mlx_grad(square, x, argnums = 2)
    mlx_grad(square, x, argnums = "w")
    mlx_grad(function(a, b) sum(a), x, x, argnums = c(1, 1))
    mlx_grad(square, whole)
    mlx_grad(square, whole, argnums = 1)
    mlx_grad(square, w = whole, argnums = "w")
    mlx_grad(square, "a", argnums = 1)
    mlx_grad(square, frame)
    mlx_grad(square, x, value = NA)
    mlx_grad(function(w) w^2, x)
    mlx_grad(function(w) NULL, x)
    mlx_grad(function(w) 1, x)
    mlx_grad(function(w) list(1, w), x)
    mlx_grad(function(w) mlx_cast(sum(w), "int32"), x)
    mlx_value_grad(function(w) "a", x)
  })
})

test_that("the option of the overlay is checked", {
  withr::local_options(rmlx.overlay = "sometimes")
  expect_told({
    mlx_grad(sum, as_mlx(1))
  })
})

test_that("derivatives that nobody knows say so", {
  x <- as_mlx(c(1, 2))
  derive <- function(f) function(v) mlx_grad(function(u) sum(f(u)), v)[[1L]]
  expect_told({
    mlx_grad(function(v) sum(Re(mlx_inv(mlx_cast(v, "complex64")))), diag(2))
    mlx_grad(function(v) sum(mlx_pnorm(mlx_cast(v, "complex64"))), x)
    derive(derive(derive(function(a) mlx_pgamma(2, a))))(x)
    derive(derive(derive(function(a) mlx_rgamma(2, a, key = mlx_key(1)))))(x)
  }, kind = NULL)
})

test_that("leaving the tape names the call and the remedy", {
  withr::local_options(rmlx.overlay = FALSE)
  x <- as_mlx(c(1, 2))
  expect_told({
    mlx_grad(function(w) as.numeric(w)[1], x)
    mlx_grad(function(w) sum(plogis(w)), x)
    mlx_grad(function(w) sum(dnorm(w, log = TRUE)), x)
    mlx_grad(function(w) w[[1]], x)
    mlx_grad(function(w) c(0, w)[1], x)
    mlx_grad(function(w) {
      out <- numeric(2)
      out[1] <- w[1]
      sum(out)
    }, x)
    mlx_grad(function(w) {
      total <- 0
      for (v in w) total <- total + v
      total
    }, x)
    mlx_grad(function(m) {
      total <- 0
      for (row in as.list(m)) total <- total + sum(row)
      total
    }, diag(2))
    mlx_grad(function(m) sum(unlist(lapply(m, exp))), diag(2))
    mlx_grad(function(w) sum(spline(1:2, w)$y), x)
    mlx_value_grad(function(w) mlx_item(sum(w)), x)
    mlx_grad(function(w) sum(format(w) == "1"), x)
  }, kind = NULL)
})

test_that("work that leaves MLX silently is told if the user asks for it", {
  x <- as_mlx(c(1, 2))
  rlang::local_options(rmlx.host_reads = "warn")
  expect_told({
    cumsum(unclass(x))
  }, kind = NULL)
  rlang::local_options(rmlx.host_reads = "error")
  expect_told({
    cumsum(unclass(x))
  }, kind = NULL)
  rlang::local_options(rmlx.host_reads = "sometimes")
  expect_told({
    cumsum(unclass(x))
  }, kind = NULL)
})
