# What users are told of devices, streams, memory, options and other packages.

test_that("devices and streams that are not there are refused", {
  skip_if(mlx_has_gpu(), "the gpu is there")
  skip_on_os("mac")
  gone <- mlx_new_stream("cpu")
  saved <- unserialize(serialize(gone, NULL))
  expect_told({
    mlx_device("gpu")
    mlx_device("tpu")
    mlx_device(1)
    mlx_device(c("cpu", "gpu"))
    mlx_default_device("gpu")
    with_mlx_device("gpu", 1)
    local_mlx_device(NA)
    mlx_device_count("tpu")
    mlx_device_info("gpu")
    mlx_is_available("tpu")
    mlx_new_stream("gpu")
    mlx_new_stream("cpu", thread_local = NA)
    mlx_set_default_stream("cpu")
    mlx_synchronize("tpu")
    mlx_synchronize(saved)
    as_mlx(1, device = saved)
    mlx_metal_start_capture("a.gputrace")
    mlx_metal_start_capture(1)
    mlx_metal_stop_capture()
  })
})

test_that("options and limits that make no sense are refused", {
  x <- as_mlx(1:3)
  expect_told({
    local_mlx_dtype("int32")
    local_mlx_dtype("double")
    with_mlx_dtype(1, 2)
    mlx_print_options(precision = 0)
    mlx_print_options(max_print = -1)
    mlx_memory(reset_peak = NA)
    mlx_set_memory_limit(-1)
    mlx_set_cache_limit("a")
    mlx_set_wired_limit(NA)
  })
  whole <- mlx_cast(x, "int32")
  rlang::local_options(rmlx.max_print = "all", rmlx.dtype = "int32")
  expect_told({
    print(x)
    as_mlx(1.5)
    median(whole)
  })
})

test_that("freed arrays and requests beyond the memory limit say so", {
  x <- as_mlx(1:3)
  mlx_free(x)
  old <- mlx_set_memory_limit(1e9)
  on.exit(mlx_set_memory_limit(old))
  steady <- function(lines) sub("with [0-9.]+ GB in use", "with <some> GB in use", lines)
  expect_told({
    x + 1
    print(x)
    mlx_zeros(c(20000, 20000))
    as_mlx(1:3) + mlx_zeros(c(2^30, 1))
  }, transform = steady)
})

test_that("options that are read when the package loads are checked then", {
  rlang::local_options(rmlx.memory_step = -1)
  expect_told({
    rmlx:::bytes_option("rmlx.memory_step")
  })
})

test_that("a process that was forked is told what to do instead", {
  skip_on_os("windows")
  x <- as_mlx(1:3)
  said <- parallel::mclapply(1:2, function(i) tryCatch(x + 1, rmlx_error_fork = conditionMessage))[[1L]]
  expect_snapshot_output(cat(strwrap(said, 110L), sep = "\n"), cran = TRUE)
})

test_that("objects of other packages are taken with a word, or refused with advice", {
  skip_if_not_installed("Matrix")
  sparse <- Matrix::sparseMatrix(1:2, 1:2, x = c(1, 2))
  vector <- Matrix::sparseVector(1, 2, 3)
  expect_told({
    as_mlx(sparse)
    as_mlx(vector)
  }, kind = "message")
})
