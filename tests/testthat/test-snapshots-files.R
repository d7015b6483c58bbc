# What users are told of files.

# Folders of this session, and the system's own words.
steady <- function(lines) gsub("(/[^/` ]+)+/", "<folder>/", lines)

test_that("files that cannot be read or written are told by their path", {
  dir.create(folder <- tempfile("files-"))
  old <- setwd(folder)
  on.exit({
    setwd(old)
    unlink(folder, recursive = TRUE)
  })
  x <- as_mlx(matrix(1:6, 2))
  dir.create("folder.npy")
  mlx_save(x, "fine")
  writeLines("no array", "text.npy")
  writeLines("no archive", "text.npz")
  writeLines("no tensors, but long enough", "text.safetensors")
  writeLines("no model", "text.gguf")
  writeLines("no function", "text.mlxfn")
  file.create("locked.npy")
  Sys.chmod("locked.npy", "444")
  expect_told({
    mlx_load("missing.npy")
    mlx_load("missing")
    mlx_load(NA_character_)
    mlx_load("")
    mlx_load(c("a.npy", "b.npy"))
    mlx_load(3)
    mlx_load("folder.npy")
    mlx_load("fine.npy", format = "zip")
    mlx_load("fine.npy", return_metadata = NA)
    mlx_load("text.npy")
    mlx_load("text.npz")
    mlx_load("text.safetensors")
    mlx_load("text.gguf")
    mlx_load(raw())
    mlx_save(x, "folder")
    mlx_save(x, "locked")
    mlx_save(x, "missing/folder")
    mlx_save(x, 1)
    mlx_save("a", NULL)
    mlx_savez(NULL, a = x, a = x)
    mlx_save_safetensors(NULL, x)
    mlx_save_safetensors(NULL, list(x))
    mlx_save_safetensors(NULL, list(a = x), metadata = 1)
    mlx_save_safetensors(NULL, list(a = x), metadata = "a")
    mlx_save_safetensors(NULL, list(`__metadata__` = x))
    mlx_save_gguf(NULL, list(a = mlx_cast(x, "complex64")))
    mlx_save_gguf(NULL, list(a = x), metadata = list(f = mean))
    mlx_save_gguf(NULL, list(a = x), metadata = list(m = x))
    mlx_save_gguf(NULL, list(a = x), metadata = list(z = as_mlx(1i)))
    mlx_save_gguf(NULL, list(a = x), metadata = list(general.alignment = 1))
    mlx_export_to_dot(1, x)
    mlx_export_to_dot(NULL, 1)
    mlx_import_function("missing")
    mlx_import_function("text")
  }, transform = steady)
})

test_that("damaged files say what is wrong with them", {
  npy <- function(header, version = 1L) {
    c(as.raw(0x93), charToRaw("NUMPY"), as.raw(c(version, 0)), as.raw(c(nchar(header), 0)), charToRaw(header), raw(24))
  }
  header <- "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
  change <- function(from, to) npy(sub(from, to, header, fixed = TRUE))
  tensors <- function(header, data = raw(24)) c(as.raw(c(nchar(header), rep(0, 7))), charToRaw(header), data)
  tensor <- "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"
  changed <- function(from, to) tensors(sub(from, to, tensor, fixed = TRUE))
  x <- as_mlx(matrix(1:6, 2))
  zip <- mlx_savez(NULL, xx = x, yy = x)
  gguf <- mlx_save_gguf(NULL, list(xx = x, yy = x), list(key = "value", general.alignmenT = 7L))
  # bytes with others at a place, counted from the beginning of a text in them
  at <- function(bytes, text, offset, to) {
    found <- if (text == "") 0L else tail(grepRaw(text, bytes, fixed = TRUE, all = TRUE), 1L)
    bytes[found + offset + seq_along(to) - 1L] <- as.raw(to)
    bytes
  }
  everywhere <- function(bytes, from, to) {
    for (found in grepRaw(from, bytes, fixed = TRUE, all = TRUE)) {
      bytes[found + seq_len(nchar(to)) - 1L] <- charToRaw(to)
    }
    bytes
  }
  expect_told({
    mlx_load(change("(2, 3)", "(2, 300)"))
    mlx_load(change("(2, 3)", paste0("(", strrep("1,", 90), ")")))
    mlx_load(change("(2, 3)", "(4294967296, 4294967296)"))
    mlx_load(change("(2, 3)", "(-2, 3)"))
    mlx_load(change("<f4", "<U4"))
    mlx_load(change("<f4", "|O"))
    mlx_load(change("<f4", "<c16"))
    mlx_load(npy(header, version = 9L))
    mlx_load(npy(header)[1:20])
    mlx_load(at(npy(header, version = 2L), "NUMPY", 7, c(255, 255, 255, 255)))
    mlx_load(at(npy(header), "descr", 0, 255))
    mlx_load(changed("[0,24]", "[0,20]"))
    mlx_load(changed("[0,24]", "[4,28]"))
    mlx_load(changed("F32", "F5"))
    mlx_load(changed("{", "["))
    mlx_load(tensors("{}", raw(1)))
    mlx_load(tensors("[1]", raw()))
    mlx_load(tensors("{\"__metadata__\":[1]}", raw()))
    mlx_load(tensors("{\"__metadata__\":{\"a\":1}}", raw()))
    mlx_load(zip[1:100])
    mlx_load(at(zip, "yy.npy", -38, 1))
    mlx_load(at(zip, "yy.npy", -36, 9))
    mlx_load(at(zip, "yy.npy", -46, 0))
    mlx_load(everywhere(zip, "yy.npy", "yy.txt"))
    mlx_load(everywhere(zip, "yy.npy", "xx.npy"))
    mlx_load(at(zip, "yy.npy", -4, 9))
    mlx_load(at(zip, "yy.npy", -26, 9))
    mlx_load(at(zip, "NUMPY", 124, 99))
    mlx_load(at(gguf, "", 5, 9))
    mlx_load(gguf[1:40])
    mlx_load(gguf[seq_len(length(gguf) - 40)])
    mlx_load(at(gguf, "yy", 0, 255))
    mlx_load(at(gguf, "yy", 0, 0))
    mlx_load(everywhere(gguf, "yy", "xx"))
    mlx_load(at(gguf, "yy", 22, 99))
    mlx_load(at(gguf, "yy", 22, 2))
    mlx_load(at(gguf, "key", 3, 99))
    mlx_load(everywhere(gguf, "general.alignmenT", "general.alignment"))
  }, transform = steady)
})

test_that("saved arrays that are damaged or newer say so", {
  # in R's text format: the state is list(1L, "float32", "cpu", 2L, 8 bytes)
  text <- rawToChar(serialize(as_mlx(1:2), NULL, ascii = TRUE))
  read <- function(from, to) {
    stopifnot(grepl(from, text, fixed = TRUE))
    unserialize(charToRaw(sub(from, to, text, fixed = TRUE)))
  }
  expect_told({
    read("\n7\nfloat32\n", "\n7\nfloat99\n")
    read("13\n1\n1\n16", "13\n1\n2\n16")
    read("\n13\n1\n2\n", "\n13\n1\n9\n")
  }, kind = NULL)
})
