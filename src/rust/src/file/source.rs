//! What is read: a file, or bytes in memory. Nothing is read beyond its end.
use super::target::reason;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes that can be read from any place.
pub struct Source {
    from: From,
    /// How many bytes there are.
    pub length: u64,
    /// What messages call it: the full path, or "the raw vector".
    pub name: String,
}

enum From {
    File(File),
    Memory(Vec<u8>),
}

/// A path as R gave it, byte for byte.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

impl Source {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Source> {
        let name = path.display().to_string();
        let refuse =
            |e: std::io::Error| Error::File(format!("{name} cannot be read: {}.", reason(&e)));
        let file = File::open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::File(format!("the file {name} does not exist.")),
            _ => refuse(e),
        })?;
        let about = file.metadata().map_err(refuse)?;
        if !about.is_file() {
            return Err(Error::File(format!("{name} is not a file.")));
        }
        Ok(Source {
            from: From::File(file),
            length: about.len(),
            name,
        })
    }

    /// Bytes in memory.
    pub fn memory(bytes: Vec<u8>) -> Source {
        Source {
            length: bytes.len() as u64,
            from: From::Memory(bytes),
            name: "the raw vector".into(),
        }
    }

    /// An error about these bytes.
    pub fn damaged(&self, what: impl std::fmt::Display) -> Error {
        Error::File(format!(
            "{} cannot be read: {what}. It is damaged, incomplete or of another format.",
            self.name
        ))
    }

    /// Fills `target` from a place.
    pub fn read_at(&self, at: u64, target: &mut [u8]) -> Result<()> {
        if at
            .checked_add(target.len() as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(self.damaged("it ends too early"));
        }
        match &self.from {
            From::File(file) => {
                let mut file = file;
                file.seek(SeekFrom::Start(at))
                    .and_then(|_| file.read_exact(target))
                    .map_err(|e| self.damaged(e))
            }
            From::Memory(bytes) => {
                target.copy_from_slice(&bytes[at as usize..at as usize + target.len()]);
                Ok(())
            }
        }
    }

    /// So many bytes from a place.
    pub fn bytes(&self, at: u64, n: u64) -> Result<Vec<u8>> {
        if at.checked_add(n).is_none_or(|end| end > self.length) {
            return Err(self.damaged("it ends too early")); // before memory is asked for
        }
        let mut out = vec![0; n as usize];
        self.read_at(at, &mut out)?;
        Ok(out)
    }
}

/// Part of a source as a stream.
pub struct Section<'a> {
    source: &'a Source,
    at: u64,
    left: u64,
}

impl<'a> Section<'a> {
    /// So many bytes from a place.
    pub fn new(source: &'a Source, at: u64, length: u64) -> Section<'a> {
        Section {
            source,
            at,
            left: length,
        }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        let n = self.left.min(target.len() as u64) as usize;
        self.source
            .read_at(self.at, &mut target[..n])
            .map_err(std::io::Error::other)?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// Reads numbers and texts one after the other.
pub struct Cursor<'a> {
    /// Where from.
    pub source: &'a Source,
    /// The next byte.
    pub at: u64,
}

impl Cursor<'_> {
    /// The next `n` bytes.
    pub fn take(&mut self, n: u64) -> Result<Vec<u8>> {
        let out = self.source.bytes(self.at, n)?;
        self.at += n;
        Ok(out)
    }

    /// The next bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.source.read_at(self.at, &mut out)?;
        self.at += N as u64;
        Ok(out)
    }

    /// A little-endian number.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A little-endian number.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}
