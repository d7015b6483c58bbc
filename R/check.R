# Checks of arguments: each gives the argument in the form that is used, or an error that names it.

check_flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    rmlx_abort(paste0("`", name, "` must be TRUE or FALSE."), "argument")
  }
  x
}

check_string <- function(x, name) {
  if (!is.character(x) || length(x) != 1L || is.na(x)) {
    rmlx_abort(paste0("`", name, "` must be one string."), "argument")
  }
  x
}

check_number <- function(x, name) {
  if (!is.numeric(x) || length(x) != 1L || !is.finite(x)) {
    rmlx_abort(paste0("`", name, "` must be one finite number."), "argument")
  }
  as.numeric(x)
}

check_count <- function(x, name, least = 0) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x < least || x != trunc(x) ||
        x > .Machine$integer.max) {
    rmlx_abort(paste0("`", name, "` must be one whole number of at least ", least, "."), "argument")
  }
  as.integer(x)
}

# A whole number that may be negative.
check_offset <- function(x, name = "offset") {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x != trunc(x) || abs(x) > .Machine$integer.max) {
    rmlx_abort(paste0("`", name, "` must be one whole number, which may be negative."), "argument")
  }
  as.integer(x)
}

check_digits <- function(digits) {
  if (!is.numeric(digits) || length(digits) != 1L || is.na(digits)) {
    rmlx_abort("`digits` must be one number.", "argument")
  }
  # beyond these, rounding changes nothing or leaves nothing
  as.integer(max(-400, min(400, floor(digits + 0.5))))
}

check_dim <- function(dim, name = "dim") {
  if (is_mlx(dim)) dim <- as.vector(dim)
  if (!is.numeric(dim) || anyNA(dim) || any(dim < 0) || any(dim != trunc(dim)) ||
        any(dim > .Machine$integer.max)) {
    rmlx_abort(paste0("`", name, "` must be non-negative whole numbers without NA."), "shape")
  }
  as.integer(dim)
}

check_axes <- function(axes, name = "axes") {
  if (is.null(axes)) return(NULL)
  if (is_mlx(axes)) axes <- as.vector(axes)
  unknown <- is.logical(axes) && all(is.na(axes)) # refused with its rank, by the native code
  if (!is.numeric(axes) && !unknown || any(axes != trunc(axes), na.rm = TRUE)) {
    rmlx_abort(paste0("`", name, "` must be whole numbers: 1 is the first axis, -1 the last."),
               "index")
  }
  far <- abs(axes) > .Machine$integer.max
  if (any(far, na.rm = TRUE)) {
    rmlx_abort(paste0("axis ", axes[which(far)[1L]], " is out of range: no array has so many axes."),
               "index")
  }
  as.integer(axes)
}

# One of some strings; the first if the whole default came.
check_choice <- function(x, choices, name) {
  if (identical(x, choices)) return(choices[1L])
  found <- if (is.character(x) && length(x) == 1L) pmatch(x, choices) else NA
  if (is.na(found)) {
    rmlx_abort(paste0("`", name, "` must be one of ", paste0('"', choices, '"', collapse = ", "), "."),
               "argument")
  }
  choices[found]
}

check_mlx <- function(x) {
  if (!is_mlx(x)) {
    rmlx_abort("is_mlx(x) is not TRUE: an mlx array was expected. Make one with `as_mlx()`.",
               "argument")
  }
  x
}

# Numbers in R or an mlx array: what as_mlx() takes.
check_numbers <- function(x, name) {
  if (!is_mlx(x) && (is.object(x) && !is.data.frame(x) && !inherits(x, "integer64") ||
                       !(is.numeric(x) || is.logical(x) || is.complex(x) || is.data.frame(x)))) {
    rmlx_abort(paste0("`", name, "` must be numbers, or an mlx array; it is of class ", class(x)[[1L]],
                      "."), "argument")
  }
  x
}

# An R value that an operator may meet: as it is, so that it stays weak beside an array.
as_mlx_beside <- function(x) if (is.data.frame(x)) as_mlx(x) else check_numbers(x, "value")
