# Runs the table of the files helper-table-*.R, and sees that nothing is missing from it.

value_reads <- function() .Call(rmlx:::C_reads)

run_row <- function(r, args, dtype) {
  to_mlx <- function(x) if (is.double(x)) as_mlx(x, dtype = dtype) else as_mlx(x)
  args <- lapply(args, to_mlx)
  before <- value_reads()
  out <- suppressWarnings(do.call(r$f, args))
  if (is.null(r$reads) && r$dtype != "R") {
    expect_identical(value_reads(), before, label = paste("values read by", r$id))
  }
  out
}

dtype_of <- function(x) if (is_mlx(x)) mlx_dtype(x) else "R"

expect_row <- function(r, args, dtype, tolerance) {
  if (dtype == "float32") args <- lapply(args, single)
  got <- run_row(r, args, dtype)
  want <- suppressWarnings(do.call(r$oracle, args))
  label <- paste0(r$id, " of ", describe(args), " in ", dtype)
  expect_near(got, want, tolerance, label)
  wanted <- if (r$dtype == "same") dtype else r$dtype
  expect(dtype_of(got) == wanted, paste0(label, ": dtype ", dtype_of(got), " instead of ", wanted))
}

# One operation or one family by hand: RMLX_ROWS="conv"
wanted <- grepl(Sys.getenv("RMLX_ROWS"), names(operations))

for (r in operations[wanted]) {
  test_that(paste0("`", r$id, "` agrees with base R in float64 to 1e-12"), {
    local_doubles()
    for (args in c(r$inputs, r$special)) expect_row(r, args, "float64", 1e-12)
  })

  test_that(paste0("`", r$id, "` agrees with base R in float32"), {
    for (args in c(r$inputs, r$special)) expect_row(r, args, "float32", r$tolerance32)
  })

  test_that(paste0("`", r$id, "` computes in every dtype, or refuses it as the table says"), {
    for (dtype in setdiff(dtypes, c("float32", "float64"))) expect_row_in(r, dtype)
  })

  if (length(r$empty) > 0L) {
    test_that(paste0("`", r$id, "` of nothing is what base R says"), {
      local_cpu()
      for (args in r$empty) expect_row(r, args, "float64", 0)
    })
  }

  if (length(r$int) > 0L) {
    test_that(paste0("`", r$id, "` computes integers"), {
      args <- lapply(r$int, function(x) if (is.integer(x)) as_mlx(x, dtype = "int32") else x)
      got <- suppressWarnings(do.call(r$f, args))
      want <- suppressWarnings(do.call(r$oracle, r$int))
      expect_near(got, want, r$tolerance32, r$id)
      expect_identical(dtype_of(got), r$int_dtype)
    })
  }

  if (length(unlist(r$bool)) > 0L) {
    test_that(paste0("`", r$id, "` computes logicals"), {
      got <- suppressWarnings(do.call(r$f, lapply(r$bool, as_mlx)))
      want <- suppressWarnings(do.call(r$oracle, r$bool))
      expect_near(got, want, r$tolerance32, r$id)
      expect_identical(dtype_of(got), r$bool_dtype)
    })
  }

  if (!isFALSE(r$sides)) {
    test_that(paste0("`", r$id, "` takes R vectors beside an mlx array"), {
      plain <- if (is.numeric(r$sides)) r$sides else 1:2
      for (args in r$inputs) {
        for (k in plain) {
          mixed_args <- lapply(args, as64)
          mixed_args[[k]] <- args[[k]]
          label <- paste0(r$id, " with R operand ", k, " of ", describe(args))
          got <- do.call(r$f, mixed_args)
          expect_near(got, do.call(r$oracle, args), 1e-12, label)
          expect_true(is_mlx(got), label = label)
        }
      }
    })
  }

  if (length(r$grad) > 0L) {
    test_that(paste0("the gradient of `", r$id, "` agrees with central differences"), {
      local_doubles()
      for (args in r$inputs) {
        label <- paste0("gradient of ", r$id, " of ", describe(args))
        expect_gradient(r$f, r$oracle, args, r$grad, label, h = r$h)
      }
    })
  }
}

test_that("operations on complex arrays agree with base R", {
  z <- complex(real = c(1.5, -0.5, 0, 2), imaginary = c(-2, 0.25, 1, 0))
  w <- complex(real = c(0.5, 2, -1, 1), imaginary = c(1, -1, 0.5, 3))
  x <- as_mlx(z)
  y <- as_mlx(w)
  for (name in c("Re", "Im", "Mod", "Arg", "Conj", "exp", "log", "sqrt", "sin", "cos", "abs",
                 "is.nan", "is.finite", "sum", "prod", "mean", "cumsum", "-", "t")) {
    f <- match.fun(name)
    expect_near(f(x), f(z), 1e-5, name, absolute = 1e-6)
  }
  for (name in c("+", "-", "*", "/", "==", "!=", "^")) {
    f <- match.fun(name)
    expect_near(f(x, y), f(z, w), 1e-5, name, absolute = 1e-6)
    expect_near(f(x, w), f(z, w), 1e-5, name, absolute = 1e-6)
  }
  a <- matrix(z, 2)
  b <- matrix(w, 2)
  expect_near(as_mlx(a) %*% as_mlx(b), a %*% b, 1e-5, "%*%")
  expect_identical(mlx_dtype(Mod(x)), "float32")
  expect_identical(mlx_dtype(Conj(x)), "complex64")
})

test_that("an order of complex numbers is refused", {
  z <- as_mlx(1i)
  for (f in list(`<`, `<=`, `>`, `>=`)) {
    expect_error(f(z, z), "invalid comparison with complex", class = "rmlx_error_dtype")
  }
  expect_error(z %% z, "complex", class = "rmlx_error_dtype")
  expect_error(z %/% 2, "complex", class = "rmlx_error_dtype")
  expect_error(range(z), "complex", class = "rmlx_error_dtype")
})

test_that("NaN compares as in IEEE arithmetic, since MLX has no missing logical", {
  x <- as_mlx(c(NaN, 1))
  expect_identical(as.vector(x == x), c(FALSE, TRUE))
  expect_identical(as.vector(x != x), c(TRUE, FALSE))
  expect_identical(as.vector(x < 2), c(FALSE, TRUE))
  expect_identical(as.vector(x >= 1), c(FALSE, TRUE))
  expect_identical(as.vector(x & TRUE), c(TRUE, TRUE))
  expect_identical(as.vector(!x), c(FALSE, FALSE))
})

test_that("a negative base to an infinite power is IEEE's", {
  x <- as_mlx(c(-2, -0.5, -2))
  expect_identical(as.vector(x^c(Inf, Inf, -Inf)), c(Inf, 0, 0))
})

test_that("a bool counts as a number in arithmetic", {
  x <- as_mlx(c(TRUE, FALSE))
  expect_identical(as.vector(x + x), c(2, 0))
  expect_identical(as.vector(sum(x)), 1)
  expect_identical(as.vector(-x), c(-1, 0))
})

covered <- unique(unlist(lapply(operations, function(r) r$covers)))

expect_all_covered <- function(names, what) {
  missing <- setdiff(names, c(covered, names(not_operations)))
  testthat::expect(
    length(missing) == 0L,
    paste0(what, " without a row in the table: ", paste(missing, collapse = ", "))
  )
}

test_that("the table has every member of the groups Ops, Math, Summary and Complex", {
  members <- function(group) {
    unlist(lapply(methods::getGroupMembers(group), function(name) {
      if (name %in% c("Arith", "Compare", "Logic")) members(name) else name
    }))
  }
  for (group in c("Ops", "Math", "Math2", "Summary", "Complex")) {
    expect_gt(length(members(group)), 1L)
    expect_identical(setdiff(members(group), covered), character(), label = group)
  }
  # S3's groups have some members more
  expect_identical(setdiff(c("!", "round", "signif", "cospi", "sinpi", "tanpi"), covered),
                   character())
})

test_that("every method is registered, so that other packages' code dispatches to it", {
  # the Rcpp package exports one method by its name
  expect_identical(grep("\\.mlx$", getNamespaceExports("rmlx"), value = TRUE), "kronecker.mlx")
  from_stats <- eval(quote(function(x) log2(x) + log10(x)), asNamespace("stats"))
  expect_true(is_mlx(from_stats(as_mlx(c(1, 8)))))
})

test_that("the table has every S3 method for class mlx", {
  methods <- getNamespaceInfo("rmlx", "S3methods")
  generics <- sub("^.*::", "", methods[methods[, 2L] == "mlx", 1L])
  expect_gt(length(generics), 60L)
  expect_all_covered(generics, "methods")
})

test_that("the table has every export that computes", {
  exports <- getNamespaceExports("rmlx")
  exports <- exports[!startsWith(exports, ".__")] # tables of S4 methods
  expect_gt(length(exports), 60L)
  expect_all_covered(exports, "exports")
})

test_that("a missing operation would be noticed", {
  expect_error(expect_all_covered("mlx_unheard_of", "exports"), "mlx_unheard_of")
})

test_that("the table names nothing that is not there", {
  methods <- getNamespaceInfo("rmlx", "S3methods")
  known <- c(
    sub("^.*::", "", methods[methods[, 2L] == "mlx", 1L]),
    sub("\\.mlx$", "", getNamespaceExports("rmlx"))
  )
  expect_identical(setdiff(covered, known), character())
})
