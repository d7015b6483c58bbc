# Functions exported to files.

#' Write a function to a file
#'
#' `mlx_export_function()` runs `f` once, for arguments like those given, and writes the operations that
#' it is made of to a `.mlxfn` file, with the arrays that it captures. [mlx_import_function()] reads such
#' a file, and so do MLX for Python, C++ and Swift, without R and the code of `f`. `mlx_exporter()`
#' writes several forms of a function to one file: for other shapes, dtypes or numbers of arguments.
#'
#' @param file A path; `.mlxfn` is appended unless it ends in it. A file that is there is replaced when the
#'   new one is complete.
#' @param f A function of arrays that returns an mlx array or a nested list of them.
#' @param ... Arguments like those that it will be called with: arrays, or vectors and matrices, which are
#'   converted by [as_mlx()]. Those with a name are passed by name later, too, the others by position.
#' @param shapeless Whether the arguments may have other shapes later (with as many axes). That works
#'   where no operation of `f` depends on extents, such as elementwise ones and reductions.
#' @return `mlx_export_function()`: the path, invisibly. `mlx_exporter()`: a function of the arguments of
#'   `f`, to be called once for each form; `close()` on it finishes the file and gives its path.
#' @details The results come back as a list without names, nested ones in the order of their arrays. `f`
#'   must not depend on the values of its arguments, which are not there: reading them is an error of
#'   class `rmlx_error_tape`. Numbers, texts and lists that `f` needs are best captured.
#'
#'   A function read from a file is differentiated by MLX's own rules: those of
#'   [mlx_custom_function()] and those that rmlx has for matrix factorizations are not in the file, and
#'   MLX leaves [mlx_stop_gradient()] out.
#'
#' @section Errors:
#' Of class `rmlx_error_file`: a file that cannot be written, or an operation that MLX cannot write. Such
#' are the kernels that rmlx brings itself: `exp()`, `sin()` and others in float64, and
#' special functions such as `lgamma()` in every dtype; MLX cannot write its LU factorization, so that
#' `det()` and `solve()` stay out. Then, and after an error in `f`, no file is left,
#' one that was there stays as it was, and an exporter is of no more use.
#' @examples
#' file <- tempfile(fileext = ".mlxfn")
#' w <- as_mlx(c(1, -1))
#' mlx_export_function(file, function(x, scale) tanh(x %*% w) * scale, matrix(1, 3, 2), scale = 2)
#' f <- mlx_import_function(file)
#' f(matrix(c(0, 0, 1, 1, 0, 2), 3), scale = 10)
#'
#' exporter <- mlx_exporter(file, function(...) Reduce(`+`, list(...)))
#' exporter(1)
#' exporter(1, 2)
#' close(exporter)
#' mlx_import_function(file)(3, 4)
#' @export
mlx_export_function <- structure(
  function(file, f, ..., shapeless = FALSE) {
    exporter <- new_exporter(file, f, shapeless, "mlx_export_function", substitute(f))
    on.exit(.Call(C_export_discard, exporter$to)) # nothing is left of it after an error
    exporter$add(list(...))
    invisible(exporter$close())
  },
  transforms = TRUE
)

#' @rdname mlx_export_function
#' @export
mlx_exporter <- function(file, f, shapeless = FALSE) {
  exporter <- new_exporter(file, f, shapeless, "mlx_exporter", substitute(f))
  reg.finalizer(environment(exporter$add), function(e) .Call(C_export_discard, e$to), onexit = TRUE)
  call <- structure(function(...) invisible(exporter$add(list(...))), transforms = TRUE)
  structure(call, class = c("mlx_exporter", "function"))
}

#' @rdname mlx_export_function
#' @param con What `mlx_exporter()` returned.
#' @export
close.mlx_exporter <- function(con, ...) invisible(environment(con)$exporter$close())

#' @rdname mlx_export_function
#' @param x What `mlx_exporter()` returned.
#' @export
print.mlx_exporter <- function(x, ...) {
  cat("mlx exporter to ", environment(x)$exporter$path, "\n", sep = "")
  invisible(x)
}

new_exporter <- function(file, f, shapeless, who, written) {
  given <- given_function(f, written, who)
  path <- file_path(file, "mlxfn")
  to <- .Call(C_export_open, path, check_flag(shapeless, "shapeless"))
  add <- function(args) {
    args <- exported_arguments(args)
    called <- function(leaves) result_parts(call_with(given$f, setNames(leaves, names(args)), given$title), who)$leaves
    names <- enc2utf8(names(args) %||% character(length(args)))
    .Call(C_export_add, to, called, unname(args), names, environment())
  }
  list(path = path, to = to, add = add, close = function() {
    .Call(C_export_close, to)
    path
  })
}

exported_arguments <- function(args) {
  if (length(args) == 0L) rmlx_abort("an exported function needs at least one argument to be written for.", "argument")
  named <- names(args)[names(args) != ""]
  if (anyDuplicated(named)) {
    rmlx_abort(paste0("the argument `", named[anyDuplicated(named)], "` is there twice."), "argument")
  }
  for (i in seq_along(args)) {
    if (is_plain_list(args[[i]]) && !is.data.frame(args[[i]])) {
      rmlx_abort(
        c(paste0(argument_label(args, i), " is a list, and functions of a file take arrays only."),
          i = "Give each array as an argument of its own, or let the function capture the list."),
        "argument"
      )
    }
    args[[i]] <- as_mlx(args[[i]])
  }
  args
}
