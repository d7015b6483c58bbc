# Assigning traced values into plain vectors, in functions written for these.

plain_assign <- .Primitive("[<-")
plain_assign_element <- .Primitive("[[<-")

# Whether an array took the place of a plain one and follows R's rules: as a vector it grows, as a matrix it drops
# axes.
was_plain <- function(x) !is.null(attr(x, "rmlx_was_plain", exact = TRUE))

loop_elements <- function(x) if (.Call(C_is_traced, x)) items(x) else x

# The value that is assigned into a part of a variable; the variable becomes an array that can hold it.
value_for <- function(value, name, accessor, outer = FALSE) {
  force(value) # which may assign too
  home <- parent.frame()
  if (outer) home <- parent.env(home)
  x <- get0(name, home)
  if (!.Call(C_is_traced, value) && !.Call(C_is_traced, x)) return(value)
  if (is.list(x) && !is.object(x)) return(if (accessor == "[") items(value) else value)
  if (is.null(x) && (accessor == "[[" && length(value) != 1L || !exists(name, envir = home))) return(value)
  into <- target(x, value)
  if (!is.null(into)) assign(name, into, envir = home, inherits = outer)
  value
}

assign_part <- function(x, ..., value) {
  if (!.Call(C_is_traced, value) && !.Call(C_is_traced, x)) return(plain_assign(x, ..., value = value))
  if (is.list(x) && !is.object(x)) return(plain_assign(x, ..., value = items(value)))
  plain_assign(target(x, value) %||% x, ..., value = value)
}

assign_element <- function(x, ..., value) {
  traced <- .Call(C_is_traced, value) || .Call(C_is_traced, x)
  plain <- !traced || is.list(x) || is.null(x) && length(value) != 1L
  plain_assign_element(if (plain) x else target(x, value) %||% x, ..., value = value)
}

assign_diagonal <- function(x, value) {
  if (any_traced(value) && !is_mlx(x)) x <- target(x, value) %||% x
  `diag<-`(x, value)
}

assign_dim <- function(x, value) {
  if (!is_mlx(x) || !was_plain(x) || is.null(value)) return(base::`dim<-`(x, value))
  out <- .Call(C_reshape, .Call(C_flatten_columns, x), check_dim(value), TRUE)
  .Call(C_keep_attributes, out, x)
}

# What is assigned into, as an mlx array that can hold the value; NULL for what holds no numbers.
target <- function(x, value) {
  floating <- if (is_mlx(value)) is_floating(value) else is.double(value)
  if (is_mlx(x)) {
    if (was_plain(x) && floating && !is_floating(x)) {
      wide <- mlx_cast(x, if (is_mlx(value)) mlx_dtype(value) else default_float())
      return(.Call(C_keep_attributes, wide, x))
    }
    if (length(mlx_shape(x)) < 2L) attr(x, "rmlx_was_plain") <- TRUE # it may grow
    return(x)
  }
  if (is.object(x) || !(is.null(x) || is.numeric(x) || is.logical(x) || is.complex(x))) return(NULL)
  dtype <- if (is.complex(x)) {
    "complex64"
  } else if (floating) {
    mlx_dtype(value)
  } else if (is.null(x) || is.logical(x) && !anyNA(x)) {
    mlx_dtype(value)
  } else if (is.integer(x) && !anyNA(x)) {
    "int32"
  } else {
    default_float()
  }
  plain <- x %||% numeric()
  if (anyNA(plain) && !is.complex(plain)) storage.mode(plain) <- "double"
  out <- as_mlx(plain, dtype, mlx_device(value))
  if (is.null(dim(plain))) {
    out <- .Call(C_reshape, out, length(plain), FALSE)
    names(out) <- names(plain)
  }
  out <- .Call(C_keep_attributes, out, plain)
  attr(out, "rmlx_was_plain") <- TRUE
  out
}

# A plain value as an array of numbers takes it: NA is NaN.
beside_target <- function(value) if (is.logical(value) && !is_mlx(value)) as.double(value) else value

# A vector with room for the positions, or the new names, that are assigned.
grown <- function(x, ...) {
  if (...length() != 1L || length(mlx_shape(x)) > 1L || missing(..1)) return(x)
  i <- ..1
  if (is_mlx(i) || length(i) == 0L || anyNA(i)) return(x)
  n <- length(x)
  if (is.character(i)) {
    new <- setdiff(i, names(x))
    more <- length(new)
  } else {
    more <- if (is.logical(i)) length(i) - n else max(i) - n
    new <- NULL
  }
  if (more < 1) return(x)
  titles <- names(x)
  if (!is.null(new)) titles <- c(titles %||% character(n), new)
  dtype <- if (is_floating(x)) mlx_dtype(x) else default_float()
  room <- mlx_full(check_count(more, "the index"), NaN, dtype = dtype, device = mlx_device(x))
  out <- .Call(C_combine, list(x, room))
  if (!is.null(titles)) names(out) <- c(titles, character(length(out) - length(titles)))
  .Call(C_keep_attributes, out, x)
}
