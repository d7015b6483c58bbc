//! New arrays: from R values, constants, sequences; and their values back.
use crate::convert::{from_r, to_r};
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, ints, show, string};
use crate::error::{guarded, raise, throw, Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::memory;
use crate::mlx;
use crate::names;
use crate::object;
use crate::operand::{self, Operand};
use crate::tape;

/// A dtype argument; NULL gives the default dtype.
unsafe fn dtype_arg(x: SEXP) -> Result<Dtype> {
    if x == R_NilValue {
        Ok(operand::default_dtype())
    } else {
        dtype::parse(&string(x)?)
    }
}

unsafe fn place(dtype: SEXP, device: SEXP) -> Result<(Dtype, Device)> {
    let (kind, device) = (dtype_arg(dtype)?, Device::of(device)?);
    if kind == Dtype::Float64 && device == Device::Gpu {
        return Err(from_r::float64_on_gpu());
    }
    Ok((kind, device))
}

/// `.Call`: an array from a plain R vector. dtype NULL: by its type; shape NULL: its own.
unsafe extern "C" fn from_vector(x: SEXP, dtype: SEXP, device: SEXP, shape: SEXP) -> SEXP {
    memory::relieve();
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let Operand::R { source, .. } = operand else {
            return Err(Error::Internal("from_vector of an mlx array".into()));
        };
        let kind = if dtype == R_NilValue {
            operand::natural_of(&source)
        } else {
            dtype::parse(&string(dtype)?)?
        };
        let device = Device::of(device)?;
        let shape = if shape == R_NilValue {
            operand.shape()?
        } else {
            ints(shape)?
        };
        Ok(Placed::new(
            from_r::import(&source, kind, &shape, device)?,
            device,
        ))
    });
    if shape == R_NilValue {
        names::elementwise(out, &[x])
    } else {
        out
    }
}

/// `.Call`: the values as a plain R vector without attributes. `on_purpose`: 0 ends at the tape,
/// 1 shows a traced value (printing).
unsafe extern "C" fn values(x: SEXP, on_purpose: SEXP) -> SEXP {
    let handle = object::handle_of(x);
    if handle.is_null() {
        throw(Error::Internal(
            "values of something that is no mlx array".into(),
        ));
    }
    if Rf_asInteger(on_purpose) == 0 {
        tape::check_read(handle);
    }
    object::read(handle)
}

/// `.Call`: an int64 array's values as bit64 keeps them.
unsafe extern "C" fn values_integer64(x: SEXP) -> SEXP {
    let handle = object::handle_of(x);
    if handle.is_null() {
        throw(Error::Internal(
            "values of something that is no mlx array".into(),
        ));
    }
    tape::check_read(handle);
    eval::evaluate(handle);
    let ctx = R_ExternalPtrAddr(handle);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::REALSXP, handle::length(handle)));
    if guarded(|| to_r::copy_bits(mlx::borrow(&ctx), to_r::address(out))).is_none() {
        raise();
    }
    Rf_unprotect(1);
    out
}

/// Elements and bytes of a shape, refused if MLX could not hold them.
fn check_shape(shape: &[i32], kind: Dtype) -> Result<()> {
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
        let scalar = mlx::reshape(&value, &[], device.stream())?;
        Ok(Placed::new(
            mlx::full(&shape, &scalar, kind, device.stream())?,
            device,
        ))
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
        let count = mlx::count(n as usize)?;
        check_shape(&[count], kind)?;
        let mut values: Vec<f64> = (0..count).map(|i| start + f64::from(i) * step).collect();
        if let (Some(end), false) = (values.last_mut(), last.is_nan()) {
            *end = last; // linspace ends where it was asked to, whatever the rounding
        }
        let source = from_r::Source::of_doubles(&values);
        Ok(Placed::new(
            from_r::import(&source, kind, &[count], device)?,
            device,
        ))
    })
}

routines![
    from_vector / 4,
    values / 2,
    values_integer64 / 1,
    full / 4,
    eye / 5,
    sequence / 6
];
