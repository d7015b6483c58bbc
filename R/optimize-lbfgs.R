# Limited memory BFGS.

lbfgs <- function(objective, x, control) {
  evaluations <- 0L
  measure <- function(x) {
    evaluations <<- evaluations + 1L
    gradient_point(objective, x)
  }
  here <- measure(x)
  refuse_start(here$value)
  pairs <- list()
  ending <- "maxit"
  iteration <- 0L
  idle <- 0L # steps in a row that changed nothing beyond rounding
  repeat {
    size <- largest_of(here$gradient)
    trace_line(control, iteration, here$value, size)
    if (size <= control$gtol * max(1, abs(here$value))) {
      ending <- "gradient"
      break
    }
    if (iteration == control$maxit) break
    iteration <- iteration + 1L
    direction <- lbfgs_direction(here$gradient, pairs)
    slope <- as.numeric(sum(direction * here$gradient))
    if (!is.finite(slope) || slope >= 0) {
      pairs <- list()
      direction <- -here$gradient
      slope <- -as.numeric(sum(here$gradient^2))
    }
    along <- function(step) {
      there <- tried(measure, here$x + step * direction)
      slope <- if (is.finite(there$value)) as.numeric(sum(direction * there$gradient)) else NaN
      c(there, list(step = step, slope = slope))
    }
    noise <- control$noise * abs(here$value)
    first <- if (length(pairs)) 1 else min(1, 1 / as.numeric(sum(abs(here$gradient))))
    there <- wolfe_step(along, c(here, list(step = 0, slope = slope)), first, noise)
    if (is.null(there) && length(pairs)) {
      # once more along the gradient, without what the memory says
      ending <- if (-slope <= noise) "rounding" else "stuck"
      if (ending == "rounding") break
      pairs <- list()
      next
    }
    if (is.null(there)) {
      ending <- if (-slope * first <= noise) "rounding" else "stuck"
      break
    }
    pairs <- remember(pairs, there$x - here$x, there$gradient - here$gradient, control)
    lowered <- here$value - there$value > noise || largest_of(there$gradient) < 0.9 * size
    idle <- if (lowered) 0L else idle + 1L
    here <- there[c("x", "value", "gradient")]
    if (idle == 5L) {
      ending <- if (size <= sqrt(control$gtol) * max(1, abs(here$value))) "rounding" else "stuck"
      break
    }
  }
  c(here, list(
    ending = ending, iterations = iteration, counts = c("values and gradients" = evaluations)
  ))
}

# The last steps and changes of the gradient, but for those that show no curvature.
remember <- function(pairs, step, change, control) {
  curvature <- sum(step * change)
  least <- control$noise * sqrt(as.numeric(sum(step^2)) * as.numeric(sum(change^2)))
  if (!(as.numeric(curvature) > least)) return(pairs)
  pair <- list(step = step, change = change, rho = 1 / curvature, scale = curvature / sum(change^2))
  mlx_eval(pair)
  utils::tail(c(pairs, list(pair)), control$memory)
}

# The two-loop recursion: minus the approximate inverse Hessian times the gradient.
lbfgs_direction <- function(gradient, pairs) {
  q <- -gradient
  alphas <- vector("list", length(pairs))
  for (i in rev(seq_along(pairs))) {
    alphas[[i]] <- pairs[[i]]$rho * sum(pairs[[i]]$step * q)
    q <- q - alphas[[i]] * pairs[[i]]$change
  }
  if (length(pairs)) q <- q * pairs[[length(pairs)]]$scale
  for (i in seq_along(pairs)) {
    beta <- pairs[[i]]$rho * sum(pairs[[i]]$change * q)
    q <- q + (alphas[[i]] - beta) * pairs[[i]]$step
  }
  q
}
