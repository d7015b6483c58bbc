# Fourier transforms against base R's.

set.seed(3)
signals <- list(
  1.5, rnorm(1), rnorm(8), rnorm(15), matrix(rnorm(12), 3), array(rnorm(30), c(2, 3, 5)),
  complex(real = rnorm(6), imaginary = rnorm(6)),
  matrix(complex(real = rnorm(6), imaginary = rnorm(6)), 2)
)
near <- function(got, want, label = "value") {
  expect_near(got, want, 1e-5, label, absolute = 2e-6 * max(1, Mod(want)))
}
# base R's transform of one axis
along <- function(x, axis, f) {
  if (length(dim(x)) < 2L) return(f(as.vector(x)))
  rest <- seq_along(dim(x))[-axis]
  out <- apply(x, rest, f)
  dim(out) <- c(length(out) / prod(dim(x)[rest]), dim(x)[rest])
  aperm(out, order(c(axis, rest)))
}

# y[.., i, ..] at an axis.
abind_index <- function(y, axis, i) {
  at <- rep(list(TRUE), length(dim(y)))
  at[[axis]] <- i
  do.call(`[`, c(list(y), at, drop = FALSE))
}

test_that("`fft()` is base R's, of every axis and unnormalised both ways", {
  for (x in signals) {
    for (inverse in c(FALSE, TRUE)) {
      got <- fft(as_mlx(x), inverse = inverse)
      near(got, stats::fft(x, inverse), describe(list(x)))
      expect_identical(mlx_dtype(got), "complex64")
    }
  }
  expect_identical(fft(1:4), stats::fft(1:4))
  expect_identical(fft(1:4, TRUE), stats::fft(1:4, TRUE))
  x <- signals[[6L]]
  near(fft(as_mlx(x), axis = 2), along(x, 2, stats::fft))
})

test_that("`mlx_fft()` transforms one axis, forth and, undivided, back", {
  x <- signals[[6L]]
  for (axis in 1:3) {
    n <- dim(x)[axis]
    forth <- mlx_fft(as_mlx(x), axis)
    near(forth, along(x, axis, stats::fft))
    near(mlx_fft(as_mlx(x), axis - 4L), along(x, axis, stats::fft))
    near(mlx_fft(forth, axis, inverse = TRUE), x * n + 0i)
    near(mlx_ifft(forth, axis), x + 0i)
  }
  near(mlx_fft(as_mlx(x)), along(x, 3, stats::fft))
  expect_error(mlx_fft(x, NULL), "one axis", class = "rmlx_error_index")
  expect_error(mlx_fft(x, 4), "out of range", class = "rmlx_error_index")
  expect_error(mlx_fft2(x, 1), "two axes", class = "rmlx_error_index")
})

test_that("several axes are transformed one after the other", {
  x <- signals[[6L]]
  two <- along(along(x, 2, stats::fft), 3, stats::fft)
  near(mlx_fft2(as_mlx(x)), two)
  near(mlx_fftn(as_mlx(x), c(2, 3)), two)
  near(mlx_ifft2(mlx_fft2(as_mlx(x))), x + 0i)
  near(mlx_ifftn(mlx_fftn(as_mlx(x))), x + 0i)
  near(mlx_fftn(as_mlx(x), inverse = TRUE), stats::fft(x, TRUE))
  expect_error(mlx_fftn(x, c(1, 1)), "twice", class = "rmlx_error_index")
})

test_that("real transforms are half of the complex ones", {
  for (x in list(rnorm(8), rnorm(7), matrix(rnorm(12), 3), array(rnorm(24), 2:4))) {
    x <- array(x, if (is.null(dim(x))) length(x) else dim(x))
    rank <- length(dim(x))
    n <- dim(x)[rank]
    half <- function(y) {
      y <- array(y, dim(x))
      out <- abind_index(y, rank, seq_len(n %/% 2 + 1))
      if (rank == 1L) as.vector(out) else out
    }
    got <- mlx_rfft(as_mlx(x))
    near(got, half(along(x, rank, stats::fft)))
    expect_identical(mlx_dtype(got), "complex64")
    back <- mlx_irfft(got, n = n)
    near(back, if (rank == 1L) as.vector(x) else x)
    expect_identical(mlx_dtype(back), "float32")
    near(mlx_rfftn(as_mlx(x)), half(stats::fft(x)))
    near(mlx_irfftn(mlx_rfftn(as_mlx(x)), s = dim(x)), if (rank == 1L) as.vector(x) else x)
  }
  x <- matrix(rnorm(12), 3)
  near(mlx_irfft2(mlx_rfft2(as_mlx(x)), s = dim(x)), x)
  near(mlx_irfft(mlx_rfft(as_mlx(1:6))), 1:6)
  expect_error(mlx_rfft(as_mlx(1i)), "real", class = "rmlx_error_dtype")
})

test_that("n cuts or fills up with zeros", {
  x <- c(1, -2, 3, 0.5)
  near(mlx_fft(as_mlx(x), n = 3), stats::fft(x[1:3]))
  near(mlx_fft(as_mlx(x), n = 6), stats::fft(c(x, 0, 0)))
  near(mlx_ifft(as_mlx(x), n = 6), stats::fft(c(x, 0, 0), TRUE) / 6)
  m <- matrix(rnorm(6), 2)
  near(mlx_fftn(as_mlx(m), s = c(3, 2)), stats::fft(rbind(m[, 1:2], 0)))
  near(mlx_fftn(as_mlx(m), axes = 2, s = 2), along(m[, 1:2], 2, stats::fft))
  near(mlx_fftn(as_mlx(m), s = 2), along(m[, 1:2], 2, stats::fft))
  expect_error(mlx_fft(x, n = 0), "at least 1", class = "rmlx_error_argument")
  expect_error(mlx_fftn(m, 1:2, s = 2), "1 extents were given for 2 axes", class = "rmlx_error_shape")
})

test_that("norm divides forward, backward or both", {
  x <- signals[[7L]]
  near(mlx_fft(as_mlx(x), norm = "ortho"), stats::fft(x) / sqrt(6))
  near(mlx_fft(as_mlx(x), norm = "forward"), stats::fft(x) / 6)
  near(mlx_ifft(as_mlx(x), norm = "ortho"), stats::fft(x, TRUE) / sqrt(6))
  near(mlx_ifft(as_mlx(x), norm = "forward"), stats::fft(x, TRUE))
  near(mlx_fft(as_mlx(x), inverse = TRUE, norm = "backward"), stats::fft(x, TRUE) / 6)
  expect_error(mlx_fft(x, norm = "none"), "backward", class = "rmlx_error_argument")
})

test_that("integers, logicals and nothing are transformed", {
  near(fft(as_mlx(c(1L, 5L, 2L), dtype = "int32")), stats::fft(c(1, 5, 2)))
  near(fft(as_mlx(c(TRUE, FALSE, TRUE))), stats::fft(c(1, 0, 1)))
  expect_identical(mlx_shape(fft(as_mlx(matrix(0, 0, 3)))), c(0L, 3L))
  expect_identical(mlx_shape(fft(as_mlx(numeric()))), 0L)
  expect_identical(mlx_shape(mlx_rfft(as_mlx(matrix(0, 0, 4)))), c(0L, 3L))
  near(mlx_fft(as_mlx(matrix(0, 2, 0)), n = 2), matrix(0i, 2, 2))
  expect_error(mlx_rfft(as_mlx(numeric())), "at least one point", class = "rmlx_error_shape")
  expect_error(mlx_irfft(as_mlx(array(1i))), "at least one point", class = "rmlx_error_shape")
})

test_that("float64 input is told once that MLX's complex numbers are single", {
  local_cpu()
  said <- environment(rmlx::fft)$fft_said
  old <- said$yes
  on.exit(said$yes <- old)
  said$yes <- NULL
  x <- as64(1:4)
  expect_warning(fft(x), "complex64", class = "rmlx_warning_precision")
  expect_no_warning(mlx_rfft(x))
})

test_that("gradients are those of the linear map", {
  x <- rnorm(7)
  w <- complex(real = rnorm(7), imaginary = rnorm(7))
  re <- as_mlx(Re(w))
  im <- as_mlx(Im(w))
  loss <- function(transform) {
    function(x) {
      y <- transform(x)
      sum(Re(y) * re + Im(y) * im)
    }
  }
  # d/dx sum(Re(conj(w) * F x)) = Re(F^H w), and F^H is the undivided inverse
  near(mlx_grad(loss(fft), x)[[1L]], Re(stats::fft(w, TRUE)))
  near(mlx_grad(loss(mlx_ifft), x)[[1L]], Re(stats::fft(w)) / 7)
  half <- c(w[1:4], 0, 0, 0)
  rfft_loss <- function(x) {
    y <- mlx_rfft(x)
    sum(Re(y) * re[1:4] + Im(y) * im[1:4])
  }
  near(mlx_grad(rfft_loss, x)[[1L]], Re(stats::fft(half, TRUE)))
  m <- matrix(rnorm(6), 2)
  v <- matrix(rnorm(6), 2)
  near(mlx_grad(function(x) sum(Re(fft(x)) * v), m)[[1L]], Re(stats::fft(v, TRUE)))
  near(mlx_grad(function(x) sum(mlx_irfft(mlx_rfft(x), n = 7)^2), x)[[1L]], 2 * x)
})

test_that("frequencies are NumPy's", {
  expect_equal(as.vector(mlx_fftfreq(5, 0.1)), c(0, 2, 4, -4, -2))
  expect_equal(as.vector(mlx_fftfreq(4)), c(0, 0.25, -0.5, -0.25))
  expect_equal(as.vector(mlx_rfftfreq(5)), c(0, 0.2, 0.4), tolerance = 1e-7)
  expect_identical(mlx_shape(mlx_fftfreq(1)), 1L)
  expect_error(mlx_fftfreq(0), "at least 1", class = "rmlx_error_argument")
  expect_error(mlx_fftfreq(3, 0), "other than 0", class = "rmlx_error_argument")
})
