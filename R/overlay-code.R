# What the code of a function says about the overlay that it needs.

# What stands in the rewritten copy of a function's code:
#   for (v in x)     for (v in .mlx_elements(x))
#   x[i] <- v        x[i] <- .mlx_value(v, "x", "["): this turns x into an array first, if v is traced
#   x$a[i] <- v      .mlx_part(x$a, i) <- v
# `[<-` itself is left alone: R's own changes vectors in place, a function of ours would copy them.
code_functions <- function() {
  list(.mlx_elements = loop_elements, .mlx_value = value_for, `.mlx_part<-` = assign_part,
       `.mlx_element<-` = assign_element)
}

# Of a function's code, found once for each body:
#   uses, heads  the names in it, and those of them that are called
#   own          names that it binds itself
#   outer        names that it assigns by `<<-`
#   generics     names of generics that it is or has, by UseMethod()
#   code         its body rewritten; NULL if there is nothing to rewrite
survey_of <- function(f) {
  code <- body(f)
  address <- obj_address(code)
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
  notes$rewritten <- FALSE
  for (default in formals(f)) if (!missing(default)) read_part(default, notes)
  note("own", names(formals(f)), notes)
  code <- read_part(body(f), notes)
  out <- lapply(mget(c("uses", "heads", "own", "outer", "generics"), envir = notes), unique)
  out$uses <- setdiff(out$uses, syntax)
  c(out, list(code = if (notes$rewritten) code))
}

# What nobody defines anew. (`%*%` and its like are functions.)
syntax <- c("{", "(", "[", "[[", "$", "@", "<-", "=", "<<-", "+", "-", "*", "/", "^", "%%", "%/%", "<", ">", "<=",
            ">=", "==", "!=", "!", "&", "&&", "|", "||", ":", "~", "if", "for", "while", "repeat", "break", "next",
            "function", "return")

note <- function(kind, names, notes) notes[[kind]] <- c(notes[[kind]], names)

# Notes what a piece of code uses, and gives it back rewritten.
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
  head <- head_of(x)
  if (head %in% c("::", ":::")) {
    if (length(x) == 3L && as.character(x[[3L]]) %in% overlay_names()) read_head("::", notes)
    return(x)
  }
  if (nzchar(head) && !is_dispatched(x, head)) read_head(head, notes)
  if (head == "UseMethod" && length(x) > 1L && is.character(x[[2L]])) note("generics", x[[2L]], notes)
  if (head %in% assignments && length(x) == 3L) read_target(x[[2L]], head, notes)
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
  if (head %in% assignments && length(x) == 3L) x <- rewrite_assignment(x, head, notes)
  if (head == "for" && length(x) == 4L) {
    note("own", as.character(x[[2L]]), notes)
    if (!counts_positions(x[[3L]])) {
      notes$rewritten <- TRUE
      x[[3L]] <- call(".mlx_elements", x[[3L]])
    }
  }
  x
}

read_head <- function(name, notes) {
  note("uses", name, notes)
  note("heads", name, notes)
}

assignments <- c("<-", "=", "<<-")

# An assignment into a part of something, which may be plain while the value is traced.
rewrite_assignment <- function(x, operator, notes) {
  target <- x[[2L]]
  if (!is.call(target) || length(target) < 2L) return(x)
  accessor <- match(head_of(target), c("[", "[["))
  whole <- target[[2L]]
  if (is.na(accessor)) return(x)
  if (is.name(whole) || is.character(whole)) {
    x[[3L]] <- as.call(c(as.name(".mlx_value"), x[[3L]], as.character(whole), head_of(target),
                         if (operator == "<<-") TRUE))
  } else if (head_of(whole) %in% c("[", "[[", "$", "@")) {
    target[[1L]] <- as.name(c(".mlx_part", ".mlx_element")[[accessor]])
    x[[2L]] <- target
  } else {
    return(x) # as in names(x)[2], whose values are no numbers
  }
  notes$rewritten <- TRUE
  x
}

head_of <- function(x) if (is.call(x) && is.name(x[[1L]])) as.character(x[[1L]]) else ""

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
  head <- head_of(x)
  if (head %in% c("(", "rev")) return(length(x) == 2L && counts_positions(x[[2L]]))
  head %in% c(":", "seq_len", "seq_along", "names", "colnames", "rownames", "levels")
}
