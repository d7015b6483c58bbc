# A user's function of parameters as a function of one vector, with what optimisers ask of it.

# Runs code where R's numbers get the dtype and the device of the parameters.
in_space <- function(space, code) {
  local_mlx_device(space$device)
  local_mlx_dtype(space$dtype)
  code
}

# f of a vector: `space` gives f its parameters in their own shape, `constants` are its other arguments.
on_vector <- function(f, space, constants, title) {
  constants <- in_space(space, lapply(constants, constant_argument))
  function(v) call_with(f, c(list(space$lift(v)), constants), title)
}

# For functions that return one number, or a list whose first element is one. `sign` -1 turns them over.
scalar_objective <- function(f, space, constants, who, title, sign = 1) {
  fun <- on_vector(f, space, constants, title)
  loss <- structure(
    function(v) {
      out <- first_result(fun(v))
      if (sign == 1 || !is_mlx(out)) out else sign * out # what it must be is checked where it is differentiated
    },
    relays = TRUE
  )
  list(
    value_grad = function(v) {
      out <- in_space(space, differentiate(loss, list(v), 1L, who, as.name(title)))
      list(value = out$value, gradient = out$grads[[1L]])
    },
    hessian = function(v) in_space(space, hessian_of(loss, list(v), 1L, who, as.name(title))[[1L]]),
    # the Hessian times vectors
    curvature = function(v) in_space(space, mlx_linearize(function(v) mlx_grad(loss, v)[[1L]], v)$jvp)
  )
}

# For functions that return residuals or other numbers, of which the derivatives are taken in column-major
# order.
residual_objective <- function(f, space, constants, who, title) {
  fun <- on_vector(f, space, constants, title)
  values <- function(v) {
    out <- fun(v)
    if (!is_mlx(out) || !is_floating(out) || mlx_dtype(out) == "complex64") {
      rmlx_abort(paste0("The function of `", who, "()` must return an mlx array of real floating-point numbers; it ",
                        "returned ", describe_result(out), "."), "result")
    }
    out
  }
  residuals <- structure(
    function(v) {
      out <- values(v)
      .Call(C_reshape, out, length(out), TRUE)
    },
    relays = TRUE
  )
  list(
    values = function(v) in_space(space, values(v)),
    residuals = function(v) in_space(space, residuals(v)),
    jacobian = function(v) in_space(space, mlx_jacobian(residuals, v)[[1L]])
  )
}

describe_result <- function(x) {
  if (is_mlx(x)) paste("an mlx array of dtype", mlx_dtype(x)) else paste("an object of class", class(x)[[1L]])
}
