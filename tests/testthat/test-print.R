# What arrays show of themselves (contract, section 2).

shown <- function(x, ...) capture.output(print(x, ...))

test_that("a matrix prints as the contract says", {
  x <- as_mlx(matrix(c(-14.5, -34.5), 2), device = "cpu")
  expect_identical(shown(x), c(
    "mlx array [2 x 1]", "  dtype: float32", "  device: cpu", "  values:",
    "      [,1]", "[1,] -14.5", "[2,] -34.5"
  ))
})

test_that("other ranks print their shape and what R prints of their values", {
  local_mlx_device("cpu")
  head_of <- function(shape, dtype = "float32") {
    c(paste0("mlx array [", shape, "]"), paste0("  dtype: ", dtype), "  device: cpu")
  }
  expect_identical(shown(as_mlx(8)), c(head_of(""), "  values:", "[1] 8"))
  expect_identical(shown(as_mlx(1:3, dtype = "int8")),
                   c(head_of("3", "int8"), "  values:", "[1] 1 2 3"))
  expect_identical(shown(as_mlx(c(TRUE, FALSE))),
                   c(head_of("2", "bool"), "  values:", "[1]  TRUE FALSE"))
  expect_identical(shown(as_mlx(1 + 2i)), c(head_of("", "complex64"), "  values:", "[1] 1+2i"))
  expect_identical(shown(as_mlx(numeric())), c(head_of("0"), "  values:", "numeric(0)"))
  expect_identical(shown(mlx_zeros(c(0, 3))),
                   c(head_of("0 x 3"), "  values:", "     [,1] [,2] [,3]"))
  expect_identical(shown(mlx_zeros(c(2, 3, 4))),
                   c(head_of("2 x 3 x 4"), "  (24 elements, not shown)"))
  expect_identical(shown(as64(c(a = 0.1, b = NA))),
                   c(head_of("2", "float64"), "  values:", "  a   b ", "0.1 NaN "))
  named <- as_mlx(matrix(1:4, 2, dimnames = list(c("u", "v"), c("a", "b"))))
  expect_identical(shown(named), c(head_of("2 x 2"), "  values:", "  a b", "u 1 3", "v 2 4"))
  expect_identical(shown(as64(pi), digits = 3), c(head_of("", "float64"), "  values:", "[1] 3.14"))
})

test_that("values show up to options(rmlx.max_print), and are not evaluated beyond", {
  hidden <- function(most, n) {
    rlang::local_options(rmlx.max_print = most)
    any(grepl("not shown", shown(mlx_zeros(n))))
  }
  expect_false(hidden(NULL, 100))
  expect_true(hidden(NULL, 101))
  expect_false(hidden(101, 101))
  expect_true(hidden(0, 1))
  expect_false(hidden(Inf, 1e3))
  expect_match(shown(mlx_zeros(c(1e5, 1e4))), "  (1000000000 elements, not shown)", fixed = TRUE,
               all = FALSE) # would be 4 GB
  for (bad in list("a", NA, c(1, 2), list(), sum)) {
    rlang::local_options(rmlx.max_print = bad)
    expect_error(shown(as_mlx(1)), "rmlx.max_print", class = "rmlx_error_argument")
  }
})

test_that("print() returns its argument invisibly", {
  x <- as_mlx(1:2)
  capture.output(result <- withVisible(print(x)))
  expect_false(result$visible)
  expect_identical(as.vector(result$value), c(1, 2))
})

test_that("printing inside a gradient shows values and keeps the tape", {
  local_cpu()
  out <- capture.output(g <- mlx_grad(function(x) {
    print(x)
    str(x)
    sum(x^2)
  }, c(1, 2)))
  expect_identical(out[5:6], c("[1] 1 2", "mlx [2] float32 on cpu"))
  expect_identical(as.vector(g[[1]]), c(2, 4))
})

test_that("str() is one line, also within a list", {
  local_mlx_device("cpu")
  expect_identical(capture.output(str(mlx_zeros(c(2, 3)))), "mlx [2 x 3] float32 on cpu")
  expect_identical(capture.output(str(as_mlx(TRUE))), "mlx [] bool on cpu")
  expect_identical(capture.output(str(as64(numeric()))), "mlx [0] float64 on cpu")
  expect_identical(capture.output(str(list(w = as_mlx(1:2), n = 1))),
                   c("List of 2", " $ w:mlx [2] float32 on cpu", " $ n: num 1"))
  capture.output(out <- withVisible(str(as_mlx(1))))
  expect_null(out$value)
  expect_false(out$visible)
})

test_that("format() and summary() are R's of the values", {
  m <- matrix(c(1, 2.5, -3, 4), 2, dimnames = list(c("a", "b"), NULL))
  expect_identical(format(as_mlx(m)), format(m))
  expect_identical(format(as_mlx(c(x = 1, y = 10))), format(c(x = 1, y = 10)))
  expect_identical(format(as64(pi), digits = 3), "3.14")
  expect_identical(format(as_mlx(c(TRUE, FALSE))), format(c(TRUE, FALSE)))
  expect_identical(summary(as_mlx(c(1, 2, 3, 10))), summary(c(1, 2, 3, 10)))
  expect_identical(summary(as_mlx(c(TRUE, FALSE))), summary(c(TRUE, FALSE)))
  expect_identical(unclass(summary(as_mlx(m))), unclass(summary(m)), ignore_attr = TRUE)
})

test_that("head() and tail() are mlx arrays", {
  x <- as_mlx(1:10)
  expect_true(is_mlx(head(x, 3)))
  expect_identical(as.vector(head(x, 3)), c(1, 2, 3))
  expect_identical(as.vector(tail(x, 3)), c(8, 9, 10))
  expect_identical(as.vector(head(x, -8)), c(1, 2))
  m <- matrix(1:6 + 0, 3)
  expect_true(is_mlx(head(as_mlx(m), 2)))
  expect_identical(as.matrix(head(as_mlx(m), 2)), head(m, 2))
  expect_identical(as.matrix(tail(as_mlx(m), 1)), tail(m, 1, keepnums = FALSE), ignore_attr = TRUE)
})

test_that("a freed array says so when it is shown", {
  x <- as_mlx(1:2)
  mlx_free(x)
  for (f in list(print, str, format, summary, mlx_shape, mlx_dtype, mlx_nbytes, as.vector)) {
    expect_error(f(x), class = "rmlx_error_freed")
  }
  expect_length(x, 2L)
})

test_that("an object that only claims the class prints as what it is", {
  fake <- structure(list(1), class = "mlx")
  expect_identical(shown(fake), shown(list(1)))
  expect_false(is_mlx(fake))
  expect_identical(as.vector(structure(1:2, class = "mlx")), 1:2)
  expect_error(mlx_shape(fake), "is_mlx(x) is not TRUE", fixed = TRUE,
               class = "rmlx_error_argument")
})

test_that("mlx_sitrep() prints the state and returns it", {
  said <- cli::cli_fmt(state <- withVisible(mlx_sitrep()))
  expect_false(state$visible)
  state <- state$value
  text <- paste(cli::ansi_strip(said), collapse = "\n")
  expect_match(text, paste("rmlx", utils::packageVersion("rmlx")), fixed = TRUE)
  expect_match(text, paste("MLX", state$mlx), fixed = TRUE)
  expect_match(text, "default device", fixed = TRUE)
  expect_match(text, "BLAS", fixed = TRUE)
  expect_match(text, "memory limit", fixed = TRUE)
  expect_match(text, if (state$gpu) "a GPU is available" else "no GPU", fixed = TRUE)
  expect_named(state, c("rmlx", "mlx", "library", "gpu", "device", "dtype", "blas",
                        "reference_blas", "fuses", "memory"))
  expect_identical(state$device, mlx_default_device())
  expect_identical(state$gpu, mlx_has_gpu())
  expect_true(file.exists(state$library))
  expect_match(state$mlx, "^[0-9]+[.][0-9]+[.][0-9]+")
})
