//! The QR factorization.
use super::matrix::{batched, cpu, extents};
use super::solve::substitute_right;
use super::spectral::mlx_svd;
use super::{mappable, real_only, two};
use crate::error::Result;
use crate::mlx::{self, Array};
use crate::rule::Node;

/// Q and R with k = min(m, n) columns and rows.
pub fn thin(a: &Array) -> Result<(Array, Array)> {
    let g = cpu();
    let (m, n) = extents(a);
    if mlx::size(a) == 0 {
        let k = m.min(n);
        let r = g.constant(&batched(a, &[k, n]), 0.0, a)?;
        return Ok((g.constant(&batched(a, &[m, k]), 0.0, a)?, r));
    }
    // SAFETY: a valid handle.
    let (q, _) = two(|q, r| unsafe { mlx_sys::mlx_linalg_qr(q, r, a.as_ptr(), g.0) })?;
    let parts = mappable(&q)?;
    Ok((mlx::share(&parts[0])?, mlx::share(&parts[1])?))
}

pub fn qr(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let (q, r) = thin(&inputs[0])?;
    Ok(vec![q, r])
}

/// With M = R dRᵀ - dQᵀ Q: (dQ + Q copyltu(M)) R⁻ᵀ (Walter and Lehmann 2018). Of a wide matrix the
/// columns beyond the square hang on Q alone.
pub fn d_qr(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let a = &node.inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let (m, n) = extents(a);
    let (q, r) = (&node.outputs[0], &node.outputs[1]);
    let d_r = g.triu(&node.cotangents[1], 0)?;
    if m >= n {
        return Ok(vec![square_part(node, r, &node.cotangents[0], &d_r)?]);
    }
    let (beside, d_beside) = (g.columns(a, m, n)?, g.columns(&d_r, m, n)?);
    let d_q = g.add(&node.cotangents[0], &g.matmul(&beside, &g.t(&d_beside)?)?)?;
    let first = square_part(node, &g.columns(r, 0, m)?, &d_q, &g.columns(&d_r, 0, m)?)?;
    Ok(vec![g.beside(&first, &g.matmul(q, &d_beside)?)?])
}

fn square_part(node: &Node<'_>, r: &Array, d_q: &Array, d_r: &Array) -> Result<Array> {
    let g = node.graph;
    let q = &node.outputs[0];
    let m = g.sub(&g.matmul(r, &g.t(d_r)?)?, &g.matmul(&g.t(d_q)?, q)?)?;
    let symmetric = g.symmetric_of(&m, false)?;
    let inner = g.add(d_q, &g.matmul(q, &symmetric)?)?;
    substitute_right(g, &inner, &g.t(r)?, false)
}

/// Columns that complete the orthonormal columns of Q to a square orthogonal matrix.
pub fn complement(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let q = &inputs[0];
    let (m, k) = extents(q);
    if k == 0 || mlx::size(q) == 0 {
        let identity = mlx::astype(&g.eye_mask(m)?, mlx::dtype(q), g.0)?;
        let identity = mlx::broadcast(&identity, &batched(q, &[m, m]), g.0)?;
        return Ok(vec![g.columns(&identity, k, m)?]);
    }
    let (u, _, _) = mlx_svd(q)?;
    Ok(vec![g.columns(&u, k, m)?])
}

/// Where Q turns, its complement C turns with it and no more: -C dCᵀ Q. What depends on the
/// complement's space only has this gradient whatever its basis.
pub fn d_complement(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let (q, c) = (&node.inputs[0], &node.outputs[0]);
    let turned = g.matmul(c, &g.matmul(&g.t(&node.cotangents[0])?, q)?)?;
    Ok(vec![g.neg(&turned)?])
}
