# What the code of a function says about the overlay that it needs.

# How the elements of a loop are asked for in the copy of a function.
loop_name <- ".mlx_elements"

# Of a function's code, found once for each body:
#   uses, heads  the names in it, and those of them that are called
#   own          names that it binds itself
#   outer        names that it assigns by `<<-`
#   generics     names of generics that it is or has, by UseMethod()
#   loops, code  whether it loops over something else than positions, and its body with such loops rewritten
survey_of <- function(f) {
  code <- body(f)
  address <- rlang::obj_address(code)
  entry <- seen[[address]]
  if (is.null(entry)) {
    if (length(seen) >= 256L) rm(list = ls(seen, sorted = FALSE), envir = seen)
    entry <- list(body = code, survey = read_code(f))
    assign(address, entry, envir = seen)
  }
  entry$survey
}

read_code <- function(f) {
  notes <- new.env(parent = emptyenv())
  for (kind in c("uses", "heads", "own", "outer", "generics")) notes[[kind]] <- character()
  notes$loops <- FALSE
  for (default in formals(f)) if (!missing(default)) read_part(default, notes)
  note("own", names(formals(f)), notes)
  code <- read_part(body(f), notes)
  out <- lapply(mget(c("uses", "heads", "own", "outer", "generics"), envir = notes), unique)
  c(out, list(loops = notes$loops, code = if (notes$loops) code))
}

note <- function(kind, names, notes) notes[[kind]] <- c(notes[[kind]], names)

# Notes what a piece of code uses, and gives it back with its loops rewritten.
read_part <- function(x, notes) {
  if (is.name(x)) {
    note("uses", as.character(x), notes)
  } else if (is.character(x) && length(x) == 1L && !is.na(x) && nzchar(x)) {
    note("uses", x, notes) # do.call("sum", ...), match.fun("sum")
  } else if (is.call(x)) {
    return(read_call(x, notes))
  }
  x
}

read_call <- function(x, notes) {
  head <- if (is.name(x[[1L]])) as.character(x[[1L]]) else ""
  if (head %in% c("::", ":::")) {
    if (length(x) == 3L && as.character(x[[3L]]) %in% overlay_names()) read_head("::", notes)
    return(x)
  }
  if (nzchar(head) && !is_dispatched(x, head)) read_head(head, notes)
  if (head == "UseMethod" && length(x) > 1L && is.character(x[[2L]])) note("generics", x[[2L]], notes)
  if (head %in% c("<-", "=", "<<-") && length(x) == 3L) read_target(x[[2L]], head, notes)
  if (head %in% c("quote", "bquote", "expression", "substitute", "~")) {
    # may be run by eval(), but is seen as data too
    note("uses", all.names(x), notes)
    return(x)
  }
  if (head == "function") {
    note("own", names(x[[2L]]), notes)
    for (default in as.list(x[[2L]])) if (!missing(default)) read_part(default, notes)
    body <- read_part(x[[3L]], notes)
    if (!is.null(body)) x[[3L]] <- body
    return(x)
  }
  for (i in seq.int(if (nzchar(head)) 2L else 1L, length.out = length(x) - nzchar(head))) {
    part <- x[[i]]
    if (missing(part) || is.null(part)) next
    x[[i]] <- read_part(part, notes)
  }
  if (head == "for" && length(x) == 4L) {
    note("own", as.character(x[[2L]]), notes)
    if (!counts_positions(x[[3L]])) {
      notes$loops <- TRUE
      x[[3L]] <- as.call(list(as.name(loop_name), x[[3L]]))
    }
  }
  x
}

read_head <- function(name, notes) {
  note("uses", name, notes)
  note("heads", name, notes)
}

# What assigning to a target calls, and which variable it sets.
read_target <- function(target, operator, notes) {
  while (is.call(target) && length(target) > 1L) {
    if (is.name(target[[1L]])) read_head(paste0(as.character(target[[1L]]), "<-"), notes)
    target <- target[[2L]]
  }
  if (is.name(target) || is.character(target)) {
    note(if (operator == "<<-") "outer" else "own", as.character(target), notes)
  }
}

# Whether R finds the method of a call by itself: these look at their first argument.
is_dispatched <- function(x, head) {
  head %in% c("c", "sum", "prod", "max", "min", "range") && length(x) == 2L && !identical(x[[2L]], quote(...))
}

# Whether a loop runs over plain values, by the look of it.
counts_positions <- function(x) {
  if (is.atomic(x)) return(TRUE)
  if (!is.call(x) || !is.name(x[[1L]])) return(FALSE)
  head <- as.character(x[[1L]])
  if (head %in% c("(", "rev")) return(length(x) == 2L && counts_positions(x[[2L]]))
  head %in% c(":", "seq_len", "seq_along", "names", "colnames", "rownames", "levels")
}
