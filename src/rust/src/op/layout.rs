//! Where elements go: padding, positions along an axis, triangles, raw views of the memory.
use crate::dtype;
use crate::entry::{self, axis_of, ints};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::index::Axis;
use crate::memory;
use crate::mlx::{self, Array};
use crate::op::create::{check_shape, place};
use crate::op::index::block;
use crate::op::shape::{on_device, with};
use crate::operand::Operand;
use mlx_sys::mlx_stream;

/// Elements at 0-based positions along an axis.
pub fn pick(x: &Array, positions: Vec<i32>, axis: i32, s: mlx_stream) -> Result<Array> {
    let mut axes = vec![Axis::All; mlx::rank(x)];
    axes[axis as usize] = Axis::of(positions, mlx::shape(x)[axis as usize]);
    block(x, &axes, s)
}

/// `.Call`: the elements at 1-based positions (within the extent) along an axis.
unsafe extern "C" fn select_along(x: SEXP, positions: SEXP, axis: SEXP) -> SEXP {
    with(x, |array, s| {
        let axis = axis_of(Rf_asInteger(axis), mlx::rank(array))?;
        let positions = ints(positions)?.into_iter().map(|p| p - 1).collect();
        pick(array, positions, axis, s)
    })
}

/// `.Call`: a value put before and behind the elements of some axes.
unsafe extern "C" fn pad(x: SEXP, axes: SEXP, low: SEXP, high: SEXP, value: SEXP) -> SEXP {
    let value = Operand::of(value);
    on_device(x, |array, device| {
        let s = device.stream();
        let axes = entry::axes(axes, mlx::rank(array))?;
        let (low, high) = (ints(low)?, ints(high)?);
        let value = value.array_as(mlx::dtype(array), device)?;
        // CUDA's pad of an array without axes gives another number
        if low.iter().chain(&high).all(|width| *width == 0) {
            return mlx::share(array);
        }
        let shape = mlx::shape(array);
        for (k, axis) in axes.iter().enumerate() {
            let extent = [shape[*axis as usize], low[k], high[k]];
            if extent.iter().map(|n| i64::from(*n)).sum::<i64>() > i64::from(i32::MAX) {
                return Err(Error::Shape(
                    "`pad_width` asks for more positions than an axis can have (2^31 - 1).".into(),
                ));
            }
        }
        let value = mlx::reshape(&value, &[], s)?;
        // SAFETY: valid handles; the slices live during the call.
        mlx::out(|o| unsafe {
            mlx_sys::mlx_pad(
                o,
                array.as_ptr(),
                axes.as_ptr(),
                axes.len(),
                low.as_ptr(),
                low.len(),
                high.as_ptr(),
                high.len(),
                value.as_ptr(),
                c"constant".as_ptr(),
                s,
            )
        })
    })
}

/// `.Call`: the lower or upper triangle of the last two axes, zeros elsewhere.
unsafe extern "C" fn triangle(x: SEXP, k: SEXP, upper: SEXP) -> SEXP {
    let (k, upper) = (Rf_asInteger(k), Rf_asLogical(upper) == 1);
    with(x, |array, s| {
        if mlx::rank(array) < 2 {
            return Err(Error::Shape(format!(
                "a triangle needs an array of at least two axes; this one has rank {}.",
                mlx::rank(array)
            )));
        }
        mlx::triangle(array, k, upper, s)
    })
}

/// `.Call`: an n x m matrix of ones up to the k-th diagonal, zeros above it.
unsafe extern "C" fn tri(n: SEXP, m: SEXP, k: SEXP, dtype: SEXP, device: SEXP) -> SEXP {
    memory::relieve();
    let (n, m, k) = (Rf_asInteger(n), Rf_asInteger(m), Rf_asInteger(k));
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        check_shape(&[n, m], kind)?;
        let s = device.stream();
        // SAFETY: plain numbers.
        let array = mlx::out(|o| unsafe { mlx_sys::mlx_tri(o, n, m, k, kind.into(), s) })?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: a copy whose elements lie in row-major order.
unsafe extern "C" fn contiguous(x: SEXP) -> SEXP {
    with(x, mlx::contiguous)
}

/// `.Call`: the same bytes as another dtype.
unsafe extern "C" fn view(x: SEXP, to: SEXP) -> SEXP {
    with(x, |array, s| {
        let to = dtype::of(to, "`dtype`")?;
        let (old, new) = (dtype::size(mlx::dtype(array)), dtype::size(to));
        let last = mlx::shape(array).last().copied();
        if old != new && last.is_none_or(|n| (n as usize * old) % new != 0) {
            return Err(Error::Shape(format!(
                "the last axis of {} does not hold a whole number of {} elements.",
                dtype::name(mlx::dtype(array)),
                dtype::name(to)
            )));
        }
        let dense = mlx::contiguous(array, s)?;
        // SAFETY: a valid handle.
        mlx::out(|o| unsafe { mlx_sys::mlx_view(o, dense.as_ptr(), to.into(), s) })
    })
}

/// `.Call`: elements at `offset` + sum(index * strides) of the row-major flattening.
unsafe extern "C" fn as_strided(x: SEXP, shape: SEXP, strides: SEXP, offset: SEXP) -> SEXP {
    let offset = Rf_asReal(offset) as i64;
    with(x, |array, s| {
        let shape = ints(shape)?;
        let strides: Vec<i64> = ints(strides)?.into_iter().map(i64::from).collect();
        if shape.len() != strides.len() {
            return Err(Error::Shape(format!(
                "`shape` has {} axes and `strides` {}.",
                shape.len(),
                strides.len()
            )));
        }
        let reach = |pick: fn(i64, i64) -> i64| {
            let ends = shape.iter().zip(&strides);
            offset
                + ends
                    .map(|(&n, &d)| pick(0, (i64::from(n) - 1) * d))
                    .sum::<i64>()
        };
        let some = shape.iter().all(|&n| n > 0);
        if some && (reach(i64::min) < 0 || reach(i64::max) >= mlx::size(array) as i64) {
            return Err(Error::Index(format!(
                "Index out of bounds: the view reaches elements {} to {} of {}.",
                reach(i64::min) + 1,
                reach(i64::max) + 1,
                mlx::size(array)
            )));
        }
        let flat = mlx::contiguous(&mlx::reshape(array, &[-1], s)?, s)?;
        // SAFETY: a valid handle; the slices live during the call; the view stays inside.
        mlx::out(|o| unsafe {
            mlx_sys::mlx_as_strided(
                o,
                flat.as_ptr(),
                shape.as_ptr(),
                shape.len(),
                strides.as_ptr(),
                strides.len(),
                offset as usize,
                s,
            )
        })
    })
}

routines![
    select_along / 3,
    pad / 5,
    triangle / 3,
    tri / 5,
    contiguous / 1,
    view / 2,
    as_strided / 4,
];
