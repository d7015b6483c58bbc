# `[<-` and `[[<-`: every form against base R, every error of the contract.

assign_call <- function(indices, side) {
  as.call(list(as.name("<-"), index_call(indices, side), as.name("value")))
}

selected <- function(x, indices) {
  x[] <- seq_along(x)
  as.vector(eval(index_call(indices, "r")))
}

# A value for n places: one number, some that are repeated, or all, from R or mlx.
random_value <- function(n) {
  divisors <- Filter(function(k) n %% k == 0L, seq_len(n))
  k <- if (n == 0L) sample.int(2L, 1L) else divisors[sample.int(length(divisors), 1L)]
  r <- sample.int(90L, k, replace = TRUE) + 0.5
  if (k %% 2L == 0L && runif(1) < 0.3) r <- matrix(r, 2L)
  mlx <- switch(sample.int(3L, 1L), r, to_array(r), as_mlx(r))
  list(r = r, mlx = mlx)
}

assign_case <- function(rank) {
  x <- random_array(rank)
  indices <- random_indices(x, once = TRUE)
  new <- random_value(length(selected(x, indices)))
  before <- to_array(x)
  y <- before
  want <- local({
    value <- as.vector(new$r)
    eval(assign_call(indices, "r"))
    x
  })
  got <- local({
    x <- y
    value <- new$mlx
    eval(assign_call(indices, "mlx"))
    x
  })
  problem <- mismatch(got, want)
  if (is.null(problem)) problem <- mismatch(before, x)
  if (!is.null(problem)) {
    paste0(describe_index(x, indices), " <- ", length(new$r), " values: ", problem)
  }
}

for (rank in 1:4) {
  test_that(paste0("random assignments of rank ", rank, " do what base R does"), {
    set.seed(200 + rank)
    expect_cases(400L, function(i) assign_case(rank))
  })
}

test_that("an assignment leaves other holders of the array alone", {
  x <- as_mlx(c(a = 1, b = 2))
  y <- x
  y[1] <- 0
  y[["b"]] <- 5
  expect_identical(as.vector(x), c(1, 2))
  expect_identical(as.vector(y), c(0, 5))
  expect_identical(names(y), c("a", "b"))
  value <- as_mlx(c(8, 9))
  y[] <- value
  y[1] <- 0
  expect_identical(as.vector(value), c(8, 9))
})

test_that("the user's attributes stay on an array that is assigned into", {
  x <- as_mlx(1:3)
  attr(x, "unit") <- "m"
  x[2] <- 9
  expect_identical(attr(x, "unit"), "m")
})

test_that("values are cast to the array's dtype", {
  local_cpu()
  for (dtype in setdiff(dtypes, "bool")) {
    x <- as_mlx(c(1, 2, 3), dtype = dtype)
    x[2] <- 7
    x[3] <- as_mlx(9, dtype = "float32")
    x[1] <- TRUE
    expect_identical(mlx_dtype(x), dtype)
    expect_identical(as.double(as.vector(Re(x))), c(1, 7, 9), label = dtype)
  }
  x <- as_mlx(1:2, dtype = "int32")
  x[2] <- as_mlx(-2.75)
  expect_identical(as.vector(x), c(1L, -2L))
  x <- as_mlx(c(TRUE, TRUE))
  x[1] <- 0
  expect_identical(as.vector(x), c(FALSE, TRUE))
})

test_that("plain values that the cast would change are refused", {
  x <- as_mlx(1:3, dtype = "int32")
  expect_refused(x[2:3] <- c(4, 2.75), "element 2 of the value is 2.75, which an array of dtype int32", "dtype")
  expect_refused(x[[1]] <- 0.5, "mlx_cast(x, \"float32\")", "dtype")
  expect_refused(mlx_put_along_axis(x, mlx_ones(1, dtype = "int32"), 2.5, 1), "element 1 of the value is 2.5", "dtype")
  expect_identical(as.vector(x), 1:3)
  x <- mlx_cast(x, "float32")
  x[1] <- 0.5
  expect_identical(as.vector(x), c(0.5, 2, 3))
  b <- as_mlx(c(TRUE, FALSE))
  for (value in list(5.5, 2L, -1)) expect_refused(b[2] <- value, "which a bool array cannot hold", "dtype")
  b[] <- c(0, 1)
  expect_identical(as.vector(b), c(FALSE, TRUE))
  b[2] <- as_mlx(0.25)
  expect_identical(as.vector(b), c(FALSE, TRUE))
})

test_that("values that the dtype cannot hold are refused", {
  x <- as_mlx(1:3, dtype = "uint8")
  expect_refused(x[1] <- 300, "uint8 cannot hold", "dtype")
  expect_refused(x[1] <- NA, "NA", "dtype")
  expect_refused(x[1] <- 1i, "complex", "dtype")
  expect_refused(x[1] <- as_mlx(1i), "complex", "dtype")
  x <- as_mlx(TRUE)
  expect_refused(x[] <- NA, "Logical NA values are not supported for MLX boolean arrays.", "dtype")
  y <- as_mlx(c(1, 2))
  y[1] <- NA
  expect_identical(as.vector(y), c(NaN, 2))
})

test_that("the texts of assignment errors are the contract's", {
  x <- as_mlx(matrix(1:6, 2))
  expect_refused(x[1:3] <- 1:2,
                 "Number of items to replace is not a multiple of replacement length", "argument")
  expect_refused(x[1, ] <- 1:2,
                 "Number of items to replace is not a multiple of replacement length", "argument")
  expect_refused(x[1] <- 1:2,
                 "Number of items to replace is not a multiple of replacement length", "argument")
  expect_refused(x[1] <- numeric(), "Replacement value must have length >= 1.", "argument")
  expect_refused(x[1] <- NULL, "Replacement value must have length >= 1.", "argument")
  expect_refused(x[] <- as_mlx(numeric()), "Replacement value must have length >= 1.", "argument")
  expect_refused(x[c(1, 1)] <- 1:2, "Duplicate indices are not allowed in assignment.", "index")
  expect_refused(x[1, c(2, 2)] <- 1, "Duplicate indices are not allowed in assignment.", "index")
  expect_refused(x[cbind(c(1, 1), 2)] <- 1,
                 "Duplicate indices are not allowed in assignment.", "index")
  expect_refused(x[7] <- 1, "Index out of bounds", "index")
  expect_refused(x[0] <- 1, "Index contains zeros", "index")
  expect_refused(x[NA] <- 1, "Index contains NA", "index")
  expect_refused(x[c(1, -1)] <- 1, "Cannot mix positive and negative indices", "index")
  expect_refused(x[1, 1, 1] <- 1, "Incorrect number of indices supplied.", "index")
  expect_refused(x[list(1)] <- 1, "Unsupported index type.", "index")
  expect_refused(x["new"] <- 1, "needs names", "index")
  s <- as_mlx(5)
  expect_refused(s[2] <- 1, "Cannot subset a scalar mlx array.", "index")
  expect_refused(s[1] <- 1:2, "not a multiple of replacement length", "argument")
  for (bad in list("a", list(1), sum, globalenv(), quote(a), as.raw(1), factor("a"))) {
    expect_refused(x[1] <- bad, "Cannot convert object of class", "argument")
  }
  expect_identical(as.vector(x), as.double(1:6))
})

test_that("an empty selection changes nothing, whatever the value's length", {
  x <- as_mlx(matrix(1:6, 2))
  x[integer()] <- 1:5
  x[FALSE, ] <- numeric()
  x[x > 10] <- 1:7
  expect_identical(as.vector(x), as.double(1:6))
})

test_that("`[[<-` assigns exactly one element", {
  x <- as_mlx(matrix(1:6, 2))
  x[[2]] <- 10
  x[[1, 3]] <- as_mlx(20)
  expect_identical(as.vector(x), c(1, 10, 3, 4, 20, 6))
  s <- as_mlx(5)
  s[[1]] <- 2
  expect_identical(mlx_shape(s), integer())
  expect_identical(as.vector(s), 2)
  expect_refused(x[[1]] <- 1:2, "the value must have length 1", "argument")
  expect_refused(x[[1]] <- NULL, "the value must have length 1", "argument")
  expect_refused(x[[1:2]] <- 1, "exactly one element; this selects 2", "index")
  expect_refused(x[[, 1]] <- 1, "exactly one element; this selects 2", "index")
  expect_refused(x[[7]] <- 1, "Index out of bounds", "index")
  expect_refused(x[["a"]] <- 1, "needs names", "index")
  expect_refused(s[[2]] <- 1, "Index out of bounds", "index")
})

assign_gradient_case <- function(rank) {
  x <- random_array(rank, empty = 0, named = 0.2)
  indices <- random_indices(x, once = TRUE)
  at <- selected(x, indices)
  n <- length(at)
  divisors <- Filter(function(k) n %% k == 0L, seq_len(max(n, 1L)))
  k <- divisors[sample.int(length(divisors), 1L)]
  w <- x
  w[] <- sin(seq_along(x)) + 2
  weights <- to_array(w)
  loss <- function(x, value) {
    eval(assign_call(indices, "mlx"))
    sum(weights * x)
  }
  got <- mlx_grad(loss, to_array(x), to_array(as.double(seq_len(k))))
  of_x <- array(w, if (is.null(dim(x))) length(x) else dim(x))
  of_x[at] <- 0
  of_value <- if (n == 0L) numeric(k) else rowSums(matrix(as.vector(w)[at], k))
  problem <- c(difference(got[[1L]], of_x, 1e-12), difference(got[[2L]], of_value, 1e-12))
  if (!is.null(problem)) paste0(describe_index(x, indices), ": ", paste(problem, collapse = "; "))
}

test_that("gradients of random assignments flow to the array and to the value", {
  local_cpu()
  local_doubles()
  set.seed(8)
  expect_cases(250L, function(i) assign_gradient_case(1L + i %% 4L))
})

test_that("the element of a 0-d array may be assigned, and its gradient flows", {
  x <- as_mlx(5)
  x[1] <- 2
  expect_identical(mlx_shape(x), integer())
  expect_identical(as.numeric(x), 2)
  x[TRUE] <- as_mlx(3)
  expect_identical(as.numeric(x), 3)
  f <- function(p) {
    q <- as_mlx(0)
    q[1] <- p^2
    q
  }
  expect_identical(as.numeric(mlx_grad(f, 3)[[1]]), 6)
})

test_that("assigning in a loop changes nobody else's array", {
  changed <- compiler::cmpfun(function(plain, mask) {
    x <- as_mlx(plain)
    before <- x
    for (i in 1:3) x[i, ] <- 10 * i
    between <- x
    x[mask] <- 0
    x[{
      during <- x
      1
    }, 1] <- -1
    called <- `[<-`(x, 2, 2, value = 99)
    inner <- function(v) {
      v[3, 3] <- 55
      v
    }
    list(before, between, during, x, called, inner(x), x)
  })
  plain <- matrix(as.double(1:12), 3)
  mask <- plain > 6
  between <- matrix(c(10, 20, 30), 3, 4)
  during <- replace(between, mask, 0)
  x <- replace(during, 1, -1)
  called <- x
  called[2, 2] <- 99
  inner <- x
  inner[3, 3] <- 55
  expected <- list(plain, between, during, x, called, inner, x)
  for (given in list(mask, as_mlx(mask))) {
    expect_identical(lapply(changed(plain, given), as.matrix), expected)
  }
})

test_that("a mask, by rows or by columns, selects and replaces as in base R", {
  plain <- matrix(as.double(1:35), 5)
  mask <- plain %% 3 == 1
  by_columns <- as_mlx(plain)
  by_rows <- t(as_mlx(t(plain)))
  mlx_eval(by_columns, by_rows)
  masks <- list(mask, as_mlx(mask), t(as_mlx(t(mask))), as.vector(mask))
  for (x in list(by_columns, by_rows, by_columns * 1)) {
    for (m in masks) {
      expect_identical(as.vector(x[m]), plain[mask])
      y <- x
      y[m] <- 0
      expect_identical(as.matrix(y), replace(plain, mask, 0))
      y[m] <- seq_len(sum(mask))
      expect_identical(as.matrix(y), replace(plain, mask, seq_len(sum(mask))))
    }
    expect_identical(as.matrix(x[c(5, 1, 5), ]), plain[c(5, 1, 5), ])
    expect_identical(as.matrix(x[, c(7, 2, 7)]), plain[, c(7, 2, 7)])
  }
  grad <- mlx_grad(function(z) sum(z[c(5, 1, 5), ]^2), by_columns)[[1L]]
  expect_identical(as.matrix(grad), 2 * plain * c(1, 0, 0, 0, 2))
  expect_error(by_columns[replace(mask, 2, NA)] <- 0, class = "rmlx_error_index")
})

test_that("blocks are replaced in arrays of every order of axes, with steps, as in base R", {
  local_cpu()
  set.seed(5)
  for (type in c("double", "integer", "logical", "complex")) {
    for (round in 1:30) {
      extents <- sample(1:7, sample(1:4, 1), replace = TRUE)
      base <- array(sample(0:1, prod(extents), replace = TRUE), extents)
      storage.mode(base) <- type
      order <- sample(length(extents))
      # by rows in MLX, and with axes in any order
      x <- aperm(as_mlx(aperm(base, order)), order(order))
      at <- lapply(extents, function(n) seq(sample(n, 1), n, by = sample(3, 1)))
      block <- array(sample(0:1, prod(lengths(at)), replace = TRUE), lengths(at))
      storage.mode(block) <- type
      old <- x
      expected <- do.call(`[<-`, c(list(base), at, list(value = block)))
      changed <- do.call(`[<-`, c(list(x), at, list(value = as_mlx(block))))
      expect_equal(as.vector(as_r(changed)), as.vector(expected))
      expect_equal(as.vector(as_r(old)), as.vector(base))
    }
  }
})
