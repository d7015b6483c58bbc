# The operators. Each is a direct method: a group method would have to look its name up.

#' Operators on mlx arrays
#'
#' Arithmetic, comparison and logic, element by element, on MLX. Shapes broadcast as in NumPy:
#' counted from the last axis, extents must be equal or 1 (they are not recycled).
#'
#' Two arrays are promoted as in MLX, except that two bools compute in float32. An R number beside
#' an array takes the array's dtype if that holds it: `int32 + 1` is int32, `int32 + 1.5` float32,
#' `float64 + 0.1` adds the double 0.1. `/` of integers is float32. `%/%` and `%%` round down and
#' take the divisor's sign for every dtype, as in R; of integers they give float32 (so that
#' `x %/% 0L` can be `Inf` and `x %% 0L` `NaN`). Comparisons and logic give bool; any number but 0
#' is true. Names and dimnames come from the first operand that has the result's shape.
#'
#' @param e1,e2,x mlx arrays, or R vectors beside one.
#' @return An mlx array.
#' @examples
#' x <- as_mlx(c(1, 2, 3))
#' x^2 + 1
#' x > 2
#' -x %/% 2
#' as_mlx(matrix(1:4, 2)) * c(10, 100)   # broadcast along the last axis
#' @name mlx_operators
NULL

#' @rdname mlx_operators
#' @export
`+.mlx` <- function(e1, e2) if (missing(e2)) e1 else .Call(C_add, e1, e2)

#' @rdname mlx_operators
#' @export
`-.mlx` <- function(e1, e2) if (missing(e2)) .Call(C_negate, e1) else .Call(C_subtract, e1, e2)

#' @rdname mlx_operators
#' @export
`*.mlx` <- function(e1, e2) .Call(C_multiply, e1, e2)

#' @rdname mlx_operators
#' @export
`/.mlx` <- function(e1, e2) .Call(C_divide, e1, e2)

#' @rdname mlx_operators
#' @export
`^.mlx` <- function(e1, e2) .Call(C_power_of, e1, e2)

#' @rdname mlx_operators
#' @export
`%%.mlx` <- function(e1, e2) .Call(C_modulo, e1, e2)

#' @rdname mlx_operators
#' @export
`%/%.mlx` <- function(e1, e2) .Call(C_integer_divide, e1, e2)

#' @rdname mlx_operators
#' @export
`==.mlx` <- function(e1, e2) .Call(C_equal, e1, e2)

#' @rdname mlx_operators
#' @export
`!=.mlx` <- function(e1, e2) .Call(C_not_equal, e1, e2)

#' @rdname mlx_operators
#' @export
`<.mlx` <- function(e1, e2) .Call(C_less, e1, e2)

#' @rdname mlx_operators
#' @export
`<=.mlx` <- function(e1, e2) .Call(C_less_equal, e1, e2)

#' @rdname mlx_operators
#' @export
`>.mlx` <- function(e1, e2) .Call(C_greater, e1, e2)

#' @rdname mlx_operators
#' @export
`>=.mlx` <- function(e1, e2) .Call(C_greater_equal, e1, e2)

#' @rdname mlx_operators
#' @export
`&.mlx` <- function(e1, e2) .Call(C_logical_and, e1, e2)

#' @rdname mlx_operators
#' @export
`|.mlx` <- function(e1, e2) .Call(C_logical_or, e1, e2)

#' @rdname mlx_operators
#' @export
`!.mlx` <- function(x) .Call(C_logical_not, x)

#' Choose elements by a condition
#'
#' @param condition A bool array or R logical; other numbers count as true unless 0.
#' @param x,y Values where the condition holds, and elsewhere. All three broadcast.
#' @return An mlx array of the promoted dtype of `x` and `y`. Gradients flow to the chosen elements.
#' @section Gradients:
#' The gradient of a branch is 0 where it is not chosen, also where its slope is infinite or undefined:
#' `mlx_where(x > 0, log(x), 0)` has the gradient 0 at 0. That holds for what is computed element by
#' element in the call's own arguments. A value computed before the call leaks: 0 times its infinite slope
#' is NaN. Then choose a harmless input first, `safe <- mlx_where(x > 0, x, 1)`, and use that in the branch.
#' @examples
#' x <- as_mlx(c(-1, 2))
#' mlx_where(x > 0, x, 0)
#' @export
mlx_where <- function(condition, x, y) branches(condition, x, y)

# The choice between two arguments of a caller. In a gradient they are evaluated here, after the
# condition, while the operations are noted whose slopes must not count where they are not chosen.
# `plain`: what to do where nothing is an mlx array; `prepare`: what to do with all three before.
branches <- function(condition, x, y, plain = NULL, prepare = NULL) {
  force(condition)
  start <- .Call(C_note_branches)
  middle <- NULL
  if (!is.null(start)) {
    on.exit(.Call(C_end_notes, start))
    force(x)
    middle <- .Call(C_noted)
  }
  if (!is.null(plain) && !any_mlx(condition, x, y)) return(plain(condition, x, y))
  if (is.null(prepare)) return(.Call(C_where_of, condition, x, y, start, middle))
  args <- prepare(list(condition, x, y))
  .Call(C_where_of, args[[1L]], args[[2L]], args[[3L]], start, middle)
}

#' Larger and smaller of two, element by element
#'
#' @param x,y mlx arrays or R vectors; they broadcast.
#' @return An mlx array. NaN if either is NaN.
#' @details Where both are equal each has half of the gradient.
#' @examples
#' mlx_maximum(as_mlx(c(-1, 2)), 0)
#' mlx_minimum(as_mlx(c(-1, 2)), 0)
#' @export
mlx_maximum <- function(x, y) .Call(C_maximum, x, y)

#' @rdname mlx_maximum
#' @export
mlx_minimum <- function(x, y) .Call(C_minimum, x, y)

#' log(exp(x) + exp(y)) without overflow
#'
#' @inheritParams mlx_maximum
#' @return An mlx array.
#' @examples
#' mlx_logaddexp(as_mlx(1000), 1000)
#' @export
mlx_logaddexp <- function(x, y) .Call(C_logaddexp, x, y)
