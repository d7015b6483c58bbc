//! Draws of categories by weight: with replacement along an axis, and all in random order.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry;
use crate::error::{Error, Result};
use crate::exact::{self, Exact};
use crate::ffi::*;
use crate::handle::Placed;
use crate::memory;
use crate::mlx::{self, Array};
use crate::op::create::check_shape;
use crate::op::random::{gumbel, uniform, Key};
use crate::op::scan::cumsum;
use crate::op::sort::argsorted;
use crate::operand::Operand;
use mlx_sys::mlx_stream;

/// Logits as floating numbers.
fn floating(x: &Operand, device: Device) -> Result<Array> {
    let array = x.array(device)?;
    let kind = match mlx::dtype(&array) {
        kind if dtype::is_float(kind) => kind,
        _ => Dtype::Float32,
    };
    mlx::astype(&array, kind, device.stream())
}

/// 1-based positions as int32.
fn positions(x: &Array, s: mlx_stream) -> Result<Array> {
    let x = mlx::astype(x, Dtype::Int32, s)?;
    mlx::binary(mlx_sys::mlx_add, &x, &mlx::scalar(1.0, Dtype::Int32, s)?, s)
}

/// `.Call`: categories drawn by their logits along an axis, `num` for each of the other places.
unsafe extern "C" fn random_categorical(x: SEXP, axis: SEXP, num: SEXP, key: SEXP) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    let (x, axis, num) = (Operand::of(x), Rf_asInteger(axis), Rf_asInteger(num));
    entry::one(|| {
        let device = x.device().unwrap_or_else(crate::device::default);
        let s = device.stream();
        let logits = floating(&x, device)?;
        let mut places = mlx::shape(&logits).to_vec();
        let axis = entry::axis_of(axis, places.len())?;
        let categories = places.remove(axis as usize);
        if categories == 0 {
            return Err(Error::Shape("there are no categories to draw from.".into()));
        }
        let drawn: Vec<i32> = [&places[..], &[num]].concat();
        check_shape(&drawn, Dtype::Int32)?;
        let key = key.array()?;
        if drawn.contains(&0) {
            let zero = mlx::scalar(0.0, Dtype::Int32, s)?;
            let none = mlx::full(&drawn, &zero, Dtype::Int32, s)?;
            return Ok(Placed::new(none, device));
        }
        let mut axes: Vec<i32> = (0..drawn.len() as i32).filter(|&k| k != axis).collect();
        axes.push(axis);
        let logits = mlx::permute(&logits, &axes, s)?;
        let found = search(&logits, &drawn, device, &key)?;
        Ok(Placed::new(positions(&found, s)?, device))
    })
}

/// The first category whose cumulated weight is above a uniform number, by bisection, so that no
/// array has an element for each draw and category. The last axis has the categories.
fn search(logits: &Array, drawn: &[i32], device: Device, key: &Array) -> Result<Array> {
    let s = device.stream();
    let last = drawn.len() as i32 - 1;
    let categories = mlx::shape(logits)[last as usize];
    let kind = match device {
        Device::Cpu => Dtype::Float64,
        Device::Gpu => Dtype::Float32,
    };
    let logits = mlx::astype(logits, kind, s)?;
    let top = mlx::reduce_axis(mlx_sys::mlx_max_axis, &logits, last, true, s)?;
    let apart = mlx::binary(mlx_sys::mlx_subtract, &logits, &top, s)?;
    let weights = match device {
        Device::Cpu => exact::unary(Exact::Exp, &apart, s)?,
        Device::Gpu => mlx::unary(mlx_sys::mlx_exp, &apart, s)?,
    };
    let sums = cumsum(&weights, last, s)?;
    let total = mlx::take(&sums, &mlx::indices(&[categories - 1], &[1])?, last, s)?;
    let aims = mlx::binary(
        mlx_sys::mlx_multiply,
        &uniform(drawn, kind, key, s)?,
        &total,
        s,
    )?;
    let whole = |value: i32| mlx::scalar(f64::from(value), Dtype::Int32, s);
    let (one, two) = (whole(1)?, whole(2)?);
    let mut low = mlx::full(drawn, &whole(0)?, Dtype::Int32, s)?;
    let mut high = mlx::full(drawn, &whole(categories - 1)?, Dtype::Int32, s)?;
    for _ in 0..i32::BITS - categories.leading_zeros() {
        let middle = mlx::binary(mlx_sys::mlx_add, &low, &high, s)?;
        let middle = mlx::binary(mlx_sys::mlx_floor_divide, &middle, &two, s)?;
        // SAFETY: live handles.
        let here = mlx::out(|o| unsafe {
            mlx_sys::mlx_take_along_axis(o, sums.as_ptr(), middle.as_ptr(), last, s)
        })?;
        let above = mlx::binary(mlx_sys::mlx_greater, &here, &aims, s)?;
        high = mlx::select(&above, &middle, &high, s)?;
        let next = mlx::binary(mlx_sys::mlx_add, &middle, &one, s)?;
        let next = mlx::binary(mlx_sys::mlx_minimum, &next, &high, s)?;
        low = mlx::select(&above, &low, &next, s)?;
    }
    Ok(high)
}

/// `.Call`: all categories, each next one drawn by its weight among those that are left: in the
/// order of their logits with Gumbel noise.
unsafe extern "C" fn random_order(x: SEXP, key: SEXP) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    let x = Operand::of(x);
    entry::one(|| {
        let device = x.device().unwrap_or_else(crate::device::default);
        let s = device.stream();
        let logits = floating(&x, device)?;
        let noise = gumbel(mlx::shape(&logits), mlx::dtype(&logits), &key.array()?, s)?;
        let sum = mlx::binary(mlx_sys::mlx_add, &logits, &noise, s)?;
        let least_first = mlx::unary(mlx_sys::mlx_negative, &sum, s)?;
        let last = mlx::rank(&logits) as i32 - 1;
        let order = argsorted(&least_first, last, s)?;
        Ok(Placed::new(positions(&order, s)?, device))
    })
}

routines![random_categorical / 4, random_order / 2];
