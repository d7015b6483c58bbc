//! What is written: a file, which takes the place of an older one only when it is complete, or
//! bytes in memory.
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a whole file by `write`.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let name = path.display().to_string();
    let refuse = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::File(format!(
            "{name} cannot be written: there is no such folder."
        )),
        _ => Error::File(format!("{name} cannot be written: {}.", reason(&e))),
    };
    // through a link, what it points to is replaced
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let old = fs::metadata(&path).ok();
    if old.as_ref().is_some_and(|about| !about.is_file()) {
        return Err(Error::File(format!("{name} is there and is not a file.")));
    }
    if old
        .as_ref()
        .is_some_and(|about| about.permissions().readonly())
    {
        return Err(Error::File(format!("{name} is write-protected.")));
    }
    let draft = Draft::beside(&path);
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&draft.0)
        .map_err(refuse)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out)?;
    let file = out.into_inner().map_err(|e| refuse(e.into_error()))?;
    if let Some(about) = old {
        file.set_permissions(about.permissions()).map_err(refuse)?;
    }
    file.sync_all().map_err(refuse)?;
    fs::rename(&draft.0, &path).map_err(refuse)
}

/// The operating system's reason, without its number.
pub fn reason(e: &std::io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(cut) => text[..cut].into(),
        None => text,
    }
}

/// A file that is removed unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path) -> Draft {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        let stamp = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos());
        name.push(format!(".{}-{stamp:x}", std::process::id()));
        Draft(path.with_file_name(name))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // already renamed: nothing to remove
    }
}

/// Writes bytes, with the operating system's reason where it refuses.
pub fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes)
        .map_err(|e| Error::File(format!("the file cannot be written: {}.", reason(&e))))
}
