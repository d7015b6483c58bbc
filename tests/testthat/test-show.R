# What is shown of arrays and of the graph behind them.

test_that("print options are kept and told", {
  old <- mlx_print_options()
  on.exit(options(rmlx.print_precision = NULL, rmlx.max_print = NULL))
  expect_identical(old, list(precision = NULL, max_print = 100))
  expect_identical(withVisible(mlx_print_options(precision = 3))$visible, FALSE)
  expect_output(print(as_mlx(pi)), "3.14$")
  expect_output(print(as_mlx(pi), digits = 5), "3.1416$")
  mlx_print_options(precision = NA, max_print = 2)
  expect_output(print(as_mlx(pi)), "3.141593$")
  expect_output(print(as_mlx(1:3)), "3 elements, not shown")
  expect_identical(mlx_print_options(), list(precision = NULL, max_print = 2L))
  expect_error(mlx_print_options(precision = 0), "precision", class = "rmlx_error_argument")
})

test_that("a graph names its arrays and operations", {
  x <- mlx_zeros(3)
  mlx_eval(x)
  text <- mlx_export_to_dot(NULL, x = x, out = exp(x) + 1)
  expect_match(text, "^digraph")
  for (part in c("Exp", "Add", "x", "out")) expect_match(text, part, fixed = TRUE)
  file <- tempfile(fileext = ".dot")
  out <- withVisible(mlx_export_to_dot(file, x))
  expect_identical(out, list(value = file, visible = FALSE))
  expect_match(readLines(file)[[1L]], "digraph")
  expect_error(mlx_export_to_dot(NULL, 1), "is_mlx", class = "rmlx_error_argument")
})
