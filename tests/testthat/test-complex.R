# Derivatives of functions of complex numbers, in JAX's convention, against differences of base R's functions by
# real and imaginary parts.

complex_weights <- function(like, real = !is.complex(like)) {
  w <- cos(1.3 * seq_along(like)) + 0.2
  if (!real) w <- complex(real = w, imaginary = sin(2.1 * seq_along(like) + 0.4))
  if (is.null(dim(like))) w else array(w, dim(like))
}

# dL/dx - i dL/dy of a real function L, by each argument: dL/dx of real ones.
gradient_by_parts <- function(loss, args, h = 1e-5) {
  lapply(seq_along(args), function(k) {
    slope <- function(step) {
      vapply(seq_along(args[[k]]), function(j) {
        at <- function(times) {
          args[[k]][j] <- args[[k]][j] + times * step
          do.call(loss, args)
        }
        (at(1) - at(-1)) / (2 * h)
      }, 0)
    }
    if (is.complex(args[[k]])) slope(h) - 1i * slope(1i * h) else slope(h)
  })
}

expect_complex <- function(got, want, label, tolerance = 5e-5) {
  got <- as.vector(as_r(got))
  expect(length(got) == length(want), paste(label, "has", length(got), "elements, not", length(want)))
  off <- max(Mod(got - as.vector(want))) / max(1, Mod(want))
  expect(isTRUE(off < tolerance), paste0(label, " is off by ", format(off)))
}

test_that("the operations on complex numbers are there to be tested, each by its name", {
  expect_gt(length(complex_operations), 100L)
  expect_true(all(nzchar(names(complex_operations))) && !anyDuplicated(names(complex_operations)))
})

for (id in names(complex_operations)) {
  test_that(paste0("derivatives of `", id, "` of complex numbers agree with differences, in both modes"), {
    r <- complex_operations[[id]]
    arrays <- lapply(r$args, as_mlx)
    value <- do.call(r$oracle, r$args)
    expect_complex(do.call(r$f, arrays), value, "value")

    w <- complex_weights(value)
    out <- do.call(mlx_vjp, c(r$f, arrays, list(cotangents = as_mlx(w))))
    want <- gradient_by_parts(function(...) Re(sum(w * r$oracle(...))), r$args)
    for (k in seq_along(want)) {
      expect_complex(out$grads[[k]], want[[k]], paste("vjp", k))
      expect_identical(mlx_dtype(out$grads[[k]]), mlx_dtype(arrays[[k]]))
    }

    along <- lapply(r$args, function(x) 0.7 * complex_weights(x))
    at <- function(h) do.call(r$oracle, Map(function(x, v) x + h * v, r$args, along))
    out <- do.call(mlx_jvp, c(r$f, arrays, list(tangents = lapply(along, as_mlx))))
    expect_complex(out$tangents, (at(1e-5) - at(-1e-5)) / 2e-5, "jvp")
  })
}

test_that("gradients of complex functions have gradients, in both modes", {
  functions <- list(
    sqrt = sqrt, cos = cos, asin = asin, atanh = atanh, power = function(z) z^z, sign = sign, abs = abs,
    logaddexp = function(z) mlx_logaddexp(z, rev(z)), fft = mlx_fft, log = log, tan = tan
  )
  for (id in names(functions)) {
    f <- functions[[id]]
    w <- complex_weights(as_r(f(as_mlx(z_vector))))
    loss <- function(z) Re(sum(as_mlx(w) * f(z)))
    gradient <- function(z) mlx_grad(loss, z)[[1L]]
    slope <- function(z) as_r(gradient(as_mlx(z)))
    v <- complex_weights(z_vector)
    want <- (slope(z_vector + 5e-3 * v) - slope(z_vector - 5e-3 * v)) / 1e-2
    expect_complex(mlx_jvp(gradient, as_mlx(z_vector), tangents = as_mlx(v))$tangents, want, id, 2e-3)
    # Re(v . gradient) is a real function with the gradient that the Hessian, symmetric in v, gives
    again <- mlx_grad(function(z) Re(sum(as_mlx(v) * gradient(z))), as_mlx(z_vector))[[1L]]
    expect_complex(again, want, paste("gradient of the gradient of", id), 2e-3)
  }
})

test_that("a step against the conjugate of the gradient goes downhill", {
  loss <- function(z) sum(Mod(z^2 - (1 + 2i))^2)
  z <- as_mlx(z_vector)
  for (i in 1:200) z <- z - 0.05 * Conj(mlx_grad(loss, z)[[1L]])
  expect_lt(as.numeric(loss(z)), 1e-6)
})

test_that("the gradient of a complex result is the derivative of a holomorphic function", {
  z <- 0.8 + 0.5i
  expect_complex(mlx_grad(function(z) z^3, z)[[1L]], 3 * z^2, "gradient")
  expect_complex(mlx_grad(Conj, z)[[1L]], 1, "gradient of the real part of the conjugate")
})

test_that("Jacobians of complex functions are the same in both modes", {
  local_cpu() # on a gpu MLX has no scatter of complex numbers, which the reverse mode needs
  z <- z_vector
  cases <- list(
    list(function(z) z^3, z, diag(3 * z^2)),
    list(function(z) cos(z) * sum(z), z, -diag(sin(z)) * sum(z) + cos(z)),
    list(function(z) Mod(z)^2, z, diag(2 * Conj(z))),
    list(Im, z, diag(-1i, 3)),
    list(function(x) exp(1i * x), x_vector, diag(1i * exp(1i * x_vector))),
    list(function(x) mlx_cast(x, "complex64") * (2 - 1i), x_vector, diag(2 - 1i, 3))
  )
  for (case in cases) {
    for (mode in c("reverse", "forward")) {
      j <- mlx_jacobian(case[[1L]], as_mlx(case[[2L]]), mode = mode)[[1L]]
      expect_identical(mlx_shape(j), c(3L, 3L))
      expect_complex(j, case[[3L]], paste("Jacobian in mode", mode))
    }
  }
  # a real and a complex argument, a real and a complex result
  f <- function(x, z) list(x * Mod(z)^2, x * z)
  x <- x_vector
  for (mode in c("reverse", "forward")) {
    j <- mlx_jacobian(f, as_mlx(x), as_mlx(z), mode = mode)
    expect_complex(j[[1L]][[1L]], diag(Mod(z)^2), "real by real")
    expect_complex(j[[2L]][[1L]], diag(2 * x * Conj(z)), "real by complex")
    expect_complex(j[[1L]][[2L]], diag(z), "complex by real")
    expect_complex(j[[2L]][[2L]], diag(x + 0i), "complex by complex")
    expect_identical(mlx_dtype(j[[1L]][[1L]]), "float32")
  }
})

test_that("rules of users get and give derivatives that are not conjugated", {
  square <- list(
    both = mlx_custom_function(function(z) z^2,
                               vjp = function(primals, cotangents, outputs) 2 * primals[[1L]] * cotangents,
                               jvp = function(primals, tangents) 2 * primals[[1L]] * tangents[[1L]]),
    vjp = mlx_custom_function(function(z) z^2,
                              vjp = function(primals, cotangents, outputs) 2 * primals[[1L]] * cotangents),
    jvp = mlx_custom_function(function(z) z^2, jvp = function(primals, tangents) 2 * primals[[1L]] * tangents[[1L]]),
    none = mlx_custom_function(function(z) z^2),
    checkpoint = mlx_checkpoint(function(z) z^2)
  )
  z <- as_mlx(z_vector)
  w <- complex_weights(z_vector)
  for (id in names(square)) {
    f <- function(z) sin(square[[id]](1i * z))
    slope <- -2 * z_vector * cos(-z_vector^2)
    expect_complex(mlx_vjp(f, z, cotangents = as_mlx(w))$grads[[1L]], w * slope, paste("vjp,", id))
    expect_complex(mlx_jvp(f, z, tangents = as_mlx(w))$tangents, w * slope, paste("jvp,", id))
  }
})

test_that("what mlx_vjp() got its rule with are the cotangents that the user gave", {
  seen <- NULL
  f <- mlx_custom_function(function(z) z * 1, vjp = function(primals, cotangents, outputs) {
    seen <<- mlx_stop_gradient(cotangents)
    cotangents
  })
  w <- complex_weights(z_vector)
  mlx_vjp(f, as_mlx(z_vector), cotangents = as_mlx(w))
  expect_complex(seen, w, "cotangents")
})

test_that("linearized complex functions have both products", {
  lin <- mlx_linearize(function(z) sqrt(z) * Mod(z), as_mlx(z_vector))
  oracle <- function(z) sqrt(z) * Mod(z)
  v <- complex_weights(z_vector)
  expect_complex(lin$jvp(as_mlx(v)), (oracle(z_vector + 1e-5 * v) - oracle(z_vector - 1e-5 * v)) / 2e-5, "jvp")
  want <- gradient_by_parts(function(z) Re(sum(v * oracle(z))), list(z_vector))
  expect_complex(lin$vjp(as_mlx(v))[[1L]], want[[1L]], "vjp")
})

test_that("mapped and compiled gradients of complex functions are those of each item", {
  gradient <- function(z) mlx_grad(function(z) Mod(sqrt(z) * cos(z))^2, z)[[1L]]
  want <- gradient_by_parts(function(z) sum(Mod(sqrt(z) * cos(z))^2), list(z_vector))[[1L]]
  expect_complex(mlx_vmap(gradient)(as_mlx(z_vector)), want, "mapped")
  expect_complex(mlx_compile(mlx_vmap(gradient))(as_mlx(z_vector)), want, "compiled")
})

test_that("eigenvectors of complex matrices are such", {
  e <- mlx_eig(as_mlx(z_square))
  v <- as_r(e$vectors)
  expect_complex(as_mlx(z_square %*% v), v %*% diag(as_r(e$values)), "the matrix times its eigenvectors")
})

test_that("the sign and the modulus of 0 have the derivative 0", {
  for (f in list(function(z) Re(sign(z)), Mod)) {
    expect_complex(mlx_grad(f, 0i)[[1L]], 0, "gradient")
    expect_complex(mlx_jvp(f, as_mlx(0i), tangents = as_mlx(1 + 1i))$tangents, 0, "jvp")
  }
})

test_that("real transforms of odd length have forward derivatives of that length", {
  z <- as_mlx(z_vector)
  expect_complex(mlx_jvp(function(z) mlx_irfft(z, n = 5), z, tangents = z)$tangents, from_half(z_vector, 5L), "jvp")
})
