//! Hugging Face's safetensors: the length of a JSON header, the header, the elements.
use super::source::{Cursor, Source};
use super::target::put;
use super::{Data, Item, Meta, Table, Tensor};
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::io::Write;

/// The format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

const CODES: [(&str, Dtype); 14] = [
    ("BOOL", Dtype::Bool),
    ("U8", Dtype::Uint8),
    ("U16", Dtype::Uint16),
    ("U32", Dtype::Uint32),
    ("U64", Dtype::Uint64),
    ("I8", Dtype::Int8),
    ("I16", Dtype::Int16),
    ("I32", Dtype::Int32),
    ("I64", Dtype::Int64),
    ("F16", Dtype::Float16),
    ("BF16", Dtype::Bfloat16),
    ("F32", Dtype::Float32),
    ("F64", Dtype::Float64),
    ("C64", Dtype::Complex64),
];
/// Eight-bit floats come as their bits, as in MLX.
const BITS: [&str; 2] = ["F8_E4M3", "F8_E8M0"];

/// The arrays and the metadata.
pub fn read(source: &Source) -> Result<Table> {
    let mut cursor = Cursor { source, at: 0 };
    let n = cursor.u64()?;
    if n > LONGEST_HEADER {
        return Err(source.damaged("its header is longer than the format allows"));
    }
    let text = cursor.take(n)?;
    let broken = |what: &str| source.damaged(format!("its header {what}"));
    let header: Value =
        serde_json::from_slice(&text).map_err(|e| broken(&format!("is no JSON ({e})")))?;
    let Value::Object(mut header) = header else {
        return Err(broken("is no list of arrays"));
    };
    let metadata = match header.remove("__metadata__") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(entries)) => entries
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key, Meta::Texts(vec![text]))),
                _ => Err(broken(&format!("has metadata `{key}` that is no text"))),
            })
            .collect::<Result<_>>()?,
        Some(_) => return Err(broken("has metadata of another form")),
    };
    let mut spans = Vec::new();
    let mut items = Vec::new();
    for (name, about) in &header {
        let (item, span) = item(source, name, about, cursor.at)
            .transpose()
            .unwrap_or_else(|| Err(broken(&format!("describes `{name}` in another form"))))?;
        spans.push(span);
        items.push(item);
    }
    // every byte belongs to one array
    spans.sort_unstable();
    let mut end = 0;
    for (from, to) in spans {
        if from != end {
            return Err(broken("leaves gaps between arrays, or lets them overlap"));
        }
        end = to;
    }
    if cursor.at + end != source.length {
        return Err(broken("does not describe all of the file"));
    }
    Ok((items, metadata))
}

/// One array and the bytes that it takes; none if the description is of another form.
fn item(
    source: &Source,
    name: &str,
    about: &Value,
    start: u64,
) -> Result<Option<(Item, (u64, u64))>> {
    let text = about.get("dtype").and_then(Value::as_str);
    let extents = about.get("shape").and_then(Value::as_array);
    let offsets = about.get("data_offsets").and_then(Value::as_array);
    let (Some(text), Some(extents), Some(offsets)) = (text, extents, offsets) else {
        return Ok(None);
    };
    let numbers = |values: &[Value]| {
        values
            .iter()
            .map(Value::as_u64)
            .collect::<Option<Vec<u64>>>()
    };
    let (Some(shape), Some(offsets)) = (numbers(extents), numbers(offsets)) else {
        return Ok(None);
    };
    let [from, to] = offsets[..] else {
        return Ok(None);
    };
    let dtype = match CODES.iter().find(|(code, _)| *code == text) {
        Some((_, dtype)) => *dtype,
        None if BITS.contains(&text) => Dtype::Uint8,
        None => {
            return Err(Error::File(format!(
                "{}: `{name}` is of dtype {text}, which MLX does not have.",
                source.name
            )))
        }
    };
    let item = Item {
        name: name.into(),
        dtype,
        shape,
        columns: false,
        swapped: false,
        data: Data::Stored(start.saturating_add(from)),
    };
    if to.checked_sub(from) != Some(item.bytes(source)?) {
        return Err(source.damaged(format!("the size of `{name}` does not fit its shape")));
    }
    Ok(Some((item, (from, to))))
}

/// Writes arrays and metadata.
pub fn write(
    out: &mut dyn Write,
    tensors: &[Tensor<'_>],
    metadata: &[(String, String)],
) -> Result<()> {
    // wide elements first, so that every array begins where its dtype wants it
    let mut order: Vec<&Tensor<'_>> = tensors.iter().collect();
    order.sort_by(|a, b| {
        let width = |x: &Tensor<'_>| dtype::size(x.dtype);
        width(b).cmp(&width(a)).then_with(|| a.name.cmp(&b.name))
    });
    let mut header = Map::new();
    if !metadata.is_empty() {
        let entries = metadata
            .iter()
            .map(|(k, v)| (k.clone(), Value::from(v.as_str())));
        header.insert("__metadata__".into(), Value::Object(entries.collect()));
    }
    let mut at = 0;
    for x in &order {
        if x.name == "__metadata__" {
            return Err(Error::Argument(
                "an array of a safetensors file cannot be named `__metadata__`.".into(),
            ));
        }
        let code = CODES
            .iter()
            .find(|(_, d)| *d == x.dtype)
            .map_or("", |(c, _)| *c);
        let end = at + x.bytes.len() as u64;
        let about = [
            ("dtype", Value::from(code)),
            ("shape", Value::from(x.shape.to_vec())),
            ("data_offsets", Value::from(vec![at, end])),
        ];
        let about = about.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        header.insert(x.name.clone(), Value::Object(about));
        at = end;
    }
    let mut text = Value::Object(header).to_string();
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    put(out, &(text.len() as u64).to_le_bytes())?;
    put(out, text.as_bytes())?;
    order.iter().try_for_each(|x| put(out, x.bytes))
}
