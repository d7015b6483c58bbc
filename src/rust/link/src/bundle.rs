//! Copies of MLX's libraries under `inst/mlx`, so that the installed package is
//! whole in itself. A wheel's folders keep their relative places: libmlx finds
//! `mlx_cpu.libs` and `nvidia` from its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Key;
use crate::error::{fs, Error, Result};
use crate::mlx::{Mlx, Origin};
use crate::platform::Host;
use crate::{run, say};

const ORIGIN: &str = "ORIGIN";

/// What fused operations of the CPU are compiled with, at run time, by the user's own g++. Without it libmlx
/// takes a copy within itself, into which the headers of the C library of the machine that it was built on
/// are written: newer compilers refuse these.
const PREAMBLE: &str = "mlx/backend/cpu/compiled_preamble.h";

pub fn bundle(root: &Path, mlx: &Mlx, host: &Host) -> Result<()> {
    let into = root.join("inst").join("mlx");
    let files = files(mlx)?;
    let origin = origin(mlx, &files);
    if std::fs::read_to_string(into.join(ORIGIN)).is_ok_and(|text| text == origin) {
        return Ok(());
    }
    say!("copying libmlx and what it needs to inst/mlx");
    if into.exists() {
        std::fs::remove_dir_all(&into).map_err(|e| Error::writing(&into, e))?;
    }
    for (from, relative) in &files {
        let to = into.join(relative);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        // CUDA's own libraries are gigabytes, and nobody changes them in place.
        if !relative.starts_with("nvidia") || std::fs::hard_link(from, &to).is_err() {
            fs::copy(from, &to)?;
        }
    }
    let libmlx = into.join("mlx").join("lib").join(host.libmlx());
    if host.is_macos() {
        adapt_for_macos(&libmlx)?;
    } else {
        for library in not_found(&libmlx) {
            say!("note: libmlx needs {library}, which is not found on this system");
        }
    }
    fs::write(&into.join(ORIGIN), &origin)
}

/// The libraries that the loader would miss.
fn not_found(libmlx: &Path) -> Vec<String> {
    let text = run::stdout(Command::new("ldd").arg(libmlx), "ldd").unwrap_or_default();
    not_found_by_ldd(&text)
}

fn not_found_by_ldd(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_suffix("=> not found"))
        .map(|name| name.trim().to_owned())
        .collect()
}

/// Which file goes where, the latter relative to `inst/mlx`.
fn files(mlx: &Mlx) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut files = Vec::new();
    let siblings = siblings(mlx)?;
    let is_wheel = !siblings.is_empty();
    for path in fs::list(&mlx.lib())? {
        let name = file_name(&path);
        let ours = name.starts_with("libmlx") || name.starts_with("libjaccl");
        if path.is_file() && (is_library(&name) && (is_wheel || ours) || name == "mlx.metallib") {
            files.push((path, Path::new("mlx/lib").join(name)));
        }
    }
    // Headers that CUDA's run-time compiler reads.
    let cccl = mlx.include().join("cccl");
    if cccl.is_dir() {
        walk(&cccl, Path::new("mlx/include/cccl"), &mut files)?;
    }
    for header in closure(&mlx.include(), PREAMBLE) {
        let to = Path::new("mlx/include").join(&header);
        files.push((mlx.include().join(header), to));
    }
    for sibling in siblings {
        let name = file_name(&sibling);
        if name.ends_with(".libs") || name == "nvidia" {
            walk(&sibling, Path::new(&name), &mut files)?;
        } else if name.ends_with(".dist-info") {
            let license = sibling.join("licenses").join("LICENSE");
            if license.is_file() {
                files.push((license, "LICENSE".into()));
            }
        }
    }
    files.retain(|(from, _)| {
        let name = file_name(from);
        ![".a", ".py", ".pyc"].iter().any(|end| name.ends_with(end))
    });
    Ok(files)
}

/// A header and those that it includes by a quoted name, as far as they are in `include`; whatever the
/// conditions around an `#include` are.
fn closure(include: &Path, header: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![header.to_owned()];
    while let Some(header) = open.pop() {
        let Ok(text) = std::fs::read_to_string(include.join(&header)) else {
            continue;
        };
        let quoted = text.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("#include")?.trim();
            name.strip_prefix('"')?.split('"').next()
        });
        open.extend(
            quoted
                .filter(|name| !found.contains(*name))
                .map(str::to_owned),
        );
        found.insert(header);
    }
    found
}

/// What lies beside a wheel's `mlx` and belongs to it.
fn siblings(mlx: &Mlx) -> Result<Vec<PathBuf>> {
    let Some(parent) = mlx.prefix.parent().filter(|_| mlx.prefix.ends_with("mlx")) else {
        return Ok(Vec::new());
    };
    let mut found = fs::list(parent)?;
    found.retain(|path| {
        let name = file_name(path);
        let of_mlx =
            name.starts_with("mlx_") && (name.ends_with(".libs") || name.ends_with(".dist-info"));
        path.is_dir() && (of_mlx || name == "nvidia")
    });
    // Other packages of Python put CUDA's libraries there too.
    let is_cuda = found
        .iter()
        .any(|path| file_name(path).starts_with("mlx_cuda"));
    found.retain(|path| is_cuda || file_name(path) != "nvidia");
    Ok(found)
}

fn walk(dir: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for path in fs::list(dir)? {
        let to = to.join(file_name(&path));
        if path.is_dir() {
            walk(&path, &to, files)?;
        } else {
            files.push((path, to));
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `libmlx.so`, `libmlx.so.0`, `libmlx.dylib`.
fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.ends_with(".dylib") || name.contains(".so.")
}

/// Tells which MLX the copies are of: for the next run, and for people.
fn origin(mlx: &Mlx, files: &[(PathBuf, PathBuf)]) -> String {
    let mut key = Key::new();
    for (from, to) in files {
        let stamp = from.metadata().ok().map(|m| (m.len(), m.modified().ok()));
        key = key
            .part("from", from.to_string_lossy().as_bytes())
            .part("to", to.to_string_lossy().as_bytes())
            .part("stamp", format!("{stamp:?}"));
    }
    let source = match mlx.origin {
        Origin::Named => "RMLX_MLX_DIR".to_owned(),
        Origin::System => "system".to_owned(),
        Origin::Wheel(wheel) => format!("wheel {}", wheel.package()),
    };
    format!(
        "version: {}\nsource: {source}\nkey: {}\n",
        mlx.version,
        key.hex()
    )
}

/// Lets the copy be found by the loading library's own rpath.
fn adapt_for_macos(libmlx: &Path) -> Result<()> {
    let name = format!("@rpath/{}", file_name(libmlx));
    let mut read = Command::new("otool");
    read.arg("-D").arg(libmlx);
    if run::stdout(&mut read, "otool")?.lines().last() == Some(name.as_str()) {
        return Ok(());
    }
    let mut set = Command::new("install_name_tool");
    set.args(["-id", &name]).arg(libmlx);
    run::quietly(&mut set, "install_name_tool")?;
    // Any change invalidates the signature, without which it is not loaded.
    let mut sign = Command::new("codesign");
    sign.args(["--force", "--sign", "-"]).arg(libmlx);
    run::quietly(&mut sign, "codesign")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlx::Wheel;
    use crate::version::Version;

    #[test]
    fn libraries_are_told_by_name() {
        for name in ["libmlx.so", "libmlx.so.0.32", "libmlx.dylib"] {
            assert!(is_library(name), "{name}");
        }
        for name in ["libmlx.a", "mlx.pc", "cmake"] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn cuda_is_left_where_mlx_does_not_use_it() {
        let dir = std::env::temp_dir().join(format!("rmlx-siblings-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        for path in ["mlx/lib", "mlx_cpu.libs", "nvidia/cu13/lib", "mlx_lm"] {
            std::fs::create_dir_all(dir.join(path)).unwrap();
        }
        let mlx = Mlx {
            prefix: dir.join("mlx"),
            version: Version::new(0, 32, 2),
            origin: Origin::Named,
        };
        assert_eq!(siblings(&mlx).unwrap(), [dir.join("mlx_cpu.libs")]);
        std::fs::create_dir_all(dir.join("mlx_cuda_13.libs")).unwrap();
        assert_eq!(siblings(&mlx).unwrap().len(), 3);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn missing_libraries_are_read_from_ldd() {
        let text = "\tlibcuda.so.1 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x0)\n";
        assert_eq!(not_found_by_ldd(text), ["libcuda.so.1"]);
    }

    #[test]
    fn a_wheel_keeps_its_layout() {
        let dir = std::env::temp_dir().join(format!("rmlx-bundle-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let touch = |path: &str| {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        touch("wheel/mlx/lib/libmlx.so");
        touch("wheel/mlx/lib/libmlx.a");
        touch("wheel/mlx/include/mlx/version.h");
        touch("wheel/mlx/include/cccl/cuda/std/array");
        let header = dir.join("wheel/mlx/include").join(PREAMBLE);
        std::fs::create_dir_all(header.parent().unwrap()).unwrap();
        let text = "#pragma once\n#include <cmath>\n#include \"mlx/a.h\"\n#include \"none.h\"\n";
        std::fs::write(&header, text).unwrap();
        std::fs::write(
            dir.join("wheel/mlx/include/mlx/a.h"),
            "#include \"mlx/a.h\"",
        )
        .unwrap();
        touch("wheel/mlx/share/cmake/MLX/MLXConfig.cmake");
        touch("wheel/mlx_cuda_13.libs/libblas.so.3");
        touch("wheel/mlx_cuda_13-0.32.2.dist-info/licenses/LICENSE");
        touch("wheel/nvidia/cu13/lib/libcublas.so.13");
        touch("wheel/nvidia/__init__.py");
        let mlx = Mlx {
            prefix: dir.join("wheel/mlx"),
            version: Version::new(0, 32, 2),
            origin: Origin::Wheel(Wheel::Cuda13),
        };
        let host = Host {
            triple: "x86_64-unknown-linux-gnu".into(),
        };
        let root = dir.join("package");
        bundle(&root, &mlx, &host).unwrap();
        let mut copied = Vec::new();
        walk(&root.join("inst/mlx"), Path::new(""), &mut copied).unwrap();
        let mut copied: Vec<_> = copied
            .iter()
            .map(|(_, to)| to.to_string_lossy().into_owned())
            .collect();
        copied.sort();
        assert_eq!(
            copied,
            [
                "LICENSE",
                "ORIGIN",
                "mlx/include/cccl/cuda/std/array",
                "mlx/include/mlx/a.h",
                "mlx/include/mlx/backend/cpu/compiled_preamble.h",
                "mlx/lib/libmlx.so",
                "mlx_cuda_13.libs/libblas.so.3",
                "nvidia/cu13/lib/libcublas.so.13",
            ]
        );

        // Nothing is copied again, until the source changes.
        let copy = root.join("inst/mlx/mlx/lib/libmlx.so");
        std::fs::write(&copy, "changed").unwrap();
        bundle(&root, &mlx, &host).unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), "changed");
        std::fs::write(dir.join("wheel/mlx/lib/libmlx.so"), "new one").unwrap();
        bundle(&root, &mlx, &host).unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), "new one");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
