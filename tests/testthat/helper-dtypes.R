# Every row of the table in every dtype: what to give it, and what it has to say.

# The largest relative error of rounding to a floating dtype.
rounding <- c(
  float16 = 2^-11, bfloat16 = 2^-8, float32 = 2^-24, float64 = 2^-53, complex64 = 2^-24
)
is_integer_dtype <- function(dtype) grepl("int", dtype, fixed = TRUE)
integer_limits <- function(dtype) {
  bits <- as.integer(sub(".*int", "", dtype))
  if (startsWith(dtype, "u")) c(0, 2^bits - 1) else c(-2^(bits - 1), 2^(bits - 1) - 1)
}

# A row's numbers as a dtype can hold them: whole and small, with their signs where it has any.
values_in <- function(x, dtype) {
  if (!is.double(x)) return(x)
  whole <- dtype %in% whole_dtypes
  if (whole) x[is.nan(x)] <- 0
  x[] <- if (dtype == "bool") {
    x > 0
  } else if (whole) {
    v <- pmin(ceiling(abs(x)), 100)
    if (startsWith(dtype, "u")) v else sign(x) * v
  } else {
    as_r(as_mlx(x, dtype = if (dtype == "complex64") "float32" else dtype))
  }
  x
}

# The row's arguments for a dtype, best first: those meant for integers or logicals, then all.
arguments_in <- function(r, dtype) {
  meant <- if (dtype == "bool") r$bool else if (is_integer_dtype(dtype)) r$int
  meant <- if (length(unlist(meant)) > 0L) list(lapply(meant, function(x) if (is.object(x)) x else x + 0))
  c(meant, r$inputs)
}

# What the oracle says of these arguments; complex numbers where real ones have no finite answer.
oracle_of <- function(r, args, dtype) {
  ask <- function(args) tryCatch(suppressWarnings(do.call(r$oracle, args)), error = function(e) NULL)
  want <- ask(args)
  if (dtype == "complex64" && (is.null(want) || !all(is.finite(want)))) {
    complex <- ask(lapply(args, function(x) if (is.double(x)) x + 0i else x))
    if (!is.null(complex)) want <- complex
  }
  want
}

# Whole numbers beyond a dtype come round from its other end; infinities are its ends.
as_kept <- function(want, dtype) {
  if (dtype == "bool") {
    want[] <- want != 0
  } else if (is_integer_dtype(dtype)) {
    ends <- integer_limits(dtype)
    span <- ends[2] - ends[1] + 1
    v <- as.double(want)
    away <- is.finite(v) & (v < ends[1] | v > ends[2])
    v[away] <- (v[away] - ends[1]) %% span + ends[1]
    v[!is.finite(v)] <- pmin(pmax(v[!is.finite(v)], ends[1]), ends[2])
    if (dtype == "int32") v[v == ends[1]] <- NA # which is R's NA
    storage.mode(want) <- "double"
    want[] <- v
  }
  want
}

# The first arguments of a row that its oracle can compute with, and what it says.
case_in <- function(r, dtype) {
  for (args in arguments_in(r, dtype)) {
    args <- lapply(args, values_in, dtype)
    want <- oracle_of(r, args, dtype)
    if (!is.null(want)) return(list(args = args, want = want))
  }
  stop(r$id, " has no arguments that its oracle computes with in ", dtype)
}

# The row gives the oracle's value, or refuses the dtype as it says it does.
expect_row_in <- function(r, dtype) {
  case <- case_in(r, dtype)
  args <- lapply(case$args, function(x) if (is.double(x)) as_mlx(x, dtype = dtype) else as_mlx(x))
  label <- paste0(r$id, " of ", describe(case$args), " in ", dtype)
  run <- function() suppressWarnings(do.call(r$f, args))
  if (dtype %in% r$refuses) {
    testthat::expect_error(run(), class = "rmlx_error_dtype", label = label)
    return(invisible())
  }
  got <- run()
  kind <- if (is_mlx(got)) mlx_dtype(got) else "R"
  want <- as_kept(case$want, kind)
  unit <- max(rounding[intersect(c(dtype, kind), names(rounding))], 2^-24)
  exact <- kind %in% whole_dtypes
  tolerance <- if (exact) 0 else max(16 * unit, if (unit < 1e-4) r$tolerance32)
  size <- function(x) suppressWarnings(max(Mod(x[is.finite(x)]), 0))
  noise <- 16 * unit * max(0, vapply(case$args, function(x) if (is.numeric(x)) size(x) else 0, 0))
  values <- suppressWarnings(as_r(got)) # int64 and uint64 beyond 2^53
  expect_near(values, want, tolerance, label, absolute = if (exact) 0 else max(tolerance * size(want), noise))
  if (r$dtype == "same" && dtype %in% c("float16", "bfloat16")) {
    half <- if (r$half == "same") dtype else r$half
    testthat::expect(kind == half, paste0(label, ": dtype ", kind, " instead of ", half))
  }
}
