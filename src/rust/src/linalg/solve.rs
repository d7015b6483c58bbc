//! Linear systems and inverses.
//!
//! X = A⁻¹ B from the factors' inverses, since MLX has no substitution, followed by one step of
//! refinement, which makes the residual as small as that of a substitution.
use super::matrix::{batch, batched, cpu, extents};
use super::{lu, Linalg};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::exact::Graph;
use crate::mlx::{self, Array};
use crate::rule::Node;

/// The inverse before refinement, the mask of singular matrices (batch, 1, 1), and their code and
/// reciprocal condition number in the 1-norm (batch, 2).
fn rough_inverse(a: &Array) -> Result<(Array, Array, Array)> {
    let g = cpu();
    let (p, l, u) = lu::factor(a)?;
    let (u, zero) = without_zeros(&u)?;
    let inverse = g.matmul(
        &inverse_of_triangle(&u, true)?,
        &inverse_of_triangle(&l, false)?,
    )?;
    let inverse = g.take_columns(&inverse, &p)?;
    let code = g.first_true(&zero)?;
    let singular = g.any_last(&zero, 1)?;
    let norm = |x: &Array| {
        g.max_last(&mlx::reduce(
            mlx_sys::mlx_sum_axes,
            &g.abs(x)?,
            &[mlx::rank(x) as i32 - 2],
            false,
            g.0,
        )?)
    };
    let rcond = g.over(1.0, &g.mul(&norm(a)?, &norm(&inverse)?)?)?;
    let rcond = mlx::astype(&g.replace(&singular, 0.0, &rcond)?, mlx::dtype(&code), g.0)?;
    let info = g.beside(&g.as_column(&code)?, &g.as_column(&rcond)?)?;
    Ok((inverse, g.as_column(&g.as_column(&singular)?)?, info))
}

/// A triangular matrix with ones for the zeros on its diagonal, and where these are (batch, n).
fn without_zeros(t: &Array) -> Result<(Array, Array)> {
    let g = cpu();
    let zero = g.is_zero(&g.diagonal(t)?)?;
    let ones = g.diagonal_matrix(&mlx::astype(&zero, mlx::dtype(t), g.0)?)?;
    Ok((g.add(t, &ones)?, zero))
}

fn inverse_of_triangle(t: &Array, upper: bool) -> Result<Array> {
    // SAFETY: a valid handle.
    mlx::out(|o| unsafe { mlx_sys::mlx_linalg_tri_inv(o, t.as_ptr(), upper, cpu().0) })
}

/// X + A⁻¹ (B - A X) for X = A⁻¹ B, NaN where `singular`.
fn refined(a: &Array, inverse: &Array, b: &Array, singular: &Array) -> Result<Array> {
    let g = cpu();
    let x = g.matmul(inverse, b)?;
    let better = g.add(&x, &g.matmul(inverse, &g.sub(b, &g.matmul(a, &x)?)?)?)?;
    // where the first residual overflows, the second solution is no better
    let finite = mlx::unary(mlx_sys::mlx_isfinite, &better, g.0)?;
    let x = mlx::select(&finite, &better, &x, g.0)?;
    g.replace(singular, f64::NAN, &x)
}

/// Nothing to solve: zeros, and the numbers of a matrix without faults.
fn nothing(like: &Array, a: &Array, numbers: &[i32]) -> Result<Vec<Array>> {
    let g = cpu();
    let solution = g.constant(mlx::shape(like), 0.0, like)?;
    let code = mlx::scalar(0.0, Dtype::Float32, g.0)?;
    let info = g.constant(&batched(a, numbers), 0.0, &code)?;
    if numbers.is_empty() {
        return Ok(vec![solution, info]);
    }
    let rcond = g.constant(&[2], f64::INFINITY, &code)?;
    let first = mlx::astype(&mlx::iota(2, g.0)?, Dtype::Bool, g.0)?;
    Ok(vec![solution, mlx::select(&first, &rcond, &info, g.0)?])
}

pub fn solve(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let (a, b) = (&inputs[0], &inputs[1]);
    if mlx::size(a) == 0 {
        return nothing(b, a, &[2]);
    }
    let (inverse, singular, info) = rough_inverse(a)?;
    Ok(vec![refined(a, &inverse, b, &singular)?, info])
}

pub fn d_solve(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let d_b = Linalg::Solve.first(0, &[&g.t(&node.inputs[0])?, &node.cotangents[0]], g.0)?;
    let d_a = g.neg(&g.matmul(&d_b, &g.t(&node.outputs[0])?)?)?;
    Ok(vec![d_a, d_b])
}

pub fn inverse(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        return nothing(a, a, &[2]);
    }
    let (inverse, singular, info) = rough_inverse(a)?;
    Ok(vec![cpu().replace(&singular, f64::NAN, &inverse)?, info])
}

pub fn d_inverse(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let x = g.t(&node.outputs[0])?;
    Ok(vec![g.neg(
        &g.matmul(&x, &g.matmul(&node.cotangents[0], &x)?)?,
    )?])
}

pub fn triangular(upper: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let (t, b) = (&inputs[0], &inputs[1]);
    if mlx::size(t) == 0 {
        return nothing(b, t, &[]);
    }
    let (whole, zero) = without_zeros(t)?;
    let singular = g.as_column(&g.as_column(&g.any_last(&zero, 1)?)?)?;
    let inverse = inverse_of_triangle(&whole, upper == 1)?;
    Ok(vec![
        refined(&whole, &inverse, b, &singular)?,
        g.first_true(&zero)?,
    ])
}

pub fn d_triangular(node: &Node<'_>) -> Result<Vec<Array>> {
    let (g, upper) = (node.graph, node.flags);
    let t = g.t(&node.inputs[0])?;
    let d_b = substitute(g, &t, &node.cotangents[0], upper == 0)?;
    let d_t = g.neg(&g.matmul(&d_b, &g.t(&node.outputs[0])?)?)?;
    Ok(vec![g.triangle(&d_t, upper == 1, 0)?, d_b])
}

/// The solution of a triangular system.
pub fn substitute(g: Graph, t: &Array, b: &Array, upper: bool) -> Result<Array> {
    debug_assert_eq!(batch(t), batch(b));
    debug_assert_eq!(extents(t).0, extents(b).0);
    Linalg::Triangular.first(upper.into(), &[t, b], g.0)
}

/// The solution of X T = B.
pub fn substitute_right(g: Graph, b: &Array, t: &Array, upper: bool) -> Result<Array> {
    g.t(&substitute(g, &g.t(t)?, &g.t(b)?, !upper)?)
}
