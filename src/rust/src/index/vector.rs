//! The elements of index vectors, and the positions that they stand for.
use super::Axis;
use crate::convert::to_r;
use crate::error::Result;
use crate::ffi::*;
use crate::mlx::Array;
use std::borrow::Cow;
use std::ffi::c_int;

/// The elements of a vector; `copy` takes those that R keeps nowhere, as of a compact sequence.
unsafe fn elements<'a, T: Clone + Default>(
    x: SEXP,
    copy: impl FnOnce(R_xlen_t, *mut T),
) -> Cow<'a, [T]> {
    let n = XLENGTH(x);
    if n == 0 {
        return Cow::Borrowed(&[]);
    }
    let at = DATAPTR_OR_NULL(x).cast::<T>();
    if !at.is_null() {
        return Cow::Borrowed(std::slice::from_raw_parts(at, n as usize));
    }
    let mut own = vec![T::default(); n as usize];
    copy(n, own.as_mut_ptr());
    Cow::Owned(own)
}

/// The elements of an integer or logical vector.
///
/// # Safety
/// `x` is such a vector, and lives as long as the result.
pub unsafe fn integers<'a>(x: SEXP) -> Cow<'a, [c_int]> {
    elements(x, |n, to| {
        if TYPEOF(x) == SEXPTYPE::LGLSXP {
            LOGICAL_GET_REGION(x, 0, n, to)
        } else {
            INTEGER_GET_REGION(x, 0, n, to)
        };
    })
}

/// The elements of a double vector.
///
/// # Safety
/// As [`integers`].
pub unsafe fn doubles<'a>(x: SEXP) -> Cow<'a, [f64]> {
    elements(x, |n, to| {
        REAL_GET_REGION(x, 0, n, to);
    })
}

/// The elements of an evaluated array of bools, in column-major order.
pub fn bools(x: &Array) -> Result<Vec<u8>> {
    let mut own = vec![0; crate::mlx::size(x)];
    to_r::copy_bools(x, &mut own)?;
    Ok(own)
}

/// What positions select, if all lie within the extent.
pub fn within<T: Copy>(
    positions: &[T],
    extent: i32,
    inside: impl Fn(T) -> bool,
    zero_based: impl Fn(T) -> i32,
) -> Option<Axis> {
    // no exit from the loop, so that the compiler takes many elements at once
    let fine = positions.iter().fold(true, |fine, &p| fine & inside(p));
    fine.then(|| Axis::of(positions.iter().map(|&p| zero_based(p)).collect(), extent))
}

/// Where a mask holds.
pub fn holding<T: Copy>(mask: &[T], extent: i32, holds: impl Fn(T) -> bool) -> Axis {
    let count = mask.iter().map(|&v| usize::from(holds(v))).sum::<usize>();
    let mut chosen = vec![0; count + 1]; // the last one takes what does not hold
    let mut next = 0;
    for (i, &v) in mask.iter().enumerate() {
        chosen[next] = i as i32;
        next += usize::from(holds(v));
    }
    chosen.truncate(count);
    Axis::of(chosen, extent)
}
