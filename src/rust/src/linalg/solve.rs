//! Linear systems and inverses.
use super::matrix::{batch, batched, cpu, extents};
use super::{factors, Linalg};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::exact::Graph;
use crate::mlx::{self, Array};
use crate::rule::Node;
use mlx_sys::{mlx_array, mlx_stream, mlx_vector_array};
use std::ffi::c_int;

extern "C" {
    fn rmlx_solve(
        res: *mut mlx_vector_array,
        a: mlx_array,
        b: mlx_array,
        triangle: c_int,
        s: mlx_stream,
    ) -> c_int;
}

/// X with A X = B, NaN where A is singular, and the numbers of each matrix (batch, 2): its code and its
/// reciprocal condition number in the 1-norm. `triangle`: 1 for an upper triangular A, -1 for a lower one;
/// of these there is the code only (batch, 1).
fn solved(a: &Array, b: &Array, triangle: c_int) -> Result<Vec<Array>> {
    // SAFETY: valid handles.
    factors(|o| unsafe { rmlx_solve(o, a.as_ptr(), b.as_ptr(), triangle, cpu().0) })
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
    solved(a, b, 0)
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
    let ones = mlx::astype(&cpu().eye_mask(extents(a).0)?, mlx::dtype(a), cpu().0)?;
    solved(a, &mlx::broadcast(&ones, mlx::shape(a), cpu().0)?, 0)
}

pub fn d_inverse(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let x = g.t(&node.outputs[0])?;
    Ok(vec![g.neg(
        &g.matmul(&x, &g.matmul(&node.cotangents[0], &x)?)?,
    )?])
}

pub fn triangular(upper: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let (t, b) = (&inputs[0], &inputs[1]);
    if mlx::size(t) == 0 {
        return nothing(b, t, &[]);
    }
    let mut out = solved(t, b, if upper == 1 { 1 } else { -1 })?;
    out[1] = mlx::reshape(&out[1], batch(t), cpu().0)?;
    Ok(out)
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
