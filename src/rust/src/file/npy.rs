//! NumPy's npy: a header that is a Python dictionary, then the elements.
use super::source::{Cursor, Source};
use super::{Data, Item, Tensor};
use crate::dtype::Dtype;
use crate::error::{Error, Result};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own limit is 10000 for headers that are evaluated; ours are not, but no array needs more.
const LONGEST_HEADER: u64 = 1 << 16;

/// NumPy's codes, without the byte order. bfloat16 is written as two bytes of no kind, as MLX does.
const CODES: [(&str, Dtype); 14] = [
    ("b1", Dtype::Bool),
    ("u1", Dtype::Uint8),
    ("u2", Dtype::Uint16),
    ("u4", Dtype::Uint32),
    ("u8", Dtype::Uint64),
    ("i1", Dtype::Int8),
    ("i2", Dtype::Int16),
    ("i4", Dtype::Int32),
    ("i8", Dtype::Int64),
    ("f2", Dtype::Float16),
    ("V2", Dtype::Bfloat16),
    ("f4", Dtype::Float32),
    ("f8", Dtype::Float64),
    ("c8", Dtype::Complex64),
];

/// The array that begins at `at` (and takes `length` bytes), named `name`.
pub fn read(source: &Source, at: u64, length: u64, name: &str) -> Result<Item> {
    let mut cursor = Cursor { source, at };
    let start: [u8; 8] = cursor.array()?;
    let (text, header) = match preamble(source, &start)? {
        2 => {
            let n = u16::from_le_bytes(cursor.array()?);
            (cursor.take(n.into())?, 10 + u64::from(n))
        }
        _ => {
            let n = cursor.u32()?;
            if u64::from(n) > LONGEST_HEADER {
                return Err(source.damaged("its header is too long"));
            }
            (cursor.take(n.into())?, 12 + u64::from(n))
        }
    };
    item(
        source,
        &text,
        name,
        length.checked_sub(header),
        Data::Stored(at + header),
    )
}

/// Checks magic and version; how many bytes tell the header's length.
fn preamble(source: &Source, start: &[u8; 8]) -> Result<usize> {
    if &start[..6] != MAGIC {
        return Err(source.damaged("it does not begin as npy files do"));
    }
    match start[6] {
        1 => Ok(2),
        2 | 3 => Ok(4),
        v => Err(source.damaged(format!("its npy version is {v}"))),
    }
}

/// An array whose header is among the first `bytes` of a packed one of `length` bytes.
pub fn read_packed(
    source: &Source,
    bytes: &[u8],
    length: u64,
    name: &str,
    data: impl FnOnce(u64) -> Data,
) -> Result<Item> {
    let short = || source.damaged(format!("`{name}` ends too early"));
    let start: &[u8; 8] = bytes.first_chunk().ok_or_else(short)?;
    let width = preamble(source, start)?;
    let mut n = 0;
    for (i, byte) in bytes
        .get(8..8 + width)
        .ok_or_else(short)?
        .iter()
        .enumerate()
    {
        n |= usize::from(*byte) << (8 * i);
    }
    let header = 8 + width + n;
    let text = bytes.get(8 + width..header).ok_or_else(short)?;
    item(
        source,
        text,
        name,
        length.checked_sub(header as u64),
        data(header as u64),
    )
}

fn item(source: &Source, text: &[u8], name: &str, left: Option<u64>, data: Data) -> Result<Item> {
    let text = std::str::from_utf8(text).map_err(|_| source.damaged("its header is no text"))?;
    let header = parse(text).ok_or_else(|| source.damaged("its header cannot be understood"))?;
    let (dtype, swapped) = dtype_of(source, &header.descr)?;
    let item = Item {
        name: name.into(),
        dtype,
        shape: header.shape,
        columns: header.columns,
        swapped,
        data,
    };
    let needed = item.bytes(source)?;
    if left.is_none_or(|left| left < needed) {
        return Err(source.damaged("it holds fewer elements than its header says"));
    }
    Ok(item)
}

fn dtype_of(source: &Source, descr: &str) -> Result<(Dtype, bool)> {
    let (order, code) = match descr.chars().next() {
        Some(c @ ('<' | '>' | '|' | '=')) => (c, &descr[1..]),
        _ => ('=', descr),
    };
    let found = CODES.iter().find(|(c, _)| *c == code);
    let (_, dtype) = found.ok_or_else(|| {
        let why = match code.chars().next() {
            Some('O') => ": it holds Python objects, which are never run here",
            Some('c') => ": MLX has complex64 only (in NumPy: x.astype('complex64'))",
            _ => ", which MLX does not have",
        };
        Error::File(format!(
            "{} is of NumPy's dtype `{descr}`{why}.",
            source.name
        ))
    })?;
    Ok((*dtype, order == '>')) // MLX runs on little-endian machines only
}

struct Header {
    descr: String,
    columns: bool,
    shape: Vec<u64>,
}

/// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } in any order.
fn parse(text: &str) -> Option<Header> {
    let (mut descr, mut columns, mut shape) = (None, None, None);
    let mut rest = text.trim().strip_prefix('{')?.trim_start();
    while !rest.starts_with('}') {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" => {
                let (value, after) = quoted(rest)?;
                descr = Some(value.to_string());
                rest = after;
            }
            "fortran_order" => {
                let (value, after) = match rest.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, rest.strip_prefix("False")?),
                };
                columns = Some(value);
                rest = after;
            }
            "shape" => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let extents = inside.split(',').map(str::trim).filter(|n| !n.is_empty());
                shape = Some(
                    extents
                        .map(|n| n.parse().ok())
                        .collect::<Option<Vec<u64>>>()?,
                );
                rest = after;
            }
            _ => return None,
        }
        rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
    Some(Header {
        descr: descr?,
        columns: columns?,
        shape: shape?,
    })
}

/// A string in either kind of quotes, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(mark)
}

/// The bytes before the elements.
pub fn header(x: &Tensor<'_>) -> Vec<u8> {
    let code = CODES
        .iter()
        .find(|(_, d)| *d == x.dtype)
        .map_or("", |(c, _)| *c);
    let order = match code {
        "b1" | "u1" | "i1" => '|',
        _ => '<',
    };
    let shape: String = x.shape.iter().map(|n| format!("{n}, ")).collect();
    let shape = match x.shape.len() {
        0 | 1 => shape.trim_end(),
        _ => shape.trim_end_matches(", "),
    };
    let mut text =
        format!("{{'descr': '{order}{code}', 'fortran_order': False, 'shape': ({shape}), }}");
    // the elements begin at a multiple of 64
    let used = 10 + text.len() + 1;
    text.push_str(&" ".repeat(used.next_multiple_of(64) - used));
    text.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend([1, 0]);
    out.extend((text.len() as u16).to_le_bytes());
    out.extend(text.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_in_any_order_and_spacing() {
        let text = "{ \"shape\":(2,3 ,), 'fortran_order' : True,'descr':'<f4'}   \n";
        let header = parse(text).unwrap();
        assert_eq!(header.descr, "<f4");
        assert!(header.columns);
        assert_eq!(header.shape, [2, 3]);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
            "__import__('os')",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
