//! Finding MLX, or fetching its wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Cache;
use crate::error::{fs, Error, Result};
use crate::platform::{check_glibc, glibc_version, Host};
use crate::run;
use crate::say;
use crate::version::Version;

/// An MLX of the right version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mlx {
    /// The folder that holds `include` and `lib`.
    pub prefix: PathBuf,
    pub version: Version,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Named by RMLX_MLX_DIR.
    Named,
    /// Installed on the system.
    System,
    Wheel(Wheel),
}

impl Mlx {
    pub fn include(&self) -> PathBuf {
        self.prefix.join("include")
    }

    pub fn lib(&self) -> PathBuf {
        self.prefix.join("lib")
    }
}

/// The package of Python's index that holds a prebuilt MLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wheel {
    Cpu,
    Metal,
    Cuda12,
    Cuda13,
}

impl Wheel {
    pub fn package(self) -> &'static str {
        match self {
            Wheel::Cpu => "mlx-cpu",
            Wheel::Metal => "mlx-metal",
            Wheel::Cuda12 => "mlx-cuda-12",
            Wheel::Cuda13 => "mlx-cuda-13",
        }
    }

    pub fn is_cuda(self) -> bool {
        matches!(self, Wheel::Cuda12 | Wheel::Cuda13)
    }

    /// What RMLX_BACKEND asks for; nothing when it leaves the choice to us.
    pub fn requested(backend: &str) -> Result<Option<Self>> {
        Ok(Some(match backend.trim() {
            "" | "auto" => return Ok(None),
            "cpu" => Wheel::Cpu,
            "metal" => Wheel::Metal,
            "cuda12" | "cuda-12" => Wheel::Cuda12,
            "cuda13" | "cuda-13" | "cuda" => Wheel::Cuda13,
            other => return Err(Error::UnknownBackend(other.to_owned())),
        }))
    }

    /// The wheel for a host, or an error where none is made.
    fn for_host(host: &Host, requested: Option<Self>) -> Result<Self> {
        let none = || Error::NoWheel {
            target: host.triple.clone(),
        };
        let wheel = match requested {
            Some(wheel) => wheel,
            None if host.is_macos() => Wheel::Metal,
            None => Wheel::Cpu,
        };
        let made = match wheel {
            Wheel::Metal => host.is_macos() && host.arch() == "aarch64",
            _ => host.is_glibc_linux() && matches!(host.arch(), "x86_64" | "aarch64"),
        };
        made.then_some(wheel).ok_or_else(none)
    }
}

/// Finds the MLX `needed`: the one named, the system's, or its wheel.
pub fn find(named: Option<&Path>, needed: Version, host: &Host, cache: &Cache) -> Result<Mlx> {
    let backend = std::env::var("RMLX_BACKEND").unwrap_or_default();
    let requested = Wheel::requested(&backend)?;
    if let Some(dir) = named {
        let mlx = at(dir, needed, host, Origin::Named)?;
        say!("MLX {needed} of {}", mlx.prefix.display());
        return Ok(mlx);
    }
    if requested.is_none() {
        if let Some(mlx) = on_system(needed, host) {
            say!("MLX {needed} of the system: {}", mlx.prefix.display());
            return Ok(mlx);
        }
    }
    let wheel = Wheel::for_host(host, requested)?;
    if requested.is_none() && Path::new("/proc/driver/nvidia/version").is_file() {
        say!("an NVIDIA driver is here: RMLX_BACKEND=cuda13 (or cuda12) gets the MLX that uses it");
    }
    fetch(wheel, needed, host, cache)
}

/// The MLX in `dir`, which may also be the folder that holds its `mlx`, such as
/// an unpacked wheel or Python's site-packages.
fn at(dir: &Path, needed: Version, host: &Host, origin: Origin) -> Result<Mlx> {
    let missing = |missing: &str| Error::NotMlx {
        dir: dir.to_owned(),
        missing: missing.to_owned(),
    };
    let header = Path::new("include").join("mlx").join("version.h");
    let prefix = [dir.to_owned(), dir.join("mlx")]
        .into_iter()
        .find(|prefix| prefix.join(&header).is_file())
        .ok_or_else(|| missing("include/mlx/version.h"))?;
    let prefix = prefix
        .canonicalize()
        .map_err(|e| Error::reading(&prefix, e))?;
    if !prefix.join("lib").join(host.libmlx()).exists() {
        return Err(missing(&format!("lib/{}", host.libmlx())));
    }
    let version = Version::of_header(&fs::read(&prefix.join(&header))?)
        .ok_or_else(|| missing("a version in include/mlx/version.h"))?;
    if version != needed {
        return Err(Error::WrongMlx {
            dir: dir.to_owned(),
            found: version,
            needed,
        });
    }
    Ok(Mlx {
        prefix,
        version,
        origin,
    })
}

fn on_system(needed: Version, host: &Host) -> Option<Mlx> {
    for dir in system_prefixes(host) {
        match at(&dir, needed, host, Origin::System) {
            Ok(mlx) => return Some(mlx),
            Err(Error::WrongMlx { found, .. }) => {
                say!(
                    "MLX {found} in {} is passed over: {needed} is needed",
                    dir.display()
                );
            }
            Err(_) => {}
        }
    }
    None
}

fn system_prefixes(host: &Host) -> Vec<PathBuf> {
    let mut prefixes = Vec::new();
    if let Some(paths) = std::env::var_os("CMAKE_PREFIX_PATH") {
        prefixes.extend(std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()));
    }
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--variable=prefix", "mlx"]);
    if let Ok(text) = run::stdout(&mut pkg_config, "pkg-config") {
        if !text.trim().is_empty() {
            prefixes.push(PathBuf::from(text.trim()));
        }
    }
    if host.is_macos() {
        prefixes.push("/opt/homebrew/opt/mlx".into());
    }
    prefixes.push("/usr/local".into());
    prefixes.push("/usr".into());
    prefixes
}

fn fetch(wheel: Wheel, needed: Version, host: &Host, cache: &Cache) -> Result<Mlx> {
    if !host.is_macos() {
        check_glibc(glibc_version().as_deref())?;
    }
    let package = wheel.package();
    let name = format!("{package}-{needed}-{}", host.arch());
    let (dir, was_there) = cache.entry(&name, |dir| {
        say!("fetching MLX {needed} ({package}) with pip");
        download(wheel, needed, dir)
    })?;
    if was_there {
        say!("MLX {needed} ({package}) is in the cache {}", dir.display());
    }
    cache.prune("mlx-", 3);
    at(&dir, needed, host, Origin::Wheel(wheel))
}

/// Puts the content of the wheel, for CUDA with the wheels that it needs, into `dir`.
fn download(wheel: Wheel, version: Version, dir: &Path) -> Result<()> {
    let python = Python::find()?;
    let downloads = dir.join("download");
    let what = format!("MLX {version} ({})", wheel.package());
    let mut pip = python.command();
    pip.args(["-m", "pip", "download", "--no-input", "--retries", "3"])
        .args(["--disable-pip-version-check", "--only-binary=:all:"])
        .arg("--dest")
        .arg(&downloads);
    if !wheel.is_cuda() {
        pip.arg("--no-deps");
    }
    pip.arg(format!("{}=={version}", wheel.package()));
    run::quietly(&mut pip, &what).map_err(|error| match error {
        Error::Failed { tail, .. } if tail.contains("No matching distribution") => {
            Error::NotOffered { what: what.clone() }
        }
        other => other,
    })?;
    for file in fs::list(&downloads)? {
        let mut unpack = python.command();
        unpack.args(["-m", "zipfile", "-e"]).arg(&file).arg(dir);
        run::quietly(&mut unpack, &what)?;
        std::fs::remove_file(&file).map_err(|e| Error::writing(&file, e))?;
    }
    std::fs::remove_dir(&downloads).map_err(|e| Error::writing(&downloads, e))
}

/// A Python that has pip.
struct Python {
    program: PathBuf,
    /// Whether it needs the environment without R's library path. R puts the system's folder of
    /// libraries first, from where a Python of another place would load the system's libpython, and
    /// then look for its modules, pip among them, in the wrong folder.
    without_library_path: bool,
}

impl Python {
    /// The first on the PATH that has pip.
    fn find() -> Result<Python> {
        let mut error = Error::NoPython;
        for program in ["python3", "python"].into_iter().flat_map(run::which_all) {
            for without_library_path in [false, true] {
                let python = Python {
                    program: program.clone(),
                    without_library_path,
                };
                let mut version = python.command();
                version.args(["-m", "pip", "--version"]);
                if run::quietly(&mut version, "pip").is_ok() {
                    return Ok(python);
                }
                error = Error::NoPip;
            }
        }
        Err(error)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if self.without_library_path {
            command.env_remove("LD_LIBRARY_PATH");
            command.env_remove("DYLD_FALLBACK_LIBRARY_PATH");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(triple: &str) -> Host {
        Host {
            triple: triple.into(),
        }
    }

    #[test]
    fn each_host_has_its_wheel() {
        let of = |triple: &str| Wheel::for_host(&host(triple), None);
        assert_eq!(of("x86_64-unknown-linux-gnu").unwrap(), Wheel::Cpu);
        assert_eq!(of("aarch64-unknown-linux-gnu").unwrap(), Wheel::Cpu);
        assert_eq!(of("aarch64-apple-darwin").unwrap(), Wheel::Metal);
        for triple in [
            "x86_64-apple-darwin",
            "riscv64gc-unknown-linux-gnu",
            "x86_64-unknown-linux-musl",
        ] {
            assert!(
                matches!(of(triple), Err(Error::NoWheel { target }) if target == triple),
                "{triple}"
            );
        }
    }

    #[test]
    fn a_backend_may_be_asked_for() {
        assert_eq!(Wheel::requested("").unwrap(), None);
        assert_eq!(Wheel::requested("cuda13").unwrap(), Some(Wheel::Cuda13));
        assert!(matches!(
            Wheel::requested("opencl"),
            Err(Error::UnknownBackend(_))
        ));
        let linux = host("x86_64-unknown-linux-gnu");
        assert!(Wheel::for_host(&linux, Some(Wheel::Metal)).is_err());
        assert_eq!(
            Wheel::for_host(&linux, Some(Wheel::Cuda12)).unwrap(),
            Wheel::Cuda12
        );
    }

    #[test]
    fn a_folder_is_checked_for_mlx() {
        let dir = std::env::temp_dir().join(format!("rmlx-mlx-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("mlx/include/mlx")).unwrap();
        std::fs::create_dir_all(dir.join("mlx/lib")).unwrap();
        let linux = host("x86_64-unknown-linux-gnu");
        let needed = Version::new(0, 32, 2);
        let at = || at(&dir, needed, &linux, Origin::Named);
        assert!(
            matches!(at(), Err(Error::NotMlx { missing, .. }) if missing.contains("version.h"))
        );

        let header = dir.join("mlx/include/mlx/version.h");
        let version = |minor: u32| {
            format!(
                "#define MLX_VERSION_MAJOR 0\n#define MLX_VERSION_MINOR {minor}\n\
                 #define MLX_VERSION_PATCH 2\n"
            )
        };
        std::fs::write(&header, version(31)).unwrap();
        assert!(matches!(at(), Err(Error::NotMlx { missing, .. }) if missing == "lib/libmlx.so"));

        std::fs::write(dir.join("mlx/lib/libmlx.so"), "").unwrap();
        assert!(matches!(
            at(),
            Err(Error::WrongMlx { found, .. }) if found == Version::new(0, 31, 2)
        ));

        std::fs::write(&header, version(32)).unwrap();
        let mlx = at().unwrap();
        assert_eq!(mlx.version, needed);
        assert_eq!(mlx.prefix, dir.canonicalize().unwrap().join("mlx"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
