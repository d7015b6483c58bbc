//! The Moore-Penrose inverse.
use super::matrix::{batched, cpu, extents};
use super::real_only;
use super::spectral::reduced_svd;
use crate::dtype::Dtype;
use crate::error::Result;
use crate::mlx::{self, Array};
use crate::rule::Node;

/// What float arithmetic rounds to, relative.
pub fn epsilon(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::Float64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}

/// V diag(1/d) U', where singular values below max(m, n) eps max(d) count as 0.
pub fn pinv(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    let (m, n) = extents(a);
    if mlx::size(a) == 0 {
        return Ok(vec![g.constant(&batched(a, &[n, m]), 0.0, a)?]);
    }
    let (u, d, v) = reduced_svd(a)?;
    let limit = g.scale(
        &g.as_column(&g.max_last(&d)?)?,
        f64::from(m.max(n)) * epsilon(mlx::dtype(a)),
    )?;
    // not (d <= limit), so that NaN stays
    let small = g.not(&g.greater(&d, &limit)?)?;
    let small = g.and(&small, &mlx::unary(mlx_sys::mlx_isfinite, &d, g.0)?)?;
    let reciprocal = g.over(1.0, &g.replace(&small, 1.0, &d)?)?;
    let reciprocal = g.as_row(&g.replace(&small, 0.0, &reciprocal)?)?;
    Ok(vec![g.matmul(&g.mul(&g.t(&v)?, &reciprocal)?, &g.t(&u)?)?])
}

/// Golub and Pereyra (1973), for constant rank:
/// -Pᵀ dP Pᵀ + (I - A P) dPᵀ P Pᵀ + Pᵀ P dPᵀ (I - P A)
pub fn d_pinv(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let (a, p, d) = (&node.inputs[0], &node.outputs[0], &node.cotangents[0]);
    let (pt, dt) = (g.t(p)?, g.t(d)?);
    let first = g.matmul(&pt, &g.matmul(d, &pt)?)?;
    let right = g.matmul(&dt, &g.matmul(p, &pt)?)?;
    let second = g.sub(&right, &g.matmul(a, &g.matmul(p, &right)?)?)?;
    let left = g.matmul(&g.matmul(&pt, p)?, &dt)?;
    let third = g.sub(&left, &g.matmul(&g.matmul(&left, p)?, a)?)?;
    Ok(vec![g.sub(&g.add(&second, &third)?, &first)?])
}
