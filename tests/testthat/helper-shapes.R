# Every row of the table with 0-d, 1-d, 3-d and empty arrays, and with NaN and infinities: what to give it,
# and what it has to say. What the rows have of their own stands in helper-table-8-shapes.R.

shape_kinds <- c("0-d", "1-d", "3-d", "zero", "0 x 3", "special")

# Which arguments take a shape: all numbers of one shape, or the first alone where the others depend on it.
shaped_arguments <- function(r) {
  first <- r$inputs[[1L]]
  numbers <- which(vapply(first, is.double, NA))
  shapes <- unique(lapply(first[numbers], shape_of))
  if (length(shapes) == 1L) numbers else numbers[1L]
}

# The numbers that the row has for an argument, repeated to n.
numbers_for <- function(r, k, n) {
  pool <- unlist(lapply(r$inputs, function(args) args[[k]]))
  rep_len(as.vector(pool), n)
}

# Argument k in a shape: what extents it has are kept, as others may have to fit.
in_kind <- function(r, k, kind) {
  x <- r$inputs[[1L]][[k]]
  d <- dim(x)
  switch(kind,
    "0-d" = as.vector(x)[1L],
    "1-d" = if (!is.null(d)) as.vector(x)[seq_len(d[length(d)])] else numbers_for(r, k, max(length(x), 3L)),
    "3-d" = if (length(d) == 3L) {
      x
    } else if (length(d) == 2L) {
      aperm(array(c(x, 1.25 * x), c(d, 2L)), c(3L, 1L, 2L))
    } else {
      array(numbers_for(r, k, 12L), c(2L, 3L, 2L))
    },
    "zero" = numeric(),
    "0 x 3" = matrix(0, 0L, 3L)
  )
}

# The argument lists of a kind; of the special numbers one for each argument.
kind_arguments <- function(r, kind) {
  at <- shaped_arguments(r)
  args <- r$inputs[[1L]]
  if (kind != "special") {
    args[at] <- lapply(at, in_kind, r = r, kind = kind)
    return(list(args))
  }
  lapply(at, function(k) {
    if (length(args[[k]]) == 1L) args[at] <- lapply(at, numbers_for, r = r, n = 4L)
    n <- min(3L, length(args[[k]]))
    args[[k]][seq_len(n)] <- c(NaN, Inf, -Inf)[seq_len(n)]
    args
  })
}

# The declaration of a row for a kind, if there is one: list(refuses), list(oracle) or
# list(not_finite).
declared <- function(r, kind) {
  found <- Filter(function(entry) kind %in% entry$kinds && r$id %in% entry$rows, shape_entries)
  if (length(found) > 1L) stop(r$id, " has two declarations for ", kind)
  if (length(found)) found[[1L]] else list()
}

# What has to come is the oracle's value, that of another oracle, or an error of the class declared.
# Gives "value" or "refusal".
try_kind <- function(r, kind, args, dtype, entry = declared(r, kind)) {
  if (dtype == "float32") args <- lapply(args, single)
  given <- lapply(args, function(x) if (is.double(x)) as_mlx(x, dtype = dtype) else as_mlx(x))
  label <- paste0(r$id, " of ", describe(args), " (", kind, ") in ", dtype)
  run <- function() {
    out <- suppressWarnings(do.call(r$f, given))
    as_r(out) # so that what is wrong when it is computed shows
    out
  }
  if (!is.null(entry$refuses)) {
    testthat::expect_error(run(), class = entry$refuses, label = label)
    return("refusal")
  }
  if (isTRUE(entry$not_finite)) {
    testthat::expect(!all(is.finite(as_r(run()))), paste0(label, ": NaN and infinities were lost."))
    return("value")
  }
  oracle <- if (is.null(entry$oracle)) r$oracle else entry$oracle(r)
  want <- tryCatch(suppressWarnings(do.call(oracle, args)), error = function(e) {
    stop(label, ": its oracle fails and the row declares nothing: ", conditionMessage(e), call. = FALSE)
  })
  got <- run()
  tolerance <- if (dtype == "float32") r$tolerance32 else 1e-12
  # as sums of other orders differ
  size <- vapply(args, function(x) max(0, abs(x[is.finite(x)])), 0)
  expect_near(got, want, tolerance, label, absolute = 16 * rounding[[dtype]] * max(size))
  "value"
}
