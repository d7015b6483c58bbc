# Kernels that users write in a GPU's own language.

#' Kernels in Metal or CUDA
#'
#' Operations that a GPU computes by code of your own: `mlx_metal_kernel()` takes Metal's language,
#' `mlx_cuda_kernel()` CUDA's, both compiled when they first run; `mlx_precompiled_cuda_kernel()` runs a
#' kernel compiled before.
#'
#' @param name The kernel's name.
#' @param input_names,output_names What the source calls the inputs and outputs.
#' @param source The body of the kernel: its head is written by MLX from the names.
#' @param header What stands before the kernel: includes and further functions.
#' @param ensure_row_contiguous Whether inputs are laid out in row-major order first. R's matrices
#'   are column-major, so that a kernel has to use strides without it.
#' @param atomic_outputs Whether outputs are of Metal's `atomic` types.
#' @param shared_memory Bytes of dynamic shared memory of CUDA.
#' @return `mlx_metal_kernel()` and `mlx_cuda_kernel()`: a function
#'
#'     function(..., output_shapes, output_dtypes, grid, threadgroup, template = list(),
#'              init_value = NULL, verbose = FALSE, device = "gpu")
#'
#'   of the inputs: arrays, or numbers, which are converted by [as_mlx()]. `output_shapes` is a list of
#'   shapes (or one), `output_dtypes` their dtypes, `grid` how many threads are run in each of up to three
#'   directions and `threadgroup` how many of them run together, `template` a named list of
#'   dtypes, whole numbers and logicals that stand for the source's template arguments, `init_value` what
#'   outputs hold before; `verbose` prints the generated source. It returns an array, or a list of several
#'   by their names. `mlx_precompiled_cuda_kernel()` returns the same.
#' @details A kernel sees arrays as MLX stores them: element `[i, j]` of an n x m matrix is number `(i - 1) *
#'   m + j - 1` from 0. It has no derivative, unless [mlx_custom_function()] gives it one. What its
#'   source does is not checked: it may crash the process.
#'
#' @section Errors:
#' Of class `rmlx_error_device` where there is no Metal, or no CUDA, and of class `rmlx_error_mlx` when a kernel
#' that does not compile is evaluated.
#' @examples
#' if (mlx_cuda_is_available()) {
#'   square <- mlx_cuda_kernel("square", "x", "out", "
#'     auto i = cooperative_groups::this_grid().thread_rank();
#'     out[i] = x[i] * x[i];
#'   ")
#'   x <- as_mlx(1:4)
#'   square(x, output_shapes = 4, output_dtypes = "float32", grid = 4, threadgroup = 4)
#' }
#' if (mlx_metal_is_available()) {
#'   square <- mlx_metal_kernel("square", "x", "out", "
#'     uint i = thread_position_in_grid.x;
#'     out[i] = x[i] * x[i];
#'   ")
#'   x <- as_mlx(1:4)
#'   square(x, output_shapes = 4, output_dtypes = "float32", grid = 4, threadgroup = 4)
#' }
#' @export
mlx_metal_kernel <- function(name, input_names, output_names, source, header = "", ensure_row_contiguous = TRUE,
                             atomic_outputs = FALSE) {
  check_flag(atomic_outputs, "atomic_outputs")
  kernel_function(FALSE, name, input_names, output_names, source, header, ensure_row_contiguous,
                  as.integer(atomic_outputs))
}

#' @rdname mlx_metal_kernel
#' @export
mlx_cuda_kernel <- function(name, input_names, output_names, source, header = "", ensure_row_contiguous = TRUE,
                            shared_memory = 0L) {
  shared_memory <- check_count(shared_memory, "shared_memory")
  kernel_function(TRUE, name, input_names, output_names, source, header, ensure_row_contiguous, shared_memory)
}

#' @rdname mlx_metal_kernel
#' @param compiled_source PTX or a cubin: a raw vector, or one string.
#' @param inputs A list of arrays.
#' @param output_shapes,output_dtypes,grid,threadgroup,init_value See the value.
#' @param scalars A list of further arguments of the kernel: numbers (integer vectors of one element stay
#'   whole) and logicals.
#' @param device `"gpu"` or a stream on it.
#' @export
mlx_precompiled_cuda_kernel <- function(name, compiled_source, inputs, output_shapes, output_dtypes, scalars = list(),
                                        grid, threadgroup, shared_memory = 0L, init_value = NULL,
                                        ensure_row_contiguous = FALSE, device = "gpu") {
  check_kernel_name(name)
  if (is.character(compiled_source)) compiled_source <- charToRaw(check_string(compiled_source, "compiled_source"))
  if (!is.raw(compiled_source) || length(compiled_source) == 0L) {
    rmlx_abort("`compiled_source` must be a raw vector or one string.", "argument")
  }
  if (!is.list(inputs) || is_mlx(inputs)) rmlx_abort("`inputs` must be a list of arrays.", "argument")
  launch <- kernel_launch(output_shapes, output_dtypes, grid, threadgroup, init_value)
  arguments <- kernel_arguments(scalars, "scalars")
  check_flag(ensure_row_contiguous, "ensure_row_contiguous")
  shared_memory <- check_count(shared_memory, "shared_memory")
  check_backend(TRUE)
  inputs <- lapply(unname(inputs), as_mlx, device = device)
  out <- .Call(C_kernel_precompiled, name, compiled_source, inputs, launch, arguments, shared_memory,
               ensure_row_contiguous, device)
  if (length(out) == 1L) out[[1L]] else out
}

kernel_function <- function(cuda, name, input_names, output_names, source, header, contiguous, extra) {
  check_kernel_name(name)
  check_variables(input_names, "input_names", 0L)
  check_variables(output_names, "output_names", 1L)
  check_string(source, "source")
  check_string(header, "header")
  check_flag(contiguous, "ensure_row_contiguous")
  check_backend(cuda)
  kernel <- .Call(C_kernel_new, cuda, enc2utf8(c(name, source, header)), as.character(input_names), output_names,
                  contiguous, extra)
  function(..., output_shapes, output_dtypes, grid, threadgroup, template = list(), init_value = NULL,
           verbose = FALSE, device = "gpu") {
    inputs <- list(...)
    if (length(inputs) != length(input_names)) {
      rmlx_abort(paste0("the kernel `", name, "` takes ", length(input_names), " inputs, not ", length(inputs), "."),
                 "argument")
    }
    launch <- kernel_launch(output_shapes, output_dtypes, grid, threadgroup, init_value)
    if (length(launch[[3L]]) != length(output_names)) {
      rmlx_abort(paste0("`output_shapes` must be a list of ", length(output_names), ", one for each output."), "shape")
    }
    template <- kernel_arguments(template, "template")
    check_flag(verbose, "verbose")
    inputs <- lapply(unname(inputs), as_mlx, device = device)
    out <- .Call(C_kernel_apply, kernel, inputs, launch, template, verbose, device)
    if (length(out) == 1L) out[[1L]] else setNames(out, output_names)
  }
}

check_backend <- function(cuda) {
  if (!.Call(C_device_backends)[[if (cuda) 2L else 1L]]) {
    rmlx_abort(paste0("this MLX has no ", if (cuda) "CUDA" else "Metal", " to run the kernel: see mlx_sitrep()."),
               "device")
  }
}

check_kernel_name <- function(name) check_variables(check_string(name, "name"), "name", 1L)

# Names of C's variables.
check_variables <- function(x, what, least) {
  fine <- is.character(x) && length(x) >= least && !anyNA(x) && all(grepl("^[A-Za-z_][A-Za-z0-9_]*$", x)) &&
    !anyDuplicated(x)
  if (!fine && !(least == 0L && length(x) == 0L && (is.null(x) || is.character(x)))) {
    rmlx_abort(paste0("`", what, "` must be ", if (what == "name") "a name that a variable can have in C." else
      "names that variables can have in C, each once."), "argument")
  }
  x
}

# list(grid and threadgroup, extents, ranks, dtypes, initial value): see `Launch` in src/rust/src/op/kernel.rs.
kernel_launch <- function(shapes, dtypes, grid, threadgroup, init) {
  if (!is.list(shapes) || is_mlx(shapes)) shapes <- list(shapes)
  shapes <- lapply(shapes, check_dim, "output_shapes")
  if (!is.character(dtypes) || anyNA(dtypes) || !length(dtypes) %in% c(1L, length(shapes))) {
    rmlx_abort("`output_dtypes` must be a dtype for each of `output_shapes`, or one for all.", "dtype")
  }
  if (!is.null(init)) init <- check_number(init, "init_value")
  list(c(check_threads(grid, "grid"), check_threads(threadgroup, "threadgroup")), as.integer(base::unlist(shapes)),
       lengths(shapes), rep(dtypes, length.out = length(shapes)), init)
}

check_threads <- function(x, name) {
  fine <- is.numeric(x) && length(x) %in% 1:3 && !anyNA(x) && all(x >= 1 & x == trunc(x) & x <= .Machine$integer.max)
  if (!fine) rmlx_abort(paste0("`", name, "` must be one to three whole numbers of at least 1."), "argument")
  c(as.integer(x), 1L, 1L)[1:3]
}

# list(kinds, names, numbers, dtypes): see `arguments()` in src/rust/src/op/kernel.rs. Templates know no
# fractions, scalars no dtypes.
kernel_arguments <- function(x, what) {
  template <- what == "template"
  if (!is.list(x) || is_mlx(x) || (template && length(x) > 0L && is.null(names(x)))) {
    rmlx_abort(paste0("`", what, "` must be a ", if (template) "named ", "list."), "argument")
  }
  if (template && length(x) > 0L) check_variables(names(x), what, 1L)
  kind <- function(value) {
    if (length(value) != 1L || is_mlx(value) || is.object(value) || is.na(value)) return(NA)
    if (is.logical(value)) return(0L)
    if (is.character(value)) return(if (template) 3L else NA)
    if (!is.numeric(value)) return(NA)
    whole <- is.integer(value) || (template && value == trunc(value) && abs(value) <= .Machine$integer.max)
    if (whole) 1L else if (template) NA else 2L
  }
  kinds <- base::vapply(x, function(value) if (is.atomic(value)) as.integer(kind(value)) else NA_integer_, 0L)
  if (anyNA(kinds)) {
    rmlx_abort(paste0("`", what, "` must hold ", if (template) "dtypes, whole numbers" else "numbers",
                      " and logicals of one element."), "argument")
  }
  number <- base::vapply(seq_along(x), function(i) if (kinds[i] == 3L) 0 else as.numeric(x[[i]]), 0)
  dtype <- base::vapply(seq_along(x), function(i) if (kinds[i] == 3L) x[[i]] else "float32", "")
  list(as.integer(kinds), names(x) %||% character(length(x)), number, dtype)
}
