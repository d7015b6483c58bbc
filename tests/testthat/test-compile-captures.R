# What a compiled function finds by ways other than a variable's name. Each is the function itself, run by R, after
# every change.

x <- as_mlx(c(1, 2, 3))
numbers <- function(x) as.numeric(as_r(x))

# Compares a function with its compiled form: now, and after each change, twice, so that a replay is among them.
expect_fresh <- function(f, ..., of = list(x)) {
  compiled <- mlx_compile(f)
  before <- NULL
  for (change in list(function() NULL, ...)) {
    change()
    want <- numbers(do.call(f, of))
    expect_false(identical(want, before)) # the change matters
    for (i in 1:2) expect_equal(numbers(do.call(compiled, of)), want)
    before <- want
  }
  expect_gt(mlx_compiled_info(compiled)$replayed, 0)
}

test_that("fields of reference objects and slots of S4 objects are never stale", {
  here <- globalenv()
  layer <- methods::setRefClass(
    "LayerOfTest", fields = list(w = "ANY", n = "numeric"), methods = list(forward = function(v) v * w + n),
    where = here
  )
  holder <- methods::setClass("HolderOfTest", representation(frame = "environment"), where = here)
  on.exit({
    methods::removeClass("LayerOfTest", where = here)
    methods::removeClass("HolderOfTest", where = here)
  })
  object <- layer$new(w = as_mlx(2), n = 1)
  expect_fresh(function(v) object$forward(v), function() object$w <- as_mlx(3), function() object$n <- 5,
               function() object <<- layer$new(w = as_mlx(10), n = 0))
  held <- holder(frame = list2env(list(k = 2)))
  expect_fresh(function(v) v * held@frame$k, function() assign("k", 7, held@frame))
  # as state
  object <- layer$new(w = as_mlx(1), n = 0)
  step <- mlx_compile(function(v) {
    object$w <- object$w * 2
    v * object$w
  }, state = object)
  for (i in 1:3) expect_equal(numbers(step(x)), c(1, 2, 3) * 2^i)
  expect_equal(numbers(object$w), 8)
})

test_that("methods of S3 generics that are defined again, or only now, are run", {
  size <- function(v) UseMethod("size")
  size.default <- function(v) v * 2
  expect_fresh(function(v) size(v), function() size.default <<- function(v) v * 3,
               function() size.mlx <<- function(v) v * 5)
  box <- structure(list(k = 2), class = "box_of_test")
  extent <- function(v) UseMethod("extent")
  extent.default <- function(v) v$k
  expect_fresh(function(v) v * extent(box), function() extent.box_of_test <<- function(v) v$k * 10)
  size.inner_of_test <- function(v) v$v * 2
  expect_fresh(function(v) size(structure(list(v = v), class = c("outer_of_test", "inner_of_test"))),
               function() size.outer_of_test <<- function(v) NextMethod() + 1,
               function() size.inner_of_test <<- function(v) v$v * 7)
  length.box_of_test <- function(x) 7L
  expect_fresh(function(v) v * length(box), function() length.box_of_test <<- function(x) 3L)
})

test_that("methods of S4 generics that are set again are run", {
  here <- globalenv()
  holder <- methods::setClass("HolderOfTest", representation(k = "numeric"), where = here)
  suppressMessages(methods::setGeneric("sizeOfTest", function(o, v) standardGeneric("sizeOfTest"), where = here))
  on.exit({
    methods::removeMethod("length", "HolderOfTest", where = here)
    methods::removeGeneric("sizeOfTest", where = here)
    methods::removeClass("HolderOfTest", where = here)
  })
  set <- function(name, f) suppressMessages(methods::setMethod(name, "HolderOfTest", f, where = here))
  set("sizeOfTest", function(o, v) v * 2)
  set("length", function(x) 3L)
  held <- holder(k = 1)
  f <- function(v) sizeOfTest(held, v)
  g <- function(v) v * length(held)
  environment(f) <- environment(g) <- list2env(list(held = held), parent = here)
  expect_fresh(f, function() set("sizeOfTest", function(o, v) v * 5))
  expect_fresh(g, function() set("length", function(x) 11L))
})

test_that("variables in code that a variable or a string holds are watched", {
  k <- 3
  by <- y ~ k * 2
  code <- quote(k * 2)
  several <- expression(k, k * 2)
  set <- function(value) function() k <<- value
  expect_fresh(function(v) v * eval(by[[3L]]), set(4))
  expect_fresh(function(v) v * eval(code), set(5))
  expect_fresh(function(v) v * eval(several[[2L]]), set(6))
  expect_fresh(function(v) v * eval(parse(text = "k * 2")), set(7))
  expect_fresh(function(v) v * eval(str2lang("k * 2")), set(8))
})

test_that("functions and variables that a string names are watched, and the string", {
  twice <- function(v) v * 2
  thrice <- function(v) v * 3
  k <- 5
  name <- "twice"
  expect_fresh(function(v) do.call(name, list(v)), function() twice <<- function(v) v * 7, function() name <<- "thrice",
               function() thrice <<- function(v) v * 9)
  name <- "k"
  expect_fresh(function(v) v * get(name), function() k <<- 6)
})

test_that("variables that are found through an environment without a name are watched", {
  k <- 2
  of <- function(frame) frame$k
  set <- function(value) function() k <<- value
  expect_fresh(function(v) v * parent.env(environment())$k, set(3))
  expect_fresh(function(v) v * environment(sys.function())$k, set(4))
  expect_fresh(function(v) v * of(parent.env(environment())), set(5))
  on.exit(rm("k_of_compile_test", envir = globalenv()))
  set <- function(value) assign("k_of_compile_test", value, globalenv())
  set(1)
  expect_fresh(function(v) v * .GlobalEnv$k_of_compile_test, function() set(2))
  expect_fresh(function(v) v * globalenv()$k_of_compile_test, function() set(3))
})

test_that("attributes of captured values are watched, and environments in them", {
  for (value in list(2, list(1), as_mlx(2))) {
    held <- structure(value, k = 3)
    expect_fresh(function(v) v * attr(held, "k"), function() attr(held, "k") <<- 5)
  }
  held <- structure(list(1), frame = list2env(list(k = 2)))
  expect_fresh(function(v) v * attr(held, "frame")$k, function() assign("k", 5, attr(held, "frame")))
})

test_that("0 and -0 are two values", {
  z <- 0
  expect_fresh(function(v) v * 0 + 1 / z, function() z <<- -0)
  z <- 0
  expect_fresh(function(v) v / z, function() z <<- -0)
})

test_that("constants in fused operations are as exact as outside, whatever their decimal digits", {
  local_cpu()
  for (k in list(-0, 16777217, 2^31, 1 / 3, NaN, Inf, -Inf, 1e-40, 1 + 2^-23, 1 + 2^-52)) {
    for (dtype in c("float32", "float64")) {
      v <- as_mlx(c(1, -2, 3), dtype)
      for (f in list(function(v) (v + k) * k, function(v) sqrt(abs(v)) / k)) {
        compiled <- mlx_compile(f)
        for (i in 1:2) expect_identical(numbers(compiled(v)), numbers(f(v)))
      }
    }
  }
})

test_that("an array's own attributes and classes reach the function, and those of results the caller", {
  f <- function(v) v * attr(v, "k") * (if (inherits(v, "twice_of_test")) 2 else 1)
  compiled <- mlx_compile(f)
  for (k in c(2, 3)) {
    v <- x
    attr(v, "k") <- k
    expect_equal(numbers(compiled(v)), c(1, 2, 3) * k)
    class(v) <- c("twice_of_test", "mlx")
    for (i in 1:2) expect_equal(numbers(compiled(v)), c(1, 2, 3) * k * 2)
  }
  out <- mlx_compile(function(v) structure(v + 1, unit = "m", class = c("length_of_test", "mlx")))
  for (i in 1:2) {
    result <- out(x)
    expect_s3_class(result, c("length_of_test", "mlx"), exact = TRUE)
    expect_identical(attr(result, "unit"), "m")
    expect_equal(numbers(result), c(2, 3, 4))
  }
  by_list <- mlx_compile(function(l) l$v * attr(l, "k"))
  for (k in c(2, 3)) expect_equal(numbers(by_list(structure(list(v = x), k = k))), c(1, 2, 3) * k)
})
