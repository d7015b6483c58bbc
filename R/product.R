# Products of arrays beside %*%.

#' Matrix multiply and add
#'
#' `beta * input + alpha * (mat1 %*% mat2)`.
#'
#' @param input A matrix of the product's shape.
#' @param mat1,mat2 Conformable matrices.
#' @param alpha,beta Numbers.
#' @return An mlx matrix of the promoted dtype of all three.
#' @examples
#' mlx_addmm(matrix(1, 2, 2), matrix(1:4, 2), diag(2), alpha = 0.5)
#' @export
mlx_addmm <- function(input, mat1, mat2, alpha = 1, beta = 1) {
  check_number(alpha, "alpha")
  check_number(beta, "beta")
  parts <- lapply(list(input, mat1, mat2), as_mlx)
  shapes <- lapply(parts, mlx_shape)
  show <- function(shape) if (length(shape)) paste(shape, collapse = " x ") else "scalar"
  if (length(shapes[[1L]]) != 2L) {
    rmlx_abort(paste0("mlx_addmm requires input to be a 2D matrix. Its shape is ", show(shapes[[1L]]), "."), "shape")
  }
  if (length(shapes[[2L]]) != 2L || length(shapes[[3L]]) != 2L) {
    rmlx_abort(paste0("mlx_addmm requires mat1 and mat2 to be 2D matrices. Their shapes are ", show(shapes[[2L]]),
                      " and ", show(shapes[[3L]]), "."), "shape")
  }
  if (shapes[[2L]][2L] != shapes[[3L]][1L]) {
    rmlx_abort(paste0("Non-conformable operands: mat1 is ", show(shapes[[2L]]), " but mat2 is ",
                      show(shapes[[3L]]), "."), "shape")
  }
  result <- c(shapes[[2L]][1L], shapes[[3L]][2L])
  if (!identical(shapes[[1L]], result)) {
    rmlx_abort(paste0("Input shape (", show(shapes[[1L]]), ") must match mat1 %*% mat2 result (",
                      show(result), ")."), "shape")
  }
  product <- .Call(C_matmul, parts[[2L]], parts[[3L]])
  if (alpha != 1) product <- product * alpha
  if (beta == 1) parts[[1L]] + product else parts[[1L]] * beta + product
}

#' Inner products and contractions
#'
#' NumPy's products. `mlx_matmul()`: of stacks of matrices in the last two axes; a vector counts as a
#' row on the left, as a column on the right, and that axis disappears. `mlx_inner()`: sums of products
#' over the last axes of both. `mlx_vecdot()`: the same for pairs of vectors along an axis.
#' `mlx_tensordot()`: over pairs of axes.
#'
#' @param a,b mlx arrays, or R arrays beside one.
#' @param axis The axis of the vectors; the other axes broadcast.
#' @param axes How many of the last axes of `a` and first axes of `b` to sum over, or a list of two: the
#'   axes of `a` and those of `b`.
#' @return An mlx array. Whole numbers are multiplied exactly and returned in float32; a result that it
#'   does not hold exactly is an error of class `rmlx_error_dtype` when it is evaluated.
#' @examples
#' a <- as_mlx(matrix(1:6, 2))
#' mlx_matmul(a, c(1, 1, 1))
#' mlx_inner(a, a)
#' mlx_vecdot(a, a)
#' mlx_tensordot(a, a, axes = list(1, 1))
#' @export
mlx_matmul <- function(a, b) .Call(C_matmul_stacks, list(a, b))

#' @rdname mlx_matmul
#' @export
mlx_inner <- function(a, b) .Call(C_inner, list(a, b))

#' @rdname mlx_matmul
#' @export
mlx_vecdot <- function(a, b, axis = -1L) .Call(C_vector_dot, list(a, b), check_count_axis(axis))

#' @rdname mlx_matmul
#' @export
mlx_tensordot <- function(a, b, axes = 2L) {
  if (!is.list(axes)) {
    n <- check_count(axes, "axes")
    rank <- length(mlx_shape(as_mlx(a)))
    if (n > rank || n > length(mlx_shape(as_mlx(b)))) {
      rmlx_abort(paste0("`axes` is ", n, ", more axes than an operand has."), "index")
    }
    axes <- list(rank - n + seq_len(n), seq_len(n))
  }
  if (length(axes) != 2L || is.null(axes[[1L]]) || is.null(axes[[2L]])) {
    rmlx_abort("`axes` must be a number, or a list of the axes of `a` and those of `b`.", "argument")
  }
  .Call(C_tensordot, list(a, b), check_axes(axes[[1L]]), check_axes(axes[[2L]]))
}

check_count_axis <- function(axis, name = "axis") {
  axis <- check_axes(axis, name)
  if (length(axis) != 1L) rmlx_abort(paste0("`", name, "` must be one axis."), "index")
  axis
}

#' Sums of products by Einstein's convention
#'
#' @param subscripts Letters for the axes of each operand, separated by commas; after `->` those of the
#'   result. Without `->`: the letters that occur once, in alphabetical order.
#' @param ... The operands.
#' @return `mlx_einsum()`: an mlx array. `mlx_einsum_path()`: the order of multiplication that MLX takes
#'   for the cheapest, a list of positions (from 1) among the operands that are left; each product is
#'   put at their end.
#' @examples
#' a <- as_mlx(matrix(1:6, 2))
#' mlx_einsum("ij,kj->ik", a, a)
#' mlx_einsum("ij->j", a)
#' mlx_einsum_path("ij,kj,kl->il", a, a, a)
#' @export
mlx_einsum <- function(subscripts, ...) .Call(C_einsum, list(...), check_subscripts(subscripts))

#' @rdname mlx_einsum
#' @export
mlx_einsum_path <- function(subscripts, ...) .Call(C_einsum_path, list(...), check_subscripts(subscripts))

check_subscripts <- function(x) {
  if (!is.character(x) || length(x) != 1L || is.na(x)) {
    rmlx_abort("`subscripts` must be one string, such as \"ij,jk->ik\".", "argument")
  }
  gsub("[[:space:]]", "", x)
}

#' Kronecker product
#'
#' `kronecker()` is the S4 generic of package methods, with methods for mlx arrays on either side; any
#' other objects go to base R. `%x%` is base R's as a function of that.
#'
#' @param a,b,X,Y mlx arrays, or R arrays beside one.
#' @param FUN Must be `"*"` for mlx arrays.
#' @param make.dimnames Ignored, with a warning, for mlx arrays.
#' @param ... Passed on to methods.
#' @return An mlx array with the products of the extents.
#' @examples
#' kronecker(as_mlx(diag(2)), matrix(1, 1, 2))
#' @export
mlx_kron <- function(a, b) .Call(C_kron, list(a, b))

#' @rdname mlx_kron
#' @aliases kronecker kronecker,mlx,mlx-method kronecker,mlx,ANY-method kronecker,ANY,mlx-method
#' @rawNamespace
#' importFrom(methods, kronecker)
#' exportMethods(kronecker)
#' export(kronecker, kronecker.default, kronecker.mlx)
kronecker.default <- function(X, Y, FUN = "*", make.dimnames = FALSE, ...) {
  if (!is_mlx(X) && !is_mlx(Y)) return(base::kronecker(X, Y, FUN, make.dimnames, ...))
  kron <- kronecker.mlx
  kron(X, Y, FUN = FUN, make.dimnames = make.dimnames, ...)
}

#' @rdname mlx_kron
kronecker.mlx <- function(X, Y, FUN = "*", ..., make.dimnames = FALSE) {
  if (!identical(FUN, "*") && !identical(FUN, `*`)) {
    rmlx_abort("kronecker() of mlx arrays multiplies: `FUN` must be \"*\".", "argument")
  }
  if (!isFALSE(make.dimnames)) {
    rmlx_warn("kronecker() of mlx arrays makes no dimnames.", "argument")
  }
  # base R counts axes from the first, mlx_kron() from the last
  arrays <- paired(X, Y)
  rank <- max(lengths(lapply(arrays, mlx_shape)))
  mlx_kron(with_rank(arrays[[1L]], rank), with_rank(arrays[[2L]], rank))
}

# x with axes of extent 1 added at its end.
with_rank <- function(x, rank) {
  more <- rank - length(mlx_shape(x))
  if (rank < 2L || more == 0L) x else mlx_reshape(x, c(mlx_shape(x), rep(1L, more)))
}

for (sides in list(c("mlx", "mlx"), c("mlx", "ANY"), c("ANY", "mlx"))) {
  methods::setMethod("kronecker", sides, function(X, Y, FUN = "*", make.dimnames = FALSE, ...) {
    kronecker.mlx(X, Y, FUN = FUN, make.dimnames = make.dimnames)
  })
}
rm(sides)

#' @rdname mlx_kron
#' @export
`%x%` <- function(X, Y) kronecker(X, Y)

#' Cross product of vectors
#'
#' @param a,b Vectors of 3 (or 2, whose third component is 0) along an axis; the other axes broadcast.
#' @param axis The axis of the vectors; `NULL`: the last.
#' @return An mlx array: the vectors that stand on both.
#' @examples
#' mlx_cross(as_mlx(c(1, 0, 0)), c(0, 1, 0))
#' @export
mlx_cross <- function(a, b, axis = NULL) {
  .Call(C_vector_product, list(a, b), if (is.null(axis)) -1L else check_count_axis(axis))
}

#' Hadamard transform of the last axis
#'
#' The product with the Hadamard matrix, whose elements are 1 and -1, times `scale`.
#'
#' @param x An array whose last axis has m 2^k elements, m = 1, 12, 20 or 28.
#' @param scale A number; `NULL`: one over the root of the number of elements.
#' @return An mlx array of the shape of `x`.
#' @examples
#' mlx_hadamard_transform(as_mlx(c(1, 0, 0, 0)))
#' @export
mlx_hadamard_transform <- function(x, scale = NULL) {
  x <- as_mlx(x)
  shape <- mlx_shape(x)
  out <- .Call(C_hadamard, list(x))
  if (is.null(scale)) scale <- 1 / sqrt(shape[length(shape)])
  check_number(scale, "scale")
  if (scale == 1) out else out * scale
}

#' Products of some blocks, some matrices, some ranges
#'
#' @param a,b Stacks of matrices; in `mlx_segmented_mm()` matrices.
#' @param block_size Extent of the square blocks that a mask's elements stand for: 32 or 64.
#' @param mask_out,mask_lhs,mask_rhs Which blocks of the result, of `a` and of `b` count: bool arrays with
#'   an element for each block, or numbers to multiply by; `NULL`: all.
#' @param lhs_indices,rhs_indices Which matrices of the stacks `a` and `b` to multiply, counted from 1;
#'   `NULL`: all. They broadcast.
#' @param sorted_indices Whether the positions are in increasing order, which can be faster.
#' @param segments Two columns (last axis of 2): first and last position on the inner axis, counted from
#'   1, of each product.
#' @return An mlx array. `mlx_segmented_mm()`: one matrix for each segment.
#' @examples
#' a <- as_mlx(matrix(1:6, 2))
#' b <- as_mlx(matrix(1:6, 3))
#' mlx_segmented_mm(a, b, rbind(c(1, 1), c(2, 3)))
#' mlx_gather_mm(mlx_ones(c(2, 1, 3)), mlx_ones(c(4, 3, 1)), rhs_indices = c(4, 1))
#' @name mlx_block_masked_mm
NULL

#' @rdname mlx_block_masked_mm
#' @export
mlx_block_masked_mm <- function(a, b, block_size = 64L, mask_out = NULL, mask_lhs = NULL, mask_rhs = NULL) {
  block_size <- check_count(block_size, "block_size")
  if (!block_size %in% c(32L, 64L)) rmlx_abort("`block_size` must be 32 or 64.", "argument")
  .Call(C_block_masked, list(a, b), list(mask_out, mask_lhs, mask_rhs), block_size)
}

#' @rdname mlx_block_masked_mm
#' @export
mlx_gather_mm <- function(a, b, lhs_indices = NULL, rhs_indices = NULL, sorted_indices = FALSE) {
  check_flag(sorted_indices, "sorted_indices")
  stack <- function(x) prod(utils::head(mlx_shape(as_mlx(x)), -2L))
  positions <- list(
    positions_from_0(lhs_indices, stack(a), "lhs_indices"),
    positions_from_0(rhs_indices, stack(b), "rhs_indices")
  )
  .Call(C_gathered, list(a, b), positions, sorted_indices)
}

#' @rdname mlx_block_masked_mm
#' @export
mlx_segmented_mm <- function(a, b, segments) {
  a <- as_mlx(a)
  b <- as_mlx(b)
  shape <- mlx_shape(a)
  if (length(shape) != 2L || length(mlx_shape(b)) != 2L) {
    rmlx_abort("mlx_segmented_mm() multiplies matrices: `a` and `b` must have two axes each.", "shape")
  }
  segments <- as_r(segments)
  d <- dim(segments) %||% length(segments)
  if (!is.numeric(segments) || d[length(d)] != 2L) {
    rmlx_abort("`segments` must have two columns: first and last position.", "shape")
  }
  positions_from_0(segments, shape[2L], "segments")
  ends <- matrix(segments, ncol = 2L)
  if (nrow(ends) == 0L) return(mlx_zeros(c(d[-length(d)], shape[1L], mlx_shape(b)[2L]), mlx_dtype(a), mlx_device(a)))
  products <- lapply(seq_len(nrow(ends)), function(i) {
    at <- seq(ends[i, 1L], length.out = max(0, ends[i, 2L] - ends[i, 1L] + 1))
    mlx_expand_dims(.Call(C_matmul, a[, at], b[at, ]), 1L)
  })
  mlx_reshape(.Call(C_concatenate, products, 1L), c(d[-length(d)], shape[1L], mlx_shape(b)[2L]))
}

# Positions counted from 1 as uint32 counted from 0; MLX reads garbage beyond the end.
positions_from_0 <- function(x, n, name) {
  if (is.null(x)) return(NULL)
  values <- as_r(x)
  if (!is.numeric(values) || anyNA(values) || any(values < 1 | values > n | values != trunc(values))) {
    rmlx_abort(paste0("`", name, "` must be positions from 1 to ", n, "."), "index")
  }
  as_mlx(values - 1, dtype = "uint32", device = "cpu")
}
