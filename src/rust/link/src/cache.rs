//! The user's cache of what takes long: MLX, mlx-c, bindings, native code.
//! An entry is a folder that appears whole or not at all.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::error::{fs, Error, Result};
use crate::{r, run};

pub struct Cache {
    pub root: PathBuf,
}

impl Cache {
    /// `RMLX_CACHE_DIR`, or what R gives for this package.
    pub fn open() -> Result<Self> {
        let root = match std::env::var_os("RMLX_CACHE_DIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(run::stdout(
                Command::new(r::program("Rscript"))
                    .args(["--vanilla", "-e"])
                    .arg("cat(tools::R_user_dir('rmlx', 'cache'))"),
                "asking R for the cache folder",
            )?),
        };
        fs::create_dir_all(&root)?;
        let root = root.canonicalize().map_err(|e| Error::reading(&root, e))?;
        let cache = Cache { root };
        cache.sweep(Duration::from_secs(24 * 60 * 60));
        Ok(cache)
    }

    /// Removes what runs that were killed have left half made.
    fn sweep(&self, age: Duration) {
        for path in fs::list(&self.root).unwrap_or_default() {
            let draft = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if draft && used(&path).elapsed().is_ok_and(|since| since >= age) {
                let _ = std::fs::remove_dir_all(&path);
            }
        }
    }

    /// The entry `name`, made by `make` in a folder of its own when it is not there.
    /// True when it was there.
    pub fn entry(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, bool)> {
        let place = self.root.join(name);
        if place.is_dir() {
            touch(&place);
            return Ok((place, true));
        }
        let draft = Draft::new(self.root.join(format!(".{name}.{}", std::process::id())))?;
        make(&draft.path)?;
        match std::fs::rename(&draft.path, &place) {
            Ok(()) => {}
            // Another install has made it meanwhile.
            Err(_) if place.is_dir() => {}
            Err(e) => return Err(Error::writing(place, e)),
        }
        Ok((place, false))
    }

    /// Keeps the `keep` last used entries whose names begin with `prefix`.
    pub fn prune(&self, prefix: &str, keep: usize) {
        let Ok(paths) = fs::list(&self.root) else {
            return;
        };
        let mut entries: Vec<_> = paths
            .into_iter()
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
            })
            .map(|path| (used(&path), path))
            .collect();
        entries.sort();
        for (_, path) in entries.iter().rev().skip(keep) {
            // Nothing is lost when an old entry cannot be removed.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

const USED: &str = "last-used";

fn touch(entry: &Path) {
    // The time is only for pruning; a cache that cannot be written is still good.
    let _ = std::fs::write(entry.join(USED), "");
}

fn used(entry: &Path) -> SystemTime {
    [entry.join(USED), entry.to_path_buf()]
        .iter()
        .filter_map(|path| path.metadata().and_then(|m| m.modified()).ok())
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A folder that goes away unless it was renamed.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path)?;
        Ok(Draft { path })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there when it was renamed.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A name for what went into an entry: FNV-1a over named parts.
#[derive(Clone)]
pub struct Key {
    hash: u64,
}

impl Key {
    pub fn new() -> Self {
        Key {
            hash: 0xcbf2_9ce4_8422_2325,
        }
        // Entries made by other layouts of this program are not for us.
        .part("layout", "1")
    }

    pub fn part(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut head = String::new();
        write!(head, "{name}={}:", value.len()).expect("writing to a String cannot fail");
        for byte in head.bytes().chain(value.iter().copied()) {
            self.hash ^= u64::from(byte);
            self.hash = self.hash.wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    /// A file's name and content.
    pub fn file(self, path: &Path) -> Result<Self> {
        let name = path.file_name().map(OsString::from).unwrap_or_default();
        let content = std::fs::read(path).map_err(|e| Error::reading(path, e))?;
        Ok(self.part(&name.to_string_lossy(), content))
    }

    pub fn hex(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> Cache {
        let root = std::env::temp_dir().join(format!("rmlx-cache-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        Cache { root }
    }

    #[test]
    fn keys_tell_parts_apart() {
        let key = |a: &str, b: &str| Key::new().part("a", a).part("b", b).hex();
        assert_eq!(key("x", "y"), key("x", "y"));
        assert_ne!(key("x", "y"), key("xy", ""));
        assert_ne!(key("x", "y"), key("y", "x"));
        assert_ne!(
            Key::new().part("a", "x").hex(),
            Key::new().part("b", "x").hex()
        );
        assert_eq!(key("x", "y").len(), 16);
    }

    #[test]
    fn an_entry_is_made_once() {
        let cache = scratch("once");
        let make = |dir: &Path| fs::write(&dir.join("file"), "text");
        let (path, was_there) = cache.entry("one", make).unwrap();
        assert!(!was_there && path.join("file").is_file());
        let again = cache.entry("one", |_| panic!("made again")).unwrap();
        assert_eq!(again, (path, true));
        std::fs::remove_dir_all(&cache.root).unwrap();
    }

    #[test]
    fn a_failed_entry_leaves_nothing() {
        let cache = scratch("failed");
        let failed = cache.entry("one", |dir| {
            fs::write(&dir.join("file"), "text")?;
            Err(Error::NoCmake)
        });
        assert!(failed.is_err());
        assert_eq!(fs::list(&cache.root).unwrap(), Vec::<PathBuf>::new());
        std::fs::remove_dir_all(&cache.root).unwrap();
    }

    #[test]
    fn only_old_drafts_are_swept() {
        let cache = scratch("sweep");
        for name in [".mlxc-1.99", "mlxc-2"] {
            std::fs::create_dir(cache.root.join(name)).unwrap();
        }
        cache.sweep(Duration::from_secs(60));
        assert_eq!(fs::list(&cache.root).unwrap().len(), 2);
        cache.sweep(Duration::ZERO);
        assert_eq!(fs::list(&cache.root).unwrap(), [cache.root.join("mlxc-2")]);
        std::fs::remove_dir_all(&cache.root).unwrap();
    }

    #[test]
    fn the_last_used_are_kept() {
        let cache = scratch("prune");
        for name in ["n-1", "n-2", "n-3", "m-1"] {
            cache.entry(name, |_| Ok(())).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        cache.entry("n-1", |_| Ok(())).unwrap();
        cache.prune("n-", 2);
        let left: Vec<_> = fs::list(&cache.root)
            .unwrap()
            .iter()
            .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(left, ["m-1", "n-1", "n-3"]);
        std::fs::remove_dir_all(&cache.root).unwrap();
    }
}
