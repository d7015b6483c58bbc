# New arrays: from data, constants, diagonals, sequences (contract, sections 4, 11 and 17).

test_that("mlx_array() fills by columns and recycles", {
  expect_identical(as.array(mlx_array(1:6, c(2, 3), "int32")), matrix(1:6, 2))
  expect_identical(as.array(mlx_array(1:24, 2:4, "int32")), array(1:24, 2:4))
  expect_identical(as.array(mlx_array(1:3, c(2, 3, 2), "int32")), array(1:3, c(2, 3, 2)))
  expect_identical(as.array(mlx_array(7, c(2, 2))), matrix(7, 2, 2))
  expect_identical(mlx_shape(mlx_array(1:4, 4)), 4L)
  expect_identical(mlx_shape(mlx_array(5, integer(), allow_scalar = TRUE)), integer())
  for (d in list(0L, c(2L, 0L), c(0L, 0L, 3L))) {
    expect_identical(mlx_shape(mlx_array(numeric(), d)), d)
    expect_identical(mlx_shape(mlx_array(1:3, d)), d)
  }
  expect_identical(mlx_shape(mlx_array(1:4, as_mlx(c(2, 2)))), c(2L, 2L))
})

test_that("mlx_array() says what is wrong", {
  expect_error(mlx_array(list(1), 1), "data must be an atomic vector.", fixed = TRUE,
               class = "rmlx_error_argument")
  expect_error(mlx_array(1, integer()), "at least one element", class = "rmlx_error_shape")
  expect_error(mlx_array(1:2, integer(), allow_scalar = TRUE), "Scalar data must be length 1.",
               fixed = TRUE, class = "rmlx_error_shape")
  expect_error(mlx_array(1:4, 6), "does not divide the array's size, 6", class = "rmlx_error_shape")
  expect_error(mlx_array(numeric(), 2), "length(data) is 0", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(mlx_array(1, 1, allow_scalar = NA), NA)
  expect_error(mlx_array(1, integer(), allow_scalar = NA), "`allow_scalar` must be TRUE or FALSE",
               class = "rmlx_error_argument")
})

test_that("mlx_matrix() infers one extent, as matrix() does", {
  expect_identical(as.matrix(mlx_matrix(1:6, ncol = 2)), matrix(1:6 + 0, ncol = 2))
  expect_identical(as.matrix(mlx_matrix(1:6, nrow = 2)), matrix(1:6 + 0, nrow = 2))
  expect_identical(as.matrix(mlx_matrix(1:6, 2, 3, byrow = TRUE)), matrix(1:6 + 0, 2, byrow = TRUE))
  expect_identical(as.matrix(mlx_matrix(1:2, 2, 3)), matrix(c(1, 2), 2, 3))
  expect_identical(as.matrix(mlx_matrix(1:3, 2, 3, byrow = TRUE)), matrix(c(1, 2, 3), 2, 3, TRUE))
  expect_identical(mlx_shape(mlx_matrix(numeric(), 0, 3)), c(0L, 3L))
  expect_identical(mlx_shape(mlx_matrix(numeric(), ncol = 3)), c(0L, 3L))
  expect_error(mlx_matrix(1:4), "Provide either nrow or ncol", class = "rmlx_error_argument")
  expect_error(mlx_matrix(1:5, ncol = 2), "length(data) must be divisible by ncol", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(mlx_matrix(1:5, nrow = 2), "length(data) must be divisible by nrow", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(mlx_matrix(1:4, 3, 3), "length(data) must equal nrow * ncol.", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(mlx_matrix(1:4, ncol = 0), "divisible by ncol", class = "rmlx_error_shape")
  expect_error(mlx_matrix(1:4, 2, byrow = NA), "`byrow` must be TRUE or FALSE",
               class = "rmlx_error_argument")
})

test_that("mlx_vector() and mlx_scalar() have the rank they are named for", {
  local_cpu()
  expect_identical(mlx_shape(mlx_vector(5)), 1L)
  expect_identical(mlx_shape(mlx_vector(matrix(1:4, 2))), 4L)
  expect_identical(mlx_shape(mlx_scalar(5)), integer())
  expect_identical(mlx_shape(mlx_scalar(matrix(5))), integer())
  expect_identical(as.vector(mlx_scalar(0.1, dtype = "float64")), 0.1)
  expect_identical(as.vector(mlx_scalar(as.raw(9))), 9L)
  expect_error(mlx_vector(list(1)), "atomic", class = "rmlx_error_argument")
  expect_error(mlx_vector(NULL), "atomic", class = "rmlx_error_argument")
  expect_error(mlx_vector(numeric()), "data must contain at least one element.", fixed = TRUE,
               class = "rmlx_error_argument")
  for (x in list(1:2, numeric(), NULL, list(1))) {
    expect_error(mlx_scalar(x), "value must be length 1.", fixed = TRUE,
                 class = "rmlx_error_argument")
  }
})

test_that("constructors keep the dtype of an mlx array, and its gradient", {
  local_cpu()
  x <- as64(c(0.1, 0.2))
  made <- list(mlx_array(x, 2), mlx_matrix(x, ncol = 2), mlx_vector(x), mlx_scalar(x[1]),
               mlx_full(2, x[1]), mlx_array(x, c(2, 3)))
  for (y in made) {
    expect_identical(mlx_dtype(y), "float64")
    expect_identical(as.vector(y)[[1]], 0.1)
  }
  expect_identical(as.array(mlx_array(as_mlx(matrix(1:6, 2)), c(3, 2))), matrix(1:6 + 0, 3))
  expect_identical(mlx_dtype(mlx_vector(x, dtype = "float32")), "float32")
  local_doubles()
  weights <- matrix(c(0.5, 1, -2, 3, 0.1, 7), 2)
  g <- mlx_grad(function(z) sum(mlx_array(z, c(2, 3)) * weights), c(1, 2))[[1]]
  expect_near(g, rowSums(weights))
  g <- mlx_grad(function(z) sum(mlx_matrix(z, 2, byrow = TRUE) * weights), as.double(1:6))[[1]]
  expect_near(g, as.vector(t(weights)))
  expect_near(mlx_grad(function(z) sum(mlx_full(c(2, 3), z) * weights), 2)[[1]], sum(weights))
  expect_near(mlx_grad(function(z) sum(mlx_array(z, c(2, 3)) * weights), 2)[[1]], sum(weights))
  expect_near(mlx_grad(function(z) sum(mlx_full_like(as_mlx(weights), z)^2), 2)[[1]], 24)
  expect_near(mlx_grad(function(z) mlx_scalar(z)^2, 3)[[1]], 6)
})

test_that("constants exist in every dtype and shape", {
  local_cpu()
  dims <- list(integer(), 3L, c(2L, 3L), c(0L, 2L), c(2L, 1L, 2L))
  look <- function(x) list(mlx_shape(x), mlx_dtype(x), Re(as.complex(x)))
  for (dtype in dtypes) {
    seen <- lapply(dims, function(d) {
      full <- mlx_full(d, 1, dtype)
      lapply(list(mlx_zeros(d, dtype), mlx_ones(d, dtype), full, mlx_ones_like(full)), look)
    })
    want <- lapply(dims, function(d) {
      lapply(c(0, 1, 1, 1), function(v) list(d, dtype, rep(v, prod(d))))
    })
    expect_identical(seen, want, label = dtype)
  }
  expect_identical(mlx_dtype(mlx_zeros(2)), "float32")
  expect_identical(mlx_dtype(mlx_zeros_like(mlx_ones(2, "int8"), dtype = "float64")), "float64")
  expect_identical(as.vector(mlx_full_like(as64(1:2), 0.1)), c(0.1, 0.1))
  expect_identical(as.vector(mlx_zeros_like(matrix(1:4, 2))), numeric(4))
})

test_that("mlx_full() chooses the dtype by its value and checks that it fits", {
  expect_identical(as.vector(mlx_full(2, TRUE)), c(TRUE, TRUE))
  expect_identical(as.vector(mlx_full(2, 1i)), c(1i, 1i))
  expect_identical(mlx_dtype(mlx_full(2, 5L)), "float32")
  expect_identical(as.vector(mlx_full(2, -3, "int16")), c(-3L, -3L))
  expect_identical(mlx_dtype(mlx_full(2, as.raw(1))), "uint8")
  expect_error(mlx_full(2, 1:2), "value must be length 1.", fixed = TRUE,
               class = "rmlx_error_argument")
  expect_error(mlx_full(2, 300, "uint8"), "300", class = "rmlx_error_dtype")
  expect_error(mlx_full(2, NA), "Logical NA", class = "rmlx_error_dtype")
  expect_error(mlx_full(2, 1i, "float32"), "complex", class = "rmlx_error_dtype")
})

test_that("mlx_eye() has ones on its diagonal", {
  local_cpu()
  eye <- function(n, m, k) outer(seq_len(n), seq_len(m), function(i, j) as.double(j - i == k))
  for (k in -3:3) {
    expect_identical(as.matrix(mlx_eye(3, 4, k)), eye(3, 4, k))
    expect_identical(as.matrix(mlx_eye(2, k = k, dtype = "float64")), eye(2, 2, k))
  }
  expect_identical(as.matrix(mlx_identity(3)), diag(3))
  expect_identical(mlx_shape(mlx_eye(0)), c(0L, 0L))
  expect_identical(mlx_shape(mlx_eye(0, 3)), c(0L, 3L))
  expect_identical(as.matrix(mlx_eye(2, dtype = "int32")), matrix(c(1L, 0L, 0L, 1L), 2))
  expect_identical(as.matrix(mlx_eye(2, k = .Machine$integer.max)), matrix(0, 2, 2))
})

test_that("mlx_arange() is seq() by a step", {
  local_cpu()
  local_doubles()
  cases <- list(c(1, 10, 3), c(0, 1, 0.1), c(5, 1, -2), c(1, 1, 1), c(-1, 1, 0.25), c(0, 10, 3),
                c(1, 5000, 1))
  for (a in cases) {
    expect_near(mlx_arange(a[1], a[2], a[3]), seq(a[1], a[2], a[3]), 1e-15, absolute = 1e-15)
  }
  expect_identical(as.vector(mlx_arange(1, 4)), c(1, 2, 3, 4))
  expect_identical(mlx_shape(mlx_arange(5, 1)), 0L)
  expect_identical(as.vector(mlx_arange(1, 4, dtype = "int32")), 1:4)
  expect_identical(as.vector(mlx_arange(0, 2, dtype = "bool")), c(FALSE, TRUE, TRUE))
  expect_identical(as.vector(mlx_arange(bit64::as.integer64(1), as_mlx(3L))), c(1, 2, 3))
  expect_error(mlx_arange(1, 300, dtype = "int8"), "element 300 is 300", class = "rmlx_error_dtype")
  expect_error(mlx_arange(-3, 3, dtype = "uint8"), "element 1 is -3", class = "rmlx_error_dtype")
  expect_error(mlx_arange(1, 2, 0), "`step` must not be 0", class = "rmlx_error_argument")
  expect_error(mlx_arange(1, 1e10), "2^31 - 1", fixed = TRUE, class = "rmlx_error_shape")
  expect_error(mlx_arange(1, 1e300), class = "rmlx_error_shape")
  expect_error(mlx_arange(1, 10, 1e-300), class = "rmlx_error_shape")
})

test_that("mlx_linspace() is seq() of a length", {
  local_cpu()
  local_doubles()
  expect_near(mlx_linspace(0, 1), seq(0, 1, length.out = 50), 1e-15, absolute = 1e-15)
  expect_near(mlx_linspace(3, -2, 7), seq(3, -2, length.out = 7), 1e-15, absolute = 1e-15)
  expect_identical(as.vector(mlx_linspace(0, 0.7, 10001))[10001], 0.7)
  expect_identical(as.vector(mlx_linspace(2, 3, 1)), 2)
  expect_identical(as.vector(mlx_linspace(2, 3, 0)), numeric())
  expect_identical(as.vector(mlx_linspace(0, 4, 3, dtype = "int32")), c(0L, 2L, 4L))
})

test_that("arrays that no memory holds are refused before they are made", {
  huge <- 2^31 - 1
  for (f in list(function() mlx_zeros(c(huge, huge)), function() mlx_full(c(huge, huge), 1),
                 function() mlx_eye(huge), function() mlx_array(1, c(huge, huge)),
                 function() mlx_matrix(1, huge, huge), function() mlx_zeros(rep(huge, 9)))) {
    expect_error(f(), class = "rmlx_error_memory")
  }
  expect_error(mlx_array(1:4, rep(huge, 4)), class = "rmlx_error_shape")
  expect_error(mlx_zeros(2^31), class = "rmlx_error_shape")
  expect_error(mlx_zeros(1e10), class = "rmlx_error_shape")
})

test_that("a long sequence takes its own memory and no more", {
  skip_on_os("mac")
  before <- resident()
  x <- mlx_arange(1, 2e7, dtype = "int8", step = 2e7) # one element
  expect_length(x, 1L)
  y <- mlx_linspace(0, 100, 2e7, dtype = "int8")
  expect_length(y, 2e7)
  expect_lt(resident() - before, 100) # as doubles they would be 160 MB
  mlx_free(y)
})

test_that("errors say what was probably meant", {
  says <- function(code, text) expect_error(code, text, fixed = TRUE, class = "rmlx_error")
  says(mlx_ones(2, dtype = "double"), "Did you mean \"float64\"?")
  says(mlx_cast(1, "float"), "Did you mean \"float32\"?")
  says(as_mlx(1, dtype = "half"), "Did you mean \"float16\"?")
  says(as_mlx(1, dtype = "integer"), "Did you mean \"int32\"?")
  says(as_mlx(1, dtype = "logical"), "Did you mean \"bool\"?")
  says(as_mlx(list(a = 1)$b), "NULL is what `list$name` gives for a name that is not there")
  caught <- tryCatch(mlx_arange(5), error = identity)
  expect_s3_class(caught, "rmlx_error_argument")
  expect_identical(conditionCall(caught), quote(mlx_arange(5)))
})
