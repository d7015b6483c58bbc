# That no message of the package is without a snapshot.

snapshot_text <- function() {
  files <- list.files(test_path("_snaps"), "^snapshots-.*[.]md$", full.names = TRUE)
  # what stands between the words of a message, line breaks too, is one space
  gsub("[[:space:]]+", " ", paste(unlist(lapply(files, readLines, encoding = "UTF-8")), collapse = " "))
}

missing_from <- function(pieces, text) {
  pieces <- unique(trimws(gsub("[[:space:]]+", " ", pieces)))
  pieces <- pieces[nchar(gsub("[^[:alpha:]]", "", pieces)) >= 4L]
  pieces[!vapply(pieces, grepl, NA, x = text, fixed = TRUE)]
}

# The texts within the code of a message, those of both branches of an `if`, but not of its condition.
texts_of <- function(code, body) {
  if (is.character(code)) return(code)
  if (is.name(code)) { # set before, in the same function
    set <- calls_to(body, c("<-"))
    set <- Filter(function(call) identical(call[[2L]], code), set)
    return(unlist(lapply(set, function(call) texts_of(call[[3L]], NULL))))
  }
  if (!is.call(code)) return(NULL)
  head <- if (is.name(code[[1L]])) as.character(code[[1L]]) else ""
  parts <- as.list(code)[-1L]
  parts <- parts[!names_of(parts) %in% c("collapse", "sep")]
  if (head == "if") parts <- parts[-1L]
  if (head == "[") parts <- parts[1L]
  if (!head %in% c("c", "paste0", "paste", "if", "[", "{", "(")) return(NULL)
  unlist(lapply(parts, texts_of, body))
}

names_of <- function(x) if (is.null(names(x))) rep("", length(x)) else names(x)

calls_to <- function(code, heads) {
  if (!is.call(code) && !is.pairlist(code)) return(list())
  here <- is.call(code) && is.name(code[[1L]]) && as.character(code[[1L]]) %in% heads
  parts <- Filter(function(part) !identical(part, rlang::missing_arg()), as.list(code))
  c(if (here) list(code), unlist(lapply(parts, calls_to, heads), recursive = FALSE))
}

test_that("a message without a snapshot is found", {
  text <- snapshot_text()
  expect_identical(missing_from(c("this text is in no snapshot", "Index out of bounds:", ".", "a"), text),
                   "this text is in no snapshot")
  call <- quote(rmlx_abort(c(paste0("one ", x, " two", collapse = "no"), i = if (a == "no") "three" else said), "no"))
  expect_identical(unname(texts_of(call[[2L]], quote(said <- "four"))), c("one ", " two", "three", "four"))
})

test_that("every message that R code raises stands in a snapshot", {
  namespace <- asNamespace("rmlx")
  # their message is another function's, or the native code's
  elsewhere <- c("raise_native", "rep.mlx", "abort", "rmlx_abort", "rmlx_warn")
  exceptions <- c(
    # where Matrix is installed, as the tests need it
    "the package Matrix is needed to convert an object of class",
    # without Python
    "NumPy's and MLX's arrays and those with DLPack are taken; `reticulate::py_to_r()` converts others to R.",
    "NumPy cannot take an object of class", "by DLPack:",
    "Move it to the CPU and out of its own gradient first, such as PyTorch's `x$detach()$cpu()`.",
    # without a GPU: of a kernel that was made
    "the kernel `", "inputs, not", "`output_shapes` must be a list of", ", one for each output.",
    "dtypes, whole numbers"
  )
  text <- snapshot_text()
  raised <- character()
  for (name in ls(namespace, all.names = TRUE)) {
    fn <- get(name, namespace)
    if (!is.function(fn) || is.primitive(fn) || name %in% elsewhere) next
    for (call in calls_to(body(fn), c("rmlx_abort", "rmlx_warn", "rlang::inform"))) {
      texts <- texts_of(call[[2L]], body(fn))
      expect(length(texts) > 0L, paste("no text is found of a message in", name))
      raised <- c(raised, texts)
    }
  }
  expect_gt(length(raised), 250L)
  expect_identical(setdiff(missing_from(raised, text), exceptions), character())
})

test_that("every message of the native code stands in a snapshot", {
  folder <- test_path("..", "..", "src", "rust", "src")
  skip_if_not(dir.exists(folder), "the source of the native code is not here")
  exceptions <- c(
    # R's code refuses it before
    "whole numbers were expected here", "is not one of an array of rank", "polygamma of order",
    ": orders go up to 1000000.", "`dim` must be non-negative whole numbers; it has",
    # R has no such strings, names of arguments, or arrays
    "`subscripts` has a NUL.",
    "a path cannot hold a NUL.", "a name is too long for an npz file.", "its alignment is too large",
    "rmlx knows the gradient of",
    "for real matrices only. Where its value is wanted without one, use mlx_stop_gradient(x).",
    # a word for R's code, which has the message
    "abstract",
    # a GPU, or a full disk
    paste0("float64 exists on the cpu device only: GPUs of MLX compute in float32 at most. Use device = ",
           "\"cpu\", or dtype = \"float32\"."),
    "the file cannot be written:", "no temporary file could be made."
  )
  files <- list.files(folder, "[.]rs$", recursive = TRUE, full.names = TRUE)
  files <- files[basename(files) != "tests.rs"]
  code <- vapply(files, function(file) paste(readLines(file), collapse = "\n"), "")
  code <- sub("#\\[cfg\\(test\\)\\]\nmod tests \\{.*", "", code)
  raising <- "(Error::(?!Internal)[A-Z][a-z]+|refuse|damaged|broken)\\(\\s*(format!\\(\\s*)?\"([^\"\\\\]|\\\\.)*\""
  raised <- unlist(regmatches(code, gregexpr(raising, code, perl = TRUE)))
  expect_gt(length(raised), 150L)
  literals <- sub("\"$", "", sub("^[^\"]*\"", "", raised))
  literals <- gsub("\\\\\"", "\"", literals)
  pieces <- unlist(strsplit(literals, "\\{[^}]*\\}"))
  expect_identical(setdiff(missing_from(pieces, snapshot_text()), exceptions), character())
})
