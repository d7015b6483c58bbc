# dim, length, names and what an array says of itself (contract, sections 1 and 3).

test_that("shape, dim and length follow the contract's table", {
  cases <- list(
    list(as_mlx(5), integer(), NULL, 1L), list(as_mlx(1:3), 3L, NULL, 3L),
    list(as_mlx(numeric()), 0L, NULL, 0L), list(mlx_zeros(c(2, 3)), c(2L, 3L), c(2L, 3L), 6L),
    list(mlx_zeros(c(0, 3)), c(0L, 3L), c(0L, 3L), 0L), list(mlx_zeros(2:5), 2:5, 2:5, 120L),
    list(mlx_zeros(1), 1L, NULL, 1L)
  )
  for (case in cases) {
    x <- case[[1]]
    expect_identical(mlx_shape(x), case[[2]])
    expect_identical(x$shape, case[[2]])
    expect_identical(dim(x), case[[3]])
    expect_identical(length(x), case[[4]])
  }
  expect_identical(c(nrow(cases[[4]][[1]]), ncol(cases[[4]][[1]])), c(2L, 3L))
  expect_null(nrow(as_mlx(1:3)))
  expect_identical(NROW(as_mlx(1:3)), 3L)
  expect_identical(mlx_shape(mlx_expand_dims(as_mlx(1:3), 2)), c(3L, 1L))
})

test_that("to R it is a vector of its class", {
  x <- as_mlx(matrix(1:4, 2))
  expect_s3_class(x, "mlx", exact = TRUE)
  expect_false(isS4(x))
  expect_true(methods::is(x, "mlx"))
  expect_true(is.numeric(x))
  expect_true(is.matrix(x))
  expect_true(is.array(x))
  expect_false(is.matrix(as_mlx(1:4)))
  expect_true(is.logical(as_mlx(TRUE)))
  expect_true(is.complex(as_mlx(1i)))
  expect_true(is.atomic(x))
  expect_identical(seq_along(as_mlx(1:3)), 1:3)
  expect_gt(unclass(object.size(x)), 0)
  expect_true(is_mlx(x))
  for (other in list(NULL, list(), matrix(1), "mlx", sum)) expect_false(is_mlx(other))
})

test_that("`dim<-` is row-major and drops names", {
  x <- as_mlx(1:12)
  dim(x) <- c(3, 4)
  expect_identical(as.matrix(x), matrix(1:12 + 0, 3, byrow = TRUE))
  dim(x) <- c(2L, 6L)
  expect_identical(as.matrix(x), matrix(1:12 + 0, 2, byrow = TRUE))
  dim(x) <- 12
  expect_identical(as.vector(x), 1:12 + 0)
  expect_null(dim(x))
  dim(x) <- c(2, 3, 2)
  dim(x) <- integer()
  expect_identical(mlx_shape(x), 12L)
  y <- as_mlx(c(a = 1, b = 2))
  dim(y) <- c(1, 2)
  expect_null(names(y))
  z <- as64(c(0.1, 0.2))
  dim(z) <- c(2, 1)
  expect_identical(mlx_dtype(z), "float64")
  one <- as_mlx(5)
  dim(one) <- c(1, 1)
  expect_identical(as.matrix(one), matrix(5))
  none <- mlx_zeros(c(0, 3))
  dim(none) <- c(5, 0)
  expect_identical(mlx_shape(none), c(5L, 0L))
})

test_that("`dim<-` leaves other variables alone", {
  x <- as_mlx(1:4)
  y <- x
  dim(y) <- c(2, 2)
  expect_null(dim(x))
  names(x) <- letters[1:4]
  attr(y, "note") <- "mine"
  z <- y
  attr(z, "note") <- NULL
  class(z) <- "other"
  expect_identical(attr(y, "note"), "mine")
  expect_true(is_mlx(y))
  expect_null(names(y))
  expect_identical(as.vector(x), 1:4 + 0)
})

test_that("`dim<-` refuses other sizes in R's words", {
  set <- function(value) {
    x <- as_mlx(1:12)
    dim(x) <- value
    x
  }
  expect_error(set(c(5, 3)), "dims [product 15] do not match the length of object [12]",
               fixed = TRUE, class = "rmlx_error_shape")
  expect_error(set(5), "dims [product 5] do not match the length of object [12]", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(set(c(2.5, 4.8)), "dims [product 8] do not match", fixed = TRUE,
               class = "rmlx_error_shape") # cut, as base R does
  expect_error(set(1e10), "dims [product 10000000000] do not match", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(set(c(-3, -4)), "dims cannot be negative", fixed = TRUE, class = "rmlx_error_shape")
  for (value in list(c(NA, 4), c(3, NaN), "12", list(3, 4), TRUE, 12i, sum, factor(12))) {
    expect_error(set(value), "dims must be a numeric vector without NAs", fixed = TRUE,
                 class = "rmlx_error_shape")
  }
})

test_that("mlx_reshape() refuses what does not fit, however large", {
  x <- as_mlx(1:4)
  for (value in list(sum, new.env(), "a", NA, c(2, NA), c(-1, -1), -2, list(2, 2), 1.5, 1e10)) {
    expect_error(mlx_reshape(x, value), class = "rmlx_error_shape")
  }
  # products that would be 0 or 4 modulo 2^64
  expect_error(mlx_reshape(mlx_zeros(0), rep(2^16, 4)), "Cannot reshape", class = "rmlx_error_shape")
  expect_error(mlx_reshape(x, c(4, rep(2^16, 4))), "Cannot reshape", class = "rmlx_error_shape")
  expect_identical(mlx_shape(mlx_reshape(mlx_zeros(0), c(2^30, 2^30, 2^30, 0))),
                   c(2L^30L, 2L^30L, 2L^30L, 0L) |> as.integer())
})

test_that("names and dimnames are set, read and refused as base R does", {
  x <- as_mlx(1:3)
  names(x) <- c("a", "b", "c")
  expect_identical(names(x), c("a", "b", "c"))
  expect_identical(names(x * 2), c("a", "b", "c"))
  expect_identical(as.vector(x[["b"]]), 2)
  names(x) <- NULL
  expect_null(names(x))
  names(x) <- c("a", "b")
  expect_identical(names(x), c("a", "b", NA))
  expect_error(names(x) <- letters, "vector [3]", fixed = TRUE)

  m <- mlx_zeros(c(2, 3))
  dimnames(m) <- list(c("r1", "r2"), c("a", "b", "c"))
  expect_identical(rownames(m), c("r1", "r2"))
  expect_identical(colnames(m), c("a", "b", "c"))
  rownames(m) <- NULL
  expect_identical(dimnames(m), list(NULL, c("a", "b", "c")))
  colnames(m)[2] <- "z"
  expect_identical(colnames(m), c("a", "z", "c"))
  expect_true(is_mlx(m))
  dimnames(m) <- NULL
  expect_null(dimnames(m))
  expect_error(dimnames(m) <- list("a", NULL), "not equal to array extent")
  expect_error(dimnames(m) <- "a", "must be a list")
  expect_error(dimnames(x) <- list("a"), "non-array")
})

test_that("names survive where base R keeps them", {
  dn <- list(c("a", "b"), c("u", "v", "w"))
  r <- matrix(1:6 + 0, 2, dimnames = dn)
  x <- as_mlx(r)
  expect_identical(dimnames(x + 1), dn)
  expect_identical(dimnames(1 + x), dn)
  expect_identical(dimnames(exp(x)), dn)
  expect_identical(dimnames(x > 2), dn)
  expect_identical(dimnames(t(x)), dimnames(t(r)))
  expect_identical(names(rowSums(x)), dn[[1]])
  expect_identical(names(colMeans(x)), dn[[2]])
  expect_identical(dimnames(x %*% t(x)), dimnames(base::`%*%`(r, t(r))))
  expect_identical(dimnames(rbind(x, x)), dimnames(rbind(r, r)))
  expect_identical(dimnames(x[, 2:3]), dimnames(r[, 2:3]))
  expect_identical(dimnames(unserialize(serialize(x, NULL))), dn)
  # those of dimnames too, and of stacks of matrices the last two axes'
  titled <- matrix(1:4 + 0, 2, dimnames = list(r = c("a", "b"), k = c("u", "v")))
  y <- as_mlx(titled)
  expect_identical(dimnames(y %*% y), dimnames(base::`%*%`(titled, titled)))
  expect_identical(dimnames(crossprod(y)), dimnames(base::crossprod(titled)))
  expect_identical(dimnames(tcrossprod(y)), dimnames(base::tcrossprod(titled)))
  expect_identical(dimnames(x %*% mlx_ones(c(5, 3, 2))), list(NULL, dn[[1]], NULL))
  stack <- as_mlx(array(1:12 + 0, c(2, 2, 3), dimnames = list(c("s", "t"), dn[[1]], dn[[2]])))
  expect_identical(dimnames(stack %*% t(x)), list(NULL, dn[[1]], dn[[1]]))
  expect_identical(dimnames(crossprod(stack, mlx_ones(c(2, 2, 4)))), list(NULL, dn[[2]], NULL))
  # the first operand of the result's shape has the say
  expect_identical(dimnames(mlx_ones(c(2, 3)) * x), dn)
})

test_that("`$` tells device, dtype and shape, and nothing else", {
  x <- as_mlx(1:3, device = "cpu")
  expect_identical(x$device, "cpu")
  expect_identical(x$dtype, "float32")
  expect_identical(x$shape, 3L)
  expect_error(x$grad, "no `$grad`", fixed = TRUE, class = "rmlx_error_argument")
})

test_that("mlx_nbytes() counts the elements' bytes without evaluating", {
  local_cpu()
  bytes <- c(bool = 1, uint8 = 1, uint16 = 2, uint32 = 4, uint64 = 8, int8 = 1, int16 = 2, int32 = 4,
             int64 = 8, float16 = 2, bfloat16 = 2, float32 = 4, float64 = 8, complex64 = 8)
  for (dtype in dtypes) {
    expect_identical(mlx_nbytes(mlx_zeros(c(3, 5), dtype = dtype)), 15 * bytes[[dtype]])
  }
  expect_identical(mlx_nbytes(mlx_zeros(c(0, 3))), 0)
  expect_identical(mlx_nbytes(as_mlx(1)), 4)
  expect_identical(mlx_nbytes(mlx_zeros(c(1e5, 1e4))), 4e9)
  expect_error(mlx_nbytes(1), "is_mlx(x) is not TRUE", fixed = TRUE, class = "rmlx_error_argument")
})

test_that("mlx_eval() takes one array, several, and nested lists, and returns the first", {
  x <- as_mlx(1:3) * 2
  y <- x + 1
  shown <- withVisible(mlx_eval(x))
  expect_false(shown$visible)
  expect_identical(as.vector(shown$value), c(2, 4, 6))
  expect_identical(as.vector(mlx_eval(y, x)), c(3, 5, 7))
  nested <- list(a = y * 2, list(b = y^2, n = 1, s = "text", f = sum), NULL)
  expect_identical(as.vector(mlx_eval(nested)$a), c(6, 10, 14))
  expect_identical(as.vector(mlx_eval(x, nested, list())), c(2, 4, 6))
  expect_identical(mlx_eval(list()), list())
  expect_error(mlx_eval(1), "is_mlx(x) is not TRUE", fixed = TRUE, class = "rmlx_error_argument")
  expect_error(mlx_eval(x, 2), "is_mlx(x) is not TRUE", fixed = TRUE,
               class = "rmlx_error_argument")
  freed <- as_mlx(c(1, 2)) + 1
  mlx_free(freed)
  expect_error(mlx_eval(freed), class = "rmlx_error_freed")
})

test_that("times and versions in lists are values, not nodes", {
  now <- as.POSIXlt("2024-01-02 03:04:05", tz = "UTC")
  mixed <- list(a = 3, t = now, v = numeric_version("1.2"))
  expect_identical(mlx_eval(mixed), mixed)
  g <- mlx_grad(function(l) {
    stopifnot(identical(l$t, now))
    l$a^2
  }, mixed)[[1]]
  expect_identical(as.vector(g$a), 6)
  expect_null(g$t)
  expect_null(g$v)
})
