# Base functions that have no methods, as functions that know mlx arrays; everything else goes to
# base R.

#' Base functions without methods, for mlx arrays too
#'
#' These have base R's meaning for mlx arrays, on the gradient's tape, and pass everything else to base
#' R unchanged.
#'
#' @param x,X,Y,data,test,yes,no mlx arrays or R objects; where one is an mlx array MLX computes.
#' @param INDEX,default As in [base::tapply()].
#' @param f,init,right,accumulate,MoreArgs As in [base::Reduce()], [base::Map()] and [base::mapply()].
#' @param MARGIN Axes, from 1.
#' @param STATS Values for the axes `MARGIN`: one, or as many as these have positions.
#' @param FUN A function; in `outer()` of two arrays of equal length, element by element.
#' @param ... Arguments of `FUN`; in `pmin()`, `pmax()` and `complete.cases()` the
#'   arrays; in `rank()` arguments of [base::rank()].
#' @param nrow,ncol,byrow,dim,dimnames As in [base::matrix()] and [base::array()].
#' @param as.factor Whether to return a factor.
#' @param drop Not used: pieces lose the axes of `MARGIN`. `asplit(drop = TRUE)` flattens them.
#' @param check.margin Passed on to base R.
#' @param simplify,SIMPLIFY Whether results of one length become an array.
#' @param USE.NAMES Whether a character `X` names the result.
#' @param na.rm Whether NaN gives way to the other values.
#' @param FUN.VALUE A value of the length of every result.
#' @param recursive,use.names As in [base::unlist()], of which lists of mlx arrays are joined by `c()`.
#' @return
#'   - `drop()`: without the axes of extent 1.
#'   - `matrix()`, `array()`: the elements in a new shape, repeated or cut to fill it.
#'   - `row()`, `col()`: int32, the row and column of each element.
#'   - `asplit()`: a list of mlx arrays, one for each position of the axes `MARGIN`.
#'   - `apply()`, `sapply()`, `vapply()`, `mapply()`, `tapply()`, `Reduce(accumulate = TRUE)`: results of
#'     `FUN` that are mlx arrays of one length become one mlx array, as in base R; others come back as base R does.
#'   - `outer()`, `%o%`, `sweep()`: an mlx array. STATS broadcasts, it is not recycled.
#'   - `ifelse()`: [mlx_where()]. `pmin()`, `pmax()`: [mlx_minimum()], [mlx_maximum()].
#'   - `which.max()`, `which.min()`, `rank()`, `complete.cases()`: plain R values, as base R gives: they
#'     have no gradient.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' apply(x, 1, sum)
#' outer(as_mlx(1:2), 1:3, function(a, b) a + 10 * b)
#' sweep(x, 2, colMeans(x))
#' sapply(1:2, function(i) sum(x[i, ]))
#' ifelse(x > 2, x, 0)
#' which.max(x)
#' @name masks
NULL

any_mlx <- function(...) .Call(C_any_mlx, list(...))

#' @rdname masks
#' @export
drop <- function(x) UseMethod("drop")

#' @export
drop.default <- function(x) base::drop(x)

#' @rdname masks
#' @export
drop.mlx <- function(x) .Call(C_squeeze, x, NULL)

#' @rdname masks
#' @export
row <- function(x, as.factor = FALSE) UseMethod("row")

#' @export
row.default <- function(x, as.factor = FALSE) base::row(x, as.factor)

#' @rdname masks
#' @export
row.mlx <- function(x, as.factor = FALSE) position_along(x, 1L, "row", as.factor)

#' @rdname masks
#' @export
col <- function(x, as.factor = FALSE) UseMethod("col")

#' @export
col.default <- function(x, as.factor = FALSE) base::col(x, as.factor)

#' @rdname masks
#' @export
col.mlx <- function(x, as.factor = FALSE) position_along(x, 2L, "col", as.factor)

position_along <- function(x, axis, what, as.factor) {
  shape <- mlx_shape(x)
  if (length(shape) < 2L) {
    rmlx_abort(paste0("a matrix-like object is required as argument to '", what, "'"), "shape")
  }
  if (check_flag(as.factor, "as.factor")) {
    stand_in <- array(FALSE, shape, dimnames(x))
    return(if (axis == 1L) base::row(stand_in, TRUE) else base::col(stand_in, TRUE))
  }
  line <- replace(rep(1L, length(shape)), axis, shape[axis])
  at <- mlx_array(seq_len(shape[axis]), line, "int32", mlx_device(x))
  .Call(C_broadcast_to, at, shape)
}

#' @rdname masks
#' @export
asplit <- function(x, MARGIN, drop = FALSE) UseMethod("asplit")

#' @export
asplit.default <- function(x, MARGIN, drop = FALSE) {
  if (drop) base::asplit(x, MARGIN, drop = drop) else base::asplit(x, MARGIN) # drop is from R 4.5 on
}

#' @rdname masks
#' @export
asplit.mlx <- function(x, MARGIN, drop = FALSE) {
  margin <- margins_of(x, MARGIN)
  pieces <- pieces_of(x, margin)
  if (check_flag(drop, "drop")) pieces <- lapply(pieces, function(p) .Call(C_flatten_columns, p))
  titles <- if (is.null(dim(x))) list(names(x)) else dimnames(x)[margin]
  if (length(margin) == 1L) {
    names(pieces) <- titles[[1L]]
  } else {
    pieces <- array(pieces, mlx_shape(x)[margin], titles)
  }
  pieces
}

margins_of <- function(x, MARGIN) {
  if (is.character(MARGIN)) {
    found <- match(MARGIN, names(dimnames(x)))
    if (anyNA(found)) {
      rmlx_abort(paste0("`MARGIN` names no axis: `names(dimnames(x))` has no \"", MARGIN[is.na(found)][1L], "\"."),
                 "index")
    }
    MARGIN <- found
  }
  if (length(MARGIN) == 0L) rmlx_abort("`MARGIN` must name at least one axis.", "index")
  resolve_axes(x, MARGIN, "MARGIN")
}

# One array for each combination of positions of some axes, the first of them fastest.
pieces_of <- function(x, margin) {
  pieces <- list(x)
  # unstacked from the last of them on, so that the numbers of the others stay
  for (axis in sort(margin, decreasing = TRUE)) {
    pieces <- unlist(lapply(pieces, mlx_unstack, axis = axis), recursive = FALSE)
  }
  # here the lowest axis is the fastest
  grid <- array(seq_along(pieces), mlx_shape(x)[sort(margin)])
  unname(pieces)[as.vector(aperm(grid, match(margin, sort(margin))))]
}

#' @rdname masks
#' @export
rank <- function(x, ...) base::rank(settled(x), ...)

#' @rdname masks
#' @export
outer <- function(X, Y, FUN = "*", ...) {
  if (!any_mlx(X, Y)) return(base::outer(X, Y, FUN, ...))
  shapes <- lapply(list(X, Y), extents)
  titles <- lapply(list(X, Y), titles_of)
  arrays <- paired(X, Y)
  X <- .Call(C_reshape, .Call(C_flatten_columns, arrays[[1L]]), c(length(X), 1L), FALSE)
  Y <- .Call(C_reshape, .Call(C_flatten_columns, arrays[[2L]]), c(1L, length(Y)), FALSE)
  shape <- c(length(X), length(Y))
  spread <- function(z) .Call(C_flatten_columns, .Call(C_broadcast_to, z, shape))
  out <- match.fun(FUN)(spread(X), spread(Y), ...)
  if (length(out) != prod(shape)) {
    rmlx_abort(paste0("dims [product ", prod(shape), "] do not match the length of object [", length(out),
                      "]: FUN must work element by element."), "shape")
  }
  out <- .Call(C_reshape, out, unlist(shapes), TRUE)
  if (!all(base::vapply(unlist(titles, recursive = FALSE), is.null, NA))) {
    dimnames(out) <- unlist(titles, recursive = FALSE)
  }
  out
}

extents <- function(x) dim(x) %||% length(x)
titles_of <- function(x) {
  if (is.null(dim(x))) list(names(x)) else dimnames(x) %||% rep(list(NULL), length(dim(x)))
}

#' @rdname masks
#' @usage X \%o\% Y
#' @export
`%o%` <- function(X, Y) outer(X, Y)

#' @rdname masks
#' @export
sweep <- function(x, MARGIN, STATS, FUN = "-", check.margin = TRUE, ...) {
  if (!any_mlx(x, STATS)) return(base::sweep(x, MARGIN, STATS, FUN, check.margin, ...))
  arrays <- paired(x, STATS)
  x <- arrays[[1L]]
  STATS <- arrays[[2L]]
  margin <- margins_of(x, MARGIN)
  shape <- mlx_shape(x)
  if (length(STATS) != 1L) {
    if (length(STATS) != prod(shape[margin])) {
      rmlx_abort(paste0("STATS has ", length(STATS), " values for the ", prod(shape[margin]),
                        " positions of MARGIN."), "shape")
    }
    STATS <- .Call(C_permute, .Call(C_reshape, STATS, shape[margin], TRUE), order(margin))
    STATS <- .Call(C_reshape, STATS, replace(shape, setdiff(seq_along(shape), margin), 1L), FALSE)
  }
  match.fun(FUN)(x, STATS, ...)
}

#' @rdname masks
#' @export
matrix <- function(data = NA, nrow = 1, ncol = 1, byrow = FALSE, dimnames = NULL) {
  if (!is_mlx(data)) {
    call <- quote(base::matrix(data, byrow = byrow, dimnames = dimnames)) # which asks for missing(nrow)
    if (!missing(nrow)) call$nrow <- quote(nrow)
    if (!missing(ncol)) call$ncol <- quote(ncol)
    return(eval(call))
  }
  n <- length(data)
  if (missing(nrow)) nrow <- if (missing(ncol)) n else ceiling(n / ncol)
  if (missing(ncol)) ncol <- ceiling(n / nrow)
  shape <- c(check_count(nrow, "nrow"), check_count(ncol, "ncol"))
  if (check_flag(byrow, "byrow")) return(titled(t(filled(data, rev(shape))), dimnames))
  titled(filled(data, shape), dimnames)
}

#' @rdname masks
#' @export
array <- function(data = NA, dim = length(data), dimnames = NULL) {
  if (!is_mlx(data)) return(base::array(data, dim, dimnames))
  titled(filled(data, check_dim(dim)), dimnames)
}

# The elements, repeated or cut to a shape, in column-major order.
filled <- function(data, shape) {
  n <- prod(shape)
  flat <- .Call(C_flatten_columns, data)
  if (length(flat) != n) {
    if (length(flat) == 0L) rmlx_abort("an array without elements does not fill others.", "shape")
    flat <- .Call(C_select_along, flat, rep_len(seq_along(flat), n), 1L)
  }
  .Call(C_reshape, flat, shape, TRUE)
}

titled <- function(x, titles) {
  if (length(titles) == 0L) return(x)
  if (is.null(dim(x))) names(x) <- titles[[1L]] else dimnames(x) <- titles
  x
}

#' @rdname masks
#' @export
ifelse <- function(test, yes, no) choose_lazily(test, yes, no)

# As base R, does not look at what no element asks for: recursion ends by that. `prepare` sees all three
# where all three count.
choose_lazily <- function(test, yes, no, prepare = NULL) {
  if (!is_mlx(test) && is.atomic(test) && length(test) > 0L && !anyNA(test)) {
    holds <- as.logical(test)
    if (all(holds)) return(if (is_mlx(yes)) mlx_where(test, yes, 0) else base::ifelse(test, yes, no))
    if (!any(holds)) return(if (is_mlx(no)) mlx_where(test, 0, no) else base::ifelse(test, yes, no))
  }
  branches(test, yes, no, base::ifelse, prepare)
}

#' @rdname masks
#' @export
pmin <- function(..., na.rm = FALSE) parallel_extreme(base::pmin, mlx_minimum, na.rm, ...)

#' @rdname masks
#' @export
pmax <- function(..., na.rm = FALSE) parallel_extreme(base::pmax, mlx_maximum, na.rm, ...)

parallel_extreme <- function(plain, of_two, na.rm, ...) {
  if (!any_mlx(...)) return(plain(..., na.rm = na.rm))
  Reduce(function(x, y) {
    out <- of_two(x, y)
    if (!na.rm) return(out)
    mlx_where(.Call(C_is_nan, x), y, mlx_where(.Call(C_is_nan, y), x, out))
  }, list(...))
}

#' @rdname masks
#' @export
which.max <- function(x) base::which.max(settled(x))

#' @rdname masks
#' @export
which.min <- function(x) base::which.min(settled(x))

#' @rdname masks
#' @export
complete.cases <- function(...) do.call(stats::complete.cases, lapply(list(...), settled))
