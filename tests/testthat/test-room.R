# Large R vectors of values that were read: their memory is kept for the next ones.

# So many doubles that their vector takes kept memory.
n_large <- 6e5

test_that("a vector read into memory that another one left holds its own values", {
  x <- as_mlx(as.double(seq_len(n_large)))
  y <- x * 2
  for (i in 1:5) {
    v <- as.numeric(x)
    w <- as.numeric(y)
    expect_identical(v, as.double(seq_len(n_large)))
    expect_identical(w, 2 * v)
    rm(v, w)
    gc(full = FALSE)
  }
})

test_that("large vectors that were read are R vectors like any other", {
  plain <- as.double(n_large:1)
  x <- as_mlx(plain)
  v <- as.numeric(x)
  w <- v
  w[2] <- -1
  expect_identical(v, plain)
  expect_identical(w, replace(plain, 2, -1))
  expect_identical(unserialize(serialize(v, NULL)), plain)
  expect_identical(sort(v), rev(plain))
  expect_identical(v[order(v)], rev(plain))
  longer <- v
  length(longer) <- n_large + 2
  longer[n_large + 3] <- 7
  expect_identical(longer, c(plain, NA, NA, 7))
  length(w) <- 3
  expect_identical(w, c(plain[1], -1, plain[3]))
  dim(v) <- c(2, n_large / 2)
  attr(v, "unit") <- "m"
  expect_identical(as.vector(t(v)), as.vector(t(matrix(plain, 2))))
  expect_identical(as.vector(v), plain)
})

test_that("vectors may be freed in any order, of any type", {
  set.seed(3)
  plain <- list(rep(c(TRUE, FALSE, FALSE), 6e5), seq_len(1.5e6), seq_len(9e5) / 8,
                complex(real = seq_len(4e5), imaginary = 1))
  x <- Map(as_mlx, plain, c("bool", "int32", "float32", "complex64"))
  held <- list()
  for (i in 1:30) {
    k <- sample.int(4L, 1L)
    held[[length(held) + 1L]] <- list(k, as.vector(x[[k]]))
    if (length(held) > 6L) held[[sample.int(7L, 1L)]] <- NULL
    if (i %% 5L == 0L) gc()
    if (i == 20L) mlx_clear_cache()
  }
  for (h in held) expect_identical(h[[2L]], plain[[h[[1L]]]])
})

test_that("reading 1e7 elements again and again takes no more memory", {
  expect_child(eval(bquote(run_child({
    resident <- .(resident)
    x <- as_mlx(rep(1, 1e7))
    for (i in 1:10) v <- as.numeric(x)
    before <- resident()
    for (i in 1:60) v <- as.numeric(x)
    for (i in 1:60) as.numeric(x)
    grown <- resident() - before
    rm(v)
    invisible(gc())
    mlx_clear_cache()
    left <- before - resident("VmRSS")
    cat(if (grown < 100 && left > 100) "fine", grown, left)
  }))))
})

test_that("R counts what is held of many large vectors, and its limit holds", {
  expect_child(run_child({
    x <- as_mlx(rep(1, 1e7))
    invisible(mem.maxVSize(1000))
    held <- list()
    said <- tryCatch(for (i in 1:40) held[[i]] <- as.numeric(x), error = conditionMessage)
    counted <- gc()[2L, 2L]
    # 80 MB each: R counts all but 512 MB
    stopifnot(length(held) < 20L, counted > 76 * length(held) - 513, grepl("vector memory", said))
    held <- NULL
    invisible(gc())
    stopifnot(length(as.numeric(x)) == 1e7)
    cat("fine")
  }))
})

test_that("little address space is an error of R's, and what was kept is given back for it", {
  skip_on_gpu("CUDA itself takes more of the host's memory and addresses")
  expect_child(run_child({
    x <- mlx_ones(2e7)
    mlx_eval(x)
    held <- list()
    said <- tryCatch(for (i in 1:60) held[[i]] <- as.numeric(x), error = conditionMessage)
    held <- NULL
    invisible(gc())
    stopifnot(grepl("cannot allocate", said), sum(as.numeric(x)) == 2e7)
    cat("fine")
  }, before = "ulimit -v 3000000"))
})

test_that("vectors outlive the namespace and its library", {
  expect_child(run_child({
    x <- as_mlx(as.double(1:1e6))
    v <- as.numeric(x)
    w <- as.numeric(x * 2)
    library <- dirname(system.file(package = "rmlx"))
    unloadNamespace("rmlx")
    w <- NULL
    invisible(gc())
    stopifnot(identical(v, as.double(1:1e6)))
    library.dynam.unload("rmlx", file.path(library, "rmlx"))
    v[1] <- 5
    v <- x <- NULL
    invisible(gc())
    suppressMessages(library(rmlx, lib.loc = library))
    stopifnot(identical(as.numeric(as_mlx(c(1, 2)) + 1), c(2, 3)))
    cat("fine")
  }))
})
