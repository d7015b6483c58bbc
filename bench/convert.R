# How fast matrices go to MLX and come back, in GB of R's own data a second, beside a
# plain copy in R (memcpy and the memory for it) and R's `x + 0`.
suppressPackageStartupMessages(library(rmlx))

n <- 2000L
set.seed(1)
doubles <- matrix(rnorm(n * n), n)
matrices <- list(
  double = doubles,
  integer = matrix(as.integer(1000 * doubles), n),
  logical = doubles > 0,
  complex = matrix(complex(real = doubles, imaginary = -doubles), n)
)
dtypes <- list(
  double = c("float32", "float64"), integer = c("float32", "int32"), logical = "bool",
  complex = "complex64"
)

copied <- function(x) {
  x[1] <- x[1]
  x
}
computed <- function(x) if (is.logical(x)) !x else x + vector(typeof(x), 1L)

# Median seconds of interleaved rounds.
measure <- function(runs, rounds = 15L) {
  seconds <- matrix(NA_real_, length(runs), rounds)
  for (run in runs) run()
  for (round in seq_len(rounds)) {
    for (i in sample(length(runs))) {
      invisible(gc())
      start <- Sys.time()
      runs[[i]]()
      seconds[i, round] <- as.numeric(Sys.time() - start, units = "secs")
    }
  }
  apply(seconds, 1, median)
}

rows <- list()
for (type in names(matrices)) {
  x <- matrices[[type]]
  gigabytes <- length(x) * c(double = 8, integer = 4, logical = 4, complex = 16)[[type]] / 1e9
  for (dtype in dtypes[[type]]) {
    device <- if (dtype == "float64") "cpu" else mlx_default_device()
    by_columns <- as_mlx(x, dtype = dtype, device = device)
    # what operations usually give: MLX's own order, by rows
    by_rows <- t(as_mlx(t(x), dtype = dtype, device = device))
    mlx_eval(by_columns, by_rows)
    seconds <- measure(list(
      function() copied(x),
      function() computed(x),
      function() mlx_eval(as_mlx(x, dtype = dtype, device = device)),
      function() as.matrix(by_columns),
      function() as.matrix(by_rows)
    ))
    rate <- sprintf("%.1f", gigabytes / seconds)
    rows[[length(rows) + 1L]] <- data.frame(
      `R type` = type, dtype = dtype, `copy in R` = rate[1], `x + 0` = rate[2],
      as_mlx = rate[3], as.matrix = rate[4], `as.matrix, by rows` = rate[5], check.names = FALSE
    )
  }
}
cat(R.version.string, ", rmlx ", format(packageVersion("rmlx")), ", ", mlx_device(), "; ", n, " x ", n,
  ", GB/s of R's data, median of 15 rounds\n(logical: `!x` in place of `x + 0`)\n\n",
  sep = ""
)
print(do.call(rbind, rows), row.names = FALSE)
