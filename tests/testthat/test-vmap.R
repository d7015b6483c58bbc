# mlx_vmap() against loops.

f64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

test_that("a mapped function does for all items what a loop does for each", {
  x <- matrix(c(1, -2, 3, 0.5, 2, -1), 3)
  f <- function(row) sum(row^2) * row
  want <- t(apply(x, 1, f))
  expect_near(mlx_vmap(f)(f64(x)), want)
  expect_near(mlx_vmap(f, in_axes = -1)(f64(t(x))), want)
  expect_near(mlx_vmap(f, in_axes = 2, out_axes = 2)(f64(t(x))), t(want))
  expect_near(mlx_vmap(f, out_axes = -1)(f64(x)), t(want))
  expect_near(mlx_vmap(function(v) v * 2)(c(1, 2, 3)), c(2, 4, 6))
})

test_that("arguments that are not mapped, nested axes and lists keep their places", {
  local_cpu()
  p <- list(w = f64(matrix(1:6, 2)), k = f64(c(10, 20, 30)), s = "x")
  f <- function(p, x, power) list(a = p$w * p$k * x^power, b = list(p$k, sum(x)))
  g <- mlx_vmap(f, in_axes = list(list(w = 2, k = 1, s = NULL), NULL, NULL), out_axes = list(a = -1, b = list(1, NULL)))
  out <- g(p, f64(c(1, 2)), 2)
  want <- sapply(1:3, function(i) matrix(1:6, 2)[, i] * c(10, 20, 30)[i] * c(1, 4))
  expect_near(out$a, want)
  expect_equal(as.numeric(out$b[[1]]), c(10, 20, 30))
  expect_equal(as.numeric(out$b[[2]]), 3)
  by_name <- mlx_vmap(function(x, y) x * y, in_axes = list(y = 1, x = NULL))
  expect_equal(as.numeric(by_name(x = f64(2), y = f64(c(1, 2)))), c(2, 4))
})

test_that("results that no mapped argument enters are repeated, or come once", {
  x <- f64(c(1, 2, 3))
  constant <- f64(c(4, 5))
  expect_near(mlx_vmap(function(v) constant)(x), rbind(c(4, 5), c(4, 5), c(4, 5)))
  expect_near(mlx_vmap(function(v) constant, out_axes = 2)(x), cbind(c(4, 5), c(4, 5), c(4, 5)))
  expect_near(mlx_vmap(function(v) constant, out_axes = NULL)(x), c(4, 5))
  expect_error(mlx_vmap(function(v) v, out_axes = NULL)(x), "differs from item to item", class = "rmlx_error_argument")
  expect_near(mlx_vmap(function(v) v)(x), c(1, 2, 3))
  # the same for the inner items, but not for the outer ones
  nested <- mlx_vmap(function(a) mlx_vmap(function(b) a * 2, out_axes = NULL)(x))
  expect_near(nested(f64(c(10, 20))), c(20, 40))
})

test_that("one item and no items are mapped too", {
  expect_near(mlx_vmap(function(v) v * 2)(f64(matrix(1:3, 1))), matrix(2 * 1:3, 1))
  empty <- mlx_vmap(function(v) list(sum(v), outer(v, v), chol(diag(2) * sum(v))))(f64(matrix(0, 0, 3)))
  expect_identical(lapply(empty, mlx_shape), list(0L, c(0L, 3L, 3L), c(0L, 2L, 2L)))
  expect_identical(vapply(empty, mlx_dtype, ""), rep("float64", 3))
  expect_identical(mlx_shape(mlx_vmap(function(v) v^2)(f64(matrix(0, 3, 0)))), c(3L, 0L))
})

test_that("dtypes, integers and bools of items are those of the arrays", {
  local_cpu()
  for (dtype in setdiff(dtypes, "complex64")) {
    x <- as_mlx(c(1, 0, 1), dtype = dtype)
    got <- mlx_vmap(function(v) list(v, v == 1))(x)
    expect_identical(mlx_dtype(got[[1]]), dtype)
    expect_identical(as.vector(got[[2]]), c(TRUE, FALSE, TRUE))
  }
  expect_equal(as.complex(mlx_vmap(function(v) v^2)(as_mlx(c(1i, 2)))), c(-1 + 0i, 4 + 0i))
  n <- as_mlx(c(3, 1), dtype = "int32")
  expect_equal(as.numeric(mlx_vmap(function(i, x) mlx_where(i > 2L, x[1], x[2]), list(1, NULL))(n, f64(c(10, 20)))),
               c(10, 20))
})

# Copies of an argument that differ a little.
item <- function(x, k) if (is.double(x)) x * (1 + 0.01 * (k - 1)) + 0.001 * (k - 1) else x

# What decides about shapes or R's own steps by values cannot be mapped.
reads_values <- "x\\[x > 0\\]|^sort|^unique|na.rm = TRUE"

for (r in operations) {
  test_that(paste0("`", r$id, "` of many items is what a loop gives"), {
    local_doubles()
    for (args in r$inputs) {
      numbers <- which(vapply(args, is.double, NA))
      for (mapped in unique(c(list(numbers), as.list(numbers)))) {
        if (length(mapped) == 0L) next
        items <- lapply(1:3, function(k) {
          one <- args
          one[mapped] <- lapply(one[mapped], item, k)
          lapply(one, function(x) if (is.double(x)) as64(x) else as_mlx(x))
        })
        want <- suppressWarnings(lapply(items, function(one) do.call(r$f, one)))
        if (!is_mlx(want[[1L]])) next
        # the axes differ from argument to argument
        axes <- lapply(seq_along(args), function(i) if (i %in% mapped) c(1L, -1L)[[i %% 2L + 1L]])
        all <- lapply(seq_along(args), function(i) {
          if (!i %in% mapped) return(items[[1L]][[i]])
          do.call(mlx_stack, c(lapply(items, `[[`, i), list(axis = axes[[i]])))
        })
        label <- paste0(r$id, " of ", describe(args), ", mapped: ", paste(mapped, collapse = ", "))
        got <- tryCatch(suppressWarnings(do.call(mlx_vmap(r$f, axes), all)), rmlx_error_tape = function(e) NULL)
        if (is.null(got)) {
          expect_true(grepl(reads_values, r$id), label = paste(label, "reads no values"))
        } else {
          expect_near(got, as_r(do.call(mlx_stack, want)), 1e-11, label, absolute = 1e-12)
        }
      }
    }
    succeed()
  })
}

test_that("a graph is mapped as often as one likes, with the same results", {
  f <- function(x) sum(mlx_broadcast_to(x * 2, c(3, 2)) * f64(matrix(1:6, 3)))
  lin <- mlx_linearize(f, f64(c(1, 2)))
  twice <- function() as.matrix(mlx_vmap(function(c) lin$vjp(c)[[1]])(f64(c(1, 10))))
  want <- rbind(c(12, 30), c(120, 300))
  expect_equal(twice(), want)
  expect_equal(twice(), want)
})

test_that("maps nest and compose with derivatives to any depth", {
  x <- matrix(c(1, -2, 3, 0.5, 2, -1), 3)
  pairs <- mlx_vmap(function(a) mlx_vmap(function(b) sum(a * b))(f64(x)))
  expect_near(pairs(f64(x)), x %*% t(x))
  f <- function(v) sum(v^3)
  expect_near(mlx_vmap(function(v) mlx_grad(f, v)[[1]])(f64(x)), 3 * x^2)
  expect_near(mlx_vmap(function(v) mlx_jvp(f, v, tangents = c(1, 2))$tangents)(f64(x)), (3 * x^2) %*% c(1, 2) |> drop())
  total <- function(x) sum(mlx_vmap(function(v) mlx_jvp(f, v, tangents = c(1, 2))$tangents)(x))
  expect_near(mlx_grad(total, f64(x))[[1]], 6 * x * rep(c(1, 2), each = 3))
  slopes <- mlx_vmap(function(s) mlx_grad(function(t) t^4, s)[[1]])
  deep <- mlx_vmap(function(v) mlx_grad(function(u) sum(slopes(u)), v)[[1]])
  expect_near(deep(f64(x)), 12 * x^2)
  expect_near(mlx_vmap(function(v) mlx_jacobian(function(u) u^2 * sum(u), v)[[1]])(f64(x[1:2, ])),
              aperm(simplify2array(lapply(1:2, function(i) {
                v <- x[i, ]
                outer(v^2, c(1, 1)) + diag(2 * v * sum(v))
              })), c(3, 1, 2)))
  lin <- mlx_vmap(function(v) mlx_linearize(f, v)$jvp(c(1, 0)))
  expect_near(lin(f64(x)), 3 * x[, 1]^2)
})

test_that("gradients of each observation's loss are those of a loop", {
  loss <- function(w, row, y) (sum(row * w) - y)^2
  x <- matrix(c(1, -2, 3, 0.5, 2, -1), 3)
  y <- c(1, 0, 1)
  w <- f64(c(0.5, -1))
  grads <- mlx_vmap(function(row, y) mlx_grad(loss, w, row, y, argnums = 1)[[1]])
  expect_near(grads(f64(x), f64(y)), 2 * as.vector(x %*% c(0.5, -1) - y) * x)
})

test_that("matrix decompositions and their derivatives are mapped", {
  a <- lapply(1:3, function(k) crossprod(matrix(sin(k + 1:9), 3)) + diag(3) * (k + 1))
  stacked <- aperm(simplify2array(a), c(3, 1, 2))
  fs <- list(
    chol = chol, solve = function(x) solve(x, f64(c(1, 2, 3))), det = det,
    svd = function(x) svd(x)$d, eigen = function(x) eigen(x, symmetric = TRUE)$values,
    qr = function(x) qr.R(qr(x))
  )
  v <- matrix(cos(1:9), 3)
  v <- v + t(v)
  for (name in names(fs)) {
    f <- fs[[name]]
    loss <- function(x) sum(f(x)^2)
    for (g in list(f, function(x) mlx_grad(loss, x)[[1]], function(x) mlx_jvp(f, x, tangents = v)$tangents,
                   function(x) mlx_hvp(loss, x, vectors = v)[[1]])) {
      want <- do.call(mlx_stack, lapply(a, function(x) g(f64(x))))
      expect_near(mlx_vmap(g)(f64(stacked)), as_r(want), 1e-9, name, absolute = 1e-10)
    }
  }
})

test_that("random draws are the same for all items, and with keys of their own differ", {
  local_cpu()
  set.seed(1)
  same <- as.numeric(mlx_vmap(function(v) v * 0 + mlx_rand_normal(integer(), key = mlx_key(3)))(f64(1:3)))
  expect_length(unique(same), 1L)
  keys <- mlx_key_split(mlx_key(5), 3)
  draws <- mlx_vmap(function(k) mlx_rand_normal(2, key = k))(mlx_stack(keys[[1]], keys[[2]], keys[[3]]))
  want <- sapply(keys, function(k) as.numeric(mlx_rand_normal(2, key = k)))
  expect_equal(as.matrix(draws), t(want))
})

test_that("reading a mapped value is an error that says what to write", {
  e <- tryCatch(mlx_vmap(function(v) if (v > 0) v else -v)(c(1, 2)), error = identity)
  expect_s3_class(e, "rmlx_error_tape")
  expect_match(conditionMessage(e), "mlx_where")
  for (f in list(function(v) as_mlx(as.numeric(v)), function(v) v[v > 0], function(v) as_mlx(v[[1]]))) {
    expect_error(mlx_vmap(f)(matrix(1:4, 2)), class = "rmlx_error_tape")
  }
  known <- f64(c(5, 6)) + 1
  expect_equal(as.numeric(mlx_vmap(function(v) v * as.numeric(known)[1])(c(1, 2))), c(6, 12))
})

test_that("an array that leaks out of a map has no values, and says so", {
  leaked <- NULL
  mlx_vmap(function(v) {
    leaked <<- v
    v
  })(c(1, 2))
  for (f in list(as.numeric, mlx_eval, as.character, function(x) as.numeric(x * 2), function(x) x > 0 && TRUE)) {
    e <- tryCatch(f(leaked), error = identity)
    expect_s3_class(e, "rmlx_error_tape")
    expect_match(conditionMessage(e), "has none of its own")
  }
  expect_error(serialize(leaked, NULL), class = "rmlx_error_tape")
  expect_equal(as.numeric(mlx_vmap(function(v) v * 2)(c(1, 2))), c(2, 4))
})

test_that("wrong axes are told with their place", {
  f <- function(x, y) x * y
  x <- f64(matrix(1:6, 3))
  expect_error(mlx_vmap(f, in_axes = 0), "in_axes", class = "rmlx_error_index")
  expect_error(mlx_vmap(f, in_axes = "a"), class = "rmlx_error_index")
  expect_error(mlx_vmap(f, out_axes = list(1.5)), "out_axes", class = "rmlx_error_index")
  expect_error(mlx_vmap(f, in_axes = list(1, 3))(x, x), "axis 3 of `in_axes[[2]]`", fixed = TRUE,
               class = "rmlx_error_index")
  expect_error(mlx_vmap(f)(x, 2), "argument 2 is a single number.*in_axes = list\\(1, NULL\\)",
               class = "rmlx_error_index")
  expect_error(mlx_vmap(f)(x, y = list(2)), "`y` has a single number", class = "rmlx_error_index")
  expect_error(mlx_vmap(f, in_axes = list(1, 2))(x, x), "3, 2 items", class = "rmlx_error_shape")
  expect_error(mlx_vmap(f, in_axes = list(NULL, NULL))(x, x), "no array is mapped", class = "rmlx_error_argument")
  expect_error(mlx_vmap(f, in_axes = list(1))(x, x), "list of 2", class = "rmlx_error_argument")
  expect_error(mlx_vmap(f, in_axes = list(x = 1, z = 1))(x = x, y = x), "`z`", class = "rmlx_error_argument")
  expect_error(mlx_vmap(f, out_axes = 4)(x, x), "axis 4 of `out_axes`", class = "rmlx_error_index")
  expect_error(mlx_vmap(f, out_axes = list(1, 1))(x, x), class = "rmlx_error_argument")
  expect_error(mlx_vmap(f)(), "at least one argument", class = "rmlx_error_argument")
  expect_error(mlx_vmap("no such function"), class = "rmlx_error_argument")
  expect_error(mlx_vmap(function(x) 3)(x), class = "rmlx_error_result")
})

test_that("conditions of a mapped function reach the caller, and loops of any length are mapped", {
  own <- structure(class = c("my_error", "error", "condition"), list(message = "mine", call = NULL))
  expect_identical(tryCatch(mlx_vmap(function(v) stop(own))(c(1, 2)), error = identity), own)
  seen <- NULL
  got <- withCallingHandlers(
    mlx_vmap(function(v) {
      warning("careful")
      v * 2
    })(c(1, 2)),
    warning = function(w) {
      seen <<- conditionMessage(w)
      invokeRestart("muffleWarning")
    }
  )
  expect_identical(seen, "careful")
  expect_equal(as.numeric(got), c(2, 4))
  expect_identical(callCC(function(k) mlx_vmap(function(v) k("out"))(c(1, 2))), "out")
  f <- function(v) {
    for (i in 1:20000) v <- v + 1
    v
  }
  expect_equal(as.numeric(mlx_vmap(f)(c(1, 2))), c(20001, 20002))
})

test_that("a product with a factor that is the same for all items is the product of each", {
  set.seed(11)
  a <- matrix(rnorm(12), 3)
  items <- array(rnorm(40), c(5, 4, 2)) # five matrices of 4 x 2
  each <- function(f) aperm(simplify2array(lapply(1:5, function(i) f(items[i, , ]))), c(3, 1, 2))
  expect_near(mlx_vmap(function(b) f64(a) %*% b)(f64(items)), each(function(b) a %*% b))
  expect_near(mlx_vmap(function(b) t(b) %*% f64(t(a)))(f64(items)), each(function(b) t(b) %*% t(a)))
  last <- aperm(items, c(2, 3, 1))
  expect_near(mlx_vmap(function(b) f64(a) %*% b, in_axes = 3)(f64(last)), each(function(b) a %*% b))
  expect_near(mlx_vmap(function(b) f64(a) %*% b[, 1])(f64(items)), each(function(b) a %*% b[, 1]))
  grads <- mlx_vmap(function(b) mlx_grad(function(b) sum((f64(a) %*% b)^2), b)[[1]])(f64(items))
  expect_near(grads, each(function(b) 2 * t(a) %*% a %*% b))
})
