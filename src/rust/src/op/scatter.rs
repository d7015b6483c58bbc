//! Elements at positions given by arrays, and adding to, or replacing, the elements there.
//! Positions come 1-based and checked: MLX reads and writes out of bounds where they are not.
use crate::device::{self, Device};
use crate::dtype::Dtype;
use crate::entry::{self, axis_of, ints, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::index::{Arguments, Selection, Titles};
use crate::mlx::{self, Array};
use crate::op::assign::fill;
use crate::op::bind::Parts;
use crate::op::shape::on_device;
use crate::operand::Operand;
use mlx_sys::mlx_stream;

/// 1-based positions as MLX counts.
fn from_zero(at: &Array, s: mlx_stream) -> Result<Array> {
    let at = mlx::astype(at, Dtype::Int32, s)?;
    mlx::binary(
        mlx_sys::mlx_subtract,
        &at,
        &mlx::scalar(1.0, Dtype::Int32, s)?,
        s,
    )
}

/// `.Call`: the elements of slices along an axis, an array of positions standing for it.
unsafe extern "C" fn take(x: SEXP, at: SEXP, axis: SEXP) -> SEXP {
    let at = Operand::of(at);
    on_device(x, |array, device| {
        let s = device.stream();
        let axis = axis_of(Rf_asInteger(axis), mlx::rank(array))?;
        mlx::take(array, &from_zero(&*at.array(device)?, s)?, axis, s)
    })
}

/// Positions of the shape of the result, which broadcast against x beside the axis.
fn along(x: &Array, at: &Operand, axis: i32, device: Device) -> Result<Array> {
    let s = device.stream();
    let at = from_zero(&*at.array(device)?, s)?;
    let (mut want, have) = (mlx::shape(x).to_vec(), mlx::shape(&at));
    if have.len() != want.len() {
        return Err(Error::Shape(format!(
            "`indices` must have as many axes as `x`: its shape is {}, that of `x` {}.",
            show(have),
            show(&want)
        )));
    }
    want[axis as usize] = have[axis as usize];
    mlx::broadcast(&at, &want, s).map_err(|_| {
        Error::Shape(format!(
            "`indices` (shape {}) must broadcast to {}: that of `x` beside axis {}.",
            show(have),
            show(&want),
            axis + 1
        ))
    })
}

/// `.Call`: one element for each position along an axis.
unsafe extern "C" fn take_along_axis(x: SEXP, at: SEXP, axis: SEXP) -> SEXP {
    let at = Operand::of(at);
    on_device(x, |array, device| {
        let s = device.stream();
        let axis = axis_of(Rf_asInteger(axis), mlx::rank(array))?;
        mlx::take_along(array, &along(array, &at, axis, device)?, axis, s)
    })
}

/// `.Call`: x with the elements at positions along an axis replaced.
unsafe extern "C" fn put_along_axis(x: SEXP, at: SEXP, values: SEXP, axis: SEXP) -> SEXP {
    let (at, values) = (Operand::of(at), Operand::of(values));
    on_device(x, |array, device| {
        let s = device.stream();
        let axis = axis_of(Rf_asInteger(axis), mlx::rank(array))?;
        let at = along(array, &at, axis, device)?;
        if mlx::size(&at) == 0 {
            return mlx::share(array);
        }
        let values = values.array_into(mlx::dtype(array), device)?;
        let values = mlx::broadcast(&values, mlx::shape(&at), s).map_err(|_| {
            Error::Shape(format!(
                "`values` (shape {}) must broadcast to the shape of the positions, {}.",
                show(mlx::shape(&values)),
                show(mlx::shape(&at))
            ))
        })?;
        // SAFETY: valid handles.
        mlx::out(|o| unsafe {
            let (x, at, values) = (array.as_ptr(), at.as_ptr(), values.as_ptr());
            mlx_sys::mlx_put_along_axis(o, x, at, values, axis, s)
        })
    })
}

/// `.Call`: x at arrays of positions that broadcast, one for each of `axes`; the other axes follow.
unsafe extern "C" fn gather(x: SEXP, list: SEXP, axes: SEXP) -> SEXP {
    let parts = Parts::of(list);
    on_device(x, |array, device| {
        let s = device.stream();
        let axes = entry::axes(axes, mlx::rank(array))?;
        let at = parts
            .operands()?
            .iter()
            .map(|part| from_zero(&part.array_as(Dtype::Int32, device)?, s))
            .collect::<Result<Vec<Array>>>()?;
        let (mut sizes, mut others) = (mlx::shape(array).to_vec(), Vec::new());
        for (k, size) in sizes.iter_mut().enumerate() {
            if axes.contains(&(k as i32)) {
                *size = 1;
            } else {
                others.push(*size);
            }
        }
        // positions and axes are checked: only shapes are left to fail
        let out = mlx::gather(array, &at, &axes, &sizes, s).map_err(|_| {
            let shapes: Vec<String> = at.iter().map(|at| show(mlx::shape(at))).collect();
            Error::Shape(format!(
                "the parts of `indices` must broadcast to each other; their shapes are {}.",
                shapes.join(", ")
            ))
        })?;
        let grid = mlx::rank(&out) - sizes.len();
        let shape: Vec<i32> = mlx::shape(&out)[..grid]
            .iter()
            .copied()
            .chain(others)
            .collect();
        mlx::reshape(&out, &shape, s)
    })
}

/// `.Call`: what `x[...]` selects, as 1-based positions in the column-major flattening.
unsafe extern "C" fn positions(x: SEXP, frame: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let arguments = Arguments::of(frame); // protects one
    let titles = Titles::of(x); // protects two
    let parse = || {
        let shape = operand.shape()?;
        Selection::parse(&arguments, &shape, titles)?.flat(&shape)
    };
    // twice, since nothing may be owned while R allocates
    let n = entry::plain(|| parse().map(|found| found.len()));
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::INTSXP, n as R_xlen_t));
    entry::plain(|| {
        for (i, position) in parse()?.into_iter().enumerate() {
            SET_INTEGER_ELT(out, i as R_xlen_t, position + 1);
        }
        Ok(())
    });
    Rf_unprotect(4);
    out
}

/// `.Call`: x with values added at positions of its column-major flattening, which may repeat.
unsafe extern "C" fn add_at(x: SEXP, at: SEXP, value: SEXP) -> SEXP {
    let value = Operand::of(value);
    on_device(x, |array, device| {
        let s = device.stream();
        let at: Vec<i32> = ints(at)?.into_iter().map(|p| p - 1).collect();
        let n = at.len() as i32;
        if n == 0 {
            return mlx::share(array);
        }
        let value = fill(&value.array_into(mlx::dtype(array), device)?, at.len(), s)?;
        let (flat, at) = (mlx::flatten_columns(array, s)?, mlx::indices(&at, &[n])?);
        let updates = mlx::reshape(&value, &[n, 1], s)?;
        // SAFETY: valid handles; positions are within the array.
        let sum = mlx::out(|o| unsafe {
            let (x, at, value) = (flat.as_ptr(), at.as_ptr(), updates.as_ptr());
            mlx_sys::mlx_scatter_add_single(o, x, at, value, 0, mlx::scatter_stream(array, s))
        })?;
        mlx::shape_columns(&sum, mlx::shape(array), s)
    })
}

/// `.Call`: x with a block with steps (0-based starts, ends past the last) replaced.
unsafe extern "C" fn slice_update(x: SEXP, value: SEXP, from: SEXP, to: SEXP, step: SEXP) -> SEXP {
    let (x, value) = (Operand::of(x), Operand::of(value));
    entry::one(|| {
        let device = x.device().unwrap_or_else(device::default);
        let s = device.stream();
        let array = x.array(device)?;
        let value = value.array_into(mlx::dtype(&array), device)?;
        let (from, to, step) = (ints(from)?, ints(to)?, ints(step)?);
        let block: Vec<i32> = (0..from.len())
            .map(|k| (to[k] - from[k] + step[k] - 1) / step[k])
            .collect();
        let value = mlx::broadcast(&value, &block, s).map_err(|_| {
            Error::Shape(format!(
                "`value` (shape {}) does not broadcast to the slice, {}.",
                show(mlx::shape(&value)),
                show(&block)
            ))
        })?;
        Ok(Placed::new(
            mlx::slice_update(&array, &value, &from, &to, &step, s)?,
            device,
        ))
    })
}

routines![
    take / 3,
    take_along_axis / 3,
    put_along_axis / 4,
    gather / 3,
    positions / 2,
    add_at / 3,
    slice_update / 5,
];
