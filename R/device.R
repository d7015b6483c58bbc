# Devices and default dtype.

#' Devices
#'
#' Arrays are made on the default device, `"gpu"` where MLX has one (Metal on Apple silicon, CUDA on
#' Linux) and `"cpu"` elsewhere. An operation runs where its arrays are; a result of two arrays is on
#' the gpu if either is. Asking for a gpu where there is none is an error of class
#' `rmlx_error_device`: nothing falls back silently. float64 exists on the cpu only.
#'
#' Vectors of 256 kB and more are copied to and from a CUDA device by its driver, where MLX is of the version
#' that rmlx knows (0.32.2). The environment variable `RMLX_TRANSFER=mlx`, set before R starts, has MLX copy
#' them instead, which is slower.
#'
#' @param x Nothing, to ask for the default device; `"cpu"`, `"gpu"` or a stream ([mlx_new_stream()]), to
#'   set it; or an mlx array, to ask where it is.
#' @param value,device `"cpu"`, `"gpu"`, or a stream, which becomes its device's default stream too.
#' @param code Code to run with another default device.
#' @param .local_envir The frame whose end restores the default device.
#' @return `mlx_device()`: a device's name (invisibly when setting). `mlx_default_device()`: the
#'   default device. `mlx_has_gpu()`, `mlx_is_available()`: `TRUE` or `FALSE`. `mlx_best_device()`: `"gpu"`
#'   if there is one. `mlx_device_count()`: how many there are of a kind. `mlx_device_info()`: a list of
#'   what MLX knows of a device, such as its name and memory. `with_mlx_device()`: the value of `code`.
#'   `local_mlx_device()`: the former default, invisibly.
#' @examples
#' mlx_device()
#' mlx_has_gpu()
#' with_mlx_device("cpu", mlx_device(as_mlx(1)))
#' mlx_device_info("cpu")
#' @export
mlx_device <- function(x) {
  if (missing(x)) return(.Call(C_wrap__device_default))
  if (is_mlx(x)) return(.Call(C_device_name, x))
  if (!is.character(x) && !is_stream(x)) {
    rmlx_abort("is_mlx(x) is not TRUE, nor is `x` a device (\"cpu\" or \"gpu\") or a stream.", "argument")
  }
  set_device(x)
  invisible(x)
}

set_device <- function(device) {
  .Call(C_device_set_default, device)
  if (is_stream(device)) mlx_set_default_stream(device)
}

#' @rdname mlx_device
#' @export
mlx_default_device <- function(value) {
  if (missing(value)) return(.Call(C_wrap__device_default))
  set_device(value)
  value
}

#' @rdname mlx_device
#' @export
mlx_has_gpu <- function() .Call(C_wrap__device_has_gpu)

#' @rdname mlx_device
#' @export
mlx_best_device <- function() if (mlx_has_gpu()) "gpu" else "cpu"

#' @rdname mlx_device
#' @export
mlx_is_available <- function(device) mlx_device_count(device) > 0L && (device == "cpu" || mlx_has_gpu())

#' @rdname mlx_device
#' @export
mlx_device_count <- function(device = mlx_default_device()) .Call(C_device_count, device)

#' @rdname mlx_device
#' @export
mlx_device_info <- function(device = mlx_default_device()) {
  told <- matrix(.Call(C_device_info, device), 2L)
  told <- told[, order(told[1L, ]), drop = FALSE]
  value <- function(text) if (startsWith(text, "#")) as.numeric(substring(text, 2L)) else text
  setNames(lapply(told[2L, ], value), told[1L, ])
}

#' @rdname mlx_device
#' @export
with_mlx_device <- function(device, code) {
  local_mlx_device(device)
  code
}

#' @rdname mlx_device
#' @export
local_mlx_device <- function(device, .local_envir = parent.frame()) {
  old <- mlx_default_device()
  stream <- if (is_stream(device)) mlx_default_stream(device$device)
  set_device(device)
  at_end_of(.local_envir, function() {
    if (!is.null(stream)) mlx_set_default_stream(stream)
    mlx_default_device(old)
  })
  invisible(old)
}

# Runs something when the function of a frame ends. At top level nothing ends: the change stays.
at_end_of <- function(frame, action) {
  if (identical(frame, globalenv())) return(invisible())
  # do.call(), since eval() has a context of its own, whose end would run it at once
  do.call(base::on.exit, list(as.call(list(action)), add = TRUE, after = FALSE), envir = frame)
}

#' @rdname mlx_device
#' @export
with_default_device <- with_mlx_device

#' @rdname mlx_device
#' @export
with_device <- with_mlx_device

#' @rdname mlx_device
#' @export
local_device <- local_mlx_device

#' MLX's backends
#'
#' Whether MLX can use Metal (Apple) or CUDA (NVIDIA) here, and Metal's recording of what it does, to be
#' looked at in Xcode (start R with the environment variable `MTL_CAPTURE_ENABLED=1`).
#'
#' @param path Where the recording goes, a path that ends in `.gputrace`.
#' @return `TRUE` or `FALSE`; of the recording `NULL`, invisibly. Without Metal recording is an error of
#'   class `rmlx_error_device`.
#' @examples
#' mlx_metal_is_available()
#' mlx_cuda_is_available()
#' @export
mlx_metal_is_available <- function() .Call(C_device_backends)[[1L]]

#' @rdname mlx_metal_is_available
#' @export
mlx_cuda_is_available <- function() .Call(C_device_backends)[[2L]]

#' @rdname mlx_metal_is_available
#' @export
mlx_metal_start_capture <- function(path) {
  if (!is.character(path) || length(path) != 1L || is.na(path)) {
    rmlx_abort("`path` must be one string.", "argument")
  }
  .Call(C_metal_capture, path.expand(path))
  invisible()
}

#' @rdname mlx_metal_is_available
#' @export
mlx_metal_stop_capture <- function() {
  .Call(C_metal_capture, NULL)
  invisible()
}

#' Default dtype of R numbers
#'
#' Sets the option `rmlx.dtype` for a piece of code or the rest of a function.
#'
#' @param dtype A real floating dtype: `"float32"`, `"float64"`, `"float16"` or `"bfloat16"`. Numbers become
#'   integers or complex on request only.
#' @param code Code to run.
#' @param .local_envir The frame whose end restores the option.
#' @return `with_mlx_dtype()`: the value of `code`; `local_mlx_dtype()`: the former default, invisibly.
#' @examples
#' with_mlx_dtype("float64", mlx_dtype(as_mlx(1)))
#' @export
local_mlx_dtype <- function(dtype, .local_envir = parent.frame()) {
  .Call(C_cast, 0, dtype, "cpu") # an unknown name is an error here
  if (!mlx_issubdtype(dtype, "floating")) {
    rmlx_abort(paste0("`dtype` is ", dtype, ", but the default must be float32, float64, float16 or bfloat16: ",
                      "others would change numbers. Ask for it where it is meant, as in as_mlx(x, dtype = \"",
                      dtype, "\")."), "dtype")
  }
  old <- options(rmlx.dtype = dtype)
  at_end_of(.local_envir, function() options(old))
  invisible(old[[1L]] %||% "float32")
}

#' @rdname local_mlx_dtype
#' @export
with_mlx_dtype <- function(dtype, code) {
  local_mlx_dtype(dtype)
  code
}

# The dtype that whole numbers are computed in where the result has fractions.
default_float <- function() .Call(C_common_dtype, list(0.5))
