# Functions with rules of their own, and checkpoints.

f64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

# x^3 whose rules multiply by 5, to see that they are taken: with vjp, jvp, or both.
scaled <- function(vjp = FALSE, jvp = FALSE, vmap = NULL) {
  mlx_custom_function(
    function(x) x^3,
    vjp = if (vjp) function(primals, cotangents, outputs) list(5 * cotangents * 3 * primals[[1]]^2),
    jvp = if (jvp) function(primals, tangents) 5 * tangents[[1]] * 3 * primals[[1]]^2,
    vmap = vmap
  )
}

test_that("of vjp and jvp one follows from the other, and both from the function", {
  local_cpu()
  x <- c(0.5, -2)
  for (rules in list(c(TRUE, FALSE), c(FALSE, TRUE), c(TRUE, TRUE), c(FALSE, FALSE))) {
    f <- scaled(rules[[1]], rules[[2]])
    factor <- if (any(rules)) 5 else 1
    expect_near(f(f64(x)), x^3)
    expect_near(mlx_grad(function(x) sum(f(x)), f64(x))[[1]], factor * 3 * x^2)
    expect_near(mlx_vjp(f, f64(x), cotangents = c(1, 10))$grads[[1]], factor * 3 * x^2 * c(1, 10))
    expect_near(mlx_jvp(f, f64(x), tangents = c(1, 10))$tangents, factor * 3 * x^2 * c(1, 10))
    lin <- mlx_linearize(f, f64(x))
    expect_near(lin$jvp(c(1, 10)), factor * 3 * x^2 * c(1, 10))
    expect_near(lin$vjp(c(1, 10))[[1]], factor * 3 * x^2 * c(1, 10))
    for (mode in c("reverse", "forward")) {
      expect_near(mlx_jacobian(f, f64(x), mode = mode)[[1]], diag(factor * 3 * x^2))
    }
    # second derivatives are those of the rules
    expect_near(mlx_hessian(function(x) sum(f(x)), f64(x))[[1]], diag(factor * 6 * x))
    expect_near(mlx_jacobian(function(x) mlx_grad(function(y) sum(f(y)), x)[[1]], f64(x), mode = "reverse")[[1]],
                diag(factor * 6 * x))
    # mapped
    expect_near(mlx_vmap(f)(f64(x)), x^3)
    expect_near(mlx_vmap(function(v) mlx_grad(f, v)[[1]])(f64(x)), factor * 3 * x^2)
    expect_near(mlx_grad(function(x) sum(mlx_vmap(f)(x)), f64(x))[[1]], factor * 3 * x^2)
    expect_near(mlx_vmap(function(v) mlx_jvp(f, v, tangents = 2)$tangents)(f64(x)), factor * 6 * x^2)
    expect_near(mlx_jvp(mlx_vmap(f), f64(x), tangents = c(1, 1))$tangents, factor * 3 * x^2)
    expect_near(mlx_vmap(function(v) mlx_hessian(f, v)[[1]])(f64(x)), factor * 6 * x)
    expect_near(mlx_vmap(mlx_vmap(f))(f64(matrix(1:4, 2))), matrix(1:4, 2)^3)
  }
})

test_that("rules see nested lists, names, integers and other values as the function does", {
  local_cpu()
  seen <- NULL
  f <- mlx_custom_function(
    function(p, n, label) list(y = p$a * p$rest$b, z = list(n + 1L)),
    vjp = function(primals, cotangents, outputs) {
      seen <<- list(names(primals), primals[[3]], mlx_dtype(primals$n), names(outputs), mlx_dtype(cotangents$z[[1]]))
      list(list(a = cotangents$y * 7, rest = list(b = NULL)), NULL, NULL)
    }
  )
  p <- list(a = f64(c(1, 2)), rest = list(b = f64(c(3, 4)), s = "x"))
  n <- as_mlx(c(1L, 2L), dtype = "int32")
  out <- f(p, n = n, "label")
  expect_equal(as.numeric(out$y), c(3, 8))
  expect_equal(as.numeric(out$z[[1]]), c(2, 3))
  grads <- mlx_grad(function(p) sum(f(p, n = n, "label")$y), p)[[1]]
  expect_equal(as.numeric(grads$a), c(7, 7))
  expect_equal(as.numeric(grads$rest$b), c(0, 0))
  expect_null(grads$rest$s)
  expect_identical(seen, list(c("", "n", ""), "label", "int32", c("y", "z"), "int32"))
  # integers are mapped like the rest
  g <- mlx_custom_function(function(x, i) x * mlx_cast(i, "float64"),
                           vjp = function(primals, cotangents, outputs) list(cotangents * 100, NULL))
  x <- f64(c(1, 2))
  expect_equal(as.numeric(mlx_vmap(g)(x, n)), c(1, 4))
  expect_equal(as.numeric(mlx_vmap(function(x, i) mlx_grad(g, x, i, argnums = 1)[[1]])(x, n)), c(100, 100))
})

test_that("a function in base R works with its rule, and reading what a rule is transposed by is an error", {
  local_cpu()
  area <- mlx_custom_function(
    function(b) as_mlx(pnorm(as.numeric(b)), dtype = "float64"),
    vjp = function(primals, cotangents, outputs) cotangents * as_mlx(dnorm(as.numeric(primals[[1]])), dtype = "float64")
  )
  expect_equal(as.numeric(mlx_grad(area, f64(1))[[1]]), dnorm(1))
  expect_equal(as.numeric(mlx_jvp(area, f64(1), tangents = 2)$tangents), 2 * dnorm(1))
  expect_error(mlx_hessian(area, f64(1)), class = "rmlx_error_tape")
  expect_error(mlx_grad(function(x) mlx_grad(area, x)[[1]], f64(1)), class = "rmlx_error_tape")
  expect_error(mlx_vmap(area)(f64(c(1, 2))), class = "rmlx_error_tape")
  by_value <- mlx_custom_function(
    function(x) x * 2,
    vjp = function(primals, cotangents, outputs) as_mlx(2 * as.numeric(cotangents), dtype = "float64")
  )
  expect_equal(as.numeric(mlx_grad(by_value, f64(1))[[1]]), 2)
  expect_error(mlx_jvp(by_value, f64(1), tangents = 1), class = "rmlx_error_tape")
})

test_that("a vmap rule gets inputs and axes, and its outputs are placed", {
  local_cpu()
  seen <- NULL
  f <- mlx_custom_function(
    function(p, k) list(p$a * k, sum(p$a)),
    vmap = function(inputs, axes) {
      seen <<- axes
      a <- if (axes[[1]]$a == 1L) inputs[[1]]$a else t(inputs[[1]]$a)
      list(list(t(a * inputs[[2]] * 1000), mlx_sum(a, axes = 2)), list(2, 1))
    }
  )
  a <- matrix(1:6, 3)
  out <- mlx_vmap(f, in_axes = list(1, NULL))(list(a = f64(a)), f64(2))
  expect_identical(seen, list(list(a = 1L), NULL))
  expect_equal(as.matrix(out[[1]]), 2000 * a)
  expect_equal(as.numeric(out[[2]]), rowSums(a))
  out <- mlx_vmap(f, in_axes = list(2, NULL))(list(a = f64(a)), f64(2))
  expect_identical(seen, list(list(a = 2L), NULL))
  expect_equal(as.numeric(out[[2]]), colSums(a))
  once <- mlx_custom_function(function(x) x * 0 + 1, vmap = function(inputs, axes) list(f64(1), NULL))
  expect_equal(as.numeric(mlx_vmap(once)(f64(c(5, 6)))), c(1, 1))
  for (wrong in list(1, list(f64(1)), list(f64(1:3), 1), list(list(f64(1:2), f64(1:2)), 1), list(f64(1:2), 2))) {
    bad <- mlx_custom_function(function(x) x, vmap = function(inputs, axes) wrong)
    expect_error(mlx_vmap(bad)(f64(c(5, 6))), class = "rmlx_error")
  }
})

test_that("wrong results of rules are told, with the user's call", {
  local_cpu()
  at <- f64(c(1, 2))
  wrong <- function(vjp) mlx_custom_function(function(x) x^2, vjp = vjp)
  grad <- function(f) mlx_grad(function(x) sum(f(x)), at)
  expect_error(grad(wrong(function(primals, cotangents, outputs) f64(1:3))), "shape \\[3\\].*shape \\[2\\]",
               class = "rmlx_error_shape")
  expect_error(grad(wrong(function(primals, cotangents, outputs) "a")), "vjp", class = "rmlx_error_argument")
  expect_error(grad(wrong(function(primals, cotangents, outputs) list(1, 2))), "not a list of 2",
               class = "rmlx_error_argument")
  expect_equal(as.numeric(grad(wrong(function(primals, cotangents, outputs) NULL))[[1]]), c(0, 0))
  bad <- mlx_custom_function(function(x) x^2, jvp = function(primals, tangents) f64(1:3))
  expect_error(mlx_jvp(bad, at, tangents = c(1, 1)), "jvp\\(\\)", class = "rmlx_error_shape")
  e <- tryCatch(grad(wrong(function(primals, cotangents, outputs) stop("no"))), error = identity)
  expect_identical(deparse(conditionCall(e)), "vjp(primals, cotangents, outputs)")
  expect_error(mlx_custom_function(sum, vjp = 3), "`vjp` must be a function", class = "rmlx_error_argument")
  expect_error(mlx_custom_function(3), class = "rmlx_error_argument")
  expect_error(mlx_custom_function(function(x) NULL)(at), class = "rmlx_error_result")
  runs <- 0
  fickle <- mlx_checkpoint(function(x) {
    runs <<- runs + 1
    if (runs == 1) x else x[1]
  })
  expect_error(grad(fickle), "other arrays", class = "rmlx_error_result")
})

test_that("arrays of outer transformations that are captured are an error, constants are not", {
  local_cpu()
  k <- f64(3)
  for (wrap in list(mlx_checkpoint, function(f) mlx_custom_function(f, vjp = function(p, ct, out) ct))) {
    expect_error(mlx_grad(function(w) wrap(function(x) x * w)(f64(2)), f64(5)), "Make it an argument",
                 class = "rmlx_error_gradient")
    expect_error(mlx_vmap(function(w) wrap(function(x) x * w)(f64(2)))(f64(c(1, 2))), "mapped outside",
                 class = "rmlx_error_gradient")
    expect_error(mlx_vmap(function(w) wrap(function(x) x * w)(f64(2)))(as_mlx(1:2, dtype = "int32")), "mapped outside",
                 class = "rmlx_error_gradient")
    f <- wrap(function(x) x * k)
    expect_equal(as.numeric(f(f64(2))), 6)
    expect_equal(as.numeric(mlx_vmap(f)(f64(c(1, 2)))), c(3, 6))
  }
  expect_equal(as.numeric(mlx_grad(mlx_checkpoint(function(x) x * k), f64(2))[[1]]), 3)
})

# What reaches the caller of a gradient from within a rule, and from a checkpoint's second run.
places <- list(
  "a vjp rule" = function(act) {
    f <- mlx_custom_function(function(x) x^2, vjp = function(primals, cotangents, outputs) {
      act()
      cotangents
    })
    mlx_grad(f, f64(3))[[1]]
  },
  "a jvp rule" = function(act) {
    f <- mlx_custom_function(function(x) x^2, jvp = function(primals, tangents) {
      act()
      tangents[[1]]
    })
    mlx_jvp(f, f64(3), tangents = 1)$tangents
  },
  "a jvp rule that is transposed" = function(act) {
    f <- mlx_custom_function(function(x) x^2, jvp = function(primals, tangents) {
      act()
      tangents[[1]]
    })
    mlx_grad(f, f64(3))[[1]]
  },
  "a vmap rule" = function(act) {
    f <- mlx_custom_function(function(x) x^2, vmap = function(inputs, axes) {
      act()
      list(inputs[[1]] * 0 + 1, 1)
    })
    mlx_vmap(f)(f64(c(1, 1)))[1]
  },
  "the second run of a checkpoint" = function(act) {
    runs <- 0
    f <- mlx_checkpoint(function(x) {
      runs <<- runs + 1
      if (runs == 2) act()
      x
    })
    out <- mlx_grad(f, f64(3))[[1]]
    expect_equal(runs, 2)
    out
  }
)

for (place in names(places)) {
  test_that(paste("conditions in", place, "reach the caller as they are"), {
    local_cpu()
    run <- places[[place]]
    own <- structure(class = c("my_error", "error", "condition"), list(message = "mine", call = quote(here())))
    expect_identical(tryCatch(run(function() stop(own)), my_error = identity), own)
    # the session goes on, and so does the function
    note <- structure(class = c("my_message", "message", "condition"), list(message = "hm", call = NULL))
    care <- structure(class = c("my_warning", "warning", "condition"), list(message = "oh", call = NULL))
    seen <- list()
    keep <- function(restart) {
      function(c) {
        seen <<- c(seen, list(c))
        invokeRestart(restart)
      }
    }
    got <- withCallingHandlers(
      run(function() {
        message(note)
        warning(care)
      }),
      my_message = keep("muffleMessage"), my_warning = keep("muffleWarning")
    )
    expect_identical(seen, list(note, care))
    expect_equal(as.numeric(got), 1)
    expect_identical(callCC(function(k) run(function() k("out"))), "out")
    expect_identical(withRestarts(run(function() invokeRestart("leave", "left")), leave = identity), "left")
    stopped <- structure(class = c("interrupt", "condition"), list())
    expect_identical(tryCatch(run(function() signalCondition(stopped)), interrupt = identity), stopped)
    leaving <- function() run(function() return(NULL))
    expect_equal(as.numeric(leaving()), 1)
    expect_equal(as.numeric(run(function() NULL)), 1)
  })
}

test_that("a checkpoint keeps values and gradients, of any order", {
  local_cpu()
  w <- matrix(c(0.1, -0.4, 0.9, 0.7), 2)
  layer <- function(x, w) tanh(x %*% w)
  x <- f64(matrix(1:4 / 10, 2))
  plain <- function(w) sum(layer(layer(x, w), w))
  checked <- local({
    f <- mlx_checkpoint(layer)
    function(w) sum(f(f(x, w), w))
  })
  expect_equal(as.numeric(checked(f64(w))), as.numeric(plain(f64(w))))
  for (g in list(function(f) mlx_grad(f, f64(w))[[1]], function(f) mlx_hessian(f, f64(w))[[1]],
                 function(f) mlx_hvp(f, f64(w), vectors = w)[[1]],
                 function(f) mlx_jvp(f, f64(w), tangents = w)$tangents,
                 function(f) mlx_vmap(function(k) mlx_grad(function(w) f(w * k), f64(w))[[1]])(f64(c(1, 2))))) {
    expect_near(g(checked), as_r(g(plain)), 1e-12)
  }
})

test_that("a checkpoint lowers the peak of memory of a gradient through 50 layers at least three times", {
  x <- as_mlx(matrix(sin(seq_len(256 * 1024)), 1024))
  mlx_eval(x)
  peak <- function(layer) {
    chain <- function(x) {
      for (i in 1:50) x <- layer(x)
      sum(x)
    }
    gc()
    mlx_clear_cache()
    mlx_reset_peak_memory()
    before <- mlx_get_active_memory()
    grad <- mlx_grad(chain, x)[[1]]
    mlx_eval(grad)
    list(peak = mlx_get_peak_memory() - before, grad = as.numeric(sum(grad)))
  }
  steps <- function(x) {
    for (i in 1:5) x <- sin(x) * cos(x)
    x
  }
  plain <- peak(steps)
  checked <- peak(mlx_checkpoint(steps))
  expect_equal(checked$grad, plain$grad, tolerance = 1e-4)
  # a gpu gives memory back some time after, and so how much there is at a time is chance
  expect_gt(plain$peak / checked$peak, if (mlx_default_device() == "gpu") 1 else 3)
})

test_that("thousands of calls under a gradient leave memory flat", {
  local_cpu()
  f <- mlx_custom_function(function(x) x^2, vjp = function(primals, cotangents, outputs) cotangents * 2 * primals[[1]])
  x <- f64(c(1, 2))
  loss <- function(x) {
    layer <- mlx_checkpoint(function(z) z * 2) # whose environment holds the graph that holds it
    y <- layer(f(x))
    sum(y)
  }
  run <- function(n) for (i in seq_len(n)) mlx_grad(loss, x)
  used <- function() {
    gc()
    c(r = sum(gc()[, 1L]), mlx = mlx_get_active_memory())
  }
  run(200)
  before <- used()
  run(2000)
  growth <- used() - before
  expect_lt(growth[["r"]], 20000) # cells; one leaked closure a call would be hundreds of thousands
  expect_lt(growth[["mlx"]], 1e5)
})

test_that("rules and checkpoints survive a collection at every step", {
  local_cpu()
  skip_if(Sys.getenv("RMLX_TORTURE") == "0")
  f <- scaled(vjp = TRUE)
  g <- mlx_checkpoint(function(x) x * x)
  x <- f64(2)
  torture <- function(code) {
    old <- gctorture2(23)
    on.exit(gctorture2(old))
    code()
  }
  expect_equal(as.numeric(torture(function() mlx_grad(f, x)[[1]])), 60)
  expect_equal(as.numeric(torture(function() mlx_grad(g, x)[[1]])), 4)
  expect_equal(as.numeric(torture(function() mlx_vmap(function(v) mlx_grad(f, v)[[1]])(x + c(0, 0)))), c(60, 60))
  expect_equal(as.numeric(torture(function() mlx_jvp(f, x, tangents = 1)$tangents)), 60)
  expect_equal(as.numeric(torture(function() mlx_linearize(f, x)$vjp(1)[[1]])), 60)
  expect_equal(as.numeric(torture(function() mlx_hessian(g, x)[[1]])), 2)
})

test_that("a rule that takes too few arguments is refused when it is given", {
  expect_error(mlx_custom_function(sin, vjp = function(p, c) c), "takes 2 arguments", class = "rmlx_error_argument")
  expect_error(mlx_custom_function(sin, jvp = function(p) p), "takes 1 argument[.]", class = "rmlx_error_argument")
  expect_error(mlx_custom_function(sin, vmap = function() 1), "takes 0 arguments", class = "rmlx_error_argument")
  rule <- mlx_custom_function(sin, vjp = function(...) ..2 * 3)
  expect_equal(as.numeric(mlx_grad(rule, 1)[[1L]]), 3)
})

test_that("plain numbers from a custom function are refused with the remedy", {
  f <- mlx_custom_function(function(x) sin(as.numeric(x)), vjp = function(p, c, o) c * cos(p[[1L]]))
  expect_error(mlx_grad(f, 1), "as_mlx\\(\\)", class = "rmlx_error_result")
})

test_that("functions that transformations make print what they are made of", {
  made <- list(mlx_vmap = mlx_vmap(sin), mlx_compile = mlx_compile(sin), mlx_checkpoint = mlx_checkpoint(sin),
               mlx_custom_function = mlx_custom_function(sin))
  for (name in names(made)) {
    shown <- capture.output(print(made[[name]]))
    expect_identical(shown, c(paste0("<function made by ", name, "() of>"), capture.output(print(sin))))
  }
})
