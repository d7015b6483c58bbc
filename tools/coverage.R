# Writes inst/coverage/coverage.md: which function of rmlx stands for each name of Python MLX and
# of the Rcpp package Rmlx. The claims are the tables beside it; test-coverage.R checks them.
read <- function(name) {
  utils::read.delim(file.path("inst", "coverage", name), quote = "", na.strings = character())
}
code <- function(names) {
  parts <- strsplit(names, ", ", fixed = TRUE)
  vapply(parts, function(p) paste0("`", p, "`", collapse = ", "), "")
}
section <- function(rows, first, title) {
  there <- rows$r != ""
  out <- c(
    paste0("## ", title), "",
    sprintf("%d names, %d of them without a function here.", nrow(rows), sum(!there)), ""
  )
  for (area in unique(rows$area)) {
    part <- rows[rows$area == area, ]
    r <- ifelse(part$r == "", "-", code(part$r))
    out <- c(out, paste0("### ", area), "", "| name | in rmlx | note |", "| --- | --- | --- |",
             gsub("`|`", "`\\|`", fixed = TRUE,
                  sprintf("| `%s` | %s | %s |", part[[first]], r, part$note)), "")
  }
  out
}
page <- c(
  "# Coverage", "",
  "Made by `tools/coverage.R` from the tables beside this page. Modules, optimisers and losses are not",
  "part of them.", "",
  section(read("python-mlx.tsv"), "python", "Python MLX 0.32.2"),
  section(read("rcpp-api.tsv"), "name", "The Rcpp package Rmlx")
)
writeLines(page, file.path("inst", "coverage", "coverage.md"))
