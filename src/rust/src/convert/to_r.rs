//! MLX arrays to R vectors: one pass over MLX's buffer, whatever its layout.
use crate::convert::{pass, transfer};
use crate::dtype::{self, Dtype};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::mlx::{self, Array};
use half::{bf16, f16};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

thread_local! {
    /// Whether the values copied last hold an NA: int32's smallest value is R's.
    static NA_MADE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the last [`copy`] made an NA.
pub fn na_made() -> bool {
    NA_MADE.with(Cell::get)
}

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

/// How many bytes an element takes in R.
pub fn width(kind: SEXPTYPE) -> usize {
    match kind {
        SEXPTYPE::LGLSXP | SEXPTYPE::INTSXP => 4,
        SEXPTYPE::CPLXSXP => 16,
        _ => 8,
    }
}

/// How many bytes the elements of a plain R vector take.
///
/// # Safety
/// As [`address`].
pub unsafe fn bytes(x: SEXP) -> usize {
    XLENGTH(x) as usize * width(TYPEOF(x))
}

/// Copies an evaluated array in column-major order into R elements of its R type.
pub fn copy(x: &Array, target: *mut c_void) -> Result<()> {
    macro_rules! go {
        ($from:ty, $to:ty, $f:expr) => {
            arrange::<$from, $to>(x, target.cast(), $f, |_| false)?
        };
    }
    let na = match mlx::dtype(x) {
        Dtype::Bool => go!(u8, c_int, |v| c_int::from(v != 0)),
        Dtype::Uint8 => go!(u8, c_int, c_int::from),
        Dtype::Uint16 => go!(u16, c_int, c_int::from),
        Dtype::Int8 => go!(i8, c_int, c_int::from),
        Dtype::Int16 => go!(i16, c_int, c_int::from),
        Dtype::Int32 => arrange(x, target.cast(), |v: i32| v, |v| v == i32::MIN)?,
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
    };
    NA_MADE.with(|made| made.set(na));
    Ok(())
}

/// Copies an evaluated int64 array's bits, as bit64 keeps them in doubles.
pub fn copy_bits(x: &Array, target: *mut c_void) -> Result<()> {
    if mlx::dtype(x) != Dtype::Int64 {
        return Err(Error::Internal("integer64 from another dtype".into()));
    }
    arrange(x, target.cast(), |v: i64| v, |_| false)?;
    Ok(())
}

/// Copies an evaluated array of bools in column-major order.
pub fn copy_bools(x: &Array, target: &mut [u8]) -> Result<()> {
    if mlx::dtype(x) != Dtype::Bool || mlx::size(x) != target.len() {
        return Err(Error::Internal("bools from another array".into()));
    }
    arrange(x, target.as_mut_ptr(), |v: u8| v, |_| false)?;
    Ok(())
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
    let bytes = bytes(x);
    let of = |v| std::slice::from_raw_parts(address(v).cast::<u8>().cast_const(), bytes);
    bytes == 0 || of(x) == of(y)
}

/// Converts and rearranges into column-major order; whether `special` holds for an element.
fn arrange<S: Copy + Sync, T: Copy>(
    x: &Array,
    target: *mut T,
    f: impl Fn(S) -> T + Sync,
    special: impl Fn(S) -> bool + Sync,
) -> Result<bool> {
    let n = mlx::size(x);
    if n == 0 {
        return Ok(false);
    }
    let flat = |from: &[S], to: *mut T| {
        // SAFETY: elements without gaps; the target has as many.
        unsafe { pass::each_noting(from, to, &f, &special) }
    };
    let mut found = false;
    let take = |chunk: *const c_void, first: usize, count: usize| {
        // SAFETY: `count` elements, whose places are those from `first` on.
        unsafe {
            let from = std::slice::from_raw_parts(chunk.cast::<S>(), count);
            found |= flat(from, target.add(first));
        }
    };
    if transfer::download(x, take)? {
        return Ok(found);
    }
    let source = mlx::bytes(x).cast::<S>().cast_const();
    let shape = mlx::shape(x);
    let (rows, columns) = mlx::layout(x);
    if !rows && !columns {
        return Ok(walk(x, source, target, f, special));
    }
    // SAFETY: n elements without gaps; the target has as many.
    Ok(unsafe {
        let from = std::slice::from_raw_parts(source, n);
        if columns || shape.len() < 2 {
            flat(from, target)
        } else if let [nrow, ncol] = *shape {
            let size = (nrow as usize, ncol as usize);
            pass::turn(from, target, size, f, special)
        } else {
            walk(x, source, target, f, special)
        }
    })
}

/// Any strides: an odometer that turns the first axis fastest.
fn walk<S: Copy, T>(
    x: &Array,
    source: *const S,
    target: *mut T,
    f: impl Fn(S) -> T,
    special: impl Fn(S) -> bool,
) -> bool {
    let mut any = false;
    let shape = mlx::shape(x);
    let strides = mlx::strides(x);
    let mut at = vec![0i32; shape.len()];
    let mut offset = 0isize;
    for k in 0..mlx::size(x) {
        // SAFETY: `offset` is the element's place by MLX's own strides; k counts the target's.
        unsafe {
            let value = *source.offset(offset);
            *target.add(k) = f(value);
            any |= special(value);
        }
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
    any
}
