# Broadcasting: NumPy's rules on trailing axes, never recycling.

pairs_that_fit <- function() {
  shape <- sample.int(4L, sample.int(4L, 1L), replace = TRUE)
  if (runif(1) < 0.15) shape[sample.int(length(shape), 1L)] <- 0L
  part <- function() {
    own <- shape[seq.int(sample.int(length(shape), 1L), length(shape))]
    own[runif(length(own)) < 0.4] <- 1L
    own
  }
  list(part(), part())
}

values_for <- function(shape) {
  x <- as.double(sample.int(9L, prod(shape), replace = TRUE))
  if (length(shape) > 1L) array(x, shape) else x
}

test_that("random shapes that fit give what NumPy's rules give", {
  set.seed(31)
  operators <- c("+", "-", "*", "/", "==", "<", "&", "%%")
  expect_cases(300L, function(i) {
    shapes <- pairs_that_fit()
    x <- values_for(shapes[[1L]])
    y <- values_for(shapes[[2L]])
    op <- match.fun(operators[1L + i %% length(operators)])
    # the oracle takes one number for a scalar: 1-d arrays of one element broadcast alike
    got <- op(to_array(x), to_array(y))
    want <- broadcasting(op)(x, y)
    problem <- difference(mlx_reshape(got, max(length(got), 0L), order = "F"), as.vector(want), 1e-6)
    rank <- max(lengths(shapes))
    whole <- lapply(shapes, function(s) c(rep(1L, rank - length(s)), s))
    shape <- ifelse(whole[[1L]] == 1L, whole[[2L]], whole[[1L]])
    if (!identical(mlx_shape(got), as.integer(shape))) problem <- "the shape"
    if (!is.null(problem)) {
      paste0(paste(shapes[[1L]], collapse = " x "), " with ", paste(shapes[[2L]], collapse = " x "), ": ",
             problem)
    }
  })
})

two_operands <- list(
  `+` = `+`, `-` = `-`, `*` = `*`, `/` = `/`, `^` = `^`, `%%` = `%%`, `%/%` = `%/%`, `==` = `==`, `!=` = `!=`,
  `<` = `<`, `<=` = `<=`, `>` = `>`, `>=` = `>=`, `&` = `&`, `|` = `|`,
  mlx_maximum = mlx_maximum, mlx_minimum = mlx_minimum, mlx_logaddexp = mlx_logaddexp
)

test_that("shapes that do not fit are errors that name both", {
  local_cpu()
  misfits <- list(
    list(3L, 2L, "3", "2"), list(c(2L, 3L), c(3L, 2L), "2 x 3", "3 x 2"), list(c(2L, 3L), 2L, "2 x 3", "2"),
    list(c(2L, 3L, 4L), c(2L, 4L), "2 x 3 x 4", "2 x 4"), list(0L, 2L, "0", "2"),
    list(c(0L, 3L), c(2L, 3L), "0 x 3", "2 x 3")
  )
  for (name in names(two_operands)) {
    for (i in seq_along(misfits)) {
      m <- misfits[[i]]
      dtype <- c("float32", "float64", "int32")[1L + i %% 3L]
      x <- mlx_ones(m[[1L]], dtype = dtype)
      y <- mlx_ones(m[[2L]], dtype = dtype)
      expect_refused(two_operands[[name]](x, y),
                     paste0("shapes ", m[[3L]], " and ", m[[4L]], " cannot be broadcast"), "shape")
    }
  }
})

test_that("R vectors broadcast too, and do not recycle", {
  x <- as_mlx(matrix(1:6, 2))
  expect_near(x + c(10, 20, 30), matrix(1:6, 2) + rep(c(10, 20, 30), each = 2))
  expect_near(c(10, 20, 30) + x, matrix(1:6, 2) + rep(c(10, 20, 30), each = 2))
  expect_refused(x + c(10, 20), "shapes 2 x 3 and 2 cannot be broadcast", "shape")
  expect_refused(c(10, 20) + x, "shapes 2 and 2 x 3 cannot be broadcast", "shape")
  expect_refused(as_mlx(1:6) + 1:2, "shapes 6 and 2 cannot be broadcast", "shape")
})

test_that("the error has the call that the user wrote", {
  x <- as_mlx(matrix(1:6, 2))
  y <- as_mlx(1:2)
  expect_identical(conditionCall(tryCatch(x + y, error = identity)), quote(x + y))
  expect_identical(conditionCall(tryCatch(mlx_maximum(x, y), error = identity)), quote(mlx_maximum(x, y)))
  expect_identical(conditionCall(tryCatch(local(x %% y), error = identity)), quote(x %% y))
  expect_identical(conditionCall(tryCatch(eval(quote(x[5, ])), error = identity)), quote(x[5, ]))
})

test_that("mlx_where() broadcasts three ways and names three shapes", {
  x <- as_mlx(matrix(c(1, -2, 3, -4, 5, -6), 2))
  expect_near(mlx_where(x > 0, x, c(10, 20, 30)),
              matrix(c(1, 10, 3, 20, 5, 30), 2))
  expect_near(mlx_where(as_mlx(matrix(c(TRUE, FALSE), 2)), x, 0), matrix(c(1, 0, 3, 0, 5, 0), 2))
  caught <- tryCatch(mlx_where(x > 0, x, 1:4), error = identity)
  expect_s3_class(caught, "rmlx_error_shape")
  for (shape in c("(2 x 3)", "(4)")) expect_match(conditionMessage(caught), shape, fixed = TRUE)
})

test_that("names come from the first operand of the result's shape", {
  x <- to_array(c(a = 1, b = 2))
  y <- to_array(c(u = 3, v = 4))
  expect_identical(names(x + y), c("a", "b"))
  expect_identical(names(to_array(5) + y), c("u", "v"))
  expect_identical(names(1 - y), c("u", "v"))
  m <- as_mlx(matrix(1:4, 2, dimnames = list(c("p", "q"), NULL)))
  expect_identical(dimnames(x * m), list(c("p", "q"), NULL))
  expect_identical(dimnames(m > x), list(c("p", "q"), NULL))
})

test_that("a plain vector beside one column is told of, once for each call", {
  x <- as_mlx(cbind(c(1, 2, 3)))
  y <- c(10, 20, 30)
  caught <- NULL
  out <- withCallingHandlers(x - y, warning = function(w) {
    caught <<- w
    invokeRestart("muffleWarning")
  })
  expect_equal(as_r(out), outer(1:3, y, `-`))
  expect_s3_class(caught, "rmlx_warning_broadcast")
  expect_identical(conditionCall(caught), quote(x - y))
  expect_match(conditionMessage(caught), "`y` (length 3) beside an array of shape 3 x 1 gives 3 x 3", fixed = TRUE)
  expect_match(conditionMessage(caught), "matrix(y, ncol = 1) or cbind(y); mlx_squeeze() drops", fixed = TRUE)
  expect_no_warning(x - y)
  expect_warning(c(4, 5) * x, "`c(4, 5)` (length 2) beside", fixed = TRUE, class = "rmlx_warning_broadcast")
  expect_warning(x^c(2, 3), class = "rmlx_warning_broadcast")
})

test_that("so is a 1-d array of as many numbers, which may have been a vector", {
  x <- as_mlx(cbind(c(1, 2, 3)))
  v <- as_mlx(c(4, 5, 6))
  expect_warning(v * x, "`v` (length 3) beside an array of shape 3 x 1", fixed = TRUE, class = "rmlx_warning_broadcast")
  residuals <- function(b, x, z) sum((z - x %*% b)^2)
  expect_warning(mlx_grad(residuals, 1, cbind(1:3), c(2, 4, 6)), "`z`", class = "rmlx_warning_broadcast")
})

test_that("what is meant is not told of, and an option silences it", {
  x <- as_mlx(cbind(c(1, 2, 3)))
  expect_no_warning({
    x + 1
    x + cbind(1:3)
    x + rbind(1:3)
    x + as_mlx(1:2)
    as_mlx(matrix(1:6, 3)) + 1:2
    as_mlx(rbind(1)) + 1:3
    as_mlx(1:3) + 1:3
    array(1:3, 3) + x
  })
  rlang::local_options(rmlx.warn_broadcast = FALSE)
  expect_no_warning(x / c(7, 8, 9))
})

test_that("the error tells how a vector becomes a column where that would fit", {
  x <- as_mlx(matrix(1:6, 3))
  column <- "matrix(v, ncol = 1)"
  expect_error(x + 1:3, column, fixed = TRUE, class = "rmlx_error_shape")
  expect_error(as_mlx(1:3) + x, column, fixed = TRUE)
  expect_false(grepl(column, conditionMessage(tryCatch(x + 1:4, error = identity)), fixed = TRUE))
})
