# What compiled functions find outside of their arguments: never stale.

x <- as_mlx(c(1, 2, 3))

test_that("captured arrays of one kind are inputs: another is used at once, one of another kind runs R", {
  w <- as_mlx(c(1, 1, 1))
  made <- counted(function(x) x * w)
  expect_equal(numbers(made$f(x)), c(1, 2, 3))
  w <- as_mlx(c(2, 2, 2))
  expect_equal(numbers(made$f(x)), c(2, 4, 6))
  w[1] <- 10
  expect_equal(numbers(made$f(x)), c(10, 4, 6))
  expect_equal(made$runs(), 1)
  w <- as_mlx(2)
  expect_equal(numbers(made$f(x)), c(2, 4, 6))
  expect_equal(made$runs(), 2)
  expect_equal(numbers(made$f(w)), 4) # the argument is what was captured, too
})

test_that("a captured array that base R code wrote into is seen as it is now", {
  # R gives unclass(w) a copy of the values that is written in place; class<- makes it an array again
  w <- as_mlx(c(1, 1, 1))
  made <- counted(function(x) x * w)
  expect_equal(numbers(made$f(x)), c(1, 2, 3))
  held <- unclass(w)
  held[2] <- 5
  class(held) <- "mlx"
  w <- held
  expect_equal(numbers(made$f(x)), c(1, 10, 3))
  p <- list(w = as_mlx(c(1, 1, 1)), note = "a")
  listed <- counted(function(x) if (p$note == "a") x * p$w else x)
  expect_equal(numbers(listed$f(x)), c(1, 2, 3))
  p$w[3] <- 7
  expect_equal(numbers(listed$f(x)), c(1, 2, 21))
  expect_equal(listed$runs(), 1)
})

test_that("missing elements and pairlists among what is captured do no harm", {
  odd <- c(list(formals(function(a) a)), formals(function(a) a), list(w = as_mlx(2)))
  code <- formals(function(a, b = 2) a)
  f <- mlx_compile(function(x) x * odd$w + length(code) + length(odd))
  for (k in 1:2) expect_equal(numbers(f(x)), c(7, 9, 11))
})

test_that("two captured variables of one array are told apart once they differ", {
  a <- as_mlx(c(1, 2, 3))
  b <- a
  f <- mlx_compile(function(x) x + a * b)
  expect_equal(numbers(f(x)), c(2, 6, 12))
  b <- as_mlx(c(0, 0, 1))
  expect_equal(numbers(f(x)), c(1, 2, 6))
  a <- b
  expect_equal(numbers(f(x)), c(1, 2, 4))
})

test_that("captured values of R are never stale: numbers, lists, functions, what functions and environments hold", {
  k <- 2
  p <- list(by = 1, deep = list(w = as_mlx(1)))
  env <- new.env()
  env$inner <- new.env()
  env$inner$v <- 10
  env$inner$back <- env # a cycle
  helper <- function(x) x + offset
  offset <- 100
  f <- function(x) helper(x * k) + p$by + p$deep$w + env$inner$v + get("k")
  compiled <- mlx_compile(f)
  same <- function() expect_equal(numbers(compiled(x)), numbers(f(x)))
  same()
  k <- 3
  same()
  p$by <- 5
  same()
  p$deep$w <- as_mlx(7)
  same()
  env$inner$v <- 20
  same()
  offset <- 200
  same()
  helper <- function(x) x - offset
  same()
  env$inner <- list2env(list(v = -1))
  same()
  info <- mlx_compiled_info(compiled)
  expect_equal(nrow(info$traces), 1L) # each takes the place of the one before
})

test_that("arguments of the function that made it are watched, promises too", {
  make <- function(w, k = 2) {
    list(f = mlx_compile(function(x) x * w * k), set = function(value) k <<- value)
  }
  made <- make(as_mlx(c(1, 2, 3)))
  expect_equal(numbers(made$f(x)), c(2, 8, 18))
  expect_equal(numbers(made$f(x)), c(2, 8, 18))
  made$set(1)
  expect_equal(numbers(made$f(x)), c(1, 4, 9))
})

test_that("a variable between the function and the one that it found is seen", {
  k_of_compile_test <- 2
  make <- function() {
    env <- environment()
    list(f = mlx_compile(function(x) rev(x) * k_of_compile_test), env = env)
  }
  made <- make()
  expect_equal(numbers(made$f(x)), c(6, 4, 2))
  assign("k_of_compile_test", 5, made$env)
  expect_equal(numbers(made$f(x)), c(15, 10, 5))
  assign("rev", function(v) v, made$env) # R's byte code looks up functions, but for arithmetic
  expect_equal(numbers(made$f(x)), c(5, 10, 15))
})

test_that("local variables and formals of functions do not count as captured", {
  i <- 1
  y <- 1
  made <- counted(function(x) {
    y <- x + 1
    g <- function(i) i * y
    if (TRUE) z <- g(x) else z <- x
    for (i in 1:2) z <- z + y
    z
  })
  for (i in 1:4) {
    y <- i
    z <- i
    expect_equal(numbers(made$f(x)), numbers((x + 1) * x + 2 * (x + 1)))
  }
  expect_equal(made$runs(), 1)
})

test_that("an array whose values decided something has to stay the same one", {
  w <- as_mlx(2)
  made <- counted(function(x) if (w > 1) x * 2 else x * w)
  expect_equal(numbers(made$f(x)), c(2, 4, 6))
  expect_equal(numbers(made$f(x)), c(2, 4, 6))
  expect_equal(made$runs(), 1)
  w <- as_mlx(0.5)
  expect_equal(numbers(made$f(x)), c(0.5, 1, 1.5))
  expect_true(mlx_compiled_info(made$f)$traces$reads_values)
  read <- as_mlx(c(3, 4))
  sum(unclass(read)) # R has the values already
  made <- counted(function(x) x * read[[1]])
  expect_equal(numbers(made$f(x)), c(3, 6, 9))
  read <- as_mlx(c(5, 4))
  expect_equal(numbers(made$f(x)), c(5, 10, 15))
})

test_that("counting is allowed, and what depends on a counter is never stale", {
  env <- new.env()
  env$n <- 0
  f <- mlx_compile(function(x) {
    env$n <- env$n + 1
    x
  })
  for (k in 1:3) f(x)
  expect_equal(env$n, 1)
  n <- 0
  schedule <- mlx_compile(function(x) {
    n <<- n + 1
    x / n
  })
  for (k in 1:3) expect_equal(numbers(schedule(x)), c(1, 2, 3) / k, tolerance = 1e-6)
})
