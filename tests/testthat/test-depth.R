# Long chains of operations. Derivatives and vmap walk through them in loops; where MLX's own functions
# call themselves for every link, what does not fit the stack has to be refused. In children, since a
# stack that ends kills the process.

# A stack small enough to be left by a short chain.
small_stack <- "ulimit -s 2048"

test_that("derivatives of every kind pass through chains longer than the stack", {
  child <- run_child(before = small_stack, code = {
    mlx_device("cpu") # float64
    options(rmlx.dtype = "float64")
    n <- 60000L
    chain <- function(x) {
      for (i in seq_len(n)) x <- x * 1.0001
      sum(x)
    }
    slope <- 1.0001^n
    near <- function(x, want) stopifnot(abs(as.numeric(x) / want - 1) < 1e-9)
    near(mlx_grad(chain, 1)[[1]], slope)
    near(mlx_jvp(chain, 1, tangents = 1)$tangents, slope)
    near(mlx_vmap(chain)(c(1, 2)), c(1, 2) * slope)
    square <- function(x) chain(x)^2
    near(mlx_grad(function(x) mlx_grad(square, x)[[1]], 1)[[1]], 2 * slope^2)
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
