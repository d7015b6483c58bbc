# Reductions: axes, drop, na.rm, ddof, nothing at all, and R's summaries.

population <- function(x) sum((x - mean(x))^2) / length(x)

reductions <- list(
  list(f = mlx_sum, r = sum), list(f = mlx_prod, r = prod), list(f = mlx_max, r = max), list(f = mlx_min, r = min),
  list(f = mlx_mean, r = mean), list(f = mlx_var, r = population),
  list(f = mlx_std, r = function(x) sqrt(population(x))),
  list(f = mlx_sd, r = sd), list(f = mlx_all, r = all), list(f = mlx_any, r = any),
  list(f = mlx_logsumexp, r = function(x) log(sum(exp(x))))
)
names(reductions) <- c("mlx_sum", "mlx_prod", "mlx_max", "mlx_min", "mlx_mean", "mlx_var", "mlx_std", "mlx_sd",
                       "mlx_all", "mlx_any", "mlx_logsumexp")

axes_of <- function(rank) {
  all <- unlist(lapply(seq_len(rank), function(k) utils::combn(rank, k, simplify = FALSE)), recursive = FALSE)
  c(list(NULL), all, list(-1), list(rev(seq_len(rank))))
}

test_that("every reduction works over every set of axes, dropped or kept", {
  set.seed(5)
  x <- array(round(rnorm(24), 2), 2:4)
  for (name in names(reductions)) {
    case <- reductions[[name]]
    for (axes in axes_of(3L)) {
      for (drop in c(TRUE, FALSE)) {
        input <- if (name %in% c("mlx_all", "mlx_any")) x > 0.5 else x
        array <- if (is.logical(input)) as_mlx(input) else as64(input)
        want <- suppressWarnings(reduce_r(input, axes, case$r, drop))
        expect_near(case$f(array, axes, drop), want, 1e-12, paste(name, "over", deparse(axes)))
      }
    }
  }
})

test_that("the shape is MLX's: 0-d, without the axes, or with extents of 1", {
  x <- as_mlx(array(1:24, 2:4))
  expect_identical(mlx_shape(mlx_sum(x)), integer())
  expect_identical(mlx_shape(mlx_sum(x, drop = FALSE)), c(1L, 1L, 1L))
  expect_identical(mlx_shape(mlx_sum(x, c(1, -1))), 3L)
  expect_identical(mlx_shape(mlx_sum(x, c(1, -1), drop = FALSE)), c(1L, 3L, 1L))
  expect_identical(mlx_shape(mlx_sum(as_mlx(1:3), 1)), integer())
  expect_near(mlx_sum(x, integer()), array(1:24, 2:4))
})

test_that("names of the axes that are left stay", {
  x <- as_mlx(array(1:8, c(2, 2, 2), dimnames = list(a = c("p", "q"), b = NULL, c = c("u", "v"))))
  expect_identical(names(mlx_sum(x, 2:3)), c("p", "q"))
  expect_identical(dimnames(mlx_sum(x, 2)), list(a = c("p", "q"), c = c("u", "v")))
  kept <- structure(list(NULL, NULL, c("u", "v")), names = c("", "b", "c"))
  expect_identical(dimnames(mlx_max(x, 1, drop = FALSE)), kept)
})

test_that("dtypes: bools count as float32, sums of integers stay, means are float32", {
  flags <- as_mlx(c(TRUE, TRUE, FALSE))
  for (f in list(mlx_sum, mlx_prod, mlx_mean, mlx_max, mlx_var)) expect_identical(mlx_dtype(f(flags)), "float32")
  expect_identical(as.vector(mlx_sum(flags)), 2)
  whole <- as_mlx(1:3, dtype = "int32")
  for (f in list(mlx_sum, mlx_prod, mlx_max, mlx_min)) expect_identical(mlx_dtype(f(whole)), "int32")
  for (f in list(mlx_mean, mlx_var, mlx_sd, mlx_logsumexp, mlx_softmax)) {
    expect_identical(mlx_dtype(f(whole)), "float32")
    expect_identical(mlx_dtype(f(as64(1:3))), "float64")
  }
  expect_identical(mlx_dtype(mlx_all(whole)), "bool")
  expect_identical(as.vector(mlx_any(as_mlx(c(0, 0.5)))), TRUE)
})

test_that("na.rm = TRUE really leaves NaN out", {
  x <- matrix(c(1, NaN, 3, 4, NaN, NaN), 2)
  y <- as64(x)
  for (name in c("mlx_sum", "mlx_prod", "mlx_mean", "mlx_max", "mlx_min")) {
    case <- reductions[[name]]
    r <- function(v) suppressWarnings(case$r(v[!is.nan(v)]))
    for (axes in list(NULL, 1, 2)) {
      expect_near(case$f(y, axes, na.rm = TRUE), reduce_r(x, axes, r), 1e-14, name)
      expect_near(case$f(y, axes), suppressWarnings(reduce_r(x, axes, case$r)), 1e-14, name)
    }
  }
  expect_near(sum(y, na.rm = TRUE), 8)
  expect_near(mean(y, na.rm = TRUE), 8 / 3)
  expect_near(range(y, na.rm = TRUE), c(1, 4))
  expect_near(max(y, na.rm = TRUE), 4)
  expect_near(sum(as_mlx(1:3, dtype = "int32"), na.rm = TRUE), 6)
})

test_that("ddof is subtracted from the number of elements", {
  set.seed(6)
  x <- matrix(rnorm(12), 3)
  y <- as64(x)
  for (ddof in c(0, 1, 2, 0.5)) {
    want <- apply(x, 2, function(v) sum((v - mean(v))^2) / (length(v) - ddof))
    expect_near(mlx_var(y, 1, ddof = ddof), want)
    expect_near(mlx_std(y, 1, ddof = ddof), sqrt(want))
    expect_near(mlx_sd(y, 1, ddof = ddof), sqrt(want))
  }
  expect_near(mlx_sd(y), sd(x))
  expect_near(mlx_var(y, ddof = 1), var(as.vector(x)))
  expect_near(mlx_var(as64(5)), 0)
  expect_near(mlx_var(as64(5), ddof = 1), NaN)
  for (bad in list(NULL, "a", NA, list(1), sum, Inf, 1:2)) {
    expect_refused(mlx_var(y, ddof = bad), "`ddof` must be one finite number", "argument")
  }
})

test_that("a large offset costs neither mean nor variance their digits", {
  small <- sin(1:1000)
  for (offset in c(1e6, 1e9)) {
    x <- small + offset
    expect_near(mlx_var(as64(x)), population(x), 1e-9)
    expect_near(mlx_mean(as64(x)), mean(x), 1e-14)
  }
  single <- single(small + 4096)
  expect_near(mlx_var(as_mlx(single)), population(single), 1e-5)
  expect_near(mlx_mean(as_mlx(single)), mean(single), 1e-6)
  expect_near(mlx_sd(as_mlx(rep(16777216, 100))), 0)
})

test_that("long sums of float32 keep their digits", {
  x <- rep(single(0.1), 1e6)
  expect_near(sum(as_mlx(x)), sum(x), 1e-4) # in one loop the loss is 1e-2
  expect_near(mlx_mean(as_mlx(x)), x[1], 1e-4)
  expect_near(mlx_sum(as_mlx(matrix(x, ncol = 2)), 1), c(sum(x), sum(x)) / 2, 1e-4)
})

test_that("sum, prod, min, max and range take several arguments, as in base R", {
  local_cpu()
  a <- c(3, -1, 4)
  b <- matrix(c(1.5, 5, -9, 2), 2)
  for (name in c("sum", "prod", "min", "max", "range")) {
    f <- match.fun(name)
    expect_near(f(as64(a), as64(b)), f(a, b), 1e-14, name)
    expect_near(f(as64(a), b, 2L, TRUE), f(a, b, 2L, TRUE), 1e-14, name)
    expect_near(f(as64(a), NULL), f(a), 1e-14, name)
    expect_near(f(as64(c(a, NaN)), as64(b), na.rm = TRUE), f(a, b), 1e-14, name)
    expect_near(f(as64(a), numeric()), f(a), 1e-14, name)
    expect_identical(mlx_shape(f(as64(a), as64(b))), if (name == "range") 2L else integer())
    for (bad in list("a", list(1), mean)) {
      expect_refused(f(as64(a), bad), "Cannot convert object of class", "argument")
    }
  }
  expect_near(mean(as64(b)), mean(b))
})

test_that("summaries take axes of one array, and refuse what they would ignore", {
  x <- matrix(c(3, -1, 4, 1.5, 5, -9), 2)
  y <- as64(x)
  expect_near(sum(y, axes = 1), colSums(x))
  expect_near(max(y, axis = 2, drop = FALSE), matrix(apply(x, 1, max)))
  expect_near(mean(y, axes = 2), base::rowMeans(x))
  expect_refused(sum(y, 1, axes = 1), "only supported when reducing a single array", "argument")
  expect_refused(mean(y, trim = 0.1), "there is no `trim`", "argument")
  expect_refused(mean(y, 0.1), "there is no `trim`", "argument")
  for (bad in list("a", NULL, 2, c(TRUE, FALSE), list())) {
    for (f in list(sum, mean, range, mlx_min, rowSums)) {
      expect_refused(f(y, na.rm = bad), "`na.rm` must be TRUE or FALSE", "argument")
    }
    expect_refused(mlx_sum(y, drop = bad), "`drop` must be TRUE or FALSE", "argument")
  }
})

test_that("all() and any() give R logicals over all their arguments", {
  yes <- as_mlx(c(TRUE, TRUE))
  no <- as_mlx(c(TRUE, FALSE))
  expect_identical(all(yes), TRUE)
  expect_identical(all(yes, no), FALSE)
  expect_identical(any(no, FALSE), TRUE)
  expect_identical(any(as_mlx(FALSE), as_mlx(0)), FALSE)
  expect_identical(all(yes, NA), NA)
  expect_identical(all(yes, NA, na.rm = TRUE), TRUE)
  expect_identical(any(as_mlx(logical())), FALSE)
  expect_identical(all(as_mlx(logical())), TRUE)
  expect_identical(all(yes, NULL), TRUE)
  expect_identical(all(as_mlx(matrix(1:4, 2)) > 0), TRUE)
})

test_that("extremes of nothing warn as in base R", {
  none <- as_mlx(numeric())
  expect_warning(expect_near(max(none), -Inf), "no non-missing arguments to max; returning -Inf")
  expect_warning(expect_near(min(none), Inf), "no non-missing arguments to min; returning Inf")
  expect_warning(expect_warning(expect_near(range(none), c(Inf, -Inf)), "to min"), "to max")
  expect_silent(expect_near(max(none, 3), 3))
  expect_silent(expect_near(mlx_max(mlx_zeros(c(0, 3)), 1), rep(-Inf, 3)))
})

test_that("complex numbers have sums but no extremes", {
  z <- c(1 + 2i, -3i, 2)
  expect_near(sum(as_mlx(z)), sum(z), 1e-6)
  expect_near(mean(as_mlx(z)), mean(z), 1e-6)
  expect_near(prod(as_mlx(z)), prod(z), 1e-6)
  for (f in list(max, min, range, mlx_max, mlx_min)) expect_refused(f(as_mlx(z)), "complex", "dtype")
})

test_that("reductions of nothing end, whatever the layout, and are what base R says", {
  local_cpu()
  child <- run_child({
    mlx_device("cpu") # float64 is among the dtypes
    one <- function(f, r, x, axes, base) {
      got <- as.vector(f(x, axes))
      d <- dim(base)
      left <- setdiff(seq_along(d), if (is.null(axes)) seq_along(d) else axes)
      want <- rep(suppressWarnings(r(base[0])), prod(d[left]))
      if (any(d[if (is.null(axes)) seq_along(d) else axes] > 0) && prod(d[left]) == 0) want <- want[0]
      if (!identical(as.double(got), as.double(want))) {
        cat("wrong:", paste(dim(base), collapse = "x"), "over", deparse(axes), "got", got, "\n")
      }
    }
    all_of <- list(
      list(mlx_sum, sum), list(mlx_prod, prod), list(mlx_all, all), list(mlx_any, any), list(mlx_max, max),
      list(mlx_min, min), list(mlx_mean, mean), list(mlx_logsumexp, function(v) -Inf),
      list(mlx_var, function(v) NaN), list(mlx_sd, function(v) NaN)
    )
    for (shape in list(c(0, 3), c(3, 0), c(0, 0), c(2, 0, 3), c(0, 2, 3), c(2, 3, 0), c(1, 0, 2, 2))) {
      for (dtype in c("float32", "float64", "int32", "bool")) {
        base <- array(0, shape)
        x <- as_mlx(base, dtype = dtype)
        forms <- list(
          list(x, base), list(t(x), aperm(base)), list(mlx_zeros(shape, dtype = dtype), base),
          list(t(mlx_zeros(rev(shape), dtype = dtype)), base), list(x[TRUE, ], base)
        )
        if (length(shape) > 2) forms <- forms[1:4]
        for (form in forms) {
          rank <- length(shape)
          sets <- unlist(lapply(seq_len(rank), function(k) combn(rank, k, simplify = FALSE)), recursive = FALSE)
          for (axes in c(list(NULL), sets)) {
            for (case in all_of) {
              f <- case[[1]]
              whole <- if (is.null(axes)) seq_len(rank) else axes
              if (all(dim(form[[2]])[whole] > 0)) { # no elements at all come out
                stopifnot(length(as.vector(f(form[[1]], axes))) == 0)
              } else {
                one(f, case[[2]], form[[1]], axes, form[[2]])
              }
            }
            stopifnot(length(as.vector(mlx_softmax(form[[1]], axes))) == 0)
          }
        }
      }
    }
    for (x in list(mlx_zeros(c(0, 3)), t(mlx_zeros(c(0, 3))))) {
      suppressWarnings({
        stopifnot(sum(x) == 0, prod(x) == 1, max(x) == -Inf, min(x) == Inf, all(x), !any(x), is.nan(mean(x)))
        stopifnot(length(as.vector(rowSums(x))) == nrow(x), length(as.vector(colSums(x))) == ncol(x))
      })
      for (f in list(cumsum, cumprod, cummax, cummin)) stopifnot(length(as.vector(f(x))) == 0)
    }
    cat("fine")
  }, env = "MALLOC_PERTURB_=165", timeout = 90)
  expect_child(child)
  expect_no_match(child$out, "wrong")
})

test_that("rowSums() and its relatives honour dims and na.rm, and keep names", {
  x <- array(as.double(1:24), 2:4, dimnames = list(c("a", "b"), NULL, letters[1:4]))
  x[2, 3, 4] <- NaN
  y <- as64(x)
  functions <- list(list(rowSums, base::rowSums), list(colSums, base::colSums),
                    list(rowMeans, base::rowMeans), list(colMeans, base::colMeans))
  for (f in functions) {
    for (dims in 1:2) {
      for (na.rm in c(FALSE, TRUE)) {
        got <- f[[1]](y, na.rm = na.rm, dims = dims)
        want <- f[[2]](x, na.rm = na.rm, dims = dims)
        expect_near(got, want)
        expect_identical(names(got), names(want))
        expect_identical(titles_of(got), titles_of(want))
      }
    }
    expect_identical(f[[1]](matrix(1:4, 2)), f[[2]](matrix(1:4, 2)))
    expect_refused(f[[1]](y, dims = 3), "invalid 'dims'", "index")
    for (bad in list("a", 0, NA, NaN, 1.5, NULL, list(1), sum, 1e10)) {
      expect_refused(f[[1]](y, dims = bad), "`dims` must be one whole number", "argument")
    }
    expect_refused(f[[1]](as_mlx(1:3)), "at least two dimensions", "shape")
  }
})

test_that("what is no number is refused by every reduction", {
  for (name in names(reductions)) {
    for (bad in list(NULL, "a", list(1), sum, factor("a"))) {
      expect_refused(reductions[[name]]$f(bad), "Cannot convert object of class", "argument")
    }
  }
})

test_that("a standard deviation of 0 has the gradient 0, to second order", {
  x <- as64(matrix(c(1, 1, 1, 2, 3, 5), 3))
  r <- c(2, 3, 5)
  for (f in list(mlx_sd, mlx_std, function(x, axes) attr(scale(x), "scaled:scale"))) {
    g <- mlx_grad(function(x) sum(f(x, axes = 1)), x)[[1L]]
    ddof <- if (identical(f, mlx_std)) 0 else 1
    spread <- sqrt(sum((r - mean(r))^2) * (3 - ddof))
    expect_near(g, cbind(0, (r - mean(r)) / spread))
  }
  expect_identical(as.vector(mlx_grad(sd, as64(c(2, 2, 2)))[[1L]]), c(0, 0, 0))
  twice <- function(x) sum(mlx_grad(function(x) mlx_sd(x), x)[[1L]] * c(1, 2, 3))
  expect_identical(as.vector(mlx_grad(twice, as64(c(2, 2, 2)))[[1L]]), c(0, 0, 0))
})

test_that("half precision is added up in float32", {
  for (dtype in c("float16", "bfloat16")) {
    once <- function(x) as.vector(as_mlx(x, dtype = dtype))
    x <- as_mlx(matrix(1, 3000, 2), dtype = dtype)
    expect_identical(mlx_dtype(sum(x)), dtype)
    expect_identical(as.vector(colSums(x)), once(c(3000, 3000)))
    expect_identical(as.vector(mean(x)), 1)
    expect_identical(as.vector(mlx_mean(x, axes = 1)), c(1, 1))
    expect_identical(as.vector(mlx_cumsum(x, axis = 1))[3000], once(3000))
    v <- rep(c(1, 3), 2000)
    expect_identical(as.vector(mlx_var(as_mlx(v, dtype = dtype))), 1)
    expect_identical(as.vector(mlx_std(as_mlx(v, dtype = dtype))), 1)
    growth <- rep(once(1.0078125), 200)
    expect_identical(as.vector(prod(as_mlx(growth, dtype = dtype))), once(prod(growth)))
    expect_identical(as.vector(mlx_cumprod(as_mlx(growth, dtype = dtype)))[200], once(prod(growth)))
    expect_identical(mlx_dtype(mlx_grad(function(x) sum(x), x)[[1L]]), dtype)
  }
})

test_that("running sums and products of small integers grow as sum() and prod() do", {
  for (dtype in c("bool", "uint8", "uint16", "int8", "int16", "int32", "int64")) {
    x <- as_mlx(rep(1, 300), dtype = dtype)
    expect_identical(mlx_dtype(cumsum(x)), mlx_dtype(sum(x)), label = dtype)
    expect_identical(mlx_dtype(cumprod(x)), mlx_dtype(prod(x)), label = dtype)
    expect_equal(as.vector(cumsum(x)), 1:300, label = dtype)
    expect_identical(mlx_dtype(cumsum(x[FALSE])), mlx_dtype(sum(x)), label = dtype)
    expect_identical(mlx_dtype(cummax(x)), mlx_dtype(max(x)), label = dtype)
  }
})
