# The masks of base R's functions that call a function for each part: results that are mlx arrays stay
# mlx arrays. ?masks describes them.

#' @rdname masks
#' @export
apply <- function(X, MARGIN, FUN, ..., simplify = TRUE) {
  if (!is_mlx(X)) return(base::apply(X, MARGIN, FUN, ..., simplify = simplify))
  if (is.null(dim(X))) rmlx_abort("dim(X) must have a positive length: X is no matrix.", "shape")
  FUN <- match.fun(FUN)
  margin <- margins_of(X, MARGIN)
  pieces <- pieces_of(X, margin)
  if (length(margin) == length(mlx_shape(X))) pieces <- lapply(pieces, mlx_flatten) # as base: not 0-d
  if (length(pieces) == 0L) return(apply_to_none(X, margin, FUN, ...))
  results <- lapply(pieces, FUN, ...)
  shape <- mlx_shape(X)[margin]
  titles <- dimnames(X)[margin]
  out <- if (simplify) joined(results, shape)
  if (!is.null(out)) return(with_titles(out, titles))
  # base R knows what becomes of other results
  base::apply(array(seq_along(results), shape, titles), seq_along(shape), function(i) results[[i]],
              simplify = simplify && !.Call(C_any_mlx, results))
}

# No slices: as base R, the kind of result is found out with a slice of zeros.
apply_to_none <- function(X, margin, FUN, ...) {
  shape <- mlx_shape(X)
  like <- FUN(mlx_zeros(if (length(margin) < length(shape)) shape[-margin] else 1L, mlx_dtype(X), mlx_device(X)), ...)
  if (is_mlx(like)) return(mlx_zeros(shape[margin], mlx_dtype(like), mlx_device(like)))
  if (length(margin) == 1L) like[0L] else array(like[0L], shape[margin])
}

# Results that are mlx arrays of one length, as one array: the length (unless 1), then `shape`. NULL
# if they are not.
joined <- function(results, shape) {
  if (!.Call(C_any_mlx, results)) return(NULL)
  n <- unique(lengths(results))
  if (length(n) != 1L || n == 0L || !all(base::vapply(results, is_number, NA))) return(NULL)
  flat <- .Call(C_combine, unname(results))
  shape <- if (n == 1L) shape else c(n, shape)
  out <- if (length(shape) > 1L) .Call(C_reshape, flat, shape, TRUE) else flat
  titles <- unique(base::lapply(results, function(result) if (is.null(dim(result))) names(result)))
  if (n > 1L && length(titles) == 1L && !is.null(titles[[1L]])) {
    dimnames(out) <- c(titles, rep(list(NULL), length(shape) - 1L))
  }
  out
}

is_number <- function(x) is_mlx(x) || is.numeric(x) || is.logical(x)

# The names of the last axes.
with_titles <- function(out, titles) {
  if (all(base::vapply(titles, is.null, NA))) return(out)
  if (is.null(dim(out))) {
    names(out) <- titles[[1L]]
  } else {
    before <- length(dim(out)) - length(titles)
    own <- dimnames(out)[seq_len(before)]
    if (is.null(own)) own <- rep(list(NULL), before)
    dimnames(out) <- c(own, titles)
  }
  out
}

#' @rdname masks
#' @export
sapply <- function(X, FUN, ..., simplify = TRUE, USE.NAMES = TRUE) {
  FUN <- match.fun(FUN)
  results <- lapply(X, FUN, ...)
  if (USE.NAMES && is.character(X) && is.null(names(results))) names(results) <- X
  if (isFALSE(simplify) || length(results) == 0L) return(results)
  out <- joined(results, length(results))
  if (!is.null(out)) return(with_titles(out, list(names(results))))
  simplify2array(results, higher = identical(simplify, "array"))
}

#' @rdname masks
#' @export
vapply <- function(X, FUN, FUN.VALUE, ..., USE.NAMES = TRUE) {
  results <- sapply(X, match.fun(FUN), ..., simplify = FALSE, USE.NAMES = USE.NAMES)
  if (!USE.NAMES) results <- unname(results)
  if (!.Call(C_any_mlx, results)) return(base::vapply(results, identity, FUN.VALUE))
  wrong <- which(lengths(results) != length(FUN.VALUE))
  out <- if (length(wrong) == 0L) joined(results, length(results))
  if (!is.null(out)) return(with_titles(out, list(names(results))))
  first <- c(wrong, which(!vapply(results, function(x) is_mlx(x) || is.numeric(x) || is.logical(x), NA)), 1L)[1L]
  rmlx_abort(c("values must be mlx arrays or numbers of the length of FUN.VALUE.",
               i = paste0("FUN.VALUE has length ", length(FUN.VALUE), "; result ", first, " is of class ",
                          class(results[[first]])[1L], " and has length ", length(results[[first]]), ".")), "shape")
}

#' @rdname masks
#' @export
tapply <- function(X, INDEX, FUN = NULL, ..., default = NA, simplify = TRUE) {
  if (!is_mlx(X) || is.null(FUN)) {
    return(base::tapply(X, INDEX, FUN, ..., default = default, simplify = simplify))
  }
  groups <- if (is.list(INDEX)) INDEX else list(INDEX)
  if (any(lengths(groups) != length(X))) {
    rmlx_abort(paste0("arguments must have same length: `X` has ", length(X), " elements, `INDEX` ",
                      paste(lengths(groups), collapse = " and "), "."), "shape")
  }
  results <- base::tapply(X, INDEX, FUN, ..., simplify = FALSE)
  out <- if (simplify) joined(c(results), dim(results))
  if (is.null(out) || length(out) != length(results)) return(results)
  with_titles(out, dimnames(results))
}

#' @rdname masks
#' @export
mapply <- function(FUN, ..., MoreArgs = NULL, SIMPLIFY = TRUE, USE.NAMES = TRUE) {
  results <- do.call(base::mapply, c(
    list(match.fun(FUN)), lapply(list(...), items),
    list(MoreArgs = MoreArgs, SIMPLIFY = FALSE, USE.NAMES = USE.NAMES)
  ), quote = TRUE)
  if (isFALSE(SIMPLIFY) || length(results) == 0L) return(results)
  out <- joined(results, length(results))
  if (!is.null(out)) return(with_titles(out, list(names(results))))
  simplify2array(results, higher = identical(SIMPLIFY, "array"))
}

# The elements of an array as a list of arrays, which base R would read as numbers.
items <- function(x) {
  if (!is_mlx(x)) return(x)
  if (length(mlx_shape(x)) == 1L) as.list(x) else as.list(.Call(C_flatten_columns, x))
}

#' @rdname masks
#' @export
Map <- function(f, ...) do.call(base::Map, c(list(match.fun(f)), lapply(list(...), items)), quote = TRUE)

#' @rdname masks
#' @export
Reduce <- function(f, x, init, right = FALSE, accumulate = FALSE, simplify = TRUE) {
  f <- match.fun(f)
  # values in lists of one, which base R does not try to join
  step <- if (accumulate) function(x, y) list(f(x[[1L]], y[[1L]])) else f
  parts <- if (accumulate) lapply(x, list) else x
  out <- if (missing(init)) {
    base::Reduce(step, parts, right = right, accumulate = accumulate)
  } else {
    base::Reduce(step, parts, if (accumulate) list(init) else init, right, accumulate)
  }
  if (accumulate && simplify && all(lengths(out) == 1L)) unlist(out, recursive = FALSE) else out
}

#' @rdname masks
#' @export
unlist <- function(x, recursive = TRUE, use.names = TRUE) {
  if (!is.list(x) || !.Call(C_any_mlx, x) || !all(base::vapply(x, is_number, NA))) {
    return(base::unlist(x, recursive, use.names))
  }
  out <- do.call(c.mlx, x)
  if (use.names) out else unname(out)
}
