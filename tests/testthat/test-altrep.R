# Contract section 1: to R an mlx array is a vector. Base R code without a method of ours works on its
# values and gives what the plain R vector gives; nothing written into a copy shows in the original.

values <- c(3, 1, 4, 1, 5, 9, 2, 6)

# What code of x gives for an mlx array and for the plain vector, as plain R values.
result_of <- function(code, x) {
  env <- new.env(parent = globalenv())
  env$x <- x
  set.seed(1)
  out <- NULL
  utils::capture.output(suppressWarnings(suppressMessages(
    out <- tryCatch(eval(code, env), error = function(e) paste("error:", conditionMessage(e)))
  )))
  plain(out)
}

plain <- function(x) {
  if (is_mlx(x)) return(as_r(x))
  if (inherits(x, "mlx")) class(x) <- setdiff(class(x), "mlx") # base R copied the class onto its own vector
  if (is.list(x) && !is.object(x)) x[] <- lapply(x, plain)
  if (is.data.frame(x)) x[] <- lapply(x, plain)
  x
}

expect_as_plain <- function(bodies, x = as64(values), r = values, tolerance = 1e-12) {
  for (code in bodies) {
    got <- result_of(code, x)
    want <- result_of(code, r)
    same <- all.equal(got, want, tolerance = tolerance, check.environment = FALSE)
    expect(isTRUE(same), paste0(deparse(code)[[1]], ": ", paste(same, collapse = "; ")))
  }
}

test_that("functions of base R give what the plain vector gives", {
  local_cpu()
  expect_as_plain(alist(
    mean.default(x), order(x), order(x, decreasing = TRUE), sort(x), sort.int(unclass(x), method = "quick"),
    sort.int(unclass(x), method = "radix"), sort.int(unclass(x), partial = 3), rank(x), rev(x), unique(x),
    duplicated(x), table(x), tabulate(x), x %in% c(1, 9), match(9, x), which(x > 3), which.max(x), cut(x, 3),
    findInterval(x, c(2, 5)), factor(x), split(x, rep(1:2, 4)), ave(x, rep(1:2, 4)),
    rowsum(x, rep(1:2, 4)), by(data.frame(x), rep(1:2, 4), function(d) sum(d$x)), outer(x, 1:2), diff(x),
    matrix(x, 2), array(x, c(2, 2, 2)), apply(matrix(x, 2), 1, sum), sweep(matrix(x, 2), 1, 1:2),
    max.col(matrix(x, 2)),
    data.frame(x), data.frame(a = x, b = 1:8)$a, as.data.frame(x),
    merge(data.frame(k = x), data.frame(k = c(1, 9), w = 1:2)),
    transform(data.frame(a = 1:8), b = x), subset(data.frame(x), x > 3), expand.grid(x[1:2], 1:2),
    complete.cases(x),
    paste(x), toString(x), sprintf("%g", x), nchar(x), formatC(x), prettyNum(x), format(x), strrep("a", x),
    substr("abcdef", x[2], x[3]),
    chartr("1", "2", x), letters[x], (1:10)[x], (1:10)[x > 3], list(1, 2, 3)[[x[2]]], matrix(1:16, 8)[x > 3, ],
    sapply(x, function(z) z * 2), vapply(x, function(z) z, 1), mapply(function(a, b) a + b, x, 1:8), Reduce(`+`, x),
    Map(function(z) z, unclass(x)), Filter(function(z) z > 3, unclass(x)), do.call(sum, as.list(x)),
    Vectorize(function(a) a)(x),
    seq_len(x[2]), numeric(x[2]), rep(1, x[2]), rep(1:8, x), 1:x[1], seq(1, x[1]), vector("list", x[2]),
    setdiff(x, 1), union(x, 100),
    for (i in x) i, if (x[1] > 2) "yes", switch(x[1], "a", "b", "c"), identical(x, x), range(unclass(x)),
    cumsum(unclass(x)),
    unclass(x) + 1, max(unclass(x)), c(1, x), replace(numeric(8), 1:8, x), append(1, x), is.na(x), anyNA(x),
    zapsmall(x),
    rle(unclass(x)), rapply(list(x), mean.default), crossprod(unclass(x)), det(matrix(x[1:4], 2)),
    solve(matrix(x[1:4], 2)),
    polyroot(x), fft(unclass(x)), bitwAnd(x, 1L), rawToChar(as.raw(unclass(x) + 60)), rowSums(matrix(x, 2)),
    is.numeric(x), typeof(x),
    mode(x), storage.mode(x), length(x), is.atomic(x), is.matrix(x), is.array(x), seq_along(x), NROW(x), NCOL(x),
    dim(x), is.character(x)
  ))
})

test_that("functions of stats, graphics and utils give what the plain vector gives", {
  local_cpu()
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_as_plain(alist(
    quantile(x), median(x), var(x), sd(x), cor(x, 1:8), mad(x), IQR(x), fivenum(x), weighted.mean(x, 1:8),
    ecdf(x)(4),
    density(x)$bw, approx(1:8, x, 2.5)$y, spline(1:8, x, n = 3)$y, smooth.spline(1:8, x)$df, convolve(x, 1:8),
    filter(unclass(x), rep(1, 3)), dist(x), mahalanobis(matrix(x, 4), 0, diag(2)), prcomp(matrix(x, 4))$sdev,
    poly(x, 2)[1:2],
    lm(x ~ I(1:8))$coefficients, lm.fit(cbind(1, x), 1:8)$coefficients, glm(x ~ I(1:8))$coefficients,
    model.matrix(~x),
    coef(nls(x ~ a, start = list(a = 1))), predict(lm(x ~ I(1:8)))[1], loess(x ~ y, data.frame(y = 1:8))$n,
    aggregate(x, list(rep(1:2, 4)), sum),
    t.test(x)$statistic, wilcox.test(x, exact = FALSE)$p.value, shapiro.test(x)$p.value, cor.test(x, 1:8)$p.value,
    optimize(function(z) sum((z - mean.default(x))^2), c(0, 10))$minimum,
    uniroot(function(z) z - x[[1]], c(0, 10))$root,
    integrate(function(z) z * x[[1]], 0, 1)$value, nlm(function(p) sum((p - x[[1]])^2), 0)$estimate,
    runif(2, 0, x), rnorm(2, x),
    sample(x, 3), dnorm(x), pgamma(x, 2), plot(x), lines(x), hist(x, plot = FALSE)$counts, hist(x)$breaks,
    boxplot(x, plot = FALSE)$stats,
    pretty(x), barplot(unclass(x), plot = FALSE), summary(x), head(x, 3), tail(x, 3),
    kmeans(c(1, 1, 9, 9), x[c(2, 6)])$size
  ), tolerance = 1e-7)
})

test_that("matrices, logicals, integers and complex numbers are read as such", {
  local_cpu()
  m <- matrix(c(2, 1, 1, 3, 5, 8), 3, dimnames = list(letters[1:3], c("u", "v")))
  expect_as_plain(alist(
    apply(x, 1, sum), apply(unclass(x), 2, sort), data.frame(x), as.data.frame(x), is.matrix(x), is.array(x),
    nrow(x), ncol(x), NCOL(x),
    typeof(x), summary(unclass(x)), cor(x), prcomp(x)$sdev, dist(x), lm.fit(x, 1:3)$coefficients,
    image(unclass(x)), max.col(x),
    dimnames(x), rownames(x), colnames(x), row(x), col(x), stack(as.data.frame(x)), arrayInd(5, dim(x)),
    lower.tri(x), which(unclass(x) > 2, arr.ind = TRUE)
  ), as64(m), m)
  l <- c(TRUE, FALSE, TRUE)
  expect_as_plain(alist(
    which(x), sum(unclass(x)), any(x), all(x), letters[1:3][x], typeof(x), is.logical(x), is.numeric(x), table(x),
    rev(x),
    if (x[1]) 1, xor(unclass(x), TRUE), mean.default(x), split(1:3, x), data.frame(x), isTRUE(unclass(x)[1]),
    stopifnot(unclass(x)[1])
  ), as_mlx(l), l)
  i <- c(4L, -2L, 7L)
  expect_as_plain(alist(
    typeof(x), is.integer(x), rev(x), order(x), sprintf("%d", x), bitwAnd(x, 3L), sum(unclass(x)), match(7L, x),
    is.numeric(x), x %in% 7L
  ), as_mlx(i, dtype = "int32"), i)
  z <- c(1 + 2i, -1i)
  expect_as_plain(alist(typeof(x), is.complex(x), polyroot(x), Mod(unclass(x)), paste(x), is.numeric(x)), as_mlx(z), z)
})

test_that("identical() and all.equal() compare values", {
  local_cpu()
  x <- as64(values)
  expect_true(identical(x, as64(values)))
  expect_false(identical(x, x + 1))
  expect_true(isTRUE(all.equal(x, x + 1e-12)))
  expect_false(isTRUE(all.equal(x, x + 1)))
  expect_true(identical(unclass(x), values))
})

test_that("base R's vectors keep what is assigned into them", {
  local_cpu()
  out <- numeric(3)
  x <- as64(c(7, 8))
  out[2] <- x[1]
  out[[3]] <- x[2]
  expect_identical(out, c(0, 7, 8))
  d <- data.frame(a = 1:2)
  d$b <- x
  d[["c"]] <- unclass(x)
  expect_identical(as.vector(d$b) + d$c, c(14, 16))
  l <- list()
  l$x <- x
  expect_true(is_mlx(l$x))
})

lengths <- c(1, 63, 64, 1000) # from 64 on R wraps a vector whose attributes change

one_axis <- function(r) mlx_reshape(as64(r), length(r))

test_that("attributes set on a copy never show on the original", {
  local_cpu()
  setters <- list(
    function(y) `attr<-`(y, "note", "mine"), function(y) `names<-`(y, as.character(seq_along(y))),
    function(y) `dim<-`(y, c(1, length(y))), function(y) `class<-`(y, c("own", "mlx")), function(y) unclass(y),
    function(y) `attributes<-`(y, NULL), function(y) structure(y, names = seq_along(y), extra = 1),
    function(y) {
      attr(y, "note") <- "changed in place"
      attr(y, "note") <- "twice"
      y
    },
    function(y) {
      y <- unclass(y)
      y[1] <- 100
      names(y) <- seq_along(y)
      y
    },
    function(y) {
      y[1] <- 100
      y
    }
  )
  for (n in lengths) {
    for (i in seq_along(setters)) {
      for (read in c(FALSE, TRUE)) {
        x <- one_axis(as.numeric(seq_len(n)))
        if (read) mean.default(x)
        before <- attributes(x)
        y <- setters[[i]](x)
        same <- identical(attributes(x), before) && identical(as.vector(x), as.numeric(seq_len(n))) &&
          identical(mlx_shape(x), as.integer(n))
        expect(same, paste("setter", i, "at length", n, "changed the original"))
      }
    }
  }
  m <- as64(matrix(1:6, 2))
  y <- m
  dimnames(y) <- list(c("a", "b"), NULL)
  rownames(y)[1] <- "z"
  expect_null(dimnames(m))
  expect_identical(rownames(y), c("z", "b"))
})

test_that("an object with attributes of its own still is the array, in every length", {
  local_cpu()
  for (n in lengths) {
    x <- one_axis(as.numeric(seq_len(n)))
    y <- x
    attr(y, "note") <- "mine"
    names(y) <- paste0("n", seq_len(n))
    expect_true(is_mlx(y))
    expect_identical(mlx_shape(y), mlx_shape(x))
    expect_identical(as.vector(y + x), 2 * as.numeric(seq_len(n)))
    expect_identical(as.vector(mlx_grad(function(z) sum(z * z), y)[[1]]), 2 * as.numeric(seq_len(n)))
    expect_identical(attr(unserialize(serialize(y, NULL)), "note"), "mine")
    expect_identical(as.vector(unserialize(serialize(y, NULL))), as.numeric(seq_len(n)))
  }
})

test_that("what base R code writes into a copy never shows in the original, nor in what follows from it", {
  local_cpu()
  for (n in lengths) {
    r <- as.numeric(rev(seq_len(n)))
    x <- one_axis(r)
    twice <- x * 2 # lazy: computed after the writes
    y <- unclass(x)
    y[n] <- -1
    z <- x
    z[[1]] <- -2
    s <- sort.int(unclass(x), method = "quick")
    w <- unclass(x)
    storage.mode(w) <- "integer"
    for (i in seq_len(n)) y[i] <- 0
    v <- replace(unclass(x), 1, 100)
    expect_identical(as.vector(x), r)
    expect_identical(unclass(x)[seq_len(n)], r)
    expect_identical(as.vector(twice), 2 * r)
    expect_identical(z[[1]], -2)
    expect_identical(v[1], 100)
    expect_identical(y, numeric(n))
  }
})

test_that("a function may change its argument without the caller seeing it", {
  local_cpu()
  change <- function(v) {
    v[1] <- 0
    attr(v, "k") <- 1
    v
  }
  x <- as64(c(1, 2))
  l <- list(x, x)
  l[[1]][1] <- 50
  y <- change(x)
  expect_identical(as.vector(x), c(1, 2))
  expect_identical(as.vector(l[[2]]), c(1, 2))
  expect_identical(as.vector(l[[1]]), c(50, 2))
  expect_identical(as.vector(y), c(0, 2))
  expect_null(attr(x, "k"))
})

test_that("a written copy whose class is put back is an array of the written values", {
  local_cpu()
  for (n in lengths) {
    y <- unclass(as64(as.numeric(seq_len(n))))
    y[1] <- 41
    class(y) <- "mlx"
    expect_identical(as.vector(y + 1)[1], 42)
  }
})

test_that("type, size and description are those of a vector", {
  local_cpu()
  types <- c(
    bool = "logical", uint8 = "integer", uint16 = "integer", int8 = "integer", int16 = "integer", int32 = "integer",
    uint32 = "double", uint64 = "double", int64 = "double", float16 = "double", bfloat16 = "double",
    float32 = "double",
    float64 = "double", complex64 = "complex"
  )
  for (dtype in names(types)) {
    x <- mlx_ones(10, dtype = dtype)
    expect_identical(typeof(x), types[[dtype]])
    expect_identical(is.numeric(x), types[[dtype]] %in% c("integer", "double"))
    expect_identical(class(x), "mlx")
    expect_false(isS4(x))
    expect_s3_class(x, "mlx")
  }
  expect_equal(as.numeric(object.size(mlx_ones(1000))), as.numeric(object.size(numeric(1000))), tolerance = 0.2)
  expect_true(is.matrix(mlx_ones(c(2, 3))))
  expect_false(is.matrix(mlx_ones(3)))
  expect_output(.Internal(inspect(mlx_ones(3))), "mlx vector, 3 elements, not read by R")
  expect_true(methods::is(mlx_ones(3), "mlx"))
})

test_that("reads by base R are counted once an array, and those of our own functions are not", {
  local_cpu()
  x <- as64(matrix(values, 2))
  before <- mlx_host_reads()
  y <- sum(x %*% t(x)) + mean(x[1, ]) + max(exp(x))
  mlx_eval(y)
  as.matrix(x)
  as.vector(y)
  x[[1]]
  utils::capture.output(print(x), str(x))
  mlx_grad(function(z) sum(z^2), x)
  serialize(x, NULL)
  rbind(x, x)
  expect_identical(mlx_host_reads(), before)
  mean.default(x)
  expect_identical(mlx_host_reads(), before + 1)
  mean.default(x)
  expect_identical(mlx_host_reads(), before + 1) # the values are there
  mean.default(x * 1)
  expect_identical(mlx_host_reads(), before + 2)
})

test_that("options(rmlx.host_reads) warns of silent reads or refuses them", {
  local_cpu()
  old <- options(rmlx.host_reads = "warn")
  on.exit(options(old))
  caught <- NULL
  out <- withCallingHandlers(mean.default(as64(c(1, 3))), warning = function(w) {
    caught <<- w
    invokeRestart("muffleWarning")
  })
  expect_identical(out, 2)
  expect_s3_class(caught, "rmlx_warning_host_read")
  expect_identical(conditionCall(caught), quote(mean.default(as64(c(1, 3)))))
  expect_no_warning(as.vector(as64(1)))
  options(rmlx.host_reads = "error")
  caught <- tryCatch(mean.default(as64(c(1, 3))), error = identity)
  expect_s3_class(caught, "rmlx_error_host_read")
  expect_identical(conditionCall(caught), quote(mean.default(as64(c(1, 3)))))
  x <- as64(c(1, 3))
  expect_identical(as.vector(sum(x)), 4)
  expect_error(mean.default(x), class = "rmlx_error_host_read")
  options(rmlx.host_reads = "allow")
  expect_no_warning(expect_identical(mean.default(x), 2))
})
