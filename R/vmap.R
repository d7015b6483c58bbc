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
  given <- given_function(f, substitute(f), "mlx_vmap")
  check_axis_tree(in_axes, "in_axes")
  check_axis_tree(out_axes, "out_axes")
  made_function(
    function(...) {
      args <- lapply(list(...), constant_argument)
      if (length(args) == 0L) rmlx_abort("a function made by mlx_vmap() needs at least one argument.", "argument")
      items <- mapped_items(args, in_axes)
      parts <- NULL
      item <- function(leaves) {
        parts <<- result_parts(call_with(given$f, restore(items$skeletons, leaves), given$title), "mlx_vmap")
        parts$leaves
      }
      trace <- .Call(C_map_trace, item, items$leaves, items$axes, environment())
      ranks <- base::vapply(parts$leaves, function(x) length(mlx_shape(x)), 0L) + 1L
      places <- axes_within(axes_like(out_axes, parts$skeleton, "out_axes"), ranks)
      restore(parts$skeleton, .Call(C_map_replace, trace, places))
    },
    "mlx_vmap", given$f
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

# Axes of arrays of such ranks, counted from 0; -1 for NULL. The names tell whose they are.
axes_within <- function(axes, ranks) {
  base::vapply(seq_along(axes), function(i) {
    axis <- axes[[i]]
    if (is.null(axis)) return(-1L)
    if (abs(axis) > ranks[[i]]) {
      rmlx_abort(paste0("axis ", axis, " of `", names(axes)[[i]], "` is out of range for an array of ", ranks[[i]],
                        if (ranks[[i]] == 1L) " axis." else " axes."), "index")
    }
    as.integer(if (axis < 0) axis + ranks[[i]] else axis - 1L)
  }, 0L)
}

# The axis of every leaf of a skeleton, NULL where there is none, in a list whose names say where it was given.
axes_like <- function(axes, skeleton, what) {
  found <- list()
  walk <- function(axes, skeleton, path) {
    if (inherits(skeleton, "rmlx_leaf")) {
      if (is.list(axes)) {
        rmlx_abort(paste0("`", path, "` is a list, and ", counterpart(path), " is one array."), "argument")
      }
      found[unclass(skeleton)[[1L]]] <<- list(axes)
      names(found)[[unclass(skeleton)[[1L]]]] <<- path
    } else if (is_node(skeleton)) {
      every <- !is.list(axes)
      if (!every) axes <- aligned(axes, skeleton, path)
      for (i in seq_along(skeleton)) {
        walk(if (every) axes else axes[[i]], skeleton[[i]], if (every) path else paste0(path, step_of(skeleton, i)))
      }
    }
    NULL
  }
  walk(axes, skeleton, what)
  found
}

# A number has no axis to lie along: it is mostly meant for all items.
refuse_single <- function(axes, ranks, skeleton) {
  single <- which(ranks == 0L & !base::vapply(axes, is.null, NA))
  if (length(single) == 0L) return(invisible())
  within <- base::vapply(skeleton, function(x) single[[1L]] %in% leaf_positions(x), NA)
  at <- which(within)[[1L]]
  whole <- base::rep("1", length(skeleton))
  whole[at] <- "NULL"
  rmlx_abort(
    c(paste0(argument_label(skeleton, at),
             if (is_node(skeleton[[at]])) " has a single number" else " is a single number",
             ", with no axis along which items could lie."),
      i = paste0("If it is the same for all items, say so: mlx_vmap(f, in_axes = list(", paste(whole, collapse = ", "),
                 ")).")),
    "index"
  )
}

# The mapped arrays of the arguments, their axes from 0, and the arguments without them.
mapped_items <- function(args, in_axes) {
  parts <- partition(args, leaf = function(x) {
    if (is_mlx(x) || (is.numeric(x) || is.logical(x) || is.complex(x)) && !is.object(x)) as_mlx(x)
  })
  shapes <- lapply(parts$leaves, mlx_shape)
  wanted <- axes_like(in_axes, parts$skeleton, "in_axes")
  refuse_single(wanted, lengths(shapes), parts$skeleton)
  axes <- axes_within(wanted, lengths(shapes))
  mapped <- axes >= 0L
  if (!any(mapped)) {
    rmlx_abort("no array is mapped: `in_axes` must name an axis of at least one argument.", "argument")
  }
  extents <- base::mapply(function(shape, axis) shape[[axis + 1L]], shapes[mapped], axes[mapped])
  if (length(unique(extents)) > 1L) {
    rmlx_abort(
      c(paste0("the mapped arrays have ", paste(unique(extents), collapse = ", "),
               " items along `in_axes`: they must have as many."),
        i = "For an argument that is the same for all items it has NULL, as in mlx_vmap(f, in_axes = list(1, NULL))."),
      "shape"
    )
  }
  # what is not mapped goes back into the arguments
  places <- parts$leaves
  places[mapped] <- lapply(seq_len(sum(mapped)), leaf_at)
  list(skeletons = restore(parts$skeleton, places), leaves = parts$leaves[mapped], axes = axes[mapped])
}
