# Shapes and axes: values, names, and every way to get an axis wrong.

cube <- array(as.double(1:24), 2:4)

test_that("mlx_reshape() is row-major, and column-major on request", {
  for (shape in list(24L, c(4L, 6L), c(6L, 4L), c(2L, 2L, 6L), c(1L, 24L), c(2L, 3L, 2L, 2L))) {
    by_rows <- row_major(cube, shape)
    expect_near(mlx_reshape(as_mlx(cube), shape), by_rows)
    expect_near(mlx_reshape(as_mlx(cube), shape, order = "C"), by_rows)
    by_columns <- if (length(shape) > 1L) array(cube, shape) else as.vector(cube)
    expect_near(mlx_reshape(as_mlx(cube), shape, order = "F"), by_columns)
    # arithmetic on the result pairs the right elements
    expect_near(mlx_reshape(t(as_mlx(cube)), shape) + as_mlx(by_rows * 0), row_major(aperm(cube), shape))
  }
})

test_that("one -1 is computed", {
  x <- as_mlx(1:12)
  expect_identical(mlx_shape(mlx_reshape(x, -1)), 12L)
  expect_identical(mlx_shape(mlx_reshape(x, c(3, -1))), c(3L, 4L))
  expect_identical(mlx_shape(mlx_reshape(x, c(-1, 2, 2), order = "F")), c(3L, 2L, 2L))
  expect_identical(mlx_shape(mlx_reshape(as_mlx(numeric()), c(3, -1))), c(3L, 0L))
  expect_identical(mlx_shape(mlx_reshape(x, as_mlx(c(3, -1)))), c(3L, 4L))
  expect_identical(mlx_shape(mlx_reshape(as_mlx(5), integer())), integer())
})

test_that("shapes that do not fit are refused", {
  x <- as_mlx(matrix(1:6, 2))
  refused <- function(code, text) expect_refused(code, text, "shape")
  refused(mlx_reshape(x, c(2, 4)), "Cannot reshape array of size 6 into shape with size 8 (2 x 4)")
  refused(mlx_reshape(x, c(4, -1)), "Cannot reshape array of size 6")
  refused(mlx_reshape(x, c(0, -1)), "Cannot reshape array of size 6")
  refused(mlx_reshape(x, integer()), "Cannot reshape array of size 6 into shape with size 1")
  refused(mlx_reshape(x, c(-1, -1)), "only one extent of `newshape` may be -1")
  refused(mlx_reshape(as_mlx(numeric()), c(2^30, 2^30, 16)), "Cannot reshape array of size 0")
  for (bad in list(NULL, "a", list(2, 3), sum, c(NA, 3), c(NaN, -1), c(1.5, 4), c(-2, -3), Inf, 1e10, TRUE)) {
    refused(mlx_reshape(x, bad), "`newshape` must be non-negative whole numbers")
  }
  expect_refused(mlx_reshape(x, c(3, 2), order = "Z"), "`order` must be one of", "argument")
  expect_refused(mlx_reshape(x, c(3, 2), order = 1), "`order` must be one of", "argument")
  for (bad in list(NULL, "a", list(1), sum)) {
    expect_refused(mlx_reshape(bad, 1), "Cannot convert object of class", "argument")
  }
})

test_that("`dim<-` is row-major, drops names and leaves other holders alone", {
  x <- as_mlx(matrix(1:6, 2, dimnames = list(c("a", "b"), NULL)))
  y <- x
  dim(y) <- c(3, 2)
  expect_near(y, row_major(matrix(1:6, 2), c(3, 2)))
  expect_null(dimnames(y))
  expect_identical(mlx_shape(x), 2:3)
  dim(y) <- as_mlx(c(1, 6))
  expect_identical(mlx_shape(y), c(1L, 6L))
  dim(y) <- 6
  expect_identical(mlx_shape(y), 6L)
  dim(x) <- NULL
  expect_identical(as.vector(x), as.double(1:6))
})

test_that("`dim<-` refuses in the contract's words", {
  x <- as_mlx(1:12)
  refused <- function(value, text) expect_refused(dim(x) <- value, text, "shape")
  refused(c(3, 5), "dims [product 15] do not match the length of object [12]")
  refused(c(-3, -4), "dims cannot be negative")
  for (bad in list(c(NA, 4), "a", list(3, 4), sum, NaN)) {
    refused(bad, "dims must be a numeric vector without NAs")
  }
  refused(Inf, "do not match the length of object [12]")
  refused(c(1.5, 8), "dims [product 8] do not match the length of object [12]")
})

test_that("axes are squeezed and added, with names", {
  x <- as_mlx(array(1:6, c(1, 2, 1, 3), dimnames = list("k", c("a", "b"), NULL, NULL)))
  expect_identical(mlx_shape(mlx_squeeze(x)), 2:3)
  expect_identical(mlx_shape(mlx_squeeze(x, 1)), c(2L, 1L, 3L))
  expect_identical(mlx_shape(mlx_squeeze(x, c(-2, 1))), 2:3)
  expect_identical(mlx_shape(mlx_squeeze(x, integer())), c(1L, 2L, 1L, 3L))
  expect_identical(dimnames(mlx_squeeze(x)), list(c("a", "b"), NULL))
  expect_identical(mlx_shape(mlx_squeeze(mlx_ones(c(1, 1)))), integer())
  expect_identical(mlx_shape(mlx_expand_dims(mlx_ones(c(2, 2)), c(1, 3))), c(1L, 2L, 1L, 2L))
  expect_identical(mlx_shape(mlx_expand_dims(mlx_ones(2), -1)), 2:1)
  expect_identical(mlx_shape(mlx_expand_dims(as_mlx(5), 1)), 1L)
  expect_identical(mlx_shape(mlx_expand_dims(mlx_zeros(c(0, 2)), -3)), c(1L, 0L, 2L))
  expect_refused(mlx_squeeze(x, 2), "axis 2 has extent 2 and cannot be squeezed", "shape")
  expect_refused(mlx_expand_dims(x, NULL), "`axes` must name at least one new axis", "index")
})

# Everything that takes axes, on an array of rank 2 (the result's rank for new axes: 3).
takes_axes <- list(
  mlx_sum = function(x, k) mlx_sum(x, k), mlx_prod = function(x, k) mlx_prod(x, k),
  mlx_max = function(x, k) mlx_max(x, k), mlx_min = function(x, k) mlx_min(x, k),
  mlx_mean = function(x, k) mlx_mean(x, k), mlx_var = function(x, k) mlx_var(x, k),
  mlx_std = function(x, k) mlx_std(x, k), mlx_sd = function(x, k) mlx_sd(x, k),
  mlx_all = function(x, k) mlx_all(x, k), mlx_any = function(x, k) mlx_any(x, k),
  mlx_logsumexp = function(x, k) mlx_logsumexp(x, k), mlx_softmax = function(x, k) mlx_softmax(x, k),
  mlx_squeeze = function(x, k) mlx_squeeze(x, k), mlx_expand_dims = function(x, k) mlx_expand_dims(x, k),
  aperm = function(x, k) aperm(x, k), sum = function(x, k) sum(x, axes = k), mean = function(x, k) mean(x, axes = k)
)

test_that("axes 0, out of range, twice and NA are errors that name axis and rank", {
  x <- as_mlx(matrix(1:6, 2))
  for (name in names(takes_axes)) {
    f <- takes_axes[[name]]
    rank <- if (name == "mlx_expand_dims") "rank 3" else "rank 2"
    two <- if (name == "mlx_expand_dims") "rank 4" else "rank 2"
    refused <- function(k, ...) expect_refused(f(x, k), c(...), "index")
    refused(0, "axis 0", rank)
    refused(4, "axis 4", rank)
    refused(NA, "axis NA", rank)
    refused(NaN, "axis NA", rank)
    refused(c(1, 1), "axis 1 is named twice", two)
    if (!name %in% c("mlx_sum", "mlx_var", "mlx_softmax", "mlx_squeeze", "mlx_expand_dims", "aperm")) next
    refused(-4, "axis -4", rank)
    refused(1e10, "axis 1e+10 is out of range")
    refused(-Inf, "out of range")
    what <- if (name == "aperm") "`perm`" else "`axes`"
    for (bad in list("1", list(1), sum, 1.5, TRUE, quote(k))) {
      if (name == "aperm" && is.character(bad)) next
      refused(bad, paste(what, "must be whole numbers"))
    }
  }
  expect_refused(mlx_sum(as_mlx(5), 1), "a 0-d array has no axes", "index")
  expect_refused(mlx_sum(as_mlx(1:3), 2), "axis 2 is out of range for an array of rank 1", "index")
})

test_that("broadcasting to a shape is NumPy's, lazily, and refuses what does not fit", {
  expect_near(mlx_broadcast_to(as_mlx(1:3), c(2, 3)), expand_to(1:3, 2:3))
  expect_near(mlx_broadcast_to(as_mlx(matrix(1:2, 2)), c(4, 2, 3)), expand_to(matrix(1:2, 2), c(4L, 2L, 3L)))
  expect_identical(mlx_shape(mlx_broadcast_to(5, c(0, 2))), c(0L, 2L))
  expect_identical(mlx_shape(mlx_broadcast_to(5, integer())), integer())
  x <- as_mlx(matrix(1:6, 2))
  expect_refused(mlx_broadcast_to(x, c(3, 3)), "shape 2 x 3 cannot be broadcast to 3 x 3", "shape")
  expect_refused(mlx_broadcast_to(x, 3), "shape 2 x 3 cannot be broadcast to 3", "shape")
  for (bad in list(NULL, "a", list(1), sum, NA, -1, 1.5, 1e10, TRUE)) {
    expect_refused(mlx_broadcast_to(x, bad), "`shape` must be non-negative whole numbers", "shape")
  }
  most <- .Machine$integer.max
  expect_refused(mlx_broadcast_to(1, c(most, most, most)), "more elements than an R vector", "shape")
})

test_that("data, single indices and conversions are column-major", {
  x <- mlx_array(1:24, 2:4)
  expect_near(x, cube)
  expect_near(mlx_matrix(1:6, nrow = 2), matrix(1:6, 2))
  expect_identical(as.vector(x[5:7]), cube[5:7])
  expect_identical(as.vector(x), as.vector(cube))
  expect_near(cumsum(x), cumsum(cube))
  x[] <- 24:1
  expect_near(x, array(24:1, 2:4))
})

named_matrix <- matrix(as.double(1:6), 2, dimnames = list(rows = c("a", "b"), cols = c("x", "y", "z")))

test_that("t() and aperm() permute values and names as base R does", {
  expect_null(mismatch(t(as_mlx(named_matrix)), t(named_matrix)))
  expect_null(mismatch(t(to_array(c(a = 1, b = 2))), t(c(a = 1, b = 2))))
  expect_null(mismatch(t(as_mlx(1:3)), t(1:3)))
  expect_null(mismatch(t(as_mlx(5)), t(5)))
  expect_null(mismatch(t(mlx_zeros(c(0, 3))), matrix(0, 3, 0)))
  named <- cube
  dimnames(named) <- list(p = c("a", "b"), q = NULL, r = letters[1:4])
  x <- as_mlx(named)
  expect_null(mismatch(t(x), aperm(named)))
  orders <- expand.grid(1:3, 1:3, 1:3)
  orders <- orders[apply(orders, 1, anyDuplicated) == 0, ]
  for (i in seq_len(nrow(orders))) {
    perm <- unlist(orders[i, ], use.names = FALSE)
    expect_null(mismatch(aperm(x, perm), aperm(named, perm)))
    expect_null(mismatch(aperm(x, perm - 4), aperm(named, perm)))
    expect_null(mismatch(aperm(x, c("p", "q", "r")[perm]), aperm(named, c("p", "q", "r")[perm])))
  }
  expect_refused(aperm(x, 1:2), "`perm` must name each of the 3 axes once; it names 2", "index")
  expect_refused(aperm(x, c("p", "q", "z")), "names of the dimnames", "index")
  expect_refused(aperm(x, c("p", "q")), "`perm` must name each of the 3 axes once; it names 2", "index")
  expect_refused(aperm(x, resize = FALSE), "resize", "argument")
})

bound <- function(f, args) {
  ours <- do.call(f, lapply(args, function(x) {
    if (is.null(x) || !is.numeric(x)) x else if (is.null(dim(x))) to_array(x) else as_mlx(x)
  }))
  mismatch(ours, do.call(f, args))
}

test_that("cbind() and rbind() join values and names as base R does", {
  m <- named_matrix
  plain <- unname(m)
  vector <- c(u = 1, v = 2)
  cases <- list(
    list(m, m), list(m, plain), list(plain, m), list(m, w = vector), list(w = vector, m), list(plain, 7),
    list(m, 1), list(m, one = 1, two = 2), list(vector, vector), list(a = vector, b = 3), list(m, NULL),
    list(NULL, m), list(m, numeric()), list(plain, matrix(0, 2, 0)), list(m), list(vector),
    list(numeric(), numeric()), list(numeric(), 1:2 + 0), list(matrix(0, 0, 3), matrix(0, 0, 3)),
    list(1, 2, 3), list(x = 1, 2)
  )
  for (args in cases) expect_null(bound(cbind, c(args, deparse.level = 0)))
  vector <- c(x = 1, y = 2, z = 3)
  cases <- list(
    list(m, m), list(m, plain), list(plain, m), list(m, w = vector), list(w = vector, m), list(plain, 7),
    list(vector, vector), list(a = vector, b = 3), list(m, NULL), list(m, numeric()), list(m), list(vector),
    list(plain, matrix(0, 0, 3)), list(matrix(0, 3, 0), matrix(0, 3, 0)), list(1, 2, 3)
  )
  for (args in cases) expect_null(bound(rbind, c(args, deparse.level = 0)))
})

test_that("cbind() and rbind() name vectors by deparse.level", {
  a <- c(1, 2)
  x <- as_mlx(a)
  for (level in 0:2) {
    want <- cbind(x = a, a, a + 1, deparse.level = level)
    expect_identical(colnames(cbind(x = x, a, a + 1, deparse.level = level)), colnames(want))
  }
  expect_identical(colnames(cbind(x, b = a)), c("x", "b"))
  expect_identical(rownames(rbind(x, b = a)), c("x", "b"))
})

test_that("R objects join an array, and what does not fit is refused", {
  x <- as_mlx(matrix(1:4, 2))
  expect_near(cbind(x, data.frame(u = c(8, 9))), cbind(matrix(1:4, 2), 8:9))
  expect_near(cbind(x, 1:2, TRUE), cbind(matrix(1:4, 2), 1:2, 1))
  expect_identical(mlx_dtype(cbind(as_mlx(1:2, dtype = "int32"), 1.5)), "float32")
  expect_identical(mlx_dtype(rbind(as_mlx(1:2, dtype = "int32"), 1L)), "int32")
  refused <- function(code, text, class) expect_refused(code, text, class)
  refused(cbind(x, 1:3), "Non-bound dimensions must match across all inputs", "shape")
  refused(rbind(x, as_mlx(matrix(1:6, 2))), "Non-bound dimensions must match across all inputs", "shape")
  refused(cbind(x, as_mlx(cube)), "Non-bound dimensions must match across all inputs", "shape")
  for (bad in list("a", list(1, 2), sum, globalenv(), quote(z), factor("a"))) {
    refused(cbind(x, bad), "Cannot convert object of class", "argument")
    refused(rbind(x, bad), "Cannot convert object of class", "argument")
  }
})

test_that("c() joins in column-major order and keeps names as base R does", {
  expect_null(mismatch(c(as_mlx(named_matrix), 7), c(named_matrix, 7)))
  expect_null(mismatch(c(to_array(c(a = 1)), b = 2, c(d = 3, 4)), c(a = 1, b = 2, d = 3, 4)))
  expect_null(mismatch(c(x = to_array(c(1, 2)), y = to_array(c(p = 3))), c(x = c(1, 2), y = c(p = 3))))
  expect_null(mismatch(c(as_mlx(5)), c(5)))
  expect_null(mismatch(c(as_mlx(5), NULL, numeric()), c(5)))
  expect_null(mismatch(c(as_mlx(cube), as_mlx(numeric())), c(cube)))
  expect_identical(mlx_dtype(c(as_mlx(TRUE), FALSE)), "bool")
  expect_identical(mlx_dtype(c(as_mlx(1L, dtype = "int8"), 2, as_mlx(3, dtype = "float16"))), "float16")
  for (bad in list("a", list(1), sum, factor("a"), Sys.Date())) {
    expect_refused(c(as_mlx(1), bad), "Cannot convert object of class", "argument")
  }
})

test_that("names stay on arrays of any rank", {
  names <- lapply(1:30, function(k) paste0("a", k))
  x <- as_mlx(array(1, rep(1L, 30), names))
  expect_identical(dimnames(aperm(x, 30:1)), rev(names))
  expect_identical(dimnames(mlx_sum(x, axes = 2)), names[-2])
  expect_identical(dimnames(mlx_squeeze(x, 1:3)), names[-(1:3)])
  expect_identical(dimnames(mlx_expand_dims(x, c(1, 32))), c(list(NULL), names, list(NULL)))
})

test_that("length<- shortens and pads as base R does, and stays on the tape", {
  local_cpu()
  for (start in list(c(a = 1, b = 2, c = 3), matrix(1:6 + 0, 2), 5, numeric())) {
    for (n in c(0L, 1L, 3L, 6L, 7L)) {
      x <- as_mlx(start, dtype = "float64")
      length(x) <- n
      expected <- start
      length(expected) <- n
      expected[is.na(expected)] <- NaN
      expect_s3_class(x, "mlx")
      expect_identical(mlx_dtype(x), "float64")
      expect_equal(as_r(x), expected)
    }
  }
  f <- function(x, n) {
    length(x) <- n
    sum(x[1:2]^2)
  }
  for (n in c(2, 5)) expect_identical(as.vector(mlx_grad(f, c(1, 2, 3), n, argnums = 1)[[1]]), c(2, 4, 0))
  whole <- as_mlx(1:3, dtype = "int32")
  expect_error(length(whole) <- 5, "int32", class = "rmlx_error_dtype")
  length(whole) <- 2
  expect_identical(as.vector(whole), 1:2)
  expect_error(length(whole) <- -1, class = "rmlx_error_argument")
})

test_that("an array is no list: `$<-` says what changes it", {
  x <- as_mlx(matrix(1:4, 2, dimnames = list(NULL, c("a", "b"))))
  refused <- function(code, text) expect_error(code, text, fixed = TRUE, class = "rmlx_error_argument")
  refused(x$new <- 1, "list(a = x, b = y)")
  refused(x$a <- 1, "x[, \"a\"] <-")
  refused(x$shape <- 4, "mlx_reshape()")
  refused(x$dtype <- "float64", "mlx_cast(x, dtype)")
  refused(x$device <- "cpu", "as_mlx(x, device = )")
  refused(x$a, "Its column is `x[, \"a\"]`.")
  expect_identical(as.vector(x), as.double(1:4))
})
