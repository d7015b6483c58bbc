//! New arrays: from R values, constants, sequences; and their values back.
use crate::convert::{from_r, to_r};
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::{self, ints, show};
use crate::error::{guarded, raise, Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::memory;
use crate::mlx::{self, Array};
use crate::names;
use crate::object;
use crate::operand::{self, Operand};
use crate::tape;

/// A dtype argument; NULL gives the default dtype.
unsafe fn dtype_arg(x: SEXP) -> Result<Dtype> {
    if x == R_NilValue {
        operand::default_dtype()
    } else {
        dtype::of(x, "`dtype`")
    }
}

/// The dtype and device that arguments name.
pub unsafe fn place(dtype: SEXP, device: SEXP) -> Result<(Dtype, Device)> {
    let (kind, device) = (dtype_arg(dtype)?, Device::of(device)?);
    if kind == Dtype::Float64 && device == Device::Gpu {
        return Err(from_r::float64_on_gpu());
    }
    Ok((kind, device))
}

/// `.Call`: an array from a plain R vector. dtype NULL: by its type; device NULL: the default one; shape
/// NULL: its own.
unsafe extern "C" fn from_vector(x: SEXP, dtype: SEXP, device: SEXP, shape: SEXP) -> SEXP {
    memory::relieve();
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let device = if device == R_NilValue {
            device::default()
        } else {
            Device::of(device)?
        };
        let kind = match (operand, dtype == R_NilValue) {
            (_, false) => dtype::of(dtype, "`dtype`")?,
            (Operand::Mlx { .. }, _) => operand.dtype().unwrap_or(Dtype::Float32),
            (Operand::R { source, .. }, _) => operand::natural_of(&source)?,
        };
        let array = if shape == R_NilValue {
            operand.array_as(kind, device)?
        } else {
            fill(&operand, kind, &ints(shape)?, device)?
        };
        Ok(Placed::new(array, device))
    });
    if shape == R_NilValue {
        names::elementwise(out, &[x])
    } else {
        out
    }
}

/// An array of `shape` from the elements of an operand in column-major order, recycled as often as
/// it takes; their number divides the array's size.
fn fill(x: &Operand, kind: Dtype, shape: &[i32], device: Device) -> Result<Array> {
    check_shape(shape, kind)?;
    let s = device.stream();
    let wanted: usize = shape.iter().map(|&n| n as usize).product();
    let flat = match x {
        Operand::R { source, .. } if source.length == wanted => {
            return from_r::import(source, kind, shape, device)
        }
        Operand::R { source, .. } => {
            from_r::import(source, kind, &[mlx::count(source.length)?], device)?
        }
        Operand::Mlx { .. } => mlx::flatten_columns(&x.array_as(kind, device)?, s)?,
    };
    let n = mlx::size(&flat);
    if n == wanted {
        return mlx::shape_columns(&flat, shape, s);
    }
    if n == 1 || wanted == 0 {
        let one = if n == 0 {
            mlx::scalar(0.0, kind, s)?
        } else {
            mlx::reshape(&mlx::slice(&flat, &[0], &[1], &[1], s)?, &[], s)?
        };
        return mlx::spread(shape, &one, kind, s);
    }
    let rows = [mlx::count(wanted / n)?, mlx::count(n)?];
    let all = mlx::broadcast(&flat, &rows, s)?;
    mlx::shape_columns(&mlx::reshape(&all, &[mlx::count(wanted)?], s)?, shape, s)
}

/// `.Call`: the values as a plain R vector without attributes. `on_purpose`: 0 ends at the tape,
/// 1 shows a traced value (printing).
unsafe extern "C" fn values(x: SEXP, on_purpose: SEXP) -> SEXP {
    let handle = object::mlx_handle(x);
    if Rf_asInteger(on_purpose) == 0 {
        tape::check_read(handle);
    }
    object::read(handle)
}

/// `.Call`: whether the values read last hold an integer that is NA to R.
unsafe extern "C" fn na_made() -> SEXP {
    Rf_ScalarLogical(to_r::na_made().into())
}

/// `.Call`: the values of an array of real floating-point numbers; NULL for anything else.
unsafe extern "C" fn float_values(x: SEXP) -> SEXP {
    let handle = object::handle_of(x);
    if handle.is_null() {
        return R_NilValue;
    }
    let ctx = handle::live(handle);
    if !dtype::is_float(mlx::dtype(mlx::borrow(&ctx))) {
        return R_NilValue;
    }
    tape::check_read(handle);
    object::read(handle)
}

/// `.Call`: an int64 array's values as bit64 keeps them.
unsafe extern "C" fn values_integer64(x: SEXP) -> SEXP {
    let handle = object::mlx_handle(x);
    tape::check_read(handle);
    eval::evaluate(handle);
    let ctx = handle::peek(handle);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::REALSXP, handle::length(handle)));
    if guarded(|| to_r::copy_bits(mlx::borrow(&ctx), to_r::address(out))).is_none() {
        raise();
    }
    Rf_unprotect(1);
    out
}

/// Elements and bytes of a shape, refused if MLX could not hold them.
pub fn check_shape(shape: &[i32], kind: Dtype) -> Result<()> {
    if let Some(n) = shape.iter().find(|&&n| n < 0) {
        return Err(Error::Shape(format!(
            "`dim` must be non-negative whole numbers; it has {n}."
        )));
    }
    let mut bytes = dtype::size(kind);
    for &n in shape {
        bytes = bytes.checked_mul(n as usize).ok_or_else(|| {
            Error::Memory(format!(
                "an array of shape {} is larger than any memory.",
                show(shape)
            ))
        })?;
    }
    memory::check_request(bytes)
}

/// `.Call`: a constant array.
unsafe extern "C" fn full(dim: SEXP, value: SEXP, dtype: SEXP, device: SEXP) -> SEXP {
    memory::relieve();
    let operand = Operand::of(value);
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        let shape = ints(dim)?;
        check_shape(&shape, kind)?;
        let value = operand.array_as(kind, device)?;
        let s = device.stream();
        let scalar = mlx::reshape(&value, &[], s)?;
        let make = match operand {
            Operand::Mlx { .. } => mlx::spread,
            Operand::R { .. } => mlx::full,
        };
        Ok(Placed::new(make(&shape, &scalar, kind, s)?, device))
    })
}

/// `.Call`: ones on the k-th diagonal of an n x m matrix.
unsafe extern "C" fn eye(n: SEXP, m: SEXP, k: SEXP, dtype: SEXP, device: SEXP) -> SEXP {
    memory::relieve();
    let (n, m, k) = (Rf_asInteger(n), Rf_asInteger(m), Rf_asInteger(k));
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        check_shape(&[n, m], kind)?;
        if n == 0 || m == 0 {
            let zero = mlx::scalar(0.0, kind, device.stream())?;
            return Ok(Placed::new(
                mlx::full(&[n, m], &zero, kind, device.stream())?,
                device,
            ));
        }
        // SAFETY: plain numbers.
        let array =
            mlx::out(|o| unsafe { mlx_sys::mlx_eye(o, n, m, k, kind.into(), device.stream()) })?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: start, start + step, .. (n of them), each computed as start + i * step in doubles.
unsafe extern "C" fn sequence(
    start: SEXP,
    step: SEXP,
    n: SEXP,
    last: SEXP,
    dtype: SEXP,
    device: SEXP,
) -> SEXP {
    memory::relieve();
    let (start, step, n, last) = (
        Rf_asReal(start),
        Rf_asReal(step),
        Rf_asReal(n),
        Rf_asReal(last),
    );
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        let n = n as usize;
        let value = |i: usize| {
            if i + 1 == n && !last.is_nan() {
                last // linspace ends where it was asked to, whatever the rounding
            } else {
                start + i as f64 * step
            }
        };
        Ok(Placed::new(
            from_r::import_sequence(n, value, kind, device)?,
            device,
        ))
    })
}

routines![
    from_vector / 4,
    float_values / 1,
    na_made / 0,
    values / 2,
    values_integer64 / 1,
    full / 4,
    eye / 5,
    sequence / 6
];
