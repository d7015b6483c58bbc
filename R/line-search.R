# A line search for the strong Wolfe conditions.

# Finds a step along a direction of descent. `try_step(step)` gives list(step, value, slope, ...) there, `start`
# is the same for 0, `first` the step to begin with. Values count as equal within `noise`, so that near the
# minimum, where they differ by rounding alone, the slopes decide. NULL: no step lowers the value.
# Nocedal and Wright, algorithms 3.5 and 3.6: `low` is the best step so far, and where there is a
# `high`, a minimum lies between the two.
wolfe_step <- function(try_step, start, first, noise, decrease = 1e-4, curvature = 0.9, most = 50L) {
  low <- start
  high <- NULL
  step <- first
  for (i in seq_len(most)) {
    point <- try_step(step)
    allowed <- min(start$value + decrease * step * start$slope, low$value) + noise
    if (!is.finite(point$value) || !is.finite(point$slope) || point$value > allowed) {
      high <- point
    } else if (abs(point$slope) <= -curvature * start$slope) {
      return(point)
    } else {
      beyond <- if (is.null(high)) point$slope >= 0 else point$slope * (high$step - low$step) >= 0
      if (beyond) high <- low
      low <- point
    }
    step <- if (is.null(high)) 4 * step else step_between(low, high)
    if (!is.finite(step) || step == low$step) break
  }
  if (low$step > 0) low
}

# The minimum of the cubic through the values and slopes at two steps, kept off both ends.
step_between <- function(low, high) {
  width <- high$step - low$step
  if (!is.finite(high$value) || !is.finite(high$slope)) return(low$step + width / 4)
  a <- low$slope + high$slope - 3 * (low$value - high$value) / (low$step - high$step)
  root <- a^2 - low$slope * high$slope
  part <- if (root >= 0) {
    b <- sign(width) * sqrt(root)
    1 - (high$slope + b - a) / (high$slope - low$slope + 2 * b)
  } else {
    NaN
  }
  low$step + width * if (is.finite(part)) min(max(part, 0.1), 0.9) else 0.5
}
