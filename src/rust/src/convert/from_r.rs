//! R vectors to MLX arrays.
//!
//! The elements are converted in one flat pass into a buffer of MLX's own, laid out as R lays
//! them out; a matrix is a transposed view of it, so that element `[i, j]` stays `[i, j]`.
use crate::convert::{pass, to_r, transfer};
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::memory;
use crate::mlx::{self, Array};
use half::{bf16, f16};
use std::ffi::{c_int, c_void};

/// R's NA_integer_ and NA.
const NA_INTEGER: c_int = c_int::MIN;
/// bit64's NA.
const NA_INTEGER64: i64 = i64::MIN;

/// A plain R vector's elements. Looking them up may allocate in R (compact sequences), so it is
/// done before anything is owned.
#[derive(Clone, Copy)]
pub struct Source {
    /// The R type.
    pub kind: SEXPTYPE,
    /// bit64's integer64: doubles that hold the bits of 64-bit integers.
    pub integer64: bool,
    /// The elements.
    elements: *const c_void,
    /// How many.
    pub length: usize,
}

impl Source {
    /// Of a logical, integer, double or complex vector.
    ///
    /// # Safety
    /// `x` is live and stays protected while the source is used.
    pub unsafe fn of(x: SEXP) -> Source {
        let kind = TYPEOF(x);
        let elements = match kind {
            SEXPTYPE::LGLSXP => LOGICAL(x) as *const c_void,
            SEXPTYPE::INTSXP => INTEGER(x) as *const c_void,
            SEXPTYPE::REALSXP => REAL(x) as *const c_void,
            SEXPTYPE::CPLXSXP => COMPLEX(x) as *const c_void,
            _ => std::ptr::null(),
        };
        let integer64 = kind == SEXPTYPE::REALSXP
            && Rf_isObject(x) == Rboolean::TRUE
            && Rf_inherits(x, c"integer64".as_ptr()) == Rboolean::TRUE;
        Source {
            kind,
            integer64,
            elements,
            length: XLENGTH(x) as usize,
        }
    }

    /// Of doubles of our own, which must outlive the source.
    pub fn of_doubles(values: &[f64]) -> Source {
        Source {
            kind: SEXPTYPE::REALSXP,
            integer64: false,
            elements: values.as_ptr().cast(),
            length: values.len(),
        }
    }

    /// The elements from `first` on, `count` of them.
    fn part(&self, first: usize, count: usize) -> Source {
        let at = first * to_r::width(self.kind);
        Source {
            elements: self.elements.cast::<u8>().wrapping_add(at).cast(),
            length: count,
            ..*self
        }
    }

    fn slice<T>(&self) -> &[T] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: `elements` holds `length` elements of the type that `kind` says.
        unsafe { std::slice::from_raw_parts(self.elements.cast(), self.length) }
    }

    /// The only element as a double, if there is one and it is a number.
    pub fn number(&self) -> Option<f64> {
        if self.length != 1 || self.integer64 {
            return None;
        }
        match self.kind {
            SEXPTYPE::REALSXP => Some(plain(self.slice::<f64>()[0])),
            SEXPTYPE::INTSXP | SEXPTYPE::LGLSXP => Some(match self.slice::<c_int>()[0] {
                NA_INTEGER => f64::NAN,
                v => f64::from(v),
            }),
            _ => None,
        }
    }

    /// Whether every element is a whole number between two bounds.
    pub fn fits(&self, low: i128, high: i128) -> bool {
        let within = |v: i128| v >= low && v <= high;
        match self.kind {
            SEXPTYPE::REALSXP if self.integer64 => self
                .slice::<i64>()
                .iter()
                .all(|&v| v != NA_INTEGER64 && within(v.into())),
            SEXPTYPE::REALSXP => self
                .slice::<f64>()
                .iter()
                .all(|&v| v.trunc() == v && v.is_finite() && within(v as i128)),
            SEXPTYPE::INTSXP | SEXPTYPE::LGLSXP => self
                .slice::<c_int>()
                .iter()
                .all(|&v| v != NA_INTEGER && within(v.into())),
            _ => false,
        }
    }
}

/// The first number that the dtype does not hold though a cast to it would give some other value: a
/// fraction for integers, anything but 0 and 1 for bools. Those out of range are found as they are
/// converted.
fn altered(source: &Source, to: Dtype) -> Option<(usize, f64)> {
    let differs = |v: f64| {
        if to == Dtype::Bool {
            !v.is_nan() && v != 0.0 && v != 1.0
        } else {
            v.is_finite() && v.trunc() != v
        }
    };
    let find = |values: &mut dyn Iterator<Item = f64>| {
        let mut places = values.enumerate();
        places.find(|&(_, v)| differs(v))
    };
    match source.kind {
        _ if dtype::is_inexact(to) => None,
        SEXPTYPE::REALSXP if source.integer64 => {
            find(&mut source.slice::<i64>().iter().map(|&v| {
                if v == NA_INTEGER64 {
                    f64::NAN
                } else {
                    v as f64
                }
            }))
        }
        SEXPTYPE::REALSXP => find(&mut source.slice::<f64>().iter().copied()),
        SEXPTYPE::INTSXP => find(&mut source.slice::<c_int>().iter().map(|&v| {
            if v == NA_INTEGER {
                f64::NAN
            } else {
                f64::from(v)
            }
        })),
        _ => None,
    }
}

/// Errors if an array of this dtype cannot take the values without changing them.
pub fn check_kept(source: &Source, to: Dtype) -> Result<()> {
    match altered(source, to) {
        None => Ok(()),
        Some((i, value)) => Err(Error::Dtype(format!(
            "element {} of the value is {value}, which {} cannot hold. Cast the array first, as in `x <- mlx_cast(x, \"float32\")`.",
            i + 1,
            match to {
                Dtype::Bool => "a bool array".to_string(),
                _ => format!("an array of dtype {}", dtype::name(to)),
            }
        ))),
    }
}

/// Makes an array of `shape` (as R sees it) from column-major elements.
pub fn import(source: &Source, to: Dtype, shape: &[i32], device: Device) -> Result<Array> {
    if device == Device::Gpu && to == Dtype::Float64 {
        return Err(float64_on_gpu());
    }
    let n = source.length;
    memory::check_request(n * dtype::size(to))?;
    let reversed: Vec<i32> = shape.iter().rev().copied().collect();
    let fill = |target, first, count| write(&source.part(first, count), to, target);
    let out = match transfer::upload(&reversed, to, device, n, fill)? {
        Some(out) => out,
        None => {
            let out = mlx::uninitialised(&reversed, to)?;
            if n > 0 {
                // SAFETY: what was just made for as many elements.
                unsafe { memory::prefer_large_pages(mlx::bytes(&out), n * dtype::size(to)) };
                write(source, to, mlx::bytes(&out))?;
            }
            out
        }
    };
    if shape.len() < 2 {
        return Ok(out);
    }
    mlx::transpose(&out, device.stream())
}

/// Makes the 1-d array of `value(0)`, .., `value(n - 1)`, which rise or fall throughout.
pub fn import_sequence(
    n: usize,
    value: impl Fn(usize) -> f64,
    to: Dtype,
    device: Device,
) -> Result<Array> {
    const BLOCK: usize = 4096;
    let count = mlx::count(n)?;
    if dtype::is_integer(to) && n > 0 {
        let (low, high) = dtype::integer_range(to);
        for i in [0, n - 1] {
            let whole = value(i).trunc() as i128;
            if whole < low || whole > high {
                return Err(unfit(show(value(i)), i, to));
            }
        }
    }
    if device == Device::Gpu && to == Dtype::Float64 {
        return Err(float64_on_gpu());
    }
    memory::check_request(n * dtype::size(to))?;
    let out = mlx::uninitialised(&[count], to)?;
    for start in (0..n).step_by(BLOCK) {
        let block: Vec<f64> = (start..n.min(start + BLOCK)).map(&value).collect();
        // SAFETY: the array has n elements of this size, and start < n.
        let target = unsafe {
            mlx::bytes(&out)
                .cast::<u8>()
                .add(start * dtype::size(to))
                .cast()
        };
        write(&Source::of_doubles(&block), to, target)?;
    }
    Ok(out)
}

/// What asking for float64 on a gpu says.
pub fn float64_on_gpu() -> Error {
    Error::Device("float64 exists on the cpu device only: GPUs of MLX compute in float32 at most. Use device = \"cpu\", or dtype = \"float32\".".into())
}

/// Converts every element of `source` into `to` at `target`.
fn write(source: &Source, to: Dtype, target: *mut c_void) -> Result<()> {
    match source.kind {
        SEXPTYPE::REALSXP if source.integer64 => {
            write_wide(source.slice::<i64>(), to, target)
        }
        SEXPTYPE::REALSXP => write_doubles(source.slice::<f64>(), to, target),
        SEXPTYPE::INTSXP | SEXPTYPE::LGLSXP => {
            write_integers(source.slice::<c_int>(), source.kind == SEXPTYPE::LGLSXP, to, target)
        }
        SEXPTYPE::CPLXSXP if to == Dtype::Complex64 => {
            each(source.slice::<Rcomplex>(), target, |v| [v.r as f32, v.i as f32]);
            Ok(())
        }
        SEXPTYPE::CPLXSXP => Err(Error::Dtype(format!(
            "complex numbers cannot become {}: use dtype \"complex64\", or take Re(), Im() or Mod() first.",
            dtype::name(to)
        ))),
        _ => Err(Error::Internal("an R vector of another type".into())),
    }
}

/// One pass without failure.
fn each<S: Copy + Sync, T>(from: &[S], target: *mut c_void, f: impl Fn(S) -> T + Sync) {
    // SAFETY: `import` made the target for as many elements of T's size as `from` holds.
    unsafe { pass::each(from, target.cast::<T>(), f) };
}

/// One pass that fails at the first value which the dtype does not hold: `f` says whether it does.
fn each_checked<S: Copy + Sync, T>(
    from: &[S],
    target: *mut c_void,
    f: impl Fn(S) -> (T, bool) + Sync,
    fail: impl Fn(S, usize) -> Error,
) -> Result<()> {
    // SAFETY: as in `each`.
    match unsafe { pass::each_checked(from, target.cast::<T>(), f) } {
        None => Ok(()),
        Some(at) => Err(fail(from[at], at)),
    }
}

fn unfit(value: String, position: usize, to: Dtype) -> Error {
    let (low, high) = dtype::integer_range(to);
    Error::Dtype(format!(
        "element {} is {value}, which {} cannot hold (it has no NA; its range is {low} to {high}).",
        position + 1,
        dtype::name(to)
    ))
}

/// R's NA_real_ is a NaN with a mark that would come back as NA; MLX knows NaN only.
fn plain(v: f64) -> f64 {
    if v.is_nan() {
        f64::NAN
    } else {
        v
    }
}

/// A double as R shows it.
fn show(v: f64) -> String {
    if v.is_nan() {
        "NA or NaN".into()
    } else if v.is_infinite() {
        if v > 0.0 { "Inf" } else { "-Inf" }.into()
    } else {
        v.to_string()
    }
}

fn missing_logical() -> Error {
    Error::Dtype("Logical NA values are not supported for MLX boolean arrays. Replace them first, or ask for a floating dtype, where NA becomes NaN.".into())
}

/// Writes into the integer dtype `to` what `f` makes of each element as an i128.
fn write_checked<S: Copy + Sync>(
    from: &[S],
    to: Dtype,
    target: *mut c_void,
    f: impl Fn(S) -> Option<i128> + Sync,
    show: impl Fn(S) -> String,
) -> Result<()> {
    macro_rules! into {
        ($t:ty) => {
            each_checked(
                from,
                target,
                |v| match f(v).and_then(|w| <$t>::try_from(w).ok()) {
                    Some(value) => (value, true),
                    None => (0, false),
                },
                |v, i| unfit(show(v), i, to),
            )
        };
    }
    match to {
        Dtype::Uint8 => into!(u8),
        Dtype::Uint16 => into!(u16),
        Dtype::Uint32 => into!(u32),
        Dtype::Uint64 => into!(u64),
        Dtype::Int8 => into!(i8),
        Dtype::Int16 => into!(i16),
        Dtype::Int32 => into!(i32),
        _ => into!(i64),
    }
}

fn write_doubles(from: &[f64], to: Dtype, target: *mut c_void) -> Result<()> {
    match to {
        Dtype::Float64 => each(from, target, plain),
        Dtype::Float32 => each(from, target, |v| v as f32),
        Dtype::Float16 => each(from, target, f16::from_f64),
        Dtype::Bfloat16 => each(from, target, bf16::from_f64),
        Dtype::Complex64 => each(from, target, |v| [v as f32, 0f32]),
        Dtype::Bool => {
            return each_checked(
                from,
                target,
                |v| (v != 0.0, !v.is_nan()),
                |_, _| missing_logical(),
            )
        }
        Dtype::Int32 => {
            // the common one: no detour through i128
            let fits = |v: f64| (v as i32, v > -2147483649.0 && v < 2147483648.0);
            return each_checked(from, target, fits, |v, i| unfit(show(v), i, to));
        }
        _ => {
            // every integer bound is a power of two, so the comparison is exact in doubles
            return write_checked(
                from,
                to,
                target,
                |v| v.is_finite().then(|| v.trunc() as i128),
                show,
            );
        }
    }
    Ok(())
}

fn write_integers(from: &[c_int], logical: bool, to: Dtype, target: *mut c_void) -> Result<()> {
    let float = |v: c_int| {
        if v == NA_INTEGER {
            f64::NAN
        } else {
            f64::from(v)
        }
    };
    match to {
        Dtype::Float64 => each(from, target, float),
        Dtype::Float32 => each(from, target, |v| {
            if v == NA_INTEGER {
                f32::NAN
            } else {
                v as f32
            }
        }),
        Dtype::Float16 => each(from, target, |v| f16::from_f64(float(v))),
        Dtype::Bfloat16 => each(from, target, |v| bf16::from_f64(float(v))),
        Dtype::Complex64 => each(from, target, |v| [float(v) as f32, 0f32]),
        Dtype::Bool => {
            return each_checked(
                from,
                target,
                |v| (v != 0, v != NA_INTEGER),
                |_, _| missing_logical(),
            )
        }
        Dtype::Int32 if !logical => {
            return each_checked(
                from,
                target,
                |v| (v, v != NA_INTEGER),
                |_, i| unfit("NA".into(), i, to),
            );
        }
        _ => {
            return write_checked(
                from,
                to,
                target,
                |v| (v != NA_INTEGER).then_some(v.into()),
                |v| {
                    if v == NA_INTEGER {
                        "NA".into()
                    } else {
                        v.to_string()
                    }
                },
            );
        }
    }
    Ok(())
}

fn write_wide(from: &[i64], to: Dtype, target: *mut c_void) -> Result<()> {
    let float = |v: i64| {
        if v == NA_INTEGER64 {
            f64::NAN
        } else {
            v as f64
        }
    };
    match to {
        Dtype::Float64 => each(from, target, float),
        Dtype::Float32 => each(from, target, |v| float(v) as f32),
        Dtype::Float16 => each(from, target, |v| f16::from_f64(float(v))),
        Dtype::Bfloat16 => each(from, target, |v| bf16::from_f64(float(v))),
        Dtype::Complex64 => each(from, target, |v| [float(v) as f32, 0f32]),
        Dtype::Bool => {
            return each_checked(
                from,
                target,
                |v| (v != 0, v != NA_INTEGER64),
                |_, _| missing_logical(),
            )
        }
        _ => {
            return write_checked(
                from,
                to,
                target,
                |v| (v != NA_INTEGER64).then_some(v.into()),
                |v| {
                    if v == NA_INTEGER64 {
                        "NA".into()
                    } else {
                        v.to_string()
                    }
                },
            );
        }
    }
    Ok(())
}
