# The R side of the table: work.R SIDE, whose lines are "side<TAB>work<TAB>unit<TAB>number". work.py does the
# same in Python, piece by piece: sizes, data, when there is a wait for the device.
suppressPackageStartupMessages(library(rmlx))
side <- c(commandArgs(trailingOnly = TRUE), "rmlx")[[1L]]
device <- mlx_default_device()
full <- device == "gpu" && !nzchar(Sys.getenv("RMLX_BENCH_SMALL"))
only <- Sys.getenv("RMLX_BENCH_ONLY", ".")
sized <- function(large, small) if (full) large else small
source("bench/models.R")

tell <- function(work, unit, number) cat(side, work, unit, format(number, digits = 6), sep = "\t", "\n")

# The median of what one run takes, in seconds; a run ends when its results are there.
timed <- function(run, seconds = if (full) 0.6 else 0.2, least = 5L) {
  for (i in 1:3) run()
  took <- numeric()
  end <- Sys.time() + seconds
  while (Sys.time() < end || length(took) < least) {
    start <- Sys.time()
    run()
    took <- c(took, as.numeric(Sys.time() - start, units = "secs"))
  }
  median(took)
}

piece <- function(name, code) {
  if (!grepl(only, name)) return(invisible())
  tryCatch(code, error = function(e) {
    cat(side, name, "failed", gsub("\\s+", " ", conditionMessage(e)), sep = "\t", "\n")
  })
}

# Numbers between -1/2 and 1/2 that every language makes alike.
noise <- function(seed, ...) {
  shape <- c(...)
  i <- seq_len(prod(shape)) - 1
  array((i * 7919 + seed * 104729) %% 10007 / 10007 - 0.5, shape)
}

piece("op", {
  x <- as_mlx(noise(1, 4, 4))
  mlx_eval(x)
  chain <- function() {
    y <- x
    for (i in 1:100) y <- y + x
    y
  }
  tell("op, lazy", "us", timed(chain) * 1e4)
  tell("op, evaluated", "us", timed(function() mlx_eval(chain())) * 1e4)
})

piece("matmul", for (dtype in c("float32", "bfloat16")) {
  n <- sized(8192L, 256L)
  x <- mlx_rand_uniform(c(n, n), -1, 1, dtype = dtype)
  y <- mlx_rand_uniform(c(n, n), -1, 1, dtype = dtype)
  mlx_eval(x, y)
  tell(paste("matmul", n, dtype), "ms", timed(function() mlx_eval(x %*% y)) * 1e3)
})

# A training step's time, and what of it is the host's: recording the operations, and R's collections.
tell_step <- function(work, run, record) {
  collecting <- gc.time()[[3]]
  calls <- 0
  seconds <- timed(function() {
    calls <<- calls + 1
    run()
  })
  tell(work, "us", seconds * 1e6)
  tell(paste0(work, ": R's collections"), "us", (gc.time()[[3]] - collecting) / calls * 1e6)
  tell(paste0(work, ": recorded only"), "us", timed(record) * 1e6)
}

piece("mlp", {
  eval(network)
  tell("MLP loss", "", as.numeric(step(params, x, y)$value))
  training <- function(step) {
    function() {
      out <- step(params, x, y)
      mlx_eval(out)
      params <<- out$params
    }
  }
  tell_step("MLP step, eager", training(step), function() step(params, x, y))
  tell_step("MLP step, compiled", training(fast), function() fast(params, x, y))
})

piece("transformer", {
  eval(transformer)
  tell("transformer loss", "", as.numeric(step(p, x)$value))
  tell_step("transformer step, eager", function() mlx_eval(step(p, x)), function() step(p, x))
  tell_step("transformer step, compiled", function() mlx_eval(fast(p, x)), function() fast(p, x))
  # the same numbers as MLX lays its own arrays out
  rows <- lapply(p, mlx_contiguous)
  by_rows <- mlx_contiguous(x)
  mlx_eval(rows, by_rows)
  tell("transformer step, compiled, data by rows", "us", timed(function() mlx_eval(fast(rows, by_rows))) * 1e6)
})

# GB of float32 on the device a second; beside it what the host does alone with fresh memory and with used.
piece("convert", {
  n <- sized(4096L, 256L)
  r <- noise(1, n, n)
  bytes <- 4 * n^2
  tell("host: R copies doubles (as float32)", "GB/s", bytes / 1e9 / timed(function() r + 0))
  tell("host to device", "GB/s", bytes / 1e9 / timed(function() mlx_eval(as_mlx(r) * 1)))
  x <- as_mlx(r)
  # computed anew each time: what was read once may lie on the host
  tell("device to host, by columns", "GB/s", bytes / 1e9 / timed(function() as.matrix(x + 1)))
  by_rows <- t(as_mlx(t(r)))
  rows <- mlx_contiguous(by_rows)
  tell("device to host, by rows", "GB/s", bytes / 1e9 / timed(function() as.matrix(rows + 1)))
  stopifnot(max(abs(as.matrix(x + 1) - (r + 1))) < 1e-6, max(abs(as.matrix(rows + 1) - (r + 1))) < 1e-6)
  tell("scalar in and out", "us", timed(function() as.numeric(as_mlx(1.5) + 1)) * 1e6)
})

piece("memory", {
  n <- sized(2000L, 200L)
  x <- mlx_ones(1e6)
  mlx_eval(x)
  invisible(gc())
  mlx_reset_peak_memory()
  start <- Sys.time()
  for (i in seq_len(n)) {
    y <- x * 2 + 1
    mlx_eval(y)
  }
  tell(paste(n, "x (x*2+1) of 1e6 floats"), "s", as.numeric(Sys.time() - start, units = "secs"))
  tell("its peak of arrays", "MB", mlx_memory()$peak / 1e6)
})
