# Contract section 13: what mlx_grad() and mlx_value_grad() take and give.

grads <- function(f, ...) lapply(mlx_grad(f, ...), as_r)

test_that("the documented gradients are exact", {
  loss <- function(w, x) sum((x %*% w) * (x %*% w))
  out <- mlx_value_grad(loss, as_mlx(matrix(c(1, -1), 2, 1)), as_mlx(matrix(1:4, 2, 2)))
  expect_named(out, c("value", "grads"))
  expect_equal(as.numeric(out$value), 8)
  expect_equal(as_r(out$grads[[1]]), matrix(c(-12, -28), 2, 1))
  expect_equal(as_r(out$grads[[2]]), matrix(c(-4, -4, 4, 4), 2, 2))
})

test_that("gradients come in the order of the arguments, unnamed for unnamed arguments", {
  f <- function(a, b) sum(a * b^2)
  expect_equal(grads(f, c(1, 2), c(3, 4)), list(c(9, 16), c(6, 16)))
  expect_null(names(mlx_grad(f, c(1, 2), c(3, 4))))
  expect_equal(grads(f, a = c(1, 2), b = c(3, 4)), list(a = c(9, 16), b = c(6, 16)))
  expect_named(mlx_grad(f, 1, b = 2), c("", "b"))
})

test_that("named arguments reach f by name, in any order", {
  f <- function(a, b) a / b
  expect_equal(grads(f, b = 2, a = 8), list(b = -2, a = 0.5))
})

test_that("argnums picks arguments by position, in its own order", {
  f <- function(a, b, c) a * b * c
  expect_equal(grads(f, 2, 3, 5, argnums = 2), list(10))
  expect_equal(grads(f, 2, 3, 5, argnums = c(3, 1)), list(6, 15))
})

test_that("argnums picks arguments by name", {
  f <- function(a, b) a^2 * b
  expect_equal(grads(f, a = 3, b = 5, argnums = "b"), list(b = 9))
  expect_equal(grads(f, a = 3, b = 5, argnums = c("b", "a")), list(b = 9, a = 30))
})

test_that("wrong argnums are errors of their own", {
  f <- function(a, b) a * b
  for (bad in list(0, 3, -1, 1.5, NA, integer())) {
    expect_error(mlx_grad(f, 1, 2, argnums = bad), "argnums must be between 1 and the number of arguments",
                 class = "rmlx_error_argument")
  }
  expect_error(mlx_grad(f, 1, 2, argnums = TRUE), class = "rmlx_error_argument")
  expect_error(mlx_grad(f, 1, 2, argnums = c(1, 1)), "twice", class = "rmlx_error_argument")
  expect_error(mlx_grad(f, a = 1, b = 2, argnums = "z"), "`z`", class = "rmlx_error_argument")
  expect_error(mlx_grad(f, 1, 2, argnums = "a"), "Name the arguments", class = "rmlx_error_argument")
})

test_that("a call without arguments or without a function says so", {
  expect_error(mlx_grad(function() as_mlx(1)), "mlx_grad() requires at least one argument.", fixed = TRUE)
  expect_error(mlx_value_grad(function() as_mlx(1)), "requires at least one argument", fixed = TRUE)
  expect_error(mlx_grad(3, 2), "must be a function, not an object of class numeric",
               class = "rmlx_error_argument")
  expect_error(mlx_grad("no_such_function", 2), "no_such_function", class = "rmlx_error_argument")
})

test_that("f may be a primitive, a method, a name or a closure with defaults", {
  expect_equal(grads(sin, 2), list(cos(2)), tolerance = 1e-6)
  expect_equal(grads("sum", c(1, 2)), list(c(1, 1)))
  expect_equal(grads(function(x, k = 3) k * x, 2), list(3))
  expect_equal(grads(function(...) sum(..1 * ..2), 2, 3), list(3, 2))
})

test_that("a nested named list gets the same list of gradients", {
  p <- list(w = list(a = c(1, 2), b = 3), c = 4)
  g <- mlx_grad(function(p) sum(p$w$a^2) * p$w$b * p$c, p)[[1]]
  expect_identical(names(g), c("w", "c"))
  expect_identical(names(g$w), c("a", "b"))
  expect_equal(as.numeric(g$w$a), 2 * c(1, 2) * 12)
  expect_equal(as.numeric(g$w$b), 5 * 4)
  expect_equal(as.numeric(g$c), 5 * 3)
})

test_that("an unnamed list, an empty list and a list of mlx arrays work", {
  g <- mlx_grad(function(p) p[[1]] * p[[2]], list(2, as_mlx(3)))[[1]]
  expect_null(names(g))
  expect_equal(lapply(g, as.numeric), list(3, 2))
  g <- mlx_grad(function(p, x) x^2, list(), 3)
  expect_identical(g[[1]], list())
  expect_equal(as.numeric(g[[2]]), 6)
})

test_that("leaves without floating point reach f untouched and get NULL", {
  seen <- NULL
  p <- list(x = 2, n = 3L, s = "a", f = sin, z = NULL, b = TRUE, i = as_mlx(1L, dtype = "int32"),
            e = globalenv(), q = quote(a + b))
  g <- mlx_grad(function(p) {
    seen <<- p[-1]
    p$x^2
  }, p)[[1]]
  expect_identical(seen, p[-1])
  expect_identical(names(g), names(p))
  expect_equal(as.numeric(g$x), 4)
  expect_true(all(vapply(g[-1], is.null, NA)))
})

test_that("whole arguments that are not floating point get NULL, also beside names", {
  g <- mlx_grad(function(x, n, s, h, z) {
    stopifnot(is.character(s), is.function(h), is.null(z))
    x * 3
  }, x = 2, n = as_mlx(3L, dtype = "int32"), s = "a", h = sin, z = NULL)
  expect_named(g, c("x", "n", "s", "h", "z"))
  expect_equal(as.numeric(g$x), 3)
  expect_true(all(vapply(g[-1], is.null, NA)))
})

test_that("asking for an argument without floating point is an error that names it", {
  f <- function(x, k) x
  int <- as_mlx(1:2, dtype = "int32")
  expect_error(mlx_grad(f, 1, int, argnums = 2), "argument 2 is of dtype int32", class = "rmlx_error_argument")
  expect_error(mlx_grad(f, x = 1, k = "a", argnums = "k"), "`k` is of class character",
               class = "rmlx_error_argument")
  expect_error(mlx_grad(f, 1, NULL, argnums = 2), class = "rmlx_error_argument")
  expect_error(mlx_grad(f, 1, as_mlx(TRUE), argnums = 2), "bool", class = "rmlx_error_argument")
  expect_error(mlx_grad(function(s) as_mlx(1), "a"), "no argument", class = "rmlx_error_argument")
})

test_that("value = TRUE and mlx_value_grad() give the value, and aux what else f returned", {
  f <- function(x) list(sum(x^2), n = length(x), double = x * 2)
  out <- mlx_value_grad(f, c(1, 2))
  expect_named(out, c("value", "aux", "grads"))
  expect_equal(as.numeric(out$value), 5)
  expect_identical(out$aux$n, 2L)
  expect_equal(as.numeric(out$aux$double), c(2, 4))
  expect_equal(as.numeric(out$grads[[1]]), c(2, 4))
  expect_named(mlx_grad(f, c(1, 2), value = TRUE), c("value", "aux", "grads"))
  expect_equal(grads(f, c(1, 2)), list(c(2, 4)))
  expect_named(mlx_value_grad(function(x) list(sum(x)), c(1, 2)), c("value", "aux", "grads"))
  expect_error(mlx_grad(f, 1, value = NA), "TRUE or FALSE", class = "rmlx_error_argument")
})

test_that("each wrong result has its own text", {
  says <- function(result, text) {
    expect_error(mlx_grad(function(x) result, c(1, 2)), text, fixed = TRUE, class = "rmlx_error_result")
    expect_error(mlx_grad(function(x) result, c(1, 2)), class = "rmlx_error")
  }
  none <- "must return an `mlx` object"
  says(NULL, none)
  says(NULL, "it returned NULL")
  says(3, none)
  says(3, "class numeric")
  says("a", "class character")
  says(list(), none)
  says(list(1, 2), "a list whose first element is no mlx scalar")
  says(as_mlx(c(1, 2, 3)), "its result has shape 3")
  says(as_mlx(matrix(1:6, 2)), "shape 2 x 3")
  says(as_mlx(c(1, 2, 3)), "mlx_jacobian()")
  says(as_mlx(c(1, 2, 3)), "mlx_vjp()")
  says(as_mlx(TRUE), "dtype bool")
  says(as_mlx(3L, dtype = "int32"), "dtype int32")
  says(list(as_mlx(c(1, 2))), "shape 2")
  says(mlx_zeros(0), "shape 0")
})

test_that("a result of one element may have any rank", {
  for (shape in list(integer(), 1L, c(1L, 1L), c(1L, 1L, 1L))) {
    f <- function(x) mlx_reshape(sum(x^2), shape)
    out <- mlx_value_grad(f, c(1, 2))
    expect_equal(as.numeric(out$grads[[1]]), c(2, 4))
    expect_identical(mlx_shape(out$value), integer())
  }
})

test_that("gradients have their argument's shape, dtype and device", {
  local_cpu()
  for (dtype in c("float16", "bfloat16", "float32", "float64")) {
    for (shape in list(integer(), 1L, 3L, c(2L, 3L), c(2L, 1L, 2L), c(0L, 3L), 0L)) {
      x <- mlx_full(shape, 0.5, dtype = dtype)
      g <- mlx_grad(function(x) sum(x * x), x)[[1]]
      expect_identical(mlx_shape(g), shape)
      expect_identical(mlx_dtype(g), dtype)
      expect_identical(mlx_device(g), mlx_device(x))
      expect_equal(as.vector(g), rep(1, prod(shape)))
    }
  }
})

test_that("mixed dtypes keep their own", {
  g <- mlx_grad(function(a, b) sum(a * b), as_mlx(c(1, 2)), as_mlx(c(3, 4), dtype = "float16"))
  expect_identical(vapply(g, mlx_dtype, ""), c("float32", "float16"))
  expect_equal(lapply(g, as.numeric), list(c(3, 4), c(1, 2)))
})

test_that("a data frame and R matrices may be arguments", {
  d <- data.frame(a = c(1, 2), b = c(3, 4))
  expect_equal(unname(grads(function(d) sum(d * d), d)[[1]]), unname(as.matrix(d) * 2))
  m <- matrix(c(1, 2, 3, 4), 2)
  expect_equal(grads(function(m) sum(m %*% m), m)[[1]],
               matrix(1, 2, 2) %*% t(m) + t(m) %*% matrix(1, 2, 2))
})

test_that("names and dimnames of arguments are there inside f", {
  m <- matrix(c(1, 2, 3, 4), 2, dimnames = list(c("r", "s"), c("a", "b")))
  f <- function(m, v) {
    stopifnot(identical(dimnames(m), list(c("r", "s"), c("a", "b"))), identical(names(v), c("p", "q")))
    sum(m["r", ] * 2) + sum(v["q"] * 5)
  }
  g <- grads(f, m, c(p = 1, q = 2))
  expect_equal(unname(g[[1]]), matrix(c(2, 0, 2, 0), 2))
  expect_equal(unname(g[[2]]), c(0, 5))
  expect_equal(unname(grads(f, as_mlx(m), as_mlx(c(p = 1, q = 2)))[[1]]), matrix(c(2, 0, 2, 0), 2))
})

test_that("nesting to third order gives the closed forms", {
  local_cpu()
  d <- function(f) function(x) mlx_grad(f, x)[[1]]
  x <- as64(0.7)
  expect_near(d(exp)(x), exp(0.7))
  expect_near(d(d(sin))(x), -sin(0.7))
  expect_near(d(d(d(sin)))(x), -cos(0.7))
  expect_near(d(d(d(function(z) z^5)))(x), 60 * 0.7^2)
  expect_near(d(d(d(function(z) exp(2 * z) / z)))(x), {
    z <- 0.7
    exp(2 * z) * (8 / z - 12 / z^2 + 12 / z^3 - 6 / z^4)
  })
})

test_that("a gradient inside f takes outer traced arrays along", {
  local_cpu()
  # d/dx of d/dy (x^2 y^3) = 2 x 3 y^2
  outer <- function(x) mlx_grad(function(y) x^2 * y^3, as64(2))[[1]]
  expect_near(mlx_grad(outer, as64(3))[[1]], 2 * 3 * 3 * 4)
  # hessian-vector product
  x <- c(1, 2, 3)
  v <- as64(c(1, 0, -1))
  f <- function(x) sum(x^3) + prod(x)
  hv <- mlx_grad(function(x) sum(mlx_grad(f, x)[[1]] * v), as64(x))[[1]]
  h <- diag(6 * x) + matrix(c(0, 3, 2, 3, 0, 1, 2, 1, 0), 3)
  expect_near(hv, as.vector(h %*% c(1, 0, -1)))
})

test_that("several arguments nest too", {
  f <- function(a, b) {
    g <- mlx_grad(function(p) p$u^2 * a + p$v * b, list(u = b, v = a))[[1]]
    g$u + g$v # 2 a b + b
  }
  expect_equal(grads(f, 3, 5), list(10, 7))
})

test_that("captured constants and what f makes of them convert freely inside f", {
  const <- as_mlx(c(2, 4))
  f <- function(x) {
    k <- as.numeric(sum(const))
    m <- as.matrix(as_mlx(diag(2)) * 3)
    h <- mean.default(const * 2)
    sum(x) * k * m[1, 1] * h * const[[2]]
  }
  expect_equal(grads(f, 1), list(6 * 3 * 6 * 4))
})

test_that("arguments outside argnums are constants that convert freely", {
  f <- function(x, k) x * as.numeric(k) * k[[1]]
  expect_equal(grads(f, 2, 3, argnums = 1), list(9))
})

test_that("results of earlier gradients, their aux and leaked values are constants later", {
  leak <- NULL
  first <- mlx_value_grad(function(x) {
    leak <<- x^2
    list(x^3, twice = 2 * x)
  }, 2)
  f <- function(x) {
    x * as.numeric(first$value) * as.numeric(first$grads[[1]]) * as.numeric(first$aux$twice) * as.numeric(leak)
  }
  expect_equal(grads(f, 1), list(8 * 12 * 4 * 4))
})

test_that("a gradient of constants inside f may be read", {
  f <- function(x) {
    inner <- mlx_value_grad(function(z) z^2, 3)
    x * as.numeric(inner$grads[[1]]) * as.numeric(inner$value)
  }
  expect_equal(grads(f, 1), list(54))
})

test_that("a branch on a comparison has the gradient of the branch taken", {
  f <- function(x) if (x > 0) x^2 else -3 * x
  expect_equal(grads(f, 2), list(4))
  expect_equal(grads(f, -2), list(-3))
  g <- function(x) {
    n <- 0
    while (sum(x) < 100) {
      x <- x * 2
      n <- n + 1
    }
    stopifnot(n == 6)
    sum(x)
  }
  expect_equal(grads(g, c(1, 1)), list(c(64, 64)))
  expect_equal(grads(function(x) if (all(x > 0) && !any(x > 5)) sum(x) else sum(-x), c(1, 2)), list(c(1, 1)))
  expect_equal(grads(function(x) sum(x[as.logical(x > 1)]), c(1, 2)), list(c(0, 1)))
  expect_equal(grads(function(x) if (isTRUE(as.logical(x > 0))) x else -x, 1), list(1))
})

test_that("mlx_stop_gradient() cuts, and lets values be read on purpose", {
  expect_equal(grads(function(x) sum(x * mlx_stop_gradient(x)), c(1, 2)), list(c(1, 2)))
  f <- function(x) {
    k <- as.numeric(mlx_stop_gradient(sum(x)))
    v <- as.numeric(mlx_stop_gradient(x) * 2)
    sum(x * v) * k
  }
  expect_equal(grads(f, c(1, 2)), list(c(6, 12)))
  expect_equal(grads(function(x) sum(mlx_stop_gradient(x)), c(1, 2)), list(c(0, 0)))
})

test_that("printing and str inside f show values and do not disturb the gradient", {
  f <- function(x) {
    y <- x * 2
    print(y)
    str(y)
    sum(y^2)
  }
  shown <- capture.output(g <- grads(f, c(1, 2)))
  expect_true("[1] 2 4" %in% shown)
  expect_true(any(grepl("mlx [2] float32", shown, fixed = TRUE)))
  expect_equal(g, list(c(8, 16)))
})

test_that("strings of a traced value are the tape error, since numbers could be made of them", {
  read <- function(f) expect_error(mlx_grad(f, c(1, 2)), class = "rmlx_error_tape")
  read(function(x) sum(as_mlx(as.numeric(format(x)))))
  read(function(x) cat(format(x * 2)))
  shown <- function(x) {
    cat(format(mlx_stop_gradient(x)), "\n")
    sum(x)
  }
  expect_identical(capture.output(g <- mlx_grad(shown, c(1, 2))), "1 2 ")
})

test_that("mlx_eval() inside f keeps the gradient", {
  f <- function(x) {
    y <- x^2
    mlx_eval(y)
    mlx_eval(list(y, x))
    sum(y * x)
  }
  expect_equal(grads(f, c(1, 2)), list(c(3, 12)))
})

test_that("an argument that f does not use has the gradient 0", {
  expect_equal(grads(function(a, b) sum(a), c(1, 2), matrix(1, 2, 2)), list(c(1, 1), matrix(0, 2, 2)))
})

test_that("a result that depends on no argument has the gradient 0", {
  expect_equal(grads(function(x) as_mlx(5), c(1, 2)), list(c(0, 0)))
})

test_that("modified copies, [<- and loops over elements stay on the tape", {
  f <- function(x) {
    y <- x
    y[2] <- x[1] * 3
    y[[1]] <- 7
    total <- 0
    for (i in seq_along(y)) total <- total + y[i]^2
    total
  }
  # y = (7, 3a, c): d/da 18 a, d/dc 2 c
  expect_equal(grads(f, c(2, 5, 4)), list(c(36, 0, 8)))
  expect_equal(grads(function(x) Reduce(`*`, as.list(x)), c(2, 3, 4)), list(c(12, 8, 6)))
  expect_equal(grads(function(x) do.call(sum, lapply(1:2, function(i) x[i]^2)), c(2, 3)), list(c(4, 6)))
})

test_that("the same gradient comes again and again, and beside others", {
  f <- function(x) sum(x^2)
  for (i in 1:50) expect_equal(grads(f, c(1, i))[[1]], c(2, 2 * i))
})

test_that("a cast to integers or bools is a step: no gradient goes through", {
  local_cpu()
  z <- as64(c(1.3, 2.6))
  for (dtype in c("int32", "uint8", "int64", "bool")) {
    through <- function(z) sum(mlx_cast(mlx_cast(z, dtype), "float64") * z)
    want <- if (dtype == "bool") c(1, 1) else c(1, 2)
    expect_identical(as.vector(mlx_grad(through, z)[[1L]]), want, label = dtype)
  }
  assigned <- function(z) {
    whole <- mlx_zeros(2, dtype = "int32")
    whole[] <- z
    sum(mlx_cast(whole, "float64") * z)
  }
  expect_identical(as.vector(mlx_grad(assigned, z)[[1L]]), c(1, 2))
  slope <- function(z) sum(mlx_grad(function(y) sum(mlx_cast(mlx_cast(z, "int32"), "float64") * y^2), z)[[1L]])
  expect_identical(as.vector(mlx_grad(slope, z)[[1L]]), c(2, 4))
})

test_that("gradients have the names and dimnames of their arguments", {
  w <- matrix(1:4, 2, dimnames = list(c("a", "b"), NULL))
  f <- function(p, q) sum(p^2) + sum(q$w^2) + sum(q$v^2)
  g <- mlx_grad(f, c(b0 = 1, b1 = 2), list(w = w + 0.5, v = c(s = 1, t = 2)))
  expect_identical(as.vector(g[[1]]), c(2, 4))
  expect_identical(as_r(g[[1]]), c(b0 = 2, b1 = 4))
  expect_identical(dimnames(g[[2]]$w), dimnames(w))
  expect_named(g[[2]]$v, c("s", "t"))
  second <- function(p) sum(mlx_grad(function(z) sum(z^3), p)[[1]])
  expect_identical(as_r(mlx_grad(second, c(a = 1, b = 2))[[1]]), c(a = 6, b = 12))
})

test_that("a data frame outside argnums reaches f as it is", {
  data <- data.frame(y = c(1, 3, 2), x = c(1, 2, 4), g = factor(c("u", "v", "u")))
  seen <- NULL
  nll <- function(par, d) {
    seen <<- d
    r <- par[1] + par[2] * d$x + ifelse(d$g == "u", 1, 0) - d$y
    sum(r^2)
  }
  g <- mlx_grad(nll, c(0.5, 1), data, argnums = 1)[[1]]
  expect_identical(seen, data)
  r <- 0.5 + data$x + (data$g == "u") - data$y
  expect_equal(as.vector(g), c(sum(2 * r), sum(2 * r * data$x)))
  expect_named(mlx_grad(nll, par = c(0.5, 1), d = data, argnums = "par"), "par")
  expect_error(mlx_grad(nll, c(0.5, 1), data), "column `g` is not numeric", class = "rmlx_error_argument")
  expect_error(mlx_grad(nll, c(0.5, 1), data), "argnums = 1", class = "rmlx_error_argument")
})
