# What a function finds outside of its arguments, and whether that is as it was: variables, through
# closures, lists and environments.
#
# A slot is one thing to look up: `frame`, `name`; `how`: 0 a variable, also further out, 1 likewise
# a function, 2 a variable of that frame, 3 the number of the frame's variables; `state`: whether it is the
# user's to change. Its value before and after a run tells what the run changed.

# The slots of functions and environments, and the bindings that the functions may assign. `state`: frames
# that are the user's to change.
captures <- function(roots, state = list()) {
  slots <- list()
  targets <- list()
  mentions <- character()
  fields <- character()
  generics <- list()
  givers <- list()
  seen <- new.env(parent = emptyenv())
  is_new <- function(...) {
    key <- paste(..., sep = "\r")
    fresh <- is.null(seen[[key]])
    if (fresh) assign(key, TRUE, seen)
    fresh
  }
  classes <- implicit_classes
  # `frame`: where the value was found, which tells what code in it may mean.
  look_at <- function(value, frame = NULL) {
    if (is.object(value)) classes <<- union(classes, class(value))
    if (isTRUE(attr(value, "compiled"))) {
      look_at(environment(value)$self$f)
    } else if (is.function(value)) {
      if (!is.primitive(value) && is_own(value)) look_at_function(value)
    } else if (is.environment(value)) {
      if (!is_foreign(value)) look_at_frame(as.environment(value)) # a reference object is one within S4's
    } else if (is_plain_list(value)) {
      for (element in unclass(value)) if (!missing(element)) look_at(element, frame)
    } else if (is.language(value)) {
      look_at_code(value, frame)
    } else if (is.character(value) && !is.null(frame)) {
      look_at_names(value, frame)
    }
    look_at_attributes(value, frame)
  }
  look_at_attributes <- function(value, frame) {
    parts <- if (!is_definition(value)) attributes(value)
    for (part in parts[setdiff(names(parts), plain_attributes)]) if (!is.atomic(part)) look_at(part, frame)
  }
  # Code that a variable holds may be run by eval().
  look_at_code <- function(code, frame) {
    homes <- c(frame, if (inherits(code, "formula")) environment(code))
    if (is.expression(code)) code <- as.call(c(list(as.name("{")), as.list(code)))
    for (home in homes) look_at_function(as.function(list(code), envir = home))
  }
  # Strings may be names of functions and variables: do.call(name, list(x)).
  look_at_names <- function(names, frame) {
    for (name in unique(names[!is.na(names) & nzchar(names) & nchar(names, "bytes") < 1000L])) {
      at <- frame_of(name, frame)
      if (!is.null(at) && !is_lazy(at, name)) add(frame, name, 0L, at)
    }
  }
  add <- function(frame, name, how, at = frame, is_state = FALSE) {
    if (!is_new(rlang::obj_address(frame), how, name)) return(NULL)
    slot <- list(frame = frame, name = name, how = how, at = at, state = is_state)
    slot <- c(slot, value_of(slot, force = how == 0L && !is.null(at) && !leaves_function(promised(at, name))))
    if (slot$missing) return(NULL)
    slots[[length(slots) + 1L]] <<- slot
    if (slot$bound && how != 3L) look_at(slot$value, if (how == 0L) frame)
  }
  look_at_function <- function(fn) {
    frame <- environment(fn)
    if (!is_new(rlang::obj_address(frame), rlang::obj_address(body(fn)), "code")) return(NULL)
    used <- names_used(fn)
    mentions <<- union(mentions, used$mentions)
    for (name in used$reads) add(frame, name, 0L, frame_of(name, frame))
    for (name in used$calls) {
      at <- frame_of(name, frame)
      if (!is.null(at) && !is_lazy(at, name) && !is.function(get0(name, at, inherits = FALSE))) add(frame, name, 1L)
    }
    for (name in used$writes) {
      at <- frame_of(name, frame) %||% globalenv()
      if (!is_state(at)) targets[[length(targets) + 1L]] <<- list(frame = at, name = name)
    }
    for (constant in used$constants) look_at(constant)
    classes <<- union(classes, used$reads) # strings among them may be classes
    fields <<- union(fields, used$fields)
    if (any(environment_givers %in% used$reads)) givers[[length(givers) + 1L]] <<- frame
    look_at_methods(used$calls, frame)
    for (name in used$generics) generics[[length(generics) + 1L]] <<- list(name = name, frame = frame)
  }
  # Methods of what is called, which R finds without their names.
  look_at_methods <- function(calls, frame) {
    heads <- c(paste0(c(calls, group_generics), "."), paste0(".__T__", c(calls, group_generics), ":"))
    while (!identical(frame, emptyenv())) {
      if (!is_foreign(frame) || identical(frame, globalenv())) {
        names <- ls(frame, all.names = TRUE)
        for (name in names[base::vapply(names, function(name) any(startsWith(name, heads)), NA)]) {
          if (!is_lazy(frame, name)) look_at_method(get0(name, frame, inherits = FALSE), name, frame)
        }
      }
      frame <- parent.env(frame)
    }
  }
  look_at_method <- function(value, name, frame) {
    if (is.function(value) || is.environment(value)) add(frame, name, 0L, frame)
  }
  is_state <- function(frame) is_among(frame, state)
  look_at_frame <- function(frame) {
    if (!is_new(rlang::obj_address(frame), "frame")) return(NULL)
    add(frame, "", 3L, is_state = is_state(frame))
    for (name in ls(frame, all.names = TRUE, sorted = TRUE)) add(frame, name, 2L, is_state = is_state(frame))
  }
  for (frame in state) look_at_frame(frame)
  for (root in roots) look_at(root)
  repeat {
    n <- length(slots)
    # methods that are not there yet
    for (generic in generics) {
      for (name in paste0(generic$name, ".", classes)) add(generic$frame, name, 0L, frame_of(name, generic$frame))
    }
    # what the element `k` of an environment without a name may be
    for (frame in givers) for (name in fields) add(frame, name, 0L, frame_of(name, frame))
    if (length(slots) == n) break
  }
  for (i in seq_along(targets)) {
    slot <- c(targets[[i]], list(how = 2L, at = targets[[i]]$frame, state = FALSE))
    targets[[i]] <- c(slot, value_of(slot))
  }
  list(slots = slots, targets = targets, mentions = mentions)
}

# The classes that dispatch knows without a class attribute, ours and the default among them.
implicit_classes <- c("mlx", "default", "matrix", "array", "integer", "double", "numeric", "logical", "complex",
                      "character", "list", "function", "environment", "NULL")

group_generics <- c("Ops", "Math", "Summary", "Complex", "Arith", "Compare", "Logic")

# Attributes that hold nothing but plain values, or no more than a function's own text.
plain_attributes <- c("names", "dim", "dimnames", "class", "row.names", "levels", "tsp", "srcref", "srcfile",
                      "wholeSrcref", ".xData", ".Environment")

# Whether a value is S4's own description of a class or of a method's signature, large and never an input.
is_definition <- function(value) {
  isS4(value) && (is.function(value) || inherits(value, c("classRepresentation", "refObjectGenerator")))
}

# What a slot holds now. A promise that nobody has looked at yet stays one, unless it is forced.
value_of <- function(slot, force = FALSE) {
  nothing <- list(value = NULL, bound = FALSE, lazy = FALSE, missing = FALSE)
  if (slot$how == 3L) return(list(value = length(slot$frame), bound = TRUE, lazy = FALSE, missing = FALSE))
  at <- if (slot$how == 2L) slot$frame else frame_of(slot$name, slot$frame)
  if (slot$how == 1L) {
    found <- get0(slot$name, slot$frame, mode = "function")
    return(if (is.null(found)) nothing else list(value = found, bound = TRUE, lazy = FALSE, missing = FALSE))
  }
  if (is.null(at) || !exists(slot$name, at, inherits = FALSE)) return(nothing)
  if (!force && is_lazy(at, slot$name)) return(list(value = NULL, bound = TRUE, lazy = TRUE, missing = FALSE))
  # an argument that was not given, or a promise or active binding that fails
  value <- tryCatch(list(get(slot$name, at, inherits = FALSE)), error = function(e) NULL)
  if (is.null(value)) return(list(value = NULL, bound = TRUE, lazy = FALSE, missing = TRUE))
  c(list(value = value[[1L]]), list(bound = TRUE, lazy = FALSE, missing = FALSE))
}

# The frame, from this one outward, that has a variable.
frame_of <- function(name, frame) {
  while (!identical(frame, emptyenv())) {
    if (exists(name, frame, inherits = FALSE)) return(frame)
    frame <- parent.env(frame)
  }
  NULL
}

is_lazy <- function(frame, name) {
  !is_foreign(frame) && name != "..." && isTRUE(unname(rlang::env_binding_are_lazy(frame, name)))
}

# The code of a promise, which may be to leave a function: callCC() makes such.
promised <- function(frame, name) eval(call("substitute", as.name(name)), frame)

# Whether an environment belongs to a package, or is everybody's.
is_foreign <- function(frame) {
  isNamespace(frame) || identical(frame, globalenv()) || identical(frame, baseenv()) || identical(frame, emptyenv()) ||
    !is.null(attr(frame, "name")) && grepl("^(package|imports):", attr(frame, "name"))
}

# Whether a function is not simply part of a package.
is_own <- function(fn) {
  frame <- environment(fn)
  identical(frame, globalenv()) || !is_foreign(frame)
}

# Whether two looks at a slot saw the same.
is_unchanged <- function(before, after) {
  if (before$bound != after$bound || before$lazy != after$lazy) return(FALSE)
  if (before$lazy || rlang::is_reference(before$value, after$value)) return(TRUE)
  plain <- function(x) is.atomic(x) && !is_mlx(x)
  plain(before$value) && plain(after$value) && identical(before$value, after$value)
}

# Whether a value is an array, or has some within lists, that are so and so.
has_arrays <- function(x, so = function(array) TRUE) {
  if (is_mlx(x)) return(!is.null(live_array(x)) && so(x))
  if (!is_node(x)) return(FALSE)
  for (element in unclass(x)) if (!missing(element) && has_arrays(element, so)) return(TRUE)
  FALSE
}

# The same of arrays that only stand for others.
is_abstract <- function(x) has_arrays(x, function(array) .Call(C_is_abstract, array))

# An array that was not freed; NULL for anything else.
live_array <- function(x) {
  if (is_mlx(x) && tryCatch(is.logical(.Call(C_is_abstract, x)), rmlx_error_freed = function(e) FALSE)) x
}

# Puts back what a run left of stand-ins in variables outside of the function: their names.
take_back <- function(slots) {
  names <- character()
  for (slot in slots) {
    if (slot$how %in% c(1L, 3L) || slot$state) next
    now <- value_of(slot)
    if (slot$lazy || is_unchanged(slot, now) || !now$bound || !is_abstract(now$value)) next
    names <- c(names, slot$name)
    at <- slot$at %||% slot$frame
    if (slot$bound) assign(slot$name, slot$value, at) else rm(list = slot$name, envir = at)
  }
  # what is new in a frame
  for (slot in slots) {
    if (slot$how != 3L || slot$state || length(slot$frame) == slot$value) next
    for (name in setdiff(ls(slot$frame, all.names = TRUE), names_in(slots, slot$frame))) {
      if (is_lazy(slot$frame, name) || !is_abstract(get0(name, slot$frame, inherits = FALSE))) next
      names <- c(names, name)
      rm(list = name, envir = slot$frame)
    }
  }
  unique(names)
}
