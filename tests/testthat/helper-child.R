# R code in a process of its own, for what would end, block or fill this one.

# Runs `code` (an expression) in Rscript with rmlx attached; `before` is shell code, such as a limit.
# `address_space`: how much of it the process may have, in kB. CUDA needs more than that for itself: where
# there is a gpu it is what the arrays may take.
# list(status, out): 124 for a process that did not end in `timeout` seconds.
run_child <- function(code, timeout = 60, before = NULL, env = character(), address_space = NULL) {
  limit <- NULL
  if (!is.null(address_space)) {
    if (mlx_has_gpu()) {
      limit <- sprintf("options(rmlx.memory_limit = %g)", address_space * 1024)
    } else {
      before <- sprintf("ulimit -v %d", as.integer(address_space))
    }
  }
  script <- tempfile("child-", fileext = ".R")
  # system2() itself may lose what it reads while it watches the time
  said <- tempfile("said-")
  on.exit(unlink(c(script, said)))
  lines <- deparse(substitute(code), width.cutoff = 120L)
  writeLines(c(limit, "options(rmlx.quiet = TRUE, warn = 1); suppressMessages(library(rmlx))", lines), script)
  rscript <- shQuote(file.path(R.home("bin"), "Rscript"))
  command <- paste("exec", rscript, "--no-init-file", shQuote(script))
  if (!is.null(before)) command <- paste(before, command, sep = "; ")
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  command <- paste0("{ ", command, "; } > ", shQuote(said), " 2>&1")
  status <- suppressWarnings(system2(
    "bash", c("-c", shQuote(command)), timeout = timeout, env = c(libraries, "R_TESTS=", env)
  ))
  list(status = status, out = paste(readLines(said, warn = FALSE), collapse = "\n"))
}

# The child has to end by itself and to say `says`.
expect_child <- function(child, says = "fine") {
  ended <- child$status == 0L && grepl(says, child$out, fixed = TRUE)
  testthat::expect(ended, paste0("child ended with ", child$status, " and said:\n", child$out))
  invisible(child)
}

# Peak and present resident memory of this process in MB.
resident <- function(what = "VmHWM") {
  line <- grep(what, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}
