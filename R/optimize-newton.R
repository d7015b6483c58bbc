# Newton's method with conjugate gradients in a trust region.

newton_cg <- function(objective, x, control) {
  counts <- c("values and gradients" = 0L, "Hessian-vector products" = 0L)
  measure <- function(x) {
    counts[1L] <<- counts[1L] + 1L
    gradient_point(objective, x)
  }
  here <- measure(x)
  refuse_start(here$value)
  radius <- max(1, norm_of(x) / 10)
  curvature <- NULL
  ending <- "maxit"
  iteration <- 0L
  repeat {
    size <- largest_of(here$gradient)
    trace_line(control, iteration, here$value, size)
    if (size <= control$gtol * max(1, abs(here$value))) {
      ending <- "gradient"
      break
    }
    if (iteration == control$maxit) break
    iteration <- iteration + 1L
    if (is.null(curvature)) curvature <- objective$curvature(here$x)
    product <- function(direction) {
      counts[2L] <<- counts[2L] + 1L
      curvature(direction)
    }
    step <- steihaug(product, here$gradient, radius)
    there <- tried(measure, here$x + step$step)
    # rounding errors of the values count neither for nor against the model
    noise <- control$noise * abs(here$value)
    ratio <- (here$value - there$value + noise) / (step$predicted + noise)
    if (is.finite(ratio) && ratio > 0.75 && step$at_edge) radius <- 2 * radius
    if (!is.finite(ratio) || ratio < 0.25) radius <- min(radius, step$length) / 4
    if (is.finite(ratio) && ratio > 1e-4 && is.finite(largest_of(there$gradient))) {
      if (step$predicted <= noise && largest_of(there$gradient) >= size) {
        ending <- "rounding"
        break
      }
      here <- there
      curvature <- NULL
    } else if (radius <= control$noise * max(norm_of(here$x), control$noise)) {
      ending <- if (step$predicted <= noise) "rounding" else "stuck"
      break
    }
  }
  c(here, list(ending = ending, iterations = iteration, counts = counts))
}

norm_of <- function(x) sqrt(as.numeric(sum(x^2)))

# Minimises g'p + p'Hp/2 for |p| <= radius by conjugate gradients: stops where the residual is small
# enough for Newton's method to converge superlinearly, at the edge, and where the curvature is not
# positive, for which it goes to the edge.
steihaug <- function(product, gradient, radius) {
  size <- norm_of(gradient)
  tolerance <- min(0.5, sqrt(size)) * size
  position <- mlx_zeros_like(gradient)
  image <- position # H times the position
  residual <- gradient
  direction <- -gradient
  square <- size^2
  at_edge <- FALSE
  for (i in seq_len(2L * length(gradient) + 10L)) {
    curved <- product(direction)
    curvature <- as.numeric(sum(direction * curved))
    step <- square / curvature
    ahead <- position + step * direction
    if (!is.finite(curvature) || curvature <= 0 || norm_of(ahead) >= radius) {
      step <- step_to_edge(position, direction, radius)
      position <- position + step * direction
      image <- image + step * curved
      at_edge <- TRUE
      break
    }
    position <- ahead
    image <- image + step * curved
    residual <- residual + step * curved
    mlx_eval(list(position, image, residual))
    before <- square
    square <- as.numeric(sum(residual^2))
    if (sqrt(square) <= tolerance) break
    direction <- -residual + square / before * direction
  }
  list(
    step = position, at_edge = at_edge, length = norm_of(position),
    predicted = -as.numeric(sum(gradient * position) + sum(position * image) / 2)
  )
}

# How far along the direction the ball ends.
step_to_edge <- function(position, direction, radius) {
  a <- as.numeric(sum(direction^2))
  b <- as.numeric(sum(position * direction))
  inside <- radius^2 - as.numeric(sum(position^2))
  # of two equal forms that which does not cancel
  root <- sqrt(b^2 + a * max(inside, 0))
  if (b > 0) inside / (b + root) else (root - b) / a
}
