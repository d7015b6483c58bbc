//! Every way the build can fail, each as one message that says what to install.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::System;
use crate::version::Version;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no C++ compiler: `{cxx}` could not be run")]
    NoCompiler { cxx: String },
    #[error("`{cxx}` cannot compile C++20, which MLX needs (gcc 11, clang 14 or newer can)")]
    NoCxx20 { cxx: String },
    #[error(
        "`{cxx}` has no std::format and the fmt library, which can stand in for it, was not found"
    )]
    NoFormat { cxx: String },
    #[error("CMake was not found; it is needed to build mlx-c")]
    NoCmake,
    #[error("libclang was not found; it is needed to make the Rust bindings of mlx-c ({reason})")]
    NoLibclang { reason: String },
    #[error("libclang is too old: {found} was found, {needed} or newer is needed")]
    OldLibclang { found: String, needed: u32 },
    #[error("libclang's own headers (stddef.h and others) were not found")]
    NoClangHeaders,
    #[error("MLX is not on this system and python3, which can fetch it, was not found")]
    NoPython,
    #[error("MLX is not on this system and Python's pip, which can fetch it, was not found")]
    NoPip,
    #[error("pip does not find {what} for this Python")]
    NotOffered { what: String },
    #[error("there is no prebuilt MLX for {target}")]
    NoWheel { target: String },
    #[error(
        "MLX's prebuilt library needs glibc {}.{} or newer; this system has {found}",
        needed.major,
        needed.minor
    )]
    OldGlibc { found: String, needed: Version },
    #[error("{dir} holds MLX {found}, but mlx-c needs exactly {needed}")]
    WrongMlx {
        dir: PathBuf,
        found: Version,
        needed: Version,
    },
    #[error("{dir} does not hold MLX: {missing} is missing")]
    NotMlx { dir: PathBuf, missing: String },
    #[error("RMLX_BACKEND is `{0}`; it may be cpu, metal, cuda12 or cuda13")]
    UnknownBackend(String),
    #[error("no network: could not download {what}")]
    NoNetwork { what: String },
    #[error("the disk is full: could not write {what}")]
    DiskFull { what: String },
    #[error("cannot write {path}: {source}")]
    CannotWrite { path: PathBuf, source: io::Error },
    #[error("cannot read {path}: {source}")]
    CannotRead { path: PathBuf, source: io::Error },
    #[error("could not run `{program}`: {source}")]
    CannotRun { program: String, source: io::Error },
    #[error("{what} failed; its last words were:\n{tail}")]
    Failed { what: String, tail: String },
    #[error("{0} was written by somebody else; rmlx generates a file of that name")]
    ForeignConfig(PathBuf),
    #[error("{0}")]
    Unexpected(String),
}

/// What to install, by package manager.
struct Packages {
    apt: &'static str,
    dnf: &'static str,
    brew: &'static str,
}

impl Error {
    /// An error of writing `path`, a full disk told apart.
    pub fn writing(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull {
                what: path.display().to_string(),
            },
            _ => Error::CannotWrite { path, source },
        }
    }

    pub fn reading(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::CannotRead {
            path: path.into(),
            source,
        }
    }

    /// What a program that failed has said, turned into a cause where it names one.
    pub fn from_output(what: &str, output: &str) -> Self {
        const FULL: &[&str] = &["No space left on device", "Disk quota exceeded"];
        const OFFLINE: &[&str] = &[
            "Temporary failure in name resolution",
            "Name or service not known",
            "Failed to establish a new connection",
            "nodename nor servname provided",
            "Network is unreachable",
            "Could not resolve host",
            "Couldn't resolve host",
            "Connection refused",
            "NewConnectionError",
            "ConnectTimeoutError",
            "Read timed out",
            "attempting to make an HTTP request, but --offline was specified",
            "spurious network error",
        ];
        let says = |words: &[&str]| words.iter().any(|w| output.contains(w));
        if says(FULL) {
            Error::DiskFull {
                what: what.to_owned(),
            }
        } else if says(&["No module named pip", "No module named 'pip'"]) {
            Error::NoPip
        } else if says(OFFLINE) {
            Error::NoNetwork {
                what: what.to_owned(),
            }
        } else {
            Error::Failed {
                what: what.to_owned(),
                tail: tail(output, 25),
            }
        }
    }

    fn packages(&self) -> Option<Packages> {
        let packages = |apt, dnf, brew| Some(Packages { apt, dnf, brew });
        match self {
            Error::NoCompiler { .. } | Error::NoCxx20 { .. } => packages(
                "sudo apt-get install g++",
                "sudo dnf install gcc-c++",
                "xcode-select --install",
            ),
            Error::NoFormat { .. } => packages(
                "sudo apt-get install libfmt-dev",
                "sudo dnf install fmt-devel",
                "brew install fmt",
            ),
            Error::NoCmake => packages(
                "sudo apt-get install cmake",
                "sudo dnf install cmake",
                "brew install cmake",
            ),
            Error::NoLibclang { .. } | Error::OldLibclang { .. } | Error::NoClangHeaders => {
                packages(
                    "sudo apt-get install libclang-19-dev (or any from libclang-15-dev on)",
                    "sudo dnf install clang-devel",
                    "xcode-select --install, or brew install llvm",
                )
            }
            Error::NoPython => packages(
                "sudo apt-get install python3 python3-pip",
                "sudo dnf install python3 python3-pip",
                "brew install python3",
            ),
            Error::NoPip => packages(
                "sudo apt-get install python3-pip",
                "sudo dnf install python3-pip",
                "brew install python3",
            ),
            _ => None,
        }
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Error::NoPython | Error::NoPip => {
                "or set RMLX_MLX_DIR to a folder that holds MLX (its include and lib)"
            }
            Error::NotOffered { .. } => {
                "update pip (python3 -m pip install --upgrade pip; 20.3 or newer is needed), or set \
                 RMLX_MLX_DIR to a folder that holds MLX"
            }
            Error::NoWheel { .. } => {
                "build MLX from source and set RMLX_MLX_DIR to where it is installed"
            }
            Error::OldGlibc { .. } => {
                "use a newer system (Debian 12, Ubuntu 22.04, Fedora 35 and later), or build MLX \
                 from source and set RMLX_MLX_DIR to where it is installed"
            }
            Error::WrongMlx { .. } => {
                "unset RMLX_MLX_DIR to have the right version fetched, or point it to that version"
            }
            Error::NotMlx { .. } => {
                "RMLX_MLX_DIR (or --with-mlx) must name a folder with include/mlx/version.h and \
                 lib/libmlx"
            }
            Error::NoNetwork { .. } => {
                "connect once (later installs need no network), set a proxy by HTTPS_PROXY, or set \
                 RMLX_MLX_DIR to a folder that holds MLX"
            }
            Error::DiskFull { .. } => {
                "make room (about 1 GB is needed), or move the cache by R_USER_CACHE_DIR and \
                 cargo's files by CARGO_TARGET_DIR"
            }
            Error::CannotWrite { .. } => {
                "set R_USER_CACHE_DIR to a folder that can be written if it is rmlx's cache"
            }
            Error::ForeignConfig(_) => "move it away and install again",
            _ => return None,
        })
    }

    /// The whole message for somebody on `system`.
    pub fn render(&self, system: System) -> String {
        let mut text = format!("rmlx: error: {self}");
        if let Some(p) = self.packages() {
            match system {
                System::Debian => write!(text, "\n  Install it: {}", p.apt),
                System::Fedora => write!(text, "\n  Install it: {}", p.dnf),
                System::MacOs => write!(text, "\n  Install it: {}", p.brew),
                System::Other => write!(
                    text,
                    "\n  Debian, Ubuntu: {}\n  Fedora:         {}\n  macOS:          {}",
                    p.apt, p.dnf, p.brew
                ),
            }
            .expect("writing to a String cannot fail");
        }
        if let Some(advice) = self.advice() {
            text.push_str("\n  ");
            text.push_str(advice);
        }
        text
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    let mut out = String::new();
    for line in &all[all.len().saturating_sub(lines)..] {
        out.push_str("  | ");
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// `std::fs` with errors that name the path.
pub mod fs {
    use super::{Error, Path, PathBuf, Result};

    pub fn read(path: &Path) -> Result<String> {
        std::fs::read_to_string(path).map_err(|e| Error::reading(path, e))
    }

    pub fn write(path: &Path, text: &str) -> Result<()> {
        std::fs::write(path, text).map_err(|e| Error::writing(path, e))
    }

    pub fn create_dir_all(path: &Path) -> Result<()> {
        std::fs::create_dir_all(path).map_err(|e| Error::writing(path, e))
    }

    pub fn copy(from: &Path, to: &Path) -> Result<()> {
        std::fs::copy(from, to)
            .map(drop)
            .map_err(|e| Error::writing(to, e))
    }

    /// The paths in a folder, sorted.
    pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
        let mut paths = std::fs::read_dir(dir)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|e| e.path()))
                    .collect::<std::io::Result<Vec<_>>>()
            })
            .map_err(|e| Error::reading(dir, e))?;
        paths.sort();
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_the_package_of_the_system() {
        let text = Error::NoCmake.render(System::Debian);
        assert!(text.contains("CMake was not found"), "{text}");
        assert!(text.contains("sudo apt-get install cmake"), "{text}");
        assert!(!text.contains("brew"), "{text}");
        let text = Error::NoCmake.render(System::Fedora);
        assert!(text.contains("sudo dnf install cmake"), "{text}");
        let text = Error::NoCmake.render(System::MacOs);
        assert!(text.contains("brew install cmake"), "{text}");
    }

    #[test]
    fn an_unknown_system_gets_all_three() {
        let text = Error::NoPip.render(System::Other);
        for part in [
            "apt-get install python3-pip",
            "dnf install python3-pip",
            "brew install python3",
            "RMLX_MLX_DIR",
        ] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn a_wrong_version_says_both() {
        let text = Error::WrongMlx {
            dir: "/opt/mlx".into(),
            found: "0.31.0".parse().unwrap(),
            needed: "0.32.2".parse().unwrap(),
        }
        .render(System::Debian);
        assert!(text.contains("/opt/mlx holds MLX 0.31.0"), "{text}");
        assert!(text.contains("0.32.2"), "{text}");
    }

    #[test]
    fn an_old_glibc_names_systems_that_do() {
        let text = Error::OldGlibc {
            found: "2.31".into(),
            needed: "2.35".parse().unwrap(),
        }
        .render(System::Debian);
        assert!(text.contains("glibc 2.35 or newer; this system has 2.31"));
        assert!(text.contains("Debian 12"), "{text}");
    }

    #[test]
    fn causes_are_read_from_output() {
        let of = |output| Error::from_output("MLX", output);
        assert!(matches!(
            of("OSError: [Errno 28] No space left on device"),
            Error::DiskFull { .. }
        ));
        assert!(matches!(
            of("/usr/bin/python3: No module named pip"),
            Error::NoPip
        ));
        assert!(matches!(
            of(
                "WARNING: Retrying ... [Errno -3] Temporary failure in name resolution\n\
                ERROR: No matching distribution found for mlx-cpu==0.32.2"
            ),
            Error::NoNetwork { .. }
        ));
        match of("one\ntwo\nERROR: something else") {
            Error::Failed { tail, .. } => assert!(tail.ends_with("  | ERROR: something else")),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_write_errors() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(Error::writing("x", full), Error::DiskFull { .. }));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(
            Error::writing("x", denied),
            Error::CannotWrite { .. }
        ));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let text = (1..=40).map(|i| format!("{i}\n")).collect::<String>();
        let tail = tail(&text, 25);
        assert_eq!(tail.lines().count(), 25);
        assert!(tail.starts_with("  | 16\n") && tail.ends_with("  | 40"));
    }
}
