//! The native libraries: mlx-c with its bindings, and rmlx's own C and C++.

use std::path::{Path, PathBuf};

use crate::bindings;
use crate::cache::{Cache, Key};
use crate::error::{fs, Result};
use crate::mlx::Mlx;
use crate::platform::Host;
use crate::r::R;
use crate::say;
use crate::sources::MlxC;
use crate::toolchain::{self, Build, Toolchain};

/// All that both libraries are made with.
pub struct Maker<'a> {
    pub root: &'a Path,
    pub cache: &'a Cache,
    pub host: &'a Host,
    pub mlx: &'a Mlx,
    pub mlx_c: &'a MlxC,
    pub toolchain: &'a Toolchain,
    pub r: &'a R,
}

impl Maker<'_> {
    /// MLX counts by its headers: where it lies and for which device it was built
    /// make no difference to what is compiled against it.
    fn key(&self) -> Result<Key> {
        let mut key = Key::new();
        for header in fs::list(&self.mlx.include().join("mlx"))? {
            if header.is_file() {
                key = key.file(&header)?;
            }
        }
        Ok(key
            .part("host", &self.host.triple)
            .part("mlx-sys", &self.mlx_c.package)
            .part("toolchain", self.toolchain.key())
            .part("compat", toolchain::COMPAT)
            .part("bindings compat", bindings::COMPAT))
    }

    /// The folder of libmlxc.a and bindings.rs.
    pub fn mlx_c(&self) -> Result<PathBuf> {
        let name = format!("mlxc-{}", self.key()?.hex());
        let (dir, was_there) = self.cache.entry(&name, |dir| {
            self.toolchain.check()?;
            let clang = bindings::check_libclang()?;
            say!(
                "building the mlx-c of mlx-sys {} with {} (about a minute)",
                self.mlx_c.package,
                self.toolchain.identity
            );
            self.build(
                dir,
                "mlx-c",
                &self.mlx_c.root,
                &["libmlxc.a"],
                &[
                    ("MLX_C_USE_SYSTEM_MLX", "ON".into()),
                    ("MLX_C_BUILD_EXAMPLES", "OFF".into()),
                ],
            )?;
            say!("making its Rust bindings with {clang}");
            bindings::generate(self.mlx_c, dir)
        })?;
        if was_there {
            say!("mlx-c and its bindings are in the cache {}", dir.display());
        }
        self.cache.prune("mlxc-", 4);
        Ok(dir)
    }

    /// The folder of librmlx_native.a, and of librmlx_r.a for the Rust tests.
    pub fn own(&self) -> Result<PathBuf> {
        let source = self.root.join("src").join("rust").join("native");
        let mut key = self
            .key()?
            .part("R", self.r.include.to_string_lossy().as_bytes());
        let of_r = fs::list(&self.root.join("src"))?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|ext| ext == "c"));
        for file in fs::list(&source)?.into_iter().chain(of_r) {
            if file.is_file() {
                key = key.file(&file)?;
            }
        }
        let name = format!("native-{}", key.hex());
        let (dir, was_there) = self.cache.entry(&name, |dir| {
            self.toolchain.check()?;
            say!("compiling src/rust/native");
            self.build(
                dir,
                "src/rust/native",
                &source,
                &["librmlx_native.a", "librmlx_r.a"],
                &[
                    ("MLX_C_SOURCE", self.mlx_c.root.clone()),
                    ("R_INCLUDE_DIR", self.r.include.clone()),
                ],
            )
        })?;
        if was_there {
            say!("src/rust/native is in the cache {}", dir.display());
        }
        self.cache.prune("native-", 8);
        Ok(dir)
    }

    /// Runs CMake beside `dir` and puts the libraries that it made into `dir`.
    fn build(
        &self,
        dir: &Path,
        what: &str,
        source: &Path,
        libraries: &[&str],
        defines: &[(&str, PathBuf)],
    ) -> Result<()> {
        let scratch = dir.join("scratch");
        let built = self.toolchain.cmake(&Build {
            what,
            source,
            mlx: self.mlx,
            host: self.host,
            scratch: &scratch,
            defines,
        })?;
        for library in libraries {
            fs::copy(&built.join(library), &dir.join(library))?;
        }
        // What is left there is of no use, and harmless.
        let _ = std::fs::remove_dir_all(&scratch);
        Ok(())
    }
}
