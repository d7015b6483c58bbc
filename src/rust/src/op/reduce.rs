//! Reductions over axes: sums, extremes, moments, logsumexp, softmax.
use crate::device;
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array, Reduction};
use crate::names::{self, Kept};
use crate::operand::{self, Operand};
use mlx_sys::mlx_stream;

/// A reduction: x, 0-based axes, keep, na.rm.
type Rule = fn(&Array, &[i32], bool, bool, mlx_stream) -> Result<Array>;

unsafe fn run(rule: Rule, x: SEXP, axes: SEXP, keep: SEXP, na_rm: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let keep = Rf_asLogical(keep) == 1;
    let mut kept = Kept::room(x, 0);
    let out = entry::one(|| {
        let na_rm = entry::flag(na_rm, "na.rm")?;
        let device = operand.device().unwrap_or_else(device::default);
        let array = operand.array(device)?;
        let rank = mlx::rank(&array);
        let over = entry::axes(axes, rank)?;
        kept.set(
            (0..rank as i32).filter_map(|axis| match over.contains(&axis) {
                true if keep => Some(-1),
                true => None,
                false => Some(axis),
            }),
        );
        Ok(Placed::new(
            rule(&array, &over, keep, na_rm, device.stream())?,
            device,
        ))
    });
    names::select(out, x, kept)
}

macro_rules! reductions {
    ($($name:ident = $rule:expr;)*) => {
        $(unsafe extern "C" fn $name(x: SEXP, axes: SEXP, keep: SEXP, na_rm: SEXP) -> SEXP {
            run($rule, x, axes, keep, na_rm)
        })*
        routines![$($name / 4,)* variance / 5, softmax / 3, value_range / 2];
    };
}

reductions! {
    sum = |x, axes, keep, na_rm, s| in_single(x, s, |x| sum_of(x, axes, keep, na_rm, s));
    prod = |x, axes, keep, na_rm, s| in_single(x, s, |x| product_of(x, axes, keep, na_rm, s));
    max = |x, axes, keep, na_rm, s| extreme(mlx_sys::mlx_max_axes, f64::NEG_INFINITY, x, axes, keep, na_rm, s);
    min = |x, axes, keep, na_rm, s| extreme(mlx_sys::mlx_min_axes, f64::INFINITY, x, axes, keep, na_rm, s);
    mean = |x, axes, keep, na_rm, s| in_single(x, s, |x| mean_of(x, axes, keep, na_rm, s));
    all = |x, axes, keep, na_rm, s| truth(mlx_sys::mlx_all_axes, x, axes, keep, na_rm.then_some(1.0), s);
    any = |x, axes, keep, na_rm, s| truth(mlx_sys::mlx_any_axes, x, axes, keep, na_rm.then_some(0.0), s);
    logsumexp = |x, axes, keep, _, s| in_single(x, s, |x| log_sum_exp(x, axes, keep, s));
    count_nonzero = |x, axes, keep, _, s| count(&mlx::astype(x, Dtype::Bool, s)?, axes, keep, s);
}

/// Half precision is computed in float32: a sum of ones in bfloat16 would end at 256.
pub(super) fn in_single(
    x: &Array,
    s: mlx_stream,
    f: impl FnOnce(&Array) -> Result<Array>,
) -> Result<Array> {
    let kind = mlx::dtype(x);
    if !matches!(kind, Dtype::Float16 | Dtype::Bfloat16) {
        return f(x);
    }
    mlx::astype(&f(&mlx::astype(x, Dtype::Float32, s)?)?, kind, s)
}

/// Bools count as float32.
fn number(x: &Array, s: mlx_stream) -> Result<Array> {
    match mlx::dtype(x) {
        Dtype::Bool => mlx::astype(x, Dtype::Float32, s),
        _ => mlx::share(x),
    }
}

/// Integers as the default floating dtype, bools as float32.
pub fn floating(x: &Array, s: mlx_stream) -> Result<Array> {
    match mlx::dtype(x) {
        Dtype::Bool => mlx::astype(x, Dtype::Float32, s),
        d if dtype::is_integer(d) => mlx::astype(x, operand::default_dtype()?, s),
        _ => mlx::share(x),
    }
}

/// How many are true.
fn count(x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    let ones = mlx::astype(x, Dtype::Int32, s)?;
    mlx::reduce(mlx_sys::mlx_sum_axes, &ones, axes, keep, s)
}

/// NaN replaced by the reduction's neutral element.
fn without_nan(x: &Array, neutral: f64, s: mlx_stream) -> Result<Array> {
    if dtype::is_integer(mlx::dtype(x)) {
        return mlx::share(x);
    }
    let nan = mlx::unary(mlx_sys::mlx_isnan, x, s)?;
    mlx::select(&nan, &mlx::scalar(neutral, mlx::dtype(x), s)?, x, s)
}

/// A product; NaN counts as one where it is left out. MLX's own has no second forward derivative, so
/// a traced one is made of products of two halves.
fn product_of(x: &Array, axes: &[i32], keep: bool, na_rm: bool, s: mlx_stream) -> Result<Array> {
    let x = number(x, s)?;
    let mut x = if na_rm { without_nan(&x, 1.0, s)? } else { x };
    if !mlx::is_tracer(&x) || mlx::size(&x) == 0 {
        return mlx::reduce(mlx_sys::mlx_prod_axes, &x, axes, keep, s);
    }
    for &axis in axes {
        while mlx::shape(&x)[axis as usize] > 1 {
            x = pair_products(&x, axis, s)?;
        }
    }
    if keep {
        return Ok(x);
    }
    // SAFETY: a valid handle; the slice lives during the call.
    mlx::out(|o| unsafe { mlx_sys::mlx_squeeze_axes(o, x.as_ptr(), axes.as_ptr(), axes.len(), s) })
}

/// The products of the first with the second half along an axis; the last of an odd number stays.
fn pair_products(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    let half = mlx::shape(x)[axis as usize] / 2;
    let product = mlx::binary(
        mlx_sys::mlx_multiply,
        &part_of(x, axis, 0, half, s)?,
        &part_of(x, axis, half, 2 * half, s)?,
        s,
    )?;
    let n = mlx::shape(x)[axis as usize];
    if n == 2 * half {
        return Ok(product);
    }
    let rest = part_of(x, axis, n - 1, n, s)?;
    mlx::concatenate(&[product, rest], axis, s)
}

fn part_of(x: &Array, axis: i32, from: i32, to: i32, s: mlx_stream) -> Result<Array> {
    let (mut start, mut stop) = (vec![0; mlx::rank(x)], mlx::shape(x).to_vec());
    (start[axis as usize], stop[axis as usize]) = (from, to);
    mlx::slice(x, &start, &stop, &vec![1; mlx::rank(x)], s)
}

/// Whether all or any are not zero; NaN counts as true, unless it is left out.
fn truth(
    f: Reduction,
    x: &Array,
    axes: &[i32],
    keep: bool,
    neutral: Option<f64>,
    s: mlx_stream,
) -> Result<Array> {
    let x = match neutral {
        Some(neutral) if mlx::dtype(x) != Dtype::Bool => without_nan(x, neutral, s)?,
        _ => mlx::share(x)?,
    };
    mlx::reduce(f, &mlx::astype(&x, Dtype::Bool, s)?, axes, keep, s)
}

/// A sum; NaN counts as zero where it is left out.
fn sum_of(x: &Array, axes: &[i32], keep: bool, na_rm: bool, s: mlx_stream) -> Result<Array> {
    let x = number(x, s)?;
    let x = if na_rm { without_nan(&x, 0.0, s)? } else { x };
    total(&x, axes, keep, s)
}

/// MLX adds float32 in a plain loop, which loses 5 % of 2e7 terms of 0.1. Longer axes than `LONG`
/// are added in blocks of `BLOCK` first; for shorter ones the loss is not worth the time.
const LONG: i32 = 8192;
const BLOCK: i32 = 256;

fn total(x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    let long = |x: &Array, axis: i32| mlx::shape(x)[axis as usize] > LONG;
    if mlx::dtype(x) != Dtype::Float32 || !axes.iter().any(|&axis| long(x, axis)) {
        return mlx::reduce(mlx_sys::mlx_sum_axes, x, axes, keep, s);
    }
    let mut blocks = mlx::share(x)?;
    for &axis in axes {
        while long(&blocks, axis) {
            blocks = block_sums(&blocks, axis, s)?;
        }
    }
    mlx::reduce(mlx_sys::mlx_sum_axes, &blocks, axes, keep, s)
}

/// The sums of consecutive blocks along an axis.
fn block_sums(x: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    let k = axis as usize;
    let shape = mlx::shape(x).to_vec();
    let whole = shape[k] / BLOCK;
    let mut split = shape.clone();
    split[k] = whole;
    split.insert(k + 1, BLOCK);
    let full = mlx::reshape(&part_of(x, axis, 0, whole * BLOCK, s)?, &split, s)?;
    let sums = mlx::reduce(mlx_sys::mlx_sum_axes, &full, &[axis + 1], false, s)?;
    if whole * BLOCK == shape[k] {
        return Ok(sums);
    }
    let rest = mlx::reduce(
        mlx_sys::mlx_sum_axes,
        &part_of(x, axis, whole * BLOCK, shape[k], s)?,
        &[axis],
        true,
        s,
    )?;
    mlx::concatenate(&[sums, rest], axis, s)
}

/// max and min: of nothing they are the neutral element, as in base R.
fn extreme(
    f: Reduction,
    neutral: f64,
    x: &Array,
    axes: &[i32],
    keep: bool,
    na_rm: bool,
    s: mlx_stream,
) -> Result<Array> {
    if mlx::dtype(x) == Dtype::Complex64 {
        return Err(Error::Dtype("the largest or smallest of complex numbers is not defined: they have no order. Take Re() or Mod() first.".into()));
    }
    let mut x = number(x, s)?;
    if na_rm {
        x = without_nan(&x, neutral, s)?;
    }
    let shape = mlx::shape(&x);
    if axes.iter().all(|&a| shape[a as usize] != 0) {
        return attained(f, &x, axes, keep, s);
    }
    let left = reduced_shape(shape, axes, keep);
    let kind = if dtype::is_integer(mlx::dtype(&x)) {
        operand::default_dtype()?
    } else {
        mlx::dtype(&x)
    };
    mlx::full(&left, &mlx::scalar(neutral, kind, s)?, kind, s)
}

/// An extreme, with a gradient that is shared equally by the elements that attain it. MLX's has no second
/// forward derivative.
pub fn attained(f: Reduction, x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    if !mlx::is_tracer(x) || !dtype::is_float(mlx::dtype(x)) {
        return mlx::reduce(f, x, axes, keep, s);
    }
    let (kind, fixed) = (mlx::dtype(x), mlx::stop_gradient(x, s)?);
    let value = mlx::reduce(f, &fixed, axes, true, s)?;
    let nan = mlx::unary(mlx_sys::mlx_isnan, &fixed, s)?;
    let there = mlx::binary(mlx_sys::mlx_equal, &fixed, &value, s)?;
    let there = mlx::binary(mlx_sys::mlx_logical_or, &there, &nan, s)?;
    let share = mlx::astype(&there, kind, s)?;
    let count = mlx::reduce(mlx_sys::mlx_sum_axes, &share, axes, true, s)?;
    let zero = mlx::scalar(0.0, kind, s)?;
    let sum_of = |x: &Array| {
        let terms = mlx::binary(mlx_sys::mlx_divide, x, &count, s)?;
        let terms = mlx::select(&there, &terms, &zero, s)?;
        mlx::reduce(mlx_sys::mlx_sum_axes, &terms, axes, keep, s)
    };
    // the value itself, which a sum of its shares would round, and 0 that moves with them
    let exact = mlx::reduce(f, &fixed, axes, keep, s)?;
    let moves = sum_of(&mlx::binary(mlx_sys::mlx_subtract, x, &fixed, s)?)?;
    let near = mlx::binary(mlx_sys::mlx_add, &exact, &moves, s)?;
    let finite = mlx::unary(mlx_sys::mlx_isfinite, &exact, s)?;
    mlx::select(&finite, &near, &sum_of(x)?, s)
}

fn reduced_shape(shape: &[i32], axes: &[i32], keep: bool) -> Vec<i32> {
    shape
        .iter()
        .enumerate()
        .filter_map(|(i, &n)| match axes.contains(&(i as i32)) {
            true if keep => Some(1),
            true => None,
            false => Some(n),
        })
        .collect()
}

fn mean_of(x: &Array, axes: &[i32], keep: bool, na_rm: bool, s: mlx_stream) -> Result<Array> {
    let x = floating(x, s)?;
    let kind = mlx::dtype(&x);
    let sum = sum_of(&x, axes, keep, na_rm, s)?;
    let count = if na_rm {
        let nan = mlx::unary(mlx_sys::mlx_isnan, &x, s)?;
        let there = mlx::astype(&mlx::unary(mlx_sys::mlx_logical_not, &nan, s)?, kind, s)?;
        total(&there, axes, keep, s)?
    } else {
        count_of(&x, axes, kind, s)?
    };
    mlx::binary(mlx_sys::mlx_divide, &sum, &count, s)
}

/// The number of elements along axes: a constant, except in a function that is compiled for all shapes.
fn count_of(x: &Array, axes: &[i32], kind: Dtype, s: mlx_stream) -> Result<Array> {
    // SAFETY: a valid handle; the slice lives during the call.
    mlx::out(|o| unsafe {
        mlx_sys::mlx_number_of_elements(
            o,
            x.as_ptr(),
            axes.as_ptr(),
            axes.len(),
            false,
            kind.into(),
            s,
        )
    })
}

fn log_sum_exp(x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    let x = floating(x, s)?;
    let kind = mlx::dtype(&x);
    if mlx::size(&x) == 0 {
        // MLX refuses it
        let left = reduced_shape(mlx::shape(&x), axes, keep);
        return mlx::full(&left, &mlx::scalar(f64::NEG_INFINITY, kind, s)?, kind, s);
    }
    match kind {
        Dtype::Float64 => exact::logsumexp(&x, axes, keep, s),
        _ => {
            let out = mlx::reduce(mlx_sys::mlx_logsumexp_axes, &x, axes, keep, s)?;
            if !dtype::is_float(kind) || !device::on_gpu(s) {
                return Ok(out);
            }
            // CUDA's takes the maximum of what is no NaN
            let nan = mlx::unary(mlx_sys::mlx_isnan, &x, s)?;
            let any = mlx::reduce(mlx_sys::mlx_any_axes, &nan, axes, keep, s)?;
            let missing = mlx::scalar(f64::NAN, kind, s)?;
            if !mlx::is_tracer(&out) {
                return mlx::select(&any, &missing, &out, s);
            }
            // added as a constant, which takes a gradient three kernels less, and nothing more where it is compiled
            let off = mlx::select(&any, &missing, &mlx::scalar(0.0, kind, s)?, s)?;
            mlx::binary(mlx_sys::mlx_add, &out, &mlx::stop_gradient(&off, s)?, s)
        }
    }
}

/// The square root of a variance; at 0, where the root has no derivative, its gradient is 0.
fn root_of(x: &Array, s: mlx_stream) -> Result<Array> {
    if !mlx::is_tracer(x) {
        return mlx::unary(mlx_sys::mlx_sqrt, x, s);
    }
    let kind = mlx::dtype(x);
    let (zero, one) = (mlx::scalar(0.0, kind, s)?, mlx::scalar(1.0, kind, s)?);
    let flat = mlx::binary(mlx_sys::mlx_equal, x, &zero, s)?;
    let root = mlx::unary(mlx_sys::mlx_sqrt, &mlx::select(&flat, &one, x, s)?, s)?;
    mlx::select(&flat, &zero, &root, s)
}

/// Two passes, so that a large mean costs no digits.
fn variance_of(x: &Array, axes: &[i32], keep: bool, ddof: f64, s: mlx_stream) -> Result<Array> {
    let centre = mean_of(x, axes, true, false, s)?;
    let deviation = mlx::binary(mlx_sys::mlx_subtract, x, &centre, s)?;
    let sum = total(
        &mlx::unary(mlx_sys::mlx_square, &deviation, s)?,
        axes,
        keep,
        s,
    )?;
    let kind = mlx::dtype(x);
    let (zero, ddof) = (mlx::scalar(0.0, kind, s)?, mlx::scalar(ddof, kind, s)?);
    let left = mlx::binary(
        mlx_sys::mlx_subtract,
        &count_of(x, axes, kind, s)?,
        &ddof,
        s,
    )?;
    let left = mlx::binary(mlx_sys::mlx_maximum, &left, &zero, s)?;
    mlx::binary(mlx_sys::mlx_divide, &sum, &left, s)
}

/// `.Call`: the variance with divisor n - ddof, or its square root.
unsafe extern "C" fn variance(x: SEXP, axes: SEXP, keep: SEXP, ddof: SEXP, root: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let (keep, root) = (Rf_asLogical(keep) == 1, Rf_asLogical(root) == 1);
    let ddof = Rf_asReal(ddof);
    let mut kept = Kept::room(x, 0);
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = floating(&*operand.array(device)?, s)?;
        let rank = mlx::rank(&array);
        let over = entry::axes(axes, rank)?;
        kept.set(
            (0..rank as i32).filter_map(|axis| match over.contains(&axis) {
                true if keep => Some(-1),
                true => None,
                false => Some(axis),
            }),
        );
        let result = in_single(&array, s, |x| {
            let variance = variance_of(x, &over, keep, ddof, s)?;
            if root {
                root_of(&variance, s)
            } else {
                Ok(variance)
            }
        })?;
        Ok(Placed::new(result, device))
    });
    names::select(out, x, kept)
}

/// `.Call`: exp(x) / sum(exp(x)) over axes jointly.
unsafe extern "C" fn softmax(x: SEXP, axes: SEXP, precise: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let precise = Rf_asLogical(precise) == 1;
    let out = entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = floating(&*operand.array(device)?, s)?;
        let over = entry::axes(axes, mlx::rank(&array))?;
        let result = match mlx::dtype(&array) {
            Dtype::Float64 => exact::softmax(&array, &over, s)?,
            // SAFETY: valid handles; the slice lives during the call.
            _ => mlx::out(|o| unsafe {
                mlx_sys::mlx_softmax_axes(o, array.as_ptr(), over.as_ptr(), over.len(), precise, s)
            })?,
        };
        Ok(Placed::new(result, device))
    });
    names::elementwise(out, &[x])
}

/// `.Call`: the smallest and the largest element, 1-d.
unsafe extern "C" fn value_range(x: SEXP, na_rm: SEXP) -> SEXP {
    let operand = Operand::of(x);
    entry::one(|| {
        let na_rm = entry::flag(na_rm, "na.rm")?;
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = operand.array(device)?;
        let axes: Vec<i32> = (0..mlx::rank(&array) as i32).collect();
        let low = extreme(
            mlx_sys::mlx_min_axes,
            f64::INFINITY,
            &array,
            &axes,
            false,
            na_rm,
            s,
        )?;
        let high = extreme(
            mlx_sys::mlx_max_axes,
            f64::NEG_INFINITY,
            &array,
            &axes,
            false,
            na_rm,
            s,
        )?;
        let parts = [mlx::reshape(&low, &[1], s)?, mlx::reshape(&high, &[1], s)?];
        Ok(Placed::new(mlx::concatenate(&parts, 0, s)?, device))
    })
}
