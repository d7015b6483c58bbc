//! MLX's fused operations: norms, rotary positions, cross entropy ([`super::attention`] is apart).
//!
//! MLX computes them in float32 whatever comes in; for float64 they are composed here of exact
//! operations. Arrays are made row-major first: MLX splits axes inside, see [`mlx::reshape`].
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::exact::{self, Exact};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use crate::operand::{self, Operand};
use mlx_sys::{mlx_array, mlx_stream};

/// No array, where one may be left out.
const NONE: mlx_array = mlx_array {
    ctx: std::ptr::null_mut(),
};

/// The handle of an array that may be left out.
pub fn raw(x: &Option<Array>) -> mlx_array {
    x.as_ref().map_or(NONE, |x| x.as_ptr())
}

/// The arguments of an operation: looked at first, which may jump.
pub struct Arguments<'a>(&'a [SEXP]);

impl<'a> Arguments<'a> {
    /// # Safety
    /// All are live and protected; the caller owns nothing (this may jump).
    pub unsafe fn of(all: &'a [SEXP]) -> Arguments<'a> {
        for &x in all {
            if x != R_NilValue {
                Operand::of(x);
            }
        }
        Arguments(all)
    }

    /// The device, and the arrays in the floating dtype that the first `n` have in common; NULL is
    /// none.
    ///
    /// # Safety
    /// As [`Arguments::of`].
    pub unsafe fn floating(&self, n: usize, on: SEXP) -> Result<(Device, Vec<Option<Array>>)> {
        let given: Vec<Option<Operand>> = self
            .0
            .iter()
            .map(|&x| (x != R_NilValue).then(|| Operand::of(x)))
            .collect();
        let present: Vec<&Operand> = given.iter().flatten().collect();
        let device = Device::of_operation(on, &present)?;
        let s = device.stream();
        let first: Vec<Operand> = given[..n].iter().flatten().copied().collect();
        let kind = match super::bind::common(&first, device)? {
            Dtype::Bool => Dtype::Float32,
            Dtype::Complex64 => {
                return Err(Error::Dtype(
                    "this is not defined for complex numbers.".into(),
                ))
            }
            kind if dtype::is_integer(kind) => operand::default_dtype()?,
            kind => kind,
        };
        let arrays = given
            .iter()
            .enumerate()
            .map(|(i, x)| match x {
                None => Ok(None),
                Some(x) if i < n => mlx::contiguous(&x.array_as(kind, device)?, s).map(Some),
                Some(x) => mlx::contiguous(&*x.array(device)?, s).map(Some),
            })
            .collect::<Result<_>>()?;
        Ok((device, arrays))
    }
}

/// An argument that has to be there.
pub fn need<'a>(x: &'a Option<Array>, name: &str) -> Result<&'a Array> {
    x.as_ref().ok_or_else(|| missing(name))
}

/// NULL for an argument that has to be there.
pub fn missing(name: &str) -> Error {
    Error::Argument(format!("`{name}` must be an array, not NULL."))
}

/// Arithmetic on float64 arrays.
#[derive(Clone, Copy)]
pub struct Wide(pub mlx_stream);

impl Wide {
    /// A number as a 0-d array.
    pub fn number(self, value: f64) -> Result<Array> {
        mlx::scalar(value, Dtype::Float64, self.0)
    }

    /// x + y.
    pub fn add(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_add, x, y, self.0)
    }

    /// x - y.
    pub fn subtract(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_subtract, x, y, self.0)
    }

    /// x y.
    pub fn multiply(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_multiply, x, y, self.0)
    }

    fn mean(self, x: &Array) -> Result<Array> {
        let last = mlx::rank(x) as i32 - 1;
        mlx::reduce(mlx_sys::mlx_mean_axes, x, &[last], true, self.0)
    }

    /// x / sqrt(mean(x^2) + eps), along the last axis.
    fn scaled(self, x: &Array, eps: f64) -> Result<Array> {
        let square = self.mean(&self.multiply(x, x)?)?;
        let root = mlx::unary(
            mlx_sys::mlx_sqrt,
            &self.add(&square, &self.number(eps)?)?,
            self.0,
        )?;
        mlx::binary(mlx_sys::mlx_divide, x, &root, self.0)
    }
}

/// weight and bias must be vectors as long as the last axis.
fn check_last(x: &Array, other: &Option<Array>, name: &str) -> Result<()> {
    let shape = mlx::shape(x);
    let Some(&last) = shape.last() else {
        return Err(Error::Shape("`x` must have at least one axis.".into()));
    };
    match other {
        Some(other) if mlx::shape(other) != [last] => Err(Error::Shape(format!(
            "`{name}` must be a vector of {last} elements, one for each along the last axis of `x`; its shape is {}.",
            show(mlx::shape(other))
        ))),
        _ => Ok(()),
    }
}

/// `.Call`: x / rms(x) * weight.
unsafe extern "C" fn fast_rms_norm(x: SEXP, weight: SEXP, eps: SEXP, on: SEXP) -> SEXP {
    let eps = Rf_asReal(eps);
    let given = [x, weight];
    let arguments = Arguments::of(&given);
    entry::one(|| {
        let (device, arrays) = arguments.floating(2, on)?;
        let s = device.stream();
        let (x, weight) = (need(&arrays[0], "x")?, &arrays[1]);
        check_last(x, weight, "weight")?;
        if mlx::size(x) == 0 {
            return Ok(Placed::new(mlx::share(x)?, device));
        }
        let array = if mlx::dtype(x) == Dtype::Float64 {
            let wide = Wide(s);
            let y = wide.scaled(x, eps)?;
            match weight {
                Some(weight) => wide.multiply(&y, weight)?,
                None => y,
            }
        } else {
            mlx::out(|o| mlx_sys::mlx_fast_rms_norm(o, x.as_ptr(), raw(weight), eps as f32, s))?
        };
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: (x - mean) / sd * weight + bias.
unsafe extern "C" fn fast_layer_norm(
    x: SEXP,
    weight: SEXP,
    bias: SEXP,
    eps: SEXP,
    on: SEXP,
) -> SEXP {
    let eps = Rf_asReal(eps);
    let given = [x, weight, bias];
    let arguments = Arguments::of(&given);
    entry::one(|| {
        let (device, arrays) = arguments.floating(3, on)?;
        let s = device.stream();
        let (x, weight, bias) = (need(&arrays[0], "x")?, &arrays[1], &arrays[2]);
        check_last(x, weight, "weight")?;
        check_last(x, bias, "bias")?;
        if mlx::size(x) == 0 {
            return Ok(Placed::new(mlx::share(x)?, device));
        }
        let array = if mlx::dtype(x) == Dtype::Float64 {
            let wide = Wide(s);
            let mut y = wide.scaled(&wide.subtract(x, &wide.mean(x)?)?, eps)?;
            if let Some(weight) = weight {
                y = wide.multiply(&y, weight)?;
            }
            match bias {
                Some(bias) => wide.add(&y, bias)?,
                None => y,
            }
        } else {
            mlx::out(|o| {
                let (weight, bias) = (raw(weight), raw(bias));
                mlx_sys::mlx_fast_layer_norm(o, x.as_ptr(), weight, bias, eps as f32, s)
            })?
        };
        Ok(Placed::new(array, device))
    })
}

/// How positions turn pairs of features.
struct Rotation {
    dims: i32,
    traditional: bool,
    base: f64,
    scale: f64,
}

impl Rotation {
    /// In float64. `offset`: 0-d, or one for each in the batch.
    fn wide(
        &self,
        x: &Array,
        offset: &Array,
        freqs: &Option<Array>,
        s: mlx_stream,
    ) -> Result<Array> {
        let wide = Wide(s);
        let shape = mlx::shape(x).to_vec();
        let (rank, half) = (shape.len(), self.dims / 2);
        let float = |x: &Array| mlx::astype(x, Dtype::Float64, s);
        // positions: (batch or 1), 1 .. 1, T, 1
        let t = mlx::reshape(
            &float(&mlx::iota(shape[rank - 2], s)?)?,
            &[shape[rank - 2], 1],
            s,
        )?;
        let mut batch = vec![1; rank];
        batch[0] = mlx::size(offset) as i32;
        let offset = mlx::reshape(&float(offset)?, &batch, s)?;
        let positions = wide.multiply(&wide.add(&t, &offset)?, &wide.number(self.scale)?)?;
        let speeds = match freqs {
            Some(freqs) => mlx::unary(mlx_sys::mlx_reciprocal, &float(freqs)?, s)?,
            None => {
                let by = -self.base.ln() / f64::from(half);
                let powers = wide.multiply(&float(&mlx::iota(half, s)?)?, &wide.number(by)?)?;
                exact::unary(Exact::Exp, &powers, s)?
            }
        };
        let angles = wide.multiply(&positions, &speeds)?;
        let (cos, sin) = (
            exact::unary(Exact::Cos, &angles, s)?,
            exact::unary(Exact::Sin, &angles, s)?,
        );
        let last = rank as i32 - 1;
        let part = |from: i32, to: i32, step: i32| {
            let (mut start, mut stop, mut steps) = (vec![0; rank], shape.clone(), vec![1; rank]);
            (start[rank - 1], stop[rank - 1], steps[rank - 1]) = (from, to, step);
            mlx::slice(x, &start, &stop, &steps, s)
        };
        let (a, b) = if self.traditional {
            (part(0, self.dims, 2)?, part(1, self.dims, 2)?)
        } else {
            (part(0, half, 1)?, part(half, self.dims, 1)?)
        };
        let first = wide.subtract(&wide.multiply(&a, &cos)?, &wide.multiply(&b, &sin)?)?;
        let second = wide.add(&wide.multiply(&a, &sin)?, &wide.multiply(&b, &cos)?)?;
        let turned = if self.traditional {
            let mut split = shape.clone();
            split[rank - 1] = half;
            split.push(1);
            let columns = [
                mlx::reshape(&first, &split, s)?,
                mlx::reshape(&second, &split, s)?,
            ];
            let mut joined = shape.clone();
            joined[rank - 1] = self.dims;
            mlx::reshape(&mlx::concatenate(&columns, last + 1, s)?, &joined, s)?
        } else {
            mlx::concatenate(&[first, second], last, s)?
        };
        if self.dims == shape[rank - 1] {
            return Ok(turned);
        }
        mlx::concatenate(&[turned, part(self.dims, shape[rank - 1], 1)?], last, s)
    }
}

/// `.Call`: rotary positions. `how`: dims, traditional, base, scale.
unsafe extern "C" fn fast_rope(x: SEXP, offset: SEXP, freqs: SEXP, how: SEXP, on: SEXP) -> SEXP {
    let number = |i| Rf_asReal(VECTOR_ELT(how, i));
    let rotation = Rotation {
        dims: number(0) as i32,
        traditional: number(1) != 0.0,
        base: number(2),
        scale: number(3),
    };
    let given = [x, offset, freqs];
    let arguments = Arguments::of(&given);
    entry::one(|| {
        let (device, arrays) = arguments.floating(1, on)?;
        let s = device.stream();
        let (x, offset, freqs) = (
            need(&arrays[0], "x")?,
            need(&arrays[1], "offset")?,
            &arrays[2],
        );
        let shape = mlx::shape(x);
        if shape.len() < 3 {
            return Err(Error::Shape(format!(
                "`x` must have at least 3 axes, batch x .. x positions x features; its shape is {}.",
                show(shape)
            )));
        }
        let features = shape[shape.len() - 1];
        if rotation.dims < 2 || rotation.dims % 2 != 0 || rotation.dims > features {
            return Err(Error::Shape(format!(
                "`dims` must be an even number of features, at most the {features} of `x`; it is {}.",
                rotation.dims
            )));
        }
        if let Some(freqs) = freqs {
            if mlx::shape(freqs) != [rotation.dims / 2] {
                return Err(Error::Shape(format!(
                    "`freqs` must be a vector of dims / 2 = {} elements; its shape is {}.",
                    rotation.dims / 2,
                    show(mlx::shape(freqs))
                )));
            }
        }
        if mlx::rank(offset) > 1
            || (mlx::rank(offset) == 1 && mlx::size(offset) != shape[0] as usize)
        {
            return Err(Error::Shape(format!(
                "`offset` must be one number, or one for each of the {} in the batch; its shape is {}.",
                shape[0],
                show(mlx::shape(offset))
            )));
        }
        if mlx::size(x) == 0 {
            return Ok(Placed::new(mlx::share(x)?, device));
        }
        let array = if mlx::dtype(x) == Dtype::Float64 {
            rotation.wide(x, offset, freqs, s)?
        } else {
            let base = mlx_sys::mlx_optional_float {
                value: rotation.base as f32,
                has_value: freqs.is_none(),
            };
            let offset = mlx::astype(offset, Dtype::Int32, s)?;
            let freqs = match freqs {
                Some(freqs) => Some(mlx::astype(freqs, Dtype::Float32, s)?),
                None => None,
            };
            mlx::out(|o| {
                mlx_sys::mlx_fast_rope_dynamic(
                    o,
                    x.as_ptr(),
                    rotation.dims,
                    rotation.traditional,
                    base,
                    rotation.scale as f32,
                    offset.as_ptr(),
                    raw(&freqs),
                    s,
                )
            })?
        };
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: log(sum(exp(logits))) - logits[target], along the last axis; targets are 0-based int32.
/// One out of range gives NaN: MLX would read what lies there.
unsafe extern "C" fn fast_cross_entropy(logits: SEXP, targets: SEXP, on: SEXP) -> SEXP {
    let given = [logits, targets];
    let arguments = Arguments::of(&given);
    entry::one(|| {
        let (device, arrays) = arguments.floating(1, on)?;
        let s = device.stream();
        let (x, targets) = (need(&arrays[0], "logits")?, need(&arrays[1], "targets")?);
        let (kind, shape) = (mlx::dtype(x), mlx::shape(x));
        if shape.is_empty() || mlx::shape(targets) != &shape[..shape.len() - 1] {
            return Err(Error::Shape(format!(
                "`targets` must have the shape of `logits` without its last axis; the shapes are {} and {}.",
                show(mlx::shape(targets)),
                show(shape)
            )));
        }
        let whole = |n: i32| mlx::scalar(f64::from(n), Dtype::Int32, s);
        let nan = mlx::scalar(f64::NAN, kind, s)?;
        if mlx::size(x) == 0 {
            let empty = mlx::full(mlx::shape(targets), &nan, kind, s)?;
            return Ok(Placed::new(empty, device));
        }
        let last = mlx::rank(x) as i32 - 1;
        let below = mlx::binary(mlx_sys::mlx_less, targets, &whole(shape[last as usize])?, s)?;
        let above = mlx::binary(mlx_sys::mlx_greater_equal, targets, &whole(0)?, s)?;
        let inside = mlx::binary(mlx_sys::mlx_logical_and, &below, &above, s)?;
        let targets = mlx::select(&inside, targets, &whole(0)?, s)?;
        let loss = if kind == Dtype::Float64 {
            let all = exact::logsumexp(x, &[last], true, s)?;
            let mut column = mlx::shape(&targets).to_vec();
            column.push(1);
            let at = mlx::reshape(&targets, &column, s)?;
            let own =
                mlx::out(|o| mlx_sys::mlx_take_along_axis(o, x.as_ptr(), at.as_ptr(), last, s))?;
            let loss = Wide(s).subtract(&all, &own)?;
            mlx::reshape(&loss, mlx::shape(&targets), s)?
        } else {
            mlx::out(|o| mlx_sys::mlx_fast_cross_entropy(o, x.as_ptr(), targets.as_ptr(), s))?
        };
        let nan = mlx::scalar(f64::NAN, mlx::dtype(&loss), s)?;
        Ok(Placed::new(mlx::select(&inside, &loss, &nan, s)?, device))
    })
}

routines![
    fast_rms_norm / 4,
    fast_layer_norm / 5,
    fast_rope / 5,
    fast_cross_entropy / 3,
];
