# Devices (contract, section 8). What needs a GPU is told apart by mlx_has_gpu().

no_gpu <- "this MLX has no GPU"

test_that("mlx_device() tells the default, sets it, and tells an array's", {
  old <- mlx_device()
  on.exit(mlx_device(old))
  expect_true(old %in% c("cpu", "gpu"))
  expect_identical(old, mlx_default_device())
  set <- withVisible(mlx_device("cpu"))
  expect_identical(set, list(value = "cpu", visible = FALSE))
  expect_identical(mlx_device(), "cpu")
  expect_identical(mlx_device(as_mlx(1)), "cpu")
  expect_identical(mlx_default_device("cpu"), "cpu")
  expect_identical(mlx_best_device(), if (mlx_has_gpu()) "gpu" else "cpu")
})

test_that("anything else is no device", {
  for (wrong in list(3, NULL, TRUE, list(), sum, new.env(), factor("cpu"))) {
    expect_error(mlx_device(wrong), "is_mlx\\(x\\) is not TRUE", class = "rmlx_error_argument")
  }
  for (wrong in list("tpu", "", c("cpu", "cpu"), character(), NA_character_, "CPU")) {
    expect_error(mlx_device(wrong), "\"cpu\" or \"gpu\"", class = "rmlx_error_device")
  }
  for (wrong in list("tpu", 1, c("cpu", "cpu"))) {
    makers <- list(
      function() as_mlx(1:2, device = wrong), function() mlx_zeros(2, device = wrong),
      function() mlx_array(1, 1, device = wrong), function() mlx_vector(1, device = wrong),
      function() mlx_scalar(1, device = wrong), function() mlx_matrix(1, 1, 1, device = wrong),
      function() mlx_eye(2, device = wrong), function() mlx_arange(1, 2, device = wrong),
      function() mlx_linspace(1, 2, 3, device = wrong), function() mlx_full(2, 1, device = wrong),
      function() mlx_ones_like(as_mlx(1), device = wrong), function() mlx_default_device(wrong),
      function() as_mlx(as_mlx(1), device = wrong), function() with_mlx_device(wrong, 1),
      function() local_mlx_device(wrong)
    )
    for (f in makers) expect_error(f(), "\"cpu\" or \"gpu\"", class = "rmlx_error_device")
  }
  expect_identical(mlx_device(), mlx_best_device())
})

test_that("a gpu where there is none is a classed error that says what is missing", {
  skip_if(mlx_has_gpu())
  for (f in list(function() as_mlx(1, device = "gpu"), function() mlx_device("gpu"),
                 function() mlx_default_device("gpu"), function() with_mlx_device("gpu", 1),
                 function() local_mlx_device("gpu"), function() mlx_zeros(2, device = "gpu"),
                 function() as_mlx(as_mlx(1), device = "gpu"),
                 function() mlx_ones_like(as_mlx(1), device = "gpu"))) {
    expect_error(f(), no_gpu, class = "rmlx_error_device")
    expect_error(f(), "Metal .* CUDA", class = "rmlx_error")
  }
  expect_identical(mlx_device(), "cpu")
})

test_that("float64 on a gpu is a classed error that says so", {
  skip_if_not(mlx_has_gpu())
  text <- "float64 exists on the cpu device only"
  for (f in list(function() as_mlx(1, "float64", "gpu"), function() mlx_zeros(2, "float64", "gpu"),
                 function() mlx_arange(1, 3, dtype = "float64", device = "gpu"),
                 function() mlx_array(1, 1, "float64", "gpu"),
                 function() as_mlx(as_mlx(1, "float64", "cpu"), device = "gpu"),
                 function() as_mlx(1, device = "gpu") + as_mlx(1, "float64", "cpu"))) {
    expect_error(f(), text, class = "rmlx_error_device")
  }
})

test_that("a result of two arrays is on the gpu if either is", {
  skip_if_not(mlx_has_gpu())
  x <- as_mlx(1:3, device = "cpu")
  y <- as_mlx(1:3, device = "gpu")
  expect_identical((x + y)$device, "gpu")
  expect_identical((x + x)$device, "cpu")
  expect_identical((1 + y)$device, "gpu")
  expect_identical(as.vector(x + y), c(2, 4, 6))
  expect_identical(with_mlx_device("cpu", as_mlx(1)$device), "cpu")
})

test_that("an R operand goes to the array's device, whatever the default", {
  x <- as_mlx(1:3, device = "cpu")
  expect_identical((x + 1)$device, "cpu")
  expect_identical(mlx_ones_like(x)$device, "cpu")
  expect_identical(mlx_cast(x, "int8")$device, "cpu")
})

test_that("float64 arrays on the cpu are computed and differentiated while the default device is a gpu", {
  skip_if_not(mlx_has_gpu())
  local_mlx_device("gpu")
  x <- as64(c(0.5, -1))
  expect_identical(as.vector(Im(x)), c(0, 0))
  f <- function(x) sum(pmax(x, 0)^3)
  expect_equal(as.vector(mlx_grad(f, x)[[1L]]), c(0.75, 0))
  expect_equal(as.matrix(mlx_hessian(f, x)[[1L]]), diag(c(3, 0)))
  slopes <- mlx_vmap(function(v) mlx_grad(f, v)[[1L]])(as64(rbind(c(0.5, -1), c(2, 1))))
  expect_equal(as.matrix(slopes), rbind(c(0.75, 0), c(12, 3)))
})
