# Every row of the table with 0-d, 1-d, 3-d and empty arrays, and with NaN and infinities: the value that
# base R gives, or the refusal that the row declares.

rows_wanted <- operations[grepl(Sys.getenv("RMLX_ROWS"), names(operations))]
tried <- NULL

for (kind in shape_kinds) {
  for (dtype in c("float64", "float32")) {
    test_that(paste0("every row takes or refuses ", kind, " input in ", dtype), {
      if (dtype == "float64") local_doubles()
      for (r in rows_wanted) {
        for (args in kind_arguments(r, kind)) {
          outcome <- try_kind(r, kind, args, dtype)
          tried <<- rbind(tried, data.frame(id = r$id, kind = kind, dtype = dtype, outcome = outcome))
        }
      }
    })
  }
}

test_that("no row is left out, and most give values", {
  skip_if(nzchar(Sys.getenv("RMLX_ROWS")), "only some rows run")
  each <- expand.grid(id = names(operations), kind = shape_kinds, dtype = c("float64", "float32"))
  key <- function(x) paste(x$id, x$kind, x$dtype)
  expect_identical(setdiff(key(each), key(tried)), character())
  values <- table(factor(tried$kind, shape_kinds)[tried$outcome == "value"])
  expect_true(all(values >= 2 * c(370, 470, 600, 420, 520, 880)), info = paste(values, collapse = " "))
})

test_that("a row whose oracle does not take a shape and that declares nothing is an error", {
  local_cpu()
  unheard <- row("unheard of", sum, function(x) stop("not of this shape"), inputs = list(list(1.5)))
  expect_error(try_kind(unheard, "1-d", kind_arguments(unheard, "1-d")[[1L]], "float64"), "declares nothing")
})

test_that("a wrong value, a value where a refusal is declared and lost NaN are failures", {
  local_cpu()
  wrong <- row("wrong", function(x) x + 1, identity, inputs = list(list(c(1.5, 2, 3))))
  args <- list(c(NaN, 2, 3))
  expect_failure(try_kind(wrong, "special", args, "float64"), "differ")
  expect_failure(try_kind(wrong, "special", args, "float64", list(refuses = "rmlx_error_shape")))
  lost <- row("lost", function(x) mlx_zeros(3), identity, inputs = list(list(c(1.5, 2, 3))))
  expect_failure(try_kind(lost, "special", args, "float64", list(not_finite = TRUE)), "lost")
})

test_that("the declarations name rows and kinds that there are, each once", {
  for (entry in shape_entries) {
    expect_identical(setdiff(entry$rows, names(operations)), character())
    expect_identical(setdiff(entry$kinds, shape_kinds), character())
  }
  named <- unlist(lapply(shape_entries, function(entry) outer(entry$rows, entry$kinds, paste, sep = " | ")))
  expect_identical(named[duplicated(named)], character())
})

test_that("the rows of the table have names of their own", {
  expect_identical(names(operations)[duplicated(names(operations))], character())
})
