//! Order along an axis: positions (1-based), and the elements at them, which carry the gradient.
//!
//! NaN counts as larger than every number.
use crate::device;
use crate::dtype::{self, Dtype};
use crate::entry::axis_of;
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::op::shape::with;
use crate::operand::{self, Operand};
use mlx_sys::mlx_stream;

/// What has to be ordered: along a 0-based axis, or (NULL) over the column-major flattening. The
/// order is a constant of the tape.
struct Keys {
    x: Array,
    fixed: Array,
    axis: i32,
    extent: i32,
}

impl Keys {
    unsafe fn of(x: &Array, axis: SEXP, s: mlx_stream) -> Result<Keys> {
        if mlx::dtype(x) == Dtype::Complex64 {
            return Err(Error::Dtype(
                "complex numbers have no order. Use Mod() or Re().".into(),
            ));
        }
        let (x, axis) = if axis == R_NilValue {
            (mlx::flatten_columns(x, s)?, 0)
        } else {
            (mlx::share(x)?, axis_of(Rf_asInteger(axis), mlx::rank(x))?)
        };
        Ok(Keys {
            fixed: mlx::stop_gradient(&x, s)?,
            extent: mlx::shape(&x)[axis as usize],
            x,
            axis,
        })
    }

    /// Keys in the opposite order; NaN stays the largest.
    fn reversed(&self, s: mlx_stream) -> Result<Array> {
        match mlx::dtype(&self.fixed) {
            kind if dtype::is_float(kind) => mlx::unary(mlx_sys::mlx_negative, &self.fixed, s),
            // -1 - x, and the distance to the largest for unsigned ones: neither overflows
            _ => mlx::unary(mlx_sys::mlx_bitwise_invert, &self.fixed, s),
        }
    }

    /// 0-based positions in ascending (or descending) order; equal elements stay in theirs.
    fn order(&self, decreasing: bool, s: mlx_stream) -> Result<Array> {
        if mlx::size(&self.x) == 0 {
            return self.nothing(s);
        }
        let keys = if decreasing {
            self.reversed(s)?
        } else {
            mlx::share(&self.fixed)?
        };
        argsorted(&keys, self.axis, s)
    }

    /// 0-based positions of which the kth is in its place, with no larger ones before it.
    fn partition(&self, kth: i32, s: mlx_stream) -> Result<Array> {
        if self.extent == 0 {
            return Err(Error::Index(format!(
                "there is no position {kth} to partition at: the axis has extent 0."
            )));
        }
        if kth < 0 || kth >= self.extent {
            return Err(Error::Index(format!(
                "`kth` ({kth}) must be from 0 to {} here: it counts from 0.",
                self.extent - 1
            )));
        }
        if mlx::size(&self.x) == 0 {
            return self.nothing(s);
        }
        mlx::ordered(&self.fixed, self.axis, s, |x, axis| {
            // SAFETY: a valid handle; kth and axis are in range.
            mlx::out(|o| unsafe { mlx_sys::mlx_argpartition_axis(o, x.as_ptr(), kth, axis, s) })
        })
    }

    fn nothing(&self, s: mlx_stream) -> Result<Array> {
        let zero = mlx::scalar(0.0, Dtype::Uint32, s)?;
        mlx::full(mlx::shape(&self.x), &zero, Dtype::Uint32, s)
    }

    /// The elements at 0-based positions.
    fn at(&self, positions: &Array, s: mlx_stream) -> Result<Array> {
        if mlx::size(positions) == 0 {
            return mlx::share(&self.x);
        }
        mlx::take_along(&self.x, positions, self.axis, s)
    }
}

/// The 0-based positions that sort keys along an axis.
pub fn argsorted(keys: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    mlx::ordered(keys, axis, s, |x, axis| {
        mlx::with_axis(mlx_sys::mlx_argsort_axis, x, axis, s)
    })
}

/// 0-based positions as users count.
fn from_one(positions: &Array, s: mlx_stream) -> Result<Array> {
    let one = mlx::scalar(1.0, Dtype::Uint32, s)?;
    mlx::binary(mlx_sys::mlx_add, positions, &one, s)
}

/// `.Call`: sorted along an axis.
unsafe extern "C" fn sort(x: SEXP, axis: SEXP, decreasing: SEXP) -> SEXP {
    let decreasing = Rf_asLogical(decreasing) == 1;
    with(x, |array, s| {
        let keys = Keys::of(array, axis, s)?;
        if !decreasing && mlx::size(array) > 0 && !mlx::is_tracer(&keys.x) {
            // three times as fast
            return mlx::ordered(&keys.x, keys.axis, s, |x, axis| {
                mlx::with_axis(mlx_sys::mlx_sort_axis, x, axis, s)
            });
        }
        keys.at(&keys.order(decreasing, s)?, s)
    })
}

/// `.Call`: the positions that sort.
unsafe extern "C" fn argsort(x: SEXP, axis: SEXP, decreasing: SEXP) -> SEXP {
    let decreasing = Rf_asLogical(decreasing) == 1;
    with(x, |array, s| {
        from_one(&Keys::of(array, axis, s)?.order(decreasing, s)?, s)
    })
}

/// `.Call`: partly sorted: the kth (0-based) element is in its place.
unsafe extern "C" fn partition(x: SEXP, kth: SEXP, axis: SEXP) -> SEXP {
    let kth = Rf_asInteger(kth);
    with(x, |array, s| {
        let keys = Keys::of(array, axis, s)?;
        keys.at(&keys.partition(kth, s)?, s)
    })
}

/// `.Call`: the positions that do so.
unsafe extern "C" fn argpartition(x: SEXP, kth: SEXP, axis: SEXP) -> SEXP {
    let kth = Rf_asInteger(kth);
    with(x, |array, s| {
        from_one(&Keys::of(array, axis, s)?.partition(kth, s)?, s)
    })
}

/// `.Call`: the k largest, in no particular order.
unsafe extern "C" fn topk(x: SEXP, k: SEXP, axis: SEXP) -> SEXP {
    let k = Rf_asInteger(k);
    with(x, |array, s| {
        let keys = Keys::of(array, axis, s)?;
        if k < 1 || k > keys.extent {
            return Err(Error::Index(format!(
                "`k` ({k}) must be from 1 to the axis' extent, {}.",
                keys.extent
            )));
        }
        let order = keys.partition(keys.extent - k, s)?;
        let (mut from, to) = (vec![0; mlx::rank(&order)], mlx::shape(&order).to_vec());
        from[keys.axis as usize] = keys.extent - k;
        let last = mlx::slice(&order, &from, &to, &vec![1; from.len()], s)?;
        keys.at(&last, s)
    })
}

/// The position of the first extreme (of the first NaN, if there is one).
unsafe fn extreme(f: mlx::AxisReduction, x: SEXP, axis: SEXP, keep: SEXP) -> SEXP {
    let keep = Rf_asLogical(keep) == 1;
    with(x, |array, s| {
        let keys = Keys::of(array, axis, s)?;
        if keys.extent == 0 {
            return Err(Error::Shape(
                "there is no extreme among no elements: the axis has extent 0.".into(),
            ));
        }
        let shape = mlx::shape(&keys.x);
        if mlx::size(&keys.x) == 0 {
            let mut left = shape.to_vec();
            left[keys.axis as usize] = 1;
            let zero = mlx::scalar(0.0, Dtype::Uint32, s)?;
            let none = mlx::full(&left, &zero, Dtype::Uint32, s)?;
            if !keep {
                left.remove(keys.axis as usize);
            }
            return mlx::reshape(&none, &left, s);
        }
        let mut at = mlx::reduce_axis(f, &keys.fixed, keys.axis, keep, s)?;
        if dtype::is_float(mlx::dtype(&keys.fixed)) {
            let nan = mlx::unary(mlx_sys::mlx_isnan, &keys.fixed, s)?;
            let any = mlx::reduce(mlx_sys::mlx_any_axes, &nan, &[keys.axis], keep, s)?;
            let nan = mlx::astype(&nan, Dtype::Int32, s)?;
            let first = mlx::reduce_axis(mlx_sys::mlx_argmax_axis, &nan, keys.axis, keep, s)?;
            at = mlx::select(&any, &first, &at, s)?;
        }
        from_one(&at, s)
    })
}

/// `.Call`: the position of the first largest element.
unsafe extern "C" fn argmax(x: SEXP, axis: SEXP, keep: SEXP) -> SEXP {
    extreme(mlx_sys::mlx_argmax_axis, x, axis, keep)
}

/// `.Call`: the position of the first smallest element.
unsafe extern "C" fn argmin(x: SEXP, axis: SEXP, keep: SEXP) -> SEXP {
    extreme(mlx_sys::mlx_argmin_axis, x, axis, keep)
}

/// `.Call`: where values would be inserted into a sorted vector, before equal elements or (right)
/// behind them.
unsafe extern "C" fn searchsorted(sorted: SEXP, values: SEXP, right: SEXP) -> SEXP {
    let (a, b) = (Operand::of(sorted), Operand::of(values));
    let right = Rf_asLogical(right) == 1;
    crate::entry::one(|| {
        let (a, b, device) = operand::pair(&a, &b)?;
        let s = device.stream();
        if mlx::rank(&a) > 1 {
            return Err(Error::Shape(format!(
                "`sorted` must be a vector; it has rank {}.",
                mlx::rank(&a)
            )));
        }
        let sorted = mlx::stop_gradient(&mlx::reshape(&a, &[-1], s)?, s)?;
        let values = mlx::stop_gradient(&b, s)?;
        let side = if right { c"right" } else { c"left" };
        let at = if mlx::size(&sorted) == 0 || mlx::size(&values) == 0 {
            let zero = mlx::scalar(0.0, Dtype::Uint32, s)?;
            mlx::full(mlx::shape(&values), &zero, Dtype::Uint32, s)?
        } else {
            // SAFETY: valid handles.
            let at = mlx::out(|o| unsafe {
                let (a, b) = (sorted.as_ptr(), values.as_ptr());
                mlx_sys::mlx_searchsorted(o, a, b, side.as_ptr(), s)
            })?;
            mlx::astype(&at, Dtype::Uint32, s)?
        };
        Ok(Placed::new(from_one(&at, s)?, device))
    })
}

/// `.Call`: whether each element of an array is a position of an axis, from 1 to `extent`.
unsafe extern "C" fn are_positions(x: SEXP, extent: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let extent = Rf_asReal(extent);
    crate::entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        let s = device.stream();
        let x = mlx::stop_gradient(&*operand.number(device)?, s)?;
        let bound = |value: f64| mlx::scalar(value, mlx::dtype(&x), s);
        let low = mlx::binary(mlx_sys::mlx_greater_equal, &x, &bound(1.0)?, s)?;
        let high = mlx::binary(mlx_sys::mlx_less_equal, &x, &bound(extent)?, s)?;
        let fine = mlx::binary(mlx_sys::mlx_logical_and, &low, &high, s)?;
        let axes: Vec<i32> = (0..mlx::rank(&fine) as i32).collect();
        Ok(Placed::new(
            mlx::reduce(mlx_sys::mlx_all_axes, &fine, &axes, false, s)?,
            device,
        ))
    })
}

routines![
    sort / 3,
    argsort / 3,
    partition / 3,
    argpartition / 3,
    topk / 3,
    argmax / 3,
    argmin / 3,
    searchsorted / 3,
    are_positions / 2,
];
