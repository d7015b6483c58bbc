//! Arrays in files: npy, npz, safetensors and gguf.
//!
//! The formats are read and written here, not by MLX, whose readers trust what a file says of
//! itself. A reader looks at headers only and finds out where each array's elements are; those go
//! from the file straight into MLX's buffer when the array is asked for.
mod gguf;
mod kquant;
mod npy;
mod safetensors;
pub mod source;
pub mod target;
mod zip;

use crate::convert::from_r::float64_on_gpu;
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::keep::{keeper, kept, texts};
use crate::memory;
use crate::mlx::{self, Array};
use crate::object;
use source::Source;
use std::ffi::CStr;
use std::io::Write;

/// Axes beyond this are not looked for: MLX's own kernels stop far earlier.
const MOST_AXES: usize = 64;

/// An array of a file.
pub struct Item {
    name: String,
    dtype: Dtype,
    shape: Vec<u64>,
    /// The elements are in column-major order.
    columns: bool,
    /// Big-endian.
    swapped: bool,
    data: Data,
}

/// Where an array's elements are.
pub enum Data {
    /// At this place, as they are.
    Stored(u64),
    /// In a member of an archive.
    Packed(zip::Packed),
    /// In blocks of quantized weights.
    Blocks(gguf::Blocks),
    /// In blocks of quantized weights, read as numbers.
    Numbers(kquant::Tensor),
}

impl Item {
    /// How many bytes the elements take. An error if MLX could not count them.
    fn bytes(&self, source: &Source) -> Result<u64> {
        let name = match self.name.as_str() {
            "" => "the array".to_string(), // an npy file has one, without a name
            name => format!("`{name}`"),
        };
        if self.shape.len() > MOST_AXES {
            return Err(source.damaged(format!("{name} has {} axes", self.shape.len())));
        }
        let mut n = dtype::size(self.dtype) as u64;
        for &extent in &self.shape {
            n = Some(extent)
                .filter(|&extent| i32::try_from(extent).is_ok())
                .and_then(|extent| n.checked_mul(extent))
                .ok_or_else(|| source.damaged(format!("{name} has impossible extents")))?;
        }
        Ok(n)
    }

    fn array(&self, source: &Source, device: Device) -> Result<Array> {
        if device == Device::Gpu && self.dtype == Dtype::Float64 {
            return Err(float64_on_gpu());
        }
        let n = self.bytes(source)? as usize;
        memory::check_request(n)?;
        let mut shape: Vec<i32> = self.shape.iter().map(|&extent| extent as i32).collect();
        if self.columns {
            shape.reverse();
        }
        let out = mlx::uninitialised(&shape, self.dtype)?;
        if n > 0 {
            // SAFETY: the buffer was made for so many bytes, and nobody else has it yet.
            let bytes = unsafe { std::slice::from_raw_parts_mut(mlx::bytes(&out).cast::<u8>(), n) };
            bytes.fill(0);
            self.fill(source, bytes)?;
        }
        if self.columns && shape.len() >= 2 {
            mlx::transpose(&out, device.stream())
        } else {
            Ok(out)
        }
    }

    fn fill(&self, source: &Source, bytes: &mut [u8]) -> Result<()> {
        match &self.data {
            Data::Stored(at) => source.read_at(*at, bytes)?,
            Data::Packed(member) => member.read(source, bytes)?,
            Data::Blocks(blocks) => blocks.read(source, bytes)?,
            Data::Numbers(blocks) => blocks.read(source, bytes)?,
        }
        if self.swapped {
            let width = match self.dtype {
                Dtype::Complex64 => 4,
                other => dtype::size(other),
            };
            bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if self.dtype == Dtype::Bool {
            bytes.iter_mut().for_each(|b| *b = u8::from(*b != 0));
        }
        Ok(())
    }
}

/// A metadata entry.
pub enum Meta {
    /// One text, or several.
    Texts(Vec<String>),
    /// One number, or several.
    Numbers(Item),
}

/// A table of contents: the arrays and the metadata, by name.
pub type Table = (Vec<Item>, Vec<(String, Meta)>);

/// An array to be written: its dense, row-major elements.
pub struct Tensor<'a> {
    name: String,
    dtype: Dtype,
    shape: &'a [i32],
    bytes: &'a [u8],
}

/// A file with its table of contents, sorted by name (npz: as in the file).
struct Contents {
    source: Source,
    items: Vec<Item>,
    metadata: Vec<(String, Meta)>,
}

impl Contents {
    fn read(source: Source, format: &str) -> Result<Contents> {
        let (mut items, mut metadata) = match format {
            "npy" => (vec![npy::read(&source, 0, source.length, "")?], Vec::new()),
            "npz" => (zip::read(&source)?, Vec::new()),
            "safetensors" => safetensors::read(&source)?,
            "gguf" => gguf::read(&source)?,
            other => return Err(Error::Internal(format!("file format {other}"))),
        };
        if format != "npz" {
            items.sort_by(|a, b| a.name.cmp(&b.name));
        }
        metadata.sort_by(|a, b| a.0.cmp(&b.0));
        let names = items.iter().map(|item| &item.name);
        let texts = metadata.iter().flat_map(|(name, value)| {
            let inside: &[String] = match value {
                Meta::Texts(texts) => texts,
                Meta::Numbers(_) => &[],
            };
            inside.iter().chain(std::iter::once(name))
        });
        if names.chain(texts).any(|text| text.contains('\0')) {
            return Err(source.damaged("a text in it holds a NUL"));
        }
        Ok(Contents {
            source,
            items,
            metadata,
        })
    }
}

unsafe fn bytes_of<'a>(text: SEXP) -> &'a [u8] {
    CStr::from_ptr(R_CHAR(text)).to_bytes()
}

/// `.Call`: opens a path, or a raw vector.
unsafe extern "C" fn file_open(what: SEXP, format: SEXP) -> SEXP {
    keeper(|| {
        let source = if TYPEOF(what) == SEXPTYPE::RAWSXP {
            let n = XLENGTH(what) as usize;
            let bytes = if n == 0 {
                Vec::new()
            } else {
                std::slice::from_raw_parts(RAW(what), n).to_vec()
            };
            Source::memory(bytes)
        } else {
            Source::open(&source::path_of(bytes_of(STRING_ELT(what, 0))))?
        };
        Contents::read(source, &entry::name(format)?)
    })
}

/// `.Call`: the arrays' names.
unsafe extern "C" fn file_names(file: SEXP) -> SEXP {
    let items = &kept::<Contents>(file).items;
    texts(items.len(), |i| &items[i].name)
}

/// `.Call`: an array by its 1-based position.
unsafe extern "C" fn file_array(file: SEXP, i: SEXP, device: SEXP) -> SEXP {
    memory::relieve();
    let contents = kept::<Contents>(file);
    let i = Rf_asInteger(i) as usize - 1;
    entry::one(|| {
        let device = Device::of(device)?;
        let array = contents.items[i].array(&contents.source, device)?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: the names of the metadata.
unsafe extern "C" fn file_metadata_names(file: SEXP) -> SEXP {
    let metadata = &kept::<Contents>(file).metadata;
    texts(metadata.len(), |i| &metadata[i].0)
}

/// `.Call`: a metadata entry by its 1-based position: texts or an array.
unsafe extern "C" fn file_metadata(file: SEXP, i: SEXP) -> SEXP {
    let contents = kept::<Contents>(file);
    match &contents.metadata[Rf_asInteger(i) as usize - 1].1 {
        Meta::Texts(inside) => texts(inside.len(), |i| &inside[i]),
        Meta::Numbers(item) => entry::one(|| {
            let array = item.array(&contents.source, Device::Cpu)?;
            Ok(Placed::new(array, Device::Cpu))
        }),
    }
}

/// `.Call`: the array with dense row-major elements, evaluated.
unsafe extern "C" fn dense(x: SEXP) -> SEXP {
    let from = object::handle_of(x);
    crate::tape::check_read(from);
    let out = Rf_protect(entry::one(|| {
        let ctx = handle::address(from)?;
        let s = Device::Cpu.stream();
        Ok(Placed::new(
            mlx::contiguous(mlx::borrow(&ctx), s)?,
            Device::Cpu,
        ))
    }));
    eval::evaluate(object::handle_of(out));
    Rf_unprotect(1);
    out
}

/// An array that [`dense`] made, for as long as the R list holds it.
unsafe fn tensor<'a>(x: SEXP, name: String) -> Result<Tensor<'a>> {
    let raw = mlx_sys::mlx_array {
        ctx: handle::address(object::handle_of(x))?,
    };
    let array = mlx::borrow(&raw.ctx);
    let n = mlx::size(array) * dtype::size(mlx::dtype(array));
    let rank = mlx::rank(array);
    Ok(Tensor {
        name,
        dtype: mlx::dtype(array),
        shape: match rank {
            0 => &[],
            _ => std::slice::from_raw_parts(mlx_sys::mlx_array_shape(raw), rank),
        },
        bytes: match n {
            0 => &[],
            _ => std::slice::from_raw_parts(mlx::bytes(array).cast::<u8>(), n),
        },
    })
}

unsafe fn name_at(names: SEXP, i: R_xlen_t) -> String {
    String::from_utf8_lossy(bytes_of(STRING_ELT(names, i))).into_owned()
}

/// `.Call`: writes arrays, all of them dense, to a path (returned) or (NULL) into a raw vector.
unsafe extern "C" fn file_write(
    path: SEXP,
    format: SEXP,
    arrays: SEXP,
    names: SEXP,
    metadata: SEXP,
    metadata_names: SEXP,
) -> SEXP {
    let write = |out: &mut dyn Write| -> Result<()> {
        let tensors = (0..XLENGTH(arrays))
            .map(|i| tensor(VECTOR_ELT(arrays, i), name_at(names, i)))
            .collect::<Result<Vec<_>>>()?;
        let entries = (0..XLENGTH(metadata))
            .map(|i| {
                let value = VECTOR_ELT(metadata, i);
                let name = name_at(metadata_names, i);
                let entry = if TYPEOF(value) == SEXPTYPE::STRSXP {
                    let n = XLENGTH(value);
                    gguf::Entry::Texts((0..n).map(|j| name_at(value, j)).collect())
                } else {
                    gguf::Entry::Numbers(tensor(value, name.clone())?)
                };
                Ok((name, entry))
            })
            .collect::<Result<Vec<_>>>()?;
        match entry::name(format)?.as_str() {
            "npy" => {
                target::put(out, &npy::header(&tensors[0]))?;
                target::put(out, tensors[0].bytes)
            }
            "npz" => zip::write(out, &tensors, false),
            "npz-compressed" => zip::write(out, &tensors, true),
            "gguf" => gguf::write(out, &tensors, &entries),
            _ => {
                let texts: Vec<(String, String)> = entries
                    .into_iter()
                    .map(|(name, entry)| match entry {
                        gguf::Entry::Texts(mut texts) => (name, texts.remove(0)),
                        gguf::Entry::Numbers(_) => (name, String::new()),
                    })
                    .collect();
                safetensors::write(out, &tensors, &texts)
            }
        }
    };
    if path != R_NilValue {
        let path_bytes = bytes_of(STRING_ELT(path, 0));
        entry::plain(|| target::replace(&source::path_of(path_bytes), write));
        return path;
    }
    let written = Rf_protect(keeper(|| {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        Ok(bytes)
    }));
    let bytes = kept::<Vec<u8>>(written);
    let out = Rf_allocVector(SEXPTYPE::RAWSXP, bytes.len() as R_xlen_t);
    if !bytes.is_empty() {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), RAW(out), bytes.len());
    }
    Rf_unprotect(1);
    out
}

routines![
    file_open / 2,
    file_names / 1,
    file_array / 3,
    file_metadata_names / 1,
    file_metadata / 2,
    dense / 1,
    file_write / 6,
];
