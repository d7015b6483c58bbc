# Cuts the table of operations in parts, for tests that take a pattern of rows (RMLX_ROWS): parts.R N writes
# N lines, each a pattern.
parts <- as.integer(commandArgs(trailingOnly = TRUE)[[1L]])
env <- new.env(parent = asNamespace("rmlx"))
suppressPackageStartupMessages(library(testthat))
suppressPackageStartupMessages(library(rmlx))
invisible(source_test_helpers(file.path("tests", "testthat"), env = env))
ids <- names(get("operations", env))
# what else these match runs in two parts
quoted <- gsub("[^A-Za-z0-9_ ]", ".", ids)
for (rows in split(quoted, rep_len(seq_len(parts), length(quoted)))) {
  cat("^(", paste(unique(rows), collapse = "|"), ")$\n", sep = "")
}
