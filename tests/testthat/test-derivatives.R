# Derivatives of every operation that has them: forward and reverse mode, first and second order, in
# float64 against differences; mapped over items; in float32. (First gradients against differences of
# base R's own values are in test-operations.R.)

wanted_rows <- function(rows) {
  rows <- rows[grepl(Sys.getenv("RMLX_ROWS"), names(rows))]
  rows[lengths(lapply(rows, function(r) r$grad)) > 0L]
}

# vmap has no values to read, and MLX maps no views by strides.
is_mapped <- function(r) is.null(r$reads) && r$id != "mlx_as_strided"

for (r in wanted_rows(operations)) {
  test_that(paste0("derivatives of `", r$id, "` agree with differences, forward, reverse, first and second"), {
    local_mlx_dtype("float64")
    for (args in utils::head(r$inputs, 3L)) suppressWarnings(expect_row_derivatives(r, args))
  })

  if (is_mapped(r)) {
    test_that(paste0("vmap of the gradient of `", r$id, "` gives the gradients of each item"), {
      local_mlx_dtype("float64")
      suppressWarnings(expect_row_maps(r, r$inputs[[min(2L, length(r$inputs))]]))
    })
  }
}

for (r in wanted_rows(further_rows)) {
  test_that(paste0("derivatives of `", r$id, "` agree with differences of its own values"), {
    local_mlx_dtype("float64")
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
  local_mlx_dtype("float64")
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

# The gradient does not exist, or is 0 everywhere.
no_derivative <- c(
  not_operations[not_operations %in% c(
    "reads device, dtype or shape", "an error", "leaves MLX", "shows", "asks for the class", "asks", "device", "option",
    "evaluates", "memory", "counts", "reports", "a number", "computes with shapes", "file", "stream", "base R's",
    "stats::fft()", "conversion"
  )],
  "length<-" = "an error for anything but the length it has", mlx_stop_gradient = "the gradient is 0 by definition",
  "[[" = "leaves MLX", settled = "leaves MLX"
)

test_that("every operation is differentiated here, or there is a reason why not", {
  rows <- c(operations, further_rows)
  differentiated <- unlist(lapply(wanted_rows(rows), function(r) r$covers))
  # results that are no floating numbers
  discrete <- unlist(lapply(operations, function(r) if (r$dtype != "same") r$covers))
  exports <- getNamespaceExports("rmlx")
  methods <- getNamespaceInfo("rmlx", "S3methods")
  all <- c(exports[!startsWith(exports, ".__")], sub("^.*::", "", methods[methods[, 2L] == "mlx", 1L]))
  print(sort(setdiff(all, c(differentiated, discrete, names(no_derivative)))))
})
