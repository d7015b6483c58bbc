# Whole arrays compared.

# Two operands as mlx arrays; an R vector takes the dtype of the array beside it, if that holds it.
paired <- function(x, y) {
  if (is_mlx(x) && is_mlx(y)) return(list(x, y))
  kind <- .Call(C_common_dtype, list(x, y))
  device <- if (is_mlx(x)) mlx_device(x) else if (is_mlx(y)) mlx_device(y)
  lapply(list(x, y), function(z) if (is_mlx(z)) z else as_mlx(z, kind, device))
}

#' Are arrays close, or equal?
#'
#' Elements are close if they are equal, or finite with `|a - b| <= atol + rtol * |b|`.
#'
#' @param a,b mlx arrays or R vectors; `mlx_isclose()` and `mlx_allclose()` broadcast them.
#' @param rtol,atol Relative and absolute tolerance.
#' @param equal_nan Whether two NaN count as equal.
#' @param device Where to put the result: `"cpu"` or `"gpu"`; `NULL`: where the arrays are.
#' @return A bool mlx array: of the broadcast shape (`mlx_isclose()`), or 0-d. `mlx_array_equal()`
#'   is `FALSE` for different shapes.
#' @examples
#' mlx_isclose(as_mlx(c(1, 2)), c(1 + 1e-6, 2.1))
#' mlx_allclose(as_mlx(1), 1 + 1e-6)
#' mlx_array_equal(as_mlx(1:3), as_mlx(1:2))
#' @export
mlx_isclose <- function(a, b, rtol = 1e-05, atol = 1e-08, equal_nan = FALSE, device = NULL) {
  check_number(rtol, "rtol")
  check_number(atol, "atol")
  arrays <- paired(a, b)
  a <- arrays[[1L]]
  b <- arrays[[2L]]
  same <- a == b | (is.finite(a) & is.finite(b) & abs(a - b) <= atol + rtol * abs(b))
  if (check_flag(equal_nan, "equal_nan")) same <- same | (is.nan(a) & is.nan(b))
  as_mlx(same, device = device)
}

#' @rdname mlx_isclose
#' @export
mlx_allclose <- function(a, b, rtol = 1e-05, atol = 1e-08, equal_nan = FALSE, device = NULL) {
  mlx_all(mlx_isclose(a, b, rtol, atol, equal_nan, device))
}

#' @rdname mlx_isclose
#' @export
mlx_array_equal <- function(a, b, equal_nan = FALSE) {
  arrays <- paired(a, b)
  a <- arrays[[1L]]
  b <- arrays[[2L]]
  if (!identical(mlx_shape(a), mlx_shape(b))) return(as_mlx(FALSE, device = mlx_device(a)))
  same <- a == b
  if (check_flag(equal_nan, "equal_nan")) same <- same | (is.nan(a) & is.nan(b))
  mlx_all(same)
}

#' Compare an mlx array with another array
#'
#' @param target An mlx array.
#' @param current An mlx array or R vector.
#' @param tolerance Relative and absolute tolerance, see [mlx_isclose()]; NaN equals NaN.
#' @param ... Not used.
#' @return `TRUE`, or a string that says how they differ.
#' @examples
#' all.equal(as_mlx(1:2), c(1, 2))
#' all.equal(as_mlx(1:3), as_mlx(1:2))
#' @method all.equal mlx
#' @export
all.equal.mlx <- function(target, current, tolerance = sqrt(.Machine$double.eps), ...) {
  if (!is_mlx(current) && (!is.atomic(current) || is.null(current) || is.character(current))) {
    return(paste0("target is an mlx array, current is ", class(current)[[1L]]))
  }
  shapes <- vapply(paired(target, current), function(x) {
    if (length(mlx_shape(x)) == 0L) "scalar" else paste(mlx_shape(x), collapse = " x ")
  }, "")
  if (shapes[[1L]] != shapes[[2L]]) {
    return(paste0("Arrays have different shapes: ", shapes[[1L]], " vs ", shapes[[2L]]))
  }
  if (as.logical(mlx_allclose(target, current, tolerance, tolerance, equal_nan = TRUE))) return(TRUE)
  paste0("Arrays are not all close within tolerance ", format(tolerance))
}
