# What was measured as ratios, and whether the aims are met.

# Median seconds by side.
medians <- function(times, clock = "wall") {
  if (is.null(times)) return(numeric())
  out <- tapply(times[[clock]], times$side, median)
  c(out)[intersect(names(side_names), names(out))]
}

duration <- function(seconds) {
  ifelse(seconds < 1e-3, sprintf("%.2f us", 1e6 * seconds),
    ifelse(seconds < 1, sprintf("%.2f ms", 1e3 * seconds), sprintf("%.2f s", seconds))
  )
}

# One row of numbers for each row of the benchmark: median seconds of every side, and their spread (half of
# the middle half, relative to the median) for ours.
row_seconds <- function(measured, row) medians(measured$times[measured$times$id == row$id, ], row$clock)

spread <- function(measured, row, side) {
  times <- measured$times
  v <- times[[row$clock]][times$id == row$id & times$side == side]
  if (length(v)) stats::IQR(v) / 2 / median(v) else NA_real_
}

# The part of `x` that is called `name`, or NA.
part_of <- function(x, name) if (name %in% names(x)) x[[name]] else NA_real_

# How far `side` ("rmlx" or "before") is with one aim: what it is compared with, what it reaches.
aim_reached <- function(measured, rows, row, aim, side = "rmlx") {
  if (aim$kind == "peak") {
    times <- measured$times
    peak <- times$peak[times$id == row$id & times$side == side]
    return(if (length(peak)) median(peak) / 1e6 else NA_real_)
  }
  ours <- part_of(row_seconds(measured, row), side)
  other <- if (is.null(aim$row)) row else rows[[aim$row]]
  if (is.null(other)) return(NA_real_)
  # what refers to our own other row, refers to that of the same side
  against <- if (aim$side == "rmlx") side else aim$side
  ours / part_of(row_seconds(measured, other), against)
}

aim_text <- function(aim, rows) {
  if (aim$kind == "peak") return(sprintf("peak < %g MB", aim$most))
  against <- side_names[[aim$side]]
  if (!is.null(aim$row)) {
    other <- if (is.null(rows[[aim$row]])) aim$row else rows[[aim$row]]$label
    against <- if (aim$side == "rmlx") paste("our", other) else paste0(against, ", ", other)
  }
  if (aim$side == "mlx" && is.null(aim$row)) sprintf("%g", aim$most) else sprintf("%g of %s", aim$most, against)
}

side_names <- c(
  rmlx = "rmlx", before = "before", mlx = "Python MLX", pip = "pip's Python MLX", jax = "JAX (jit)",
  torch = "PyTorch", numpy = "NumPy", base = "base R"
)

# All aims, one a row.
aims_table <- function(measured, rows) {
  if (!length(rows)) return(data.frame(part = character(), reached = numeric())) # only the package's parts
  out <- lapply(rows, function(row) {
    lapply(row$aims, function(aim) {
      data.frame(
        part = row$part, id = row$id, label = row$label, aim = aim$most, text = aim_text(aim, rows), kind = aim$kind,
        reached = aim_reached(measured, rows, row, aim),
        before = aim_reached(measured, rows, row, aim, "before")
      )
    })
  })
  out <- do.call(rbind, unlist(unname(out), recursive = FALSE))
  lazy <- out[out$part == "lazy", ]
  if (nrow(lazy)) {
    mean_row <- data.frame(
      part = "lazy", id = "lazy-mean", label = "mean of the lazy operations", aim = 5, text = "5", kind = "ratio",
      reached = mean(lazy$reached), before = mean(lazy$before)
    )
    last <- max(which(out$part == "lazy"))
    out <- rbind(out[seq_len(last), ], mean_row, out[-seq_len(last), ])
  }
  out
}
