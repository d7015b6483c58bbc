# What `make demo` runs: a gradient of an R function, then a logistic regression
# fitted by it in double precision, checked against glm(). Needs R's own packages,
# cli and rmlx.
suppressPackageStartupMessages(library(rmlx))

headline <- function(text) cat("\n", cli::rule(left = text, width = 78), "\n\n", sep = "")

# ---- 1. The gradient of an R function -------------------------------------------------

headline("The gradient of an R function")

example <- "
loss <- function(w, x, y) {
  r <- x %*% w - y
  sum(r * r) / length(y)
}
x <- as_mlx(matrix(1:8, 4, 2))
y <- as_mlx(matrix(c(1, 3, 2, 4), 4, 1))
w <- as_mlx(matrix(0, 2, 1))
mlx_grad(loss, w, x, y)[[1]]
"
source(exprs = parse(text = example, keep.source = TRUE), echo = TRUE, spaced = FALSE)

# ---- 2. Logistic regression -----------------------------------------------------------

headline("Logistic regression in float64: low birth weight, MASS::birthwt")

# Doubles are computed on the CPU: GPUs have single precision only.
mlx_device("cpu")
options(rmlx.dtype = "float64")

births <- MASS::birthwt
births$race <- factor(births$race, labels = c("white", "black", "other"))
formula <- low ~ age + lwt + race + smoke + ptl + ht + ui + ftv
design <- model.matrix(formula, births)

# BFGS takes the identity for its first guess of the inverse curvature. So that this is a good one,
# each covariate is centred and divided by its standard deviation (the coefficients are turned back
# below), and `fnscale` divides the loss by n / 4, its curvature then at zero.
centre <- c(0, colMeans(design[, -1]))
spread <- apply(design, 2, sd)
spread[1] <- 1
x <- as_mlx(scale(design, centre, spread))
y <- as_mlx(cbind(births$low))

# Minus the log-likelihood: log(1 + exp(eta)) - y * eta over the births, without overflow.
loss <- function(beta, x, y) {
  eta <- x %*% beta
  sum(mlx_logaddexp(eta, 0) - y * eta)
}

cat("Model:     ", format(formula), "\n")
cat("Data:      ", nrow(design), "births,", ncol(design), "coefficients\n")
cat("Fitted by:  optim(method = \"BFGS\"), gradient by mlx_grad(), until the loss no longer\n")
cat("            falls by more than 1e-15 of itself; covariates are standardised for it,\n")
cat("            and the coefficients turned back to the covariates' own units\n\n")

# In a terminal a line that is rewritten; elsewhere, as in a log, every fifth evaluation.
losses <- numeric()
live <- cli::is_dynamic_tty(stdout())
bar <- NULL
if (live) {
  options(cli.progress_show_after = 0, cli.progress_clear = FALSE)
  bar <- cli::cli_progress_bar(
    format = "evaluation {cli::pb_current}: -log L = {sprintf('%.9f', losses[cli::pb_current])}",
    total = NA
  )
}
report <- function() {
  n <- length(losses)
  if (live) {
    cli::cli_progress_update(set = n, id = bar, force = TRUE)
  } else if (n %% 5 == 1) {
    cat(sprintf("evaluation %3d: -log L = %.9f\n", n, losses[n]))
  }
}

seconds <- system.time({
  fit <- optim(
    par = numeric(ncol(design)),
    fn = function(beta) {
      value <- as.numeric(loss(as_mlx(beta), x, y))
      losses <<- c(losses, value)
      report()
      value
    },
    gr = function(beta) as.numeric(mlx_grad(loss, beta, x, y, argnums = 1)[[1]]),
    method = "BFGS",
    control = list(reltol = 1e-15, fnscale = nrow(design) / 4, maxit = 1000)
  )
})[["elapsed"]]
if (live) cli::cli_progress_done(id = bar)
if (fit$convergence != 0) stop("optim() did not converge: code ", fit$convergence)
cat(sprintf(
  "converged:      -log L = %.9f  after %d values and %d gradients in %.2f s\n\n",
  fit$value, fit$counts[[1]], fit$counts[[2]], seconds
))

slopes <- fit$par / spread
slopes[1] <- fit$par[1] - sum(slopes * centre)
reference <- glm(formula, binomial, births, epsilon = 1e-14, maxit = 100)
both <- cbind(rmlx = slopes, glm = coef(reference), difference = slopes - coef(reference))
table <- cbind(
  format(round(both[, 1:2], 9), nsmall = 9),
  formatC(both[, 3], format = "e", digits = 1)
)
colnames(table) <- colnames(both)
print(table, quote = FALSE, right = TRUE)

largest <- max(abs(both[, "difference"]))
fine <- largest < 1e-6
cat(sprintf(
  "\nLargest difference from glm(): %.1e, %s 1e-6\n", largest, if (fine) "below" else "NOT below"
))

# ---- 3. A picture of the fit ----------------------------------------------------------

optimum <- -as.numeric(logLik(reference))
evaluation <- seq_along(losses)
# What is left to go. Below the rounding of a sum of this size there is nothing to see.
rounding <- optimum * .Machine$double.eps
gap <- pmax(losses - optimum, rounding)
best <- cummin(gap)

blue <- "#1f5fa8"
ink <- "grey25"
pale <- "grey92"
# R deletes its own temporary folder when it ends, so its parent.
folder <- if (file.access(".", 2) == 0) getwd() else dirname(tempdir())
picture <- file.path(folder, "demo-loss.png")
if (capabilities("cairo")) {
  png(picture, width = 2000, height = 900, res = 200, type = "cairo")
} else if (capabilities("png")) {
  png(picture, width = 2000, height = 900, res = 200)
} else {
  picture <- sub("png$", "pdf", picture)
  pdf(picture, width = 10, height = 4.5)
}

par(
  mfrow = c(1, 2), mar = c(3.6, 4.6, 2.6, 1), mgp = c(2.1, 0.5, 0), las = 1, tcl = -0.25,
  bty = "l", cex.axis = 0.85, cex.main = 1, font.main = 1, col.axis = ink, col.lab = ink
)

# Left: the loss itself. Trials of the line search that went too far are triangles at the top.
top <- losses[1] + 0.08 * (losses[1] - optimum)
plot(
  evaluation, losses,
  type = "n", ylim = c(optimum, top), xlab = "evaluation of the loss", ylab = "",
  main = "Logistic regression: BFGS with mlx_grad()"
)
title(ylab = "negative log-likelihood", line = 3)
grid(nx = NA, ny = NULL, col = pale, lty = 1)
abline(h = optimum, col = "grey55", lty = 2)
lines(evaluation, cummin(losses), type = "s", col = blue, lwd = 2)
points(evaluation, losses, pch = 21, bg = "white", col = blue, cex = 0.7)
points(which(losses > top), rep(top, sum(losses > top)), pch = 2, col = blue, cex = 0.7)
text(
  max(evaluation), optimum, sprintf("optimum of glm(): %.3f", optimum),
  adj = c(1, -1.2), col = ink, cex = 0.8
)

# Right: how far it is from the optimum.
decades <- seq(floor(log10(rounding)), ceiling(log10(max(gap))), by = 3)
plot(
  evaluation, gap,
  type = "n", log = "y", yaxt = "n", ylim = c(rounding / 3, 3 * max(gap)),
  xlab = "evaluation of the loss", ylab = "",
  main = "Distance to the optimum (log scale)"
)
title(ylab = "distance to the optimum", line = 3)
axis(2, at = 10^decades, labels = parse(text = paste0("10^", decades)))
abline(h = 10^decades, col = pale)
rect(-10, rounding / 10, 2 * length(losses), rounding * 3, col = pale, border = NA)
text(1, rounding, "rounding of doubles", adj = c(0, 0.5), col = ink, cex = 0.8)
lines(evaluation, best, type = "s", col = blue, lwd = 2)
points(evaluation, gap, pch = 21, bg = "white", col = blue, cex = 0.7)
legend(
  "topright",
  legend = c("an evaluation", "the best so far", sprintf("in the end %.0e from glm()'s coefficients", largest)),
  col = blue, pch = c(21, NA, NA), lwd = c(NA, 2, NA),
  pt.bg = "white", pt.cex = 0.7, bty = "n", cex = 0.8, text.col = ink
)
invisible(dev.off())
cat("Plot of the loss: ", picture, "\n", sep = "")

if (!fine) quit(status = 1L)
