# Functions written for R's own vectors, differentiated unchanged: a transformation calls a copy of the
# function in an enclosure of its own, in which base functions without methods know traced arrays.

#' Functions written for plain R vectors
#'
#' [mlx_grad()] and the other transformations take functions that were written for R's own vectors,
#' unchanged. Base R calls many functions without looking at the classes of all their arguments, or of any:
#' `out <- numeric(n); out[i] <- x[i]`, `c(0, x)`, `max(0, x)` or `dnorm(y, mu)` would read the values of
#' the array, which carry no gradient. So a transformation calls a copy of `f` whose enclosure lies over
#' that of `f`, and holds functions of the same names that know traced arrays. `f` itself, your workspace
#' and base R stay as they are.
#'
#' The same happens to the functions that `f` calls, and to those they call: functions in the enclosures of
#' `f` (the workspace, a function that made it), methods of your generics, functions in lists there, and
#' functions among the arguments. Functions of packages are left alone (if `f` belongs to a package
#' itself, its own package's are not), and so is whatever is no traced array: for plain values all
#' functions are base R's.
#'
#' @section What is overlaid:
#' - `x[i] <- v`, `x[[i]] <- v` and `diag(x) <- v` of plain vectors, matrices, arrays and lists: at the first traced
#'   value `x` becomes an mlx array of the dtype of `v`, with its names and dim (numbers that were there
#'   are constants, `NA` is NaN). Vectors grow as in base R. A matrix that became an mlx array in this
#'   way drops axes of extent 1 in `x[i, ]`, as R's matrices do.
#' - `for (v in x)`: `v` runs over the elements as arrays.
#' - `c()`, `append()`, `replace()`, `rep_len()`, `rep.int()`, `seq()`, `sum()`, `prod()`, `max()`,
#'   `min()`, `range()`, `solve()`, `backsolve()`, `forwardsolve()`, `qr.solve()`: also where
#'   the first argument is plain and a later one is not.
#' - Densities, distribution functions, quantile functions and draws of package stats: as
#'   [mlx_dnorm()] and its relatives compute them. Draws with traced parameters come from MLX's
#'   generator ([mlx_seed()]).
#' - `besselI()`, `besselJ()`, `mean.default()`, `Find()`, `Position()`, `Vectorize()`, `is.vector()`, `embed()`,
#'   `toeplitz()`; `findInterval()`, whose positions are constants.
#' - The functions of this package that have names of base R's (`ifelse()`, `sapply()`, `vapply()`, `Map()`,
#'   `Reduce()`, `mapply()`, `apply()`, `outer()`, `matrix()`, `array()`, `unlist()`, ...: see [masks]), where the
#'   package is not attached; written as `base::` or `stats::` too.
#' - A plain vector of n numbers beside an n x 1 array, as in `y - X %*% b`, is a column.
#'
#' @section What remains an error:
#' Taking plain numbers out of a traced array: `x[[i]]`, `as.numeric(x)`, `paste(x)`, or functions of
#' packages that read values. The error of class `rmlx_error_tape` says what to write instead.
#'
#' Arrays keep their own rules beside R's: shapes broadcast, `dim<-` is row-major, and `x[1, ]` of an
#' array that `f` was given is 1 x p.
#'
#' @section Switching it off:
#' `options(rmlx.overlay = FALSE)`: `f` is called as it is, and what is listed above is an error of class
#' `rmlx_error_tape` inside it.
#' @examples
#' ar1 <- function(p, y) {
#'   e <- numeric(length(y))
#'   e[1] <- y[1]
#'   for (t in 2:length(y)) e[t] <- y[t] - p[1] * y[t - 1]
#'   -sum(dnorm(e, 0, exp(p[2]), log = TRUE))
#' }
#' y <- c(0.3, 0.8, 0.1, -0.4)
#' mlx_value_grad(ar1, c(phi = 0.5, logsd = 0), y, argnums = 1)
#' @name mlx_overlay
NULL

# Whether functions get an overlay.
overlay_on <- function() {
  on <- getOption("rmlx.overlay", TRUE)
  if (!isTRUE(on) && !isFALSE(on)) rmlx_abort("options(rmlx.overlay = ) must be TRUE or FALSE.", "argument")
  on
}

# What was found of functions, by the addresses of their bodies; the bodies are kept, so that an address
# stays that of one body. What depends on an enclosure lives no longer than that.
seen <- new.env(parent = emptyenv())

# How many functions transformations called: what an enclosure holds is looked at anew for each.
overlay_state <- new.env(parent = emptyenv())
overlay_state$calls <- 0

# A function as a transformation calls it: itself if nothing that it uses is overlaid.
overlaid <- function(f) {
  overlay_state$calls <- overlay_state$calls + 1
  made <- found_overlay(f)
  if (!is.list(made)) return(made)
  g <- made$result
  .Call(C_remember_call, environment(f), list(f, g, names(formals(g)), environment(g), made$rests))
  g
}

overlay_of <- function(f) {
  made <- found_overlay(f)
  if (is.list(made)) made$result else made
}

# What a function is called as: that, or a lasting decision, see enclosed().
found_overlay <- function(f) {
  if (is.primitive(f)) return(stand_in(f) %||% f)
  address <- obj_address(body(f))
  known <- seen[[address]]$made
  made <- if (!is.null(known)) wref_value(known)
  if (!is.null(made) && identical(made$f, f) && still_holds(made)) return(made)
  if (is_of_package(f)) {
    other <- stand_in(f)
    if (!is.null(other) || is_inner(f)) return(other %||% f)
  }
  if (is_of_rmlx(f) || is_within_overlay(environment(f))) return(f)
  made <- enclosed(f)
  if (made$lasting) {
    survey_of(f) # has an entry for it
    seen[[address]]$made <- new_weakref(environment(f), made)
    return(made)
  }
  made$result
}

# Whether the names that a decision rests on still mean what they meant.
still_holds <- function(made) {
  for (part in made$rests) {
    if (!identical(get0(part[[1L]], part[[2L]]), part[[3L]])) return(FALSE)
  }
  TRUE
}

is_of_package <- function(f) {
  home <- environment(f)
  isNamespace(home) || identical(home, baseenv())
}

# Whether a function is one of ours, made by a transformation: what it calls is overlaid when it is called.
is_of_rmlx <- function(f) identical(topenv(environment(f)), topenv())

# Whether a function is an overlaid one, or was made by one: what it uses is overlaid already.
is_within_overlay <- function(home) {
  for (place in enclosures(home)) if (isTRUE(attr(place, "rmlx_overlay"))) return(TRUE)
  FALSE
}

# A value of the user's enclosures as an overlaid function finds it.
laid_over <- function(x) {
  if (is.function(x)) return(overlay_of(x))
  if (!holds_functions(x)) return(x)
  functions <- base::vapply(x, is.function, NA)
  x[functions] <- lapply(x[functions], overlay_of)
  x
}

holds_functions <- function(x) is.list(x) && !is.object(x) && any(base::vapply(x, is.function, NA))

# The environments from a function's enclosure on that are its user's: frames and the workspace, and a
# package's namespace if the function is that package's own.
enclosures <- function(home) {
  if (isNamespace(home)) return(list(home))
  found <- list()
  while (!isNamespace(home) && !identical(home, emptyenv()) && !identical(home, baseenv())) {
    found[[length(found) + 1L]] <- home
    if (identical(home, globalenv())) break
    home <- parent.env(home)
  }
  found
}

# Where a name is bound among some environments; NULL if nowhere.
place_of <- function(name, places) {
  if (name == "...") return(NULL) # arguments of an enclosing function, which no overlay changes
  for (place in places) if (exists(name, envir = place, inherits = FALSE)) return(place)
  NULL
}

# Whether a binding is looked at by its function alone: a promise that nobody needed, or an active one.
is_untouchable <- function(name, place) {
  bindingIsActive(as.name(name), place) || !identical(place, globalenv()) && env_binding_are_lazy(place, name)
}

# What the names that a function uses ask of its overlay:
#   fixed   functions of base R's, and ours that take their place
#   live    names of the user's that are looked up at each use
#   hidden  functions of ours whose name a variable of the user's has too
#   calls   the user's functions that are called
#   lasting whether all names were found; needed: whether there is more to overlay than `calls` may need
roles <- function(f, survey) {
  places <- enclosures(environment(f))
  out <- list(fixed = list(), live = character(), hidden = list(), calls = list(), lasting = TRUE,
              needed = !is.null(survey$code))
  out <- add_roles(out, survey$uses, places, f, survey)
  generics <- survey$generics
  for (g in out$calls) generics <- c(generics, survey_of(g)$generics)
  if (length(generics) > 0L) {
    methods <- methods_of(unique(generics), places)
    out <- add_roles(out, setdiff(methods$names, survey$uses), places, f, survey)
    out$live <- c(out$live, methods$numeric)
    out$needed <- out$needed || length(methods$numeric) > 0L
  }
  # `<<-` has to reach the user's variable
  for (name in intersect(names(out$fixed), survey$outer)) {
    out$live[[name]] <- name
    out$hidden[[name]] <- out$fixed[[name]]$ours
    out$fixed[[name]] <- NULL
    out$needed <- TRUE
  }
  out$needed <- out$needed || length(out$fixed) > 0L
  out
}

add_roles <- function(out, names, places, f, survey) {
  home <- environment(f)
  top <- if (length(places) == 0L) home else parent.env(places[[length(places)]])
  for (name in names) {
    place <- place_of(name, places)
    if (is.null(place)) {
      known <- get0(name, top, mode = "function")
      ours <- if (!is.null(known)) stand_in(known)
      if (is.null(known) && name %in% survey$heads && !name %in% survey$own) out$lasting <- FALSE
      if (!is.null(ours)) out$fixed[[name]] <- list(theirs = known, ours = ours)
      next
    }
    if (is_untouchable(name, place)) {
      out$live[[name]] <- name
      out$needed <- TRUE
      next
    }
    value <- get(name, envir = place)
    if (!is.function(value)) {
      known <- if (name %in% survey$heads) get0(name, home, mode = "function")
      ours <- if (!is.null(known)) stand_in(known)
      if (!is.null(ours)) out$hidden[[name]] <- ours
      if (!is.null(ours) || holds_functions(value)) {
        out$live[[name]] <- name
        out$needed <- TRUE
      }
    } else if (is.primitive(value) || is_of_package(value) && !identical(environment(value), home)) {
      ours <- stand_in(value)
      if (!is.null(ours)) out$fixed[[name]] <- list(theirs = value, ours = ours)
    } else {
      out$live[[name]] <- name
      out$calls[[name]] <- value
    }
  }
  out
}

# The methods of generics among the user's functions; and for a generic that has one for numbers, but none
# for mlx arrays, that one.
methods_of <- function(generics, places) {
  out <- list(names = character(), numeric = character())
  all <- base::unlist(lapply(places, ls, all.names = TRUE))
  for (generic in generics) {
    out$names <- c(out$names, all[startsWith(all, paste0(generic, "."))])
    numeric <- intersect(paste0(generic, c(".double", ".numeric")), all)
    ours <- paste0(generic, ".mlx")
    if (length(numeric) > 0L && !ours %in% all) out$numeric[[ours]] <- numeric[[1L]]
  }
  out
}

# A copy of f in an enclosure that overlays what f uses, or f itself where nothing is to be overlaid; with
# the bindings that this rests on.
enclosed <- function(f) {
  survey <- survey_of(f)
  found <- roles(f, survey)
  if (found$needed) return(list(
    f = f, result = with_overlay(f, survey, found), lasting = found$lasting, rests = bindings_of(f, found)
  ))
  # nothing here: is there among the functions that f calls, and those that these call?
  visited <- list(f)
  waiting <- list(list(f, found))
  rests <- list()
  lasting <- found$lasting
  while (length(waiting) > 0L) {
    at <- waiting[[1L]]
    waiting <- waiting[-1L]
    rests <- c(rests, bindings_of(at[[1L]], at[[2L]]))
    for (g in at[[2L]]$calls) {
      if (is_among(g, visited)) next
      visited[[length(visited) + 1L]] <- g
      inner <- roles(g, survey_of(g))
      if (inner$needed) {
        return(list(f = f, result = with_overlay(f, survey, found), lasting = found$lasting, rests = list()))
      }
      lasting <- lasting && inner$lasting
      waiting[[length(waiting) + 1L]] <- list(g, inner)
    }
  }
  list(f = f, result = f, lasting = lasting, rests = rests)
}

is_among <- function(x, others) {
  for (other in others) if (identical(x, other)) return(TRUE)
  FALSE
}

# The bindings that the roles of a function's names rest on: name, where to look, value.
bindings_of <- function(f, found) {
  home <- environment(f)
  out <- list()
  for (name in names(found$fixed)) out[[length(out) + 1L]] <- list(name, home, found$fixed[[name]]$theirs)
  for (name in names(found$calls)) out[[length(out) + 1L]] <- list(name, home, found$calls[[name]])
  out
}

with_overlay <- function(f, survey, found) {
  home <- environment(f)
  behind <- home
  if (length(found$hidden) > 0L) behind <- list2env(found$hidden, parent = home)
  over <- list2env(lapply(found$fixed, `[[`, "ours"), parent = behind)
  attr(over, "rmlx_overlay") <- TRUE
  if (!is.null(survey$code)) list2env(code_functions(), over)
  live <- as.list(found$live)
  for (name in names(live)) makeActiveBinding(name, live_binding(live[[name]], home), over)
  out <- f
  if (!is.null(survey$code)) {
    body(out, envir = over) <- survey$code
    attributes(out) <- attributes(f)
  } else {
    environment(out) <- over
  }
  out
}

# A binding for what a name means at `home` now; an assignment by `<<-` goes there.
live_binding <- function(name, home) {
  force(name)
  force(home)
  last <- NULL
  result <- NULL
  calls <- -1
  function(value) {
    if (!missing(value)) return(assign(name, value, envir = home, inherits = TRUE))
    now <- get(name, envir = home)
    if (!is.function(now) && !is.list(now)) return(now)
    if (calls != overlay_state$calls || !identical(now, last)) {
      result <<- laid_over(now)
      last <<- now
      calls <<- overlay_state$calls
    }
    result
  }
}
