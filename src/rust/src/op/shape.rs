//! Shapes: reshape, axes, casts, devices, and what an array says of itself.
use crate::convert::from_r::float64_on_gpu;
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::{self, axis_of, ints, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::{self, Array};
use crate::names::{self, Kept};
use crate::object;
use crate::operand::{Held, Operand};
use mlx_sys::mlx_stream;

/// Runs `f` on the array of `x`.
pub unsafe fn with(x: SEXP, f: impl FnOnce(&Array, mlx_stream) -> Result<Array>) -> SEXP {
    on_device(x, |array, device| f(array, device.stream()))
}

/// Runs `f` on the array of `x` and its device.
pub unsafe fn on_device(x: SEXP, f: impl FnOnce(&Array, Device) -> Result<Array>) -> SEXP {
    let operand = Operand::of(x);
    entry::one(|| {
        let device = operand.device().unwrap_or_else(device::default);
        Ok(Placed::new(f(&*operand.array(device)?, device)?, device))
    })
}

/// Number of elements of a shape, however many: it must not come round to a small number.
fn product(shape: &[i32]) -> u128 {
    shape
        .iter()
        .fold(1, |n: u128, &m| n.saturating_mul(m.unsigned_abs().into()))
}

/// The most elements that an R vector may have.
const MOST: u128 = 1 << 52;

/// `.Call`: reshape(x, shape, column-major?).
unsafe extern "C" fn reshape(x: SEXP, shape: SEXP, by_column: SEXP) -> SEXP {
    let by_column = Rf_asLogical(by_column) == 1;
    with(x, |array, s| {
        let shape = ints(shape)?;
        let wanted = product(&shape);
        if wanted != mlx::size(array) as u128 {
            return Err(Error::Shape(format!(
                "Cannot reshape array of size {} into shape with size {wanted} ({}).",
                mlx::size(array),
                show(&shape)
            )));
        }
        if by_column {
            mlx::shape_columns(&mlx::flatten_columns(array, s)?, &shape, s)
        } else {
            mlx::reshape(array, &shape, s)
        }
    })
}

/// `.Call`: the axes in a new order (1-based; NULL reverses them).
unsafe extern "C" fn permute(x: SEXP, order: SEXP) -> SEXP {
    let mut kept = Kept::room(x, 0);
    let out = with(x, |array, s| {
        let rank = mlx::rank(array);
        let order = if order == R_NilValue {
            (0..rank as i32).rev().collect()
        } else {
            let order = entry::axes(order, rank)?;
            if order.len() != rank {
                return Err(Error::Index(format!(
                    "`perm` must name each of the {rank} axes once; it names {}.",
                    order.len()
                )));
            }
            order
        };
        kept.set(order.iter().copied());
        mlx::permute(array, &order, s)
    });
    names::select(out, x, kept)
}

/// `.Call`: all axes reversed; NULL for fewer than two.
unsafe extern "C" fn transpose(x: SEXP) -> SEXP {
    let ctx = handle::live(object::mlx_handle(x));
    if mlx::rank(mlx::borrow(&ctx)) < 2 {
        return R_NilValue;
    }
    permute(x, R_NilValue)
}

/// `.Call`: without length-1 axes (NULL: all of them).
unsafe extern "C" fn squeeze(x: SEXP, axes: SEXP) -> SEXP {
    let mut kept = Kept::room(x, 0);
    let out =
        with(x, |array, s| {
            let shape = mlx::shape(array);
            let dropped = if axes == R_NilValue {
                (0..shape.len() as i32)
                    .filter(|&a| shape[a as usize] == 1)
                    .collect()
            } else {
                entry::axes(axes, shape.len())?
            };
            if let Some(&a) = dropped.iter().find(|&&a| shape[a as usize] != 1) {
                return Err(Error::Shape(format!(
                "axis {} has extent {} and cannot be squeezed: only extents of 1 can (shape {}).",
                a + 1, shape[a as usize], show(shape)
            )));
            }
            let left: Vec<i32> = (0..shape.len() as i32)
                .filter(|a| !dropped.contains(a))
                .collect();
            kept.set(left.iter().copied());
            let shape: Vec<i32> = left.iter().map(|&a| shape[a as usize]).collect();
            mlx::reshape(array, &shape, s)
        });
    names::select(out, x, kept)
}

/// `.Call`: with new length-1 axes at 1-based positions of the result.
unsafe extern "C" fn expand_dims(x: SEXP, axes: SEXP) -> SEXP {
    let mut kept = Kept::room(x, XLENGTH(axes));
    let out = with(x, |array, s| {
        let wanted = ints(axes)?;
        let rank = mlx::rank(array) + wanted.len();
        let mut at = Vec::new();
        for axis in wanted {
            let k = axis_of(axis, rank)?;
            if at.contains(&k) {
                return Err(Error::Index(format!(
                    "axis {axis} is named twice (of a result of rank {rank})."
                )));
            }
            at.push(k);
        }
        let mut old = 0..;
        let map: Vec<i32> = (0..rank as i32)
            .map(|a| {
                if at.contains(&a) {
                    -1
                } else {
                    old.next().unwrap_or(-1)
                }
            })
            .collect();
        kept.set(map.iter().copied());
        let shape: Vec<i32> = map
            .iter()
            .map(|&a| {
                if a < 0 {
                    1
                } else {
                    mlx::shape(array)[a as usize]
                }
            })
            .collect();
        mlx::reshape(array, &shape, s)
    });
    names::select(out, x, kept)
}

/// `.Call`: broadcast to a shape.
unsafe extern "C" fn broadcast_to(x: SEXP, shape: SEXP) -> SEXP {
    with(x, |array, s| {
        let shape = ints(shape)?;
        if product(&shape) > MOST {
            return Err(Error::Shape(format!(
                "shape {} has more elements than an R vector can have.",
                show(&shape)
            )));
        }
        mlx::broadcast(array, &shape, s).map_err(|_| {
            Error::Shape(format!(
                "shape {} cannot be broadcast to {}.",
                show(mlx::shape(array)),
                show(&shape)
            ))
        })
    })
}

/// `.Call`: 1-d in column-major order.
unsafe extern "C" fn flatten_columns(x: SEXP) -> SEXP {
    with(x, mlx::flatten_columns)
}

/// `.Call`: cast to a dtype and move to a device (either may be NULL).
unsafe extern "C" fn cast(x: SEXP, to: SEXP, on: SEXP) -> SEXP {
    let operand = Operand::of(x);
    let out = entry::one(|| {
        let old = operand.device().unwrap_or_else(device::default);
        let device = if on == R_NilValue {
            old
        } else {
            Device::of(on)?
        };
        let array = match operand.borrowed() {
            None if to != R_NilValue => {
                Held::Made(operand.array_as(dtype::of(to, "`dtype`")?, device)?)
            }
            _ => operand.array(device)?,
        };
        let to = if to == R_NilValue {
            mlx::dtype(&array)
        } else {
            dtype::of(to, "`dtype`")?
        };
        if to == Dtype::Float64 && device == Device::Gpu {
            return Err(float64_on_gpu());
        }
        // a float64 array has to leave float64 on the cpu
        let s = if mlx::dtype(&array) == Dtype::Float64 {
            Device::Cpu.stream()
        } else {
            device.stream()
        };
        Ok(Placed::new(mlx::astype(&array, to, s)?, device))
    });
    names::elementwise(out, &[x])
}

/// `.Call`: axes (NULL: all) of an array of some rank, counted from 1.
unsafe extern "C" fn resolve_axes(axes: SEXP, rank: SEXP) -> SEXP {
    let rank = Rf_asInteger(rank) as usize;
    let n = entry::plain(|| entry::axes(axes, rank).map(|found| found.len()));
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::INTSXP, n as R_xlen_t));
    entry::plain(|| {
        for (i, axis) in entry::axes(axes, rank)?.into_iter().enumerate() {
            SET_INTEGER_ELT(out, i as R_xlen_t, axis + 1);
        }
        Ok(())
    });
    Rf_unprotect(1);
    out
}

/// `.Call`: whether x stands for an MLX array.
unsafe extern "C" fn is_mlx(x: SEXP) -> SEXP {
    Rf_ScalarLogical(object::is(x).into())
}

/// `.Call`: whether an element of a list stands for an MLX array.
unsafe extern "C" fn any_mlx(list: SEXP) -> SEXP {
    let any = (0..XLENGTH(list)).any(|i| object::is(VECTOR_ELT(list, i)));
    Rf_ScalarLogical(any.into())
}

/// `.Call`: the shape as an integer vector.
unsafe extern "C" fn shape(x: SEXP) -> SEXP {
    let handle = object::mlx_handle(x);
    let ctx = handle::live(handle);
    let array = mlx::borrow(&ctx);
    let out = Rf_protect(Rf_allocVector(
        SEXPTYPE::INTSXP,
        mlx::rank(array) as R_xlen_t,
    ));
    handle::live(handle); // a finalizer may have freed it meanwhile
    for (i, &n) in mlx::shape(array).iter().enumerate() {
        SET_INTEGER_ELT(out, i as R_xlen_t, n);
    }
    Rf_unprotect(1);
    out
}

/// `.Call`: the dtype's name.
unsafe extern "C" fn dtype_name(x: SEXP) -> SEXP {
    let ctx = handle::live(object::mlx_handle(x));
    text(dtype::name(mlx::dtype(mlx::borrow(&ctx))))
}

/// `.Call`: the device's name.
unsafe extern "C" fn device_name(x: SEXP) -> SEXP {
    text(handle::device(object::mlx_handle(x)).name())
}

/// `.Call`: bytes of the elements.
unsafe extern "C" fn nbytes(x: SEXP) -> SEXP {
    let ctx = handle::live(object::mlx_handle(x));
    let array = mlx::borrow(&ctx);
    Rf_ScalarReal((mlx::size(array) * dtype::size(mlx::dtype(array))) as f64)
}

routines![
    reshape / 3,
    permute / 2,
    transpose / 1,
    squeeze / 2,
    expand_dims / 2,
    broadcast_to / 2,
    flatten_columns / 1,
    cast / 3,
    resolve_axes / 2,
    is_mlx / 1,
    any_mlx / 1,
    shape / 1,
    dtype_name / 1,
    device_name / 1,
    nbytes / 1,
];
