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
  stopifnot(all.equal(whole, exact))
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

operations <- c(operations, shift_rows, conv_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
