# Sorting, positions, gathers and scatters: dtypes, NaN, bounds, gradients that the table has not.

test_that("a position over all axes is R's own: it finds the element", {
  m <- as_mlx(matrix(c(3, 9, 4, 1, 5, 2), 2))
  expect_identical(as.vector(m[mlx_argmax(m)]), 9)
  expect_identical(as.vector(m[mlx_argmin(m)]), 1)
  expect_identical(as.vector(m[mlx_argsort(m)]), c(1, 2, 3, 4, 5, 9))
  expect_identical(mlx_shape(mlx_argmax(m)), integer())
  expect_identical(mlx_shape(mlx_argmax(m, drop = FALSE)), c(1L, 1L))
  expect_identical(as.vector(mlx_take_along_axis(m, mlx_argmax(m, 2, drop = FALSE), 2)), c(5, 9))
})

test_that("NaN is the largest, and an extreme wherever there is one", {
  x <- as_mlx(c(2, NaN, 1, NaN, Inf))
  expect_identical(as.vector(mlx_argsort(x)), c(3, 1, 5, 2, 4))
  expect_identical(as.vector(mlx_argsort(x, decreasing = TRUE)), c(5, 1, 3, 2, 4))
  expect_identical(as.vector(mlx_argmax(x)), 2)
  expect_identical(as.vector(mlx_argmin(x)), 2)
  expect_identical(as.vector(sort(x, na.last = TRUE)), c(1, 2, Inf, NaN, NaN))
  expect_identical(as.vector(sort(x, na.last = FALSE)), c(NaN, NaN, 1, 2, Inf))
  expect_identical(as.vector(unique(x)), c(2, NaN, 1, Inf))
  expect_identical(as.vector(mlx_median(x)), NaN)
})

test_that("sorting is stable and works in every dtype, in both directions", {
  local_cpu()
  for (dtype in setdiff(dtypes, c("complex64", "bool"))) {
    x <- as_mlx(c(3, 1, 3, 2, 1), dtype = dtype)
    expect_identical(as.vector(mlx_argsort(x)), c(2, 5, 4, 1, 3), label = dtype)
    expect_identical(as.vector(mlx_argsort(x, decreasing = TRUE)), c(1, 3, 4, 2, 5), label = dtype)
    expect_identical(as.vector(mlx_sort(x, decreasing = TRUE)) + 0, c(3, 3, 2, 1, 1), label = dtype)
    expect_identical(mlx_dtype(mlx_sort(x)), dtype)
    expect_identical(as.vector(mlx_topk(x, 1)) + 0, 3, label = dtype)
  }
  low <- as_mlx(c(-128, 127, 0), dtype = "int8")
  expect_identical(as.vector(mlx_sort(low, decreasing = TRUE)), c(127L, 0L, -128L))
  high <- as_mlx(c(0, 255, 7), dtype = "uint8")
  expect_identical(as.vector(mlx_sort(high, decreasing = TRUE)), c(255L, 7L, 0L))
  expect_identical(as.vector(mlx_sort(as_mlx(c(TRUE, FALSE)))), c(FALSE, TRUE))
  expect_identical(as.vector(mlx_sort(as_mlx(c(FALSE, TRUE)), decreasing = TRUE)), c(TRUE, FALSE))
  for (f in list(mlx_sort, mlx_argsort, mlx_argmax, sort)) {
    expect_error(f(as_mlx(1i)), "complex", class = "rmlx_error_dtype")
  }
})

test_that("a partition has no larger element before the kth, counted from 0", {
  x <- c(5, 3, 9, 1, 7, 2, 8)
  for (kth in 0:6) {
    out <- as.vector(mlx_partition(as_mlx(x), kth))
    expect_identical(out[kth + 1], sort(x)[kth + 1])
    expect_identical(sort(out[seq_len(kth)]), sort(x)[seq_len(kth)])
    expect_identical(x[as.vector(mlx_argpartition(as_mlx(x), kth))][kth + 1], sort(x)[kth + 1])
  }
  expect_error(mlx_partition(as_mlx(x), 7), "kth.*from 0 to 6", class = "rmlx_error_index")
  expect_error(mlx_topk(as_mlx(x), 8), "from 1 to .*7", class = "rmlx_error_index")
  expect_error(mlx_topk(as_mlx(x), 0), "from 1", class = "rmlx_error_index")
})

test_that("nothing has an order but no extreme", {
  none <- as_mlx(numeric())
  expect_identical(length(mlx_sort(none)), 0L)
  expect_identical(length(sort(none)), 0L)
  expect_identical(length(mlx_argsort(none)), 0L)
  expect_identical(length(unique(none)), 0L)
  expect_identical(mlx_shape(mlx_sort(mlx_zeros(c(0, 3)), 2)), c(0L, 3L))
  expect_identical(mlx_shape(mlx_argmax(mlx_zeros(c(0, 3)), 2)), 0L)
  expect_error(mlx_argmax(none), "no elements", class = "rmlx_error_shape")
  expect_identical(mlx_shape(mlx_quantile(mlx_zeros(c(2, 0)), c(0.1, 0.9), axis = 2)), c(2L, 2L))
})

test_that("sort, order and their like keep names and directions as base R does", {
  v <- c(b = 3, a = 1, c = 2, d = 1)
  x <- as_mlx(v)
  expect_identical(as_r(sort(x)), sort(v))
  expect_identical(as_r(sort(x, decreasing = TRUE)), sort(v, decreasing = TRUE))
  expect_identical(order(x), order(v))
  expect_identical(order(x, decreasing = TRUE), order(v, decreasing = TRUE))
  expect_identical(order(x, c(1, 2, 3, 0)), order(v, c(1, 2, 3, 0)))
  expect_identical(which(x > 1), which(v > 1))
  expect_identical(rank(x), rank(v))
  expect_identical(names(quantile(x)), names(quantile(v)))
  expect_null(names(quantile(x, 0.5, names = FALSE)))
})

test_that("positions are constants of the tape, and may be read there", {
  f <- function(x) sum(x[order(x)] * 1:3) + x[which.max(x)] + x[mlx_argmin(x)]
  expect_identical(as.vector(mlx_grad(f, c(2, 3, 1))[[1]]), c(2, 4, 2))
  g <- function(x) sum(unique(x)^2) + sum(x[!duplicated(x)])
  expect_identical(as.vector(mlx_grad(g, c(1, 2, 1))[[1]]), c(3, 5, 0))
  h <- function(x) sum(sort(x, na.last = TRUE) * 1:3)
  expect_identical(as.vector(mlx_grad(h, c(2, NaN, 1))[[1]]), c(2, 3, 1))
})

test_that("searching agrees with findInterval", {
  v <- c(1, 2, 2, 4)
  at <- c(0, 1, 1.5, 2, 3, 4, 5)
  expect_identical(as.vector(mlx_searchsorted(v, as64(at), "right")) - 1, findInterval(at, v) + 0)
  expect_identical(as.vector(mlx_searchsorted(as_mlx(v), at)) - 1, findInterval(at, v, left.open = TRUE) + 0)
  expect_identical(as.vector(mlx_searchsorted(numeric(), as_mlx(1:2))), c(1, 1))
  expect_error(mlx_searchsorted(matrix(1:4, 2), 1), "vector", class = "rmlx_error_shape")
})

test_that("positions out of range never reach MLX", {
  m <- as_mlx(matrix(1:6, 2))
  for (bad in list(0, 4, -1, NA, 1e10, as_mlx(c(1, 4)), as_mlx(0), as_mlx(NaN))) {
    expect_error(mlx_take(m, bad, axis = 2), "out of bounds", class = "rmlx_error_index")
    expect_error(mlx_put_along_axis(mlx_zeros(3), bad, 1, axis = 1), "out of bounds", class = "rmlx_error_index")
    expect_error(mlx_take_along_axis(mlx_zeros(3), bad, axis = 1), "out of bounds", class = "rmlx_error_index")
  }
  for (bad in list(0, 3, NA, list(1, 4))) {
    expect_error(mlx_gather(m, bad), class = "rmlx_error_index")
  }
  for (bad in list(0, 7, NA, list(3, 1), list(1, 0), list(1, 1, 1))) {
    expect_error(mlx_at_add(m, bad, 1), class = "rmlx_error_index")
    expect_error(mlx_at_multiply(m, bad, 1), class = "rmlx_error_index")
  }
  expect_error(mlx_gather(m, list(1, 1), axes = c(1, -1)), "Negative axes", class = "rmlx_error_index")
  expect_error(mlx_gather(m, list(1, 1), axes = c(1, 1)), "must not contain duplicates", class = "rmlx_error_index")
  expect_error(mlx_slice(m, c(1, 1), c(3, 1)), "out of bounds", class = "rmlx_error_index")
  expect_error(mlx_slice_update(m, 0, c(0, 1), c(1, 1)), "out of bounds", class = "rmlx_error_index")
  expect_error(mlx_slice(m, 1, 2), "one entry per axis", class = "rmlx_error_index")
  expect_error(mlx_slice_update(m, 1:2, c(1, 1), c(2, 3)), "broadcast", class = "rmlx_error_shape")
})

test_that("positions without values yet are kept within the axis", {
  checked <- rmlx:::positions_fit
  on.exit(utils::assignInNamespace("positions_fit", checked, "rmlx"))
  unread <- function(at, extent) rlang::abort("no values", class = "rmlx_error_tape")
  utils::assignInNamespace("positions_fit", unread, "rmlx")
  x <- as_mlx(c(5, 6, 7))
  expect_identical(as.vector(mlx_take(x, as_mlx(c(-3, 2, 9)))), c(5, 6, 7))
  expect_identical(as.vector(mlx_put_along_axis(x, as_mlx(c(9, 1)), 0, axis = 1)), c(0, 6, 0))
})

test_that("gathers take shapes, masks, omissions and mlx positions", {
  v <- matrix(1:6 + 0, 2)
  m <- as_mlx(v)
  expect_identical(as_r(mlx_gather(m, as_mlx(c(2, 1)))), v[2:1, ])
  expect_identical(as_r(mlx_gather(m, list(c(FALSE, TRUE)))), v[2, , drop = FALSE])
  expect_identical(as_r(mlx_gather(m, -1)), v[2, , drop = FALSE])
  expect_identical(as_r(mlx_gather(m, list(c(3, 1)), axes = 2)), v[, c(3, 1)])
  expect_identical(mlx_shape(mlx_take(m, array(1, c(2, 2, 2)), axis = 1)), c(2L, 2L, 2L, 3L))
  expect_identical(mlx_shape(mlx_take(m, as_mlx(2), axis = 1)), 3L)
  expect_identical(as.vector(mlx_take(m, integer(), axis = 1)), numeric())
})

test_that("taking and updating keep every dtype", {
  local_cpu() # on a gpu MLX has no scatter of 64 bits
  for (dtype in dtypes) {
    y <- as_mlx(matrix(c(1, 0, 1, 1), 2), dtype = dtype)
    for (f in list(function(y) mlx_take(y, 1, 1), function(y) mlx_at_add(y, 1, y[1]),
                   function(y) mlx_slice_update(y, 1, c(1, 1), c(1, 2)))) {
      expect_identical(mlx_dtype(f(y)), dtype)
    }
  }
})

test_that("updates at positions take every form of index and count repeats", {
  x <- mlx_zeros(c(2, 3))
  expect_identical(as_r(mlx_at_add(x, list(c(1, 1), c(TRUE, FALSE, TRUE)), 1)), matrix(c(2, 0, 0, 0, 2, 0), 2))
  expect_identical(as_r(mlx_at_add(x, cbind(c(1, 1), c(2, 2)), 1:2)), matrix(c(0, 0, 3, 0, 0, 0), 2))
  expect_identical(as_r(mlx_at_maximum(x, x == 0, 1:6)), matrix(1:6 + 0, 2))
  expect_identical(as_r(mlx_at_add(x, integer(), 1)), matrix(0, 2, 3))
  expect_identical(as.vector(mlx_at_multiply(as_mlx(1:2, dtype = "int32"), c(1, 1, 1), 2)), c(8L, 2L))
  expect_error(mlx_at_add(x, 1:3, 1:2), "multiple of replacement length", class = "rmlx_error_argument")
  expect_error(mlx_at_multiply(x, 1:3, 1:2), "multiple of replacement length", class = "rmlx_error_argument")
  expect_error(mlx_at_divide(as_mlx(1:2, dtype = "int32"), 1, 2), "int32", class = "rmlx_error_dtype")
})

test_that("running functions refuse what is no axis, and take integers to their limits", {
  expect_error(mlx_cumsum(as_mlx(1:2), 2), "axis 2 .*rank 1", class = "rmlx_error_index")
  expect_error(mlx_cumsum(mlx_zeros(c(2, 2)), c(1, 2)), "one axis", class = "rmlx_error_index")
  x <- as_mlx(c(5, 3), dtype = "int32")
  # int32's smallest value is R's NA, which a warning says.
  expect_warning(largest <- as.vector(mlx_cummax(x, inclusive = FALSE)), class = "rmlx_warning_precision")
  expect_identical(largest, c(NA, 5L))
  expect_identical(as.vector(mlx_cummin(x, inclusive = FALSE)), c(.Machine$integer.max, 5L))
})

test_that("probabilities outside [0, 1] are refused", {
  expect_error(mlx_quantile(as_mlx(1:3), 1.1), "'probs' outside", class = "rmlx_error_argument")
  expect_error(quantile(as_mlx(1:3), NA), "'probs' outside", class = "rmlx_error_argument")
})
