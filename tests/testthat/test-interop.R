# Objects of other packages and of Python.

test_that("sparse matrices become dense, and say so", {
  local_cpu()
  skip_if_not_installed("Matrix")
  x <- Matrix::sparseMatrix(i = c(1, 3), j = c(2, 1), x = c(1.5, 2), dims = c(3, 2))
  expect_message(y <- as_mlx(x), "dgCMatrix of 3 x 2 becomes dense", class = "rmlx_message_dense")
  expect_identical(as.matrix(y), rbind(c(0, 1.5), 0, c(2, 0)))
  pattern <- Matrix::sparseMatrix(i = c(1, 3), j = c(2, 1))
  y <- suppressMessages(as_mlx(pattern))
  expect_identical(mlx_dtype(y), "bool")
  expect_identical(as.matrix(y), rbind(c(FALSE, TRUE), FALSE, c(TRUE, FALSE)))
  dimnames(x) <- list(letters[1:3], NULL)
  expect_identical(dimnames(suppressMessages(as_mlx(x, dtype = "float64"))), list(letters[1:3], NULL))
  expect_message(y <- as_mlx(Matrix::sparseVector(c(2, 3), c(1, 4), 5)), "dense")
  expect_identical(as.vector(y), c(2, 0, 0, 3, 0))
})

test_that("dense matrices of Matrix are matrices", {
  skip_if_not_installed("Matrix")
  expect_no_message(y <- as_mlx(Matrix::Matrix(matrix(c(1, 2, 3, 4), 2), sparse = FALSE)))
  expect_identical(as.matrix(y), matrix(c(1, 2, 3, 4), 2))
})

test_that("a tibble is a data frame", {
  skip_if_not_installed("tibble")
  x <- as_mlx(tibble::tibble(a = 1:2, b = c(1.5, 2)))
  expect_identical(as.matrix(x), cbind(a = c(1, 2), b = c(1.5, 2)))
  expect_error(as_mlx(tibble::tibble(a = 1, b = "x")), "column `b`", class = "rmlx_error_argument")
})

test_that("integer64 stays exact both ways", {
  skip_if_not_installed("bit64")
  x <- bit64::as.integer64("9007199254740993")
  y <- as_mlx(c(x, -x))
  expect_identical(mlx_dtype(y), "int64")
  expect_identical(as.character(bit64::as.integer64(y)), c("9007199254740993", "-9007199254740993"))
  expect_warning(as.vector(y), class = "rmlx_warning_precision")
})

test_that("codes, dates and times are refused with advice", {
  expect_error(as_mlx(factor("a")), "as.integer", class = "rmlx_error_argument")
  for (x in list(Sys.Date(), Sys.time(), as.POSIXlt(Sys.time()), Sys.time() - Sys.time())) {
    expect_error(as_mlx(x), "which unit|list", class = "rmlx_error_argument")
  }
  expect_error(as_mlx(data.frame(a = factor("a"))), "model.matrix", class = "rmlx_error_argument")
})

test_that("NumPy's and MLX's arrays come and go with their dtypes", {
  skip_if_not_installed("reticulate")
  child <- run_child({
    np <- reticulate::import("numpy", convert = FALSE)
    mx <- reticulate::import("mlx.core", convert = FALSE)
    x <- as_mlx(np$arange(6L, dtype = "int16")$reshape(2L, 3L))
    stopifnot(mlx_dtype(x) == "int16", identical(as.matrix(x), matrix(0:5, 2, byrow = TRUE)))
    stopifnot(mlx_dtype(as_mlx(np$float64(1.5), device = "cpu")) == "float64")
    stopifnot(mlx_dtype(as_mlx(np$arange(3L), dtype = "float32")) == "float32")
    y <- as_mlx(mx$array(c(1, 2))$astype(mx$bfloat16))
    stopifnot(mlx_dtype(y) == "bfloat16", identical(as.vector(y), c(1, 2)))
    kinds <- c("bool", "uint8", "int64", "float16", "float32", "float64", "complex64")
    for (kind in kinds) {
      a <- reticulate::r_to_py(as_mlx(matrix(c(0, 1, 1, 1, 0, 1), 2), dtype = kind, device = "cpu"))
      stopifnot(as.character(a$dtype) == kind, identical(as_mlx(a, device = "cpu")$dtype, kind))
      stopifnot(identical(as.numeric(as_mlx(a, device = "cpu")), c(0, 1, 1, 1, 0, 1)))
    }
    stopifnot(as.character(reticulate::r_to_py(y)$dtype) == "float32")
    stopifnot(reticulate::py_to_r(np$sum(as_mlx(1:3))) == 6)
    said <- tryCatch(as_mlx(np), error = identity)
    stopifnot(inherits(said, "rmlx_error_argument"), grepl("py_to_r", conditionMessage(said)))
    said <- tryCatch(as_mlx(np$array(list("a"))), error = identity)
    stopifnot(inherits(said, "rmlx_error_file"))
    cat("fine")
  }, env = paste0("RETICULATE_PYTHON=", python()))
  expect_child(child)
})

test_that("other arrays of Python come by DLPack", {
  skip_if_not_installed("reticulate")
  child <- run_child({
    # an array of a class that NumPy knows nothing of but its capsule
    reticulate::py_run_string(paste(
      "import numpy as np", "class Tensor:", "  def __init__(self, x): self.x = x",
      "  def __dlpack__(self, **how): return self.x.__dlpack__()",
      "  def __dlpack_device__(self): return self.x.__dlpack_device__()",
      "class Far(Tensor):", "  def __dlpack__(self, **how): raise BufferError('on another device')",
      "tensor = Tensor(np.arange(6, dtype='float32').reshape(2, 3))", "far = Far(np.arange(2.0))", sep = "\n"
    ), convert = FALSE)
    main <- reticulate::import_main(convert = FALSE)
    x <- as_mlx(main$tensor)
    stopifnot(mlx_dtype(x) == "float32", identical(as.matrix(x), matrix(as.numeric(0:5), 2, byrow = TRUE)))
    said <- tryCatch(as_mlx(main$far), error = identity)
    stopifnot(inherits(said, "rmlx_error_argument"), grepl("on another device", conditionMessage(said)))
    cat("fine")
  }, env = paste0("RETICULATE_PYTHON=", python()))
  expect_child(child)
})
