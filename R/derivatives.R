# Derivatives of functions of one vector.

# The Hessian of a function of one vector, row by row.
hessian_at <- function(fun, x) {
  rows <- lapply(seq_along(x), function(i) {
    mlx_grad(function(x) mlx_grad(fun, x)[[1L]][i], x)[[1L]]
  })
  do.call(rbind, rows)
}

# The Hessian of a function of one vector times vectors.
hessian_along <- function(fun, x) {
  function(direction) mlx_grad(function(x) sum(mlx_grad(fun, x)[[1L]] * direction), x)[[1L]]
}

# The Jacobian of a function from vectors to vectors, row by row.
jacobian_at <- function(fun, x) {
  rows <- lapply(seq_along(fun(x)), function(i) mlx_grad(function(x) fun(x)[i], x)[[1L]])
  do.call(rbind, rows)
}

