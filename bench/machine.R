# Where it was measured.
machine <- function() {
  system <- Sys.info()
  model <- NA
  memory <- NA
  if (file.exists("/proc/cpuinfo")) {
    model <- sub(".*: ", "", grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)[1])
    memory <- as.numeric(gsub("[^0-9]", "", grep("^MemTotal", readLines("/proc/meminfo"), value = TRUE))) / 2^20
  } else if (system[["sysname"]] == "Darwin") {
    model <- system2("sysctl", c("-n", "machdep.cpu.brand_string"), stdout = TRUE)
    memory <- as.numeric(system2("sysctl", c("-n", "hw.memsize"), stdout = TRUE)) / 2^30
  }
  c(
    cpu = sprintf("%s, %d cores", model, parallel::detectCores()),
    memory = sprintf("%.0f GB", memory),
    system = sub(" $", "", paste(utils::osVersion, system[["machine"]])),
    R = as.character(getRversion()),
    load = if (file.exists("/proc/loadavg")) sub("^(\\S+) .*", "\\1", readLines("/proc/loadavg")) else "unknown",
    date = format(Sys.Date())
  )
}
