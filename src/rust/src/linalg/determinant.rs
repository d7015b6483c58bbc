//! Determinants.
use super::matrix::{batch, cpu, extents};
use super::spectral::{finite, svd_square};
use super::{lu, Linalg};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::exact::Graph;
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

/// The signs of the pivots; MLX's sign of NaN is 0.
fn signs(g: Graph, pivots: &Array) -> Result<Array> {
    let signs = mlx::unary(mlx_sys::mlx_sign, pivots, g.0)?;
    let none = mlx::unary(mlx_sys::mlx_isnan, pivots, g.0)?;
    product(&g.replace(&none, f64::NAN, &signs)?)
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
    let signs = signs(g, &diagonal)?;
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

/// The sign of the determinant.
fn sign_of(a: &Array) -> Result<Array> {
    let g = cpu();
    let (diagonal, parity) = pivots(a)?;
    g.mul(&parity, &signs(g, &diagonal)?)
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
    let sign = sign_of(&g.matmul(&u, &v)?)?;
    let scaled = g.mul(&u, &g.as_row(&g.mul(&g.as_column(&sign)?, &products)?)?)?;
    let out = g.matmul(&scaled, &v)?;
    let bad = g.not(&finite(a)?)?;
    Ok(vec![g.replace(&bad, f64::NAN, &out)?])
}

/// The matrix of second derivatives is symmetric, so this is how the cofactors move along dC.
pub fn d_cofactors(node: &Node<'_>) -> Result<Vec<Array>> {
    let inputs = [&node.inputs[0], &node.cotangents[0]];
    Ok(vec![Linalg::CofactorSlope.first(
        0,
        &inputs,
        node.graph.0,
    )?])
}

/// For A = U diag(d) V', H = U' G V and P the products of all but two of d:
/// det(U V') U (diag(P diag(H)) - P * H') V'. It exists for singular matrices too.
pub fn cofactor_slope(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let (a, along) = (&inputs[0], &inputs[1]);
    if mlx::size(a) == 0 {
        return Ok(vec![mlx::share(a)?]);
    }
    let (u, d, v) = svd_square(a)?;
    let products = products_of_others(&d)?;
    let h = g.matmul(&g.matmul(&g.t(&u)?, along)?, &g.t(&v)?)?;
    let trace = g.matmul(&products, &g.as_column(&g.diagonal(&h)?)?)?;
    let off = g.mul(&products, &g.t(&h)?)?;
    let inner = mlx::select(&g.eye_mask(extents(a).0)?, &trace, &g.neg(&off)?, g.0)?;
    let sign = g.as_column(&g.as_column(&sign_of(&g.matmul(&u, &v)?)?)?)?;
    let out = g.mul(&sign, &g.matmul(&g.matmul(&u, &inner)?, &v)?)?;
    let bad = g.not(&finite(a)?)?;
    Ok(vec![g.replace(&bad, f64::NAN, &out)?])
}

/// The products of all elements on the last axis but the i-th and the j-th; 0 for i = j.
fn products_of_others(d: &Array) -> Result<Array> {
    let g = cpu();
    let n = mlx::shape(d)[mlx::rank(d) - 1];
    let before = |x: &Array, reverse: bool| {
        let last = mlx::rank(x) as i32 - 1;
        // SAFETY: a valid handle; without the element itself.
        mlx::out(|o| unsafe {
            mlx_sys::mlx_cumprod_axis(o, x.as_ptr(), last, reverse, false, mlx::no_dtype(), g.0)
        })
    };
    // row i: the elements after the i-th
    let after = mlx::broadcast(&g.as_row(d)?, &[mlx::shape(d), &[n]].concat(), g.0)?;
    let ones = g.constant(&[n, n], 1.0, d)?;
    let upper = g.not(&g.is_zero(&g.triu(&ones, 1)?)?)?;
    let after = mlx::select(&upper, &after, &g.scalar(1.0, d)?, g.0)?;
    let between = before(&after, false)?;
    let outside = g.mul(
        &g.as_column(&before(d, false)?)?,
        &g.as_row(&before(d, true)?)?,
    )?;
    let half = g.triu(&g.mul(&between, &outside)?, 1)?;
    g.add(&half, &g.t(&half)?)
}

/// With B = A⁻¹, g = B G and k = B K, of the gradient K:
/// det(A) (((tr g tr k - tr(g k)) I - tr(k) g - tr(g) k + g k + k g) B)'; for G as in `cofactor_slope`.
pub fn d_cofactor_slope(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let (a, along, d) = (&node.inputs[0], &node.inputs[1], &node.cotangents[0]);
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?, g.zeros_like(a)?]);
    }
    let b = Linalg::Inverse.first(0, &[a], g.0)?;
    let det = g.as_column(&g.as_column(&Linalg::Det.first(0, &[a], g.0)?)?)?;
    let (x, y) = (g.matmul(&b, along)?, g.matmul(&b, d)?);
    let (xy, yx) = (g.matmul(&x, &y)?, g.matmul(&y, &x)?);
    let trace = |m: &Array| g.as_column(&g.sum_last(&g.diagonal(m)?, 1)?);
    let (tx, ty) = (trace(&x)?, trace(&y)?);
    let scalar = g.sub(&g.mul(&tx, &ty)?, &trace(&xy)?)?;
    let identity = mlx::astype(&g.eye_mask(extents(a).0)?, mlx::dtype(a), g.0)?;
    let inner = g.sub(
        &g.add(&g.mul(&scalar, &identity)?, &g.add(&xy, &yx)?)?,
        &g.add(&g.mul(&ty, &x)?, &g.mul(&tx, &y)?)?,
    )?;
    let d_a = g.mul(&det, &g.t(&g.matmul(&inner, &b)?)?)?;
    let d_along = Linalg::CofactorSlope.first(0, &[a, d], g.0)?;
    Ok(vec![d_a, d_along])
}
