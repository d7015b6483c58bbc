# Matrices of the package Matrix, and arrays of Python by way of reticulate.

# MLX has no sparse arrays.
dense_matrix <- function(x) {
  if (!requireNamespace("Matrix", quietly = TRUE)) {
    rmlx_abort(paste0("the package Matrix is needed to convert an object of class ", class(x)[[1L]], "."),
               "argument")
  }
  if (inherits(x, c("sparseMatrix", "sparseVector"))) {
    rlang::inform(
      paste0("MLX has no sparse arrays: this ", class(x)[[1L]], " of ",
             paste(if (is.null(dim(x))) length(x) else dim(x), collapse = " x "), " becomes dense."),
      class = c("rmlx_message_dense", "rmlx_message")
    )
  }
  if (inherits(x, "sparseVector")) return(as.vector(Matrix::as.matrix(x)))
  out <- Matrix::as.matrix(x)
  if (all(vapply(dimnames(out), is.null, NA))) dimnames(out) <- NULL
  out
}

is_matrix_package <- function(x) isS4(x) && inherits(x, c("Matrix", "sparseVector"))

#' Python's arrays
#'
#' With the package reticulate, [as_mlx()] takes NumPy and MLX arrays of Python, and those that NumPy takes by
#' DLPack (PyTorch, JAX, TensorFlow and others, of the CPU), and `reticulate::r_to_py()` turns an mlx array
#' into a NumPy array; so does calling a Python function with
#' one. Values and dtypes stay as they are (NumPy has no bfloat16: that becomes float32, which
#' holds its values). Let reticulate leave the arrays to rmlx by `import("numpy", convert = FALSE)`.
#'
#' @param x An mlx array.
#' @param convert Whether results of methods of the Python object are converted to R.
#' @return A NumPy array.
#' @examples
#' if (requireNamespace("reticulate", quietly = TRUE) &&
#'       reticulate::py_module_available("numpy")) {
#'   np <- reticulate::import("numpy", convert = FALSE)
#'   as_mlx(np$arange(6L)$reshape(2L, 3L))
#'   np$sum(as_mlx(1:3))
#' }
#' @name python
#' @exportS3Method reticulate::r_to_py
r_to_py.mlx <- function(x, convert = FALSE) {
  if (mlx_dtype(x) == "bfloat16") x <- mlx_cast(x, "float32")
  np <- reticulate::import("numpy", convert = check_flag(convert, "convert"))
  np$load(python_buffer(mlx_save(x, NULL)))
}

is_python <- function(x) inherits(x, "python.builtin.object")

# A Python file in memory. The bytes go by way of a file: reticulate would make a list of them.
python_buffer <- function(bytes) {
  path <- tempfile(fileext = ".npy")
  on.exit(unlink(path))
  writeBin(bytes, path)
  builtins <- reticulate::import_builtins(convert = FALSE)
  file <- builtins$open(path, "rb")
  on.exit(file$close(), add = TRUE, after = FALSE)
  reticulate::import("io", convert = FALSE)$BytesIO(file$read())
}

from_python <- function(x, dtype, device) {
  kind <- class(x)[[1L]]
  path <- tempfile(fileext = ".npy")
  on.exit(unlink(path))
  if (kind != "mlx.core.array" && !inherits(x, "numpy.ndarray") && reticulate::py_has_attr(x, "__dlpack__")) {
    x <- from_capsule(x)
  }
  if (kind == "mlx.core.array") {
    reticulate::import("mlx.core", convert = FALSE)$save(path, x)
  } else if (inherits(x, c("numpy.ndarray", "numpy.generic"))) {
    reticulate::import("numpy", convert = FALSE)$save(path, x, allow_pickle = FALSE)
  } else {
    rmlx_abort(
      c(paste0("Cannot convert object of class ", kind, " to mlx."),
        i = "NumPy's and MLX's arrays and those with DLPack are taken; `reticulate::py_to_r()` converts others to R."),
      "argument"
    )
  }
  out <- mlx_load(path, device %||% mlx_default_device())
  if (is.null(dtype)) out else mlx_cast(out, dtype)
}

# What an array gives to NumPy by DLPack.
from_capsule <- function(x) {
  tryCatch(reticulate::import("numpy", convert = FALSE)$from_dlpack(x), error = function(e) {
    rmlx_abort(
      c(paste0("NumPy cannot take an object of class ", class(x)[[1L]], " by DLPack: ", conditionMessage(e)),
        i = "Move it to the CPU and out of its own gradient first, such as PyTorch's `x$detach()$cpu()`."),
      "argument"
    )
  })
}
