# The vignettes' code runs, and finds what base R finds.

vignette_lines <- function(name) {
  candidates <- c(
    testthat::test_path("..", "..", "vignettes", name),
    testthat::test_path("..", "..", "00_pkg_src", "rmlx", "vignettes", name)
  )
  found <- candidates[file.exists(candidates)]
  testthat::skip_if(length(found) == 0L, paste(name, "is not here"))
  readLines(found[[1L]], encoding = "UTF-8")
}

# Runs every chunk; one that is to fail must raise a condition of class `failure`.
run_vignette <- function(name, failure) {
  lines <- vignette_lines(name)
  frame <- new.env(parent = globalenv())
  frame$library <- function(...) invisible() # the package under test is attached already
  frame$hist <- function(...) invisible()
  starts <- grep("^```\\{r", lines)
  ends <- which(lines == "```")
  for (start in starts) {
    code <- parse(text = lines[seq(start + 1L, min(ends[ends > start]) - 1L)])
    if (grepl("include = FALSE", lines[[start]])) next
    run <- function() capture.output(for (expr in code) print(eval(expr, frame)))
    if (grepl("error = TRUE", lines[[start]])) expect_error(run(), class = failure) else run()
  }
  frame
}

test_that("the vignette on gradients finds the maximum, its errors and the quantile's slope", {
  rlang::local_options(rmlx.dtype = NULL)
  local_mlx_device("cpu")
  frame <- run_vignette("gradients.Rmd", "rmlx_error_tape")
  expect_lt(max(abs(frame$exact - frame$numeric_gradient)), 1e-5)

  plain <- nlminb(frame$start, function(p) frame$nll(p, frame$y), control = list(rel.tol = 1e-14))
  expect_equal(frame$est, plain$par, tolerance = 1e-5)
  errors <- sqrt(diag(solve(optimHess(plain$par, function(p) frame$nll(p, frame$y)))))
  expect_equal(sqrt(diag(frame$vcov_hessian)), errors, tolerance = 1e-3, ignore_attr = TRUE)
  expect_equal(dim(frame$scores), c(272L, 5L))

  slopes <- vapply(1:5, function(i) {
    e <- replace(numeric(5), i, 1e-5)
    (frame$find_quantile(frame$est + e) - frame$find_quantile(frame$est - e)) / 2e-5
  }, 0)
  expect_equal(frame$gradient, slopes, tolerance = 1e-6)
})
