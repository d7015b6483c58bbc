# Which variables outside of a function its code uses: what a compiled function has to watch.

# The free variables of a function, a list of character vectors:
# `reads`: variables that it may find outside of itself, if they are there;
# `calls`: the same of functions, where a variable of that name may be something else;
# `writes`: targets of `<<-`;
# `mentions`: names whose values decide anything, of variables or elements. `n <<- n + 1` alone, or
#   `env$n <- env$n + 1`, mentions no n;
# `fields`: names after `$` and `@`;
# `generics`: those that it is, by UseMethod();
# `constants`: functions and environments within the code itself.
#
# A local variable counts as one only where it has surely been assigned before.
names_used <- function(fn) {
  found <- list(reads = character(), calls = character(), writes = character(), mentions = character(),
                generics = character(), fields = character(), constants = list())
  note <- function(kind, name) found[[kind]] <<- c(found[[kind]], name)
  # `self`: what is being assigned from outside of the function. The result: variables that are local
  # afterwards.
  walk <- function(x, local, self = NULL) {
    if (is.name(x)) {
      variable(as.character(x), local, self)
      return(local)
    }
    if (is.character(x)) {
      # may be the name of a variable or a function: get("x"), Map("f", ...)
      for (text in x[!is.na(x) & nzchar(x) & nchar(x, "bytes") < 1000L]) variable(text, local, self)
      return(local)
    }
    if (is.function(x) || is.environment(x)) found$constants <<- c(found$constants, list(x))
    if (!is.call(x) || identical(x, self)) return(local)
    head <- x[[1L]]
    if (!is.name(head)) {
      for (part in as.list(x)) if (!missing(part)) walk(part, local, self)
      return(local)
    }
    name <- as.character(head)
    step <- steps[[name]]
    if (is.null(step)) {
      if (!name %in% grammar) called(name, local)
      step <- arguments
    }
    step(x, local, self)
  }
  variable <- function(name, local, self) {
    if (!nzchar(name) || name == "..." || name %in% local || identical(name, self)) return(NULL)
    note("reads", name)
    note("mentions", name)
  }
  called <- function(name, local) {
    if (name %in% local) return(note("calls", name)) # a local variable need not be a function
    note("reads", name)
    note("calls", name)
    note("mentions", name)
  }
  # Arguments may be evaluated in whatever order, or not at all.
  arguments <- function(x, local, self) {
    for (part in as.list(x)[-1L]) if (!missing(part)) walk(part, local, self)
    local
  }
  assignment <- function(x, local, self) {
    target <- x[[2L]]
    if (is.character(target)) target <- as.name(target)
    if (is.name(target)) {
      local <- walk(x[[3L]], local, self)
      return(union(local, as.character(target)))
    }
    base <- base_of(target)
    # of an element of something outside, like env$n
    local <- walk(x[[3L]], local, if (is.null(base) || base %in% local) self else target)
    places(target, local)
    if (is.null(base)) local else union(local, base)
  }
  superassignment <- function(x, local, self) {
    target <- x[[2L]]
    base <- if (is.character(target)) target else base_of(target)
    local <- walk(x[[3L]], local, base)
    if (is.call(target)) places(target, local, base)
    if (!is.null(base)) note("writes", base)
    local
  }
  # What an assignment to f(g(x, i), j) uses, apart from the element that it replaces.
  places <- function(target, local, self = NULL) {
    while (is.call(target)) {
      name <- name_of(target[[1L]])
      if (nzchar(name)) called(paste0(name, "<-"), local)
      plain <- name %in% c("$", "@") || name == "[[" && length(target) == 3L && is.character(target[[3L]])
      if (!plain) for (part in as.list(target)[-(1:2)]) if (!missing(part)) walk(part, local, self)
      target <- target[[2L]]
    }
    name <- as.character(target)
    if (is.name(target) && !name %in% local && !identical(name, self)) note("reads", name)
  }
  # Constant text that is parsed.
  code_in_strings <- function(x, local, self) {
    for (text in as.list(x)[-1L]) {
      if (is.character(text)) for (code in tryCatch(str2expression(text), error = function(e) NULL)) walk(code, local)
    }
    arguments(x, local, self)
  }
  steps <- list(
    `{` = function(x, local, self) {
      for (part in as.list(x)[-1L]) local <- walk(part, local, self)
      local
    },
    `(` = function(x, local, self) walk(x[[2L]], local, self),
    `<-` = assignment,
    `=` = assignment,
    `<<-` = superassignment,
    `function` = function(x, local, self) {
      inner <- union(local, names(x[[2L]]))
      for (default in as.list(x[[2L]])) if (!missing(default)) walk(default, inner)
      walk(x[[3L]], inner)
      local
    },
    `if` = function(x, local, self) {
      local <- walk(x[[2L]], local, self)
      yes <- walk(x[[3L]], local, self)
      no <- if (length(x) > 3L) walk(x[[4L]], local, self) else local
      if (leaves_function(x[[3L]])) return(no)
      if (length(x) > 3L && leaves_function(x[[4L]])) return(yes)
      intersect(yes, no)
    },
    `for` = function(x, local, self) {
      local <- walk(x[[3L]], local, self)
      walk(x[[4L]], union(local, as.character(x[[2L]])), self)
      local
    },
    `while` = function(x, local, self) {
      local <- walk(x[[2L]], local, self)
      walk(x[[3L]], local, self)
      local
    },
    `repeat` = function(x, local, self) {
      walk(x[[2L]], local, self)
      local
    },
    `$` = function(x, local, self) {
      walk(x[[2L]], local, self)
      field(x[[3L]], local, self)
    },
    `@` = function(x, local, self) {
      walk(x[[2L]], local, self)
      field(x[[3L]], local, self)
    },
    UseMethod = function(x, local, self) {
      if (length(x) > 1L && is.character(x[[2L]])) note("generics", x[[2L]])
      arguments(x, local, self)
    },
    parse = code_in_strings,
    str2lang = code_in_strings,
    str2expression = code_in_strings,
    `::` = function(x, local, self) local,
    `:::` = function(x, local, self) local
  )
  field <- function(x, local, self) {
    if (is.name(x) || is.character(x)) {
      note("mentions", as.character(x))
      note("fields", as.character(x))
    } else {
      walk(x, local, self)
    }
    local
  }
  known <- c(names(formals(fn)), "...")
  for (default in as.list(formals(fn))) if (!missing(default)) walk(default, known)
  walk(body(fn), known)
  kinds <- c("reads", "calls", "writes", "mentions", "generics", "fields")
  c(lapply(found[kinds], unique), found["constants"])
}

# Which functions' names are R's grammar.
grammar <- c("{", "(", "<-", "=", "<<-", "if", "for", "while", "repeat", "function", "return", "break", "next", "&&",
             "||", "$", "@", "::", ":::")

# Functions and variables by which code gets at environments without the name of one of its own.
environment_givers <- c("environment", "parent.env", "parent.frame", "sys.frame", "sys.function", "globalenv",
                        ".GlobalEnv", "topenv", "as.environment", "pos.to.env", "current_env", "caller_env",
                        "global_env", "fn_env")

# The variable that an assignment to an element of it changes.
base_of <- function(target) {
  while (is.call(target)) target <- target[[2L]]
  if (is.name(target)) as.character(target)
}

# Whether code surely ends its function.
leaves_function <- function(x) {
  if (is.call(x) && identical(x[[1L]], quote(`{`)) && length(x) > 1L) x <- x[[length(x)]]
  is.call(x) && is.name(x[[1L]]) && as.character(x[[1L]]) %in% c("return", "stop", "next", "break")
}
