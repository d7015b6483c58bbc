# `x[...] <- value` gives x a new array: whoever else has the old one keeps its values.

# What a function of an array gives when R interprets it and when it is compiled: plain values, to be the
# same both times and the same as of a plain vector, base R being the oracle.
expect_as_in_base <- function(f, start = c(1, 2, 3, 4)) {
  plain <- function(x) if (is.list(x)) lapply(x, plain) else as.vector(x)
  old <- compiler::enableJIT(0L)
  on.exit(compiler::enableJIT(old))
  compiled <- compiler::cmpfun(f)
  want <- plain(f(start))
  for (way in list(f, compiled)) {
    for (evaluated in c(FALSE, TRUE)) {
      # the argument alone has its array, or this frame has it too
      make <- function() {
        x <- as_mlx(start) * 1
        if (evaluated) mlx_eval(x)
        x
      }
      expect_identical(plain(way(make())), want)
      kept <- make()
      expect_identical(plain(way(kept)), want)
      expect_identical(as.vector(kept), start)
    }
  }
}

test_that("variables that got the array before or between assignments keep it", {
  expect_as_in_base(function(x) {
    before <- x
    x[1] <- 10
    between <- x
    x[2] <- 20
    x[x > 3] <- 0
    x[[3]] <- 30
    list(before, between, x)
  })
})

test_that("lists, environments and attributes that hold the array keep it", {
  expect_as_in_base(function(x) {
    all <- list(a = x, b = list(x))
    e <- new.env()
    e$x <- x
    holder <- structure(list(), held = x)
    x[1] <- 10
    all$a[2] <- 20
    all$b[[1]][3] <- 30
    before <- all
    all$a[4] <- 40
    e$x[4] <- 50
    other <- e$x
    e$x[1] <- 60
    list(x, all, before, e$x, other, attr(holder, "held"))
  })
})

test_that("an attribute of an array is assigned into without touching the variable it came from", {
  x <- as_mlx(c(1, 2))
  y <- as_mlx(c(5, 6))
  attr(x, "mate") <- y
  z <- x
  attr(x, "mate")[1] <- 50
  x[1] <- 10
  expect_identical(as.vector(y), c(5, 6))
  expect_identical(as.vector(attr(z, "mate")), c(5, 6))
  expect_identical(as.vector(attr(x, "mate")), c(50, 6))
  expect_identical(as.vector(z), c(1, 2))
})

test_that("functions, local(), closures and promises see the values of their own variable", {
  expect_as_in_base(function(x) {
    changed <- function(v) {
      v[1] <- 10
      v
    }
    forced_late <- function(v) function() v
    late <- forced_late(x)
    early <- forced_late(x)
    seen <- early()
    inner <- local({
      x[2] <- 20
      x
    })
    counter <- function() x[3] <<- 30
    first <- changed(x)
    old <- x
    counter()
    delayedAssign("promise", x)
    x[4] <- 40
    list(x, old, inner, first, seen, early(), late(), promise, changed(x), x)
  })
})

test_that("arguments evaluated before an assignment in a later argument keep the old values", {
  expect_as_in_base(function(x) {
    all <- list(x, {
      x[1] <- 10
      x
    }, x)
    total <- x + {
      x[2] <- 20
      0
    }
    list(all, total, x)
  })
})

test_that("an assignment whose indices or value use or keep the array sees the old values", {
  expect_as_in_base(function(x) {
    x[2] <- x[1]
    x[c(1, 2)] <- x[c(3, 4)]
    x[as.vector(x) > 3] <- sum(x)
    x[{
      during <- x
      1
    }] <- {
      meanwhile <- x
      100
    }
    x[] <- x
    x[4:1] <- x
    list(x, during, meanwhile)
  })
})

test_that("what a function returns is not changed by its on.exit()", {
  expect_as_in_base(function(x) {
    f <- function() {
      on.exit(x[1] <- 10)
      x
    }
    list(f(), x)
  })
})

test_that("`[<-` called as a function leaves its argument alone, whatever the variable's name", {
  expect_as_in_base(function(x) {
    `*tmp*` <- x
    new <- `[<-`(`*tmp*`, 1, value = 10)
    newer <- `[[<-`(`*tmp*`, 2, value = 20)
    newest <- do.call("[<-", list(x, 3, value = 30))
    list(`*tmp*`, new, newer, newest, x)
  })
})

test_that("replacement functions change only what they are called for", {
  expect_as_in_base(function(x) {
    `first<-` <- function(x, value) {
      x[1] <- value
      x
    }
    `ends<-` <- function(x, value) {
      old <- x
      x[1] <- value
      x[4] <- sum(old)
      x
    }
    old <- x
    first(x) <- 10
    mid <- x
    ends(x) <- 7
    first(x[2:3]) <- 50
    list(x, mid, old)
  })
})

test_that("loops over an array that is assigned into run over the old one", {
  expect_as_in_base(function(x) {
    seen <- list()
    for (v in list(x, x)) {
      v[1] <- 10
      x[2] <- x[2] + 1
      seen <- c(seen, list(v, x))
    }
    mapped <- lapply(1:2, function(i) {
      x[i] <- 0
      x
    })
    list(seen, mapped, x)
  })
})

test_that("an error in an assignment leaves the variable as it was", {
  x <- as_mlx(c(1, 2, 3))
  y <- x
  expect_error(x[5] <- 1, class = "rmlx_error")
  expect_error(x[1:2] <- 1:3, class = "rmlx_error")
  expect_error(x[1] <- stop("no"), "no")
  expect_error(x[stop("no")] <- 1, "no")
  expect_error(x[1] <- 1i, class = "rmlx_error")
  expect_error(x[c(TRUE, NA, TRUE)] <- 1, class = "rmlx_error")
  expect_error(names(x)[1][stop("no")] <- "a", "no")
  expect_identical(as.vector(x), c(1, 2, 3))
  f <- compiler::cmpfun(function(x) {
    old <- x
    tryCatch({
      x[1] <- 10
      x[2] <- stop("no")
    }, error = function(e) NULL)
    list(old, x)
  })
  expect_identical(lapply(f(x), as.vector), list(c(1, 2, 3), c(10, 2, 3)))
  expect_identical(as.vector(y), c(1, 2, 3))
})

test_that("a class whose `[<-` refuses a value after the array was changed keeps the old one", {
  `[<-.positive` <- function(x, ..., value) {
    out <- NextMethod()
    if (any(as.vector(out) <= 0)) stop("refused")
    structure(out, seen = as.vector(x))
  }
  f <- function(value) {
    x <- structure(as_mlx(c(1, 2, 3)), class = c("positive", "mlx"))
    tryCatch(x[1] <- value, error = function(e) NULL)
    x
  }
  for (way in list(f, compiler::cmpfun(f))) {
    expect_identical(as.vector(way(-5)), c(1, 2, 3))
    expect_identical(as.vector(way(5)), c(5, 2, 3))
    expect_identical(attr(way(5), "seen"), c(1, 2, 3))
  }
})

test_that("locked and active bindings stand their ground", {
  e <- new.env()
  e$x <- as_mlx(c(1, 2))
  y <- e$x
  lockBinding("x", e)
  expect_error(e$x[1] <- 10, "locked")
  f <- compiler::cmpfun(function() x[1] <- 10)
  environment(f) <- e
  f()
  expect_identical(as.vector(e$x), c(1, 2))
  stored <- as_mlx(c(1, 2))
  makeActiveBinding("live", function(v) if (missing(v)) stored else stored <<- v, environment())
  old <- stored
  live[1] <- 10
  expect_identical(as.vector(stored), c(10, 2))
  live[2] <- 20
  expect_identical(as.vector(stored), c(10, 20))
  expect_identical(as.vector(old), c(1, 2))
  expect_identical(as.vector(y), c(1, 2))
  rm(old)
  store <- new.env()
  read_only <- compiler::cmpfun(function(v) if (missing(v)) store$x else stop("read only"))
  makeActiveBinding("sealed", read_only, environment())
  for (f in list(function() sealed[1] <<- 10, function() sealed[[1]] <<- 10)) {
    for (way in list(f, compiler::cmpfun(f))) {
      store$x <- as_mlx(c(1, 2)) * 1
      mlx_eval(store$x)
      expect_error(way(), "read only")
      expect_identical(as.vector(store$x), c(1, 2))
    }
  }
})

test_that("what getters give is not changed before their setters agree", {
  store <- new.env()
  peek <- compiler::cmpfun(function(o) store$x)
  `peek<-` <- compiler::cmpfun(function(o, value) c(o, list(value)))
  `$.record` <- compiler::cmpfun(function(x, name) get("x", store))
  `$<-.record` <- function(x, name, value) stop("refused")
  by_function <- function() {
    o <- list()
    peek(o)[1] <- 10
    o[[1]]
  }
  by_method <- function() {
    r <- structure(list(), class = "record")
    r$x[1] <- 10
  }
  for (way in list(identity, compiler::cmpfun)) {
    store$x <- as_mlx(c(1, 2)) * 1
    expect_identical(as.vector(way(by_function)()), c(10, 2))
    expect_error(way(by_method)(), "refused")
    expect_identical(as.vector(store$x), c(1, 2))
  }
})

test_that("results that MLX has yet to compute use the values of their time", {
  for (evaluated in c(FALSE, TRUE)) {
    x <- as_mlx(c(1, 2, 3)) * 1
    if (evaluated) mlx_eval(x)
    later <- x + 1
    total <- sum(x)
    x[1] <- 50
    after <- x * 2
    x[2] <- 60
    mlx_eval(x)
    x[3] <- 70
    expect_identical(as.vector(x), c(50, 60, 70))
    expect_identical(as.vector(later), c(2, 3, 4))
    expect_identical(as.vector(total), 6)
    expect_identical(as.vector(after), c(100, 4, 6))
  }
})

test_that("transposes, slices and other shapes of an array are not assigned into with it", {
  plain <- matrix(as.double(1:6), 2)
  for (evaluated in c(FALSE, TRUE)) {
    x <- as_mlx(plain)
    views <- list(t(x), x[1:2, ], x[, 2:3], mlx_reshape(x, c(3, 2)), mlx_flatten(x))
    want <- lapply(list(t(plain), plain, plain[, 2:3], mlx_reshape(as_mlx(plain), c(3, 2)),
                        mlx_flatten(as_mlx(plain))), as.vector)
    if (evaluated) do.call(mlx_eval, views)
    x[1, ] <- 0
    x[, 3] <- c(8, 9)
    mlx_eval(x)
    x[x == 8] <- 80
    expect_identical(lapply(views, as.vector), want)
    expect_identical(as.matrix(x), matrix(c(0, 2, 0, 4, 80, 9), 2))
    # and the other way round: assigning into a view
    y <- as_mlx(plain)
    turned <- t(y)
    mlx_eval(turned)
    turned[1, 1] <- 100
    part <- y[1:2, 1:2]
    mlx_eval(part)
    part[] <- 0
    mlx_eval(part, turned)
    expect_identical(as.matrix(y), plain)
  }
})

test_that("values that R has read, by pointer too, are those of their time", {
  x <- as_mlx(c(3, 1, 2))
  read <- as.vector(x)
  sorted <- sort(unclass(x)) # base R's own code looks at the vector
  y <- x
  x[1] <- 30
  expect_identical(read, c(3, 1, 2))
  expect_identical(as.vector(sorted), c(1, 2, 3))
  expect_identical(as.vector(y), c(3, 1, 2))
  expect_identical(as.vector(x), c(30, 1, 2))
  expect_identical(max(unclass(x)), 30)
  x[2] <- 40
  expect_identical(max(unclass(x)), 40)
})

test_that("R's wrappers of long vectors, and copies that were saved, keep the old values", {
  x <- as_mlx(as.double(1:1000))
  y <- x
  attr(y, "unit") <- "m"
  saved <- serialize(x, NULL)
  copy <- unserialize(saved)
  x[1] <- -1
  y[2] <- -2
  z <- y
  names(z) <- NULL
  attr(z, "unit") <- NULL
  y[3] <- -3
  copy2 <- copy
  copy[4] <- -4
  replaced <- function(at) replace(as.double(1:1000), at, -at)
  expect_identical(as.vector(x), replaced(1))
  expect_identical(as.vector(y), replaced(2:3))
  expect_identical(as.vector(z), replaced(2))
  expect_identical(as.vector(copy), replaced(4))
  expect_identical(as.vector(copy2), as.double(1:1000))
  expect_identical(as.vector(unserialize(saved)), as.double(1:1000))
})

test_that("assigning in a differentiated function changes neither its argument nor earlier values", {
  x <- as_mlx(c(1, 2, 3))
  f <- function(z) {
    squares <- z^2
    old <- z
    z[1] <- 10
    z[2] <- z[3] * z[2]
    sum(squares) + sum(z) + sum(old)
  }
  # squares: 2 z; z: (0, z3, 1 + z2); old: 1
  for (way in list(f, compiler::cmpfun(f))) {
    expect_identical(as.vector(mlx_grad(way, x)[[1L]]), c(2, 4, 6) + c(0, 3, 3) + 1)
    expect_identical(as.vector(x), c(1, 2, 3))
  }
  kept <- x
  g <- function(z) {
    kept[1] <<- 0
    sum(z * kept)
  }
  expect_identical(as.vector(mlx_grad(g, x)[[1L]]), c(0, 2, 3))
  expect_identical(as.vector(x), c(1, 2, 3))
})

test_that("assigning in compiled and mapped functions changes neither arguments nor captured arrays", {
  x <- as_mlx(c(1, 2, 3))
  captured <- as_mlx(c(10, 20, 30))
  f <- function(z) {
    old <- z
    z[1] <- 0
    mine <- captured
    mine[2] <- z[3]
    z + 10 * old + mine
  }
  want <- c(0, 2, 3) + c(10, 20, 30) + c(10, 3, 30)
  compiled <- mlx_compile(f)
  for (i in 1:3) expect_identical(as.vector(compiled(x)), want)
  rows <- as_mlx(rbind(c(1, 2, 3), c(4, 5, 6)))
  second <- c(0, 5, 6) + c(40, 50, 60) + c(10, 6, 30)
  expect_identical(as.matrix(mlx_vmap(f)(rows)), unname(rbind(want, second)))
  expect_identical(as.vector(x), c(1, 2, 3))
  expect_identical(as.vector(captured), c(10, 20, 30))
  expect_identical(as.matrix(rows), rbind(c(1, 2, 3), c(4, 5, 6)))
})
