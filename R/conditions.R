# Errors and warnings: all of class rmlx_error (or rmlx_warning) plus a subclass, with the user's
# own call.

#' @noRd
rmlx_abort <- function(message, class, call = user_call(), ...) {
  call <- call # found from here, not from within abort()
  abort(message, class = c(paste0("rmlx_error_", class), "rmlx_error"), call = call, ...)
}

#' @noRd
rmlx_warn <- function(message, class) {
  warn(message, class = c(paste0("rmlx_warning_", class), "rmlx_warning"))
}

# The outermost call of the run of rmlx functions that leads here: what the user wrote. Where base
# R code read an mlx vector without a method of ours, the base function that did.
user_call <- function() {
  namespace <- topenv()
  found <- NULL
  for (i in rev(seq_len(sys.nframe() - 1L))) {
    fn <- sys.function(i)
    ours <- !is.primitive(fn) && identical(topenv(environment(fn)), namespace)
    if (!ours) {
      if (is.null(found)) found <- sys.call(i)
      break
    }
    if (!isTRUE(attr(fn, "raises"))) found <- sys.call(i)
  }
  tidy_call(found)
}

# A call as people write it: the generic's name instead of the method's, and no values spliced into
# it (do.call() does that), since they may be huge, or traced.
tidy_call <- function(x) {
  if (is.call(x)) {
    if (is.name(x[[1L]])) x[[1L]] <- as.name(sub("\\.mlx$", "", as.character(x[[1L]])))
    for (i in seq_along(x)) {
      part <- x[[i]]
      if (!missing(part) && !is.name(part)) {
        tidied <- tidy_call(part)
        if (!is.null(tidied)) x[[i]] <- tidied
      }
    }
    return(x)
  }
  if (is_mlx(x)) return(as.name("<mlx>"))
  if (is.function(x)) return(as.name("<function>"))
  if (is.environment(x) || length(x) > 3L) return(as.name(paste0("<", class(x)[[1L]], ">")))
  x
}

# Called by the native code, which knows what went wrong but not who asked.
raise_native <- structure(
  function(message, class) {
    call <- user_call()
    kind <- sub("^rmlx_error_", "", class)
    if (kind == "tape") message <- tape_message(call)
    rmlx_abort(message, kind, call = call)
  },
  raises = TRUE
)

tape_message <- function(call) {
  left <- if (is.null(call)) "base R code" else paste0("`", short_call(call), "`")
  running <- running_transform()
  c(
    paste0(left, " asks for plain numbers of a value that a gradient depends on: it would leave the ",
           "tape, and the gradient would silently be zero."),
    i = paste0("Ensure all differentiable computations use MLX operations: the function",
               if (!is.null(running)) paste0(" of `", running, "`"),
               " must return an `mlx` object computed from its arguments by them."),
    i = paste0("Where the value is wanted without its gradient, read `mlx_stop_gradient(x)`; ",
               "return further results beside the loss as `list(loss, ...)`.")
  )
}

# One short line of a call.
short_call <- function(call) {
  text <- paste(deparse(call, width.cutoff = 500L, nlines = 1L), collapse = " ")
  if (nchar(text) > 80L) paste0(substr(text, 1L, 77L), "...") else text
}

# The innermost transformation that is being run, as the user wrote it.
running_transform <- function() {
  namespace <- topenv()
  for (i in rev(seq_len(sys.nframe()))) {
    fn <- sys.function(i)
    if (!is.primitive(fn) && isTRUE(attr(fn, "transforms")) &&
          identical(topenv(environment(fn)), namespace)) {
      return(short_call(tidy_call(sys.call(i))))
    }
  }
  NULL
}

# Called by the native code when base R code reads values and options(rmlx.host_reads) is set.
on_silent_read <- structure(
  function(how) {
    text <- paste0(
      "base R code read the values of an mlx array: this work is done in R, not in MLX. ",
      "(options(rmlx.host_reads = \"allow\") permits it.)"
    )
    if (identical(how, "error")) rmlx_abort(text, "host_read")
    if (identical(how, "warn")) rmlx_warn(text, "host_read")
    NULL
  },
  raises = TRUE
)

check_flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    rmlx_abort(paste0("`", name, "` must be TRUE or FALSE."), "argument")
  }
  x
}

check_count <- function(x, name, least = 0) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x < least || x != trunc(x) ||
        x > .Machine$integer.max) {
    rmlx_abort(paste0("`", name, "` must be one whole number of at least ", least, "."), "argument")
  }
  as.integer(x)
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
  if (!is.numeric(axes) || anyNA(axes) || any(axes != trunc(axes))) {
    rmlx_abort(paste0("`", name, "` must be whole numbers: 1 is the first axis, -1 the last."),
               "index")
  }
  as.integer(axes)
}

check_mlx <- function(x) {
  if (!is_mlx(x)) {
    rmlx_abort("is_mlx(x) is not TRUE: an mlx array was expected. Make one with `as_mlx()`.",
               "argument")
  }
  x
}
