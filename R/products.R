# Products with a function's Jacobian: vjp, jvp, and both as functions.

#' Products with the Jacobian of an R function
#'
#' With \eqn{J} the matrix of derivatives of `f` at its arguments, `mlx_vjp()` gives \eqn{J^T c} (reverse mode,
#' one pass whatever the number of arguments) and `mlx_jvp()` gives \eqn{J v} (forward mode, one pass
#' whatever the number of results). `mlx_linearize()` gives both as functions and does the work at the
#' arguments only once.
#'
#' @param f A function of the arguments in `...` that returns an mlx array or a nested list of them.
#' @param ...,argnums As in [mlx_grad()].
#' @param cotangents Weights \eqn{c} of the results, with their structure and shapes; `NULL` as a whole means
#'   ones. In a list `NULL`, and names that are left out, mean zeros.
#' @param tangents The direction \eqn{v}: a list with one element for each differentiated argument, like that
#'   argument (`NULL`: zeros). For a single argument the list may be left out.
#' @return
#'   - `mlx_vjp()`: `list(value, grads)`, `grads` as [mlx_grad()] gives them.
#'   - `mlx_jvp()`: `list(value, tangents)`, the derivative of `value` along the direction, with its structure.
#'   - `mlx_linearize()`: `list(value, jvp, vjp)`: `jvp(tangents)` and `vjp(cotangents)` return what is
#'     called `tangents` and `grads` above.
#'
#'   Results that are not floating point have the derivative `NULL`.
#' @inheritSection mlx_grad Derivatives of complex functions
#' @examples
#' f <- function(x) c(x[1] * x[2], sin(x[1]))
#' x <- as_mlx(c(2, 3))
#' mlx_vjp(f, x, cotangents = c(1, 0))$grads[[1]]
#' mlx_jvp(f, x, tangents = c(1, 0))$tangents
#'
#' lin <- mlx_linearize(f, x)
#' lin$jvp(c(0, 1))
#' lin$vjp(c(0, 1))[[1]]
#' @export
mlx_vjp <- structure(
  function(f, ..., cotangents = NULL, argnums = NULL) {
    problem <- transformation(f, list(...), argnums, "mlx_vjp", substitute(f))
    weighted <- weighing(problem, "mlx_vjp", function(parts) {
      if (is.null(cotangents)) return(lapply(parts$leaves, mlx_ones_like))
      matching_leaves(cotangents, parts$skeleton, parts$leaves, "cotangents")
    })
    grads <- .Call(C_value_and_grad, weighted$sum, problem$leaves, environment())[[2L]]
    list(value = weighted$value(), grads = problem$like_arguments(grads))
  },
  transforms = TRUE
)

# The sum of a function's results with weights, as a function of the leaves; `value` and `parts` are the
# results that it met last.
weighing <- function(problem, who, weights_of) {
  value <- NULL
  parts <- NULL
  list(
    sum = function(leaves) {
      value <<- problem$call(leaves)
      parts <<- result_parts(value, who)
      weighted_sum(parts$leaves, weights_of(parts))
    },
    value = function() value,
    parts = function() parts
  )
}

#' @rdname mlx_vjp
#' @export
mlx_jvp <- structure(
  function(f, ..., tangents, argnums = NULL) {
    problem <- transformation(f, list(...), argnums, "mlx_jvp", substitute(f))
    along <- directions_of(tangents, problem, "tangents")
    out <- pushed(problem, along, "mlx_jvp", environment())
    list(value = out$value, tangents = like_result(out$parts, out$tangents))
  },
  transforms = TRUE
)

# A function's results and their derivatives along a direction.
pushed <- function(problem, along, who, caller) {
  value <- NULL
  parts <- NULL
  arrays <- function(leaves) {
    value <<- problem$call(leaves)
    parts <<- result_parts(value, who)
    parts$leaves
  }
  tangents <- .Call(C_jvp, arrays, problem$leaves, along, caller)
  list(value = value, parts = parts, tangents = base::Map(named_like, tangents, parts$leaves))
}

#' @rdname mlx_vjp
#' @export
mlx_linearize <- structure(
  function(f, ..., argnums = NULL) {
    problem <- transformation(f, list(...), argnums, "mlx_linearize", substitute(f))
    # the derivative along zeros is a graph in which other directions take their place
    stand_ins <- lapply(problem$leaves, mlx_zeros_like)
    out <- pushed(problem, stand_ins, "mlx_linearize", environment())
    map <- list(
      apply = function(along) .Call(C_replay, out$tangents, stand_ins, along),
      results = out$parts$leaves, arguments = stand_ins
    )
    pull <- transpose_of(map)
    list(
      value = out$value,
      jvp = function(tangents) {
        along <- directions_of(tangents, problem, "tangents")
        like_result(out$parts, base::Map(named_like, map$apply(along), out$parts$leaves))
      },
      vjp = function(cotangents) {
        weights <- matching_leaves(cotangents, out$parts$skeleton, out$parts$leaves, "cotangents")
        grads <- base::Map(named_like, pull(weights), problem$leaves)
        problem$like_arguments(grads)
      }
    )
  },
  transforms = TRUE
)

# The transpose of a linear map of arrays, whose graph is made when it is used first.
transpose_of <- function(map) {
  grads <- NULL
  stand_ins <- NULL
  function(weights) {
    if (is.null(grads)) {
      stand_ins <<- lapply(map$results, mlx_zeros_like)
      paired <- function(along) weighted_sum(map$apply(along), stand_ins)
      grads <<- .Call(C_value_and_grad, paired, map$arguments, environment())[[2L]]
    }
    .Call(C_replay, grads, stand_ins, weights)
  }
}
