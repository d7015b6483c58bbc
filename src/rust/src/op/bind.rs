//! Joining arrays along an axis.
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::operand::Operand;

/// The dtype that all parts are joined in: MLX's promotion of the arrays; R vectors are weak.
pub fn common(parts: &[Operand], device: Device) -> Result<Dtype> {
    let s = device.stream();
    let mut kind: Option<Dtype> = None;
    let join = |kind: Option<Dtype>, other: Dtype| -> Result<Option<Dtype>> {
        Ok(Some(match kind {
            None => other,
            Some(kind) if kind == other => kind,
            Some(kind) => {
                let (a, b) = (mlx::scalar(0.0, kind, s)?, mlx::scalar(0.0, other, s)?);
                mlx::dtype(&mlx::binary(mlx_sys::mlx_maximum, &a, &b, s)?)
            }
        }))
    };
    for part in parts {
        if let Some(other) = part.dtype() {
            kind = join(kind, other)?;
        }
    }
    let base = kind;
    for part in parts.iter().filter(|p| p.dtype().is_none()) {
        let other = match base {
            Some(base) => mlx::dtype(&*part.array_beside(base, device)?),
            None => mlx::dtype(&*part.array(device)?),
        };
        kind = join(kind, other)?;
    }
    kind.ok_or_else(|| Error::Argument("there is nothing to join".into()))
}

/// gpu if any array is there.
pub fn device_of(parts: &[Operand]) -> Device {
    parts
        .iter()
        .filter_map(Operand::device)
        .reduce(Device::join)
        .unwrap_or_else(device::default)
}

/// `.Call`: the elements of all parts, each in column-major order, 1-d.
unsafe extern "C" fn combine(list: SEXP) -> SEXP {
    let parts = Parts::of(list);
    entry::one(|| {
        let parts = parts.operands()?;
        let device = device_of(&parts);
        let s = device.stream();
        let kind = common(&parts, device)?;
        let flat = parts
            .iter()
            .map(|part| mlx::flatten_columns(&part.array_as(kind, device)?, s))
            .collect::<Result<Vec<Array>>>()?;
        Ok(Placed::new(mlx::concatenate(&flat, 0, s)?, device))
    })
}

/// `.Call`: joined along a 1-based axis of parts with the same rank.
unsafe extern "C" fn concatenate(list: SEXP, axis: SEXP) -> SEXP {
    let parts = Parts::of(list);
    let axis = Rf_asInteger(axis);
    entry::one(|| {
        let parts = parts.operands()?;
        let device = device_of(&parts);
        let kind = common(&parts, device)?;
        let arrays = parts
            .iter()
            .map(|part| part.array_as(kind, device))
            .collect::<Result<Vec<Array>>>()?;
        let first = mlx::shape(&arrays[0]).to_vec();
        let axis = entry::axis_of(axis, first.len())?;
        for array in &arrays {
            let shape = mlx::shape(array);
            let fits = shape.len() == first.len()
                && shape
                    .iter()
                    .zip(&first)
                    .enumerate()
                    .all(|(i, (m, n))| m == n || i as i32 == axis);
            if !fits {
                return Err(Error::Shape(format!(
                    "Non-bound dimensions must match across all inputs: {} and {} differ beside axis {}.",
                    show(&first), show(shape), axis + 1
                )));
            }
        }
        Ok(Placed::new(
            mlx::concatenate(&arrays, axis, device.stream())?,
            device,
        ))
    })
}

/// The parts of a list; looking at one may jump, so they are looked at twice: first for the
/// jump's sake, then, owning memory, for keeps.
pub struct Parts(SEXP);

impl Parts {
    /// Looks at every element of a list; may jump.
    pub unsafe fn of(list: SEXP) -> Parts {
        for i in 0..XLENGTH(list) {
            Operand::of(VECTOR_ELT(list, i));
        }
        Parts(list)
    }

    /// The parts.
    pub fn operands(&self) -> Result<Vec<Operand>> {
        // SAFETY: every element has been looked at, so none jumps now.
        unsafe {
            (0..XLENGTH(self.0))
                .map(|i| Operand::again(VECTOR_ELT(self.0, i)))
                .collect()
        }
    }
}

/// `.Call`: the name of the dtype that these parts have in common.
unsafe extern "C" fn common_dtype(list: SEXP) -> SEXP {
    let parts = Parts::of(list);
    let kind = entry::plain(|| {
        let parts = parts.operands()?;
        common(&parts, device_of(&parts))
    });
    text(dtype::name(kind))
}

routines![combine / 1, concatenate / 2, common_dtype / 1];
