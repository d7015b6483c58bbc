# Derivatives of the rows of the table of operations (helper-table-*.R): what they are checked with.

# A direction in an argument, generic.
direction_in <- function(x) {
  v <- sin(2.1 * seq_along(x) + 0.5) + 0.3
  if (is.null(dim(x))) v else array(v, dim(x))
}

# The derivative of a list of arrays along a line by central differences of fourth order.
difference_quotient <- function(at, h) {
  Map(function(a, b, c, d) (8 * (a - b) - (c - d)) / (12 * h), at(1), at(-1), at(2), at(-2))
}

# A row's function at arguments, its gradient and its forward derivative, as R values.
row_problem <- function(r, args, to = as64) {
  k <- r$grad
  converted <- function(args) lapply(unname(args), function(x) if (is.double(x)) to(x) else as_mlx(x))
  value <- function(args) as_r(do.call(r$f, converted(args)))
  w <- weights_for(value(args))
  w <- to(if (length(dim(w)) == 1L) as.vector(w) else w)
  loss <- function(...) sum(w * r$f(...))
  along <- lapply(args[k], direction_in)
  tangents <- unname(lapply(along, to))
  list(
    k = k, h = r$h, args = converted(args), f = r$f, loss = loss, tangents = tangents,
    value = function(args) list(as.vector(value(args))),
    gradient = function(args) lapply(do.call(mlx_grad, c(loss, converted(args), list(argnums = k))), as_r),
    forward = function(args) {
      out <- do.call(mlx_jvp, c(r$f, converted(args), list(tangents = tangents, argnums = k)))
      list(as.vector(as_r(out$tangents)))
    },
    shifted = function(times) {
      for (i in seq_along(k)) args[[k[i]]] <- args[[k[i]]] + times * along[[i]]
      args
    }
  )
}

# Each element to 1e-7, or to 1e-9 of the largest that takes part in the difference.
expect_derivatives <- function(got, want, label, scale = want, tolerance = 1e-7) {
  for (i in seq_along(want)) {
    floor <- tolerance / 100 * max(1, abs(want[[i]]), abs(scale[[i]]))
    expect_near(got[[i]], want[[i]], tolerance, paste0(label, if (length(want) > 1L) paste0(" (", i, ")")),
                absolute = floor)
  }
}

# First derivatives against differences of values, second ones against differences of first ones, in
# each order of forward (jvp) and reverse mode.
expect_row_derivatives <- function(r, args, tolerance = 1e-7) {
  p <- row_problem(r, args)
  label <- function(what) paste0(what, " of ", r$id, " of ", describe(args))
  nearby <- function(g) difference_quotient(function(times) g(p$shifted(times * p$h)), p$h)
  call <- function(transformation, f, ...) do.call(transformation, c(f, p$args, list(...)))
  first <- p$forward(args)
  expect_derivatives(first, nearby(p$value), label("jvp"), p$value(args), tolerance)
  gradient <- p$gradient(args)
  slopes <- nearby(p$gradient)
  pulled <- function(...) {
    Reduce(`+`, Map(function(g, v) sum(g * v), mlx_grad(p$loss, ..., argnums = p$k), p$tangents))
  }
  expect_derivatives(call(mlx_grad, pulled, argnums = p$k), slopes, label("gradient of the gradient"), gradient,
                     tolerance)
  expect_derivatives(call(mlx_hvp, p$loss, vectors = p$tangents, argnums = p$k), slopes,
                     label("jvp of the gradient"), gradient, tolerance)
  pushed <- function(...) mlx_jvp(p$f, ..., tangents = p$tangents, argnums = p$k)$tangents
  second <- call(mlx_jvp, pushed, tangents = p$tangents, argnums = p$k)$tangents
  expect_derivatives(list(as.vector(as_r(second))), nearby(p$forward), label("jvp of the jvp"), first, tolerance)
}

# Gradients of two items at once, all arguments mapped or one of them, against those of each.
expect_row_maps <- function(r, args, tolerance = 1e-9) {
  p <- row_problem(r, args)
  other <- p$shifted(0.01)
  both <- function(x, y) {
    as64(array(rbind(as.vector(x), as.vector(y)), c(2L, shape_of(x))))
  }
  sets <- unique(c(list(seq_along(p$k)), as.list(seq_along(p$k))))
  for (mapped in sets) {
    k <- p$k[mapped]
    of_item <- function(...) {
      arguments <- p$args
      arguments[k] <- list(...)
      do.call(mlx_grad, c(p$loss, arguments, list(argnums = p$k)))
    }
    got <- do.call(mlx_vmap(of_item), unname(Map(both, args[k], other[k])))
    second <- args
    second[k] <- other[k]
    want <- Map(function(a, b) rbind(as.vector(a), as.vector(b)), p$gradient(args), p$gradient(second))
    label <- paste0("vmap of the gradient of ", r$id, " of ", describe(args), ", mapped: ",
                    paste(k, collapse = ", "))
    for (i in seq_along(want)) {
      expect_near(as.vector(as_r(got[[i]])), as.vector(want[[i]]), tolerance, label,
                  absolute = tolerance * max(1, abs(want[[i]])))
    }
  }
}

# Second derivatives in float32 against those in float64.
expect_row_in_single <- function(r, args, tolerance) {
  hvp <- function(to) {
    p <- row_problem(r, lapply(args, single), to)
    lapply(do.call(mlx_hvp, c(p$loss, p$args, list(vectors = p$tangents, argnums = p$k))), as_r)
  }
  got <- hvp(function(x) as_mlx(x, dtype = "float32"))
  want <- with_mlx_device("cpu", hvp(as64))
  for (i in seq_along(want)) {
    expect_near(got[[i]], want[[i]], tolerance, paste0("second derivative of ", r$id, " in float32"),
                absolute = tolerance * max(1, abs(want[[i]])))
  }
}
