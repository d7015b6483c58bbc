//! What MLX 0.32.2 lacks on a gpu, or does wrongly on CUDA, and what is done instead. Elsewhere all of it is
//! MLX's own.
use super::{astype, binary, contiguous, out, rank, scalar, select, shape, share, Array};
use crate::device::{on_gpu, Device};
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use mlx_sys::mlx_stream;

/// A cast by MLX. On CUDA that of MLX 0.32.2 takes 1+0i for FALSE, and gives integers and bools that
/// become complex an imaginary part as large as the real one.
pub fn cast(x: &Array, to: Dtype, s: mlx_stream) -> Result<Array> {
    if super::dtype(x) == Dtype::Complex64 && to == Dtype::Bool && on_gpu(s) {
        return binary(
            mlx_sys::mlx_not_equal,
            x,
            &scalar(0.0, Dtype::Complex64, s)?,
            s,
        );
    }
    let real;
    let mut x = x;
    if to == Dtype::Complex64 && !dtype::is_inexact(super::dtype(x)) && on_gpu(s) {
        real = cast(x, Dtype::Float32, s)?;
        x = &real;
    }
    // SAFETY: as in `unary`.
    out(|o| unsafe { mlx_sys::mlx_astype(o, x.as_ptr(), to.into(), s) })
}

/// What MLX casts to bools itself, ready for that: complex numbers already cast, see [`cast`].
pub fn truth(x: &Array, s: mlx_stream) -> Result<Array> {
    match super::dtype(x) {
        Dtype::Complex64 => astype(x, Dtype::Bool, s),
        _ => share(x),
    }
}

/// The lower or upper triangle of the last two axes, up to or from the k-th diagonal; zeros elsewhere.
pub fn triangle(x: &Array, k: i32, upper: bool, s: mlx_stream) -> Result<Array> {
    if super::dtype(x) == Dtype::Complex64 && on_gpu(s) {
        // MLX's mask has the dtype of x, see `cast`
        let [.., n, m] = *shape(x) else {
            return Err(Error::Internal("a triangle of no matrix".into()));
        };
        let below = if upper { k.saturating_sub(1) } else { k };
        // SAFETY: plain numbers.
        let mask = out(|o| unsafe { mlx_sys::mlx_tri(o, n, m, below, Dtype::Bool.into(), s) })?;
        let zero = scalar(0.0, Dtype::Complex64, s)?;
        let (inside, outside) = if upper { (&zero, x) } else { (x, &zero) };
        return select(&mask, inside, outside, s);
    }
    let f = if upper {
        mlx_sys::mlx_triu
    } else {
        mlx_sys::mlx_tril
    };
    // SAFETY: a valid handle.
    out(|o| unsafe { f(o, x.as_ptr(), k, s) })
}

/// `f` along an axis of sorted, or partly sorted, elements. On CUDA that of MLX 0.32.2 reads arrays
/// that are not dense in the wrong order: there it gets a dense one, and the last axis.
pub fn ordered(
    x: &Array,
    axis: i32,
    s: mlx_stream,
    f: impl Fn(&Array, i32) -> Result<Array>,
) -> Result<Array> {
    if !on_gpu(s) {
        return f(x, axis);
    }
    let last = rank(x) as i32 - 1;
    if axis == last {
        return f(&contiguous(x, s)?, last);
    }
    let swap = |x: &Array| -> Result<Array> {
        // SAFETY: a valid handle; both axes are the array's.
        out(|o| unsafe { mlx_sys::mlx_swapaxes(o, x.as_ptr(), axis, last, s) })
    };
    swap(&f(&contiguous(&swap(x)?, s)?, last)?)
}

/// The cpu's stream in the place of a gpu's for what a gpu `lacks`.
fn where_known(lacks: bool, s: mlx_stream) -> mlx_stream {
    if lacks && on_gpu(s) {
        Device::Cpu.stream()
    } else {
        s
    }
}

/// Where x is scattered into: MLX refuses integers of 64 bits and complex numbers on a gpu.
pub fn scatter_stream(x: &Array, s: mlx_stream) -> mlx_stream {
    let kinds = [Dtype::Int64, Dtype::Uint64, Dtype::Complex64];
    where_known(kinds.contains(&super::dtype(x)), s)
}

/// Where functions run that CUDA has for real numbers only: for complex ones the cpu, with C99's branch cuts.
pub fn real_stream(x: &Array, s: mlx_stream) -> mlx_stream {
    where_known(super::dtype(x) == Dtype::Complex64, s)
}
