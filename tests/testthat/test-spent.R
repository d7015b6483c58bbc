# Operands that nobody has any more go when an operation is done; all others stay as they were.

# Bytes of arrays that `make()` leaves, in arrays of 1e5 doubles.
left_by <- function(make) {
  invisible(gc())
  before <- mlx_memory()$active
  kept <- make()
  (mlx_memory()$active - before) / 8e5
}

test_that("intermediate values of an expression leave no memory behind", {
  local_cpu()
  x <- as_mlx(seq_len(1e5) / 1e5, dtype = "float64")
  mlx_eval(x)
  chain <- compiler::cmpfun(function() {
    y <- sqrt(exp(-(x * 2 + 1)) / 3 - x^2 * 0.001)
    mlx_eval(y)
    y
  })
  expect_lt(left_by(chain), 1.5)
  v <- seq_len(1e5) / 1e5
  expect_equal(as.numeric(chain()), sqrt(exp(-(v * 2 + 1)) / 3 - v^2 * 0.001))
  exported <- compiler::cmpfun(function() {
    y <- mlx_square(mlx_sigmoid(x * 2))
    mlx_eval(y)
    y
  })
  expect_lt(left_by(exported), 1.5)
  expect_equal(as.numeric(exported()), plogis(2 * v)^2)
})

test_that("an operand that anything else refers to stays usable", {
  local_cpu()
  v <- c(1, 2, 4)
  new <- function() as_mlx(v, dtype = "float64") * 1
  is_v <- function(x) expect_equal(as.numeric(x), v)

  x <- new()
  exp(x)
  -x
  x + x
  x / 2
  is_v(x)

  l <- list(new(), a = new())
  l[[1]] * 2
  l$a^2
  lapply(l, exp)
  Map(`+`, l, l)
  do.call("*", unname(l))
  do.call(exp, l[1])
  Reduce(`+`, l)
  vapply(l, function(p) as.numeric(sum(p - 1)), 0)
  for (p in l) p / 3
  is_v(l[[1]])
  is_v(l$a)

  env <- new.env()
  env$x <- new()
  delayedAssign("late", new(), assign.env = env)
  makeActiveBinding("active", local({
    kept <- new()
    function() kept
  }), env)
  with(env, {
    exp(x)
    log(late)
    late - 1
    active * 2
  })
  is_v(env$x)
  is_v(env$late)
  is_v(env$active)

  twice <- function(a) list(a * 2, a)
  is_v(twice(new())[[2]])
  forced <- function(a) {
    b <- exp(a)
    sqrt(a)
    a
  }
  is_v(forced(new() + 0))
  is_v(compiler::cmpfun(forced)(new() + 0))
  last <- (kept <- new()) * 2
  is_v(kept)
  is_v((function(a, b = a * 2) {
    b
    a
  })(new() + 0))
  is_v(identity(new()) + 0)
  captured <- (function(a) {
    a + 1
    function() a
  })(new() + 0)
  is_v(captured())
  holder <- structure(1, extra = new())
  exp(attr(holder, "extra"))
  is_v(attr(holder, "extra"))
})

test_that("methods for a class of one's own may use their arguments after NextMethod()", {
  local_cpu()
  registerS3method("+", "spent_sub", function(e1, e2) {
    sum <- NextMethod()
    list(unclass_of(e1), unclass_of(e2), unclass_of(sum))
  })
  registerS3method("exp", "spent_sub", function(x) {
    out <- NextMethod()
    list(unclass_of(x), unclass_of(out))
  })
  unclass_of <- function(x) as.numeric(as_r(x))
  sub <- function(v) {
    x <- as_mlx(v, dtype = "float64") * 1
    class(x) <- c("spent_sub", class(x))
    x
  }
  expect_equal(sub(c(1, 2)) + sub(c(3, 5)), list(c(1, 2), c(3, 5), c(4, 7)))
  expect_equal(sub(c(1, 2)) + c(3, 5), list(c(1, 2), c(3, 5), c(4, 7)))
  expect_equal(exp(sub(c(0, 1))), list(c(0, 1), exp(c(0, 1))))
})

test_that("the frame of a generic of one's own keeps its argument, whatever function its method is", {
  local_cpu()
  kept <- list()
  halfway <- function(x) {
    kept$frame <<- environment()
    on.exit(kept$late <<- x)
    UseMethod("halfway")
  }
  new <- function() as_mlx(c(1, 2), dtype = "float64") * 1
  for (case in list(list(mlx_square, c(1, 4)), list(mlx_sigmoid, plogis(c(1, 2))))) {
    halfway.mlx <- case[[1]]
    expect_equal(as.numeric(halfway(new())), case[[2]])
    expect_equal(as.numeric(kept$frame$x), c(1, 2))
    expect_equal(as.numeric(kept$late), c(1, 2))
  }
})

test_that("replacement functions, and what reads for them, keep their arguments", {
  local_cpu()
  new <- function() as_mlx(c(1, 2), dtype = "float64") * 1
  kept <- NULL
  `part<-` <- function(x, value) {
    exp(value)
    x$part <- value
    exp(value)
    x
  }
  copied <- function(x) x * 1
  `copied<-` <- function(x, value) value
  `looked<-` <- function(x, value) {
    exp(x)
    kept <<- x
    x * value
  }
  methods <- list(`$<-` = function(x, name, value) {
    -value
    x <- unclass(x)
    x[[name]] <- value
    structure(x, class = "spent_list")
  })
  registerS3method("$<-", "spent_list", methods[[1]])
  run <- function() {
    l <- list(part = 0)
    part(l) <- new()
    expect_equal(as.numeric(l$part), c(1, 2))
    l <- structure(list(), class = "spent_list")
    given <- l$of <- new()
    exp(given)
    expect_equal(as.numeric(unclass(l)$of), c(1, 2))
    x <- new()
    looked(copied(x)) <- 3
    expect_equal(as.numeric(x), c(3, 6))
    expect_equal(as.numeric(kept), c(1, 2))
  }
  run()
  compiler::cmpfun(run)()
})

test_that("arguments passed on by `...`, conditions, restarts, generators and reference classes stay usable", {
  local_cpu()
  fresh <- function() as_mlx(c(1, 2), dtype = "float64") * 1
  is_v <- function(x) expect_equal(as.numeric(x), c(1, 2))
  is_v((function(...) {
    mlx_square(...)
    exp(..1)
    do.call(exp, list(...))
    (function(...) exp(...elt(1)))(...)
    ..1
  })(fresh()))
  caught <- tryCatch(stop(structure(class = c("spent", "condition"), list(v = fresh()))), spent = identity)
  exp(caught$v)
  is_v(caught$v)
  again <- withRestarts(invokeRestart("again", fresh()), again = function(v) {
    exp(v)
    v
  })
  is_v(again)
  following <- local({
    state <- fresh()
    function() {
      old <- state
      state <<- exp(log(state))
      old
    }
  })
  expect_equal(as.numeric(following() * following()), c(1, 4))
  cell <- setRefClass("spent_cell", fields = list(v = "ANY"), where = environment(), methods = list(
    take = function() {
      out <- v
      v <<- NULL
      out
    }
  ))$new(v = fresh())
  other <- cell$copy()
  exp(cell$take())
  is_v(other$v)
  setGeneric("spent_both", function(x) {
    out <- standardGeneric("spent_both")
    list(x, out)
  }, where = environment())
  setOldClass("mlx", where = environment())
  setMethod("spent_both", "mlx", mlx_square, where = environment())
  is_v(spent_both(fresh())[[1]])
})

test_that("copies of an operand, and what was read of it, are not touched", {
  local_cpu()
  x <- as_mlx(c(1, 2, 4), dtype = "float64") * 1
  y <- x
  names(y) <- c("a", "b", "c") # another R object, the same array
  rm(x)
  exp(y * 2)
  z <- `dim<-`(y * 1, c(3, 1))
  expect_equal(as.numeric(z + z), c(2, 4, 8))
  expect_equal(unlist(as_r(y)), c(a = 1, b = 2, c = 4))
})

test_that("a condition's handler and the error after it find the operands there", {
  local_cpu()
  seen <- NULL
  expect_error(
    withCallingHandlers((as_mlx(1:3) * 1) + (as_mlx(1:4) * 1), error = function(e) {
      seen <<- lapply(sys.frames(), function(frame) if (!is.null(frame$e1)) as.numeric(frame$e1))
    }),
    class = "rmlx_error_shape"
  )
  expect_true(any(vapply(seen, identical, NA, c(1, 2, 3))))
})

test_that("derivatives through spent operands are those of calculus", {
  local_cpu()
  f <- function(w) sum(exp(-(w * 2 + 1)) / 3)
  w <- as_mlx(c(0.1, 0.5), dtype = "float64")
  expect_equal(as.numeric(mlx_grad(f, w)[[1]]), -2 / 3 * exp(-(2 * c(0.1, 0.5) + 1)))
  expect_equal(as.numeric(w), c(0.1, 0.5))
})
