# Functions that were differentiated before, which go a shorter way.

test_that("a function gives the same when it is differentiated again, which takes a shorter way", {
  x <- as_mlx(matrix(c(1, 2, 3, 4), 2))
  noted <- NULL
  forms <- alist(
    "a number" = mlx_value_grad(function(x) sum(x^2), x),
    "named arguments" = mlx_value_grad(function(a, b) sum(a * b), b = x, a = 2 * x),
    "an argnum without a name" =
      mlx_value_grad(function(a, b, c) sum(a * b) + sum(c), x, c(1, 2), c = 3, argnums = c("c", "")),
    "argnums" = mlx_value_grad(function(a, b) sum(a * b), x, 2 * x, argnums = 2),
    "the second by name" = mlx_grad(function(a, b) sum(a * b), x, b = 2 * x, argnums = "b"),
    "nested lists" =
      mlx_value_grad(function(p) sum(p$w * p$more$k) + p$one, list(w = x, more = list(k = 3, n = 2L), one = 1)),
    "auxiliary results" = mlx_value_grad(function(x) list(sum(x), twice = 2 * x, "text"), x),
    "dots" = mlx_value_grad(function(...) sum(..1 * ..2), x, 2 * x),
    "defaults that ask for the caller" = mlx_value_grad(function(x, k = 2, n = nargs()) k * sum(x) * n, x),
    "a data frame" = mlx_grad(function(d) sum(d^2), data.frame(a = 1:2 + 0.5, b = 3:4 + 0.5)),
    "a function among the arguments" = mlx_grad(function(x, g) sum(g(x)), x, exp),
    "arguments of the same name" = mlx_grad(function(x, ...) sum(x) + sum(..1), x, x = 2 * x),
    "a value noted elsewhere" = mlx_grad(function(x) {
      noted <<- c(noted, nargs())
      sum(x)
    }, x),
    "a gradient within" = mlx_grad(function(x) sum(mlx_grad(function(z) sum(z^3), x)[[1]]), x),
    "a vector beside a column" = mlx_grad(function(v) sum((c(1, 2) - v)^2), as_mlx(matrix(c(3, 5)))),
    "where it is called from" = mlx_grad(function(x) {
      n <- sys.nframe()
      while (n > 0L) n <- if (sys.parents()[n] < n) sys.parents()[n] else stop("its own caller")
      sum(x) * identical(parent.frame(2), globalenv())
    }, x),
    "text" = mlx_grad(function(x) "text", x),
    "a call" = mlx_grad(function(x) quote(stop("evaluated")), x),
    "a symbol" = mlx_grad(function(x) quote(x), x),
    "several numbers" = mlx_grad(function(x) x, x),
    "integers" = mlx_grad(function(x) mlx_cast(sum(x), "int32"), x),
    "an error" = mlx_grad(function(x) stop("no"), x),
    "shapes that clash" = mlx_grad(function(x) sum(x + as_mlx(1:3)), x),
    "no arguments" = mlx_grad(function(x) x),
    "argnums that are none" = mlx_grad(function(x) sum(x), x, argnums = 2)
  )
  told <- function(form) {
    plain <- function(x) if (is_mlx(x)) list(as.array(x), mlx_dtype(x)) else if (is.list(x)) lapply(x, plain) else x
    tryCatch(plain(form()), error = function(e) list(conditionMessage(e), deparse(conditionCall(e)), class(e)))
  }
  longer <- c("an argnum without a name", "dots", "a data frame", "a function among the arguments",
              "arguments of the same name", "a gradient within", "no arguments", "argnums that are none")
  ways <- asNamespace("rmlx")
  long_way <- ways$transformation_of
  unlockBinding("transformation_of", ways)
  on.exit({
    ways$transformation_of <- long_way
    lockBinding("transformation_of", ways)
  })
  for (name in names(forms)) {
    # one function, so that it is known the second time
    call <- forms[[name]]
    f <- eval(call[[2L]])
    call[[2L]] <- quote(f)
    g <- eval(call("function", NULL, call))
    first <- told(g)
    expect_identical(told(g), first, info = name)
    long <- FALSE
    ways$transformation_of <- function(...) {
      long <<- TRUE
      long_way(...)
    }
    third <- told(g)
    ways$transformation_of <- long_way
    if (!long) expect_identical(third, first, info = name)
    expect_identical(long, name %in% longer, info = name)
  }
  expect_identical(noted, rep(1L, 3))
})

test_that("the arguments are not looked at before the function", {
  expect_error(mlx_grad("nowhere to be found", stop("the argument")), class = "rmlx_error_argument")
  expect_error(mlx_grad(function() 1, argnums = stop("the numbers")), class = "rmlx_error_argument")
})

test_that("a column is no longer paired with vectors after a differentiated function ended in an error", {
  f <- function(v) {
    c(1, 2) - v
    stop("no")
  }
  column <- as_mlx(matrix(c(3, 5)))
  for (i in 1:2) expect_error(mlx_grad(f, column), "no")
  expect_warning(out <- c(1, 2) - column, "beside an array of shape 2 x 1")
  expect_identical(dim(out), c(2L, 2L))
})
