# Design section 3: MLX cannot run in a fork of a process that used it; saying so must not hang.

test_that("a forked child gets a classed error for everything that needs MLX, and keeps what was read", {
  child <- run_child(timeout = 120, {
    options(rlang_backtrace_on_error = "none")
    x <- as_mlx(c(1, 2, 3), dtype = "float64", device = "cpu")
    read <- as_mlx(c(4, 5, 6), dtype = "float64", device = "cpu")
    lazy <- x * 2
    big <- mlx_ones(c(500, 500)) %*% mlx_ones(c(500, 500)) # MLX's threads run
    mlx_eval(big)
    stopifnot(mean.default(read) == 5)
    in_fork <- function(code) {
      job <- parallel::mcparallel(tryCatch(code, error = function(e) class(e)[[1]]), silent = TRUE)
      out <- parallel::mccollect(job, wait = FALSE, timeout = 20)
      if (is.null(out)) {
        tools::pskill(job$pid, tools::SIGKILL)
        return("hung")
      }
      out[[1]]
    }
    refused <- alist(
      x + 1, as_mlx(1), mlx_zeros(3), as.vector(x), mean.default(x), print(x), str(x), mlx_eval(lazy), mlx_eval(x),
      x[1],
      mlx_grad(function(z) sum(z), 1), mlx_dtype(x), serialize(x, NULL), x %*% x, sum(read), mlx_clear_cache(),
      unserialize(stream), mlx_memory(), mlx_get_active_memory(), mlx_reset_peak_memory(), mlx_set_memory_limit(1e9),
      mlx_set_cache_limit(1e9), mlx_set_wired_limit(0)
    )
    stream <- serialize(x, NULL)
    for (code in refused) {
      got <- eval(bquote(in_fork(.(code))))
      if (!identical(got, "rmlx_error_fork")) cat(deparse(code), "gave", format(got), "\n")
    }
    allowed <- list(
      list(quote(length(x)), 3L), list(quote(is_mlx(x)), TRUE), list(quote(mean.default(read)), 5),
      list(quote(unclass(read)[2]), 5), list(quote({
        rm(x, lazy, big)
        gc()
        1
      }), 1),
      list(quote(is.null(mlx_free(x))), TRUE), list(quote(x$device), "cpu"),
      list(quote(as.vector(unclass(unserialize(serialize(read, NULL))))), c(4, 5, 6))
    )
    for (case in allowed) {
      got <- eval(bquote(in_fork(.(case[[1]]))))
      if (!identical(got, case[[2]])) cat(deparse(case[[1]]), "gave", format(got), "\n")
    }
    lists <- parallel::mclapply(1:2, function(i) tryCatch(x * i, error = function(e) class(e)[[1]]), mc.cores = 2)
    stopifnot(identical(lists, list("rmlx_error_fork", "rmlx_error_fork")))
    # the parent is as before
    stopifnot(identical(as.vector(lazy), c(2, 4, 6)), as.numeric(mlx_grad(function(z) z^2, 3)[[1]]) == 6)
    cat("fine")
  })
  expect_child(child)
  expect_identical(child$out, "fine")
})
