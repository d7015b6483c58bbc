# R values to mlx arrays, between dtypes, and back (contract, sections 4 and 5).

i64 <- function(...) bit64::as.integer64(c(...))
floats <- c("float16", "bfloat16", "float32", "float64")
highest <- c(
  uint8 = 2^8 - 1, uint16 = 2^16 - 1, uint32 = 2^32 - 1, int8 = 2^7 - 1, int16 = 2^15 - 1,
  int32 = 2^31 - 1
)

test_that("the dtype of an R vector follows its type", {
  kinds <- list(
    bool = TRUE, float32 = 1L, float32 = 1.5, complex64 = 1i, int64 = i64(1), uint8 = as.raw(1)
  )
  for (k in seq_along(kinds)) expect_identical(mlx_dtype(as_mlx(kinds[[k]])), names(kinds)[[k]])
})

test_that("options(rmlx.dtype) chooses the dtype of numbers, and only of numbers", {
  local_cpu()
  rlang::local_options(rmlx.dtype = "float64")
  expect_identical(mlx_dtype(as_mlx(1L)), "float64")
  expect_identical(as.vector(as_mlx(0.1)), 0.1)
  expect_identical(mlx_dtype(as_mlx(TRUE)), "bool")
  expect_identical(mlx_dtype(as_mlx(1i)), "complex64")
  expect_identical(mlx_dtype(mlx_zeros(2)), "float64")
  expect_identical(mlx_dtype(mlx_full(2, 1)), "float64")
  expect_identical(mlx_dtype(mlx_arange(1, 3)), "float64")
  expect_identical(mlx_dtype(mlx_eye(2)), "float64")
})

test_that("an unknown default dtype is an error, not float32", {
  for (value in list("float46", 1, c("float32", "float64"), NA_character_, list())) {
    rlang::local_options(rmlx.dtype = value)
    expect_error(as_mlx(1), "dtype", class = "rmlx_error_dtype")
  }
  expect_error(mlx_zeros(2), "dtype", class = "rmlx_error_dtype")
})

test_that("local_mlx_dtype() and with_mlx_dtype() last as long as their frame, errors included", {
  local_cpu()
  rlang::local_options(rmlx.dtype = NULL)
  f <- function() {
    local_mlx_dtype("float64")
    mlx_dtype(as_mlx(1))
  }
  expect_identical(f(), "float64")
  expect_null(getOption("rmlx.dtype"))
  expect_identical(with_mlx_dtype("float64", mlx_dtype(as_mlx(1))), "float64")
  expect_error(with_mlx_dtype("float64", stop("in the middle")), "in the middle")
  expect_null(getOption("rmlx.dtype"))
  expect_identical(with_mlx_dtype("float64", with_mlx_dtype("bfloat16", mlx_dtype(as_mlx(1)))), "bfloat16")
  local({
    expect_identical(local_mlx_dtype("float64"), "float32")
    expect_identical(mlx_dtype(as_mlx(1)), "float64")
  })
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
  expect_error(local_mlx_dtype("double"), "not a dtype", class = "rmlx_error_dtype")
  expect_error(with_mlx_dtype("double", 1), "not a dtype", class = "rmlx_error_dtype")
})

test_that("shapes: one number is 0-d, a vector 1-d, arrays keep their dim", {
  expect_identical(mlx_shape(as_mlx(5)), integer())
  expect_identical(mlx_shape(as_mlx(c(5, 6))), 2L)
  expect_identical(mlx_shape(as_mlx(numeric())), 0L)
  expect_identical(mlx_shape(as_mlx(matrix(5))), c(1L, 1L))
  expect_identical(mlx_shape(as_mlx(array(5, 1))), 1L)
  expect_identical(mlx_shape(as_mlx(array(1:24, 2:4))), 2:4)
  for (d in list(c(0L, 3L), c(3L, 0L), c(0L, 0L), c(2L, 0L, 4L))) {
    x <- as_mlx(array(numeric(), d))
    expect_identical(mlx_shape(x), d)
    expect_identical(dim(as.array(x)), d)
    expect_identical(as.vector(x), numeric())
  }
})

test_that("element [i, j] stays [i, j], in every dtype and there and back", {
  local_cpu()
  plain <- list(matrix(c(TRUE, FALSE, TRUE, TRUE, FALSE, FALSE), 2), matrix(1:6, 2),
                array(as.double(1:24), 2:4), matrix(complex(real = 1:6, imaginary = 6:1), 3))
  for (x in plain) {
    y <- as_mlx(x)
    expect_equal(as.array(y), x)
    expect_equal(as.vector(y), as.vector(x))
    expect_equal(as.vector(t(y)), as.vector(aperm(x)))
    expect_equal(as.array(y + 0L), x + 0L)
  }
  x <- matrix(1:6, 2)
  for (dtype in dtypes) {
    want <- if (dtype == "bool") (x != 0) + 0 else x + 0
    y <- as_mlx(x, dtype = dtype)
    expect_identical(Re(as.array(y) + 0i), want, label = dtype)
    expect_identical(Re(y[[2, 3]] + 0i), want[2, 3], label = dtype)
  }
  # larger than the blocks in which matrices are turned
  big <- matrix(seq_len(67 * 101), 67)
  expect_identical(as.matrix(as_mlx(big, dtype = "int32")), big)
  expect_identical(as.matrix(t(as_mlx(big, dtype = "int32"))), t(big))
  expect_identical(as.matrix(as_mlx(big, dtype = "int32") + t(as_mlx(t(big), dtype = "int32"))),
                   2L * big)
})

test_that("every R type becomes every dtype", {
  local_cpu()
  sources <- list(logical = c(FALSE, TRUE), integer = 0:1, double = c(0, 1), integer64 = i64(0, 1))
  for (dtype in dtypes) {
    seen <- lapply(sources, function(x) {
      y <- as_mlx(x, dtype = dtype)
      list(mlx_dtype(y), Re(as.complex(y)))
    })
    expect_identical(seen, lapply(sources, function(x) list(dtype, c(0, 1))), label = dtype)
  }
  expect_identical(as.vector(as_mlx(c(1 + 2i, -3i))), c(1 + 2i, -3i))
  for (dtype in c("bool", "int32", "float16", "float64")) {
    expect_error(as_mlx(1i, dtype = dtype), "complex numbers cannot become",
                 class = "rmlx_error_dtype")
  }
})

test_that("the R type that comes back follows the dtype", {
  local_cpu()
  types <- c(bool = "logical", uint8 = "integer", uint16 = "integer", uint32 = "double",
             uint64 = "double", int8 = "integer", int16 = "integer", int32 = "integer",
             int64 = "double", float16 = "double", bfloat16 = "double", float32 = "double",
             float64 = "double", complex64 = "complex")
  plain <- list(1, c(1, 0), numeric(), matrix(1, 2, 2), matrix(0, 0, 2))
  for (dtype in dtypes) {
    seen <- lapply(plain, function(x) {
      y <- as_mlx(x, dtype = dtype)
      list(typeof(as.vector(y)), typeof(as_r(y)), typeof(y), dim(as_r(y)), attributes(as.vector(y)))
    })
    type <- types[[dtype]]
    expect_identical(seen, lapply(plain, function(x) list(type, type, type, dim(x), NULL)),
                     label = dtype)
  }
})

test_that("integer dtypes hold their whole range and nothing beyond", {
  for (dtype in names(highest)) {
    high <- highest[[dtype]]
    low <- if (startsWith(dtype, "u")) 0 else -high - 1
    bounds <- as_mlx(c(low, high), dtype = dtype)
    expect_identical(as.double(bit64::as.integer64(bounds)), c(low, high), label = dtype)
    # fractions are cut before the range is looked at
    expect_identical(as.double(bit64::as.integer64(as_mlx(c(low, high) + c(-0.5, 0.5), dtype = dtype))),
                     c(low, high))
    for (beyond in c(low - 1, high + 1, 1e300, -Inf)) {
      expect_error(as_mlx(c(0, beyond), dtype = dtype), paste("element 2 .* which", dtype),
                   class = "rmlx_error_dtype")
    }
  }
  expect_error(as_mlx(2^63, dtype = "int64"), "int64 cannot hold", class = "rmlx_error_dtype")
  expect_error(as_mlx(2^64, dtype = "uint64"), "uint64 cannot hold", class = "rmlx_error_dtype")
  expect_error(as_mlx(-1L, dtype = "uint64"), "uint64 cannot hold", class = "rmlx_error_dtype")
  expect_error(as_mlx(i64(256), dtype = "uint8"), "element 1 is 256", class = "rmlx_error_dtype")
  expect_identical(as.vector(as_mlx(-2^63 + 1024, dtype = "int64")) |> suppressWarnings(),
                   -2^63 + 1024)
})

test_that("fractions are cut towards zero, as by as.integer()", {
  x <- c(1.9, -1.9, 0.5, -0.5)
  expect_identical(as.vector(as_mlx(x, dtype = "int32")), as.integer(x))
  expect_identical(as.vector(as_mlx(x, dtype = "int8")), as.integer(x))
  expect_identical(as.vector(as_mlx(-0.9, dtype = "uint8")), 0L)
  expect_identical(as.vector(as_mlx(x, dtype = "bool")), c(TRUE, TRUE, TRUE, TRUE))
})

test_that("a numeric NA becomes NaN, and an error where the dtype has none", {
  local_cpu()
  for (dtype in floats) {
    for (x in list(c(1, NA), c(1, NaN), c(1L, NA), c(TRUE, NA))) {
      expect_identical(is.nan(as.vector(as_mlx(x, dtype = dtype))), c(FALSE, TRUE), label = dtype)
    }
    for (x in list(NA_real_, NA_integer_, NA, bit64::NA_integer64_)) {
      expect_true(is.nan(as.vector(as_mlx(x, dtype = dtype))), label = dtype) # NA itself is not
    }
  }
  expect_true(is.nan(Re(as.vector(as_mlx(NA_complex_)))))
  for (x in list(c(1, NA), c(1, NaN), c(1L, NA), c(TRUE, NA), i64(1, NA))) {
    for (dtype in c("uint8", "int32", "int64")) {
      expect_error(as_mlx(x, dtype = dtype), "element 2 is NA", class = "rmlx_error_dtype")
    }
    expect_error(as_mlx(x, dtype = "bool"),
                 "Logical NA values are not supported for MLX boolean arrays.",
                 fixed = TRUE, class = "rmlx_error_dtype")
  }
  expect_error(as_mlx(NA), "Logical NA values are not supported for MLX boolean arrays.",
               fixed = TRUE, class = "rmlx_error_dtype")
  expect_error(as_mlx(i64(NA)), "element 1 is NA", class = "rmlx_error_dtype")
})

test_that("infinities, signed zeros and the smallest numbers survive", {
  local_cpu()
  x <- c(Inf, -Inf, 0, -0, .Machine$double.xmin, 4.9e-324, .Machine$double.xmax)
  expect_identical(as.vector(as64(x)), x)
  expect_identical(1 / as.vector(as64(-0)), -Inf)
  expect_identical(1 / as.vector(as_mlx(-0)), -Inf)
  expect_identical(as.vector(as_mlx(c(Inf, -Inf))), c(Inf, -Inf))
  expect_identical(as.vector(as_mlx(1e300)), Inf) # as in IEEE's conversion
  expect_identical(as.vector(as_mlx(70000, dtype = "float16")), Inf)
  expect_identical(as.vector(as_mlx(pi)), single(pi))
  expect_identical(as.vector(as_mlx(1 / 3, dtype = "float16")), 0.333251953125)
  expect_identical(as.vector(as_mlx(1 / 3, dtype = "bfloat16")), 0.333984375)
})

test_that("float64 is real double precision from end to end", {
  local_cpu()
  local_doubles()
  x <- c(0.1, 1 / 3, pi, 1e-300, 1e300)
  expect_identical(as.vector(as_mlx(x)), x)
  expect_identical(as.vector(as_mlx(x) + 0.1), x + 0.1)
  expect_near(exp(as_mlx(0.1)), exp(0.1))
  expect_near(sin(as_mlx(x[1:3]) * 3), sin(x[1:3] * 3))
  expect_near(sum(as_mlx(rep(0.1, 1e4))), 1e3)
  expect_near(mlx_grad(function(z) sum(exp(z) * 0.1), 0.1)[[1]], exp(0.1) * 0.1)
  m <- matrix(c(0.1, 0.2, 0.3, 0.4), 2)
  expect_near(as_mlx(m) %*% as_mlx(m), base::`%*%`(m, m))
  expect_identical(mlx_dtype(as_mlx(m) %*% as_mlx(m)), "float64")
})

test_that("integer64 goes to int64 and back without loss", {
  skip_if_not_installed("bit64")
  x <- i64("9007199254740993", "-9223372036854775807", "9223372036854775807", "0", "-1")
  y <- as_mlx(x)
  expect_identical(mlx_dtype(y), "int64")
  expect_identical(bit64::as.integer64(y), x)
  m <- x[1:4]
  dim(m) <- c(2L, 2L)
  expect_identical(mlx_shape(as_mlx(m)), c(2L, 2L))
  expect_identical(as.character(bit64::as.integer64(t(as_mlx(m)))), as.character(x[c(1, 3, 2, 4)]))
  expect_identical(as.character(bit64::as.integer64(y - 1L))[[1]], "9007199254740992")
  expect_identical(as.character(bit64::as.integer64(mlx_vector(x))), as.character(x))
  expect_identical(as.character(bit64::as.integer64(mlx_full(2, x[1]))), rep("9007199254740993", 2))
})

test_that("other dtypes become integer64 as R's numbers do", {
  skip_if_not_installed("bit64")
  expect_identical(bit64::as.integer64(as_mlx(c(2, -3))), i64(2, -3))
  expect_identical(bit64::as.integer64(as_mlx(c(TRUE, FALSE))), i64(1, 0))
  expect_identical(bit64::as.integer64(as_mlx(2^62, dtype = "uint64")), i64(2^62))
  expect_true(is.na(bit64::as.integer64(as_mlx(NaN))))
  expect_warning(bit64::as.integer64(as_mlx(1e30)), "NAs produced by integer64 overflow")
  expect_error(bit64::as.integer64(as_mlx(2^63, dtype = "uint64")), "beyond 2^63 - 1", fixed = TRUE,
               class = "rmlx_error_dtype")
})

test_that("64-bit integers beyond 2^53 are told when they become doubles", {
  local_cpu()
  exact <- as_mlx(i64("9007199254740992", "-9007199254740992"))
  expect_silent(expect_identical(as.vector(exact), c(2^53, -2^53)))
  for (text in c("9007199254740993", "-9007199254740993", "9223372036854775807")) {
    x <- as_mlx(i64(text))
    for (f in list(as.vector, as.numeric, as.array, as_r, as.character, function(x) x[[1]])) {
      expect_warning(f(x), "beyond 2^53", fixed = TRUE, class = "rmlx_warning_precision")
    }
  }
  expect_warning(as.vector(as_mlx(2^60, dtype = "uint64")), class = "rmlx_warning_precision")
  expect_silent(as.vector(as_mlx(2^53, dtype = "uint64")))
  expect_silent(as.vector(as_mlx(1e300, dtype = "float64")))
})

test_that("int32's smallest value is told, since R's integers have none", {
  local_cpu()
  x <- as_mlx(c(-2^31, 5), dtype = "int32")
  expect_warning(expect_identical(as.vector(x), c(NA, 5L)), "-2147483648, is NA",
                 class = "rmlx_warning_precision")
  expect_identical(as.vector(mlx_cast(x, "float64")), c(-2^31, 5))
  expect_silent(as.vector(as_mlx(c(-2^31 + 1, 2^31 - 1), dtype = "int32")))
})

test_that("raw bytes are uint8", {
  x <- as.raw(c(0, 127, 255))
  expect_identical(as.vector(as_mlx(x)), c(0L, 127L, 255L))
  expect_identical(mlx_dtype(as_mlx(x)), "uint8")
  expect_identical(as.vector(as_mlx(x, dtype = "float32")), c(0, 127, 255))
  expect_error(as_mlx(x, dtype = "int8"), "element 3 is 255", class = "rmlx_error_dtype")
  m <- matrix(as.raw(1:6), 2)
  expect_identical(as.matrix(as_mlx(m)), matrix(1:6, 2))
})

test_that("a data frame of numbers is a matrix", {
  local_cpu()
  d <- data.frame(a = 1:2, b = c(1.5, -2))
  x <- as_mlx(d)
  expect_identical(mlx_shape(x), c(2L, 2L))
  expect_identical(as.matrix(x), matrix(c(1, 2, 1.5, -2), 2, dimnames = list(NULL, c("a", "b"))))
  named <- data.frame(a = 1:2, row.names = c("u", "v"))
  expect_identical(rownames(as_mlx(named)), c("u", "v"))
  expect_identical(mlx_dtype(as_mlx(data.frame(a = c(TRUE, FALSE)))), "bool")
  expect_identical(mlx_dtype(as_mlx(d, dtype = "float64")), "float64")
  expect_identical(mlx_shape(as_mlx(data.frame(a = numeric(), b = numeric()))), c(0L, 2L))
  expect_identical(as.matrix(as_mlx(mtcars, dtype = "float64")), as.matrix(mtcars))
  expect_error(as_mlx(iris), "object of class data.frame to mlx: column `Species`",
               class = "rmlx_error_argument")
  dates <- data.frame(a = 1, when = Sys.Date(), s = "x")
  expect_error(as_mlx(dates), "columns `when`, `s` are not numeric", class = "rmlx_error_argument")
})

test_that("integer64 and mlx columns of a data frame keep their values", {
  local_cpu()
  skip_if_not_installed("bit64")
  x <- i64("9007199254740993", "2")
  d <- data.frame(a = x, b = x)
  expect_identical(as.character(bit64::as.integer64(as_mlx(d))), as.character(c(x, x)))
  expect_identical(colnames(as_mlx(d)), c("a", "b"))
  mixed <- as_mlx(data.frame(a = i64(1, 2), b = c(0.1, 0.2)), dtype = "float64")
  expect_identical(as.vector(mixed), c(1, 2, 0.1, 0.2))
  expect_identical(mlx_shape(as_mlx(data.frame(a = i64(7), b = 2))), c(1L, 2L))
})

test_that("names, dimnames and one-dimensional tables come along", {
  expect_identical(names(as_mlx(c(a = 1, b = 2))), c("a", "b"))
  dn <- list(r = c("u", "v"), NULL)
  expect_identical(dimnames(as_mlx(matrix(1:4, 2, dimnames = dn))), dn)
  expect_identical(dimnames(as.matrix(as_mlx(matrix(1:4, 2, dimnames = dn)))), dn)
  expect_identical(names(as_mlx(table(c("x", "x", "y")))), c("x", "y"))
  expect_identical(as_r(as_mlx(c(a = 1, b = 2))), c(a = 1, b = 2))
  expect_identical(names(mlx_cast(as_mlx(c(a = 1)), "int8")), "a")
})

test_that("an mlx array comes back as it is unless something else is asked for", {
  local_cpu()
  x <- as64(c(0.1, 0.2))
  expect_identical(mlx_dtype(as_mlx(x)), "float64")
  expect_identical(as.vector(as_mlx(x, dtype = "float32")), single(c(0.1, 0.2)))
  expect_identical(mlx_dtype(as_mlx(x, device = "cpu")), "float64")
})

test_that("mlx_cast() between all dtypes agrees with R's conversion", {
  local_cpu()
  values <- c(0, 1, 2, 100)
  for (from in dtypes) {
    x <- as_mlx(values, dtype = from)
    start <- if (from == "bool") as.double(values != 0) else values
    seen <- lapply(dtypes, function(to) {
      y <- mlx_cast(x, to)
      list(mlx_dtype(y), Re(as.complex(y)))
    })
    want <- lapply(dtypes, function(to) {
      list(to, if (to == "bool") as.double(start != 0) else start)
    })
    expect_identical(seen, want, label = paste("casts from", from))
  }
  signed <- as_mlx(c(-1.9, 1.9))
  for (to in c("int8", "int16", "int32", "int64")) {
    expect_identical(as.double(mlx_cast(signed, to)), c(-1, 1))
  }
  expect_identical(as.vector(mlx_cast(as_mlx(c(0, 0.3, -2, NaN)), "bool")), c(FALSE, TRUE, TRUE, TRUE))
  expect_identical(as.vector(mlx_cast(c(1.5, 2.5), "float64")), c(1.5, 2.5))
  expect_length(as.vector(mlx_cast(as_mlx(c(NaN, Inf, 1e10)), "int8")), 3L) # arbitrary, but there
  expect_error(mlx_cast(as_mlx(1), "float128"), "not a dtype", class = "rmlx_error_dtype")
})

test_that("casts between floating dtypes carry the gradient", {
  local_cpu()
  g <- mlx_grad(function(x) sum(mlx_cast(x, "float64")^2), c(1, 2))[[1]]
  expect_identical(as.vector(g), c(2, 4))
  expect_identical(mlx_dtype(g), "float32")
})

test_that("what is no number is refused by its class", {
  wrong <- list(
    list = list(1), NULL = NULL, factor = factor("a"), Date = Sys.Date(), character = "a",
    "function" = sum, environment = new.env(), "POSIXct/POSIXt" = Sys.time(), name = as.name("a"),
    difftime = as.difftime(1, units = "mins"), "POSIXlt/POSIXt" = as.POSIXlt(Sys.time()),
    call = quote(a + b), formula = y ~ x, classRepresentation = methods::getClass("numeric")
  )
  for (class in names(wrong)) {
    expect_error(as_mlx(wrong[[class]]), paste0("Cannot convert object of class ", class, " to mlx"),
                 fixed = TRUE, class = "rmlx_error_argument")
  }
})

test_that("as.matrix() keeps matrices and makes one column of the rest, with a warning", {
  m <- matrix(1:6, 2, dimnames = list(NULL, letters[1:3])) + 0
  expect_identical(as.matrix(as_mlx(m)), m)
  text <- "Converting array to 1-column matrix"
  expect_warning(expect_identical(as.matrix(as_mlx(c(1, 2))), matrix(c(1, 2))), text)
  expect_warning(expect_identical(as.matrix(as_mlx(5)), matrix(5)), text)
  expect_warning(expect_identical(as.matrix(as_mlx(numeric())), matrix(numeric(), 0, 1)), text)
  expect_warning(
    expect_identical(as.matrix(as_mlx(c(a = 1, b = 2))),
                     matrix(c(1, 2), dimnames = list(c("a", "b"), NULL))), text
  )
  cube <- array(as.double(1:8), c(2, 2, 2))
  expect_warning(expect_identical(as.matrix(as_mlx(cube)), matrix(as.double(1:8))), text)
})

test_that("a user's attributes stay on the array and leave with it from rank 2 on", {
  x <- as_mlx(matrix(1:4, 2))
  attr(x, "unit") <- "m"
  expect_identical(attr(as.matrix(x), "unit"), "m")
  expect_identical(attr(as.array(x), "unit"), "m")
  expect_null(attr(as.vector(x), "unit"))
  expect_null(attr(x + 1, "unit"))
  y <- as_mlx(1:2)
  attr(y, "unit") <- "m"
  expect_null(attributes(as.array(y)))
})

test_that("base R's conversions work on the values", {
  local_cpu()
  x <- c(-1.7, 0, 2.5)
  y <- as_mlx(matrix(x, 1))
  expect_identical(as.numeric(y), single(x))
  expect_identical(as.double(y), single(x))
  expect_identical(as.integer(y), c(-1L, 0L, 2L))
  expect_identical(as.logical(y), c(TRUE, FALSE, TRUE))
  expect_identical(as.complex(y), as.complex(single(x)))
  expect_identical(as.character(as_mlx(c(1, 0.5))), c("1", "0.5"))
  expect_identical(as.character(as64(0.1)), "0.1")
  expect_identical(as.character(as_mlx(TRUE)), "TRUE")
  expect_identical(as.logical(as_mlx(c(0, NaN))), c(FALSE, NA))
  expect_warning(expect_identical(as.integer(as_mlx(c(1, 3e9))), c(1L, NA)), "integer range")
  expect_identical(as.vector(y, "character"), as.character(single(x)))
  expect_identical(as.vector(y, "list"), as.list(single(x)))
  expect_error(as.vector(y, "nonsense"), "no type of vector", class = "rmlx_error_argument")
  expect_identical(as.numeric(as_mlx(numeric())), numeric())
  expect_identical(as_r("untouched"), "untouched")
})

test_that("as.list() of a vector gives 0-d arrays, of others plain values", {
  l <- as.list(as_mlx(c(a = 1, b = 2)))
  expect_named(l, c("a", "b"))
  expect_true(all(vapply(l, is_mlx, NA)))
  expect_identical(mlx_shape(l$a), integer())
  expect_identical(as.list(as_mlx(matrix(c(1, 2), 1))), list(1, 2))
  expect_identical(as.list(as_mlx(3)), list(3))
  expect_identical(as.list(as_mlx(numeric())), list())
  g <- mlx_grad(function(x) Reduce(`+`, lapply(as.list(x), function(e) e^2)), c(1, 2))[[1]]
  expect_identical(as.vector(g), c(2, 4))
})

test_that("as.data.frame() gives columns", {
  m <- matrix(as.double(1:4), 2, dimnames = list(NULL, c("a", "b")))
  expect_identical(as.data.frame(as_mlx(m)), as.data.frame(m))
  expect_identical(as.data.frame(as_mlx(unname(m))), as.data.frame(unname(m)))
  v <- as_mlx(c(u = 1, w = 2))
  expect_identical(as.data.frame(v), data.frame(v = c(1, 2), row.names = c("u", "w")))
  expect_named(data.frame(v, second = as_mlx(3:4)), c("v", "second"))
})

test_that("an array of 0-d extents converts in every form", {
  x <- mlx_zeros(c(0, 3))
  expect_identical(as.matrix(x), matrix(0, 0, 3))
  expect_identical(dim(as.data.frame(x)), c(0L, 3L))
  expect_identical(as.list(x), list())
  expect_identical(as.integer(x), integer())
  expect_identical(as.vector(as_mlx(logical())), logical())
  expect_identical(as.vector(as_mlx(complex())), complex())
})
