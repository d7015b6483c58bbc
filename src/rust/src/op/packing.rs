//! Quantized matrices: packed weights with a scale for each group.
//!
//! MLX checks the shapes of some arguments only, and reads what lies beyond the others; here all
//! are checked.
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::mlx::{self, Array, Arrays};
use mlx_sys::{mlx_array, mlx_optional_dtype, mlx_optional_int, mlx_stream};
use std::ffi::CStr;

/// How weights are packed.
pub struct Packing {
    /// Elements that share a scale.
    pub group: i32,
    /// Bits of an element.
    pub bits: i32,
    /// MLX's name of the mode.
    pub mode: &'static CStr,
}

/// Every mode: its name, the groups and bits that it may have, the usual ones first.
const MODES: [(&CStr, &[i32], &[i32]); 4] = [
    (c"affine", &[64, 32, 128], &[4, 2, 3, 5, 6, 8]),
    (c"mxfp4", &[32], &[4]),
    (c"mxfp8", &[32], &[8]),
    (c"nvfp4", &[16], &[4]),
];

impl Packing {
    /// From list(group_size, bits, mode); NULL is what is usual.
    ///
    /// # Safety
    /// `x` is such a list, live and protected.
    pub unsafe fn of(x: SEXP) -> Result<Packing> {
        let name = entry::name(VECTOR_ELT(x, 2))?;
        let known = MODES
            .iter()
            .find(|(mode, ..)| mode.to_bytes() == name.as_bytes());
        let Some((mode, groups, bits)) = known else {
            return Err(Error::Argument(format!(
                "`mode` must be one of affine, mxfp4, mxfp8 and nvfp4; it is {name}."
            )));
        };
        let pick = |i, allowed: &[i32], what: &str| {
            let given = VECTOR_ELT(x, i);
            if given == R_NilValue {
                return Ok(allowed[0]);
            }
            let value = Rf_asInteger(given);
            if allowed.contains(&value) {
                return Ok(value);
            }
            let mut all: Vec<i32> = allowed.to_vec();
            all.sort_unstable();
            let all: Vec<String> = all.iter().map(i32::to_string).collect();
            Err(Error::Argument(format!(
                "`{what}` of mode {name} must be {}; it is {value}.",
                all.join(", ")
            )))
        };
        Ok(Packing {
            group: pick(0, groups, "group_size")?,
            bits: pick(1, bits, "bits")?,
            mode,
        })
    }

    fn affine(&self) -> bool {
        self.mode == c"affine"
    }

    /// As mlx-c wants it.
    pub fn group_size(&self) -> mlx_optional_int {
        mlx_optional_int {
            value: self.group,
            has_value: true,
        }
    }

    /// As mlx-c wants it.
    pub fn width(&self) -> mlx_optional_int {
        mlx_optional_int {
            value: self.bits,
            has_value: true,
        }
    }

    /// Columns of a matrix whose packed rows have `words` words.
    fn columns(&self, words: i32) -> i64 {
        i64::from(words) * 32 / i64::from(self.bits)
    }

    /// list(weights, scales[, biases]) of a matrix.
    pub fn quantize(&self, w: &Array, global: &Option<Array>, s: mlx_stream) -> Result<Arrays> {
        let shape = mlx::shape(w);
        if shape.len() < 2
            || shape[shape.len() - 1] % self.group != 0
            || shape[shape.len() - 1] == 0
        {
            return Err(Error::Shape(format!(
                "`w` must have at least 2 axes, the last one a multiple of the group size, {}; its shape is {}.",
                self.group,
                show(shape)
            )));
        }
        let mut out = Arrays::new();
        // SAFETY: valid handles; the list is ours.
        check(unsafe {
            mlx_sys::mlx_quantize(
                &mut out.0,
                w.as_ptr(),
                self.group_size(),
                self.width(),
                self.mode.as_ptr(),
                raw(global),
                s,
            )
        })?;
        Ok(out)
    }

    /// Checks that weights, scales and biases belong together; how many columns they stand for.
    pub fn check(&self, q: &Quantized) -> Result<i64> {
        let refuse = |what: String| Err(Error::Shape(what));
        if mlx::dtype(&q.w) != Dtype::Uint32 {
            return Err(Error::Dtype(format!(
                "quantized weights are packed into uint32; `w` is {}.",
                dtype::name(mlx::dtype(&q.w))
            )));
        }
        let shape = mlx::shape(&q.w);
        if shape.len() < 2 {
            return refuse(format!(
                "`w` must have at least 2 axes; its shape is {}.",
                show(shape)
            ));
        }
        let columns = self.columns(shape[shape.len() - 1]);
        if columns % i64::from(self.group) != 0 {
            return refuse(format!(
                "the {columns} columns of `w` (shape {} with {} bits) do not divide into groups of {}.",
                show(shape), self.bits, self.group
            ));
        }
        let mut wanted = shape.to_vec();
        wanted.pop();
        wanted.push((columns / i64::from(self.group)) as i32);
        for (x, name) in [(Some(&q.scales), "scales"), (q.biases.as_ref(), "biases")] {
            match x {
                Some(x) if mlx::shape(x) != wanted => {
                    return refuse(format!(
                        "`{name}` must have one element for each group of {} in `w`, the shape {}; its shape is {}.",
                        self.group, show(&wanted), show(mlx::shape(x))
                    ))
                }
                _ => {}
            }
        }
        if self.affine() {
            let Some(biases) = &q.biases else {
                return Err(Error::Argument("mode affine needs `biases`.".into()));
            };
            let narrow = |x: &Array| {
                matches!(
                    mlx::dtype(x),
                    Dtype::Float32 | Dtype::Float16 | Dtype::Bfloat16
                )
            };
            if !narrow(&q.scales) || mlx::dtype(&q.scales) != mlx::dtype(biases) {
                return Err(Error::Dtype(format!(
                    "`scales` and `biases` must both be float32, float16 or bfloat16; they are {} and {}.",
                    dtype::name(mlx::dtype(&q.scales)), dtype::name(mlx::dtype(biases))
                )));
            }
        } else if mlx::dtype(&q.scales) != Dtype::Uint8 || q.biases.is_some() {
            return Err(Error::Dtype(format!(
                "mode {} has uint8 `scales` and no `biases`.",
                self.mode.to_string_lossy()
            )));
        }
        Ok(columns)
    }

    /// The numbers that a quantized matrix stands for.
    pub fn dequantize(&self, q: &Quantized, to: Option<Dtype>, s: mlx_stream) -> Result<Array> {
        let columns = self.check(q)?;
        let to = to.unwrap_or(if self.affine() {
            mlx::dtype(&q.scales)
        } else {
            Dtype::Bfloat16
        });
        if mlx::size(&q.w) == 0 {
            let mut shape = mlx::shape(&q.w).to_vec();
            shape.pop();
            shape.push(mlx::count(columns as usize)?);
            return mlx::full(&shape, &mlx::scalar(0.0, to, s)?, to, s);
        }
        // what float64 holds was rounded to float32 when it was packed
        let narrow = if to == Dtype::Float64 {
            Dtype::Float32
        } else {
            to
        };
        let kind = mlx_optional_dtype {
            value: narrow.into(),
            has_value: true,
        };
        // SAFETY: valid handles.
        let out = mlx::out(|o| unsafe {
            mlx_sys::mlx_dequantize(
                o,
                q.w.as_ptr(),
                q.scales.as_ptr(),
                raw(&q.biases),
                self.group_size(),
                self.width(),
                self.mode.as_ptr(),
                raw(&q.global),
                kind,
                s,
            )
        })?;
        mlx::astype(&out, to, s)
    }

    /// x as it is after being quantized; its gradient is that of x itself.
    pub fn rounded(&self, x: &Array, global: &Option<Array>, s: mlx_stream) -> Result<Array> {
        let parts = self.quantize(x, global, s)?;
        let biases = match parts.count() {
            3 => Some(parts.get(2)?),
            _ => None,
        };
        let q = Quantized {
            w: parts.get(0)?,
            scales: parts.get(1)?,
            biases,
            global: global.as_ref().map(mlx::share).transpose()?,
        };
        let rounded = self.dequantize(&q, Some(mlx::dtype(x)), s)?;
        let change = mlx::binary(mlx_sys::mlx_subtract, &rounded, x, s)?;
        mlx::binary(mlx_sys::mlx_add, x, &mlx::stop_gradient(&change, s)?, s)
    }
}

/// The handle of an array that may be left out.
pub fn raw(x: &Option<Array>) -> mlx_array {
    x.as_ref().map_or(
        mlx_array {
            ctx: std::ptr::null_mut(),
        },
        |x| x.as_ptr(),
    )
}

/// A quantized matrix, or a stack of them.
pub struct Quantized {
    /// Packed weights.
    pub w: Array,
    /// A scale for each group.
    pub scales: Array,
    /// Mode affine: what is added to each group.
    pub biases: Option<Array>,
    /// nvfp4: the largest magnitude, if it was scaled by one.
    pub global: Option<Array>,
}
