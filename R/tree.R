# Nested lists of arrays: which leaves are differentiated, and how to put them back.

# Splits a nested list into a skeleton, in which every leaf is replaced by its position, and the list of
# those leaves. `at` is the number of leaves before; `leaf` gives NULL for what stays in the skeleton.
partition <- function(x, at = 0L, leaf = floating_leaf) {
  if (is_mlx(x) && is_floating(x)) return(list(skeleton = leaf_at(at + 1L), leaves = list(x))) # the usual case
  leaves <- list()
  walk <- function(x) {
    if (is_node(x)) {
      out <- lapply(unclass(x), walk)
      attributes(out) <- attributes(x)
      return(out)
    }
    found <- leaf(x)
    if (is.null(found)) return(x)
    leaves[[length(leaves) + 1L]] <<- found
    leaf_at(at + length(leaves))
  }
  skeleton <- walk(x)
  list(skeleton = skeleton, leaves = leaves)
}

leaf_at <- function(i) {
  leaf <- list(i)
  class(leaf) <- "rmlx_leaf" # structure() takes ten times as long
  leaf
}

# The positions of the leaves in a skeleton or a part of one.
leaf_positions <- function(skeleton) {
  if (inherits(skeleton, "rmlx_leaf")) return(unclass(skeleton)[[1L]])
  if (is_node(skeleton)) as.integer(unlist(lapply(skeleton, leaf_positions)))
}

# Times and versions are lists inside, but values to their users.
is_node <- function(x) is.list(x) && !is.pairlist(x) && !inherits(x, c("rmlx_leaf", "POSIXlt", "numeric_version"))

# A leaf as an mlx array if it is floating point, NULL else: floating mlx arrays and R doubles.
floating_leaf <- function(x) {
  if (!is_mlx(x)) {
    if (!is.double(x) || is.object(x)) return(NULL)
    x <- as_mlx(x)
  }
  if (is_floating(x)) x
}

is_floating <- function(x) {
  mlx_dtype(x) %in% c("float32", "float64", "float16", "bfloat16", "complex64")
}

# A skeleton with its leaves put back.
restore <- function(skeleton, leaves) .Call(C_restore_tree, skeleton, leaves, TRUE)

# The same with NULL for everything else, which has no derivatives.
derivatives_like <- function(skeleton, leaves) .Call(C_restore_tree, skeleton, leaves, FALSE)
