# What users are told of making, converting, shaping and indexing arrays.

test_that("what cannot become an array is refused with advice", {
  skip_if_not_installed("bit64")
  x <- as_mlx(matrix(1:6, 2))
  many <- as_mlx(1:3)
  beyond <- as_mlx(1, dtype = "uint64") * as_mlx(2^63, dtype = "uint64")
  as.integer64 <- bit64::as.integer64
  expect_told({
    as_mlx("a")
    as_mlx(list(1, 2))
    as_mlx(NULL)
    as_mlx(mean)
    as_mlx(factor(c("a", "b")))
    as_mlx(as.Date("2020-01-01"))
    as_mlx(as.POSIXct("2020-01-01", tz = "UTC"))
    as_mlx(data.frame(u = 1, v = "a", w = "b"))
    as_mlx(c(1, NA), dtype = "int32")
    as_mlx(c(1, 300), dtype = "uint8")
    as_mlx(1.5, dtype = "float23")
    as_mlx(1, dtype = c("int8", "int16"))
    as_mlx(1, dtype = "double")
    as_mlx(c(TRUE, NA))
    as_mlx(1i, dtype = "float32")
    as_mlx(1, device = "tpu")
    as_mlx(1, device = 3)
    mlx_cast(x, "real")
    mlx_shape(1:3)
    mlx_eval(1)
    mlx_item(many)
    as.vector(many, "date")
    as.integer64(beyond)
    mlx_view(as_mlx(1:3, dtype = "int8"), "int16")
  })
})

# What the limit is, and in use.
without_limits <- function(lines) gsub("is [0-9.]+ GB with [0-9.]+ GB", "is <n> GB with <n> GB", lines)

test_that("makers of arrays say which argument is wrong", {
  local_mlx_device("cpu")
  expect_told({
    mlx_array(1, integer())
    mlx_array(1:2, integer(), allow_scalar = TRUE)
    mlx_array(list(1), 1)
    mlx_array(1:4, c(3, 3))
    mlx_array(1:4, -2)
    mlx_zeros(c(2, NA))
    mlx_zeros(c(2, 1.5))
    mlx_zeros(c(1e6, 1e6))
    mlx_zeros(rep(2^31 - 1, 3))
    mlx_matrix(1:6)
    mlx_matrix(1:6, ncol = 4)
    mlx_matrix(1:6, nrow = 4)
    mlx_matrix(1:6, 4, 4)
    mlx_matrix(1:6, 2, byrow = "yes")
    mlx_matrix(1:6, "a")
    mlx_vector(numeric())
    mlx_scalar(1:2)
    mlx_full(2, 1:2)
    mlx_arange(5)
    mlx_arange(1, 5, step = 0)
    mlx_arange(1, Inf)
    mlx_arange(1, 1e10)
    mlx_eye(-1)
    mlx_linspace(0, "a")
    mlx_linspace(0, 1, num = 1.5)
    mlx_tril(as_mlx(1:3))
    mlx_tri(2, 2, k = 0.5)
    mlx_iinfo("float32")
    mlx_finfo("int8")
    mlx_finfo("real")
    mlx_issubdtype("float32", 1)
  }, transform = without_limits)
})

test_that("shapes that do not fit are refused with both shapes", {
  x <- as_mlx(matrix(1:6, 2, dimnames = list(NULL, c("a", "b", "c"))))
  expect_told({
    mlx_reshape(x, c(4, 2))
    mlx_reshape(x, c(-1, 4))
    mlx_reshape(x, c(-1, -1))
    mlx_reshape(x, "a")
    dim(x) <- c(2, 4)
    dim(x) <- c(2, NA)
    dim(x) <- c(-2, -3)
    dim(x) <- "a"
    length(x) <- -1
    mlx_squeeze(x, 1)
    mlx_expand_dims(x, integer())
    mlx_expand_dims(x, c(1, 1))
    mlx_expand_dims(x, 9)
    mlx_flatten(x, 2, 1)
    mlx_unflatten(x, 2, c(2, 2))
    mlx_moveaxis(x, 1:2, 1)
    mlx_moveaxis(x, 3, 1)
    mlx_swapaxes(x, 1, 1:2)
    aperm(x, c(1, 1))
    aperm(x, 1)
    aperm(x, c("a", "b"))
    aperm(x, resize = FALSE)
    mlx_broadcast_to(x, c(3, 3))
    mlx_broadcast_to(x, rep(2^16, 4))
    mlx_flatten(mlx_broadcast_to(0, c(2^16, 2^16)))
    mlx_broadcast_arrays(x, as_mlx(1:2))
    mlx_as_strided(x, c(2, 2), 1)
    mlx_as_strided(x, c(4, 4), c(1, 4))
  })
  n <- as_mlx(1:2, dtype = "int32")
  expect_told({
    length(n) <- 3
  })
})

test_that("an index that is out of bounds or of no use is told with the axis and its extent", {
  x <- as_mlx(matrix(1:6, 2, dimnames = list(NULL, c("a", "b", "c"))))
  scalar <- as_mlx(1)
  broad <- mlx_broadcast_to(0, c(2^16, 2^16))
  whole <- as_mlx(1:3, dtype = "int32")
  truth <- as_mlx(c(TRUE, FALSE))
  expect_told({
    x[3, 1]
    x[7]
    x[1, 2, 3]
    x[0, ]
    x[NA, ]
    x[c(1, NA), ]
    x[c(-1, 1), ]
    x[, "z"]
    x[, NA_character_]
    x["a", ]
    x[c(TRUE, FALSE, TRUE), ]
    x[, c(TRUE, NA, FALSE)]
    x[list(1)]
    x[mean, 1]
    x[matrix(1, 2, 3)]
    broad[1]
    x[cbind(1, 0)]
    x[cbind(1, NA)]
    x[cbind(1, 9)]
    x[[1:2]]
    x[1, , drop = NA]
    scalar[1, 1]
    x[9, 1] <- 1
    x[1, ] <- 1:2
    x[1, ] <- numeric()
    x[c(1, 1), ] <- 1
    x[1, 1] <- 1i
    x[1, 1] <- as_mlx(1i)
    x[1, 1] <- "a"
    x[[1]] <- 1:2
    whole[1] <- 1.5
    whole[1] <- NA
    truth[1] <- 2
    x$values
    x$a
    x$dtype <- "float64"
    x$device <- "gpu"
    x$shape <- 1
    x$a <- 1
    x$other <- 1
  })
})

test_that("gathering and scattering check positions", {
  x <- as_mlx(matrix(1:6, 2))
  whole <- as_mlx(1:3, dtype = "int32")
  expect_told({
    mlx_take(x, 7)
    mlx_take(x, 3, axis = 1)
    mlx_take(x, 1, axis = 3)
    mlx_take(x, 1, axis = 1:2)
    mlx_take_along_axis(x, cbind(9), 1)
    mlx_take_along_axis(x, 1:2, axis = 1)
    mlx_take_along_axis(x, matrix(1, 5, 5), axis = 1)
    mlx_put_along_axis(x, cbind(1, 1, 1), matrix(0, 5, 5), axis = 1)
    mlx_gather(x, list())
    mlx_gather(x, list(1), axes = -1)
    mlx_gather(x, list(1, 1), axes = c(1, 1))
    mlx_gather(x, list(1, 1), axes = 1)
    mlx_gather(x, list(1:2, 1:3))
    mlx_gather(x, -9, axes = 1)
    mlx_gather(x, "a", axes = 1)
    mlx_slice(x, 1, 2)
    mlx_slice(x, c(1, 1), c(3, 3))
    mlx_slice(x, c(1, 1), c(2, 2), strides = c(0, 1))
    mlx_slice_update(x, 1:5, c(1, 1), c(2, 2))
    mlx_at_add(x, 9, 1)
    mlx_at_add(x, list(1, TRUE), 1:2)
    mlx_at_divide(whole, 1, 2)
    mlx_searchsorted(x, 1)
    mlx_argpartition(as_mlx(1:3), 9)
    mlx_topk(as_mlx(1:3), 9)
    mlx_argmax(as_mlx(numeric()))
  })
})

test_that("joining, splitting and repeating say what does not fit", {
  x <- as_mlx(matrix(1:6, 2))
  empty <- as_mlx(numeric())
  expect_told({
    cbind(x, 1:5)
    rbind(x, as_mlx(matrix(1:4, 2)))
    cbind(x, mean)
    cbind(x, "a")
    cbind(x, 1, deparse.level = 3)
    c(x, "a")
    mlx_concatenate(list())
    mlx_concatenate(x, as_mlx(1:3))
    mlx_stack()
    mlx_stack(x, as_mlx(1:3))
    abind(x, x, along = 1:2)
    mlx_split(x, 4, axis = 2)
    mlx_split(x, c(2, 1), axis = 2)
    mlx_repeat(x, 1:3, axis = 1)
    mlx_repeat(x, 2^31 - 1, axis = 2)
    mlx_tile(x, -1)
    mlx_roll(x, NA)
    mlx_roll(x, 1:2)
    mlx_roll(x, 1:3, axes = 1:2)
    mlx_pad(x, -1)
    mlx_pad(x, .Machine$integer.max)
    mlx_pad(x, 1, value = 1:2)
    mlx_pad(empty, 1, mode = "edge")
    mlx_pad(x, 1, mode = "mirror")
    rep(x, times = -1)
    rep(x, 2^31)
    rep(empty, length.out = 2)
    diag(mlx_zeros(c(1, 2, 3)))
    mlx_diag(mlx_zeros(c(1, 2, 3)))
    diag(x) <- 1:5
    mlx_diagonal(x, axis1 = 1, axis2 = 1)
    mlx_meshgrid(x, indexing = "no")
    asplit(x, integer())
  })
  v <- as_mlx(1:3)
  expect_told({
    diag(v) <- 1
  })
})

test_that("rounding beyond R's numbers is a warning", {
  large <- as_mlx(2^53, dtype = "int64") + as_mlx(1L, dtype = "int64")
  smallest <- as_mlx(-2^31, dtype = "int32")
  expect_told({
    as.vector(large)
    as.vector(smallest)
  }, kind = "warning")
})
