//! Version numbers, and where MLX and mlx-c write theirs.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// `major.minor.patch`; a missing patch is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// What mlx-c's CMakeLists.txt pins: the line `GIT_TAG v0.32.2)`.
    pub fn pinned_by(cmake_lists: &str) -> Result<Self> {
        cmake_lists
            .lines()
            .find_map(|line| line.trim().strip_prefix("GIT_TAG"))
            .and_then(|tag| {
                tag.trim()
                    .trim_start_matches('v')
                    .trim_end_matches(')')
                    .parse()
                    .ok()
            })
            .ok_or_else(|| Error::Unexpected("mlx-c's CMakeLists.txt pins no MLX version".into()))
    }

    /// What MLX's header `mlx/version.h` defines.
    pub fn of_header(version_h: &str) -> Option<Self> {
        let part = |name: &str| {
            version_h.lines().find_map(|line| {
                let mut words = line.split_whitespace();
                (words.next() == Some("#define") && words.next() == Some(name))
                    .then(|| words.next()?.parse().ok())
                    .flatten()
            })
        };
        Some(Version {
            major: part("MLX_VERSION_MAJOR")?,
            minor: part("MLX_VERSION_MINOR")?,
            patch: part("MLX_VERSION_PATCH")?,
        })
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let mut parts = text.trim().splitn(3, '.').map(|part| {
            let digits = part
                .find(|c: char| !c.is_ascii_digit())
                .map_or(part, |end| &part[..end]);
            digits.parse::<u32>().map_err(drop)
        });
        Ok(Version {
            major: parts.next().ok_or(())??,
            minor: parts.next().ok_or(())??,
            patch: parts.next().unwrap_or(Ok(0))?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_parse_and_compare() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(v("0.32.2"), Version::new(0, 32, 2));
        assert_eq!(v("2.35"), Version::new(2, 35, 0));
        assert_eq!(v(" 2.39-0ubuntu8 "), Version::new(2, 39, 0));
        assert_eq!(v("0.32.2.dev20260101"), Version::new(0, 32, 2));
        assert!(v("0.9.0") < v("0.32.0"));
        assert!("".parse::<Version>().is_err());
        assert!("mlx".parse::<Version>().is_err());
    }

    #[test]
    fn the_pin_is_read_from_cmake() {
        let text = "FetchContent_Declare(\n    mlx\n    GIT_REPOSITORY \"https://x\"\n    GIT_TAG v0.32.2)\n";
        assert_eq!(Version::pinned_by(text).unwrap(), Version::new(0, 32, 2));
        assert!(Version::pinned_by("project(x)").is_err());
    }

    #[test]
    fn the_version_is_read_from_the_header() {
        let text = "#define MLX_VERSION_MAJOR 0\n#define MLX_VERSION_MINOR 32\n\
                    #define MLX_VERSION_PATCH 2\n#define MLX_VERSION_NUMERIC \\\n";
        assert_eq!(Version::of_header(text), Some(Version::new(0, 32, 2)));
        assert_eq!(Version::of_header("// nothing"), None);
    }
}
