# Streams: queues of work on a device.

#' Streams
#'
#' Work on a device is queued on a stream, and done in its order; streams may run at the same time.
#' Each device has a default stream. Wherever an argument is called `device`, it takes a stream too:
#' that work is then queued on it, on its device. [with_device()] and [local_device()] make a
#' stream the default for a while.
#'
#' @param device `"cpu"`, `"gpu"` or a stream.
#' @param stream,x A stream.
#' @param thread_unsafe,thread_local Kinds of streams that Python has for threads: one that any thread
#'   may use, one of which each has its own. R has one thread.
#' @param ... Not used.
#' @return `mlx_new_stream()` and `mlx_default_stream()`: a stream, a list of class `mlx_stream` with
#'   elements `ptr`, `device` and `index`. `mlx_set_default_stream()`: the stream, invisibly.
#'   `mlx_synchronize()`, which waits until all work of a stream or device is done, and
#'   `mlx_clear_streams()`: `NULL`, invisibly.
#' @details `mlx_clear_streams()` does the queued work, ends all streams and opens new default ones.
#'   Evaluate what you need before ([mlx_eval()]): what is not evaluated yet cannot be afterwards, and
#'   older stream objects cannot be used.
#' @examples
#' s <- mlx_new_stream("cpu")
#' s
#' x <- mlx_ones(3, device = s)
#' mlx_synchronize(s)
#' with_device(s, x + 1)
#' @export
mlx_new_stream <- function(device = mlx_default_device(), thread_unsafe = FALSE, thread_local = FALSE) {
  kind <- 1L
  if (check_flag(thread_unsafe, "thread_unsafe")) kind <- 2L
  if (check_flag(thread_local, "thread_local")) kind <- 3L
  new_stream(.Call(C_stream_make, device, kind), device)
}

new_stream <- function(ptr, device) {
  device <- if (is_stream(device)) device$device else device
  structure(list(ptr = ptr, device = device, index = .Call(C_stream_index, ptr)), class = "mlx_stream")
}

is_stream <- function(x) inherits(x, "mlx_stream")

#' @rdname mlx_new_stream
#' @export
mlx_default_stream <- function(device = mlx_default_device()) {
  new_stream(.Call(C_stream_make, device, 0L), device)
}

#' @rdname mlx_new_stream
#' @export
mlx_set_default_stream <- function(stream) {
  .Call(C_stream_set_default, stream)
  invisible(stream)
}

#' @rdname mlx_new_stream
#' @export
mlx_synchronize <- function(device = mlx_default_device()) {
  .Call(C_stream_synchronize, device)
  invisible()
}

#' @rdname mlx_new_stream
#' @export
mlx_clear_streams <- function() {
  .Call(C_stream_clear)
  invisible()
}

#' @rdname mlx_new_stream
#' @export
print.mlx_stream <- function(x, ...) {
  cat("mlx stream [", x$device, "] index=", x$index, "\n", sep = "")
  invisible(x)
}

#' @rdname mlx_new_stream
#' @export
format.mlx_stream <- function(x, ...) paste0("<mlx_stream device=", x$device, " index=", x$index, ">")
