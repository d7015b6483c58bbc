//! Determinants.
use super::matrix::{batch, cpu};
use super::spectral::{finite, svd_square};
use super::{lu, Linalg};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::mlx::{self, Array};
use crate::rule::Node;

/// The diagonal of U, and 1 or -1 for an even or odd order of rows. (MLX's own determinant of
/// float64 goes through float32.)
fn pivots(a: &Array) -> Result<(Array, Array)> {
    let g = cpu();
    let (p, _, u) = lu::factor(a)?;
    let p = mlx::astype(&p, Dtype::Int32, g.0)?;
    let exchanged = g.triu(&g.greater(&g.as_column(&p)?, &g.as_row(&p)?)?, 1)?;
    let count = g.sum_last(&mlx::astype(&exchanged, Dtype::Int32, g.0)?, 2)?;
    let two = mlx::scalar(2.0, Dtype::Int32, g.0)?;
    let odd = mlx::binary(mlx_sys::mlx_remainder, &count, &two, g.0)?;
    let odd = mlx::reshape(&mlx::astype(&odd, mlx::dtype(a), g.0)?, batch(a), g.0)?;
    Ok((
        g.diagonal(&u)?,
        g.sub(&g.scalar(1.0, a)?, &g.scale(&odd, 2.0)?)?,
    ))
}

fn product(x: &Array) -> Result<Array> {
    let last = mlx::rank(x) as i32 - 1;
    mlx::reduce(mlx_sys::mlx_prod_axes, x, &[last], false, cpu().0)
}

pub fn log_det(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![
            g.constant(batch(a), 1.0, a)?,
            g.constant(batch(a), 0.0, a)?,
        ]);
    }
    let (diagonal, parity) = pivots(a)?;
    let signs = product(&mlx::unary(mlx_sys::mlx_sign, &diagonal, g.0)?)?;
    let logs = mlx::unary(mlx_sys::mlx_log, &g.abs(&diagonal)?, g.0)?;
    let last = mlx::rank(&logs) as i32 - 1;
    let log = mlx::reduce(mlx_sys::mlx_sum_axes, &logs, &[last], false, g.0)?;
    Ok(vec![g.mul(&parity, &signs)?, log])
}

/// A⁻ᵀ
pub fn d_log_det(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let inverse = Linalg::Inverse.first(0, &[&node.inputs[0]], g.0)?;
    let d = g.as_column(&g.as_column(&node.cotangents[1])?)?;
    Ok(vec![g.mul(&d, &g.t(&inverse)?)?])
}

pub fn det(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.constant(batch(a), 1.0, a)?]);
    }
    let (diagonal, parity) = pivots(a)?;
    Ok(vec![g.mul(&parity, &product(&diagonal)?)?])
}

/// The cofactors, which exist for singular matrices too.
pub fn d_det(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let cofactors = Linalg::Cofactors.first(0, &[&node.inputs[0]], g.0)?;
    let d = g.as_column(&g.as_column(&node.cotangents[0])?)?;
    Ok(vec![g.mul(&d, &cofactors)?])
}

/// det(U V') U diag(products of all other singular values) V'
pub fn cofactors(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![mlx::share(a)?]);
    }
    let (u, d, v) = svd_square(a)?;
    let n = mlx::shape(&d)[mlx::rank(&d) - 1];
    let others = g.replace(&g.eye_mask(n)?, 1.0, &g.as_row(&d)?)?;
    let products = product(&others)?;
    let (diagonal, parity) = pivots(&g.matmul(&u, &v)?)?;
    let sign = g.mul(
        &parity,
        &product(&mlx::unary(mlx_sys::mlx_sign, &diagonal, g.0)?)?,
    )?;
    let scaled = g.mul(&u, &g.as_row(&g.mul(&g.as_column(&sign)?, &products)?)?)?;
    let out = g.matmul(&scaled, &v)?;
    let bad = g.not(&finite(a)?)?;
    Ok(vec![g.replace(&bad, f64::NAN, &out)?])
}

/// With C = det(A) A⁻ᵀ and dC: <dC, C> A⁻ᵀ - C dCᵀ A⁻ᵀ.
pub fn d_cofactors(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let (c, d) = (&node.outputs[0], &node.cotangents[0]);
    let inverse = g.t(&Linalg::Inverse.first(0, &[&node.inputs[0]], g.0)?)?;
    let along = g.sum_last(&g.mul(c, d)?, 2)?;
    let across = g.matmul(&g.matmul(c, &g.t(d)?)?, &inverse)?;
    Ok(vec![g.sub(&g.mul(&along, &inverse)?, &across)?])
}
