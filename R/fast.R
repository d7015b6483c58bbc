# MLX's fused operations.

#' Fused operations of neural networks
#'
#' Each is one kernel where MLX has one, and several operations elsewhere. All but the choice of classes
#' are differentiable. float64 is computed exactly, from separate operations; other dtypes in float32
#' inside.
#'
#' - `mlx_fast_rms_norm()`: `x / sqrt(mean(x^2) + eps) * weight`, along the last axis.
#' - `mlx_fast_layer_norm()`: `(x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, along the last axis.
#' - `mlx_fast_rope()`: rotary positions. Features `i` and `i + dims / 2` (`traditional`: `2i - 1` and
#'   `2i`) of position `t`, counted from 0, are turned by the angle
#'   `(t + offset) * scale * base^(-2 (i - 1) / dims)`.
#' - `mlx_fast_scaled_dot_product_attention()`: `softmax(scale * q k' + mask) v` for each head. Each key
#'   head serves `heads of q / heads of k` consecutive query heads.
#' - `mlx_fast_cross_entropy()`: `log(sum(exp(logits))) - logits[target]`, along the last axis.
#'
#' @param x,q,k,v,logits mlx arrays, or what [as_mlx()] takes. `x` of `mlx_fast_rope()`: batch x .. x
#'   positions x features. `q`, `k`, `v`: batch x heads x positions x features; `k` and `v` may have fewer
#'   heads than `q`.
#' @param weight,bias Vectors as long as the last axis, or `NULL`.
#' @param eps A small number added to the mean square or variance.
#' @param dims How many features to turn, an even number; the rest stays.
#' @param traditional Whether neighbours are turned together.
#' @param base,scale,offset Numbers, see above; `offset` may be a vector with one for each in the batch.
#'   `scale` of attention: default one over the square root of the number of features.
#' @param freqs In place of `base`: a vector of `dims / 2` numbers that the position is divided by.
#' @param mask `NULL`; `"causal"`: the last query sees all keys, each one before sees one less; a bool
#'   array (`TRUE`: seen); or an array that is added. It broadcasts to batch x heads x queries x keys.
#' @param sinks `NULL`, or a vector with a score for each head that takes part in the softmax without
#'   a value.
#' @param force_fused Whether it is an error if MLX has no fused kernel for this.
#' @param targets Classes, from 1, with the shape of `logits` without its last axis. Out of range: an
#'   error in an R vector, `NaN` in an mlx array (which is not read).
#' @param device Where to compute: `"cpu"`, `"gpu"` or a stream; `NULL`: where the arrays are.
#' @return An mlx array: of the shape of `x`; batch x heads x queries x features of `v`; of the shape of
#'   `targets`.
#' @examples
#' x <- as_mlx(matrix(c(1, 2, 3, 4), 2))
#' mlx_fast_rms_norm(x)
#' mlx_fast_layer_norm(x, weight = c(1, 2))
#' q <- as_mlx(array(1:8 / 8, c(1, 1, 4, 2)))
#' mlx_shape(mlx_fast_scaled_dot_product_attention(q, q, q, mask = "causal"))
#' mlx_fast_cross_entropy(x, c(2, 1))
#' @name mlx_fast
NULL

#' @rdname mlx_fast
#' @export
mlx_fast_rms_norm <- function(x, weight = NULL, eps = 1e-5, device = NULL) {
  .Call(C_fast_rms_norm, x, weight, check_number(eps, "eps"), device)
}

#' @rdname mlx_fast
#' @export
mlx_fast_layer_norm <- function(x, weight = NULL, bias = NULL, eps = 1e-5, device = NULL) {
  .Call(C_fast_layer_norm, x, weight, bias, check_number(eps, "eps"), device)
}

#' @rdname mlx_fast
#' @export
mlx_fast_rope <- function(x, dims = NULL, traditional = FALSE, base = 10000, scale = 1, offset = 0L,
                          freqs = NULL, device = NULL) {
  x <- as_mlx(x)
  shape <- mlx_shape(x)
  dims <- if (is.null(dims)) utils::tail(c(0L, shape), 1L) else check_count(dims, "dims")
  how <- list(dims, check_flag(traditional, "traditional"), check_number(base, "base"),
              check_number(scale, "scale"))
  .Call(C_fast_rope, x, as_mlx(offset, dtype = "int32"), freqs, how, device)
}

#' @rdname mlx_fast
#' @export
mlx_fast_scaled_dot_product_attention <- function( # nolint: object_length_linter. Python's name.
  q, k, v, scale = NULL, mask = NULL, sinks = NULL, force_fused = FALSE, device = NULL
) {
  if (is.character(mask) && !identical(mask, "causal")) {
    rmlx_abort("`mask` must be NULL, \"causal\" or an array.", "argument")
  }
  features <- utils::tail(c(1L, mlx_shape(as_mlx(q))), 1L)
  scale <- if (is.null(scale)) 1 / sqrt(features) else check_number(scale, "scale")
  .Call(C_fast_attention, list(q, k, v, sinks), scale, mask, check_flag(force_fused, "force_fused"),
        device)
}

#' @rdname mlx_fast
#' @export
mlx_fast_cross_entropy <- function(logits, targets, device = NULL) {
  logits <- as_mlx(logits)
  if (!is_mlx(targets)) {
    classes <- utils::tail(c(0L, mlx_shape(logits)), 1L)
    if (!is.numeric(targets) || anyNA(targets) || any(targets < 1 | targets > classes)) {
      rmlx_abort(paste0("`targets` must be classes from 1 to ", classes, "."), "index")
    }
    targets <- as_mlx(targets, dtype = "int32")
    if (length(mlx_shape(logits)) == 2L) targets <- mlx_reshape(targets, length(targets))
  }
  .Call(C_fast_cross_entropy, logits, mlx_cast(targets, "int32") - 1L, device)
}
