//! Cumulative sums, products and extremes, along an axis or over the flattened array.
//!
//! MLX differentiates its cumulative sum only. The others get their gradient here: a product
//! from log2(n) shifted products, an extreme from the position that holds it.
use crate::device;
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::Result;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::names;
use crate::operand::Operand;
use mlx_sys::mlx_stream;
use std::ffi::c_int;

type Scan = unsafe extern "C" fn(
    *mut mlx_sys::mlx_array,
    mlx_sys::mlx_array,
    c_int,
    bool,
    bool,
    mlx_sys::mlx_optional_dtype,
    mlx_stream,
) -> c_int;
type Extreme = unsafe extern "C" fn(
    *mut mlx_sys::mlx_array,
    mlx_sys::mlx_array,
    c_int,
    bool,
    bool,
    mlx_stream,
) -> c_int;

fn scan(f: Scan, x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    // SAFETY: valid handles; forward and inclusive.
    mlx::out(|o| unsafe { f(o, x.as_ptr(), axis, false, true, mlx::no_dtype(), s) })
}

fn extreme_scan(f: Extreme, x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    // SAFETY: as in `scan`.
    mlx::out(|o| unsafe { f(o, x.as_ptr(), axis, false, true, s) })
}

/// x without its last (or first) `k` along an axis.
fn cut(x: &Array, axis: i32, from: i32, to: i32, s: mlx_stream) -> Result<Array> {
    let rank = mlx::rank(x);
    let (mut start, mut stop) = (vec![0; rank], mlx::shape(x).to_vec());
    start[axis as usize] = from;
    stop[axis as usize] = to;
    mlx::slice(x, &start, &stop, &vec![1; rank], s)
}

/// Sums of the elements up to each along a 0-based axis.
pub(super) fn cumsum(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    scan(mlx_sys::mlx_cumsum_axis, x, axis, s)
}

fn cumprod(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    if !mlx::is_tracer(x) {
        return scan(mlx_sys::mlx_cumprod_axis, x, axis, s);
    }
    let n = mlx::shape(x)[axis as usize];
    let mut out = mlx::share(x)?;
    let mut k = 1;
    while k < n {
        // element i becomes the product of the 2k elements up to it
        let head = cut(&out, axis, 0, k, s)?;
        let tail = mlx::binary(
            mlx_sys::mlx_multiply,
            &cut(&out, axis, k, n, s)?,
            &cut(&out, axis, 0, n - k, s)?,
            s,
        )?;
        out = mlx::concatenate(&[head, tail], axis, s)?;
        k *= 2;
    }
    Ok(out)
}

/// The running extreme, taken from x at the position where it was first reached.
fn cumulative_extreme(
    f: Extreme,
    beats: mlx::Binary,
    x: &Array,
    axis: i32,
    s: mlx_stream,
) -> Result<Array> {
    let n = mlx::shape(x)[axis as usize];
    // once a NaN came, R's running extreme stays NaN
    let fixed = mlx::stop_gradient(x, s)?;
    let plain = extreme_scan(f, &fixed, axis, s)?;
    let plain = if dtype::is_float(mlx::dtype(x)) {
        let nan = mlx::astype(&mlx::unary(mlx_sys::mlx_isnan, &fixed, s)?, Dtype::Int32, s)?;
        let seen = scan(mlx_sys::mlx_cumsum_axis, &nan, axis, s)?;
        let spoiled = mlx::binary(
            mlx_sys::mlx_greater,
            &seen,
            &mlx::scalar(0.0, Dtype::Int32, s)?,
            s,
        )?;
        mlx::select(
            &spoiled,
            &mlx::scalar(f64::NAN, mlx::dtype(x), s)?,
            &plain,
            s,
        )?
    } else {
        plain
    };
    if !mlx::is_tracer(x) {
        return Ok(plain);
    }
    let mut shape = vec![1; mlx::rank(x)];
    shape[axis as usize] = n;
    let position = mlx::broadcast(
        &mlx::reshape(&mlx::iota(n, s)?, &shape, s)?,
        mlx::shape(x),
        s,
    )?;
    let first = cut(&position, axis, 0, 1, s)?;
    let record = mlx::binary(
        beats,
        &cut(&fixed, axis, 1, n, s)?,
        &cut(&plain, axis, 0, n - 1, s)?,
        s,
    )?;
    let zero = mlx::scalar(0.0, Dtype::Int32, s)?;
    let later = mlx::select(&record, &cut(&position, axis, 1, n, s)?, &zero, s)?;
    let marks = mlx::concatenate(&[first, later], axis, s)?;
    let holder = extreme_scan(mlx_sys::mlx_cummax_axis, &marks, axis, s)?;
    // SAFETY: valid handles.
    mlx::out(|o| unsafe { mlx_sys::mlx_take_along_axis(o, x.as_ptr(), holder.as_ptr(), axis, s) })
}

fn cummax(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    cumulative_extreme(mlx_sys::mlx_cummax_axis, mlx_sys::mlx_greater, x, axis, s)
}

fn cummin(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    cumulative_extreme(mlx_sys::mlx_cummin_axis, mlx_sys::mlx_less, x, axis, s)
}

/// Over the column-major flattening, as base R's cum* functions.
unsafe fn run(f: fn(&Array, i32, mlx_stream) -> Result<Array>, x: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = operand.number(device)?;
        let flat = mlx::flatten_columns(&array, s)?;
        // MLX's scans divide by the extent: nothing to scan would end the process
        let out = if mlx::size(&flat) == 0 {
            flat
        } else {
            f(&flat, 0, s)?
        };
        Ok(Placed::new(out, device))
    });
    names::elementwise(out, &[x])
}

macro_rules! scans {
    ($($entry:ident = $f:expr;)*) => {
        $(unsafe extern "C" fn $entry(x: SEXP) -> SEXP { run($f, x) })*
        routines![$($entry / 1),*];
    };
}
scans! {
    cumulative_sum = cumsum;
    cumulative_product = cumprod;
    cumulative_max = cummax;
    cumulative_min = cummin;
}
