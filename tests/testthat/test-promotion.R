# What dtype a result has, and that its values are right in it.

whole_dtypes <- grep("int", dtypes, value = TRUE)
real_dtypes <- c("float16", "bfloat16", "float32", "float64")

# MLX's promotion of two dtypes, by rule.
promote <- function(a, b) {
  if (a == b) return(a)
  if (a == "bool") return(b)
  if (b == "bool") return(a)
  both <- c(a, b)
  for (top in c("complex64", "float64", "float32")) if (top %in% both) return(top)
  if (all(c("float16", "bfloat16") %in% both)) return("float32")
  for (top in c("float16", "bfloat16")) if (top %in% both) return(top)
  bits <- as.integer(sub("[a-z]*", "", both))
  unsigned <- grepl("^u", both)
  if (all(unsigned) || !any(unsigned)) return(both[which.max(bits)])
  need <- max(2L * bits[unsigned], bits[!unsigned])
  if (need > 64L) "float32" else paste0("int", need)
}

# The same with the exceptions of the contract.
result_dtype <- function(op, a, b) {
  if (op %in% c("==", "&")) return("bool")
  both <- promote(a, b)
  if (op %in% c("%%", "%/%") && both == "complex64") return("refused")
  if (both == "bool") return("float32")
  if (op %in% c("/", "%%", "%/%") && both %in% whole_dtypes) return("float32")
  both
}

precision <- function(dtype) {
  switch(dtype, float16 = 2e-3, bfloat16 = 1e-2, float64 = 1e-14, 1e-6)
}

operators <- c("+", "-", "*", "/", "^", "%%", "%/%", "==", "&")

# What is wrong with `op` of two operands, against R's numbers; NULL if nothing.
wrong_result <- function(op, x, y, a, b, dtype, tolerance = precision(dtype)) {
  f <- match.fun(op)
  a <- a + 0 # a logical is a number here: R's TRUE %/% FALSE is NA
  b <- b + 0
  got <- tryCatch(f(x, y), error = identity)
  if (inherits(got, "error")) {
    fine <- dtype == "refused" && inherits(got, "rmlx_error_dtype")
    return(if (!fine) conditionMessage(got))
  }
  if (!is_mlx(got)) return("no mlx array")
  if (mlx_dtype(got) != dtype) return(paste(mlx_dtype(got), "instead of", dtype))
  difference(got, f(a, b), tolerance, absolute = tolerance)
}

test_that("two arrays are promoted as in MLX, with the contract's exceptions", {
  local_cpu()
  numbers <- list(x = c(7, 1, 5), y = c(2, 1, 3))
  flags <- list(x = c(TRUE, TRUE, FALSE), y = c(TRUE, FALSE, TRUE))
  cases <- expand.grid(a = dtypes, b = dtypes, op = operators, stringsAsFactors = FALSE)
  expect_cases(nrow(cases), function(i) {
    a <- cases$a[i]
    b <- cases$b[i]
    x <- if (a == "bool") flags$x else numbers$x
    y <- if (b == "bool") flags$y else numbers$y
    if (cases$op[i] == "-" && grepl("^u", promote(a, b))) { # stays above zero
      if (a == "bool") y <- 0 * y else x <- x + y
    }
    if (a == "complex64" && b == "bool") y <- c(TRUE, TRUE, TRUE) # R's complex infinities differ
    problem <- wrong_result(cases$op[i], as_mlx(x, dtype = a), as_mlx(y, dtype = b), x, y,
                            result_dtype(cases$op[i], a, b))
    if (!is.null(problem)) paste0(a, " ", cases$op[i], " ", b, ": ", problem)
  })
})

# The dtype that an R number takes beside an array.
weak_dtype <- function(kind, beside) {
  if (kind == "complex") return("complex64")
  if (beside == "bool") return(if (kind == "logical") "bool" else "float32")
  if (kind == "fraction" && beside %in% whole_dtypes) return("float32")
  beside
}

test_that("R numbers are weak beside an array of every dtype", {
  local_cpu()
  scalars <- list(logical = TRUE, integer = 2L, whole = 2, fraction = 1.5, complex = 2 + 1i)
  cases <- expand.grid(a = dtypes, kind = names(scalars), op = operators, stringsAsFactors = FALSE)
  expect_cases(nrow(cases), function(i) {
    a <- cases$a[i]
    op <- cases$op[i]
    r <- scalars[[cases$kind[i]]]
    x <- if (a == "bool") c(TRUE, TRUE, FALSE) else c(6, 2, 5)
    array <- as_mlx(x, dtype = a)
    dtype <- result_dtype(op, a, weak_dtype(cases$kind[i], a))
    tolerance <- max(precision(if (dtype == "refused") "float32" else dtype),
                     if (is.complex(r)) 1e-4)
    problem <- c(
      if (!(op == "^" && is.complex(r) && a == "bool")) # R: 0^z is NaN, MLX: 0
        wrong_result(op, array, r, x, r, dtype, tolerance),
      if (!(op == "-" && grepl("^u", dtype)))
        wrong_result(op, r, array, r, x, dtype, tolerance)
    )
    if (!is.null(problem)) paste0(a, " ", op, " ", cases$kind[i], ": ", paste(problem, collapse = "; "))
  })
})

test_that("R vectors are as weak as R numbers", {
  local_cpu()
  for (a in dtypes) {
    x <- as_mlx(c(1, 0, 1), dtype = a)
    expect_identical(mlx_dtype(x + 1:3), result_dtype("+", a, weak_dtype("integer", a)))
    expect_identical(mlx_dtype(c(1, 2, 3) * x), result_dtype("*", a, weak_dtype("whole", a)))
    expect_identical(mlx_dtype(x + c(1, 2.5, 3)), result_dtype("+", a, weak_dtype("fraction", a)))
  }
})

test_that("the contract's examples hold", {
  i <- as_mlx(1:2, dtype = "int32")
  expect_identical(mlx_dtype(i + 1L), "int32")
  expect_identical(mlx_dtype(i + 1), "int32")
  expect_identical(mlx_dtype(i + 1.5), "float32")
  expect_identical(as.vector(as64(c(1, 2)) + 0.1), c(1.1, 2.1))
  expect_identical(mlx_dtype(as_mlx(TRUE) + 1), "float32")
})

test_that("an R number that the dtype cannot hold is not wrapped", {
  for (a in whole_dtypes) {
    x <- as_mlx(c(1, 2), dtype = a)
    expect_near(x + 3e9, c(1, 2) + 3e9, 1e-6, a)
    expect_near(x + -1L, c(0, 1), 1e-6, a)
    expect_near(x * NA, c(NaN, NaN), 0, a)
    expect_near(x + NA_integer_, c(NaN, NaN), 0, a)
    expect_near(x + Inf, c(Inf, Inf), 0, a)
    expect_identical(as.vector(x == 1.5), c(FALSE, FALSE))
    expect_identical(as.vector(x < 300), c(TRUE, TRUE))
    expect_identical(as.vector(x > -1), c(TRUE, TRUE))
  }
})

test_that("integer64 keeps its digits beside int64", {
  skip_if_not_installed("bit64")
  skip_if(getRversion() < "4.3.0", "R 4.2 has no say which of two classes' operators is used")
  big <- bit64::as.integer64("9007199254740993")
  x <- as_mlx(bit64::as.integer64(c(1, 2)))
  expect_identical(mlx_dtype(x + big), "int64")
  expect_identical(as.character(bit64::as.integer64(x + big)), c("9007199254740994", "9007199254740995"))
  expect_identical(mlx_dtype(as_mlx(1:2, dtype = "int32") + bit64::as.integer64(1)), "int32")
  expect_identical(mlx_dtype(big + x), "int64")
})

test_that("integer64 is weak in functions of two arrays", {
  local_cpu()
  skip_if_not_installed("bit64")
  big <- bit64::as.integer64("9007199254740993")
  for (a in setdiff(dtypes, c("bool", "complex64"))) {
    small <- mlx_maximum(as_mlx(c(1, 5), dtype = a), bit64::as.integer64(2))
    expect_identical(mlx_dtype(small), a)
    expect_identical(as.double(as.vector(small)), c(2, 5))
  }
  wide <- mlx_maximum(as_mlx(1:2, dtype = "int32"), big)
  expect_identical(mlx_dtype(wide), "int64")
  expect_identical(as.character(bit64::as.integer64(wide)), rep("9007199254740993", 2))
})

test_that("integer division by zero is what R says, for every dtype and kind of divisor", {
  for (a in whole_dtypes) {
    x <- as_mlx(c(5, 0, 7), dtype = a)
    zero <- as_mlx(c(0, 0, 2), dtype = a)
    for (divisor in list(0L, 0, as_mlx(0L, dtype = a), as_mlx(0L, dtype = "int64"), FALSE,
                         as_mlx(FALSE))) {
      expect_near(x %/% divisor, c(Inf, NaN, Inf), 0, a)
      expect_near(x %% divisor, rep(NaN, 3), 0, a)
      expect_identical(mlx_dtype(x %/% divisor), "float32")
    }
    expect_near(x %/% zero, c(Inf, NaN, 3), 0, a)
    expect_near(x %% zero, c(NaN, NaN, 1), 0, a)
    expect_near(7L %/% zero, c(Inf, Inf, 3), 0, a)
    expect_near(7L %% zero, c(NaN, NaN, 1), 0, a)
    expect_near(x / 0L, c(Inf, NaN, Inf), 0, a)
    if (!grepl("^u", a)) expect_near(-x %/% 0L, c(-Inf, NaN, -Inf), 0, a)
  }
})

test_that("no integer division ends the process", {
  child <- run_child({
    whole <- c("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
    lowest <- c(0, 0, 0, 0, -128, -32768, -2147483648, -9223372036854775808)
    for (i in seq_along(whole)) {
      x <- as_mlx(c(lowest[i], 1, 0, 7), dtype = whole[i])
      divisors <- list(0L, 0, FALSE, x * 0L, as_mlx(0L, dtype = whole[i]), as_mlx(FALSE))
      if (lowest[i] < 0) divisors <- c(divisors, -1L, as_mlx(-1L, dtype = whole[i]), list(x * 0L - 1L))
      for (y in divisors) {
        mlx_eval(x %/% y)
        mlx_eval(x %% y)
        mlx_eval(y %/% x)
        mlx_eval(y %% x)
        mlx_eval(x / y)
        mlx_eval(x ^ y)
      }
    }
    cat("fine")
  })
  expect_child(child)
})

test_that("the smallest integer by -1 is its negative", {
  lowest <- c(int8 = -128, int16 = -32768, int32 = -2147483648)
  for (a in names(lowest)) {
    x <- as_mlx(c(lowest[[a]], 4), dtype = a)
    expect_near(x %/% -1L, c(-lowest[[a]], -4), 0, a)
    expect_near(x %% -1L, c(0, 0), 0, a)
  }
})

test_that("`%%` and `%/%` have R's signs in every dtype", {
  local_cpu()
  x <- c(7, -7, 7, -7, 6, -6)
  y <- c(3, 3, -3, -3, 3, -3)
  for (a in c("int8", "int16", "int32", "int64", real_dtypes)) {
    expect_near(as_mlx(x, dtype = a) %/% as_mlx(y, dtype = a), x %/% y, 0, a)
    expect_near(as_mlx(x, dtype = a) %% as_mlx(y, dtype = a), x %% y, 0, a)
  }
})

test_that("operands that are no numbers are refused, on either side", {
  x <- as_mlx(1:2)
  for (bad in list(NULL, "a", list(1, 2), sum, globalenv(), quote(z), as.raw(1))) {
    for (op in c("+", "^", "%/%", "==", "<", "|")) {
      f <- match.fun(op)
      expect_refused(f(x, bad), "Cannot convert object of class", "argument")
      expect_refused(f(bad, x), "Cannot convert object of class", "argument")
    }
    expect_refused(mlx_maximum(x, bad), "Cannot convert object of class", "argument")
    expect_refused(mlx_where(x > 1, bad, x), "Cannot convert object of class", "argument")
  }
})

test_that("local_mlx_dtype() and with_mlx_dtype() last as long as their function", {
  local_cpu()
  f <- function() {
    local_mlx_dtype("float64")
    mlx_dtype(as_mlx(c(1, 2)))
  }
  expect_identical(f(), "float64")
  expect_identical(with_mlx_dtype("float16", mlx_dtype(as_mlx(1))), "float16")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
  expect_error(with_mlx_dtype("float64", stop("no")), "no")
  expect_identical(mlx_dtype(as_mlx(1)), "float32")
})

test_that("local_mlx_device() lasts as long as its function", {
  outside <- mlx_default_device()
  f <- function() {
    local_mlx_device("cpu")
    mlx_default_device()
  }
  expect_identical(f(), "cpu")
  expect_identical(mlx_default_device(), outside)
})
