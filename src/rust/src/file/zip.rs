//! npz: a zip archive of npy files, stored or deflated.
use super::npy;
use super::source::{Cursor, Section, Source};
use super::target::put;
use super::{Data, Item, Tensor};
use crate::error::{Error, Result};
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{Read, Write};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const END64_AT: u32 = 0x0706_4b50;
/// Deflate cannot do better than this, so a larger claim is false.
const BEST_RATIO: u64 = 1032;
/// Bytes that an npy header is looked for in.
const HEAD: usize = 1 << 16;
/// In place of a number that takes 64 bits.
const WIDE: u32 = u32::MAX;

/// A member of an archive.
pub struct Packed {
    /// Deflated, not just stored.
    deflated: bool,
    /// Where its bytes begin.
    at: u64,
    /// How many they are.
    length: u64,
    /// How many they unpack to.
    unpacked: u64,
    /// Their checksum.
    crc: u32,
    /// Unpacked bytes before the elements.
    skip: u64,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    number(bytes, at).map(u64::from_le_bytes)
}

/// The arrays of an archive.
pub fn read(source: &Source) -> Result<Vec<Item>> {
    let (directory, count) = directory(source)?;
    let broken = || source.damaged("its table of contents is broken");
    let mut items: Vec<Item> = Vec::new();
    let mut at = 0;
    for _ in 0..count {
        let entry = directory.get(at..).ok_or_else(broken)?;
        let (member, used) = Member::parse(entry).ok_or_else(broken)?;
        at += used;
        let name = std::str::from_utf8(member.name).map_err(|_| broken())?;
        let Some(name) = name.strip_suffix(".npy") else {
            return Err(source.damaged(format!("its member `{name}` is no npy file")));
        };
        if items.iter().any(|item| item.name == name) {
            return Err(source.damaged(format!("it has two members named `{name}`")));
        }
        items.push(member.item(source, name)?);
    }
    Ok(items)
}

/// The table of contents, and how many members it lists.
fn directory(source: &Source) -> Result<(Vec<u8>, u64)> {
    let broken = || source.damaged("it does not end as zip archives do");
    // the end record is last, before a comment of at most 64 KB
    let tail_length = source.length.min(22 + 0xffff);
    let tail_at = source.length - tail_length;
    let tail = source.bytes(tail_at, tail_length)?;
    let found = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|&i| {
            u32_at(&tail, i) == Some(END)
                && u16_at(&tail, i + 20).is_some_and(|n| i + 22 + usize::from(n) == tail.len())
        })
        .ok_or_else(broken)?;
    let mut count = u64::from(u16_at(&tail, found + 10).ok_or_else(broken)?);
    let mut length = u64::from(u32_at(&tail, found + 12).ok_or_else(broken)?);
    let mut at = u64::from(u32_at(&tail, found + 16).ok_or_else(broken)?);
    let end_at = tail_at + found as u64;
    if count == 0xffff || length == u64::from(WIDE) || at == u64::from(WIDE) {
        let pointer = source.bytes(end_at.checked_sub(20).ok_or_else(broken)?, 20)?;
        if u32_at(&pointer, 0) != Some(END64_AT) {
            return Err(broken());
        }
        let record = source.bytes(u64_at(&pointer, 8).ok_or_else(broken)?, 56)?;
        if u32_at(&record, 0) != Some(END64) {
            return Err(broken());
        }
        count = u64_at(&record, 32).ok_or_else(broken)?;
        length = u64_at(&record, 40).ok_or_else(broken)?;
        at = u64_at(&record, 48).ok_or_else(broken)?;
    }
    if count > length / 46 {
        return Err(broken());
    }
    Ok((source.bytes(at, length)?, count))
}

/// What the table of contents says of a member.
struct Member<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    at: u64,
}

impl<'a> Member<'a> {
    /// The first entry of these bytes, and how many of them it takes.
    fn parse(entry: &'a [u8]) -> Option<(Member<'a>, usize)> {
        if u32_at(entry, 0)? != CENTRAL {
            return None;
        }
        let name_length = usize::from(u16_at(entry, 28)?);
        let extra_length = usize::from(u16_at(entry, 30)?);
        let comment = usize::from(u16_at(entry, 32)?);
        let mut member = Member {
            name: entry.get(46..46 + name_length)?,
            flags: u16_at(entry, 8)?,
            method: u16_at(entry, 10)?,
            crc: u32_at(entry, 16)?,
            packed: u32_at(entry, 20)?.into(),
            unpacked: u32_at(entry, 24)?.into(),
            at: u32_at(entry, 42)?.into(),
        };
        let mut extra = entry.get(46 + name_length..46 + name_length + extra_length)?;
        while extra.len() >= 4 {
            let n = usize::from(u16_at(extra, 2)?);
            let field = extra.get(4..4 + n)?;
            if u16_at(extra, 0)? == 1 {
                let mut at = 0;
                for value in [&mut member.unpacked, &mut member.packed, &mut member.at] {
                    if *value == u64::from(WIDE) {
                        *value = u64_at(field, at)?;
                        at += 8;
                    }
                }
            }
            extra = &extra[4 + n..];
        }
        Some((member, 46 + name_length + extra_length + comment))
    }

    fn item(&self, source: &Source, name: &str) -> Result<Item> {
        let mut cursor = Cursor {
            source,
            at: self.at,
        };
        let head: [u8; 30] = cursor.array()?;
        let skip = (u16_at(&head, 26), u16_at(&head, 28));
        let (Some(LOCAL), (Some(name_length), Some(extra))) = (u32_at(&head, 0), skip) else {
            return Err(source.damaged(format!("`{name}` is not where it should be")));
        };
        if self.flags & 1 != 0 {
            return Err(Error::File(format!(
                "{}: `{name}` is encrypted.",
                source.name
            )));
        }
        let at = cursor.at + u64::from(name_length) + u64::from(extra);
        if at
            .checked_add(self.packed)
            .is_none_or(|end| end > source.length)
        {
            return Err(source.damaged(format!("`{name}` ends too early")));
        }
        let deflated = match self.method {
            0 if self.packed == self.unpacked => false,
            0 => return Err(source.damaged(format!("the size of `{name}` is not right"))),
            8 if self.unpacked / BEST_RATIO <= self.packed => true,
            8 => {
                let claim = format!("`{name}` claims to unpack to more than it can");
                return Err(source.damaged(claim));
            }
            method => {
                return Err(Error::File(format!(
                    "{}: `{name}` is packed by method {method}; stored and deflated ones are read.",
                    source.name
                )))
            }
        };
        let packed = Packed {
            deflated,
            at,
            length: self.packed,
            unpacked: self.unpacked,
            crc: self.crc,
            skip: 0,
        };
        let mut head = vec![0; self.unpacked.min(HEAD as u64) as usize];
        packed
            .stream(source)
            .read_exact(&mut head)
            .map_err(|e| source.damaged(format!("`{name}`: {e}")))?;
        npy::read_packed(source, &head, self.unpacked, name, |skip| {
            Data::Packed(Packed { skip, ..packed })
        })
    }
}

impl Packed {
    fn stream<'a>(&self, source: &'a Source) -> Box<dyn Read + 'a> {
        let section = Section::new(source, self.at, self.length);
        if self.deflated {
            Box::new(DeflateDecoder::new(section))
        } else {
            Box::new(section)
        }
    }

    /// Reads the elements, and checks the whole against its checksum.
    pub fn read(&self, source: &Source, target: &mut [u8]) -> Result<()> {
        let failed = |e: std::io::Error| source.damaged(e);
        let mut stream = self.stream(source);
        let mut crc = Crc::new();
        let mut head = vec![0; self.skip as usize];
        stream.read_exact(&mut head).map_err(failed)?;
        crc.update(&head);
        stream.read_exact(target).map_err(failed)?;
        crc.update(target);
        // what may follow the elements counts for the checksum
        let mut left = self.unpacked - self.skip - target.len() as u64;
        let mut rest = [0; 4096];
        while left > 0 {
            let n = left.min(rest.len() as u64) as usize;
            stream.read_exact(&mut rest[..n]).map_err(failed)?;
            crc.update(&rest[..n]);
            left -= n as u64;
        }
        if crc.sum() != self.crc {
            return Err(source.damaged("a checksum does not match"));
        }
        Ok(())
    }
}

/// What the table of contents will say of a written member.
struct Written {
    name: String,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    at: u64,
}

/// 32 bits of a number, and whether they are enough.
fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(WIDE)
}

impl Written {
    /// The part that the local header and the table have in common, with a 64-bit field if
    /// anything needs it.
    fn describe(&self, local: bool) -> Vec<u8> {
        let mut wide: Vec<u8> = Vec::new();
        let big = self.unpacked >= u64::from(WIDE) || self.packed >= u64::from(WIDE);
        let (packed, unpacked) = if big {
            wide.extend(self.unpacked.to_le_bytes());
            wide.extend(self.packed.to_le_bytes());
            (WIDE, WIDE)
        } else {
            (narrow(self.packed), narrow(self.unpacked))
        };
        if !local && self.at >= u64::from(WIDE) {
            wide.extend(self.at.to_le_bytes());
        }
        let mut extra: Vec<u8> = Vec::new();
        if !wide.is_empty() {
            extra.extend(1u16.to_le_bytes());
            extra.extend((wide.len() as u16).to_le_bytes());
            extra.extend(wide);
        }
        let mut out: Vec<u8> = Vec::new();
        if local {
            out.extend(LOCAL.to_le_bytes());
        } else {
            out.extend(CENTRAL.to_le_bytes());
            out.extend((3 << 8 | 45u16).to_le_bytes());
        }
        out.extend(45u16.to_le_bytes()); // version needed: 4.5
        out.extend((1u16 << 11).to_le_bytes()); // names are UTF-8
        out.extend(self.method.to_le_bytes());
        out.extend(0u16.to_le_bytes());
        out.extend(0x21u16.to_le_bytes()); // 1980-01-01: equal arrays give equal files
        out.extend(self.crc.to_le_bytes());
        out.extend(packed.to_le_bytes());
        out.extend(unpacked.to_le_bytes());
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        if !local {
            out.extend([0; 6]); // no comment, disk 0, binary
            out.extend((0o600u32 << 16).to_le_bytes());
            out.extend(narrow(self.at).to_le_bytes());
        }
        out.extend(self.name.as_bytes());
        out.extend(extra);
        out
    }
}

/// Writes an archive.
pub fn write(out: &mut dyn Write, tensors: &[Tensor<'_>], compress: bool) -> Result<()> {
    let mut members: Vec<Written> = Vec::new();
    let mut at = 0u64;
    for x in tensors {
        let name = format!("{}.npy", x.name);
        if name.len() > 0xffff {
            return Err(Error::Argument(
                "a name is too long for an npz file.".into(),
            ));
        }
        let head = npy::header(x);
        let mut crc = Crc::new();
        crc.update(&head);
        crc.update(x.bytes);
        let mut packed = Vec::new();
        if compress {
            let mut encoder = DeflateEncoder::new(&mut packed, Compression::default());
            put(&mut encoder, &head)?;
            put(&mut encoder, x.bytes)?;
            encoder
                .finish()
                .map_err(|e| Error::Internal(e.to_string()))?;
        }
        let unpacked = (head.len() + x.bytes.len()) as u64;
        let member = Written {
            name,
            method: if compress { 8 } else { 0 },
            crc: crc.sum(),
            packed: if compress {
                packed.len() as u64
            } else {
                unpacked
            },
            unpacked,
            at,
        };
        let local = member.describe(true);
        at += local.len() as u64 + member.packed;
        put(out, &local)?;
        if compress {
            put(out, &packed)?;
        } else {
            put(out, &head)?;
            put(out, x.bytes)?;
        }
        members.push(member);
    }
    let table: Vec<u8> = members.iter().flat_map(|m| m.describe(false)).collect();
    put(out, &table)?;
    put(out, &end(members.len() as u64, table.len() as u64, at))
}

/// The records after the table of contents.
fn end(count: u64, length: u64, at: u64) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    if count >= 0xffff || length >= u64::from(WIDE) || at >= u64::from(WIDE) {
        out.extend(END64.to_le_bytes());
        out.extend(44u64.to_le_bytes());
        out.extend(45u16.to_le_bytes());
        out.extend(45u16.to_le_bytes());
        out.extend([0; 8]);
        for n in [count, count, length, at] {
            out.extend(n.to_le_bytes());
        }
        out.extend(END64_AT.to_le_bytes());
        out.extend([0; 4]);
        out.extend((at + length).to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    let few = u16::try_from(count).unwrap_or(0xffff);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(few.to_le_bytes());
    out.extend(few.to_le_bytes());
    out.extend(narrow(length).to_le_bytes());
    out.extend(narrow(at).to_le_bytes());
    out.extend([0; 2]);
    out
}
