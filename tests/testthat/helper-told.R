# Snapshots of what users are told: errors, warnings, messages and printed arrays. The text is made
# here, not by testthat or rlang, whose layout differs between versions.

# Runs each expression of a block `{ .. }` as the body of a function of the user's, whose frame sees
# `env`. list(source, code, output, conditions), one for each.
told <- function(block, env) {
  stopifnot(identical(block[[1L]], quote(`{`)))
  lapply(attr(block, "srcref")[-1L], function(source) {
    source <- sub("^    ", "", as.character(source))
    code <- parse(text = source, keep.source = FALSE)[[1L]]
    conditions <- list()
    keep <- function(cnd) conditions <<- c(conditions, list(cnd))
    # with its source, which tells what was written of `x[1] <- 2`
    run <- eval(parse(text = c("function() {", source, "}"), keep.source = TRUE)[[1L]], env)
    output <- utils::capture.output(tryCatch(
      withCallingHandlers({
        shown <- withVisible(run())
        if (shown$visible) print(shown$value)
      }, warning = function(w) {
        keep(w)
        tryInvokeRestart("muffleWarning")
      }, message = function(m) {
        keep(m)
        tryInvokeRestart("muffleMessage")
      }),
      error = keep
    ))
    list(source = source, code = code, output = output, conditions = conditions)
  })
}

kind_of <- function(cnd) Find(function(kind) inherits(cnd, kind), c("error", "warning", "message"))

# The text of one piece of told(): code, output, and for each condition its class, call and message.
told_text <- function(piece, transform) {
  text <- c(paste0(c("> ", rep("+ ", length(piece$source) - 1L)), piece$source), transform(piece$output))
  for (cnd in piece$conditions) {
    call <- conditionCall(cnd)
    where <- if (is.null(call)) "" else paste0(" in ", paste(trimws(deparse(call, 100L)), collapse = " "))
    if (same_code(call, piece$code)) where <- ""
    message <- transform(strsplit(sub("\n$", "", conditionMessage(cnd)), "\n")[[1L]])
    text <- c(text, paste0(kind_of(cnd), " <", class(cnd)[[1L]], ">", where, ":"),
              strwrap(message, 110L, indent = 2L, exdent = 4L))
  }
  paste(c(text, ""), collapse = "\n")
}

# The snapshot of a block. `kind`, unless NULL, is what each expression must raise once, as a condition
# of rmlx's whose call stands in the expression. `transform` takes and gives lines, for what differs
# between machines.
expect_told <- function(block, kind = "error", transform = identity) {
  block <- substitute(block)
  local_reproducible_output(width = 100L)
  pieces <- told(block, parent.frame())
  if (!is.null(kind)) {
    for (piece in pieces) {
      classes <- lapply(piece$conditions, class)
      fits <- length(classes) == 1L && all(c(kind, paste0("rmlx_", kind)) %in% classes[[1L]])
      expect(fits, paste0(piece$source[[1L]], " raised ", if (length(classes)) classes, ", not one rmlx_", kind))
      if (!fits) next
      call <- conditionCall(piece$conditions[[1L]])
      # a message has no call
      expect(kind == "message" || is.call(call) && stands_in(call, piece$code),
             paste0("the call of ", piece$source[[1L]], " is ", deparse(call)[[1L]]))
    }
  }
  on_cpu <- function(lines) transform(as_on_cpu(lines))
  expect_snapshot_output(cat(vapply(pieces, told_text, "", on_cpu), sep = ""), cran = TRUE)
}

# Whatever source R kept with functions in them.
same_code <- function(a, b) identical(deparse(a), deparse(b))

stands_in <- function(call, code) {
  same_code(call, code) || is.call(code) && any(vapply(as.list(code), function(part) {
    !identical(part, rlang::missing_arg()) && stands_in(call, part)
  }, NA))
}
