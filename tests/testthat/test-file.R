# Files: what is written is read, here and by Python; what is damaged is refused.

fixture <- function(name) test_path("fixtures", name)
numbers <- matrix(c(0, 3, 1, 4, 2, 100), 2)
of_every_dtype <- function(kinds = dtypes) {
  lapply(setNames(kinds, kinds), function(kind) as_mlx(numbers, dtype = kind, device = "cpu"))
}

new_dir <- function() {
  dir <- tempfile("files-")
  dir.create(dir)
  dir
}

expect_same_arrays <- function(got, want) {
  expect_setequal(names(got), names(want))
  for (name in names(want)) {
    expect_identical(mlx_dtype(got[[name]]), mlx_dtype(want[[name]]), label = name)
    expect_identical(mlx_shape(got[[name]]), mlx_shape(want[[name]]), label = name)
    expect_identical(as.vector(got[[name]]), as.vector(want[[name]]), label = name)
  }
}

test_that("an npy file holds an array of any dtype and shape", {
  shapes <- list(1.5, 1:3, matrix(1:6, 2), array(1:24, 2:4), numeric(), matrix(0, 0, 3))
  for (kind in dtypes) {
    for (x in shapes) {
      x <- as_mlx(x, dtype = kind, device = "cpu")
      expect_same_arrays(list(x = mlx_load(mlx_save(x, NULL), "cpu")), list(x = x))
    }
  }
  expect_identical(as.matrix(mlx_load(mlx_save(t(as_mlx(numbers)), NULL))), t(numbers))
  expect_identical(as.vector(mlx_load(mlx_save(1:3, NULL))), c(1, 2, 3))
})

test_that("npz, safetensors and gguf files hold arrays by name", {
  all <- of_every_dtype()
  expect_same_arrays(mlx_load(do.call(mlx_savez, c(list(NULL), all)), "cpu"), all)
  expect_same_arrays(mlx_load(do.call(mlx_savez_compressed, c(list(NULL), all)), "cpu"), all)
  expect_same_arrays(mlx_load(mlx_save_safetensors(NULL, all), "cpu"), all)
  some <- all[c("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64")]
  expect_same_arrays(mlx_load(mlx_save_gguf(NULL, some), "cpu"), some)
})

test_that("a compressed npz is smaller", {
  x <- mlx_zeros(c(100, 100))
  expect_lt(length(mlx_savez_compressed(NULL, x)), length(mlx_savez(NULL, x)) / 10)
})

test_that("arrays without a name are numbered as by numpy.savez()", {
  expect_named(mlx_load(mlx_savez(NULL, 1, b = 2, 3)), c("arr_0", "b", "arr_1"))
  expect_error(mlx_savez(NULL, 1, arr_0 = 2), "name of its own", class = "rmlx_error_argument")
})

test_that("nothing at all can be saved", {
  expect_length(mlx_load(mlx_savez(NULL)), 0L)
  expect_length(mlx_load_safetensors(mlx_save_safetensors(NULL, list()))$tensors, 0L)
  expect_length(mlx_load_gguf(mlx_save_gguf(NULL, list()))$tensors, 0L)
})

test_that("safetensors gives arrays and metadata sorted by name", {
  bytes <- mlx_save_safetensors(NULL, list(b = 1, "\u00e4" = 2, a = 3),
                                c(z = "last", a = "\u00fcmlaut \"quoted\"\n"))
  out <- mlx_load_safetensors(bytes)
  expect_named(out, c("tensors", "metadata"))
  expect_named(out$tensors, c("a", "b", "\u00e4"))
  expect_identical(out$metadata, c(a = "\u00fcmlaut \"quoted\"\n", z = "last"))
  expect_identical(mlx_load_safetensors(mlx_save_safetensors(NULL, list(a = 1)))$metadata,
                   setNames(character(), character()))
  expect_error(mlx_save_safetensors(NULL, list(a = 1), list(k = 1)), "strings",
               class = "rmlx_error_argument")
  expect_error(mlx_save_safetensors(NULL, list(a = 1), "text"), "name of its own",
               class = "rmlx_error_argument")
})

test_that("gguf metadata are strings, character vectors and numbers", {
  local_cpu()
  metadata <- list(text = "one", words = c("a", "b"), number = as_mlx(1.5, dtype = "float32"),
                   numbers = 1:3, yes = TRUE, wide = as_mlx(pi, dtype = "float64"))
  out <- mlx_load_gguf(mlx_save_gguf(NULL, list(x = 1), metadata))$metadata
  expect_named(out, sort(names(metadata)))
  expect_identical(out$text, "one")
  expect_identical(out$words, c("a", "b"))
  expect_identical(mlx_shape(out$number), integer())
  expect_identical(as.vector(out$number), 1.5)
  expect_identical(as.vector(out$numbers), 1:3)
  expect_identical(as.vector(out$yes), TRUE)
  expect_identical(as.vector(out$wide), pi)
  expect_error(mlx_save_gguf(NULL, list(), list(a = mean)), "strings", class = "rmlx_error_argument")
  expect_error(mlx_save_gguf(NULL, list(), list(a = matrix(1, 2, 2))), "one",
               class = "rmlx_error_shape")
  expect_error(mlx_save_gguf(NULL, list(x = as_mlx(1i))), "complex64", class = "rmlx_error_dtype")
})

test_that("the extension is appended unless there, and the path is returned invisibly", {
  dir <- new_dir()
  out <- withVisible(mlx_save(1:3, file.path(dir, "a.mlx")))
  expect_false(out$visible)
  expect_identical(basename(out$value), "a.mlx.npy")
  expect_true(file.exists(file.path(dir, "a.mlx.npy")))
  expect_identical(as.vector(mlx_load(file.path(dir, "a.mlx"))), c(1, 2, 3))
  expect_identical(basename(mlx_save(1, file.path(dir, "b.npy"))), "b.npy")
  expect_identical(basename(mlx_savez(file.path(dir, "c"), 1)), "c.npz")
  expect_identical(basename(mlx_save_safetensors(file.path(dir, "d"), list(x = 1))), "d.safetensors")
  expect_identical(basename(mlx_save_gguf(file.path(dir, "e.gguf"), list(x = 1))), "e.gguf")
  expect_named(mlx_load(file.path(dir, "c.npz")), "arr_0")
  expect_named(mlx_load(file.path(dir, "d.safetensors")), "x")
  expect_named(mlx_load(file.path(dir, "d.safetensors"), return_metadata = TRUE),
               c("tensors", "metadata"))
  expect_named(mlx_load(file.path(dir, "e.gguf")), "x")
  expect_named(mlx_load(file.path(dir, "e"), format = "gguf"), "x")
})

test_that("`~` is expanded", {
  dir <- new_dir()
  expect_child(run_child({
    mlx_save(1:3, "~/x")
    stopifnot(as.vector(mlx_load("~/x")) == 1:3)
    cat("fine")
  }, env = paste0("HOME=", dir)))
  expect_true(file.exists(file.path(dir, "x.npy")))
})

test_that("a missing file's error names the full path", {
  dir <- normalizePath(new_dir())
  for (f in list(mlx_load, mlx_load_safetensors, mlx_load_gguf)) {
    expect_error(f(file.path(dir, "none")), file.path(dir, "none"), fixed = TRUE,
                 class = "rmlx_error_file")
  }
  old <- setwd(dir)
  on.exit(setwd(old), add = TRUE)
  expect_error(mlx_load("none"), file.path(dir, "none.npy"), fixed = TRUE)
  expect_error(mlx_load(dir, format = "npy"), "does not exist", class = "rmlx_error_file")
  dir.create("folder.npy")
  expect_error(mlx_load("folder"), "is not a file", class = "rmlx_error_file")
  expect_error(mlx_save(1, "folder"), "is not a file", class = "rmlx_error_file")
  expect_error(mlx_save(1, "missing/x"), "cannot be written", class = "rmlx_error_file")
  for (path in list(character(), NA_character_, 1, "")) {
    expect_error(mlx_save(1, path), "one string", class = "rmlx_error_argument")
  }
})

test_that("an existing file is replaced by a complete one only", {
  dir <- new_dir()
  path <- mlx_save_gguf(file.path(dir, "x"), list(a = as_mlx(1:3)))
  Sys.chmod(path, "640")
  expect_error(mlx_save_gguf(path, list(a = as_mlx(1i))), class = "rmlx_error_dtype")
  expect_identical(as.vector(mlx_load(path)$a), c(1, 2, 3))
  expect_identical(list.files(dir, all.files = TRUE, no.. = TRUE), "x.gguf")
  mlx_save_gguf(path, list(a = as_mlx(4)))
  expect_identical(as.vector(mlx_load(path)$a), 4)
  expect_identical(format(file.mode(path)), "640")
  link <- file.path(dir, "link.gguf")
  file.symlink(path, link)
  mlx_save_gguf(link, list(a = as_mlx(5)))
  expect_identical(as.vector(mlx_load(path)$a), 5)
  expect_true(nzchar(Sys.readlink(link)))
})

test_that("saving a traced value is the tape error", {
  expect_error(mlx_grad(function(x) {
    mlx_save(x * 2, NULL)
    sum(x)
  }, 1), class = "rmlx_error_tape")
})

test_that("Python MLX's files are read", {
  want <- of_every_dtype()
  expect_same_arrays(mlx_load(fixture("mlx.npz"), "cpu"), want)
  expect_same_arrays(mlx_load(fixture("mlx-compressed.npz"), "cpu"), want)
  out <- mlx_load_safetensors(fixture("mlx.safetensors"), "cpu")
  expect_same_arrays(out$tensors, want[dtypes != "float64"])
  expect_identical(out$metadata, c(alpha = "first", zeta = "last"))
  out <- mlx_load_gguf(fixture("mlx.gguf"), "cpu")
  expect_same_arrays(out$tensors, want[c("float32", "float16", "int8", "int16", "int32")])
  expect_identical(out$metadata$name, "a model")
  expect_identical(out$metadata$words, c("one", "two"))
  expect_identical(as.vector(out$metadata$count), 7L)
  expect_identical(as.vector(out$metadata$rates), c(0.5, 0.25))
})

test_that("quantized gguf tensors are read as MLX reads them", {
  expect_same_arrays(mlx_load(fixture("quantized.gguf")), mlx_load(fixture("quantized.npz")))
})

test_that("gguf's K types are read as the numbers that ggml's own package makes of them", {
  got <- mlx_load(fixture("kquant.gguf"))
  want <- mlx_load(fixture("kquant.npz"))
  expect_setequal(names(got), paste0("q", 2:6, "_k"))
  for (name in names(want)) {
    expect_identical(mlx_dtype(got[[name]]), "float16")
    # float32 arithmetic in another order, rounded to float16
    expect_near(got[[name]], as.matrix(want[[name]]), 2^-10, name, absolute = 1e-4)
  }
})

test_that("NumPy's files are read, of either order and byte order", {
  for (file in c("numpy.npz", "numpy-compressed.npz")) {
    out <- mlx_load(fixture(file), "cpu")
    x <- matrix(0:5, 2, byrow = TRUE)
    for (name in c("rows", "columns", "big")) expect_near(out[[name]], x, 0, name)
    expect_near(out$big_complex, x + 2i * x, 0)
    expect_identical(mlx_shape(out$scalar), integer())
    expect_identical(as.vector(out$scalar), 1.5)
    expect_identical(mlx_shape(out$nothing), c(0L, 3L))
    expect_near(out$cube, aperm(array(0:23, 4:2)), 0)
  }
  expect_error(mlx_load(fixture("objects.npy")), "Python objects", class = "rmlx_error_file")
  expect_error(mlx_load(fixture("complex128.npy")), "complex64", class = "rmlx_error_file")
})

test_that("the files of Python's safetensors are read", {
  out <- mlx_load_safetensors(fixture("safetensors.safetensors"), "cpu")
  expect_near(out$tensors$f64, matrix(0:5, 2, byrow = TRUE), 0)
  expect_identical(mlx_dtype(out$tensors$u8), "uint8")
  expect_identical(mlx_shape(out$tensors$empty), c(0L, 2L))
  expect_identical(out$metadata, c(made = "by safetensors"))
})

test_that("Python reads what is written here", {
  python()
  dir <- new_dir()
  all <- of_every_dtype()
  do.call(mlx_savez, c(list(file.path(dir, "a")), all))
  do.call(mlx_savez_compressed, c(list(file.path(dir, "b")), all))
  mlx_save_safetensors(file.path(dir, "c"), all, c(k = "v"))
  mlx_save_gguf(file.path(dir, "d"), all[c("float32", "float16", "int8", "int16", "int32")],
                list(text = "t", words = c("a", "b"), number = 3L))
  mlx_save(t(as_mlx(numbers)), file.path(dir, "e"))
  out <- run_python(
    paste0("dir = ", deparse(dir)), "want = [[0, 1, 2], [3, 4, 100]]",
    "from safetensors.numpy import load_file", "from safetensors import safe_open",
    "def same(arrays):",
    "    for name, x in arrays.items():",
    "        if name == 'bool': assert x.tolist() == [[v != 0 for v in r] for r in want]; continue",
    "        x = mx.array(x) if x.dtype != np.dtype('float64') else mx.array(x, dtype=mx.float64)",
    "        assert str(x.dtype).split('.')[-1].rstrip('_') == name, (name, x.dtype)",
    "        assert [[float(v.real if isinstance(v, complex) else v) for v in row]",
    "                for row in x.tolist()] == want, name",
    "for f in ['a', 'b']:",
    "    same(mx.load(dir + '/' + f + '.npz'))",
    "    n = np.load(dir + '/' + f + '.npz')",
    "    same({k: n[k] for k in n.keys() if k not in ('bool', 'bfloat16')})",
    "with safe_open(dir + '/c.safetensors', 'np') as f:",
    "    assert f.metadata() == {'k': 'v'}",
    "    same({k: f.get_tensor(k) for k in f.keys() if k not in ('bool', 'bfloat16')})",
    "arrays, metadata = mx.load(dir + '/d.gguf', return_metadata=True)", "same(arrays)",
    "assert metadata['text'] == 't' and metadata['words'] == ['a', 'b'] and metadata['number'] == 3",
    "assert np.load(dir + '/e.npy').T.tolist() == want", "print('read')"
  )
  expect_identical(tail(out, 1L), "read")
})

test_that("arrays that an earlier version serialised are read", {
  saved <- readRDS(fixture("arrays-format-1.rds"))
  expect_same_arrays(saved[dtypes], of_every_dtype())
  expect_identical(dimnames(saved$named), list(c("a", "b"), NULL))
  expect_identical(as.vector(saved$named), c(1, 2, 3, 4))
  expect_identical(mlx_shape(saved$scalar), integer())
  expect_identical(mlx_shape(saved$nothing), c(0L, 3L))
})

test_that("damaged files are clean errors, whatever is wrong with them", {
  names <- c("mlx.npz", "mlx-compressed.npz", "mlx.safetensors", "mlx.gguf", "quantized.gguf", "kquant.gguf",
             "numpy.npz", "numpy-compressed.npz", "safetensors.safetensors", "complex128.npy")
  files <- vapply(names, function(name) normalizePath(fixture(name)), "")
  child <- run_child({
    set.seed(1)
    times <- as.numeric(Sys.getenv("RMLX_FUZZ", "1")) # more of it, by hand
    files <- strsplit(Sys.getenv("FILES"), ":")[[1L]]
    attempts <- 0
    refused <- 0
    attempt <- function(bytes, format) {
      attempts <<- attempts + 1
      tryCatch(
        for (x in mlx_load(bytes, "cpu", format = format)) as.vector(x),
        rmlx_error_file = function(e) refused <<- refused + 1
      )
    }
    wild <- list(as.raw(rep(255, 8)), as.raw(c(rep(255, 7), 127)), as.raw(rep(0, 8)),
                 as.raw(c(0, 0, 0, 0, 1, 0, 0, 0)), as.raw(c(0, 0, 0, 128)))
    for (file in files) {
      bytes <- readBin(file, "raw", 1e5)
      format <- sub(".*[.]", "", file)
      n <- length(bytes)
      for (k in c(0, 5, 8, sample(n - 1L, 8 * times, replace = TRUE))) attempt(bytes[seq_len(k)], format)
      for (at in sample(n, 25 * times, replace = TRUE)) {
        changed <- bytes
        changed[[at]] <- as.raw(sample(0:255, 1L))
        attempt(changed, format)
      }
      for (at in sample(n - 8L, 15 * times, replace = TRUE)) {
        changed <- bytes
        by <- wild[[sample(length(wild), 1L)]]
        changed[at - 1L + seq_along(by)] <- by
        attempt(changed, format)
      }
      attempt(c(bytes[1:40], bytes), format)
    }
    cat(attempts, "attempts,", refused, "refused: fine\n")
  }, timeout = 60 * as.numeric(Sys.getenv("RMLX_FUZZ", "1")),
  env = paste0("FILES=", shQuote(paste(files, collapse = ":"))))
  expect_child(child)
})

# A file whose header says what it likes.
npy_bytes <- function(header, data = raw(24), version = as.raw(c(1, 0))) {
  n <- nchar(header)
  n <- as.raw(c(n %% 256, n %/% 256))
  c(as.raw(0x93), charToRaw("NUMPY"), version, n, charToRaw(header), data)
}
safetensors_bytes <- function(header, data = raw(24)) {
  c(as.raw(c(nchar(header), rep(0, 7))), charToRaw(header), data)
}

test_that("headers that lie are refused", {
  fine <- "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
  expect_identical(mlx_shape(mlx_load(npy_bytes(fine))), c(2L, 3L))
  lies <- list(
    npy_bytes(sub("(2, 3)", "(2, 300)", fine, fixed = TRUE)),
    npy_bytes(sub("(2, 3)", "(4294967296, 4294967296)", fine, fixed = TRUE)),
    npy_bytes(sub("(2, 3)", "(0, 4294967296)", fine, fixed = TRUE)),
    npy_bytes(sub("(2, 3)", paste0("(", strrep("1,", 100), ")"), fine, fixed = TRUE)),
    npy_bytes(sub("(2, 3)", "(-2, 3)", fine, fixed = TRUE)),
    npy_bytes(sub("<f4", "<U4", fine)), npy_bytes(fine, version = as.raw(c(9, 0)))
  )
  for (bytes in lies) expect_error(mlx_load(bytes), class = "rmlx_error_file")
  tensor <- "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"
  expect_identical(mlx_shape(mlx_load(safetensors_bytes(tensor))$x), c(2L, 3L))
  change <- function(from, to) safetensors_bytes(sub(from, to, tensor, fixed = TRUE))
  lies <- list(
    change("[0,24]", "[0,20]"), change("[0,24]", "[24,0]"), change("[0,24]", "[0,-1]"),
    change("[0,24]", "[4,28]"), change("F32", "F5"), change("[2,3]", "[2,3.5]"),
    change("[2,3]", "\"2\""), change("{", "["), safetensors_bytes(tensor, raw(25)),
    safetensors_bytes("{\"\\u0000\":{\"dtype\":\"U8\",\"shape\":[24],\"data_offsets\":[0,24]}}"),
    safetensors_bytes("{\"__metadata__\":{\"a\":1}}", raw())
  )
  for (bytes in lies) expect_error(mlx_load(bytes), class = "rmlx_error_file")
})
