# The graph of a function as data.

#' The graph of a function
#'
#' `mlx_graph()` runs `f` once and tells which operations of MLX it is made of, without computing
#' anything: as tables, as text, as Graphviz's language, or as a picture.
#'
#' @inheritParams mlx_grad
#' @param f A function of arrays that returns an mlx array or a nested list of them.
#' @param argnums With `grad = TRUE`: which arguments to differentiate, as in [mlx_grad()].
#' @param grad Whether to show the graph of [mlx_value_grad()] of `f` instead, with the gradients
#'   among its outputs.
#' @return An object of class `mlx_graph`, a list of two data frames:
#' - `nodes`, in an order in which they can be computed: `id`; `kind`, one of `"input"`, `"constant"`,
#'   `"operation"` and `"output"`; `operation`, what MLX calls it (the derivatives of those that begin
#'   with `Rule`, `Custom` and `Exact` are rmlx's own), `NA` for others; `name`, an input's argument (`p$w`),
#'   an output's place in the result, `"constant"`, else `NA`; `shape` and `dtype`, several joined by
#'   commas for an operation of several outputs, which is one node; `device` of operations, inputs and
#'   outputs; `value` of a constant of one element, if it is there;
#' - `edges`: `from` and `to`, nodes; `position`, which argument of `to` it is; `output`, which of
#'   the outputs of `from` it takes.
#'
#' `summary()` counts operations. `as.character()` gives the graph in Graphviz's language (`dot -Tsvg`),
#' one line an element. `format()` gives the lines that `print()` shows.
#' @details Vectors, matrices and arrays among the arguments are converted by [as_mlx()], in nested lists
#'   numbers with a decimal point. What `f` captures, and what is computed without its arguments and has a
#'   value, is a constant. Reading values that depend on the arguments is an error as in [mlx_grad()],
#'   since what follows from the numbers would not be part of the graph; comparisons may be read, and
#'   the graph is that of the branch taken.
#' @seealso [mlx_export_to_dot()] for the graph behind arrays.
#' @examples
#' loss <- function(p, x, y) mean((x %*% p$w + p$b - y)^2)
#' p <- list(w = matrix(0, 2, 1), b = 0)
#' graph <- mlx_graph(loss, p, matrix(1:8, 4), matrix(1:4, 4))
#' graph
#' summary(graph)
#' cat(as.character(graph)[1:5], sep = "\n")
#' plot(graph)
#'
#' mlx_graph(function(x) sum(sin(x)), c(1, 2), grad = TRUE)
#' @export
mlx_graph <- structure(
  function(f, ..., argnums = NULL, grad = FALSE) {
    given <- given_function(f, substitute(f), "mlx_graph")
    check_flag(grad, "grad")
    args <- list(...)
    if (length(args) == 0L) rmlx_abort("mlx_graph() requires at least one argument.", "argument")
    which <- if (grad) resolve_argnums(argnums, args)
    args <- graph_arguments(args, which)
    kept <- base::vapply(args, is.data.frame, NA) # in one piece, their columns being constants
    parts <- partition(base::replace(args, kept, list(NULL)), leaf = function(x) if (is_mlx(x)) x else floating_leaf(x))
    parts$skeleton[kept] <- args[kept]
    if (length(parts$leaves) == 0L) rmlx_abort("no argument of the function is an array.", "argument")
    copied <- if (grad) differentiated_leaves(parts, which)
    skeleton <- NULL
    traced <- function(leaves) {
      args <- restore(parts$skeleton, leaves)
      value <- if (grad) {
        differentiate(given$f, args, argnums, "mlx_graph", as.name(given$title))
      } else {
        call_with(given$f, args, given$title)
      }
      found <- result_parts(value, "mlx_graph")
      skeleton <<- found$skeleton
      found$leaves
    }
    found <- .Call(C_graph, traced, parts$leaves, as.integer(copied), environment())
    names(parts$skeleton) <- argument_symbols(given$f, args)
    new_graph(found, leaf_paths(parts$skeleton), leaf_paths(skeleton), base::vapply(parts$leaves, mlx_device, ""))
  },
  transforms = TRUE
)

# A data frame that is differentiated is one matrix, as for a gradient.
graph_arguments <- function(args, which) {
  for (i in which) if (is.data.frame(args[[i]])) args[[i]] <- as_mlx(check_columns(args[[i]]))
  lapply(args, constant_argument)
}

# Of all leaves those that are differentiated with the arguments `which`.
differentiated_leaves <- function(parts, which) {
  positions <- as.integer(base::unlist(lapply(parts$skeleton[which], leaf_positions)))
  Filter(function(i) is_floating(parts$leaves[[i]]), positions)
}

# What the leaves of a skeleton are called in R: `p$w`, `[[2]]`; "value" if it is a single one.
leaf_paths <- function(skeleton) {
  walk <- function(x, path) {
    if (inherits(x, "rmlx_leaf")) return(path)
    if (is_node(x)) base::unlist(lapply(seq_along(x), function(i) walk(x[[i]], paste0(path, step_of(x, i)))))
  }
  paths <- sub("^[$]", "", as.character(walk(skeleton, "")))
  paths[paths == ""] <- "value"
  paths
}

# `found`: what the native code tells; the results become nodes of their own at the end.
new_graph <- function(found, inputs, outputs, devices) {
  names(found) <- c("kind", "operation", "device", "value", "shape", "dtype", "from", "to", "position", "output",
                    "result", "result_output")
  n <- length(found$kind)
  m <- length(outputs)
  whence <- found$result
  device <- c(devices, found$device[-seq_along(devices)])
  name <- c("constant", NA)[match(found$kind, 1:2)]
  name[seq_along(inputs)] <- inputs
  # of an operation of several outputs, a result is one
  of_result <- function(column) {
    all <- strsplit(column[whence], ", ", fixed = TRUE)
    as.character(base::mapply(`[`, all, found$result_output))
  }
  nodes <- data.frame(
    id = seq_len(n + m),
    kind = c(c("input", "constant", "operation")[found$kind + 1L], rep("output", m)),
    operation = c(blank_to_na(found$operation), rep(NA_character_, m)),
    name = c(name, outputs),
    shape = c(found$shape, of_result(found$shape)),
    dtype = c(found$dtype, of_result(found$dtype)),
    device = c(blank_to_na(device), blank_to_na(device[whence])),
    value = c(found$value, rep(NA_real_, m))
  )
  edges <- data.frame(
    from = c(found$from, whence), to = c(found$to, n + seq_len(m)), position = c(found$position, rep(1L, m)),
    output = c(found$output, found$result_output)
  )
  structure(list(nodes = nodes, edges = edges), class = "mlx_graph")
}

blank_to_na <- function(x) {
  x[x == ""] <- NA_character_
  x
}

# What each node takes: `%3`, or `%3.2` for the second of several outputs.
argument_texts <- function(nodes, edges) {
  several <- grepl(", ", nodes$dtype[edges$from], fixed = TRUE)
  reference <- paste0("%", edges$from, base::ifelse(several, paste0(".", edges$output), ""))
  texts <- character(nrow(nodes))
  for (part in split(seq_len(nrow(edges)), edges$position)) {
    to <- edges$to[part]
    texts[to] <- paste0(texts[to], base::ifelse(texts[to] == "", "", ", "), reference[part])
  }
  texts
}

#' @rdname mlx_graph
#' @param x,object A graph.
#' @param max How many lines to show.
#' @export
format.mlx_graph <- function(x, ..., max = Inf) {
  if (!is.numeric(max) || length(max) != 1L || is.na(max) || max < 0) {
    rmlx_abort("`max` must be one number of at least 0.", "argument")
  }
  nodes <- x$nodes[seq_len(min(nrow(x$nodes), max)), ]
  edges <- x$edges[x$edges$to <= nrow(nodes), ]
  arguments <- argument_texts(nodes, edges)
  kind <- match(nodes$kind, c("input", "constant", "operation", "output"))
  value <- character(nrow(nodes))
  known <- is_known(nodes)
  value[known] <- sprintf(" %.7g", nodes$value[known])
  what <- base::ifelse(
    kind == 3L, paste0(nodes$operation, "(", arguments, ")"),
    base::ifelse(kind == 2L, paste0("constant", value), paste0(nodes$kind, " ", nodes$name))
  )
  what <- base::ifelse(kind == 4L, paste0(what, " = ", arguments), what)
  left <- paste0(formatC(paste0("%", nodes$id), width = nchar(nrow(nodes)) + 1L), " = ", what)
  wide <- min(max(nchar(left)), 60L)
  paste0(formatC(left, width = -wide), "  ", node_type(nodes))
}

#' @rdname mlx_graph
#' @export
print.mlx_graph <- function(x, ..., max = max_print()) {
  lines <- format(x, max = max)
  counts <- table(factor(x$nodes$kind, c("input", "constant", "operation", "output")))
  counts <- counts[counts > 0L]
  words <- paste0(counts, " ", names(counts), base::ifelse(counts == 1L, "", "s"))
  devices <- unique(x$nodes$device[!is.na(x$nodes$device)])
  cat("mlx graph: ", paste(words, collapse = ", "), ", on ", paste(devices, collapse = " and "), "\n", sep = "")
  writeLines(lines)
  left <- nrow(x$nodes) - max
  if (left > 0L) cat("... and ", left, " more (print(x, max = Inf) shows all, summary(x) counts them)\n", sep = "")
  invisible(x)
}

#' @rdname mlx_graph
#' @export
summary.mlx_graph <- function(object, ...) {
  counts <- sort(table(operation = object$nodes$operation), decreasing = TRUE)
  data.frame(operation = as.character(names(counts)), count = as.integer(counts))
}

#' @rdname mlx_graph
#' @export
as.character.mlx_graph <- function(x, ...) {
  nodes <- x$nodes
  shapes <- c(input = "box", constant = "plaintext", operation = "box", output = "box")
  label <- paste0(quoted(node_title(nodes)), "\\n", quoted(node_type(nodes)))
  nodes_text <- sprintf('  n%d [label="%s", shape=%s, style="filled", fillcolor="%s"];', nodes$id, label,
                        shapes[nodes$kind], graph_fills()[nodes$kind])
  several <- grepl(", ", nodes$dtype[x$edges$from], fixed = TRUE)
  tail <- base::ifelse(several, sprintf(' [taillabel="%d"]', x$edges$output), "")
  edges_text <- sprintf("  n%d -> n%d%s;", x$edges$from, x$edges$to, tail)
  c("digraph {", '  node [fontname="Helvetica"];', nodes_text, edges_text, "}")
}

# A text within Graphviz's quotes.
quoted <- function(x) gsub('(["\\\\])', "\\\\\\1", x)

# What a node is called in pictures.
node_title <- function(nodes) {
  title <- base::ifelse(nodes$kind == "operation", nodes$operation, nodes$name)
  known <- is_known(nodes)
  title[known] <- sprintf("%.4g", nodes$value[known])
  title
}

is_known <- function(nodes) !is.na(nodes$value) | is.nan(nodes$value)

node_type <- function(nodes) {
  dtypes <- lapply(strsplit(nodes$dtype, ", ", fixed = TRUE), unique)
  paste(nodes$shape, base::ifelse(lengths(dtypes) == 1L, base::vapply(dtypes, `[`, "", 1L), nodes$dtype))
}

graph_fills <- function() c(input = "#CFE3F6", constant = "#F2F2F2", operation = "#FFFFFF", output = "#D5EFD3")
