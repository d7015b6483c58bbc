//! bindings.rs of mlx-sys, made as its own build script makes it, for hosts that
//! script does not know.

use std::path::Path;

use crate::error::{fs, Error, Result};
use crate::sources::MlxC;

/// Included before mlx-c's headers.
pub const COMPAT: &str = include_str!("../compat/bindings.h");

/// The first libclang that knows `_Float16` on x86-64.
const OLDEST_LIBCLANG: u32 = 15;

/// Loads libclang and gives its version.
pub fn check_libclang() -> Result<String> {
    clang_sys::load().map_err(|reason| Error::NoLibclang { reason })?;
    let version = bindgen::clang_version();
    check_version(version.parsed, version.full)
}

fn check_version(parsed: Option<(u32, u32)>, full: String) -> Result<String> {
    match parsed {
        Some((major, _)) if major < OLDEST_LIBCLANG => Err(Error::OldLibclang {
            found: full,
            needed: OLDEST_LIBCLANG,
        }),
        _ => Ok(full),
    }
}

/// Writes `bindings.rs` into `dir`.
pub fn generate(mlx_c: &MlxC, dir: &Path) -> Result<()> {
    let compat = dir.join("bindings.h");
    fs::write(&compat, COMPAT)?;
    let mut builder = bindgen::Builder::default()
        .rust_target(
            bindgen::RustTarget::stable(73, 0)
                .map_err(|e| Error::Unexpected(format!("bindgen: {e}")))?,
        )
        .clang_arg(format!("-I{}", mlx_c.root.display()))
        .clang_args(["-include", &compat.to_string_lossy()])
        // Their sizes are spelt otherwise by bindgen than by Rust.
        .blocklist_function("malloc")
        .blocklist_function("realloc")
        .formatter(bindgen::Formatter::None);
    for header in mlx_c.headers()? {
        builder = builder.header(header.to_string_lossy());
    }
    let bindings = builder.generate().map_err(|e| explain(&e.to_string()))?;
    let path = dir.join("bindings.rs");
    bindings
        .write_to_file(&path)
        .map_err(|e| Error::writing(path, e))
}

fn explain(text: &str) -> Error {
    if text.contains("file not found") && text.contains("std") {
        Error::NoClangHeaders
    } else {
        Error::from_output("making mlx-c's Rust bindings", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_libclang_is_refused() {
        let of = |parsed, full: &str| check_version(parsed, full.into());
        assert!(matches!(
            of(Some((14, 0)), "Debian clang version 14.0.6"),
            Err(Error::OldLibclang { found, needed: 15 }) if found.ends_with("14.0.6")
        ));
        assert!(of(Some((15, 0)), "clang version 15.0.0").is_ok());
        assert!(of(None, "clang of somebody").is_ok());
    }

    #[test]
    fn missing_clang_headers_are_told() {
        assert!(matches!(
            explain("mlx/c/array.h:7:10: fatal error: 'stdbool.h' file not found"),
            Error::NoClangHeaders
        ));
        assert!(matches!(explain("anything else"), Error::Failed { .. }));
    }
}
