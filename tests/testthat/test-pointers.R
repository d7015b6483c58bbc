# Pointers that outlast what R sees: C code that keeps one to an array's R values while it calls R.

# A C function compiled for a test.
compiled <- function(code, name) {
  dir <- tempfile("native-")
  dir.create(dir)
  writeLines(c("#include <R.h>", "#include <Rinternals.h>", code), file.path(dir, "native.c"))
  built <- suppressWarnings(system2(
    file.path(R.home("bin"), "R"), c("CMD", "SHLIB", shQuote(file.path(dir, "native.c"))),
    stdout = TRUE, stderr = TRUE
  ))
  library <- file.path(dir, paste0("native", .Platform$dynlib.ext))
  skip_if(!file.exists(library), "there is no C compiler")
  getNativeSymbolInfo(name, dyn.load(library))
}

test_that("what C code writes between calls of R functions is what they see", {
  local_cpu()
  writer <- compiled(name = "write_between", code = "
    SEXP write_between(SEXP x, SEXP values, SEXP f, SEXP rho) {
      R_xlen_t n = XLENGTH(values);
      SEXP out = PROTECT(allocVector(VECSXP, n));
      SEXP call = PROTECT(lang2(f, x));
      double *p = REAL(x);
      for (R_xlen_t i = 0; i < n; i++) {
        p[0] = REAL(values)[i];
        SET_VECTOR_ELT(out, i, eval(call, rho));
      }
      UNPROTECT(2);
      return out;
    }")
  for (dtype in c("float32", "float64")) {
    x <- as_mlx(c(1, 2), dtype = dtype)
    seen <- .Call(writer, x, c(1, 7.1, 7.1, -3), function(x) as.numeric(x + 1), environment())
    want <- list(c(2, 3), c(8.1, 3), c(8.1, 3), c(-2, 3))
    expect_equal(seen, want, tolerance = if (dtype == "float32") 1e-6 else 1e-14)
    expect_identical(as.numeric(x * 1), c(-3, 2))
  }
})

test_that("another variable does not see what C code wrote into its copy", {
  writer <- compiled(name = "write_first", code = "
    SEXP write_first(SEXP x) { REAL(x)[0] = 5; return x; }")
  x <- as_mlx(c(1, 2))
  y <- x
  attr(y, "own") <- TRUE
  .Call(writer, y)
  expect_identical(as.numeric(y + 0), c(5, 2))
  expect_identical(as.numeric(x + 0), c(1, 2))
})
