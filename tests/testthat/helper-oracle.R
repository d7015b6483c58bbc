# Oracles in base R, and comparisons with them.

dtypes <- c(
  "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
  "float16", "bfloat16", "float32", "float64", "complex64"
)

whole_dtypes <- grep("int|bool", dtypes, value = TRUE)

as64 <- function(x) as_mlx(x, dtype = "float64", device = "cpu")

# The values that float32 keeps of doubles, by way of R's own serialisation.
single <- function(x) {
  if (!is.double(x)) return(x)
  x[] <- readBin(writeBin(as.vector(x), raw(), size = 4), "double", length(x), size = 4)
  x
}

# Extents as MLX has them: none for one number, one for a vector.
shape_of <- function(x) {
  if (is_mlx(x)) return(mlx_shape(x))
  if (!is.null(dim(x))) return(dim(x))
  if (length(x) == 1L) integer() else length(x)
}

# What differs between an mlx array (or R value) and what base R computed; NULL if nothing.
difference <- function(got, want, tolerance, absolute = 0) {
  values <- as_r(got)
  d <- dim(want)
  if (length(d) == 1L) d <- NULL
  if (length(values) != length(want) || !identical(as.integer(dim(values)), as.integer(d))) {
    return(paste0(
      "shape ", paste(shape_of(got), collapse = " x "), " instead of ",
      paste(shape_of(want), collapse = " x ")
    ))
  }
  values <- as.vector(values)
  want <- as.vector(want)
  if (is.complex(values) || is.complex(want)) {
    values <- as.complex(values)
    want <- as.complex(want)
  } else {
    values <- as.double(values)
    want <- as.double(want)
  }
  same <- is.na(values) & is.na(want) | !is.na(values) & !is.na(want) & values == want
  error <- Mod(values - want)
  near <- !is.na(error) & error <= pmax(tolerance * Mod(want), absolute)
  wrong <- which(!(same | near))
  if (length(wrong) == 0L) return(NULL)
  i <- wrong[[1L]]
  paste0(
    length(wrong), " of ", length(want), " elements differ, first element ", i, ": ",
    format(values[[i]], digits = 16), " instead of ", format(want[[i]], digits = 16)
  )
}

expect_near <- function(got, want, tolerance = 1e-12, label = "value", absolute = 0) {
  problem <- difference(got, want, tolerance, absolute)
  testthat::expect(is.null(problem), paste0(label, ": ", problem))
  invisible(got)
}

# One description of an argument list, for failure messages.
describe <- function(args) {
  shapes <- vapply(args, function(x) {
    paste0("[", paste(shape_of(x), collapse = " x "), "]")
  }, "")
  paste(shapes, collapse = ", ")
}

# NumPy's broadcasting, written with base R: x repeated to a shape.
expand_to <- function(x, shape) {
  old <- shape_of(x)
  old <- c(rep(1L, length(shape) - length(old)), old)
  at <- arrayInd(seq_len(prod(shape)), shape)
  if (prod(shape) == 0) return(array(x[0], shape))
  for (k in seq_along(old)) if (old[k] == 1L) at[, k] <- 1L
  out <- array(as.vector(x), old)[at]
  if (length(shape) > 1L) array(out, shape) else out
}

common_shape <- function(...) {
  shapes <- lapply(list(...), shape_of)
  rank <- max(lengths(shapes))
  shapes <- lapply(shapes, function(s) c(rep(1L, rank - length(s)), s))
  Reduce(function(a, b) ifelse(a == 1L, b, a), shapes)
}

# f of arrays that broadcast as in NumPy; some functions of R drop the extents of what is empty.
broadcasting <- function(f) {
  function(...) {
    shape <- common_shape(...)
    if (length(shape) == 0L) return(f(...))
    out <- do.call(f, lapply(list(...), expand_to, shape))
    if (length(out) == 0L && length(shape) > 1L) array(out, shape) else out
  }
}

# Which numbers count as TRUE: all but 0, NaN among them.
truth <- function(x) {
  x[] <- is.na(x) | x != 0
  storage.mode(x) <- "logical"
  x
}

# f of matrices applied to those of stacks, arrays of rank 3; other arguments stay as they are.
by_slices <- function(f) {
  function(...) {
    args <- list(...)
    stacked <- lengths(lapply(args, dim)) == 3L
    if (!any(stacked)) return(f(...))
    n <- dim(args[[which(stacked)[1L]]])[1L]
    parts <- lapply(seq_len(n), function(i) {
      args[stacked] <- lapply(args[stacked], function(x) array(x[i, , ], dim(x)[-1L]))
      do.call(f, args)
    })
    d <- shape_of(parts[[1L]])
    if (length(d) == 0L) return(unlist(parts))
    aperm(array(unlist(parts), c(d, n)), c(length(d) + 1L, seq_along(d)))
  }
}

# f of vectors applied along one axis of x, the first by default.
along_axis <- function(f, axis = function(x) 1L) {
  function(x) {
    if (is.null(dim(x))) return(f(x))
    if (length(x) == 0L) return(x)
    along_r(x, axis(x), f)
  }
}

# Row-major reshape in base R.
row_major <- function(x, shape) {
  x <- if (is.null(dim(x))) x else aperm(x)
  out <- array(as.vector(x), rev(shape))
  if (length(shape) > 1L) aperm(out) else as.vector(out)
}

# fn over axes of x, in base R.
reduce_r <- function(x, axes, fn, drop = TRUE) {
  d <- if (is.null(dim(x))) length(x) else dim(x)
  axes <- if (is.null(axes)) seq_along(d) else ifelse(axes < 0, length(d) + 1L + axes, axes)
  left <- setdiff(seq_along(d), axes)
  out <- if (length(left) == 0L) {
    fn(as.vector(x))
  } else {
    apply(array(x, d), left, function(part) fn(as.vector(part)))
  }
  if (!drop) d[axes] <- 1L else d <- d[left]
  if (length(d) > 1L) array(out, d) else as.vector(out)
}

# A function of all elements of x applied along axes that keeps the shape (softmax).
along_r <- function(x, axes, fn) {
  if (is.null(axes)) {
    x[] <- fn(as.vector(x))
    return(x)
  }
  d <- dim(x)
  left <- setdiff(seq_along(d), axes)
  out <- apply(x, left, function(part) fn(as.vector(part)))
  aperm(array(out, c(d[axes], d[left])), order(c(axes, left)))
}

# Weights that make a scalar of any result, no two alike.
weights_for <- function(x) {
  n <- length(x)
  w <- cos(1.3 * seq_len(n)) + 0.1 * seq_len(n) / max(n, 1) + 0.2
  if (!is.null(dim(x))) w <- array(w, dim(x))
  w
}

# d sum(w * f(args)) / d args[[k]] by central differences of fourth order.
central_difference <- function(f, args, k, h = 2e-4) {
  value <- function(x) {
    args[[k]] <- x
    out <- suppressWarnings(do.call(f, args))
    sum(as.vector(weights_for(out)) * as.vector(out))
  }
  x <- args[[k]]
  slope <- x
  for (i in seq_along(x)) {
    step <- h * max(1, abs(x[i]))
    at <- function(times) {
      x[i] <- x[i] + times * step
      value(x)
    }
    slope[i] <- (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
  }
  slope
}

# Gradients of sum(w * f(args)) with respect to the numbered arguments, against those of the oracle.
expect_gradient <- function(f, oracle, args, argnums = seq_along(args), label = "gradient",
                            tolerance = 1e-6, h = 2e-4) {
  local_cpu()
  out <- suppressWarnings(do.call(oracle, args))
  w <- weights_for(out)
  if (length(dim(w)) == 1L) w <- as.vector(w)
  w <- as64(w)
  loss <- function(...) sum(w * f(...))
  mlx <- lapply(args, function(x) if (is.double(x)) as64(x) else as_mlx(x))
  grads <- do.call(mlx_grad, c(list(loss), unname(mlx), list(argnums = argnums)))
  for (i in seq_along(argnums)) {
    k <- argnums[i]
    want <- central_difference(oracle, args, k, h)
    expect_near(
      grads[[i]], want, tolerance, paste0(label, " (argument ", k, ")"),
      absolute = 1e-9 * max(1, abs(want))
    )
  }
}
