# The sides of the benchmark: one process each, asked by a line on its stdin, answering with one.

# Where R finds its BLAS and LAPACK, for LD_PRELOAD. Empty where that is not the way (macOS).
preloaded_blas <- function() {
  if (Sys.info()[["sysname"]] != "Linux") return("")
  files <- unique(normalizePath(c(extSoftVersion()[["BLAS"]], La_library()), mustWork = FALSE))
  paste(files[file.exists(files)], collapse = ":")
}

# The environment of an R that looks for packages in `library` first.
library_first <- function(library) {
  c("current", R_LIBS = paste(c(library, Sys.getenv("R_LIBS")), collapse = ":"))
}

# The environment of Python: what R adds to LD_LIBRARY_PATH could give it another libpython, and what pip
# installs needs none of it.
python_environment <- function(more = NULL) {
  now <- Sys.getenv()
  c(now[names(now) != "LD_LIBRARY_PATH"], PYTHONDONTWRITEBYTECODE = "1", more)
}

# How each side is started: program, arguments and environment.
side_programs <- function(options) {
  small <- if (options$quick) "quick"
  r <- function(side, library = NULL) {
    list(
      command = file.path(R.home("bin"), "Rscript"), args = c("bench/worker.R", side, small),
      env = if (!is.null(library)) library_first(library)
    )
  }
  python <- function(side, environment = NULL) {
    list(
      command = options$python, args = c("bench/peers/worker.py", side, small),
      env = python_environment(environment)
    )
  }
  programs <- list(rmlx = r("rmlx"), base = r("base"))
  if (nzchar(options$before)) programs$before <- r("before", options$before)
  if (nzchar(options$python)) {
    blas <- preloaded_blas()
    if (nzchar(blas)) programs$mlx <- python("mlx", c(LD_PRELOAD = blas))
    programs$pip <- python("pip")
    for (side in c("jax", "torch", "numpy")) programs[[side]] <- python(side)
    # where nothing can be preloaded both use the same library anyway
    if (is.null(programs$mlx)) programs$mlx <- python("mlx")
  }
  programs
}

side_start <- function(program) {
  errors <- tempfile("bench-")
  process <- processx::process$new(
    program$command, program$args,
    stdin = "|", stdout = "|", stderr = errors, env = program$env
  )
  list(process = process, errors = errors)
}

# Sends a command, gives the words of the answer; an error if the side says one, has died, or needs too long.
side_ask <- function(worker, ..., limit = 900) {
  worker$process$write_input(paste0(paste(...), "\n"))
  until <- Sys.time() + limit
  repeat {
    worker$process$poll_io(1000)
    for (line in worker$process$read_output_lines(1L)) {
      words <- strsplit(line, "\t", fixed = TRUE)[[1]]
      if (words[1] == "@ok") return(words[-1])
      if (words[1] == "@error") stop(words[2], call. = FALSE)
    }
    if (!worker$process$is_alive()) {
      stop("the process ended: ", paste(tail(readLines(worker$errors), 2), collapse = " "), call. = FALSE)
    }
    if (Sys.time() > until) stop("no answer within ", limit, " s", call. = FALSE)
  }
}

side_stop <- function(worker) {
  if (!worker$process$is_alive()) return(invisible())
  worker$process$write_input("quit\n")
  worker$process$wait(2000)
  if (worker$process$is_alive()) worker$process$kill()
}
