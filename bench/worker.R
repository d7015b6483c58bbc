# One R side of the benchmark: reads commands on stdin, a line each, and answers on stdout in lines
# that start with "@". Arguments: the side ("rmlx", "before" or "base"), and "quick" for small sizes.
#   about            what this side is: key=value, by tabs
#   setup ID         prepares a row, calls it once: the digest of its value
#   calibrate S      how many calls take S seconds
#   time N           N calls: wall and CPU seconds of one, peak memory of the process and of MLX in bytes
#   quit
arguments <- commandArgs(TRUE)
side <- arguments[1]
options(bench.quick = "quick" %in% arguments, rmlx.quiet = TRUE)
if (side != "base") suppressPackageStartupMessages(library(rmlx))
source("bench/row.R")
source("bench/models.R")
rows <- load_rows()

# A closure that makes the call n times, byte-compiled.
repeated <- function(call, env) {
  run <- eval(bquote(function(n) for (i in seq_len(n)) .(call)), env)
  compiler::cmpfun(run)
}

processor <- function() sum(proc.time()[c("user.self", "sys.self")])

peak_memory <- function() {
  status <- if (file.exists("/proc/self/status")) readLines("/proc/self/status") else character()
  line <- grep("^VmHWM", status, value = TRUE)
  if (length(line)) 1024 * as.numeric(gsub("[^0-9]", "", line)) else NaN
}

timed <- function(run, n) {
  invisible(gc()) # so that no one pays for what another left
  cpu <- processor()
  wall <- Sys.time()
  run(n)
  c(as.numeric(Sys.time() - wall, units = "secs"), processor() - cpu)
}

now <- new.env() # the row that is set up
commands <- list(
  about = function() {
    blas <- extSoftVersion()[["BLAS"]]
    if (side == "base") return(c(paste0("R=", getRversion()), paste0("BLAS=", blas), paste0("LAPACK=", La_library())))
    c(
      paste0("rmlx=", packageVersion("rmlx")), paste0("MLX=", suppressMessages(mlx_sitrep())$mlx),
      paste0("device=", mlx_device()), paste0("BLAS=", blas)
    )
  },
  setup = function(id) {
    program <- rows[[id]]$programs[[side]]
    now$env <- new.env(parent = rows[[id]]$home)
    eval(program$setup, now$env)
    now$run <- repeated(program$call, now$env)
    checked <- new.env(parent = now$env)
    start <- Sys.time()
    value <- eval(program$call, checked)
    now$first <- as.numeric(Sys.time() - start, units = "secs")
    if (!is.null(program$value)) value <- eval(program$value, checked)
    format(digest(value), digits = 15)
  },
  calibrate = function(aim) {
    if (now$first > 3) return(1) # slow by itself, not by what a first call has to prepare
    n <- 1
    repeat {
      took <- timed(now$run, n)[1]
      if (took > as.numeric(aim) / 4) break
      n <- n * if (took < as.numeric(aim) / 100) 10 else 3
    }
    max(1, round(n * as.numeric(aim) / took))
  },
  time = function(n) {
    took <- timed(now$run, as.numeric(n)) / as.numeric(n)
    c(took, peak_memory(), if (side == "base") NaN else mlx_get_peak_memory())
  }
)

input <- file("stdin", "r")
while (length(line <- readLines(input, 1L)) && line != "quit") {
  words <- strsplit(line, " ", fixed = TRUE)[[1]]
  answer <- tryCatch(
    c("@ok", do.call(commands[[words[1]]], as.list(words[-1]))),
    error = function(e) c("@error", gsub("\\s+", " ", conditionMessage(e)))
  )
  cat(answer, sep = "\t")
  cat("\n")
  flush(stdout())
}
