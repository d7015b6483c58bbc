# Prints the library folder that a user can install into, making the personal one
# where no other can be written.
writable <- function(dir) file.access(dir, mode = 2) == 0
library <- .libPaths()[1]
if (!writable(library)) {
  library <- strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep, fixed = TRUE)[[1]][1]
  library <- path.expand(library)
  dir.create(library, recursive = TRUE, showWarnings = FALSE)
  if (!writable(library)) stop("no library folder can be written: ", library)
}
cat(library)
