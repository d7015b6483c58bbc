# Input that no caller should give: a classed error or the right value, never a crash or an error of
# R's from within.

test_that("every function answers hostile values with a value or a classed error", {
  # where the stack of calls is short, an error takes a tenth of the time
  child <- run_child(source(Sys.getenv("RMLX_HOSTILE")),
                     env = paste0("RMLX_HOSTILE=", normalizePath(test_path("hostile.R"))))
  expect_child(child, "values each")
  expect_no_match(child$out, "said:", fixed = TRUE)
})

test_that("extents that no machine holds are refused in a process of little memory", {
  child <- run_child({
    said <- function(e) tryCatch(e, rmlx_error = function(e) class(e)[[1L]])
    stopifnot(
      identical(said(mlx_eval(mlx_zeros(c(50000, 50000)))), "rmlx_error_memory"),
      identical(said(mlx_array(1:2, c(2^16, 2^15))), "rmlx_error_memory"),
      identical(said(mlx_arange(1, 2^31 - 1)), "rmlx_error_memory"),
      identical(said(mlx_linspace(0, 1, 2^31 - 1)), "rmlx_error_memory"),
      identical(said(mlx_eye(40000)), "rmlx_error_memory")
    )
    cat("fine\n")
  }, before = "ulimit -v 4000000")
  expect_child(child)
})
