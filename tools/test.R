# Runs the R tests on the installed package; the last line is the count.
library(testthat)
dir <- file.path("tests", "testthat")
results <- as.data.frame(test_dir(
  dir,
  package = "rmlx", load_package = "installed", reporter = "check",
  stop_on_failure = FALSE, stop_on_warning = FALSE
))
passed <- sum(results$passed)
failed <- sum(results$failed) + sum(results$error)
cat(sprintf("%d passed, %d failed, %d skipped\n", passed, failed, sum(results$skipped)))
quit(status = if (failed > 0 || passed == 0) 1L else 0L)
