# Second derivatives.

#' Hessians of R functions
#'
#' @param f A function of the arguments in `...` that returns an mlx array of one element, or a list
#'   whose first element is one.
#' @param ...,argnums As in [mlx_grad()].
#' @param vectors A list with one element for each differentiated argument, like that argument (`NULL`:
#'   zeros). For a single argument the list may be left out.
#' @param method `"exact"`: by one Hessian-vector product for each number; `"hutchinson"`: an estimate of
#'   Hutchinson's kind, the mean of \eqn{z \odot Hz} (for the trace \eqn{z^T H z}) over random signs \eqn{z}. It is
#'   unbiased, and exact where the Hessian is diagonal.
#' @param samples How many random vectors.
#' @param key `NULL` or a key of [mlx_key()]; `NULL` draws from R's generator.
#' @return
#'   - `mlx_hessian()`: a list by differentiated argument, with the arguments' names. With one such argument
#'     of shape `a`, `[[1]]` is its Hessian, of shape `c(a, a)`: for a vector a matrix. With several,
#'     `[[i]][[j]]` has shape `c(a_i, a_j)`. For nested lists it is the argument's list of such lists.
#'   - `mlx_hvp()`: the product \eqn{Hv}, as [mlx_grad()] gives gradients.
#'   - `mlx_hessian_diag()`: the diagonal, as [mlx_grad()] gives gradients.
#'   - `mlx_hessian_trace()`: the sum of the diagonals, a 0-d mlx array.
#' @details Forward mode over reverse mode: the gradient is taken once, and its derivative along all unit
#'   vectors at once. `mlx_hvp()` takes a few times as long as a gradient whatever the number of parameters.
#' @examples
#' f <- function(x) sum(x^4) + x[1] * x[2]
#' x <- as_mlx(c(1, 2))
#' mlx_hessian(f, x)[[1]]
#' mlx_hvp(f, x, vectors = c(1, 0))[[1]]
#' mlx_hessian_diag(f, x)[[1]]
#' mlx_hessian_trace(f, x)
#' mlx_hessian_trace(f, x, method = "hutchinson", samples = 100)
#'
#' # blocks by parameter
#' g <- function(p) sum(p$a^2) * p$b
#' mlx_hessian(g, list(a = c(1, 2), b = 3))[[1]]$a$b
#' @export
mlx_hessian <- structure(
  function(f, ..., argnums = NULL) hessian_of(f, list(...), argnums, "mlx_hessian", substitute(f)),
  transforms = TRUE
)

hessian_of <- function(f, args, argnums, who, written) {
  problem <- gradient_problem(transformation(f, args, argnums, who, written), who)
  blocks <- jacobian_of(problem, "forward", who, environment())$blocks
  blocks <- named_blocks(blocks, problem$leaves, problem$leaves)
  rows <- lapply(blocks, function(row) {
    by_argument <- problem$like_arguments(row)
    if (length(by_argument) == 1L) by_argument[[1L]] else by_argument
  })
  # a block of several arguments is a list by the second, and within it by the second's leaves
  if (length(problem$skeletons) == 1L) return(problem$like_arguments(rows))
  lapply(problem$skeletons, function(first) {
    out <- lapply(seq_along(problem$skeletons), function(j) {
      derivatives_like(first, lapply(rows, function(row) row[[j]]))
    })
    names(out) <- names(problem$skeletons)
    out
  })
}

# A transformation's function with its gradient for the result.
gradient_problem <- function(problem, who) {
  loss <- function(leaves) check_loss(first_result(problem$call(leaves)), who)
  gradient <- problem
  gradient$call <- function(leaves) .Call(C_value_and_grad, loss, leaves, environment())[[2L]]
  gradient
}

#' @rdname mlx_hessian
#' @export
mlx_hvp <- structure(
  function(f, ..., vectors, argnums = NULL) {
    problem <- gradient_problem(transformation(f, list(...), argnums, "mlx_hvp", substitute(f)), "mlx_hvp")
    along <- directions_of(vectors, problem, "vectors")
    problem$like_arguments(pushed(problem, along, "mlx_hvp", environment())$tangents)
  },
  transforms = TRUE
)

#' @rdname mlx_hessian
#' @export
mlx_hessian_diag <- structure(
  function(f, ..., argnums = NULL, method = c("exact", "hutchinson"), samples = 100L, key = NULL) {
    problem <- transformation(f, list(...), argnums, "mlx_hessian_diag", substitute(f))
    diagonals <- diagonals_of(problem, "mlx_hessian_diag", method, samples, key, environment())
    problem$like_arguments(base::Map(named_like, diagonals, problem$leaves))
  },
  transforms = TRUE
)

#' @rdname mlx_hessian
#' @export
mlx_hessian_trace <- structure(
  function(f, ..., argnums = NULL, method = c("exact", "hutchinson"), samples = 100L, key = NULL) {
    problem <- transformation(f, list(...), argnums, "mlx_hessian_trace", substitute(f))
    diagonals <- diagonals_of(problem, "mlx_hessian_trace", method, samples, key, environment())
    base::Reduce(`+`, lapply(diagonals, sum))
  },
  transforms = TRUE
)

# The diagonal of the Hessian for each leaf.
diagonals_of <- function(problem, who, method, samples, key, caller) {
  method <- check_choice(method, c("exact", "hutchinson"), "method")
  samples <- check_count(samples, "samples", 1)
  problem <- gradient_problem(problem, who)
  stand_ins <- lapply(problem$leaves, mlx_zeros_like)
  rows <- pushed(problem, stand_ins, who, caller)$tangents
  if (method == "exact") {
    parts <- unit_products(rows, stand_ins, function(products, k, rows) {
      square <- .Call(C_reshape, products[[k]], c(length(rows), length(stand_ins[[k]])), FALSE)
      mlx_diagonal(square, offset = if (length(rows) > 0L) rows[[1L]] - 1L else 0L)
    })
    return(base::Map(function(found, leaf) {
      .Call(C_reshape, do.call(mlx_concatenate, found), mlx_shape(leaf), FALSE)
    }, parts, problem$leaves))
  }
  sums <- lapply(stand_ins, function(x) 0)
  for (block in blocks_of(samples, c(rows, stand_ins))) {
    signs <- list()
    for (leaf in stand_ins) {
      if (!is.null(key)) {
        keys <- mlx_key_split(key)
        key <- keys[[1L]]
      }
      draw <- mlx_rand_bernoulli(c(length(block), mlx_shape(leaf)), device = mlx_device(leaf),
                                 key = if (!is.null(key)) keys[[2L]])
      signs <- c(signs, list(mlx_cast(draw, mlx_dtype(leaf)) * 2 - 1))
    }
    products <- .Call(C_replay_rows, rows, stand_ins, signs)
    sums <- base::Map(function(total, z, product) total + mlx_sum(z * product, axes = 1L), sums, signs, products)
  }
  lapply(sums, function(total) total / samples)
}
