# Running a function that is compiled: what goes in, what it changed, and what has to be kept of it.

# The arrays in slots: `skeletons`, the slots' values without them, and `leaves`. `at` is the number of
# leaves before; `state`: whether of the state's slots or of the others, whose values stay as they are.
captured_arrays <- function(slots, at, state = FALSE) {
  leaves <- list()
  skeletons <- lapply(slots, function(slot) {
    if (slot$state != state || slot$how == 3L || !has_arrays(slot$value)) return(slot$value)
    part <- partition(slot$value, at + length(leaves), leaf = live_array)
    leaves <<- c(leaves, part$leaves)
    part$skeleton
  })
  list(skeletons = skeletons, leaves = leaves)
}

# The first run for arguments of a kind, and its result. `arguments`: these as a skeleton and leaves; `before`:
# what captures() found; `frames`: the state's.
compile_trace <- function(self, args, arguments, before, frames) {
  slots <- before$slots
  n <- length(arguments$leaves)
  owned <- captured_arrays(slots, n, state = TRUE)
  m <- length(owned$leaves)
  outside <- captured_arrays(slots, n + m)
  result <- NULL
  updates <- NULL
  seed <- current_seed()
  run <- function(inputs) {
    .Call(C_compile_key, inputs[[n + m + 1L]])
    inputs <- dressed_as(inputs, leaves)
    placed <- enter_state(slots, owned$skeletons, inputs)
    changed <- left <- NULL
    tidy <- function() {
      changed <<- leave_state(frames, slots, placed)
      left <<- take_back(c(slots, before$targets))
    }
    on.exit(if (is.null(left)) tidy())
    result <<- compiled_result(call_with(self$f, restore(arguments$skeleton, inputs), self$title))
    tidy()
    refuse_assignments(left, self$title)
    out <- result$leaves
    updates <<- lapply(changed, function(change) {
      part <- partition(change$value, length(out), leaf = live_array)
      out <<- c(out, part$leaves)
      list(change$frame, as.name(change$name), part$skeleton)
    })
    result$titles <<- result_titles(titles_within(out, !self$shapeless))
    out
  }
  leaves <- c(arguments$leaves, owned$leaves)
  trace <- .Call(C_compile_trace, run, c(leaves, list(mlx_key(0))), outside$leaves, self$shapeless, environment())
  skeletons <- base::Map(function(slot, a, b) if (slot$state) a else b, slots, owned$skeletons, outside$skeletons)
  kept <- kept_slots(slots, skeletons, before$mentions)
  inputs <- c(leaves, outside$leaves)
  plan <- list(arguments$skeleton, titles_within(inputs), kept$slots, result$skeleton, result$titles, updates,
               list(getOption("rmlx.dtype"), mlx_default_device()))
  .Call(C_compile_plan, trace, plan, outside$leaves)
  if (!identical(seed, current_seed())) {
    warn_of_seed(self)
  } else if (kept$stable && !is.null(out <- keep_trace(self, trace, args))) {
    return(out)
  }
  self$counts$traced <- self$counts$traced + 1
  .Call(C_compile_run, trace, inputs)
}

# What the results of a trace are given: not attributes that hold arrays of the trace.
result_titles <- function(titles) {
  lapply(titles, function(title) {
    keep <- !base::vapply(title[[3L]], is_abstract, NA) & names(title[[3L]]) != "rmlx_was_plain"
    if (!is.null(title)) list(title[[1L]], title[[2L]], title[[3L]][keep])
  })
}

# Puts a trace before the others, in the place of one for the same arguments. A trace for all extents may
# turn out to be good for these, too: then the result comes from that one.
keep_trace <- function(self, trace, args) {
  traces <- .Call(C_compile_traces, self$home)
  if (self$shapeless && !is.null(i <- .Call(C_compile_alike, traces, args))) {
    differs <- .Call(C_compile_widen, traces[[i]], trace)
    if (nzchar(differs)) {
      rmlx_abort(
        c(paste0("compiled with `shapeless = TRUE`, `", self$title, "` does other work for arguments of other ",
                 "extents: ", differs, " differs."),
          i = "Use `shapeless = FALSE`, or write it without length(), dim() and the like, which give R numbers."),
        "shapeless"
      )
    }
    out <- .Call(C_compile_replay, self$home, args)
    if (!is.null(out)) {
      self$counts$traced <- self$counts$traced + 1
      self$counts$replayed <- self$counts$replayed - 1 # R was entered
    }
    return(out)
  }
  same <- .Call(C_compile_fitting, traces, args)
  for (old in traces[same]) self$counts$replayed <- self$counts$replayed + .Call(C_compile_facts, old)[[3L]]
  traces <- traces[!same]
  .Call(C_compile_keep, self$home, c(list(trace), traces))
  NULL
}

# The slots that tell, at later calls, whether the run would be the same. `stable`: whether it would be,
# as long as nobody else changes anything.
kept_slots <- function(slots, skeletons, mentions) {
  kept <- list()
  stable <- TRUE
  for (i in seq_along(slots)) {
    slot <- slots[[i]]
    now <- value_of(slot)
    if (is_unchanged(slot, now)) {
      if (slot$lazy) next # not used
      kept[[length(kept) + 1L]] <- list(slot$frame, as.name(if (slot$how == 3L) "n" else slot$name), slot$how,
                                        skeletons[[i]], slot$bound)
    } else if (slot$how == 3L) {
      stable <- stable && !any(setdiff(ls(slot$frame, all.names = TRUE), names_in(slots, slot$frame)) %in% mentions)
      kept[[length(kept) + 1L]] <- list(slot$frame, as.name("n"), 3L, now$value, TRUE)
    } else if (slot$name %in% mentions) {
      stable <- FALSE # the run itself changed what it depends on
    }
  }
  list(slots = kept, stable = stable)
}

# The names of a frame's variables among slots.
names_in <- function(slots, frame) {
  names <- base::vapply(slots, function(slot) if (slot$how == 2L && identical(slot$frame, frame)) slot$name else "", "")
  names[nzchar(names)]
}

# Gives the state's variables the arrays of the run; these values.
enter_state <- function(slots, skeletons, inputs) {
  base::Map(function(slot, skeleton) {
    if (!slot$state || slot$how == 3L) return(NULL)
    if (!has_arrays(slot$value)) return(slot$value)
    value <- restore(skeleton, inputs)
    assign(slot$name, value, slot$frame)
    value
  }, slots, skeletons)
}

# Puts the state's own arrays back; what the run assigned instead.
leave_state <- function(frames, slots, placed) {
  changed <- list()
  for (frame in frames) {
    own <- which(base::vapply(slots, function(slot) slot$how == 2L && slot$state && identical(slot$frame, frame), NA))
    names <- base::vapply(slots[own], `[[`, "", "name")
    for (name in ls(frame, all.names = TRUE)) {
      if (is_lazy(frame, name) || rlang::env_binding_are_active(frame, name)) next
      i <- own[match(name, names)]
      value <- get0(name, frame, inherits = FALSE)
      same <- !is.na(i) && rlang::is_reference(value, placed[[i]])
      if (!same && !has_arrays(value)) next
      if (!same) changed <- c(changed, list(list(frame = frame, name = name, value = value)))
      if (is.na(i)) {
        rm(list = name, envir = frame)
      } else if (!rlang::is_reference(value, slots[[i]]$value)) {
        assign(name, slots[[i]]$value, frame)
      }
    }
  }
  changed
}

refuse_assignments <- function(names, title) {
  if (length(names) == 0L) return(NULL)
  rmlx_abort(
    c(paste0("`", title, "` assigns to ", paste0("`", names, "`", collapse = ", "),
             ", outside of itself, an array that has no value yet: compiled, it does not run in R at every call."),
      i = paste("Return the new value, or name the environment of such variables:",
                "mlx_compile(f, state = environment()).")),
    "state"
  )
}

current_seed <- function() get0(".Random.seed", globalenv(), inherits = FALSE)

warn_of_seed <- function(self) {
  if (isTRUE(self$counts$warned)) return(NULL)
  self$counts$warned <- TRUE
  rmlx_warn(
    c(paste0("`", self$title, "` draws from R's own generator: it runs in R at every call, since compiled its numbers ",
             "would always be the same."),
      i = "Draw from MLX's: mlx_rnorm() for rnorm(), and so on."),
    "compile"
  )
}
