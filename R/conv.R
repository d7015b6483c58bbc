# Convolutions.

#' Convolutions
#'
#' Convolutions of arrays with their channels last, as neural networks have them (cross-correlations:
#' the kernel is not flipped). `input` is batch x length x channels (`mlx_conv1d()`), batch x height x
#' width x channels (`mlx_conv2d()`) or batch x depth x height x width x channels (`mlx_conv3d()`);
#' `weight` is channels out x kernel x channels in / `groups`. The result has
#' `(n + 2 * padding - dilation * (k - 1) - 1) %/% stride + 1` points on an axis of `n` points with a
#' kernel of `k`.
#'
#' The transposed ones are what the gradient of a convolution does: their result has
#' `(n - 1) * stride - 2 * padding + dilation * (k - 1) + 1 + output_padding` points.
#' `mlx_conv_general()` can do all of it, with any number of axes; `padding` may be a list of two,
#' before and after.
#'
#' `mlx_convolve()` is NumPy's convolution of two vectors, `y[k] = sum(a[j] * v[k - j])`: the whole of
#' it (`"full"`), the middle, as long as the longer vector (`"same"`), or where both overlap wholly
#' (`"valid"`).
#'
#' Gradients flow to both arrays. Integers are computed in the default floating dtype. float64 and
#' complex64 are computed as one matrix product of all windows, exactly, at the expense of the memory
#' for them.
#'
#' @param input,weight,a,v mlx arrays, or R arrays beside one.
#' @param stride,padding,dilation,output_padding,kernel_dilation,input_dilation Whole numbers: one for
#'   all axes, or one for each.
#' @param groups Number of groups that the channels are divided into, each convolved by itself.
#' @param flip Whether to flip the kernel, as in mathematics.
#' @param mode `"full"`, `"same"` or `"valid"`.
#' @param device Where to compute: `"cpu"`, `"gpu"` or a stream; `NULL`: where the arrays are.
#' @return An mlx array: batch x space x channels out; for `mlx_convolve()` 1-d.
#' @examples
#' x <- as_mlx(array(1:5, c(1, 5, 1)))
#' w <- as_mlx(array(c(1, 0, -1), c(1, 3, 1)))
#' as.vector(mlx_conv1d(x, w))
#' mlx_convolve(c(1, 2, 3), as_mlx(c(0, 1, 0.5)))
#' @name mlx_conv
NULL

# One whole number for each of n axes.
per_axis <- function(x, n, name, least = 0) {
  x <- vapply(x, check_count, 0L, name = name, least = least)
  if (!length(x) %in% c(1L, n)) {
    rmlx_abort(paste0("`", name, "` must be one number, or one for each of ", n, " axes; it has ",
                      length(x), "."), "argument")
  }
  rep_len(x, n)
}

convolution <- function(input, weight, n, stride, padding, dilation, groups, device) {
  padding <- per_axis(padding, n, "padding")
  geometry <- list(
    per_axis(stride, n, "stride", 1), padding, padding, per_axis(dilation, n, "dilation", 1),
    rep(1L, n), check_count(groups, "groups", 1), 0L
  )
  .Call(C_conv, input, weight, geometry, device)
}

transposed <- function(input, weight, n, stride, padding, dilation, output_padding, groups, device) {
  geometry <- list(
    per_axis(stride, n, "stride", 1), per_axis(padding, n, "padding"),
    per_axis(dilation, n, "dilation", 1), per_axis(output_padding, n, "output_padding"),
    check_count(groups, "groups", 1)
  )
  .Call(C_conv_transpose, input, weight, geometry, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv1d <- function(input, weight, stride = 1L, padding = 0L, dilation = 1L, groups = 1L,
                       device = NULL) {
  convolution(input, weight, 1L, stride, padding, dilation, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv2d <- function(input, weight, stride = c(1L, 1L), padding = c(0L, 0L), dilation = c(1L, 1L),
                       groups = 1L, device = NULL) {
  convolution(input, weight, 2L, stride, padding, dilation, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv3d <- function(input, weight, stride = c(1L, 1L, 1L), padding = c(0L, 0L, 0L),
                       dilation = c(1L, 1L, 1L), groups = 1L, device = NULL) {
  convolution(input, weight, 3L, stride, padding, dilation, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv_transpose1d <- function(input, weight, stride = 1L, padding = 0L, dilation = 1L,
                                 output_padding = 0L, groups = 1L, device = NULL) {
  transposed(input, weight, 1L, stride, padding, dilation, output_padding, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv_transpose2d <- function(input, weight, stride = c(1L, 1L), padding = c(0L, 0L),
                                 dilation = c(1L, 1L), output_padding = c(0L, 0L), groups = 1L,
                                 device = NULL) {
  transposed(input, weight, 2L, stride, padding, dilation, output_padding, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv_transpose3d <- function(input, weight, stride = c(1L, 1L, 1L), padding = c(0L, 0L, 0L),
                                 dilation = c(1L, 1L, 1L), output_padding = c(0L, 0L, 0L),
                                 groups = 1L, device = NULL) {
  transposed(input, weight, 3L, stride, padding, dilation, output_padding, groups, device)
}

#' @rdname mlx_conv
#' @export
mlx_conv_general <- function(input, weight, stride = 1L, padding = 0L, kernel_dilation = 1L,
                             input_dilation = 1L, groups = 1L, flip = FALSE, device = NULL) {
  n <- length(mlx_shape(as_mlx(weight))) - 2L
  if (n < 1L) {
    rmlx_abort("`weight` must have at least 3 axes: channels out, space, channels in.", "shape")
  }
  both <- is.list(padding) && length(padding) == 2L
  before <- per_axis(if (both) padding[[1L]] else padding, n, "padding")
  after <- per_axis(if (both) padding[[2L]] else padding, n, "padding")
  geometry <- list(
    per_axis(stride, n, "stride", 1), before, after,
    per_axis(kernel_dilation, n, "kernel_dilation", 1),
    per_axis(input_dilation, n, "input_dilation", 1),
    check_count(groups, "groups", 1), as.integer(check_flag(flip, "flip"))
  )
  .Call(C_conv, input, weight, geometry, device)
}

#' @rdname mlx_conv
#' @export
mlx_convolve <- function(a, v, mode = c("full", "same", "valid"), device = NULL) {
  mode <- check_choice(mode, c("full", "same", "valid"), "mode")
  check_numbers(a, "a")
  check_numbers(v, "v")
  rank <- function(x) if (is_mlx(x)) length(mlx_shape(x)) else max(length(dim(x)), 1L)
  if (rank(a) != 1L || rank(v) != 1L || length(a) == 0L || length(v) == 0L) {
    rmlx_abort("`a` and `v` must be vectors of at least one element.", "shape")
  }
  # an R vector has no dtype of its own beside an array
  shaped <- function(x) {
    shape <- c(1L, length(x), 1L)
    if (is_mlx(x)) mlx_reshape(x, shape) else array(x, shape)
  }
  if (length(a) < length(v)) {
    longer <- v
    v <- a
    a <- longer
  }
  n <- length(v)
  padding <- switch(
    mode, full = c(n - 1L, n - 1L), same = c(n %/% 2L, (n - 1L) %/% 2L), valid = c(0L, 0L)
  )
  geometry <- list(1L, padding[[1L]], padding[[2L]], 1L, 1L, 1L, 1L)
  out <- .Call(C_conv, shaped(a), shaped(v), geometry, device)
  mlx_reshape(out, length(out))
}
