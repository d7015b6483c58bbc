# Products with Jacobians against closed forms and central differences.

f64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

test_that("vjp and jvp multiply with the closed form of the Jacobian", {
  f <- function(x) c(x[1] * x[2], sin(x[1]), x[2]^3)
  jacobian <- rbind(c(3, 2), c(cos(2), 0), c(0, 27))
  x <- f64(c(2, 3))
  weights <- c(0.5, -2, 3)
  out <- mlx_vjp(f, x, cotangents = weights)
  expect_named(out, c("value", "grads"))
  expect_equal(as.numeric(out$value), c(6, sin(2), 27))
  expect_equal(as.numeric(out$grads[[1]]), as.vector(weights %*% jacobian))
  direction <- c(0.1, -0.7)
  out <- mlx_jvp(f, x, tangents = direction)
  expect_equal(as.numeric(out$tangents), as.vector(jacobian %*% direction))
  expect_equal(as.numeric(out$value), c(6, sin(2), 27))
})

test_that("a linearized function multiplies from both sides without running f again", {
  runs <- 0
  f <- function(x) {
    runs <<- runs + 1
    list(a = x^2, b = sum(x))
  }
  lin <- mlx_linearize(f, f64(c(1, 2)))
  expect_equal(runs, 1)
  expect_equal(lapply(lin$jvp(c(1, 10)), as.numeric), list(a = c(2, 40), b = 11))
  expect_equal(as.numeric(lin$jvp(c(1, 0))$a), c(2, 0))
  expect_equal(as.numeric(lin$vjp(list(a = c(1, 1), b = 5))[[1]]), c(7, 9))
  expect_equal(as.numeric(lin$vjp(list(b = 5))[[1]]), c(5, 5))
  expect_equal(runs, 1)
})

# Every kind of argument: the function in base R too, and a direction.
kinds <- list(
  number = list(f = function(x) x * exp(x), x = 0.7, v = 2),
  vector = list(f = function(x) x^2 * sin(x), x = c(0.3, -1.2, 2.5), v = c(1, -2, 0.5)),
  matrix = list(f = function(x) exp(x) / (1 + x^2), x = matrix(c(0.1, -0.4, 0.9, 1.7, -2, 0.3), 2),
                v = matrix(c(1, 0, -1, 2, 0.5, 3), 2)),
  array = list(f = function(x) tanh(x) * x, x = array(seq(-2, 2, length.out = 12), c(2, 3, 2)),
               v = array(cos(1:12), c(2, 3, 2)))
)

for (name in names(kinds)) {
  test_that(paste("products of a function of a", name, "agree with central differences"), {
    kind <- kinds[[name]]
    h <- 1e-3
    at <- function(t) kind$f(kind$x + t * kind$v)
    slope <- (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    x <- f64(kind$x)
    out <- mlx_jvp(kind$f, x, tangents = kind$v)
    expect_near(out$value, kind$f(kind$x), 1e-12)
    expect_near(out$tangents, slope, 1e-8, absolute = 1e-10)
    # elementwise functions have diagonal Jacobians: both products are alike
    expect_near(mlx_vjp(kind$f, x, cotangents = kind$v)$grads[[1]], slope, 1e-8, absolute = 1e-10)
    lin <- mlx_linearize(kind$f, x)
    expect_near(lin$jvp(kind$v), slope, 1e-8, absolute = 1e-10)
    expect_near(lin$vjp(kind$v)[[1]], slope, 1e-8, absolute = 1e-10)
    expect_identical(mlx_dtype(out$tangents), "float64")
  })
}

test_that("nested lists, named arguments and argnums keep their structure and order", {
  p <- list(w = f64(c(1, 2)), rest = list(b = f64(3), label = "x", n = as_mlx(2L, dtype = "int32")))
  f <- function(p, s) list(out = p$w * p$rest$b * s, size = p$rest$n, twice = list(p$w * 2))
  out <- mlx_vjp(f, p, s = f64(5), cotangents = list(out = c(1, 10), twice = list(c(100, 1000))))
  expect_named(out$grads, c("", "s"))
  expect_equal(as.numeric(out$grads[[1]]$w), c(15 + 200, 150 + 2000))
  expect_equal(as.numeric(out$grads[[1]]$rest$b), 5 + 10 * 10)
  expect_identical(out$grads[[1]]$rest[c("label", "n")], list(label = NULL, n = NULL))
  expect_equal(as.numeric(out$grads$s), 3 + 60)
  out <- mlx_vjp(f, p, s = f64(5), cotangents = list(out = c(1, 10)), argnums = "s")
  expect_named(out$grads, "s")
  expect_equal(as.numeric(out$grads$s), 63)
  out <- mlx_vjp(f, p, s = f64(5), argnums = c(2, 1))
  expect_equal(as.numeric(out$grads[[1]]), 3 + 6)
  expect_equal(as.numeric(out$grads[[2]]$rest$b), 15)

  out <- mlx_jvp(f, p, s = f64(5), tangents = list(list(w = c(1, 0), rest = list(b = 1)), s = NULL))
  expect_equal(as.numeric(out$tangents$out), c(15 + 5, 10))
  expect_null(out$tangents$size)
  expect_equal(as.numeric(out$tangents$twice[[1]]), c(2, 0))
  out <- mlx_jvp(f, p, f64(5), tangents = list(rest = list(b = 1)), argnums = 1)
  expect_equal(as.numeric(out$tangents$out), c(5, 10))
})

test_that("what is left out of a list by name counts as zeros, and unknown names are told", {
  f <- function(p) list(a = p$u^2, b = p$v * 3)
  p <- list(u = f64(2), v = f64(1))
  expect_equal(lapply(mlx_vjp(f, p, cotangents = list(b = 5))$grads[[1]], as.numeric), list(u = 0, v = 15))
  expect_equal(as.numeric(mlx_jvp(f, p, tangents = list(v = 1))$tangents$a), 0)
  expect_error(mlx_vjp(f, p, cotangents = list(b = 5, zz = 1)), "`zz`", class = "rmlx_error_argument")
  expect_error(mlx_jvp(f, p, tangents = list(q = 1)), "`q`.*`u`, `v`", class = "rmlx_error_argument")
  expect_error(mlx_vjp(f, p, cotangents = list(1)), "list of 2", class = "rmlx_error_argument")
  expect_error(mlx_vjp(f, p, cotangents = list(a = c(1, 2), b = 1)), "cotangents\\$a.*shape \\[2\\]",
               class = "rmlx_error_shape")
  expect_error(mlx_jvp(f, p, tangents = list(u = "a")), "tangents.*u.*character", class = "rmlx_error_argument")
  expect_error(mlx_jvp(sum, f64(1:3), tangents = c(1, 2)), class = "rmlx_error_shape")
})

test_that("a list of one list is told from the list in it", {
  f <- function(p) p$a[[1]]^2
  p <- list(a = list(f64(3)))
  expect_equal(as.numeric(mlx_jvp(f, p, tangents = list(a = list(1)))$tangents), 6)
  expect_equal(as.numeric(mlx_jvp(f, p, tangents = list(list(a = list(1))))$tangents), 6)
})

test_that("results that do not depend on the arguments, are integers, or are arguments have their derivatives", {
  constant <- f64(c(4, 5))
  f <- function(x, y) list(x, constant, mlx_cast(x > 1, "int32"), mlx_stop_gradient(x) * 2, x + y, x)
  x <- f64(c(1, 2))
  y <- f64(c(3, 4))
  out <- mlx_vjp(f, x, y, cotangents = list(c(1, 2), c(9, 9), NULL, c(7, 7), c(10, 20), c(100, 200)))
  expect_equal(as.numeric(out$grads[[1]]), c(111, 222))
  expect_equal(as.numeric(out$grads[[2]]), c(10, 20))
  out <- mlx_jvp(f, x, y, tangents = list(c(1, 2), c(5, 5)))
  expect_equal(lapply(out$tangents, function(t) if (!is.null(t)) as.numeric(t)),
               list(c(1, 2), c(0, 0), NULL, c(0, 0), c(6, 7), c(1, 2)))
  lin <- mlx_linearize(f, x, y)
  expect_equal(as.numeric(lin$jvp(list(NULL, c(1, 1)))[[5]]), c(1, 1))
  expect_equal(as.numeric(lin$vjp(list(NULL, NULL, NULL, NULL, c(1, 1), c(1, 1)))[[1]]), c(2, 2))
  # a first result of stop_gradient does not shift the others
  grads <- mlx_vjp(function(x) list(mlx_stop_gradient(x), x^2), x, cotangents = list(c(50, 50), c(1, 1)))$grads
  expect_equal(as.numeric(grads[[1]]), c(2, 4))
})

test_that("the same array as two arguments is two arguments", {
  x <- f64(3)
  out <- mlx_vjp(function(a, b) a^2 * b, x, x)
  expect_equal(lapply(out$grads, as.numeric), list(18, 9))
  expect_equal(as.numeric(mlx_jvp(function(a, b) a^2 * b, x, x, tangents = list(1, NULL))$tangents), 18)
})

test_that("derivatives do not pass through integers", {
  f <- function(x) sum(mlx_cast(mlx_cast(x, "int32"), "float64") * x)
  expect_equal(as.numeric(mlx_grad(f, f64(c(2.7, 3.2)))[[1]]), c(2, 3))
  expect_equal(as.numeric(mlx_jvp(f, f64(c(2.7, 3.2)), tangents = c(1, 10))$tangents), 32)
})

test_that("arrays without elements have derivatives without elements", {
  f <- function(x) x * 2
  for (x in list(f64(numeric()), f64(matrix(0, 0, 3)))) {
    expect_identical(mlx_shape(mlx_vjp(f, x)$grads[[1]]), mlx_shape(x))
    expect_identical(mlx_shape(mlx_jvp(f, x, tangents = x)$tangents), mlx_shape(x))
    expect_equal(as.numeric(mlx_jvp(function(x) sum(x) + 1, x, tangents = x)$tangents), 0)
  }
})

test_that("every floating dtype keeps its own, mixed or not", {
  local_cpu()
  x <- lapply(c("float16", "bfloat16", "float32", "float64"), function(d) as_mlx(c(1, 2), dtype = d))
  z <- as_mlx(c(1 + 1i, 2 - 1i))
  n <- as_mlx(c(3, 4), dtype = "int32")
  f <- function(x, z, n) list(lapply(x, function(v) v^2), z^2, n * n)
  out <- mlx_vjp(f, x, z, n)
  expect_identical(vapply(out$grads[[1]], mlx_dtype, ""), c("float16", "bfloat16", "float32", "float64"))
  for (g in out$grads[[1]]) expect_equal(as.numeric(g), c(2, 4))
  expect_identical(mlx_dtype(out$grads[[2]]), "complex64")
  expect_equal(as.complex(out$grads[[2]]), 2 * c(1 + 1i, 2 - 1i), tolerance = 1e-6)
  expect_null(out$grads[[3]])
  expect_error(mlx_jvp(f, x, z, n, tangents = list(NULL, NULL, NULL), argnums = 1:2), "list of 2",
               class = "rmlx_error_argument")
  out <- mlx_jvp(f, x, z, n, tangents = list(lapply(1:4, function(i) c(1, 1)), c(1i, 1)), argnums = 1:2)
  expect_identical(vapply(out$tangents[[1]], mlx_dtype, ""), c("float16", "bfloat16", "float32", "float64"))
  expect_equal(as.complex(out$tangents[[2]]), 2 * c(1 + 1i, 2 - 1i) * c(1i, 1), tolerance = 1e-6)
  expect_null(out$tangents[[3]])
})

test_that("names and dimnames of the arguments are those of their derivatives", {
  x <- f64(c(a = 1, b = 2))
  m <- f64(matrix(1:4, 2, dimnames = list(c("r", "s"), NULL)))
  expect_named(mlx_vjp(function(x) x^2, x)$grads[[1]], c("a", "b"))
  expect_identical(dimnames(mlx_vjp(function(m) m^2, m)$grads[[1]]), dimnames(m))
  expect_named(mlx_linearize(function(x) x^2, x)$vjp(c(1, 1))[[1]], c("a", "b"))
})

test_that("a jvp of a vjp and a vjp of a jvp are the second derivative", {
  f <- function(x) exp(x[1]) * x[2]^2
  x <- c(0.3, 1.5)
  hessian <- exp(x[1]) * rbind(c(x[2]^2, 2 * x[2]), c(2 * x[2], 2))
  v <- c(0.4, -1)
  gradient <- function(x) mlx_vjp(f, x)$grads[[1]]
  expect_equal(as.numeric(mlx_jvp(gradient, f64(x), tangents = v)$tangents), as.vector(hessian %*% v))
  along <- function(x) mlx_jvp(f, x, tangents = v)$tangents
  expect_equal(as.numeric(mlx_vjp(along, f64(x))$grads[[1]]), as.vector(hessian %*% v))
  expect_equal(as.numeric(mlx_jvp(along, f64(x), tangents = v)$tangents), sum(v * hessian %*% v))
  linear <- function(x) mlx_linearize(f, x)$jvp(v)
  expect_equal(as.numeric(mlx_grad(linear, f64(x))[[1]]), as.vector(hessian %*% v))
  back <- function(x) sum(mlx_linearize(f, x)$vjp(1)[[1]] * v)
  expect_equal(as.numeric(mlx_grad(back, f64(x))[[1]]), as.vector(hessian %*% v))
  along_ones <- function(f) function(x) mlx_jvp(f, x, tangents = c(1, 1))$tangents
  third <- function(x) sum(along_ones(along_ones(function(y) y^4))(x))
  expect_equal(as.numeric(mlx_grad(third, f64(c(2, 3)))[[1]]), 24 * c(2, 3))
})

test_that("matrix decompositions have both products, which agree with central differences", {
  a <- crossprod(matrix(c(2, 0.3, -0.5, 0.1, 1.5, 0.4, 0.7, -0.2, 1.8), 3)) + diag(3)
  v <- matrix(sin(1:9), 3)
  symmetric <- v + t(v)
  cases <- list(
    chol = list(chol, symmetric), solve = list(solve, v), det = list(det, v),
    qr.R = list(function(x) abs(qr.R(qr(x))), v),
    svd = list(function(x) svd(x)$d, v),
    eigen = list(function(x) eigen(x, symmetric = TRUE)$values, symmetric)
  )
  for (name in names(cases)) {
    f <- cases[[name]][[1]]
    v <- cases[[name]][[2]]
    h <- 1e-3
    at <- function(t) as_r(f(f64(a + t * v)))
    slope <- (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    expect_near(mlx_jvp(f, f64(a), tangents = v)$tangents, slope, 1e-7, name, absolute = 1e-8)
    w <- weights_for(slope)
    grad <- mlx_vjp(f, f64(a), cotangents = w)$grads[[1]]
    expect_equal(sum(as_r(grad) * v), sum(w * slope), tolerance = 1e-7, label = name)
  }
})

test_that("loops of any length are differentiated", {
  f <- function(x) {
    for (i in 1:30000) x <- x * 1.0001
    x
  }
  expect_equal(as.numeric(mlx_jvp(f, f64(2), tangents = 1)$tangents), 1.0001^30000)
  expect_equal(as.numeric(mlx_vjp(f, f64(2))$grads[[1]]), 1.0001^30000)
})

test_that("errors are those of the user's call and name the argument", {
  e <- tryCatch(mlx_vjp(function(x) 1, f64(1)), error = identity)
  expect_s3_class(e, "rmlx_error_result")
  expect_match(deparse(conditionCall(e))[[1]], "mlx_vjp(", fixed = TRUE)
  expect_error(mlx_jvp(function(x) "a", f64(1), tangents = 1), "must return an `mlx` object",
               class = "rmlx_error_result")
  expect_error(mlx_jvp(sum), "at least one argument", class = "rmlx_error_argument")
  expect_error(mlx_vjp(sum, f64(1), argnums = 3), class = "rmlx_error_argument")
  expect_error(mlx_linearize("no such function", f64(1)), class = "rmlx_error_argument")
  expect_error(mlx_vjp(function(x) as.numeric(x), f64(1)), class = "rmlx_error_tape")
  expect_error(mlx_jvp(function(x) as_mlx(as.numeric(x)), f64(1), tangents = 1), class = "rmlx_error_tape")
  lin <- mlx_linearize(function(x) x, f64(1))
  expect_error(lin$jvp(c(1, 2)), class = "rmlx_error_shape")
  own <- structure(class = c("my_error", "error", "condition"), list(message = "mine", call = NULL))
  caught <- tryCatch(mlx_jvp(function(x) stop(own), f64(1), tangents = 1), error = identity)
  expect_identical(caught, own)
})
