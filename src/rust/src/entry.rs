//! The shape of a `.Call` entry.
//!
//! 1. look at the arguments (may jump; nothing is owned),
//! 2. make an empty handle (R's allocations, before any array exists),
//! 3. compute, guarded: Rust and C++ objects live and die here, R is not called,
//! 4. wrap the handle into the R vector (R's allocations again; R owns the array by now).
use crate::error::{guarded, raise, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::object;
use std::ffi::CStr;

/// Runs `compute` and returns its array as a new R mlx vector.
///
/// # Safety
/// On R's main thread; the caller's frames own nothing.
pub unsafe fn one(compute: impl FnOnce() -> Result<Placed>) -> SEXP {
    let handle = Rf_protect(handle::new());
    match guarded(compute) {
        Some(value) => handle::fill(handle, value),
        None => raise(),
    }
    let out = object::wrap(handle);
    Rf_unprotect(1);
    out
}

/// Runs `compute`, which yields plain data.
///
/// # Safety
/// As [`one`]; the result must own nothing.
pub unsafe fn plain<T: Copy>(compute: impl FnOnce() -> Result<T>) -> T {
    match guarded(compute) {
        Some(value) => value,
        None => raise(),
    }
}

/// The integers of an R vector of whole numbers.
///
/// # Safety
/// `x` is a live integer or double vector.
pub unsafe fn ints(x: SEXP) -> Result<Vec<i32>> {
    let n = XLENGTH(x);
    match TYPEOF(x) {
        SEXPTYPE::INTSXP => Ok((0..n).map(|i| INTEGER_ELT(x, i)).collect()),
        SEXPTYPE::REALSXP => Ok((0..n).map(|i| REAL_ELT(x, i) as i32).collect()),
        _ => Err(Error::Argument("whole numbers were expected here".into())),
    }
}

/// A TRUE or FALSE.
///
/// # Safety
/// `x` is live.
pub unsafe fn flag(x: SEXP, name: &str) -> Result<bool> {
    if TYPEOF(x) == SEXPTYPE::LGLSXP && XLENGTH(x) == 1 {
        match LOGICAL_ELT(x, 0) {
            0 => return Ok(false),
            1 => return Ok(true),
            _ => {}
        }
    }
    Err(Error::Argument(format!("`{name}` must be TRUE or FALSE.")))
}

/// A string that our own R code passes.
///
/// # Safety
/// `x` is live.
pub unsafe fn name(x: SEXP) -> Result<String> {
    string(x).ok_or_else(|| Error::Internal("a name was expected".into()))
}

/// The string in an R vector of one string; none for anything else, NA included.
///
/// # Safety
/// `x` is live.
pub unsafe fn string(x: SEXP) -> Option<String> {
    if TYPEOF(x) != SEXPTYPE::STRSXP || XLENGTH(x) != 1 || STRING_ELT(x, 0) == R_NaString {
        return None;
    }
    let text = CStr::from_ptr(R_CHAR(STRING_ELT(x, 0)));
    Some(text.to_string_lossy().into_owned())
}

/// 1-based, possibly negative axes (NULL: all) as 0-based ones.
///
/// # Safety
/// `axes` is live.
pub unsafe fn axes(axes: SEXP, rank: usize) -> Result<Vec<i32>> {
    if axes == R_NilValue {
        return Ok((0..rank as i32).collect());
    }
    let mut out: Vec<i32> = Vec::new();
    for axis in ints(axes)? {
        let k = axis_of(axis, rank)?;
        if out.contains(&k) {
            return Err(Error::Index(format!(
                "axis {axis} is named twice (of an array of rank {rank})."
            )));
        }
        out.push(k);
    }
    Ok(out)
}

/// One 1-based, possibly negative axis as a 0-based one.
pub fn axis_of(axis: i32, rank: usize) -> Result<i32> {
    let n = rank as i32;
    if axis >= 1 && axis <= n {
        Ok(axis - 1)
    } else if axis < 0 && axis >= -n {
        Ok(n + axis)
    } else {
        let range = match n {
            0 => "a 0-d array has no axes".to_string(),
            1 => "use 1 (or -1)".to_string(),
            _ => format!("use 1 to {n}, or -1 (the last) to -{n}"),
        };
        let shown = if axis == i32::MIN {
            "NA".into()
        } else {
            axis.to_string()
        };
        Err(Error::Index(format!(
            "axis {shown} is out of range for an array of rank {n}: {range}."
        )))
    }
}

/// A shape as people write it: "2 x 3"; "scalar" for 0-d.
pub fn show(shape: &[i32]) -> String {
    if shape.is_empty() {
        return "scalar".into();
    }
    shape
        .iter()
        .map(i32::to_string)
        .collect::<Vec<_>>()
        .join(" x ")
}
