# Hostile input to everything that is exported: a value or a classed error, never the end of the
# session. helper-hostile.R says what is tried.

# Arguments for which the common valid ones of helper-hostile.R do not serve.
special_arguments <- list(
  mlx_optim_fns = list(par = c(1, 2)),
  mlx_optimize = list(f = function(x, ...) sum((x - 1)^2), par = c(1, 2)),
  mlx_mle = list(loglik = function(p, ...) -sum(p^2), start = c(1, 2), data = 1:3),
  mlx_check_grad = list(f = function(x, ...) sum(x^2))
)

# f's own errors are the user's.
not_tried <- c(
  "mlx_grad: ...", "mlx_value_grad: ...", "mlx_graph: ...", "mlx_check_grad: ...", "mlx_vjp: ...", "mlx_linearize: ...",
  "mlx_jacobian: ...", "mlx_hessian: ...", "mlx_hessian_diag: ...", "mlx_hessian_trace: ...",
  "mlx_optimize: f", "mlx_optimize: par", "mlx_mle: loglik", "mlx_mle: start",
  # handed on to base R's methods, with the array's values
  "print.mlx: ...", "format.mlx: ...",
  # goes to base R
  "kronecker.default: Y"
)

test_that("hostile input gives a value or a classed error", {
  methods <- getNamespaceInfo("rmlx", "S3methods")
  needed <- methods[, 4L] # the package of the generic, where it need not be installed
  can_run <- is.na(needed) | vapply(needed, requireNamespace, NA, quietly = TRUE)
  methods <- methods[methods[, 2L] == "mlx" & can_run & !grepl("::", methods[, 1L], fixed = TRUE), 1L]
  exports <- grep("^[.]__", getNamespaceExports("rmlx"), value = TRUE, invert = TRUE)
  functions <- sort(c(exports, paste0(methods, ".mlx")))
  log <- tempfile("hostile-")
  saveRDS(list(functions, special_arguments), settings <- tempfile("hostile-", fileext = ".rds"))
  child <- eval(bquote(run_child(timeout = 900, {
    source(.(normalizePath(test_path("helper-hostile.R"))))
    settings <- readRDS(.(settings))
    run_hostile(settings[[1]], settings[[2]], .(log))
  }, address_space = 5e6)))
  last <- utils::tail(readLines(log), 1L)
  expect(child$status == 0L, paste("the process ended at:", last, "and said:", child$out))
  lines <- strsplit(child$out, "\n")[[1L]]
  found <- grep("^(not classed|shows its insides): ", lines, value = TRUE)
  tried <- sub("^[a-z ]*: ", "", found)
  found <- found[!sub("( = ).*$", "", tried) %in% not_tried]
  expect(length(found) == 0L, paste(found, collapse = "\n"))
  expect_match(utils::tail(lines, 1L), "hostile calls ended")
  cat(utils::tail(lines, 1L), "\n")
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
  }, address_space = 4e6)
  expect_child(child)
})
