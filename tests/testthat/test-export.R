# Functions exported to files, read back here and by Python.

file_at <- function() tempfile("exported", fileext = ".mlxfn")

test_that("an exported function computes what it did, by position and name", {
  file <- file_at()
  w <- as_mlx(c(1, -1))
  f <- function(x, scale) tanh(x %*% w) * scale
  expect_identical(mlx_export_function(file, f, matrix(1, 3, 2), scale = 2), normalizePath(file))
  x <- matrix(c(0, 0.3, 1, 1, 0, 2), 3)
  back <- mlx_import_function(file)
  expect_near(back(x, scale = 10), as.matrix(tanh(x[, 1] - x[, 2]) * 10), 1e-6)
  expect_near(back(scale = 1, x), as.matrix(tanh(x[, 1] - x[, 2])), 1e-6)
  expect_error(back(x, 10), class = "rmlx_error_mlx") # scale goes by name
  y <- as_mlx(x)
  gradient <- mlx_grad(function(x) sum(back(x, scale = 1)), y)[[1L]]
  expect_near(gradient, mlx_grad(function(x) sum(f(x, 1)), y)[[1L]], 1e-6)
})

test_that("f runs once for each export, and nested results come back flat", {
  file <- file_at()
  runs <- 0
  mlx_export_function(file, function(x) {
    runs <<- runs + 1
    list(a = x + 1, b = list(x * 2, x - 1))
  }, as_mlx(c(1, 2), dtype = "int32"))
  expect_identical(runs, 1)
  out <- mlx_import_function(file)(as_mlx(c(5, 6), dtype = "int32"))
  expect_identical(lapply(out, as.numeric), list(c(6, 7), c(10, 12), c(4, 5)))
  expect_null(names(out))
})

test_that("an exporter writes several forms of a function to one file", {
  file <- file_at()
  exporter <- mlx_exporter(file, function(...) Reduce(`+`, list(...)))
  exporter(1)
  exporter(1, 2)
  exporter(c(1, 2), y = c(1, 2))
  expect_error(exporter(1, 2), "twice", class = "rmlx_error_file")
  expect_output(print(exporter), basename(file), fixed = TRUE)
  expect_false(file.exists(file)) # until it is closed
  expect_identical(close(exporter), normalizePath(file))
  expect_identical(close(exporter), normalizePath(file))
  expect_error(exporter(1), "closed", class = "rmlx_error_argument")
  back <- mlx_import_function(file)
  expect_identical(as.numeric(back(3)), 3)
  expect_identical(as.numeric(back(3, 4)), 7)
  expect_identical(as.numeric(back(c(1, 2), y = c(10, 20))), c(11, 22))
  expect_error(back(c(1, 2, 3)), class = "rmlx_error_mlx")
})

test_that("an array that was freed leaves an exporter as it was", {
  file <- file_at()
  exporter <- mlx_exporter(file, function(x) x + 1)
  exporter(1)
  gone <- as_mlx(c(1, 2))
  mlx_free(gone)
  expect_error(exporter(gone), class = "rmlx_error_freed")
  close(exporter)
  expect_identical(as.numeric(mlx_import_function(file)(3)), 4)
})

test_that("a shapeless function takes other extents", {
  file <- file_at()
  mlx_export_function(file, function(x) sum(exp(x)), c(1, 2), shapeless = TRUE)
  expect_near(mlx_import_function(file)(c(0, 1, 2)), sum(exp(0:2)), 1e-6)
  mlx_export_function(file, function(x) sum(exp(x)), c(1, 2))
  expect_error(mlx_import_function(file)(c(0, 1, 2)), class = "rmlx_error_mlx")
})

test_that("factorizations, custom functions, gradients and maps are exported as what they are made of", {
  file <- file_at()
  m <- matrix(c(4, 1, 1, 3), 2)
  mlx_export_function(file, function(a) list(chol(a), svd(a)$d, mlx_eigvalsh(a), qr.R(qr(a))), m)
  out <- lapply(mlx_import_function(file)(m), as_r)
  expect_near(out[[1L]], base::chol(m), 1e-6)
  expect_near(out[[2L]], base::svd(m)$d, 1e-5)
  expect_near(out[[3L]], rev(eigen(m)$values), 1e-5)
  expect_near(abs(out[[4L]]), abs(base::qr.R(base::qr(m))), 1e-5)
  cube <- mlx_custom_function(function(x) sum(x^3), vjp = function(primals, cotangents, outputs) cotangents * 100)
  twice <- mlx_checkpoint(function(x) cube(x) * 2)
  mlx_export_function(file, function(x) twice(x) + mlx_stop_gradient(sum(x)), c(1, 2))
  back <- mlx_import_function(file)
  expect_identical(as.numeric(back(c(1, 2))), 21)
  # without the rule, but not without the gradient; MLX itself leaves stop_gradient out
  expect_near(mlx_grad(back, c(1, 2))[[1L]], c(6, 24) + 1, 1e-6)
  mlx_export_function(file, function(x) mlx_grad(function(z) sum(sin(z)), x)[[1L]], c(0, 1))
  expect_near(mlx_import_function(file)(c(0, 1)), cos(c(0, 1)), 1e-6)
  mlx_export_function(file, function(x) mlx_grad(function(z) sum(mlx_maximum(z, 0) * c(2, 3, 4)), x)[[1L]], c(0, 1, 2))
  expect_identical(as.numeric(mlx_import_function(file)(c(0, 1, -1))), c(1, 3, 0))
  mlx_export_function(file, mlx_vmap(function(x) sum(x^2)), matrix(1:4, 2))
  expect_near(mlx_import_function(file)(matrix(1:4, 2)), c(10, 20), 1e-6)
  expect_near(mlx_grad(function(y) {
    mlx_export_function(file, function(a) a * y, 1) # the value of y, which is there
    y^3
  }, 2)[[1L]], 12, 1e-6)
  expect_identical(as.numeric(mlx_import_function(file)(5)), 10)
})

test_that("operations that run MLX's under its name are written as those", {
  file <- file_at()
  filled <- function(x, y) {
    x[2:3, 1] <- y^x[1, 2] # a power and a replaced block
    x
  }
  mlx_export_function(file, filled, matrix(1:6, 3), c(2, 3))
  want <- matrix(c(1, 4^5, 2^5, 4, 5, 6), 3)
  want[1, 2] <- 5
  expect_near(mlx_import_function(file)(replace(matrix(1:6, 3), 4, 5), c(4, 2)), want, 1e-6)
})

test_that("what cannot be in a file is refused by name, and the file that was there stays", {
  folder <- tempfile("folder")
  dir.create(folder)
  file <- file.path(folder, "f.mlxfn")
  mlx_export_function(file, function(x) x + 1, 1)
  refused <- function(code, ...) {
    expect_error(code, ...)
    expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), "f.mlxfn")
    expect_identical(as.numeric(mlx_import_function(file)(1)), 2)
  }
  refused(mlx_export_function(file, function(x) lgamma(x), 1), "ExactLgamma", class = "rmlx_error_file")
  refused(mlx_export_function(file, function(x) exp(x), as_mlx(1, dtype = "float64", device = "cpu")), "ExactExp",
          class = "rmlx_error_file")
  refused(mlx_export_function(file, function(x) chol(lgamma(x) + x), diag(2)), "ExactLgamma", class = "rmlx_error_file")
  refused(mlx_export_function(file, function(x) det(x), diag(2)), "LUF", class = "rmlx_error_file")
  refused(mlx_export_function(file, function(x) as.numeric(x), 1), "not there yet", class = "rmlx_error_tape")
  refused(mlx_export_function(file, function(x) if (x > 0) x else -x, 1), "mlx_where", class = "rmlx_error_tape")
  refused(mlx_export_function(file, function(x) 1, 1), "must return an `mlx` object", class = "rmlx_error_result")
  refused(mlx_export_function(file, function(x) x$a, list(a = 1)), "argument 1 is a list",
          class = "rmlx_error_argument")
  refused(mlx_export_function(file, function(x, n) x, 1, n = list(2)), "`n` is a list", class = "rmlx_error_argument")
  refused(mlx_export_function(file, function() mlx_ones(2)), "at least one argument", class = "rmlx_error_argument")
  refused(mlx_export_function(file, function(x) x, "a"), "character", class = "rmlx_error_argument")
  refused(mlx_export_function(file, function(...) ..1, a = 1, a = 2), "twice", class = "rmlx_error_argument")
  refused(mlx_export_function(file, function(x) x, 1, shapeless = NA), "shapeless", class = "rmlx_error_argument")
  deep <- function(x) {
    for (i in 1:1e5) x <- x + 1
    x
  }
  refused(mlx_export_function(file, deep, 1), "stack", class = "rmlx_error_depth")
  refused(close(mlx_exporter(file, function(x) x)), "nothing was exported", class = "rmlx_error_argument")
  refused(mlx_vmap(function(y) mlx_export_function(file, function(a) a * y, 1))(c(1, 2)), "transformation outside",
          class = "rmlx_error_file")
  expect_error(mlx_export_function(file.path(folder, "no", "f"), function(x) x, 1), "no such folder",
               class = "rmlx_error_file")
  expect_error(mlx_export_function(NA, function(x) x, 1), "file", class = "rmlx_error_argument")
})

test_that("a condition of f reaches the caller, and ends an exporter for good", {
  file <- file_at()
  condition <- structure(class = c("mine", "error", "condition"), list(message = "mine", call = NULL))
  exporter <- mlx_exporter(file, function(x) if (length(x) == 2L) stop(condition) else x)
  exporter(1)
  expect_identical(tryCatch(exporter(c(1, 2)), mine = identity), condition)
  # MLX's table has an entry without a graph by now: to write on would end the process
  expect_error(exporter(c(1, 2, 3)), "failed before", class = "rmlx_error_argument")
  expect_error(close(exporter), "failed before", class = "rmlx_error_file")
  expect_false(file.exists(file))
  nested <- mlx_exporter(file, function(x) close(nested))
  expect_error(nested(1), "at work", class = "rmlx_error_file")
})

test_that("an exporter that nobody closed leaves nothing, also at the session's end", {
  folder <- tempfile("folder")
  dir.create(folder)
  child <- eval(bquote(run_child({
    kept <- mlx_exporter(file.path(.(folder), "kept"), function(x) x)
    kept(1)
    lost <- mlx_exporter(file.path(.(folder), "lost"), function(x) x)
    lost(1)
    stopifnot(length(list.files(.(folder), all.files = TRUE, no.. = TRUE)) == 2L)
    lost <- NULL
    invisible(gc())
    stopifnot(length(list.files(.(folder), all.files = TRUE, no.. = TRUE)) == 1L)
    cat("fine\n")
  })))
  expect_child(child)
  expect_identical(list.files(folder, all.files = TRUE, no.. = TRUE), character())
})

test_that("texts with percent signs are no formats", {
  child <- run_child({
    file <- mlx_export_function(tempfile(), function(x, y) x + y, 1, y = 1)
    f <- mlx_import_function(file)
    said <- tryCatch(f(1, `%s%s%s%n` = 2), rmlx_error_mlx = conditionMessage)
    stopifnot(grepl("%s%s%s%n", said, fixed = TRUE))
    cat("fine\n")
  })
  expect_child(child)
})

test_that("Python reads what is exported here", {
  file <- file_at()
  mlx_export_function(file, function(x, s) list(exp(x) * s, x %*% t(x)), matrix(1:6 / 6, 2), s = 2)
  out <- run_python(
    sprintf("f = mx.import_function('%s')", file),
    "x = mx.array([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]) / 6",
    "a, b = f(x, s=mx.array(3.0))",
    "print(*np.array(a).T.ravel()); print(*np.array(b).T.ravel())"
  )
  numbers <- lapply(strsplit(out, " "), as.numeric)
  x <- matrix(1:6 / 6, 2)
  expect_near(numbers[[1L]], as.vector(exp(x) * 3), 1e-6)
  expect_near(numbers[[2L]], as.vector(base::tcrossprod(x)), 1e-6)
})
