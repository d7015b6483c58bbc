# What users are told by transformations beside gradients: products, Jacobians, Hessians, maps, rules of
# their own, and checks of gradients.

test_that("what does not go with arguments or results is told with its path", {
  x <- as_mlx(c(1, 2))
  p <- list(a = c(1, 2), b = list(3, 4))
  both <- function(v) list(u = sum(v), w = v^2)
  whole <- as_mlx(1:2, dtype = "int32")
  expect_told({
    mlx_vjp(both, x, cotangents = list(u = 1, v = 2))
    mlx_vjp(both, x, cotangents = list(1))
    mlx_vjp(both, x, cotangents = 1)
    mlx_vjp(both, x, cotangents = list(u = 1, w = c(1, 2, 3)))
    mlx_vjp(both, x, cotangents = list(u = "a", w = NULL))
    mlx_vjp(function(v) 1, x)
    mlx_vjp(function(v) NULL, x)
    mlx_vjp("no such function", x)
    mlx_vjp(both)
    mlx_vjp(both, whole)
    mlx_jvp(both, x, tangents = c(1, 2, 3))
    mlx_jvp(function(p) sum(p$a) * p$b[[1]], p, tangents = list(b = list(1)))
    mlx_jvp(function(a, b) a * b, x, x, tangents = list(x))
    mlx_jvp(both, x, tangents = list(list(1)))
    mlx_linearize(both, x)$jvp(1:3)
    mlx_linearize(both, x)$vjp(1:3)
    mlx_linearize(function(v) "a", x)
  })
})

test_that("Jacobians and Hessians refuse what they cannot be taken of", {
  x <- as_mlx(c(1, 2))
  square <- function(v) sum(v^2)
  expect_told({
    mlx_jacobian(function(v) 1, x)
    mlx_jacobian(square, x, mode = "sideways")
    mlx_jacobian(square, x, argnums = 3)
    mlx_hessian(function(v) v^2, x)
    mlx_hessian(square)
    mlx_hvp(square, x, vectors = 1:3)
    mlx_hvp(square, x, vectors = list(a = 1, b = 2))
    mlx_hessian_diag(square, x, method = "guess")
    mlx_hessian_diag(square, x, method = "hutchinson", samples = 0)
    mlx_hessian_trace(function(v) v, x)
    mlx_hessian_trace(square, x, method = "hutchinson", key = "a")
  })
})

test_that("maps refuse axes that are not there, and items that are not as many", {
  x <- as_mlx(matrix(1:6, 2))
  expect_told({
    mlx_vmap(1)
    mlx_vmap(sum, in_axes = 0)
    mlx_vmap(sum, in_axes = "rows")
    mlx_vmap(sum, out_axes = list(1, 0.5))
    mlx_vmap(sum)()
    mlx_vmap(sum, in_axes = 3)(x)
    mlx_vmap(sum)(1)
    mlx_vmap(sum, in_axes = list(NULL))(x)
    mlx_vmap(function(p) p$w, in_axes = list(list(w = 1, v = 2)))(list(w = x))
    mlx_vmap(function(x, y) x, in_axes = list(1))(x, x)
    mlx_vmap(function(x) x, in_axes = list(list(1, 2)))(x)
    mlx_vmap(function(x, y) x)(x, 1:3)
    mlx_vmap(function(row) row, out_axes = 4)(x)
    mlx_vmap(function(row) row, out_axes = NULL)(x)
    mlx_vmap(function(row) list(row, row), out_axes = list(1, 1, 1))(x)
    mlx_vmap(function(row) 1)(x)
  })
  expect_told({
    mlx_vmap(function(row) if (sum(row) > 1) row else -row)(x)
    mlx_vmap(function(row) as.numeric(row))(x)
  }, kind = NULL)
})

test_that("what rules of a user's own return is checked", {
  x <- as_mlx(c(1, 2))
  m <- as_mlx(matrix(1:6, 2))
  doubled <- function(x) 2 * x
  with_vjp <- function(vjp, f = doubled) mlx_custom_function(f, vjp = vjp)
  with_vmap <- function(vmap) mlx_custom_function(doubled, vmap = vmap)
  loss <- function(f) function(v) sum(f(v))
  runs <- 0
  changing <- mlx_checkpoint(function(x) {
    runs <<- runs + 1
    if (runs > 1) c(x, x) else x
  })
  expect_told({
    mlx_custom_function(1)
    mlx_custom_function(doubled, vjp = 1)
    mlx_custom_function(doubled, vmap = list(1, 2))
    mlx_custom_function(function(x) 1)(x)
    mlx_checkpoint("no such function")
    mlx_checkpoint(function(x) NULL)(x)
  })
  expect_told({
    mlx_grad(loss(changing), x)
    mlx_grad(loss(with_vjp(function(primals, cotangents, outputs) list(1, 2))), x)
    mlx_grad(loss(with_vjp(function(primals, cotangents, outputs) c(1, 2, 3))), x)
    mlx_grad(loss(with_vjp(function(primals, cotangents, outputs) "a")), x)
    mlx_jvp(mlx_custom_function(doubled, jvp = function(primals, tangents) as_mlx(1:3)), x, tangents = x)
    mlx_vmap(with_vmap(function(inputs, axes) inputs[[1]]))(m)
    mlx_vmap(with_vmap(function(inputs, axes) list(list(m, m), 1)))(m)
    mlx_vmap(with_vmap(function(inputs, axes) list(t(m), 1)))(m)
    mlx_vmap(with_vmap(function(inputs, axes) list(m, 5)))(m)
    mlx_grad(function(w) sum(mlx_checkpoint(function(v) v * w)(x)), x)
    mlx_vmap(function(w) mlx_grad(function(v) sum(mlx_checkpoint(function(u) u * w)(v)), x)[[1]])(x)
  }, kind = NULL)
})

test_that("checks of gradients refuse what they cannot check, and show what they found", {
  x <- as_mlx(c(1, 2))
  square <- function(x) sum(x^2)
  expect_told({
    mlx_check_grad(square)
    mlx_check_grad(1, x)
    mlx_check_grad(square, x, order = 3)
    mlx_check_grad(square, x, order = 0)
    mlx_check_grad(square, x, tol = 0)
    mlx_check_grad(square, x, modes = "sideways")
    mlx_check_grad(function(x) "a", x)
    mlx_check_grad(function(x) mlx_cast(x, "int32"), x)
    mlx_check_grad(square, "a")
  })
  # the digits of differences are those of the machine's own functions
  rounded <- function(lines) gsub("[0-9.]+e-[0-9]+", "<small>", lines)
  expect_told({
    mlx_check_grad(square, x)
    mlx_check_grad(function(p) sum(p$w * mlx_stop_gradient(p$w)) + p$b, list(w = c(1, 2), b = 3), order = 1)
    print(mlx_check_grad(function(x) sum(x * mlx_stop_gradient(x)), c(1, 2, 4), order = 1, modes = "reverse"), n = 1)
  }, kind = NULL, transform = rounded)
})

test_that("chains too long for the stack say what to do", {
  skip_on_os("windows")
  # the sizes are the machine's
  sized <- function(lines) gsub("(for|-s) [0-9]+", "\\1 <n>", gsub("[0-9]+ MB", "<n> MB", lines))
  child <- run_child(before = "ulimit -s 2048", code = {
    x <- as_mlx(1)
    for (i in 1:30000) x <- sin(x)
    cat(tryCatch(mlx_export_to_dot(NULL, x = x), rmlx_error_depth = conditionMessage))
  })
  expect_snapshot_output(cat(sized(strwrap(child$out, 110L)), sep = "\n"), cran = TRUE)
})
