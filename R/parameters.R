# Parameters in the user's shape (a vector, an array, a nested list of them) as one vector, and back.

# What optimisers need to know of `par`: its values as plain doubles (`flat`, with the names that
# unlist() gives), and ways back: `lift()` of an mlx vector on the tape, as f receives it; `unflatten()`
# of doubles, in R's numbers; `give()` of an mlx vector, each leaf of the kind that it came as.
# `dtype` NULL: that of the mlx leaves, float64 if there are none.
parameter_space <- function(par, dtype = NULL, name = "par") {
  par <- check_parameters(par, name)
  local_mlx_device("cpu")
  local_mlx_dtype("float64")
  part <- partition(par)
  leaves <- part$leaves
  if (sum(lengths(leaves)) == 0L) {
    rmlx_abort(paste0("`", name, "` has no floating-point values."), "argument")
  }
  kinds <- parameter_kinds(par)
  dtypes <- vapply(leaves, mlx_dtype, "")
  if ("complex64" %in% dtypes) {
    rmlx_abort(paste0("`", name, "` has complex values: parameters must be real."), "dtype")
  }
  if (is.null(dtype)) {
    given <- dtypes[kinds != ""]
    dtype <- if (length(given) == 0L || "float64" %in% given) "float64" else "float32"
  }
  device <- if (dtype == "float64" || !"gpu" %in% kinds) "cpu" else "gpu"

  skeleton <- part$skeleton
  values <- lapply(leaves, as_r)
  # a named number is a vector, so that p["name"] works for one parameter as for several
  shapes <- Map(function(leaf, value) if (is.null(names(value))) mlx_shape(leaf) else length(value), leaves, values)
  to <- cumsum(lengths(leaves))
  positions <- lapply(seq_along(to), function(i) to[i] - length(leaves[[i]]) + seq_along(leaves[[i]]))

  leaf_of <- function(v, i) {
    x <- v[positions[[i]]]
    if (length(shapes[[i]]) != 1L) x <- .Call(C_reshape, x, shapes[[i]], TRUE)
    if (length(shapes[[i]]) == 1L) names(x) <- names(values[[i]]) else dimnames(x) <- dimnames(values[[i]])
    x
  }
  lift <- function(v) restore(skeleton, lapply(seq_along(to), function(i) leaf_of(v, i)))
  unflatten <- function(v) {
    check_flat(v, to[length(to)], name)
    v <- as.vector(if (is_mlx(v)) as_r(v) else v)
    restore(skeleton, lapply(seq_along(to), function(i) {
      values[[i]][] <- v[positions[[i]]]
      values[[i]]
    }))
  }
  give <- function(v) {
    plain <- as_r(v)
    restore(skeleton, lapply(seq_along(to), function(i) {
      if (kinds[i] != "") return(as_mlx(leaf_of(v, i), dtype = dtypes[i], device = kinds[i]))
      values[[i]][] <- plain[positions[[i]]]
      values[[i]]
    }))
  }
  list(
    flat = base::unlist(derivatives_like(skeleton, values)) + 0,
    dtype = dtype, device = device, lift = lift, unflatten = unflatten, give = give,
    flatten = function(par) flatten_like(par, skeleton, name)
  )
}

check_parameters <- function(par, name) {
  if (is_mlx(par) || is_node(par)) return(par)
  if (!is.numeric(par) || is.object(par)) {
    rmlx_abort(paste0("`", name, "` must be numbers, an mlx array or a (nested) list of them, not an object of class ",
                      class(par)[[1L]], "."), "argument")
  }
  storage.mode(par) <- "double"
  par
}

# For each leaf the device of an mlx array, "" for R's numbers.
parameter_kinds <- function(par) {
  if (!is_node(par)) {
    if (is.null(floating_leaf(par))) return(character())
    return(if (is_mlx(par)) mlx_device(par) else "")
  }
  base::unlist(lapply(unname(unclass(par)), parameter_kinds)) %||% character()
}

check_flat <- function(v, n, name) {
  if (!(is_mlx(v) || is.numeric(v)) || length(v) != n) {
    rmlx_abort(paste0("`", name, "` must be a vector of ", n, " numbers; it has ", length(v), " of class ",
                      class(v)[[1L]], "."), "argument")
  }
  v
}

# The values of parameters as one vector of doubles, if they have the structure that `skeleton` has.
flatten_like <- function(par, skeleton, name) {
  part <- partition(check_parameters(par, name))
  if (!identical(bare(part$skeleton), bare(skeleton))) {
    rmlx_abort(paste0("`", name, "` must have the structure of the parameters given at first."), "argument")
  }
  base::unlist(derivatives_like(part$skeleton, lapply(part$leaves, as_r))) + 0
}

# The leaves' positions alone, in their lists.
bare <- function(skeleton) {
  if (is_node(skeleton)) return(lapply(skeleton, bare))
  if (inherits(skeleton, "rmlx_leaf")) unclass(skeleton)
}

# The names of parameters, made up where there are none.
parameter_labels <- function(flat) {
  labels <- names(flat) %||% character(length(flat))
  labels[labels == ""] <- paste0("par", which(labels == ""))
  labels
}
