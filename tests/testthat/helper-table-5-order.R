# The table's rows for order, positions, running sums, gathers and scatters.

order_rows <- list(
  moves("mlx_sort", mlx_sort, function(x) sort(as.vector(x), na.last = TRUE),
        x = list(mixed, square, shapes(apart)[[4L]])),
  moves("mlx_sort along", function(x) mlx_sort(x, axis = 2),
        along_axis(function(v) sort(v, na.last = TRUE), function(x) 2L),
        x = list(square), covers = "mlx_sort"),
  moves("mlx_sort(decreasing = TRUE)", function(x) mlx_sort(x, decreasing = TRUE),
        function(x) sort(as.vector(x), decreasing = TRUE, na.last = TRUE), covers = "mlx_sort", x = list(square)),
  moves("mlx_partition", function(x) mlx_partition(x, 3)[4], function(x) sort(as.vector(x))[4]),
  moves("mlx_topk", function(x) sum(mlx_topk(x, 3)), function(x) sum(sort(as.vector(x), TRUE, na.last = FALSE)[1:3]),
        special = NULL),
  moves("mlx_topk along", function(x) rowSums(mlx_topk(x, 2, axis = 2)),
        function(x) apply(x, 1, function(v) sum(sort(v, TRUE, na.last = FALSE)[1:2])), x = list(square), special = NULL,
        covers = "mlx_topk"),
  moves("sort", function(x) sort(x), function(x) sort(as.vector(x)), x = list(mixed, square),
        reads = "the NaN are counted"),
  moves("sort(decreasing, na.last)", function(x) sort(x, decreasing = TRUE, na.last = FALSE),
        function(x) sort(as.vector(x), decreasing = TRUE, na.last = FALSE), covers = "sort",
        x = list(square), reads = "the NaN are counted"),
  moves("unique", function(x) unique(x), unique, reads = "values decide the shape",
        x = list(c(3, 1, 3, NaN, 2, NaN, 1), square[c(1, 2, 1), ]),
        grad = FALSE, int = list(c(3L, 1L, 3L)), special = NULL),
  row("unique of the tape", function(x) unique(x), reads = "values decide the shape",
       inputs = list(list(mixed)), covers = "unique"),
  row("median", function(x) median(x), inputs = lapply(shapes(apart), list), int = list(1:4),
      special = list(list(c(1, NaN)), list(c(1, 2, Inf))), empty = nothing, bool = list(c(TRUE, FALSE))),
  row("median(na.rm = TRUE)", function(x) median(x, na.rm = TRUE), reads = "the NaN are counted",
      inputs = list(list(apart)),
      special = list(list(c(3, NaN, 1))), covers = "median"),
  row("quantile", function(x) quantile(x, c(0.1, 0.5, 0.99)), function(x) {
    stats::quantile(x, c(0.1, 0.5, 0.99), names = FALSE)
  }, inputs = lapply(shapes(apart), list), int = list(1:4), special = list(list(c(1, Inf, 2)))),
  row("quantile(na.rm = TRUE)", function(x) quantile(x, na.rm = TRUE), reads = "the NaN are counted",
      function(x) {
    stats::quantile(x, na.rm = TRUE, names = FALSE)
  }, inputs = list(list(apart)), special = list(list(c(1, NaN, 2))), covers = "quantile")
)
order_rows <- c(
  order_rows, reduction("mlx_median", stats::median, apart, list(list(c(1, NaN)))),
  list(
    row("mlx_quantile", function(x) mlx_quantile(x, c(0.3, 0.8), axis = 2), function(x) {
      t(apply(x, 1, stats::quantile, c(0.3, 0.8), names = FALSE))
    }, inputs = list(list(square)), int = list(matrix(1:6, 2))),
    row("mlx_quantile(drop = TRUE)", function(x) mlx_quantile(x, 0.3, axis = 1, drop = TRUE), function(x) {
      apply(x, 2, stats::quantile, 0.3, names = FALSE)
    }, inputs = list(list(square)), covers = "mlx_quantile")
  )
)

# Positions, which are uint32 and have no gradient.
# Of the first NaN, where there is one.
first_extreme <- function(f) function(x) if (anyNA(x)) which(is.na(x))[1L] else f(x)
positions <- function(id, f, oracle, x = list(mixed, square, cube), ..., covers = id) {
  row(id, f, oracle, inputs = lapply(x, list), grad = FALSE, dtype = "uint32", int_dtype = "uint32",
      covers = covers, int = lapply(x[1L], whole), ...)
}
# The values in the shape of x; 5, past the end, where x is NaN.
of_shape_r <- function(x, values) {
  x[] <- ifelse(is.na(values), 5, values)
  x
}
position_rows <- list(
  positions("mlx_argmax", mlx_argmax, first_extreme(which.max),
            bool = list(c(FALSE, TRUE, TRUE)), bool_dtype = "uint32"),
  positions("mlx_argmin", mlx_argmin, first_extreme(which.min)),
  positions("mlx_argmax along", function(x) mlx_argmax(x, axis = 1),
            function(x) reduce_r(x, 1, first_extreme(which.max)),
            x = list(square), covers = "mlx_argmax"),
  positions("mlx_argmin along", function(x) mlx_argmin(x, axis = -1, drop = FALSE),
            function(x) reduce_r(x, -1, first_extreme(which.min), FALSE), x = list(square), covers = "mlx_argmin"),
  positions("mlx_argsort", mlx_argsort, function(x) order(x), special = list(list(c(2, NaN, 1, 2, NaN, 1))),
            empty = list(list(numeric()))),
  positions("mlx_argsort(decreasing = TRUE)", function(x) mlx_argsort(x, decreasing = TRUE),
            function(x) order(x, decreasing = TRUE, method = "radix"), covers = "mlx_argsort",
            special = list(list(c(2, NaN, 1, 2, NaN, 1)))),
  positions("mlx_argsort along", function(x) mlx_argsort(x, 2), along_axis(order, function(x) 2L),
            x = list(square), covers = "mlx_argsort"),
  positions("mlx_argpartition", function(x) mlx_argpartition(x, 3)[4], function(x) order(x)[4]),
  row("mlx_searchsorted", function(x) mlx_searchsorted(c(-1, 0.5, 0.5, 2), x),
      function(x) of_shape_r(x, findInterval(x, c(-1, 0.5, 0.5, 2), left.open = TRUE) + 1),
      inputs = list(list(mixed), list(a)), grad = FALSE, dtype = "uint32", empty = list(list(numeric()))),
  row("mlx_searchsorted(right)", function(x) mlx_searchsorted(c(-1, 0.5, 0.5, 2), x, "right"),
      function(x) of_shape_r(x, findInterval(x, c(-1, 0.5, 0.5, 2)) + 1), special = list(list(c(0.5, -1, 2, Inf))),
      inputs = list(list(mixed), list(1.5)), grad = FALSE, dtype = "uint32", covers = "mlx_searchsorted"),
  reads("duplicated", duplicated, list(c(3, 1, 3, NaN, 2, NaN, 1), 1.5), dtype = "bool"),
  reads("duplicated(fromLast = TRUE)", function(x) duplicated(x, fromLast = TRUE), list(c(3, 1, 3, 3)),
        dtype = "bool", covers = "duplicated"),
  reads("duplicated rows", duplicated, list(square[c(1, 2, 1), ]), function(x) as.vector(duplicated(x)),
        covers = "duplicated"),
  reads("anyDuplicated", anyDuplicated, list(c(3, 1, 1), v3)),
  reads("xtfrm", xtfrm, list(mixed)),
  reads("order", order, list(mixed, c(2, NaN, 1)), covers = "xtfrm"),
  reads("rank", rank, list(mixed, c(1, 2, 1))),
  reads("which.max", which.max, list(mixed, c(NaN, 1, 2), square)),
  reads("which.min", which.min, list(mixed, c(NaN, 1, 2))),
  reads("max.col", function(x) max.col(x, "first"), list(square), covers = character()),
  reads("complete.cases", complete.cases, list(c(1, NaN), rbind(square, NaN))),
  reads("which", function(x) which(x > 1), list(square), covers = character())
)

# All elements, the last axis fastest.
flat_r <- function(x) if (is.null(dim(x))) x else as.vector(aperm(x))

cumulative <- function(name, fn, at, start, int_dtype = "int32", ...) {
  f <- get(name)
  exclusive <- function(x) c(start, fn(x))[seq_along(x)]
  list(
    row(name, f, function(x) fn(flat_r(x)),
        inputs = lapply(shapes(at), list), empty = nothing, int = list(matrix(c(4L, -2L, 3L, 9L), 2)),
        int_dtype = int_dtype, bool = list(c(TRUE, FALSE)), ...),
    row(paste0(name, " along"), function(x) f(x, axis = -1), along_axis(fn, function(x) length(dim(x))),
        inputs = list(list(a)), covers = name, ...),
    row(paste0(name, ", reverse"), function(x) f(x, 1, reverse = TRUE), covers = name,
        along_axis(function(x) rev(fn(rev(x)))), inputs = list(list(at)), ...),
    row(paste0(name, ", exclusive"), function(x) f(x, 1, inclusive = FALSE), along_axis(exclusive), covers = name,
        inputs = list(list(at)), ...),
    row(paste0(name, ", exclusive, reverse"), function(x) f(x, 1, TRUE, FALSE), covers = name,
        along_axis(function(x) rev(exclusive(rev(x)))), inputs = list(list(at)), ...)
  )
}
logcumsumexp_r <- function(x) vapply(seq_along(x), function(i) logsumexp_r(x[seq_len(i)]), 0)
cumulative_rows <- c(
  cumulative("mlx_cumsum", cumsum, other, 0), cumulative("mlx_cumprod", cumprod, mixed, 1),
  cumulative("mlx_cummax", cummax, apart, -Inf, grad = FALSE),
  cumulative("mlx_cummin", cummin, apart, Inf, grad = FALSE),
  cumulative("mlx_logcumsumexp", logcumsumexp_r, mixed, -Inf, "float32", grad = FALSE),
  list(
    row("gradient of mlx_cummax", function(x) mlx_cummax(x, reverse = TRUE), function(x) rev(cummax(rev(flat_r(x)))),
        inputs = list(list(apart)), covers = "mlx_cummax"),
    row("gradient of mlx_logcumsumexp", function(x) mlx_logcumsumexp(x, reverse = TRUE), function(x) {
      rev(logcumsumexp_r(rev(flat_r(x))))
    }, inputs = list(list(mixed)), covers = "mlx_logcumsumexp")
  )
)

at_row <- function(name, op, ...) {
  f <- get(name)
  oracle <- function(x, v) {
    at <- c(2, 3, 2, 1, 2)
    for (i in seq_along(at)) x[at[i]] <- op(x[at[i]], v[i])
    x
  }
  keeps(name, function(x, v) f(x, c(2, 3, 2, 1, 2), v), oracle,
        inputs = list(list(mixed, other[1:5]), list(square, other[1:5])), sides = 2L, special = NULL, ...)
}
gather_rows <- list(
  moves("mlx_take", function(x) mlx_take(x, c(3, 1, 3), axis = 2), function(x) pick_r(x, c(3, 1, 3), 2)),
  moves("mlx_take of all", function(x) mlx_take(x, matrix(c(5, 1, 9, 2), 2)),
        function(x) matrix(x[c(5, 1, 9, 2)], 2), covers = "mlx_take"),
  moves("mlx_take_along_axis", function(x) mlx_take_along_axis(x, cbind(c(3, 1, 1)), axis = 2),
        function(x) matrix(x[cbind(1:3, c(3, 1, 1))], 3), x = list(square)),
  moves("mlx_take_along_axis of all", reads = "positions are checked", function(x) mlx_take_along_axis(x, c(3, 9)),
        function(x) x[c(3, 9)], covers = "mlx_take_along_axis"),
  keeps("mlx_put_along_axis", function(x, v) mlx_put_along_axis(x, cbind(c(3, 1, 1)), v, axis = 2),
        function(x, v) {
          x[cbind(1:3, c(3, 1, 1))] <- v
          x
        }, inputs = list(list(square, 2.5), list(square, matrix(v3)))),
  keeps("mlx_put_along_axis of all", reads = "positions are checked", function(x, v) {
    mlx_put_along_axis(x, c(3, 8), v)
  }, function(x, v) {
    x[c(3, 8)] <- v
    x
  }, inputs = list(list(square, v2), list(mixed, v2)), covers = "mlx_put_along_axis"),
  moves("mlx_gather", function(x) mlx_gather(x, list(c(1, 3), c(2, 2))), function(x) x[cbind(c(1, 3), c(2, 2))],
        x = list(square)),
  moves("mlx_gather, broadcasting", function(x) mlx_gather(x, list(cbind(1:2), c(4, 1, 4)), axes = c(1, 3)),
        function(x) aperm(x[1:2, , c(4, 1, 4)], c(1, 3, 2)), x = list(cube), covers = "mlx_gather"),
  moves("mlx_gather without", function(x) mlx_gather(x, -2, axes = 2), function(x) pick_r(x, -2, 2),
        covers = "mlx_gather"),
  moves("mlx_slice", function(x) mlx_slice(x, c(1, 2), c(3, 3), strides = c(2, 1)),
        function(x) x[c(1, 3), 2:3], x = list(square)),
  keeps("mlx_slice_update", function(x, v) mlx_slice_update(x, v, c(1, 1), c(3, 3), strides = c(1, 2)),
        function(x, v) {
          x[, c(1, 3)] <- expand_to(v, c(3L, 2L))
          x
        }, inputs = list(list(square, 2.5), list(square, v2))),
  at_row("mlx_at_add", `+`), at_row("mlx_at_subtract", `-`), at_row("mlx_at_multiply", `*`),
  at_row("mlx_at_divide", `/`, int = NULL, refuses = whole_dtypes),
  at_row("mlx_at_maximum", max), at_row("mlx_at_minimum", min),
  keeps("mlx_at_add by axes", function(x, v) mlx_at_add(x, list(c(2, 2), TRUE), v), function(x, v) {
    x[2, ] <- x[2, ] + v[c(1, 3, 5)] + v[c(2, 4, 6)]
    x
  }, inputs = list(list(square, mixed[1:6])), covers = "mlx_at_add")
)

operations <- c(operations, order_rows, position_rows, cumulative_rows, gather_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
