#' rmlx: R arrays in Apple's MLX, with gradients of R functions
#'
#' Arrays made by [as_mlx()] live in MLX and behave as R's own vectors, matrices and arrays: base
#' R's operators and functions work on them, lazily, on the CPU or a GPU, in single or double
#' precision. [mlx_grad()] and [mlx_value_grad()] differentiate R functions written with them.
#'
#' @section Options:
#' - `rmlx.dtype`: dtype that R numbers get, `"float32"` (default), `"float64"`, `"float16"` or
#'   `"bfloat16"`; see [local_mlx_dtype()].
#' - `rmlx.max_print`: most elements whose values `print()` shows (100).
#' - `rmlx.print_precision`: significant digits that `print()` shows (R's own); see
#'   [mlx_print_options()].
#' - `rmlx.host_reads`: `"allow"` (default), `"warn"` or `"error"` when base R code without a
#'   method for mlx reads an array's values; see [mlx_host_reads()].
#' - `rmlx.warn_broadcast`: `FALSE` silences the warning (class `rmlx_warning_broadcast`) that a plain vector
#'   beside an n x 1 array gives an n x n one.
#' - `rmlx.overlay`: `FALSE` has transformations call functions as they are, without what [mlx_overlay] describes.
#' - `rmlx.memory_step`: bytes by which the arrays may grow before R's collector is run; see
#'   [mlx_memory()].
#' - `rmlx.memory_limit`: most bytes that all arrays together may take; as the step, it is read when
#'   the package is loaded.
#' - `rmlx.quiet`: `TRUE` silences the message about a slow BLAS when the package is attached.
#' @useDynLib rmlx, .registration = TRUE, .fixes = "C_"
#' @importFrom stats confint logLik nobs predict setNames vcov
#' @importFrom methods setOldClass
#' @importFrom rlang abort env_binding_are_lazy new_weakref obj_address warn wref_value
#' @keywords internal
"_PACKAGE"

setOldClass("mlx")

.onLoad <- function(libname, pkgname) {
  .Call(C_set_raiser, raise_native)
  .Call(C_set_read_watcher, on_silent_read)
  .Call(C_set_spread_watcher, on_spread)
  .Call(C_set_index_namer, carry_index_names)
  # from R 4.3 on: our operators come before those of factors, dates and integer64
  if (getRversion() >= "4.3.0") {
    registerS3method("chooseOpsMethod", "mlx", function(x, y, mx, my, cl, reverse) TRUE, baseenv())
  }
  step <- bytes_option("rmlx.memory_step")
  if (!is.null(step)) .Call(C_wrap__memory_set_step, step)
  limit <- bytes_option("rmlx.memory_limit")
  if (!is.null(limit)) .Call(C_wrap__memory_set_limit, limit)
}

bytes_option <- function(name) {
  bytes <- getOption(name)
  if (is.null(bytes)) return(NULL)
  if (!is.numeric(bytes) || length(bytes) != 1L || is.na(bytes) || bytes <= 0) {
    rmlx_abort(paste0("options(", name, " = ) must be one positive number of bytes."), "argument")
  }
  as.double(bytes)
}

.onAttach <- function(libname, pkgname) {
  if (!isTRUE(getOption("rmlx.quiet")) && is_reference_blas()) {
    packageStartupMessage(
      "rmlx: R uses the reference BLAS, with which matrix products are some 40 times slower than ",
      "with OpenBLAS (Debian: libopenblas0-pthread). See mlx_sitrep(); options(rmlx.quiet = TRUE) ",
      "silences this."
    )
  }
}
