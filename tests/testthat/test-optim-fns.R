# mlx_optim_fns(): R's own optimisers with our derivatives.

banana <- function(p) 100 * (p$y - p$x^2)^2 + (1 - p$x)^2

test_that("value, gradient and Hessian are those of the closed form", {
  fns <- mlx_optim_fns(banana, list(x = -1.2, y = 1))
  expect_identical(fns$par, c(x = -1.2, y = 1))
  p <- c(0.3, 2)
  expect_equal(fns$fn(p), 100 * (2 - 0.09)^2 + 0.49, tolerance = 1e-14)
  expect_equal(fns$gr(p), c(x = -400 * 0.3 * (2 - 0.09) - 2 * 0.7, y = 200 * (2 - 0.09)), tolerance = 1e-14)
  hessian <- matrix(c(1200 * 0.09 - 800 + 2, -120, -120, 200), 2, dimnames = list(c("x", "y"), c("x", "y")))
  expect_equal(fns$hess(p), hessian, tolerance = 1e-13)
  expect_identical(fns$nlm(p), structure(fns$fn(p), gradient = fns$gr(p)))
})

test_that("optim(), nlminb() and nlm() find the minimum", {
  fns <- mlx_optim_fns(banana, list(x = -1.2, y = 1))
  for (method in c("BFGS", "L-BFGS-B")) {
    fit <- optim(fns$par, fns$fn, fns$gr, method = method, control = list(maxit = 5000))
    expect_equal(fit$par, c(x = 1, y = 1), tolerance = if (method == "BFGS") 1e-6 else 1e-2, label = method)
  }
  expect_equal(nlminb(fns$par, fns$fn, fns$gr, fns$hess)$par, c(x = 1, y = 1), tolerance = 1e-10)
  expect_equal(nlm(fns$nlm, fns$par)$estimate, c(1, 1), tolerance = 1e-5)
})

test_that("value and gradient at one point run f once, the Hessian once more at the most", {
  calls <- 0
  fns <- mlx_optim_fns(function(p) {
    calls <<- calls + 1
    sum(p^3)
  }, c(1, 2))
  fns$fn(c(1, 2))
  fns$gr(c(1, 2))
  fns$nlm(c(a = 1, b = 2))
  expect_equal(calls, 1)
  fns$gr(c(1, 3))
  fns$fn(c(1, 3))
  expect_equal(calls, 2)
  expect_equal(unname(fns$hess(c(1, 3))), diag(c(6, 18)))
  after <- calls
  fns$hess(c(1, 3))
  expect_equal(calls, after)
  expect_equal(fns$fn(c(1, 2)), 9)
  expect_equal(unname(fns$hess(c(1, 2))), diag(c(6, 12)))
  # zero and minus zero are different points
  reciprocal <- mlx_optim_fns(function(p) 1 / p, 1)
  expect_identical(c(reciprocal$fn(0), reciprocal$fn(-0)), c(Inf, -Inf))
})

test_that("nested lists are flattened with unlist()'s names and restored", {
  par <- list(a = c(u = 1, v = 2), b = list(w = matrix(1:4 / 2, 2), k = 3L, s = "text", z = 7))
  seen <- NULL
  fns <- mlx_optim_fns(function(p) {
    seen <<- list(p$b$k, p$b$s, mlx_shape(p$b$w), names(p$a), mlx_dtype(p$a))
    sum(p$a^2) + sum(p$b$w * matrix(1:4, 2)) + p$b$z
  }, par)
  expect_identical(names(fns$par), c("a.u", "a.v", "b.w1", "b.w2", "b.w3", "b.w4", "b.z"))
  expect_identical(unname(fns$par), c(1, 2, 0.5, 1, 1.5, 2, 7))
  expect_equal(unname(fns$gr(fns$par)), c(2, 4, 1, 2, 3, 4, 1))
  expect_identical(seen, list(3L, "text", c(2L, 2L), c("u", "v"), "float64"))
  expect_identical(fns$unflatten(fns$par), par)
  expect_identical(fns$unflatten(fns$par + 1)$b$w, par$b$w + 1)
  expect_identical(fns$flatten(fns$unflatten(fns$par * 2)), fns$par * 2)
  expect_error(fns$flatten(list(a = 1)), "structure", class = "rmlx_error_argument")
})

test_that("vectors, matrices, single numbers, integers and mlx arrays are parameters too", {
  expect_identical(mlx_optim_fns(function(p) sum(p), c(a = 1, b = 2))$par, c(a = 1, b = 2))
  m <- mlx_optim_fns(function(p) sum((p %*% c(1, 2))^2), matrix(c(1, 0, 0, 1), 2))
  expect_equal(m$gr(m$par), c(2, 4, 4, 8))
  expect_identical(dim(m$unflatten(1:4)), c(2L, 2L))
  one <- mlx_optim_fns(function(p) p^2, 3)
  expect_identical(c(one$fn(4), one$gr(4), one$hess(4)), c(16, 8, 2))
  expect_identical(mlx_optim_fns(function(p) sum(p^2), 1:3)$gr(1:3), c(2, 4, 6))
  single <- mlx_optim_fns(function(p) sum(p^2), as_mlx(c(0.5, 2)))
  expect_identical(single$gr(c(0.1, 0.2)), c(0.2, 0.4))
})

test_that("further arguments are constants in double precision", {
  f <- function(p, x, data, scale) scale * sum((data$y - p[1] - p[2] * x)^2)
  fns <- mlx_optim_fns(f, c(0, 0), x = cars$speed, data = list(y = cars$dist), scale = 0.1)
  fit <- nlminb(fns$par, fns$fn, fns$gr, fns$hess)
  expect_equal(fit$par, unname(coef(lm(dist ~ speed, cars))), tolerance = 1e-9)
  expect_equal(fns$hess(c(0, 0)), 0.2 * unname(crossprod(cbind(1, cars$speed))), tolerance = 1e-14)
  # also what f makes of R's numbers itself
  made <- mlx_optim_fns(function(p) sum(p * as_mlx(0.1)), 1)
  expect_identical(made$fn(1), 0.1)
  expect_identical(getOption("rmlx.dtype", "float32"), "float32")
})

test_that("single precision is there to be asked for", {
  fns <- mlx_optim_fns(function(p) sum(p * 0.1), c(1, 1), dtype = "float32")
  expect_equal(fns$gr(c(1, 1)), single(c(0.1, 0.1)))
  expect_error(mlx_optim_fns(function(p) sum(p), 1, dtype = "float16"), "dtype", class = "rmlx_error_argument")
})

test_that("values that are not finite reach the optimisers, which step back from them", {
  fns <- mlx_optim_fns(function(p) p - log(p), 5)
  expect_identical(fns$fn(-1), NaN)
  expect_identical(fns$fn(0), Inf)
  expect_equal(suppressWarnings(nlminb(5, fns$fn, fns$gr)$par), 1, tolerance = 1e-7)
  expect_equal(optim(5, fns$fn, fns$gr, method = "BFGS")$par, 1, tolerance = 1e-5)
  guarded <- mlx_optim_fns(function(p) {
    root <- tryCatch(chol(mlx_reshape(p, c(2, 2))), rmlx_error_singular = function(e) NULL)
    if (is.null(root)) as_mlx(Inf) else sum(root^2)
  }, c(2, 0, 0, 2))
  expect_identical(guarded$fn(c(1, 2, 2, 1)), Inf)
  expect_equal(guarded$fn(c(2, 0, 0, 2)), 4)
})

test_that("mistakes are named", {
  fns <- mlx_optim_fns(function(p) sum(p), c(1, 2))
  expect_error(fns$fn(1), "a vector of 2 numbers; it has 1", class = "rmlx_error_argument")
  expect_error(fns$gr("a"), class = "rmlx_error_argument")
  expect_error(fns$unflatten(1:3), class = "rmlx_error_argument")
  expect_error(mlx_optim_fns(function(p) p, c(1, 2))$fn(c(1, 2)), "`mlx_optim_fns()` must return one number",
               fixed = TRUE, class = "rmlx_error_result")
  expect_error(mlx_optim_fns(function(p) NULL, 1)$fn(1), "it returned NULL", class = "rmlx_error_result")
  expect_error(mlx_optim_fns(function(p) sum(as.numeric(p)), 1)$fn(1), class = "rmlx_error_tape")
  expect_error(mlx_optim_fns(3, 1), "`f` of mlx_optim_fns() must be a function", fixed = TRUE,
               class = "rmlx_error_argument")
  expect_error(mlx_optim_fns(sum, list()), "no floating-point", class = "rmlx_error_argument")
  expect_error(mlx_optim_fns(sum, factor("a")), "class factor", class = "rmlx_error_argument")
  mine <- function(theta) stop("too cold")
  error <- tryCatch(mlx_optim_fns(mine, 1)$fn(1), error = identity)
  expect_identical(conditionMessage(error), "too cold")
  expect_identical(conditionCall(error), quote(mine(theta)))
})
