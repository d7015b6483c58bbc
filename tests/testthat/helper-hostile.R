# Bad input for every exported function and method: each argument in turn is replaced by every
# hostile value, the others staying valid. What must come back is a value or an error of class
# rmlx_error; what must not is a crash, a hang, or an error from somewhere inside.

hostile_values <- function() {
  dead <- as_mlx(c(1, 2))
  mlx_free(dead)
  list(
    "NULL" = NULL, string = "no such thing", strings = c("a", "b"), "no strings" = character(),
    "empty list" = list(), list = list(1, "a"), "a function" = function(...) stop("called"),
    environment = new.env(), symbol = quote(a), call = quote(f(x)), formula = y ~ x,
    factor = factor(c("a", "b")), date = as.Date("2020-01-01"), "data frame" = data.frame(a = "b"),
    NA_logical = NA, NA_integer = NA_integer_, NA_real = NA_real_, NA_string = NA_character_,
    "NaN" = NaN, "Inf" = Inf, "-Inf" = -Inf, minus = -1, "-7L" = -7L, zero = 0, half = 0.5,
    "2^31" = 2^31, "1e10" = 1e10, "1e300" = 1e300, "largest integer" = .Machine$integer.max,
    nothing = numeric(), "no logical" = logical(), vector = c(3, 1, 2), twice = c(1, 1),
    logicals = c(TRUE, NA), complex = 1i, raw = as.raw(1), matrix = matrix(1, 5, 7),
    "rank 4" = array(1, c(1, 2, 1, 3)), "0 x 3" = matrix(0, 0, 3),
    mlx_0d = as_mlx(2), mlx_nothing = mlx_zeros(0), mlx_empty = mlx_zeros(c(0, 3)),
    mlx_bool = as_mlx(c(TRUE, FALSE)), mlx_int = as_mlx(1:5, dtype = "int32"),
    mlx_nan = as_mlx(c(NaN, Inf)), mlx_matrix = mlx_zeros(c(5, 7)), mlx_complex = as_mlx(1i),
    mlx_cube = mlx_zeros(c(2, 3, 2)), mlx_dead = dead
  )
}

# A valid value for an argument by its name; `special` (by function, then argument) comes first.
valid_argument <- function(name, special) {
  common <- list(
    e1 = as_mlx(matrix(c(4, 1, 1, 3), 2)), e2 = as_mlx(matrix(c(1, 2, 3, 4), 2)),
    a = as_mlx(matrix(c(4, 1, 1, 3), 2)), object = as_mlx(c(1, 2)),
    x = as_mlx(matrix(c(4, 1, 1, 3), 2)), y = as_mlx(matrix(c(1, 2, 3, 4), 2)), f = function(x) sum(x),
    dim = c(2L, 2L), value = 1, code = 1, data = 1:4, start = 1, stop = 4, n = 2L,
    newshape = c(4L, 1L), shape = c(2L, 2L), axes = 1L, axis = 1L, dtype = "float32",
    condition = as_mlx(c(TRUE, FALSE)), device = "cpu", perm = 2:1, name = "device", k = 1, kth = 1L,
    M = 4, offset = 0L, shift = 1L, reps = 2L, repeats = 2L, seed = 1, FUN = function(x, ...) x,
    X = as_mlx(matrix(c(4, 1, 1, 3), 2)), Y = as_mlx(c(1, 2)), MARGIN = 1L, STATS = 1, file = tempfile(),
    arrays = list(a = as_mlx(1)), num_heads = 1L, group = c(1, 2), INDEX = c(1, 2), indices = 1L,
    key = mlx_key(1), d = 1, df = 3, size = 3, prob = 0.5, subscripts = "ij,jk->ik", w = mlx_ones(c(2, 64)),
    stream = "cpu", limit = 1e9, dims = 2L, weight = mlx_ones(c(1, 1, 1)), input = mlx_ones(c(1, 3, 1))
  )
  if (name %in% names(special)) return(special[[name]])
  common[[name]]
}

# Functions that take the place of base R's: what they hand on to it has errors of its own.
is_mask <- function(name) {
  exists(name, baseenv(), inherits = FALSE) || name %in% getNamespaceExports("stats")
}

# The calls of one function: list(argument, value's name, call's arguments).
hostile_calls <- function(fn, special = list(), first = 1L, values = hostile_values()) {
  arguments <- setdiff(names(formals(fn)), ".local_envir")
  valid <- list()
  for (name in setdiff(arguments, "...")) {
    value <- valid_argument(name, special)
    needed <- identical(formals(fn)[[name]], rlang::missing_arg())
    if (needed && is.null(value)) value <- as_mlx(c(0.5, 0.25))
    if (needed || name %in% names(special)) valid[[name]] <- value
  }
  dots <- if ("..." %in% names(special)) special[["..."]] else list(as_mlx(c(1, 2)))
  with_dots <- "..." %in% arguments
  calls <- list()
  for (k in seq_along(arguments)[seq_along(arguments) >= first]) {
    name <- arguments[k]
    for (label in names(values)) {
      if (name == "...") {
        given <- c(valid, list(values[[label]]))
      } else {
        given <- valid
        given[name] <- list(values[[label]])
        if (with_dots && k > match("...", arguments)) given <- c(dots, given)
      }
      calls[[length(calls) + 1L]] <- list(argument = name, value = label, given = given)
    }
  }
  calls
}

# Takes rlang's abort() from rmlx's code: its backtraces and layout, which nothing here reads, would take
# five sixths of the time.
raise_plainly <- function() {
  imports <- parent.env(asNamespace("rmlx"))
  unlockBinding("abort", imports)
  assign("abort", function(message, class, call, ...) {
    message <- paste(message, collapse = "\n")
    stop(structure(class = c(class, "error", "condition"), list(message = message, call = call)))
  }, imports)
}

# Runs the calls of the functions named (methods as "generic.mlx") and prints what came back wrong,
# at the end the count; called in a process of its own, from its top level: where the stack of calls
# is short, an error takes a tenth of the time. Writes what it is about to do to `log`.
run_hostile <- function(functions, specials, log) {
  values <- hostile_values()
  con <- file(log, "w")
  options(warn = -1)
  raise_plainly()
  .Call(rmlx:::C_wrap__memory_set_limit, 1e9) # so that huge sizes are refused at once
  inside <- "/src/|[.]rs\\b|[.]cpp|panick|unwrap|std::|_ptr"
  found <- character()
  count <- 0L
  setwd(tempdir()) # for what is saved under hostile names
  sink(nullfile())
  sink(file(nullfile(), "w"), type = "message")
  for (name in functions) {
    method <- grepl("[.]mlx$", name)
    fn <- if (method) get(name, asNamespace("rmlx")) else getExportedValue("rmlx", name)
    if (is.null(formals(fn))) next
    for (call in hostile_calls(fn, specials[[name]], if (method) 2L else 1L, values)) {
      what <- paste0(name, ": ", call$argument, " = ", call$value)
      writeLines(what, con)
      flush(con)
      error <- tryCatch(hostile_call(fn, call$given), error = identity)
      mlx_device("cpu")
      options(rmlx.dtype = NULL)
      .Call(rmlx:::C_wrap__memory_set_limit, 1e9)
      count <- count + 1L
      if (is.null(error)) next
      if (!inherits(error, "rmlx_error")) {
        # R's own limit of memory
        if (startsWith(conditionMessage(error), "cannot allocate vector of size")) next
        if (!is_mask(name)) found <- c(found, paste0("not classed: ", what, ": ", conditionMessage(error)))
      } else if (grepl(inside, conditionMessage(error))) {
        found <- c(found, paste0("shows its insides: ", what, ": ", conditionMessage(error)))
      }
    }
  }
  sink(type = "message")
  sink()
  close(con)
  writeLines(c(found, paste(count, "hostile calls ended")))
}

# What is large is not worth its time.
hostile_call <- function(fn, arguments) {
  out <- do.call(fn, arguments, quote = TRUE)
  leaves <- if (is_mlx(out)) list(out) else if (is.list(out)) Filter(is_mlx, out)
  mlx_eval(Filter(function(leaf) mlx_nbytes(leaf) < 1e6, leaves))
  NULL
}
