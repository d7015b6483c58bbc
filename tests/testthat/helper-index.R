# Random index expressions, and what base R makes of them.

# One array of whole numbers, with or without names; rank 1 is a plain vector.
random_array <- function(rank, empty = 0.1, named = 0.5) {
  d <- sample.int(5L, rank, replace = TRUE)
  if (runif(1) < empty) d[sample.int(rank, 1L)] <- 0L
  x <- as.double(seq_len(prod(d)) + 100)
  titles <- lapply(d, function(n) {
    if (n > 0L && runif(1) < named) sample(c(letters, "a"), n) # perhaps one name twice
  })
  if (rank == 1L) {
    names(x) <- titles[[1L]]
    return(x)
  }
  x <- array(x, d)
  if (!all(vapply(titles, is.null, NA))) {
    if (runif(1) < 0.3) names(titles) <- paste0("axis", seq_len(rank))
    dimnames(x) <- titles
  }
  x
}

# A 0-d array is what as_mlx() makes of one number, so vectors get their dim first.
to_array <- function(x, ...) {
  if (!is.null(dim(x))) return(as_mlx(x, ...))
  out <- as_mlx(array(x, length(x)), ...)
  names(out) <- names(x)
  out
}

# One index for an axis: `r` for base R, `mlx` for ours. `once`: no position twice.
random_index <- function(n, names = NULL, once = FALSE, missing = TRUE) {
  same <- function(i) list(r = i, mlx = i)
  pick <- function(k) if (n == 0L) integer() else sample.int(n, k, replace = !once)
  count <- function() sample.int(if (once) n else n + 2L, 1L)
  everything <- list(r = rlang::missing_arg(), mlx = rlang::missing_arg())
  if (n == 0L) {
    return(if (missing && runif(1) < 0.5) everything else
      same(sample(list(integer(), logical(), NULL), 1L)[[1L]]))
  }
  kind <- sample(c(
    if (missing) "missing", "positive", "positive", "one", "range", "step", "reverse", "double",
    "fraction", "negative", "negatives", "one logical", "logical", "logical", "empty", "NULL",
    "none", "mlx positions", "mlx negative", "mlx mask", "integer64",
    if (!is.null(names)) c("names", "names")
  ), 1L)
  range <- sort(sample.int(n, 2L, replace = TRUE))
  mask <- sample(c(TRUE, FALSE), n, replace = TRUE)
  positions <- pick(count())
  left_out <- -sample.int(n, sample.int(n, 1L))
  switch(
    kind,
    missing = everything,
    positive = same(positions),
    one = same(sample.int(n, 1L)),
    range = same(range[1L]:range[2L]),
    step = same(seq(range[1L], n, by = sample.int(3L, 1L))),
    reverse = same(rev(seq_len(n))),
    double = same(as.double(positions)),
    fraction = same(positions + 0.75),
    negative = same(left_out),
    negatives = same(rep(left_out, 2L)),
    "one logical" = same(sample(c(TRUE, FALSE), 1L)),
    logical = same(mask),
    empty = same(integer()),
    "NULL" = same(NULL),
    none = same(rep(FALSE, n)),
    "mlx positions" = list(r = positions, mlx = to_array(positions, dtype = "int32")),
    "mlx negative" = list(r = left_out, mlx = to_array(left_out)),
    "mlx mask" = list(r = mask, mlx = to_array(mask)),
    integer64 = list(r = positions, mlx = bit64::as.integer64(positions)),
    names = {
      known <- if (once) unique(names) else names
      same(sample(known, min(count(), length(known))))
    }
  )
}

# A single index into the flattening: a vector, a coordinate matrix, or a mask of x's shape.
random_flat_index <- function(x, once = FALSE) {
  d <- dim(x)
  kind <- sample(c("vector", "matrix", "mlx matrix", "mask", "mlx mask", "names"), 1L)
  if (kind == "vector" || length(x) == 0L) return(random_index(length(x), once = once))
  if (kind %in% c("mask", "mlx mask")) {
    mask <- array(sample(c(TRUE, FALSE), length(x), replace = TRUE), d)
    return(list(r = mask, mlx = if (kind == "mask") mask else as_mlx(mask)))
  }
  at <- sample.int(length(x), sample.int(length(x), 1L) - 1L, replace = !once)
  at <- arrayInd(at, d)
  titles <- dimnames(x)
  if (kind == "names" && length(titles) > 0L && !any(vapply(titles, is.null, NA)) &&
        !any(vapply(titles, anyDuplicated, 1L) > 0L)) {
    by_name <- vapply(seq_along(d), function(k) titles[[k]][at[, k]], character(nrow(at)))
    by_name <- matrix(by_name, nrow(at), length(d))
    return(list(r = by_name, mlx = by_name))
  }
  list(r = at, mlx = if (kind == "mlx matrix" && nrow(at) > 0L) as_mlx(at) else at)
}

# A whole expression: the indices of every axis, or one for all.
random_indices <- function(x, once = FALSE) {
  d <- dim(x)
  if (is.null(d)) return(list(random_index(length(x), names(x), once)))
  if (runif(1) < 0.3) return(list(random_flat_index(x, once)))
  Map(function(n, k) random_index(n, dimnames(x)[[k]], once), d, seq_along(d))
}

index_call <- function(indices, side, drop = NULL) {
  args <- lapply(indices, function(i) i[[side]])
  as.call(c(list(as.name("["), as.name("x")), args, if (!is.null(drop)) list(drop = drop)))
}

describe_index <- function(x, indices, drop = NULL) {
  paste0(
    "[", paste(if (is.null(dim(x))) length(x) else dim(x), collapse = " x "), "]: ",
    paste(deparse(index_call(indices, "r", drop), width.cutoff = 500L), collapse = "")
  )
}

# The dimnames; NULL also for the list of NULLs that base R keeps of extents of 0.
titles_of <- function(x) {
  titles <- dimnames(x)
  if (!all(vapply(titles, is.null, NA))) titles
}

# How an mlx array differs from the array that base R made, names and all; NULL if it does not.
mismatch <- function(got, want) {
  if (!is_mlx(got)) return("it is no mlx array")
  shape <- if (is.null(dim(want))) length(want) else dim(want)
  if (!identical(mlx_shape(got), as.integer(shape))) {
    return(paste0("shape ", paste(mlx_shape(got), collapse = " x "), " instead of ",
                  paste(shape, collapse = " x ")))
  }
  if (!identical(as.double(as.vector(got)), as.double(as.vector(want)))) return("the values")
  if (!identical(names(got), names(want))) return("the names")
  if (!identical(titles_of(got), titles_of(want))) return("the dimnames")
  NULL
}

# Runs `one(i)` for every case; it returns NULL or what is wrong. One expectation for all.
expect_cases <- function(n, one) {
  wrong <- unlist(lapply(seq_len(n), function(i) {
    tryCatch(one(i), error = function(e) paste("case", i, "failed:", conditionMessage(e)))
  }))
  testthat::expect(
    length(wrong) == 0L,
    paste0(length(wrong), " of ", n, " cases are wrong:\n", paste(utils::head(wrong, 10L), collapse = "\n"))
  )
}

# What an expression raises: its class and texts have to be these, and its call the user's.
expect_refused <- function(code, text, class, call = NULL) {
  caught <- tryCatch(code, error = identity)
  label <- paste0("`", paste(deparse(substitute(code)), collapse = " "), "`")
  classed <- inherits(caught, paste0("rmlx_error_", class)) && inherits(caught, "rmlx_error")
  testthat::expect(classed, paste0(
    label, " gave ", paste(class(caught), collapse = "/"), ": ",
    if (inherits(caught, "condition")) conditionMessage(caught)
  ))
  if (classed) {
    said <- conditionMessage(caught)
    missing <- text[!vapply(text, grepl, NA, x = said, fixed = TRUE)]
    testthat::expect(
      length(missing) == 0L, paste0(label, " says \"", said, "\", not \"", missing[1L], "\"")
    )
  }
  if (!is.null(call)) testthat::expect_identical(conditionCall(caught), call)
}
