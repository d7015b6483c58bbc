# The table's rows for axes, and for elements repeated, moved, padded, split and stacked.

last <- function(x) dim(x)[length(dim(x))]
axes_rows <- list(
  moves("mlx_flatten", mlx_flatten, function(x) flat_r(x)),
  moves("mlx_flatten(2, 3)", function(x) mlx_flatten(x, 2, -1),
        function(x) row_major(x, c(dim(x)[1], prod(dim(x)[-1]))), covers = "mlx_flatten"),
  moves("mlx_unflatten", function(x) mlx_unflatten(x, -1, c(2, 2)),
        function(x) row_major(x, c(dim(x)[-length(dim(x))], 2L, 2L)), x = list(cube)),
  moves("mlx_moveaxis", function(x) mlx_moveaxis(x, 1, -1), function(x) {
    aperm(x, c(seq_along(dim(x))[-1], 1))
  }),
  moves("mlx_moveaxis of two", function(x) mlx_moveaxis(x, c(1, 2), c(3, 1)),
        function(x) aperm(x, c(2, 3, 1)), x = list(cube), covers = "mlx_moveaxis"),
  moves("mlx_swapaxes", function(x) mlx_swapaxes(x, 1, 2), function(x) {
    aperm(x, c(2, 1, seq_along(dim(x))[-(1:2)]))
  }),
  moves("mlx_transpose", mlx_transpose, function(x) if (is.null(dim(x))) x else aperm(x)),
  moves("mlx_matrix_transpose", mlx_matrix_transpose, function(x) aperm(x, c(1, 3, 2)), x = list(cube)),
  moves("mlx_atleast_1d", function(x) mlx_atleast_1d(x), identity, x = list(1.5, v2, a)),
  moves("mlx_atleast_2d", function(x) mlx_atleast_2d(x), function(x) {
    if (is.null(dim(x))) matrix(x, 1) else x
  }, x = list(1.5, v2, a)),
  moves("mlx_atleast_3d", function(x) mlx_atleast_3d(x), function(x) {
    array(x, if (is.null(dim(x))) c(1, length(x), 1) else c(dim(x), 1)[1:3])
  }, x = list(1.5, v2, a)),
  keeps("mlx_broadcast_arrays", function(x, y) mlx_broadcast_arrays(x, y)[[2L]],
        function(x, y) expand_to(y, common_shape(x, y)), inputs = list(list(a, v3), list(v2, 1.5)),
        grad = 2L),
  keeps("mlx_meshgrid", function(x, y) mlx_meshgrid(x, y)[[1L]],
        function(x, y) matrix(x, length(y), length(x), byrow = TRUE), inputs = list(list(v2, v3)),
        grad = 1L),
  keeps("mlx_meshgrid, ij", function(x, y) mlx_meshgrid(x, y, indexing = "ij")[[1L]],
        function(x, y) matrix(x, length(x), length(y)), inputs = list(list(v2, v3)), grad = 1L,
        covers = "mlx_meshgrid"),
  moves("mlx_contiguous", mlx_contiguous, identity),
  moves("mlx_as_strided", function(x) mlx_as_strided(x, c(4, 3), c(2, 1), offset = 1),
        function(x) matrix(x[outer(0:3 * 2, 0:2, "+") + 2], 4), x = list(c(mixed, other)))
)

# along an axis, in base R
pick_r <- function(x, at, axis) {
  if (is.null(dim(x))) return(x[at])
  index <- lapply(dim(x), seq_len)
  index[[axis]] <- at
  do.call(`[`, c(list(x), index, drop = FALSE))
}
rearrange_rows <- list(
  moves("mlx_repeat", function(x) mlx_repeat(x, 2), function(x) rep(flat_r(x), each = 2)),
  moves("mlx_repeat along", function(x) mlx_repeat(x, 3, axis = 2),
        function(x) pick_r(x, rep(seq_len(dim(x)[2]), each = 3), 2), covers = "mlx_repeat"),
  moves("mlx_tile", function(x) mlx_tile(x, c(2, 1)), function(x) pick_r(x, rep(1:3, 2), 1),
        x = list(square)),
  moves("mlx_tile into more axes", function(x) mlx_tile(x, c(2, 1, 3)),
        function(x) aperm(array(rep(t(x[, rep(1:3, 3)]), 2), c(9, 3, 2)), c(3, 2, 1)), x = list(square),
        covers = "mlx_tile"),
  moves("mlx_roll", function(x) mlx_roll(x, 2), function(x) {
    v <- flat_r(x)
    row_major(v[(seq_along(v) - 3) %% length(v) + 1], shape_of(x))
  }),
  moves("mlx_roll along", function(x) mlx_roll(x, c(-1, 4), axes = c(1, 2)), function(x) {
    pick_r(pick_r(x, c(seq_len(dim(x)[1])[-1], 1), 1), (seq_len(dim(x)[2]) - 5) %% dim(x)[2] + 1, 2)
  }, covers = "mlx_roll"),
  moves("mlx_flip", mlx_flip, function(x) replace(x, seq_along(x), rev(x))),
  moves("mlx_flip along", function(x) mlx_flip(x, 2), function(x) pick_r(x, rev(seq_len(dim(x)[2])), 2),
        covers = "mlx_flip"),
  moves("mlx_pad", function(x) mlx_pad(x, list(c(1, 2), c(0, 1))), function(x) {
    out <- matrix(0, 6, 4)
    out[2:4, 1:3] <- x
    out
  }, x = list(square)),
  moves("mlx_pad(mode = \"edge\")", function(x) mlx_pad(x, c(1, 2), mode = "edge", axes = 2),
        function(x) pick_r(x, c(1, seq_len(dim(x)[2]), rep(dim(x)[2], 2)), 2), covers = "mlx_pad"),
  moves("mlx_pad(mode = \"reflect\")", function(x) mlx_pad(x, c(2, 4), mode = "reflect"),
        function(x) x[c(3, 2, 1, 2, 3, 2, 1, 2, 3)], x = list(v3), covers = "mlx_pad"),
  moves("mlx_pad(mode = \"symmetric\")", function(x) mlx_pad(x, c(2, 4), mode = "symmetric"),
        function(x) x[c(2, 1, 1, 2, 3, 3, 2, 1, 1)], x = list(v3), covers = "mlx_pad"),
  moves("mlx_split", function(x) mlx_split(x, 2, axis = -1)[[2L]],
        function(x) pick_r(x, last(x) / 2 + seq_len(last(x) / 2), length(dim(x))), x = list(cube)),
  moves("mlx_split at positions", function(x) mlx_split(x, c(1, 2), axis = 2)[[3L]],
        function(x) pick_r(x, 3, 2), covers = "mlx_split"),
  moves("mlx_unstack", function(x) mlx_unstack(x, 1)[[2L]], function(x) {
    if (length(dim(x)) == 2L) x[2, ] else x[2, , ]
  }),
  keeps("mlx_stack", function(x, y) mlx_stack(x, y, axis = -1), function(x, y) {
    out <- array(c(x, y), c(shape_of(x), 2L))
    if (length(dim(out)) == 1L) as.vector(out) else out
  }, inputs = list(list(a, a + 1), list(v3, v3 * 2))),
  keeps("mlx_concatenate", function(x, y) mlx_concatenate(x, y, axis = 2), function(x, y) cbind(x, y),
        inputs = list(list(a, a[, 1:2] + 1)), empty = list(list(matrix(0, 2, 0), matrix(1, 2, 3)))),
  keeps("abind", function(x, y) abind(x, y), function(x, y) rbind(x, y),
        inputs = list(list(a, a + 1)), sides = TRUE),
  keeps("abind(along = 3)", function(x, y) abind(x, y, along = 3),
        function(x, y) array(c(x, y), c(dim(x), 2)), inputs = list(list(a, a + 1)), covers = "abind"),
  moves("mlx_tril", function(x) mlx_tril(x, -1), function(x) replace(x, !lower.tri(x), 0), x = list(square),
        special = NULL),
  moves("mlx_triu", function(x) mlx_triu(x), function(x) replace(x, !upper.tri(x, TRUE), 0), x = list(square),
        special = NULL),
  moves("rep", function(x) rep(x, 2), function(x) rep(x, 2), x = list(1.5, v3, square)),
  moves("rev", rev, rev, x = list(1.5, v3, square))
)

operations <- c(operations, axes_rows, rearrange_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
