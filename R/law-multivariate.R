# The multivariate normal distribution.

#' The multivariate normal distribution
#'
#' Its density and draws, on the gradient's tape with respect to everything. The covariance matrix
#' is factored by Cholesky's method.
#'
#' @param x Points: a vector of p numbers, or a matrix of n x p with one point a row.
#' @param n Number of draws, or extents before the last axis, which has length p.
#' @param mean A vector of p means.
#' @param sigma A covariance matrix, p x p. Only positive definite ones have a density: the density of
#'   others is NaN, and `mlx_rmvnorm()` stops with the error of [mlx_cholesky()], of class
#'   `rmlx_error_singular`.
#' @param log Whether to return the logarithm of the density.
#' @inheritParams mlx_rand
#' @return `mlx_dmvnorm()`: n densities, or a 0-d array for one point. `mlx_rmvnorm()`: n x p.
#' @examples
#' sigma <- matrix(c(2, 0.5, 0.5, 1), 2)
#' mlx_dmvnorm(as_mlx(rbind(c(0, 0), c(1, -1))), c(0, 0), sigma)
#' set.seed(1)
#' mlx_rmvnorm(3, c(0, 10), sigma)
#' @export
mlx_dmvnorm <- function(x, mean, sigma, log = FALSE, device = NULL) {
  check_flag(log, "log")
  x <- variable(x, device, mean, sigma)
  mean <- mean_vector(mean)
  p <- length(mean)
  if (length(mlx_shape(x)) == 0L) x <- mlx_expand_dims(x, 1)
  if (!length(mlx_shape(x)) %in% 1:2 || mlx_shape(x)[length(mlx_shape(x))] != p) {
    rmlx_abort(
      paste0("`x` must have one point of ", p, " numbers a row; its shape is ",
             paste(mlx_shape(x), collapse = " x "), "."),
      "shape"
    )
  }
  one <- length(mlx_shape(x)) == 1L
  if (one) x <- mlx_expand_dims(x, 1)
  sweep <- cholesky(check_covariance(sigma, p, x, "sigma"), t(x - mean))
  out <- -0.5 * colSums(sweep$solved^2) - (sweep$log_det + 0.5 * p * base::log(2 * pi))
  density_of(if (one) mlx_squeeze(out, 1) else out, log)
}

#' @rdname mlx_dmvnorm
#' @export
mlx_rmvnorm <- function(n, mean, sigma, dtype = NULL, device = NULL, key = NULL) {
  mlx_rand_multivariate_normal(n, mean, sigma, dtype, device, key)
}

mean_vector <- function(mean) {
  if (!is_mlx(mean)) return(as.vector(check_numbers(mean, "mean")))
  if (length(mlx_shape(mean)) == 1L) mean else mlx_reshape(mean, length(mean))
}

# Standard normal draws along the last axis, given a mean and a covariance matrix.
correlated <- function(z, mean, cov) {
  shape <- mlx_shape(z)
  p <- shape[length(shape)]
  cov <- check_covariance(cov, p, z, "cov")
  root <- chol.mlx((cov + t(cov)) / 2) # so that the gradient is symmetric, as the matrix is
  rows <- mlx_reshape(z, c(prod(shape[-length(shape)]), p))
  mlx_reshape(rows %*% root, shape) + mean
}

check_covariance <- function(cov, p, like, name) {
  if (!is_mlx(check_numbers(cov, name))) cov <- as_mlx(as.matrix(cov), mlx_dtype(like), mlx_device(like))
  if (length(mlx_shape(cov)) == 0L) cov <- mlx_reshape(cov, c(1, 1))
  if (identical(mlx_shape(cov), c(p, p))) return(cov)
  rmlx_abort(
    paste0("the covariance matrix must be ", p, " x ", p, ", as the mean has ", p, " numbers; it is ",
           paste(mlx_shape(cov), collapse = " x "), "."),
    "shape"
  )
}

# Of a positive definite matrix with the lower triangular root L, in one sweep over its columns: L's inverse
# times `rhs`, and the logarithm of L's determinant. Of ordinary operations, so that gradients of any order
# pass.
cholesky <- function(x, rhs) {
  p <- mlx_shape(x)[1L]
  x <- (x + t(x)) / 2 # so that the gradient is symmetric, as the matrix is
  solved <- vector("list", p)
  log_det <- 0
  for (j in seq_len(p)) {
    pivot <- sqrt(x[j, j])
    below <- matrix(as.numeric(seq_len(p) >= j))
    column <- x[, j] * below / pivot
    log_det <- log_det + log(mlx_squeeze(pivot))
    solved[[j]] <- rhs[j, ] / pivot
    rhs <- rhs - column * solved[[j]]
    x <- x - column * t(column)
  }
  list(log_det = log_det, solved = do.call(rbind, solved))
}
