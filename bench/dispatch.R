# What one lazy operation on one element costs beyond R's own dispatch: each beside an
# S3 method that calls an empty routine, in one run, in interleaved rounds. Results are
# never evaluated.
suppressPackageStartupMessages(library(rmlx))

# R's floor: dispatch on the class of an object, and a routine that does nothing much.
routine <- rmlx:::C_host_reads
floor_of <- function(e1, e2) UseMethod("floor_of")
floor_of.plain <- function(e1, e2) .Call(routine)
`+.plain` <- function(e1, e2) .Call(routine)
p <- structure(1, class = "plain")

x <- as_mlx(1.5)
y <- as_mlx(2.5)
v <- as_mlx(c(1.5, 2.5))
m <- as_mlx(matrix(c(1, 2, 3, 4), 2))

loss <- function(w, x, y) {
  r <- x %*% w - y
  sum(r * r) / length(y)
}
design <- as_mlx(matrix(1:8, 4, 2))
target <- as_mlx(matrix(c(1, 3, 2, 4), 4, 1))
weights <- as_mlx(matrix(0, 2, 1))

calls <- alist(
  "S3 `+`, empty .Call" = p + p,
  "S3 generic, empty .Call" = floor_of(p),
  "x + y" = x + y,
  "x + 1" = x + 1,
  "-x" = -x,
  "exp(x)" = exp(x),
  "sum(x)" = sum(x),
  "x[1]" = v[1],
  "m[1, 2]" = m[1, 2],
  "m %*% m" = m %*% m,
  "as_mlx(1.5)" = as_mlx(1.5),
  "mlx_value_grad(regression)" = mlx_value_grad(loss, weights, design, target)
)

# A closure that runs an expression n times, byte-compiled.
repeated <- function(expression) {
  run <- eval(bquote(function(n) for (i in seq_len(n)) .(expression)), globalenv())
  compiler::cmpfun(run)
}
runs <- lapply(calls, repeated)

# The time of this process, so that others on the machine matter less.
clock <- function() sum(proc.time()[c("user.self", "sys.self")])
seconds <- function(run, n) {
  gc() # so that no one pays for what another left
  start <- clock()
  run(n)
  clock() - start
}

# As many calls a round as take some 100 ms: the clock counts milliseconds.
per_round <- vapply(runs, function(run) {
  run(100)
  n <- 1000
  while ((took <- seconds(run, n)) < 0.02) n <- n * 2
  as.integer(ceiling(n * 0.1 / took))
}, 0L)

rounds <- 15L
times <- matrix(NA_real_, length(runs), rounds)
for (round in seq_len(rounds)) {
  for (i in sample(length(runs))) {
    times[i, round] <- seconds(runs[[i]], per_round[i]) / per_round[i]
  }
}

micros <- apply(times, 1, median) * 1e6
least <- apply(times, 1, min) * 1e6
cat(R.version.string, ", rmlx ", format(packageVersion("rmlx")), ", ", mlx_device(), "; median CPU time of\n",
  rounds, " interleaved rounds\n\n",
  sep = ""
)
print(data.frame(
  call = names(calls),
  us = sprintf("%.2f", micros),
  ratio = sprintf("%.1f", micros / micros[1]),
  `least us` = sprintf("%.2f", least),
  `ratio ` = sprintf("%.1f", least / least[1]),
  check.names = FALSE
), row.names = FALSE, right = FALSE)
cat(sprintf(
  "\nlazy x + y: %.2f us, %.1f times R's own dispatch of %.2f us\n",
  micros[3], micros[3] / micros[1], micros[1]
))
