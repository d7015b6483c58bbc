# Functions exported to files.

#' Functions exported to a file
#'
#' Reads a function that Python's `mlx.core.export_function()` (or another rmlx) wrote to a `.mlxfn` file.
#' It is a program in a file, read by MLX, which trusts it: read files of people you trust.
#'
#' @param path A path; `.mlxfn` is appended unless it ends in it.
#' @param device The default for `.device` below.
#' @return A function of any arguments: those without a name are passed by position, the others by
#'   name, and `.device` says where to compute (`NULL`: where the arrays are). It returns an mlx array, or a
#'   list of them if there are several. Arguments of other shapes or dtypes than the file knows are an
#'   error of class `rmlx_error_mlx` that lists those. It is differentiable.
#' @examples
#' \dontrun{
#' f <- mlx_import_function("model.mlxfn")
#' f(mlx_ones(c(2, 3)), scale = mlx_scalar(2))
#' }
#' @export
mlx_import_function <- function(path, device = NULL) {
  path <- file_path(path, "mlxfn")
  if (!file.exists(path)) rmlx_abort(paste0("the file ", path, " does not exist."), "file")
  imported <- .Call(C_import_function, path)
  function(..., .device = device) {
    arguments <- lapply(list(...), as_mlx)
    names <- enc2utf8(names(arguments) %||% character(length(arguments)))
    out <- .Call(C_import_call, imported, unname(arguments), names, .device)
    if (length(out) == 1L) out[[1L]] else out
  }
}
