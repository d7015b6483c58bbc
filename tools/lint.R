# Fails when lintr has anything to say.
lints <- lintr::lint_package(exclusions = list("tests"))
lints <- c(lints, lintr::lint_dir("tools"))
# What tests and the benchmark use is in testthat and in files beside them, where lintr does not look for it.
for (dir in c("tests", "bench")) {
  lints <- c(lints, lintr::lint_dir(
    dir,
    linters = lintr::linters_with_defaults(
      lintr::line_length_linter(120),
      object_name_linter = NULL, cyclocomp_linter = NULL, object_usage_linter = NULL
    )
  ))
}
for (lint in lints) {
  cat(sprintf(
    "%s:%d:%d: %s [%s]\n", lint$filename, lint$line_number, lint$column_number,
    lint$message, lint$linter
  ))
}
cat(sprintf("lintr: %d lints\n", length(lints)))
quit(status = if (length(lints)) 1L else 0L)
