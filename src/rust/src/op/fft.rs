//! Fourier transforms. MLX computes them in complex64, whatever the input.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, ints, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::memory;
use crate::mlx::{self, Array};
use crate::operand::Operand;
use mlx_sys::{mlx_array, mlx_fft_norm, mlx_stream};
use std::ffi::c_int;

/// x, extents, axes, norm -> y.
type Transform = unsafe extern "C" fn(
    *mut mlx_array,
    mlx_array,
    *const c_int,
    usize,
    *const c_int,
    usize,
    mlx_fft_norm,
    mlx_stream,
) -> c_int;

/// What goes in and comes out.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Complex to complex.
    Complex,
    /// Real to the first half of the (symmetric) complex result.
    FromReal,
    /// The inverse of that.
    ToReal,
}

impl Form {
    /// What the transform computes with.
    fn take(self, x: &Array, s: mlx_stream) -> Result<Array> {
        let to = if self == Form::FromReal {
            Dtype::Float32
        } else {
            Dtype::Complex64
        };
        if self == Form::FromReal && mlx::dtype(x) == Dtype::Complex64 {
            return Err(Error::Dtype(
                "a real transform takes real numbers; use `mlx_fft()` for complex ones.".into(),
            ));
        }
        mlx::astype(x, to, s)
    }

    /// The extent of the last axis of a result, and its dtype.
    fn result(self, n: i32) -> (i32, Dtype) {
        match self {
            Form::Complex => (n, Dtype::Complex64),
            Form::FromReal => (n / 2 + 1, Dtype::Complex64),
            Form::ToReal => (n, Dtype::Float32),
        }
    }
}

unsafe fn run(
    f: Transform,
    form: Form,
    x: SEXP,
    n: SEXP,
    axes: SEXP,
    norm: SEXP,
    on: SEXP,
) -> SEXP {
    let operand = Operand::of(x);
    entry::one(|| {
        let device = Device::of_operation(on, &[&operand])?;
        let s = device.stream();
        let x = form.take(&*operand.array(device)?, s)?;
        let shape = mlx::shape(&x).to_vec();
        let axes = entry::axes(axes, shape.len())?;
        let Some(&last) = axes.last() else {
            // no axis: nothing to sum over
            return Ok(Placed::new(mlx::astype(&x, form.result(1).1, s)?, device));
        };
        let mut extents: Vec<i32> = axes.iter().map(|&a| shape[a as usize]).collect();
        if n != R_NilValue {
            extents = ints(n)?;
            if extents.len() != axes.len() {
                return Err(Error::Shape(format!(
                    "{} extents were given for {} axes.",
                    extents.len(),
                    axes.len()
                )));
            }
        } else if form == Form::ToReal {
            let end = extents.len() - 1;
            extents[end] = (extents[end] - 1).saturating_mul(2);
        }
        let mut out: Vec<i32> = shape.clone();
        for (&axis, &n) in axes.iter().zip(&extents) {
            out[axis as usize] = n;
        }
        let empty_axis = extents.iter().any(|&n| n < 1);
        if empty_axis && (n != R_NilValue || form != Form::Complex) {
            return Err(Error::Shape(format!(
                "a transform needs at least one point on each of its axes; the shape is {}.",
                show(&out)
            )));
        }
        let (end, kind) = form.result(out[last as usize]);
        out[last as usize] = end;
        let mut bytes = dtype::size(Dtype::Complex64);
        for &n in &out {
            bytes = bytes.saturating_mul(n as usize);
        }
        memory::check_request(bytes)?;
        if mlx::size(&x) == 0 {
            let zero = mlx::scalar(0.0, kind, s)?;
            return Ok(Placed::new(mlx::full(&out, &zero, kind, s)?, device));
        }
        let norm = match entry::name(norm)?.as_str() {
            "backward" => mlx_sys::mlx_fft_norm__MLX_FFT_NORM_BACKWARD,
            "ortho" => mlx_sys::mlx_fft_norm__MLX_FFT_NORM_ORTHO,
            _ => mlx_sys::mlx_fft_norm__MLX_FFT_NORM_FORWARD,
        };
        // SAFETY: valid handles; the slices live during the call.
        let array = mlx::out(|o| unsafe {
            f(
                o,
                x.as_ptr(),
                extents.as_ptr(),
                extents.len(),
                axes.as_ptr(),
                axes.len(),
                norm,
                s,
            )
        })?;
        Ok(Placed::new(array, device))
    })
}

macro_rules! transforms {
    ($($name:ident = $form:ident, $f:ident;)*) => {
        $(unsafe extern "C" fn $name(x: SEXP, n: SEXP, axes: SEXP, norm: SEXP, on: SEXP) -> SEXP {
            run(mlx_sys::$f, Form::$form, x, n, axes, norm, on)
        })*
        routines![$($name / 5),*, fft_shift / 3];
    };
}

transforms! {
    fft_forward = Complex, mlx_fft_fftn;
    fft_inverse = Complex, mlx_fft_ifftn;
    fft_real_forward = FromReal, mlx_fft_rfftn;
    fft_real_inverse = ToReal, mlx_fft_irfftn;
}

/// `.Call`: the zero frequency moved to the middle of each axis, or (back) to the front.
unsafe extern "C" fn fft_shift(x: SEXP, axes: SEXP, back: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let back = Rf_asLogical(back) == 1;
    entry::one(|| {
        let device = Device::of_operation(R_NilValue, &[&operand])?;
        let x = operand.array(device)?;
        let axes = entry::axes(axes, mlx::rank(&x))?;
        if mlx::size(&x) == 0 || axes.is_empty() {
            return Ok(Placed::new(mlx::share(&x)?, device));
        }
        let f = if back {
            mlx_sys::mlx_fft_ifftshift
        } else {
            mlx_sys::mlx_fft_fftshift
        };
        Ok(Placed::new(
            mlx::with_ints(f, &x, &axes, device.stream())?,
            device,
        ))
    })
}
