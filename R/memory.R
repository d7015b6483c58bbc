# Memory.

#' Memory of MLX
#'
#' R's collector sees only a few bytes of each array, so rmlx runs it when the arrays grew by a step
#' since the last time: a 64th of the machine's memory, at least 256 MB and at most 1 GB (with CUDA a
#' 32nd of the card's), or `options(rmlx.memory_step = bytes)` set before the package is loaded. Its
#' youngest objects only, among which most temporaries are, are collected each time the arrays grew by
#' a quarter of a step: that takes a millisecond, all of R's objects some 30. MLX keeps freed buffers
#' of up to one step for reuse (with CUDA as much as the card has, since more is slow to get), and up
#' to 128 MB of large R vectors of values that were read are kept likewise; `mlx_clear_cache()` gives
#' both back. What an operator was given and nobody has any more, such as `x * 2` in `x * 2 + 1`, is
#' not kept for the collector: it goes at once. A request beyond `options(rmlx.memory_limit = bytes)`,
#' also set before loading (default: the least of the machine's memory, the process's address space and
#' a gpu's memory), is an error of class `rmlx_error_memory`.
#'
#' @param reset_peak Whether to start measuring the peak anew.
#' @param ... mlx arrays, or lists of them.
#' @return `mlx_memory()`: a list of class `mlx_memory` with the numbers of bytes `active` (live
#'   arrays), `cache` (kept for reuse), `peak`, `limit` and `step`. `mlx_free()` and
#'   `mlx_clear_cache()`: `NULL`, invisibly.
#' @details `mlx_free()` releases arrays at once, in every variable that holds them: using one later is
#'   an error of class `rmlx_error_freed`. `mlx_clear_cache()` gives the kept buffers back to the
#'   system.
#' @examples
#' x <- mlx_zeros(c(1000, 1000))
#' mlx_eval(x)
#' mlx_memory()
#' mlx_free(x)
#' mlx_clear_cache()
#' @export
mlx_memory <- function(reset_peak = FALSE) {
  state <- .Call(C_memory_state)
  names(state) <- c("active", "cache", "peak", "limit", "step")
  if (check_flag(reset_peak, "reset_peak")) .Call(C_memory_reset_peak)
  structure(as.list(state), class = "mlx_memory")
}

#' @export
print.mlx_memory <- function(x, ...) {
  cat("MLX memory\n")
  for (name in names(x)) cat(sprintf("  %-7s %10.1f MB\n", name, x[[name]] / 1e6))
  invisible(x)
}

#' @rdname mlx_memory
#' @export
mlx_free <- function(...) {
  for (x in mlx_leaves(list(...))) .Call(C_free_now, x)
  invisible()
}

#' @rdname mlx_memory
#' @export
mlx_clear_cache <- function() {
  .Call(C_clear_cache)
  invisible()
}

#' MLX's memory, one number at a time
#'
#' Bytes that live arrays take, the most that they took since the start or the last reset, and what is
#' kept for reuse; [mlx_memory()] shows all. The limits: a request that takes the total beyond the memory
#' limit is an error of class `rmlx_error_memory`; more than the cache limit is not kept; and up to the
#' wired limit memory is kept in place (macOS only; elsewhere it means nothing).
#'
#' @param limit A number of bytes.
#' @return A number of bytes; of the setters the former limit, invisibly. `mlx_reset_peak_memory()`:
#'   `NULL`, invisibly.
#' @examples
#' mlx_get_active_memory()
#' old <- mlx_set_cache_limit(2^28)
#' mlx_set_cache_limit(old)
#' @export
mlx_get_active_memory <- function() mlx_memory()$active

#' @rdname mlx_get_active_memory
#' @export
mlx_get_peak_memory <- function() mlx_memory()$peak

#' @rdname mlx_get_active_memory
#' @export
mlx_get_cache_memory <- function() mlx_memory()$cache

#' @rdname mlx_get_active_memory
#' @export
mlx_reset_peak_memory <- function() {
  .Call(C_memory_reset_peak)
  invisible()
}

check_bytes <- function(limit) {
  if (!is.numeric(limit) || length(limit) != 1L || is.na(limit) || limit < 0) {
    rmlx_abort("`limit` must be one number of bytes.", "argument")
  }
  as.double(limit)
}

#' @rdname mlx_get_active_memory
#' @export
mlx_set_memory_limit <- function(limit) {
  limit <- check_bytes(limit)
  old <- mlx_memory()$limit
  .Call(C_wrap__memory_set_limit, limit)
  .Call(C_memory_set_own, 1L, limit)
  invisible(old)
}

#' @rdname mlx_get_active_memory
#' @export
mlx_set_cache_limit <- function(limit) {
  invisible(.Call(C_memory_set_own, 2L, check_bytes(limit)))
}

#' @rdname mlx_get_active_memory
#' @export
mlx_set_wired_limit <- function(limit) {
  invisible(.Call(C_memory_set_own, 3L, check_bytes(limit)))
}

#' How often base R code read the values of mlx arrays
#'
#' Functions with a method for mlx work on MLX. Others see the array as an R vector and read its
#' values, which copies them once; this counts such reads. `options(rmlx.host_reads = "warn")` or
#' `"error"` tells of each.
#'
#' @return The number of reads since the package was loaded.
#' @examples
#' before <- mlx_host_reads()
#' fit <- stats::lm.fit(cbind(1, 1:3), as_mlx(c(1, 2, 4)))
#' mlx_host_reads() - before
#' @export
mlx_host_reads <- function() .Call(C_host_reads)
