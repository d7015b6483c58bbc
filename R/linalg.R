# Matrix products.

#' Matrix products of mlx arrays
#'
#' `x %*% y`, `crossprod(x, y)` (that is `t(x) %*% y`) and `tcrossprod(x, y)` (`x %*% t(y)`) as in
#' base R: a vector counts as the row or column that fits. Arrays of rank 3 or more are stacks of
#' matrices in their last two axes, and the other axes broadcast.
#'
#' Base R dispatches `%*%` on S3 classes from R 4.3 on and the cross products from R 4.4 on; on
#' older versions rmlx exports functions of the same names that send everything else to base R.
#'
#' @param x,y mlx arrays, or R arrays beside one. `y = NULL`: `x` itself.
#' @param ... Not used.
#' @return An mlx matrix with the row names of `x` and the column names of `y`. Products of integers
#'   are computed exactly and returned in float32; a result that float32 cannot hold exactly is an
#'   error.
#' @examples
#' x <- as_mlx(matrix(1:4, 2))
#' x %*% c(1, 1)
#' crossprod(x)
#' @usage
#' x \%*\% y
#'
#' crossprod(x, y = NULL, ...)
#'
#' tcrossprod(x, y = NULL, ...)
#' @name matmul
#' @aliases %*% crossprod tcrossprod
#' @rawNamespace
#' if (getRversion() < "4.3.0") {
#'   export("%*%")
#' } else {
#'   S3method("%*%", mlx)
#' }
#' if (getRversion() < "4.4.0") {
#'   export(crossprod, tcrossprod)
#' } else {
#'   S3method(crossprod, mlx)
#'   S3method(tcrossprod, mlx)
#' }
NULL

`%*%.mlx` <- function(x, y) .Call(C_matmul, x, y)

crossprod.mlx <- function(x, y = NULL, ...) {
  .Call(C_cross_product, x, if (is.null(y)) x else y)
}

tcrossprod.mlx <- function(x, y = NULL, ...) {
  .Call(C_outer_cross_product, x, if (is.null(y)) x else y)
}

if (getRversion() < "4.3.0") {
  `%*%` <- function(x, y) {
    if (inherits(x, "mlx") || inherits(y, "mlx")) .Call(C_matmul, x, y) else base::`%*%`(x, y)
  }
}

if (getRversion() < "4.4.0") {
  crossprod <- function(x, y = NULL, ...) {
    if (inherits(x, "mlx") || inherits(y, "mlx")) crossprod.mlx(x, y) else base::crossprod(x, y)
  }
  tcrossprod <- function(x, y = NULL, ...) {
    if (inherits(x, "mlx") || inherits(y, "mlx")) tcrossprod.mlx(x, y) else base::tcrossprod(x, y)
  }
}
