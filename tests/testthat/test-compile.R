# Contract section 14: compiled functions.

x <- as_mlx(c(1, 2, 3))
chain <- function(x) {
  for (i in 1:10) x <- sin(x) * 1.01 + 0.1
  x
}

test_that("a chain of 20 operations is replayed without entering R, over changing shapes", {
  made <- counted(chain)
  for (k in 1:3) {
    for (given in list(x, x + k, as_mlx(matrix(1:6 / k, 2)), as_mlx(0.5), as_mlx(array(1:8 / 9, c(2, 2, 2))))) {
      expect_equal(as_r(made$f(given)), as_r(chain(given)), tolerance = 1e-6)
    }
  }
  expect_equal(made$runs(), 4) # x and x + k are of one kind
  info <- mlx_compiled_info(made$f)
  expect_equal(info$traced, 4)
  expect_equal(info$replayed, 11)
  expect_true(all(info$traces$operations >= 30))
})

test_that("dtypes, devices, structures, names and static values have graphs of their own", {
  local_cpu()
  made <- counted(function(p, how = "add", twice = FALSE) {
    out <- if (how == "add") p$a + p$b[[1]] else p$a * p$b[[1]]
    if (twice) 2 * out else out
  })
  p <- list(a = x, b = list(x))
  expect_equal(numbers(made$f(p)), c(2, 4, 6))
  expect_equal(numbers(made$f(p, "multiply")), c(1, 4, 9))
  expect_equal(numbers(made$f(p, "multiply", TRUE)), c(2, 8, 18))
  expect_equal(numbers(made$f(p, twice = TRUE)), c(4, 8, 12))
  expect_equal(made$runs(), 4)
  expect_equal(numbers(made$f(p, "multiply")), c(1, 4, 9))
  expect_equal(made$runs(), 4)
  expect_identical(mlx_dtype(made$f(list(a = as64(c(1, 2)), b = list(as64(c(1, 2)))))), "float64")
  expect_equal(numbers(made$f(list(b = list(x), a = x, c = NULL))), c(2, 4, 6))
  expect_equal(made$runs(), 6)
})

test_that("R numbers become arrays, also in lists, and one graph serves for all of them", {
  made <- counted(function(x, p) x * p$rate)
  for (rate in c(0.5, 2, 4)) expect_equal(numbers(made$f(c(1, 2), list(rate = rate))), c(1, 2) * rate)
  expect_equal(made$runs(), 1)
})

test_that("one array comes alone, several as the list with its names, nested too", {
  expect_s3_class(mlx_compile(function(x) list(x))(x), "mlx")
  f <- mlx_compile(function(x) list(a = x, more = list(x * 2, b = x[1:2])))
  for (k in 1:2) {
    out <- f(x)
    expect_named(out, c("a", "more"))
    expect_named(out$more, c("", "b"))
    expect_equal(numbers(out$more[[1]]), c(2, 4, 6))
    expect_equal(numbers(out$more$b), c(1, 2))
  }
})

test_that("names and dimnames are those of the function run by R", {
  f <- function(x) list(x + 1, t(x))
  compiled <- mlx_compile(f)
  m <- as_mlx(matrix(1:4, 2, dimnames = list(c("a", "b"), c("c", "d"))))
  for (k in 1:2) expect_equal(lapply(compiled(m), as_r), lapply(f(m), as_r))
  other <- as_mlx(matrix(1:4, 2, dimnames = list(c("u", "v"), NULL)))
  expect_equal(lapply(compiled(other), as_r), lapply(f(other), as_r))
})

test_that("what a function must return is said in the contract's words", {
  expect_error(mlx_compile(function(x) 3)(x), "Compiled function must return either", class = "rmlx_error_result")
  expect_error(mlx_compile(function(x) NULL)(x), "Compiled function must return either", class = "rmlx_error_result")
  expect_error(mlx_compile(function(x) list())(x), "Compiled function returned empty list", class = "rmlx_error_result")
  expect_error(mlx_compile(function(x) list(x, 3))(x), "non-mlx element at position 2", class = "rmlx_error_result")
  expect_error(mlx_compile(function(x) list(list(x, "a"), x))(x), "non-mlx element at position 1",
               class = "rmlx_error_result")
  expect_error(mlx_compile(3), class = "rmlx_error_argument")
  expect_error(mlx_compile(sin, state = list(3)), "state", class = "rmlx_error_argument")
  expect_error(mlx_compiled_info(sin), class = "rmlx_error_argument")
})

test_that("reading a value is the tape error", {
  expect_error(mlx_compile(function(x) if (x > 0) x else -x)(as_mlx(1)), "not there yet", class = "rmlx_error_tape")
  expect_error(mlx_compile(function(x) as_mlx(as.numeric(x)))(x), "mlx_where", class = "rmlx_error_tape")
})

test_that("the very condition of the function reaches the caller, and the next call runs it again", {
  condition <- structure(class = c("mine", "error", "condition"), list(message = "no", call = NULL))
  made <- counted(function(x, fails) {
    if (fails) stop(condition)
    x + 1
  })
  expect_identical(tryCatch(made$f(x, TRUE), error = identity), condition)
  expect_equal(numbers(made$f(x, FALSE)), c(2, 3, 4))
  expect_error(made$f(x, TRUE), class = "mine")
  expect_equal(numbers(made$f(x, FALSE)), c(2, 3, 4))
  expect_equal(made$runs(), 3)
  stops <- mlx_compile(function(x) {
    if (broken) stop("broken") else x
  })
  broken <- TRUE
  expect_error(stops(x), "broken")
  broken <- FALSE
  expect_equal(numbers(stops(x)), c(1, 2, 3))
})

test_that("random numbers are fresh in every call and follow set.seed()", {
  made <- counted(function(x) list(mlx_rnorm(3) + x, mlx_rand_uniform(3), mlx_rand_uniform(3)))
  set.seed(1)
  first <- lapply(made$f(x), numbers)
  second <- lapply(made$f(x), numbers)
  third <- lapply(made$f(x), numbers)
  expect_false(identical(first, second))
  expect_false(identical(second, third))
  expect_false(identical(first[[2]], first[[3]])) # each draw has its own key
  set.seed(1)
  expect_identical(lapply(made$f(x), numbers), first)
  expect_identical(lapply(made$f(x), numbers), second)
  expect_equal(made$runs(), 1)
  many <- mlx_compile(function() mlx_rnorm(20000))
  many()
  expect_equal(c(mean(numbers(many())), sd(numbers(many()))), c(0, 1), tolerance = 0.03)
})

test_that("numbers of R's own generator are never repeated, with a warning", {
  f <- mlx_compile(function(x) x + rnorm(3))
  expect_warning(first <- numbers(f(x)), "runs in R at every call", class = "rmlx_warning_compile")
  expect_silent(second <- numbers(f(x)))
  expect_false(identical(first, second))
})

test_that("gradients, maps, Hessians, custom functions and checkpoints compile, and compiled functions transform", {
  local_cpu()
  f <- function(x) sum(exp(x) * x)
  compiled <- mlx_compile(f)
  at <- c(0.5, -1, 2)
  expect_equal(numbers(mlx_grad(compiled, at)[[1]]), exp(at) * (at + 1), tolerance = 1e-6)
  expect_equal(as_r(mlx_hessian(compiled, as64(at))[[1]]), diag(exp(at) * (at + 2)), tolerance = 1e-12)
  expect_equal(numbers(mlx_jvp(compiled, as64(at), tangents = as64(c(1, 0, 2)))$tangents),
               sum(exp(at) * (at + 1) * c(1, 0, 2)), tolerance = 1e-12)
  rows <- matrix(c(at, at + 1), 2, byrow = TRUE)
  expect_equal(numbers(mlx_vmap(compiled)(rows)), rowSums(exp(rows) * rows), tolerance = 1e-6)
  softplus <- mlx_custom_function(function(x) log1p(exp(x)),
                                  vjp = function(primals, cotangents, outputs) cotangents * mlx_sigmoid(primals[[1]]))
  twice <- mlx_checkpoint(function(x) sin(sin(x)))
  all <- mlx_compile(function(x, rows) {
    list(mlx_grad(f, x)[[1]], mlx_hessian(f, x)[[1]], mlx_vmap(f)(rows),
         mlx_grad(function(x) sum(softplus(x)), x)[[1]], mlx_grad(function(x) sum(twice(x)), x)[[1]])
  })
  for (k in 0:2) {
    at <- c(0.5, -1, 2) + k / 3
    out <- all(as64(at), as64(rows + k))
    expect_equal(numbers(out[[1]]), exp(at) * (at + 1), tolerance = 1e-12)
    expect_equal(as_r(out[[2]]), diag(exp(at) * (at + 2)), tolerance = 1e-12)
    expect_equal(numbers(out[[3]]), rowSums(exp(rows + k) * (rows + k)), tolerance = 1e-12)
    expect_equal(numbers(out[[4]]), plogis(at), tolerance = 1e-12)
    expect_equal(numbers(out[[5]]), cos(sin(at)) * cos(at), tolerance = 1e-12)
  }
  expect_equal(mlx_compiled_info(all)$traced, 1)
})

test_that("compiled functions within others, and of traced variables, are right", {
  noise <- mlx_compile(function(n) mlx_rand_uniform(3) + n)
  outer <- mlx_compile(function(x) x + noise(0))
  expect_false(identical(numbers(outer(x)), numbers(outer(x))))
  k <- 2
  inner <- mlx_compile(function(x) x * k)
  around <- mlx_compile(function(x) inner(x) + 1)
  expect_equal(numbers(around(x)), c(3, 5, 7))
  k <- 3
  expect_equal(numbers(around(x)), c(4, 7, 10))
  g <- mlx_grad(function(w) {
    scaled <- mlx_compile(function(x) sum(x * w))
    scaled(x)
  }, c(1, 1, 1))
  expect_equal(numbers(g[[1]]), c(1, 2, 3))
  kept <- mlx_compile(function(x) sum(x * k))
  kept(x)
  expect_equal(numbers(mlx_grad(function(w) kept(x) * sum(w), c(1, 1))[[1]]), c(18, 18))
})

test_that("float64 stays exact", {
  local_cpu()
  at <- c(0.3, 1.7, -2.2)
  f <- mlx_compile(function(x) exp(sin(x)) * 0.1 + cos(x) / 3 + x %/% 0.7 + mlx_erf(x))
  want <- exp(sin(at)) * 0.1 + cos(at) / 3 + at %/% 0.7 + (2 * pnorm(at * sqrt(2)) - 1)
  for (k in 1:2) expect_equal(numbers(f(as64(at))), want, tolerance = 1e-14)
  expect_identical(mlx_dtype(f(as64(at))), "float64")
})

test_that("integers divided by zero do not end the session", {
  f <- mlx_compile(function(a, b) list(a %/% b, a %% b))
  a <- as_mlx(c(7L, 5L))
  b <- as_mlx(c(2L, 0L))
  eager <- list(numbers(a %/% b), numbers(a %% b))
  for (k in 1:2) expect_equal(lapply(f(a, b), numbers), eager)
})

test_that("shapeless: one graph serves for all extents; two runs of R show that it may", {
  made <- counted(function(x, w) mlx_softmax(tanh(x %*% w) - mean(x)), shapeless = TRUE)
  for (n in 2:6) {
    data <- matrix(seq_len(3 * n) / 10, n)
    w <- matrix(1:6 / 7, 3)
    h <- tanh(data %*% w) - mean(data)
    expect_equal(as_r(made$f(data, w)), exp(h) / sum(exp(h)), tolerance = 1e-6)
  }
  expect_equal(made$runs(), 2)
  expect_match(paste(capture.output(print(mlx_compiled_info(made$f))), collapse = "\n"), "for all extents")
})

test_that("shapeless: a function that depends on extents in R is refused, never wrong", {
  f <- mlx_compile(function(x) sum(x) / length(x), shapeless = TRUE)
  expect_equal(numbers(f(x)), 2)
  expect_error(f(c(1, 2)), "a constant differs", class = "rmlx_error_shapeless")
  g <- mlx_compile(function(x) if (length(x) > 3) x + 1 else x * 2, shapeless = TRUE)
  expect_equal(numbers(g(x)), c(2, 4, 6))
  expect_error(g(1:4 / 2), class = "rmlx_error_shapeless")
  h <- mlx_compile(function(x) x[1, ], shapeless = TRUE)
  expect_error(h(diag(2)), "all shapes", class = "rmlx_error_argument")
})

# A folder with a g++ that does this.
fake_compiler <- function(..., env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  writeLines(c("#!/bin/sh", ...), file.path(folder, "g++"))
  Sys.chmod(file.path(folder, "g++"), "755")
  folder
}

test_that("without a compiler on the PATH, or with one that fails, graphs run unfused", {
  absent <- fake_compiler("exit 1")
  refusing <- fake_compiler(
    "[ \"$1\" = --version ] && exit 0", "echo 'x.cpp:1: error: no such language' >&2", "exit 1"
  )
  useless <- fake_compiler("exit 0") # writes no library
  empty <- withr::local_tempdir() # what was compiled earlier counts for nothing
  for (path in c("/nonexistent", absent, refusing, useless)) {
    child <- eval(bquote(run_child({
      mlx_device("cpu") # a gpu's compiler is a library
      Sys.setenv(PATH = paste0(.(path), if (dir.exists(.(path))) ":/usr/bin:/bin"), TMPDIR = .(empty))
      f <- mlx_compile(function(x) exp(x) * 2.25 + sin(x) / 3)
      at <- c(1, 2.5)
      for (k in 1:2) stopifnot(all.equal(as.numeric(f(at)), exp(at) * 2.25 + sin(at) / 3, tolerance = 1e-6))
      traces <- mlx_compiled_info(f)$traces
      stopifnot(traces$operations == traces$optimised)
      g <- mlx_compile(function(x) mlx_grad(function(x) sum(exp(x) * x), x)[[1]])
      h <- mlx_compile(function(x) exp(x) * (1 + x), shapeless = TRUE)
      for (f in list(g, h)) for (x in list(at, c(at, 1))) {
        stopifnot(all.equal(as.numeric(f(x)), exp(x) * (1 + x), tolerance = 1e-6))
      }
      reads <- mlx_compile(function(x) if (sum(x) > 0) x else -x)
      stopifnot(inherits(tryCatch(reads(at), error = identity), "rmlx_error_tape"))
      said <- cli::cli_fmt(state <- mlx_sitrep())
      stopifnot(!state$fuses)
      cat(gsub("\\s+", " ", paste(cli::ansi_strip(said), collapse = " ")), "\n")
      cat("fine\n")
    })))
    expect_child(child)
    expect_match(child$out, "does not fuse elementwise operations", fixed = TRUE)
    if (path == refusing) expect_match(child$out, "x.cpp:1: error: no such language", fixed = TRUE)
  }
})

test_that("operations are fused where there is a compiler, and mlx_sitrep() tells it", {
  skip_if(!nzchar(Sys.which("g++")))
  local_cpu()
  f <- mlx_compile(function(x) exp(x) * 2.25 + sin(x) / 3)
  expect_equal(numbers(f(c(1, 2.5))), exp(c(1, 2.5)) * 2.25 + sin(c(1, 2.5)) / 3, tolerance = 1e-6)
  expect_identical(mlx_compiled_info(f)$traces$optimised, 1)
  cli::cli_fmt(state <- mlx_sitrep())
  expect_true(state$fuses)
})

test_that("MLX's headers for fused code are installed beside libmlx", {
  cli::cli_fmt(state <- mlx_sitrep())
  lib <- dirname(state$library)
  expect_true(file.exists(file.path(dirname(lib), "include/mlx/backend/cpu/compiled_preamble.h")))
})

test_that("a compiled function in a forked process is a clean error", {
  skip_on_os("windows")
  f <- mlx_compile(function(x) x + 1)
  f(x)
  job <- parallel::mcparallel(class(tryCatch(f(x), error = identity))[[1L]])
  expect_identical(parallel::mccollect(job)[[1L]], "rmlx_error_fork")
})

test_that("a chain too deep for MLX's compiler is run as it is", {
  n <- 60000
  f <- mlx_compile(function(x) {
    for (i in seq_len(n)) x <- -x
    x
  })
  for (k in 1:2) expect_equal(numbers(f(x)), c(1, 2, 3))
  traces <- mlx_compiled_info(f)$traces
  expect_equal(traces$operations, n)
  expect_equal(traces$optimised, n)
  expect_equal(traces$replays, 1)
  deep <- mlx_compile(function(x) {
    for (i in seq_len(6000)) x <- -x
    x
  }, shapeless = TRUE)
  expect_error(deep(x), "one shape only", class = "rmlx_error")
})

test_that("compilation can be turned off and on", {
  made <- counted(function(x) x + 1)
  on.exit(mlx_enable_compile())
  expect_invisible(mlx_disable_compile())
  for (k in 1:3) expect_equal(numbers(made$f(x)), c(2, 3, 4))
  expect_equal(made$runs(), 3)
  expect_false(mlx_compiled_info(made$f)$enabled)
  expect_invisible(mlx_enable_compile())
  for (k in 1:3) expect_equal(numbers(made$f(x)), c(2, 3, 4))
  expect_equal(made$runs(), 4)
})

test_that("the default dtype and device in force count", {
  local_cpu()
  made <- counted(function(x) x * 0 + as_mlx(1 / 3))
  old <- options(rmlx.dtype = "float32")
  on.exit(options(old))
  first <- made$f(as64(1))
  options(rmlx.dtype = "float64")
  expect_equal(numbers(made$f(as64(1))), 1 / 3, tolerance = 1e-15)
  expect_false(identical(numbers(first), 1 / 3))
})

test_that("a trace that R leaves by a condition can be followed by any other", {
  f <- mlx_compile(function(x) {
    warning("careful")
    x + 1
  })
  caught <- 0
  for (k in 1:3) tryCatch(f(x), warning = function(w) caught <<- caught + 1)
  expect_equal(caught, 3)
  expect_equal(suppressWarnings(numbers(f(x))), c(2, 3, 4))
  expect_silent(f(x)) # run by MLX
  expect_equal(callCC(function(k) mlx_compile(function(x) k("left"))(x)), "left")
  expect_equal(numbers(mlx_grad(function(x) sum(x^2), x)[[1]]), c(2, 4, 6))
})

test_that("10,000 replays leave memory flat", {
  f <- mlx_compile(function(x) x * 2 + mlx_rand_uniform(c(100, 100)))
  big <- mlx_ones(c(100, 100))
  run <- function(n) for (i in seq_len(n)) mlx_eval(f(big))
  # where R collects seldom, as beside a gpu, its first collection counts cells that the second has given back
  held <- function() {
    gc()
    c(array = mlx_memory()$active, heap = sum(gc()[, 2]))
  }
  run(100)
  before <- held()
  run(10000)
  after <- held()
  expect_lt(after[["array"]] - before[["array"]], 1e6)
  expect_lt(after[["heap"]] - before[["heap"]], 1) # MB
})

test_that("graphs go when R collects their function", {
  before <- local({
    gc()
    mlx_memory()$active
  })
  local({
    constant <- mlx_ones(c(500, 500))
    f <- mlx_compile(function(x) x + sum(constant) + as.numeric(constant[1, 1]))
    f(x)
  })
  for (k in 1:3) gc()
  expect_lt(mlx_memory()$active - before, 1e5)
})
