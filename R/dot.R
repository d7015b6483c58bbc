# The graph behind arrays.

#' The graph of operations behind arrays
#'
#' What MLX would do to compute arrays that are not evaluated yet, as a graph in the language of
#' Graphviz (`dot -Tsvg FILE`).
#'
#' @param file A path, or `NULL` to return the text.
#' @param ... mlx arrays; those with a name are called so in the graph.
#' @return The path, invisibly, or one string.
#' @examples
#' x <- mlx_zeros(3)
#' cat(mlx_export_to_dot(NULL, x = x, y = exp(x) + 1))
#' @export
mlx_export_to_dot <- function(file, ...) {
  arrays <- list(...)
  names <- names(arrays) %||% character(length(arrays))
  for (x in arrays) check_mlx(x)
  text <- .Call(C_graph_dot, unname(arrays), enc2utf8(names))
  if (is.null(file)) return(text)
  if (!is.character(file) || length(file) != 1L || is.na(file)) {
    rmlx_abort("`file` must be a path (one string) or NULL.", "argument")
  }
  writeLines(text, path.expand(file))
  invisible(path.expand(file))
}
