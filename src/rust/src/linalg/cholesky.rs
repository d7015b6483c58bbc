//! The Cholesky factorization.
use super::matrix::{batch, cpu};
use super::solve::{substitute, substitute_right};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::mlx::{self, Array};
use crate::rule::Node;

pub fn cholesky(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        let like = mlx::scalar(0.0, Dtype::Float32, g.0)?;
        return Ok(vec![mlx::share(a)?, g.constant(batch(a), 0.0, &like)?]);
    }
    // SAFETY: a valid handle.
    let l = mlx::out(|o| unsafe { mlx_sys::mlx_linalg_cholesky(o, a.as_ptr(), false, g.0) })?;
    // LAPACK stops at the first minor that is not positive and leaves it on the diagonal
    // SAFETY: a valid handle.
    let diagonal = mlx::out(|o| unsafe { mlx_sys::mlx_diagonal(o, l.as_ptr(), 0, -2, -1, g.0) })?;
    let code = g.first_true(&g.not(&g.greater(&diagonal, &g.scalar(0.0, a)?)?)?)?;
    let bad = g.not(&g.is_zero(&code)?)?;
    let bad = g.as_column(&g.as_column(&bad)?)?;
    Ok(vec![g.replace(&bad, f64::NAN, &l)?, code])
}

/// L⁻ᵀ P L⁻¹ for P the lower triangle of Lᵀ dL with half its diagonal (Murray 2016).
pub fn d_cholesky(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let l = &node.outputs[0];
    let product = g.tril(&g.matmul(&g.t(l)?, &g.tril(&node.cotangents[0], 0)?)?, 0)?;
    let half = g.scale(&g.diagonal_matrix(&g.diagonal(&product)?)?, 0.5)?;
    let left = substitute(g, &g.t(l)?, &g.sub(&product, &half)?, true)?;
    Ok(vec![g.symmetrised(&substitute_right(g, &left, l, false)?)?])
}
