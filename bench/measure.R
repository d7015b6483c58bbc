# Measures rows: every side that has one is set up, its value compared, and timed in interleaved rounds.

# Which sides have a process, started when first needed; those that cannot start are remembered with why.
crew_new <- function(programs) {
  crew <- new.env()
  crew$programs <- programs
  crew$workers <- list()
  crew$about <- list()
  crew$absent <- list()
  crew
}

crew_worker <- function(crew, side) {
  if (!is.null(crew$absent[[side]])) stop(crew$absent[[side]], call. = FALSE)
  if (is.null(crew$programs[[side]])) stop("not asked for", call. = FALSE)
  if (is.null(crew$workers[[side]]) || !crew$workers[[side]]$process$is_alive()) {
    worker <- side_start(crew$programs[[side]])
    about <- tryCatch(side_ask(worker, "about", limit = 120), error = function(e) {
      crew$absent[[side]] <- conditionMessage(e)
      side_stop(worker)
      stop(e)
    })
    crew$about[[side]] <- about
    crew$workers[[side]] <- worker
  }
  crew$workers[[side]]
}

crew_stop <- function(crew, sides = names(crew$workers)) {
  for (side in sides) {
    if (!is.null(crew$workers[[side]])) side_stop(crew$workers[[side]])
    crew$workers[[side]] <- NULL
  }
}

# Whether two digests agree: each within a part of the mean size of the numbers, the sizes exactly.
agree <- function(ours, theirs, tolerance) {
  if (length(ours) != length(theirs)) return(FALSE)
  kind <- rep_len(1:4, length(ours))
  scale <- rep(pmax(abs(ours[kind == 3]), 1e-12), each = 4)
  isTRUE(all(ours[kind == 1] == theirs[kind == 1]) && all(abs(ours - theirs) <= tolerance * scale))
}

# One row: a data frame of side, round, wall, cpu, peak and mlx_peak; what failed is in its notes.
measure_row <- function(crew, row, options) {
  if (row$fresh) crew_stop(crew)
  notes <- character()
  digests <- list()
  calls <- c()
  for (side in setdiff(intersect(row$sides, names(crew$programs)), names(crew$absent))) {
    ready <- tryCatch(
      {
        worker <- crew_worker(crew, side)
        digests[[side]] <- as.numeric(side_ask(worker, "setup", row$id))
        as.numeric(side_ask(worker, "calibrate", options$seconds))
      },
      error = function(e) conditionMessage(e)
    )
    if (is.character(ready)) notes[side] <- ready else calls[side] <- ready
  }
  for (side in setdiff(names(calls), "rmlx")) {
    if ("rmlx" %in% names(calls) && !agree(digests$rmlx, digests[[side]], row$tolerance)) {
      notes[side] <- "another value than rmlx's"
      calls <- calls[names(calls) != side]
    }
  }
  times <- list()
  started <- Sys.time()
  for (round in seq_len(options$rounds)) {
    for (side in sample(names(calls))) {
      got <- tryCatch(
        as.numeric(side_ask(crew$workers[[side]], "time", calls[[side]])),
        error = function(e) {
          notes[side] <<- conditionMessage(e)
          NULL
        }
      )
      if (is.null(got)) {
        calls <- calls[names(calls) != side]
      } else {
        times[[length(times) + 1L]] <- data.frame(
          id = row$id, side = side, round = round, wall = got[1], cpu = got[2], peak = got[3], mlx_peak = got[4]
        )
      }
    }
    # slow rows have fewer rounds
    waited <- as.numeric(Sys.time() - started, units = "secs")
    if (waited > options$patience * if (round < 3) 3 else 1) break
  }
  if (row$fresh) crew_stop(crew)
  list(times = do.call(rbind, times), notes = notes)
}

# All rows; said as it goes.
measure_rows <- function(crew, rows, options) {
  out <- list(times = list(), notes = list())
  for (row in rows) {
    cat(sprintf("%-60s", row$label))
    got <- measure_row(crew, row, options)
    out$times[[row$id]] <- got$times
    out$notes[[row$id]] <- got$notes
    seconds <- medians(got$times, row$clock)
    cat(paste(sprintf("%s %s", names(seconds), duration(seconds)), collapse = ", "), "\n")
    for (side in names(got$notes)) cat("    ", side, ": ", got$notes[[side]], "\n", sep = "")
  }
  out$times <- do.call(rbind, unname(out$times))
  out
}
