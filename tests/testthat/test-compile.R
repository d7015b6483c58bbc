# Contract section 14: compiled functions.

x <- as_mlx(c(1, 2, 3))
numbers <- function(x) as.numeric(as_r(x))
chain <- function(x) {
  for (i in 1:10) x <- sin(x) * 1.01 + 0.1
  x
}
counted <- function(f, ...) {
  runs <- 0
  compiled <- mlx_compile(function(...) {
    runs <<- runs + 1
    f(...)
  }, ...)
  list(f = compiled, runs = function() runs)
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
    list(f = mlx_compile(function(x) x * k_of_compile_test), env = env)
  }
  made <- make()
  expect_equal(numbers(made$f(x)), c(2, 4, 6))
  assign("k_of_compile_test", 5, made$env)
  expect_equal(numbers(made$f(x)), c(5, 10, 15))
  assign("*", function(a, b) a - b, made$env)
  expect_equal(numbers(made$f(x)), c(-4, -3, -2))
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

test_that("an assignment outside of the function is refused, and nothing is left of it", {
  w <- as_mlx(1)
  env <- new.env()
  env$v <- "old"
  f <- mlx_compile(function(x) {
    w <<- x * 2
    unknown_in_compile_test <<- x
    env$v <- list(1, x)
    env$new <- x
    x
  })
  error <- tryCatch(f(x), error = identity)
  expect_s3_class(error, "rmlx_error_state")
  for (name in c("w", "unknown_in_compile_test", "v", "new", "state =")) {
    expect_match(conditionMessage(error), name, fixed = TRUE)
  }
  expect_equal(numbers(w), 1)
  expect_identical(as.list(env), list(v = "old"))
  expect_false(exists("unknown_in_compile_test", globalenv()))
  g <- mlx_compile(function(x) {
    w <<- x
    stop("late")
  })
  expect_error(g(x), "late")
  expect_equal(numbers(w), 1)
  h <- mlx_compile(function(x) {
    total <- 0
    lapply(1:2, function(i) total <<- total + x * i)
    total
  })
  expect_equal(numbers(h(x)), c(3, 6, 9)) # a local variable of the function
})

# Adam on a nested list of parameters
adam <- function(state, x, y) {
  loss <- function(p) mean((tanh(x %*% p$hidden$w + p$hidden$b) %*% p$out - y)^2)
  fit <- mlx_value_grad(loss, state$p)
  g <- fit$grads[[1]]
  state$t <- state$t + 1
  step <- function(p, g, m, v) {
    m <- 0.9 * m + 0.1 * g
    v <- 0.999 * v + 0.001 * g^2
    list(p = p - 0.05 * (m / (1 - 0.9^state$t)) / (sqrt(v / (1 - 0.999^state$t)) + 1e-8), m = m, v = v)
  }
  w <- step(state$p$hidden$w, g$hidden$w, state$m$w, state$v$w)
  b <- step(state$p$hidden$b, g$hidden$b, state$m$b, state$v$b)
  o <- step(state$p$out, g$out, state$m$out, state$v$out)
  state$p <- list(hidden = list(w = w$p, b = b$p), out = o$p)
  state$m <- list(w = w$m, b = b$m, out = o$m)
  state$v <- list(w = w$v, b = b$v, out = o$v)
  fit$value
}
fresh_state <- function() {
  start <- list(w = matrix(c(0.1, -0.2, 0.3, 0.4, 0.2, -0.1), 2), b = c(0, 0.1, 0.2), out = matrix(c(1, -1, 0.5), 3))
  zeros <- function() lapply(start, function(p) mlx_zeros_like(as_mlx(p)))
  state <- new.env()
  state$p <- list(hidden = list(w = as_mlx(start$w), b = as_mlx(start$b)), out = as_mlx(start$out))
  state$m <- zeros()
  state$v <- zeros()
  state$t <- as_mlx(0)
  state
}

test_that("a training step on a nested list of parameters is replayed without R, with the values of R's run", {
  own <- fresh_state()
  eager <- fresh_state()
  runs <- 0
  step <- mlx_compile(function(x, y) {
    runs <<- runs + 1
    adam(own, x, y)
  }, state = own)
  for (i in 1:12) {
    n <- if (i %% 3 == 0) 4 else 6 # batches of two sizes
    data <- matrix(sin(seq_len(2 * n) + i), n)
    y <- matrix(data[, 1] - data[, 2], n)
    expect_equal(numbers(step(data, y)), numbers(adam(eager, as_mlx(data), as_mlx(y))), tolerance = 1e-5)
  }
  expect_equal(runs, 2)
  flat <- function(state) unlist(lapply(list(state$p$hidden$w, state$p$hidden$b, state$p$out, state$t), numbers))
  expect_equal(flat(own), flat(eager), tolerance = 1e-5)
  expect_equal(numbers(own$t), 12)
  expect_named(own$p$hidden, c("w", "b"))
})

test_that("state may be a list of environments, may grow, and keeps what an error interrupts", {
  a <- new.env()
  b <- new.env()
  a$inner <- new.env()
  a$inner$w <- as_mlx(1)
  runs <- 0
  f <- mlx_compile(function(x, fails = FALSE) {
    runs <<- runs + 1
    if (is.null(b$sum)) b$sum <- mlx_zeros(3)
    b$sum <- b$sum + x * a$inner$w
    a$inner$w <- a$inner$w + 1
    if (fails) stop("no")
    b$sum
  }, state = list(a, list(b)))
  total <- 0
  for (k in 1:4) {
    total <- total + c(1, 2, 3) * k
    expect_equal(numbers(f(x)), total)
    expect_equal(numbers(b$sum), total)
  }
  expect_equal(numbers(a$inner$w), 5)
  expect_equal(runs, 2) # the first made b$sum
  expect_error(f(x, TRUE), "no")
  expect_equal(numbers(a$inner$w), 5)
  expect_equal(numbers(b$sum), total)
  a$inner$w <- as_mlx(0)
  expect_equal(numbers(f(x)), total)
})

test_that("gradients, maps, Hessians, custom functions and checkpoints compile, and compiled functions transform", {
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

test_that("without a compiler on the PATH, or with one that fails, graphs run unfused", {
  bad <- tempfile("bin-")
  dir.create(bad)
  on.exit(unlink(bad, recursive = TRUE))
  writeLines(c("#!/bin/sh", "exit 1"), file.path(bad, "g++"))
  Sys.chmod(file.path(bad, "g++"), "755")
  for (path in c("/nonexistent", bad)) {
    child <- eval(bquote(run_child({
      Sys.setenv(PATH = .(path))
      f <- mlx_compile(function(x) exp(x) * 2.25 + sin(x) / 3)
      at <- c(1, 2.5)
      for (k in 1:2) stopifnot(all.equal(as.numeric(f(at)), exp(at) * 2.25 + sin(at) / 3, tolerance = 1e-6))
      cat("fine\n")
    })))
    expect_child(child)
  }
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
  run(100)
  gc()
  before <- c(mlx_memory()$active, sum(gc()[, 2]))
  run(10000)
  after <- c(mlx_memory()$active, sum(gc()[, 2]))
  gc()
  expect_lt(mlx_memory()$active - before[[1]], 1e6)
  expect_lt(after[[2]] - before[[2]], 1) # MB
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
