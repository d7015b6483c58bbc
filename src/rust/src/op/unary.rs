//! Elementwise functions of one array.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::exact::{self, Exact};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array, Unary};
use crate::names;
use crate::op::{branch, reduce, rounding};
use crate::operand::{self, Operand};
use crate::spent;
use mlx_sys::mlx_stream;

/// How an elementwise function is computed.
#[derive(Clone, Copy)]
enum How {
    /// MLX's own function.
    Native(Unary),
    /// MLX's own, whose slope is not finite everywhere.
    Partial(Unary),
    /// MLX's own, but for float64, which it rounds through float32, a kernel of ours.
    Exact(Unary, Exact),
    /// MLX's own on a gpu; on the cpu a kernel of ours, since MLX's loses digits in float32 too.
    Accurate(Unary, Exact),
    /// A kernel of ours, on the cpu in float32 and float64: MLX has no such function.
    Special(fn(&Array, mlx_stream) -> Result<Array>),
    /// Composed from other operations.
    Composed(fn(&Array, mlx_stream) -> Result<Array>),
    /// On the bits of integers and bools.
    Bits(Unary),
}

impl How {
    fn apply(self, x: &Array, device: Device) -> Result<Array> {
        let s = device.stream();
        if let How::Bits(f) = self {
            return mlx::unary(f, with_bits(x)?, s);
        }
        let number = match mlx::dtype(x) {
            Dtype::Bool => Some(mlx::astype(x, Dtype::Float32, s)?),
            _ => None,
        };
        let x = number.as_ref().unwrap_or(x);
        let kind = mlx::dtype(x);
        match self {
            How::Exact(_, f) if kind == Dtype::Float64 => exact::unary(f, x, s),
            How::Accurate(_, e) if device == Device::Cpu && kind != Dtype::Complex64 => {
                special(|x, s| exact::unary(e, x, s), x, s)
            }
            How::Partial(f) | How::Exact(f, _) => branch::note(mlx::unary(f, x, s)?),
            How::Native(f) | How::Accurate(f, _) | How::Bits(f) => mlx::unary(f, x, s),
            How::Composed(f) => f(x, s),
            How::Special(f) => special(f, x, s),
        }
    }
}

/// Our kernels run on the cpu in float32 and float64; other dtypes are computed in float32.
fn special(
    f: impl Fn(&Array, mlx_stream) -> Result<Array>,
    x: &Array,
    s: mlx_stream,
) -> Result<Array> {
    let cpu = Device::Cpu.stream();
    match mlx::dtype(x) {
        Dtype::Float32 | Dtype::Float64 => f(x, cpu),
        Dtype::Complex64 => Err(Error::Dtype(
            "this function is not defined for complex numbers here.".into(),
        )),
        kind if dtype::is_float(kind) => {
            let wide = mlx::astype(x, Dtype::Float32, s)?;
            mlx::astype(&f(&wide, cpu)?, kind, s)
        }
        _ => f(&mlx::astype(x, operand::default_dtype()?, s)?, cpu),
    }
}

/// The array, if its elements are integers or bools.
pub fn with_bits(x: &Array) -> Result<&Array> {
    let kind = mlx::dtype(x);
    if kind == Dtype::Bool || dtype::is_integer(kind) {
        return Ok(x);
    }
    Err(Error::Dtype(format!(
        "bits are those of integers and bools; this is {}. Cast it, as in `mlx_cast(x, \"int32\")`.",
        dtype::name(kind)
    )))
}

/// x times a number, integers as the default floating dtype.
fn times(x: &Array, by: f64, s: mlx_stream) -> Result<Array> {
    let x = reduce::floating(x, s)?;
    mlx::binary(
        mlx_sys::mlx_multiply,
        &x,
        &mlx::scalar(by, mlx::dtype(&x), s)?,
        s,
    )
}

/// MLX's own of floating numbers, whose slope is not finite everywhere.
fn partial(f: Unary, x: &Array, s: mlx_stream) -> Result<Array> {
    branch::note(mlx::unary(f, &reduce::floating(x, s)?, s)?)
}

unsafe fn run(how: How, x: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        Ok(Placed::new(
            how.apply(&*operand.array(device)?, device)?,
            device,
        ))
    });
    names::elementwise(out, &[x])
}

/// Functions; then those whose R callers use the argument once, so that it is spent; then exported ones of
/// these, that tell of the user's generic if they are its method: its frame has the very promise.
macro_rules! unary {
    (
        functions { $($name:ident = $how:expr;)* }
        spending { $($spender:ident = $does:expr;)* }
        exported { $($export:ident = $gives:expr;)* }
    ) => {
        $(unsafe extern "C" fn $name(x: SEXP) -> SEXP { run($how, x) })*
        $(unsafe extern "C" fn $spender(x: SEXP) -> SEXP { spent::after(run($does, x), &[x]) })*
        $(unsafe extern "C" fn $export(x: SEXP, generic: SEXP) -> SEXP {
            let out = run($gives, x);
            if generic == R_NilValue { spent::after(out, &[x]) } else { out }
        })*
        routines![$($name / 1,)* $($spender / 1,)* $($export / 2),*];
    };
}

use How::{Accurate, Bits, Composed, Exact as ExactIn64, Native, Partial, Special};
unary! {
    functions {
        logical_not = Composed(|x, s| mlx::unary(mlx_sys::mlx_logical_not, &mlx::truth(x, s)?, s));
        reciprocal = Composed(|x, s| partial(mlx_sys::mlx_reciprocal, x, s));
        rsqrt = Composed(|x, s| partial(mlx_sys::mlx_rsqrt, x, s));
        degrees = Composed(|x, s| times(x, 180.0 / std::f64::consts::PI, s));
        radians = Composed(|x, s| times(x, std::f64::consts::PI / 180.0, s));
        bitwise_invert = Bits(mlx_sys::mlx_bitwise_invert);
        erf = Accurate(mlx_sys::mlx_erf, Exact::Erf);
        erfc = Special(|x, s| exact::unary(Exact::Erfc, x, s));
        erfinv = ExactIn64(mlx_sys::mlx_erfinv, Exact::Erfinv);
        log_sigmoid = Special(|x, s| exact::unary(Exact::LogSigmoid, x, s));
        softplus = Special(|x, s| exact::unary(Exact::Softplus, x, s));
        is_nan = Native(mlx_sys::mlx_isnan);
        is_finite = Native(mlx_sys::mlx_isfinite);
        is_infinite = Native(mlx_sys::mlx_isinf);
        is_positive_infinite = Native(mlx_sys::mlx_isposinf);
        is_negative_infinite = Native(mlx_sys::mlx_isneginf);
        real = Native(mlx_sys::mlx_real);
        imaginary = Native(mlx_sys::mlx_imag);
        conjugate = Native(mlx_sys::mlx_conjugate);
        stop_gradient = Native(mlx_sys::mlx_stop_gradient);
    }
    spending {
        abs = Native(mlx_sys::mlx_abs);
        sign = Composed(rounding::sign);
        negate = Native(mlx_sys::mlx_negative);
        sqrt = Partial(mlx_sys::mlx_sqrt);
        exp = ExactIn64(mlx_sys::mlx_exp, Exact::Exp);
        expm1 = ExactIn64(mlx_sys::mlx_expm1, Exact::Expm1);
        log = Partial(mlx_sys::mlx_log);
        log2 = ExactIn64(mlx_sys::mlx_log2, Exact::Log2);
        log10 = ExactIn64(mlx_sys::mlx_log10, Exact::Log10);
        log1p = Partial(mlx_sys::mlx_log1p);
        sin = ExactIn64(mlx_sys::mlx_sin, Exact::Sin);
        cos = ExactIn64(mlx_sys::mlx_cos, Exact::Cos);
        tan = ExactIn64(mlx_sys::mlx_tan, Exact::Tan);
        asin = Partial(mlx_sys::mlx_arcsin);
        acos = Partial(mlx_sys::mlx_arccos);
        atan = Native(mlx_sys::mlx_arctan);
        sinh = Partial(mlx_sys::mlx_sinh);
        cosh = Partial(mlx_sys::mlx_cosh);
        tanh = Native(mlx_sys::mlx_tanh);
        asinh = Composed(|x, s| mlx::unary(mlx_sys::mlx_arcsinh, x, mlx::real_stream(x, s)));
        acosh = Composed(|x, s| branch::note(mlx::unary(mlx_sys::mlx_arccosh, x, mlx::real_stream(x, s))?));
        atanh = Composed(|x, s| branch::note(mlx::unary(mlx_sys::mlx_arctanh, x, mlx::real_stream(x, s))?));
        sinpi = Special(|x, s| exact::unary(Exact::Sinpi, x, s));
        cospi = Special(|x, s| exact::unary(Exact::Cospi, x, s));
        tanpi = Special(|x, s| exact::unary(Exact::Tanpi, x, s));
        floor = Composed(rounding::floor);
        ceiling = Composed(rounding::ceiling);
        trunc = Composed(rounding::trunc);
        gamma = Special(|x, s| exact::unary(Exact::Gamma, x, s));
        lgamma = Special(|x, s| exact::unary(Exact::Lgamma, x, s));
        digamma = Special(|x, s| exact::unary(Exact::Digamma, x, s));
        trigamma = Special(|x, s| exact::polygamma(1, x, s));
    }
    exported {
        square = Native(mlx_sys::mlx_square);
        sigmoid = ExactIn64(mlx_sys::mlx_sigmoid, Exact::Sigmoid);
    }
}
