//! The C++ compiler, CMake and what they are told.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{fs, Error, Result};
use crate::mlx::Mlx;
use crate::platform::Host;
use crate::r::R;
use crate::run;

/// Included before every C++ source.
pub const COMPAT: &str = include_str!("../compat/mlxc.hpp");

pub struct Toolchain {
    cc: String,
    cxx: String,
    cxxflags: String,
    /// What the compiler calls itself.
    pub identity: String,
}

impl Toolchain {
    /// The compilers of the environment, or R's, or the system's.
    pub fn detect(r: &R) -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        let cxx = set("CXX")
            .or_else(|| r.config("CXX20"))
            .or_else(|| r.config("CXX"))
            .unwrap_or_else(|| "c++".into());
        let cc = set("CC")
            .or_else(|| r.config("CC"))
            .unwrap_or_else(|| "cc".into());
        let version = run::stdout(command(&cxx).arg("--version"), "the C++ compiler")
            .map_err(|_| Error::NoCompiler { cxx: cxx.clone() })?;
        Ok(Toolchain {
            cc,
            cxxflags: set("CXXFLAGS").unwrap_or_default(),
            identity: version.lines().next().unwrap_or_default().to_owned(),
            cxx,
        })
    }

    /// All that decides what the compiler makes.
    pub fn key(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            self.cc, self.cxx, self.cxxflags, self.identity
        )
    }

    fn accepts(&self, source: &str) -> bool {
        let mut compiler = command(&self.cxx);
        compiler.args(self.cxxflags.split_whitespace()).args([
            "-std=c++20",
            "-fsyntax-only",
            "-x",
            "c++",
            "-",
        ]);
        run::accepts(&mut compiler, source).unwrap_or(false)
    }

    /// Fails where something is missing that a build needs.
    pub fn check(&self) -> Result<()> {
        let cxx = || self.cxx.clone();
        let concepts = "#include <concepts>\ntemplate <std::integral T> T f(T x) { return x; }\n";
        if !self.accepts(concepts) {
            return Err(Error::NoCxx20 { cxx: cxx() });
        }
        let format = "#include <version>\n#if !defined(__cpp_lib_format)\n\
                      #define FMT_HEADER_ONLY\n#include <fmt/format.h>\n#endif\n";
        if !self.accepts(format) {
            return Err(Error::NoFormat { cxx: cxx() });
        }
        run::which("cmake").map(drop).ok_or(Error::NoCmake)
    }

    /// Configures and builds `target` of the CMake project in `source`, against `mlx`.
    /// Gives the folder that the result is in.
    pub fn cmake(&self, build: &Build<'_>) -> Result<PathBuf> {
        let dir = build.scratch.join("build");
        let package = build.scratch.join("mlx-package");
        fs::create_dir_all(&package)?;
        let compat = package.join("mlxc.hpp");
        fs::write(&compat, COMPAT)?;
        fs::write(
            &package.join("MLXConfig.cmake"),
            &package_file(build.mlx, build.host, &compat),
        )?;
        let log = build.scratch.join("build.log");
        let what = format!("building {}", build.what);

        let mut configure = Command::new("cmake");
        configure
            .env("CC", &self.cc)
            .env("CXX", &self.cxx)
            .arg("-S")
            .arg(build.source)
            .arg("-B")
            .arg(&dir)
            .args(["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF"])
            .arg(define("MLX_DIR", &package));
        for (name, value) in build.defines {
            configure.arg(define(name, value.as_ref()));
        }
        run::logged(&mut configure, &what, &log)?;
        let mut make = Command::new("cmake");
        make.arg("--build")
            .arg(&dir)
            .args(["--config", "Release", "--parallel", &jobs()]);
        run::logged(&mut make, &what, &log)?;
        Ok(dir)
    }
}

/// One run of CMake.
pub struct Build<'a> {
    pub what: &'a str,
    pub source: &'a Path,
    pub mlx: &'a Mlx,
    pub host: &'a Host,
    /// A folder for all that the run leaves.
    pub scratch: &'a Path,
    pub defines: &'a [(&'a str, PathBuf)],
}

fn define(name: &str, value: &Path) -> String {
    format!("-D{name}={}", value.display())
}

/// How many compilers may run: R's convention for packages is two.
pub fn jobs() -> String {
    std::env::var("CARGO_BUILD_JOBS")
        .ok()
        .filter(|jobs| jobs.parse::<u32>().is_ok_and(|n| n > 0))
        .unwrap_or_else(|| "2".into())
}

/// A compiler that R names with options, such as `g++ -m64`.
fn command(words: &str) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("c++"));
    command.args(words);
    command
}

/// CMake's view of MLX, with `compat` included before every C++ source that uses it.
/// MLX's own file asks for the whole CUDA toolkit where the library was made for
/// CUDA; its headers need none of that.
fn package_file(mlx: &Mlx, host: &Host, compat: &Path) -> String {
    format!(
        "set(MLX_FOUND TRUE)\n\
         if(NOT TARGET mlx)\n\
         \x20 add_library(mlx SHARED IMPORTED)\n\
         \x20 set_target_properties(mlx PROPERTIES\n\
         \x20   IMPORTED_LOCATION \"{}\"\n\
         \x20   INTERFACE_INCLUDE_DIRECTORIES \"{}\"\n\
         \x20   INTERFACE_COMPILE_FEATURES cxx_std_20\n\
         \x20   INTERFACE_COMPILE_OPTIONS \"$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include '{}'>\")\n\
         endif()\n",
        mlx.lib().join(host.libmlx()).display(),
        mlx.include().display(),
        compat.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_may_come_with_options() {
        let c = command("g++ -m64");
        assert_eq!(c.get_program(), "g++");
        assert_eq!(c.get_args().collect::<Vec<_>>(), ["-m64"]);
    }
}
