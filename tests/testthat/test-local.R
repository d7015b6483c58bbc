# Settings that hold for a piece of code or the rest of a function.

test_that("local_mlx_dtype() holds until the function ends", {
  local_cpu()
  f <- function() {
    local_mlx_dtype("float64")
    mlx_dtype(as_mlx(1))
  }
  expect_identical(f(), "float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("with_mlx_dtype() holds for its code, after an error no longer", {
  local_cpu()
  expect_identical(with_mlx_dtype("float64", mlx_dtype(as_mlx(1))), "float64")
  expect_error(with_mlx_dtype("float64", stop("here")), "here")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
  expect_identical(with_mlx_dtype("float64", with_mlx_dtype("float16", mlx_dtype(as_mlx(1)))), "float16")
})

test_that("a local default dtype lasts until its test ends", {
  local_cpu()
  local_mlx_dtype("float64")
  expect_identical(mlx_dtype(as_mlx(1)), "float64")
})

test_that("after a test with a local default dtype the former one is back", {
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("a local default dtype ends with an error too, innermost first", {
  f <- function() {
    local_mlx_dtype("float64")
    local_mlx_dtype("float16")
    stop(mlx_dtype(as_mlx(1)))
  }
  expect_error(f(), "float16")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("with_ and local_ restore the default device, after errors too", {
  old <- mlx_device()
  other <- "cpu"
  expect_identical(with_mlx_device(other, mlx_device()), other)
  expect_error(with_mlx_device(other, stop("within")), "within")
  f <- function() {
    local_mlx_device(other)
    stop("within")
  }
  expect_error(f(), "within")
  expect_identical(mlx_device(), old)
  g <- function() local_mlx_device(other)
  expect_identical(withVisible(g()), list(value = old, visible = FALSE))
  for (with in list(with_mlx_device, with_device, with_default_device)) {
    expect_identical(with(other, 1 + 1), 2)
    expect_false(withVisible(with(other, invisible(3)))$visible)
  }
  h <- function() {
    local_device(other)
    c(mlx_device(), mlx_device(as_mlx(1)))
  }
  expect_identical(h(), c(other, other))
  expect_identical(mlx_device(), old)
})

test_that("what local_ sets ends with its frame and not before", {
  # with one device nothing can be seen of it but the restoring itself
  events <- character()
  f <- function() {
    at_end <- rmlx:::at_end_of
    at_end(environment(), function() events <<- c(events, "restored"))
    events <<- c(events, "body")
    invisible()
  }
  f()
  expect_identical(events, c("body", "restored"))
  outer <- function() {
    set <- function(frame = parent.frame()) {
      rmlx:::at_end_of(frame, function() events <<- c(events, "outer restored"))
    }
    set()
    events <<- c(events, "outer body")
  }
  outer()
  expect_identical(events[3:4], c("outer body", "outer restored"))
})

test_that("only real floating dtypes may be the default of numbers", {
  for (bad in c("int32", "bool", "complex64", "uint8")) {
    expect_error(local_mlx_dtype(bad), bad, class = "rmlx_error_dtype")
    expect_error(with_mlx_dtype(bad, 1), "as_mlx(x, dtype", fixed = TRUE, class = "rmlx_error_dtype")
    rlang::with_options(rmlx.dtype = bad, {
      expect_error(as_mlx(1.7), "options(rmlx.dtype = )", fixed = TRUE, class = "rmlx_error_dtype")
    })
  }
  expect_error(local_mlx_dtype("nonsense"), class = "rmlx_error_dtype")
  for (good in c("float16", "bfloat16")) expect_identical(with_mlx_dtype(good, mlx_dtype(as_mlx(1))), good)
})

test_that("options(rmlx.host_reads) takes its three words only", {
  x <- as_mlx(c(1, 2))
  for (bad in list("never", TRUE, 1)) {
    rlang::with_options(rmlx.host_reads = bad, {
      expect_error(mean.default(x), "options(rmlx.host_reads = )", fixed = TRUE, class = "rmlx_error_argument")
    })
  }
  rlang::with_options(rmlx.host_reads = "allow", expect_identical(mean.default(x), 1.5))
})
