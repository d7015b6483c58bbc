//! What R says about itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::run;

/// `R` or `Rscript` of the R that installs us, or the PATH's.
pub fn program(name: &str) -> PathBuf {
    match std::env::var_os("R_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Path::new(&home).join("bin").join(name),
        None => PathBuf::from(name),
    }
}

pub struct R {
    pub home: PathBuf,
    pub include: PathBuf,
}

impl R {
    pub fn detect() -> Result<Self> {
        let text = run::stdout(
            Command::new(program("Rscript"))
                .args(["--vanilla", "-e"])
                .arg("cat(normalizePath(c(R.home(), R.home('include'))), sep = '\\n')"),
            "asking R for its folders",
        )?;
        let mut lines = text.lines().map(PathBuf::from);
        Ok(R {
            home: lines.next().unwrap_or_default(),
            include: lines.next().unwrap_or_default(),
        })
    }

    /// `R CMD config NAME`; nothing where R has no such setting.
    pub fn config(&self, name: &str) -> Option<String> {
        let text = run::stdout(
            Command::new(self.home.join("bin").join("R")).args(["CMD", "config", name]),
            "R CMD config",
        )
        .ok()?;
        let value = text.trim();
        (!value.is_empty() && !value.starts_with("ERROR")).then(|| value.to_owned())
    }
}
