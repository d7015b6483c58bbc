# The table's rows for reductions, products, shapes and indices.

# A reduction in its forms: all of x, one axis from either end, several, and without dropping.
reduction <- function(name, fn, at = mixed, special = NULL, empty = nothing, int_dtype = "float32",
                      int = list(matrix(c(4L, -2L, 3L, 9L, 1L, 6L), 2)), ...) {
  f <- get(name)
  x <- shapes(at)
  whole <- row(name, f, function(x) reduce_r(x, NULL, fn), inputs = lapply(x[-1L], list),
               special = special, empty = empty, int = int, int_dtype = int_dtype,
               bool = list(c(TRUE, FALSE, TRUE)), ...)
  forms <- list(
    "axes = 1" = list(axes = 1), "axes = -1" = list(axes = -1),
    "axes = 2, drop = FALSE" = list(axes = 2, drop = FALSE)
  )
  partial <- lapply(names(forms), function(form) {
    arguments <- forms[[form]]
    row(
      paste0(name, ", ", form), function(x) do.call(f, c(list(x), arguments)),
      function(x) reduce_r(x, arguments$axes, fn, is.null(arguments$drop)),
      inputs = lapply(x[3:4], list), covers = name, ...
    )
  })
  several <- row(paste0(name, ", axes = c(1, 3)"), function(x) f(x, axes = c(1, 3)),
                 function(x) reduce_r(x, c(1, 3), fn), inputs = list(list(x[[4L]])), covers = name,
                 ...)
  c(list(whole), partial, list(several))
}

variance_r <- function(x) mean((x - mean(x))^2)
logsumexp_r <- function(x) {
  high <- max(x)
  if (is.finite(high)) high + log(sum(exp(x - high))) else high
}
softmax_r <- function(x) exp(x - max(x)) / sum(exp(x - max(x)))

reduction_rows <- c(
  reduction("mlx_sum", sum, special = list(list(c(1, NaN)), list(c(1, Inf))), int_dtype = "int32"),
  reduction("mlx_prod", prod, special = list(list(c(2, NaN)), list(c(0, 3))), int_dtype = "int32"),
  reduction("mlx_max", max, apart, list(list(c(1, NaN)), list(c(1, Inf))), int_dtype = "int32"),
  reduction("mlx_min", min, apart, list(list(c(1, NaN)), list(c(1, -Inf))), int_dtype = "int32"),
  reduction("mlx_mean", mean, special = list(list(c(1, NaN)), list(c(1, Inf)))),
  reduction("mlx_var", variance_r, special = list(list(c(1, NaN)), list(c(1e9, 1e9 + 1)))),
  reduction("mlx_std", function(x) sqrt(variance_r(x)), special = list(list(c(1, NaN)))),
  reduction("mlx_sd", sd, special = list(list(c(1, NaN)))),
  reduction("mlx_logsumexp", logsumexp_r, empty = NULL,
            special = list(list(c(1000, 1001)), list(c(-Inf, -Inf)), list(c(1, Inf)))),
  reduction("mlx_all", function(x) all(truth(x)), abs(mixed), grad = FALSE, dtype = "bool", int_dtype = "bool",
            bool_dtype = "bool", special = list(list(c(0, 1)), list(0))),
  reduction("mlx_any", function(x) any(truth(x)), abs(mixed), grad = FALSE, dtype = "bool", int_dtype = "bool",
            bool_dtype = "bool", special = list(list(c(0, 1)), list(c(0, 0)))),
  list(
    row("mlx_var, ddof = 1", function(x) mlx_var(x, ddof = 1), function(x) var(as.vector(x)), covers = "mlx_var",
        inputs = list(list(mixed))),
    row("mlx_softmax", mlx_softmax, function(x) along_r(x, NULL, softmax_r),
        inputs = lapply(shapes(unit)[-1L], list), special = list(list(c(1000, 1001, 0))),
        empty = nothing, int = list(c(1L, 3L)), bool = list(c(TRUE, FALSE))),
    row("mlx_softmax, axes = 2", function(x) mlx_softmax(x, axes = 2),
        along_axis(softmax_r, function(x) 2L), inputs = lapply(shapes(unit)[3:4], list),
        covers = "mlx_softmax"),
    row("mlx_softmax, axes = c(1, 3)", function(x) mlx_softmax(x, axes = c(1, 3)),
        function(x) along_r(x, c(1, 3), softmax_r), inputs = lapply(shapes(unit)[4], list),
        covers = "mlx_softmax")
  )
)

summary_row <- function(name, at = mixed, int_dtype = "int32", ...) {
  f <- get(name)
  list(
    row(name, f, inputs = lapply(shapes(at), list), special = list(list(c(1, NaN)), list(Inf)),
        empty = nothing, int = list(c(4L, -2L, 3L)), int_dtype = int_dtype,
        bool = list(c(TRUE, FALSE)), ...),
    row(paste0(name, "(na.rm = TRUE)"), function(x) f(x, na.rm = TRUE), covers = name,
        inputs = lapply(shapes(at), list), ...,
        special = list(list(c(1, NaN, 3)), list(matrix(c(NaN, 2, 3, NaN), 2)), list(NaN)))
  )
}

summary_rows <- c(
  summary_row("sum"), summary_row("prod"), summary_row("max", apart), summary_row("min", apart),
  summary_row("mean", int_dtype = "float32"),
  summary_row("range", apart),
  list(
    row("sum(x, y)", function(x, y) sum(x, y), inputs = list(list(mixed, 2.5)), covers = "sum"),
    row("prod(x, y)", function(x, y) prod(x, y), inputs = list(list(mixed, 2.5)), covers = "prod"),
    row("max(x, y)", function(x, y) max(x, y), inputs = list(list(mixed, 9.5)), covers = "max"),
    row("min(x, y)", function(x, y) min(x, y), inputs = list(list(mixed, 9.5)), covers = "min"),
    row("range(x, y)", function(x, y) range(x, y), inputs = list(list(apart, 9.5)),
        covers = "range"),
    row("all", all, inputs = list(list(c(1, 2)), list(c(1, 0)), list(matrix(1, 2, 2))),
        empty = nothing, int = list(c(1L, 0L)), int_dtype = "R", bool = list(c(TRUE, TRUE)),
        bool_dtype = "R", grad = FALSE, dtype = "R"),
    row("all(na.rm = TRUE)", function(x) all(x, na.rm = TRUE), covers = "all", grad = FALSE,
        inputs = list(list(c(NaN, 1)), list(c(NaN, 0)), list(NaN)), dtype = "R"),
    row("any(na.rm = TRUE)", function(x) any(x, na.rm = TRUE), covers = "any", grad = FALSE,
        inputs = list(list(c(NaN, 1)), list(c(NaN, 0)), list(NaN)), dtype = "R"),
    row("any", any, inputs = list(list(c(0, 2)), list(c(0, 0)), list(matrix(1, 2, 2))),
        empty = nothing, int = list(c(1L, 0L)), int_dtype = "R", bool = list(c(TRUE, FALSE)),
        bool_dtype = "R", grad = FALSE, dtype = "R")
  )
)

margins <- function(name) {
  base_f <- getExportedValue("base", name)
  f <- getExportedValue("rmlx", name)
  x <- shapes(mixed)
  kind <- if (grepl("Sums", name)) "int32" else "float32"
  list(
    row(name, f, base_f, inputs = lapply(x[3:4], list), empty = list(list(matrix(0, 0, 3))),
        special = list(list(matrix(c(1, NaN, 3, Inf), 2))),
        int = list(matrix(1:6, 2)), int_dtype = kind, bool = list(matrix(c(TRUE, FALSE), 2, 2))),
    row(paste0(name, "(dims = 2)"), function(x) f(x, dims = 2), function(x) base_f(x, dims = 2),
        inputs = lapply(x[4], list), covers = name),
    row(paste0(name, "(na.rm = TRUE)"), function(x) f(x, na.rm = TRUE),
        function(x) base_f(x, na.rm = TRUE), inputs = lapply(x[3:4], list), covers = name,
        special = list(list(matrix(c(1, NaN, 3, Inf, NaN, NaN), 2))))
  )
}
margin_rows <- do.call(c, lapply(c("rowSums", "colSums", "rowMeans", "colMeans"), margins))

a <- matrix(mixed[1:6], 2)
b <- matrix(other[1:6], 3)
square <- matrix(c(mixed, 0.6), 3)
v2 <- c(0.7, -1.9)
v3 <- c(1.1, -0.4, 2.6)
batches <- function(f) {
  function(x, y) {
    parts <- lapply(seq_len(dim(x)[1]), function(i) {
      f(matrix(x[i, , ], dim(x)[2]), matrix(y[i, , ], dim(y)[2]))
    })
    aperm(simplify2array(parts), c(3, 1, 2))
  }
}
stack <- array(seq(-1, 2, length.out = 12), c(2, 2, 3))
none <- list(list(matrix(0, 0, 3), matrix(0, 3, 2)), list(matrix(0, 2, 0), matrix(0, 0, 3)))
whole2 <- list(matrix(1:6, 2), matrix(c(-1L, 2L, 3L, 0L, 5L, 6L), 3))
true2 <- list(matrix(c(TRUE, FALSE, TRUE, TRUE), 2), matrix(c(TRUE, TRUE, FALSE, TRUE), 2))

product_rows <- list(
  row("%*%", function(x, y) x %*% y, function(x, y) base::`%*%`(x, y),
      inputs = list(list(a, b), list(a, v3), list(v2, a), list(v3, v3), list(v2, t(v3)),
                    list(a, matrix(v3, 3))),
      empty = none, int = whole2, bool = true2, sides = TRUE),
  row("crossprod", function(x, y) crossprod(x, y), function(x, y) base::crossprod(x, y),
      inputs = list(list(a, a + 1), list(a, v2), list(v2, v2), list(v2, a)),
      empty = list(list(matrix(0, 0, 3), matrix(0, 0, 2))), int = list(diag(2L), whole2[[1]]),
      bool = true2, sides = TRUE),
  row("tcrossprod", function(x, y) tcrossprod(x, y), function(x, y) base::tcrossprod(x, y),
      inputs = list(list(a, a + 1), list(v3, v2), list(a, t(v3))),
      empty = list(list(matrix(0, 2, 0), matrix(0, 3, 0))), int = rep(whole2[1], 2), bool = true2,
      sides = TRUE),
  row("crossprod(x)", function(x) crossprod(x), function(x) base::crossprod(x),
      inputs = list(list(a), list(v3)), covers = "crossprod"),
  row("tcrossprod(x)", function(x) tcrossprod(x), function(x) base::tcrossprod(x),
      inputs = list(list(a), list(v3)), covers = "tcrossprod"),
  row("%*% of stacks", function(x, y) x %*% y, batches(function(x, y) base::`%*%`(x, y)),
      inputs = list(list(stack, aperm(stack, c(1, 3, 2)) + 0.5)), covers = "%*%")
)

cube <- array(c(mixed, other, positive), c(2, 3, 4))
keeps <- function(id, f, oracle = f, inputs, covers = id, int = lapply(inputs[[1L]], whole), ...,
                  special = list(lapply(inputs[[1L]], replace_first))) {
  row(id, f, oracle, inputs = inputs, covers = covers, int = int, int_dtype = "int32", ...,
      special = special)
}
whole <- function(x) {
  x[] <- trunc(x)
  storage.mode(x) <- "integer"
  x
}
replace_first <- function(x) {
  x[1] <- NaN
  x
}

shape_rows <- list(
  keeps("mlx_reshape", function(x) mlx_reshape(x, c(2, 4)), function(x) row_major(x, c(2, 4)),
        inputs = list(list(mixed), list(array(mixed, c(2, 2, 2))))),
  keeps("mlx_reshape(order = \"F\")", function(x) mlx_reshape(x, c(4, -1), order = "F"),
        function(x) array(x, c(4, 2)), covers = "mlx_reshape",
        inputs = list(list(mixed), list(array(mixed, c(2, 2, 2))))),
  keeps("dim<-", function(x) {
    dim(x) <- c(4, 2)
    x
  }, function(x) row_major(x, c(4, 2)), inputs = list(list(mixed), list(matrix(mixed, 2)))),
  keeps("mlx_squeeze", function(x) mlx_squeeze(x), base::drop,
        inputs = list(list(array(mixed[1:3], c(1, 3, 1))))),
  keeps("mlx_expand_dims", function(x) mlx_expand_dims(x, c(1, -1)),
        function(x) array(x, c(1, shape_of(x), 1)), inputs = list(list(a), list(cube))),
  keeps("mlx_broadcast_to", function(x) mlx_broadcast_to(x, c(2, 2, 3)),
        function(x) expand_to(x, c(2L, 2L, 3L)), inputs = list(list(a), list(v3), list(2.5))),
  keeps("t", function(x) t(x), inputs = list(list(a), list(v3))),
  keeps("t of a cube", function(x) t(x), function(x) if (is.null(dim(x))) x else aperm(x), inputs = list(list(cube)),
        covers = "t"),
  keeps("aperm", function(x) aperm(x, c(3, 1, 2)), inputs = list(list(cube))),
  keeps("aperm(x)", function(x) aperm(x), function(x) if (is.null(dim(x))) x else base::aperm(x),
        inputs = list(list(cube), list(a)), covers = "aperm"),
  keeps("mlx_cast", function(x) mlx_cast(as_mlx(x, dtype = "float64", device = "cpu"), mlx_dtype(x)), function(x) x,
        inputs = list(list(a)), int = NULL),
  keeps("mlx_stop_gradient", mlx_stop_gradient, function(x) x, inputs = list(list(a)),
        grad = FALSE),
  keeps("c", function(x, y) c(x, y), inputs = list(list(v2, v3), list(a, b), list(1.5, cube)),
        empty = list(list(numeric(), 1), list(numeric(), numeric())), sides = 2L),
  keeps("cbind", function(x, y) cbind(x, y, deparse.level = 0), sides = TRUE,
        inputs = list(list(a, a + 1), list(a, v2), list(1.5, a), list(v3, v3)),
        empty = list(list(matrix(0, 2, 0), matrix(0, 2, 3)))),
  keeps("rbind", function(x, y) rbind(x, y, deparse.level = 0), sides = TRUE,
        inputs = list(list(a, a + 1), list(a, v3), list(1.5, a), list(v3, v3)),
        empty = list(list(matrix(0, 0, 2), matrix(0, 3, 2)))),
  keeps("cbind of cubes", function(x, y) cbind(x, y), covers = "cbind", function(x, y) {
    aperm(array(c(aperm(x, c(1, 3, 2)), aperm(y, c(1, 3, 2))), c(2, 4, 6)), c(1, 3, 2))
  }, inputs = list(list(cube, cube + 1)))
)

subset_row <- function(id, f, oracle = f, x = list(square), ...) {
  keeps(id, f, oracle, inputs = lapply(x, list), covers = "[", ...)
}
kept <- c(TRUE, FALSE, TRUE)

index_rows <- list(
  subset_row("x[i]", function(x) x[c(3, 1, 3)], x = list(mixed, square, cube)),
  subset_row("x[-i]", function(x) x[-c(1, 4)], x = list(mixed, square, cube)),
  subset_row("x[range]", function(x) x[2:5], x = list(mixed, square)),
  subset_row("x[]", function(x) x[], x = list(mixed, square, cube)),
  subset_row("`[`(x)", function(x) `[`(x), x = list(mixed, square)),
  subset_row("x[mask]", function(x) x[as.vector(square) > 0.5], x = list(square)),
  subset_row("x[x > 0]", function(x) x[x > 0], x = list(mixed, square, cube),
             special = NULL, reads = "the mask decides the shape"),
  subset_row("x[i, ]", function(x) x[2, ], function(x) x[2, , drop = FALSE]),
  subset_row("x[, j]", function(x) x[, c(3, 1, 1)], function(x) x[, c(3, 1, 1), drop = FALSE]),
  subset_row("x[i, j]", function(x) x[3:2, -1], function(x) x[3:2, -1, drop = FALSE]),
  subset_row("x[mask, step]", function(x) x[kept, c(1, 3)],
             function(x) x[kept, c(1, 3), drop = FALSE]),
  subset_row("x[i, j, drop = TRUE]", function(x) x[2, , drop = TRUE], function(x) x[2, ]),
  subset_row("x[matrix]", function(x) x[cbind(c(1, 3, 3, 1), c(2, 1, 1, 3))]),
  subset_row("x[mlx positions]", function(x) x[as_mlx(c(3, 1, 3)), ],
             function(x) x[c(3, 1, 3), , drop = FALSE], reads = "positions are checked"),
  subset_row("x[mlx mask]", function(x) x[as_mlx(square > 0.5)], function(x) x[square > 0.5],
             reads = "the mask decides the shape"),
  subset_row("x[i, j, k]", function(x) x[2, c(3, 1), -2],
             function(x) x[2, c(3, 1), -2, drop = FALSE], list(cube)),
  subset_row("x[, , k]", function(x) x[, , 2:3], x = list(cube)),
  subset_row("x[integer()]", function(x) x[integer()], x = list(mixed, square)),
  row("[[", function(x) x[[2, 3]], inputs = list(list(square)), grad = FALSE, dtype = "R",
      int = list(matrix(1:9, 3)), int_dtype = "R")
)

assign_row <- function(id, f, x = square, v, oracle = f, covers = "[<-", ...) {
  keeps(id, f, oracle, inputs = lapply(v, function(value) list(x, value)), covers = covers,
        sides = 2L, ...)
}

assign_rows <- list(
  assign_row("x[i] <- v", function(x, v) {
    x[c(3, 1)] <- v
    x
  }, mixed, list(1.5, v2)),
  assign_row("x[] <- v", function(x, v) {
    x[] <- v
    x
  }, square, list(1.5, v3, square + 1)),
  assign_row("`[<-`(x, value = v)", function(x, v) `[<-`(x, value = v), square, list(1.5, v3)),
  assign_row("x[mask] <- v", function(x, v) {
    x[c(FALSE, TRUE, TRUE), ] <- v
    x
  }, v = list(1.5, v2, a)),
  assign_row("x[x > 0] <- v", function(x, v) {
    x[x > 0] <- v
    x
  }, v = list(1.5), reads = "positions are checked"),
  assign_row("x[i, ] <- v", function(x, v) {
    x[2, ] <- v
    x
  }, v = list(1.5, v3)),
  assign_row("x[i, j] <- v", function(x, v) {
    x[c(3, 1), -2] <- v
    x
  }, v = list(1.5, v2, a[, 1:2])),
  assign_row("x[, step] <- v", function(x, v) {
    x[, c(1, 3)] <- v
    x
  }, v = list(1.5, v3, t(a))),
  assign_row("x[matrix] <- v", function(x, v) {
    x[cbind(c(1, 3, 2), c(2, 1, 2))] <- v
    x
  }, v = list(1.5, v3)),
  assign_row("x[i, j, k] <- v", function(x, v) {
    x[2, c(3, 1), c(1, 4)] <- v
    x
  }, cube, list(1.5, v2, matrix(mixed[1:4], 2))),
  assign_row("x[mlx mask] <- v", function(x, v) {
    x[as_mlx(square > 0.5)] <- v
    x
  }, v = list(1.5), reads = "positions are checked", oracle = function(x, v) {
    x[square > 0.5] <- v
    x
  }),
  assign_row("x[[i]] <- v", function(x, v) {
    x[[2, 3]] <- v
    x
  }, v = list(1.5), covers = "[[<-")
)

operations <- c(
  math_rows, ops_rows, complex_rows, test_rows, reduction_rows, summary_rows, margin_rows,
  product_rows, shape_rows, index_rows, assign_rows, special_rows, law_rows
)
names(operations) <- vapply(operations, function(r) r$id, "")
