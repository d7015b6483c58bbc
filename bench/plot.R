# Draws results.png: how far every aim is met, now and before.

write_plot <- function(measured, rows, path) {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    cat("==> no plot: ggplot2 is not installed\n")
    return(invisible())
  }
  .data <- ggplot2::.data
  aims <- aims_table(measured, rows)
  aims <- aims[!is.na(aims$reached), ]
  if (!nrow(aims)) return(invisible())
  what <- ifelse(aims$text == sprintf("%g", aims$aim), "", paste0(" [", sub(",.*", "", aims$text), "]"))
  aims$work <- factor(paste0(aims$label, what), rev(unique(paste0(aims$label, what))))
  aims$part <- factor(short_titles[aims$part], unique(short_titles[aims$part]))
  points <- rbind(
    data.frame(aims[c("work", "part")], when = "now", relative = aims$reached / aims$aim),
    data.frame(aims[c("work", "part")], when = "before", relative = aims$before / aims$aim)
  )
  points <- points[!is.na(points$relative) & points$relative > 0, ]
  points$when <- factor(points$when, c("before", "now"))
  plot <- ggplot2::ggplot(points, ggplot2::aes(x = .data$relative, y = .data$work)) +
    ggplot2::geom_vline(xintercept = 1, colour = "grey40") +
    (if (any(points$when == "before")) ggplot2::geom_line(ggplot2::aes(group = .data$work), colour = "grey75")) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$when, shape = .data$when), size = 2.2) +
    ggplot2::scale_x_log10(labels = function(x) format(x, trim = TRUE, drop0trailing = TRUE, scientific = FALSE)) +
    ggplot2::scale_colour_manual(values = c(before = "grey55", now = "#0072B2")) +
    ggplot2::scale_shape_manual(values = c(before = 1, now = 16)) +
    ggplot2::facet_grid(rows = ggplot2::vars(.data$part), scales = "free_y", space = "free_y", switch = "y") +
    ggplot2::labs(
      x = "what rmlx reaches over its aim (log scale; left of 1: met)", y = NULL, colour = NULL, shape = NULL,
      title = "rmlx beside its aims",
      subtitle = sprintf(
        "%s, %s; ratios to Python MLX with the same BLAS, or [as named]",
        measured$machine[["cpu"]], measured$machine[["date"]]
      )
    ) +
    ggplot2::theme_bw(base_size = 10) +
    ggplot2::theme(
      legend.position = "top", strip.placement = "outside", strip.text.y.left = ggplot2::element_text(angle = 0),
      panel.grid.minor = ggplot2::element_blank(), plot.title.position = "plot"
    )
  ggplot2::ggsave(path, plot, width = 11, height = 2.2 + 0.2 * nlevels(aims$work), dpi = 110, limitsize = FALSE)
}

short_titles <- c(
  lazy = "lazy", scalars = "numbers", convert = "conversion", train = "training", index = "parts", gmm = "mixture",
  derivatives = "Jacobian,\nHessian", transformer = "transformer", linalg = "linear\nalgebra", memory = "memory"
)
