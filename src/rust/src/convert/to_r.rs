//! MLX arrays to R vectors: one pass over MLX's buffer, whatever its layout.
use crate::convert::transfer;
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::mlx::{self, Array};
use half::{bf16, f16};
use std::ffi::{c_int, c_void};

/// Edge of the blocks in which a row-major matrix is turned.
const BLOCK: usize = 32;

/// The elements of a plain R vector.
///
/// # Safety
/// `x` is a live logical, integer, double or complex vector.
pub unsafe fn address(x: SEXP) -> *mut c_void {
    match TYPEOF(x) {
        SEXPTYPE::LGLSXP => LOGICAL(x).cast(),
        SEXPTYPE::INTSXP => INTEGER(x).cast(),
        SEXPTYPE::CPLXSXP => COMPLEX(x).cast(),
        _ => REAL(x).cast(),
    }
}

/// Copies an evaluated array in column-major order into R elements of its R type.
pub fn copy(x: &Array, target: *mut c_void) -> Result<()> {
    macro_rules! go {
        ($from:ty, $to:ty, $f:expr) => {
            arrange::<$from, $to>(x, target.cast(), $f)?
        };
    }
    match mlx::dtype(x) {
        Dtype::Bool => go!(u8, c_int, |v| c_int::from(v != 0)),
        Dtype::Uint8 => go!(u8, c_int, c_int::from),
        Dtype::Uint16 => go!(u16, c_int, c_int::from),
        Dtype::Int8 => go!(i8, c_int, c_int::from),
        Dtype::Int16 => go!(i16, c_int, c_int::from),
        Dtype::Int32 => go!(i32, c_int, |v| v),
        Dtype::Uint32 => go!(u32, f64, f64::from),
        Dtype::Uint64 => go!(u64, f64, |v| v as f64),
        Dtype::Int64 => go!(i64, f64, |v| v as f64),
        Dtype::Float16 => go!(f16, f64, f64::from),
        Dtype::Bfloat16 => go!(bf16, f64, f64::from),
        Dtype::Float32 => go!(f32, f64, f64::from),
        Dtype::Float64 => go!(f64, f64, |v| v),
        Dtype::Complex64 => go!([f32; 2], Rcomplex, |v: [f32; 2]| Rcomplex {
            r: v[0].into(),
            i: v[1].into()
        }),
    }
    Ok(())
}

/// Copies an evaluated int64 array's bits, as bit64 keeps them in doubles.
pub fn copy_bits(x: &Array, target: *mut c_void) -> Result<()> {
    if mlx::dtype(x) != Dtype::Int64 {
        return Err(Error::Internal("integer64 from another dtype".into()));
    }
    arrange::<i64, i64>(x, target.cast(), |v| v)
}

/// Whether R values are what the array's elements convert to.
///
/// # Safety
/// `values` is a plain R vector of the array's R type and size.
pub unsafe fn equals(x: &Array, values: SEXP) -> Result<bool> {
    let width = if dtype::r_type(mlx::dtype(x)) == SEXPTYPE::CPLXSXP {
        2
    } else {
        1
    };
    let words = match TYPEOF(values) {
        SEXPTYPE::LGLSXP | SEXPTYPE::INTSXP => mlx::size(x).div_ceil(2),
        _ => mlx::size(x) * width,
    };
    let mut scratch = vec![0f64; words];
    copy(x, scratch.as_mut_ptr().cast())?;
    let bytes = match TYPEOF(values) {
        SEXPTYPE::LGLSXP | SEXPTYPE::INTSXP => mlx::size(x) * 4,
        _ => mlx::size(x) * 8 * width,
    };
    let a = std::slice::from_raw_parts(scratch.as_ptr().cast::<u8>(), bytes);
    Ok(bytes == 0 || a == std::slice::from_raw_parts(address(values).cast::<u8>(), bytes))
}

/// Whether two plain R vectors hold the same bits.
///
/// # Safety
/// Both are plain R vectors of the same type and length that stand for an array.
pub unsafe fn same(x: SEXP, y: SEXP) -> bool {
    let width = match TYPEOF(x) {
        SEXPTYPE::LGLSXP | SEXPTYPE::INTSXP => 4,
        SEXPTYPE::CPLXSXP => 16,
        _ => 8,
    };
    let bytes = XLENGTH(x) as usize * width;
    let of = |v| std::slice::from_raw_parts(address(v).cast::<u8>().cast_const(), bytes);
    bytes == 0 || of(x) == of(y)
}

/// Converts and rearranges into column-major order.
fn arrange<S: Copy, T>(x: &Array, target: *mut T, f: impl Fn(S) -> T) -> Result<()> {
    let n = mlx::size(x);
    if n == 0 {
        return Ok(());
    }
    let take = |chunk: *const c_void, first: usize, count: usize| {
        // SAFETY: `count` elements, whose places are those from `first` on.
        let (from, to) = unsafe {
            (
                std::slice::from_raw_parts(chunk.cast::<S>(), count),
                std::slice::from_raw_parts_mut(target.add(first), count),
            )
        };
        for (o, &v) in to.iter_mut().zip(from) {
            *o = f(v);
        }
    };
    if transfer::download(x, take)? {
        return Ok(());
    }
    let source = mlx::bytes(x).cast::<S>().cast_const();
    let shape = mlx::shape(x);
    let (rows, columns) = mlx::layout(x);
    if columns || (rows && shape.len() < 2) {
        // SAFETY: both sides hold n elements without gaps, in the same order.
        let (from, to) = unsafe {
            (
                std::slice::from_raw_parts(source, n),
                std::slice::from_raw_parts_mut(target, n),
            )
        };
        for (o, &v) in to.iter_mut().zip(from) {
            *o = f(v);
        }
    } else if rows && shape.len() == 2 {
        turn(source, target, shape[0] as usize, shape[1] as usize, f);
    } else {
        walk(x, source, target, f);
    }
    Ok(())
}

/// A row-major matrix into column-major order, block by block for the cache's sake.
fn turn<S: Copy, T>(
    source: *const S,
    target: *mut T,
    nrow: usize,
    ncol: usize,
    f: impl Fn(S) -> T,
) {
    for j0 in (0..ncol).step_by(BLOCK) {
        for i0 in (0..nrow).step_by(BLOCK) {
            for j in j0..(j0 + BLOCK).min(ncol) {
                for i in i0..(i0 + BLOCK).min(nrow) {
                    // SAFETY: i < nrow and j < ncol.
                    unsafe { *target.add(j * nrow + i) = f(*source.add(i * ncol + j)) };
                }
            }
        }
    }
}

/// Any strides: an odometer that turns the first axis fastest.
fn walk<S: Copy, T>(x: &Array, source: *const S, target: *mut T, f: impl Fn(S) -> T) {
    let shape = mlx::shape(x);
    let strides = mlx::strides(x);
    let mut at = vec![0i32; shape.len()];
    let mut offset = 0isize;
    for k in 0..mlx::size(x) {
        // SAFETY: `offset` is the element's place by MLX's own strides; k counts the target's.
        unsafe { *target.add(k) = f(*source.offset(offset)) };
        for axis in 0..shape.len() {
            at[axis] += 1;
            offset += strides[axis];
            if at[axis] < shape[axis] {
                break;
            }
            offset -= strides[axis] * shape[axis] as isize;
            at[axis] = 0;
        }
    }
}
