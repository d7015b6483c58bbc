# Derivatives of every operation that has them: forward and reverse mode, first and second order, in
# float64 against differences; mapped over items; in float32. (First gradients against differences of
# base R's own values are in test-operations.R.)

with_slopes <- function(rows) rows[lengths(lapply(rows, function(r) r$grad)) > 0L]
# One operation or one family by hand: RMLX_ROWS="conv"
wanted_rows <- function(rows) with_slopes(rows[grepl(Sys.getenv("RMLX_ROWS"), names(rows))])

# vmap has no values to read, and MLX maps no views by strides.
is_mapped <- function(r) is.null(r$reads) && r$id != "mlx_as_strided"

for (r in wanted_rows(operations)) {
  test_that(paste0("derivatives of `", r$id, "` agree with differences, forward, reverse, first and second"), {
    local_doubles()
    for (args in utils::head(r$inputs, 3L)) suppressWarnings(expect_row_derivatives(r, args))
  })

  if (is_mapped(r)) {
    test_that(paste0("vmap of the gradient of `", r$id, "` gives the gradients of each item"), {
      local_doubles()
      suppressWarnings(expect_row_maps(r, r$inputs[[min(2L, length(r$inputs))]]))
    })
  }
}

for (r in wanted_rows(further_rows)) {
  test_that(paste0("derivatives of `", r$id, "` agree with differences of its own values"), {
    local_doubles()
    for (args in r$inputs) suppressWarnings(expect_row_derivatives(r, args, r$slope_tolerance))
  })
}

test_that("second derivatives in float32 agree with those in float64", {
  for (r in wanted_rows(linalg_rows)) {
    if (r$id %in% c("kappa", "kappa(exact = TRUE)")) next # squares of large condition numbers
    suppressWarnings(expect_row_in_single(r, r$inputs[[1L]], max(100 * r$tolerance32, 1e-2)))
  }
})

test_that("factorizations of a stack have the gradients of each matrix", {
  local_cpu()
  local_doubles()
  x <- stack_of(spd, spd + square %*% t(square))
  loss <- function(y, items) {
    y <- mlx_reshape(y, c(items, length(y) / items))
    sum(y^3 * cos(seq_len(ncol(y))))
  }
  for (f in list(
    chol = chol, chol2inv = chol2inv, inverse = mlx_inv, det = mlx_det, log = function(x) mlx_slogdet(x)$logabsdet,
    q = function(x) qr.Q(qr(x)), r = function(x) qr.R(qr(x)), d = function(x) svd(x)$d, u = function(x) svd(x)$u,
    values = mlx_eigvalsh, vectors = function(x) mlx_eigh(x)$vectors, pinv = pinv, l = function(x) mlx_lu(x)$l,
    exponential = function(x) mlx_expm(x / 9), triangle = mlx_tri_inv
  )) {
    got <- as_r(mlx_grad(function(x) loss(f(x), 2), x)[[1L]])
    for (i in 1:2) {
      want <- as_r(mlx_grad(function(x) loss(f(x), 1), x[i, , ])[[1L]])
      expect_near(got[i, , ], want, 1e-9, absolute = 1e-9 * max(abs(got)))
    }
  }
})

# What has no gradient, or one that is 0 everywhere, with the reason; what is said of operations elsewhere
# that begins like one of these is a reason too.
reasons <- c(
  "reads device", "an error", "leaves MLX", "shows", "asks", "device", "option", "evaluates", "memory", "counts",
  "reports", "a number", "computes with shapes", "file", "stream", "base R's", "stats::fft", "conversion", "creation",
  "of integers", "a transformation", "optimises", "fits", "prepares", "checks", "tested in test-shape.R",
  "a function of a file", "says in which order", "reads bytes", "a setting", "a file", "runs a user's code"
)
of_counts <- c("mlx_rand_bernoulli", "mlx_rand_categorical", "mlx_rand_permutation", "mlx_rand_randint", "mlx_rbinom",
               "mlx_rnbinom", "mlx_rpois", "mlx_sample", "mlx_qbinom", "mlx_qnbinom", "mlx_qpois")
of_rejection <- c("mlx_rbeta", "mlx_rchisq", "mlx_rf", "mlx_rgamma", "mlx_rt", "mlx_rand_truncated_normal",
                  "mlx_rand_multivariate_normal", "mlx_rmvnorm")
of_packed <- c("mlx_dequantize", "mlx_quantized_matmul", "mlx_gather_qmm", "mlx_qqmm", "mlx_gather_qqmm")
named <- function(names, reason) setNames(rep(reason, length(names)), names)
no_derivative <- c(
  not_operations[Reduce(`|`, lapply(reasons, function(r) startsWith(not_operations, r)))],
  named(of_counts, "results are counts or positions"),
  named(of_rejection, "gradients are those of the distribution, not of each draw: test-random.R"),
  named(of_packed, "of packed weights in float32: test-quantize.R"),
  named(c("mlx_quantize", "mlx_to_fp8", "mlx_from_fp8"), "a step function, or of integers"),
  named(c("mlx_eig", "mlx_eigvals"), "complex64, of matrices that are not symmetric: test-linalg.R"),
  named(c("mlx_key", "mlx_key_bits", "mlx_key_split", "mlx_seed"), "keys are integers"),
  mlx_rand_gumbel = "has no parameters",
  mlx_stop_gradient = "the gradient is 0 by definition"
)
# results of other kinds than the arguments: bools, positions, R values
discrete <- unlist(lapply(operations, function(r) if (r$dtype != "same") r$covers))
differentiated <- unlist(lapply(with_slopes(c(operations, further_rows)), function(r) r$covers))

expect_all_differentiated <- function(names) {
  missing <- setdiff(names, c(differentiated, discrete, names(no_derivative)))
  testthat::expect(length(missing) == 0L, paste("neither differentiated nor excused:", toString(missing)))
}

test_that("every operation is differentiated here, or there is a reason why not", {
  exports <- getNamespaceExports("rmlx")
  methods <- getNamespaceInfo("rmlx", "S3methods")
  expect_all_differentiated(exports[!startsWith(exports, ".__")])
  expect_all_differentiated(sub("^.*::", "", methods[methods[, 2L] == "mlx", 1L]))
})

test_that("an operation that nobody differentiates would be noticed", {
  expect_error(expect_all_differentiated("mlx_unheard_of"), "mlx_unheard_of")
})
