# The table's rows for statistics and for the base functions that rmlx masks.

correlated <- cbind(mixed, other, positive)
dimnames(correlated) <- NULL
statistics_rows <- c(list(
  moves("diff", function(x) diff(x), diff, x = list(mixed, square)),
  moves("diff(lag, differences)", function(x) diff(x, lag = 2, differences = 2), function(x) diff(x, 2, 2),
        x = list(mixed), covers = "diff"),
  moves("mlx_diff", function(x) mlx_diff(x, 2), function(x) t(diff(t(x), differences = 2)), x = list(square)),
  row("var", function(x) var(x), function(x) stats::var(x), inputs = list(list(mixed), list(correlated)),
      int = list(1:4)),
  row("var(x, y)", function(x, y) var(x, y), function(x, y) stats::var(x, y), sides = TRUE,
      inputs = list(list(mixed, other), list(correlated, other)), covers = "var"),
  row("sd", function(x) sd(x), function(x) stats::sd(x), inputs = list(list(mixed), list(square)), int = list(1:4)),
  row("cov", function(x) cov(x), function(x) stats::cov(x), inputs = list(list(correlated))),
  row("cor", function(x) cor(x), function(x) stats::cor(x), inputs = list(list(correlated))),
  row("cor(x, y)", function(x, y) cor(x, y), function(x, y) stats::cor(x, y), sides = TRUE,
      inputs = list(list(mixed, other), list(correlated, other)), covers = "cor"),
  row("scale", function(x) scale(x), function(x) plain(base::scale(x)), inputs = list(list(correlated)),
      int = list(matrix(c(1L, 5L, 2L, 2L, 7L, 3L), 3))),
  row("scale(center = FALSE)", function(x) scale(x, center = FALSE),
      function(x) plain(base::scale(x, center = FALSE)), inputs = list(list(correlated)), covers = "scale"),
  row("scale(numbers)", function(x) scale(x, center = 1:3, scale = c(2, 3, 4)),
      function(x) plain(base::scale(x, center = 1:3, scale = c(2, 3, 4))), inputs = list(list(correlated)),
      covers = "scale"),
  moves("rowsum", function(x) rowsum(x, c("b", "a", "b")), function(x) plain(base::rowsum(x, c("b", "a", "b"))),
        x = list(square))
), reduction("mlx_count_nonzero", function(x) sum(truth(x)), grad = FALSE, dtype = "int32", int_dtype = "int32",
             bool_dtype = "int32"))

two_rows <- list(
  binary("atan2", atan2, mixed, other, oracle = broadcasting(base::atan2), int_dtype = "float32"),
  unary("psigamma", function(x) psigamma(x, 3), positive, special = c(NaN, Inf, 1), bool = NULL),
  unary("psigamma(x)", function(x) psigamma(x), positive, special = c(NaN, Inf, 1), bool = NULL,
        covers = "psigamma")
)

mask_rows <- list(
  moves("drop", drop, base::drop, x = list(array(mixed, c(1, 8, 1)), v2)),
  row("row", rmlx::row, base::row, inputs = list(list(a)), grad = FALSE, dtype = "int32"),
  row("col", col, base::col, inputs = list(list(a)), grad = FALSE, dtype = "int32"),
  moves("asplit", function(x) asplit(x, 1)[[2L]], function(x) x[2, ], x = list(square)),
  row("apply to numbers", function(x) apply(x, 1, sum), function(x) base::apply(x, 1, sum),
      inputs = list(list(square), list(cube)), covers = "apply"),
  row("apply to vectors", function(x) apply(x, c(3, 1), function(v) v^2),
      function(x) base::apply(x, c(3, 1), function(v) v^2), inputs = list(list(cube)), covers = "apply"),
  row("sapply", function(x) sapply(1:3, function(i) x[i]^i), inputs = list(list(mixed))),
  row("sapply of vectors", function(x) sapply(1:3, function(i) x[1:2] * i), inputs = list(list(mixed)),
      covers = "sapply"),
  row("vapply", function(x) vapply(1:3, function(i) x[i]^i, 0), inputs = list(list(mixed))),
  row("tapply", function(x) tapply(x, c(1, 2, 1, 2, 3, 3, 3, 1), sum), inputs = list(list(mixed))),
  row("mapply", function(x, y) mapply(function(p, q) p * q, x, y), inputs = list(list(mixed, other))),
  row("Map", function(x) Map(function(p, q) p^q, x, 1:8)[[3L]], inputs = list(list(mixed))),
  row("Reduce", function(x) Reduce(function(p, q) p * q + 1, x, accumulate = TRUE), inputs = list(list(mixed))),
  row("unlist", function(x) unlist(lapply(x, function(v) v * 2)), inputs = list(list(mixed))),
  row("outer", function(x, y) outer(x, y), function(x, y) base::outer(x, y), sides = TRUE,
      inputs = list(list(v2, v3), list(a, v2))),
  row("outer with FUN", function(x, y) outer(x, y, function(a, b) a * b + a), sides = TRUE,
      function(x, y) base::outer(x, y, function(a, b) a * b + a), inputs = list(list(v2, v3)), covers = "outer"),
  row("%o%", function(x, y) x %o% y, function(x, y) base::`%o%`(x, y), inputs = list(list(v2, v3))),
  moves("matrix", function(x) matrix(x, 2), function(x) base::matrix(x, 2), x = list(mixed, cube, 1.5)),
  moves("matrix by rows", function(x) matrix(x, ncol = 4, byrow = TRUE),
        function(x) base::matrix(x, ncol = 4, byrow = TRUE), x = list(mixed, cube), covers = "matrix"),
  moves("matrix, repeated", function(x) matrix(x, 4, 3), function(x) base::matrix(x, 4, 3), x = list(v3, a),
        covers = "matrix"),
  moves("array", function(x) array(x, c(2, 2, 2)), function(x) base::array(x, c(2, 2, 2)), x = list(mixed, v2, square)),
  row("sweep", function(x, y) sweep(x, 2, y), function(x, y) base::sweep(x, 2, y), sides = TRUE,
      inputs = list(list(square, v3), list(cube, v3), list(a, 1.5))),
  row("sweep of two margins", function(x, y) sweep(x, c(3, 1), y, "*"), covers = "sweep",
      function(x, y) base::sweep(x, c(3, 1), y, "*"), inputs = list(list(cube, matrix(mixed, 4)))),
  row("ifelse", function(x, y) ifelse(x > 0.5, x, y), inputs = list(list(mixed, other)), sides = TRUE),
  row("pmin", function(x, y) pmin(x, y), sides = TRUE, inputs = list(list(mixed, compared + 0.5), list(square, 0.5)),
      special = list(list(c(1, NaN), c(NaN, 2)))),
  row("pmax", function(x, y) pmax(x, y), sides = TRUE, inputs = list(list(mixed, compared + 0.5), list(square, 0.5)),
      special = list(list(c(1, NaN), c(NaN, 2)))),
  row("pmax(na.rm = TRUE)", function(x, y) pmax(x, y, na.rm = TRUE), covers = "pmax",
      inputs = list(list(mixed, compared + 0.5)), special = list(list(c(1, NaN, NaN), c(NaN, 2, NaN))))
)

operations <- c(operations, two_rows, statistics_rows, mask_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
