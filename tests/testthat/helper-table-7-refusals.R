# What is not defined for complex numbers: every row of these functions refuses complex64.

not_complex <- c(
  # no order
  "<", "<=", ">", ">=", "%/%", "%%", "max", "min", "range", "median", "quantile", "sort", "anyDuplicated",
  "mlx_argmax", "mlx_argmin", "mlx_argpartition", "mlx_argsort", "mlx_clip", "mlx_divmod", "mlx_max",
  "mlx_median", "mlx_min", "mlx_nan_to_num", "mlx_partition", "mlx_quantile", "mlx_sort", "mlx_topk",
  # no rounding
  "ceiling", "floor", "round", "signif", "trunc",
  # real functions
  "atan2", "beta", "choose", "cospi", "digamma", "expm1", "gamma", "lbeta", "lchoose", "lgamma", "psigamma",
  "sinpi", "tanpi", "trigamma", "mlx_atan2", "mlx_bessel_i", "mlx_bessel_j", "mlx_erf", "mlx_erfc", "mlx_erfinv",
  "mlx_log1mexp", "mlx_log_sigmoid", "mlx_logit", "mlx_sigmoid", "mlx_softplus",
  unique(unlist(lapply(law_rows, function(r) grep("^mlx_[dpq][a-z]+$", r$covers, value = TRUE)))),
  # layers of networks
  "mlx_fast_cross_entropy", "mlx_fast_layer_norm", "mlx_fast_rms_norm", "mlx_fast_rope",
  "mlx_fast_scaled_dot_product_attention",
  # factorizations that MLX has for real matrices
  "backsolve", "chol", "chol2inv", "det", "determinant", "forwardsolve", "mlx_cholesky",
  "mlx_cholesky_inv", "mlx_det", "mlx_inv", "mlx_lu", "mlx_lu_factor", "mlx_slogdet",
  "mlx_solve_triangular", "mlx_tri_inv", "pinv", "mlx_expm", "qr", "qr.coef", "qr.fitted", "qr.Q", "qr.qty", "qr.qy",
  "qr.R", "qr.resid", "qr.solve", "rcond", "solve"
)
# ... and some rows of functions that take complex numbers else.
not_complex_rows <- c(
  "x[x > 0]", "x[x > 0] <- v", "duplicated", "duplicated(fromLast = TRUE)", "kappa", "unique", "unique of the tape",
  "ifelse", "which"
)
for (i in seq_along(operations)) {
  r <- operations[[i]]
  if (r$covers[1L] %in% not_complex || r$id %in% not_complex_rows) {
    operations[[i]]$refuses <- c(r$refuses, "complex64")
  }
}
