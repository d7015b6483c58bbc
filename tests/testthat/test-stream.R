# Streams, devices and memory.

test_that("a stream shows its device and index", {
  first <- mlx_default_stream("cpu")
  expect_s3_class(first, "mlx_stream")
  expect_named(first, c("ptr", "device", "index"))
  expect_identical(first$device, "cpu")
  s <- mlx_new_stream("cpu")
  expect_false(s$index == first$index)
  expect_output(print(s), paste0("^mlx stream \\[cpu\\] index=", s$index, "$"))
  expect_identical(format(s), paste0("<mlx_stream device=cpu index=", s$index, ">"))
  expect_identical(mlx_new_stream(s)$device, "cpu")
  expect_identical(mlx_new_stream("cpu", thread_unsafe = TRUE)$device, "cpu")
  expect_identical(mlx_new_stream("cpu", thread_local = TRUE)$device, "cpu")
})

test_that("a stream stands wherever a device does", {
  s <- mlx_new_stream("cpu")
  x <- as_mlx(matrix(1:6, 2), device = s)
  expect_identical(mlx_device(x), "cpu")
  expect_identical(as.matrix(x), matrix(as.numeric(1:6), 2))
  expect_identical(as.vector(mlx_ones(2, device = s)), c(1, 1))
  expect_identical(as.vector(mlx_arange(1, 3, device = s)), c(1, 2, 3))
  expect_near(mlx_fft(x, device = s), mlx_fft(x), 0)
  expect_near(mlx_convolve(1:3, 1:2, device = s), c(1, 4, 7, 6), 0)
  expect_near(mlx_fast_rms_norm(x, device = s), as.matrix(mlx_fast_rms_norm(x)), 0)
  expect_identical(as.vector(mlx_load(mlx_save(x, NULL), device = s)), as.numeric(1:6))
})

test_that("a stream is the default for as long as it is asked for", {
  first <- mlx_default_stream("cpu")$index
  s <- mlx_new_stream("cpu")
  index <- function() mlx_default_stream("cpu")$index
  expect_identical(with_device(s, index()), s$index)
  expect_identical(index(), first)
  f <- function() {
    local_device(s)
    c(index(), as.vector(sum(as_mlx(1:3) * 2)))
  }
  expect_identical(f(), c(s$index, 12))
  expect_identical(index(), first)
  expect_error(with_device(s, stop("within")), "within")
  expect_identical(index(), first)
  old <- mlx_default_stream("cpu")
  out <- withVisible(mlx_set_default_stream(s))
  expect_false(out$visible)
  expect_identical(index(), s$index)
  expect_identical(as.vector(as_mlx(1) + 1), 2)
  mlx_set_default_stream(old)
  mlx_device(s)
  expect_identical(index(), s$index)
  mlx_set_default_stream(old)
  expect_error(mlx_set_default_stream("cpu"), "Expected an mlx_stream", class = "rmlx_error_argument")
})

test_that("a gradient taken on a stream is the same", {
  s <- mlx_new_stream("cpu")
  f <- function(x) sum(mlx_fast_rms_norm(x, device = s)^3)
  x <- as64(c(1, 2, 4))
  g <- function(x) sum(mlx_fast_rms_norm(x)^3)
  expect_near(mlx_grad(f, x)[[1L]], as.vector(mlx_grad(g, x)[[1L]]), 0)
  expect_near(with_device(s, mlx_grad(g, x)[[1L]]), as.vector(mlx_grad(g, x)[[1L]]), 0)
})

test_that("synchronising waits and says nothing", {
  s <- mlx_new_stream("cpu")
  expect_silent(out <- withVisible(mlx_synchronize(s)))
  expect_false(out$visible)
  expect_null(out$value)
  expect_silent(mlx_synchronize())
  expect_silent(mlx_synchronize("cpu"))
  expect_error(mlx_synchronize("tpu"), "not a device", class = "rmlx_error_device")
})

test_that("a stream of another session, or one that was cleared, is told", {
  s <- unserialize(serialize(mlx_new_stream("cpu"), NULL))
  expect_error(as_mlx(1:3, device = s), "is gone", class = "rmlx_error_device")
  forged <- structure(list(ptr = new("externalptr")), class = "mlx_stream")
  expect_error(mlx_synchronize(forged), "is gone", class = "rmlx_error_device")
  expect_error(mlx_new_stream(structure(list(), class = "mlx_stream")), "is gone",
               class = "rmlx_error_device")
})

test_that("after clearing the streams the session works on", {
  expect_child(run_child({
    x <- as_mlx(c(1, 2, 3)) * 2
    mlx_eval(x)
    late <- x + 1
    old <- mlx_new_stream("cpu")
    mlx_clear_streams()
    stopifnot(identical(as.vector(x * 2 + sin(0)), c(4, 8, 12)))
    for (f in list(function() as.vector(late), function() as.vector(mlx_ones(3, device = old) + 1))) {
      tryCatch(f(), rmlx_error = function(e) cat("told\n"))
    }
    stopifnot(identical(as.vector(mlx_grad(function(x) sum(x^2), x)[[1L]]), c(4, 8, 12)))
    mlx_synchronize()
    cat("fine")
  }))
})

test_that("devices are counted and described", {
  expect_identical(mlx_device_count("cpu"), 1L)
  expect_true(mlx_is_available("cpu"))
  expect_identical(mlx_is_available("gpu"), mlx_has_gpu())
  expect_error(mlx_device_count("tpu"), "not a device", class = "rmlx_error_device")
  expect_type(mlx_device_info("cpu")$architecture, "character")
  expect_type(mlx_metal_is_available(), "logical")
  expect_type(mlx_cuda_is_available(), "logical")
  skip_if(mlx_metal_is_available())
  expect_error(mlx_metal_start_capture("x.gputrace"), "no Metal", class = "rmlx_error_device")
  expect_error(mlx_metal_stop_capture(), "no Metal", class = "rmlx_error_device")
})

test_that("memory is counted, and its limits are kept", {
  mlx_reset_peak_memory()
  before <- mlx_get_active_memory()
  x <- mlx_ones(1e5)
  mlx_eval(x)
  expect_gte(mlx_get_active_memory() - before, 4e5)
  expect_gte(mlx_get_peak_memory(), mlx_get_active_memory())
  mlx_free(x)
  expect_gte(mlx_get_cache_memory(), 0)
  old <- mlx_set_memory_limit(mlx_get_active_memory() + 1e6)
  expect_error(mlx_eval(mlx_zeros(1e6)), "limit", class = "rmlx_error_memory")
  expect_false(withVisible(mlx_set_memory_limit(old))$visible)
  expect_identical(mlx_memory()$limit, old)
  old <- mlx_set_cache_limit(0)
  expect_identical(mlx_set_cache_limit(old), 0)
  old <- mlx_set_wired_limit(0)
  expect_type(old, "double")
  mlx_set_wired_limit(old)
  expect_error(mlx_set_memory_limit(-1), "bytes", class = "rmlx_error_argument")
})
