# When arrays are computed, and in which order.

test_that("an evaluation that is only started gives the values to whoever reads them", {
  x <- as_mlx(matrix(1:6, 2))
  y <- x %*% t(x)
  expect_identical(withVisible(mlx_async_eval(y, list(a = x * 2, b = "text")))$visible, FALSE)
  expect_equal(as_r(y), matrix(1:6, 2) %*% t(matrix(1:6, 2)))
  expect_equal(mlx_async_eval(list()), list())
  expect_error(mlx_async_eval(3), class = "rmlx_error_argument")
  expect_error(mlx_vmap(function(x) mlx_async_eval(x * 2))(c(1, 2)), class = "rmlx_error_tape")
})

test_that("arrays that wait for others keep values, names and gradients", {
  x <- as_mlx(c(a = 1, b = 2))
  first <- as_mlx(c(3, 4)) * 2
  later <- mlx_depends(list(x = x * 3, n = "text"), on = first)
  expect_equal(as.numeric(later$x), c(3, 6))
  expect_identical(names(later$x), c("a", "b"))
  expect_identical(later$n, "text")
  expect_equal(as.numeric(mlx_grad(function(x) sum(mlx_depends(x^2, on = exp(x))), c(1, 3))[[1]]), c(2, 6))
  graph <- mlx_graph(function(x) mlx_depends(x + 1, on = x * 2), 1)
  expect_true("Multiply" %in% graph$nodes$operation)
  expect_error(mlx_depends(1, on = x), class = "rmlx_error_argument")
})

test_that("arrays are found in nested lists, and lists nested too deeply are an error", {
  x <- as_mlx(1:3) + 1
  y <- as_mlx(2) * 3
  tree <- list(a = x, list(1, "b", list(y)), NULL)
  expect_identical(mlx_eval(tree, y), tree)
  expect_identical(as.numeric(tree[[2]][[3]][[1]]), 6)
  child <- run_child({
    deep <- list(as_mlx(1))
    for (i in 1:3e5) deep <- list(deep)
    for (f in list(mlx_eval, function(x) mlx_grad(function(x) x[[1]], x))) {
      tryCatch(f(deep), error = function(e) cat("an error; "))
    }
    cat("fine")
    quit("no") # R itself may not be able to clean up such a list
  })
  expect_child(child, "an error; an error; fine")
})
