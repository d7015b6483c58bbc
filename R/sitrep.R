# What this installation can do.

#' The state of this rmlx
#'
#' Reports MLX's version and backend, devices, R's BLAS, memory, and what is missing and how to get it.
#'
#' @return A list with what is printed, invisibly.
#' @examples
#' mlx_sitrep()
#' @export
mlx_sitrep <- function() {
  memory <- mlx_memory()
  trouble <- .Call(C_compile_trouble)
  state <- list(
    rmlx = as.character(utils::packageVersion("rmlx")),
    mlx = .Call(C_wrap__mlx_version),
    library = mlx_library(),
    gpu = mlx_has_gpu(),
    device = mlx_default_device(),
    dtype = getOption("rmlx.dtype", "float32"),
    blas = extSoftVersion()[["BLAS"]],
    reference_blas = is_reference_blas(),
    fuses = !nzchar(trouble),
    memory = unclass(memory)
  )
  cli::cli_h1("rmlx {state$rmlx}")
  cli::cli_bullets(c(
    "*" = "MLX {state$mlx} ({.path {state$library}})",
    "*" = "default device {.val {state$device}}, default dtype {.val {state$dtype}}",
    if (state$gpu) c(v = "a GPU is available") else c(i = gpu_advice()),
    if (state$reference_blas) {
      c("!" = paste("R uses the reference BLAS ({.path {state$blas}}): matrix products are slow.",
                    "Install OpenBLAS (Debian: libopenblas0-pthread)."))
    } else {
      c(v = "BLAS: {.path {state$blas}}")
    },
    if (!state$fuses) c(i = fusion_advice(trouble)),
    "*" = paste(
      "memory limit {round(memory$limit / 1e9, 1)} GB, {round(memory$active / 1e6, 1)} MB in use;",
      "R's collector runs every {round(memory$step / 1e6)} MB"
    )
  ))
  invisible(state)
}

# MLX calls the compiler when a fused operation is first evaluated.
fusion_advice <- function(trouble) {
  lost <- "on the CPU mlx_compile() does not fuse elementwise operations."
  if (!nzchar(Sys.which("g++"))) return(paste("no {.code g++}:", lost))
  lines <- strsplit(sub(".*the output is:\\s*", "", trouble), "\n", fixed = TRUE)[[1L]]
  said <- substr(c(grep("error", lines, value = TRUE), lines, trouble)[[1L]], 1L, 160L)
  paste("{.code g++} does not work for MLX", paste0("(", gsub("([{}])", "\\1\\1", said), "):"), lost)
}

gpu_advice <- function() {
  if (Sys.info()[["sysname"]] == "Darwin") {
    "no GPU: Metal needs Apple silicon."
  } else {
    "no GPU: with an NVIDIA card, install with {.envvar RMLX_BACKEND}={.val cuda13} (or cuda12)."
  }
}

mlx_library <- function() {
  folder <- system.file("mlx", package = "rmlx")
  found <- list.files(folder, "^libmlx\\.(so|dylib)$", recursive = TRUE, full.names = TRUE)
  if (length(found) > 0L) found[[1L]] else folder
}

# Whether R's BLAS is the reference one: no name of a fast library in its path.
is_reference_blas <- function() {
  blas <- extSoftVersion()[["BLAS"]]
  nzchar(blas) && !grepl("openblas|mkl|blis|atlas|accelerate|veclib|flexi", blas, ignore.case = TRUE)
}
