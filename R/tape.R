# What the tape error says: which call left, and what to write instead.

# `how`: "gradient"; "abstract" where values are not there yet; "gone" where they never will be.
tape_message <- function(call, how) {
  left <- if (is.null(call)) "base R code" else paste0("`", short_call(call), "`")
  if (is_own_call(call)) left <- paste("base R code in", left)
  running <- running_transform()
  if (how == "gone") {
    return(c(
      paste0(left, " asks for the values of an array that was made while `mlx_vmap()` or `mlx_compile()` traced a ",
             "function: it stood for values to come, and has none of its own."),
      i = "Return such an array from the function instead of keeping it by `<<-` or in an environment."
    ))
  }
  ensure <- paste0("Ensure all differentiable computations use MLX operations: the function",
                   if (!is.null(running)) paste0(" of `", running, "`"),
                   " must return an `mlx` object computed from its arguments by them.")
  if (how == "abstract") {
    return(c(
      paste0(left, " asks for plain numbers of a value that is not there yet: the function runs once, for all ",
             "the values that its arguments will have."),
      i = paste0("Write `mlx_where(x > 0, a, b)` or `ifelse(x > 0, a, b)` for `if (x > 0) a else b`, and take ",
                 "what decides about R's own steps as an R number that the function finds outside of its ",
                 "arguments (or, compiled, in a list and whole: `f(x, list(n = 3L))`)."),
      i = ensure,
      tape_remedies(call)
    ))
  }
  graph <- !is.null(running) && startsWith(running, "mlx_graph(")
  c(
    paste0(left, " asks for plain numbers of a value that ",
           if (graph) {
             "depends on the arguments: what follows from the numbers would not be part of the graph."
           } else {
             "a gradient depends on: it would leave the tape, and the gradient would silently be zero."
           }),
    i = ensure,
    tape_remedies(call),
    i = paste0("Where the value is wanted without its gradient, read `mlx_stop_gradient(x)`; ",
               "return further results beside the loss as `list(loss, ...)`.")
  )
}

# Whether a call is that of a running function which is neither rmlx's nor R's: what left the tape is
# within it.
is_own_call <- function(call) {
  for (i in seq_len(sys.nframe())) {
    if (!is_inner(sys.function(i)) && identical(tidy_call(sys.call(i)), call)) return(TRUE)
  }
  FALSE
}

# What to write instead of base functions that have no methods.
replacements <- c(
  plogis = "mlx_sigmoid", mean.default = "mean",
  local({
    laws <- c("norm", "lnorm", "unif", "exp", "logis", "cauchy", "weibull", "gamma", "chisq", "beta", "t", "f",
              "pois", "binom", "nbinom")
    base <- paste0(rep(c("d", "p", "q", "r"), each = length(laws)), laws)
    base <- base[base != "plogis"]
    stats::setNames(paste0("mlx_", base), base)
  })
)

# A function's name, without that of its package; "" if it has none.
name_of <- function(written) {
  if (is.call(written) && is.name(written[[1L]]) && as.character(written[[1L]]) %in% c("::", ":::")) {
    written <- written[[3L]]
  }
  if (is.name(written)) as.character(written) else ""
}

# What usually takes the place of such a call. Most conversions that were written as such need no word.
tape_remedies <- function(call) {
  head <- if (is.call(call)) name_of(call[[1L]]) else ""
  assigning <- "assigning into a plain vector (`out <- numeric(n)`): start from `mlx_zeros(n)`"
  looping <- "`for (v in x)`: loop over `seq_along(x)` and use `x[i]`, or over `as.list(x)`"
  joining <- "`c(0, x)`, which R dispatches on its first argument: write `c(as_mlx(0), x)`"
  conversions <- c("format", "as.matrix", "as.numeric", "as.vector", "as.integer", "as.logical", "as.character",
                   "as.complex", "as.array", "as.data.frame", "as_r", "mlx_item")
  if (head %in% c("as.numeric", "as.vector")) {
    return(c(i = paste0("Leave `", head, "()` out; `drop(x)` makes a vector of a matrix of one column.")))
  }
  if (head %in% conversions) return(NULL)
  if (head == "as.list" || head == "lapply") {
    return(c(i = paste0("`", head, "()` of a matrix or array takes plain R numbers from it: go through its rows by ",
                        "`asplit(x, 1)` or `x[i, ]`, or through its elements by `as.list(mlx_flatten(x))`.")))
  }
  if (head == "[") {
    return(c(i = paste0("Which elements `x[i]` takes must be known: let `i` be plain R numbers, or keep all and give ",
                        "those that drop out no weight, as in `sum(mlx_where(x > 0, x, 0))`.")))
  }
  if (head == "[[") return(c(i = "`x[[i]]` is a plain R number: write `x[i]`."))
  if (head %in% names(replacements)) {
    return(c(i = paste0("`", head, "()` has no method for mlx: use `", replacements[[head]], "()`.")))
  }
  if (head %in% c("<-", "=", "[<-", "[[<-")) return(c(i = paste0("The cause may be ", assigning, ".")))
  if (head == "for") return(c(i = paste0("The cause is ", looping, ".")))
  if (head %in% c("c", "append")) return(c(i = paste0("The cause may be ", joining, ".")))
  if (nzchar(head) && !is_own_call(call)) {
    return(c(i = paste0("`", head, "()` has no method for mlx: ?mlx_grad lists what takes the place of such code.")))
  }
  c(
    i = "The usual causes, and what to write instead:",
    " " = paste0("- ", assigning, ";"),
    " " = paste0("- ", looping, ";"),
    " " = paste0("- ", joining, ";"),
    " " = "- functions without a method for mlx: `mlx_dnorm()` for `dnorm()`, `mlx_sigmoid()` for `plogis()`, ..."
  )
}
