# Loops over an array: outside of gradients base R's loops, over the values; within them what keeps the
# tape, or the tape error (test-tape.R).

looped <- list(
  vector = c(1.5, -2, 3), named = c(a = 1, b = 2), scalar = 3, matrix = matrix(1:6, 2), cube = array(1:8, c(2, 2, 2)),
  nothing = numeric(), empty = matrix(0, 0, 3), bools = c(TRUE, FALSE), complex = c(1i, 2 - 1i)
)

test_that("for gives the values that it gives of R's vectors and matrices", {
  for (name in names(looped)) {
    seen <- list()
    for (v in as_mlx(looped[[name]])) seen <- c(seen, list(v))
    want <- list()
    for (v in looped[[name]]) want <- c(want, list(if (is.integer(v)) as.numeric(v) else v))
    expect_identical(seen, want, info = name)
  }
  seen <- c()
  for (v in as_mlx(1:3, dtype = "int32")) seen <- c(seen, v)
  expect_identical(seen, 1:3)
})

test_that("lapply goes through the elements in R's order, whatever their class", {
  for (name in names(looped)) {
    seen <- lapply(as_mlx(looped[[name]]), as_r)
    want <- lapply(looped[[name]], function(v) if (is.integer(v)) as.numeric(v) else v)
    expect_identical(seen, want, info = name)
  }
})

test_that("rows come from asplit(), an index or mlx_unstack(), in gradients too", {
  x <- matrix(c(1, 2, 3, 4, 5, 6), 2)
  by_rows <- list(
    function(m) Reduce(`+`, lapply(asplit(m, 1), function(r) sum(r)^2)),
    function(m) {
      total <- 0
      for (i in seq_len(nrow(m))) total <- total + sum(m[i, ])^2
      total
    },
    function(m) {
      total <- 0
      for (r in mlx_unstack(as_mlx(m), axis = 1)) total <- total + sum(r)^2
      total
    },
    function(m) sum(unlist(lapply(as.list(mlx_flatten(as_mlx(m))), function(e) e^2)))
  )
  sums <- rowSums(x)
  for (k in 1:3) {
    expect_identical(as.numeric(by_rows[[k]](as_mlx(x))), sum(sums^2))
    expect_equal(as.matrix(mlx_grad(by_rows[[k]], x)[[1L]]), matrix(2 * sums, 2, 3))
  }
  expect_equal(as.matrix(mlx_grad(by_rows[[4L]], x)[[1L]]), 2 * x)
})

test_that("a loop over a released array is a classed error that names the function around it", {
  freed <- as_mlx(1:3)
  mlx_free(freed)
  expect_error(lapply(freed, identity), "released", class = "rmlx_error_freed")
  run <- eval(parse(text = "function() for (v in freed) v", keep.source = TRUE))
  caught <- tryCatch(run(), error = identity)
  expect_s3_class(caught, "rmlx_error_freed")
  expect_identical(deparse(conditionCall(caught)), "run()")
})
