//! Prepares the build of rmlx: finds or fetches MLX, builds mlx-c and makes its
//! bindings, compiles rmlx's own native code, puts libmlx under `inst` and tells
//! cargo where all is. `configure` calls it as `link ROOT [--with-mlx=DIR]`.

mod bindings;
mod bundle;
mod cache;
mod config;
mod error;
mod mlx;
mod native;
mod platform;
mod r;
mod run;
mod sources;
mod toolchain;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use error::{Error, Result};

/// One line about a step.
macro_rules! say {
    ($($words:tt)*) => {
        println!("rmlx: {}", format_args!($($words)*))
    };
}
pub(crate) use say;

fn main() -> ExitCode {
    match prepare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.render(platform::System::detect()));
            ExitCode::FAILURE
        }
    }
}

fn prepare() -> Result<()> {
    let Arguments { root, named } = arguments(std::env::args().skip(1))?;
    let root = root.canonicalize().map_err(|e| Error::reading(&root, e))?;
    let host = platform::Host::detect()?;
    let r = r::R::detect()?;
    let cache = cache::Cache::open()?;
    let mlx_c = sources::MlxC::locate(&root, &host)?;
    let toolchain = toolchain::Toolchain::detect(&r)?;
    let mlx = mlx::find(named.as_deref(), mlx_c.mlx, &host, &cache)?;
    let maker = native::Maker {
        root: &root,
        cache: &cache,
        host: &host,
        mlx: &mlx,
        mlx_c: &mlx_c,
        toolchain: &toolchain,
        r: &r,
    };
    let mlx_c_dir = maker.mlx_c()?;
    let native_dir = maker.own()?;
    bundle::bundle(&root, &mlx, &host)?;
    config::Config {
        host: &host,
        mlx: &mlx,
        r: &r,
        mlx_c: &mlx_c_dir,
        native: &native_dir,
        vendored: root.join("vendor").is_dir(),
    }
    .write(&root)
}

struct Arguments {
    root: PathBuf,
    /// The MLX to use.
    named: Option<PathBuf>,
}

fn arguments(words: impl Iterator<Item = String>) -> Result<Arguments> {
    let mut root = None;
    let mut named = None;
    for word in words {
        if let Some(dir) = word.strip_prefix("--with-mlx=") {
            named = Some(dir.to_owned());
        } else if root.is_none() && !word.starts_with('-') {
            root = Some(PathBuf::from(word));
        } else {
            return Err(Error::Unexpected(format!("unknown argument `{word}`")));
        }
    }
    let named = named
        .or_else(|| std::env::var("RMLX_MLX_DIR").ok())
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    Ok(Arguments {
        root: root.unwrap_or_else(|| ".".into()),
        named,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments> {
        arguments(words.iter().map(|w| (*w).to_owned()))
    }

    #[test]
    fn arguments_are_read() {
        let both = parsed(&["/pkg", "--with-mlx=/opt/mlx"]).unwrap();
        assert_eq!(both.root, PathBuf::from("/pkg"));
        assert_eq!(both.named, Some(PathBuf::from("/opt/mlx")));
        assert!(parsed(&["--with-cuda"]).is_err());
        assert!(parsed(&["/pkg", "/other"]).is_err());
    }
}
