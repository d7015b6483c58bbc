# The functions that take the place of base R's in functions written for plain vectors. Each is base R's own
# where no traced array is among its arguments.

# Our functions by the addresses of those whose place they take, made when first asked for.
stand_in <- function(f) {
  if (is.null(overlay_state$by_address)) collect_overlays()
  overlay_state$by_address[[obj_address(f)]]
}

# The names of all functions that are overlaid.
overlay_names <- function() {
  if (is.null(overlay_state$by_address)) collect_overlays()
  overlay_state$names
}

collect_overlays <- function() {
  own <- topenv()
  exports <- getNamespaceExports(own)
  masks <- Filter(function(name) length(base_functions(name)) > 0L, exports)
  ours <- c(overlays(), reenclosed())
  # kronecker() is a generic of package methods, which knows arrays anyhow
  ours <- c(ours, mget(setdiff(masks, c(names(ours), "kronecker")), envir = own))
  addresses <- new.env(parent = emptyenv())
  for (name in names(ours)) {
    theirs <- base_functions(name)
    if (name %in% masks && !identical(own[[name]], ours[[name]])) theirs <- c(theirs, own[[name]])
    for (f in theirs) assign(obj_address(f), ours[[name]], envir = addresses)
  }
  overlay_state$names <- names(ours)
  overlay_state$by_address <- addresses
}

# Base R's functions of a name: package methods has some of its own.
base_functions <- function(name) {
  found <- lapply(c("base", "stats", "methods"), function(package) {
    get0(name, asNamespace(package), mode = "function", inherits = FALSE)
  })
  Filter(Negate(is.null), found)
}

any_traced <- function(...) .Call(C_any_traced, list(...))

overlays <- function() {
  c(
    list(
      `diag<-` = assign_diagonal, `dim<-` = assign_dim,
      c = combine_any, rep_len = repeat_to, rep.int = repeat_times, seq = sequence_of,
      sum = of_all("sum", base::sum), prod = of_all("prod", base::prod),
      max = of_all("max", base::max), min = of_all("min", base::min),
      range = of_all("range", base::range), mean.default = mean_of,
      ifelse = ifelse_in_columns, pmin = in_columns(pmin), pmax = in_columns(pmax),
      solve = beside_second(base::solve), backsolve = beside_second(backsolve),
      forwardsolve = beside_second(forwardsolve), qr.solve = beside_second(qr.solve),
      Find = over_items(base::Find), Position = over_items(base::Position), findInterval = find_interval,
      is.vector = is_vector, besselI = bessel_i, besselJ = bessel_j, `::` = from_package
    ),
    laws()
  )
}

# Base R's own code, which needs but our functions where it calls theirs.
reenclosed <- function() {
  lapply(list(append = append, replace = replace, Vectorize = Vectorize, embed = stats::embed,
              toeplitz = stats::toeplitz), function(f) {
    inner <- c(overlays(), list(mapply = mapply, matrix = matrix, `[<-` = assign_part))
    environment(f) <- list2env(inner, parent = environment(f))
    f
  })
}

combine_any <- function(...) {
  if (!any_traced(...)) return(base::c(...))
  parts <- list(...)
  if (all(base::vapply(parts, function(p) is.null(p) || is_number(p), NA))) return(c.mlx(...))
  if (any(base::vapply(parts, is.list, NA))) parts <- lapply(parts, items)
  do.call(base::c, parts, quote = TRUE)
}

repeat_to <- function(x, length.out) {
  if (any_traced(x)) rep(x, length.out = length.out) else base::rep_len(x, length.out)
}

repeat_times <- function(x, times) {
  if (any_traced(x)) rep(x, times = times) else base::rep.int(x, times)
}

sequence_of <- function(from, to, by, length.out, along.with, ...) {
  given <- c(from = !missing(from), to = !missing(to), by = !missing(by))
  ends <- list(if (given[[1L]]) from, if (given[[2L]]) to, if (given[[3L]]) by)
  counted <- !missing(along.with) || !missing(length.out) && !is.null(length.out)
  if (!.Call(C_any_traced, ends) || !counted || sum(given) != 2L) {
    counts <- list(if (!missing(length.out)) length.out, if (!missing(along.with)) along.with)
    names(counts) <- c("length.out", "along.with")
    counts <- counts[c(!missing(length.out), !missing(along.with))]
    return(do.call(base::seq, c(setNames(ends, names(given))[given], counts, list(...)), quote = TRUE))
  }
  n <- if (missing(along.with)) check_count(ceiling(length.out), "length.out") else length(along.with)
  if (n == 0L) return(numeric())
  steps <- seq_len(n) - 1
  if (given[["from"]] && given[["by"]]) return(from + steps * by)
  if (given[["by"]]) return(to - rev(steps) * by)
  if (n == 1L) from + 0 * to else from + steps * ((to - from) / (n - 1))
}

# A function that calls `theirs` by its own name, as conditions show it; `theirs` stands for the name in `code`.
in_its_name <- function(name, theirs, code, ...) {
  code <- do.call(substitute, list(substitute(code), list(theirs = as.name(name))))
  eval(code, list2env(c(setNames(list(theirs), name), list(...)), parent = topenv()))
}

# sum() and its like, which look at their first argument alone for a method.
of_all <- function(name, theirs) {
  in_its_name(name, theirs, function(..., na.rm = FALSE) {
    if (...length() > 1L && any_traced(...)) theirs(combine_any(...), na.rm = na.rm) else theirs(..., na.rm = na.rm)
  })
}

mean_of <- function(x, ...) if (any_traced(x)) mean(x, ...) else base::mean.default(x, ...)

# Arguments of functions that work element by element: vectors of n beside n x 1 arrays, as columns.
as_columns <- function(args) {
  rows <- 0L
  for (x in args) {
    shape <- if (is_mlx(x)) dim(x)
    if (length(shape) == 2L && shape[[2L]] == 1L) rows <- shape[[1L]]
  }
  if (rows < 2L) return(args)
  lapply(args, function(x) if (is.null(dim(x)) && length(x) == rows) matrix(x, rows, 1L) else x)
}

in_columns <- function(mask) {
  force(mask)
  function(..., na.rm = FALSE) {
    if (!any_traced(...)) return(mask(..., na.rm = na.rm))
    do.call(mask, c(as_columns(list(...)), na.rm = na.rm), quote = TRUE)
  }
}

ifelse_in_columns <- function(test, yes, no) choose_lazily(test, yes, no, as_columns)

# Functions of two arrays, of which the first is looked at for a method.
beside_second <- function(mask) {
  force(mask)
  function(...) {
    dots <- list(...)
    if (length(dots) < 2L || is_mlx(dots[[1L]]) || !.Call(C_any_traced, dots[2L])) return(mask(...))
    dots[[1L]] <- as_mlx(dots[[1L]], mlx_dtype(dots[[2L]]), mlx_device(dots[[2L]]))
    do.call(mask, dots, quote = TRUE)
  }
}

over_items <- function(plain) {
  force(plain)
  function(f, x, ...) plain(f, if (any_traced(x)) items(x) else x, ...)
}

find_interval <- function(x, vec, ...) base::findInterval(settled(x), settled(vec), ...)

is_vector <- function(x, mode = "any") {
  if (!is_mlx(x)) return(base::is.vector(x, mode))
  is.null(dim(x)) && mode %in% c("any", "numeric", mode(x), typeof(x))
}

bessel_i <- function(x, nu, expon.scaled = FALSE) {
  if (any_traced(x)) mlx_bessel_i(x, nu, as.logical(expon.scaled)) else base::besselI(x, nu, expon.scaled)
}

bessel_j <- function(x, nu) if (any_traced(x)) mlx_bessel_j(x, nu) else base::besselJ(x, nu)

from_package <- function(pkg, name) {
  found <- getExportedValue(as.character(substitute(pkg)), as.character(substitute(name)))
  if (is.function(found)) stand_in(found) %||% found else found
}

# Densities, distribution functions, quantiles and draws of package stats.
laws <- function() {
  names <- Filter(function(name) startsWith(replacements[[name]], "mlx_"), names(replacements))
  out <- lapply(names, function(name) law_of(name, base_functions(name)[[1L]], get(paste0("mlx_", name))))
  setNames(out, names)
}

law_of <- function(name, theirs, ours) {
  in_its_name(name, theirs, function(...) {
    if (!.Call(C_any_traced, list(...))) return(theirs(...)) # here, so that errors in arguments are this call's
    args <- as_columns(list(...))
    # package stats calls the first argument of distribution functions q
    if ("q" %in% names(args)) names(args)[names(args) == "q"] <- "x"
    do.call(ours, args, quote = TRUE)
  }, ours = ours)
}
