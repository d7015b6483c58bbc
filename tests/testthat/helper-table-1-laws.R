# The table's rows for distributions: one line for each, from which come rows for its density, its
# distribution function and its quantiles, lower and upper, plain and as logarithms.
#
# x        where the density and the distribution function are evaluated
# ...      the parameters
# special  further places, with the first values of the parameters
# whole    the parameters as integers, where those rounded away from 0 would be none of the law's
# slopes   which of x and the parameters have a gradient
law <- function(name, x, ..., special = c(NaN, -Inf, Inf, 0, -1.5, 2),
                slopes = seq_len(1L + ...length()), p = c(0.03, 0.4, 0.75, 0.97),
                quantile_slopes = slopes, base = NULL, whole = NULL) {
  parameters <- list(...)
  n <- length(parameters)
  oracle <- function(letter) {
    if (is.null(base)) get(paste0(letter, name), asNamespace("stats")) else base[[letter]]
  }
  one <- function(letter, at, edge, slopes, ..., h = 2e-4) {
    f <- get(paste0("mlx_", letter, name))
    g <- oracle(letter)
    fixed <- list(...)
    label <- paste(sprintf(", %s = %s", names(fixed), vapply(fixed, format, "")), collapse = "")
    firsts <- lapply(parameters, `[`, 1L)
    # probabilities as integers are 0 and 1, their logarithms 0 alone
    whole_at <- if (letter != "q") ceiling(at) else if (isTRUE(fixed$log.p)) 0 * at else c(0, 1, 1, 0)
    int <- if (!is.null(whole)) lapply(c(list(whole_at), whole), as.integer)
    row(
      paste0("mlx_", letter, name, label),
      function(...) do.call(f, c(list(...), fixed)),
      broadcasting(function(...) do.call(g, c(list(...), fixed))),
      inputs = list(
        c(list(at), parameters),
        c(list(matrix(at, 2)), lapply(parameters, function(p) matrix(p, 2)[, 1L, drop = FALSE]))
      ),
      special = list(c(list(edge), firsts)),
      empty = list(c(list(numeric()), firsts)), int = int, bool = lapply(int, `>`, 0L),
      grad = if (length(slopes)) slopes else FALSE, sides = seq_len(n + 1L),
      covers = paste0("mlx_", letter, name), tolerance32 = 1e-4, h = h
    )
  }
  probabilities <- c(NaN, 0, 1, -0.5, 1.5, 0.5)
  logs <- c(NaN, -Inf, 0, 0.5, -1e-5, -3)
  list(
    one("d", x, special, slopes),
    one("d", x, special, NULL, log = TRUE),
    one("p", x, special, slopes),
    one("p", x, special, slopes, lower.tail = FALSE, log.p = TRUE),
    one("q", p, probabilities, quantile_slopes, h = 1e-5),
    one("q", log(p), logs, quantile_slopes, lower.tail = FALSE, log.p = TRUE, h = 1e-5)
  )
}

laplace_r <- list(
  d = function(x, location, scale, log = FALSE) {
    out <- -abs(x - location) / scale - log(2 * scale)
    if (log) out else exp(out)
  },
  p = function(q, location, scale, lower.tail = TRUE, log.p = FALSE) {
    z <- (q - location) / scale * if (lower.tail) 1 else -1
    out <- ifelse(z < 0, z - log(2), log1p(-exp(-abs(z)) / 2))
    if (log.p) out else exp(out)
  },
  q = function(p, location, scale, lower.tail = TRUE, log.p = FALSE) {
    lower <- if (log.p) p else log(p)
    upper <- if (log.p) log(-expm1(p)) else log1p(-p)
    if (!lower.tail) {
      swap <- lower
      lower <- upper
      upper <- swap
    }
    location + scale * ifelse(lower < upper, lower + log(2), -upper - log(2))
  }
)

# R's own qf() loses digits of small quantiles: one step of Newton's method gets them back.
f_r <- list(d = stats::df, p = pf, q = function(p, df1, df2, lower.tail = TRUE, log.p = FALSE) {
  x <- qf(p, df1, df2, lower.tail = lower.tail, log.p = log.p)
  lower <- if (!log.p) p else if (lower.tail) exp(p) else -expm1(p)
  step <- (pf(x, df1, df2) - lower) / stats::df(x, df1, df2)
  ifelse(is.finite(step) & x > 0, x - step, x)
})

above <- c(0.3, 1.7, 2.5, 4.2)
law_rows <- c(
  law("norm", c(-2.1, 0.4, 1.7, 7.2), c(0.5, -1, 0, 2), c(1.5, 0.7, 2, 3)),
  law("lnorm", above, c(0.5, -1, 0, 2), c(1.5, 0.7, 2, 3)),
  law("unif", c(0.5, 0.4, 1.1, 0.6), c(0.1, -1, 0, 0.2), c(1.5, 0.7, 2, 3),
      whole = list(integer(4), rep(1L, 4))),
  law("exp", above, c(1.5, 0.7, 2, 3)),
  law("logis", c(-2.1, 0.4, 1.7, 9.2), c(0.5, -1, 0, 2), c(1.5, 0.7, 2, 3)),
  law("cauchy", c(-2.1, 0.4, 1.7, 9.2), c(0.5, -1, 0, 2), c(1.5, 0.7, 2, 3)),
  law("weibull", above, c(1.5, 0.7, 1, 3), c(1.5, 0.7, 2, 3)),
  law("laplace", c(-2.1, 0.4, 1.7, 9.2), c(0.5, -1, 0, 2), c(1.5, 0.7, 2, 3), base = laplace_r),
  law("gamma", above, c(1.5, 0.7, 1, 30), c(1.5, 0.7, 2, 7)),
  law("chisq", above, c(1.5, 0.7, 2, 30)),
  law("beta", c(0.2, 0.5, 0.7, 0.95), c(1.5, 0.7, 1, 30), c(1.5, 4, 2, 3)),
  law("t", c(-2.1, 0.4, 1.7, 9.2), c(1.5, 0.7, 4, 30)),
  law("f", above, c(1.5, 0.7, 4, 30), c(1.5, 4, 8, 3), special = c(NaN, -Inf, 0, -1.5, 2), base = f_r),
  law("binom", c(2, 5, 0, 6), c(9, 7, 3, 40), c(0.3, 0.6, 0.1, 0.25), slopes = 3,
      quantile_slopes = NULL),
  law("pois", c(2, 5, 0, 7), c(1.5, 4.2, 0.3, 30), slopes = 2, quantile_slopes = NULL),
  law("nbinom", c(2, 5, 0, 7), c(1.5, 4.2, 0.3, 30), c(0.3, 0.6, 0.1, 0.9), slopes = 2:3,
      quantile_slopes = NULL, whole = list(c(2L, 5L, 1L, 3L), rep(1L, 4))),
  list(row(
    "mlx_dmvnorm", function(x, m, s) mlx_dmvnorm(x, m, s, log = TRUE), function(x, m, s) {
      apart <- t(matrix(x, ncol = 2)) - m
      out <- -colSums(apart * (solve(s) %*% apart)) / 2 - log(2 * pi) - log(det(s)) / 2
      if (is.null(dim(x))) as.vector(out) else out
    },
    inputs = list(
      list(c(0.3, -1), c(1, 0.5), matrix(c(2, 0.5, 0.5, 1), 2)),
      list(matrix(mixed[1:6], 3), c(1, 0.5), matrix(c(2, -0.3, -0.3, 0.7), 2))
    ), empty = list(list(matrix(0, 0, 2), c(1, 0.5), diag(2)))
  ))
)
