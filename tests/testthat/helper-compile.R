# What tests of compiled functions share.

numbers <- function(x) as.numeric(as_r(x))

# A compiled function, and how often R ran the function in it.
counted <- function(f, ...) {
  runs <- 0
  compiled <- mlx_compile(function(...) {
    runs <<- runs + 1
    f(...)
  }, ...)
  list(f = compiled, runs = function() runs)
}
