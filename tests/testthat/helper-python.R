# Python with MLX, NumPy and safetensors, where it is: RMLX_TEST_PYTHON, which `make test` sets to one
# that tools/python.sh makes, or python3.

python <- local({
  found <- NULL
  function() {
    if (is.null(found)) {
      candidate <- Sys.getenv("RMLX_TEST_PYTHON", "python3")
      imports <- shQuote("import mlx.core, numpy, safetensors.numpy")
      works <- nzchar(Sys.which(candidate)) &&
        system2(candidate, c("-c", imports), stdout = FALSE, stderr = FALSE) == 0L
      found <<- if (works) candidate else ""
    }
    testthat::skip_if(!nzchar(found), "no Python with mlx, numpy and safetensors (RMLX_TEST_PYTHON)")
    found
  }
})

# What a Python program prints; `mx` and `np` are imported, and MLX computes on the cpu.
run_python <- function(...) {
  script <- tempfile(fileext = ".py")
  on.exit(unlink(script))
  writeLines(c("import mlx.core as mx, numpy as np", "mx.set_default_device(mx.cpu)", ...), script)
  out <- suppressWarnings(system2(python(), shQuote(script), stdout = TRUE, stderr = TRUE))
  testthat::expect(is.null(attr(out, "status")), paste(c("Python failed:", out), collapse = "\n"))
  out
}
