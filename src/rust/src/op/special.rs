//! Special functions of two arguments, and polygamma functions: kernels of ours, on the cpu in
//! float32 and float64.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::exact::{self, Exact};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::names;
use crate::op::binary::{explain, promoted};
use crate::operand::{self, pair, Operand};

/// The dtype that a kernel computes in.
fn wide(kind: Dtype) -> Result<Dtype> {
    match kind {
        Dtype::Float32 | Dtype::Float64 => Ok(kind),
        Dtype::Complex64 => Err(Error::Dtype(
            "this function is not defined for complex numbers here.".into(),
        )),
        kind if dtype::is_float(kind) => Ok(Dtype::Float32),
        _ => operand::default_float(),
    }
}

/// A kernel's result in the dtype of its arguments, if that is a floating one.
fn narrowed(out: Array, kind: Dtype) -> Result<Array> {
    if dtype::is_float(kind) {
        mlx::astype(&out, kind, Device::Cpu.stream())
    } else {
        Ok(out)
    }
}

unsafe fn of_two(f: Exact, x: SEXP, y: SEXP) -> SEXP {
    let (a, b) = (Operand::of(x), Operand::of(y));
    let out = entry::one(|| {
        let (a, b, device) = pair(&a, &b)?;
        let s = device.stream();
        let (p, q) = promoted(&a, &b, s)?;
        let kind = mlx::dtype(&p);
        let to = wide(kind)?;
        let (p, q) = (mlx::astype(&p, to, s)?, mlx::astype(&q, to, s)?);
        let out = exact::binary(f, &p, &q, Device::Cpu.stream())
            .map_err(|error| explain(error, &a, &b))?;
        Ok(Placed::new(narrowed(out, kind)?, device))
    });
    names::elementwise(out, &[x, y])
}

/// `.Call`: the derivative of digamma of some order (0: digamma itself).
unsafe extern "C" fn polygamma(x: SEXP, order: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let order = Rf_asInteger(order);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let array = operand.array(device)?;
        let kind = mlx::dtype(&array);
        let x = mlx::astype(&array, wide(kind)?, device.stream())?;
        let out = exact::polygamma(order as u32, &x, Device::Cpu.stream())?;
        Ok(Placed::new(narrowed(out, kind)?, device))
    });
    names::elementwise(out, &[x])
}

macro_rules! special {
    ($($name:ident = $f:expr;)*) => {
        $(unsafe extern "C" fn $name(x: SEXP, y: SEXP) -> SEXP { of_two($f, x, y) })*
        routines![$($name / 2,)* polygamma / 2];
    };
}
special! {
    beta = Exact::Beta;
    lbeta = Exact::Lbeta;
    choose = Exact::Choose;
    lchoose = Exact::Lchoose;
}
