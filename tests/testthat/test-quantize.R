# Quantized matrices, decoded bit by bit in base R.

set.seed(5)
weights <- matrix(rnorm(6 * 128), 6)
inputs <- matrix(rnorm(3 * 128), 3)

# The integers of `bits` bits that rows of 32-bit words hold, lowest bits first.
unpack <- function(words, bits) {
  t(apply(words, 1, function(row) {
    all <- unlist(lapply(row, function(w) w %/% 2^(0:31) %% 2))
    base::colSums(matrix(all, bits) * 2^(seq_len(bits) - 1))
  }))
}
# Floats of e exponent and m mantissa bits with a sign, and no infinities.
decode <- function(q, e, m) {
  sign <- ifelse(q %/% 2^(e + m) == 1, -1, 1)
  exponent <- q %/% 2^m %% 2^e
  fraction <- q %% 2^m / 2^m
  bias <- 2^(e - 1) - 1
  sign * ifelse(exponent == 0, fraction * 2^(1 - bias), (1 + fraction) * 2^(exponent - bias))
}
modes <- list(
  affine = list(group = 64, bits = 4),
  mxfp4 = list(group = 32, bits = 4, element = function(q) decode(q, 2, 1),
               scale = function(s) 2^(s - 127), step = 1),
  mxfp8 = list(group = 32, bits = 8, element = function(q) decode(q, 4, 3),
               scale = function(s) 2^(s - 127), step = 16),
  nvfp4 = list(group = 16, bits = 4, element = function(q) decode(q, 2, 1),
               scale = function(s) decode(s, 4, 3), step = 1)
)
each <- function(x, n) x[, rep(seq_len(ncol(x)), each = n)]
value <- function(q, mode, group = modes[[mode]]$group, bits = modes[[mode]]$bits) {
  packed <- unpack(as.matrix(q$w_q), bits)
  scales <- as.matrix(q$scales)
  if (mode == "affine") return(packed * each(scales, group) + each(as.matrix(q$biases), group))
  modes[[mode]]$element(packed) * each(modes[[mode]]$scale(scales), group)
}

test_that("mode affine packs what its definition says", {
  for (bits in c(2, 3, 4, 5, 6, 8)) {
    for (group in c(32, 64, 128)) {
      q <- mlx_quantize(as_mlx(weights), group, bits)
      expect_named(q, c("w_q", "scales", "biases"))
      expect_identical(mlx_dtype(q$w_q), "uint32")
      expect_identical(mlx_shape(q$w_q), as.integer(c(6, 128 * bits / 32)))
      want <- value(q, "affine", group, bits)
      got <- mlx_dequantize(q$w_q, q$scales, q$biases, group, bits)
      expect_identical(mlx_dtype(got), "float32")
      expect_near(got, want, 1e-5, absolute = 1e-6)
      # no element is further off than the step (half of it, but that the range is shifted so that
      # zero is hit)
      expect_true(all(abs(want - weights) <= abs(each(as.matrix(q$scales), group)) * 1.01))
    }
  }
})

test_that("the float modes pack what their definitions say", {
  for (mode in c("mxfp4", "mxfp8", "nvfp4")) {
    q <- mlx_quantize(as_mlx(weights), mode = mode)
    expect_named(q, c("w_q", "scales"))
    expect_identical(mlx_dtype(q$scales), "uint8")
    want <- value(q, mode)
    got <- mlx_dequantize(q$w_q, q$scales, mode = mode)
    expect_identical(mlx_dtype(got), "bfloat16")
    expect_near(mlx_dequantize(q$w_q, q$scales, mode = mode, dtype = "float32"), want, 1e-6)
    scale <- each(modes[[mode]]$scale(as.matrix(q$scales)), modes[[mode]]$group)
    expect_true(all(abs(want - weights) <= modes[[mode]]$step * 1.01 * scale))
  }
})

test_that("a global scale scales all scales", {
  largest <- max(abs(weights))
  q <- mlx_quantize(as_mlx(weights), mode = "nvfp4", global_scale = largest)
  got <- mlx_dequantize(q$w_q, q$scales, mode = "nvfp4", global_scale = largest, dtype = "float32")
  expect_near(got, value(q, "nvfp4") * largest / (6 * 448), 1e-5)
  expect_lt(max(abs(got - weights)), largest / 4)
})

test_that("products with a quantized matrix are those with what it stands for", {
  for (mode in names(modes)) {
    q <- mlx_quantize(as_mlx(weights), mode = mode)
    w <- value(q, mode)
    got <- mlx_quantized_matmul(as_mlx(inputs), q$w_q, q$scales, q$biases, mode = mode)
    expect_identical(mlx_dtype(got), "float32")
    expect_near(got, inputs %*% t(w), 1e-4, mode, absolute = 1e-4)
    expect_near(mlx_quantized_matmul(as_mlx(inputs), as_mlx(weights), mode = mode), inputs %*% t(w),
                1e-4, mode, absolute = 1e-4)
    x <- inputs[, 1:6]
    got <- mlx_quantized_matmul(as_mlx(x), q$w_q, q$scales, q$biases, FALSE, mode = mode)
    expect_near(got, x %*% w, 1e-4, mode, absolute = 1e-4)
  }
})

test_that("products of doubles with a quantized matrix are in double precision", {
  local_cpu()
  for (mode in names(modes)) {
    q <- mlx_quantize(as_mlx(weights), mode = mode)
    wide <- mlx_quantized_matmul(as64(inputs), q$w_q, q$scales, q$biases, mode = mode)
    expect_identical(mlx_dtype(wide), "float64")
    exact <- as.matrix(mlx_dequantize(q$w_q, q$scales, q$biases, mode = mode, dtype = "float64"))
    expect_near(wide, inputs %*% t(exact), 1e-12, mode, absolute = 1e-12)
    expect_near(mlx_quantized_matmul(as64(inputs[1, ]), q$w_q, q$scales, q$biases, mode = mode),
                as.vector(exact %*% inputs[1, ]), 1e-12, absolute = 1e-12)
  }
})

test_that("the gradients of a product reach x, scales and biases", {
  q <- mlx_quantize(as_mlx(weights))
  w <- value(q, "affine")
  f <- function(x, scales, biases) sum(mlx_quantized_matmul(x, q$w_q, scales, biases) * weights[1:3, 1:6])
  g <- mlx_grad(f, as_mlx(inputs), q$scales, q$biases)
  upstream <- weights[1:3, 1:6]
  expect_near(g[[1L]], upstream %*% w, 1e-4, absolute = 1e-4)
  dw <- t(upstream) %*% inputs
  groups <- function(x) t(apply(x, 1, function(row) base::colSums(matrix(row, 64))))
  expect_near(g[[2L]], groups(dw * unpack(as.matrix(q$w_q), 4)), 1e-3, absolute = 1e-3)
  expect_near(g[[3L]], groups(dw), 1e-3, absolute = 1e-3)
})

test_that("gathered products are those of the matrices chosen", {
  stack <- array(rnorm(4 * 5 * 64), c(4, 5, 64))
  x <- array(rnorm(2 * 3 * 64), c(2, 3, 64))
  for (kind in c("float32", "float64")) {
    if (kind == "float64") local_cpu()
    for (mode in names(modes)) {
      q <- mlx_quantize(as_mlx(stack), mode = mode)
      w <- as.array(mlx_dequantize(q$w_q, q$scales, q$biases, mode = mode, dtype = "float32"))
      got <- mlx_gather_qmm(as_mlx(x, dtype = kind), q$w_q, q$scales, q$biases, c(2, 1, 1), c(4, 1, 2),
                            mode = mode)
      expect_identical(mlx_dtype(got), kind)
      for (i in 1:3) {
        expect_near(as.array(got)[i, , ], x[c(2, 1, 1)[i], , ] %*% t(w[c(4, 1, 2)[i], , ]), 1e-4,
                    absolute = 1e-4)
      }
    }
  }
  for (bad in list(0, 5, 1.5, NA, as_mlx(7L))) {
    expect_error(mlx_gather_qmm(x, q$w_q, q$scales, rhs_indices = bad, mode = mode),
                 "from 1 to 4", class = "rmlx_error_index")
  }
})

test_that("both matrices of a product can be quantized", {
  stack <- array(rnorm(2 * 5 * 64), c(2, 5, 64))
  for (mode in c("mxfp8", "nvfp4")) {
    round_trip <- function(x) {
      q <- mlx_quantize(as_mlx(x), mode = mode)
      value(q, mode)
    }
    want <- round_trip(inputs) %*% t(round_trip(weights))
    expect_near(mlx_qqmm(inputs, weights, mode = mode), want, 1e-4, absolute = 1e-4)
    q <- mlx_quantize(as_mlx(weights), mode = mode)
    expect_near(mlx_qqmm(inputs, q$w_q, q$scales, mode = mode), want, 1e-4, absolute = 1e-4)
    q <- mlx_quantize(as_mlx(stack), mode = mode)
    x <- array(inputs[, 1:64], c(1, 3, 64))
    got <- mlx_gather_qqmm(x, q$w_q, q$scales, rhs_indices = c(2, 1), lhs_indices = c(1, 1), mode = mode)
    expect_near(as.array(got)[1, , ], round_trip(inputs[, 1:64]) %*% t(round_trip(stack[2, , ])), 1e-4,
                absolute = 1e-4)
  }
  g <- mlx_grad(function(x) sum(mlx_qqmm(x, weights)), inputs)[[1L]]
  q <- mlx_quantize(as_mlx(weights), mode = "nvfp4")
  expect_near(g, matrix(base::colSums(value(q, "nvfp4")), 3, 128, byrow = TRUE), 1e-4, absolute = 1e-4)
  expect_error(mlx_qqmm(inputs, weights, mode = "affine"), "mxfp8", class = "rmlx_error_argument")
})

test_that("E4M3 floats are those of their definition", {
  bits <- c(0:126, 128:254)
  values <- mlx_from_fp8(as_mlx(bits, dtype = "uint8"), "float32")
  expect_near(values, decode(bits, 4, 3), 0)
  expect_near(mlx_to_fp8(values), bits, 0)
  expect_near(mlx_from_fp8(mlx_to_fp8(c(0.1, 3.3, 100)), "float32"), c(0.1015625, 3.25, 96), 0)
  for (kind in c("float16", "bfloat16", "float64")) {
    if (kind == "float64") local_cpu()
    expect_near(mlx_from_fp8(as_mlx(bits, dtype = "uint8"), kind), decode(bits, 4, 3), 0, kind)
  }
  expect_identical(mlx_dtype(mlx_from_fp8(as_mlx(1L, dtype = "uint8"))), "bfloat16")
  expect_error(mlx_from_fp8(1:3), "uint8", class = "rmlx_error_dtype")
  expect_error(mlx_from_fp8(as_mlx(1L, dtype = "uint8"), "int8"), "floating", class = "rmlx_error_dtype")
})

test_that("what does not fit together is told, before MLX reads beyond it", {
  local_cpu() # some of it is float64
  q <- mlx_quantize(as_mlx(weights))
  product <- function(x = inputs, w = q$w_q, scales = q$scales, biases = q$biases, ...) {
    mlx_quantized_matmul(as_mlx(x), w, scales, biases, ...)
  }
  expect_error(product(scales = q$scales[1:2, ]), "`scales` must have", class = "rmlx_error_shape")
  expect_error(product(biases = q$biases[, 1]), "`biases` must have", class = "rmlx_error_shape")
  expect_error(product(biases = NULL), "needs `biases`", class = "rmlx_error_argument")
  expect_error(product(inputs[, 1:64]), "must have 128 elements", class = "rmlx_error_shape")
  expect_error(product(transpose = FALSE), "must have 6 elements", class = "rmlx_error_shape")
  expect_error(product(w = mlx_cast(q$w_q, "int32")), "uint32", class = "rmlx_error_dtype")
  expect_error(product(bits = 7), "2, 3, 4, 5, 6, 8", class = "rmlx_error_argument")
  expect_error(product(mode = "fp2"), "affine", class = "rmlx_error_argument")
  expect_error(product(mode = "mxfp4", group_size = 32), "group of 32", class = "rmlx_error_shape")
  floats <- mlx_quantize(as_mlx(weights), mode = "mxfp4")
  expect_error(product(w = floats$w_q, scales = floats$scales, mode = "mxfp4", biases = floats$scales),
               "no `biases`", class = "rmlx_error_dtype")
  expect_error(product(scales = mlx_cast(q$scales, "float64")), "float16", class = "rmlx_error_dtype")
  expect_error(product(1i * inputs), "complex", class = "rmlx_error_dtype")
  expect_error(mlx_quantize(as64(weights)), "mlx_cast", class = "rmlx_error_dtype")
  expect_error(mlx_quantize(weights[, 1:63]), "multiple of the group size", class = "rmlx_error_shape")
  expect_error(mlx_quantize(weights[1, ]), "at least 2 axes", class = "rmlx_error_shape")
  expect_error(mlx_quantize(weights, mode = "nvfp4", global_scale = 1:2), "one number",
               class = "rmlx_error_shape")
})

test_that("products of nothing are nothing", {
  q <- mlx_quantize(as_mlx(weights))
  got <- mlx_quantized_matmul(mlx_zeros(c(0, 128)), q$w_q, q$scales, q$biases)
  expect_identical(mlx_shape(got), c(0L, 6L))
  q <- mlx_quantize(mlx_zeros(c(0, 64)))
  expect_identical(mlx_shape(mlx_dequantize(q$w_q, q$scales, q$biases)), c(0L, 64L))
  expect_identical(as.matrix(mlx_quantized_matmul(inputs[, 1:64], q$w_q, q$scales, q$biases)),
                   matrix(0, 3, 0))
})
