//! What is written: a file, which takes the place of an older one only when it is complete, or
//! bytes in memory.
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a whole file by `write`.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let draft = Draft::of(path)?;
    let file = File::options()
        .write(true)
        .open(&draft.at)
        .map_err(|e| draft.refuse(e))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out)?;
    out.into_inner().map_err(|e| draft.refuse(e.into_error()))?;
    draft.finish()
}

/// The operating system's reason, without its number.
pub fn reason(e: &std::io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(cut) => text[..cut].into(),
        None => text,
    }
}

/// A file beside another, whose place it takes when it is finished. It is removed if it never is.
pub struct Draft {
    /// Where to write: an empty file.
    pub at: PathBuf,
    path: PathBuf,
    name: String,
    old: Option<fs::Permissions>,
}

impl Draft {
    /// A file to be written at `path`.
    pub fn of(path: &Path) -> Result<Draft> {
        let name = path.display().to_string();
        // through a link, what it points to is replaced
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let old = fs::metadata(&path).ok();
        if old.as_ref().is_some_and(|about| !about.is_file()) {
            return Err(Error::File(format!("{name} is there and is not a file.")));
        }
        let old = old.map(|about| about.permissions());
        if old.as_ref().is_some_and(fs::Permissions::readonly) {
            return Err(Error::File(format!("{name} is write-protected.")));
        }
        let at = beside(&path);
        File::options()
            .write(true)
            .create_new(true)
            .open(&at)
            .map_err(|e| refused(&name, e))?;
        Ok(Draft {
            at,
            path,
            name,
            old,
        })
    }

    /// The error of a file that cannot be written.
    pub fn refuse(&self, error: std::io::Error) -> Error {
        refused(&self.name, error)
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<()> {
        let file = File::open(&self.at).map_err(|e| self.refuse(e))?;
        if let Some(permissions) = self.old.clone() {
            file.set_permissions(permissions)
                .map_err(|e| self.refuse(e))?;
        }
        file.sync_all().map_err(|e| self.refuse(e))?;
        fs::rename(&self.at, &self.path).map_err(|e| self.refuse(e))
    }
}

fn refused(name: &str, error: std::io::Error) -> Error {
    Error::File(match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{name} cannot be written: there is no such folder.")
        }
        _ => format!("{name} cannot be written: {}.", reason(&error)),
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    let stamp = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos());
    name.push(format!(".{}-{stamp:x}", std::process::id()));
    path.with_file_name(name)
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.at); // already renamed: nothing to remove
    }
}

/// Writes bytes, with the operating system's reason where it refuses.
pub fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes)
        .map_err(|e| Error::File(format!("the file cannot be written: {}.", reason(&e))))
}
