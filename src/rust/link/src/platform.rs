//! The machine that is built on, which is also the one that is built for.

use std::process::Command;

use crate::error::{Error, Result};
use crate::run;
use crate::version::Version;

/// glibc that MLX's wheels are built against (manylinux_2_35).
pub const OLDEST_GLIBC: Version = Version::new(2, 35, 0);

/// Whose package manager a message should name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Debian,
    Fedora,
    MacOs,
    Other,
}

impl System {
    pub fn detect() -> Self {
        if cfg!(target_os = "macos") {
            return System::MacOs;
        }
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        System::of_os_release(&release)
    }

    fn of_os_release(text: &str) -> Self {
        let mut ids = text
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches('"').split_whitespace());
        ids.find_map(|id| match id {
            "debian" | "ubuntu" => Some(System::Debian),
            "fedora" | "rhel" | "centos" => Some(System::Fedora),
            _ => None,
        })
        .unwrap_or(System::Other)
    }
}

/// The host as rustc names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub triple: String,
}

impl Host {
    pub fn detect() -> Result<Self> {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let text = run::stdout(Command::new(&rustc).arg("-vV"), "rustc -vV")?;
        Host::of_verbose_version(&text)
            .ok_or_else(|| Error::Unexpected(format!("`{rustc} -vV` names no host")))
    }

    fn of_verbose_version(text: &str) -> Option<Self> {
        text.lines()
            .find_map(|line| line.strip_prefix("host: "))
            .map(|triple| Host {
                triple: triple.trim().to_owned(),
            })
    }

    pub fn arch(&self) -> &str {
        self.triple.split('-').next().unwrap_or_default()
    }

    pub fn is_macos(&self) -> bool {
        self.triple.contains("-apple-darwin")
    }

    pub fn is_glibc_linux(&self) -> bool {
        self.triple.contains("-linux-gnu")
    }

    /// The C++ standard library to link.
    pub fn cxx_library(&self) -> &'static str {
        if self.is_macos() {
            "c++"
        } else {
            "stdc++"
        }
    }

    pub fn libmlx(&self) -> &'static str {
        if self.is_macos() {
            "libmlx.dylib"
        } else {
            "libmlx.so"
        }
    }
}

/// Fails where the wheel would not load.
pub fn check_glibc(found: Option<&str>) -> Result<()> {
    let Some(found) = found else {
        return Ok(());
    };
    match found.parse::<Version>() {
        Ok(version) if version < OLDEST_GLIBC => Err(Error::OldGlibc {
            found: found.to_owned(),
            needed: OLDEST_GLIBC,
        }),
        _ => Ok(()),
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn glibc_version() -> Option<String> {
    extern "C" {
        fn gnu_get_libc_version() -> *const std::ffi::c_char;
    }
    // SAFETY: glibc returns a static string ended by NUL.
    let text = unsafe { std::ffi::CStr::from_ptr(gnu_get_libc_version()) };
    text.to_str().ok().map(str::to_owned)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn glibc_version() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_os_release() {
        let of = System::of_os_release;
        assert_eq!(of("ID=debian\n"), System::Debian);
        assert_eq!(
            of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
            System::Debian
        );
        assert_eq!(
            of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            System::Fedora
        );
        assert_eq!(of("ID=arch\n"), System::Other);
        assert_eq!(of(""), System::Other);
    }

    #[test]
    fn the_host_is_read_from_rustc() {
        let host = Host::of_verbose_version("rustc 1.85.0\nhost: aarch64-apple-darwin\n").unwrap();
        assert_eq!(host.arch(), "aarch64");
        assert!(host.is_macos());
        assert_eq!(host.cxx_library(), "c++");
        assert_eq!(host.libmlx(), "libmlx.dylib");
        let host = Host::of_verbose_version("host: x86_64-unknown-linux-gnu\n").unwrap();
        assert!(host.is_glibc_linux() && !host.is_macos());
        assert_eq!(host.cxx_library(), "stdc++");
        assert_eq!(Host::of_verbose_version("rustc 1.85.0"), None);
    }

    #[test]
    fn glibc_is_checked() {
        assert!(check_glibc(Some("2.36")).is_ok());
        assert!(check_glibc(Some("2.35")).is_ok());
        assert!(matches!(
            check_glibc(Some("2.31")),
            Err(Error::OldGlibc { .. })
        ));
        assert!(check_glibc(None).is_ok());
    }
}
