//! floor, ceiling, trunc, sign, round and signif, with R's meaning for every dtype.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::names;
use crate::operand::Operand;
use mlx_sys::mlx_stream;

/// Whole-number dtypes are their own floor; MLX would compute some of them in float32.
fn unless_integer(f: mlx::Unary, x: &Array, s: mlx_stream) -> Result<Array> {
    if dtype::is_integer(mlx::dtype(x)) {
        return mlx::share(x);
    }
    mlx::unary(f, x, s)
}

/// floor(x).
pub fn floor(x: &Array, s: mlx_stream) -> Result<Array> {
    unless_integer(mlx_sys::mlx_floor, x, s)
}

/// ceiling(x).
pub fn ceiling(x: &Array, s: mlx_stream) -> Result<Array> {
    unless_integer(mlx_sys::mlx_ceil, x, s)
}

/// trunc(x): toward zero.
pub fn trunc(x: &Array, s: mlx_stream) -> Result<Array> {
    unless_integer(mlx_sys::mlx_trunc, x, s)
}

/// sign(x); NaN stays NaN as in R (MLX gives 0).
pub fn sign(x: &Array, s: mlx_stream) -> Result<Array> {
    let sign = mlx::unary(mlx_sys::mlx_sign, x, s)?;
    if !dtype::is_float(mlx::dtype(x)) {
        return Ok(sign);
    }
    let nan = mlx::unary(mlx_sys::mlx_isnan, x, s)?;
    mlx::select(&nan, x, &sign, s)
}

/// A kernel of ours, which rounds as R does; MLX's own goes through float32. It runs on the cpu
/// in float32 and float64, and other dtypes take a detour through one that holds them.
fn by_kernel(
    f: fn(&Array, i32, mlx_stream) -> Result<Array>,
    x: &Array,
    digits: i32,
    s: mlx_stream,
) -> Result<Array> {
    let cpu = Device::Cpu.stream();
    let kind = mlx::dtype(x);
    let wide = match kind {
        Dtype::Float32 | Dtype::Float64 => return f(x, digits, cpu),
        Dtype::Complex64 => {
            return Err(Error::Dtype(
                "rounding is not defined for complex numbers here: round Re() and Im().".into(),
            ))
        }
        kind if dtype::is_float(kind) => Dtype::Float32,
        _ => Dtype::Float64,
    };
    let rounded = f(&mlx::astype(x, wide, cpu)?, digits, cpu)?;
    // a gpu reads no float64
    let back = if wide == Dtype::Float64 { cpu } else { s };
    mlx::astype(&rounded, kind, back)
}

/// x rounded to a number of decimals.
fn round(x: &Array, digits: i32, s: mlx_stream) -> Result<Array> {
    if digits == 0 && dtype::is_float(mlx::dtype(x)) {
        // SAFETY: valid handles. Without decimals MLX is exact, and halves go to the even digit.
        return mlx::out(|o| unsafe { mlx_sys::mlx_round(o, x.as_ptr(), 0, s) });
    }
    if digits >= 0 && dtype::is_integer(mlx::dtype(x)) {
        return mlx::share(x);
    }
    by_kernel(exact::round, x, digits, s)
}

/// x rounded to a number of significant digits.
fn signif(x: &Array, digits: i32, s: mlx_stream) -> Result<Array> {
    by_kernel(exact::signif, x, digits, s)
}

unsafe fn run(f: fn(&Array, i32, mlx_stream) -> Result<Array>, x: SEXP, digits: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let digits = Rf_asInteger(digits);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = operand.number(device)?;
        Ok(Placed::new(f(&array, digits, s)?, device))
    });
    names::elementwise(out, &[x])
}

/// `.Call`: round(x, digits).
unsafe extern "C" fn round_to(x: SEXP, digits: SEXP) -> SEXP {
    run(round, x, digits)
}

/// `.Call`: signif(x, digits).
unsafe extern "C" fn signif_to(x: SEXP, digits: SEXP) -> SEXP {
    run(signif, x, digits)
}

routines![round_to / 2, signif_to / 2];
