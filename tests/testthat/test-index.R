# `[` and `[[`: every form against base R, every error of the contract.

subset_case <- function(rank) {
  x <- random_array(rank)
  indices <- random_indices(x)
  flat <- length(indices) == 1L && rank > 1L
  drop <- if (flat) NULL else sample(c(TRUE, FALSE), 1L)
  want <- local(eval(index_call(indices, "r", drop)))
  if (flat && identical(indices[[1L]]$r, rlang::missing_arg())) want <- x
  y <- to_array(x)
  got <- local({
    x <- y
    eval(index_call(indices, "mlx", drop))
  })
  problem <- mismatch(got, want)
  if (!is.null(problem)) paste0(describe_index(x, indices, drop), ": ", problem)
}

for (rank in 1:4) {
  test_that(paste0("random indices of rank ", rank, " select what base R selects"), {
    set.seed(100 + rank)
    expect_cases(500L, function(i) subset_case(rank))
  })
}

test_that("`[` keeps axes unless drop = TRUE", {
  x <- as_mlx(matrix(1:6, 2))
  expect_identical(mlx_shape(x[1, ]), c(1L, 3L))
  expect_identical(mlx_shape(x[1, , drop = TRUE]), 3L)
  expect_identical(mlx_shape(x[1, 1, drop = TRUE]), 1L)
})

test_that("`[` of every dtype keeps the dtype", {
  local_cpu()
  for (dtype in dtypes) {
    x <- as_mlx(matrix(c(1, 0, 1, 1, 0, 1), 2), dtype = dtype)
    for (y in list(x[2, 3], x[c(2, 1), ], x[5:6], x[-1], x[integer()], x[x == 1])) {
      expect_identical(mlx_dtype(y), dtype)
    }
    expect_identical(as.double(as.vector(Re(x[c(2, 1), 3]))), c(1, 0), label = dtype)
  }
})

test_that("fewer indices than axes take the rest whole", {
  a <- array(1:24, 2:4)
  x <- as_mlx(a)
  expect_null(mismatch(x[2, 3:1], a[2, 3:1, , drop = FALSE]))
  expect_null(mismatch(x[, 2], a[, 2, , drop = FALSE]))
})

test_that("one logical selects all or nothing, of nothing too", {
  for (shape in list(0L, c(0L, 3L), c(2L, 0L))) {
    x <- mlx_zeros(shape)
    expect_identical(mlx_shape(x[TRUE]), 0L)
    expect_identical(mlx_shape(x[FALSE]), 0L)
  }
  x <- as_mlx(matrix(0, 0, 2, dimnames = list(NULL, c("u", "v"))))
  expect_identical(mlx_shape(x[TRUE, FALSE]), c(0L, 0L))
  expect_identical(colnames(x[TRUE, TRUE]), c("u", "v"))
  y <- to_array(c(a = 1))[FALSE]
  expect_identical(mlx_shape(y[TRUE]), 0L)
})

test_that("`x[]` is x, names and all", {
  a <- matrix(1:4, 2, dimnames = list(c("a", "b"), NULL))
  expect_null(mismatch(as_mlx(a)[], a))
  expect_identical(mlx_shape(as_mlx(5)[]), integer())
})

test_that("the texts of index errors are the contract's, with the user's call", {
  x <- as_mlx(matrix(1:6, 2))
  refused <- function(code, text) expect_refused(code, text, "index")
  refused(x[c(1, -1)], "Cannot mix positive and negative indices")
  refused(x[, c(-1, 1)], "Cannot mix positive and negative indices")
  refused(x[0], "Index contains zeros")
  refused(x[c(1, 0), ], "Index contains zeros")
  refused(x[0.5], "Index contains zeros")
  refused(x[NA], "Index contains NA")
  refused(x[NA_integer_, ], "Index contains NA")
  refused(x[c(1, NaN)], "Index contains NA")
  refused(x[NA_character_, ], "has none")
  refused(x[cbind(NA, 1L)], "Index contains NA")
  refused(x[7], "Index out of bounds: 7 on the array (6 elements)")
  refused(x[-7], "Index out of bounds")
  refused(x[3, ], "Index out of bounds: 3 on axis 1 (extent 2)")
  refused(x[, Inf], "Index out of bounds: Inf")
  refused(x[-Inf], "Index out of bounds: Inf")
  refused(x[1e300], "Index out of bounds")
  refused(x[cbind(1, 4)], "Index out of bounds: 4 on axis 2 (extent 3)")
  refused(x[as_mlx(c(1, 9))], "Index out of bounds: 9")
  refused(x[cbind(1, -1)], "Matrix indices must be positive")
  refused(x[cbind(0, 1)], "Matrix indices must be positive")
  refused(x[cbind(1:2, 1:2, 1:2)], "one column per dimension")
  refused(x[1, 2, 3], "Incorrect number of indices supplied.")
  refused(as_mlx(1:3)[1, 1], "Incorrect number of indices supplied.")
  for (bad in list(2, -1, 0, NA, FALSE, NA_real_, "a", c(1, 1), numeric(), list(1))) {
    refused(as_mlx(5)[bad], "Cannot subset a scalar mlx array.")
  }
  refused(as_mlx(5)[1, 1], "Cannot subset a scalar mlx array.")
  for (bad in list(list(1), sum, 1i, as.raw(1), globalenv(), quote(a), as_mlx(1i), y ~ x)) {
    refused(x[bad], "Unsupported index type.")
    refused(x[1, bad], "Unsupported index type.")
  }
  refused(x["a"], "needs names")
  refused(x[cbind("a", "b")], "needs names")
  refused(x[c(TRUE, FALSE, TRUE), ], "a logical index must have length 1 or that of axis 1")
  expect_refused(x[1, 9], "Index out of bounds", "index", quote(x[1, 9]))
})

test_that("names that are not there are out of bounds", {
  x <- as_mlx(matrix(1:4, 2, dimnames = list(c("a", "b"), c("u", NA))))
  expect_refused(x["z", ], "has no name \"z\"", "index")
  expect_refused(x[NA_character_, ], "Index contains NA", "index")
  expect_refused(x[cbind("a", "z")], "has no name \"z\"", "index")
  expect_refused(x[, "NA"], "has no name \"NA\"", "index")
})

test_that("a drop that is no flag is refused", {
  x <- as_mlx(matrix(1:6, 2))
  for (bad in list("a", NA, NULL, 2, c(TRUE, FALSE), list())) {
    expect_refused(x[1, , drop = bad], "`drop` must be TRUE or FALSE.", "argument")
  }
})

test_that("`[[` gives one plain number", {
  a <- array(1:24 + 0.5, 2:4)
  x <- as_mlx(a)
  expect_identical(x[[23]], a[[23]])
  expect_identical(x[[2, 3, 4]], a[[2, 3, 4]])
  expect_identical(x[[cbind(1, 2, 3)]], a[1, 2, 3])
  expect_identical(as_mlx(c(p = 1, q = 2))[["q"]], 2)
  expect_identical(as_mlx(matrix(1:4, 2, dimnames = list(c("a", "b"), c("u", "v"))))[["b", "u"]], 2)
  expect_identical(as_mlx(5)[[1]], 5)
  expect_identical(as_mlx(TRUE)[[1]], TRUE)
  expect_identical(as_mlx(2L, dtype = "int32")[[1]], 2L)
  expect_identical(as_mlx(c(1i, 2))[[1]], 1i)
})

test_that("`[[` of anything but one element is refused", {
  x <- as_mlx(matrix(1:6, 2))
  refused <- function(code, text) expect_refused(code, text, "index")
  refused(x[[1:2]], "exactly one element; this selects 2")
  refused(x[[NULL]], "exactly one element; this selects 0")
  refused(x[[1, ]], "exactly one element; this selects 3")
  refused(x[[]], "exactly one element; this selects 6")
  refused(x[[7]], "Index out of bounds")
  refused(x[["a"]], "needs names")
  refused(x[[list(1)]], "Unsupported index type.")
  refused(x[[1, 1, 1]], "Incorrect number of indices supplied.")
  refused(as_mlx(5)[[2]], "Index out of bounds")
  refused(as_mlx(5)[[1, 1]], "Cannot subset a scalar mlx array.")
})

test_that("positions far apart in a long array are counted rightly", {
  x <- mlx_broadcast_to(as_mlx(7), 2000000000)
  expect_identical(as.vector(x[c(1, 2e9)]), c(7, 7))
})

gradient_case <- function(rank) {
  x <- random_array(rank, empty = 0, named = 0.2)
  indices <- random_indices(x)
  positions <- local({
    at <- x
    at[] <- seq_along(at)
    x <- at
    as.vector(eval(index_call(indices, "r")))
  })
  w <- sin(seq_along(positions)) + 2
  weights <- to_array(w)
  loss <- function(x) {
    y <- eval(index_call(indices, "mlx"))
    sum(weights * mlx_reshape(y, length(y), order = "F"))
  }
  got <- mlx_grad(loss, to_array(x))[[1L]]
  want <- array(0, if (is.null(dim(x))) length(x) else dim(x))
  for (k in seq_along(positions)) want[positions[k]] <- want[positions[k]] + w[k]
  problem <- difference(got, want, 1e-12)
  if (!is.null(problem)) paste0(describe_index(x, indices), ": ", problem)
}

test_that("gradients of random indices scatter the weights", {
  local_cpu()
  local_doubles()
  set.seed(7)
  expect_cases(250L, function(i) gradient_case(1L + i %% 4L))
})

test_that("what an index selects nothing of has a gradient, and the process lives", {
  expect_child(run_child({
    m <- as_mlx(matrix(1:12, 4))
    none <- list(
      function(m) m[FALSE, c(1, 3, 2)], function(m) m[c(1, 3, 2), FALSE], function(m) m[-2, m[1, ] > 99],
      function(m) m[integer()], function(m) m[matrix(0L, 0, 2)], function(m) mlx_take(m, integer(), 1),
      function(m) mlx_take(m[FALSE, ], c(2L, 1L), 2),
      function(m) mlx_take_along_axis(m, mlx_zeros(c(4, 0), dtype = "int32"), 2),
      function(m) mlx_gather(m, list(mlx_zeros(0, dtype = "int32")), 1)
    )
    sizes <- vapply(none, function(f) length(f(m)), 1)
    right <- vapply(none, function(f) {
      g <- mlx_grad(function(m) sum(f(m)^2) + sum(m^2), m)[[1]]
      identical(as.vector(g), 2 * as.vector(m))
    }, NA)
    cat(if (all(right) && all(sizes == 0)) "fine" else c(right, sizes))
  }))
  m <- as_mlx(matrix(1:12, 4))
  expect_identical(dim(m[FALSE, c(1, 3, 2)]), c(0L, 3L))
  expect_identical(dim(m[c(1, 3, 2), FALSE]), c(3L, 0L))
})

test_that("assignments to nothing have a gradient, and the process lives", {
  expect_child(run_child({
    m <- as_mlx(matrix(1:12, 4))
    none <- list(
      function(m) `[<-`(m, FALSE, c(1, 3, 2), value = m[1]), function(m) `[<-`(m, integer(), value = m[1]),
      function(m) mlx_put_along_axis(m, mlx_zeros(c(4, 0), dtype = "int32"), mlx_zeros(c(4, 0)), 2),
      function(m) mlx_at_add(m, integer(), m[1])
    )
    right <- vapply(none, function(f) {
      identical(as.vector(mlx_grad(function(m) sum(f(m)^2), m)[[1]]), 2 * as.vector(m))
    }, NA)
    cat(if (all(right)) "fine" else right)
  }))
})

test_that("names are found whatever encoding they are in", {
  utf8 <- c("\u00e9", "b")
  latin1 <- iconv(utf8, "UTF-8", "latin1")
  for (titles in list(utf8, latin1)) {
    for (index in list(utf8[1], latin1[1])) {
      x <- as_mlx(c(1, 2))
      names(x) <- titles
      expect_identical(as.vector(x[index]), 1)
      expect_identical(x[[index]], 1)
      x[index] <- 5
      expect_identical(as.vector(x), c(5, 2))
      m <- as_mlx(matrix(1:4, 2, dimnames = list(titles, titles)))
      expect_identical(as.vector(m[index, "b"]), 3)
      expect_identical(dimnames(m[index, "b"]), list(titles[1], "b"))
      expect_identical(as.vector(m[cbind(index, "b")]), 3)
    }
  }
})

test_that("the element of a 0-d array may be named, as that of a number of R", {
  x <- as_mlx(5)
  for (one in list(x[1], x[1L], x[TRUE], x[as_mlx(1)], sum(x)[1])) {
    expect_identical(mlx_shape(one), 1L)
    expect_identical(as.vector(one), 5)
  }
  expect_identical(mlx_shape(x[]), integer())
  g <- mlx_grad(function(p) p[1]^2, 3)[[1]]
  expect_identical(mlx_shape(g), integer())
  expect_identical(as.numeric(g), 6)
})
