# The table's rows for linear algebra: systems, factorizations, norms, products, diagonals.

spd <- crossprod(square) + diag(3)
whole_spd <- matrix(c(4L, 2L, 2L, 3L), 2)
right <- matrix(other[1:6], 3)
tall <- matrix(c(other, -0.4, 2.1, 0.8, 1.9), 4)
general4 <- matrix(sin(3 * (1:16)), 4) + 0.1 * diag(4)

# f on the matrices of a stack, in base R; f gives a matrix, a vector or a number.
each_matrix <- function(f) {
  function(...) {
    stacks <- list(...)
    n <- dim(stacks[[1L]])[1L]
    parts <- lapply(seq_len(n), function(i) {
      do.call(f, lapply(stacks, function(x) array(x[i, , ], dim(x)[-1L])))
    })
    d <- if (is.null(dim(parts[[1L]]))) length(parts[[1L]]) else dim(parts[[1L]])
    if (identical(d, 1L)) return(unlist(parts))
    aperm(array(unlist(parts), c(d, n)), c(length(d) + 1L, seq_along(d)))
  }
}
stack_of <- function(...) aperm(simplify2array(list(...)), c(3, 1, 2))
stacked <- stack_of(square, spd)
stacked_right <- stack_of(right, right + 1)
no_matrix <- list(list(matrix(0, 0, 0)))

# What a factorization determines: the factors up to signs, so functions of them that do not change
# with these.
upper_of <- function(x) {
  x[lower.tri(x)] <- 0
  x
}
projection <- function(q) q %*% t(q)
without_sign <- function(f) function(x) abs(f(x))
base_lu <- function(x) {
  n <- nrow(x)
  p <- seq_len(n)
  for (k in seq_len(min(dim(x)))) {
    at <- which.max(abs(x[k:n, k])) + k - 1L
    x[c(k, at), ] <- x[c(at, k), ]
    p[c(k, at)] <- p[c(at, k)]
    below <- seq_len(n) > k
    x[below, k] <- x[below, k] / x[k, k]
    beside <- seq_len(ncol(x)) > k
    x[below, beside] <- x[below, beside] - x[below, k, drop = FALSE] %*% x[k, beside, drop = FALSE]
  }
  list(lu = unname(x), order = p)
}
base_pinv <- function(x) {
  s <- base::svd(x)
  s$v %*% (t(s$u) / s$d)
}
# The exponential by its series, of a matrix halved until it is small.
exponential_r <- function(x) {
  if (anyNA(x)) return(x * NA)
  k <- max(0, ceiling(log2(max(abs(x), 1e-9) * 64)))
  x <- x / 2^k
  term <- out <- base::diag(nrow(x))
  for (i in 1:20) out <- out + (term <- term %*% x / i)
  for (i in seq_len(k)) out <- out %*% out
  out
}
each_matrix_or_one <- function(f) function(x) if (length(dim(x)) == 2L) f(x) else each_matrix(f)(x)
# Eigenvectors with their first component positive.
turned <- function(v) v * rep(sign(v[1L, ]), each = nrow(v))
mlx_turned <- function(v) v * sign(v[1L, ])

system_rows <- list(
  row("solve", function(a, b) solve(a, b), function(a, b) base::solve(a, b), sides = 2L,
      inputs = list(list(square, right), list(square, v3), list(spd, right)), tolerance32 = 1e-3,
      int = list(matrix(c(2L, 1L, 1L, 3L), 2), c(1L, 2L)), bool = list(diag(2) == 1, c(TRUE, FALSE))),
  row("solve(a)", function(a) solve(a), function(a) base::solve(a), covers = "solve",
      inputs = list(list(square), list(general4)), tolerance32 = 1e-3,
      int = list(matrix(c(2L, 1L, 1L, 3L), 2)), bool = list(diag(2) == 1)),
  row("solve of stacks", function(a, b) solve(a, b), each_matrix(base::solve), covers = "solve",
      inputs = list(list(stacked, stacked_right)), tolerance32 = 1e-3),
  row("mlx_inv", mlx_inv, each_matrix(base::solve), inputs = list(list(stacked)), tolerance32 = 1e-3),
  row("backsolve", function(r, x) backsolve(r, x), function(r, x) base::backsolve(r, x), sides = TRUE,
      inputs = list(list(spd, right), list(square, v3)), tolerance32 = 1e-4,
      int = list(matrix(c(2L, 1L, 1L, 3L), 2), c(1L, 2L))),
  row("backsolve(k = 2, transpose = TRUE)", function(r, x) backsolve(r, x, k = 2, transpose = TRUE),
      function(r, x) base::backsolve(r, x, k = 2, transpose = TRUE), covers = "backsolve",
      inputs = list(list(spd, right)), tolerance32 = 1e-4),
  row("forwardsolve", function(l, x) forwardsolve(l, x), function(l, x) base::forwardsolve(l, x),
      inputs = list(list(spd, right), list(square, v3)), tolerance32 = 1e-4, sides = TRUE),
  row("forwardsolve(transpose = TRUE)", function(l, x) forwardsolve(l, x, transpose = TRUE),
      function(l, x) base::forwardsolve(l, x, transpose = TRUE), covers = "forwardsolve",
      inputs = list(list(spd, right)), tolerance32 = 1e-4),
  row("mlx_solve_triangular", function(a, b) mlx_solve_triangular(a, b, upper = TRUE),
      each_matrix(base::backsolve), inputs = list(list(stacked, stacked_right)), tolerance32 = 1e-4,
      bool = list(stack_of(diag(2) == 1, diag(2) == 1), stack_of(diag(2) == 1, diag(2) == 0))),
  row("mlx_tri_inv", mlx_tri_inv, function(x) base::forwardsolve(x, diag(3)), inputs = list(list(spd)),
      tolerance32 = 1e-4),
  row("chol", function(x) chol(x), function(x) base::chol(x), inputs = list(list(spd), list(spd + diag(3))),
      int = list(matrix(c(4L, 2L, 2L, 3L), 2)), bool = list(diag(2) == 1)),
  row("chol of stacks", function(x) chol(x), each_matrix(base::chol), covers = "chol",
      inputs = list(list(stack_of(spd, 2 * spd))), int = list(stack_of(whole_spd, 2L * whole_spd)),
      bool = list(stack_of(diag(2) == 1, diag(2) == 1))),
  row("mlx_cholesky", mlx_cholesky, function(x) t(base::chol(t(x))), inputs = list(list(spd)),
      bool = list(diag(2) == 1)),
  row("chol2inv", function(x) chol2inv(x), function(x) base::chol2inv(x), inputs = list(list(upper_of(spd))),
      tolerance32 = 1e-4),
  row("chol2inv(size = 2)", function(x) chol2inv(x, size = 2), function(x) base::chol2inv(x, 2),
      covers = "chol2inv", inputs = list(list(upper_of(spd))), tolerance32 = 1e-4),
  row("mlx_cholesky_inv", mlx_cholesky_inv, function(x) base::chol2inv(t(x)), inputs = list(list(t(upper_of(spd)))),
      tolerance32 = 1e-4),
  row("mlx_lu, l and u", function(x) {
    f <- mlx_lu(x)
    mlx_matmul(f$l, f$u)
  }, function(x) {
    f <- base_lu(x)
    x[f$order, ]
  }, covers = "mlx_lu", inputs = list(list(general4), list(tall), list(t(tall))), tolerance32 = 1e-4),
  row("mlx_lu_factor", function(x) mlx_lu_factor(x)$lu, function(x) base_lu(x)$lu,
      int = list(matrix(c(2L, 8L, 4L, 1L, 3L, 7L, 5L, 9L, 6L), 3)), bool = list(diag(2) == 1),
      inputs = list(list(general4), list(tall), list(t(tall))), tolerance32 = 1e-4,
      empty = list(list(matrix(0, 0, 0)), list(matrix(0, 2, 0)))),
  row("mlx_expm", mlx_expm, each_matrix_or_one(exponential_r), inputs = list(
    list(square / 12), list(spd / 60 - diag(3)), list(stacked / 60)
  ), tolerance32 = 1e-3, empty = no_matrix, special = list(
    list(diag(c(1, -8))), list(matrix(0, 2, 2)), list(matrix(c(0, -3, 3, 0), 2)), list(matrix(c(NaN, 1, 1, 1), 2))
  )),
  row("pinv", pinv, base_pinv, inputs = list(list(tall), list(t(tall)), list(square)), tolerance32 = 1e-3)
)

determinant_rows <- list(
  row("det", function(x) det(x), function(x) base::det(x),
      inputs = list(list(square), list(general4), list(spd)), tolerance32 = 1e-4,
      empty = no_matrix, special = list(list(matrix(NaN, 2, 2)), list(diag(c(1, 0)))),
      int = list(matrix(c(2L, 1L, 1L, 3L), 2)), bool = list(diag(2) == 1)),
  row("mlx_det", mlx_det, each_matrix(base::det), inputs = list(list(stacked)), tolerance32 = 1e-4),
  row("the gradient of det of a singular matrix", function(x) det(x), function(x) base::det(x),
      inputs = list(list(diag(c(1, 2, 0)))), covers = "det"),
  row("determinant", function(x) determinant(x)$modulus, function(x) {
    as.vector(base::determinant(x)$modulus)
  }, inputs = list(list(square), list(general4)), empty = no_matrix, tolerance32 = 1e-4),
  row("determinant(logarithm = FALSE)", function(x) determinant(x, logarithm = FALSE)$modulus, function(x) {
    as.vector(base::determinant(x, logarithm = FALSE)$modulus)
  }, covers = "determinant", inputs = list(list(square)), tolerance32 = 1e-4),
  row("mlx_slogdet, the sign", function(x) mlx_slogdet(x)$sign, function(x) sign(base::det(x)),
      covers = "mlx_slogdet", inputs = list(list(square), list(-square), list(general4[c(2, 1, 3, 4), ]))),
  row("mlx_slogdet", function(x) mlx_slogdet(x)$logabsdet,
      each_matrix(function(x) as.vector(base::determinant(x)$modulus)), inputs = list(list(stacked)),
      tolerance32 = 1e-4),
  row("rcond", function(x) rcond(x), function(x) {
    1 / (base::norm(x) * base::norm(base::solve(x)))
  }, inputs = list(list(square), list(general4)), tolerance32 = 1e-3),
  row("rcond(norm = \"I\")", function(x) rcond(x, "I"), function(x) {
    1 / (base::norm(x, "I") * base::norm(base::solve(x), "I"))
  }, covers = "rcond", inputs = list(list(square)), tolerance32 = 1e-3),
  row("rcond(triangular = TRUE)", function(x) rcond(x, triangular = TRUE), function(x) {
    x <- upper_of(x)
    1 / (base::norm(x) * base::norm(base::solve(x)))
  }, covers = "rcond", inputs = list(list(square)), tolerance32 = 1e-3, bool = list(diag(2) == 1)),
  row("kappa", function(x) kappa(x), function(x) {
    r <- base::qr.R(base::qr(x, LAPACK = FALSE))
    base::norm(r) * base::norm(base::solve(r))
  }, inputs = list(list(tall), list(square)), tolerance32 = 1e-3),
  row("kappa(exact = TRUE)", function(x) kappa(x, exact = TRUE), function(x) base::kappa(x, exact = TRUE),
      covers = "kappa", inputs = list(list(tall), list(square)), tolerance32 = 1e-3)
)

norm_row <- function(type) {
  row(paste0("norm(type = \"", type, "\")"), function(x) norm(x, type), function(x) base::norm(x, type),
      covers = "norm", inputs = list(list(tall), list(t(tall)), list(square)),
      empty = if (type != "2") list(list(matrix(0, 0, 2))), int = list(matrix(c(2L, -1L, 1L, 3L), 2)))
}
singular_r <- function(x) base::svd(x, 0, 0)$d
numpy_norms <- list(
  "Inf" = list(Inf, function(x) max(rowSums(abs(x)))), "-Inf" = list(-Inf, function(x) min(rowSums(abs(x)))),
  "1" = list(1, function(x) max(colSums(abs(x)))), "-1" = list(-1, function(x) min(colSums(abs(x)))),
  "2" = list(2, function(x) max(singular_r(x))), "-2" = list(-2, function(x) min(singular_r(x))),
  "fro" = list("fro", function(x) sqrt(sum(x^2))), "nuc" = list("nuc", function(x) sum(singular_r(x)))
)
vector_norms <- list(
  "Inf" = list(Inf, function(x) max(abs(x))), "-Inf" = list(-Inf, function(x) min(abs(x))),
  "0" = list(0, function(x) sum(truth(x))), "1" = list(1, function(x) sum(abs(x))),
  "2" = list(2, function(x) sqrt(sum(x^2))), "3" = list(3, function(x) sum(abs(x)^3)^(1 / 3)),
  "-1.5" = list(-1.5, function(x) sum(abs(x)^-1.5)^(-1 / 1.5))
)
norm_rows <- c(
  lapply(c("O", "I", "F", "M", "2"), norm_row),
  lapply(names(numpy_norms), function(name) {
    ord <- numpy_norms[[name]][[1L]]
    f <- numpy_norms[[name]][[2L]]
    row(paste0("mlx_norm of matrices, ord = ", name), function(x) mlx_norm(x, ord, axes = c(-2, -1)),
        each_matrix(f), covers = "mlx_norm", inputs = list(list(stacked)), tolerance32 = 1e-3)
  }),
  lapply(names(vector_norms), function(name) {
    ord <- vector_norms[[name]][[1L]]
    f <- vector_norms[[name]][[2L]]
    row(paste0("mlx_norm of vectors, ord = ", name), function(x) mlx_norm(x, ord, axes = 2, drop = FALSE),
        function(x) reduce_r(x, 2, f, FALSE), covers = "mlx_norm", inputs = list(list(tall), list(cube)),
        tolerance32 = 1e-4)
  }),
  list(
    row("mlx_norm", mlx_norm, function(x) sqrt(sum(x^2)), inputs = lapply(shapes(mixed), list),
        special = list(list(c(0, 0)), list(c(NaN, 1)), list(c(1e30, 1e30)), list(c(Inf, 1))), empty = nothing,
        int = list(c(3L, 4L)), bool = list(c(TRUE, TRUE, FALSE))),
    row("mlx_norm, rows and columns exchanged", function(x) mlx_norm(x, 1, axes = c(3, 1)), function(x) {
      apply(x, 2, function(m) max(rowSums(abs(m))))
    }, covers = "mlx_norm", inputs = list(list(cube)))
  )
)

qr_fn <- function(f) function(x, ...) f(qr(x), ...)
base_qr <- function(f) function(x, ...) f(base::qr(x), ...)
factorization_rows <- list(
  row("qr.X", qr_fn(function(q) qr.X(q)), function(x) x, covers = c("qr", "qr.X"),
      inputs = list(list(square), list(tall), list(t(tall))), tolerance32 = 1e-4),
  row("qr.Q", qr_fn(function(q) abs(qr.Q(q))), base_qr(function(q) abs(base::qr.Q(q))), covers = "qr.Q",
      inputs = list(list(square), list(tall)), tolerance32 = 1e-3,
      empty = list(list(matrix(0, 3, 0)))),
  row("qr.R", qr_fn(function(q) abs(qr.R(q))), base_qr(function(q) abs(base::qr.R(q))), covers = "qr.R",
      inputs = list(list(square), list(tall)), tolerance32 = 1e-3),
  row("qr.R of a wide matrix", qr_fn(function(q) qr.R(q)^2), function(x) {
    base::qr.R(base::qr(x, LAPACK = FALSE, tol = 0))^2
  }, covers = "qr.R", inputs = list(list(t(tall))), tolerance32 = 1e-3),
  row("qr.Q(complete = TRUE)", qr_fn(function(q) {
    q <- qr.Q(q, complete = TRUE)
    projection(q[, 4])
  }), base_qr(function(q) projection(base::qr.Q(q, complete = TRUE)[, 4, drop = FALSE])), covers = "qr.Q",
  inputs = list(list(tall)), tolerance32 = 1e-3),
  row("qr.R(complete = TRUE)", qr_fn(function(q) abs(qr.R(q, complete = TRUE))),
      base_qr(function(q) abs(base::qr.R(q, complete = TRUE))), covers = "qr.R", inputs = list(list(tall)),
      tolerance32 = 1e-3),
  row("qr.coef", qr_fn(function(q, y) qr.coef(q, y)), base_qr(function(q, y) base::qr.coef(q, y)),
      covers = "qr.coef", inputs = list(list(tall, mixed[1:4]), list(tall, tall^2), list(square, v3)),
      tolerance32 = 1e-3),
  row("qr.fitted", qr_fn(function(q, y) qr.fitted(q, y)), base_qr(function(q, y) base::qr.fitted(q, y)),
      covers = "qr.fitted", inputs = list(list(tall, mixed[1:4]), list(tall, tall^2)), tolerance32 = 1e-3),
  row("qr.resid", qr_fn(function(q, y) qr.resid(q, y)), base_qr(function(q, y) base::qr.resid(q, y)),
      covers = "qr.resid", inputs = list(list(tall, mixed[1:4]), list(tall, tall^2)), tolerance32 = 1e-2),
  row("qr.qty", qr_fn(function(q, y) abs(qr.qty(q, y))), base_qr(function(q, y) abs(base::qr.qty(q, y))),
      covers = "qr.qty", inputs = list(list(tall, mixed[1:4]), list(square, right)), tolerance32 = 1e-3),
  row("qr.qy", qr_fn(function(q, y) qr.qy(q, qr.qty(q, y))), function(x, y) y, covers = "qr.qy",
      inputs = list(list(tall, mixed[1:4]), list(square, right)), tolerance32 = 1e-3),
  row("qr.solve", function(a, b) qr.solve(a, b), function(a, b) base::qr.solve(a, b), sides = TRUE,
      inputs = list(list(square, right), list(square, v3), list(tall, mixed[1:4])), tolerance32 = 1e-3),
  row("svd, d", function(x) svd(x)$d, singular_r, covers = "svd",
      inputs = list(list(square), list(tall), list(t(tall))), tolerance32 = 1e-4),
  row("svd(nu = 0, nv = 0)", function(x) svd(x, nu = 0, nv = 0)$d, singular_r, covers = "svd",
      inputs = list(list(square), list(tall), list(t(tall))), tolerance32 = 1e-4),
  row("svd, u and v", function(x) {
    k <- min(dim(x))
    s <- svd(x, nu = k, nv = k)
    cbind(t(abs(s$u)), t(abs(s$v)))
  }, function(x) {
    s <- base::svd(x)
    cbind(t(abs(s$u)), t(abs(s$v)))
  }, covers = "svd", inputs = list(list(square), list(tall), list(t(tall))), tolerance32 = 1e-3),
  row("svd, square u", function(x) projection(svd(x)$u[, 4]), function(x) {
    projection(base::svd(x, nu = 4)$u[, 4, drop = FALSE])
  }, covers = "svd", inputs = list(list(tall)), tolerance32 = 1e-3),
  row("eigen, values", function(x) eigen(x, symmetric = TRUE)$values, function(x) {
    base::eigen(x, symmetric = TRUE)$values
  }, covers = "eigen", inputs = list(list(spd), list(square)), tolerance32 = 1e-4),
  row("eigen, vectors", function(x) mlx_turned(eigen(x, symmetric = TRUE)$vectors), function(x) {
    turned(base::eigen(x, symmetric = TRUE)$vectors)
  }, covers = "eigen", inputs = list(list(spd), list(square)), tolerance32 = 1e-3),
  row("mlx_eigh", function(x) abs(mlx_eigh(x, "U")$vectors), function(x) {
    abs(base::eigen(t(x), symmetric = TRUE)$vectors[, 3:1])
  }, inputs = list(list(square)), tolerance32 = 1e-3),
  row("mlx_eigvalsh", mlx_eigvalsh, each_matrix(function(x) rev(base::eigen(x, symmetric = TRUE)$values)),
      inputs = list(list(stacked)), tolerance32 = 1e-4)
)

batch_matmul <- function(x, y) batches(function(x, y) base::`%*%`(x, y))(x, y)
contraction_rows <- list(
  row("mlx_addmm", function(x, a, b) mlx_addmm(x, a, b, alpha = 0.1, beta = 0.3),
      function(x, a, b) 0.3 * x + 0.1 * a %*% b, inputs = list(list(diag(2), a, b)),
      empty = list(list(matrix(0, 0, 2), matrix(0, 0, 3), matrix(0, 3, 2)))),
  row("mlx_matmul", mlx_matmul, function(x, y) drop(base::`%*%`(x, y)), sides = TRUE,
      inputs = list(list(a, b), list(a, v3), list(v2, a), list(v3, v3)), int = whole2),
  row("mlx_matmul of stacks", mlx_matmul, batch_matmul, covers = "mlx_matmul",
      inputs = list(list(stack, aperm(stack, c(1, 3, 2)) + 0.5))),
  row("mlx_inner", mlx_inner, function(x, y) base::tcrossprod(x, y), sides = TRUE,
      inputs = list(list(a, a + 1), list(matrix(v3, 1), a)), int = rep(whole2[1], 2)),
  row("mlx_vecdot", mlx_vecdot, function(x, y) rowSums(x * y), inputs = list(list(a, a + 1))),
  row("mlx_vecdot(axis = 1)", function(x, y) mlx_vecdot(x, y, axis = 1), function(x, y) colSums(x * y),
      covers = "mlx_vecdot", inputs = list(list(a, a + 1))),
  row("mlx_tensordot", mlx_tensordot, function(x, y) sum(x * y), inputs = list(list(a, a + 1)),
      int = list(matrix(1:4, 2), matrix(1:4, 2))),
  row("mlx_tensordot(axes = 1)", function(x, y) mlx_tensordot(x, y, 1), function(x, y) base::`%*%`(x, y),
      covers = "mlx_tensordot", inputs = list(list(a, b))),
  row("mlx_tensordot(axes = list(1, -1))", function(x, y) mlx_tensordot(x, y, list(1, -1)), function(x, y) {
    array(base::crossprod(matrix(x, 2), t(matrix(y, ncol = 2))), c(3, 4, 3))
  }, covers = "mlx_tensordot", inputs = list(list(array(cube, c(2, 3, 4)), matrix(mixed[1:6], 3)))),
  row("mlx_einsum", function(x, y) mlx_einsum("ij, jk -> ik", x, y), function(x, y) base::`%*%`(x, y),
      sides = TRUE, inputs = list(list(a, b)), int = whole2),
  row("mlx_einsum of one", function(x) mlx_einsum("ii->i", x), function(x) base::diag(x), covers = "mlx_einsum",
      inputs = list(list(square))),
  row("mlx_einsum of three", function(x, y, z) mlx_einsum("ij,jk,ki->", x, y, z), function(x, y, z) {
    sum(base::diag(x %*% y %*% z))
  }, covers = "mlx_einsum", inputs = list(list(a, b, diag(2) + 1))),
  row("mlx_kron", mlx_kron, function(x, y) base::kronecker(x, y), sides = TRUE, int_dtype = "int32",
      inputs = list(list(a, b), list(b, a)), int = whole2,
      empty = list(list(matrix(0, 0, 2), diag(2)), list(diag(2), matrix(0, 3, 0)))),
  row("kronecker", function(x, y) kronecker(x, y), function(x, y) base::kronecker(x, y), sides = TRUE,
      inputs = list(list(a, b))),
  row("%x%", function(x, y) x %x% y, function(x, y) base::`%x%`(x, y), inputs = list(list(a, b))),
  row("mlx_cross", mlx_cross, function(x, y) {
    c(x[2] * y[3] - x[3] * y[2], x[3] * y[1] - x[1] * y[3], x[1] * y[2] - x[2] * y[1])
  }, inputs = list(list(v3, other[1:3])), sides = TRUE, int = list(1:3, 4:6), int_dtype = "int32"),
  row("mlx_cross(axis = 1)", function(x, y) mlx_cross(x, y, axis = 1), function(x, y) {
    rbind(x[2, ] * y[3, ] - x[3, ] * y[2, ], x[3, ] * y[1, ] - x[1, ] * y[3, ], x[1, ] * y[2, ] - x[2, ] * y[1, ])
  }, covers = "mlx_cross", inputs = list(list(b, right + 1))),
  row("mlx_hadamard_transform", mlx_hadamard_transform, function(x) {
    h <- matrix(1, 1, 1)
    n <- if (is.null(dim(x))) length(x) else ncol(x)
    while (nrow(h) < n) h <- base::kronecker(matrix(c(1, 1, 1, -1), 2), h)
    drop(x %*% h) / sqrt(n)
  }, inputs = list(list(mixed), list(matrix(mixed, 2))), int = list(c(1L, 2L))),
  row("mlx_hadamard_transform(scale = 3)", function(x) mlx_hadamard_transform(x, scale = 0.1), function(x) {
    0.1 * c(sum(x), x[1] - x[2])
  }, covers = "mlx_hadamard_transform", inputs = list(list(v2))),
  row("mlx_block_masked_mm", function(x, y) {
    mlx_block_masked_mm(x, y, 32, mask_lhs = as_mlx(matrix(c(TRUE, FALSE), 1)))
  }, function(x, y) x[, 1:32, drop = FALSE] %*% y[1:32, ],
  inputs = list(list(matrix(sin(1:34), 1), matrix(cos(1:68), 34)))),
  row("mlx_gather_mm", function(x, y) mlx_gather_mm(x, y, rhs_indices = c(2, 1)), function(x, y) {
    batch_matmul(x, y[2:1, , ])
  }, inputs = list(list(stack, aperm(stack, c(1, 3, 2)) + 0.5))),
  row("mlx_segmented_mm", function(x, y) mlx_segmented_mm(x, y, rbind(c(1, 1), c(2, 3))), function(x, y) {
    stack_of(x[, 1, drop = FALSE] %*% y[1, , drop = FALSE], x[, 2:3] %*% y[2:3, ])
  }, inputs = list(list(a, b)))
)

diagonal_rows <- list(
  keeps("diag", function(x) diag(x), function(x) base::diag(x), inputs = list(list(a), list(b), list(v3)),
        empty = list(list(matrix(0, 0, 3)), list(numeric())), bool = list(matrix(c(TRUE, FALSE), 2, 2)),
        bool_dtype = "bool"),
  keeps("diag(offset = 1)", function(x) diag(x, offset = 1), function(x) x[cbind(1:2, 2:3)], covers = "diag",
        inputs = list(list(square))),
  keeps("diag(x, nrow = -1)", function(x) diag(x, nrow = -1), function(x) x[cbind(2:3, 1:2)], covers = "diag",
        inputs = list(list(square))),
  keeps("diag of a vector and extents", function(x) diag(x, nrow = 3, ncol = 4),
        function(x) base::diag(x, 3, 4), covers = "diag", inputs = list(list(v2), list(1.5)), int = list(1:2)),
  keeps("mlx_diag", function(x) mlx_diag(x, -1), function(x) rbind(0, cbind(base::diag(x), 0)),
        inputs = list(list(v3))),
  keeps("mlx_diagonal", function(x) mlx_diagonal(x, axis1 = 1, axis2 = 3, offset = 2), function(x) {
    sapply(1:2, function(i) x[i, , i + 2])
  }, inputs = list(list(cube))),
  row("mlx_trace", mlx_trace, function(x) sum(base::diag(x)), inputs = list(list(square), list(a)),
      int = list(matrix(1:4, 2)), int_dtype = "int32", bool = list(matrix(TRUE, 2, 2)),
      empty = list(list(matrix(0, 0, 0)))),
  row("mlx_trace(offset = 1)", function(x) mlx_trace(x, 1), function(x) x[1, 2] + x[2, 3], covers = "mlx_trace",
      inputs = list(list(square))),
  keeps("diag<-", function(x, v) {
    diag(x) <- v
    x
  }, function(x, v) base::`diag<-`(x, v), inputs = list(list(square, v3), list(a, v2), list(square, 1.5)),
  sides = 2L)
)

linalg_rows <- c(
  system_rows, determinant_rows, norm_rows, factorization_rows, contraction_rows, diagonal_rows
)
operations <- c(operations, setNames(linalg_rows, vapply(linalg_rows, function(r) r$id, "")))
