# Linear algebra beyond values and first derivatives: failures, stacks, second derivatives, dtypes.

singular <- matrix(c(1, 2, 2, 4), 2)
indefinite <- matrix(c(1, 2, 2, 1), 2)
hilbert <- function(n) 1 / outer(seq_len(n), seq_len(n), function(i, j) i + j - 1)
spd3 <- crossprod(matrix(c(2, 1, -1, 0.5, 3, 1, 1, -0.5, 2), 3)) + diag(3)
any3 <- matrix(c(2, 1, -1, 0.5, 3, 1, 1, -0.5, 2), 3)
tall3 <- matrix(cos(1:12) + 0.1 * (1:12), 4)

expect_singular <- function(object, text) {
  expect_error(object, text, fixed = TRUE, class = "rmlx_error_singular")
}

test_that("a singular system is an error that tells the order", {
  local_cpu()
  for (dtype in c("float32", "float64")) {
    x <- as_mlx(singular, dtype = dtype)
    expect_singular(solve(x), "exactly singular: U[2,2] = 0")
    expect_singular(solve(x, c(1, 2)), "exactly singular: U[2,2] = 0")
    expect_singular(mlx_inv(x), "exactly singular")
  }
  expect_singular(solve(mlx_zeros(c(2, 2))), "U[1,1] = 0")
  expect_error(solve(as64(singular), 1:2), class = "rmlx_error")
})

test_that("a computationally singular system is an error unless tol says otherwise", {
  local_cpu()
  h <- hilbert(14)
  expect_singular(solve(as64(h)), "computationally singular: reciprocal condition number")
  expect_singular(solve(as_mlx(hilbert(8)), 1:8), "computationally singular")
  expect_identical(mlx_shape(solve(as64(h), tol = 0)), c(14L, 14L))
  expect_error(solve(as64(any3), tol = -1), "`tol`", class = "rmlx_error_argument")
})

test_that("residuals are as small as those of a substitution", {
  local_cpu()
  h <- hilbert(10)
  b <- seq(-1, 1, length.out = 10)
  x <- as.vector(solve(as64(h), b))
  residual <- max(abs(h %*% x - b)) / (max(abs(h)) * max(abs(x)))
  expect_lt(residual, 1e-15)
})

test_that("one singular matrix in a stack is named", {
  local_cpu()
  x <- stack_of(any3, matrix(1, 3, 3), any3)
  expect_singular(solve(as64(x)), "(matrix 2 of 3 in the stack)")
  expect_singular(chol(as64(stack_of(spd3, spd3, -spd3))), "order 1 is not positive (matrix 3 of 3 in the stack)")
})

test_that("a matrix that is not positive definite is an error that tells the order", {
  local_cpu()
  expect_singular(chol(as64(indefinite)), "the leading minor of order 2 is not positive")
  expect_singular(chol(as64(singular)), "the leading minor of order 2 is not positive")
  expect_singular(chol(as64(matrix(NaN, 2, 2))), "the leading minor of order 1 is not positive")
  expect_singular(mlx_cholesky(as_mlx(-spd3)), "order 1")
  big <- diag(300)
  big[217, 217] <- -1
  expect_singular(chol(as64(big)), "the leading minor of order 217 is not positive")
  expect_singular(chol(as_mlx(big)), "the leading minor of order 217 is not positive")
})

test_that("a zero on the diagonal of a triangular system is an error", {
  local_cpu()
  expect_singular(backsolve(as64(matrix(c(1, 0, 2, 0), 2)), 1:2), "[2]")
  expect_singular(mlx_tri_inv(as64(matrix(c(0, 1, 0, 1), 2))), "[1]")
  expect_singular(qr.coef(qr(as64(matrix(c(1, 1, 0, 0), 2))), 1:2), "[2]")
})

test_that("NaN and infinities: NaN results of systems, errors of spectra, as in base R", {
  local_cpu()
  for (bad in c(NaN, Inf)) {
    x <- any3
    x[2, 2] <- bad
    x <- as64(x)
    for (f in list(svd, pinv, mlx_eigh, mlx_eig, mlx_eigvalsh, function(x) eigen(x))) {
      expect_error(suppressWarnings(f(x)), "infinite or missing values in 'x'", class = "rmlx_error_argument")
    }
  }
  x <- as64(matrix(NaN, 2, 2))
  for (type in c("O", "I", "F", "M", "2")) expect_true(is.nan(as.vector(norm(x, type))), label = type)
  expect_true(all(is.nan(solve(x))))
  expect_true(all(is.nan(solve(x, 1:2))))
  expect_true(all(is.nan(qr(x)$R[1, ])))
  expect_true(is.nan(as.vector(det(x))))
})

test_that("matrices without elements, of one element or one row do not end the process", {
  child <- run_child({
    zero <- mlx_zeros(c(0, 0))
    none <- mlx_zeros(c(0, 2, 2))
    for (x in list(zero, none)) {
      for (f in list(solve, chol, det, qr, svd, pinv, mlx_lu, mlx_lu_factor, mlx_eigh, mlx_eig, mlx_slogdet,
                     mlx_tri_inv, mlx_cholesky_inv)) {
        mlx_eval(f(x))
      }
      b <- mlx_zeros(mlx_shape(x))
      mlx_eval(solve(x, b), backsolve(x, b))
      mlx_eval(mlx_grad(function(x) sum(solve(x)) + sum(svd(x)$d) + sum(chol(x)) + sum(qr(x)$R), x))
    }
    for (shape in list(c(0, 3), c(3, 0))) {
      x <- mlx_zeros(shape)
      for (f in list(qr, svd, pinv, mlx_lu, mlx_norm)) mlx_eval(f(x))
    }
    for (x in list(mlx_full(c(1, 1), 4), mlx_ones(c(1, 7)), mlx_ones(c(7, 1)), mlx_full(c(5, 1, 1), 4))) {
      for (i in 1:20) {
        for (f in list(qr, svd, pinv, mlx_lu, mlx_lu_factor, mlx_norm)) mlx_eval(f(x))
        if (length(x) < 7) {
          for (f in list(solve, chol, det, mlx_slogdet, mlx_eigh, mlx_eig, mlx_tri_inv)) mlx_eval(f(x))
          mlx_eval(mlx_grad(function(x) sum(solve(x)) + sum(det(x)) + sum(mlx_lu(x)$u), x))
        }
      }
    }
    for (bad in c(NaN, Inf, 0)) {
      x <- mlx_full(c(3, 3), bad)
      for (f in list(solve, chol, det, qr, svd, pinv, mlx_lu, mlx_eigh, mlx_eig, mlx_slogdet, mlx_tri_inv)) {
        try(mlx_eval(f(x)), silent = TRUE)
      }
    }
    cat("fine\n")
  }, env = "MALLOC_CHECK_=3")
  expect_child(child)
})

test_that("shapes that have no such factorization are errors", {
  local_cpu()
  x <- as64(tall3)
  for (f in list(solve, chol, det, mlx_eigh, mlx_eig, mlx_tri_inv, determinant)) {
    expect_error(f(x), "square", class = "rmlx_error_shape")
  }
  expect_error(eigen(x), "non-square matrix in 'eigen'", class = "rmlx_error_shape")
  for (f in list(mlx_inv, mlx_cholesky, mlx_det, mlx_lu, pinv)) {
    expect_error(f(as64(1:3)), "matrix", class = "rmlx_error_shape")
  }
  expect_error(solve(as64(any3), 1:2), "'b' (2) must be compatible with 'a' (3 x 3)", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(solve(mlx_zeros(c(2, 3, 3)), mlx_zeros(c(4, 3, 1))), "broadcast", class = "rmlx_error_shape")
  expect_error(chol(as64(spd3), pivot = TRUE), "pivoted Cholesky is not supported", class = "rmlx_error_argument")
  expect_error(svd(x, nu = 1), "nu = 0 or nu = min", class = "rmlx_error_argument")
  expect_error(svd(x, nv = 2), "nv = 0 or nv = min", class = "rmlx_error_argument")
  expect_error(qr(x, tol = 1e-3), "tol", class = "rmlx_error_argument")
  expect_error(qr(x, LAPACK = TRUE), "LAPACK", class = "rmlx_error_argument")
  expect_error(qr.coef(qr(x), 1:3), "same number of rows", class = "rmlx_error_shape")
  expect_error(qr.coef(qr(t(x)), 1:3), "pinv", class = "rmlx_error_shape")
  expect_error(qr.solve(x), "only square matrices can be inverted", class = "rmlx_error_shape")
  expect_error(norm(x, "Z"), "type", class = "rmlx_error_argument")
  expect_error(mlx_norm(x, "three"), "`ord`", class = "rmlx_error_argument")
  expect_error(mlx_norm(mlx_zeros(c(2, 2, 2)), 1), "`axes`", class = "rmlx_error_shape")
})

test_that("everything but mlx arrays goes to base R", {
  expect_identical(backsolve(spd3, 1:3), base::backsolve(spd3, 1:3))
  expect_identical(forwardsolve(spd3, 1:3), base::forwardsolve(spd3, 1:3))
  expect_identical(chol2inv(spd3), base::chol2inv(spd3))
  expect_identical(svd(tall3, nu = 0), base::svd(tall3, nu = 0))
  expect_identical(eigen(spd3), base::eigen(spd3))
  expect_identical(det(spd3), base::det(spd3))
  expect_identical(norm(tall3, "F"), base::norm(tall3, "F"))
  expect_identical(rcond(spd3), base::rcond(spd3))
  expect_identical(kronecker(tall3, diag(2)), base::kronecker(tall3, diag(2)))
  expect_identical(tall3 %x% diag(2), base::`%x%`(tall3, diag(2)))
  expect_identical(diag(3), base::diag(3))
  expect_identical(diag(c(1, 2)), base::diag(c(1, 2)))
  expect_identical(diag(nrow = 2), base::diag(nrow = 2))
  x <- spd3
  diag(x) <- 0
  expect_identical(x, base::`diag<-`(spd3, 0))
  f <- base::qr(tall3)
  expect_identical(qr.Q(f), base::qr.Q(f))
  expect_identical(qr.R(f), base::qr.R(f))
  expect_identical(qr.X(f), base::qr.X(f))
  expect_identical(qr.coef(f, 1:4), base::qr.coef(f, 1:4))
  expect_identical(qr.fitted(f, 1:4), base::qr.fitted(f, 1:4))
  expect_identical(qr.resid(f, 1:4), base::qr.resid(f, 1:4))
  expect_identical(qr.qy(f, 1:4), base::qr.qy(f, 1:4))
  expect_identical(qr.qty(f, 1:4), base::qr.qty(f, 1:4))
  expect_identical(qr.solve(spd3), base::qr.solve(spd3))
  expect_identical(qr.solve(spd3, 1:3), base::qr.solve(spd3, 1:3))
})

test_that("an R matrix beside an mlx array is taken along", {
  local_cpu()
  expect_near(kronecker(diag(2), as64(spd3)), base::kronecker(diag(2), spd3))
  expect_near(backsolve(spd3, as64(1:3)), base::backsolve(spd3, 1:3))
  expect_near(qr.solve(tall3, as64(1:4)), base::qr.solve(tall3, 1:4))
  expect_near(kappa(qr(as64(spd3))), 1 / as.vector(rcond(qr(as64(spd3))$R)))
})

test_that("names go where base R puts them", {
  local_cpu()
  x <- spd3
  dimnames(x) <- list(c("a", "b", "c"), c("u", "v", "w"))
  b <- matrix(1:3, 3, dimnames = list(NULL, "y"))
  expect_identical(dimnames(solve(as64(x))), dimnames(base::solve(x)))
  expect_identical(dimnames(solve(as64(x), as64(b))), dimnames(base::solve(x, b)))
  dimnames(x) <- list(c("a", "b", "c"), c("a", "b", "c"))
  expect_identical(names(diag(as64(x))), names(base::diag(x)))
})

test_that("eigen() finds out about symmetry, and sorts as base R does", {
  local_cpu()
  e <- eigen(as64(spd3))
  expect_s3_class(e, "eigen")
  expect_near(e$values, base::eigen(spd3)$values)
  expect_null(eigen(as64(spd3), only.values = TRUE)$vectors)
  rotation <- matrix(c(0, 2, -2, 0), 2)
  e <- suppressWarnings(eigen(as_mlx(rotation)))
  expect_identical(mlx_dtype(e$values), "complex64")
  expect_near(Mod(e$values), c(2, 2), 1e-6)
  m <- matrix(c(1, 2, 3, 4, 0, 1, 2, 2, 5), 3)
  want <- base::eigen(m)
  got <- suppressWarnings(eigen(as64(m)))
  expect_near(got$values, as.complex(want$values), 1e-5)
  v <- as_r(got$vectors)
  expect_near(Mod(m %*% v - v %*% base::diag(as_r(got$values))), matrix(0, 3, 3), absolute = 1e-4)
  expect_near(Mod(colSums(Conj(v) * v)), c(1, 1, 1), 1e-5)
})

test_that("complex eigenvalues of float64 are said to be single precision, once", {
  local_cpu()
  rlang::reset_warning_verbosity("rmlx_complex64")
  expect_warning(mlx_eigvals(as64(any3)), "complex64", class = "rmlx_warning_precision")
  expect_no_warning(mlx_eig(as64(any3)))
  rlang::reset_warning_verbosity("rmlx_complex64")
  expect_no_warning(mlx_eigvals(as_mlx(any3)))
})

test_that("complex matrices have singular values and eigenvalues, and nothing else", {
  z <- matrix(complex(real = c(1, 2, 0, -1), imaginary = c(0, 1, -1, 2)), 2)
  x <- as_mlx(z)
  expect_near(svd(x)$d, base::svd(z)$d, 1e-5)
  s <- svd(x)
  again <- as_r(s$u) %*% base::diag(as.vector(s$d)) %*% Conj(t(as_r(s$v)))
  expect_near(again, z, 1e-5, absolute = 1e-5)
  tall <- rbind(z, 1:2 + 1i)
  s <- svd(as_mlx(tall))
  u <- as_r(s$u)
  expect_near(Conj(t(u)) %*% u, base::diag(3) + 0i, 1e-5, absolute = 1e-5)
  expect_near(u[, 1:2] %*% base::diag(as.vector(s$d)) %*% Conj(t(as_r(s$v))), tall, 1e-5, absolute = 1e-5)
  h <- z + Conj(t(z))
  expect_near(mlx_eigvalsh(as_mlx(h)), rev(base::eigen(h)$values), 1e-5)
  expect_near(eigen(as_mlx(h))$values, base::eigen(h)$values, 1e-5)
  for (f in list(solve, chol, qr, det, pinv, mlx_lu)) {
    expect_error(f(x), "complex64", class = "rmlx_error_dtype")
  }
  loss <- function(x) sum(Re(mlx_eigh(mlx_cast(x, "complex64"))$values))
  expect_error(mlx_grad(loss, as_mlx(spd3)), "real matrices only", class = "rmlx_error_gradient")
})

test_that("half precision computes in float32 and comes back, integers are floats", {
  local_cpu()
  for (dtype in c("float16", "bfloat16")) {
    x <- as_mlx(spd3, dtype = dtype)
    expect_identical(mlx_dtype(solve(x)), dtype)
    expect_identical(mlx_dtype(chol(x)), dtype)
    expect_near(as.vector(det(x)), base::det(spd3), 0.1)
  }
  expect_identical(mlx_dtype(solve(as_mlx(diag(2), dtype = "int32"))), "float32")
  expect_identical(mlx_dtype(solve(as_mlx(any3), as64(1:3))), "float64")
})

test_that("eigenvalues and vectors of matrices that are not symmetric have a gradient", {
  m <- matrix(c(1, 2, 3, -4, 0, 1, 2, 2, 5), 3) # one real eigenvalue and a conjugate pair
  x <- as_mlx(m)
  expect_near(mlx_grad(function(x) sum(Re(mlx_eigvals(x))), x)[[1]], diag(3), 1e-4, absolute = 1e-4)
  expect_near(mlx_grad(function(x) sum(Re(mlx_eigvals(x)^2)), x)[[1]], 2 * t(m), 1e-4, absolute = 1e-3)
  # of functions that do not depend on order and signs
  f <- function(x) {
    e <- mlx_eig(x)
    sum(Im(e$values)^2) + sum(Mod(e$values) * (Re(e$vectors)^2 * matrix(1:3, 3) + Im(e$vectors)^2)[1:2, ])
  }
  oracle <- function(x) {
    e <- base::eigen(x)
    v <- Re(e$vectors)^2 * 1:3 + Im(e$vectors)^2
    sum(Im(e$values)^2) + sum(rep(Mod(e$values), each = 2) * v[1:2, ])
  }
  expect_near(mlx_grad(f, x)[[1]], central_difference(oracle, list(m), 1) / weights_for(0), 1e-3, absolute = 1e-3)
  slope <- function(x) sum(mlx_grad(function(x) sum(Re(mlx_eigvals(x)^3)), x)[[1]] * as_mlx(m))
  want <- central_difference(function(x) 3 * sum(base::diag(m %*% x %*% x)), list(m), 1) / weights_for(0)
  expect_near(mlx_grad(slope, x)[[1]], want, 1e-3, absolute = 1e-2)
})

test_that("mlx_stop_gradient() lets a factorization be a constant", {
  expect_near(mlx_grad(function(x) sum(x) * Mod(sum(mlx_stop_gradient(mlx_eigvals(x)))), as_mlx(any3))[[1]],
              matrix(sum(base::diag(any3)), 3, 3), 1e-4)
})

test_that("the gradient through equal eigenvalues is NaN for vectors and right for values", {
  local_cpu()
  x <- as64(diag(2))
  expect_near(mlx_grad(function(x) sum(mlx_eigvalsh(x)^3), x)[[1]], 3 * diag(2))
  expect_true(all(is.nan(mlx_grad(function(x) sum(mlx_eigh(x)$vectors[, 1]), x)[[1]][1, ])))
  s <- mlx_grad(function(x) sum(svd(x, nu = 2, nv = 2)$d^2), x)[[1]]
  expect_near(s, 2 * diag(2))
  expect_true(any(is.nan(mlx_grad(function(x) sum(svd(x, nu = 2, nv = 2)$u[, 1]^3), x)[[1]])))
})

test_that("norms have the gradient 0 at 0, and the nuclear norm that of its singular values", {
  local_cpu()
  expect_near(mlx_grad(function(x) mlx_norm(x), as64(c(0, 0)))[[1]], c(0, 0))
  expect_near(mlx_grad(function(x) norm(x, "F"), as64(matrix(0, 2, 2)))[[1]], matrix(0, 2, 2))
  expect_near(mlx_grad(function(x) sum(mlx_norm(x, 3, axes = 1)), as64(cbind(0, 1:2)))[[1]][, 1], cbind(c(0, 0)))
})

# The second derivative: the gradient of a weighted gradient, against differences of the gradient.
expect_second <- function(f, x, label) {
  w <- weights_for(x)
  slope <- function(x) sum(mlx_grad(f, x)[[1]] * as64(w))
  h <- 1e-4
  value <- function(x) as.vector(slope(as64(x)))
  want <- x
  for (i in seq_along(x)) {
    at <- function(times) {
      x[i] <- x[i] + times * h
      value(x)
    }
    want[i] <- (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
  }
  expect_near(mlx_grad(slope, as64(x))[[1]], want, 1e-6, label, absolute = 1e-7 * max(1, abs(want)))
}

test_that("second derivatives agree with central differences", {
  local_cpu()
  local_doubles()
  w3 <- matrix(sin(1:9), 3)
  w43 <- matrix(sin(1:12), 4)
  b <- as64(matrix(cos(1:6), 3))
  expect_second(function(x) sum(solve(x, b)^2), any3, "solve, a")
  expect_second(function(x) sum(solve(as64(any3), x)^3), as_r(b), "solve, b")
  expect_second(function(x) sum(solve(x) * w3), any3, "inverse")
  expect_second(function(x) sum(backsolve(x, b)^2), spd3, "backsolve")
  expect_second(function(x) sum(chol(x) * w3), spd3, "chol")
  expect_second(function(x) det(x), any3, "det")
  expect_second(function(x) determinant(x)$modulus, any3, "determinant")
  expect_second(function(x) sum(mlx_eigh(x)$vectors^2 * w3) + sum(mlx_eigvalsh(x)^2), spd3, "eigh")
  expect_second(function(x) sum(qr(x)$Q * w43) + sum(qr(x)$R^2), tall3, "qr")
  expect_second(function(x) sum(qr(x)$Q * w3) + sum(qr(x)$R * t(w43)), t(tall3), "qr of a wide matrix")
  expect_second(function(x) {
    s <- svd(x, nu = 3, nv = 3)
    sum(s$u^2 * w43) + sum(s$v^2 * w3) + sum(s$d^3)
  }, tall3, "svd")
  expect_second(function(x) sum(pinv(x) * t(w43)), tall3, "pinv")
  expect_second(function(x) sum(mlx_lu(x)$l * w43) + sum(mlx_lu(x)$u^2), tall3, "lu")
  expect_second(function(x) mlx_norm(x), tall3, "norm")
})

test_that("gradients of stacks are those of their matrices", {
  local_cpu()
  local_doubles()
  x <- stack_of(spd3, spd3 + diag(c(1, 2, 3)))
  fs <- list(
    solve = function(x) sum(solve(x)^2), chol = function(x) sum(chol(x)), det = function(x) sum(det(x)),
    logdet = function(x) sum(mlx_slogdet(x)$logabsdet), svd = function(x) sum(svd(x, nu = 3, nv = 3)$u^4),
    eigh = function(x) sum(mlx_eigh(x)$vectors^4), qr = function(x) sum(qr(x)$Q^3) + sum(qr(x)$R),
    lu = function(x) sum(mlx_lu(x)$l) + sum(mlx_lu(x)$u), pinv = function(x) sum(pinv(x)^2)
  )
  for (name in names(fs)) {
    got <- mlx_grad(fs[[name]], as64(x))[[1]]
    want <- stack_of(as_r(mlx_grad(fs[[name]], as64(x[1, , ]))[[1]]), as_r(mlx_grad(fs[[name]], as64(x[2, , ]))[[1]]))
    expect_near(got, want, 1e-9, name, absolute = 1e-11)
  }
  # one matrix beside a stack of right sides
  b <- stack_of(matrix(1:6, 3), matrix(6:1, 3))
  got <- mlx_grad(function(a) sum(solve(a, as64(b))^2), as64(spd3))[[1]]
  want <- mlx_grad(function(a) sum(solve(a, as64(b[1, , ]))^2) + sum(solve(a, as64(b[2, , ]))^2), as64(spd3))[[1]]
  expect_near(got, as_r(want), 1e-10)
})

test_that("a log density by chol() has the gradient of its closed form", {
  local_cpu()
  y <- c(0.3, -1, 2)
  loglik <- function(s) {
    l <- t(chol(s))
    z <- forwardsolve(l, y)
    -0.5 * sum(z^2) - sum(log(diag(l)))
  }
  # with respect to c in s = c * spd3
  got <- mlx_grad(function(c) loglik(as64(spd3) * c), as64(1.5))[[1]]
  want <- 0.5 * sum(y * base::solve(spd3, y)) / 1.5^2 - 1.5 / 1.5
  expect_near(got, want, 1e-12)
})

test_that("mlx_addmm() says which shapes do not fit", {
  m <- function(n, p) mlx_ones(c(n, p))
  expect_error(mlx_addmm(m(2, 2), m(2, 3), m(4, 2)),
               "Non-conformable operands: mat1 is 2 x 3 but mat2 is 4 x 2", class = "rmlx_error_shape")
  expect_error(mlx_addmm(m(2, 2), m(2, 3), m(3, 3)),
               "Input shape \\(2 x 2\\) must match mat1 %\\*% mat2 result \\(2 x 3\\)", class = "rmlx_error_shape")
  expect_error(mlx_addmm(m(2, 2), mlx_ones(3), m(3, 3)), "mlx_addmm requires mat1 and mat2 to be 2D matrices",
               class = "rmlx_error_shape")
  expect_error(mlx_addmm(mlx_ones(2), m(2, 3), m(3, 3)), "mlx_addmm requires input to be a 2D matrix",
               class = "rmlx_error_shape")
})

test_that("products say which shapes and positions do not fit", {
  a <- mlx_ones(c(2, 3))
  expect_error(mlx_matmul(a, a), "Non-conformable arrays: mlx_matmul() of 2 x 3 and 2 x 3", fixed = TRUE,
               class = "rmlx_error_shape")
  expect_error(mlx_matmul(a, as_mlx(1)), "0-d", class = "rmlx_error_shape")
  expect_error(mlx_inner(a, mlx_ones(c(2, 2))), "last axes differ", class = "rmlx_error_shape")
  expect_error(mlx_tensordot(a, a, 1), "pairs of axes", class = "rmlx_error_shape")
  expect_error(mlx_tensordot(a, a, 3), "more axes", class = "rmlx_error_index")
  expect_error(mlx_tensordot(a, a, list(1)), "`axes`", class = "rmlx_error_argument")
  expect_error(mlx_einsum("ij,jk", a, a), "\"ij,jk\" do not fit operands of shapes 2 x 3 and 2 x 3",
               class = "rmlx_error_shape")
  expect_error(mlx_einsum(1, a), "`subscripts`", class = "rmlx_error_argument")
  expect_error(mlx_cross(c(1, 2, 3, 4), as_mlx(1:4)), "vectors of 3", class = "rmlx_error_shape")
  expect_error(mlx_hadamard_transform(mlx_ones(6)), "m = 1, 12, 20 or 28", class = "rmlx_error_shape")
  expect_identical(mlx_shape(mlx_hadamard_transform(mlx_ones(12))), 12L)
  expect_error(mlx_gather_mm(mlx_ones(c(2, 1, 3)), mlx_ones(c(4, 3, 1)), rhs_indices = 5), "positions from 1 to 4",
               class = "rmlx_error_index")
  expect_error(mlx_segmented_mm(a, t(a), cbind(1, 4)), "positions from 1 to 3", class = "rmlx_error_index")
  expect_error(mlx_block_masked_mm(a, t(a), 16), "32 or 64", class = "rmlx_error_argument")
  expect_error(kronecker(a, a, FUN = "+"), "FUN", class = "rmlx_error_argument")
  expect_warning(kronecker(a, a, make.dimnames = TRUE), "dimnames", class = "rmlx_warning")
  expect_error(mlx_diagonal(a, axis2 = 1), "two different axes", class = "rmlx_error_index")
  expect_error(diag(mlx_ones(c(2, 2, 2))), "mlx_diagonal", class = "rmlx_error_shape")
  expect_error(`diag<-`(a, 1:3), "wrong length", class = "rmlx_error_shape")
})

test_that("whole numbers are contracted exactly or not at all", {
  big <- as_mlx(c(4096L, 4097L), dtype = "int32")
  expect_error(mlx_eval(mlx_inner(big, big)), "float32 does not hold exactly", class = "rmlx_error_dtype")
  expect_identical(as.vector(mlx_inner(big, as_mlx(c(2L, 1L), dtype = "int32"))), 12289)
})

test_that("a vdot of complex vectors conjugates the first", {
  z <- as_mlx(c(1 + 2i, 3 - 1i))
  expect_near(mlx_vecdot(z, z), 15 + 0i, 1e-6)
})

test_that("diag() of a number is an identity, as in base R", {
  local_cpu()
  expect_near(diag(as64(3)), diag(3))
})

test_that("mlx_det() and its like take R matrices", {
  expect_near(mlx_det(any3), base::det(any3), 1e-5)
  expect_near(pinv(any3), base::solve(any3), 1e-4, absolute = 1e-6)
})

test_that("a system without equations has a solution without elements", {
  local_cpu()
  none <- as64(matrix(0, 0, 0))
  expect_identical(mlx_shape(solve(none)), c(0L, 0L))
  expect_identical(mlx_shape(solve(none, mlx_zeros(c(0, 2)))), c(0L, 2L))
  expect_identical(mlx_shape(chol(none)), c(0L, 0L))
})

test_that("an Einstein sum tells its order", {
  path <- mlx_einsum_path("ij,jk,kl->il", mlx_ones(c(2, 50)), mlx_ones(c(50, 3)), mlx_ones(c(3, 60)))
  expect_identical(path, list(c(1L, 2L), c(1L, 2L)))
  expect_error(mlx_einsum_path("ij,jk", mlx_ones(2)), class = "rmlx_error")
})

test_that("S4's kronecker() knows mlx arrays", {
  local_cpu()
  x <- as64(any3)
  want <- base::kronecker(any3, spd3)
  expect_near(methods::kronecker(x, as64(spd3)), want)
  expect_near(methods::kronecker(x, spd3), want)
  expect_near(methods::kronecker(any3, as64(spd3)), want)
})

test_that("errors name the user's call", {
  local_cpu()
  f <- function(m) chol(m)
  e <- tryCatch(f(as64(indefinite)), error = identity)
  expect_identical(deparse(conditionCall(e)), "chol(m)")
  g <- function(m) norm(m, "Z")
  e <- tryCatch(g(as64(spd3)), error = identity)
  expect_identical(deparse(conditionCall(e)), "norm(m, \"Z\")")
})
