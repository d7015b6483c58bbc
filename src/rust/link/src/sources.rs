//! Where cargo has put the sources of mlx-sys, which carry those of mlx-c.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{fs, Error, Result};
use crate::platform::Host;
use crate::run;
use crate::version::Version;

pub struct MlxC {
    pub root: PathBuf,
    /// The version of the mlx-sys package that carries it.
    pub package: String,
    /// The MLX that it was written for.
    pub mlx: Version,
}

impl MlxC {
    pub fn locate(root: &Path, host: &Host) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(root)
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(["--filter-platform", &host.triple]);
        // cargo warns on stderr, which is none of the JSON on stdout.
        let text = run::stdout(&mut command, "the Rust packages named in Cargo.lock")?;
        let (package, manifest) = package(&text, "mlx-sys")
            .ok_or_else(|| Error::Unexpected("cargo metadata does not list mlx-sys".into()))?;
        let root = manifest.with_file_name("src").join("mlx-c");
        let mlx = Version::pinned_by(&fs::read(&root.join("CMakeLists.txt"))?)?;
        Ok(MlxC { root, package, mlx })
    }

    /// The public headers, in a fixed order.
    pub fn headers(&self) -> Result<Vec<PathBuf>> {
        let mut headers = fs::list(&self.root.join("mlx").join("c"))?;
        headers.retain(|path| path.extension().is_some_and(|ext| ext == "h"));
        Ok(headers)
    }
}

/// Version and manifest of a package in cargo's metadata.
fn package(metadata: &str, name: &str) -> Option<(String, PathBuf)> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let package = metadata["packages"]
        .as_array()?
        .iter()
        .find(|package| package["name"] == name)?;
    Some((
        package["version"].as_str()?.to_owned(),
        PathBuf::from(package["manifest_path"].as_str()?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_in_metadata() {
        let text = r#"{"packages":[{"name":"libc","version":"0.2.1","manifest_path":"/a/Cargo.toml"},
            {"name":"mlx-sys","version":"0.7.0","manifest_path":"/b/Cargo.toml"}]}"#;
        assert_eq!(
            package(text, "mlx-sys"),
            Some(("0.7.0".to_owned(), PathBuf::from("/b/Cargo.toml")))
        );
        assert_eq!(package(text, "mlx"), None);
        assert_eq!(package("not json", "mlx"), None);
    }
}
