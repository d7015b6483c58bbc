# Long chains of operations: MLX's transformations call themselves for every link, so what does not fit
# the stack has to be refused. In children, since a stack that ends kills the process.

# A stack small enough to be left by a short chain.
small_stack <- "ulimit -s 2048"

test_that("a gradient through a chain too long for the stack is an error, and the session goes on", {
  child <- run_child(before = small_stack, code = {
    long <- function(x) {
      for (i in 1:30000) x <- sin(x)
      sum(x)
    }
    e <- tryCatch(mlx_grad(long, as_mlx(1)), rmlx_error_depth = identity)
    stopifnot(
      inherits(e, "rmlx_error"),
      grepl("chain of 3000[0-9] operations", conditionMessage(e)),
      grepl("mlx_checkpoint\\(\\).*mlx_eval\\(\\).*ulimit -s [0-9]+", conditionMessage(e)),
      identical(as.numeric(mlx_grad(function(x) sum(x^2), as_mlx(3))[[1]]), 6)
    )
    cat("fine")
  })
  expect_child(child)
})

test_that("the deepest gradient that is not refused has room, and is right", {
  child <- run_child(before = small_stack, code = {
    chain <- function(x, n) {
      for (i in seq_len(n)) x <- x * 1.0001
      sum(x)
    }
    said <- tryCatch(mlx_grad(chain, as_mlx(1), 50000, argnums = 1), rmlx_error_depth = conditionMessage)
    most <- as.integer(sub(".*room for ([0-9]+)\\..*", "\\1", said))
    n <- most - 20L
    slope <- as.numeric(mlx_grad(function(x) chain(x, n), as_mlx(1, dtype = "float64"))[[1]])
    stopifnot(most > 10000, abs(slope / 1.0001^n - 1) < 1e-9)
    cat("fine")
  })
  expect_child(child)
})

test_that("a chain that a function finds outside counts too", {
  child <- run_child(before = small_stack, code = {
    outer <- as_mlx(1)
    for (i in 1:30000) outer <- sin(outer)
    f <- function(x) sum(x * outer)
    e <- tryCatch(mlx_grad(f, as_mlx(1)), rmlx_error_depth = identity)
    mlx_eval(outer)
    stopifnot(inherits(e, "rmlx_error_depth"), is.numeric(as.numeric(mlx_grad(f, as_mlx(1))[[1]])))
    cat("fine")
  })
  expect_child(child)
})

test_that("a gradient of a gradient is measured with the inner one's operations", {
  child <- run_child(before = small_stack, code = {
    chain <- function(x) {
      for (i in 1:12000) x <- sin(x)
      sum(x)
    }
    slope <- function(x) sum(mlx_grad(chain, x)[[1]])
    stopifnot(
      is_mlx(slope(as_mlx(1))),
      inherits(tryCatch(mlx_grad(slope, as_mlx(1)), error = identity), "rmlx_error_depth")
    )
    cat("fine")
  })
  expect_child(child)
})

test_that("the picture of a chain too long for the stack is an error", {
  child <- run_child(before = small_stack, code = {
    x <- as_mlx(1)
    for (i in 1:30000) x <- sin(x)
    e <- tryCatch(mlx_export_to_dot(NULL, x = x), rmlx_error_depth = conditionMessage)
    stopifnot(grepl("To show it", e))
    cat("fine")
  })
  expect_child(child)
})

test_that("a long chain without a gradient is computed, and dropped, on any stack", {
  child <- run_child(before = small_stack, code = {
    x <- y <- as_mlx(c(1, 2))
    for (i in 1:150000) {
      x <- x + 1
      y <- y + 1
    }
    rm(y)
    invisible(gc())
    stopifnot(identical(as.numeric(x), c(150001, 150002)))
    cat("fine")
  })
  expect_child(child)
})
