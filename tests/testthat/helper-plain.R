# Functions as people write them for R's own vectors, of one vector unless `at` says otherwise: nothing in
# them knows of mlx.

plain_v <- c(1.2, 0.7, 2.1, 0.4, 1.9)
plain_y <- c(0.3, 0.8, 0.1, -0.4, 1.1, 0.6)
plain_x <- c(-1, 0.5, 2, 1.5, -0.5, 0.2)

plain_functions <- function(here) {
  with_home <- function(f) {
    environment(f) <- here
    f
  }
  rows <- list(
    # vectors, matrices and lists that are filled
    fill = function(x) {
      out <- numeric(length(x))
      for (i in seq_along(x)) out[i] <- x[i]^2
      sum(out)
    },
    fill_from_ends = function(x) {
      out <- numeric(5)
      out[1] <- x[5]
      out[5] <- x[1]
      out[2:4] <- x[c(4, 2, 3)] * 2
      sum(out * 1:5)
    },
    partly_filled = function(x) {
      out <- rep(3, 4)
      out[2] <- x[1] * x[2]
      sum(out^2)
    },
    filled_na = function(x) {
      out <- rep(NA, length(x))
      for (i in seq_along(x)) out[i] <- exp(-x[i])
      prod(out)
    },
    filled_integers = function(x) {
      out <- 1:5
      out[3] <- x[1]
      sum(out * x)
    },
    filled_flags = function(x) {
      large <- logical(length(x))
      for (i in seq_along(x)) large[i] <- x[i] > 1
      sum(x[large]^2)
    },
    grown = function(x) {
      out <- c()
      for (i in seq_along(x)) out[i] <- x[i] * i
      sum(out^2)
    },
    grown_by_length = function(x) {
      path <- x[1]
      for (i in 2:length(x)) path[length(path) + 1] <- 0.5 * path[i - 1] + x[i]
      sum(path^2) + length(path)
    },
    grown_numeric = function(x) {
      path <- numeric(0)
      path[4] <- x[2]
      path[1:3] <- x[1:3]
      sum(path * 1:4)
    },
    named_fill = function(x) {
      out <- c(a = 0, b = 0)
      out["b"] <- x[1]
      out["new"] <- x[2]^2
      out[["a"]] <- x[3]
      stopifnot(identical(names(out), c("a", "b", "new")))
      sum(out * c(1, 2, 3))
    },
    double_brackets = function(x) {
      out <- numeric(3)
      for (i in 1:3) out[[i]] <- sin(x[i])
      sum(out)
    },
    matrix_fill = function(x) {
      m <- matrix(0, 2, 3)
      for (i in 1:2) for (j in 1:3) m[i, j] <- x[i] * x[j + 1]
      sum(m %*% t(m))
    },
    matrix_rows = function(x) {
      m <- matrix(NA_real_, 3, 2)
      m[1, ] <- x[1:2]
      for (i in 2:3) m[i, ] <- 0.5 * m[i - 1, ] + rev(m[i - 1, ])
      sum(m[3, ] * c(2, 3)) + sum(m[, 1] * c(1, 2, 3))
    },
    matrix_symmetric = function(x) {
      s <- diag(2)
      s[1, 1] <- exp(x[1])
      s[2, 1] <- s[1, 2] <- x[2]
      s[2, 2] <- exp(x[3])
      log(det(s)) + sum(solve(s, c(1, 2)))
    },
    matrix_triangle = function(x) {
      l <- matrix(0, 2, 2)
      l[lower.tri(l, diag = TRUE)] <- x[1:3]
      sum((l %*% t(l))^2)
    },
    matrix_by_index = function(x) {
      m <- matrix(1, 2, 2)
      m[cbind(1:2, 2:1)] <- x[1:2]
      det(m)
    },
    diagonal = function(x) {
      d <- matrix(1, 3, 3)
      diag(d) <- x[1:3]
      det(d)
    },
    array_slices = function(x) {
      p <- array(0, c(2, 2, 3))
      p[, , 1] <- diag(2) * x[1]
      for (t in 2:3) p[, , t] <- p[, , t - 1] %*% p[, , t - 1] + x[t]
      sum(p[, , 3])
    },
    reshaped_target = function(x) {
      m <- numeric(4)
      for (i in 1:4) m[i] <- x[i]
      dim(m) <- c(2, 2)
      sum(m %*% c(1, 2) * c(3, 5))
    },
    list_fill = function(x) {
      parts <- vector("list", 3)
      for (i in 1:3) parts[[i]] <- x[i]^i
      parts[2] <- x[5]
      Reduce(`+`, parts)
    },
    list_of_vectors = function(x) {
      state <- list(a = numeric(2), b = 0)
      state$a[2] <- x[1]
      state$b <- x[2]
      sum(state$a) * state$b
    },
    names_kept = function(p) {
      names(p) <- c("a", "b", "c", "d", "e")
      p["a"] * p["e"]
    },
    # joining
    join = function(x) sum(c(0, x, 1)^2),
    join_names = function(x) {
      p <- c(a = 1, b = x[1])
      p["a"] * p["b"]^2
    },
    join_lists = function(x) {
      l <- c(list(1), x[1], list(x[2]))
      l[[1]] * sum(l[[3]]^2) + length(l)
    },
    appended = function(x) sum(append(c(1, 2), x, after = 1) * 1:7),
    replaced = function(x) sum(replace(numeric(3), 2, x[1])^2),
    repeated = function(x) sum(rep(x[1], 3) * c(1, 2, 3)) + sum(rep_len(x, 7)) + sum(rep.int(x[2], 2)),
    differences = function(x) sum(diff(c(0, x))^2),
    bounds = function(x) sum(seq(0, x[1], length.out = 4)^2) + sum(seq(1, by = x[2], length.out = 3)^2),
    bound_columns = function(x) sum(cbind(1, x)^2 %*% c(1, 2)) + sum(rbind(c(1, 2), x[1:2])[, 2]),
    # summaries whose first argument is plain
    hinge = function(x) max(0, x[1] - 0.5)^2 + min(2, x[3]) + max(x[2], 0),
    totals = function(x) sum(1, x, 2) * prod(2, x[1], x[2]) + sum(range(0, x)),
    clamped = function(x) sum(pmin(1.5, pmax(0.5, x))^2),
    # loops
    elements = function(x) {
      total <- 0
      for (v in x) total <- total + v^3
      total
    },
    elements_of_steps = function(x) {
      total <- 0
      for (d in diff(x)) total <- total + abs(d)
      total
    },
    elements_nested = function(x) {
      s <- 0
      for (a in x[1:2]) for (b in list(x[3], 2)) s <- s + a * b
      s
    },
    horner = function(b) {
      out <- 0
      for (v in rev(b)) out <- out * 1.5 + v
      out
    },
    newton_sqrt = function(x) {
      r <- 1
      while (abs(r * r - x[1]) > 1e-13) r <- (r + x[1] / r) / 2
      r
    },
    newton_steps = function(x) {
      r <- x[3]
      repeat {
        step <- (r^3 - x[1]) / (3 * r^2)
        r <- r - step
        if (abs(step) < 1e-13) break
      }
      r
    },
    skipping = function(x) {
      s <- 0
      for (v in x) {
        if (v < 1) next
        s <- s + log(v)
        if (s > 0.9) break
      }
      s
    },
    mandelbrot = function(x) {
      re <- im <- 0
      for (k in 1:6) {
        new <- re^2 - im^2 + x[1] / 5
        im <- 2 * re * im + x[2] / 5
        re <- new
        if (re^2 + im^2 > 4) break
      }
      re^2 + im^2
    },
    euler = function(x) {
      u <- numeric(20)
      u[1] <- x[1]
      for (i in 2:20) u[i] <- u[i - 1] + 0.05 * x[2] * u[i - 1] * (1 - u[i - 1] / x[3])
      u[20]
    },
    runge_kutta = function(x) {
      field <- function(u) c(u[2], -x[1] * u[1])
      u <- c(1, x[2])
      h <- 0.1
      for (i in 1:5) {
        k1 <- field(u)
        k2 <- field(u + h / 2 * k1)
        k3 <- field(u + h / 2 * k2)
        k4 <- field(u + h * k3)
        u <- u + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
      }
      sum(u^2)
    },
    lotka_volterra = function(x) {
      states <- matrix(0, 11, 2)
      states[1, ] <- c(1, 0.5)
      for (t in 1:10) {
        prey <- states[t, 1]
        predator <- states[t, 2]
        states[t + 1, 1] <- prey + 0.1 * (x[1] * prey - x[2] * prey * predator)
        states[t + 1, 2] <- predator + 0.1 * (x[4] * prey * predator - x[5] * predator)
      }
      sum(states[11, ]^2) + mean(states[, 1])
    },
    cumulative = function(x) {
      s <- numeric(length(x) + 1)
      for (i in seq_along(x)) s[i + 1] <- s[i] + x[i]
      sum(s[-1] * cumsum(x))
    },
    moving_average = function(x) {
      out <- rep(0, length(x) - 2)
      for (i in seq_along(out)) out[i] <- mean(x[i:(i + 2)])
      sum(out^2)
    },
    # likelihoods
    normal = function(p) -sum(dnorm(plain_y, p[1], exp(p[2]), log = TRUE)),
    regression = function(b) sum((plain_y - cbind(1, plain_x) %*% b[1:2])^2),
    regression_normal = function(b) {
      X <- cbind(1, plain_x)
      -sum(stats::dnorm(plain_y, mean = X %*% b[1:2], sd = exp(b[3]), log = TRUE))
    },
    logistic = function(b) {
      p <- plogis(b[1] + b[2] * plain_x)
      y <- as.numeric(plain_y > 0.5)
      -sum(ifelse(y == 1, log(p), log(1 - p)))
    },
    logistic_matrix = function(b) {
      p <- 1 / (1 + exp(-drop(cbind(1, plain_x) %*% b[1:2])))
      -sum(dbinom(c(0, 1, 1, 0, 1, 0), 1, p, log = TRUE))
    },
    poisson = function(b) -sum(dpois(c(1, 0, 3, 2, 1, 0), exp(b[1] + b[2] * plain_x), log = TRUE)),
    gamma_tail = function(p) {
      -sum(pgamma(q = abs(plain_y), shape = p[1], rate = p[2], lower.tail = FALSE, log.p = TRUE))
    },
    weibull_censored = function(p) {
      time <- abs(plain_y)
      status <- c(1, 0, 1, 1, 0, 1)
      ll <- numeric(length(time))
      for (i in seq_along(time)) {
        ll[i] <- if (status[i] == 1) {
          dweibull(time[i], p[1], p[2], log = TRUE)
        } else {
          pweibull(time[i], p[1], p[2], lower.tail = FALSE, log.p = TRUE)
        }
      }
      -sum(ll)
    },
    quantiles = function(p) sum(qnorm(c(0.1, 0.5, 0.9), p[1], p[2])^2) + qlogis(0.3, p[3]),
    student = function(p) -sum(dt((plain_y - p[1]) / p[2], df = 4, log = TRUE) - log(p[2])),
    ordered_probit = function(p) {
      cuts <- c(-Inf, p[4], p[4] + exp(p[1]), Inf)
      level <- c(1, 2, 3, 2, 3, 1)
      eta <- p[2] * plain_x
      -sum(log(pnorm(cuts[level + 1] - eta) - pnorm(cuts[level] - eta)))
    },
    mixture = function(p) {
      w <- c(plogis(p[1]), 1 - plogis(p[1]))
      mu <- c(p[2], -p[3])
      total <- 0
      for (y in plain_y) total <- total + log(sum(w * dnorm(y, mu, exp(p[4] / 2))))
      -total
    },
    arma = function(p) {
      phi <- tanh(p[1] / 3)
      theta <- tanh(p[2] / 3)
      e <- numeric(length(plain_y))
      e[1] <- plain_y[1]
      for (t in 2:length(plain_y)) e[t] <- plain_y[t] - phi * plain_y[t - 1] - theta * e[t - 1]
      0.5 * sum(e^2) / exp(p[3]) + length(e) / 2 * p[3]
    },
    garch = function(p) {
      h <- rep(var(plain_y), length(plain_y))
      for (t in 2:length(plain_y)) h[t] <- 0.1 * p[1] + 0.2 * p[4] * plain_y[t - 1]^2 + 0.3 * h[t - 1]
      0.5 * sum(log(h) + plain_y^2 / h)
    },
    kalman_level = function(p) {
      a <- 0
      v <- 10
      ll <- 0
      for (y in plain_y) {
        f <- v + exp(p[1])
        e <- y - a
        k <- v / f
        ll <- ll + dnorm(e, 0, sqrt(f), log = TRUE)
        a <- a + k * e
        v <- v * (1 - k) + exp(p[2])
      }
      -ll
    },
    kalman_trend = function(p) {
      G <- matrix(c(1, 0, 1, 1), 2)
      Z <- matrix(c(1, 0), 1)
      Q <- matrix(0, 2, 2)
      Q[1, 1] <- exp(p[1])
      Q[2, 2] <- exp(p[2])
      a <- c(0, 0)
      P <- diag(5, 2)
      ll <- numeric(length(plain_y))
      for (t in seq_along(plain_y)) {
        f <- Z %*% P %*% t(Z) + exp(p[3])
        e <- plain_y[t] - Z %*% a
        K <- G %*% P %*% t(Z) / f[1, 1]
        ll[t] <- -0.5 * (log(f) + e^2 / f)
        a <- G %*% a + K %*% e
        P <- G %*% P %*% t(G) + Q - K %*% t(K) * f[1, 1]
      }
      -sum(ll)
    },
    hidden_markov = function(p) {
      A <- matrix(c(0.9, 0.2, 0.1, 0.8), 2)
      mu <- c(p[1], -p[2])
      alpha <- c(0.5, 0.5) * dnorm(plain_y[1], mu, 1)
      ll <- log(sum(alpha))
      for (t in 2:length(plain_y)) {
        alpha <- drop(alpha / sum(alpha)) %*% A * dnorm(plain_y[t], mu, 1)
        ll <- ll + log(sum(alpha))
      }
      -ll
    },
    gaussian_process = function(p) {
      n <- length(plain_x)
      K <- matrix(0, n, n)
      for (i in 1:n) for (j in 1:n) K[i, j] <- exp(p[1]) * exp(-(plain_x[i] - plain_x[j])^2 / (2 * p[2]^2))
      K <- K + diag(n) * exp(-p[3])
      L <- chol(K)
      0.5 * sum(plain_y * solve(K, plain_y)) + sum(log(diag(L)))
    },
    kernel_by_outer = function(p) {
      K <- exp(-outer(plain_x, plain_x, function(a, b) (a - b)^2) / p[1]) + diag(p[2], length(plain_x))
      c(determinant(K)$modulus) + sum(plain_y * backsolve(chol(K), forwardsolve(t(chol(K)), plain_y)))
    },
    survival_partial = function(b) {
      risk <- exp(b[1] * plain_x)
      total <- 0
      for (i in order(plain_y)) total <- total + b[1] * plain_x[i] - log(sum(risk[plain_y >= plain_y[i]]))
      -total
    },
    beta_binomial = function(p) {
      k <- c(3, 5, 2)
      -sum(lchoose(8, k) + lbeta(k + p[1], 8 - k + p[2]) - lbeta(p[1], p[2]))
    },
    data_frame = function(p) {
      d <- data.frame(y = plain_y, x = plain_x, g = c("a", "b", "a", "b", "a", "b"))
      mu <- p[1] + p[2] * d$x + ifelse(d$g == "a", p[3], 0)
      sum((d$y - mu)^2)
    },
    by_group = function(p) {
      d <- data.frame(y = plain_y, g = c("a", "b", "a", "b", "a", "b"))
      names(p) <- c("a", "b", "c", "d", "e")
      total <- 0
      for (g in unique(d$g)) total <- total + sum((d$y[d$g == g] - p[g])^2)
      total
    },
    # functions of functions
    by_sapply = function(x) sum(sapply(1:3, function(i) c(0, x[i])^2)),
    by_sapply_elements = function(x) sum(sapply(x, function(v) max(1, v))),
    by_vapply = function(x) sum(vapply(seq_along(x), function(i) x[i]^i, numeric(1))),
    by_lapply = function(x) sum(unlist(lapply(x, function(v) v^2))),
    by_map = function(x) Reduce(`+`, Map(function(a, b) a * b, x, 1:5)),
    by_mapply = function(x) sum(mapply(function(a, b) a^b, x, c(1, 2, 1, 2, 1))),
    by_reduce = function(x) Reduce(function(a, v) 0.5 * a + v, x, 0),
    by_accumulate = function(x) sum(Reduce(`+`, x, accumulate = TRUE)^2),
    by_reduce_c = function(x) sum(Reduce(c, list(1, x[1], x[2]))^2),
    by_do_call = function(x) do.call("sum", list(1, x[1])) * do.call(max, list(0, x[2])),
    by_filter = function(x) sum(unlist(Filter(function(v) v > 1, as.list(x)))),
    by_find = function(x) Find(function(v) v > 1.5, x)^2,
    by_apply = function(x) sum(apply(matrix(x[1:4], 2), 1, function(r) max(0, r[1] - r[2], r[2]))),
    by_outer = function(x) sum(outer(1:2, x)^2) + sum(x[1:2] %o% c(1, 3)),
    by_crossprod = function(x) {
      r <- plain_y[1:5] - x
      c(crossprod(r)) + sum(tcrossprod(x) * diag(5))
    },
    by_vectorized = function(x) {
      g <- Vectorize(function(k, a) max(0, a^k))
      sum(g(1:3, x[1]))
    },
    by_local = function(x) {
      y <- local({
        z <- c(0, x)
        z[2]
      })
      y + with(list(a = x[2]), sum(1, a))
    },
    # control
    switched = function(x) {
      f <- function(kind, v) switch(kind, square = v^2, cube = v^3, stop("no such kind"))
      f("square", x[1]) + f("cube", x[2])
    },
    huber = function(x) {
      s <- 0
      for (v in x - 1) s <- s + if (abs(v) <= 0.5) 0.5 * v^2 else 0.5 * (abs(v) - 0.25)
      s
    },
    ifelse_elements = function(x) sum(ifelse(x > 1, x^2, 2 * x - 1)),
    recursion = function(x) {
      power <- function(a, k) if (k == 0) 1 else a * power(a, k - 1)
      power(x[1], 3)
    },
    recursion_ifelse = function(x) {
      power <- function(a, k) ifelse(k == 0, 1, a * power(a, k - 1))
      power(x[1], 3)
    },
    recalled = function(x) {
      (function(v) if (length(v) == 1L) v else max(0, v[1]) * Recall(v[-1]))(x)
    },
    divide_and_conquer = function(x) {
      total <- function(v) {
        n <- length(v)
        if (n <= 1) return(sum(v^2))
        sum(total(v[1:(n %/% 2)]), total(v[(n %/% 2 + 1):n]))
      }
      total(x)
    },
    defaults = function(x, k = c(2, 3), kind = c("sum", "mean")) {
      kind <- match.arg(kind)
      stopifnot(is.numeric(x), length(x) == 5, is.vector(x), all(is.finite(x)), missing(k))
      switch(kind, sum = sum(c(x, 1)^k[1]), mean = mean(x))
    },
    closure_counter = function(x) {
      calls <- 0
      step <- function(v) {
        calls <<- calls + 1
        c(v, calls)
      }
      sum(step(x[1])) + sum(step(x[2])^2)
    },
    superassigned_vector = function(x) {
      trace <- numeric(3)
      record <- function(i) trace[i] <<- x[i]^2
      for (i in 1:3) record(i)
      sum(trace)
    },
    nchar_of_length = function(x) sum(x) * nchar(length(x)),
    bessel = function(x) sum(besselI(x, 1)) + sum(besselJ(x, 0)),
    polynomial_roots = function(x) (-x[3] + sqrt(x[3]^2 - 4 * x[2] * c(0.1))) / (2 * x[2]),
    softmax = function(x) {
      e <- exp(x - max(c(0, x)))
      -log(e[2] / sum(c(1, e)))
    },
    bootstrap_weights = function(x) {
      idx <- c(1, 1, 3, 5, 2)
      w <- tabulate(idx, 5)
      sum(w * x^2) / sum(w)
    },
    interval = function(x) sum(c(0.1, 0.5, 2)[findInterval(x, c(0, 1, 2)) + 0] * x),
    toeplitz_form = function(x) det(toeplitz(c(3, x[1:2]))),
    simpson = function(x) {
      g <- function(u) exp(-x[1] * u)
      grid <- seq(0, x[2], length.out = 5)
      h <- x[2] / 4
      w <- c(1, 4, 2, 4, 1)
      sum(w * g(grid)) * h / 3
    }
  )
  lapply(rows, with_home)
}
