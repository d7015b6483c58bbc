# What a run of the benchmark is told, by its arguments and the environment.

all_parts <- c(
  "lazy", "scalars", "convert", "train", "index", "gmm", "derivatives", "transformer", "linalg", "memory",
  "package", "install", "instructions"
)

# --parts=A,B     only these parts
# --quick         small sizes and one round: to see that all works, not to measure
# --rounds=N      rounds of each row, at most
# --seconds=S     how long one side calls in a round
# --patience=S    after so many seconds a row has no further round, if it has had three; at most thrice that
# --out=DIR       where the results go: bench/ for a whole run, else target/bench/
# RMLX_BENCH_PYTHON is the Python of the peers, RMLX_BENCH_BEFORE a library with another rmlx.
bench_options <- function(arguments) {
  given <- function(name, default) {
    found <- grep(paste0("^--", name, "="), arguments, value = TRUE)
    if (length(found)) sub("^[^=]*=", "", found[1]) else default
  }
  known <- "^--(quick|(parts|rounds|seconds|patience|out)=.*)$"
  unknown <- grep(known, arguments, value = TRUE, invert = TRUE)
  if (length(unknown)) stop("unknown arguments: ", paste(unknown, collapse = " "), call. = FALSE)
  quick <- "--quick" %in% arguments
  usual <- if (quick) setdiff(all_parts, "install") else all_parts
  parts <- strsplit(given("parts", paste(usual, collapse = ",")), "[, ]+")[[1]]
  if (length(wrong <- setdiff(parts, all_parts))) {
    there <- paste(all_parts, collapse = ", ")
    stop("no such part: ", paste(wrong, collapse = ", "), "; there are ", there, call. = FALSE)
  }
  whole <- !quick && setequal(parts, all_parts)
  list(
    quick = quick, parts = parts,
    rounds = as.integer(given("rounds", if (quick) 1 else 9)),
    seconds = as.numeric(given("seconds", if (quick) 0.01 else 0.1)),
    patience = as.numeric(given("patience", 20)),
    out = given("out", if (whole) "bench" else "target/bench"),
    python = Sys.getenv("RMLX_BENCH_PYTHON"), before = Sys.getenv("RMLX_BENCH_BEFORE")
  )
}
