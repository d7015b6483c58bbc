# Products of whole numbers: exact in float32, or an error of their evaluation.

big <- as_mlx(matrix(c(5000, 4000, 3, 2), 2), dtype = "int32")
refused <- function(expr, says) {
  expect_error(expr, says, class = "rmlx_error_dtype")
}

test_that("products of small integers are exact in every integer dtype, also at its ends", {
  for (dtype in c("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")) {
    bits <- as.integer(sub(".*int", "", dtype))
    end <- min(2^(if (startsWith(dtype, "u")) bits else bits - 1) - 1, 2896)
    m <- matrix(c(end, end - 1, 7, 0, 1, 2), 2)
    x <- as_mlx(m, dtype = dtype)
    got <- x %*% t(x)
    expect_identical(mlx_dtype(got), "float32", label = dtype)
    expect_identical(as.matrix(got), m %*% t(m), label = dtype)
    expect_identical(as.matrix(tcrossprod(x)), tcrossprod(m), label = dtype)
  }
})

test_that("a product that float32 does not hold is an error when it is evaluated, and only then", {
  product <- big %*% big
  expect_identical(mlx_dtype(product), "float32")
  refused(mlx_eval(product), "int32 and int32 arrays has elements up to 25012000, which float32")
  for (form in list(mlx_matmul, mlx_inner, crossprod, mlx_vecdot, function(x, y) mlx_einsum("ij,jk->ik", x, y),
                    function(x, y) mlx_tensordot(x, y, 1))) {
    refused(as_r(form(big, big) + 1), "mlx_cast\\(x, \"float64\"\\)")
  }
  wide <- as_mlx(big, dtype = "float64", device = "cpu")
  expect_identical(as.matrix(wide %*% wide), matrix(c(25012000, 20008000, 15006, 12004), 2))
})

test_that("the error of a background evaluation does not touch what is evaluated beside it", {
  x <- as_mlx(c(1, 2, 3))
  beside <- x * 2
  product <- big %*% big
  refused(mlx_eval(beside, product), "25012000")
  expect_identical(as.numeric(beside), c(2, 4, 6))
  expect_identical(as.numeric(x + 1), c(2, 3, 4))
})

test_that("what was refused is never read as a number", {
  product <- big %*% big
  refused(mlx_eval(product), "25012000")
  # computed on the cpu and used on a gpu, it is refused again
  expect_true(tryCatch(all(is.nan(as.matrix(product))), rmlx_error_dtype = function(e) mlx_has_gpu()))
})

test_that("partial sums beyond float64 are refused where the sum is small", {
  a <- as_mlx(matrix(2^40, 1, 2), dtype = "int64")
  b <- as_mlx(matrix(c(2^40, -2^40), 2), dtype = "int64")
  refused(as.matrix(a %*% b), "has sums up to 2.42e\\+24, which float64")
})

test_that("a product of integers takes part in gradients as a constant", {
  small <- as_mlx(matrix(1:4, 2), dtype = "int32")
  slope <- mlx_grad(function(z) sum(z * (small %*% small)), as_mlx(diag(2)))[[1]]
  expect_identical(as.matrix(slope), matrix(c(7, 10, 15, 22), 2))
  through <- mlx_grad(function(z) sum(z) + sum(mlx_cast(z, "int32") %*% small), as_mlx(diag(2)))[[1]]
  expect_identical(dim(through), c(2L, 2L))
})

test_that("no value is read to find out whether a product is exact", {
  before <- .Call(rmlx:::C_reads)
  product <- big %*% big
  expect_identical(.Call(rmlx:::C_reads), before)
  expect_true(is_mlx(product))
})
