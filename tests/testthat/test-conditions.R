# Conditions, restarts, jumps and interrupts in a function that is being differentiated.

works <- function() {
  g <- mlx_grad(function(x) sum(x^3), c(1, 2))[[1]]
  expect_equal(as.numeric(g), c(3, 12))
}

my_condition <- function(class = "my_class", type = "error", ...) {
  structure(class = c(class, type, "condition"), list(message = "mine", call = quote(my(call)), ...))
}

test_that("a condition of a custom class arrives with its data and call", {
  caught <- tryCatch(
    mlx_grad(function(x) stop(my_condition(data = 42)), 1),
    my_class = identity
  )
  expect_identical(caught, my_condition(data = 42))
  works()
})

test_that("it arrives two and three transformations deep", {
  thrown <- my_condition(data = list(a = 1, e = globalenv()))
  deep <- function(depth) {
    if (depth == 0) return(function(x) stop(thrown))
    function(x) mlx_grad(deep(depth - 1), x)[[1]]
  }
  for (depth in 1:3) {
    caught <- tryCatch(mlx_value_grad(deep(depth), 1), my_class = identity)
    expect_identical(caught, thrown)
    works()
  }
})

test_that("stop() shows the user's call", {
  loss <- function(x) stop("no luck")
  caught <- tryCatch(mlx_grad(loss, 1), error = identity)
  expect_s3_class(caught, c("simpleError", "error", "condition"), exact = TRUE)
  expect_identical(conditionMessage(caught), "no luck")
  expect_identical(conditionCall(caught), quote(loss(x)))
  inner <- function(z) stop("inside")
  caught <- tryCatch(mlx_grad(function(x) inner(x), 1), error = identity)
  expect_identical(conditionCall(caught), quote(inner(x)))
  works()
})

test_that("an error of rmlx inside f is the very same condition outside", {
  caught <- tryCatch(mlx_grad(function(x) sum(x + c(1, 2, 3)), c(1, 2)), error = identity)
  expect_s3_class(caught, "rmlx_error_shape")
  works()
})

test_that("an error in an inner gradient can be caught inside f, and f goes on", {
  f <- function(x) {
    k <- tryCatch(mlx_grad(function(z) stop("inner"), x), error = function(e) 3)
    m <- tryCatch(as.numeric(x), rmlx_error_tape = function(e) 2)
    n <- tryCatch(sum(x + c(1, 2, 3)), rmlx_error_shape = function(e) 1)
    sum(x) * k * m + n
  }
  expect_equal(as.numeric(mlx_grad(f, c(1, 2))[[1]]), c(6, 6))
})

test_that("a caught error inside an inner f keeps the outer tape whole", {
  f <- function(x) {
    inner <- function(z) tryCatch(stop("x"), error = function(e) x * z^2)
    mlx_grad(inner, x)[[1]] # 2 x^2
  }
  expect_equal(as.numeric(mlx_grad(f, 3)[[1]]), 12)
})

test_that("calling handlers see the condition at the signal, with f's frames alive", {
  frames <- NULL
  out <- tryCatch(
    withCallingHandlers(
      mlx_grad(function(x) stop(my_condition()), 1),
      my_class = function(e) frames <<- sys.calls()
    ),
    my_class = function(e) "caught"
  )
  expect_identical(out, "caught")
  expect_true(list(quote(f(x))) %in% as.list(frames))
})

test_that("warnings and messages pass, and f goes on after muffling", {
  f <- function(x) {
    warning("careful")
    message("note")
    signalCondition(my_condition("my_signal", NULL))
    sum(x^2)
  }
  heard <- character()
  g <- withCallingHandlers(
    mlx_grad(f, c(1, 2))[[1]],
    warning = function(w) {
      heard <<- c(heard, conditionMessage(w))
      invokeRestart("muffleWarning")
    },
    message = function(m) {
      heard <<- c(heard, conditionMessage(m))
      invokeRestart("muffleMessage")
    },
    my_signal = function(s) heard <<- c(heard, "signal")
  )
  expect_identical(heard, c("careful", "note\n", "signal"))
  expect_equal(as.numeric(g), c(2, 4))
  expect_warning(mlx_grad(function(x) {
    warning("plain")
    x
  }, 1), "plain")
  suppressWarnings(suppressMessages(mlx_grad(f, 1)))
  works()
})

test_that("a warning caught by tryCatch leaves f", {
  expect_identical(tryCatch(mlx_grad(function(x) warning("w"), 1), warning = conditionMessage), "w")
  works()
})

test_that("custom restarts inside and outside f are invoked", {
  f <- function(x) {
    k <- withRestarts(stop(my_condition()), use_value = function(v) v)
    sum(x) * k
  }
  g <- withCallingHandlers(mlx_grad(f, c(1, 2)), my_class = function(e) invokeRestart("use_value", 5))
  expect_equal(as.numeric(g[[1]]), c(5, 5))
  out <- withRestarts(
    mlx_grad(function(x) mlx_grad(function(z) invokeRestart("leave", 7), x)[[1]], 1),
    leave = function(v) v + 1
  )
  expect_identical(out, 8)
  works()
})

test_that("callCC, return() in a promise, break and next leave f", {
  expect_identical(callCC(function(k) mlx_grad(function(x) k("out"), 1)), "out")
  expect_identical(callCC(function(k) {
    mlx_grad(function(x) mlx_grad(function(z) k("two out"), x)[[1]], 1)
  }), "two out")
  through_promise <- function() {
    f <- function(x, y) y
    mlx_grad(function(x) f(x, return("never")), 1)
  }
  expect_error(through_promise(), "must return an `mlx` object") # returns from f itself
  lazy <- function(p) mlx_grad(function(x) p, 1)
  outside <- function() {
    lazy(return("returned"))
    "not reached"
  }
  expect_identical(outside(), "returned")
  seen <- 0
  leave <- function(p) mlx_grad(function(x) p, 1)
  for (i in 1:3) {
    seen <- seen + 1
    leave(if (i == 2) break else next)
    seen <- 100
  }
  expect_identical(seen, 2)
  works()
})

test_that("on.exit and tryCatch(finally = ) run once, innermost first, on every way out", {
  log <- character()
  add <- function(s) log <<- c(log, s)
  f <- function(x) {
    on.exit(add("f"))
    tryCatch(stop("out"), finally = add("finally"))
  }
  outer <- function() {
    on.exit(add("outer"))
    mlx_grad(f, 1)
  }
  expect_error(outer(), "out")
  expect_identical(log, c("finally", "f", "outer"))
  log <- character()
  g <- function(x) {
    on.exit(add("g"))
    sum(x)
  }
  mlx_grad(g, c(1, 2))
  expect_identical(log, "g")
  log <- character()
  callCC(function(k) {
    jumping <- function(x) {
      on.exit(add("jumped"))
      k(1)
    }
    mlx_grad(jumping, 1)
  })
  expect_identical(log, "jumped")
  works()
})

test_that("on.exit code may use MLX and gradients while an error leaves", {
  value <- NULL
  f <- function(x) {
    on.exit(value <<- as.numeric(mlx_grad(function(z) z^2, 4)[[1]]))
    stop("gone")
  }
  expect_error(mlx_grad(f, 1), "gone")
  expect_identical(value, 8)
  works()
})

test_that("try(), geterrmessage and nested handlers see the text", {
  out <- try(mlx_grad(function(x) stop("told you"), 1), silent = TRUE)
  expect_s3_class(out, "try-error")
  expect_match(geterrmessage(), "told you")
  works()
})

test_that("rlang's abort with a parent arrives whole", {
  f <- function(x) {
    tryCatch(stop("low"), error = function(e) rlang::abort("high", class = "my_rlang", parent = e))
  }
  caught <- tryCatch(mlx_grad(f, 1), my_rlang = identity)
  expect_identical(conditionMessage(caught$parent), "low")
})

test_that("Recall, recursion and sys.function work inside f", {
  f <- function(x) if (sum(x) > 100) sum(x) else Recall(x * 2)
  expect_equal(as.numeric(mlx_grad(f, c(1, 2))[[1]]), c(64, 64))
  g <- function(x) if (is.function(sys.function())) sum(x)
  expect_equal(as.numeric(mlx_grad(g, c(1, 2))[[1]]), c(1, 1))
})

test_that("f is called by the names that the user gave", {
  seen <- function(f, ..., argnums = NULL) {
    caught <- tryCatch(mlx_grad(f, ..., argnums = argnums), error = identity)
    deparse(conditionCall(caught))
  }
  nll <- function(par, data, ...) stop("mine")
  call_of <- function(code) deparse(conditionCall(tryCatch(code, error = identity)))
  expect_identical(call_of(mlx_grad(nll, 1, 2)), "nll(par, data)")
  expect_identical(call_of(mlx_value_grad(nll, 1, 2, 3)), "nll(par, data, x3)")
  expect_identical(call_of(mlx_grad(nll, data = 1, 2)), "nll(data = data, par)")
  expect_identical(call_of(do.call(mlx_grad, list(nll, 1))), "f(par)")
  expect_identical(call_of(mlx_grad(function(z) stop("mine"), 1)), "f(z)")
  expect_identical(seen(nll, 1), "f(par)")
  # an argument may have f's name, even if it is a function
  p <- function(p, q = NULL) if (is.function(q)) q(p) else p^2
  expect_identical(as.numeric(mlx_grad(p, 3)[[1]]), 6)
  expect_identical(as.numeric(mlx_grad(p, 3, function(z) z^3)[[1]]), 27)
  q <- p
  expect_identical(as.numeric(mlx_grad(q, 3, function(z) z^3)[[1]]), 27)
  expect_error(mlx_grad(), "missing")
})

test_that("calls shown by sys.calls() and traceback() inside f hold no arrays", {
  calls <- NULL
  do.call(mlx_grad, list(function(x) {
    calls <<- sys.calls()
    sum(x)
  }, as_mlx(c(1, 2))))
  mine <- Filter(function(call) identical(call[[1]], quote(f)), calls)
  expect_identical(deparse(mine[[1]]), "f(x)")
  expect_no_error(capture.output(traceback(calls)))
})

test_that("very many failing gradients leave nothing behind", {
  for (i in 1:300) try(mlx_grad(function(x) mlx_grad(function(z) stop("no"), x)[[1]], 1), silent = TRUE)
  works()
})

test_that("a stack overflow inside f is an ordinary error", {
  child <- run_child({
    options(expressions = 500)
    f <- function(x) f(x)
    said <- tryCatch(mlx_grad(f, 1), error = function(e) "caught", stackOverflowError = function(e) "caught")
    deep <- function(n) function(x) if (n == 0) stop("bottom") else mlx_grad(deep(n - 1), x)[[1]]
    bottom <- tryCatch(mlx_grad(deep(15), 1), error = conditionMessage)
    g <- as.numeric(mlx_grad(function(x) x^2, 3)[[1]])
    if (said == "caught" && g == 6) cat("fine", bottom)
  })
  expect_child(child, "fine bottom")
})

test_that("invokeRestart('abort') and quit() inside f end a script as they should", {
  child <- run_child({
    cat("before\n")
    mlx_grad(function(x) mlx_grad(function(z) invokeRestart("abort"), x)[[1]], 1)
    cat("after\n")
  })
  expect_identical(child$status, 1L)
  expect_identical(child$out, "before\nExecution halted")
  child <- run_child(mlx_grad(function(x) quit(status = 7), 1))
  expect_identical(child$status, 7L)
})

# What an interactive session says to these lines, typed one after the other.
interactive_session <- function(lines) {
  libraries <- paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  out <- system2(
    file.path(R.home("bin"), "R"), c("--no-save", "--no-readline", "--interactive", "-q"),
    input = c("suppressMessages(library(rmlx))", lines), stdout = TRUE, stderr = TRUE,
    env = c(libraries, "TERM=dumb"), timeout = 60
  )
  paste(out, collapse = "\n")
}

test_that("after abort at the top level the session goes on", {
  out <- interactive_session(c(
    "mlx_grad(function(x) mlx_grad(function(z) invokeRestart('abort'), x)[[1]], 1)",
    "mlx_grad(function(x) stop('halted'), 1)",
    "cat('still', as.numeric(mlx_grad(function(x) x^2, 3)[[1]]), '\\n')"
  ))
  expect_match(out, "still 6")
})

test_that("browser() inside f shows f's frame, steps on, continues and quits", {
  out <- interactive_session(c(
    "f <- function(x) {",
    "  y <- x^2",
    "  browser()",
    "  z <- y * x",
    "  z",
    "}",
    "g <- mlx_grad(f, 3)",
    "x", # typed in the browser: printing a traced value is allowed
    "n",
    "cat('stepped', exists('z', inherits = FALSE), '\\n')",
    "n",
    "cat('computed', exists('z', inherits = FALSE), '\\n')",
    "c",
    "cat('gradient', as.numeric(g[[1]]), '\\n')",
    "h <- mlx_grad(function(x) mlx_grad(f, x)[[1]], 3)",
    "Q",
    "cat('left', exists('h'), as.numeric(mlx_grad(function(x) x^2, 3)[[1]]), '\\n')"
  ))
  expect_match(out, "mlx array []", fixed = TRUE)
  expect_match(out, "stepped FALSE")
  expect_match(out, "computed TRUE")
  expect_match(out, "gradient 27")
  expect_match(out, "left FALSE 6")
})

interrupted_in <- function(work) {
  bquote({
    Sys.setenv(PARENT = Sys.getpid())
    # a helper process interrupts this one half a second from now
    system2("bash", c("-c", shQuote("sleep 0.7; kill -INT $PARENT")), wait = FALSE)
    start <- Sys.time()
    got <- tryCatch(.(work), interrupt = function(i) "interrupted")
    took <- as.numeric(Sys.time() - start, units = "secs")
    g <- as.numeric(mlx_grad(function(x) x^3, 2)[[1]])
    ok <- identical(got, "interrupted") && took < 2.7 && g == 12
    cat(if (ok) "fine" else paste("got", format(got), "after", took))
  })
}

test_that("an interrupt in R code inside f arrives within 2 s", {
  child <- eval(bquote(run_child(.(interrupted_in(quote(mlx_grad(function(x) {
    repeat x <- x + 1
    x
  }, 1)))))))
  expect_child(child)
  child <- eval(bquote(run_child(.(interrupted_in(quote(
    mlx_grad(function(x) {
      sleeping <- function(z) {
        Sys.sleep(20)
        z
      }
      mlx_grad(sleeping, x)[[1]]
    }, 1)
  ))))))
  expect_child(child)
})

test_that("an interrupt during a long evaluation arrives within 2 s", {
  child <- eval(bquote(run_child(.(interrupted_in(quote({
    x <- mlx_ones(c(1500, 1500))
    products <- if (mlx_has_gpu()) 40000 else 400 # some seconds
    for (i in seq_len(products)) x <- (x %*% x) / 1500
    mlx_eval(x)
  }))))))
  expect_child(child)
})

test_that("an interrupt during a long evaluation inside f arrives within 2 s", {
  skip_if(mlx_has_gpu(), "what keeps a gpu busy for a second does not fit in memory with all that a tape keeps")
  child <- eval(bquote(run_child(.(interrupted_in(quote(mlx_grad(function(x) {
    for (i in 1:400) x <- (x %*% x) / 1500
    if (sum(x) > 0) sum(x) else -sum(x)
  }, mlx_ones(c(1500, 1500)))))))))
  expect_child(child)
})

test_that("every way out survives gctorture", {
  child <- run_child(timeout = 300, {
    suppressWarnings(suppressMessages(requireNamespace("rlang")))
    mine <- structure(class = c("my", "error", "condition"), list(message = "m", call = NULL))
    ways <- list(
      function() tryCatch(mlx_grad(function(x) stop(mine), 1), my = function(e) TRUE),
      function() {
        tryCatch(mlx_grad(function(x) mlx_grad(function(z) stop("in"), x)[[1]], 1),
          error = function(e) conditionMessage(e) == "in"
        )
      },
      function() callCC(function(k) mlx_grad(function(x) k(TRUE), 1)),
      function() withRestarts(mlx_grad(function(x) invokeRestart("r"), 1), r = function() TRUE),
      function() {
        g <- withCallingHandlers(mlx_grad(function(x) {
          warning("w")
          sum(x^2)
        }, c(1, 2)), warning = function(w) invokeRestart("muffleWarning"))
        identical(as.numeric(g[[1]]), c(2, 4))
      },
      function() {
        d <- function(x) mlx_grad(function(z) z^3, x)[[1]]
        as.numeric(mlx_grad(d, 2)[[1]]) == 12
      },
      function() {
        g <- mlx_grad(function(p) sum(p$a[2:3] * p$b), list(a = c(1, 2, 3), b = 2))[[1]]
        identical(as.numeric(g$a), c(0, 2, 2))
      },
      function() identical(as.vector(as_mlx(c(a = 1, b = 2))["b"] + 1L), 3),
      function() {
        x <- as_mlx(matrix(c(1, 2, 3, 4), 2))
        y <- x
        y[1, ] <- 0
        identical(as.vector(x), c(1, 2, 3, 4)) && identical(unserialize(serialize(y, NULL)), y)
      }
    )
    # rlang's conditions make very many allocations
    slow <- list(
      function() tryCatch(mlx_grad(function(x) unclass(x) + 1, 1), rmlx_error_tape = function(e) TRUE),
      function() {
        d <- function(x) {
          y <- x * 2
          g <- mlx_grad(function(z) z^2 * y, x)[[1]] # 4 x^2
          mlx_eval(g, y)
          g + y
        }
        as.numeric(mlx_grad(d, 3)[[1]]) == 26
      },
      function() tryCatch(mlx_grad(function(x) sum(as.numeric(x)), 1), rmlx_error_tape = function(e) TRUE),
      function() tryCatch(mlx_grad(function(x) NULL, 1), rmlx_error_result = function(e) TRUE)
    )
    for (i in 1:4) for (way in c(ways, slow)) stopifnot(way()) # compiled and loaded before
    done <- function(ways, step) {
      gctorture2(step)
      on.exit(gctorture2(0))
      vapply(ways, function(way) isTRUE(way()), NA)
    }
    ok <- c(done(ways, 5), done(ways, 3), done(slow, 61))
    cat(if (all(ok)) "fine" else which(!ok))
  })
  expect_child(child)
})
