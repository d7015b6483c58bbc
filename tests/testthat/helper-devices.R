# Where tests run: on the default device, unless they say otherwise.

# float64 exists on the cpu alone, so tests in double precision run there wherever the default device is.
local_cpu <- function(frame = parent.frame()) local_mlx_device("cpu", frame)

# R's numbers are float64 arrays from here to the end of the caller.
local_doubles <- function(frame = parent.frame()) {
  local_cpu(frame)
  local_mlx_dtype("float64", frame)
}

# For what holds on the cpu alone.
skip_on_gpu <- function(reason) testthat::skip_if(mlx_has_gpu(), reason)

# Text that names the device in force as it would be on the cpu: snapshots hold the latter.
as_on_cpu <- function(lines) {
  if (mlx_default_device() == "cpu") return(lines)
  lines <- gsub("device: gpu", "device: cpu", lines, fixed = TRUE)
  lines <- gsub("device \"gpu\"", "device \"cpu\"", lines, fixed = TRUE)
  lines <- gsub(" on gpu", " on cpu", lines, fixed = TRUE)
  gsub("(\\w+\\[[^]]*\\]) gpu\\b", "\\1", lines)
}
