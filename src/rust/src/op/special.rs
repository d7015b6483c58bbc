//! Elementwise functions of up to three arguments that are kernels of ours in every dtype: the
//! rows of `exact::table`, by name.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx;
use crate::names;
use crate::operand::{self, Operand};

/// The floating dtype that operands have in common: integers and R numbers follow the others.
fn common(operands: &[Operand]) -> Result<Dtype> {
    let mut common = None;
    for kind in operands.iter().filter_map(Operand::dtype) {
        if kind == Dtype::Complex64 {
            return Err(Error::Dtype(
                "this function is not defined for complex numbers.".into(),
            ));
        }
        if dtype::is_float(kind) {
            common = Some(match common {
                None => kind,
                Some(other) if other == kind => kind,
                Some(Dtype::Float64) => Dtype::Float64,
                Some(_) if kind == Dtype::Float64 => kind,
                Some(_) => Dtype::Float32,
            });
        }
    }
    common.map_or_else(operand::default_dtype, Ok)
}

/// Names the shapes where they do not broadcast.
fn check_shapes(operands: &[Operand]) -> Result<()> {
    let shapes = operands
        .iter()
        .map(Operand::shape)
        .collect::<Result<Vec<_>>>()?;
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    for axis in 1..=rank {
        let mut extents = shapes
            .iter()
            .filter(|shape| shape.len() >= axis)
            .map(|shape| shape[shape.len() - axis])
            .filter(|&n| n != 1);
        if let Some(first) = extents.next() {
            if extents.any(|n| n != first) {
                let all: Vec<_> = shapes.iter().map(|shape| show(shape)).collect();
                return Err(Error::Shape(format!(
                    "shapes {} cannot be broadcast: counted from the last axis, extents must be equal or 1. (mlx arrays broadcast as in NumPy; they are not recycled.)",
                    all.join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// `.Call`: the function of that name and order.
unsafe extern "C" fn special(name: SEXP, order: SEXP, arguments: SEXP) -> SEXP {
    let mut sexps = [R_NilValue; 3];
    let count = XLENGTH(arguments).min(3) as usize;
    for (k, x) in sexps.iter_mut().enumerate().take(count) {
        *x = VECTOR_ELT(arguments, k as R_xlen_t);
    }
    let sexps = &sexps[..count];
    // One that is not there is not looked at below.
    let first = Operand::of(sexps[0]);
    let mut operands = [first; 3];
    for (operand, &x) in operands.iter_mut().zip(sexps).skip(1) {
        *operand = Operand::of(x);
    }
    let operands = &operands[..count];
    let order = Rf_asInteger(order);
    let out = entry::one(|| {
        let name = entry::name(name)?;
        let f = exact::find(&name)
            .ok_or_else(|| Error::Internal(format!("no function {name} in the table")))?;
        let device = operands
            .iter()
            .filter_map(Operand::device)
            .reduce(Device::join)
            .unwrap_or_else(device::default);
        let kind = common(operands)?;
        check_shapes(operands)?;
        let wide = if kind == Dtype::Float64 {
            kind
        } else {
            Dtype::Float32
        };
        let arrays = operands
            .iter()
            .map(|x| x.array_as(wide, device))
            .collect::<Result<Vec<_>>>()?;
        let array = exact::apply(
            f,
            order,
            &arrays.iter().collect::<Vec<_>>(),
            Device::Cpu.stream(),
        )?;
        Ok(Placed::new(
            mlx::astype(&array, kind, device.stream())?,
            device,
        ))
    });
    names::elementwise(out, sexps)
}

routines![special / 3];
