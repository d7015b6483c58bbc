# Kernels in a GPU's own language: run where there is one, else their checks.

square_of <- function(kernel, x) {
  kernel(x, output_shapes = list(mlx_shape(x)), output_dtypes = mlx_dtype(x), grid = length(x), threadgroup = 4,
         template = list(T = mlx_dtype(x), n = 3L, plus = TRUE))
}

cuda_source <- "
  auto i = cooperative_groups::this_grid().thread_rank();
  T y = x[i] * x[i];
  out[i] = plus ? y + n % 4 : y; // a text with %s in it
"

test_that("a CUDA kernel computes, with dtypes, numbers and logicals for its template", {
  skip_if_not(mlx_cuda_is_available(), "no CUDA")
  kernel <- mlx_cuda_kernel("rmlx_square", "x", "out", cuda_source)
  x <- as_mlx(matrix(1:6, 2))
  expect_near(square_of(kernel, x), matrix((1:6)^2 + 3, 2), 1e-6)
  two <- mlx_cuda_kernel("rmlx_two", c("a", "b"), c("sum", "first"), "
    auto i = cooperative_groups::this_grid().thread_rank();
    sum[i] = a[i] + b[0];
    if (i == 0) first[0] = a[0];
  ")
  out <- two(1:3, 10, output_shapes = list(3, integer()), output_dtypes = "float32", grid = 3, threadgroup = 1,
             init_value = 0)
  expect_identical(lapply(out, as.numeric), list(sum = c(11, 12, 13), first = 1))
  expect_error(mlx_grad(function(x) sum(square_of(kernel, x)), x), "CustomKernel", class = "rmlx_error_gradient")
  broken <- mlx_cuda_kernel("rmlx_broken", "x", "out", "no %s%n code;")
  expect_error(
    mlx_eval(broken(1, output_shapes = 1, output_dtypes = "float32", grid = 1, threadgroup = 1)),
    class = "rmlx_error_mlx"
  )
})

test_that("a precompiled CUDA kernel computes", {
  skip_if_not(mlx_cuda_is_available(), "no CUDA")
  ptx <- "
.version 7.0
.target sm_70
.address_size 64
.visible .entry scale(.param .u64 from, .param .u64 to, .param .f32 by)
{
  .reg .b32 %r<2>;
  .reg .f32 %f<4>;
  .reg .b64 %d<8>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.f32 %f1, [by];
  cvta.to.global.u64 %d3, %d1;
  cvta.to.global.u64 %d4, %d2;
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %d5, %r1, 4;
  add.s64 %d6, %d3, %d5;
  add.s64 %d7, %d4, %d5;
  ld.global.f32 %f2, [%d6];
  mul.f32 %f3, %f1, %f2;
  st.global.f32 [%d7], %f3;
  ret;
}
"
  out <- mlx_precompiled_cuda_kernel("scale", ptx, list(1:4), output_shapes = 4, output_dtypes = "float32",
                                     scalars = list(2.5), grid = 4, threadgroup = 4)
  expect_near(out, 2.5 * 1:4, 1e-6)
})

test_that("a Metal kernel computes", {
  skip_if_not(mlx_metal_is_available(), "no Metal")
  kernel <- mlx_metal_kernel("rmlx_square", "x", "out", "
    uint i = thread_position_in_grid.x;
    T y = x[i] * x[i];
    out[i] = plus ? y + n % 4 : y;
  ")
  expect_near(square_of(kernel, as_mlx(matrix(1:6, 2))), matrix((1:6)^2 + 3, 2), 1e-6)
})

test_that("without the backend there is an error of the device", {
  skip_if(mlx_cuda_is_available() || mlx_metal_is_available(), "there is a GPU")
  expect_error(mlx_cuda_kernel("k", "x", "out", "code"), "no CUDA", class = "rmlx_error_device")
  expect_error(mlx_metal_kernel("k", "x", "out", "code"), "no Metal", class = "rmlx_error_device")
  expect_error(
    mlx_precompiled_cuda_kernel("k", as.raw(1), list(1), 1, "float32", grid = 1, threadgroup = 1),
    "no CUDA", class = "rmlx_error_device"
  )
})

test_that("arguments are checked before the backend", {
  for (make in list(mlx_cuda_kernel, mlx_metal_kernel)) {
    expect_error(make("k 1", "x", "out", "code"), "`name`", class = "rmlx_error_argument")
    expect_error(make("k", c("x", "x"), "out", "code"), "`input_names`", class = "rmlx_error_argument")
    expect_error(make("k", "x", character(), "code"), "`output_names`", class = "rmlx_error_argument")
    expect_error(make("k", "x", "out", NA_character_), "`source`", class = "rmlx_error_argument")
    expect_error(make("k", "x", "out", "code", header = 1), "`header`", class = "rmlx_error_argument")
    expect_error(make("k", "x", "out", "code", ensure_row_contiguous = NA), "`ensure_row_contiguous`",
                 class = "rmlx_error_argument")
  }
  expect_error(mlx_cuda_kernel("k", "x", "out", "code", shared_memory = -1), "`shared_memory`",
               class = "rmlx_error_argument")
  expect_error(mlx_metal_kernel("k", "x", "out", "code", atomic_outputs = 1), "`atomic_outputs`",
               class = "rmlx_error_argument")
  run <- function(...) {
    valid <- list(name = "k", compiled_source = "ptx", inputs = list(1), output_shapes = 1, output_dtypes = "float32",
                  grid = 1, threadgroup = 1)
    do.call(mlx_precompiled_cuda_kernel, utils::modifyList(valid, list(...)))
  }
  expect_error(run(compiled_source = raw()), "`compiled_source`", class = "rmlx_error_argument")
  expect_error(run(inputs = 1), "`inputs`", class = "rmlx_error_argument")
  expect_error(run(grid = 0), "`grid`", class = "rmlx_error_argument")
  expect_error(run(threadgroup = c(1, 1, 1, 1)), "`threadgroup`", class = "rmlx_error_argument")
  expect_error(run(output_shapes = -1), "`output_shapes`", class = "rmlx_error_shape")
  expect_error(run(output_dtypes = c("float32", "int32")), "`output_dtypes`", class = "rmlx_error_dtype")
  expect_error(run(scalars = list("a")), "`scalars`", class = "rmlx_error_argument")
  expect_error(run(init_value = "a"), "`init_value`", class = "rmlx_error_argument")
})

test_that("launches and arguments reach the native code as they are meant", {
  launch <- rmlx:::kernel_launch(list(c(2, 3), integer(), 4), "float32", c(8, 2), 4, NULL)
  expect_identical(launch, list(c(8L, 2L, 1L, 4L, 1L, 1L), c(2L, 3L, 4L), c(2L, 0L, 1L), rep("float32", 3L), NULL))
  template <- rmlx:::kernel_arguments(list(T = "float16", n = 3, flag = TRUE), "template")
  expect_identical(template, list(c(3L, 1L, 0L), c("T", "n", "flag"), c(0, 3, 1), c("float16", "float32", "float32")))
  scalars <- rmlx:::kernel_arguments(list(3, 3L, FALSE), "scalars")
  expect_identical(scalars[c(1L, 3L)], list(c(2L, 1L, 0L), c(3, 3, 0)))
  for (wrong in list(list(1L), list(n = 1.5), list(n = 1:2), list(n = NULL), list(n = NA), list(`a b` = 1L), 1L)) {
    expect_error(rmlx:::kernel_arguments(wrong, "template"), "`template`", class = "rmlx_error_argument")
  }
})
