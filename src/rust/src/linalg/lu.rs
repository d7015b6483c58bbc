//! The LU factorization.
use super::matrix::{batched, cpu, extents};
use super::solve::{substitute, substitute_right};
use super::{mappable, real_only, two};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::mlx::{self, Array};
use crate::rule::Node;

/// p (from 0), L and U with A[i, ] = (L U)[p[i], ].
pub fn factor(a: &Array) -> Result<(Array, Array, Array)> {
    let g = cpu();
    let (m, n) = extents(a);
    if mlx::size(a) == 0 {
        let order = mlx::astype(&mlx::iota(m, g.0)?, Dtype::Uint32, g.0)?;
        let p = mlx::broadcast(&order, &batched(a, &[m]), g.0)?;
        let k = m.min(n);
        let l = g.constant(&batched(a, &[m, k]), 0.0, a)?;
        return Ok((p, l, g.constant(&batched(a, &[k, n]), 0.0, a)?));
    }
    // SAFETY: a valid handle.
    let (packed, _) =
        two(|lu, p| unsafe { mlx_sys::mlx_linalg_lu_factor(lu, p, a.as_ptr(), g.0) })?;
    let parts = mappable(&packed)?; // both factors in one, exchanges, positions
    let (packed, k) = (&parts[0], m.min(n));
    let below = g.tril(&g.columns(packed, 0, k)?, -1)?;
    // SAFETY: plain numbers.
    let ones = mlx::out(|o| unsafe { mlx_sys::mlx_eye(o, m, k, 0, mlx::dtype(a).into(), g.0) })?;
    let u = g.triu(&g.rows(packed, 0, k)?, 0)?;
    Ok((mlx::share(&parts[2])?, g.add(&below, &ones)?, u))
}

pub fn lu(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let (p, l, u) = factor(&inputs[0])?;
    Ok(vec![p, l, u])
}

pub fn d_lu(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let a = &node.inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let ((m, n), k) = (extents(a), extents(&node.outputs[1]).1);
    let (p, l, u) = (&node.outputs[0], &node.outputs[1], &node.outputs[2]);
    let p = mlx::stop_gradient(p, g.0)?; // MLX refuses traced positions
    let (d_l, d_u) = (&node.cotangents[1], g.triu(&node.cotangents[2], 0)?);
    // the square parts, and what hangs on them: rows of L below, or columns of U beside
    let (l1, u1) = (g.rows(l, 0, k)?, g.columns(u, 0, k)?);
    let (mut d_l1, mut d_u1) = (g.rows(d_l, 0, k)?, g.columns(&d_u, 0, k)?);
    let mut rest = None;
    if m > k {
        let d_below = substitute_right(g, &g.rows(d_l, k, m)?, &g.t(&u1)?, false)?;
        d_u1 = g.sub(&d_u1, &g.matmul(&g.t(&g.rows(l, k, m)?)?, &d_below)?)?;
        rest = Some(d_below);
    } else if n > k {
        let d_beside = substitute(g, &g.t(&l1)?, &g.columns(&d_u, k, n)?, true)?;
        d_l1 = g.sub(&d_l1, &g.matmul(&d_beside, &g.t(&g.columns(u, k, n)?)?)?)?;
        rest = Some(d_beside);
    }
    let inner = g.add(
        &g.tril(&g.matmul(&g.t(&l1)?, &d_l1)?, -1)?,
        &g.triu(&g.matmul(&d_u1, &g.t(&u1)?)?, 0)?,
    )?;
    let left = substitute(g, &g.t(&l1)?, &inner, true)?;
    let square = substitute_right(g, &left, &g.t(&u1)?, false)?;
    let product = match rest {
        Some(below) if m > k => g.above(&square, &below)?,
        Some(beside) => g.beside(&square, &beside)?,
        None => square,
    };
    Ok(vec![g.take_rows(&product, &p)?])
}
