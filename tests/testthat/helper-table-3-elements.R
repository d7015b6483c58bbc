# The table's rows for elementwise functions without a base generic, and comparisons of whole arrays.

# A function of one array whose oracle is another function.
unary_of <- function(id, f, oracle, ...) unary(id, f, oracle = oracle, ...)

# Results without a gradient, mostly plain R values.
reads <- function(id, f, x, oracle = f, dtype = "R", covers = id) {
  row(id, f, oracle, inputs = lapply(x, list), grad = FALSE, dtype = dtype, covers = covers)
}

# Only the array.
plain <- function(x) array(x, dim(x))

# Rows of plain rearrangements of x: every dtype keeps its own.
moves <- function(id, f, oracle, x = list(square, cube), ...) {
  keeps(id, f, oracle, inputs = lapply(x, list), ...)
}

element_rows <- list(
  unary_of("mlx_square", mlx_square, function(x) x^2, at = mixed, special = edges, int_dtype = "int32"),
  unary_of("mlx_reciprocal", mlx_reciprocal, function(x) 1 / x, at = mixed, special = edges,
        int = c(1L, 2L, -4L)),
  unary_of("mlx_rsqrt", mlx_rsqrt, function(x) 1 / sqrt(x), at = positive, special = c(NaN, Inf, 0, -1)),
  unary_of("mlx_degrees", mlx_degrees, function(x) x / pi * 180, at = mixed, special = edges),
  unary_of("mlx_radians", mlx_radians, function(x) x / 180 * pi, at = mixed, special = edges),
  binary("mlx_atan2", mlx_atan2, mixed, other, oracle = broadcasting(base::atan2), int_dtype = "float32",
         covers = c("mlx_atan2", "mlx_arctan2")),
  binary("mlx_divmod, quotient", function(x, y) mlx_divmod(x, y)$quotient, small, other,
         oracle = broadcasting(`%/%`), int_dtype = "float32", covers = "mlx_divmod",
         bool = list(c(TRUE, FALSE), TRUE)),
  binary("mlx_divmod, remainder", function(x, y) mlx_divmod(x, y)$remainder, small, other,
         oracle = broadcasting(`%%`), int_dtype = "float32", covers = "mlx_divmod",
         bool = list(c(TRUE, FALSE), TRUE)),
  unary_of("mlx_real", mlx_real, Re, at = mixed, special = edges, int_dtype = "int32"),
  unary_of("mlx_imag", mlx_imag, Im, at = mixed, special = 0, int_dtype = "int32"),
  unary_of("mlx_conjugate", mlx_conjugate, Conj, at = mixed, special = edges, int_dtype = "int32"),
  do.call(unary_of, c(list("mlx_isnan", mlx_isnan, is.nan, at = mixed, special = edges), flag)),
  do.call(unary_of, c(list("is.na", is.na, is.na, at = mixed, special = edges), flag)),
  do.call(unary_of, c(list("mlx_isfinite", mlx_isfinite, is.finite, at = mixed, special = edges), flag)),
  do.call(unary_of, c(list("mlx_isinf", mlx_isinf, is.infinite, at = mixed, special = edges), flag)),
  do.call(unary_of, c(list("mlx_isposinf", mlx_isposinf, function(x) x == Inf & !is.na(x), at = mixed,
                        special = edges), flag)),
  do.call(unary_of, c(list("mlx_isneginf", mlx_isneginf, function(x) x == -Inf & !is.na(x), at = mixed,
                        special = edges), flag)),
  binary("mlx_logical_xor", mlx_logical_xor, mixed, rep(c(0, 1), 4),
         oracle = broadcasting(function(x, y) xor(truth(x), truth(y))), special = c(Inf, 0, 1, -2),
         grad = FALSE, dtype = "bool", int_dtype = "bool", bool_dtype = "bool"),
  unary_of("mlx_clip", function(x) mlx_clip(x, -1, 1.5), function(x) pmin(pmax(x, -1), 1.5), at = apart,
        special = edges, int = c(-7L, 0L, 9L), int_dtype = "float32"),
  row("mlx_clip by arrays", function(x, a, b) mlx_clip(x, a, b),
      function(x, a, b) pmin(pmax(x, a), b), covers = "mlx_clip",
      inputs = list(list(apart, compared - 1, compared + 1.3))),
  unary_of("mlx_nan_to_num", function(x) mlx_nan_to_num(x, 7, 8, 9), function(x) {
    x[is.nan(x)] <- 7
    ifelse(is.infinite(x), ifelse(x > 0, 8, 9), x)
  }, at = mixed, special = edges, int_dtype = "int32", bool_dtype = "bool"),
  binary("mlx_isclose", function(x, y) mlx_isclose(x, y, atol = 0.5), mixed, mixed + c(0.1, 0.9),
         oracle = broadcasting(function(x, y) {
           near <- x == y | is.finite(x) & is.finite(y) & abs(x - y) <= 0.5 + 1e-5 * abs(y)
           replace(near, is.na(near), FALSE)
         }), special = c(Inf, -Inf, 0, 2), dtype = "bool", grad = FALSE, int_dtype = "bool",
         bool_dtype = "bool")
)

all_rows <- list(
  row("mlx_allclose", mlx_allclose, function(x, y) isTRUE(all(abs(x - y) < 1e-5)), dtype = "bool", grad = FALSE,
      inputs = list(list(mixed, mixed + 1e-7), list(mixed, other), list(a, a))),
  row("mlx_array_equal", mlx_array_equal, function(x, y) identical(x, y) && !anyNA(x), dtype = "bool", grad = FALSE,
      inputs = list(list(mixed, mixed), list(mixed, other), list(a, t(a)), list(a, a))),
  row("all.equal", function(x, y) isTRUE(all.equal(x, y)), dtype = "R", grad = FALSE,
      inputs = list(list(mixed, mixed + 1e-10), list(mixed, other), list(a, a), list(v2, v3)),
      special = list(list(c(1, NaN), c(1, NaN)))),
  row("anyNA", anyNA, inputs = list(list(mixed), list(c(1, NaN))), dtype = "R", grad = FALSE)
)

operations <- c(operations, element_rows, all_rows)
names(operations) <- vapply(operations, function(r) r$id, "")
