# The base functions that rmlx masks, base generics without methods of ours, and plain R code.

test_that("masked functions give base R's results for base R's objects", {
  m <- matrix(c(3, 1, 2, 6, 5, 4), 2, dimnames = list(c("a", "b"), NULL))
  l <- list(a = 1:3, b = 4:6)
  expect_identical(apply(m, 1, sum), base::apply(m, 1, sum))
  expect_identical(sapply(l, range), base::sapply(l, range))
  expect_identical(sapply(letters[1:2], nchar), base::sapply(letters[1:2], nchar))
  expect_identical(sapply(list(), length), base::sapply(list(), length))
  expect_identical(sapply(1:2, function(i) diag(i, 2), simplify = "array"),
                   base::sapply(1:2, function(i) diag(i, 2), simplify = "array"))
  expect_identical(vapply(l, sum, 0L), base::vapply(l, sum, 0L))
  expect_identical(vapply(letters, nchar, 0L, USE.NAMES = FALSE), base::vapply(letters, nchar, 0L, USE.NAMES = FALSE))
  expect_identical(vapply(l, range, c(lo = 0L, hi = 0L)), base::vapply(l, range, c(lo = 0L, hi = 0L)))
  expect_identical(vapply(list(), sum, 0), numeric())
  expect_error(vapply(l, sum, ""), "must be type 'character'")
  expect_identical(unlist(list(a = 1, b = list(c = 2))), base::unlist(list(a = 1, b = list(c = 2))))
  expect_identical(unlist(list()), NULL)
  expect_identical(mapply(rep, 1:2, 2:1), base::mapply(rep, 1:2, 2:1))
  expect_identical(mapply(function(x, y, z) x + y + z, c(a = 1, b = 2), 3, MoreArgs = list(z = 1)),
                   base::mapply(function(x, y, z) x + y + z, c(a = 1, b = 2), 3, MoreArgs = list(z = 1)))
  expect_identical(mapply(identity, c("u", "v"), USE.NAMES = FALSE), c("u", "v"))
  expect_identical(mapply(identity, list(quote(a + b)), SIMPLIFY = FALSE), list(quote(a + b)))
  expect_identical(Map(`+`, c(a = 1), 2), base::Map(`+`, c(a = 1), 2))
  expect_identical(Reduce(`+`, 1:4, accumulate = TRUE, right = TRUE),
                   base::Reduce(`+`, 1:4, accumulate = TRUE, right = TRUE))
  expect_identical(Reduce(`+`, list(), 5), 5)
  expect_identical(Reduce(c, 1:3, accumulate = TRUE), base::Reduce(c, 1:3, accumulate = TRUE))
  expect_identical(outer(1:2, 1:3, "+"), base::outer(1:2, 1:3, "+"))
  expect_identical(1:2 %o% 1:2, base::outer(1:2, 1:2))
  expect_identical(sweep(m, 2, 1:3), base::sweep(m, 2, 1:3))
  expect_identical(ifelse(m > 2, m, 0), base::ifelse(m > 2, m, 0))
  expect_identical(pmin(m, 2, na.rm = TRUE), base::pmin(m, 2, na.rm = TRUE))
  expect_identical(pmax(c(1, NA), 2), base::pmax(c(1, NA), 2))
  expect_identical(var(m), stats::var(m))
  expect_identical(var(c(1, NA, 3), na.rm = TRUE), 2)
  expect_identical(var(1:3, 3:1), stats::var(1:3, 3:1))
  expect_identical(var(c(1, NA, 3), use = "complete.obs"), 2)
  expect_identical(sd(c(1, NA, 3), na.rm = TRUE), sqrt(2))
  expect_identical(cor(1:4, c(1, 3, 2, 4), method = "spearman"), stats::cor(1:4, c(1, 3, 2, 4), method = "spearman"))
  expect_identical(cov(m, method = "kendall"), stats::cov(m, method = "kendall"))
  expect_identical(matrix(1:6, 2), base::matrix(1:6, 2))
  expect_identical(matrix(1:6, ncol = 2, byrow = TRUE, dimnames = list(NULL, c("a", "b"))),
                   base::matrix(1:6, ncol = 2, byrow = TRUE, dimnames = list(NULL, c("a", "b"))))
  expect_identical(matrix(list(1, "a"), 1), base::matrix(list(1, "a"), 1))
  expect_identical(matrix(), base::matrix())
  expect_warning(matrix(1:5, 2), "data length")
  expect_identical(array(1:3, 3, list(letters[1:3])), base::array(1:3, 3, list(letters[1:3])))
  expect_identical(array(1:8, c(2, 2, 2)), base::array(1:8, c(2, 2, 2)))
  expect_identical(beta(2, 3), base::beta(2, 3))
  expect_identical(lbeta(2, 3), base::lbeta(2, 3))
  expect_identical(choose(5, 0:5), base::choose(5, 0:5))
  expect_identical(lchoose(5, 2), base::lchoose(5, 2))
  expect_identical(atan2(1, -1), base::atan2(1, -1))
  expect_identical(psigamma(2, 1), base::psigamma(2, 1))
  expect_identical(rmlx::row(m), base::row(m))
  expect_identical(col(m, as.factor = TRUE), base::col(m, as.factor = TRUE))
  expect_identical(drop(m[1, , drop = FALSE]), base::drop(m[1, , drop = FALSE]))
  expect_identical(asplit(m, 1), base::asplit(m, 1))
  expect_identical(max.col(m, "first"), base::max.col(m, "first"))
  expect_identical(which.max(c(a = 1, b = 2)), base::which.max(c(a = 1, b = 2)))
  expect_identical(rank(c(2, NA, 1)), base::rank(c(2, NA, 1)))
  expect_identical(complete.cases(data.frame(a = c(1, NA), b = 1:2)), c(TRUE, FALSE))
})

test_that("apply gives base R's shapes and names", {
  v <- array(1:24 + 0, 2:4, list(c("a", "b"), NULL, letters[1:4]))
  x <- as_mlx(v)
  for (margin in list(1, 3, c(1, 3), c(3, 1), 1:3, -1)) {
    positive <- ifelse(margin < 0, 3, margin)
    for (f in list(sum, function(z) z[1], function(z) z * 2, function(z) rev(as.vector(z)))) {
      expect_identical(as_r(apply(x, margin, f)), base::apply(v, positive, f))
    }
  }
  expect_identical(apply(x[, , 1, drop = TRUE], 1, function(z) "text"), c(a = "text", b = "text"))
  expect_identical(lengths(apply(x, 1, function(z) z[z > 10], simplify = FALSE)), c(a = 7L, b = 7L))
  expect_error(apply(as_mlx(1:3), 1, sum), "positive length", class = "rmlx_error_shape")
})

test_that("tapply gives base R's shapes and names", {
  v <- c(3, 1, 4, 1, 5, 9)
  one <- c("a", "b", "a", "b", "a", "b")
  two <- c("p", "p", "q", "q", "r", "r")
  x <- as_mlx(v)
  expect_identical(as_r(tapply(x, one, sum)), c(base::tapply(v, one, sum)))
  expect_identical(as_r(tapply(x, list(one, two), sum)), base::tapply(v, list(one, two), sum))
  expect_identical(lapply(tapply(x, one, range), as_r), list(a = c(3, 5), b = c(1, 9)))
  expect_identical(tapply(v, one, sum), base::tapply(v, one, sum))
})

test_that("sapply and vapply join mlx results as base R joins numbers", {
  x <- as_mlx(c(1, 2, 3))
  expect_identical(as_r(sapply(c(a = 1, b = 2), function(i) x[i])), c(a = 1, b = 2))
  expect_identical(as_r(sapply(1:2, function(i) x * i)), cbind(1:3, 1:3 * 2))
  expect_identical(as_r(sapply(x, function(v) v + 1)), c(2, 3, 4))
  expect_identical(as_r(sapply(c("p", "q"), function(n) sum(x))), c(p = 6, q = 6))
  ragged <- sapply(1:2, function(i) x[seq_len(i)])
  expect_identical(lapply(ragged, as_r), list(1, c(1, 2)))
  expect_identical(as_r(vapply(1:2, function(i) x[1:2] * i, numeric(2))), cbind(1:2, 2 * 1:2))
  expect_identical(as_r(mapply(function(p, q) p * q, as_mlx(c(a = 1, b = 2)), 3:4)), c(a = 3, b = 8))
  expect_identical(as_r(Reduce(`+`, x, 10, accumulate = TRUE)), c(10, 11, 13, 16))
  expect_error(vapply(1:2, function(i) x, 0), "FUN.VALUE has length 1; result 1 is of class mlx and has length 3",
               class = "rmlx_error_shape")
  expect_identical(as_r(unlist(list(a = x[1], b = x[2]))), c(a = 1, b = 2))
})

test_that("matrix and array of mlx arrays name, repeat, cut and refuse as base R does", {
  v <- 1:6 + 0
  x <- as_mlx(v)
  titles <- list(c("a", "b"), NULL)
  expect_identical(as_r(matrix(x, 2, dimnames = titles)), matrix(v, 2, dimnames = titles))
  expect_identical(as_r(matrix(x)), matrix(v))
  expect_identical(as_r(matrix(x, ncol = 3, byrow = TRUE)), matrix(v, ncol = 3, byrow = TRUE))
  expect_identical(as_r(matrix(x, 2, 2)), matrix(v[1:4], 2, 2))
  expect_identical(as_r(array(x, c(1, 3), list("r", NULL))), array(v, c(1, 3), list("r", NULL)))
  expect_identical(as_r(array(x)), v)
  expect_error(matrix(as_mlx(numeric()), 2, 2), "without elements", class = "rmlx_error_shape")
  g <- mlx_grad(function(z) sum(matrix(z, 2) %*% c(1, 2, 3)), v)[[1]]
  expect_identical(as.vector(g), c(1, 1, 2, 2, 3, 3))
})

test_that("outer, sweep, asplit, split and rowsum keep names", {
  u <- c(a = 1, b = 2)
  w <- c(x = 1, y = 2, z = 3)
  expect_identical(as_r(outer(as_mlx(u), w)), outer(u, w))
  expect_identical(as_r(as_mlx(u) %o% as_mlx(w)), u %o% w)
  m <- outer(u, w)
  expect_identical(as_r(sweep(as_mlx(m), 1, u)), sweep(m, 1, u))
  expect_identical(lapply(asplit(as_mlx(m), 1), as_r), list(a = m[1, ], b = m[2, ]))
  expect_identical(dim(asplit(as_mlx(m), c(2, 1))), c(3L, 2L))
  expect_identical(lapply(split(as_mlx(w), c(1, 2, 1)), as_r), split(w, c(1, 2, 1)))
  expect_identical(as_r(rowsum(as_mlx(m), c("q", "p"))), rowsum(m, c("q", "p")))
  expect_identical(as_r(rowsum(as_mlx(m), c("q", "p"), reorder = FALSE)), rowsum(m, c("q", "p"), reorder = FALSE))
  expect_error(outer(as_mlx(u), w, function(x, y) sum(x)), "do not match the length", class = "rmlx_error_shape")
  expect_error(sweep(as_mlx(m), 1, 1:3), "STATS has 3", class = "rmlx_error_shape")
})

test_that("scale keeps its numbers as attributes", {
  local_cpu()
  m <- matrix(c(1, 2, 4, 5, 7, 6), 3)
  s <- scale(as64(m))
  expect_near(attr(s, "scaled:center"), t(colMeans(m)))
  expect_near(attr(s, "scaled:scale"), t(apply(m, 2, stats::sd)))
  s <- scale(as64(m), center = c(1, 2), scale = FALSE)
  expect_identical(attr(s, "scaled:center"), c(1, 2))
  expect_null(attr(s, "scaled:scale"))
  expect_identical(mlx_dtype(s), "float64")
  expect_error(scale(as64(m), center = 1:3), "length of 'center' must equal the number of columns",
               class = "rmlx_error_shape")
})

test_that("var, sd and cor of mlx arrays refuse what they do not compute", {
  x <- as_mlx(c(1, NaN, 3))
  expect_identical(as.vector(sd(x, na.rm = TRUE)), as.vector(sd(as_mlx(c(1, 3)))))
  expect_error(var(x, na.rm = TRUE), "na.rm", class = "rmlx_error_argument")
  expect_error(cor(x, x, method = "kendall"), "Pearson", class = "rmlx_error_argument")
  expect_error(cor(x), "both 'x' and 'y'", class = "rmlx_error_argument")
  expect_error(var(x, c(1, 2)), "incompatible dimensions", class = "rmlx_error_shape")
})

test_that("base R's own functions that use `[`, length and dim work on mlx arrays", {
  v <- c(a = 3, b = 1, c = 2)
  x <- as_mlx(v)
  m <- matrix(1:6 + 0, 3)
  y <- as_mlx(m)
  expect_identical(as_r(head(x, 2)), head(v, 2))
  expect_identical(as_r(tail(x, -1)), tail(v, -1))
  expect_identical(as_r(head(y, 2)), head(m, 2))
  expect_identical(as_r(tail(y, 1, keepnums = FALSE)), tail(m, 1, keepnums = FALSE))
  expect_identical(seq_along(x), 1:3)
  expect_identical(lengths(list(x, y)), c(3L, 6L))
  expect_identical(c(nrow(y), ncol(y)), 3:2)
  expect_identical(which(y > 2, arr.ind = TRUE), which(m > 2, arr.ind = TRUE))
  expect_identical(as.vector(xor(x > 1, c(TRUE, FALSE, FALSE))), unname(xor(v > 1, c(TRUE, FALSE, FALSE))))
  expect_identical(as_r(Reduce(`+`, x)), 6)
  expect_identical(lapply(Map(function(p) p * 2, x), as_r), list(a = 6, b = 2, c = 4))
  expect_identical(sum(vapply(x, function(p) as.numeric(p), 0)), 6)
  expect_identical(as.data.frame(y), as.data.frame(m))
  total <- 0
  for (p in x) total <- total + p
  expect_identical(total, 6)
})

test_that("plain R code written for vectors runs unchanged, and on the tape", {
  local_cpu()
  horner <- function(b, at) {
    out <- 0
    for (i in rev(seq_along(b))) out <- out * at + b[i]
    out
  }
  recursion <- function(x) {
    out <- x
    for (i in 2:length(x)) out[i] <- 0.5 * out[i - 1] + x[i]^2
    sum(out)
  }
  moving <- function(x) {
    n <- length(x)
    s <- 0
    for (i in 2:(n - 1)) s <- s + mean(x[(i - 1):(i + 1)]) * max(x[i], 0)
    s
  }
  smallest <- function(x) {
    best <- x[1]
    for (i in seq_along(x)) if (x[i] < best) best <- x[i]
    best * length(x)
  }
  robust <- function(x) {
    z <- (x - median(x)) / sd(x)
    sum(ifelse(abs(z) > 1, abs(z), z^2)) + sum(diff(sort(x))[1:2]) + prod(head(rev(x), 2))
  }
  functions <- list(function(b) horner(b, 1.5), recursion, moving, smallest, robust)
  b <- c(1.2, -0.7, 2.1, 0.4, -1.9)
  for (i in seq_along(functions)) {
    f <- functions[[i]]
    expect_near(f(as64(b)), f(b), 1e-12, paste("value", i))
    expect_gradient(f, f, list(b), label = paste("function", i))
  }
})

test_that("scale() of integers does not come round from the other end of their dtype", {
  x <- matrix(c(1, 200, 3, 4, 5, 60), 3)
  got <- scale(as_mlx(x, dtype = "uint8"), center = c(100, 2), scale = FALSE)
  expect_identical(as.vector(got), as.vector(base::scale(x, center = c(100, 2), scale = FALSE)))
})

test_that("a variable's correlation with itself is 1, also where it does not vary", {
  local_cpu()
  x <- cbind(c(1, 2, 4), 1)
  got <- cor(as64(x))
  expect_near(got, suppressWarnings(stats::cor(x)), 1e-12)
  expect_true(all(is.nan(as.matrix(cor(as64(x), x))[, 2])))
})
