# Functions written for plain R vectors are transformed unchanged.

# A function's value and gradient beside plain R's and central differences.
expect_plain <- function(f, x, label) {
  want <- f(x)
  out <- mlx_value_grad(f, x)
  expect_near(c(out$value), c(want), 1e-10, paste("value of", label))
  slope <- central_difference(function(x) c(f(x)), list(x), 1) / c(weights_for(1))
  expect_near(out$grads[[1]], slope, 1e-6, paste("gradient of", label), absolute = 1e-8 * max(1, abs(slope)))
}

slope_of <- function(f, ...) as.vector(mlx_grad(f, ...)[[1]])

# A function that sees what is attached.
globally <- function(f) {
  environment(f) <- new.env(parent = globalenv())
  f
}

test_that("functions written for plain vectors have plain R's value and the exact gradient", {
  local_doubles()
  data <- list(plain_y = plain_y, plain_x = plain_x)
  # where rmlx is attached, and where only base R and stats are seen
  for (home in list(list2env(data, parent = globalenv()), list2env(data, parent = asNamespace("stats")))) {
    rows <- plain_functions(home)
    expect_gt(length(rows), 100)
    for (name in names(rows)) expect_plain(rows[[name]], plain_v, name)
  }
})

test_that("functions are as they were afterwards, and so is what they see", {
  local_doubles()
  rows <- plain_functions(globalenv())
  for (name in c("elements", "join", "matrix_fill", "recursion", "list_of_vectors")) {
    f <- rows[[name]]
    before <- list(deparse(f), environment(f), attributes(f))
    mlx_grad(f, plain_v)
    expect_identical(list(deparse(f), environment(f), attributes(f)), before, label = name)
  }
  expect_identical(base::sum, get("sum", baseenv()))
  expect_false(exists(".mlx_value"))
})

test_that("byte-compiled functions are treated as their sources", {
  local_doubles()
  rows <- plain_functions(list2env(list(plain_y = plain_y, plain_x = plain_x), parent = globalenv()))
  for (name in c("fill", "elements", "join", "hinge", "matrix_rows", "arma", "kalman_trend", "by_sapply", "switched")) {
    expect_plain(compiler::cmpfun(rows[[name]]), plain_v, paste("compiled", name))
  }
})

test_that("what f calls is overlaid too: functions of the user's, to any depth, but not those of packages", {
  local_doubles()
  home <- new.env(parent = globalenv())
  local({
    inner <- function(v) c(0, v)
    middle <- function(v) inner(v)
    outer_most <- function(x) sum(middle(x)^2)
    even <- function(x, n) if (n == 0) c(0, x)[2] else x * odd(x, n - 1)
    odd <- function(x, n) if (n == 0) x^2 else x * even(x, n - 1)
    power <- function(x, n) if (n == 0) max(0, 1) else x * power(x, n - 1)
    by_name <- function(x) do.call("middle", list(x))[2] + sapply(1, "middle_of", x)
    middle_of <- function(i, x) max(0, x)
    fit <- list(inverse = function(eta) plogis(eta), other = 3)
    by_list <- function(x) fit$inverse(x) * fit$other
  }, home)
  expect_identical(slope_of(home$outer_most, 3), 6)
  expect_identical(slope_of(home$even, 2, 3L), 5 * 2^4)
  expect_identical(slope_of(home$odd, 2, 3L), 4 * 2^3)
  expect_identical(slope_of(home$power, 2, 3L), 12)
  expect_identical(slope_of(home$by_name, 2), 2)
  expect_near(slope_of(home$by_list, 0.3), 3 * dlogis(0.3))
  expect_identical(slope_of(function(x, h) h(x), 2, function(v) max(0, v)^2), 4)
})

test_that("functions of packages are left alone, but those of f's own package", {
  local_doubles()
  toy <- new.env(parent = baseenv())
  toy$.__NAMESPACE__. <- list2env(list(spec = c(name = "toy", version = "1.0")))
  local({
    helper <- function(v) c(0, v)
    loss <- function(x) sum(helper(x)^2)
  }, toy)
  expect_true(isNamespace(toy))
  expect_identical(slope_of(toy$loss, 3), 6)
  home <- list2env(list(helper = toy$helper, toy = toy), parent = globalenv())
  expect_error(mlx_grad(eval(quote(function(x) helper(x)), home), 3), class = "rmlx_error_tape")
  expect_error(mlx_grad(eval(quote(function(x) toy$helper(x)), home), 3), class = "rmlx_error_tape")
  expect_error(mlx_grad(globally(function(x) stats::ecdf(x)(1)), c(1, 2)), class = "rmlx_error_tape")
})

test_that("functions that were defined again, or only now, are seen", {
  local_doubles()
  home <- new.env(parent = globalenv())
  home$f <- eval(quote(function(x) helper(x)), home)
  expect_error(mlx_grad(home$f, 2), "helper")
  home$helper <- function(x) x^2
  expect_identical(slope_of(home$f, 2), 4)
  home$helper <- function(x) max(0, x)^3
  expect_identical(slope_of(home$f, 2), 12)
  home$g <- eval(quote(function(x) sum(c(1, x))), home)
  expect_identical(slope_of(home$g, 2), 1)
  home$c <- function(...) 5 * ..2
  expect_identical(slope_of(home$g, 2), 5)
  rm("c", envir = home)
  expect_identical(slope_of(home$g, 2), 1)
  home$sum <- function(x) 7 * x[2]
  expect_identical(slope_of(home$g, 2), 7)
})

test_that("a variable with the name of an overlaid function stays a variable", {
  local_doubles()
  home <- list2env(list(c = 3, range = 2, max = function(...) 10 * ..2), parent = globalenv())
  expect_identical(slope_of(eval(quote(function(x) sum(c(0, x) * c)), home), 2), 3)
  expect_identical(slope_of(eval(quote(function(x) x^range), home), 3), 6)
  expect_identical(slope_of(eval(quote(function(x) max(0, x)), home), 3), 10)
  expect_identical(slope_of(eval(quote(function(x, c = 2) c * sum(c(0, x))), home), 3), 2)
})

test_that("`<<-` reaches the variables of f's enclosures, whatever their names", {
  local_doubles()
  home <- list2env(list(count = 0, c = 1, kept = numeric(2)), parent = globalenv())
  f <- eval(quote(function(x) {
    count <<- count + 1
    c <<- c + 1
    seen <<- "new"
    kept[1] <<- 7
    helper <<- function(v) max(0, v)
    sum(c(0, helper(x)))
  }), home)
  home$helper <- function(v) v
  expect_identical(slope_of(f, 2), 1)
  expect_identical(slope_of(f, 2), 1)
  expect_identical(list(home$count, home$c, home$kept, get("seen", globalenv())), list(2, 3, c(7, 0), "new"))
  rm("seen", envir = globalenv())
  # a vector of an enclosure becomes an array in place
  make <- globally(function() {
    total <- numeric(2)
    list(f = function(x) {
      total[2] <<- x
      sum(total)
    }, total = function() total)
  })()
  expect_identical(slope_of(make$f, 3), 1)
  expect_identical(as.vector(make$total()), c(0, 3))
})

test_that("functions of factories, promises that nobody forced, and vectorised functions work", {
  local_doubles()
  make <- globally(function(data, link = function(v) c(1, v)) function(p) sum(link(p) * data))
  expect_identical(slope_of(make(c(2, 3)), 5), 3)
  expect_identical(slope_of(make(c(2, 3), function(v) c(v, max(0, v))), 5), 5)
  untouched <- globally(function(data, unused) function(p) if (p > 0) sum(1, p) else unused)
  expect_identical(slope_of(untouched(1, stop("never needed")), 5), 1)
  expect_error(mlx_grad(untouched(1, stop("needed now")), -5), "needed now")
  expect_identical(slope_of(Vectorize(globally(function(a, k) max(0, a^k))), 2, 3L), 12)
  slopes <- numeric(3)
  for (k in 1:3) slopes[k] <- slope_of(make(c(k, 2 * k)), 1)
  expect_identical(slopes, c(2, 4, 6))
})

test_that("methods of the user's generics are overlaid, and those for numbers serve arrays", {
  local_doubles()
  home <- new.env(parent = globalenv())
  local({
    area <- function(shape, ...) UseMethod("area")
    area.square <- function(shape, p, ...) sum(c(0, p)^2)
    area.numeric <- function(shape, ...) max(0, shape)^3
    area.character <- function(shape, ...) stop("not this one")
    f <- function(p) area(structure(list(), class = "square"), p) + area(p)
  }, home)
  expect_identical(slope_of(home$f, 2), 2 * 2 + 3 * 4)
  expect_identical(slope_of(home$area, 2), 12)
})

test_that("functions of base R and stats may be given themselves", {
  local_doubles()
  expect_near(slope_of(dnorm, 0.7), -0.7 * dnorm(0.7))
  expect_near(slope_of("plogis", 0.7), dlogis(0.7))
  expect_identical(slope_of(sum, c(1, 2)), c(1, 1))
  expect_identical(slope_of(max, 1, 2, argnums = 2), 1)
})

test_that("gradients within functions, and second derivatives, see the overlay", {
  local_doubles()
  nested <- globally(function(x) {
    inner <- function(y) sum(c(0, y)^3)
    sum(c(1, mlx_grad(inner, x)[[1]]))
  })
  expect_identical(slope_of(nested, 2), 12)
  cube <- globally(function(x) {
    out <- numeric(2)
    out[2] <- x^3
    for (v in out) out[1] <- out[1] + v
    max(0, out[1])
  })
  expect_identical(slope_of(function(z) mlx_grad(cube, z)[[1]], 2), 12)
})

test_that("a vector beside one column is a column inside transformations, and outside as it was", {
  local_doubles()
  X <- cbind(1, plain_x)
  b <- c(0.5, -1)
  r <- plain_y - X %*% b
  expect_near(slope_of(function(b) sum((plain_y - X %*% b)^2), b), as.vector(-2 * t(X) %*% r))
  expect_no_warning(mlx_grad(function(b) sum(plain_y * X %*% b), b))
  expect_near(slope_of(function(b) sum(exp(X %*% b)^plain_y), b), colSums(c(plain_y * exp(X %*% b)^plain_y) * X))
  expect_near(slope_of(function(b) sum(ifelse(plain_y > 0.5, X %*% b, 0)), b), colSums(X[plain_y > 0.5, ]))
  expect_near(slope_of(function(b) sum(pmax(X %*% b, plain_y)), b), colSums(X[c(X %*% b) > plain_y, , drop = FALSE]))
  expect_near(slope_of(function(b) sum(dnorm(plain_y, X %*% b, log = TRUE)), b), as.vector(t(X) %*% r))
  # the rules of arrays hold elsewhere, and come back after an error
  try(mlx_grad(function(b) stop("no"), b), silent = TRUE)
  expect_warning(y <- as_mlx(cbind(1:3)) + c(1, 2, 3), class = "rmlx_warning_broadcast")
  expect_identical(dim(y), c(3L, 3L))
  # other lengths stay errors or broadcast
  expect_warning(mlx_grad(function(b) sum(c(1, 2) * (X %*% b)), b), class = "rmlx_warning_broadcast")
})

test_that("what is assigned into keeps its dtype, names and dim, and other variables their values", {
  local_doubles()
  seen <- list()
  f <- function(x) {
    out <- other <- c(a = 1, b = NA, c = 3)
    out["c"] <- x
    m <- matrix(0L, 2, 2, dimnames = list(c("r", "s"), NULL))
    m["s", 2] <- x
    long <- 1:3
    long[6] <- x
    back <- long
    back[1] <- 0
    seen <<- list(out = out, other = other, m = m, long = long)
    sum(out[c("a", "c")]) + sum(m) + long[6]
  }
  expect_identical(slope_of(f, as_mlx(2, "float32")), 3)
  expect_identical(as_r(seen$out), c(a = 1, b = NaN, c = 2))
  expect_identical(seen$other, c(a = 1, b = NA, c = 3))
  expect_identical(as_r(seen$m), matrix(c(0, 0, 0, 2), 2, dimnames = list(c("r", "s"), NULL)))
  expect_identical(as_r(seen$long), c(1, 2, 3, NaN, NaN, 2))
  expect_identical(mlx_dtype(seen$out), "float32")
  expect_null(attr(as.array(seen$m), "rmlx_was_plain"))
})

test_that("indices and values are looked at once, values first, as in base R", {
  local_doubles()
  order <- character()
  said <- function(what, value) {
    order <<- c(order, what)
    value
  }
  f <- function(x) {
    out <- numeric(3)
    state <- list(a = numeric(2))
    out[said("index", 2)] <- said("value", x)
    state$a[said("inner", 1)] <- said("part", x)
    out[3] <- out[1] <- x^2
    sum(out) + state$a[1]
  }
  expect_identical(slope_of(f, 3), 1 + 4 * 3 + 1)
  expect_identical(order, c("value", "index", "part", "inner"))
})

test_that("vectors are still filled in place where nothing is traced", {
  skip_if_not(capabilities("profmem"))
  copies <- character()
  f <- function(x) {
    out <- numeric(100)
    out[1] <- 1
    tracemem(out)
    for (i in 2:100) out[i] <- out[i - 1] + 1
    untracemem(out)
    x * out[100]
  }
  shown <- capture.output(g <- slope_of(f, 2))
  expect_identical(g, 100)
  expect_identical(shown, character())
})

test_that("arrays of the user's keep their own rules", {
  x <- as_mlx(matrix(1:6, 2))
  f <- function(x) {
    stopifnot(identical(dim(x[1, ]), c(1L, 3L)))
    x[1, ] <- x[2, ]
    stopifnot(identical(dim(x[1, ]), c(1L, 3L)))
    sum(x)
  }
  expect_identical(slope_of(f, x), c(0, 2, 0, 2, 0, 2))
  whole <- function(z) {
    out <- mlx_zeros(2, dtype = "int32")
    out[1] <- z
    stopifnot(identical(mlx_dtype(out), "int32"))
    z
  }
  expect_identical(slope_of(whole, 2.5), 1)
  expect_error(mlx_grad(function(z) {
    fixed <- as_mlx(c(1, 2))
    fixed[4] <- 1
    z
  }, 1), "out of bounds")
})

test_that("conditions show the user's calls and are the very ones that were raised", {
  f <- function(x) {
    for (v in x) warning("in the loop")
    stop("at the end")
  }
  said <- list()
  caught <- tryCatch(
    withCallingHandlers(mlx_grad(f, 1), warning = function(w) {
      said <<- c(said, list(w))
      invokeRestart("muffleWarning")
    }),
    error = identity
  )
  expect_identical(conditionMessage(caught), "at the end")
  expect_identical(conditionCall(caught), quote(f(x)))
  expect_identical(conditionCall(said[[1]]), quote(f(x)))
  call_of <- function(f) conditionCall(tryCatch(mlx_grad(f, 1), error = identity))
  expect_identical(call_of(globally(function(x) dnorm(x, sd = -1))), quote(dnorm(x, sd = -1)))
  expect_identical(call_of(globally(function(x) c("a", x))), quote(c("a", x)))
  expect_identical(call_of(globally(function(x) {
    out <- numeric(2)
    out[1] <- as.numeric(x)
  })), quote(as.numeric(x)))
  expect_identical(as.character(call_of(globally(function(x) sum("a", 1))))[[1]], "sum")
  expect_identical(as.character(call_of(globally(function(x) dnorm("a"))))[[1]], "dnorm")
})

test_that("on.exit, return, sys.call, match.call, missing and restarts work in overlaid functions", {
  ended <- FALSE
  f <- function(x, scale) {
    on.exit(ended <<- TRUE)
    stopifnot(identical(sys.call()[[2]], quote(x)), identical(names(match.call()), c("", "x")), missing(scale))
    kept <- tryCatch(max(0, stop("inner")), error = function(e) 2)
    for (v in x) return(max(0, v) * kept)
  }
  expect_identical(slope_of(f, 3), 2)
  expect_true(ended)
})

test_that("what takes plain numbers out remains the tape error", {
  for (f in list(
    function(x) sum(c(0, x[[1]])), function(x) as.numeric(max(0, x)), function(x) sum(c(0, as.vector(x))),
    function(x) {
      out <- numeric(2)
      out[1] <- x
      out[[1]]
    },
    function(x) c("a", x), function(x) seq_len(sum(1, x)), function(x) paste(max(0, x)), function(x) numeric(max(0, x)),
    function(x) if (sum(0, x)) x else -x, function(x) rnorm(max(1, x))
  )) {
    expect_error(mlx_grad(f, 2), class = "rmlx_error_tape", label = paste(deparse(f), collapse = " "))
  }
})

test_that("the overlay can be switched off", {
  rlang::local_options(rmlx.overlay = FALSE)
  for (f in list(function(x) c(0, x), function(x) max(0, x), function(x) sum(dnorm(x)), function(x) {
    out <- numeric(1)
    out[1] <- x
    out
  }, function(x) for (v in x) return(v))) {
    expect_error(mlx_grad(globally(f), 2), "tape|must return")
  }
  expect_warning(mlx_grad(function(b) sum(plain_y[1:3] - matrix(1, 3, 1) %*% b), 1), class = "rmlx_warning_broadcast")
  rlang::local_options(rmlx.overlay = NA)
  expect_error(mlx_grad(function(x) x, 2), "rmlx.overlay", class = "rmlx_error_argument")
})

test_that("what is known of functions goes with their enclosures", {
  gone <- FALSE
  local({
    make <- function(big) {
      reg.finalizer(environment(), function(e) gone <<- TRUE)
      function(x) sum(c(0, x)) * big
    }
    mlx_grad(make(3), 2)
  })
  for (i in 1:3) gc()
  expect_true(gone)
})
