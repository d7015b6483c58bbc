# The graph of a function: what mlx_graph() tells is compared with what the functions do by construction.

operations_of <- function(graph) graph$nodes$operation[graph$nodes$kind == "operation"]

# The nodes that a node takes, in the order of its arguments.
taken_by <- function(graph, id) {
  edges <- graph$edges[graph$edges$to == id, ]
  edges$from[order(edges$position)]
}

test_that("a graph has the operations, arguments, shapes and results of its function", {
  graph <- mlx_graph(function(p, x) list(y = x %*% p$w, s = sum(x) - p$b), list(w = matrix(1, 3, 2), b = 1),
                     matrix(1, 4, 3))
  nodes <- graph$nodes
  expect_s3_class(graph, "mlx_graph")
  expect_identical(nodes$id, seq_len(nrow(nodes)))
  inputs <- nodes[nodes$kind == "input", ]
  expect_identical(inputs$name, c("p$w", "p$b", "x"))
  expect_identical(inputs$shape, c("[3 x 2]", "[]", "[4 x 3]"))
  expect_identical(unique(nodes$dtype), "float32")
  matmul <- nodes$id[nodes$operation %in% "Matmul"]
  expect_identical(taken_by(graph, matmul), c(3L, 1L))
  expect_identical(nodes$shape[matmul], "[4 x 2]")
  expect_identical(nodes$device[matmul], mlx_default_device())
  subtract <- nodes$id[nodes$operation %in% "Subtract"]
  expect_identical(taken_by(graph, subtract)[[2L]], 2L)
  outputs <- nodes[nodes$kind == "output", ]
  expect_identical(outputs$name, c("y", "s"))
  expect_identical(outputs$shape, c("[4 x 2]", "[]"))
  expect_identical(c(taken_by(graph, outputs$id[[1L]]), taken_by(graph, outputs$id[[2L]])), c(matmul, subtract))
  expect_true(all(graph$edges$from < graph$edges$to))
})

test_that("what a function shares appears once, and what it repeats as often as it does", {
  shared <- mlx_graph(function(x) {
    y <- sin(x)
    y * y + y
  }, c(1, 2))
  expect_identical(sort(operations_of(shared)), c("Add", "Multiply", "Sin"))
  again <- mlx_graph(function(x) Reduce(function(y, i) cos(y), 1:7, x), 1)
  expect_identical(operations_of(again), rep("Cos", 7))
  expect_identical(summary(shared)$count, c(1L, 1L, 1L))
  expect_identical(summary(again), data.frame(operation = "Cos", count = 7L))
  identity <- mlx_graph(function(x) list(x, x), 1)
  expect_identical(identity$nodes$kind, c("input", "output", "output"))
  expect_identical(identity$edges$from, c(1L, 1L))
})

test_that("an operation of several outputs is one node", {
  graph <- mlx_graph(function(x) unclass(qr(x))[c("Q", "R")], matrix(c(2, 1, 0, 3), 2))
  rule <- graph$nodes[graph$nodes$operation %in% "RuleQr", ]
  expect_identical(nrow(rule), 1L)
  expect_identical(rule$shape, "[2 x 2], [2 x 2]")
  ends <- graph$edges[graph$edges$from == rule$id, ]
  expect_identical(ends$output, 1:2)
  expect_match(format(graph)[ends$to], paste0("= %", rule$id, "[.][12]"))
})

test_that("captured arrays and numbers are constants, with their value if it is one number", {
  w <- as_mlx(c(1, 2, 3))
  graph <- mlx_graph(function(x) sum(x * w) / 8, c(1, 1, 1))
  constants <- graph$nodes[graph$nodes$kind == "constant", ]
  expect_identical(constants$name, c("constant", "constant"))
  expect_identical(constants$value, c(NA, 8))
  expect_identical(constants$shape, c("[3]", "[]"))
  nan <- mlx_graph(function(x) x + NaN, 1)$nodes
  expect_true(is.nan(nan$value[nan$kind == "constant"]))
})

test_that("nothing is computed, and values that f evaluates do not cut the graph", {
  reads <- .Call(rmlx:::C_reads)
  x <- as_mlx(c(1, 2)) * 2
  graph <- mlx_graph(function(x) exp(x), x)
  expect_identical(.Call(rmlx:::C_reads), reads)
  expect_identical(operations_of(graph), "Exp") # what x was computed by is not f's
  branch <- mlx_graph(function(x) {
    y <- x * 2
    if (sum(y) > 0) sqrt(y) else -y
  }, c(1, 2))
  expect_identical(operations_of(branch), c("Multiply", "Sqrt"))
  evaluated <- mlx_graph(function(x) {
    y <- x * 2
    mlx_eval(y)
    sqrt(y)
  }, c(1, 2))
  expect_identical(operations_of(evaluated), c("Multiply", "Sqrt"))
})

test_that("the gradient's graph has the gradients among its outputs", {
  graph <- mlx_graph(function(w, x) sum(sin(w) * x), w = c(1, 2), x = c(3, 4), argnums = "w", grad = TRUE)
  outputs <- graph$nodes[graph$nodes$kind == "output", ]
  expect_identical(outputs$name, c("value", "grads$w"))
  expect_identical(outputs$shape, c("[]", "[2]"))
  expect_identical(sum(operations_of(graph) == "Cos"), 1L)
  # the inputs are the function's own, not the copies that the gradient is taken at
  sine <- graph$nodes$id[graph$nodes$operation %in% "Sin"]
  expect_identical(taken_by(graph, sine), 1L)
})

test_that("graphs are told inside other transformations", {
  seen <- list()
  look <- function(x) {
    seen[[length(seen) + 1L]] <<- operations_of(mlx_graph(function(z) sin(z) * x, x))
    sum(x^3)
  }
  expect_near(mlx_grad(look, c(1, 2))[[1L]], c(3, 12), 1e-6)
  expect_near(mlx_vmap(look)(matrix(1:4, 2)), c(1 + 27, 8 + 64), 1e-6)
  expect_identical(seen, list(c("Sin", "Multiply"), c("Sin", "Multiply")))
  inner <- mlx_graph(function(x) mlx_grad(function(z) sum(exp(z)), x)[[1L]], c(1, 2))
  expect_true("Exp" %in% operations_of(inner))
  mapped <- mlx_graph(mlx_vmap(function(row) sum(row * row)), matrix(1:6, 2))
  expect_identical(mapped$nodes$shape[mapped$nodes$kind == "output"], "[2]")
})

test_that("what cannot be told is an error that says so", {
  expect_error(mlx_graph(function(x) as.numeric(x), 1), "part of the graph", class = "rmlx_error_tape")
  expect_error(mlx_graph(function(x) 1, 1), "must return an `mlx` object", class = "rmlx_error_result")
  expect_error(mlx_graph(function(x) x), "at least one argument", class = "rmlx_error_argument")
  expect_error(mlx_graph(function(x) x, "a"), "no argument", class = "rmlx_error_argument")
  expect_error(mlx_graph(3, 1), "must be a function", class = "rmlx_error_argument")
  expect_error(mlx_graph(function(x) x, 1, grad = NA), "grad", class = "rmlx_error_argument")
  condition <- structure(class = c("mine", "error", "condition"), list(message = "mine", call = NULL))
  expect_identical(tryCatch(mlx_graph(function(x) stop(condition), 1), mine = identity), condition)
})

test_that("a graph prints as numbered lines, cut with a note", {
  graph <- mlx_graph(function(x, y) x * y + 0.5, c(1, 2), c(3, 4))
  lines <- format(graph)
  expect_match(lines[[1L]], "^%1 = input x +\\[2\\] float32$")
  expect_match(lines[[3L]], "^%3 = Multiply\\(%1, %2\\) +\\[2\\] float32$")
  expect_match(lines, "constant 0.5 ", all = FALSE)
  expect_match(lines[[length(lines)]], "output value = %[0-9]+ ")
  printed <- capture.output(print(graph, max = 3))
  expect_match(printed[[1L]], "2 inputs, .* 1 output, on [cg]pu")
  expect_identical(printed[2:4], format(graph, max = 3))
  expect_match(printed[[5L]], paste0("and ", length(lines) - 3L, " more"))
  expect_length(capture.output(print(graph)), length(lines) + 1L)
  expect_error(format(graph, max = "a"), "max", class = "rmlx_error_argument")
})

test_that("as.character() is a graph of Graphviz with every node and edge", {
  graph <- mlx_graph(function(x) svd(x)$d, diag(2))
  dot <- as.character(graph)
  expect_identical(dot[c(1L, length(dot))], c("digraph {", "}"))
  expect_identical(sum(grepl("^  n[0-9]+ \\[label=", dot)), nrow(graph$nodes))
  edges <- sprintf("  n%d -> n%d", graph$edges$from, graph$edges$to)
  expect_identical(sub("( [[]taillabel=\"[0-9]\"[]])?;$", "", grep("->", dot, value = TRUE)), edges)
  quotes <- mlx_graph(function(...) list(...)[[1L]] + 1, `a"\\b` = 1)
  expect_match(as.character(quotes), '[label="a\\"\\\\b', fixed = TRUE, all = FALSE)
})

test_that("pictures have their nodes apart, below what they take, and none is lost", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  graphics::plot.new()
  f <- function(a, b, c) {
    u <- a * b
    v <- (u - c) / (a + 2)
    for (i in 1:6) v <- v * sin(u) + a
    list(u, v)
  }
  for (graph in list(mlx_graph(f, 1, 2, 3), mlx_graph(function(x) x, 1), mlx_graph(f, 1, 2, 3, grad = FALSE))) {
    for (where in c("below", "beside", "none")) {
      layout <- rmlx:::graph_layout(graph, where)
      n <- nrow(graph$nodes)
      x <- layout$x[seq_len(n)]
      y <- layout$y[seq_len(n)]
      expect_true(all(y[graph$edges$from] - y[graph$edges$to] >= layout$height))
      for (level in unique(y)) {
        here <- which(y == level)[order(x[y == level])]
        left <- (x - layout$width / 2)[here]
        right <- (x + layout$width / 2)[here]
        expect_true(all(left[-1L] > right[-length(right)]))
      }
    }
  }
  expect_invisible(plot(graph))
  expect_identical(plot(mlx_graph(f, 1, 2, 3), max_nodes = 2), mlx_graph(f, 1, 2, 3))
  expect_error(plot(graph, types = "a"), "types", class = "rmlx_error_argument")
})

test_that("the packing of boxes is the least movement that keeps them apart", {
  pack <- rmlx:::pack
  expect_identical(pack(c(0, 10), c(2, 2), c(1, 1), 1), c(0, 10))
  expect_equal(pack(c(0, 0), c(2, 2), c(1, 1), 1), c(-1.5, 1.5))
  expect_equal(pack(c(0, 0), c(2, 2), c(3, 1), 1), c(-0.75, 2.25))
  wanted <- c(3, 1, 2, 8, 7.5)
  width <- c(1, 2, 1, 3, 1)
  weight <- c(1, 2, 1, 4, 1)
  gaps <- (width[-5] + width[-1]) / 2 + 0.5
  cost <- function(x) sum(weight * (x - wanted)^2)
  # any other order-keeping placement costs more: from the packed one, every feasible step goes uphill
  at <- pack(wanted, width, weight, 0.5)
  expect_true(all(diff(at) >= gaps - 1e-9))
  set.seed(1)
  for (i in 1:200) {
    other <- at + rnorm(5, sd = 0.1)
    if (all(diff(other) >= gaps)) expect_gte(cost(other), cost(at) - 1e-9)
  }
})

test_that("a graph of 100000 operations takes seconds and no deep recursion", {
  f <- function(x) {
    for (i in 1:50000) x <- (x + 1) * x
    x
  }
  took <- system.time(graph <- mlx_graph(f, 1))[["user.self"]]
  expect_identical(sum(graph$nodes$kind == "operation"), 100000L)
  expect_lt(took, 20)
})

test_that("a data frame that is not differentiated reaches the function as it is", {
  nll <- function(p, d) sum((d$y - p[1] - p[2] * nrow(d))^2)
  d <- data.frame(y = c(1, 2, 4), s = c("a", "b", "c"))
  plain <- mlx_graph(nll, c(0, 0), d)
  expect_identical(plain$nodes$name[plain$nodes$kind == "input"], "p")
  both <- mlx_graph(nll, c(0, 0), d, grad = TRUE, argnums = 1)
  expect_identical(both$nodes$name[both$nodes$kind == "output"], c("value", "grads[[1]]"))
  expect_error(mlx_graph(nll, c(0, 0), d, grad = TRUE), "column `s` is not numeric", class = "rmlx_error_argument")
})
