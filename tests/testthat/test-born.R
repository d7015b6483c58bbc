# What a differentiated function leaves behind: arrays that nobody can get at go at once, all others stay.

values_of <- function(keep) {
  kept <- NULL
  x <- as_mlx(c(1, 2, 3))
  mlx_grad(function(x) {
    y <- x * 2
    kept <<- keep(y)
    sum(y * y)
  }, x)
  kept
}
doubled <- c(2, 4, 6)

test_that("arrays that a function assigned outside stay usable", {
  expect_equal(as.numeric(values_of(identity)), doubled)
  expect_equal(as.numeric(values_of(function(y) y + 0)), doubled)
})

test_that("arrays within lists, environments, closures, attributes and calls stay usable", {
  expect_equal(as.numeric(values_of(function(y) list(1, list(y * 1)))[[2]][[1]]), doubled)
  expect_equal(as.numeric(get("a", values_of(function(y) list2env(list(a = y * 1))))), doubled)
  expect_equal(as.numeric(values_of(function(y) {
    z <- y * 1
    function() z
  })()), doubled)
  expect_equal(as.numeric(values_of(function(y) function(z = y * 1) z)()), doubled)
  expect_equal(as.numeric(attr(values_of(function(y) structure(1, of = y * 1)), "of")), doubled)
  expect_equal(as.numeric(values_of(function(y) as.call(list(as.name("f"), y * 1)))[[2]]), doubled)
  expect_equal(as.numeric(environment(values_of(function(y) y ~ 1))$y), doubled)
})

test_that("arrays that promises, conditions, exits, finalizers and constants hold stay usable", {
  later <- new.env()
  values_of(function(y) {
    delayedAssign("z", y * 1, assign.env = later)
    later$z
    (function(...) later$dots <- function() ..1)(y * 1)
    later$of <- (function(a) {
      force(a)
      environment()
    })(y * 1)
    gone <- new.env()
    gone$y <- y * 1
    reg.finalizer(gone, function(e) later$last <- e$y)
    rm(gone)
    later$code <- bquote(.(y * 1) + 1)
    withCallingHandlers(
      signalCondition(structure(class = c("born", "condition"), list(v = y * 1))),
      born = function(cnd) later$cnd <- cnd
    )
    on.exit(later$exit <- y)
  })
  invisible(gc())
  for (x in list(later$z, later$dots(), later$of$a, later$last, later$cnd$v, later$exit)) {
    expect_equal(as.numeric(x), doubled)
  }
  expect_equal(as.numeric(eval(later$code)), doubled + 1)
  expect_equal(as.numeric(eval(later$code)), doubled + 1)
})

test_that("what leaves a differentiated function by a jump stays usable", {
  x <- as_mlx(c(1, 2, 3))
  out <- callCC(function(leave) mlx_grad(function(x) leave(x * 2), x))
  expect_equal(as.numeric(out), doubled)
  out <- withRestarts(mlx_grad(function(x) invokeRestart("leave", x * 2), x), leave = identity)
  expect_equal(as.numeric(out), doubled)
})

test_that("a copy with attributes of its own keeps the array that it shares", {
  out <- values_of(function(y) {
    z <- y * 1
    attr(z, "mine") <- TRUE
    z
  })
  expect_equal(as.numeric(out), doubled)
})

test_that("a promise that is first looked at within keeps its value", {
  outer <- function(a) {
    grads <- mlx_grad(function(w) sum(w * a), as_mlx(c(1, 1)))
    list(grads[[1]], a + 1)
  }
  out <- outer(as_mlx(c(3, 4)) * 2)
  expect_equal(as.numeric(out[[1]]), c(6, 8))
  expect_equal(as.numeric(out[[2]]), c(7, 9))
})

test_that("further results stay usable", {
  out <- mlx_value_grad(function(x) {
    y <- exp(x)
    list(sum(y), y, list(y * 2))
  }, as_mlx(c(0, 1)))
  expect_equal(as.numeric(out$aux[[1]]), exp(0:1), tolerance = 1e-6)
  expect_equal(as.numeric(out$aux[[2]][[1]]), 2 * exp(0:1), tolerance = 1e-6)
})

test_that("values of a function around a gradient stay usable after it", {
  f <- function(x) {
    y <- x^2
    inner <- mlx_grad(function(z) sum(z^2 * y), y)[[1]]
    sum(y * inner)
  }
  # the inner gradient is that of z^2 y at z = y, which is 2 y^2; the outer one that of 2 y^3 = 2 x^6
  expect_equal(as.numeric(mlx_grad(f, as_mlx(2))[[1]]), 12 * 2^5, tolerance = 1e-5)
})

test_that("what a function made before it was left by an error stays usable", {
  kept <- NULL
  expect_error(mlx_grad(function(x) {
    kept <<- x * 2
    stop("enough")
  }, as_mlx(c(1, 2))), "enough")
  expect_equal(as.numeric(kept), c(2, 4))
})

test_that("more arrays than are remembered do no harm", {
  kept <- list()
  f <- function(x) {
    for (i in 1:1100) {
      x <- x + 1
      if (i %% 100 == 0) kept[[length(kept) + 1L]] <<- x
    }
    sum(x)
  }
  expect_equal(as.numeric(mlx_grad(f, as_mlx(1))[[1]]), 1)
  expect_equal(vapply(kept, as.numeric, 0), 1 + 100 * (1:11))
})

test_that("most intermediate values take no memory once the gradient is there", {
  local_cpu() # a gpu gives memory back some time after
  x <- mlx_ones(1e6)
  f <- function(x) {
    y <- exp(x)
    z <- y * x
    sum(z * y)
  }
  mlx_eval(mlx_value_grad(f, x))
  invisible(gc())
  before <- mlx_get_active_memory()
  out <- mlx_value_grad(f, x)
  mlx_eval(out)
  # the gradient, and at most one of what it was computed from; all of it would be four times as much as one
  expect_lt(mlx_get_active_memory() - before, 3 * 4e6)
})
