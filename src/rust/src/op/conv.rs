//! Convolutions of channels-last arrays: batch x space x channels.
//!
//! All of them are one general convolution. MLX's own loses digits in float64 (and ends the process
//! for grouped float64 and for complex numbers), so those are composed: every window gathered, then
//! one matrix product.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, ints, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::memory;
use crate::mlx::{self, Array};
use crate::operand::{self, pair_on, Operand};
use mlx_sys::mlx_stream;

/// How the windows lie, one number for each axis of space.
struct Windows {
    stride: Vec<i32>,
    before: Vec<i32>,
    after: Vec<i32>,
    kernel_dilation: Vec<i32>,
    input_dilation: Vec<i32>,
    groups: i32,
    flip: bool,
}

impl Windows {
    /// The extents of the result's space; checks that the shapes fit.
    fn extents(&self, x: &[i32], w: &[i32]) -> Result<Vec<i32>> {
        let space = self.stride.len();
        let refuse = |what: String| Err::<Vec<i32>, Error>(Error::Shape(what));
        let layout = ["length", "height x width", "depth x height x width"]
            .get(space - 1)
            .unwrap_or(&"space");
        if x.len() != space + 2 {
            return refuse(format!(
                "`input` must be batch x {layout} x channels; its shape is {}.",
                show(x)
            ));
        }
        if w.len() != space + 2 {
            return refuse(format!(
                "`weight` must be channels out x {layout} x channels in; its shape is {}.",
                show(w)
            ));
        }
        let (channels, each, out) = (x[space + 1], w[space + 1], w[0]);
        if self.groups < 1 || i64::from(each) * i64::from(self.groups) != i64::from(channels) {
            return refuse(format!(
                "`input` has {channels} channels, but `weight` takes {each} in each of {} groups (shapes {} and {}).",
                self.groups, show(x), show(w)
            ));
        }
        if out % self.groups != 0 {
            return refuse(format!(
                "the {out} channels out of `weight` do not divide into {} groups.",
                self.groups
            ));
        }
        (0..space)
            .map(|k| {
                let dilated = |n: i32, by: i32| i64::from(n - 1) * i64::from(by) + 1;
                let length = if x[k + 1] == 0 {
                    0
                } else {
                    dilated(x[k + 1], self.input_dilation[k])
                };
                let padded = length + i64::from(self.before[k]) + i64::from(self.after[k]);
                let window = dilated(w[k + 1], self.kernel_dilation[k]);
                if w[k + 1] < 1 || padded < window {
                    return Err(Error::Shape(format!(
                        "the kernel of `weight` covers {window} points of axis {}, but `input` has {padded} there, padding included.",
                        k + 2
                    )));
                }
                mlx::count(((padded - window) / i64::from(self.stride[k]) + 1) as usize)
            })
            .collect()
    }

    fn native(&self, x: &Array, w: &Array, s: mlx_stream) -> Result<Array> {
        // SAFETY: valid handles; the slices live during the call.
        mlx::out(|o| unsafe {
            mlx_sys::mlx_conv_general(
                o,
                x.as_ptr(),
                w.as_ptr(),
                self.stride.as_ptr(),
                self.stride.len(),
                self.before.as_ptr(),
                self.before.len(),
                self.after.as_ptr(),
                self.after.len(),
                self.kernel_dilation.as_ptr(),
                self.kernel_dilation.len(),
                self.input_dilation.as_ptr(),
                self.input_dilation.len(),
                self.groups,
                self.flip,
                s,
            )
        })
    }

    /// For each window and each place in it, the position along axis k of the input; `length`
    /// stands for a zero.
    fn positions(&self, k: usize, length: i32, windows: i32, places: i32) -> Vec<i32> {
        let mut out = Vec::with_capacity(windows as usize * places as usize);
        for window in 0..i64::from(windows) {
            for place in 0..places {
                let place = if self.flip { places - 1 - place } else { place };
                let at = window * i64::from(self.stride[k])
                    + i64::from(place) * i64::from(self.kernel_dilation[k])
                    - i64::from(self.before[k]);
                let step = i64::from(self.input_dilation[k]);
                let inside = at >= 0 && at % step == 0 && at / step < i64::from(length);
                out.push(if inside { (at / step) as i32 } else { length });
            }
        }
        out
    }

    fn composed(&self, x: &Array, w: &Array, extents: &[i32], s: mlx_stream) -> Result<Array> {
        let (kind, space) = (mlx::dtype(x), extents.len());
        let (shape, kernel) = (mlx::shape(x).to_vec(), mlx::shape(w).to_vec());
        let mut patches = mlx::share(x)?;
        for k in (0..space).rev() {
            let axis = k + 1;
            let (windows, places) = (extents[k], kernel[axis]);
            let at = self.positions(k, shape[axis], windows, places);
            if at.contains(&shape[axis]) {
                let mut one = mlx::shape(&patches).to_vec();
                one[axis] = 1;
                let zeros = mlx::full(&one, &mlx::scalar(0.0, kind, s)?, kind, s)?;
                patches = mlx::concatenate(&[patches, zeros], axis as i32, s)?;
            }
            let at = mlx::indices(&at, &[windows, places])?;
            patches = mlx::take(&patches, &at, axis as i32, s)?;
        }
        // batch, windows and places of each axis, channels -> groups, windows, (places, channels)
        let (groups, each) = (self.groups, kernel[space + 1]);
        let mut split = mlx::shape(&patches)[..2 * space + 1].to_vec();
        split.extend([groups, each]);
        let axes = |first: i32| (0..space as i32).map(move |k| first + 2 * k);
        let order: Vec<i32> = [2 * space as i32 + 1, 0]
            .into_iter()
            .chain(axes(1))
            .chain(axes(2))
            .chain([2 * space as i32 + 2])
            .collect();
        let patches = mlx::permute(&mlx::reshape(&patches, &split, s)?, &order, s)?;
        let rows = shape[0] * extents.iter().product::<i32>();
        let inner = kernel[1..].iter().product::<i32>();
        let patches = mlx::reshape(&patches, &[groups, rows, inner], s)?;
        let out = kernel[0] / groups;
        let w = mlx::reshape(w, &[groups, out, inner], s)?;
        let w = mlx::permute(&w, &[0, 2, 1], s)?;
        let y = mlx::binary(mlx_sys::mlx_matmul, &patches, &w, s)?;
        let y = mlx::permute(&y, &[1, 0, 2], s)?;
        let mut result = vec![shape[0]];
        result.extend(extents);
        result.push(kernel[0]);
        mlx::reshape(&y, &result, s)
    }

    fn apply(&self, x: &Array, w: &Array, device: Device) -> Result<Array> {
        let s = device.stream();
        let (shape, kernel) = (mlx::shape(x), mlx::shape(w));
        let extents = self.extents(shape, kernel)?;
        let kind = mlx::dtype(x);
        let beyond_mlx = extents.len() > 3 || (extents.len() == 3 && self.groups > 1);
        let composed = beyond_mlx || matches!(kind, Dtype::Float64 | Dtype::Complex64);
        let windows = extents
            .iter()
            .chain([&shape[0]])
            .fold(1usize, |n, &k| n.saturating_mul(k as usize));
        let each = if composed {
            kernel[1..]
                .iter()
                .fold(self.groups as usize, |n, &k| n.saturating_mul(k as usize))
        } else {
            kernel[0] as usize
        };
        let elements = windows.saturating_mul(each);
        memory::check_request(elements.saturating_mul(dtype::size(kind)))?;
        let mut result = vec![shape[0]];
        result.extend(&extents);
        result.push(kernel[0]);
        if windows == 0 || kernel[0] == 0 || mlx::size(w) == 0 || mlx::size(x) == 0 {
            return mlx::full(&result, &mlx::scalar(0.0, kind, s)?, kind, s);
        }
        if composed {
            mlx::count(elements)?;
            self.composed(x, w, &extents, s)
        } else {
            self.native(x, w, s)
        }
    }
}

/// Numbers to convolve: integers as the default floating dtype.
fn floating(x: &Array, s: mlx_stream) -> Result<Array> {
    match mlx::dtype(x) {
        Dtype::Bool => mlx::astype(x, Dtype::Float32, s),
        kind if dtype::is_integer(kind) => mlx::astype(x, operand::default_dtype()?, s),
        _ => mlx::share(x),
    }
}

/// Both operands in the dtype that they have in common.
fn operands(x: &Array, w: &Array, s: mlx_stream) -> Result<(Array, Array)> {
    let (x, w) = (floating(x, s)?, floating(w, s)?);
    let zero = |z: &Array| mlx::scalar(0.0, mlx::dtype(z), s);
    let kind = mlx::dtype(&mlx::binary(mlx_sys::mlx_add, &zero(&x)?, &zero(&w)?, s)?);
    Ok((mlx::astype(&x, kind, s)?, mlx::astype(&w, kind, s)?))
}

/// `.Call`: the general convolution. `geometry`: stride, padding before and after, dilations of the
/// kernel and the input, each with one number per axis of space; groups; whether to flip.
unsafe extern "C" fn conv(x: SEXP, w: SEXP, geometry: SEXP, on: SEXP) -> SEXP {
    let (a, b) = (Operand::of(x), Operand::of(w));
    entry::one(|| {
        let (a, b, device) = pair_on(&a, &b, on)?;
        let part = |i| ints(VECTOR_ELT(geometry, i));
        let windows = Windows {
            stride: part(0)?,
            before: part(1)?,
            after: part(2)?,
            kernel_dilation: part(3)?,
            input_dilation: part(4)?,
            groups: part(5)?[0],
            flip: part(6)?[0] == 1,
        };
        let (a, b) = operands(&a, &b, device.stream())?;
        Ok(Placed::new(windows.apply(&a, &b, device)?, device))
    })
}

/// `.Call`: the transposed convolution: what the gradient of one does with its input. `geometry`:
/// stride, padding, dilation, output padding, groups.
unsafe extern "C" fn conv_transpose(x: SEXP, w: SEXP, geometry: SEXP, on: SEXP) -> SEXP {
    let (a, b) = (Operand::of(x), Operand::of(w));
    entry::one(|| {
        let (a, b, device) = pair_on(&a, &b, on)?;
        let part = |i| ints(VECTOR_ELT(geometry, i));
        let (stride, padding, dilation, more) = (part(0)?, part(1)?, part(2)?, part(3)?);
        let kernel = mlx::shape(&b);
        let reach = |k: usize| {
            let places = kernel.get(k + 1).copied().unwrap_or(1);
            dilation[k].saturating_mul(places - 1)
        };
        let space = 0..stride.len();
        let before: Vec<i32> = space.clone().map(|k| reach(k) - padding[k]).collect();
        let after = space.map(|k| before[k].saturating_add(more[k])).collect();
        let windows = Windows {
            stride: vec![1; stride.len()],
            before,
            after,
            kernel_dilation: dilation,
            input_dilation: stride,
            groups: part(4)?[0],
            flip: true,
        };
        let (a, b) = operands(&a, &b, device.stream())?;
        Ok(Placed::new(windows.apply(&a, &b, device)?, device))
    })
}

routines![conv / 4, conv_transpose / 4];
