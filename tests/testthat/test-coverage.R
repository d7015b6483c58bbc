# What inst/coverage claims to be there is there.

coverage <- function(name) {
  utils::read.delim(system.file("coverage", name, package = "rmlx"), quote = "",
                    na.strings = character())
}

# An export, a generic with a method for mlx, or a method by its name.
of_rmlx <- function(name) {
  methods <- getNamespaceInfo("rmlx", "S3methods")
  # before R 4.4 matrix products are functions of our own
  products <- c("%*%.mlx", "crossprod.mlx", "tcrossprod.mlx")
  name %in% getNamespaceExports("rmlx") || name %in% methods[methods[, 2L] == "mlx", 1L] ||
    name %in% c(paste(methods[, 1L], methods[, 2L], sep = "."), products)
}

known <- function(name) {
  of_rmlx(name) || exists(name, baseenv(), inherits = FALSE) || name %in% c("Inf", "NaN")
}

function_of <- function(name) {
  own <- get0(name, asNamespace("rmlx"), inherits = FALSE)
  if (is.null(own)) get0(name, baseenv()) else own
}

test_that("every name of Python MLX has its function here, or a reason", {
  rows <- coverage("python-mlx.tsv")
  expect_gt(nrow(rows), 450L)
  claimed <- unlist(strsplit(rows$r, ", ", fixed = TRUE))
  expect_identical(Filter(function(name) !known(name), claimed), character())
  without <- rows[rows$r == "", ]
  expect_true(all(nzchar(without$note)))
  expect_lt(nrow(without), 25L)
})

test_that("every function of the Rcpp package is here with its arguments", {
  rows <- coverage("rcpp-api.tsv")
  expect_gt(nrow(rows), 180L)
  expect_identical(Filter(function(name) !known(name), rows$r), character())
  lacking <- Map(function(name, arguments) {
    has <- names(formals(args(function_of(name))))
    # what goes on to a method by `...` is the method's
    if ("..." %in% has) character() else setdiff(strsplit(arguments, ", ", fixed = TRUE)[[1L]], has)
  }, rows$r, rows$arguments)
  expect_identical(names(Filter(length, lacking)), character())
})

test_that("the page of coverage is made of the tables as they are", {
  page <- readLines(system.file("coverage", "coverage.md", package = "rmlx"))
  for (table in c("python-mlx.tsv", "rcpp-api.tsv")) {
    names <- coverage(table)[[1L]]
    shown <- grepl("^[|] `", page)
    expect_true(all(vapply(names, function(name) any(startsWith(page[shown], paste0("| `", name, "` |"))), NA)))
  }
})

test_that("a claim without a function would be noticed", {
  expect_false(known("mlx_unheard_of"))
})
