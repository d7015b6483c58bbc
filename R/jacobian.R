# Whole matrices of derivatives.

#' Jacobians of R functions
#'
#' @param f A function of the arguments in `...` that returns an mlx array or a nested list of them.
#' @param ...,argnums As in [mlx_grad()].
#' @param mode `"reverse"` takes one gradient for each number in the result, `"forward"` one directional
#'   derivative for each number in the arguments, all of them at once in either case; `"auto"` takes the
#'   fewer.
#' @return A list by differentiated argument, with the arguments' names: the derivatives of a result of
#'   shape `r` by an argument of shape `a`, in an array of shape `c(r, a)`, `[i, j]` being \eqn{\partial f_i /
#'   \partial x_j}; 0-d results and arguments add no axis. For an argument that is a nested list it is that list of
#'   such arrays, and for a result that is one, the result's list of those. Names and dimnames of results and
#'   arguments become dimnames. Results that are not floating point have `NULL`.
#' @inheritSection mlx_grad Derivatives of complex functions
#' @details A complex result of complex arguments has the derivative of a holomorphic function, in both modes
#'   the same; where it is none, the modes give different parts of what it has. A real result \eqn{u} of
#'   \eqn{z = x + iy} has \eqn{\partial u/\partial x - i\,\partial u/\partial y}, and a complex result of real
#'   arguments has its complex derivative.
#'
#'   An operation that MLX cannot map over many directions is computed for one after the other.
#' @examples
#' f <- function(x) c(x[1] * x[2], sin(x[1]), x[2]^2)
#' mlx_jacobian(f, c(2, 3))[[1]]
#'
#' # per-observation gradients (scores) of a log-likelihood
#' x <- as_mlx(cbind(1, c(0.5, 1, 2)))
#' y <- as_mlx(c(0, 1, 1))
#' loglik <- function(b) {
#'   eta <- drop(x %*% b)
#'   y * eta - log1p(exp(eta))
#' }
#' mlx_jacobian(loglik, c(0, 0))[[1]]
#' @export
mlx_jacobian <- structure(
  function(f, ..., argnums = NULL, mode = c("auto", "reverse", "forward")) {
    mode <- check_choice(mode, c("auto", "reverse", "forward"), "mode")
    problem <- transformation(f, list(...), argnums, "mlx_jacobian", substitute(f))
    out <- jacobian_of(problem, mode, "mlx_jacobian", environment())
    by_result <- lapply(named_blocks(out$blocks, out$parts$leaves, problem$leaves), problem$like_arguments)
    jacobian <- lapply(seq_along(problem$skeletons), function(i) {
      like_result(out$parts, lapply(by_result, function(row) row[[i]]))
    })
    names(jacobian) <- names(problem$skeletons)
    jacobian
  },
  transforms = TRUE
)

# The derivatives of each result by each leaf, `blocks[[result]][[leaf]]`, and the result's parts.
jacobian_of <- function(problem, mode, who, caller) {
  if (mode != "forward") {
    stand_ins <- NULL
    weighted <- weighing(problem, who, function(parts) {
      stand_ins <<- lapply(parts$leaves, mlx_zeros_like)
      stand_ins
    })
    grads <- .Call(C_value_and_grad, weighted$sum, problem$leaves, caller)[[2L]]
    parts <- weighted$parts()
    if (mode == "reverse" || sum(lengths(parts$leaves)) <= sum(lengths(problem$leaves))) {
      return(list(parts = parts, blocks = jacobian_products(grads, stand_ins)))
    }
  }
  stand_ins <- lapply(problem$leaves, mlx_zeros_like)
  out <- pushed(problem, stand_ins, who, caller)
  columns <- jacobian_products(out$tangents, stand_ins)
  blocks <- lapply(seq_along(out$tangents), function(i) {
    base::Map(function(column, leaf) last_axes_first(column[[i]], leaf), columns, problem$leaves)
  })
  list(parts = out$parts, blocks = blocks)
}

# Blocks of derivatives with the names of the results' axes and of the arguments'.
named_blocks <- function(blocks, results, leaves) {
  base::Map(function(row, result) {
    base::Map(function(block, leaf) {
      titles <- c(names_of_axes(result), names_of_axes(leaf))
      if (all(base::vapply(titles, is.null, NA))) return(block)
      if (length(titles) == 1L) names(block) <- titles[[1L]] else dimnames(block) <- titles
      block
    }, row, leaves)
  }, blocks, results)
}

# A list with the names along each axis, NULL where there are none.
names_of_axes <- function(x) {
  rank <- length(mlx_shape(x))
  if (rank == 1L && is.null(dim(x))) return(list(names(x)))
  dimnames(x) %||% vector("list", rank)
}

# unit_products(), and where complex inputs have real outputs, which tell half of the derivative for each unit
# vector, the other half from i times it: du/dx - i du/dy of arguments, du/dx + i dv/dx of cotangents of u + iv.
jacobian_products <- function(outputs, inputs) {
  is_complex <- function(x) mlx_dtype(x) == "complex64"
  products <- unit_products(outputs, inputs)
  real <- which(!base::vapply(outputs, is_complex, NA))
  complex <- which(base::vapply(inputs, is_complex, NA))
  if (length(real) == 0L || length(complex) == 0L) return(products)
  turned <- unit_products(outputs[real], inputs, turn = TRUE)
  for (k in complex) {
    products[[k]][real] <- base::Map(function(x, y) x - 1i * y, products[[k]][real], turned[[k]])
  }
  products
}

# Of an array whose first axes are those of `leaf`: the others first.
last_axes_first <- function(x, leaf) {
  first <- seq_along(mlx_shape(leaf))
  rank <- length(mlx_shape(x))
  if (length(first) %in% c(0L, rank)) x else .Call(C_permute, x, c(seq_len(rank)[-first], first))
}

# `outputs`, a linear function of `inputs` by their graph, for every unit vector of each input:
# `[[input]][[output]]`, of shape c(shape of the input, shape of the output). `reduce` takes such rows
# of an input, the numbers of the input and of the first of the rows, and gives what is kept of them. `turn`:
# complex unit vectors are times i.
unit_products <- function(outputs, inputs, reduce = NULL, turn = FALSE) {
  shapes <- lapply(outputs, mlx_shape)
  lapply(seq_along(inputs), function(k) {
    n <- length(inputs[[k]])
    parts <- lapply(blocks_of(n, c(outputs, inputs)), function(rows) {
      units <- lapply(inputs, function(x) mlx_zeros(c(length(rows), mlx_shape(x)), mlx_dtype(x), mlx_device(x)))
      units[[k]] <- unit_vectors(inputs[[k]], rows)
      if (turn && mlx_dtype(inputs[[k]]) == "complex64") units[[k]] <- units[[k]] * 1i
      products <- .Call(C_replay_rows, outputs, inputs, units)
      if (is.null(reduce)) products else reduce(products, k, rows)
    })
    if (!is.null(reduce)) return(parts)
    lapply(seq_along(outputs), function(j) {
      found <- lapply(parts, `[[`, j)
      all <- if (length(found) == 1L) found[[1L]] else do.call(mlx_concatenate, found)
      .Call(C_reshape, all, c(mlx_shape(inputs[[k]]), shapes[[j]]), FALSE)
    })
  })
}

# The rows of a matrix of derivatives, in blocks of which one fits into memory beside `arrays`.
blocks_of <- function(n, arrays) {
  size <- max(1, floor(2^24 / max(1, sum(lengths(arrays)))))
  if (n == 0L) return(list(integer(0)))
  lapply(seq(1, n, by = size), function(first) as.integer(first:min(n, first + size - 1)))
}

# Arrays like x with one 1 and zeros, in row-major order, along a new first axis.
unit_vectors <- function(x, rows) {
  offset <- if (length(rows) > 0L) rows[[1L]] - 1L else 0L
  flat <- mlx_eye(length(rows), length(x), offset, mlx_dtype(x), mlx_device(x))
  .Call(C_reshape, flat, c(length(rows), mlx_shape(x)), FALSE)
}
