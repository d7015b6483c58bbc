# Design section 6: temporaries are collected, memory can be seen and set, and running out is an error.

# What each child measured is kept with the test's results.
measured <- function(child) {
  expect_child(child)
  cat(sub("fine ?", "", child$out), "\n", file = stderr())
}

test_that("2000 temporaries of 4 MB peak below 700 MB", {
  skip_on_gpu("CUDA itself takes more of the host's memory and addresses")
  measured(eval(bquote(run_child(timeout = 200, {
    resident <- .(resident)
    x <- mlx_ones(1e6, dtype = "float32")
    took <- system.time(for (i in 1:2000) {
      y <- x * 2 + 1
      mlx_eval(y)
    })[["elapsed"]]
    peak <- resident("VmHWM")
    right <- as.numeric(sum(y)) == 3e6
    cat(if (peak < 700 && right) "fine", sprintf("2000 x 1e6 floats: peak %.0f MB, %.1f s", peak, took))
  }))))
})

test_that("400 temporaries of 40 MB complete in 12 GB of address space", {
  skip_on_gpu("CUDA itself takes more of the host's memory and addresses")
  measured(eval(bquote(run_child(timeout = 300, before = "ulimit -v 12000000", {
    resident <- .(resident)
    x <- mlx_ones(1e7, dtype = "float32")
    took <- system.time(for (i in 1:400) {
      y <- x * 2 + 1
      mlx_eval(y)
    })[["elapsed"]]
    cat(if (as.numeric(y[1e7]) == 3) "fine",
        sprintf("400 x 1e7 floats: peak %.0f MB, %.1f s", resident("VmHWM"), took))
  }))))
})

test_that("100000 gradients of four arguments leave nothing behind", {
  measured(eval(bquote(run_child(timeout = 400, {
    resident <- .(resident)
    mlx_device("cpu") # CUDA keeps caches of its own on the host
    a <- as_mlx(c(1, 2, 3))
    f <- function(a, b, c, d) sum(a * b + c * d)
    early <- NA
    took <- system.time(for (i in 1:100000) {
      out <- mlx_value_grad(f, a, a, a, a)
      # R's first full collection enlarges its heap once, which it then comes to fill.
      if (i == 10000) gc()
      if (i == 40000) {
        gc()
        early <- resident("VmRSS")
      }
    })[["elapsed"]]
    gc()
    late <- resident("VmRSS")
    right <- as.numeric(out$value) == 28 && identical(as.numeric(out$grads[[4]]), c(1, 2, 3))
    cat(if (late < early + 5 && right) "fine",
        sprintf("100000 gradients: %.1f MB after 40000, %.1f MB at the end, %.1f s", early, late, took))
  }))))
})

test_that("failing gradients leave nothing behind", {
  child <- eval(bquote(run_child(timeout = 120, {
    resident <- .(resident)
    x <- mlx_ones(1e5)
    fail <- function(n) {
      for (i in seq_len(n)) {
        tryCatch(mlx_grad(function(z) {
          y <- z * 2
          mlx_eval(y)
          stop("no")
        }, x), error = function(e) NULL)
      }
      gc()
    }
    fail(500)
    early <- mlx_memory()$active
    fail(1500)
    late <- mlx_memory()$active
    cat(if (late <= early + 1e6) "fine" else c(early, late))
  })))
  expect_child(child)
})

test_that("mlx_memory() shows what arrays take, mlx_free() and gc() give it back", {
  local_cpu()
  gc()
  before <- mlx_memory()
  expect_s3_class(before, "mlx_memory")
  expect_named(before, c("active", "cache", "peak", "limit", "step"))
  x <- mlx_ones(1e6, dtype = "float32")
  mlx_eval(x)
  expect_equal(mlx_memory()$active - before$active, 4e6, tolerance = 0.01)
  expect_gte(mlx_memory()$peak, mlx_memory()$active)
  expect_null(mlx_free(x))
  expect_lt(abs(mlx_memory()$active - before$active), 1e5)
  x <- list(a = mlx_ones(1e6, dtype = "float64"))
  mlx_eval(x)
  expect_equal(mlx_memory()$active - before$active, 8e6, tolerance = 0.01)
  rm(x)
  gc()
  expect_lt(abs(mlx_memory()$active - before$active), 1e5)
  mlx_memory(reset_peak = TRUE)
  expect_lt(mlx_memory()$peak, before$active + 4e6)
  expect_output(print(mlx_memory()), "MLX memory.*active.*MB.*limit")
  expect_error(mlx_memory(reset_peak = NA), class = "rmlx_error_argument")
})

test_that("mlx_clear_cache() gives kept buffers back", {
  x <- mlx_ones(1e6)
  mlx_eval(x)
  mlx_free(x)
  expect_gt(mlx_memory()$cache, 3e6)
  expect_null(mlx_clear_cache())
  for (i in 1:100) { # what a gpu still has in use is kept when it is done
    if (mlx_memory()$cache == 0) break
    Sys.sleep(0.02)
    mlx_clear_cache()
  }
  expect_identical(mlx_memory()$cache, 0)
})

test_that("the options set step and limit when the package is loaded", {
  child <- run_child(env = "R_PROFILE_USER=", {
    unloadNamespace("rmlx")
    options(rmlx.memory_step = 3e8, rmlx.memory_limit = 1e9)
    suppressMessages(library(rmlx))
    state <- mlx_memory()
    refused <- tryCatch(mlx_eval(mlx_ones(3e8)), rmlx_error_memory = conditionMessage)
    y <- as.numeric(sum(mlx_ones(1e6)))
    ok <- state$step == 3e8 && state$limit == 1e9 && grepl("1.20 GB.*limit is 1.00 GB", refused) && y == 1e6
    cat(if (ok) "fine" else paste(state, refused, y))
  })
  expect_child(child)
})

test_that("a request that memory cannot hold is an error, and the session goes on", {
  child <- run_child(address_space = 12e6, {
    huge <- list(
      function() mlx_eval(mlx_ones(c(1e5, 1e5))),
      function() mlx_ones(c(1e5, 1e5)),
      function() as.vector(mlx_zeros(c(1e5, 1e5)) + 1),
      function() {
        v <- mlx_ones(1e5)
        x <- mlx_reshape(v, c(1e5, 1)) * mlx_reshape(v, c(1, 1e5)) + 1
        mlx_eval(x)
      },
      function() mlx_grad(function(z) sum(exp(mlx_broadcast_to(z, c(1e5, 1e5)) * mlx_ones(c(1e5, 1e5)))), 1)[[1]]
    )
    for (i in seq_along(huge)) {
      said <- tryCatch({
        r <- huge[[i]]()
        if (is_mlx(r)) mlx_eval(r)
        "nothing"
      }, rmlx_error_memory = conditionMessage)
      if (i != 2L) stopifnot(grepl("GB, but the limit is", said))
      stopifnot(as.numeric(sum(mlx_ones(1e6) * 2)) == 2e6)
    }
    cat("fine")
  })
  expect_child(child)
})

test_that("a freed array is an error of its own wherever it is used, and what was read stays", {
  local_cpu()
  x <- as64(c(1, 2, 3))
  y <- x # the same array
  mlx_free(x)
  uses <- alist(
    x + 1, sum(x), print(x), as.numeric(x), as.matrix(x), x[1], x[[1]], mlx_eval(x), mlx_dtype(x), mlx_shape(x),
    str(x),
    format(x), unclass(x) + 1, mean.default(x), c(1, x), serialize(x, NULL), mlx_grad(function(z) z, x), y * 2,
    x[1] <- 1,
    mlx_grad(function(z) sum(z * x), 1)
  )
  for (use in uses) {
    caught <- tryCatch(eval(use), error = identity)
    expect_s3_class(caught, "rmlx_error_freed")
    expect_match(conditionMessage(caught), "mlx_free()", fixed = TRUE)
  }
  expect_identical(length(x), 3L)
  expect_true(is_mlx(x))
  expect_null(mlx_free(x))
  z <- as64(c(1, 2, 3))
  expect_identical(mean.default(z), 2)
  mlx_free(z)
  expect_identical(mean.default(z), 2)
  expect_error(z + 1, class = "rmlx_error_freed")
  expect_null(mlx_free(list(a = as_mlx(1), b = list("text", NULL)), 3))
})

test_that("an index that frees the array it indexes is an error", {
  child <- run_child({
    for (use in alist(x[freed()], x[[freed()]], x[freed()] <- 1, x[1, freed()], x[1] <- x[freed()])) {
      x <- as_mlx(matrix(runif(1e6), 1))
      freed <- function() {
        mlx_free(x)
        mlx_clear_cache()
        5
      }
      stopifnot(inherits(tryCatch(eval(use), error = identity), "rmlx_error_freed"))
    }
    cat("fine")
  })
  expect_child(child)
})

test_that("an option that is no number of bytes is named when the package is loaded", {
  for (name in c("rmlx.memory_step", "rmlx.memory_limit")) {
    for (bad in c("\"a\"", "-1", "NA", "c(1, 2)")) {
      code <- sprintf("options(%s = %s); library(rmlx)", name, bad)
      out <- suppressWarnings(system2(
        file.path(R.home("bin"), "Rscript"), c("--no-init-file", "-e", shQuote(code)),
        stdout = TRUE, stderr = TRUE, env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
      ))
      expect_match(paste(out, collapse = " "), paste0("options(", name, " = ) must be"), fixed = TRUE)
    }
  }
})
