# Arrays in files.

#' Save and load arrays
#'
#' Four formats, all of which Python reads and writes: NumPy's npy (one array) and npz (several, by
#' name), Hugging Face's safetensors, and llama.cpp's gguf.
#'
#' `~` is expanded. The format's extension is appended to a path unless it ends in it. An existing
#' file is replaced when the new one is complete, so that a failure leaves the old one as it was.
#' Values are written as they are, bfloat16 included, and a read array has the dtype of the file. Names
#' and dimnames have no place in these formats (`saveRDS()` keeps them).
#' In place of a path, reading takes a raw vector with a file's bytes, and writing takes `NULL` to
#' return one.
#'
#' npy and npz do not know bfloat16: as Python MLX does, it is written as two bytes of no kind
#' (`V2`), which NumPy does not compute with. Arrays of Python objects are refused.
#'
#' safetensors files hold texts as metadata. Eight-bit floats are read as uint8. Python MLX does not
#' read float64 in them; Python's safetensors does.
#'
#' gguf holds float32, float16, int8, int16 and int32, and, not read by Python MLX, bfloat16,
#' float64 and int64. Its metadata are texts, vectors of texts, numbers and vectors of numbers.
#' Quantized tensors of type Q4_0, Q4_1 and Q8_0 are read as three arrays, `NAME.weight`,
#' `NAME.scales` and `NAME.biases`, as [mlx_quantized_matmul()] takes them (groups of 32, 4 or 8
#' bits); those of type Q2_K to Q6_K as the float16 numbers that they stand for.
#'
#' @param x An mlx array, or what [as_mlx()] takes.
#' @param file A path, or see above.
#' @param ... `mlx_savez()`: arrays, by name; those without a name are called `arr_0`, `arr_1`, ...
#' @param arrays A named list of arrays.
#' @param metadata safetensors: a named character vector, or a named list of strings. gguf: a named
#'   list of strings, character vectors and numbers (mlx arrays or R vectors of at most one axis).
#' @param device Where the arrays are made: `"cpu"`, `"gpu"` or a stream. float64 is for the cpu.
#' @param format `"npy"`, `"npz"`, `"safetensors"` or `"gguf"`; `NULL` tells it from the extension
#'   (none of these: npy, with the extension appended), or from the bytes of a raw vector.
#' @param return_metadata Whether `mlx_load()` returns safetensors' and gguf's metadata too.
#' @return Writing: the path with its extension, invisibly, or a raw vector. `mlx_load()`: an array
#'   (npy) or a named list of arrays. `mlx_load_safetensors()`, `mlx_load_gguf()` and
#'   `mlx_load(return_metadata = TRUE)`: `list(tensors, metadata)`, both sorted by name; the
#'   metadata of safetensors are a named character vector, those of gguf a named list of character
#'   vectors and arrays.
#'
#' @section Errors:
#' Of class `rmlx_error_file`: a file that is missing (the message has its full path), damaged,
#' incomplete, of another format or of a dtype that MLX lacks; one that cannot be written.
#' @examples
#' path <- mlx_save(as_mlx(matrix(1:4, 2)), tempfile())
#' basename(path)
#' mlx_load(path)
#'
#' file <- tempfile(fileext = ".safetensors")
#' mlx_save_safetensors(file, list(w = as_mlx(1:3), b = as_mlx(0)), c(author = "me"))
#' mlx_load_safetensors(file)$metadata
#'
#' bytes <- mlx_savez_compressed(NULL, x = as_mlx(1:3), y = as_mlx(c(TRUE, FALSE)))
#' mlx_load(bytes)$y
#' @export
mlx_save <- function(x, file) {
  write_arrays(file, "npy", list(x), "x")
}

#' @rdname mlx_save
#' @export
mlx_savez <- function(file, ...) write_arrays(file, "npz", numbered(list(...)))

#' @rdname mlx_save
#' @export
mlx_savez_compressed <- function(file, ...) write_arrays(file, "npz-compressed", numbered(list(...)))

#' @rdname mlx_save
#' @export
mlx_save_safetensors <- function(file, arrays, metadata = character()) {
  metadata <- as.list(metadata)
  fine <- vapply(metadata, function(x) is.character(x) && length(x) == 1L && !is.na(x), NA)
  if (!all(fine)) {
    rmlx_abort("`metadata` of a safetensors file must be strings, each with a name.", "argument")
  }
  write_arrays(file, "safetensors", arrays, metadata = metadata)
}

#' @rdname mlx_save
#' @export
mlx_save_gguf <- function(file, arrays, metadata = list()) {
  metadata <- lapply(as.list(metadata), function(x) {
    if (is.character(x) && !anyNA(x)) return(x)
    if (!is_mlx(x) && is.integer(x)) return(as_mlx(x, dtype = "int32", device = "cpu"))
    if (!is_mlx(x) && !is.numeric(x) && !is.logical(x)) {
      rmlx_abort("`metadata` of a gguf file must be strings, character vectors or numbers.",
                 "argument")
    }
    as_mlx(x)
  })
  write_arrays(file, "gguf", arrays, metadata = metadata)
}

#' @rdname mlx_save
#' @export
mlx_load <- function(file, device = mlx_default_device(), format = NULL, return_metadata = FALSE) {
  check_flag(return_metadata, "return_metadata")
  known <- c("npy", "npz", "safetensors", "gguf")
  format <- if (is.null(format)) format_of(file) else check_choice(format, known, "format")
  if (format == "npy") return(read_arrays(file, format, device)$tensors[[1L]])
  out <- read_arrays(file, format, device)
  if (return_metadata) out else out$tensors
}

#' @rdname mlx_save
#' @export
mlx_load_safetensors <- function(file, device = mlx_default_device()) {
  read_arrays(file, "safetensors", device)
}

#' @rdname mlx_save
#' @export
mlx_load_gguf <- function(file, device = mlx_default_device()) read_arrays(file, "gguf", device)

extensions <- c(safetensors = ".safetensors", gguf = ".gguf", npy = ".npy", npz = ".npz",
                "npz-compressed" = ".npz", mlxfn = ".mlxfn")

# A path with `~` expanded, made absolute, and with the extension of its format.
file_path <- function(file, format) {
  if (!is.character(file) || length(file) != 1L || is.na(file) || !nzchar(file)) {
    rmlx_abort("`file` must be a path (one string).", "argument")
  }
  file <- enc2native(path.expand(file))
  if (!endsWith(file, extensions[[format]])) file <- paste0(file, extensions[[format]])
  folder <- normalizePath(dirname(file), mustWork = FALSE)
  file.path(if (folder == "/") "" else folder, basename(file))
}

format_of <- function(file) {
  if (is.raw(file)) {
    start <- file[seq_len(min(8L, length(file)))]
    begins <- function(bytes) length(start) >= length(bytes) && all(start[seq_along(bytes)] == bytes)
    if (begins(as.raw(c(0x93, 0x4e, 0x55)))) return("npy")
    if (begins(charToRaw("PK"))) return("npz")
    if (begins(charToRaw("GGUF"))) return("gguf")
    return("safetensors")
  }
  if (!is.character(file) || length(file) != 1L || is.na(file)) return("npy") # file_path() complains
  found <- setdiff(names(extensions)[endsWith(file, extensions)], "mlxfn")
  if (length(found)) found[[1L]] else "npy"
}

# A list with names as numpy.savez() gives them.
numbered <- function(arrays) {
  given <- names(arrays) %||% character(length(arrays))
  open <- given == ""
  given[open] <- paste0("arr_", seq_len(sum(open)) - 1L)
  names(arrays) <- given
  arrays
}

check_names <- function(x, what) {
  given <- names(x)
  if (length(x) && (is.null(given) || anyNA(given) || any(given == "") || anyDuplicated(given))) {
    rmlx_abort(paste0("every element of `", what, "` must have a name of its own."), "argument")
  }
  enc2utf8(as.character(given))
}

write_arrays <- function(file, format, arrays, names = check_names(arrays, "arrays"), metadata = list()) {
  path <- if (!is.null(file)) file_path(file, format)
  if (!is.list(arrays) || is_mlx(arrays)) {
    rmlx_abort("`arrays` must be a named list of mlx arrays.", "argument")
  }
  keys <- check_names(metadata, "metadata")
  if (length(arrays) > 0L && format %in% c("safetensors", "gguf")) {
    arrays <- arrays[order(names, method = "radix")]
    names <- sort(names, method = "radix")
  }
  dense <- lapply(unname(arrays), function(x) .Call(C_dense, as_mlx(x)))
  metadata <- lapply(unname(metadata), function(x) {
    if (is.character(x)) enc2utf8(x) else .Call(C_dense, x)
  })
  out <- .Call(C_file_write, path, format, dense, names, metadata, keys)
  if (is.raw(out)) out else invisible(out)
}

read_arrays <- function(file, format, device) {
  from <- .Call(C_file_open, if (is.raw(file)) file else file_path(file, format), format)
  names <- .Call(C_file_names, from)
  tensors <- lapply(seq_along(names), function(i) .Call(C_file_array, from, i, device))
  keys <- .Call(C_file_metadata_names, from)
  metadata <- lapply(seq_along(keys), function(i) .Call(C_file_metadata, from, i))
  if (format == "safetensors") metadata <- as.character(unlist(metadata))
  list(tensors = setNames(tensors, names), metadata = setNames(metadata, keys))
}
