# Pictures of graphs by base graphics.

#' A picture of a graph
#'
#' Draws a graph of [mlx_graph()] with base graphics: inputs at the top, each operation below what it
#' takes, outputs at the bottom.
#'
#' @param x A graph.
#' @param max_nodes A graph of more nodes is not drawn: there is a note instead, which says how to draw it
#'   by Graphviz.
#' @param types Whether to show shapes and dtypes.
#' @param ... Not used.
#' @return The graph, invisibly.
#' @details Nodes are put into layers by the longest path from the inputs, ordered in them so that few edges
#'   cross (each near the mean of its neighbours), and moved sideways until long edges are straight. Text
#'   shrinks if the picture is larger than the device: a larger device makes it legible.
#' @examples
#' plot(mlx_graph(function(x, y) sum((x - y)^2), c(1, 2), c(3, 4)))
#' @export
plot.mlx_graph <- function(x, ..., max_nodes = 60, types = TRUE) {
  check_flag(types, "types")
  limit <- check_number(max_nodes, "max_nodes")
  old <- graphics::par(mar = c(0.5, 0.5, 0.5, 0.5))
  on.exit(graphics::par(old))
  graphics::plot.new()
  if (nrow(x$nodes) > limit) {
    graphics::plot.window(c(0, 1), c(0, 1))
    graphics::text(0.5, 0.5, paste0(
      "a graph of ", nrow(x$nodes), " nodes, too many to draw\n",
      "writeLines(as.character(graph), \"graph.dot\") gives it to Graphviz,\n",
      "plot(graph, max_nodes = ", nrow(x$nodes), ") draws it all the same"
    ))
    return(invisible(x))
  }
  room <- graphics::par("pin")
  layouts <- lapply(if (types) c("below", "beside") else "none", function(where) graph_layout(x, where))
  scales <- base::vapply(layouts, function(layout) min(room / layout$size, 1), 0)
  draw_layout(layouts[[which.max(scales)]], max(scales), room)
  invisible(x)
}

small_text <- 0.75

# Sizes and places are in inches of text at its normal size. `where` stand the types in relation to
# the names: beside them takes less height.
graph_layout <- function(graph, where) {
  nodes <- graph$nodes
  line <- graphics::strheight("X", units = "inches")
  title <- node_title(nodes)
  type <- if (where == "none") rep("", nrow(nodes)) else node_type(nodes)
  long <- cbind(graphics::strwidth(title, units = "inches"),
                graphics::strwidth(type, units = "inches", cex = small_text))
  width <- (if (where == "beside") rowSums(long) + line else pmax(long[, 1L], long[, 2L])) + 1.6 * line
  height <- line * if (where == "below") 4 else 2.4
  layers <- layers_of(nodes, graph$edges)
  bent <- with_bends(layers, graph$edges)
  bends <- length(bent$layer) - nrow(nodes)
  order <- order_in_layers(bent$layer, bent$links)
  widths <- c(width, rep(line, bends))
  x <- spread_in_layers(order, bent$links, widths, rep(c(1, 4), c(nrow(nodes), bends)), line)
  step <- height + line * if (where == "beside") 1.9 else 2.8
  list(title = title, type = type, where = where, kind = nodes$kind, width = width, title_width = long[, 1L],
       height = height, line = line, x = x, y = -step * bent$layer,
       ports = edge_ports(graph, x, width), routes = bent$routes,
       size = c(max(x + widths / 2) + 2 * line, step * max(bent$layer) + height + 2 * line))
}

# Where each edge enters its node, from its middle: arguments come from left to right, those of operations
# for which their order does not matter, as their nodes lie.
edge_ports <- function(graph, x, width) {
  edges <- graph$edges
  symmetric <- c("Add", "Multiply", "Maximum", "Minimum", "Equal", "NotEqual", "LogicalAnd", "LogicalOr")
  ports <- numeric(nrow(edges))
  for (of in split(seq_len(nrow(edges)), edges$to)) {
    free <- graph$nodes$operation[edges$to[of[1L]]] %in% symmetric
    place <- rank(if (free) x[edges$from[of]] else edges$position[of], ties.method = "first")
    ports[of] <- 0.7 * width[edges$to[of]] * (place / (length(of) + 1) - 0.5)
  }
  ports
}

# The longest path from an input; what depends on none is put right above the first that takes it, and
# outputs have a layer of their own.
layers_of <- function(nodes, edges) {
  layer <- integer(nrow(nodes))
  depends <- nodes$kind == "input"
  for (i in nodes$id) { # nodes come after those that they take
    before <- edges$from[edges$to == i]
    if (length(before)) {
      layer[i] <- max(layer[before]) + 1L
      depends[i] <- any(depends[before])
    }
  }
  for (i in rev(which(!depends))) {
    after <- edges$to[edges$from == i]
    if (length(after)) layer[i] <- min(layer[after]) - 1L
  }
  layer[nodes$kind == "output"] <- max(layer)
  layer - min(layer)
}

# Edges that pass layers get bends there: `links` are the parts between neighbouring layers, `routes` the
# nodes and bends that each edge goes through. Edges between the same nodes share their bends.
with_bends <- function(layer, edges) {
  ends <- paste(edges$from, edges$to)
  ways <- list()
  for (k in which(!duplicated(ends))) {
    from <- edges$from[k]
    to <- edges$to[k]
    between <- seq_len(max(layer[to] - layer[from] - 1L, 0L))
    ways[[ends[k]]] <- c(from, length(layer) + between, to)
    layer <- c(layer, layer[from] + between)
  }
  parts <- lapply(unname(ways), function(way) cbind(from = way[-length(way)], to = way[-1L]))
  list(layer = layer, links = do.call(rbind, parts), routes = unname(ways[ends]))
}

# The nodes of each layer from left to right: sweeps down and up put each at the mean place of its
# neighbours in the layer before; the best of all sweeps stays.
order_in_layers <- function(layer, links) {
  order <- split(seq_along(layer), layer)
  best <- order
  fewest <- crossings(order, links)
  for (sweep in seq_len(24L)) {
    down <- sweep %% 2L == 1L
    here <- if (down) links[, "to"] else links[, "from"]
    there <- if (down) links[, "from"] else links[, "to"]
    for (k in if (down) seq_along(order)[-1L] else rev(seq_along(order))[-1L]) {
      place <- places_in(order)
      mean_place <- base::vapply(order[[k]], function(i) {
        around <- place[there[here == i]]
        if (length(around)) mean(around) else place[i]
      }, 0)
      order[[k]] <- order[[k]][order(mean_place, place[order[[k]]])]
    }
    count <- crossings(order, links)
    if (count < fewest) {
      fewest <- count
      best <- order
    }
    if (fewest == 0) break
  }
  best
}

places_in <- function(order) {
  place <- numeric(length(base::unlist(order)))
  for (nodes in order) place[nodes] <- seq_along(nodes) - (length(nodes) + 1) / 2
  place
}

# How many pairs of links cross.
crossings <- function(order, links) {
  place <- places_in(order)
  layer <- rep(seq_along(order), lengths(order))[order(base::unlist(order))]
  total <- 0
  for (part in split(seq_len(nrow(links)), layer[links[, "from"]])) {
    from <- place[links[part, "from"]]
    to <- place[links[part, "to"]]
    total <- total + sum(outer(from, from, `-`) * outer(to, to, `-`) < 0) / 2
  }
  total
}

# Places from left to right: each node wants to be at the mean of its neighbours and keeps its distance
# from those beside it, which yield the more, the less they weigh: bends weigh more, so that long edges are straight.
spread_in_layers <- function(order, links, width, weight, gap) {
  all <- seq_along(width)
  above <- split(links[, "from"], factor(links[, "to"], all))
  below <- split(links[, "to"], factor(links[, "from"], all))
  around <- base::Map(c, above, below)
  x <- numeric(length(width))
  place <- function(nodes, neighbours) {
    wanted <- base::vapply(nodes, function(i) if (length(neighbours[[i]])) mean(x[neighbours[[i]]]) else x[i], 0)
    x[nodes] <<- pack(wanted, width[nodes], weight[nodes], gap)
  }
  for (nodes in order) place(nodes, above)
  for (sweep in seq_len(30L)) {
    for (nodes in if (sweep %% 2L) order else rev(order)) place(nodes, around)
  }
  x - min(x - width / 2)
}

# The places nearest to those wanted, by weighted squares, of boxes that stay in their order and apart:
# neighbours that would overlap are joined to blocks.
pack <- function(wanted, width, weight, gap) {
  n <- length(wanted)
  offset <- c(0, cumsum((width[-n] + width[-1L]) / 2 + gap))[seq_len(n)]
  at <- size <- length_of <- numeric()
  for (i in seq_len(n)) {
    at <- c(at, wanted[i] - offset[i])
    size <- c(size, weight[i])
    length_of <- c(length_of, 1)
    while (length(at) > 1L && at[length(at)] < at[length(at) - 1L]) {
      last <- length(at) - 0:1
      at <- c(at[-last], sum(at[last] * size[last]) / sum(size[last]))
      length_of <- c(length_of[-last], sum(length_of[last]))
      size <- c(size[-last], sum(size[last]))
    }
  }
  rep(at, length_of) + offset
}

draw_layout <- function(layout, scale, room) {
  line <- layout$line
  own <- seq_along(layout$title)
  x <- layout$x
  y <- layout$y
  middle <- c(layout$size[1L] / 2 - line, (min(y) + max(y)) / 2)
  graphics::plot.window(middle[1L] + c(-0.5, 0.5) * room[1L] / scale, middle[2L] + c(-0.5, 0.5) * room[2L] / scale,
                        xaxs = "i", yaxs = "i")
  cex <- scale * graphics::par("cex")
  lwd <- max(scale, 0.5)
  for (k in seq_along(layout$routes)) {
    route <- layout$routes[[k]]
    draw_route(x[route] + c(rep(0, length(route) - 1L), layout$ports[k]), y[route], layout$height / 2, line, lwd)
  }
  edge <- c(input = "#3B78B5", constant = "#A0A0A0", operation = "#555555", output = "#3F9142")
  half <- cbind(layout$width, layout$height) / 2
  graphics::rect(x[own] - half[, 1L], y[own] - half[, 2L], x[own] + half[, 1L], y[own] + half[, 2L],
                 col = graph_fills()[layout$kind], border = edge[layout$kind], lwd = 1.3 * lwd)
  beside <- layout$where == "beside"
  left <- x[own] - half[, 1L] + 0.8 * line
  graphics::text(if (beside) left + layout$title_width / 2 else x[own],
                 y[own] + if (layout$where == "below") 0.75 * line else 0, layout$title, cex = cex)
  graphics::text(if (beside) left + layout$title_width + line else x[own], y[own] - if (beside) 0 else 0.85 * line,
                 layout$type, cex = cex * small_text, col = "#505050", adj = c(if (beside) 0 else 0.5, 0.5))
}

# A line that passes each layer vertically, smooth between layers, with an arrowhead at its end.
draw_route <- function(x, y, half, line, lwd) {
  n <- length(x)
  colour <- "#707070"
  head <- 0.7 * line
  starts <- y[-n] - half
  ends <- y[-1L] + half + c(rep(0, n - 2L), head)
  t <- seq(0, 1, length.out = 24L)
  lean <- t^2 * (3 - 2 * t) # vertical at both ends
  points <- lapply(seq_len(n - 1L), function(k) {
    cbind(x[k] + (x[k + 1L] - x[k]) * lean, starts[k] + (ends[k] - starts[k]) * t)
  })
  graphics::lines(do.call(rbind, points), col = colour, lwd = lwd)
  graphics::polygon(x[n] + c(0, -0.35, 0.35) * line, y[n] + half + c(0, head, head), col = colour, border = NA)
}
