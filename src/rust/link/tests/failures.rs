//! Provokes what can go wrong on somebody's machine, by programs left out of the
//! PATH and the like, and checks that one message says what to do.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version that mlx-c pins.
const NEEDED: &str = "0.32.2";

/// A folder of its own for each test.
struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rmlx-failures-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Scratch {
            dir: dir.canonicalize().unwrap(),
        }
    }

    /// A folder that holds what MLX's would, as far as it is looked at.
    fn mlx(&self, version: &str) -> PathBuf {
        let dir = self.dir.join("mlx");
        fs::create_dir_all(dir.join("include/mlx")).unwrap();
        fs::create_dir_all(dir.join("lib")).unwrap();
        let mut header = String::new();
        for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(version.split('.')) {
            header.push_str(&format!("#define MLX_VERSION_{name} {part}\n"));
        }
        fs::write(dir.join("include/mlx/version.h"), header).unwrap();
        for library in ["libmlx.so", "libmlx.dylib"] {
            fs::write(dir.join("lib").join(library), "").unwrap();
        }
        dir
    }

    /// A PATH that has all programs of the real one but those named.
    fn path_without(&self, left_out: impl Fn(&str) -> bool) -> PathBuf {
        let bin = self.dir.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for dir in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !left_out(&name) {
                    // The first of a name is the one that counts.
                    let _ = symlink(entry.path(), bin.join(name));
                }
            }
        }
        bin
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let file = self.dir.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&file);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// The program, with nothing in its cache.
    fn link(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_link"));
        command
            .arg(root())
            .env("RMLX_CACHE_DIR", self.dir.join("cache"))
            .env("RUSTC", which("rustc"))
            .env("HOME", std::env::var_os("HOME").unwrap_or_default())
            .env_remove("RMLX_MLX_DIR")
            .env_remove("RMLX_BACKEND")
            .env_remove("CMAKE_PREFIX_PATH")
            .env_remove("CXX")
            .env_remove("CXXFLAGS");
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .unwrap()
}

fn which(program: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} is not on the PATH"))
}

/// What was said when it failed: one error, on stderr.
fn error_of(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it went well: {said}");
    assert_eq!(said.matches("rmlx: error: ").count(), 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn check(command: &mut Command, parts: &[&str]) {
    let said = error_of(&command.output().unwrap());
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn no_cmake() {
    let scratch = Scratch::new("cmake");
    let path = scratch.path_without(|name| name == "cmake");
    check(
        scratch
            .link()
            .env("PATH", path)
            .env("RMLX_MLX_DIR", scratch.mlx(NEEDED)),
        &["CMake was not found", "install cmake"],
    );
}

#[test]
fn no_libclang() {
    let scratch = Scratch::new("libclang");
    check(
        scratch
            .link()
            .env("LIBCLANG_PATH", scratch.dir.join("nowhere"))
            .env("RMLX_MLX_DIR", scratch.mlx(NEEDED)),
        &["libclang was not found"],
    );
}

#[test]
fn no_compiler() {
    let scratch = Scratch::new("compiler");
    check(
        scratch
            .link()
            .env("CXX", "no-such-compiler")
            .env("RMLX_MLX_DIR", scratch.mlx(NEEDED)),
        &["no C++ compiler: `no-such-compiler`"],
    );
}

#[test]
fn no_cxx20() {
    let scratch = Scratch::new("cxx20");
    let old = scratch.script(
        "old-c++",
        r#"[ "$1" = --version ] && echo "old 9.0" && exit; cat > /dev/null; exit 1"#,
    );
    check(
        scratch
            .link()
            .env("CXX", old)
            .env("RMLX_MLX_DIR", scratch.mlx(NEEDED)),
        &["cannot compile C++20"],
    );
}

#[test]
fn no_format() {
    let scratch = Scratch::new("format");
    let bare = scratch.script(
        "bare-c++",
        r#"[ "$1" = --version ] && echo "bare 12" && exit
case $(cat) in *fmt/format.h*) exit 1;; esac"#,
    );
    check(
        scratch
            .link()
            .env("CXX", bare)
            .env("RMLX_MLX_DIR", scratch.mlx(NEEDED)),
        &["no std::format", "fmt"],
    );
}

#[test]
fn no_python() {
    let scratch = Scratch::new("python");
    let path = scratch.path_without(|name| name.starts_with("python"));
    check(
        scratch.link().env("PATH", path),
        &["python3", "was not found", "RMLX_MLX_DIR"],
    );
}

#[test]
fn no_pip() {
    let scratch = Scratch::new("pip");
    let path = scratch.path_without(|name| name.starts_with("python"));
    // Without its site folder, Python has the standard library only.
    let python = which("python3");
    scratch.script(
        "bin/python3",
        &format!("exec '{}' -S \"$@\"", python.display()),
    );
    check(scratch.link().env("PATH", path), &["pip", "was not found"]);
}

/// As where R's library path makes Python load another Python's library: there pip is missing, but
/// it is found without that path. (The download then fails for want of a network.)
#[test]
fn pip_that_r_hides() {
    let scratch = Scratch::new("hidden-pip");
    let path = scratch.path_without(|name| name.starts_with("python"));
    let python = which("python3");
    scratch.script(
        "bin/python3",
        &format!(
            "[ -z \"$LD_LIBRARY_PATH\" ] || exec '{0}' -S \"$@\"\nexec '{0}' \"$@\"",
            python.display()
        ),
    );
    check(
        scratch
            .link()
            .env("PATH", path)
            .env("LD_LIBRARY_PATH", "/nowhere")
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
            .env_remove("PIP_FIND_LINKS"),
        &["no network", "MLX 0.32.2"],
    );
}

#[test]
fn no_network() {
    let scratch = Scratch::new("network");
    check(
        scratch
            .link()
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
            .env_remove("PIP_FIND_LINKS"),
        &["no network", "MLX 0.32.2"],
    );
    assert_eq!(
        fs::read_dir(scratch.dir.join("cache")).unwrap().count(),
        0,
        "a failed download was left in the cache"
    );
}

#[test]
fn not_offered() {
    let scratch = Scratch::new("offered");
    check(
        scratch
            .link()
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_NO_INDEX", "1")
            .env_remove("PIP_FIND_LINKS"),
        &["pip does not find MLX 0.32.2", "--upgrade pip"],
    );
}

#[test]
fn wrong_version() {
    let scratch = Scratch::new("version");
    check(
        scratch.link().env("RMLX_MLX_DIR", scratch.mlx("0.31.0")),
        &["holds MLX 0.31.0", "exactly 0.32.2"],
    );
}

#[test]
fn not_mlx() {
    let scratch = Scratch::new("notmlx");
    check(
        scratch
            .link()
            .arg(format!("--with-mlx={}", scratch.dir.display())),
        &["does not hold MLX", "include/mlx/version.h"],
    );
}

#[test]
fn unknown_backend() {
    let scratch = Scratch::new("backend");
    check(
        scratch.link().env("RMLX_BACKEND", "opencl"),
        &["RMLX_BACKEND is `opencl`", "cuda13"],
    );
}

#[test]
fn cache_that_cannot_be_written() {
    let scratch = Scratch::new("cache");
    let file = scratch.dir.join("file");
    fs::write(&file, "").unwrap();
    check(
        scratch.link().env("RMLX_CACHE_DIR", file.join("cache")),
        &["cannot write", "R_USER_CACHE_DIR"],
    );
}

/// Needs a small file system of its own, which not every machine lets us have.
#[test]
fn full_disk() {
    let scratch = Scratch::new("disk");
    let cache = scratch.dir.join("cache");
    fs::create_dir_all(&cache).unwrap();
    let within = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c"]).arg(format!(
            "mount -t tmpfs -o size=64k tmpfs '{}' && {command}",
            cache.display()
        ));
        unshare
    };
    if !within("true").output().is_ok_and(|o| o.status.success()) {
        eprintln!("not tried: no file system can be mounted here");
        return;
    }
    let mut command = within(&format!(
        "exec '{}' '{}'",
        env!("CARGO_BIN_EXE_link"),
        root().display()
    ));
    command
        .env("RMLX_CACHE_DIR", &cache)
        .env("RMLX_MLX_DIR", scratch.mlx(NEEDED));
    check(&mut command, &["the disk is full", "CARGO_TARGET_DIR"]);
}

fn configure(scratch: &Scratch) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg(root().join("configure"))
        .env("HOME", &scratch.dir)
        .env_remove("CARGO_HOME");
    command
}

#[test]
fn no_cargo() {
    let scratch = Scratch::new("cargo");
    let path = scratch.path_without(|name| name == "cargo");
    check(
        configure(&scratch).env("PATH", path),
        &["cargo was not found", "rustup"],
    );
}

#[test]
fn old_cargo() {
    let scratch = Scratch::new("oldcargo");
    let path = scratch.path_without(|name| name == "cargo");
    scratch.script("bin/cargo", "echo 'cargo 1.63.0 (fd9c4297c 2022-07-01)'");
    check(
        configure(&scratch).env("PATH", path),
        &["Rust 1.63 is too old", "rustup update"],
    );
}
