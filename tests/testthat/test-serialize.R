# Contract sections 1 and 3: mlx arrays are saved, sent and read back bit for bit; damage is an error.

shapes <- list(integer(), 1L, 7L, 0L, c(0L, 3L), c(2L, 3L), c(2L, 3L, 4L), c(1L, 1L))

# An array of every dtype with its extreme and special values, then others.
array_of <- function(dtype, shape) {
  special <- switch(dtype,
    bool = c(TRUE, FALSE), uint8 = c(0, 255), uint16 = c(0, 65535), uint32 = c(0, 2^32 - 1), uint64 = c(0, 2^53),
    int8 = c(-128, 127), int16 = c(-32768, 32767), int32 = c(-2^31 + 1, 2^31 - 1), int64 = c(-2^53, 2^53),
    complex64 = c(1 - 2i, complex(real = NaN, imaginary = -Inf)),
    c(-0, Inf, -Inf, NaN, 1 / 3, 5e-8)
  )
  n <- prod(shape)
  values <- rep_len(c(special, 1, 0, 1), n)
  mlx_cast(mlx_reshape(as_mlx(values, dtype = if (dtype == "complex64") dtype else "float64"), shape), dtype)
}

expect_same_array <- function(got, want, label) {
  same <- is_mlx(got) && identical(mlx_dtype(got), mlx_dtype(want)) &&
    identical(mlx_shape(got), mlx_shape(want)) && identical(mlx_device(got), mlx_device(want)) &&
    identical(attributes(got), attributes(want)) &&
    identical(serialize(got, NULL), serialize(want, NULL)) # every bit of every element
  expect(same, paste0(label, ": what came back is another array"))
}

test_that("every dtype and shape survives serialize(), binary and ascii", {
  local_cpu()
  for (dtype in dtypes) {
    for (shape in shapes) {
      x <- array_of(dtype, shape)
      label <- paste0(dtype, " [", paste(shape, collapse = " x "), "]")
      for (ascii in c(FALSE, TRUE)) expect_same_array(unserialize(serialize(x, NULL, ascii = ascii)), x, label)
      back <- unserialize(serialize(x, NULL))
      same <- identical(suppressWarnings(as.vector(back)), suppressWarnings(as.vector(x)))
      expect(same, paste(label, "has other values"))
    }
  }
})

test_that("saveRDS, save and dput's opposite read back what was written", {
  local_cpu()
  path <- tempfile()
  on.exit(unlink(path))
  x <- array_of("float16", c(2L, 3L))
  for (compress in c(TRUE, FALSE)) {
    for (ascii in c(TRUE, FALSE)) {
      saveRDS(x, path, ascii = ascii, compress = compress)
      expect_same_array(readRDS(path), x, "saveRDS")
    }
  }
  held <- list(a = x, b = list(as_mlx(1), "text"))
  save(held, file = path)
  e <- new.env()
  load(path, envir = e)
  expect_same_array(e$held$a, x, "save")
  expect_same_array(e$held$b[[1]], as_mlx(1), "save")
})

test_that("values that no R number holds keep their bits", {
  big <- as_mlx(2^53, dtype = "int64") + c(1L, 3L)
  back <- unserialize(serialize(big, NULL))
  expect_identical(as.vector(back - as_mlx(2^53, dtype = "int64")), c(1, 3))
  expect_same_array(back, big, "int64 beyond 2^53")
})

test_that("lazy, transposed, sliced and broadcast arrays are saved as what they show", {
  m <- as64(matrix(c(1, 2, 3, 4, 5, 6), 2))
  made <- list(t(m), m[, 2:3] * 2, m[2:1, c(3, 1)], mlx_broadcast_to(as64(c(1, 2)), c(3, 2)), aperm(as_mlx(
    array(1:24, 2:4)
  ), c(3, 1, 2)), sum(m), m > 2)
  for (x in made) {
    stream <- serialize(x, NULL) # first, while it is lazy
    back <- unserialize(stream)
    expect_identical(as_r(back), as_r(x))
    expect_identical(mlx_shape(back), mlx_shape(x))
    expect_lt(length(stream), 600)
  }
})

test_that("names, dimnames and attributes are kept", {
  x <- as_mlx(c(a = 1, b = 2))
  attr(x, "unit") <- "kg"
  m <- as_mlx(matrix(1:4, 2, dimnames = list(c("r", "s"), NULL)))
  attr(m, "note") <- list(1, quote(a + b))
  for (y in list(x, m)) expect_same_array(unserialize(serialize(y, NULL)), y, "attributes")
  expect_identical(names(unserialize(serialize(x, NULL))), c("a", "b"))
})

test_that("what came back computes, differentiates and is independent of the original", {
  x <- as64(c(1, 2, 3))
  y <- unserialize(serialize(x, NULL))
  y[1] <- 10
  expect_identical(as.vector(x), c(1, 2, 3))
  expect_identical(as.vector(y * 2), c(20, 4, 6))
  expect_identical(as.vector(mlx_grad(function(z) sum(z^2), unserialize(serialize(x, NULL)))[[1]]), c(2, 4, 6))
})

test_that("the older stream format of R gives plain values that can be made mlx again", {
  x <- as64(matrix(1:4, 2))
  old <- unserialize(serialize(x, NULL, version = 2))
  expect_identical(as.vector(unclass(old)), as.numeric(1:4))
  expect_identical(dim(old), c(2L, 2L))
})

test_that("an array of values already read and then freed is saved as plain values", {
  x <- as64(c(1, 2, 3))
  expect_identical(mean.default(x), 2)
  mlx_free(x)
  expect_identical(as.vector(unclass(unserialize(serialize(x, NULL)))), c(1, 2, 3))
  y <- as_mlx(1)
  mlx_free(y)
  expect_error(serialize(y, NULL), class = "rmlx_error_freed")
})

test_that("a PSOCK worker takes arrays, computes with them and sends them back", {
  cluster <- parallel::makePSOCKcluster(1)
  on.exit(parallel::stopCluster(cluster))
  parallel::clusterCall(cluster, function(paths) .libPaths(paths), .libPaths())
  x <- as64(matrix(1:6, 2, dimnames = list(NULL, c("a", "b", "c"))))
  out <- parallel::clusterApply(cluster, list(x), function(x) {
    suppressMessages(requireNamespace("rmlx"))
    list(same = x, twice = x * 2, grad = rmlx::mlx_grad(function(z) sum(z^2), x)[[1]], sum = as.vector(sum(x)))
  })[[1]]
  expect_same_array(out$same, x, "same")
  expect_identical(as_r(out$twice), as_r(x * 2))
  expect_identical(as.vector(out$grad), 2 * as.numeric(1:6))
  expect_identical(out$sum, 21)
})

# A saved 2 x 2 float32 array in R's text format: its state is list(1L, "float32", "cpu", c(2L, 2L), 16 bytes).
damaged <- function(from, to, x = as_mlx(matrix(1:4, 2))) {
  text <- rawToChar(serialize(x, NULL, ascii = TRUE))
  stopifnot(grepl(from, text, fixed = TRUE))
  unserialize(charToRaw(sub(from, to, text, fixed = TRUE)))
}

test_that("damage is a clean error that says so", {
  shape <- "13\n2\n2\n2\n24\n"
  raw <- "24\n16\n00\n"
  cases <- list(
    c("13\n1\n1\n16", "13\n1\n0\n16"), c("13\n1\n1\n16", "13\n1\n-5\n16"), c("13\n1\n1\n16", "13\n1\nNA\n16"),
    c("13\n1\n1\n16", "14\n1\n1\n16"), c("13\n1\n1\n16", "13\n2\n1\n1\n16"), c("13\n1\n1\n16", "254\n16"),
    c(shape, "13\n2\n3\n2\n24\n"), c(shape, "13\n2\n-2\n-2\n24\n"), c(shape, "13\n2\nNA\n2\n24\n"),
    c(shape, "13\n2\n2147483647\n2147483647\n24\n"), c(shape, "13\n0\n24\n"), c(shape, "14\n2\n2\n2\n24\n"),
    c(shape, "13\n6\n65536\n65536\n65536\n65536\n65536\n65536\n24\n"), c(shape, "13\n3\n2\n2\n0\n24\n"),
    c(raw, "24\n15\n"), c(raw, "24\n17\n00\n00\n"), c(raw, "10\n16\n0\n"),
    c("\n7\nfloat32\n", "\n7\nfloat64\n"), c("\n7\nfloat32\n", "\n4\nbool\n")
  )
  for (case in cases) {
    caught <- tryCatch(damaged(case[[1]], case[[2]]), error = identity)
    expect_s3_class(caught, "rmlx_error_argument")
    expect_match(conditionMessage(caught), "damaged", fixed = TRUE)
  }
  expect_error(damaged("\n7\nfloat32\n", "\n7\nfloat99\n"), "float99", class = "rmlx_error")
  expect_error(damaged("\n262153\n7\nfloat32\n", "\n9\n-1\n"), class = "rmlx_error")
  expect_error(damaged("13\n1\n1\n16", "13\n1\n2\n16"), "saved in format 2.*Update rmlx", class = "rmlx_error_argument")
})

test_that("a dtype of the same size, another device and a wrong dim do no harm", {
  local_cpu()
  expect_identical(mlx_dtype(damaged("\n7\nfloat32\n", "\n5\nint32\n")), "int32")
  moved <- damaged("\n3\ncpu\n", "\n3\ngpu\n")
  expect_identical(mlx_device(moved), if (mlx_has_gpu()) "gpu" else "cpu")
  expect_identical(as.vector(moved), as.numeric(1:4))
  wrong <- damaged("\n3\ndim\n13\n2\n2\n2\n", "\n3\ndim\n13\n2\n900\n900\n")
  expect_identical(mlx_shape(wrong), c(2L, 2L))
  expect_error(as.matrix(wrong))
})

test_that("a stream that ends early is R's own error", {
  stream <- serialize(as_mlx(matrix(1:4, 2)), NULL)
  for (n in c(30, 100, 200, length(stream) - 20)) expect_error(unserialize(stream[seq_len(n)]))
})
