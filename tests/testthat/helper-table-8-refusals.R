# What the rows of the table say of shapes and numbers beyond their own inputs; see helper-shapes.R. A row
# that is not named here gives its oracle's value.

# An error of this class.
refused <- function(class, kinds, rows) list(refuses = class, kinds = kinds, rows = rows)
reduced <- c("mlx_sum", "mlx_prod", "mlx_max", "mlx_min", "mlx_mean", "mlx_var", "mlx_std", "mlx_sd", "mlx_logsumexp",
             "mlx_all", "mlx_any", "mlx_median", "mlx_count_nonzero")
reduced_along <- function(...) as.vector(outer(reduced, c(...), paste, sep = ", "))
cumulated <- function(...) {
  as.vector(outer(c("mlx_cumsum", "mlx_cumprod", "mlx_cummax", "mlx_cummin", "mlx_logcumsumexp"), c(...), paste0))
}

refused_shapes <- list(
  # An axis or a position that is not there.
  refused("rmlx_error_index", c("0 x 3"), c(
    "apply to vectors", "colMeans(dims = 2)", "colSums(dims = 2)", "qr.Q(complete = TRUE)",
    "rowMeans(dims = 2)", "rowSums(dims = 2)", "svd, square u"
  )),
  refused("rmlx_error_index", c("0-d"), c(
    reduced_along("axes = 1", "axes = -1"),
    cumulated(" along", ", reverse", ", exclusive", ", exclusive, reverse"), "asplit", "mlx_argmax along",
    "mlx_argmin along", "mlx_cross", "mlx_cross(axis = 1)", "mlx_diff", "mlx_moveaxis",
    "mlx_quantile(drop = TRUE)", "mlx_split", "mlx_tensordot(axes = 1)", "mlx_tensordot(axes = list(1, -1))",
    "mlx_unflatten", "mlx_unstack", "mlx_vecdot", "mlx_vecdot(axis = 1)", "x[integer()]", "x[x > 0]",
    "x[x > 0] <- v"
  )),
  refused("rmlx_error_index", c("0-d", "1-d", "3-d", "zero", "0 x 3"), c(
    "[[", "mlx_gather", "mlx_slice", "mlx_slice_update", "x[[i]] <- v", "x[i, j]", "x[i, j] <- v",
    "x[mask, step]", "x[mask]", "x[mask] <- v", "x[matrix] <- v", "x[mlx mask]", "x[mlx mask] <- v",
    "x[mlx positions]"
  )),
  refused("rmlx_error_index", c("0-d", "1-d", "zero"), c(
    reduced_along("axes = 2, drop = FALSE"), "abind(along = 3)", "mlx_argsort along", "mlx_concatenate",
    "mlx_fftshift, axes = 2", "mlx_flip along", "mlx_gather without", "mlx_matrix_transpose",
    "mlx_norm of matrices, ord = -1", "mlx_norm of matrices, ord = -2", "mlx_norm of matrices, ord = -Inf",
    "mlx_norm of matrices, ord = 1", "mlx_norm of matrices, ord = 2", "mlx_norm of matrices, ord = fro",
    "mlx_norm of matrices, ord = Inf", "mlx_norm of matrices, ord = nuc", "mlx_norm of vectors, ord = -1.5",
    "mlx_norm of vectors, ord = -Inf", "mlx_norm of vectors, ord = 0", "mlx_norm of vectors, ord = 1",
    "mlx_norm of vectors, ord = 2", "mlx_norm of vectors, ord = 3", "mlx_norm of vectors, ord = Inf",
    "mlx_pad(mode = \"edge\")", "mlx_put_along_axis", "mlx_quantile", "mlx_repeat along", "mlx_roll along",
    "mlx_softmax, axes = 2", "mlx_sort along", "mlx_split at positions", "mlx_swapaxes", "mlx_take",
    "mlx_take_along_axis", "mlx_tensordot", "mlx_topk along", "mlx_trace", "mlx_trace(offset = 1)", "sweep",
    "x[, j]", "x[, step] <- v"
  )),
  refused("rmlx_error_index", c("0-d", "1-d", "zero", "0 x 3"), c(
    reduced_along("axes = c(1, 3)"), "aperm", "mlx_at_add by axes", "mlx_diagonal", "mlx_gather, broadcasting",
    "mlx_moveaxis of two", "mlx_norm, rows and columns exchanged", "mlx_partition", "mlx_put_along_axis of all",
    "mlx_softmax, axes = c(1, 3)", "mlx_take of all", "mlx_take_along_axis of all", "sweep of two margins",
    "x[, , k]", "x[i, ]", "x[i, ] <- v", "x[i, j, drop = TRUE]", "x[i, j, k]", "x[i, j, k] <- v"
  )),
  refused("rmlx_error_index", c("0-d", "3-d", "zero", "0 x 3"), c(
    "x[matrix]"
  )),
  refused("rmlx_error_index", c("0-d", "zero"), c(
    "mlx_fast_cross_entropy"
  )),
  refused("rmlx_error_index", c("0-d", "zero", "0 x 3"), c(
    "mlx_argpartition", "mlx_as_strided", "mlx_at_add", "mlx_at_divide", "mlx_at_maximum", "mlx_at_minimum",
    "mlx_at_multiply", "mlx_at_subtract", "mlx_topk", "sapply", "sapply of vectors", "vapply", "x[-i]", "x[i]",
    "x[i] <- v", "x[range]"
  )),
  refused("rmlx_error_index", c("1-d", "zero"), c(
    "mlx_flatten(2, 3)"
  )),
  refused("rmlx_error_index", c("zero"), c(
    "diag of a vector and extents"
  )),
  # Shapes for which the operation is not defined, or that do not fit what stands beside.
  refused("rmlx_error_shape", c("0 x 3"), c(
    "mlx_split", "mlx_block_masked_mm"
  )),
  refused("rmlx_error_shape", c("0-d"), c(
    "mlx_fast_layer_norm", "mlx_fast_rms_norm", "mlx_reshape(order = \"F\")"
  )),
  refused("rmlx_error_shape", c("0-d", "1-d", "3-d", "zero"), c(
    "kappa", "kappa(exact = TRUE)", "mlx_einsum", "mlx_segmented_mm", "qr.Q(complete = TRUE)", "rcond",
    "rcond(norm = \"I\")", "rcond(triangular = TRUE)", "scale(numbers)", "svd, square u"
  )),
  refused("rmlx_error_shape", c("0-d", "1-d", "3-d", "zero", "0 x 3"), c(
    "diag<-", "eigen, values", "eigen, vectors", "mlx_addmm", "mlx_conv_general", "mlx_conv_transpose2d",
    "mlx_conv_transpose2d, all arguments", "mlx_conv_transpose3d", "mlx_conv2d", "mlx_conv2d, all arguments",
    "mlx_conv3d", "mlx_conv3d, all arguments", "mlx_dmvnorm", "mlx_einsum of one", "mlx_einsum of three",
    "mlx_fast_scaled_dot_product_attention", "mlx_fast_scaled_dot_product_attention, added mask",
    "mlx_fast_scaled_dot_product_attention, bool mask", "mlx_fast_scaled_dot_product_attention, causal",
    "mlx_fast_scaled_dot_product_attention, sinks", "qr.qy"
  )),
  refused("rmlx_error_shape", c("0-d", "1-d", "zero"), c(
    "apply to numbers", "apply to vectors", "col", "colMeans", "colMeans(dims = 2)", "colMeans(na.rm = TRUE)",
    "colSums", "colSums(dims = 2)", "colSums(na.rm = TRUE)", "mlx_block_masked_mm", "mlx_gather_mm",
    "mlx_lu_factor", "mlx_lu, l and u", "mlx_tril", "mlx_triu", "pinv", "qr.Q", "qr.R", "qr.R of a wide matrix",
    "qr.R(complete = TRUE)", "qr.X", "row", "rowMeans", "rowMeans(dims = 2)", "rowMeans(na.rm = TRUE)",
    "rowSums", "rowSums(dims = 2)", "rowSums(na.rm = TRUE)", "svd, d", "svd, u and v", "svd(nu = 0, nv = 0)"
  )),
  refused("rmlx_error_shape", c("0-d", "1-d", "zero", "0 x 3"), c(
    "backsolve", "chol", "chol of stacks", "chol2inv", "det", "determinant", "determinant(logarithm = FALSE)",
    "forwardsolve", "forwardsolve(transpose = TRUE)", "mlx_cholesky", "mlx_cholesky_inv",
    "mlx_conv_transpose1d", "mlx_conv_transpose1d, all arguments", "mlx_conv1d", "mlx_conv1d, all arguments",
    "mlx_det", "mlx_eigh", "mlx_eigvalsh", "mlx_expm", "mlx_fast_rope", "mlx_fast_rope, freqs",
    "mlx_fast_rope, traditional", "mlx_hadamard_transform(scale = 3)", "mlx_inv", "mlx_slogdet",
    "mlx_slogdet, the sign", "mlx_solve_triangular", "mlx_tri_inv", "qr.coef", "qr.fitted", "qr.qty",
    "qr.resid", "qr.solve", "solve", "solve of stacks", "solve(a)", "the gradient of det of a singular matrix"
  )),
  refused("rmlx_error_shape", c("0-d", "3-d"), c(
    "norm(type = \"2\")", "norm(type = \"F\")", "norm(type = \"I\")", "norm(type = \"M\")", "norm(type = \"O\")"
  )),
  refused("rmlx_error_shape", c("0-d", "3-d", "zero", "0 x 3"), c(
    "dim<-", "mlx_convolve, full", "mlx_convolve, same", "mlx_convolve, valid", "mlx_reshape", "rowsum",
    "tapply"
  )),
  refused("rmlx_error_shape", c("0-d", "zero"), c(
    "%*%", "%*% of stacks", "mlx_fast_layer_norm, weight and bias", "mlx_fast_rms_norm, weight", "mlx_matmul",
    "mlx_matmul of stacks"
  )),
  refused("rmlx_error_shape", c("0-d", "zero", "0 x 3"), c(
    "mlx_hadamard_transform"
  )),
  refused("rmlx_error_shape", c("1-d", "3-d", "0 x 3"), c(
    "mlx_fast_cross_entropy"
  )),
  refused("rmlx_error_shape", c("1-d", "zero", "0 x 3"), c(
    "mlx_tensordot(axes = list(1, -1))"
  )),
  refused("rmlx_error_shape", c("3-d"), c(
    "diag", "diag of a vector and extents", "diag(offset = 1)", "diag(x, nrow = -1)", "mlx_diag",
    "mlx_tensordot", "scale", "scale(center = FALSE)"
  )),
  refused("rmlx_error_shape", c("3-d", "0 x 3"), c(
    "mlx_concatenate", "mlx_put_along_axis", "mlx_take_along_axis"
  )),
  refused("rmlx_error_shape", c("zero"), c(
    "mlx_argmin along", "mlx_broadcast_arrays", "mlx_cross", "mlx_tensordot(axes = 1)"
  )),
  refused("rmlx_error_shape", c("zero", "0 x 3"), c(
    "array", "matrix, repeated", "mlx_argmax", "mlx_argmax along", "mlx_argmin", "mlx_broadcast_to",
    "mlx_cross(axis = 1)", "mlx_pad(mode = \"reflect\")", "mlx_pad(mode = \"symmetric\")", "mlx_unflatten"
  )),
  # Values or counts that the array cannot have, as in base R.
  refused("rmlx_error_argument", c("0-d"), c(
    "diag"
  )),
  refused("rmlx_error_argument", c("0-d", "1-d", "3-d", "zero"), c(
    "mlx_pad"
  )),
  refused("rmlx_error_argument", c("0-d", "1-d", "3-d", "zero", "0 x 3"), c(
    "backsolve(k = 2, transpose = TRUE)", "chol2inv(size = 2)"
  )),
  refused("rmlx_error_argument", c("0-d", "1-d", "zero"), c(
    "cor", "cov", "diag(x, nrow = -1)"
  )),
  refused("rmlx_error_argument", c("special"), c(
    "svd, u and v", "eigen, values", "eigen, vectors", "kappa(exact = TRUE)", "mlx_eigh", "mlx_eigvalsh",
    "pinv", "svd, d", "svd, square u", "svd(nu = 0, nv = 0)", "qr.Q(complete = TRUE)", "qr.qty", "qr.qy"
  )),
  refused("rmlx_error_argument", c("3-d"), c(
    "svd, u and v", "cov", "cor"
  )),
  # Matrices without an inverse or a root.
  refused("rmlx_error_singular", c("special"), c(
    "chol", "chol of stacks", "mlx_cholesky", "mlx_inv", "solve of stacks"
  )),
  # The row itself takes a part of the result, of which there is none.
  refused("simpleError", "0 x 3", "svd, u and v"), # it has no u
  refused("subscriptOutOfBoundsError", c("zero", "0 x 3"), c(
    "asplit", "Map", "mlx_unstack"
  ))
)
