# A row of the benchmark: one piece of work, done by rmlx and by its peers. The rows-*.R files declare
# them; Python's side of a row has the same id, in peers/.

declared <- new.env()
declared$rows <- list()

# - setup, call: what rmlx prepares and what is timed; base_setup, base: the same for base R.
# - value: what the sides must agree on, after one call; the value of the call if it is left out.
# - peers: the other sides that have the row: "mlx" (Python MLX with R's BLAS), "pip" (as pip gives it),
#   "jax", "torch", "numpy".
# - aims: of at_most() and under().
# - clock: "cpu" for what is never evaluated, so that others on the machine matter less.
# - bytes: how much R data one call moves, for rates.
# - fresh: whether the row needs processes of its own, since it is about the memory of one.
bench_row <- function(id, label, setup, call, value, base_setup, base, peers = "mlx", aims = list(),
                      clock = "wall", tolerance = 1e-3, bytes = NULL, fresh = FALSE) {
  setup <- substitute(setup)
  call <- substitute(call)
  value <- if (missing(value)) NULL else substitute(value)
  own <- list(setup = setup, call = call, value = value)
  programs <- list(rmlx = own, before = own)
  if (!missing(base)) {
    base_setup <- if (missing(base_setup)) setup else substitute(base_setup)
    programs$base <- list(setup = base_setup, call = substitute(base), value = NULL)
  }
  declared$rows[[id]] <- list(
    id = id, part = declared$part, home = declared$home, label = label, programs = programs,
    sides = c(names(programs), peers), aims = aims, clock = clock, tolerance = tolerance, bytes = bytes, fresh = fresh
  )
}

everyone <- c("mlx", "pip", "jax", "torch")

# The rows that follow belong to this part.
bench_part <- function(part) declared$part <- part

# Aims: our time over that of another side, or of another row of ours, or our peak memory in MB.
at_most <- function(ratio, side = "mlx", row = NULL) list(kind = "ratio", most = ratio, side = side, row = row)
under <- function(most, kind = "peak") list(kind = kind, most = most)

# In quick mode everything is small, to see that it works.
quick <- isTRUE(getOption("bench.quick"))
sized <- function(full, small) if (quick) small else full

# Numbers in (-0.5, 0.5) that every side makes for itself: the same for the same seed, by rows.
noise <- function(seed, ...) {
  dims <- c(...)
  v <- sin(seq_len(prod(dims)) + 1000 * seed) * 43758.5453
  v <- v - floor(v) - 0.5
  if (length(dims) == 1L) v else aperm(array(v, rev(dims)))
}

# What the sides compare of a result: of every array in it the size, the mean, the mean size of the
# numbers and a mean that depends on their order, by rows.
digest <- function(value) {
  if (is.list(value)) return(unlist(lapply(unname(value), digest)))
  value <- as_plain(value)
  v <- as.vector(if (length(dim(value)) > 1L) aperm(value) else value)
  v <- if (is.complex(v)) c(Re(v), Im(v)) else as.numeric(v)
  c(length(v), mean(v), mean(abs(v)), mean(v * cos(seq_along(v))))
}
as_plain <- function(value) if (inherits(value, "mlx")) rmlx::as_r(value) else value

# All rows, in the order of the issue's table.
load_rows <- function(folder = "bench") {
  parts <- c(
    "lazy", "scalars", "convert", "train", "index", "gmm", "derivatives", "transformer", "linalg", "memory"
  )
  for (part in parts) {
    bench_part(part)
    file <- file.path(folder, paste0("rows-", part, ".R"))
    if (file.exists(file)) sys.source(file, declared$home <- new.env(parent = globalenv()))
  }
  declared$rows
}
