# Runs the R tests on the installed package, or those whose file names match the
# pattern given; the last line is the count.
library(testthat)

# One line a file, so that a long run shows where it is.
file_lines <- R6::R6Class(
  "FileLines",
  inherit = Reporter,
  public = list(
    started = NULL,
    start_file = function(filename) {
      self$started <- proc.time()[["elapsed"]]
      self$cat_tight(filename, " ")
    },
    end_file = function() {
      self$cat_line(sprintf("%.1f s", proc.time()[["elapsed"]] - self$started))
    }
  )
)

# Not the short run of CRAN's machines.
Sys.setenv(NOT_CRAN = "true")

arguments <- commandArgs(trailingOnly = TRUE)
results <- as.data.frame(test_dir(
  file.path("tests", "testthat"),
  filter = if (length(arguments)) arguments[[1]],
  package = "rmlx", load_package = "installed",
  reporter = MultiReporter$new(list(file_lines$new(), CheckReporter$new())),
  stop_on_failure = FALSE, stop_on_warning = FALSE
))
passed <- sum(results$passed)
failed <- sum(results$failed) + sum(results$error)
cat(sprintf("%d passed, %d failed, %d skipped\n", passed, failed, sum(results$skipped)))
quit(status = if (failed > 0 || passed == 0) 1L else 0L)
