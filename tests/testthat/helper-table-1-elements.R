# One row for every operation: how a user writes it, what base R says it is, and on what.
#
# f        the operation as users write it, of mlx arrays
# oracle   the same in base R (or a closed form)
# inputs   argument lists: value in float64 and float32, gradient
# special  argument lists for values alone: NaN, infinities, kinks
# empty    argument lists without elements
# int      an argument list of integers, and int_dtype, the dtype of its result
# bool     an argument list of logicals, and bool_dtype
# grad     which arguments have a gradient (FALSE: none)
# sides    whether an R vector may stand in for either operand
# h        the step of the central differences, relative
# reads    why values go to R (data-dependent shapes, positions that are checked); NULL: they do not
# refuses  the dtypes that the operation refuses by an error of class rmlx_error_dtype
# half     the dtype of the result of float16 and bfloat16, where it is another one
# covers   the generics and exports that the row stands for
row <- function(id, f, oracle = f, inputs, special = NULL, empty = NULL, int = NULL,
                int_dtype = "float32", bool = NULL, bool_dtype = "float32", grad = TRUE,
                sides = FALSE, covers = id, tolerance32 = 1e-5, dtype = "same",
                h = 2e-4, reads = NULL, refuses = character(), half = "same") {
  list(
    id = id, f = f, oracle = oracle, inputs = inputs, special = special, empty = empty, int = int,
    int_dtype = int_dtype, bool = bool, bool_dtype = bool_dtype,
    grad = if (isTRUE(grad)) seq_along(inputs[[1L]]) else if (isFALSE(grad)) integer() else grad,
    sides = sides, covers = covers, tolerance32 = tolerance32, dtype = dtype, h = h, reads = reads,
    refuses = refuses, half = half
  )
}

nothing <- list(list(numeric()), list(matrix(0, 0, 3)))
nothing2 <- list(
  list(numeric(), numeric()), list(numeric(), 2), list(matrix(0, 2, 0), matrix(0, 2, 0)),
  list(1.5, array(0, c(2, 0, 3)))
)

# Eight numbers as a scalar, a vector, a matrix and an array of rank 3.
shapes <- function(v) list(v[1L], v, matrix(v[1:6], 2), array(v, c(2, 2, 2)))

unary <- function(id, f, at, special = c(NaN, Inf, -Inf), int = c(1L, 2L, 5L), ...,
                  bool = c(TRUE, FALSE)) {
  row(id, f, ..., inputs = lapply(shapes(at), list), special = list(list(special)),
      empty = nothing, int = list(int), bool = list(bool))
}

# Two operands: equal shapes, a scalar on either side, and shapes that broadcast.
binary <- function(id, f, x, y, special = c(NaN, Inf, -Inf, 0, -1.5, 2), int_dtype = "int32",
                   oracle = broadcasting(f),
                   bool = list(c(TRUE, FALSE, TRUE, FALSE), c(TRUE, TRUE, FALSE, FALSE)),
                   int = list(c(7L, -7L, 3L), c(2L, 2L, -5L)), ...) {
  a <- shapes(x)
  b <- shapes(y)
  inputs <- c(
    Map(list, a, b),
    list(
      list(a[[2]], b[[1]]), list(a[[1]], b[[3]]), list(a[[3]], y[1:3]),
      list(matrix(x[1:2], 2), b[[3]]), list(a[[4]], matrix(y[1:2], 2, 1))
    )
  )
  pairs <- expand.grid(x = special, y = special)
  row(id, f, ..., oracle = oracle, inputs = inputs, special = list(list(pairs$x, pairs$y)),
      empty = nothing2, int = int, int_dtype = int_dtype, bool = bool, sides = TRUE)
}

mixed <- c(-2.1, 0.4, 1.7, -0.3, 3.2, -12.25, 0.9, 7.5)
other <- c(1.3, -0.7, 2.2, 0.8, -1.6, 3.1, 5.5, -4.4)
positive <- c(0.3, 1.7, 2.5, 0.05, 4.2, 11.5, 0.75, 30.1)
unit <- c(-0.9, 0.4, 0.05, -0.3, 0.7, -0.55, 0.2, 0.95)
apart <- c(-2.1, 0.4, 1.7, -0.3, 3.2, -1.25, 0.9, 2.6) # no whole numbers, no halves, no ties
edges <- c(NaN, Inf, -Inf, 0)

math_rows <- list(
  unary("abs", abs, mixed, edges, int = c(-3L, 0L, 4L), int_dtype = "int32"),
  unary("sign", sign, mixed, edges, int = c(-3L, 0L, 4L), int_dtype = "int32"),
  unary("sqrt", sqrt, positive, c(edges, -1)),
  unary("exp", exp, c(-2.1, 0.4, 1.7, -0.3, 3.2, -12.25, 0, 25), c(edges, 800, -800)),
  unary("expm1", expm1, c(-2.1, 1e-9, 1.7, -1e-4, 3.2, -12.25, 0, 25)),
  unary("log", log, positive, c(edges, -1)),
  unary("log2", log2, positive, c(edges, -1, 8)),
  unary("log10", log10, positive, c(edges, -1, 1000)),
  unary("log1p", log1p, c(-0.9, 1e-9, 1.7, -1e-4, 3.2, 12.25, 0, 25), c(edges, -1, -2)),
  row("log(x, base)", function(x, b) log(x, b), broadcasting(function(x, b) log(x, b)),
      inputs = list(list(2.5, 3.5), list(positive, positive[8:1] + 1), list(positive, 3)),
      empty = nothing2, int = list(c(1L, 9L), c(3L, 3L)), bool = list(TRUE, TRUE), sides = 2L,
      covers = "log"),
  unary("log(x, 2)", function(x) log(x, 2), positive, covers = "log"),
  unary("log(x, base = 10)", function(x) log(x, base = 10), positive, covers = "log"),
  unary("log(x, exp(1))", function(x) log(x, base = exp(1)), positive, covers = "log"),
  unary("cos", cos, mixed, c(edges, 1e6)),
  unary("sin", sin, mixed, c(edges, 1e6)),
  unary("tan", tan, mixed, edges),
  unary("cospi", cospi, mixed, c(edges, 0.5, 1, 1e6)),
  unary("sinpi", sinpi, mixed, c(edges, 0.5, 1, 1e6)),
  unary("tanpi", tanpi, unit, c(edges, 0.25, 1)),
  unary("acos", acos, unit, c(edges, 1, -1, 1.5)),
  unary("asin", asin, unit, c(edges, 1, -1, 1.5)),
  unary("atan", atan, mixed, edges),
  unary("cosh", cosh, mixed, edges),
  unary("sinh", sinh, mixed, edges),
  unary("tanh", tanh, mixed, c(edges, 40)),
  unary("acosh", acosh, positive + 1.1, c(edges, 1)),
  unary("asinh", asinh, mixed, edges),
  unary("atanh", atanh, unit, c(edges, 1, -1, 1.5)),
  unary("floor", floor, apart, c(edges, 2, -2, 2.5), int_dtype = "int32"),
  unary("ceiling", ceiling, apart, c(edges, 2, -2, 2.5), int_dtype = "int32"),
  unary("trunc", trunc, apart, c(edges, 2, -2, 2.5), int_dtype = "int32"),
  unary("round", round, apart, c(edges, 2.5, 3.5, -0.5, 1e9), int_dtype = "int32"),
  unary("round(x, 2)", function(x) round(x, 2), mixed / 7, c(edges, 0.125, 2.675, 1e9),
        int_dtype = "int32", covers = "round"),
  unary("round(x, -1)", function(x) round(x, digits = -1), mixed * 7, c(edges, 15, 25, 1234),
        int = c(14L, 15L, 26L), int_dtype = "int32", covers = "round"),
  unary("signif", signif, mixed * 1e5 / 7, edges, int = c(1234567L, 5L), int_dtype = "int32",
        h = 1e-9),
  unary("signif(x, 2)", function(x) signif(x, 2), other * 1e5 / 7, c(edges, 1e-300),
        int = c(1234L, 5L), int_dtype = "int32", covers = "signif"),
  unary("gamma", gamma, c(-2.5, 0.4, 1.7, -0.3, 3.2, 5, 0.9, 30.1), c(NaN, Inf, 0.5, 1e-3)),
  unary("lgamma", lgamma, c(-2.5, 0.4, 1.7, -0.3, 3.2, 5, 0.9, 300.1), c(edges, 1, 2, 1e8)),
  unary("digamma", digamma, c(-2.5, 0.4, 1.7, -0.3, 3.2, 5, 0.9, 300.1), c(NaN, Inf, 1)),
  unary("trigamma", trigamma, c(-2.5, 0.4, 1.7, -0.3, 3.2, 5, 0.9, 300.1), c(NaN, Inf, 1)),
  unary("cumsum", cumsum, other, c(1, NaN, 2), int_dtype = "int32"),
  unary("cumprod", cumprod, mixed, c(1, 0, 2, NaN, 2), int_dtype = "int32"),
  unary("cummax", cummax, apart, c(1, 1, 3, 2, NaN, 9), int_dtype = "int32"),
  unary("cummin", cummin, apart, c(1, 1, 3, -2, NaN, -9), int_dtype = "int32")
)

small <- c(1.5, -2.5, 3.25, 4.75, -5.5, 7.25, 0.4, 2.3)
compared <- c(-2.1, -0.7, 1.7, 0.8, -1.6, -12.25, 0.9, -4.4)

# NaN compares as in IEEE, where R says NA.
relation <- function(id, f) {
  binary(id, f, mixed, compared, special = c(Inf, -Inf, 0, 1, -2), grad = FALSE, dtype = "bool",
         int_dtype = "bool", bool_dtype = "bool", oracle = broadcasting(function(x, y) {
           out <- f(x, y)
           replace(out, is.na(out), id == "!=")
         }))
}
logic <- function(id, f) {
  r <- relation(id, f)
  r$oracle <- broadcasting(function(x, y) f(truth(x), truth(y)))
  r
}

ops_rows <- list(
  binary("+", `+`, mixed, other),
  binary("-", `-`, mixed, other),
  binary("*", `*`, mixed, other),
  binary("/", `/`, mixed, other, int_dtype = "float32"),
  # a negative base with an infinite exponent is IEEE's Inf or 0 here, NaN in R
  binary("^", `^`, positive, other / 2, special = c(NaN, Inf, 0, 1, 2), int = list(c(7L, -7L, 3L), c(2L, 3L, 5L))),
  binary("%%", `%%`, small, other, int_dtype = "float32"),
  binary("%/%", `%/%`, small, other, int_dtype = "float32", bool = list(c(TRUE, FALSE), TRUE)),
  unary("+x", function(x) +x, mixed, edges, int_dtype = "int32", covers = "+", bool = NULL),
  unary("-x", function(x) -x, mixed, edges, int_dtype = "int32", covers = "-"),
  unary("x^2", function(x) x^2, mixed, edges, int_dtype = "int32", covers = "^"),
  unary("x^3", function(x) x^3, mixed, edges, int_dtype = "int32", covers = "^"),
  unary("x^-1", function(x) x^-1, mixed, edges, covers = "^"),
  unary("x^0.5", function(x) x^0.5, positive, edges, covers = "^"),
  unary("x^0", function(x) x^0, mixed, edges, int_dtype = "int32", covers = "^"),
  unary("x^1", function(x) x^1, mixed, edges, int_dtype = "int32", covers = "^"),
  unary("2^x", function(x) 2^x, mixed, edges, int_dtype = "int32", covers = "^"),
  relation("==", `==`), relation("!=", `!=`), relation("<", `<`), relation("<=", `<=`),
  relation(">", `>`), relation(">=", `>=`),
  logic("&", `&`), logic("|", `|`),
  unary("!", `!`, mixed, c(0, 1, Inf, NaN), oracle = function(x) !truth(x), grad = FALSE,
        dtype = "bool", int_dtype = "bool", bool_dtype = "bool"),
  binary("mlx_maximum", mlx_maximum, mixed, compared + 0.5, oracle = broadcasting(pmax)),
  binary("mlx_minimum", mlx_minimum, mixed, compared + 0.5, oracle = broadcasting(pmin)),
  binary("mlx_logaddexp", mlx_logaddexp, mixed, other, special = c(NaN, Inf, -Inf, 0, 1000),
         int_dtype = "float32", oracle = broadcasting(function(x, y) {
           high <- pmax(x, y)
           ifelse(is.finite(high), high + log1p(exp(-abs(x - y))), high)
         })),
  row("mlx_where", mlx_where, broadcasting(function(condition, x, y) {
    storage.mode(condition) <- "logical"
    ifelse(condition, x, y)
  }), inputs = list(
    list(TRUE, 1.5, -2), list(c(TRUE, FALSE, TRUE), c(1, 2, 3), c(-1, -2, -3)),
    list(matrix(c(TRUE, FALSE), 2), matrix(mixed[1:6], 2), 0.5),
    list(c(TRUE, FALSE), array(mixed, c(2, 2, 2)), array(other, c(2, 2, 2)))
  ), special = list(list(c(1, 0, 2, -1), c(NaN, NaN, 1, 2), c(1, 2, NaN, Inf))),
  empty = list(list(logical(), numeric(), numeric())), grad = 2:3,
  int = list(c(1L, 0L), c(5L, 6L), c(7L, 8L)), int_dtype = "int32",
  bool = list(c(TRUE, FALSE), c(TRUE, TRUE), c(FALSE, FALSE)), bool_dtype = "bool")
)

complex_rows <- list(
  unary("Re", Re, mixed, edges, int_dtype = "int32"),
  unary("Im", Im, mixed, 0, int_dtype = "int32"),
  unary("Mod", Mod, mixed, edges, int_dtype = "int32"),
  unary("Arg", Arg, mixed, c(0, Inf, -Inf)),
  unary("Conj", Conj, mixed, edges, int_dtype = "int32")
)

flag <- list(grad = FALSE, dtype = "bool", int_dtype = "bool", bool_dtype = "bool")
test_rows <- list(
  do.call(unary, c(list("is.nan", is.nan, mixed, edges), flag)),
  do.call(unary, c(list("is.finite", is.finite, mixed, edges), flag)),
  do.call(unary, c(list("is.infinite", is.infinite, mixed, edges), flag))
)
