# Jacobians against closed forms and central differences.

f64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

# c(dim(f(x)), dim(x)) of derivatives by central differences of fourth order.
jacobian_r <- function(f, x, h = 1e-3) {
  at <- function(i, times) {
    x[i] <- x[i] + times * h
    as.vector(f(x))
  }
  columns <- lapply(seq_along(x), function(i) (8 * (at(i, 1) - at(i, -1)) - (at(i, 2) - at(i, -2))) / (12 * h))
  shape <- c(shape_of(f(x)), shape_of(x))
  if (length(shape) > 1L) array(unlist(columns), shape) else unlist(columns)
}

cases <- list(
  "a number to a number" = list(function(x) sin(x) * x, 0.7),
  "a number to a vector" = list(function(x) c(sin(x), x^2, 3 * x), 0.7),
  "a vector to a number" = list(function(x) sum(x^3), c(1, -2, 0.5)),
  "a vector to a vector" = list(function(x) c(x[1] * x[2], exp(x[3])), c(1, -2, 0.5)),
  "a matrix to a vector" = list(function(x) colSums(x^2), matrix(c(0.1, -0.4, 0.9, 1.7, -2, 0.3), 2)),
  "a matrix to a matrix" = list(function(x) crossprod(x), matrix(c(0.1, -0.4, 0.9, 1.7, -2, 0.3), 2)),
  "an array to a matrix" = list(function(x) x[, , 1, drop = TRUE]^2 + x[, , 2, drop = TRUE],
                                array(seq(-1, 1, length.out = 12), c(2, 3, 2)))
)

for (name in names(cases)) {
  test_that(paste("the Jacobian of", name, "agrees with central differences in both modes"), {
    local_cpu()
    f <- cases[[name]][[1]]
    x <- cases[[name]][[2]]
    want <- jacobian_r(f, x)
    for (mode in c("auto", "reverse", "forward")) {
      got <- mlx_jacobian(f, f64(x), mode = mode)
      expect_length(got, 1L)
      expect_near(got[[1]], want, 1e-8, paste(name, mode), absolute = 1e-9)
      expect_identical(mlx_dtype(got[[1]]), "float64")
    }
  })
}

test_that("nested results and arguments give the result's list of the argument's list", {
  local_cpu()
  f <- function(p, s) list(u = p$a * s, rest = list(n = mlx_cast(p$a > 0, "int32"), k = sum(p$a) * p$b))
  p <- list(a = f64(c(1, 2)), b = f64(3), label = "x")
  for (mode in c("reverse", "forward")) {
    j <- mlx_jacobian(f, p, s = f64(5), mode = mode)
    expect_named(j, c("", "s"))
    expect_equal(as.matrix(j[[1]]$u$a), diag(5, 2))
    expect_equal(as.numeric(j[[1]]$u$b), c(0, 0))
    expect_null(j[[1]]$rest$n)
    expect_equal(as.numeric(j[[1]]$rest$k$a), c(3, 3))
    expect_equal(as.numeric(j[[1]]$rest$k$b), 3)
    expect_null(j[[1]]$rest$k$label)
    expect_equal(as.numeric(j$s$u), c(1, 2))
    expect_equal(as.numeric(j$s$rest$k), 0)
  }
  expect_named(mlx_jacobian(f, p, s = f64(5), argnums = "s"), "s")
})

test_that("results that do not depend on an argument, or are it, have zero and unit Jacobians", {
  local_cpu()
  constant <- f64(c(4, 5))
  for (mode in c("reverse", "forward")) {
    j <- mlx_jacobian(function(x) list(constant, x, mlx_stop_gradient(x)), f64(c(1, 2)), mode = mode)[[1]]
    expect_equal(lapply(j, as.matrix), list(matrix(0, 2, 2), diag(2), matrix(0, 2, 2)))
  }
})

test_that("without elements there is nothing, of the right shape", {
  local_cpu()
  for (mode in c("reverse", "forward")) {
    expect_identical(mlx_shape(mlx_jacobian(function(x) x * 2, f64(numeric()), mode = mode)[[1]]), c(0L, 0L))
    expect_identical(mlx_shape(mlx_jacobian(function(x) sum(x), f64(matrix(0, 0, 3)), mode = mode)[[1]]), c(0L, 3L))
    expect_identical(mlx_shape(mlx_jacobian(function(x) x[c(FALSE, FALSE)], f64(c(1, 2)), mode = mode)[[1]]), c(0L, 2L))
  }
})

test_that("complex functions have the derivative of holomorphic ones in both modes", {
  local_cpu() # on a gpu MLX has no scatter of complex numbers, which the reverse mode needs
  z <- c(1 + 1i, 2 - 1i)
  for (mode in c("reverse", "forward")) {
    j <- mlx_jacobian(function(z) z^3, as_mlx(z), mode = mode)[[1]]
    expect_equal(as_r(j), diag(3 * z^2), tolerance = 1e-5)
  }
})

test_that("operations that MLX cannot map are computed for one direction after the other", {
  local_cpu()
  f <- function(x) mlx_as_strided(x * x, c(2, 2), c(1, 1))
  want <- jacobian_r(function(x) matrix((x^2)[c(1, 2, 2, 3)], 2), c(1, 2, 3))
  for (mode in c("reverse", "forward")) expect_near(mlx_jacobian(f, f64(c(1, 2, 3)), mode = mode)[[1]], want, 1e-8)
})

test_that("more directions than fit into one block are all there", {
  local_cpu()
  n <- 3000L
  x <- f64(seq_len(n) / n)
  j <- mlx_jacobian(function(x) x^2, x)[[1]]
  expect_equal(as.numeric(mlx_diagonal(j)), 2 * seq_len(n) / n)
  expect_equal(as.numeric(sum(j)), sum(2 * seq_len(n) / n))
})

test_that("Jacobians of gradients, of mapped functions and of Jacobians are those of calculus", {
  local_cpu()
  f <- function(x) sum(x^3) + x[1] * x[2]
  h <- rbind(c(6, 1), c(1, 12))
  for (mode in c("reverse", "forward")) {
    expect_equal(as.matrix(mlx_jacobian(function(x) mlx_grad(f, x)[[1]], f64(c(1, 2)), mode = mode)[[1]]), h)
    inner <- function(x) mlx_jacobian(function(y) c(y[1]^2 * y[2], y[2]), x, mode = mode)[[1]]
    second <- mlx_jacobian(inner, f64(c(2, 3)), mode = mode)[[1]]
    expect_equal(as.array(second), array(c(6, 0, 4, 0, 4, 0, 0, 0), c(2, 2, 2)))
    mapped <- function(x) mlx_vmap(function(v) mlx_grad(function(u) u^4, v)[[1]])(x)
    expect_equal(as.matrix(mlx_jacobian(mapped, f64(c(1, 2)), mode = mode)[[1]]), diag(12 * c(1, 4)))
  }
})

test_that("the mode is one of three, and errors are the user's call", {
  expect_error(mlx_jacobian(sum, 1, mode = "both"), "mode", class = "rmlx_error_argument")
  expect_error(mlx_jacobian(function(x) NULL, 1), class = "rmlx_error_result")
  e <- tryCatch(mlx_jacobian(function(x) as.numeric(x), 1), error = identity)
  expect_s3_class(e, "rmlx_error_tape")
  expect_identical(deparse(conditionCall(e)), "as.numeric(x)")
})

test_that("the axes of a Jacobian have the names of results and arguments", {
  for (mode in c("reverse", "forward")) {
    expect_equal(
      as.matrix(mlx_jacobian(function(x) x^2, c(a = 1, b = 2), mode = mode)[[1L]]),
      matrix(c(2, 0, 0, 4), 2, dimnames = list(c("a", "b"), c("a", "b")))
    )
  }
  x <- matrix(1:4, 2, dimnames = list(c("a", "b"), NULL))
  expect_identical(dimnames(mlx_jacobian(function(x) x^2, x)[[1L]]), list(c("a", "b"), NULL, c("a", "b"), NULL))
  expect_equal(as_r(mlx_jacobian(function(x) sum(x^2), c(a = 1, b = 2))[[1L]]), c(a = 2, b = 4))
})
