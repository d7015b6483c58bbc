# What transformations of R functions have in common: their arguments as traced leaves, their results,
# and what goes along with these (tangents, cotangents).

# `f` at `args`, of which those in `argnums` are traced: `leaves`, the arrays that MLX gets; `call`, f
# as a function of them; `like_arguments`, a list like these arguments of one thing for every leaf.
transformation <- function(f, args, argnums, who, written) {
  given <- given_function(f, written, who) # here, so that errors are those of the user's call
  transformation_of(given, args, argnums, who)
}

# The same of what given_function() gave.
transformation_of <- function(given, args, argnums, who) {
  if (length(args) == 0L) rmlx_abort(paste0(who, "() requires at least one argument."), "argument")
  parts <- .Call(C_split_arguments, args, argnums, as_mlx) %||% unusual_arguments(args, argnums)
  skeletons <- parts[[1L]]
  which <- parts[[3L]]
  list(
    leaves = parts[[2L]],
    skeletons = skeletons[which],
    call = function(leaves) call_with(given$f, restore(skeletons, leaves), given$title),
    like_arguments = function(values) derivatives_like(skeletons[which], values)
  )
}

# As C_split_arguments, for data frames and all that is an error.
unusual_arguments <- function(args, argnums) {
  which <- resolve_argnums(argnums, args)
  leaves <- list()
  skeletons <- lapply(args, constant_argument)
  for (i in which) {
    if (is.data.frame(skeletons[[i]])) skeletons[[i]] <- as_mlx(check_columns(skeletons[[i]]))
    part <- partition(skeletons[[i]], length(leaves))
    if (length(part$leaves) == 0L && !is.null(argnums)) refuse_argument(args, i)
    skeletons[i] <- list(part$skeleton)
    leaves <- c(leaves, part$leaves)
  }
  if (length(leaves) == 0L) {
    rmlx_abort(c("no argument has floating-point values to differentiate.", i = kinds_of(args[which])), "argument")
  }
  list(skeletons, leaves, which)
}

# What arguments are that have no floating-point values.
kinds_of <- function(args) {
  kinds <- base::vapply(args, function(x) {
    if (is_mlx(x)) return(paste("an mlx array of dtype", mlx_dtype(x)))
    if (is.null(x)) return("NULL")
    if (is_node(x)) return("a list without doubles (integers in lists reach the function as they are)")
    description(x)
  }, "")
  paste0("Given were ", paste(kinds, collapse = ", "), ".")
}

# A function that a transformation made of `f`.
made_function <- function(fn, by, f, ...) structure(fn, class = "mlx_function", transforms = TRUE, by = by, of = f, ...)

#' @export
print.mlx_function <- function(x, ...) {
  cat("<function made by ", attr(x, "by"), "() of>\n", sep = "")
  print(attr(x, "of"), ...)
  invisible(x)
}

# What is differentiated of a result: of a list that begins with an array, this array.
first_result <- function(x) if (is_led_by_array(x)) x[[1L]] else x

is_led_by_array <- function(x) is_plain_list(x) && length(x) > 0L && is_mlx(x[[1L]])

# The arrays in a function's result, and the result without them.
result_parts <- function(value, who) {
  parts <- partition(value, leaf = function(x) if (is_mlx(x)) x)
  if (length(parts$leaves) == 0L) {
    what <- if (is.null(value)) "NULL" else paste("an object of class", paste(class(value), collapse = "/"))
    rmlx_abort(
      c(paste0("The function of `", who, "()` must return an `mlx` object, or a list of them; it returned ",
               what, "."),
        i = "Ensure all differentiable computations use MLX operations.",
        i = if (who == "mlx_custom_function" && is.numeric(value)) {
          "Numbers that base R computes become an `mlx` object by as_mlx()."
        }),
      "result"
    )
  }
  parts
}

# A result's list of derivatives: NULL for what has none.
like_result <- function(parts, values) {
  values[!base::vapply(parts$leaves, is_floating, NA)] <- list(NULL)
  derivatives_like(parts$skeleton, values)
}

# The leaves of `given`, which has the structure of `skeleton` and an array for each of `leaves`. NULL, and
# names that are left out, stand for zeros; integers have no derivatives but these.
matching_leaves <- function(given, skeleton, leaves, what) {
  out <- lapply(leaves, mlx_zeros_like)
  walk <- function(given, skeleton, path) {
    if (is.null(given)) return(NULL)
    if (inherits(skeleton, "rmlx_leaf")) {
      i <- unclass(skeleton)[[1L]]
      if (is_floating(leaves[[i]])) out[[i]] <<- matching_leaf(given, leaves[[i]], path)
    } else if (is_node(skeleton)) {
      given <- aligned(given, skeleton, path)
      for (i in seq_along(skeleton)) walk(given[[i]], skeleton[[i]], paste0(path, step_of(skeleton, i)))
    }
    NULL
  }
  walk(given, skeleton, what)
  out
}

# The elements of a list in the order of those of the list that it goes with, by name if both have names:
# then some may be left out, and are NULL.
aligned <- function(given, skeleton, path) {
  if (!is_plain_list(given) || !fits_names(given, skeleton) && length(given) != length(skeleton)) {
    rmlx_abort(paste0("`", path, "` must be a list of ", length(skeleton), ", like ", counterpart(path), ", not ",
                      description(given), "."), "argument")
  }
  if (!are_named(given) || !are_named(skeleton)) return(unclass(given))
  unknown <- setdiff(names(given), names(skeleton))
  if (length(unknown) > 0L) {
    rmlx_abort(paste0("`", path, "` has names that are not those of ", counterpart(path), ": ",
                      paste0("`", unknown, "`", collapse = ", "), ". The names there are ",
                      paste0("`", names(skeleton), "`", collapse = ", "), "."), "argument")
  }
  lapply(stats::setNames(nm = names(skeleton)), function(name) given[[name]])
}

is_plain_list <- function(x) is.list(x) && !is_mlx(x)

are_named <- function(x) !is.null(names(x)) && all(nzchar(names(x))) && !anyDuplicated(names(x))

# Whether a list may stand for another by its names, complete or not.
fits_names <- function(given, skeleton) are_named(given) && are_named(skeleton)

# What a path such as `cotangents$u` goes with, in words.
counterpart <- function(path) {
  root <- sub("[[$].*$", "", path)
  whole <- if (root %in% c("cotangents", "out_axes", "jvp()")) "the result" else "the arguments"
  if (root == path) whole else paste("its part of", whole)
}

step_of <- function(x, i) {
  name <- names(x)[i]
  if (is.null(name) || is.na(name) || name == "") paste0("[[", i, "]]") else paste0("$", name)
}

description <- function(x) {
  if (is_plain_list(x)) return(paste("a list of", length(x)))
  paste("an object of class", class(x)[[1L]])
}

matching_leaf <- function(given, leaf, path) {
  if (!is_mlx(given) && !(is.atomic(given) && (is.numeric(given) || is.complex(given)))) {
    rmlx_abort(paste0("`", path, "` must be an array of shape ", shape_text(leaf), ", not ", description(given), "."),
               "argument")
  }
  given <- as_mlx(given, dtype = mlx_dtype(leaf), device = mlx_device(leaf))
  if (!identical(mlx_shape(given), mlx_shape(leaf))) {
    if (length(given) != 1L || length(leaf) != 1L) {
      rmlx_abort(paste0("`", path, "` has shape ", shape_text(given), ", and ", counterpart(path), " has shape ",
                        shape_text(leaf), "."), "shape")
    }
    given <- mlx_reshape(given, mlx_shape(leaf))
  }
  given
}

shape_text <- function(x) paste0("[", paste(mlx_shape(x), collapse = " x "), "]")

# Directions in the differentiated arguments; those of a single one need not be in a list.
directions_of <- function(given, problem, what) {
  if (missing(given)) {
    rmlx_abort(paste0("`", what, "` is missing: name it in the call, as in ", what, " = c(1, 0)."), "argument")
  }
  matching_leaves(as_list_of(given, problem$skeletons), problem$skeletons, problem$leaves, what)
}

# What goes with a list of arguments, where that of a single one may stand for itself.
as_list_of <- function(given, skeletons) {
  if (length(skeletons) != 1L || is.null(given) || fits(given, skeletons)) return(given)
  only <- skeletons[[1L]]
  wrapped <- is_plain_list(given) && length(given) == 1L && (is_plain_list(given[[1L]]) || !is_node(only))
  if (wrapped && !fits(given, only)) given else list(given)
}

# Whether a list has the structure of another.
fits <- function(given, skeleton) {
  if (is.null(given)) return(TRUE)
  if (inherits(skeleton, "rmlx_leaf")) return(!is_plain_list(given))
  if (!is_node(skeleton)) return(TRUE)
  if (!is_plain_list(given)) return(FALSE)
  if (fits_names(given, skeleton)) {
    at <- match(names(given), names(skeleton))
    if (anyNA(at)) return(FALSE)
  } else {
    if (length(given) != length(skeleton)) return(FALSE)
    at <- seq_along(given)
  }
  all(base::mapply(fits, unclass(given), skeleton[at]))
}

# The sum over all elements of arrays times weights: its gradient is the weighted sum of the arrays'.
weighted_sum <- function(arrays, weights) {
  terms <- lapply(which(base::vapply(arrays, is_floating, NA)), function(i) sum(arrays[[i]] * weights[[i]]))
  if (length(terms) == 0L) mlx_scalar(0) else base::Reduce(`+`, terms)
}

# The names of one array for another of the same shape.
named_like <- function(x, like) {
  if (!identical(mlx_shape(x), mlx_shape(like))) return(x)
  if (is.null(dim(like))) {
    if (!is.null(names(like))) names(x) <- names(like)
  } else if (!is.null(dimnames(like))) {
    dimnames(x) <- dimnames(like)
  }
  x
}
