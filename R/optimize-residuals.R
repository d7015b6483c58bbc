# Least squares: the methods of Gauss and Newton, and of Levenberg and Marquardt.

# What both need to know at a point: residuals, their sum of squares, and on demand the Jacobian.
residual_point <- function(objective, x) {
  residuals <- objective$residuals(x)
  value <- sum(residuals^2)
  mlx_eval(list(x, residuals, value))
  list(x = x, residuals = residuals, value = as.numeric(value))
}

with_jacobian <- function(objective, point) {
  jacobian <- objective$jacobian(point$x)
  half <- mlx_matmul(t(jacobian), point$residuals) # half the gradient
  norms <- sqrt(mlx_sum(jacobian^2, axes = 1L))
  mlx_eval(list(jacobian, half, norms))
  if (!is.finite(largest_of(jacobian))) {
    rmlx_abort("the Jacobian of the residuals is not finite, although they are.", "value")
  }
  c(point, list(jacobian = jacobian, half = half, norms = norms))
}

# The largest cosine between the residuals and a column of the Jacobian.
largest_cosine <- function(point) {
  lengths <- point$norms * norm_of(point$residuals)
  largest_of(mlx_where(lengths > 0, point$half / lengths, 0))
}

is_small_step <- function(step, x, scale, control) {
  norm_of(step * scale) <= control$xtol * norm_of(x * scale)
}

gauss_newton <- function(objective, x, control) {
  least_squares(objective, x, control, "gauss-newton", function(here, measure, state) {
    step <- gauss_newton_step(here)
    predicted <- -2 * as.numeric(sum(step * here$half)) # the slope of the sum of squares is minus twice this
    part <- 1
    repeat {
      there <- tried(measure, here$x + part * step)
      most <- (1 + control$noise) * here$value - 1e-4 * part * predicted
      lowered <- is.finite(there$value) && there$value <= most
      if (lowered || part < control$noise || is_small_step(part * step, here$x, here$norms, control)) break
      part <- part / 2
    }
    list(there = if (lowered) there, step = part * step, predicted = predicted, state = state)
  })
}

gauss_newton_step <- function(here) {
  m <- nrow(here$jacobian)
  n <- ncol(here$jacobian)
  if (m < n) {
    rmlx_abort(paste0("\"gauss-newton\" needs at least as many residuals as parameters: the function gave ", m, " for ",
                      n, " parameters. Use method \"levenberg-marquardt\"."), "shape")
  }
  scale <- mlx_where(here$norms > 0, here$norms, 1)
  f <- qr.mlx(here$jacobian / scale)
  diagonal <- abs(as_r(mlx_diagonal(f$R)))
  if (min(diagonal) <= dtype_epsilon(mlx_dtype(here$x)) * max(m, n) * max(diagonal)) {
    rmlx_abort(c("the Jacobian of the residuals has linearly dependent columns, so the step is not determined.",
                 i = "Use method \"levenberg-marquardt\", or fewer parameters."), "singular")
  }
  -backsolve.mlx(f$R, mlx_matmul(t(f$Q), here$residuals)) / scale
}

levenberg_marquardt <- function(objective, x, control) {
  first <- list(mu = 1e-3, growth = 2, scale = NULL)
  least_squares(objective, x, control, "levenberg-marquardt", function(here, measure, state) {
    scale <- mlx_where(here$norms > 0, here$norms, 1)
    state$scale <- if (is.null(state$scale)) scale else mlx_maximum(state$scale, here$norms)
    repeat {
      step <- damped_step(here, state)
      # of the linear model, whose residuals at its minimum are those of the damped equations
      predicted <- as.numeric(state$mu * sum((state$scale * step)^2) - sum(step * here$half))
      there <- tried(measure, here$x + step)
      # rounding errors of the values count neither for nor against the model
      noise <- control$noise * here$value
      ratio <- (here$value - there$value + noise) / (predicted + noise)
      lowered <- is.finite(ratio) && ratio > 1e-4
      if (lowered) {
        state$mu <- state$mu * max(1 / 3, 1 - (2 * ratio - 1)^3)
        state$growth <- 2
        break
      }
      if (is_small_step(step, here$x, state$scale, control)) break
      state$mu <- state$mu * state$growth
      state$growth <- 2 * state$growth
    }
    list(there = if (lowered) there, step = step, predicted = predicted, state = state)
  }, first)
}

# Minimises |J p + r|^2 + mu |D p|^2 by the QR factorization of J over sqrt(mu) D.
damped_step <- function(here, state) {
  n <- ncol(here$jacobian)
  below <- mlx_eye(n, dtype = mlx_dtype(here$x), device = mlx_device(here$x)) * sqrt(state$mu)
  f <- qr.mlx(rbind(here$jacobian / state$scale, below))
  right <- mlx_matmul(t(f$Q[seq_along(here$residuals), ]), here$residuals)
  -backsolve.mlx(f$R, right) / state$scale
}

# The iterations of both. `advance(here, measure, state)` gives list(there, step, predicted, state): the next
# point or NULL if there is none that is better, the step, how much of the sum of squares the linear
# model says that it takes off, and what the method keeps.
least_squares <- function(objective, x, control, method, advance, state = NULL) {
  counts <- c(values = 0L, Jacobians = 0L)
  measure <- function(x) {
    counts[1L] <<- counts[1L] + 1L
    residual_point(objective, x)
  }
  complete <- function(point) {
    counts[2L] <<- counts[2L] + 1L
    with_jacobian(objective, point)
  }
  here <- measure(x)
  refuse_start(here$value)
  here <- complete(here)
  ending <- "maxit"
  iteration <- 0L
  repeat {
    trace_line(control, iteration, here$value, 2 * largest_of(here$half))
    if (largest_cosine(here) <= control$gtol) {
      ending <- "gradient"
      break
    }
    if (iteration == control$maxit) break
    iteration <- iteration + 1L
    move <- advance(here, measure, state)
    state <- move$state
    small <- is_small_step(move$step, here$x, here$norms, control)
    if (is.null(move$there)) {
      # residuals are differences: their rounding errors are those of the larger numbers they are made of
      ending <- if (move$predicted > 100 * control$noise * here$value) "stuck" else "rounding"
      break
    }
    before <- here
    here <- complete(move$there)
    if (small) {
      ending <- "step"
      break
    }
    if (move$predicted <= control$noise * before$value && largest_cosine(here) >= largest_cosine(before)) {
      ending <- "rounding"
      break
    }
  }
  list(
    x = here$x, value = here$value, gradient = 2 * here$half, ending = ending, iterations = iteration,
    counts = counts, more = here[c("residuals", "jacobian")]
  )
}
