# Writes results.md.

part_titles <- c(
  lazy = "Operations on one element, never evaluated", scalars = "One number", convert = "Conversion",
  train = "Training", index = "Parts of a matrix", gmm = "ADBench's Gaussian mixture (double precision, n 1000)",
  derivatives = "Jacobian and Hessian", transformer = "Transformer block", linalg = "Linear algebra",
  memory = "Many temporaries"
)

write_report <- function(measured, rows, path) {
  has_before <- "before" %in% measured$times$side
  aims <- aims_table(measured, rows)
  lines <- c(
    "# Benchmark", "", about_lines(measured, rows), "",
    "Median times of interleaved rounds, with half of the middle half's width in percent for rmlx. A ratio is rmlx's",
    "time over that of Python MLX with R's BLAS; \"before\" is an earlier rmlx. All sides' values were compared first.",
    "Aims are ratios to Python MLX unless they name another."
  )
  for (part in unique(vapply(rows, function(row) row$part, ""))) {
    of_part <- Filter(function(row) row$part == part, rows)
    lines <- c(lines, "", paste("##", part_titles[[part]]), "", part_table(measured, of_part, rows, aims, has_before))
    others <- peers_table(measured, of_part)
    if (!is.null(others)) lines <- c(lines, "", others)
    if (part == "convert") lines <- c(lines, "", rates_table(measured, of_part))
    if (part == "memory") lines <- c(lines, "", peaks_table(measured, of_part))
  }
  if (!is.null(measured$package)) lines <- c(lines, "", package_lines(measured$package))
  if (!is.null(measured$instructions)) lines <- c(lines, "", instructions_lines(measured$instructions))
  lines <- c(lines, notes_lines(measured, rows))
  writeLines(lines, path)
}

about_lines <- function(measured, rows) {
  m <- measured$machine
  sides <- vapply(names(measured$about), function(side) {
    paste0("- ", side_names[[side]], ": ", paste(sub("=", " ", measured$about[[side]]), collapse = ", "))
  }, "")
  absent <- vapply(names(measured$absent), function(side) {
    paste0("- ", side_names[[side]], ": not there: ", measured$absent[[side]])
  }, "")
  order <- intersect(names(side_names), names(sides))
  c(
    paste0(paste(m[1:3], collapse = "; "), "; R ", m[["R"]], "; ", m[["date"]], "; load ", m[["load"]], " at the end."),
    if (measured$options$quick) c("", "**Quick mode: small sizes, one round. These numbers mean nothing.**"),
    "", sides[order], absent
  )
}

markdown <- function(table) {
  row <- function(cells) paste0("| ", paste(cells, collapse = " | "), " |")
  align <- c("---", rep("---:", ncol(table) - 1L))
  cells <- as.matrix(format(table, trim = TRUE))
  c(row(names(table)), row(align), apply(table, 1, row))
}

ratio_text <- function(x) ifelse(is.na(x), "", sprintf("%.2f", x))
time_text <- function(x) ifelse(is.na(x), "", duration(x))

# The part's table: ours, before, Python MLX, ratios and aims.
part_table <- function(measured, of_part, rows, aims, has_before) {
  lines <- lapply(of_part, function(row) {
    seconds <- row_seconds(measured, row)
    ours <- part_of(seconds, "rmlx")
    before <- part_of(seconds, "before")
    python <- part_of(seconds, "mlx")
    own <- aims[aims$id == row$id, ]
    data.frame(
      work = row$label,
      rmlx = if (is.na(ours)) "" else sprintf("%s ±%.0f %%", duration(ours), 100 * spread(measured, row, "rmlx")),
      before = time_text(before), `Python MLX` = time_text(python),
      ratio = ratio_text(ours / python), `ratio before` = ratio_text(before / python),
      aim = paste(own$text, collapse = "; "), reached = verdicts(own), check.names = FALSE
    )
  })
  table <- do.call(rbind, unname(lines))
  mean_of <- aims[aims$id == "lazy-mean" & aims$part == of_part[[1]]$part, ]
  if (nrow(mean_of)) {
    ratios <- ratio_text(c(mean_of$reached, mean_of$before))
    table[nrow(table) + 1L, ] <- c(mean_of$label, "", "", "", ratios, mean_of$text, verdicts(mean_of))
  }
  if (!has_before) table <- table[setdiff(names(table), c("before", "ratio before"))]
  markdown(table)
}

# "met" or "missed" for each aim, with what was reached where the ratio column does not tell.
verdicts <- function(aims) {
  told <- ifelse(aims$text == sprintf("%g", aims$aim), "", sprintf(" (%s)", format_number(aims$reached)))
  paste(ifelse(is.na(aims$reached), "not measured", paste0(ifelse(aims$reached <= aims$aim, "met", "missed"), told)),
    collapse = "; "
  )
}
format_number <- function(x) ifelse(x >= 100, sprintf("%.0f", x), sprintf("%.2f", x))

# Times of the other peers and ours over theirs.
peers_table <- function(measured, of_part) {
  sides <- setdiff(names(side_names), c("rmlx", "before", "mlx"))
  lines <- lapply(of_part, function(row) {
    seconds <- row_seconds(measured, row)
    there <- intersect(sides, names(seconds))
    if (!length(there) || !"rmlx" %in% names(seconds)) return(NULL)
    cells <- stats::setNames(rep("", length(sides)), side_names[sides])
    cells[side_names[there]] <- sprintf("%s (%.2f)", duration(seconds[there]), seconds[["rmlx"]] / seconds[there])
    data.frame(`other sides: time (ours over theirs)` = row$label, as.list(cells), check.names = FALSE)
  })
  table <- do.call(rbind, unname(lines))
  if (is.null(table)) return(NULL)
  markdown(table[c(TRUE, vapply(table[-1], function(column) any(nzchar(column)), NA))])
}

# GB of R's data a second.
rates_table <- function(measured, of_part) {
  lines <- lapply(Filter(function(row) !is.null(row$bytes), of_part), function(row) {
    seconds <- row_seconds(measured, row)
    rate <- function(side) {
      value <- row$bytes / 1e9 / part_of(seconds, side)
      if (is.na(value)) "" else sprintf("%.1f", value)
    }
    data.frame(
      `GB of R's data a second` = row$label, rmlx = rate("rmlx"), before = rate("before"), Python = rate("mlx"),
      NumPy = rate("numpy"), check.names = FALSE
    )
  })
  markdown(do.call(rbind, unname(lines)))
}

# Peak memory of the process and of MLX in it, in MB.
peaks_table <- function(measured, of_part) {
  lines <- lapply(of_part, function(row) {
    times <- measured$times[measured$times$id == row$id, ]
    peak <- function(column) tapply(times[[column]], times$side, median)
    data.frame(
      `peak memory, MB` = side_names[names(peak("peak"))], process = sprintf("%.0f", peak("peak") / 1e6),
      `of it MLX's arrays` = sprintf("%.0f", peak("mlx_peak") / 1e6), check.names = FALSE
    )
  })
  markdown(do.call(rbind, unname(lines)))
}

package_lines <- function(package) {
  load <- package$load[!is.na(package$load)]
  met <- if (load[["rmlx"]] < 0.3) "met" else "missed"
  c(
    "## The package", "",
    paste0("- loading: ", toString(sprintf("%s %.2f s", names(load), load)), " (aim: rmlx below 0.3 s: ", met, ")"),
    sprintf("- installed: %.0f MB, of it MLX %.0f MB", package$size[["total"]] / 1e6, package$size[["MLX"]] / 1e6),
    if (is.null(package$install)) {
      "- installation from the sources: not measured in this run (the part \"install\")"
    } else {
      sprintf("- installation from the sources, MLX already downloaded: %.0f s", package$install)
    }
  )
}

instructions_lines <- function(instructions) {
  thousands <- function(x) ifelse(is.na(x), "", format(round(x), big.mark = ",", trim = TRUE))
  columns <- lapply(instructions[-1], thousands)
  table <- data.frame(call = instructions$call, columns, check.names = FALSE)
  if (all(c("rmlx", "before") %in% names(instructions))) {
    table$`of before` <- sprintf("%.2f", instructions$rmlx / instructions$before)
  }
  c(
    "## Instructions", "",
    "Instructions per call (valgrind's callgrind): a loop of 2n calls less one of n. Clocks play no part.", "",
    markdown(table)
  )
}

# What could not be measured, and why.
notes_lines <- function(measured, rows) {
  notes <- unlist(lapply(names(measured$notes), function(id) {
    said <- measured$notes[[id]]
    said <- said[!names(said) %in% names(measured$absent)]
    if (!length(said)) return(NULL)
    sprintf("- %s, %s: %s", rows[[id]]$label, side_names[names(said)], said)
  }))
  if (length(notes)) c("", "## Not measured", "", notes)
}
