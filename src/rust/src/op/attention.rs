//! Scaled dot product attention: MLX's fused one, composed of exact operations for float64.
use super::fast::{need, raw, Arguments, Wide};
use crate::dtype::Dtype;
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array};
use mlx_sys::mlx_stream;

/// Attention's arrays: batch x heads x positions x features.
struct Attention<'a> {
    q: &'a Array,
    k: &'a Array,
    v: &'a Array,
    mask: &'a Option<Array>,
    sinks: &'a Option<Array>,
    scale: f64,
    causal: bool,
}

impl Attention<'_> {
    fn check(&self) -> Result<()> {
        let (q, k, v) = (mlx::shape(self.q), mlx::shape(self.k), mlx::shape(self.v));
        let refuse = |what: &str| {
            Err(Error::Shape(format!(
                "{what} (queries {}, keys {}, values {}).",
                show(q),
                show(k),
                show(v)
            )))
        };
        if q.len() != 4 || k.len() != 4 || v.len() != 4 {
            return refuse("`q`, `k` and `v` must be batch x heads x positions x features");
        }
        if q[0] != k[0] || q[0] != v[0] {
            return refuse("`q`, `k` and `v` must be of the same batch");
        }
        if q[3] != k[3] {
            return refuse("queries and keys must have the same number of features");
        }
        if k[1] != v[1] || k[2] != v[2] {
            return refuse("keys and values must have the same heads and positions");
        }
        if k[1] == 0 || q[1] % k[1] != 0 {
            return refuse("the heads of the queries must be a multiple of those of the keys");
        }
        if k[2] == 0 {
            return refuse("there must be at least one key");
        }
        if let Some(sinks) = self.sinks {
            if mlx::shape(sinks) != [q[1]] {
                return Err(Error::Shape(format!(
                    "`sinks` must have one element for each of the {} heads of the queries; its shape is {}.",
                    q[1], show(mlx::shape(sinks))
                )));
            }
        }
        let full = [q[0], q[1], q[2], k[2]];
        if let Some(mask) = self.mask {
            let shape = mlx::shape(mask);
            let fits = shape.len() <= 4
                && shape
                    .iter()
                    .rev()
                    .zip(full.iter().rev())
                    .all(|(&m, &n)| m == n || m == 1);
            if !fits {
                return Err(Error::Shape(format!(
                    "`mask` must broadcast to batch x heads x queries x keys, {}; its shape is {}.",
                    show(&full),
                    show(shape)
                )));
            }
        }
        Ok(())
    }

    /// In float64: softmax(scale q k' + mask) v.
    fn wide(&self, s: mlx_stream) -> Result<Array> {
        let wide = Wide(s);
        let (q, k) = (mlx::shape(self.q).to_vec(), mlx::shape(self.k).to_vec());
        let repeat = q[1] / k[1];
        // groups of query heads that share a key head
        let grouped = [q[0], k[1], repeat, q[2], q[3]];
        let queries = wide.multiply(self.q, &wide.number(self.scale)?)?;
        let queries = mlx::reshape(&queries, &grouped, s)?;
        let shared = |x: &Array| {
            let n = mlx::shape(x);
            mlx::reshape(x, &[n[0], n[1], 1, n[2], n[3]], s)
        };
        let keys = mlx::permute(&shared(self.k)?, &[0, 1, 2, 4, 3], s)?;
        let scores = mlx::binary(mlx_sys::mlx_matmul, &queries, &keys, s)?;
        let full = [q[0], q[1], q[2], k[2]];
        let mut scores = mlx::reshape(&scores, &full, s)?;
        let least = wide.number(f64::MIN)?;
        if self.causal {
            let column = mlx::reshape(&mlx::iota(q[2], s)?, &[q[2], 1], s)?;
            let shift = mlx::scalar(f64::from(k[2] - q[2]), Dtype::Int32, s)?;
            let rows = wide.add(&column, &shift)?;
            let seen = mlx::binary(mlx_sys::mlx_greater_equal, &rows, &mlx::iota(k[2], s)?, s)?;
            scores = mlx::select(&seen, &scores, &least, s)?;
        }
        if let Some(mask) = self.mask {
            scores = if mlx::dtype(mask) == Dtype::Bool {
                mlx::select(mask, &scores, &least, s)?
            } else {
                wide.add(&scores, mask)?
            };
        }
        let weights = match self.sinks {
            None => exact::softmax(&scores, &[3], s)?,
            Some(sinks) => {
                let column = mlx::reshape(sinks, &[1, q[1], 1, 1], s)?;
                let column = mlx::broadcast(&column, &[q[0], q[1], q[2], 1], s)?;
                let all = mlx::concatenate(&[column, scores], 3, s)?;
                let all = exact::softmax(&all, &[3], s)?;
                let to = [q[0], q[1], q[2], k[2] + 1];
                mlx::slice(&all, &[0, 0, 0, 1], &to, &[1; 4], s)?
            }
        };
        let weights = mlx::reshape(&weights, &[q[0], k[1], repeat, q[2], k[2]], s)?;
        let out = mlx::binary(mlx_sys::mlx_matmul, &weights, &shared(self.v)?, s)?;
        mlx::reshape(&out, &[q[0], q[1], q[2], mlx::shape(self.v)[3]], s)
    }
}

/// `.Call`: attention. `mask`: NULL, "causal" or an array; `fused`: only by a fused kernel.
unsafe extern "C" fn fast_attention(
    arrays: SEXP,
    scale: SEXP,
    mask: SEXP,
    fused: SEXP,
    on: SEXP,
) -> SEXP {
    let (scale, fused) = (Rf_asReal(scale), Rf_asLogical(fused) == 1);
    let causal = TYPEOF(mask) == SEXPTYPE::STRSXP;
    let part = |i| VECTOR_ELT(arrays, i);
    let mask = if causal { R_NilValue } else { mask };
    let given = [part(0), part(1), part(2), part(3), mask];
    let arguments = Arguments::of(&given);
    entry::one(|| {
        let (device, mut arrays) = arguments.floating(3, on)?;
        let s = device.stream();
        let kind = mlx::dtype(need(&arrays[0], "q")?);
        let to_kind = |x: &Array| {
            if mlx::dtype(x) == Dtype::Bool {
                mlx::share(x)
            } else {
                mlx::astype(x, kind, s)
            }
        };
        for x in arrays[3..].iter_mut().flatten() {
            *x = to_kind(x)?;
        }
        let attention = Attention {
            q: need(&arrays[0], "q")?,
            k: need(&arrays[1], "k")?,
            v: need(&arrays[2], "v")?,
            sinks: &arrays[3],
            mask: &arrays[4],
            scale,
            causal,
        };
        attention.check()?;
        let (q, v) = (mlx::shape(attention.q), mlx::shape(attention.v));
        let out = [q[0], q[1], q[2], v[3]];
        let array = if out.contains(&0) || q[3] == 0 {
            mlx::full(&out, &mlx::scalar(0.0, kind, s)?, kind, s)?
        } else if kind == Dtype::Float64 {
            attention.wide(s)?
        } else {
            let mode = match (causal, &arrays[4]) {
                (true, _) => c"causal",
                (false, Some(_)) => c"array",
                _ => c"",
            };
            mlx::out(|o| {
                mlx_sys::mlx_fast_scaled_dot_product_attention(
                    o,
                    attention.q.as_ptr(),
                    attention.k.as_ptr(),
                    attention.v.as_ptr(),
                    scale as f32,
                    mode.as_ptr(),
                    raw(attention.mask),
                    raw(attention.sinks),
                    fused,
                    s,
                )
            })?
        };
        Ok(Placed::new(array, device))
    })
}

routines![fast_attention / 5];
