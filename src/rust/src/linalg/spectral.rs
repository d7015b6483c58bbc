//! Eigenvalues and singular values.
//!
//! The gradient of a vector divides by the distance of its value from the others. Where two values
//! are equal their vectors are no functions of the matrix, and a gradient that comes through them is
//! NaN; one that comes through values alone is right there too.
use super::matrix::{batch, batched, cpu, extents};
use super::orthogonal::thin;
use super::pseudo::epsilon;
use super::{factors, real_only, two, Linalg};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::exact::Graph;
use crate::mlx::{self, Array};
use crate::rule::Node;
use mlx_sys::mlx_array;

/// Whether all elements are finite (batch, 1, 1): LAPACK fails, or never ends, on others.
pub fn finite(a: &Array) -> Result<Array> {
    let g = cpu();
    let each = mlx::unary(mlx_sys::mlx_isfinite, a, g.0)?;
    let rank = mlx::rank(a) as i32;
    mlx::reduce(
        mlx_sys::mlx_all_axes,
        &each,
        &[rank - 2, rank - 1],
        true,
        g.0,
    )
}

/// A function of a matrix that LAPACK takes: its results are NaN for a matrix that is not finite.
/// `ranks`: how many axes each result has less than the matrix.
fn guarded(
    a: &Array,
    less: &[usize],
    f: impl FnOnce(&Array) -> Result<Vec<Array>>,
) -> Result<Vec<Array>> {
    let g = cpu();
    let bad = g.not(&finite(a)?)?;
    let out = f(&g.replace(&bad, 0.0, a)?)?;
    let flat = mlx::reduce(
        mlx_sys::mlx_any_axes,
        &bad,
        &[mlx::rank(a) as i32 - 1],
        false,
        g.0,
    )?;
    out.iter()
        .zip(less)
        .map(|(x, &less)| g.replace(if less == 1 { &flat } else { &bad }, f64::NAN, x))
        .collect()
}

/// MLX's own: U and V' square.
pub fn mlx_svd(a: &Array) -> Result<(Array, Array, Array)> {
    // SAFETY: a valid handle.
    let parts = factors(|o| unsafe { mlx_sys::mlx_linalg_svd(o, a.as_ptr(), true, cpu().0) })?;
    Ok((
        mlx::share(&parts[0])?,
        mlx::share(&parts[1])?,
        mlx::share(&parts[2])?,
    ))
}

fn conjugate_t(g: Graph, x: &Array) -> Result<Array> {
    let t = g.t(x)?;
    match mlx::dtype(x) {
        Dtype::Complex64 => mlx::unary(mlx_sys::mlx_conjugate, &t, g.0),
        _ => Ok(t),
    }
}

/// U, d, V' with k = min(m, n) columns, values and rows; of a matrix that is not square by way of
/// its QR factorization, since MLX computes all m (or n) columns of U (or V).
pub fn reduced_svd(a: &Array) -> Result<(Array, Array, Array)> {
    let g = cpu();
    let (m, n) = extents(a);
    let k = m.min(n);
    if mlx::size(a) == 0 {
        let real = mlx::unary(mlx_sys::mlx_real, a, g.0)?;
        return Ok((
            g.constant(&batched(a, &[m, k]), 0.0, a)?,
            g.constant(&batched(a, &[k]), 0.0, &real)?,
            g.constant(&batched(a, &[k, n]), 0.0, a)?,
        ));
    }
    let parts = guarded(a, &[0, 1, 0], |a| {
        let complex = mlx::dtype(a) == Dtype::Complex64; // MLX has no QR of those
        let (u, d, v) = if m == n || complex {
            let (u, d, v) = mlx_svd(a)?;
            (g.columns(&u, 0, k)?, d, g.rows(&v, 0, k)?)
        } else if m > n {
            let (q, r) = thin(a)?;
            let (u, d, v) = mlx_svd(&r)?;
            (g.matmul(&q, &u)?, d, v)
        } else {
            let (q, r) = thin(&g.t(a)?)?;
            let (u, d, v) = mlx_svd(&g.t(&r)?)?;
            (u, d, g.matmul(&v, &g.t(&q)?)?)
        };
        Ok(vec![u, d, v])
    })?;
    Ok((
        mlx::share(&parts[0])?,
        mlx::share(&parts[1])?,
        mlx::share(&parts[2])?,
    ))
}

/// The factors of a square matrix.
pub fn svd_square(a: &Array) -> Result<(Array, Array, Array)> {
    let g = cpu();
    mlx_svd(&g.replace(&g.not(&finite(a)?)?, 0.0, a)?)
}

pub fn svd(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let (u, d, v) = reduced_svd(&inputs[0])?;
    Ok(vec![u, d, v])
}

/// Singular values alone, without a gradient.
pub fn singular_values(a: &Array) -> Result<Array> {
    let g = cpu();
    let (m, n) = extents(a);
    if mlx::size(a) == 0 {
        let real = mlx::unary(mlx_sys::mlx_real, a, g.0)?;
        return g.constant(&batched(a, &[m.min(n)]), 0.0, &real);
    }
    let parts = guarded(a, &[1], |a| {
        // SAFETY: a valid handle.
        factors(|o| unsafe { mlx_sys::mlx_linalg_svd(o, a.as_ptr(), false, g.0) })
    })?;
    mlx::share(&parts[0])
}

pub fn eigh(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        let real = mlx::unary(mlx_sys::mlx_real, a, g.0)?;
        let values = g.constant(&batched(a, &[extents(a).0]), 0.0, &real)?;
        return Ok(vec![values, mlx::share(a)?]);
    }
    guarded(a, &[1, 0], |a| {
        let (values, vectors) = two(|w, v| unsafe {
            // SAFETY: a valid handle and text.
            mlx_sys::mlx_linalg_eigh(w, v, a.as_ptr(), c"L".as_ptr(), g.0)
        })?;
        Ok(vec![values, vectors])
    })
}

/// Eigenvalues of a symmetric matrix alone, without a gradient.
pub fn symmetric_values(a: &Array) -> Result<Array> {
    let g = cpu();
    if mlx::size(a) == 0 {
        let real = mlx::unary(mlx_sys::mlx_real, a, g.0)?;
        return g.constant(&batched(a, &[extents(a).0]), 0.0, &real);
    }
    let parts = guarded(a, &[1], |a| {
        // SAFETY: a valid handle and text.
        let values = mlx::out(|o| unsafe {
            mlx_sys::mlx_linalg_eigvalsh(o, a.as_ptr(), c"L".as_ptr(), g.0)
        })?;
        Ok(vec![values])
    })?;
    mlx::share(&parts[0])
}

pub fn eig(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        let like = mlx::scalar(0.0, Dtype::Complex64, g.0)?;
        let n = extents(a).0;
        let values = g.constant(&batched(a, &[n]), 0.0, &like)?;
        return Ok(vec![values, g.constant(&batched(a, &[n, n]), 0.0, &like)?]);
    }
    guarded(a, &[1, 0], |a| {
        let call = |w: *mut mlx_array, v: *mut mlx_array| {
            // SAFETY: a valid handle.
            unsafe { mlx_sys::mlx_linalg_eig(w, v, a.as_ptr(), g.0) }
        };
        let (values, vectors) = two(call)?;
        // MLX 0.32.2 gives the left vectors of the transpose, which of complex matrices are conjugates
        Ok(vec![
            values,
            match mlx::dtype(a) {
                Dtype::Complex64 => mlx::unary(mlx_sys::mlx_conjugate, &vectors, g.0)?,
                _ => vectors,
            },
        ])
    })
}

/// Which columns have a gradient that is not 0 (batch, k).
fn moved(g: Graph, d: &Array) -> Result<Array> {
    let still = g.is_zero(d)?;
    let rank = mlx::rank(d) as i32;
    mlx::reduce(
        mlx_sys::mlx_any_axes,
        &g.not(&still)?,
        &[rank - 2],
        false,
        g.0,
    )
}

/// x / distance where `apart`; elsewhere NaN if the gradient comes through the pair, else 0.
fn over_distance(
    g: Graph,
    x: &Array,
    distance: &Array,
    apart: &Array,
    moved: &Array,
) -> Result<Array> {
    let quotient = g.div(x, &mlx::select(apart, distance, &g.scalar(1.0, x)?, g.0)?)?;
    let undefined = g.replace(moved, f64::NAN, &g.constant(mlx::shape(moved), 0.0, x)?)?;
    mlx::select(apart, &quotient, &undefined, g.0)
}

/// Distances d[j] - d[i], whether they are more than rounding, for i and j apart, and whether
/// either column moves.
fn pairs(g: Graph, d: &Array, moved: &Array) -> Result<(Array, Array, Array)> {
    let distance = g.sub(&g.as_row(d)?, &g.as_column(d)?)?;
    let n = mlx::shape(d)[mlx::rank(d) - 1];
    let largest = g.as_column(&g.as_column(&g.max_last(&g.abs(d)?)?)?)?;
    let limit = g.scale(&largest, 2.0 * epsilon(mlx::dtype(d)))?;
    let apart = g.greater(&g.abs(&distance)?, &limit)?;
    let off = g.not(&g.eye_mask(n)?)?;
    let either = g.or(&g.as_row(moved)?, &g.as_column(moved)?)?;
    Ok((distance, g.and(&apart, &off)?, g.and(&either, &off)?))
}

/// V (diag(dw) + (Vᵀ dV) / (w[j] - w[i])) Vᵀ, symmetrised.
pub fn d_eigh(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let a = &node.inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let (w, v) = (&node.outputs[0], &node.outputs[1]);
    let (d_w, d_v) = (&node.cotangents[0], &node.cotangents[1]);
    let (distance, apart, moved) = pairs(g, w, &moved(g, d_v)?)?;
    let turn = g.matmul(&g.t(v)?, d_v)?;
    let turn = g.scale(&g.sub(&turn, &g.t(&turn)?)?, 0.5)?;
    let turn = over_distance(g, &turn, &distance, &apart, &moved)?;
    let inner = g.add(&g.diagonal_matrix(d_w)?, &turn)?;
    let d_a = g.matmul(&g.matmul(v, &inner)?, &g.t(v)?)?;
    Ok(vec![g.symmetrised(&d_a)?])
}

/// The real and the imaginary part as a complex array.
fn complex(g: Graph, real: &Array, imaginary: &Array) -> Result<Array> {
    let wide = |x: &Array| mlx::astype(x, Dtype::Complex64, g.0);
    // SAFETY: a plain constructor.
    let i = mlx::own(unsafe { mlx_sys::mlx_array_new_complex(0.0, 1.0) })?;
    g.add(&wide(real)?, &g.mul(&wide(imaginary)?, &i)?)
}

fn parts_of(g: Graph, x: &Array) -> Result<(Array, Array)> {
    Ok((
        mlx::unary(mlx_sys::mlx_real, x, g.0)?,
        mlx::unary(mlx_sys::mlx_imag, x, g.0)?,
    ))
}

/// A⁻¹ B of complex matrices, as a real system of twice the size: MLX has none of those.
fn complex_solve(g: Graph, a: &Array, b: &Array) -> Result<Array> {
    let ((a, a_i), (b, b_i)) = (parts_of(g, a)?, parts_of(g, b)?);
    let left = g.above(&g.beside(&a, &g.neg(&a_i)?)?, &g.beside(&a_i, &a)?)?;
    let x = Linalg::Solve.first(0, &[&left, &g.above(&b, &b_i)?], g.0)?;
    let n = extents(&a).0;
    complex(g, &g.rows(&x, 0, n)?, &g.rows(&x, n, 2 * n)?)
}

/// LAPACK turns each vector until its largest component is real. What a gradient says of a vector's
/// phase is said of that component's imaginary part, which has to stay 0: with p the part of dV along
/// i V, -i p / V[k] is added to dV[k].
fn of_fixed_phase(g: Graph, v: &Array, d_v: &Array) -> Result<Array> {
    let (n, _) = extents(v);
    let (real, imaginary) = parts_of(g, v)?;
    let size = g.replace(&g.not(&g.is_zero(&imaginary)?)?, -1.0, &g.abs(&real)?)?;
    let axis = mlx::rank(v) as i32 - 2;
    // SAFETY: a valid handle.
    let largest =
        mlx::out(|o| unsafe { mlx_sys::mlx_argmax_axis(o, size.as_ptr(), axis, true, g.0) })?;
    let rows = mlx::reshape(&mlx::iota(n, g.0)?, &[n, 1], g.0)?;
    let largest = mlx::astype(&mlx::stop_gradient(&largest, g.0)?, Dtype::Int32, g.0)?;
    let chosen = mlx::binary(mlx_sys::mlx_equal, &rows, &largest, g.0)?;
    let (_, phase) = parts_of(g, &g.diagonal(&g.matmul(&conjugate_t(g, v)?, d_v)?)?)?;
    let component = g.replace(&g.not(&chosen)?, 1.0, &real)?;
    let turn = g.neg(&g.div(&g.as_row(&phase)?, &component)?)?;
    let none = g.zeros_like(&real)?;
    let turn = mlx::select(&chosen, &turn, &none, g.0)?;
    g.add(d_v, &complex(g, &none, &turn)?)
}

/// V⁻ᴴ (diag(dw) + (Vᴴ dV - Vᴴ V diag(Re diag(Vᴴ dV))) / conj(w[j] - w[i])) Vᴴ
pub fn d_eig(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let a = &node.inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let (w, v) = (&node.outputs[0], &node.outputs[1]);
    let moved = moved(g, &node.cotangents[1])?;
    let d_v = of_fixed_phase(g, v, &node.cotangents[1])?;
    let (distance, apart, moved) = pairs(g, w, &moved)?;
    let distance = mlx::unary(mlx_sys::mlx_conjugate, &distance, g.0)?;
    let vh = conjugate_t(g, v)?;
    let turn = g.matmul(&vh, &d_v)?;
    let (along, _) = parts_of(g, &g.diagonal(&turn)?)?;
    let along = mlx::astype(&along, Dtype::Complex64, g.0)?;
    let turn = g.sub(&turn, &g.matmul(&vh, &g.mul(v, &g.as_row(&along)?)?)?)?;
    let turn = over_distance(g, &turn, &distance, &apart, &moved)?;
    let inner = g.add(&g.diagonal_matrix(&node.cotangents[0])?, &turn)?;
    let d_a = complex_solve(g, &vh, &g.matmul(&inner, &vh)?)?;
    Ok(vec![match mlx::dtype(a) {
        Dtype::Complex64 => d_a,
        real => mlx::astype(&parts_of(g, &d_a)?.0, real, g.0)?,
    }])
}

/// Townsend, "Differentiating the singular value decomposition" (2016).
pub fn d_svd(node: &Node<'_>) -> Result<Vec<Array>> {
    real_only(node)?;
    let g = node.graph;
    let a = &node.inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let (m, n) = extents(a);
    let k = m.min(n);
    let (u, d, vt) = (&node.outputs[0], &node.outputs[1], &node.outputs[2]);
    let (d_u, d_d) = (&node.cotangents[0], &node.cotangents[1]);
    let (v, d_v) = (g.t(vt)?, g.t(&node.cotangents[2])?);
    let moved_columns = g.or(&moved(g, d_u)?, &moved(g, &d_v)?)?;
    let (distance, apart, moved_pairs) = pairs(g, d, &moved_columns)?;
    let sum = g.add(&g.as_row(d)?, &g.as_column(d)?)?;
    let squares = g.mul(&distance, &sum)?;
    let turn = |x: &Array, d_x: &Array| {
        let inner = g.matmul(&g.t(x)?, d_x)?;
        let inner = g.sub(&inner, &g.t(&inner)?)?;
        over_distance(g, &inner, &squares, &apart, &moved_pairs)
    };
    let (rows, columns) = (g.as_column(d)?, g.as_row(d)?);
    let inner = g.add(
        &g.add(
            &g.mul(&turn(u, d_u)?, &columns)?,
            &g.mul(&turn(&v, &d_v)?, &rows)?,
        )?,
        &g.diagonal_matrix(d_d)?,
    )?;
    let mut d_a = g.matmul(&g.matmul(u, &inner)?, vt)?;
    // what leaves the space of the other columns, over the singular value
    let positive = g.greater(d, &g.scalar(0.0, d)?)?;
    let outside = |x: &Array, d_x: &Array| {
        let inside = g.matmul(x, &g.matmul(&g.t(x)?, d_x)?)?;
        let outside = g.sub(d_x, &inside)?;
        let moved = g.as_row(&moved(g, d_x)?)?;
        over_distance(g, &outside, &columns, &g.as_row(&positive)?, &moved)
    };
    if m > k {
        d_a = g.add(&d_a, &g.matmul(&outside(u, d_u)?, vt)?)?;
    }
    if n > k {
        d_a = g.add(&d_a, &g.matmul(u, &g.t(&outside(&v, &d_v)?)?)?)?;
    }
    debug_assert_eq!(batch(&d_a), batch(a));
    Ok(vec![d_a])
}

/// The matrix with another's conjugate triangle, as LAPACK reads one triangle of a Hermitian one.
pub fn hermitian_of(g: Graph, a: &Array, upper: bool) -> Result<Array> {
    if mlx::dtype(a) != Dtype::Complex64 {
        return g.symmetric_of(a, upper);
    }
    let other = conjugate_t(g, &g.triangle(a, upper, 1)?)?;
    g.add(&g.triangle(a, upper, 0)?, &other)
}
