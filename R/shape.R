# Shapes and axes.

#' Change the shape of an array
#'
#' `dim(x) <- d` and `mlx_reshape()` read and fill elements in row-major order, as MLX does;
#' `mlx_reshape(order = "F")` in column-major order, as base R's `dim<-` does on plain arrays.
#'
#' @param x An mlx array.
#' @param newshape,value New extents, of the same product; one may be -1 in `mlx_reshape()` and is
#'   computed.
#' @param order `"C"` for row-major, `"F"` for column-major.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(1:6)
#' mlx_reshape(x, c(2, 3))
#' mlx_reshape(x, c(2, 3), order = "F")
#' dim(x) <- c(3, 2)
#' x
#' @export
mlx_reshape <- function(x, newshape, order = c("C", "F")) {
  order <- check_choice(order, c("C", "F"), "order")
  x <- as_mlx(x)
  .Call(C_reshape, x, close_shape(newshape, length(x), "newshape"), order == "F")
}

# A shape, its -1 computed.
close_shape <- function(shape, size, name) {
  if (is_mlx(shape)) shape <- as.vector(shape)
  open <- if (is.numeric(shape)) which(shape == -1)
  if (length(open) == 0L) return(check_dim(shape, name))
  if (length(open) > 1L) {
    rmlx_abort(paste0("only one extent of `", name, "` may be -1: it is computed from the others."),
               "shape")
  }
  rest <- prod(check_dim(shape[-open], name))
  if (rest == 0 || size %% rest != 0) {
    rmlx_abort(paste0("Cannot reshape array of size ", size, " into shape (",
                      paste(shape, collapse = " x "), "): the -1 would have to be ", size, " / ", rest,
                      "."), "shape")
  }
  shape[open] <- size %/% rest
  as.integer(shape)
}

#' @rdname mlx_reshape
#' @export
`dim<-.mlx` <- function(x, value) {
  if (!is_mlx(x)) {
    x <- unclass(x)
    dim(x) <- value
    return(x)
  }
  if (is.null(value)) return(.Call(C_flatten_columns, x))
  if (!is.numeric(value) || anyNA(value)) {
    rmlx_abort("dims must be a numeric vector without NAs", "shape")
  }
  if (any(value < 0)) rmlx_abort("dims cannot be negative", "shape")
  value <- if (length(value) == 0L) length(x) else trunc(as.numeric(value))
  if (prod(value) != length(x)) {
    product <- format(prod(value), scientific = FALSE)
    rmlx_abort(paste0("dims [product ", product, "] do not match the length of object [", length(x), "]"),
               "shape")
  }
  .Call(C_reshape, x, as.integer(value), FALSE)
}

#' Shorten or lengthen an array
#'
#' As in base R, an array of another length is 1-d, its elements in column-major order.
#'
#' @param x An mlx array.
#' @param value The new length. New elements are NaN, and only floating and complex arrays have these.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(1:3)
#' length(x) <- 2
#' x
#' length(x) <- 4
#' x
#' @export
`length<-.mlx` <- function(x, value) {
  value <- check_count(value, "value")
  extra <- value - length(check_mlx(x))
  if (extra == 0L) return(x)
  if (length(mlx_shape(x)) == 0L) x <- x[1L]
  if (extra < 0L) return(x[seq_len(value)])
  if (!is_floating(x)) {
    rmlx_abort(paste0("`length<-` fills with NaN, which ", mlx_dtype(x), " does not have: cast x with mlx_cast(x, ",
                      "\"float32\"), or append values with c()."), "dtype")
  }
  out <- c(x[seq_along(x)], mlx_full(extra, NaN, mlx_dtype(x), mlx_device(x)))
  if (!is.null(names(x))) names(out) <- c(names(x), rep("", extra))
  out
}

#' Drop and add axes of extent 1
#'
#' @param x An mlx array.
#' @param axes `mlx_squeeze()`: which axes (`NULL`: all of extent 1). `mlx_expand_dims()`: positions
#'   of the new axes in the result.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(matrix(1:3, 1))
#' mlx_shape(mlx_squeeze(x))
#' mlx_shape(mlx_expand_dims(x, c(1, 4)))
#' @export
mlx_squeeze <- function(x, axes = NULL) .Call(C_squeeze, as_mlx(x), check_axes(axes))

#' @rdname mlx_squeeze
#' @export
mlx_expand_dims <- function(x, axes) {
  axes <- check_axes(axes)
  if (length(axes) == 0L) rmlx_abort("`axes` must name at least one new axis.", "index")
  .Call(C_expand_dims, as_mlx(x), axes)
}

#' Broadcast to a shape
#'
#' @param x An mlx array or what [as_mlx()] takes.
#' @param shape The shape, to which that of `x` must broadcast.
#' @param device `"cpu"` or `"gpu"`; `NULL`: where `x` is.
#' @return An mlx array of that shape; repeated elements take no memory.
#' @examples
#' mlx_broadcast_to(as_mlx(1:3), c(2, 3))
#' @export
mlx_broadcast_to <- function(x, shape, device = NULL) {
  .Call(C_broadcast_to, as_mlx(x, device = device), check_dim(shape, "shape"))
}

#' Transpose and permute axes
#'
#' @param x,a An mlx array. A vector is transposed to one row, as in base R; `t()` reverses all axes
#'   of arrays of rank 3 or more.
#' @param perm The axes in their new order: numbers, or names of the dimnames; `NULL` reverses them.
#' @param resize Must be `TRUE`.
#' @param ... Not used.
#' @return An mlx array with its dimnames permuted.
#' @examples
#' x <- as_mlx(matrix(1:6, 2))
#' t(x)
#' mlx_shape(aperm(mlx_zeros(c(2, 3, 4)), c(3, 1, 2)))
#' @export
t.mlx <- function(x) {
  out <- .Call(C_transpose, x)
  if (is.null(out)) as_row(x) else out # a call of `%||%` would take a tenth of the time
}

as_row <- function(x) {
  out <- .Call(C_reshape, x, c(1L, length(x)), FALSE)
  if (!is.null(names(x))) dimnames(out) <- list(NULL, names(x))
  out
}

#' @rdname t.mlx
#' @export
aperm.mlx <- function(a, perm = NULL, resize = TRUE, ...) {
  if (!isTRUE(resize)) {
    rmlx_abort("aperm(resize = FALSE) is not supported for mlx arrays: an array's shape follows its axes.", "argument")
  }
  if (is.character(perm)) {
    known <- names(dimnames(a))
    found <- match(perm, known)
    if (is.null(known) || anyNA(found)) {
      rmlx_abort("a character `perm` must consist of the names of the dimnames.", "index")
    }
    perm <- found
  }
  .Call(C_permute, a, check_axes(perm, "perm"))
}
