# Quantized matrices.

#' Quantized matrices
#'
#' `mlx_quantize()` packs the rows of a matrix into few bits an element; each group of consecutive
#' elements shares a scale. `mlx_dequantize()` gives the numbers back, rounded. The products take a
#' packed matrix as it is.
#'
#' | mode | group size | bits | elements | scales |
#' | --- | --- | --- | --- | --- |
#' | `"affine"` | 32, 64 (usual), 128 | 2, 3, 4 (usual), 5, 6, 8 | scale * q + bias | as `w` |
#' | `"mxfp4"` | 32 | 4 | E2M1 floats | powers of two (uint8) |
#' | `"mxfp8"` | 32 | 8 | E4M3 floats | powers of two (uint8) |
#' | `"nvfp4"` | 16 | 4 | E2M1 floats | E4M3 floats (uint8) |
#'
#' `mlx_quantized_matmul()` is `x %*% t(W)` of the matrix `W` that `w`, `scales` and `biases` stand for
#' (`transpose = FALSE`: `x %*% W`). Without `scales`, `w` is quantized first. `mlx_gather_qmm()`
#' multiplies matrices chosen from two stacks: the results are those of `lhs_indices[i]` of `x` and
#' `rhs_indices[i]` of `w`, where a stack's matrices are counted from 1 in row-major order of the axes
#' before the last two. `mlx_qqmm()` quantizes `x` too (its gradient is that of the product without
#' quantizing), and so does `mlx_gather_qqmm()`.
#'
#' `mlx_to_fp8()` gives the bits of E4M3 floats (largest: 448) as uint8, `mlx_from_fp8()` the numbers.
#'
#' Gradients flow to `x`, `scales` and `biases`. With a float64 `x` the product is computed in float64.
#'
#' @param w A matrix, or stack of matrices, whose rows are a multiple of the group size long; packed
#'   (uint32) for everything but `mlx_quantize()`. float32, float16 or bfloat16.
#' @param x An mlx array, or what [as_mlx()] takes.
#' @param scales,biases As from `mlx_quantize()`; biases in mode affine only.
#' @param group_size,bits See the table; `NULL` is what is usual for the mode.
#' @param mode See the table.
#' @param transpose Whether to multiply with the transposed matrix.
#' @param lhs_indices,rhs_indices Which matrices, from 1; `NULL`: all, in order.
#' @param sorted_indices Whether `rhs_indices` are sorted, which may be faster.
#' @param global_scale,global_scale_x,global_scale_w Mode nvfp4: the largest magnitude, by which all
#'   scales are scaled; `NULL`: none.
#' @param dtype The dtype of the result. `NULL`: that of the scales, or bfloat16.
#' @param device Where to compute: `"cpu"`, `"gpu"` or a stream; `NULL`: where the arrays are.
#' @return `mlx_quantize()`: `list(w_q, scales, biases)`, without `biases` in the modes that have none.
#'   Else an mlx array.
#' @examples
#' w <- as_mlx(matrix(sin(1:256), 4))
#' q <- mlx_quantize(w)
#' max(abs(mlx_dequantize(q$w_q, q$scales, q$biases) - w))
#' x <- as_mlx(matrix(cos(1:128), 2))
#' mlx_quantized_matmul(x, q$w_q, q$scales, q$biases)
#' mlx_from_fp8(mlx_to_fp8(c(0.1, 3.3, 448)), "float32")
#' @name mlx_quantize
NULL

packing <- function(group_size, bits, mode) {
  if (!is.null(group_size)) group_size <- check_count(group_size, "group_size", 1)
  if (!is.null(bits)) bits <- check_count(bits, "bits", 1)
  if (!is.character(mode) || length(mode) != 1L || is.na(mode)) {
    rmlx_abort("`mode` must be \"affine\", \"mxfp4\", \"mxfp8\" or \"nvfp4\".", "argument")
  }
  list(group_size, bits, mode)
}

#' @rdname mlx_quantize
#' @export
mlx_quantize <- function(w, group_size = NULL, bits = NULL, mode = "affine", device = NULL,
                         global_scale = NULL) {
  out <- .Call(C_quantize, list(w, global_scale), packing(group_size, bits, mode), device)
  names(out) <- c("w_q", "scales", "biases")[seq_along(out)]
  out
}

#' @rdname mlx_quantize
#' @export
mlx_dequantize <- function(w, scales, biases = NULL, group_size = NULL, bits = NULL, mode = "affine",
                           device = NULL, global_scale = NULL, dtype = NULL) {
  .Call(C_dequantize, list(w, scales, biases, global_scale), packing(group_size, bits, mode), dtype,
        device)
}

#' @rdname mlx_quantize
#' @export
mlx_quantized_matmul <- function(x, w, scales = NULL, biases = NULL, transpose = TRUE,
                                 group_size = NULL, bits = NULL, mode = "affine", device = NULL) {
  pack <- packing(group_size, bits, mode)
  if (is.null(scales)) {
    q <- mlx_quantize(w, group_size, bits, mode, device)
    w <- q$w_q
    scales <- q$scales
    biases <- q$biases
  }
  .Call(C_quantized_matmul, list(x, w, scales, biases), pack, check_flag(transpose, "transpose"), device)
}

# Positions of matrices in a stack as MLX wants them: uint32, from 0, none of them beyond the end.
stack_indices <- function(at, x, name) {
  if (is.null(at)) return(NULL)
  n <- prod(utils::head(mlx_shape(x), -2L))
  values <- if (is_mlx(at)) as.vector(at) else at
  if (!is.numeric(values) || anyNA(values) || any(values < 1 | values > n | values != trunc(values))) {
    rmlx_abort(paste0("`", name, "` must be whole numbers from 1 to ", n, ", the number of matrices."),
               "index")
  }
  at <- mlx_cast(as_mlx(at), "int32")
  if (length(mlx_shape(at)) == 0L) at <- mlx_reshape(at, 1L)
  mlx_cast(at - 1L, "uint32")
}

#' @rdname mlx_quantize
#' @export
mlx_gather_qmm <- function(x, w, scales, biases = NULL, lhs_indices = NULL, rhs_indices = NULL,
                           transpose = TRUE, group_size = NULL, bits = NULL, mode = "affine",
                           sorted_indices = FALSE, device = NULL) {
  x <- as_mlx(x)
  w <- as_mlx(w)
  if (length(mlx_shape(x)) < 2L) rmlx_abort("`x` must have at least 2 axes.", "shape")
  given <- list(x, w, scales, biases, stack_indices(lhs_indices, x, "lhs_indices"),
                stack_indices(rhs_indices, w, "rhs_indices"))
  how <- list(check_flag(transpose, "transpose"), check_flag(sorted_indices, "sorted_indices"))
  .Call(C_gather_qmm, given, packing(group_size, bits, mode), how, device)
}

#' @rdname mlx_quantize
#' @export
mlx_qqmm <- function(x, w, scales = NULL, group_size = NULL, bits = NULL, mode = "nvfp4",
                     global_scale_x = NULL, global_scale_w = NULL, device = NULL) {
  mlx_gather_qqmm(x, w, scales, NULL, NULL, group_size, bits, mode, global_scale_x, global_scale_w,
                  device)
}

#' @rdname mlx_quantize
#' @export
mlx_gather_qqmm <- function(x, w, scales = NULL, lhs_indices = NULL, rhs_indices = NULL,
                            group_size = NULL, bits = NULL, mode = "nvfp4", global_scale_x = NULL,
                            global_scale_w = NULL, device = NULL) {
  if (identical(mode, "affine")) {
    rmlx_abort("`mode` must be \"mxfp4\", \"mxfp8\" or \"nvfp4\": both matrices are quantized.",
               "argument")
  }
  x <- as_mlx(x)
  w <- as_mlx(w)
  given <- list(x, w, scales, stack_indices(lhs_indices, x, "lhs_indices"),
                stack_indices(rhs_indices, w, "rhs_indices"), global_scale_x, global_scale_w)
  .Call(C_qqmm, given, packing(group_size, bits, mode), device)
}

#' @rdname mlx_quantize
#' @export
mlx_to_fp8 <- function(x, device = NULL) .Call(C_to_fp8, list(x), device)

#' @rdname mlx_quantize
#' @export
mlx_from_fp8 <- function(x, dtype = "bfloat16", device = NULL) .Call(C_from_fp8, list(x), dtype, device)
