# README.md's R code runs and prints what README.md says.

readme <- function() {
  candidates <- c(
    Sys.getenv("RMLX_README"),
    testthat::test_path("..", "..", "README.md"),
    # under R CMD check: the unpacked source beside the installed package
    testthat::test_path("..", "..", "00_pkg_src", "rmlx", "README.md")
  )
  found <- candidates[nzchar(candidates) & file.exists(candidates)]
  testthat::skip_if(length(found) == 0L, "README.md is not here")
  readLines(found[[1L]], encoding = "UTF-8")
}

# The code between ```r and ```, one character vector a chunk.
chunks <- function(lines) {
  starts <- which(lines == "```r")
  ends <- which(lines == "```")
  lapply(starts, function(start) lines[seq(start + 1L, min(ends[ends > start]) - 1L)])
}

# A chunk's code with its output below each expression, as "#> " lines.
run_chunk <- function(lines, frame) {
  lines <- lines[!startsWith(lines, "#>")]
  code <- parse(text = lines, keep.source = TRUE)
  last <- vapply(attr(code, "srcref"), function(ref) ref[[3L]], 0L)
  first <- c(0L, last[-length(last)]) + 1L
  unlist(lapply(seq_along(code), function(i) {
    output <- capture.output({
      result <- withVisible(eval(code[[i]], frame))
      if (result$visible) print(result$value)
    })
    c(lines[first[i]:last[i]], trimws(sprintf("#> %s", output), "right"))
  }))
}

test_that("README's code prints what README shows", {
  shown <- chunks(readme())
  expect_gt(length(shown), 4L)
  local_mlx_device("cpu")
  rlang::local_options(
    rmlx.dtype = NULL, rmlx.host_reads = NULL, rmlx.max_print = NULL, width = 80, digits = 7,
    cli.num_colors = 1L
  )
  frame <- new.env(parent = globalenv())
  frame$library <- function(...) invisible() # the package under test is attached already
  for (chunk in shown) {
    expect_identical(run_chunk(chunk, frame), chunk)
  }
  # the error is shown as R prints it, its text below a line that names the call
  said <- strsplit(frame$said, "\n")[[1L]]
  lines <- sub("^\\S ", "", readme()) # without the bullet, which depends on the terminal
  expect_true(all(sub("^\\S ", "", said) %in% lines))
})

test_that("README shows the documented gradient", {
  text <- paste(readme(), collapse = "\n")
  expect_match(text, paste(
    "#> mlx array [2 x 1]", "#>   dtype: float32", "#>   device: cpu", "#>   values:",
    "#>       [,1]", "#> [1,] -14.5", "#> [2,] -34.5",
    sep = "\n"
  ), fixed = TRUE)
})
