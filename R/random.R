# Random numbers: keys and Python MLX's samplers.

#' Seeds and keys of random numbers
#'
#' Random numbers come from MLX's generator, a function of a key. Without `key`, each draw takes a
#' fresh key from R's own generator, so that [set.seed()] governs all draws: after the same seed come
#' the same numbers (on the same kind of device). A draw inside a function that is differentiated is
#' fresh at each call, too, and so is one inside a compiled function ([mlx_compile()]).
#'
#' `mlx_seed()` is `set.seed()` under the name that users of Python MLX know.
#'
#' @param seed A whole number.
#' @param key A key: two uint32 numbers.
#' @param num How many keys.
#' @param dim Extents of the result.
#' @param width Bytes of each number: 4, 2 or 1 for uint32, uint16 or uint8.
#' @param device `"cpu"` or `"gpu"`; default: [mlx_device()].
#' @return `mlx_seed()`: `NULL`, invisibly. `mlx_key()`: a key. `mlx_key_split()`: a list of `num`
#'   keys, whose draws are independent of each other's and of the first key's. `mlx_key_bits()`: an
#'   array of random bits.
#' @examples
#' set.seed(1)
#' mlx_rand_uniform(2)
#' keys <- mlx_key_split(mlx_key(42), 2)
#' mlx_rand_normal(3, key = keys[[1]])
#' mlx_key_bits(2, key = keys[[2]])
#' @name mlx_key
NULL

#' @rdname mlx_key
#' @export
mlx_key <- function(seed) {
  if (!is.numeric(seed) || length(seed) != 1L || is.na(seed) || seed != trunc(seed) ||
        abs(seed) > 2^53) {
    rmlx_abort("`seed` must be one whole number of at most 2^53.", "argument")
  }
  .Call(C_random_key, as.double(seed))
}

#' @rdname mlx_key
#' @export
mlx_key_split <- function(key, num = 2L) {
  num <- check_count(num, "num", 1)
  if (num > 1e6) rmlx_abort("`num` may be up to a million: each key is an array of its own.", "argument")
  keys <- .Call(C_random_split, check_mlx(key), num)
  lapply(seq_len(num), function(i) mlx_squeeze(keys[i, ], 1))
}

#' @rdname mlx_key
#' @export
mlx_key_bits <- function(dim, width = 4L, key = NULL, device = mlx_default_device()) {
  if (!is.numeric(width) || length(width) != 1L || !width %in% c(1, 2, 4)) {
    rmlx_abort("`width` must be 4, 2 or 1 (bytes).", "argument")
  }
  .Call(C_random_bits, check_dim(dim), as.integer(width), device, key)
}

#' @rdname mlx_key
#' @export
mlx_seed <- function(seed) {
  if (!is.null(seed)) seed <- check_offset(seed, "seed")
  set.seed(seed)
  invisible(NULL)
}

#' Random arrays
#'
#' The samplers of Python MLX. Those of R's distributions are at [mlx_rnorm()]; how seeds and keys
#' work is told at [mlx_key()].
#'
#' Parameters may be mlx arrays that broadcast to `dim`; draws carry gradients to those that shift
#' and scale them (`mean`, `sd`, `min`, `max`, `loc`, `scale`, `lower`, `upper`, `cov`). float64 numbers are made
#' of 53 random bits each. In float32 a key
#' gives the numbers of Python MLX, but for rounding, and for `mlx_rand_categorical()` and
#' `mlx_rand_multivariate_normal()`.
#'
#' @param dim Extents of the result; of `mlx_rand_multivariate_normal()` those before its last axis,
#'   which has the length of `mean`.
#' @param mean,sd,min,max,loc,scale,low,high,prob,lower,upper Parameters. `sd` and `scale` must be positive.
#'   Whole numbers are from `low` up to, but without, `high`.
#' @param cov A covariance matrix, positive definite: another one is the error of [mlx_cholesky()], of class
#'   `rmlx_error_singular`.
#' @param dtype A dtype's name: floating, or of integers in `mlx_rand_randint()`. `NULL`: that of
#'   the floating parameters, else `getOption("rmlx.dtype", "float32")`.
#' @param device `"cpu"` or `"gpu"`; `NULL`: that of the parameters, else [mlx_device()].
#' @param key A key, see [mlx_key()]; `NULL`: a fresh one from R's generator.
#' @param logits Unnormalised log probabilities, along `axis`.
#' @param axis An axis, 1-based; `NULL`: the last.
#' @param num_samples How many categories to draw for each of the other places.
#' @param x One number n, for a permutation of 1, .., n, or an array, whose slices along `axis` are
#'   put in random order.
#' @return An mlx array of shape `dim`. `mlx_rand_bernoulli()`: bool. `mlx_rand_categorical()`:
#'   1-based int32 categories, of the shape of `logits` without `axis`, then `num_samples`.
#'   `mlx_rand_permutation()`: int32, or an array like `x`.
#' @examples
#' set.seed(1)
#' mlx_rand_normal(c(2, 3), mean = 10)
#' mlx_rand_randint(5, 1, 7)
#' mlx_rand_categorical(as_mlx(log(c(0.1, 0.9))), num_samples = 4)
#' mlx_rand_permutation(5)
#'
#' # a draw's gradient in its parameters
#' mlx_grad(function(m, s) sum(mlx_rand_normal(3, m, s, key = mlx_key(1))), 0, 1)
#' @name mlx_rand
NULL

# Standard draws by a routine, in the dtype and on the device that parameters imply.
draw <- function(routine, dim, dtype, device, key, ...) {
  .Call(routine, check_dim(dim), dtype %||% common_float(...), device %||% common_device(...), key)
}

# A result of the shape that was asked for: larger parameters do not widen it.
of_shape <- function(x, dim) {
  if (identical(mlx_shape(x), check_dim(dim))) return(x)
  rmlx_abort(
    paste0("the parameters do not broadcast to the shape of the draws, ",
           paste(dim, collapse = " x "), ": the result would be ",
           paste(mlx_shape(x), collapse = " x "), "."),
    "shape"
  )
}

#' @rdname mlx_rand
#' @export
mlx_rand_normal <- function(dim, mean = 0, sd = 1, dtype = NULL, device = NULL, key = NULL) {
  sd <- parameter(sd, "positive")
  z <- draw(C_random_normal, dim, dtype, device, key, mean, sd)
  of_shape(parameter(mean) + sd * z, dim)
}

#' @rdname mlx_rand
#' @export
mlx_rand_uniform <- function(dim, min = 0, max = 1, dtype = NULL, device = NULL, key = NULL) {
  u <- draw(C_random_uniform, dim, dtype, device, key, min, max)
  of_shape(min + interval(min, max) * u, dim)
}

#' @rdname mlx_rand
#' @export
mlx_rand_bernoulli <- function(dim, prob = 0.5, device = NULL, key = NULL) {
  of_shape(draw(C_random_uniform, dim, NULL, device, key, prob) < parameter(prob, "probability"), dim)
}

#' @rdname mlx_rand
#' @export
mlx_rand_gumbel <- function(dim, dtype = NULL, device = NULL, key = NULL) {
  draw(C_random_gumbel, dim, dtype, device, key)
}

#' @rdname mlx_rand
#' @export
mlx_rand_laplace <- function(dim, loc = 0, scale = 1, dtype = NULL, device = NULL, key = NULL) {
  scale <- parameter(scale, "positive")
  u <- draw(C_random_open_uniform, dim, dtype, device, key, loc, scale)
  # the upper quantile, as Python MLX takes it
  of_shape(mlx_qlaplace(u, parameter(loc), scale, lower.tail = FALSE), dim)
}

#' @rdname mlx_rand
#' @export
mlx_rand_truncated_normal <- function(lower, upper, dim, dtype = NULL, device = NULL, key = NULL) {
  lower <- as_mlx_beside(lower)
  upper <- as_mlx_beside(upper)
  u <- draw(C_random_open_uniform, dim, dtype, device, key, lower, upper)
  if (!is_mlx(lower) && !is_mlx(upper) && !all(lower < upper, na.rm = TRUE)) {
    rmlx_abort("`lower` must be below `upper`.", "argument")
  }
  # in the lower tail, whose logarithms keep their digits however far out
  above <- lower + 0 * u > 0
  from <- mlx_where(above, -upper, lower + 0 * u)
  to <- mlx_where(above, -lower, upper + 0 * u)
  logs <- mlx_logaddexp(log1p(-u) + special("NormalTail", 2L, from),
                        log(u) + special("NormalTail", 2L, to))
  z <- mlx_minimum(mlx_maximum(special("NormalQuantile", 2L, logs), from), to)
  of_shape(mlx_where(above, -z, z), dim)
}

#' @rdname mlx_rand
#' @export
mlx_rand_multivariate_normal <- function(dim, mean, cov, dtype = NULL, device = NULL,
                                         key = NULL) {
  mean <- mean_vector(mean)
  z <- draw(C_random_normal, c(check_dim(dim), length(mean)), dtype, device, key, mean, cov)
  correlated(z, mean, cov)
}

#' @rdname mlx_rand
#' @export
mlx_rand_randint <- function(dim, low, high, dtype = "int32", device = NULL, key = NULL) {
  if (!is_mlx(low) && !is_mlx(high) && !all(low < high)) {
    rmlx_abort("`low` must be below `high`.", "argument")
  }
  device <- device %||% common_device(low, high)
  .Call(C_random_integers, low, high, check_dim(dim), dtype, device, key)
}

#' @rdname mlx_rand
#' @export
mlx_rand_categorical <- function(logits, axis = NULL, num_samples = 1L, key = NULL) {
  logits <- as_mlx(logits)
  if (length(mlx_shape(logits)) == 0L) logits <- mlx_expand_dims(logits, 1)
  axis <- if (is.null(axis)) -1L else check_axes(axis, "axis")
  .Call(C_random_categorical, logits, axis, check_count(num_samples, "num_samples"), key)
}

#' @rdname mlx_rand
#' @export
mlx_rand_permutation <- function(x, axis = 1L, device = NULL, key = NULL) {
  if (!is_mlx(x) && is.numeric(x) && length(x) == 1L && is.null(dim(x))) {
    x <- as_mlx(seq_len(check_count(x, "x")), dtype = "int32")
  }
  .Call(C_random_permutation, as_mlx(x, device = device), check_axes(axis, "axis"), key)
}

#' Random samples
#'
#' [base::sample()] for mlx arrays: draws among the elements of a vector, the rows of a matrix, or the
#' slices along the first axis of an array.
#'
#' @param x An mlx array or R vector to choose from; or one number n, to choose from 1, .., n.
#' @param size How many to choose; default: all, in random order.
#' @param replace Whether one may be chosen more than once.
#' @param prob Weights of the choices, which need not sum to 1: R numbers or an mlx array. Without
#'   replacement each next choice is made by the weights of what is left, as in base R.
#' @inheritParams mlx_rand
#' @return An mlx array like `x` with `size` elements, rows or slices; int32 for a number n.
#' @examples
#' set.seed(1)
#' mlx_sample(10, 3)
#' mlx_sample(as_mlx(c(0.5, 1.5)), 5, replace = TRUE, prob = c(1, 3))
#' @export
mlx_sample <- function(x, size = NULL, replace = FALSE, prob = NULL, key = NULL) {
  single <- !is_mlx(x) && is.numeric(x) && length(x) == 1L && !is.na(x) && x >= 1
  if (!single) x <- as_mlx(x)
  n <- if (single) check_count(x, "x") else mlx_shape(x)[1L]
  if (is.na(n)) rmlx_abort("`x` has no axis to choose along.", "shape")
  size <- if (is.null(size)) n else check_count(size, "size")
  if (!check_flag(replace, "replace") && size > n) {
    rmlx_abort(paste0("cannot take a sample larger than the population when 'replace = FALSE': ", size, " of ", n, "."),
               "argument")
  }
  at <- if (size == 0L) as_mlx(integer(), dtype = "int32") else drawn_positions(n, size, replace, prob, key)
  if (single) return(at)
  do.call(`[`, c(list(x, at), rep(list(rlang::missing_arg()), length(mlx_shape(x)) - 1L)))
}

# Positions, 1-based.
drawn_positions <- function(n, size, replace, prob, key) {
  if (is.null(prob)) {
    if (replace) return(mlx_rand_randint(size, 1, n + 1, key = key))
    return(mlx_rand_permutation(n, key = key)[seq_len(size)])
  }
  check_numbers(prob, "prob")
  if (!is_mlx(prob) && anyNA(prob)) rmlx_abort("NA in probability vector.", "argument")
  if (length(prob) != n) {
    rmlx_abort(paste0("incorrect number of probabilities. `prob` has ", length(prob), " for ", n, " positions."),
               "argument")
  }
  prob <- parameter(prob, "nonnegative")
  if (!is_mlx(prob) && sum(prob > 0) < (if (replace) 1 else size)) {
    rmlx_abort("too few positive probabilities. Without replacement each of the draws needs one of its own.",
               "argument")
  }
  logits <- log(as_mlx(prob))
  if (replace) return(mlx_rand_categorical(logits, num_samples = size, key = key))
  .Call(C_random_order, logits, key)[seq_len(size)]
}
