# What users are told by compiled functions, and what these show.

test_that("what is compiled, and what it returns, is checked", {
  x <- as_mlx(c(1, 2))
  expect_told({
    mlx_compile(1)
    mlx_compile("no such function")
    mlx_compile(sum, shapeless = NA)
    mlx_compile(sum, state = 1)
    mlx_compile(sum, state = list(model = list(w = 1)))
    mlx_compile(function(x) 3)(x)
    mlx_compile(function(x) NULL)(x)
    mlx_compile(function(x) data.frame(a = 1))(x)
    mlx_compile(function(x) list())(x)
    mlx_compile(function(x) list(x, "a"))(x)
    mlx_compile(function(x) list(a = x, b = list()))(x)
    mlx_compiled_info(sum)
  })
})

test_that("what a compiled function cannot do is refused with what to do instead", {
  x <- as_mlx(c(1, 2))
  total <- 0
  store <- new.env()
  by_length <- mlx_compile(function(x) sum(x) / length(x), shapeless = TRUE)
  by_length(x)
  expect_told({
    mlx_compile(function(x) total <<- total + x)(x)
    mlx_compile(function(x) {
      store$last <- x
      x
    })(x)
    by_length(c(1, 2, 3))
    mlx_compile(function(x) x + mlx_rnorm(2), shapeless = TRUE)(x)
    mlx_compile(function(x) if (sum(x) > 1) x else -x)(x)
    mlx_compile(function(x) as.numeric(x))(x)
    mlx_compile(function(x) x + rnorm(2) * 0)(x)
  }, kind = NULL)
})

test_that("compiled functions tell what was compiled", {
  gelu <- mlx_compile(function(x) x * (1 + mlx_erf(x / sqrt(2))) / 2)
  for (n in c(2, 2, 3)) gelu(as_mlx(seq_len(n)))
  noisy <- mlx_compile(function(x) x + mlx_rnorm(2))
  for (n in 1:2) noisy(as_mlx(c(1, 2)))
  captured <- as_mlx(3)
  reading <- mlx_compile(function() if (captured > 2) captured else -captured)
  reading()
  by_sum <- mlx_compile(function(x) sum(x), shapeless = TRUE)
  for (n in 2:4) by_sum(as_mlx(seq_len(n)))
  # whether elementwise operations are fused depends on the machine's compiler
  steady <- function(lines) sub("[0-9]+ after optimisation", "<n> after optimisation", lines)
  expect_told({
    mlx_compiled_info(gelu)
    mlx_compiled_info(noisy)
    mlx_compiled_info(reading)
    mlx_compiled_info(by_sum)
  }, kind = NULL, transform = steady)
  mlx_disable_compile()
  on.exit(mlx_enable_compile())
  expect_told({
    mlx_compiled_info(noisy)
  }, kind = NULL, transform = steady)
})
