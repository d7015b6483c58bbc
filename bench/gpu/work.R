# The R side of the table: work.R SIDE, whose lines are "side<TAB>work<TAB>unit<TAB>number". work.py does the
# same in Python, piece by piece: sizes, data, when there is a wait for the device.
suppressPackageStartupMessages(library(rmlx))
side <- c(commandArgs(trailingOnly = TRUE), "rmlx")[[1L]]
device <- mlx_default_device()
full <- device == "gpu" && !nzchar(Sys.getenv("RMLX_BENCH_SMALL"))
only <- Sys.getenv("RMLX_BENCH_ONLY", ".")

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
  n <- if (full) 8192L else 256L
  x <- mlx_rand_uniform(c(n, n), -1, 1, dtype = dtype)
  y <- mlx_rand_uniform(c(n, n), -1, 1, dtype = dtype)
  mlx_eval(x, y)
  tell(paste("matmul", n, dtype), "ms", timed(function() mlx_eval(x %*% y)) * 1e3)
})

piece("mlp", {
  size <- c(784, 256, 128, 10)
  params <- lapply(1:3, function(i) {
    list(w = as_mlx(noise(i, size[i], size[i + 1]) / sqrt(size[i])), b = as_mlx(noise(10 + i, size[i + 1]) / 10))
  })
  x <- as_mlx(noise(20, 64, 784))
  y <- as_mlx(+outer(0:63 %% 10, 0:9, "=="))
  mlx_eval(params, x, y)
  loss <- function(params, x, y) {
    for (i in 1:2) x <- mlx_maximum(x %*% params[[i]]$w + params[[i]]$b, 0)
    x <- x %*% params[[3]]$w + params[[3]]$b
    sum(mlx_logsumexp(x, axes = 2) - rowSums(x * y)) / nrow(x)
  }
  moved <- function(p, g) list(w = p$w - 0.01 * g$w, b = p$b - 0.01 * g$b)
  step <- function(params, x, y) {
    out <- mlx_value_grad(loss, params, x, y, argnums = 1)
    list(value = out$value, params = Map(moved, params, out$grads[[1]]))
  }
  fast <- mlx_compile(step)
  tell("MLP loss", "", as.numeric(step(params, x, y)$value))
  training <- function(step) {
    function() {
      out <- step(params, x, y)
      mlx_eval(out)
      params <<- out$params
    }
  }
  tell("MLP step, eager", "us", timed(training(step)) * 1e6)
  tell("MLP step, compiled", "us", timed(training(fast)) * 1e6)
})

piece("transformer", {
  d <- if (full) 512 else 32
  heads <- 8
  long <- if (full) 256 else 8
  batch <- if (full) 8 else 2
  shapes <- list(wq = c(d, d), wk = c(d, d), wv = c(d, d), wo = c(d, d), w1 = c(d, 4 * d), w2 = c(4 * d, d))
  p <- lapply(seq_along(shapes), function(i) as_mlx(noise(i, shapes[[i]]) * 2 / sqrt(shapes[[i]][1])))
  names(p) <- names(shapes)
  p <- c(p, list(
    g1 = as_mlx(noise(11, d) + 1), b1 = as_mlx(noise(12, d)), g2 = as_mlx(noise(13, d) + 1), b2 = as_mlx(noise(14, d)),
    c1 = as_mlx(noise(15, 4 * d)), c2 = as_mlx(noise(16, d))
  ))
  x <- as_mlx(noise(20, batch, long, d))
  mlx_eval(p, x)
  parted <- function(z) mlx_transpose(mlx_reshape(z, c(batch, long, heads, d / heads)), c(1, 3, 2, 4))
  gelu <- function(z) z * (1 + mlx_erf(z / sqrt(2))) / 2
  loss <- function(p, x) {
    h <- mlx_fast_layer_norm(x, p$g1, p$b1)
    a <- mlx_fast_scaled_dot_product_attention(
      parted(mlx_matmul(h, p$wq)), parted(mlx_matmul(h, p$wk)), parted(mlx_matmul(h, p$wv)),
      scale = 1 / sqrt(d / heads)
    )
    a <- mlx_reshape(mlx_transpose(a, c(1, 3, 2, 4)), c(batch, long, d))
    x <- x + mlx_matmul(a, p$wo)
    h <- mlx_fast_layer_norm(x, p$g2, p$b2)
    out <- x + mlx_matmul(gelu(mlx_matmul(h, p$w1) + p$c1), p$w2) + p$c2
    mean(out * out)
  }
  step <- function(p, x) mlx_value_grad(loss, p, x, argnums = 1)
  fast <- mlx_compile(step)
  tell("transformer loss", "", as.numeric(step(p, x)$value))
  tell("transformer step, eager", "us", timed(function() mlx_eval(step(p, x))) * 1e6)
  tell("transformer step, compiled", "us", timed(function() mlx_eval(fast(p, x))) * 1e6)
})

# GB of float32 on the device a second; beside it what the host does alone with fresh memory and with used.
piece("convert", {
  n <- if (full) 4096L else 256L
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
  n <- if (full) 2000L else 200L
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
