# Instructions of a call, by valgrind's callgrind: what clocks on a busy machine cannot tell. One R for each
# library runs every call n and 2n times; callgrind writes its counts so far whenever R calls trigamma()
# (a function of R's own library that nothing else here uses).

instruction_calls <- alist(
  "R's floor: operator with an empty .Call" = p + p,
  "R's floor: function with an empty .Call" = exp(p),
  "x + y" = x + y,
  "x + 1" = x + 1,
  "-x" = -x,
  "exp(x)" = exp(x),
  "sum(x)" = sum(x),
  "x %*% y" = x %*% y,
  "m[1:2, ]" = m[1:2, ],
  "t(x)" = t(x),
  "as.numeric(x)" = as.numeric(x),
  "as_mlx(1.5)" = as_mlx(1.5),
  "mlx_value_grad() of a regression, not evaluated" = mlx_value_grad(loss, w, design, target, argnums = 1)
)
instruction_counts <- c(rep(2000, length(instruction_calls) - 1), 200)

# What the R under callgrind runs.
instruction_program <- function(calls, counts) {
  setup <- quote({
    suppressPackageStartupMessages(library(rmlx))
    routine <- rmlx:::C_host_reads
    `+.plain` <- function(e1, e2) .Call(routine)
    exp.plain <- function(x) .Call(routine)
    p <- structure(1, class = "plain")
    x <- as_mlx(matrix(1.5))
    y <- as_mlx(matrix(2.5))
    m <- as_mlx(matrix(1:16 / 2, 4))
    loss <- function(w, x, y) {
      r <- x %*% w - y
      sum(r * r) / length(y)
    }
    design <- as_mlx(matrix(1:8, 4, 2))
    target <- as_mlx(matrix(c(1, 3, 2, 4), 4, 1))
    w <- as_mlx(matrix(0, 2, 1))
    measure <- function(run, n) {
      run(n) # so that all is compiled and cached
      gc()
      trigamma(1)
      run(n)
      trigamma(1)
      run(2 * n)
      trigamma(1)
    }
  })
  runs <- Map(function(call, n) {
    bquote(measure(compiler::cmpfun(function(n) for (i in seq_len(n)) .(call)), .(n)))
  }, unname(calls), counts)
  unlist(lapply(c(list(setup), runs), deparse))
}

# Instructions per call in the rmlx of a library.
instructions_of <- function(library, calls, counts) {
  folder <- tempfile("callgrind-")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  script <- file.path(folder, "calls.R")
  writeLines(instruction_program(calls, counts), script)
  tool <- paste0("valgrind --tool=callgrind --dump-before=Rf_trigamma --callgrind-out-file=", file.path(folder, "out"))
  environment <- c(library_first(library), OPENBLAS_NUM_THREADS = "1")
  said <- processx::run(
    file.path(R.home("bin"), "R"), c("-d", tool, "--vanilla", "--no-echo", "-f", script),
    env = environment, error_on_status = FALSE, timeout = 1200
  )
  # one file for each time: what was counted since the one before
  files <- file.path(folder, paste0("out.", seq_len(3 * length(calls))))
  if (said$status != 0 || !all(file.exists(files))) {
    cat("==> no instruction counts: ", utils::tail(strsplit(said$stderr, "\n")[[1]], 2), "\n")
    return(rep(NA_real_, length(calls)))
  }
  totals <- vapply(files, function(file) {
    line <- grep("^(totals|summary):", readLines(file), value = TRUE)[1]
    as.numeric(sub("^[a-z]+: *([0-9]+).*", "\\1", line))
  }, 0)
  by_call <- matrix(totals, 3)
  (by_call[3, ] - by_call[2, ]) / counts
}

# A data frame: the calls, and a column for each library. NULL without valgrind.
measure_instructions <- function(options) {
  if (!nzchar(Sys.which("valgrind"))) {
    cat("==> no instruction counts: valgrind is not installed\n")
    return(NULL)
  }
  counts <- if (options$quick) pmin(instruction_counts, 20) else instruction_counts
  out <- data.frame(call = names(instruction_calls))
  for (side in c("rmlx", "before")) {
    if (side == "before" && !nzchar(options$before)) next
    cat("instructions:", side, "\n")
    out[[side]] <- instructions_of(if (side == "before") options$before, instruction_calls, counts)
  }
  out
}
