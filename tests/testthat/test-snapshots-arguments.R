# What users are told of arguments that likelihoods, rules, directions and maps cannot take.

test_that("likelihoods, directions, rules and maps say what is wrong with their arguments", {
  y <- c(1, 2, 4, 3)
  loglik <- function(p, y) sum(dnorm(y, p[1], exp(p[2]), log = TRUE))
  expect_told({
    mlx_mle(function(p, y) -loglik(p, y), c(0, 0), y)
    mlx_mle(loglik, c(0, 0), c(y, NA))
    mlx_mle(loglik, c(0, Inf), y)
    mlx_jvp(function(x) x^2, 1)
    mlx_hvp(function(x) sum(x^2), 1)
    mlx_custom_function(function(x) x, vjp = function(x) x)
    mlx_vmap(function(p, x) p$a * x)(list(a = 1), c(1, 2))
    mlx_vmap(function(p, x) p * x)(1, c(1, 2))
    mlx_grad(function(p) p$a^2, c(a = 1))
    tapply(as_mlx(1:3), 1:2, sum)
    mlx_partition(as_mlx(numeric(0)), 0)
    mlx_block_masked_mm(mlx_ones(c(32, 32)), mlx_ones(c(64, 32)), 32)
  })
})
