# Joining arrays.

#' Combine mlx arrays
#'
#' `c()` joins the elements of all its arguments, each in column-major order, into a 1-d array.
#' `cbind()` and `rbind()` join matrices and vectors by columns and rows, as in base R: vectors become
#' columns (or rows) and are repeated if their length divides the extent. Arrays of rank 3 or more are
#' joined along axis 2 (`cbind()`) or 1 (`rbind()`).
#'
#' @param ... mlx arrays and R vectors or matrices. The dtype is the promotion of the arrays' dtypes.
#' @param deparse.level Names for vector arguments, as in [base::cbind()].
#' @return An mlx array.
#' @examples
#' x <- as_mlx(1:2)
#' c(x, 3)
#' cbind(x, y = c(5, 6))
#' rbind(as_mlx(matrix(1:4, 2)), 9)
#' @export
c.mlx <- function(...) {
  parts <- list(...)
  parts <- parts[!base::vapply(parts, is.null, NA)]
  out <- .Call(C_combine, unname(parts))
  names(out) <- combined_names(parts)
  out
}

combined_names <- function(parts) {
  named <- !is.null(names(parts)) || !all(base::vapply(parts, function(p) is.null(names(p)), NA))
  if (!named) return(NULL)
  names(do.call(c, lapply(parts, function(p) {
    stand_in <- logical(length(p))
    if (is.null(dim(p))) names(stand_in) <- names(p)
    stand_in
  })))
}

#' @rdname c.mlx
#' @export
cbind.mlx <- function(..., deparse.level = 1) {
  if (missing(deparse.level)) deparse.level <- level_given(parent.frame())
  bind(list(...), 2L, labels_of(substitute(list(...)), deparse.level))
}

#' @rdname c.mlx
#' @export
rbind.mlx <- function(..., deparse.level = 1) {
  if (missing(deparse.level)) deparse.level <- level_given(parent.frame())
  bind(list(...), 1L, labels_of(substitute(list(...)), deparse.level))
}

# base::cbind() keeps its deparse.level from methods: it is read from its frame.
level_given <- function(frame) get0("deparse.level", frame, inherits = FALSE, ifnotfound = 1)

# What an argument without a name of its own is called: nothing, its symbol, or its expression.
labels_of <- function(call, level) {
  arguments <- as.list(call)[-1L]
  given <- names(arguments) %||% rep("", length(arguments))
  if (!is.numeric(level) || length(level) != 1L || !level %in% 0:2) {
    rmlx_abort("`deparse.level` must be 0, 1 or 2.", "argument")
  }
  for (i in seq_along(arguments)) {
    if (given[i] == "" && (level == 1 && is.name(arguments[[i]]) || level == 2)) {
      given[i] <- paste(deparse(arguments[[i]], nlines = 1L), collapse = "")
    }
  }
  given
}

bind <- function(parts, axis, labels) {
  if (length(parts) == 1L && is.list(parts[[1L]]) && !is.data.frame(parts[[1L]])) {
    parts <- parts[[1L]]
    labels <- names(parts) %||% rep("", length(parts))
  }
  there <- !base::vapply(parts, is.null, NA)
  parts <- lapply(parts[there], bindable)
  labels <- rep_len(c(labels, ""), max(length(there), length(labels)))[which(there)]
  ranks <- base::vapply(parts, function(p) if (is_mlx(p)) length(mlx_shape(p)) else length(dim(p)), 0L)
  if (any(ranks > 2L)) return(.Call(C_concatenate, unname(parts), axis))
  other <- 3L - axis
  matrices <- ranks == 2L
  extent <- if (any(matrices)) {
    dim(parts[[which(matrices)[1L]]])[other]
  } else {
    max(lengths(parts))
  }
  if (extent > 0L) { # vectors of nothing add nothing, as in base R
    filled <- matrices | lengths(parts) > 0L
    parts <- parts[filled]
    labels <- labels[filled]
    matrices <- matrices[filled]
  }
  titles <- vector("list", length(parts))
  along <- NULL
  for (i in seq_along(parts)) {
    part <- parts[[i]]
    if (matrices[i]) {
      titles[[i]] <- dimnames(part)[[axis]] %||% rep("", dim(part)[axis])
      if (is.null(along)) along <- dimnames(part)[[other]]
    } else {
      titles[[i]] <- labels[i]
      if (is.null(along) && length(part) == extent) along <- names(part)
      parts[[i]] <- as_line(part, axis, extent)
    }
  }
  out <- .Call(C_concatenate, unname(parts), axis)
  titles <- unlist(titles)
  if (all(titles == "")) titles <- NULL
  if (!is.null(titles) || !is.null(along)) {
    dimnames(out) <- if (axis == 2L) list(along, titles) else list(titles, along)
  }
  out
}

# A part as what can be joined: data frames as matrices.
bindable <- function(x) {
  if (is_mlx(x)) return(x)
  if (is.data.frame(x)) return(as.matrix(x))
  if (!is.atomic(x)) {
    rmlx_abort(paste0("Cannot convert object of class ", class(x)[1L], " to mlx."), "argument")
  }
  x
}

# A vector as one column (axis 2) or row (axis 1), repeated to the extent.
as_line <- function(x, axis, extent) {
  n <- length(x)
  if (n != extent) {
    if (n == 0L || extent %% n != 0) {
      rmlx_abort(paste0("Non-bound dimensions must match across all inputs: a vector of length ", n,
                        " does not fill ", extent, "."), "shape")
    }
    x <- if (is_mlx(x)) c.mlx(x)[rep_len(seq_len(n), extent)] else rep_len(x, extent)
  }
  shape <- if (axis == 2L) c(extent, 1L) else c(1L, extent)
  if (is_mlx(x)) .Call(C_reshape, x, shape, FALSE) else array(x, shape)
}
