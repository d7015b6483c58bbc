# Fails when lintr has anything to say.
lints <- lintr::lint_package()
for (dir in c("tools", "bench")) lints <- c(lints, lintr::lint_dir(dir))
for (lint in lints) {
  cat(sprintf(
    "%s:%d:%d: %s [%s]\n", lint$filename, lint$line_number, lint$column_number,
    lint$message, lint$linter
  ))
}
cat(sprintf("lintr: %d lints\n", length(lints)))
quit(status = if (length(lints)) 1L else 0L)
