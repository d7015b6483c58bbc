# The benchmark: Rscript bench/run.R [--quick] [--parts=lazy,convert] [--rounds=9] [--seconds=0.1] [--out=DIR]
# from the package's root; see bench/options.R.
source("bench/options.R")
options <- bench_options(commandArgs(TRUE))
options(bench.quick = options$quick)
for (file in c("row", "models", "sides", "measure", "package", "machine", "ratios", "report", "plot")) {
  source(file.path("bench", paste0(file, ".R")))
}

rows <- Filter(function(row) row$part %in% options$parts, load_rows())
crew <- crew_new(side_programs(options))
measured <- measure_rows(crew, rows, options)
crew_stop(crew)
measured$about <- crew$about
measured$absent <- crew$absent
measured$machine <- machine()
measured$options <- options
dir.create("target/bench", recursive = TRUE, showWarnings = FALSE)
saveRDS(measured, "target/bench/measured.rds") # what took longest is not lost to what follows

if (any(c("package", "install") %in% options$parts)) measured$package <- measure_package(options)
if ("instructions" %in% options$parts) {
  source("bench/instructions.R")
  measured$instructions <- measure_instructions(options)
}

dir.create(options$out, recursive = TRUE, showWarnings = FALSE)
saveRDS(measured, "target/bench/measured.rds")
write_report(measured, rows, file.path(options$out, "results.md"))
write_plot(measured, rows, file.path(options$out, "results.png"))
cat("==> ", file.path(options$out, "results.md"), "\n", sep = "")
