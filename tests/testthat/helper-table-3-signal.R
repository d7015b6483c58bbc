# The table's rows for shifts, convolutions and MLX's fused operations.

roll_r <- function(x, by, axes) {
  d <- if (is.null(dim(x))) length(x) else dim(x)
  out <- array(x, d)
  for (k in axes) {
    at <- rep(list(TRUE), length(d))
    at[[k]] <- (seq_len(d[k]) - 1L - by(d[k])) %% d[k] + 1L
    out <- do.call(`[`, c(list(out), at, drop = FALSE))
  }
  if (length(d) > 1L) out else as.vector(out)
}
shift_r <- function(by) {
  function(x, axes = NULL) {
    rank <- if (is.null(dim(x))) 1L else length(dim(x))
    if (length(x) == 0L) return(x)
    roll_r(x, by, if (is.null(axes)) seq_len(rank) else axes)
  }
}

shift_rows <- lapply(c("mlx_fftshift", "mlx_ifftshift"), function(name) {
  by <- if (name == "mlx_fftshift") function(n) n %/% 2L else function(n) -(n %/% 2L)
  row(name, get(name), shift_r(by), inputs = list(list(mixed), list(mixed[1:7]), list(square), list(cube)),
      empty = nothing, int = list(1:5), int_dtype = "int32", bool = list(c(TRUE, FALSE, FALSE)),
      bool_dtype = "bool")
})
shift_rows <- c(shift_rows, list(
  row("mlx_fftshift, axes = 2", function(x) mlx_fftshift(x, axes = 2),
      function(x) shift_r(function(n) n %/% 2L)(x, 2), inputs = list(list(square)),
      covers = "mlx_fftshift")
))

# A convolution, written out: batch x space x channels with channels out x kernel x channels in.
conv_r <- function(x, w, stride = 1, before = 0, after = before, dilation = 1, input_dilation = 1,
                   groups = 1, flip = FALSE) {
  n <- length(dim(x)) - 2L
  all_axes <- function(v) rep_len(v, n)
  stride <- all_axes(stride)
  before <- all_axes(before)
  after <- all_axes(after)
  dilation <- all_axes(dilation)
  input_dilation <- all_axes(input_dilation)
  space <- dim(x)[1 + seq_len(n)]
  kernel <- dim(w)[1 + seq_len(n)]
  padded <- (space - 1) * input_dilation + 1 + before + after
  extents <- (padded - dilation * (kernel - 1) - 1) %/% stride + 1
  out <- array(0, c(dim(x)[1], extents, dim(w)[1]))
  outputs <- arrayInd(seq_len(prod(extents)), extents)
  places <- arrayInd(seq_len(prod(kernel)), kernel)
  each_in <- dim(w)[n + 2]
  each_out <- dim(w)[1] / groups
  element <- function(i, at, j) matrix(c(i, at, j), 1)
  for (o in seq_len(nrow(outputs))) {
    for (p in seq_len(nrow(places))) {
      place <- if (flip) kernel - places[p, ] else places[p, ] - 1
      at <- (outputs[o, ] - 1) * stride + place * dilation - before
      if (any(at < 0 | at %% input_dilation != 0 | at %/% input_dilation >= space)) next
      at <- at %/% input_dilation + 1
      for (i in seq_len(dim(x)[1])) {
        for (c_out in seq_len(dim(w)[1])) {
          group <- (c_out - 1) %/% each_out
          to <- element(i, outputs[o, ], c_out)
          for (c_in in seq_len(each_in)) {
            out[to] <- out[to] + x[element(i, at, group * each_in + c_in)] *
              w[element(c_out, places[p, ], c_in)]
          }
        }
      }
    }
  }
  out
}
conv_transpose_r <- function(x, w, stride = 1, padding = 0, dilation = 1, more = 0, groups = 1) {
  kernel <- dim(w)[2:(length(dim(w)) - 1)]
  before <- dilation * (kernel - 1) - padding
  conv_r(x, w, 1, before, before + more, dilation, stride, groups, TRUE)
}

waves <- function(d, by = 0.7) array(round(sin(by * seq_len(prod(d))) * 3 + 0.3, 2), d)
conv_row <- function(id, f, oracle, x, w, covers = sub(",.*", "", id)) {
  row(id, f, oracle, inputs = list(list(waves(x), waves(w, 1.1))), covers = covers, sides = TRUE,
      tolerance32 = 2e-4)
}
convolve_r <- function(a, v, mode) {
  if (length(a) < length(v)) return(convolve_r(v, a, mode))
  whole <- stats::convolve(a, rev(v), type = "open")
  n <- length(v)
  exact <- vapply(seq_along(whole), function(k) {
    j <- seq_along(a)
    j <- j[k - j + 1 >= 1 & k - j + 1 <= n]
    sum(a[j] * v[k - j + 1])
  }, 0)
  if (all(is.finite(c(a, v)))) stopifnot(all.equal(whole, exact))
  switch(mode, full = exact, same = exact[(n - 1) %/% 2 + seq_along(a)],
         valid = exact[n:length(a)])
}

conv_rows <- c(list(
  conv_row("mlx_conv1d", mlx_conv1d, conv_r, c(2, 5, 3), c(2, 3, 3)),
  conv_row("mlx_conv1d, all arguments", function(x, w) mlx_conv1d(x, w, 2, 3, 2, 2),
           function(x, w) conv_r(x, w, 2, 3, 3, 2, 1, 2), c(1, 6, 4), c(2, 3, 2)),
  conv_row("mlx_conv2d", mlx_conv2d, conv_r, c(1, 3, 4, 2), c(3, 2, 2, 2)),
  conv_row("mlx_conv2d, all arguments",
           function(x, w) mlx_conv2d(x, w, c(2, 1), c(1, 2), c(1, 2), 2),
           function(x, w) conv_r(x, w, c(2, 1), c(1, 2), c(1, 2), c(1, 2), 1, 2),
           c(2, 4, 4, 2), c(2, 2, 3, 1)),
  conv_row("mlx_conv3d", mlx_conv3d, conv_r, c(1, 2, 3, 2, 2), c(1, 2, 2, 1, 2)),
  conv_row("mlx_conv3d, all arguments", function(x, w) mlx_conv3d(x, w, 2, 1, 1, 2),
           function(x, w) conv_r(x, w, 2, 1, 1, 1, 1, 2), c(1, 3, 3, 2, 2), c(2, 2, 2, 1, 1)),
  conv_row("mlx_conv_transpose1d", mlx_conv_transpose1d, conv_transpose_r, c(2, 3, 2), c(3, 3, 2)),
  conv_row("mlx_conv_transpose1d, all arguments",
           function(x, w) mlx_conv_transpose1d(x, w, 2, 1, 2, 1, 2),
           function(x, w) conv_transpose_r(x, w, 2, 1, 2, 1, 2), c(1, 4, 4), c(2, 3, 2)),
  conv_row("mlx_conv_transpose2d", mlx_conv_transpose2d, conv_transpose_r, c(1, 3, 2, 2),
           c(2, 2, 2, 2)),
  conv_row("mlx_conv_transpose2d, all arguments",
           function(x, w) mlx_conv_transpose2d(x, w, c(2, 1), c(1, 2), 1, c(1, 0), 1),
           function(x, w) conv_transpose_r(x, w, c(2, 1), c(1, 2), 1, c(1, 0)), c(1, 3, 3, 1),
           c(2, 3, 3, 1)),
  conv_row("mlx_conv_transpose3d", mlx_conv_transpose3d, conv_transpose_r, c(1, 2, 2, 1, 2),
           c(1, 2, 1, 2, 2)),
  conv_row("mlx_conv_general",
           function(x, w) mlx_conv_general(x, w, 2, list(c(1, 2), c(3, 0)), c(1, 2), c(2, 1), 1, TRUE),
           function(x, w) conv_r(x, w, 2, c(1, 2), c(3, 0), c(1, 2), c(2, 1), 1, TRUE),
           c(1, 3, 4, 2), c(2, 2, 2, 2))
), lapply(c("full", "same", "valid"), function(mode) {
  row(paste0("mlx_convolve, ", mode), function(a, v) mlx_convolve(a, v, mode),
      function(a, v) convolve_r(a, v, mode), covers = "mlx_convolve", sides = TRUE, tolerance32 = 1e-4,
      inputs = list(list(mixed, positive[1:3]), list(mixed[1:5], other[1:4]), list(v2, v3)),
      int = list(c(1L, 4L, -2L), c(3L, 1L)))
}))

# Along the last axis, by rows.
by_last <- function(x, f) {
  rank <- length(dim(x))
  if (rank < 2L) return(f(as.vector(x)))
  out <- apply(x, seq_len(rank - 1L), f)
  aperm(array(out, c(dim(x)[rank], dim(x)[-rank])), c(seq_len(rank)[-1L], 1L))
}
rms_r <- function(x, w = 1, eps = 1e-5) by_last(x, function(v) v / sqrt(mean(v^2) + eps) * w)
layer_r <- function(x, w = 1, b = 0, eps = 1e-5) {
  by_last(x, function(v) (v - mean(v)) / sqrt(variance_r(v) + eps) * w + b)
}
rope_r <- function(x, dims = dim(x)[length(dim(x))], traditional = FALSE, base = 10000, scale = 1,
                   offset = 0, freqs = base^(2 * (seq_len(dims / 2) - 1) / dims)) {
  d <- dim(x)
  rank <- length(d)
  out <- x
  offset <- rep_len(offset, d[1])
  at <- arrayInd(seq_len(prod(d[-rank])), d[-rank])
  for (r in seq_len(nrow(at))) {
    angle <- (at[r, rank - 1L] - 1 + offset[at[r, 1]]) * scale / freqs
    i <- seq_len(dims / 2)
    first <- if (traditional) 2 * i - 1 else i
    second <- if (traditional) 2 * i else i + dims / 2
    element <- function(j) cbind(at[rep(r, length(j)), , drop = FALSE], j)
    a <- x[element(first)]
    b <- x[element(second)]
    out[element(first)] <- a * cos(angle) - b * sin(angle)
    out[element(second)] <- a * sin(angle) + b * cos(angle)
  }
  out
}
attention_r <- function(q, k, v, scale = 1 / sqrt(dim(q)[4]), mask = NULL, sinks = NULL) {
  out <- array(0, c(dim(q)[1:3], dim(v)[4]))
  n <- c(dim(q)[3], dim(k)[3])
  full <- c(dim(q)[1:3], n[2])
  if (identical(mask, "causal")) mask <- outer(seq_len(n[1]) + n[2] - n[1], seq_len(n[2]), `>=`)
  if (!is.null(mask)) mask <- expand_to(mask, full)
  for (b in seq_len(dim(q)[1])) {
    for (h in seq_len(dim(q)[2])) {
      kv <- (h - 1) %/% (dim(q)[2] / dim(k)[2]) + 1
      slice <- function(x, h) matrix(x[b, h, , ], dim(x)[3])
      scores <- scale * base::tcrossprod(slice(q, h), slice(k, kv))
      # as MLX: what is masked has the lowest finite score, above -Inf
      if (is.logical(mask)) scores[!slice(mask, h)] <- -.Machine$double.xmax
      if (is.numeric(mask)) scores <- scores + slice(mask, h)
      if (!is.null(sinks)) scores <- cbind(sinks[h], scores)
      weights <- exp(scores - apply(scores, 1, max))
      weights <- weights / base::rowSums(weights)
      if (!is.null(sinks)) weights <- weights[, -1, drop = FALSE]
      # what a weight of 0 leaves out is not looked at
      values <- slice(v, kv)
      for (i in seq_len(n[1])) {
        heavy <- is.na(weights[i, ]) | weights[i, ] > 0
        out[b, h, i, ] <- base::`%*%`(weights[i, heavy], values[heavy, , drop = FALSE])
      }
    }
  }
  out
}
entropy_r <- function(x, targets) {
  apply(x, 1, logsumexp_r) - x[cbind(seq_len(nrow(x)), targets)]
}

qkv <- list(waves(c(2, 4, 3, 2), 0.9), waves(c(2, 2, 4, 2), 1.7), waves(c(2, 2, 4, 3), 0.3))
attention_row <- function(id, f, oracle, extra = list(), inputs = list(c(qkv, extra)), ...) {
  row(paste0("mlx_fast_scaled_dot_product_attention", id), f, oracle, inputs = inputs,
      covers = "mlx_fast_scaled_dot_product_attention", tolerance32 = 1e-4, ...)
}
seen <- outer(1:3, 1:4, function(i, j) (i + j) %% 3 != 0)

fast_rows <- list(
  row("mlx_fast_rms_norm", mlx_fast_rms_norm, rms_r, inputs = list(list(mixed), list(square), list(cube)),
      empty = list(list(matrix(0, 0, 3))), int = list(c(1L, 3L)), bool = list(c(TRUE, FALSE))),
  row("mlx_fast_rms_norm, weight", function(x, w) mlx_fast_rms_norm(x, w, 0.1),
      function(x, w) rms_r(x, w, 0.1), inputs = list(list(square, v3)), covers = "mlx_fast_rms_norm",
      sides = TRUE),
  row("mlx_fast_layer_norm", mlx_fast_layer_norm, layer_r,
      inputs = list(list(mixed), list(square), list(cube)), empty = list(list(matrix(0, 0, 3))),
      int = list(c(1L, 3L)), bool = list(c(TRUE, FALSE)), tolerance32 = 1e-4),
  row("mlx_fast_layer_norm, weight and bias", function(x, w, b) mlx_fast_layer_norm(x, w, b, 0.1),
      function(x, w, b) layer_r(x, w, b, 0.1), inputs = list(list(square, v3, other[1:3])),
      covers = "mlx_fast_layer_norm", sides = 1:3, tolerance32 = 1e-4),
  row("mlx_fast_rope", mlx_fast_rope, rope_r,
      inputs = list(list(waves(c(2, 3, 4))), list(waves(c(1, 2, 3, 2)))),
      empty = list(list(array(0, c(1, 0, 4)))), tolerance32 = 1e-4),
  row("mlx_fast_rope, traditional",
      function(x) mlx_fast_rope(x, 4, TRUE, 50, 0.5, offset = c(2, 5)),
      function(x) rope_r(x, 4, TRUE, 50, 0.5, c(2, 5)), inputs = list(list(waves(c(2, 3, 6)))),
      covers = "mlx_fast_rope", tolerance32 = 1e-4),
  row("mlx_fast_rope, freqs", function(x) mlx_fast_rope(x, 4, offset = 3, freqs = c(1, 2.5)),
      function(x) rope_r(x, 4, offset = 3, freqs = c(1, 2.5)), inputs = list(list(waves(c(2, 3, 6)))),
      covers = "mlx_fast_rope", tolerance32 = 1e-4),
  attention_row("", mlx_fast_scaled_dot_product_attention, attention_r, sides = TRUE),
  attention_row(", causal", function(q, k, v) {
    mlx_fast_scaled_dot_product_attention(q, k, v, 0.3, "causal")
  }, function(q, k, v) attention_r(q, k, v, 0.3, "causal")),
  attention_row(", added mask", function(q, k, v, m) {
    mlx_fast_scaled_dot_product_attention(q, k, v, mask = m * 1) # bools as numbers
  }, function(q, k, v, m) attention_r(q, k, v, mask = m), list(waves(c(4, 1, 4)))),
  attention_row(", bool mask", function(q, k, v) {
    mlx_fast_scaled_dot_product_attention(q, k, v, mask = as_mlx(seen))
  }, function(q, k, v) attention_r(q, k, v, mask = seen)),
  attention_row(", sinks", function(q, k, v, s) {
    mlx_fast_scaled_dot_product_attention(q, k, v, sinks = s)
  }, function(q, k, v, s) attention_r(q, k, v, sinks = s), list(other[1:4])),
  row("mlx_fast_cross_entropy", function(x) mlx_fast_cross_entropy(x, c(3, 1, 2)),
      function(x) entropy_r(x, c(3, 1, 2)), inputs = list(list(square)), covers = "mlx_fast_cross_entropy",
      half = "float32")
)

operations <- c(operations, shift_rows, conv_rows, fast_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
