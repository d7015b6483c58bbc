# A condition's call is what the user wrote, however rmlx was called.

x <- as_mlx(c(1, 2, 3))
y <- as_mlx(c(1, 2))
add <- function(a, b) a + b

call_of <- function(code) {
  caught <- tryCatch(code, error = identity)
  expect_s3_class(caught, "rmlx_error")
  conditionCall(caught)
}

# Code, and the call expected of the error in it.
cases <- list(
  alist(x + y, x + y),
  alist(x[5], x[5]),
  alist(x[[5]], x[[5]]),
  alist(x %*% as_mlx(diag(2)), x %*% as_mlx(diag(2))),
  alist(mlx_reshape(x, c(2, 2)), mlx_reshape(x, c(2, 2))),
  alist(mlx_sum(x, axes = 4), mlx_sum(x, axes = 4)),
  alist(mlx_cast(x, "foo"), mlx_cast(x, "foo")),
  alist(mlx_ones(c(2, -1)), mlx_ones(c(2, -1))),
  alist(as_mlx("a"), as_mlx("a")),
  alist(rbind(x, y), rbind(x, y)),
  alist(sum(x, x + y), x + y),
  alist(mlx_sum(mlx_reshape(x, 7)), mlx_reshape(x, 7)),
  # by base R's callers
  alist(do.call(mlx_reshape, list(x, 7)), do.call(mlx_reshape, list(x, 7))),
  alist(do.call("mlx_reshape", list(x, 7)), do.call("mlx_reshape", list(x, 7))),
  alist(do.call("+", list(x, y)), do.call("+", list(x, y))),
  alist(lapply(list(x), mlx_reshape, 7), lapply(list(x), mlx_reshape, 7)),
  alist(sapply(list(x), mlx_reshape, 7), sapply(list(x), mlx_reshape, 7)),
  alist(Map(`+`, list(x), list(y)), Map(`+`, list(x), list(y))),
  alist(Reduce(`+`, list(x, y)), Reduce(`+`, list(x, y))),
  alist(Filter(mlx_ones, list(-1)), Filter(mlx_ones, list(-1))),
  # in the user's own functions
  alist(add(x, y), a + b),
  alist(do.call(add, list(x, y)), a + b),
  alist(do.call("add", list(x, y)), a + b),
  alist(mapply(add, list(x), list(y)), a + b),
  alist(Reduce(add, list(x, y)), a + b),
  alist(lapply(list(x), function(z) mlx_reshape(z, 7)), mlx_reshape(z, 7)),
  alist(sapply(list(x), function(z) z + y), z + y),
  alist(vapply(list(x), function(z) as.numeric(sum(z + y)), 1), z + y),
  alist(Map(function(a, b) a * b, list(x), list(y)), a * b),
  alist(Filter(function(z) any(z > y), list(x)), z > y),
  alist(optimize(function(p) as.numeric(sum(x + y)), c(0, 1)), x + y),
  alist((function(...) mlx_reshape(...))(x, 7), mlx_reshape(...)),
  # inside what runs code
  alist(local(x + y), x + y),
  alist(eval(quote(x + y)), x + y),
  alist(evalq(x + y, new.env()), x + y),
  alist(with(list(q = x), q + y), q + y),
  alist(suppressWarnings(x + y), x + y),
  alist(withVisible(x + y), x + y),
  alist(identity(mlx_reshape(x, 7)), mlx_reshape(x, 7)),
  alist(tryCatch(x + y, warning = identity), x + y),
  # gradients
  alist(mlx_grad(add, c(1, 2, 3), c(1, 2)), a + b),
  alist(mlx_grad(function(a) NULL, 1), mlx_grad(function(a) NULL, 1)),
  alist(mlx_grad(function(a) a, c(1, 2)), mlx_grad(function(a) a, c(1, 2))),
  alist(mlx_value_grad(add, 1, 2, argnums = 5), mlx_value_grad(add, 1, 2, argnums = 5)),
  alist(mlx_grad(3, 1), mlx_grad(3, 1)),
  alist(do.call(mlx_grad, list(add)), do.call(mlx_grad, list(add))),
  alist(lapply(1, function(i) mlx_grad(function(a) 3, i)), mlx_grad(function(a) 3, i)),
  alist(mlx_grad(function(a) mlx_grad(function(b) 3, a)[[1]], 1), mlx_grad(function(b) 3, a))
)

expect_calls <- function(keep, compiled) {
  for (case in cases) {
    lines <- c("function() {", deparse(case[[1]], width.cutoff = 500L), "}")
    f <- eval(parse(text = lines, keep.source = keep), list(x = x, y = y, add = add))
    if (compiled) f <- compiler::cmpfun(f)
    # compared as text: with their source kept, functions in a call carry it
    expect_identical(deparse(call_of(f())), deparse(case[[2]]), label = deparse(case[[1]])[[1]])
  }
}

test_that("the call is the user's own in interpreted code whose source is kept", {
  expect_calls(keep = TRUE, compiled = FALSE)
})

test_that("the call is the user's own in byte-compiled code without source", {
  expect_calls(keep = FALSE, compiled = TRUE)
})

test_that("an assignment is named as written where the source is kept, as R's call of it else", {
  lines <- c("function() {", "  x[9] <- 1", "  x", "}")
  f <- eval(parse(text = lines, keep.source = TRUE), list(x = x))
  expect_identical(call_of(f()), quote(x[9] <- 1))
  f <- eval(parse(text = lines, keep.source = FALSE), list(x = x))
  expect_identical(call_of(f()), quote(`[<-`(`*tmp*`, 9, value = 1)))
  # calls around the statement are not what failed
  within <- c("function() {", "  suppressWarnings({", lines[2:3], "  })", "}")
  for (keep in c(TRUE, FALSE)) {
    f <- eval(parse(text = within, keep.source = keep), list(x = x))
    expect_identical(call_of(f()), if (keep) quote(x[9] <- 1) else quote(`[<-`(`*tmp*`, 9, value = 1)))
  }
})

test_that("calls into which R puts values are shown as they were written", {
  expect_identical(call_of(sum(x, "a")), quote(sum(x, "a")))
  expect_identical(call_of(max(x + 1, list())), quote(max(x + 1, list())))
  for (keep in c(TRUE, FALSE)) {
    f <- eval(parse(text = "function(z) {\n  sum(z * 2, 'b')\n}", keep.source = keep))
    expect_identical(call_of(f(x)), quote(sum(z * 2, "b")))
  }
  child <- run_child({
    x <- as_mlx(1:3)
    print(conditionCall(tryCatch(sum(x, "a"), error = identity)))
  })
  expect_match(child$out, "sum(x, \"a\")", fixed = TRUE)
})

test_that("integers just beyond 2^53 are told of, 2^53 itself is not", {
  for (dtype in c("int64", "uint64")) {
    x <- as_mlx(c(1, 2^53), dtype = dtype)
    expect_no_warning(expect_identical(as.vector(x), c(1, 2^53)))
    expect_warning(as.vector(x + 1L), class = "rmlx_warning_precision")
  }
  expect_no_warning(as.vector(as_mlx(-2^53, dtype = "int64")))
  expect_warning(as.vector(as_mlx(-2^53, dtype = "int64") - 1L), class = "rmlx_warning_precision")
})

test_that("warnings carry the user's call too", {
  big <- as_mlx(2^53, dtype = "int64") + 1L
  read <- function(z) as.numeric(z)
  caught <- tryCatch(read(big), warning = identity)
  expect_s3_class(caught, "rmlx_warning_precision")
  expect_identical(conditionCall(caught), quote(as.numeric(z)))
})

test_that("the call stands alone at the top level of scripts and sourced files", {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines("mlx_reshape(as_mlx(1:3), 7)", script)
  for (run in list(source, sys.source)) {
    expect_identical(call_of(run(script, new.env())), quote(mlx_reshape(as_mlx(1:3), 7)))
  }
  child <- run_child(mlx_reshape(as_mlx(1:3), 7))
  expect_match(child$out, "Error in `mlx_reshape()`", fixed = TRUE)
})

test_that("calls hold no arrays and no sources, whatever was passed", {
  for (call in list(
    call_of(do.call(mlx_reshape, list(x, 7))),
    call_of(do.call(rlang::exec, list(mlx_reshape, x, 7))),
    call_of(mlx_grad(function(a) rlang::exec(as.numeric, a), 1)),
    call_of(rlang::exec(mlx_reshape, as_mlx(runif(1e4)), 7))
  )) {
    expect_false(any(vapply(as.list(call), is_mlx, NA)))
    expect_lt(nchar(paste(deparse(call), collapse = "")), 200)
    expect_null(attr(call, "srcref"))
  }
})
