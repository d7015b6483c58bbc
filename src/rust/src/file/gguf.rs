//! GGUF, version 2 and 3: metadata, a table of tensors, their elements.
use super::kquant;
use super::source::{Cursor, Source};
use super::target::put;
use super::{Data, Item, Meta, Table, Tensor};
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use half::f16;
use std::io::Write;

const MAGIC: &[u8; 4] = b"GGUF";
/// Where tensors begin: at multiples of this, unless the metadata say otherwise.
const ALIGNMENT: u64 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";

/// Types of tensors whose elements are plain numbers.
const PLAIN: [(u32, Dtype); 8] = [
    (0, Dtype::Float32),
    (1, Dtype::Float16),
    (24, Dtype::Int8),
    (25, Dtype::Int16),
    (26, Dtype::Int32),
    (27, Dtype::Int64),
    (28, Dtype::Float64),
    (30, Dtype::Bfloat16),
];

/// Types of numbers in the metadata.
const NUMBERS: [(u32, Dtype); 11] = [
    (0, Dtype::Uint8),
    (1, Dtype::Int8),
    (2, Dtype::Uint16),
    (3, Dtype::Int16),
    (4, Dtype::Uint32),
    (5, Dtype::Int32),
    (6, Dtype::Float32),
    (7, Dtype::Bool),
    (10, Dtype::Uint64),
    (11, Dtype::Int64),
    (12, Dtype::Float64),
];
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// Blocks of 32 weights that MLX's quantized products take as they are.
#[derive(Clone, Copy, PartialEq)]
pub enum Block {
    /// A scale, 4 bits a weight.
    Q4_0,
    /// A scale and a minimum, 4 bits a weight.
    Q4_1,
    /// A scale, 8 bits a weight.
    Q8_0,
}

/// Weights of a block.
const WEIGHTS: u64 = 32;

impl Block {
    fn of(kind: u32) -> Option<Block> {
        match kind {
            2 => Some(Block::Q4_0),
            3 => Some(Block::Q4_1),
            8 => Some(Block::Q8_0),
            _ => None,
        }
    }

    fn bits(self) -> u64 {
        if self == Block::Q8_0 {
            8
        } else {
            4
        }
    }

    /// Bytes before the weights, and of the whole block.
    fn bytes(self) -> (usize, usize) {
        match self {
            Block::Q4_0 => (2, 18),
            Block::Q4_1 => (4, 20),
            Block::Q8_0 => (2, 34),
        }
    }
}

/// What is taken from the blocks of a tensor.
#[derive(Clone, Copy)]
pub enum Part {
    /// The packed weights, as MLX packs them.
    Weights,
    /// A scale a block.
    Scales,
    /// What is added to each weight of a block.
    Biases,
}

/// One part of a tensor that is made of blocks.
#[derive(Clone, Copy)]
pub struct Blocks {
    at: u64,
    count: u64,
    kind: Block,
    part: Part,
}

impl Blocks {
    /// Fills `target` with the part.
    pub fn read(&self, source: &Source, target: &mut [u8]) -> Result<()> {
        let (head, size) = self.kind.bytes();
        let each = target.len() / self.count.max(1) as usize;
        let mut block = vec![0; size];
        for i in 0..self.count {
            source.read_at(self.at + i * size as u64, &mut block)?;
            let out = &mut target[i as usize * each..(i as usize + 1) * each];
            let half = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]);
            match self.part {
                Part::Weights => self.kind.unpack(&block[head..], out),
                Part::Scales => out.copy_from_slice(&block[..2]),
                Part::Biases => {
                    let bias = match self.kind {
                        Block::Q4_0 => f16::from_f32(-8.0 * half(0).to_f32()),
                        Block::Q4_1 => half(2),
                        Block::Q8_0 => f16::from_f32(-128.0 * half(0).to_f32()),
                    };
                    out.copy_from_slice(&bias.to_le_bytes());
                }
            }
        }
        Ok(())
    }
}

impl Block {
    /// Weights of a block in MLX's order: neighbours side by side, without a sign.
    fn unpack(self, from: &[u8], out: &mut [u8]) {
        if self == Block::Q8_0 {
            for (o, v) in out.iter_mut().zip(from) {
                *o = v ^ 0x80;
            }
            return;
        }
        // the low halves are weights 1 to 16, the high halves 17 to 32
        for j in 0..8 {
            out[j] = (from[2 * j] & 15) | (from[2 * j + 1] & 15) << 4;
            out[8 + j] = from[2 * j] >> 4 | (from[2 * j + 1] >> 4) << 4;
        }
    }
}

impl Cursor<'_> {
    fn text(&mut self) -> Result<String> {
        let n = self.u64()?;
        String::from_utf8(self.take(n)?)
            .map_err(|_| self.source.damaged("a text in it is not UTF-8"))
    }

    /// Passes over numbers, which become an item.
    fn numbers(&mut self, name: &str, dtype: Dtype, count: Option<u64>) -> Result<Item> {
        let item = Item {
            name: name.into(),
            dtype,
            shape: count.into_iter().collect(),
            columns: false,
            swapped: false,
            data: Data::Stored(self.at),
        };
        let n = item.bytes(self.source)?;
        if self
            .at
            .checked_add(n)
            .is_none_or(|end| end > self.source.length)
        {
            return Err(self.source.damaged("it ends too early"));
        }
        self.at += n;
        Ok(item)
    }

    fn value(&mut self, name: &str) -> Result<Meta> {
        let kind = self.u32()?;
        match kind {
            TEXT => Ok(Meta::Texts(vec![self.text()?])),
            LIST => {
                let kind = self.u32()?;
                let n = self.u64()?;
                if kind == TEXT {
                    if n > self.source.length / 8 {
                        return Err(self.source.damaged("it ends too early"));
                    }
                    return Ok(Meta::Texts(
                        (0..n).map(|_| self.text()).collect::<Result<_>>()?,
                    ));
                }
                let dtype = self.number_type(kind, name)?;
                Ok(Meta::Numbers(self.numbers(name, dtype, Some(n))?))
            }
            _ => {
                let dtype = self.number_type(kind, name)?;
                Ok(Meta::Numbers(self.numbers(name, dtype, None)?))
            }
        }
    }

    fn number_type(&self, kind: u32, name: &str) -> Result<Dtype> {
        let found = NUMBERS.iter().find(|(k, _)| *k == kind);
        found.map(|(_, d)| *d).ok_or_else(|| {
            self.source
                .damaged(format!("the metadata `{name}` are of type {kind}"))
        })
    }
}

/// The arrays and the metadata.
pub fn read(source: &Source) -> Result<Table> {
    let mut cursor = Cursor { source, at: 0 };
    if &cursor.array::<4>()? != MAGIC {
        return Err(source.damaged("it does not begin as gguf files do"));
    }
    let version = cursor.u32()?;
    if !matches!(version, 2 | 3) {
        return Err(source.damaged(format!("its gguf version is {version}; 2 and 3 are read")));
    }
    let (tensors, entries) = (cursor.u64()?, cursor.u64()?);
    let mut metadata: Vec<(String, Meta)> = Vec::new();
    let mut alignment = ALIGNMENT;
    for _ in 0..entries {
        let name = cursor.text()?;
        let value = cursor.value(&name)?;
        if name == ALIGNMENT_KEY {
            alignment = value.whole(source).unwrap_or(0);
            if !alignment.is_power_of_two() {
                return Err(source.damaged("its alignment is no power of two"));
            }
        }
        metadata.push((name, value));
    }
    let mut table = Vec::new();
    for _ in 0..tensors {
        table.push(Row::read(&mut cursor)?);
    }
    let start = cursor.at.checked_next_multiple_of(alignment);
    let start = start.ok_or_else(|| source.damaged("its alignment is too large"))?;
    let mut items: Vec<Item> = Vec::new();
    for row in table {
        row.items(source, start, &mut items)?;
    }
    let mut names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(source.damaged(format!("it has two arrays named `{}`", pair[0])));
    }
    Ok((items, metadata))
}

/// A line of the table of tensors.
struct Row {
    name: String,
    shape: Vec<u64>,
    kind: u32,
    offset: u64,
}

impl Row {
    fn read(cursor: &mut Cursor<'_>) -> Result<Row> {
        let name = cursor.text()?;
        let rank = cursor.u32()?;
        if u64::from(rank) * 8 > cursor.source.length {
            return Err(cursor.source.damaged("it ends too early"));
        }
        let mut shape = (0..rank)
            .map(|_| cursor.u64())
            .collect::<Result<Vec<_>>>()?;
        shape.reverse(); // the fastest axis is first in the file, last in MLX
        Ok(Row {
            name,
            shape,
            kind: cursor.u32()?,
            offset: cursor.u64()?,
        })
    }

    fn items(self, source: &Source, start: u64, items: &mut Vec<Item>) -> Result<()> {
        let at = start.saturating_add(self.offset);
        let item = |name: String, dtype, shape, data| Item {
            name,
            dtype,
            shape,
            columns: false,
            swapped: false,
            data,
        };
        let early = || source.damaged(format!("`{}` ends too early", self.name));
        let fits = |n: Option<u64>| {
            n.and_then(|n| at.checked_add(n))
                .is_some_and(|end| end <= source.length)
        };
        if let Some((_, dtype)) = PLAIN.iter().find(|(kind, _)| *kind == self.kind) {
            let item = item(
                self.name.clone(),
                *dtype,
                self.shape.clone(),
                Data::Stored(at),
            );
            if !fits(Some(item.bytes(source)?)) {
                return Err(early());
            }
            items.push(item);
            return Ok(());
        }
        let last = *self.shape.last().unwrap_or(&0);
        let total = self
            .shape
            .iter()
            .try_fold(1u64, |n, &extent| n.checked_mul(extent))
            .ok_or_else(early)?;
        let rows = || {
            source.damaged(format!(
                "the rows of `{}` are not made of blocks",
                self.name
            ))
        };
        if let Some(blocks) = kquant::Tensor::of(self.kind, at, total / kquant::WEIGHTS) {
            if last == 0 || last % kquant::WEIGHTS != 0 {
                return Err(rows());
            }
            if !fits(blocks.length()) {
                return Err(early());
            }
            let data = Data::Numbers(blocks);
            items.push(item(self.name.clone(), Dtype::Float16, self.shape, data));
            return Ok(());
        }
        let kind = Block::of(self.kind).ok_or_else(|| {
            Error::File(format!(
                "{}: `{}` is of gguf type {}. Read are F32, F16, BF16, F64, I8, I16, I32, I64 and the quantized Q4_0, Q4_1, Q8_0 and Q2_K to Q6_K.",
                source.name, self.name, self.kind
            ))
        })?;
        if last == 0 || last % WEIGHTS != 0 {
            return Err(rows());
        }
        let count = total / WEIGHTS;
        if !fits(count.checked_mul(kind.bytes().1 as u64)) {
            return Err(early());
        }
        let stem = self.name.strip_suffix(".weight").unwrap_or(&self.name);
        let shape = |last: u64| {
            let mut shape = self.shape.clone();
            shape.pop();
            shape.push(last);
            shape
        };
        let blocks = |part| {
            Data::Blocks(Blocks {
                at,
                count,
                kind,
                part,
            })
        };
        let (packed, groups) = (shape(last * kind.bits() / 32), shape(last / WEIGHTS));
        items.push(item(
            self.name.clone(),
            Dtype::Uint32,
            packed,
            blocks(Part::Weights),
        ));
        items.push(item(
            format!("{stem}.scales"),
            Dtype::Float16,
            groups.clone(),
            blocks(Part::Scales),
        ));
        items.push(item(
            format!("{stem}.biases"),
            Dtype::Float16,
            groups,
            blocks(Part::Biases),
        ));
        Ok(())
    }
}

impl Meta {
    /// A whole number.
    fn whole(&self, source: &Source) -> Option<u64> {
        let Meta::Numbers(Item {
            dtype: Dtype::Uint32,
            data: Data::Stored(at),
            ..
        }) = self
        else {
            return None;
        };
        Cursor { source, at: *at }.u32().ok().map(u64::from)
    }
}

/// A metadata entry to be written.
pub enum Entry<'a> {
    /// One text, or several.
    Texts(Vec<String>),
    /// Numbers: one (0-d) or a list (1-d).
    Numbers(Tensor<'a>),
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_entry(out: &mut Vec<u8>, name: &str, entry: &Entry<'_>) -> Result<()> {
    put_text(out, name);
    match entry {
        Entry::Texts(texts) if texts.len() == 1 => {
            out.extend(TEXT.to_le_bytes());
            put_text(out, &texts[0]);
        }
        Entry::Texts(texts) => {
            out.extend(LIST.to_le_bytes());
            out.extend(TEXT.to_le_bytes());
            out.extend((texts.len() as u64).to_le_bytes());
            texts.iter().for_each(|text| put_text(out, text));
        }
        Entry::Numbers(x) => {
            let kind = NUMBERS.iter().find(|(_, d)| *d == x.dtype).ok_or_else(|| {
                Error::Dtype(format!(
                    "the metadata `{name}` are {}, which gguf metadata cannot hold. Cast them, for example to float32.",
                    dtype::name(x.dtype)
                ))
            })?;
            match x.shape {
                [] => out.extend(kind.0.to_le_bytes()),
                [n] => {
                    out.extend(LIST.to_le_bytes());
                    out.extend(kind.0.to_le_bytes());
                    out.extend((*n as u64).to_le_bytes());
                }
                _ => {
                    return Err(Error::Shape(format!(
                        "the metadata `{name}` have {} axes; gguf metadata have at most one.",
                        x.shape.len()
                    )))
                }
            }
            out.extend(x.bytes);
        }
    }
    Ok(())
}

/// Writes arrays and metadata.
pub fn write(
    out: &mut dyn Write,
    tensors: &[Tensor<'_>],
    metadata: &[(String, Entry<'_>)],
) -> Result<()> {
    let mut head = MAGIC.to_vec();
    head.extend(3u32.to_le_bytes());
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend((metadata.len() as u64).to_le_bytes());
    for (name, entry) in metadata {
        if name == ALIGNMENT_KEY {
            return Err(Error::Argument(format!(
                "`{ALIGNMENT_KEY}` is set by the file itself."
            )));
        }
        put_entry(&mut head, name, entry)?;
    }
    let mut offset = 0u64;
    for x in tensors {
        let kind = PLAIN.iter().find(|(_, d)| *d == x.dtype).ok_or_else(|| {
            Error::Dtype(format!(
                "`{}` is {}, which a gguf file cannot hold. Cast it, for example to float32 (gguf has float32, float16, bfloat16, float64, int8, int16, int32 and int64).",
                x.name,
                dtype::name(x.dtype)
            ))
        })?;
        put_text(&mut head, &x.name);
        head.extend((x.shape.len() as u32).to_le_bytes());
        for &n in x.shape.iter().rev() {
            head.extend((n as u64).to_le_bytes());
        }
        head.extend(kind.0.to_le_bytes());
        head.extend(offset.to_le_bytes());
        offset = (offset + x.bytes.len() as u64).next_multiple_of(ALIGNMENT);
    }
    let padding = |n: usize| vec![0; n.next_multiple_of(ALIGNMENT as usize) - n];
    put(out, &head)?;
    put(out, &padding(head.len()))?;
    for x in tensors {
        put(out, x.bytes)?;
        put(out, &padding(x.bytes.len()))?;
    }
    Ok(())
}
