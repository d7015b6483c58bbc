//! Sums of products of whole numbers: exact, or an error when they are evaluated.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use crate::mlx::{self, Array};
use crate::operand;
use mlx_sys::{mlx_array, mlx_stream};
use std::ffi::{c_char, c_int, CString};

extern "C" {
    fn rmlx_whole(
        res: *mut mlx_array,
        value: mlx_array,
        most: f64,
        partial: mlx_array,
        most_partial: f64,
        what: *const c_char,
        held_by: *const c_char,
        stream: mlx_stream,
    ) -> c_int;
}

/// Largest whole number up to which a floating dtype holds every one.
fn largest_whole(kind: Dtype) -> f64 {
    match kind {
        Dtype::Float64 => 9007199254740992.0,
        Dtype::Float16 => 2048.0,
        Dtype::Bfloat16 => 256.0,
        _ => 16777216.0,
    }
}

/// The largest size of an element.
fn largest_of(kind: Dtype) -> f64 {
    match kind {
        Dtype::Bool => 1.0,
        _ => {
            let (low, high) = dtype::integer_range(kind);
            (-low).max(high) as f64
        }
    }
}

/// A sum of at most `terms` products of elements of the arrays, all of whole numbers, in the default
/// floating dtype. Where the dtypes alone say that it is exact in float32, it is computed there; else in
/// float64, and evaluating it is an error if it is not exact after all.
pub fn whole_numbers(
    x: &[Array],
    terms: f64,
    s: mlx_stream,
    f: impl Fn(&[Array], mlx_stream) -> Result<Array>,
) -> Result<Array> {
    let to = operand::default_dtype()?;
    let as_kind =
        |kind, s| -> Result<Vec<Array>> { x.iter().map(|x| mlx::astype(x, kind, s)).collect() };
    let kinds: Vec<Dtype> = x.iter().map(mlx::dtype).collect();
    let bound = kinds.iter().map(|&kind| largest_of(kind)).product::<f64>() * terms;
    let most = largest_whole(to);
    if to == Dtype::Float32 && bound <= most {
        return f(&as_kind(to, s)?, s);
    }
    let s = Device::Cpu.stream();
    let wide = as_kind(Dtype::Float64, s)?;
    let product = f(&wide, s)?;
    if bound <= most {
        return mlx::astype(&product, to, s);
    }
    let partial = if bound > largest_whole(Dtype::Float64) {
        let sizes = wide
            .iter()
            .map(|x| mlx::unary(mlx_sys::mlx_abs, x, s))
            .collect::<Result<Vec<_>>>()?;
        Some(f(&sizes, s)?)
    } else {
        None
    };
    let names: Vec<&str> = kinds.iter().map(|&kind| dtype::name(kind)).collect();
    let text = |text: String| {
        CString::new(text).map_err(|_| Error::Internal("the name of a dtype has a NUL".into()))
    };
    let (what, held_by) = (text(names.join(" and "))?, text(dtype::name(to).into())?);
    let none = mlx_array {
        ctx: std::ptr::null_mut(),
    };
    // SAFETY: valid handles, of which C++ counts references; the texts live during the call.
    let checked = mlx::out(|o| unsafe {
        rmlx_whole(
            o,
            product.as_ptr(),
            most,
            partial.as_ref().map_or(none, |x| x.as_ptr()),
            largest_whole(Dtype::Float64),
            what.as_ptr(),
            held_by.as_ptr(),
            s,
        )
    })?;
    mlx::astype(&checked, to, s)
}
