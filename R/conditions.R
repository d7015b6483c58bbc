# Errors and warnings: all of class rmlx_error (or rmlx_warning) plus a subclass, with the user's
# own call.

#' @noRd
rmlx_abort <- function(message, class, call = user_call(), ...) {
  call <- call # found from here, not from within abort()
  abort(message, class = c(paste0("rmlx_error_", class), "rmlx_error"), call = call, ...)
}

#' @noRd
rmlx_warn <- function(message, class, call = user_call()) {
  call <- call
  warn(message, class = c(paste0("rmlx_warning_", class), "rmlx_warning"), call = call)
}

# What the user wrote that led here: the outermost call of the chain of rmlx's and base R's own
# functions, each called by the next. If there is none, a primitive such as `c` read an mlx vector: it
# has no frame, so the statement is found by its source, if R kept it.
user_call <- function() {
  i <- sys.nframe() - 1L
  while (i > 0L && isTRUE(attr(sys.function(i), "raises"))) i <- i - 1L
  if (i == 0L) return(NULL)
  if (!is_inner(sys.function(i))) {
    return(statement(sys.function(i), attr(sys.call(i + 1L), "srcref")) %||% tidy_call(sys.call(i)))
  }
  parents <- sys.parents()
  found <- i
  relays <- FALSE # whether the function that eval() runs is ours, standing for the user's
  repeat {
    relays <- relays && is_evaluator(sys.function(i)) || isTRUE(attr(sys.function(i), "relays"))
    i <- if (parents[i] < i) parents[i] else 0L
    if (i == 0L || !is_inner(sys.function(i)) || is_evaluator(sys.function(i)) && !relays) break
    found <- i
  }
  at <- written_frame(found, i, parents)
  call <- call_at(at)
  if (is_spliced(call)) {
    around <- Filter(function(k) parents[k] == i, seq_len(at - 1L))
    around <- lapply(around[around > i], function(k) tidy_call(sys.call(k)))
    body <- if (i > 0L) list(body(sys.function(i)))
    call <- written_call(call, c(around, body)) %||% named_values(sys.call(at), sys.frame(i))
  }
  # neither is the user's own: match() has C code call mtfrm(), and R runs `x[1] <- 2` in pieces
  match <- identical(call[[1L]], quote(mtfrm))
  if (i > 0L && (match || is_piece(call))) {
    # a method's frame has the source of its generic, which has the statement's
    frames <- Filter(function(k) parents[k] == i, seq.int(at, i + 1L))
    written <- NULL
    for (k in frames) written <- written %||% statement(sys.function(i), attr(sys.call(k), "srcref"))
    call <- written %||% if (match) tidy_call(sys.call(i)) else call
  }
  call
}

# The frame whose call stands in the user's code, of those that lead to frame i and run in the user's
# frame `user`: a method's call is R's copy of the generic's, and lm() has model.frame() called for it.
# But `tryCatch(as.numeric(x))` contains the call that failed, and eval() runs code from elsewhere.
written_frame <- function(i, user, parents) {
  call <- call_at(i)
  if (is_piece(call)) return(i) # of a statement of the user's, which may stand within other calls
  for (k in seq.int(i - 1L, user, by = -1L)) {
    if (k <= user || !is_inner(sys.function(k))) break
    if (parents[k] != user) next
    outer <- tidy_call(sys.call(k))
    if (is_evaluator(sys.function(k)) || contains_call(outer, call)) break
    call <- outer
    i <- k
  }
  i
}

# The call of a frame, without the argument that R adds where it puts values into calls of sum() and its like.
call_at <- function(i) {
  call <- tidy_call(sys.call(i))
  if (is_spliced(call) && isFALSE(call$na.rm)) call$na.rm <- NULL
  call
}

# Whether a call is a step of an assignment such as `x[1] <- 2`, which R runs on a variable `*tmp*`.
is_piece <- function(call) length(call) > 1L && identical(call[[2L]], quote(`*tmp*`))

# Whether a function of base R runs code that its caller did not write there. R shows two frames for
# eval(), the second as that of a primitive; other primitives have one while they find a method.
is_evaluator <- function(fn) {
  if (is.primitive(fn)) return(identical(deparse(fn), ".Primitive(\"eval\")"))
  for (known in list(eval, evalq, sys.source, source, withVisible)) if (identical(fn, known)) return(TRUE)
  FALSE
}

contains_call <- function(x, call) length(matching_calls(x, call)) > 0L

# The calls within x that may have become `call`.
matching_calls <- function(x, call) {
  if (!is.call(x)) return(list())
  found <- list()
  for (part in as.list(x)) {
    if (missing(part) || !is.call(part)) next
    same <- identical(part, call) ||
      is_spliced(call) && identical(part[[1L]], call[[1L]]) && length(part) == length(call)
    found <- c(found, if (same) list(part), matching_calls(part, call))
  }
  unique(found)
}

# Whether R put values into a call, as it does for methods of sum() and its like.
is_spliced <- function(call) is.call(call) && any(vapply(as.list(call)[-1L], identical, NA, as.name("<mlx>")))

# What stands in the code for a call that R put values into, if there is but one candidate.
written_call <- function(call, code) {
  for (piece in code) {
    found <- matching_calls(as.call(list(as.name("("), piece)), call)
    if (length(found) == 1L) return(tidy_call(found[[1L]]))
  }
  NULL
}

# A call with the names of variables of the frame for the arrays that R put into it.
named_values <- function(call, frame) {
  names <- setdiff(ls(frame, all.names = TRUE, sorted = FALSE), "...")
  names <- names[!rlang::env_binding_are_lazy(frame, names) & !rlang::env_binding_are_active(frame, names)]
  for (i in seq_along(call)[-1L]) {
    if (!is_mlx(call[[i]])) next
    for (name in names) {
      value <- tryCatch(get(name, frame), error = function(e) NULL) # a missing argument
      if (rlang::is_reference(call[[i]], value)) {
        call[[i]] <- as.name(name)
        break
      }
    }
  }
  if (isFALSE(call$na.rm)) call$na.rm <- NULL
  tidy_call(call)
}

base_packages <- c("base", "compiler", "datasets", "graphics", "grDevices", "grid", "methods",
                   "parallel", "splines", "stats", "stats4", "tcltk", "tools", "utils")

# Whether a function belongs to rmlx or to R itself.
is_inner <- function(fn) {
  if (is.primitive(fn)) return(TRUE)
  home <- topenv(environment(fn))
  identical(home, topenv()) || environmentName(home) %in% base_packages
}

# The statement of a function at a place in its source, as a call; NULL if it cannot be told.
statement <- function(fn, at) {
  whole <- attr(fn, "srcref")
  if (is.null(at) || is.null(whole) || !identical(attr(at, "srcfile"), attr(whole, "srcfile")) ||
        at[[1L]] < whole[[1L]] || at[[3L]] > whole[[3L]] || identical(at[1:4], whole[1:4])) {
    return(NULL)
  }
  text <- as.character(at, useSource = TRUE)
  parsed <- tryCatch(parse(text = text, keep.source = FALSE), error = function(e) NULL)
  if (length(parsed) == 1L && is.call(parsed[[1L]]) && !identical(parsed[[1L]][[1L]], as.name("{"))) {
    parsed[[1L]]
  }
}

# A call as people write it: the generic's name instead of the method's, and no values spliced into
# it (do.call() does that), since they may be huge, or traced.
tidy_call <- function(x) {
  if (is.call(x)) {
    attr(x, "srcref") <- NULL
    if (is.name(x[[1L]])) {
      name <- sub("\\.mlx$", "", as.character(x[[1L]]))
      x[[1L]] <- as.name(if (name == "as.double") "as.numeric" else name)
    }
    for (i in seq_along(x)) {
      part <- x[[i]]
      if (!missing(part) && !is.name(part)) {
        tidied <- tidy_call(part)
        if (!is.null(tidied)) x[[i]] <- tidied
      }
    }
    return(x)
  }
  if (is_mlx(x)) return(as.name("<mlx>"))
  if (is.function(x)) return(as.name("<function>"))
  if (is.environment(x) || length(x) > 3L) return(as.name(paste0("<", class(x)[[1L]], ">")))
  x
}

# Called by the native code, which knows what went wrong but not who asked.
raise_native <- structure(
  function(message, class) {
    kind <- sub("^rmlx_error_", "", class)
    call <- user_call()
    if (kind == "tape") message <- tape_message(call, message)
    rmlx_abort(message, kind, call = call)
  },
  raises = TRUE
)

# A call in which `...` stands for the bodies, in braces, of functions.
without_bodies <- function(x) {
  if (!is.call(x)) return(x)
  if (identical(x[[1L]], quote(`function`))) {
    if (is.call(x[[3L]]) && identical(x[[3L]][[1L]], quote(`{`))) x[[3L]] <- quote(...)
    return(x[1:3])
  }
  for (i in seq_along(x)) if (is.call(x[[i]])) x[[i]] <- without_bodies(x[[i]])
  x
}

# One short line of a call.
short_call <- function(call) {
  lines <- deparse(without_bodies(call), width.cutoff = 500L, nlines = 4L)
  text <- paste(trimws(lines), collapse = " ")
  if (nchar(text) > 80L) paste0(substr(text, 1L, 77L), "...") else text
}

# The innermost transformation that is being run, as the user wrote it.
running_transform <- function() {
  namespace <- topenv()
  for (i in rev(seq_len(sys.nframe()))) {
    fn <- sys.function(i)
    if (!is.primitive(fn) && isTRUE(attr(fn, "transforms")) &&
          identical(topenv(environment(fn)), namespace)) {
      return(short_call(tidy_call(sys.call(i))))
    }
  }
  NULL
}

# Called by the native code when base R code reads values and options(rmlx.host_reads) is set.
on_silent_read <- structure(
  function(how) {
    if (identical(how, "allow")) return(NULL)
    text <- paste0(
      "base R code read the values of an mlx array: this work is done in R, not in MLX. ",
      "(options(rmlx.host_reads = \"allow\") permits it.)"
    )
    call <- user_call()
    if (identical(how, "error")) rmlx_abort(text, "host_read", call = call)
    if (!identical(how, "warn")) {
      rmlx_abort("options(rmlx.host_reads = ) must be \"allow\", \"warn\" or \"error\".", "argument", call = call)
    }
    rmlx_warn(text, "host_read", call = call)
    NULL
  },
  raises = TRUE
)

# Where on_spread() has warned already: a loop need not hear it again.
spread_at <- new.env(parent = emptyenv())

# Called by the native code when a plain vector of n numbers meets one column of m: base R would pair
# them, and broadcasting gives m x n.
on_spread <- structure(
  function(first, n, m) {
    if (isFALSE(getOption("rmlx.warn_broadcast"))) return(NULL)
    call <- user_call()
    key <- paste(short_call(call), n, m)
    if (exists(key, spread_at, inherits = FALSE)) return(NULL)
    assign(key, TRUE, spread_at)
    operands <- if (is.call(call) && length(call) == 3L) as.list(call)[-1L]
    vector <- if (is.null(operands)) "a vector" else paste0("`", short_call(operands[[if (first) 1L else 2L]]), "`")
    rmlx_warn(
      c(paste0(vector, " (length ", n, ") beside an array of shape ", m, " x 1 gives ", m, " x ", n,
               ": shapes broadcast from the last axis."),
        i = paste0("For one column use matrix(y, ncol = 1) or cbind(y); mlx_squeeze() drops the axis. ",
                   "(options(rmlx.warn_broadcast = FALSE) silences this.)")),
      "broadcast", call = call
    )
  },
  raises = TRUE
)
