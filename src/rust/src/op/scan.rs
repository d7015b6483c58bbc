//! Cumulative sums, products, extremes and logsumexps, along an axis or over the flattened array.
//!
//! MLX differentiates its cumulative sum only. The others get their gradient here: a product
//! from log2(n) shifted products, an extreme from the position that holds it.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::Result;
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::names;
use crate::op::layout::pick;
use crate::op::reduce::{floating, in_single};
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
    in_single(x, s, |x| {
        scan(mlx_sys::mlx_cumsum_axis, &widened(x, s)?, axis, s)
    })
}

/// Small integers as wide as MLX's sums and products of them are.
fn widened(x: &Array, s: mlx_stream) -> Result<Array> {
    match mlx::dtype(x) {
        Dtype::Uint8 | Dtype::Uint16 => mlx::astype(x, Dtype::Uint32, s),
        Dtype::Int8 | Dtype::Int16 => mlx::astype(x, Dtype::Int32, s),
        _ => mlx::share(x),
    }
}

fn cumprod(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    in_single(x, s, |x| cumulative_product_of(&widened(x, s)?, axis, s))
}

fn cumulative_product_of(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
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
    mlx::take_along(x, &holder, axis, s)
}

fn cummax(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    cumulative_extreme(mlx_sys::mlx_cummax_axis, mlx_sys::mlx_greater, x, axis, s)
}

fn cummin(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    cumulative_extreme(mlx_sys::mlx_cummin_axis, mlx_sys::mlx_less, x, axis, s)
}

fn logcumsumexp(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    let x = floating(x, s)?;
    match mlx::dtype(&x) {
        // MLX's own has no gradient
        Dtype::Float32 if mlx::is_tracer(&x) => {
            exact::logcumsumexp(&x, axis, false, true, Device::Cpu.stream())
        }
        Dtype::Complex64 if mlx::is_tracer(&x) => exact::logcumsumexp(&x, axis, false, true, s),
        Dtype::Float64 => exact::logcumsumexp(&x, axis, false, true, s),
        // SAFETY: a valid handle; forward and inclusive.
        _ => mlx::out(|o| unsafe {
            mlx_sys::mlx_logcumsumexp_axis(o, x.as_ptr(), axis, false, true, s)
        }),
    }
}

/// A cumulative function, what it makes of nothing, given the dtype, and whether small integers grow.
#[derive(Clone, Copy)]
struct Cumulative {
    run: fn(&Array, i32, mlx_stream) -> Result<Array>,
    nothing: fn(Dtype) -> f64,
    widens: bool,
}

impl Cumulative {
    /// Along an axis, from its end if `reverse`, each element without itself unless `inclusive`.
    fn along(
        self,
        x: &Array,
        axis: i32,
        reverse: bool,
        inclusive: bool,
        s: mlx_stream,
    ) -> Result<Array> {
        // MLX's scans divide by the extent: nothing to scan would end the process
        if mlx::size(x) == 0 {
            return if self.widens {
                widened(x, s)
            } else {
                mlx::share(x)
            };
        }
        let n = mlx::shape(x)[axis as usize];
        let turn = |x: &Array| pick(x, (0..n).rev().collect(), axis, s);
        let x = if reverse { turn(x)? } else { mlx::share(x)? };
        let mut out = (self.run)(&x, axis, s)?;
        if !inclusive {
            let kind = mlx::dtype(&out);
            let mut one = mlx::shape(&out).to_vec();
            one[axis as usize] = 1;
            let nothing = mlx::scalar((self.nothing)(kind), kind, s)?;
            let first = mlx::full(&one, &nothing, kind, s)?;
            out = mlx::concatenate(&[first, cut(&out, axis, 0, n - 1, s)?], axis, s)?;
        }
        if reverse {
            turn(&out)
        } else {
            Ok(out)
        }
    }
}

/// The lowest (or highest) value of a dtype.
fn bound(kind: Dtype, lowest: bool) -> f64 {
    let (low, high) = match kind {
        d if dtype::is_integer(d) => dtype::integer_range(d),
        _ if lowest => return f64::NEG_INFINITY,
        _ => return f64::INFINITY,
    };
    (if lowest { low } else { high }) as f64
}

/// Along an axis, or (NULL) over the row-major flattening.
unsafe fn run_along(f: Cumulative, x: SEXP, axis: SEXP, reverse: SEXP, inclusive: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let (reverse, inclusive) = (Rf_asLogical(reverse) == 1, Rf_asLogical(inclusive) == 1);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = operand.number(device)?;
        let out = if axis == R_NilValue {
            let n = mlx::count(mlx::size(&array))?;
            f.along(&mlx::reshape(&array, &[n], s)?, 0, reverse, inclusive, s)?
        } else {
            let axis = entry::axis_of(Rf_asInteger(axis), mlx::rank(&array))?;
            f.along(&array, axis, reverse, inclusive, s)?
        };
        Ok(Placed::new(out, device))
    });
    names::elementwise(out, &[x])
}

/// Over the column-major flattening, as base R's cum* functions.
unsafe fn run(f: Cumulative, x: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = operand.number(device)?;
        let flat = mlx::flatten_columns(&array, s)?;
        Ok(Placed::new(f.along(&flat, 0, false, true, s)?, device))
    });
    names::elementwise(out, &[x])
}

const SUM: Cumulative = Cumulative {
    run: cumsum,
    nothing: |_| 0.0,
    widens: true,
};
const PRODUCT: Cumulative = Cumulative {
    run: cumprod,
    nothing: |_| 1.0,
    widens: true,
};
const MAX: Cumulative = Cumulative {
    run: cummax,
    nothing: |kind| bound(kind, true),
    widens: false,
};
const MIN: Cumulative = Cumulative {
    run: cummin,
    nothing: |kind| bound(kind, false),
    widens: false,
};
const LOGSUMEXP: Cumulative = Cumulative {
    run: logcumsumexp,
    nothing: |_| f64::NEG_INFINITY,
    widens: false,
};

macro_rules! scans {
    ({$($columns:ident = $f:expr;)*} {$($along:ident = $g:expr;)*}) => {
        $(unsafe extern "C" fn $columns(x: SEXP) -> SEXP { run($f, x) })*
        $(unsafe extern "C" fn $along(x: SEXP, axis: SEXP, reverse: SEXP, inclusive: SEXP) -> SEXP {
            run_along($g, x, axis, reverse, inclusive)
        })*
        routines![$($columns / 1,)* $($along / 4),*];
    };
}
scans! { {
    cumulative_sum = SUM;
    cumulative_product = PRODUCT;
    cumulative_max = MAX;
    cumulative_min = MIN;
} {
    cumsum_along = SUM;
    cumprod_along = PRODUCT;
    cummax_along = MAX;
    cummin_along = MIN;
    logcumsumexp_along = LOGSUMEXP;
} }
