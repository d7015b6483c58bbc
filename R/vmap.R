# Functions of one item for many of them.

#' Map a function over an axis of its arguments
#'
#' `mlx_vmap(f)` is a function that does for all items along an axis at once what `f` does for one: the
#' operations of `f` are computed for all items together, and R runs `f` once.
#'
#' @param f A function of arrays (and other values) that returns an mlx array or a nested list of them.
#' @param in_axes Along which axis the items lie: a number for all arrays in all arguments (negative ones
#'   count from the last axis), or a list with an element for each argument, by position or name: a number,
#'   `NULL` for an argument that is the same for all items, or for an argument that is a nested list
#'   such a list.
#' @param out_axes Where the items' results are put: a number, or a list like the result. `NULL` for a
#'   result that is the same for all items, which comes back once.
#' @return A function of the arguments of `f`. What is not an array reaches `f` as it is.
#' @details Items must be as many in all mapped arrays. Inside `f` a mapped array has no values yet, so
#'   that reading them (`if (x > 0)`, `as.numeric()`) is an error of class `rmlx_error_tape`: use
#'   [mlx_where()]. Random numbers are drawn once, the same for all items; pass keys
#'   ([mlx_key_split()]) to have others for each.
#'
#'   It works together with the other transformations: `mlx_vmap(function(x) mlx_grad(f, x)[[1]])` gives
#'   a gradient for each observation.
#' @examples
#' x <- as_mlx(matrix(1:6, 3))
#' mlx_vmap(function(row) sum(row^2))(x)
#' mlx_vmap(function(row, w) row * w, in_axes = list(1, NULL))(x, c(10, 100))
#'
#' # gradients of each observation's loss
#' loss <- function(w, row, y) (sum(row * w) - y)^2
#' grads <- mlx_vmap(function(row, y) mlx_grad(loss, c(1, 1), row, y, argnums = 1)[[1]])
#' grads(x, c(1, 0, 1))
#' @export
mlx_vmap <- function(f, in_axes = 1L, out_axes = 1L) {
  written <- substitute(f)
  given <- f
  f <- function_of(f, "mlx_vmap")
  title <- title_of(written, given)
  check_axis_tree(in_axes, "in_axes")
  check_axis_tree(out_axes, "out_axes")
  structure(
    function(...) {
      args <- lapply(list(...), constant_argument)
      if (length(args) == 0L) rmlx_abort("a function made by mlx_vmap() needs at least one argument.", "argument")
      items <- mapped_items(args, in_axes)
      parts <- NULL
      item <- function(leaves) {
        parts <<- result_parts(call_with(f, lapply(items$skeletons, restore, leaves), title), "mlx_vmap")
        parts$leaves
      }
      trace <- .Call(C_map_trace, item, items$leaves, items$axes, environment())
      axes <- axes_like(out_axes, parts$skeleton, "out_axes")
      once <- vapply(axes, is.null, NA)
      check_once(parts$leaves[once])
      ranks <- base::vapply(parts$leaves, function(x) length(mlx_shape(x)), 0L) + 1L
      axes[once] <- 1L
      where <- Map(function(axis, rank) axis_within(axis, rank, "out_axes"), axes, ranks)
      results <- .Call(C_map_replace, trace, as.integer(unlist(where)) - 1L)
      results[once] <- parts$leaves[once]
      restore(parts$skeleton, results)
    },
    transforms = TRUE
  )
}

check_axis_tree <- function(axes, what) {
  if (is.list(axes)) {
    for (axis in axes) check_axis_tree(axis, what)
  } else if (!is.null(axes) && !(is.numeric(axes) && length(axes) == 1L && !is.na(axes) && axes == trunc(axes) &&
                                   axes != 0)) {
    rmlx_abort(paste0("`", what, "` must be an axis (1 is the first, -1 the last), NULL, or a list of such."), "index")
  }
  invisible(axes)
}

axis_within <- function(axis, rank, what) {
  if (abs(axis) > rank) {
    rmlx_abort(paste0("axis ", axis, " of `", what, "` is out of range for an array of ", rank,
                      if (rank == 1L) " axis." else " axes."), "index")
  }
  as.integer(if (axis < 0) axis + rank + 1L else axis)
}

# The axis of every leaf of a skeleton, as a list: NULL where there is none.
axes_like <- function(axes, skeleton, what) {
  found <- list()
  walk <- function(axes, skeleton, path) {
    if (inherits(skeleton, "rmlx_leaf")) {
      if (is.list(axes)) {
        rmlx_abort(paste0("`", path, "` is a list, and what it goes with is one array."), "argument")
      }
      found[unclass(skeleton)[[1L]]] <<- list(axes)
    } else if (is_node(skeleton)) {
      if (is.list(axes) && length(axes) != length(skeleton)) {
        rmlx_abort(paste0("`", path, "` must be a list of ", length(skeleton), ", like what it goes with, not of ",
                          length(axes), "."), "argument")
      }
      if (is.list(axes) && !is.null(names(axes)) && !is.null(names(skeleton)) &&
            setequal(names(axes), names(skeleton))) {
        axes <- axes[names(skeleton)]
      }
      for (i in seq_along(skeleton)) {
        walk(if (is.list(axes)) axes[[i]] else axes, skeleton[[i]], paste0(path, step_of(skeleton, i)))
      }
    }
    NULL
  }
  walk(axes, skeleton, what)
  found
}

# The mapped arrays of the arguments, their axes from 0, and the arguments without them.
mapped_items <- function(args, in_axes) {
  parts <- partition(args, leaf = function(x) {
    if (is_mlx(x) || (is.numeric(x) || is.logical(x) || is.complex(x)) && !is.object(x)) as_mlx(x)
  })
  axes <- axes_like(in_axes, parts$skeleton, "in_axes")
  mapped <- !vapply(axes, is.null, NA)
  if (!any(mapped)) {
    rmlx_abort("no array is mapped: `in_axes` must name an axis of at least one argument.", "argument")
  }
  ranks <- lapply(parts$leaves, function(x) length(mlx_shape(x)))
  where <- base::vapply(which(mapped), function(i) axis_within(axes[[i]], ranks[[i]], "in_axes"), 0L)
  extents <- base::mapply(function(x, axis) mlx_shape(x)[[axis]], parts$leaves[mapped], where)
  if (length(unique(extents)) > 1L) {
    rmlx_abort(paste0("the mapped arrays have ", paste(unique(extents), collapse = ", "),
                      " items along `in_axes`: they must have as many."), "shape")
  }
  # what is not mapped goes back into the arguments
  places <- parts$leaves
  places[mapped] <- lapply(seq_len(sum(mapped)), leaf_at)
  list(skeletons = restore(parts$skeleton, places), leaves = parts$leaves[mapped], axes = where - 1L)
}

check_once <- function(results) {
  for (x in results) {
    if (.Call(C_is_abstract, x)) {
      rmlx_abort("`out_axes` is NULL for a result that differs from item to item.", "argument")
    }
  }
}
