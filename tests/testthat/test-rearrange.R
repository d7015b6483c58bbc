# Axes and rearrangement: names, dtypes, empties, errors.

x <- as_mlx(matrix(1:6, 2, dimnames = list(c("a", "b"), c("u", "v", "w"))))

test_that("names move with the elements", {
  expect_identical(dimnames(mlx_flip(x, 2)), list(c("a", "b"), c("w", "v", "u")))
  expect_identical(dimnames(mlx_repeat(x, 2, 1)), list(c("a", "a", "b", "b"), c("u", "v", "w")))
  expect_identical(dimnames(mlx_roll(x, 1, 2))[[2]], c("w", "u", "v"))
  expect_identical(dimnames(mlx_transpose(x)), list(c("u", "v", "w"), c("a", "b")))
  expect_identical(dimnames(mlx_split(x, 3, 2)[[2]]), list(c("a", "b"), "v"))
  expect_identical(names(mlx_unstack(x)), c("a", "b"))
  expect_identical(names(mlx_unstack(x)[[1]]), c("u", "v", "w"))
  expect_identical(dimnames(abind(x, x))[[1]], c("a", "b", "a", "b"))
  expect_identical(dimnames(mlx_concatenate(x, matrix(0, 2, 1), axis = 2)),
                   list(c("a", "b"), c("u", "v", "w", "")))
  y <- as_mlx(c(a = 1, b = 2))
  expect_identical(names(rev(y)), c("b", "a"))
  expect_identical(names(rep(y, each = 2)), c("a", "a", "b", "b"))
  expect_identical(names(mlx_concatenate(y, y)), c("a", "b", "a", "b"))
})

test_that("rep takes base R's arguments", {
  v <- c(1.5, 2.5, 3.5)
  y <- as_mlx(v)
  expect_identical(as.vector(rep(y, times = c(2, 0, 1))), rep(v, times = c(2, 0, 1)))
  expect_identical(as.vector(rep(y, each = 2, length.out = 5)), rep(v, each = 2, length.out = 5))
  expect_identical(as.vector(rep_len(y, 7)), rep_len(v, 7))
  expect_identical(length(rep(as_mlx(numeric()), 3)), 0L)
})

test_that("every rearrangement keeps every dtype", {
  local_cpu()
  for (dtype in dtypes) {
    y <- as_mlx(matrix(c(1, 0, 1, 1), 2), dtype = dtype)
    for (f in list(
      mlx_flatten, mlx_flip, mlx_transpose, rev, mlx_contiguous, mlx_tril, function(y) mlx_roll(y, 1),
      function(y) mlx_repeat(y, 2), function(y) mlx_tile(y, 2), function(y) mlx_pad(y, 1),
      function(y) mlx_pad(y, 1, mode = "edge"), function(y) mlx_stack(y, y), function(y) abind(y, y),
      function(y) mlx_split(y, 2)[[1]], function(y) mlx_as_strided(y, 2, 1)
    )) {
      expect_identical(mlx_dtype(f(y)), dtype)
    }
  }
})

test_that("nothing rearranges into nothing", {
  y <- mlx_zeros(c(0, 3))
  expect_identical(mlx_shape(mlx_flatten(y)), 0L)
  expect_identical(mlx_shape(mlx_flip(y)), c(0L, 3L))
  expect_identical(mlx_shape(mlx_roll(y, 1)), c(0L, 3L))
  expect_identical(mlx_shape(mlx_roll(y, 1, 1)), c(0L, 3L))
  expect_identical(mlx_shape(mlx_repeat(y, 2, 2)), c(0L, 6L))
  expect_identical(mlx_shape(mlx_tile(y, c(2, 2))), c(0L, 6L))
  expect_identical(mlx_shape(mlx_pad(y, 1)), c(2L, 5L))
  expect_identical(mlx_unstack(y), list())
  expect_identical(lapply(mlx_split(y, 3, 2), mlx_shape), rep(list(c(0L, 1L)), 3))
  expect_identical(mlx_shape(mlx_stack(y, y)), c(2L, 0L, 3L))
  expect_identical(mlx_shape(mlx_tril(y)), c(0L, 3L))
  expect_identical(mlx_shape(rev(y)), 0L)
  expect_error(mlx_pad(y, 1, mode = "edge"), "constant", class = "rmlx_error_shape")
})

test_that("a 0-d array flattens to one element and squeezes to 0-d again", {
  expect_identical(mlx_shape(mlx_flatten(as_mlx(1))), 1L)
  expect_identical(mlx_shape(mlx_squeeze(mlx_zeros(c(1, 1, 1)))), integer())
  expect_identical(mlx_shape(mlx_unflatten(as_mlx(1:6), 1, c(2, -1))), 2:3)
})

test_that("several arrays come as arguments or as one list", {
  parts <- list(as_mlx(1:2), as_mlx(3:4))
  expect_identical(as_r(mlx_stack(parts)), rbind(1:2, 3:4) + 0)
  expect_identical(as_r(mlx_stack(as_mlx(1:2), 3:4, axis = 2)), cbind(1:2, 3:4) + 0)
  expect_identical(as_r(mlx_concatenate(parts)), 1:4 + 0)
  out <- mlx_broadcast_arrays(a = as_mlx(1:2, dtype = "int32"), b = matrix(0.5, 3, 1))
  expect_identical(names(out), c("a", "b"))
  expect_identical(lapply(out, mlx_shape), list(a = 3:2, b = 3:2))
  expect_identical(mlx_dtype(out$a), "float32")
  grids <- mlx_meshgrid(x = as_mlx(1:3), y = as_mlx(1:2))
  expect_identical(as_r(grids$y), matrix(1:2 + 0, 2, 3))
  expect_identical(lapply(unname(mlx_meshgrid(1:3, 1:2, sparse = TRUE)), mlx_shape), list(c(1L, 3L), 2:1))
  expect_identical(lapply(mlx_atleast_2d(1, 1:2), mlx_shape), list(c(1L, 1L), c(1L, 2L)))
})

test_that("broadcast shapes are NumPy's", {
  expect_identical(mlx_broadcast_shapes(c(3, 1), 4), c(3L, 4L))
  expect_identical(mlx_broadcast_shapes(c(2, 1, 5), c(3, 1), integer()), c(2L, 3L, 5L))
  expect_identical(mlx_broadcast_shapes(c(0, 3), 1), c(0L, 3L))
  expect_error(mlx_broadcast_shapes(2, 3), "2 and 3", class = "rmlx_error_shape")
})

test_that("triangles and matrices of ones are base R's", {
  m <- matrix(1, 4, 3)
  for (k in -4:4) {
    expect_identical(as_r(mlx_tri(4, 3, k)), (base::col(m) - base::row(m) <= k) + 0)
    expect_identical(as_r(mlx_tril(m, k)), (base::col(m) - base::row(m) <= k) + 0)
    expect_identical(as_r(mlx_triu(m, k)), (base::col(m) - base::row(m) >= k) + 0)
  }
  stacks <- mlx_tril(mlx_ones(c(2, 3, 3)))
  expect_identical(as_r(stacks[2, , ]), array(lower.tri(diag(3), TRUE) + 0, c(1, 3, 3)))
  expect_error(mlx_tril(as_mlx(1:3)), "two axes", class = "rmlx_error_shape")
})

test_that("views read the same bytes, and do not reach outside", {
  local_cpu()
  expect_identical(as.vector(mlx_view(as_mlx(c(1, -2)), "uint32")), c(1065353216, 3221225472))
  expect_identical(mlx_shape(mlx_view(mlx_zeros(c(2, 4)), "uint8")), c(2L, 16L))
  expect_identical(mlx_shape(mlx_view(mlx_zeros(c(2, 4)), "float64")), c(2L, 2L))
  expect_error(mlx_view(mlx_zeros(3), "float64"), "last axis", class = "rmlx_error_shape")
  m <- matrix(1:6, 2)
  expect_identical(as.vector(mlx_as_strided(m, 6, 1)), c(t(m)) + 0)
  expect_identical(as.vector(mlx_as_strided(as_mlx(1:5), 3, -2, offset = 4)), c(5, 3, 1))
  expect_error(mlx_as_strided(as_mlx(1:5), 3, 2, offset = 1), "out of bounds", class = "rmlx_error_index")
  expect_error(mlx_as_strided(as_mlx(1:5), 3, -1), "out of bounds", class = "rmlx_error_index")
  expect_error(mlx_as_strided(as_mlx(1:5), c(2, 2), 1), "strides", class = "rmlx_error_shape")
})

test_that("padding takes its widths in every form", {
  m <- as_mlx(matrix(1:4, 2))
  for (width in list(1, c(1, 1), list(c(1, 1), c(1, 1)), matrix(1, 2, 2), c(1, 1, 1, 1))) {
    expect_identical(mlx_shape(mlx_pad(m, width)), c(4L, 4L))
  }
  expect_identical(mlx_shape(mlx_pad(m, rbind(c(1, 2), c(3, 0)))), c(5L, 5L))
  expect_identical(mlx_shape(mlx_pad(m, c(1, 2), axes = -1)), c(2L, 5L))
  expect_identical(as.vector(mlx_pad(as_mlx(1:2, dtype = "int32"), 1, value = 9)), c(9L, 1L, 2L, 9L))
  expect_identical(as.vector(mlx_pad(as_mlx(5), integer())), 5)
  for (wrong in list(-1, 1.5, 1:3, "a", list(1, 2:3, 4))) {
    expect_error(suppressWarnings(mlx_pad(m, wrong)), "pad_width", class = "rmlx_error_argument")
  }
})

test_that("errors name the axis, the extent and what to do", {
  m <- mlx_zeros(c(2, 3))
  expect_error(mlx_flatten(m, 3), "axis 3 .*rank 2", class = "rmlx_error_index")
  expect_error(mlx_flatten(m, 2, 1), "start_axis", class = "rmlx_error_index")
  expect_error(mlx_unflatten(m, 2, c(2, 2)), "extent 3.*2 x 2", class = "rmlx_error_shape")
  expect_error(mlx_moveaxis(m, 0, 1), "axis 0", class = "rmlx_error_index")
  expect_error(mlx_moveaxis(m, c(1, 2), 1), "equally many", class = "rmlx_error_index")
  expect_error(mlx_swapaxes(m, 1, c(1, 2)), "one axis", class = "rmlx_error_index")
  most <- .Machine$integer.max
  expect_error(mlx_repeat(m, most, axis = 2), "repeats", class = "rmlx_error_shape")
  expect_error(mlx_tile(m, c(1, most)), "reps", class = "rmlx_error_shape")
  expect_error(mlx_pad(m, most), "pad_width", class = "rmlx_error_shape")
  many <- list(list(times = 2^31), list(length.out = 2^31), list(each = 2^31), list(rep(most, 6)), list(1, 2^32))
  for (too_many in many) {
    expect_error(do.call(rep, c(list(m), too_many)), "2\\^31", class = "rmlx_error_shape")
  }
  expect_length(rep(mlx_zeros(0), 2^31), 0)
  expect_error(mlx_repeat(m, -1), "repeats", class = "rmlx_error_shape")
  expect_error(mlx_repeat(m, c(1, 2), axis = 2), "3 positions", class = "rmlx_error_shape")
  expect_error(mlx_roll(m, 1:2), "shift", class = "rmlx_error_argument")
  expect_error(mlx_split(m, 2, axis = 2), "extent 3.*2 equal", class = "rmlx_error_shape")
  expect_error(mlx_split(m, c(2, 1), axis = 2), "increase", class = "rmlx_error_index")
  expect_error(mlx_stack(m, mlx_zeros(2)), "2 x 3", class = "rmlx_error_shape")
  expect_error(mlx_concatenate(m, mlx_zeros(c(3, 2))), "2 x 3 and 3 x 2", class = "rmlx_error_shape")
  expect_error(mlx_stack(), "nothing", class = "rmlx_error_argument")
  expect_error(abind(), "nothing", class = "rmlx_error_argument")
})
