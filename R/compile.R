# Functions that are run by MLX alone once their operations are known.

#' Compile a function
#'
#' `mlx_compile(f)` is `f`, run in R only once for arguments of one kind: this call leaves the graph of
#' its operations, which MLX optimises (it fuses elementwise operations, for example), and further calls
#' run the graph without entering R.
#'
#' @param f A function of arrays, nested lists of arrays and other values that returns an mlx array or a
#'   (nested) list of them.
#' @param shapeless Whether one graph serves for all extents of the arguments (their ranks still matter).
#'   `f` must then not depend on extents in R (`length(x)`, `nrow(x)`), which is checked, by a second run
#'   of `f`, when an extent changes for the first time; nor decide anything by them. Names are not kept.
#' @param state `NULL`, or an environment, or a nested list of environments, whose mlx arrays `f` may change.
#'   They are inputs of the graph and get their new values after each call (`inputs` and `outputs` of
#'   Python MLX's `compile`). Environments within count, too.
#' @param fn A function made by `mlx_compile()`.
#' @return `mlx_compile()`: a function of the arguments of `f`. It returns one array where `f` does, or
#'   returns a list of one, and else a list like that of `f`, with names and dimnames.
#'
#'   `mlx_compiled_info()`: an object of class `mlx_compiled_info`, a list of `traces` (a data frame with a row
#'   for each graph: the arguments' kinds, the number of operations in `f` and after optimisation, that of
#'   replays, whether random numbers are drawn, whether `f` read values of captured arrays), the numbers `traced`
#'   and `replayed` of calls that ran R and that did not, and the flags `shapeless` and `enabled`.
#'
#'   `mlx_disable_compile()` and `mlx_enable_compile()`: `NULL`, invisibly.
#' @section What makes `f` run again:
#' Arguments of another shape, dtype, device, list structure or other names; other values of arguments that are
#' no arrays (strings, functions, a single `TRUE` or `FALSE`, and what is no double in a list), which reach `f`
#' as they are, and so does a data frame. Other R numbers are converted by [as_mlx()]: give a number that decides
#' about R's own steps, such as the length of a loop, in a list and whole, `f(x, list(n = 3L))`.
#'
#' Also variables that `f`, or a function that it calls, finds outside of its arguments: another value makes
#' `f` run again, so that results are never those of old values. Arrays are then inputs of the graph
#' themselves: another one of the same kind is used without running `f` again, unless `f` looked at
#' its values. Not watched are the insides of packages, [options()] but `rmlx.dtype`, files, and variables
#' whose names are computed (`get(paste0("x", i))`).
#'
#' Random numbers are drawn anew in every call: the graph takes a key from R's generator, so that
#' [set.seed()] governs them. A function that draws from R's generator itself (`rnorm()`) runs
#' in R at every call, with a warning.
#'
#' @section What compiled functions cannot do:
#' While `f` runs its arrays have no values yet, so that reading them (`if (x > 0)`, `as.numeric()`) is an
#' error of class `rmlx_error_tape`: use [mlx_where()]. Assigning an array to a variable outside of `f`
#' (`<<-`, `env$x <- `) is an error of class `rmlx_error_state`, unless it is part of `state`. What else `f`
#' does outside of MLX (printing, counting calls) happens only when it runs. Chains of more than 5000 operations,
#' each on the result of the one before, are run as they are, without MLX's optimisation.
#'
#' Compiled functions can be differentiated and mapped ([mlx_grad()], [mlx_vmap()]): `f` itself is,
#' then. For training steps compile the function that computes the gradient.
#' @examples
#' gelu <- mlx_compile(function(x) x * (1 + mlx_erf(x / sqrt(2))) / 2)
#' gelu(as_mlx(c(-1, 0, 1)))
#' mlx_compiled_info(gelu)
#'
#' # a step of gradient descent, in which the parameters are state
#' model <- new.env()
#' model$w <- mlx_zeros(2)
#' step <- mlx_compile(function(x, y) {
#'   fit <- mlx_value_grad(function(w) mean((x %*% w - y)^2), model$w)
#'   model$w <- model$w - 0.01 * fit$grads[[1]]
#'   fit$value
#' }, state = model)
#' x <- as_mlx(matrix(c(1, 2, 3, 4), 2))
#' y <- as_mlx(matrix(c(1, 2))) # a column, as x %*% w is
#' for (i in 1:3) print(step(x, y))
#' model$w
#' @export
mlx_compile <- function(f, shapeless = FALSE, state = NULL) {
  given <- given_function(f, substitute(f), "mlx_compile")
  self <- list(
    f = given$f, title = given$title, shapeless = check_flag(shapeless, "shapeless"),
    frames = state_frames(state), home = .Call(C_compile_home), counts = new.env(parent = emptyenv())
  )
  self$counts$traced <- 0
  self$counts$replayed <- 0
  home <- self$home
  made_function(
    function(...) .Call(C_compile_replay, home, list(...)) %||% compile_call(self, list(...)),
    "mlx_compile", given$f, compiled = TRUE
  )
}

state_frames <- function(state, path = "state") {
  if (is.null(state)) return(list())
  if (is.environment(state)) return(list(as.environment(state)))
  if (!is_plain_list(state)) {
    rmlx_abort(paste0("`", path, "` must be an environment, or a list of environments, not ", description(state), "."),
               "argument")
  }
  frames <- list()
  for (i in seq_along(state)) frames <- c(frames, state_frames(state[[i]], paste0(path, step_of(state, i))))
  unique(frames)
}

# Environments, and those within them.
frames_within <- function(frames) {
  found <- list()
  walk <- function(x) {
    if (is.environment(x)) {
      x <- as.environment(x)
      if (is_foreign(x) && !identical(x, globalenv()) || is_among(x, found)) return(NULL)
      found <<- c(found, list(x))
      names <- ls(x, all.names = TRUE)
      lazy <- base::vapply(names, is_lazy, NA, frame = x) | rlang::env_binding_are_active(x, names)
      for (name in names[!lazy]) walk(get0(name, x, inherits = FALSE))
    } else if (is_node(x)) {
      for (element in unclass(x)) if (!missing(element)) walk(element)
    }
    NULL
  }
  for (frame in frames) walk(frame)
  found
}

# What a call does that no trace fits as it stands.
compile_call <- function(self, args) {
  coerced <- lapply(args, compile_argument)
  if (!all(base::mapply(rlang::is_reference, args, coerced))) {
    out <- .Call(C_compile_replay, self$home, coerced)
    if (!is.null(out)) return(out)
  }
  arguments <- partition(coerced, leaf = live_array)
  frames <- frames_within(self$frames)
  before <- captures(c(list(self$f), coerced), frames)
  inputs <- c(arguments$leaves, captured_arrays(before$slots, 0L)$leaves,
              captured_arrays(before$slots, 0L, state = TRUE)$leaves)
  if (.Call(C_compile_is_off, inputs)) return(compiled_result(call_with(self$f, coerced, self$title))$value)
  compile_trace(self, coerced, arguments, before, frames)
}

# An argument as f receives it: flags stay R's, other numbers become arrays.
compile_argument <- function(x) {
  if (is.logical(x) && length(x) == 1L && !is.object(x) && is.null(attributes(x))) return(x)
  if (is_node(x) && !is.data.frame(x)) numbers_within(x) else constant_argument(x)
}

numbers_within <- function(x) {
  if (is_node(x) && !is.data.frame(x)) {
    out <- lapply(unclass(x), numbers_within)
    attributes(out) <- attributes(x)
    return(out)
  }
  if ((is.double(x) || is.complex(x)) && !is.object(x)) as_mlx(x) else x
}

# The result of f without its arrays, these, and what the caller gets.
compiled_result <- function(value) {
  if (is_mlx(value)) return(list(skeleton = leaf_at(1L), leaves = list(value), value = value))
  if (!is.list(value) || inherits(value, "data.frame")) {
    rmlx_abort(
      c(paste0("Compiled function must return either an mlx array or a list of mlx arrays; it returned ",
               if (is.null(value)) "NULL" else paste("an object of class", class(value)[[1L]]), "."),
        i = paste0("Arrays and R numbers reach it as mlx arrays, data frames as they are: ",
                   "give what the result depends on as arrays, or as a list of them.")),
      "result"
    )
  }
  if (length(value) == 0L) rmlx_abort("Compiled function returned empty list.", "result")
  all_arrays <- function(x) if (is_node(x)) length(x) > 0L && all(base::vapply(x, all_arrays, NA)) else is_mlx(x)
  for (i in seq_along(value)) {
    if (!all_arrays(value[[i]])) {
      rmlx_abort(
        c(paste0("Compiled function returned non-mlx element at position ", i, "."),
          i = "It must return an mlx array, or a list of mlx arrays, which may be nested."),
        "result"
      )
    }
  }
  parts <- partition(value, leaf = live_array)
  if (length(parts$leaves) == 1L) {
    return(list(skeleton = leaf_at(1L), leaves = parts$leaves, value = parts$leaves[[1L]]))
  }
  c(parts, list(value = value))
}

# Names, dimnames and the attributes that are the user's own, of each array; NULL for none. `sized`: also what
# goes by the extents.
titles_within <- function(arrays, sized = TRUE) {
  lapply(arrays, function(x) {
    of_axes <- if (sized && !is.null(dim(x))) dimnames(x)
    names <- if (sized && is.null(of_axes)) names(x)
    own <- own_attributes(x)
    if (!is.null(names) || !is.null(of_axes) || !is.null(own)) list(names, of_axes, own)
  })
}

# An array's attributes that plain arrays have not, as a list; NULL for none.
own_attributes <- function(x) {
  all <- attributes(x)
  own <- all[setdiff(names(all), c("names", "dim", "dimnames", if (length(all$class) == 1L) "class"))]
  if (length(own) > 0L) own
}

# Stand-ins for arrays, with these arrays' own attributes.
dressed_as <- function(inputs, arrays) {
  for (i in seq_along(arrays)) {
    own <- own_attributes(arrays[[i]])
    for (name in names(own)) attr(inputs[[i]], name) <- own[[name]]
  }
  inputs
}

#' @rdname mlx_compile
#' @export
mlx_disable_compile <- function() {
  .Call(C_compile_switch, FALSE)
  invisible(NULL)
}

#' @rdname mlx_compile
#' @export
mlx_enable_compile <- function() {
  .Call(C_compile_switch, TRUE)
  invisible(NULL)
}

#' @rdname mlx_compile
#' @export
mlx_compiled_info <- function(fn) {
  if (!isTRUE(attr(fn, "compiled"))) {
    rmlx_abort("`fn` must be a function made by mlx_compile().", "argument")
  }
  self <- environment(fn)$self
  facts <- lapply(.Call(C_compile_traces, self$home), function(trace) .Call(C_compile_facts, trace))
  part <- function(i, like) base::vapply(facts, function(fact) fact[[i]], like)
  kinds <- base::vapply(facts, function(fact) {
    extents <- base::vapply(fact[[6L]], function(shape) {
      paste0("[", paste(base::ifelse(is.na(shape), "n", shape), collapse = " x "), "]")
    }, "")
    on_gpu <- base::ifelse(fact[[8L]] == "gpu", " gpu", "")
    paste(paste0(fact[[7L]], extents, on_gpu)[seq_along(extents)], collapse = ", ")
  }, "")
  traces <- data.frame(inputs = kinds, operations = part(1L, 0), optimised = part(2L, 0), replays = part(3L, 0),
                       random = part(4L, NA), reads_values = part(5L, NA))
  structure(
    list(traces = traces, traced = self$counts$traced, replayed = self$counts$replayed + sum(traces$replays),
         shapeless = self$shapeless, enabled = .Call(C_compile_switch, NULL)),
    class = "mlx_compiled_info"
  )
}

#' @export
print.mlx_compiled_info <- function(x, ...) {
  how <- c(if (x$shapeless) "for all extents", if (!x$enabled) "disabled by mlx_disable_compile()")
  cat("<compiled function", if (length(how) > 0L) paste0(" (", paste(how, collapse = ", "), ")"), ">\n", sep = "")
  cat("run in R ", x$traced, ngettext(x$traced, " time", " times"), ", replayed ", x$replayed,
      ngettext(x$replayed, " time", " times"), "\n", sep = "")
  for (i in seq_len(nrow(x$traces))) {
    trace <- x$traces[i, ]
    cat("- ", if (nzchar(trace$inputs)) trace$inputs else "no arrays", ": ", trace$operations,
        ngettext(trace$operations, " operation, ", " operations, "),
        trace$optimised, " after optimisation; replayed ", trace$replays,
        ngettext(trace$replays, " time", " times"),
        if (trace$random) "; draws random numbers", if (trace$reads_values) "; has read values of captured arrays",
        "\n", sep = "")
  }
  invisible(x)
}
