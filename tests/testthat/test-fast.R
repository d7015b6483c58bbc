# What the table of operations does not say of MLX's fused operations.

test_that("shapes that do not fit are told", {
  x <- mlx_zeros(c(2, 3))
  expect_error(mlx_fast_rms_norm(x, 1:2), "`weight` must be a vector of 3", class = "rmlx_error_shape")
  expect_error(mlx_fast_rms_norm(1), "at least one axis", class = "rmlx_error_shape")
  expect_error(mlx_fast_layer_norm(x, bias = x), "`bias`", class = "rmlx_error_shape")
  expect_error(mlx_fast_rms_norm(as_mlx(c(1i, 2i))), "complex", class = "rmlx_error_dtype")
  expect_error(mlx_fast_rms_norm(x, eps = NA), "`eps`", class = "rmlx_error_argument")
  expect_error(mlx_fast_rope(x), "at least 3 axes", class = "rmlx_error_shape")
  y <- mlx_zeros(c(2, 3, 4))
  expect_error(mlx_fast_rope(y, 3), "even", class = "rmlx_error_shape")
  expect_error(mlx_fast_rope(y, 6), "at most the 4", class = "rmlx_error_shape")
  expect_error(mlx_fast_rope(y, freqs = 1:3), "dims / 2 = 2", class = "rmlx_error_shape")
  expect_error(mlx_fast_rope(y, offset = 1:3), "one for each of the 2", class = "rmlx_error_shape")
  attend <- mlx_fast_scaled_dot_product_attention
  q <- mlx_zeros(c(1, 4, 3, 2))
  expect_error(attend(y, y, y), "batch x heads", class = "rmlx_error_shape")
  expect_error(attend(q, mlx_zeros(c(1, 4, 3, 3)), q), "features", class = "rmlx_error_shape")
  expect_error(attend(q, mlx_zeros(c(1, 3, 3, 2)), mlx_zeros(c(1, 3, 3, 2))), "multiple",
               class = "rmlx_error_shape")
  expect_error(attend(q, q, mlx_zeros(c(1, 4, 2, 2))), "positions", class = "rmlx_error_shape")
  expect_error(attend(q, q, q, mask = mlx_zeros(c(2, 3))), "broadcast", class = "rmlx_error_shape")
  expect_error(attend(q, q, q, sinks = 1:3), "4 heads", class = "rmlx_error_shape")
  expect_error(attend(q, q, q, mask = "none"), "causal", class = "rmlx_error_argument")
  expect_error(mlx_fast_cross_entropy(x, c(1, 4)), "1 to 3", class = "rmlx_error_index")
  expect_error(mlx_fast_cross_entropy(x, 1:3), "without its last axis", class = "rmlx_error_shape")
})

test_that("classes out of range in an mlx array give NaN", {
  local_cpu()
  for (kind in c("float32", "float64")) {
    x <- as_mlx(square, dtype = kind)
    loss <- mlx_fast_cross_entropy(x, as_mlx(c(3L, 0L, 4L), dtype = "int32"))
    expect_near(loss, c(entropy_r(square, c(3, 1, 1))[[1]], NaN, NaN), 1e-5)
  }
})

test_that("half precision goes in and comes out", {
  for (kind in c("float16", "bfloat16")) {
    x <- as_mlx(square, dtype = kind)
    expect_identical(mlx_dtype(mlx_fast_rms_norm(x)), kind)
    expect_near(mlx_fast_layer_norm(x), layer_r(square), 0.05, absolute = 0.05)
    q <- lapply(qkv, as_mlx, dtype = kind)
    got <- do.call(mlx_fast_scaled_dot_product_attention, q)
    expect_identical(mlx_dtype(got), kind)
    expect_near(got, do.call(attention_r, qkv), 0.05, absolute = 0.1)
  }
})

test_that("float32 gradients agree with float64's, of arrays in either order", {
  local_cpu()
  x <- waves(c(2, 3, 4))
  f <- function(x) sum(mlx_fast_rope(x, traditional = TRUE, offset = 1)^2 * weights_for(x))
  expect_near(mlx_grad(f, x)[[1L]], as.array(mlx_grad(f, as64(x))[[1L]]), 1e-4, absolute = 1e-4)
  for (turn in list(identity, function(x) aperm(x, c(1, 2, 4, 3)))) {
    g <- function(q, k, v) {
      sum(mlx_fast_scaled_dot_product_attention(q, turn(turn(k)), v, mask = "causal")^2)
    }
    want <- do.call(mlx_grad, c(g, lapply(qkv, as64)))
    got <- do.call(mlx_grad, c(g, qkv))
    for (i in 1:3) expect_near(got[[i]], as.array(want[[i]]), 1e-3, absolute = 1e-3)
  }
})

test_that("nothing attends to nothing", {
  q <- mlx_zeros(c(1, 2, 0, 4))
  k <- mlx_zeros(c(1, 2, 3, 4))
  expect_identical(mlx_shape(mlx_fast_scaled_dot_product_attention(q, k, k)), c(1L, 2L, 0L, 4L))
  expect_error(mlx_fast_scaled_dot_product_attention(k, q, q), "at least one key",
               class = "rmlx_error_shape")
})
