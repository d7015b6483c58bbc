# Other oracles of rows for shapes and numbers that the row's own does not take; see helper-shapes.R.

# Another function of the arguments.
instead <- function(kinds, rows, f) list(oracle = function(r) f, kinds = kinds, rows = rows)
# The row's own oracle, changed.
changed <- function(kinds, rows, how) list(oracle = function(r) how(r$oracle), kinds = kinds, rows = rows)
# NaN or infinities somewhere in the result: where depends on the order of the steps.
not_finite <- function(...) list(not_finite = TRUE, kinds = "special", rows = c(...))
# The limit, where base R says NaN because a parameter (argument k) is infinite.
limit <- function(k, at, value, rows) {
  changed("special", rows, function(f) {
    function(...) {
      out <- f(...)
      out[...elt(k) == at] <- value
      out
    }
  })
}
value_of <- function(x) function(...) x

quantile_r <- function(p) {
  function(v) if (anyNA(v)) rep(NaN, length(p)) else stats::quantile(v, p, names = FALSE)
}
tiled_r <- function(reps) {
  function(x) {
    shape <- c(rep(1L, max(0L, length(reps) - length(shape_of(x)))), shape_of(x))
    reps <- c(rep(1L, length(shape) - length(reps)), reps)
    x <- array(x, shape)
    for (k in seq_along(shape)) x <- pick_r(x, rep(seq_len(shape[k]), reps[k]), k)
    x
  }
}
# Positions of an axis of extent n mirrored by 2 before and 4 after it, its ends once or twice.
mirrored <- function(n, twice) {
  cycle <- if (twice) c(seq_len(n), rev(seq_len(n))) else c(seq_len(n), rev(seq_len(n))[-c(1L, n)])
  cycle[(seq_len(n + 6L) - 3L) %% length(cycle) + 1L]
}
padded_r <- function(twice) {
  function(x) {
    for (k in seq_along(dim(x))) x <- pick_r(x, mirrored(dim(x)[k], twice), k)
    x
  }
}
# Slices one behind the other along the first axis.
behind <- function(x, y) {
  last <- c(aperm(x, c(2, 3, 1)), aperm(y, c(2, 3, 1)))
  aperm(array(last, c(dim(x)[-1L], 2 * dim(x)[1L])), c(3, 1, 2))
}
dropped <- function(f) function(...) drop(f(...))
product_r <- function(x, y) base::`%*%`(x, y)

# x and y of two numbers along an axis, with a third of 0
cross_r <- function(x, y, axis) {
  part <- function(a, k) pick_r(a, k, axis)
  last <- part(x, 1L) * part(y, 2L) - part(x, 2L) * part(y, 1L)
  out <- array(c(0 * last, 0 * last, last), c(dim(last)[-axis], 3L))
  if (axis == 1L) aperm(out, c(3, 1, 2)) else out
}

shape_oracles <- list(
  # the matrices of a stack, one by one
  changed("3-d", c(
    "%*%", "crossprod", "tcrossprod", "crossprod(x)", "tcrossprod(x)", "solve", "solve(a)", "backsolve", "forwardsolve",
    "forwardsolve(transpose = TRUE)", "mlx_tri_inv", "chol", "mlx_cholesky", "chol2inv", "mlx_cholesky_inv",
    "mlx_lu, l and u", "mlx_lu_factor", "pinv", "det", "the gradient of det of a singular matrix", "determinant",
    "determinant(logarithm = FALSE)", "mlx_slogdet, the sign", "qr.Q", "qr.R", "qr.R of a wide matrix",
    "qr.R(complete = TRUE)", "qr.coef", "qr.fitted", "qr.resid", "qr.qty", "qr.solve", "svd, d", "svd(nu = 0, nv = 0)",
    "mlx_eigh", "mlx_matmul", "mlx_block_masked_mm", "mlx_tril", "mlx_triu", "mlx_hadamard_transform",
    "mlx_tensordot(axes = 1)"
  ), by_slices),
  instead("3-d", "cbind", by_slices(base::rbind)),
  instead("3-d", c("rbind", "abind"), behind),
  instead("3-d", "abind(along = 3)", by_slices(base::cbind)),
  instead("3-d", "t", base::aperm),
  instead("3-d", "mlx_inner", function(x, y) {
    array(base::tcrossprod(matrix(x, 4), matrix(y, 4)), c(2, 2, 2, 2))
  }),
  instead("3-d", "mlx_vecdot", function(x, y) apply(x * y, 1:2, sum)),
  instead("3-d", "mlx_cross", function(x, y) cross_r(x, y, 3L)),
  instead("3-d", "mlx_cross(axis = 1)", function(x, y) cross_r(x, y, 1L)),
  instead("3-d", "mlx_hadamard_transform(scale = 3)", function(x) {
    0.1 * array(c(x[, , 1] + x[, , 2], x[, , 1] - x[, , 2]), dim(x))
  }),
  instead("3-d", "mlx_trace", function(x) x[1, 1, ] + x[2, 2, ]),
  instead("3-d", "mlx_trace(offset = 1)", function(x) x[1, 2, ] + x[2, 3, ]),
  instead("3-d", "mlx_as_strided", function(x) matrix(flat_r(x)[outer(0:3 * 2, 0:2, "+") + 2], 4)),
  changed("3-d", c("mlx_meshgrid", "mlx_meshgrid, ij"), function(f) function(x, y) f(flat_r(x), flat_r(y))),
  instead(c("0-d", "1-d", "3-d", "zero", "0 x 3"), "mlx_tile", tiled_r(c(2, 1))),
  instead(c("0-d", "1-d", "3-d", "zero", "0 x 3"), "mlx_tile into more axes", tiled_r(c(2, 1, 3))),
  instead(c("0-d", "3-d"), "mlx_pad(mode = \"reflect\")", padded_r(FALSE)),
  instead(c("0-d", "3-d"), "mlx_pad(mode = \"symmetric\")", padded_r(TRUE)),
  instead("3-d", "mlx_topk along", function(x) {
    apply(x, 1, function(s) sum(apply(s, 2, function(v) sum(sort(v, TRUE)[1:2]))))
  }),
  instead("3-d", "mlx_quantile", function(x) aperm(apply(x, c(1, 3), quantile_r(c(0.3, 0.8))), c(2, 1, 3))),
  instead("3-d", "mlx_quantile(drop = TRUE)", function(x) reduce_r(x, 1, quantile_r(0.3))),
  instead("3-d", "mlx_at_add by axes", function(x, v) {
    v <- array(v, c(2, dim(x)[-1L]))
    x[2, , ] <- x[2, , ] + v[1, , ] + v[2, , ]
    x
  }),
  instead("3-d", "diff", function(x) x[2, , , drop = FALSE] - x[1, , , drop = FALSE]),
  instead("3-d", "diff(lag, differences)", value_of(array(0, c(0, 3, 2)))),
  instead("3-d", "mlx_diff", function(x) x[, , 3, drop = FALSE] - 2 * x[, , 2, drop = FALSE] + x[, , 1, drop = FALSE]),
  instead("3-d", "row", function(x) slice.index(x, 1)),
  instead("3-d", "col", function(x) slice.index(x, 2)),
  instead("3-d", "asplit", function(x) x[2, , ]),
  instead("3-d", "x[i, ]", function(x) x[2, , , drop = FALSE]),
  instead("3-d", "x[i, j, drop = TRUE]", function(x) x[2, , ]),
  instead("3-d", "x[, j]", function(x) x[, c(3, 1, 1), ]),
  instead("3-d", "x[i, ] <- v", function(x, v) {
    x[2, , ] <- v
    x
  }),
  instead("3-d", "x[, step] <- v", function(x, v) {
    x[, c(1, 3), ] <- v
    x
  }),
  changed(c("3-d", "0 x 3"), "xtfrm", function(f) as.vector),
  instead(c("3-d", "zero", "0 x 3"), "mlx_reshape(order = \"F\")", function(x) matrix(x, 4)),

  # what base R counts as no vector or as a matrix
  instead(c("0-d", "1-d", "zero"), "t of a cube", base::t),
  instead(c("0-d", "1-d", "zero"), "cbind of cubes", function(x, y) unname(cbind(x, y))),
  instead("0 x 3", "cbind of cubes", base::cbind),
  instead("1-d", "%*% of stacks", by_slices(product_r)),
  instead("1-d", "mlx_matmul of stacks", function(x, y) t(base::apply(y, 1, function(s) x %*% s))),
  instead("0 x 3", c("%*% of stacks", "mlx_matmul of stacks", "mlx_gather_mm", "mlx_segmented_mm"),
          value_of(array(0, c(2, 0, 2)))),
  instead(c("0-d", "1-d", "zero"), "mlx_inner", function(x, y) sum(x * y)),
  instead(c("1-d", "zero"), c("mlx_vecdot", "mlx_vecdot(axis = 1)"), function(x, y) sum(x * y)),
  changed("1-d", "mlx_tensordot(axes = 1)", dropped),
  changed(c("1-d", "zero"), c("norm(type = \"O\")", "norm(type = \"I\")", "norm(type = \"F\")", "norm(type = \"M\")"),
          function(f) function(x) f(matrix(x))),
  instead("1-d", c("mlx_kron"), function(x, y) base::kronecker(t(x), y)),
  instead("zero", "mlx_kron", function(x, y) matrix(0, nrow(y), 0)),
  instead("3-d", "mlx_kron", by_slices(base::kronecker)),
  instead("1-d", "mlx_cross(axis = 1)", function(x, y) c(0, 0, x[1] * y[2] - x[2] * y[1])),
  instead(c("0-d", "1-d", "zero"), "diag(offset = 1)", function(x) {
    n <- length(x)
    cbind(numeric(n + 1L), rbind(base::diag(x, n, n), numeric(n)))
  }),
  instead("0-d", "mlx_diag", function(x) rbind(0, cbind(x, 0, deparse.level = 0))),
  instead(c("1-d", "zero"), "mlx_moveaxis", identity),
  instead("0-d", "mlx_roll", identity),
  instead("1-d", "mlx_split", function(x) x[3:4]),
  instead("zero", "mlx_split", identity),
  instead("1-d", c("mlx_unstack", "asplit"), function(x) x[2]),
  instead(c("0-d", "1-d", "zero"), "abind", base::c),
  instead("1-d", "mlx_quantile(drop = TRUE)", quantile_r(0.3)),
  instead("zero", "mlx_quantile(drop = TRUE)", value_of(NaN)),
  instead(c("1-d", "zero"), "mlx_diff", function(x) diff(x, differences = 2)),

  # nothing
  instead("0 x 3", c("rep", "rev", "mlx_diag", "diag(offset = 1)", "diag(x, nrow = -1)", "diag of a vector and extents",
                     "svd, d", "svd(nu = 0, nv = 0)"), value_of(numeric())),
  instead("0 x 3", c("mlx_cross", "mlx_roll along", "diff", "diff(lag, differences)"), function(x, ...) x),
  instead("0 x 3", "mlx_matrix_transpose", base::t),
  instead("0 x 3", "mlx_pad", value_of(matrix(0, 3, 4))),
  instead("0 x 3", "mlx_quantile", value_of(matrix(0, 0, 2))),
  instead("0 x 3", "pinv", value_of(matrix(0, 3, 0))),
  instead("0 x 3", c("qr.R", "qr.R of a wide matrix"), value_of(matrix(0, 0, 3))),
  instead("0 x 3", c("kappa", "mlx_trace(offset = 1)", "norm(type = \"2\")"), value_of(0)),
  instead("zero", "norm(type = \"2\")", value_of(0)),
  instead("0 x 3", "kappa(exact = TRUE)", value_of(NaN)),
  # 1 over the norms of nothing
  instead("0 x 3", c("rcond", "rcond(norm = \"I\")", "rcond(triangular = TRUE)"), value_of(Inf)),
  instead("0 x 3", paste("mlx_norm of matrices, ord =", c("Inf", "1", "-1", "2", "fro", "nuc")), value_of(0)),
  instead("0 x 3", paste("mlx_norm of matrices, ord =", c("-Inf", "-2")), value_of(Inf)),

  # NaN and infinities
  not_finite("solve", "solve(a)", "backsolve", "backsolve(k = 2, transpose = TRUE)", "forwardsolve",
             "forwardsolve(transpose = TRUE)", "mlx_solve_triangular", "mlx_tri_inv", "mlx_cholesky_inv",
             "mlx_lu, l and u", "mlx_lu_factor", "rcond", "rcond(norm = \"I\")", "rcond(triangular = TRUE)", "kappa",
             "qr.X", "qr.Q", "qr.R", "qr.R of a wide matrix", "qr.R(complete = TRUE)", "qr.coef", "qr.fitted",
             "qr.resid", "qr.solve", paste("mlx_norm of matrices, ord =", c("2", "-2", "nuc"))),
  instead("special", "all", function(x) all(truth(x))),
  instead("special", "x[x > 0]", function(x) x[which(x > 0)]),
  instead("special", "ifelse", function(x, y) ifelse(!is.na(x) & x > 0.5, x, y)),
  instead("special", "quantile", quantile_r(c(0.1, 0.5, 0.99))),
  instead("special", "mlx_quantile", function(x) t(apply(x, 1, quantile_r(c(0.3, 0.8))))),
  instead("special", "mlx_quantile(drop = TRUE)", function(x) reduce_r(x, 1, quantile_r(0.3))),
  # IEEE's power of a negative base
  changed("special", "^", function(f) function(x, y) replace(f(x, y), x == -Inf, 0)),
  # log(1 - exp(-x)) has no value below 0, where pexp() is 0
  changed("special", "mlx_log1mexp", function(f) function(x) replace(f(x), x < 0, NaN)),
  changed("special", "lchoose", function(f) function(n, k) replace(f(n, k), is.infinite(n), Inf)),
  limit(3L, Inf, 0, "mlx_punif"), limit(2L, -Inf, -Inf, "mlx_punif, lower.tail = FALSE, log.p = TRUE"),
  limit(3L, Inf, Inf, "mlx_qunif"), limit(2L, -Inf, -Inf, "mlx_qunif, lower.tail = FALSE, log.p = TRUE"),
  # a rate or a scale below 0 is none
  limit(2L, -Inf, NaN, c("mlx_pexp", "mlx_pexp, lower.tail = FALSE, log.p = TRUE", "mlx_qexp",
                         "mlx_qexp, lower.tail = FALSE, log.p = TRUE")),
  limit(3L, -Inf, NaN, c("mlx_plaplace", "mlx_plaplace, lower.tail = FALSE, log.p = TRUE", "mlx_qlaplace",
                         "mlx_qlaplace, lower.tail = FALSE, log.p = TRUE")),
  limit(3L, Inf, -Inf, "mlx_qcauchy"), limit(3L, Inf, Inf, "mlx_qcauchy, lower.tail = FALSE, log.p = TRUE"),
  limit(3L, Inf, 1, "mlx_pgamma"), limit(3L, Inf, -Inf, "mlx_pgamma, lower.tail = FALSE, log.p = TRUE"),
  limit(3L, Inf, 0, c("mlx_qgamma", "mlx_qgamma, lower.tail = FALSE, log.p = TRUE")),
  limit(2L, Inf, 0, c("mlx_pchisq", "mlx_pchisq, lower.tail = FALSE, log.p = TRUE", "mlx_pbinom",
                      "mlx_pbinom, lower.tail = FALSE, log.p = TRUE", "mlx_pnbinom",
                      "mlx_pnbinom, lower.tail = FALSE, log.p = TRUE")),
  limit(2L, Inf, -Inf, "mlx_dnbinom, log = TRUE"), limit(2L, Inf, Inf, "mlx_qnbinom"),
  limit(1L, Inf, 0, "mlx_df"), limit(1L, Inf, -Inf, "mlx_df, log = TRUE")
)

shape_entries <- c(refused_shapes, shape_oracles)
