# Load time, installed size, and (asked for as the part "install") how long an installation takes.

measure_package <- function(options) {
  home <- find.package("rmlx")
  rounds <- max(3L, options$rounds)
  loads <- list(rmlx = function() load_in_r(NULL))
  if (nzchar(options$before)) loads$before <- function() load_in_r(options$before)
  if (nzchar(options$python)) {
    for (side in c("mlx.core", "jax", "torch")) loads[[side]] <- local({
      side <- side
      function() load_in_python(options$python, side)
    })
  }
  seconds <- vapply(seq_len(rounds), function(i) vapply(loads, function(load) load(), 0), numeric(length(loads)))
  dim(seconds) <- c(length(loads), rounds)
  list(
    load = stats::setNames(apply(seconds, 1, median), names(loads)),
    size = c(total = bytes_under(home), MLX = bytes_under(file.path(home, "mlx"))),
    install = if ("install" %in% options$parts) installation_seconds()
  )
}

# What library(rmlx) takes in a new process.
load_in_r <- function(library) {
  code <- paste(
    "t <- Sys.time()", "suppressPackageStartupMessages(library(rmlx))",
    "cat('@', as.numeric(Sys.time() - t, units = 'secs'))",
    sep = "; "
  )
  environment <- if (!is.null(library)) library_first(library)
  said_seconds(processx::run(file.path(R.home("bin"), "Rscript"), c("-e", code), env = environment)$stdout)
}

load_in_python <- function(python, module) {
  code <- paste0("import time; t = time.perf_counter(); import ", module, "; print('@', time.perf_counter() - t)")
  said <- processx::run(python, c("-c", code), env = python_environment(), error_on_status = FALSE)
  if (said$status == 0) said_seconds(said$stdout) else NA_real_
}

said_seconds <- function(text) as.numeric(sub(".*@ *([-0-9.e]+).*", "\\1", text))

bytes_under <- function(folder) {
  sum(file.size(list.files(folder, recursive = TRUE, full.names = TRUE, all.files = TRUE)))
}

# From the sources to a library, nothing compiled before (but with what was downloaded, if it was).
installation_seconds <- function() {
  sources <- tempfile("rmlx-")
  library <- tempfile("library-")
  dir.create(library)
  on.exit(unlink(c(sources, library), recursive = TRUE))
  processx::run("git", c("clone", "--quiet", ".", sources))
  start <- Sys.time()
  processx::run(file.path(R.home("bin"), "R"), c("CMD", "INSTALL", paste0("--library=", library), sources))
  as.numeric(Sys.time() - start, units = "secs")
}
