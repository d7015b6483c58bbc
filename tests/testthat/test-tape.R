# Contract section 13: reading a value that a gradient depends on is an error at that very place.

# A function of x with this body, with or without its source, byte-compiled or not.
function_of_x <- function(body, source, compiled = FALSE) {
  lines <- c("function(x) {", deparse(body, width.cutoff = 500L), "}")
  f <- eval(parse(text = lines, keep.source = source), globalenv())
  if (compiled) compiler::cmpfun(f) else f
}

# Without the overlay, that every reader may be seen: test-overlay.R tells what leaves the tape with it.
caught_in <- function(f, grad = mlx_grad, x = c(1, 2, 3)) {
  rlang::local_options(rmlx.overlay = FALSE)
  out <- NULL
  utils::capture.output(
    out <- tryCatch(suppressWarnings(suppressMessages(grad(f, x))), error = identity),
    type = "output"
  )
  out
}

# What is wrong with what was caught, if not the tape error that names `call`.
wrong_with <- function(caught, call) {
  if (!inherits(caught, "rmlx_error_tape") || !inherits(caught, "rmlx_error")) {
    return(paste("no tape error but", class(caught)[[1L]]))
  }
  text <- conditionMessage(caught)
  parts <- c(
    "Ensure all differentiable computations use MLX operations", "must return an `mlx` object",
    "mlx_stop_gradient(x)", paste0("`", deparse(call, width.cutoff = 500L)[[1L]])
  )
  absent <- parts[!vapply(parts, grepl, NA, x = text, fixed = TRUE)]
  c(
    if (length(absent) > 0L) paste0("the text lacks \"", absent, "\""),
    if (!identical(deparse(conditionCall(caught)), deparse(call))) {
      paste("the call is", deparse(conditionCall(caught)))
    }
  )
}

expect_left <- function(caught, call, label) {
  problem <- wrong_with(caught, call)
  expect(is.null(problem), paste0(label, ": ", paste(problem, collapse = "; ")))
}

label_of <- function(body) deparse(body, width.cutoff = 500L)[[1L]]

test_that("functions that read values are an error that names the call, whatever is known of f", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  bodies <- alist(
    as.matrix(x), as.numeric(x), as.vector(x), as.integer(x), as.logical(x), as.character(x), as.complex(x),
    as.array(x), as.data.frame(x), as_r(x), x[[1]], x[[3]],
    lm.fit(cbind(1, 1:3), x), lm(x ~ c(1, 3, 2)), glm.fit(1:3, x),
    base::vapply(1:3, function(i) x[i], numeric(1)), base::sapply(1:3, function(i) x[i]),
    base::mapply(function(a) a, x), mean.default(x), quantile(unclass(x)), sort(unclass(x)), order(unclass(x)),
    base::matrix(x, 1), base::array(x, 3), base::outer(1:2, unclass(x)), base::unlist(list(x)), append(1, x),
    replace(numeric(3), 1, x[1]), saveRDS(x, tempfile()), serialize(x, NULL), dput(x), deparse(x), cat(x),
    paste(x), sprintf("%f", x), table(x), x %in% 1, tabulate(x), cut(unclass(x), 3), data.frame(x),
    stats::var(unclass(x)), stats::cor(unclass(x), 1:3), dnorm(x, 0, 1), rnorm(3, x), dist(x), plot(x),
    hist(x, plot = FALSE), range(unclass(x)), numeric(x[1]),
    do.call(cbind, list(1, unclass(x))), do.call(as.numeric, list(x)), do.call("as.numeric", list(x)),
    lapply(list(x), as.numeric), Map(as.numeric, list(x))
  )
  for (body in bodies) {
    label <- label_of(body)
    expect_left(caught_in(function_of_x(body, TRUE)), body, label)
    expect_left(caught_in(function_of_x(body, FALSE), mlx_value_grad), body, paste(label, "without source"))
    expect_left(caught_in(function_of_x(body, FALSE, TRUE)), body, paste(label, "compiled"))
  }
})

test_that("the call inside another is named, where f wrote it", {
  bodies <- list(
    alist(sum(as.numeric(x)) * 2, as.numeric(x)),
    alist(tryCatch(as.numeric(x), warning = identity), as.numeric(x)),
    alist(suppressWarnings(mean.default(x)), mean.default(x)),
    alist(local(as.numeric(x)), as.numeric(x)),
    alist(eval(quote(as.numeric(x))), as.numeric(x)),
    alist(eval(quote(as.numeric(x)), list(x = x)), as.numeric(x)),
    alist(with(list(y = x), mean.default(y)), mean.default(y)),
    alist((function(z) as.numeric(z))(x), as.numeric(z)),
    alist(vapply(list(x), function(z) sum(as.numeric(z)), 1), as.numeric(z)),
    alist(Reduce(function(a, b) as.numeric(b), as.list(x)), as.numeric(b)),
    alist(optimize(function(z) z * x[[1]], c(0, 1)), x[[1]]),
    alist(tryCatch(quantile(unclass(x)), warning = identity), quantile(unclass(x))),
    alist(as.vector(x, "list")[[1]][[1]], as.vector(x, "list")[[1]][[1]])
  )
  for (case in bodies) {
    for (source in c(TRUE, FALSE)) {
      expect_left(caught_in(function_of_x(case[[1]], source)), case[[2]], label_of(case[[1]]))
    }
  }
})

test_that("a primitive, a loop and an assignment are named by f's source, else f's call is", {
  statements <- alist(
    c(1, x), c(a = 1, x), sum(unclass(x)), max(unclass(x)), unclass(x) + 1, 1:x[1], seq_len(sum(x)), rep(1:3, x),
    out[1] <- x[1], out[[1]] <- x[1], out[2:3] <- x[2:3], for (v in x) out <- out + v, round(unclass(x)),
    switch(sum(x), 1, 2), if (sum(x) - 1) 1, while (sum(x)) break, cumsum(unclass(x)), storage.mode(x) <- "integer"
  )
  for (s in statements) {
    body <- bquote({
      out <- numeric(3)
      .(s)
      sum(x)
    })
    label <- label_of(s)
    expect_left(caught_in(function_of_x(body, TRUE)), s, label)
    expect_left(caught_in(function_of_x(body, TRUE, TRUE)), s, paste(label, "compiled"))
    expect_left(caught_in(function_of_x(body, FALSE)), quote(f(x)), paste(label, "without source"))
    expect_left(caught_in(function_of_x(body, FALSE, TRUE)), quote(f(x)), paste(label, "compiled, without source"))
  }
})

test_that("functions that the compiler replaces by their internals are named by f's source", {
  for (body in alist(identical(x, x + 0), nchar(x), match(1, x), vector("list", sum(x)), polyroot(x))) {
    label <- label_of(body)
    expect_left(caught_in(function_of_x(body, TRUE, TRUE)), body, label)
    caught <- caught_in(function_of_x(body, FALSE, TRUE))
    expect_s3_class(caught, "rmlx_error_tape")
    expect_true(list(conditionCall(caught)) %in% list(body, quote(f(x))), label = label)
  }
})

test_that("the text names the gradient as the user wrote it", {
  loss <- function(x) sum(as.numeric(x))
  says <- function(grad, text) {
    caught <- tryCatch(grad, error = identity)
    expect_match(conditionMessage(caught), text, fixed = TRUE)
  }
  says(mlx_grad(loss, c(1, 2)), "the function of `mlx_grad(loss, c(1, 2))` must return an `mlx` object")
  says(mlx_value_grad(loss, 1), "the function of `mlx_value_grad(loss, 1)` must return")
  says(do.call(mlx_grad, list(loss, as_mlx(1:9))), "must return an `mlx` object")
  says(mlx_grad(function(z) mlx_grad(loss, z)[[1]], 1), "the function of `mlx_grad(loss, z)` must return")
})

test_that("the text names the cause and what to write instead", {
  rlang::local_options(rmlx.overlay = FALSE)
  says <- function(body, ..., source = TRUE) {
    nll <- function_of_x(body, source)
    text <- conditionMessage(tryCatch(mlx_grad(nll, c(1, 2, 3)), rmlx_error_tape = identity))
    for (part in c(...)) expect_match(text, part, fixed = TRUE)
    expect_no_match(text, "x1", fixed = TRUE)
    invisible(text)
  }
  says(quote({
    out <- numeric(3)
    out[1] <- x[1]
  }), "`out[1] <- x[1]` asks", "start from `mlx_zeros(n)`")
  says(quote(for (v in x) v), "`seq_along(x)`", "`as.list(x)`")
  says(quote(c(0, x)), "`c(as_mlx(0), x)`")
  says(quote(sum(dnorm(x))), "`dnorm()` has no method for mlx: use `mlx_dnorm()`")
  says(quote(sum(plogis(x))), "use `mlx_sigmoid()`")
  says(quote(x[[1]]), "`x[[i]]` is a plain R number: write `x[i]`")
  says(quote(stats::rnorm(3, x)), "use `mlx_rnorm()`")
  says(quote(hist(x, plot = FALSE)), "`hist()` has no method for mlx")
  all <- c("base R code in `nll(x)` asks", "`mlx_zeros(n)`", "`seq_along(x)`", "`c(as_mlx(0), x)`", "`mlx_dnorm()`")
  says(quote(for (v in x) v), all, source = FALSE)
  expect_no_match(says(quote(as.numeric(x))), "The cause|usual causes")
})

test_that("every function that is named as a replacement exists", {
  known <- getNamespaceExports("rmlx")
  expect_identical(setdiff(replacements, c(known, "mean")), character())
  expect_true(all(vapply(names(replacements), exists, NA)))
})

test_that("a caught tape error leaves f's gradient whole", {
  rlang::local_options(rmlx.overlay = FALSE)
  f <- function(x) {
    k <- tryCatch(as.numeric(x), rmlx_error_tape = function(e) 5)
    m <- tryCatch(c(1, x), rmlx_error_tape = function(e) 2)
    sum(x) * k * m
  }
  expect_equal(as.numeric(mlx_grad(f, c(1, 2))[[1]]), c(10, 10))
})

test_that("a branch on a comparison is taken, and what base R makes of a comparison is allowed", {
  grad <- function(f, x) as.numeric(mlx_grad(f, x)[[1]])
  expect_equal(grad(function(x) if (x > 0) x^2 else -x, 3), 6)
  expect_equal(grad(function(x) if (x > 0) x^2 else -x, -3), -1)
  expect_equal(grad(function(x) if (isTRUE(any(x > 2))) sum(x^2) else sum(x), c(1, 3)), c(2, 6))
  expect_equal(grad(function(x) sum(x[which(as.logical(x > 1))]), c(1, 2, 3)), c(0, 1, 1))
  expect_equal(grad(function(x) sum(x) * sum(unclass(x > 1)), c(1, 2, 3)), c(2, 2, 2))
})

test_that("copies and attributes made in f do not hide the tape", {
  local_cpu()
  hidden <- list(
    function(x) {
      y <- x
      attr(y, "note") <- "mine"
      sum(as.numeric(y))
    },
    function(x) mean.default(structure(x, names = letters[1:3])),
    function(x) {
      e <- new.env()
      e$x <- list(list(x))
      mean.default(e$x[[1]][[1]])
    },
    function(x) {
      mlx_eval(x)
      y <- x * 2
      mlx_eval(y)
      mean.default(y)
    },
    function(x) {
      y <- rep(NA_real_, 3)
      y[] <- x
      sum(y)
    },
    function(x) mean.default(unclass(mlx_cast(x, "float64"))),
    function(x) mean.default(mlx_stop_gradient(x) * x)
  )
  for (f in hidden) expect_s3_class(caught_in(f), "rmlx_error_tape")
  long <- function(x) {
    y <- x
    dim(y) <- c(10, 100)
    mean.default(y)
  }
  expect_s3_class(caught_in(long, x = as.numeric(1:1000)), "rmlx_error_tape")
})

test_that("elements of a vector that are asked for as of a list name the remedy", {
  expect_error(mlx_grad(function(p) p$a, c(a = 1, b = 2)), "Its element is `x[\"a\"]`", fixed = TRUE,
               class = "rmlx_error_argument")
})

test_that("conversions and positions that depend on values name the remedy", {
  says <- function(code, text) expect_error(code, text, fixed = TRUE, class = "rmlx_error_tape")
  says(mlx_grad(function(b) sum(as.vector(diag(2) %*% b)), c(1, 2)), "Leave `as.vector()` out; `drop(x)`")
  expect_equal(as.numeric(mlx_grad(function(b) sum(drop(diag(2) %*% b)), c(1, 2))[[1L]]), c(1, 1))
  says(mlx_vmap(function(r) r[r > 1])(diag(2)), "Which elements `x[i]` takes must be known")
  first <- mlx_compile(function(x, n) sum(x[seq_len(n)]))
  says(first(c(1, 2, 3), 2L), "`f(x, list(n = 3L))`")
  first <- mlx_compile(function(x, o) sum(x[seq_len(o$n)]))
  expect_equal(as.numeric(first(c(1, 2, 3), list(n = 2L))), 3)
})

test_that("a missing argument in a call of a density is an error of that call", {
  said <- tryCatch(mlx_grad(function(m, s) dnorm(1, m, s), 1), error = identity)
  expect_match(conditionMessage(said), "argument \"s\" is missing")
  expect_identical(conditionCall(said)[[1L]], quote(dnorm))
})
