//! The matrix exponential, by scaling and squaring of a Padé approximation (Higham 2005).
use super::matrix::{cpu, extents};
use super::solve;
use super::Linalg;
use crate::error::Result;
use crate::exact::Graph;
use crate::mlx::{self, Array};
use crate::rule::Node;
use crate::tape;

/// The numerator's coefficients of degree 13, over the first.
const PADE: [f64; 14] = [
    1.0,
    1.0 / 2.0,
    3.0 / 25.0,
    11.0 / 600.0,
    11.0 / 5520.0,
    3.0 / 18_400.0,
    1.0 / 96_600.0,
    1.0 / 1_932_000.0,
    1.0 / 48_944_000.0,
    1.0 / 1_585_785_600.0,
    1.0 / 67_395_888_000.0,
    1.0 / 3_953_892_096_000.0,
    1.0 / 355_850_288_640_000.0,
    1.0 / 64_764_752_532_480_000.0,
];

/// Up to this 1-norm the approximation is exact to double precision.
const NORM: f64 = 5.371_920_351_148_152;

/// How often the result is squared where nothing may be evaluated: in a compiled function there are no
/// values yet, and in a transformation an evaluation would cut the graph of those further out. That is
/// enough for norms up to 5e12, which leave no digits; the exponentials of larger ones are NaN there.
const SQUARINGS: i32 = 40;

pub fn expm(_flags: i32, inputs: &[Array]) -> Result<Vec<Array>> {
    let g = cpu();
    let a = &inputs[0];
    if mlx::size(a) == 0 {
        return Ok(vec![mlx::share(a)?]);
    }
    let rank = mlx::rank(a) as i32;
    let columns = mlx::reduce(mlx_sys::mlx_sum_axes, &g.abs(a)?, &[rank - 2], false, g.0)?;
    let norm = g.as_column(&g.as_column(&g.max_last(&columns)?)?)?;
    let doublings = mlx::unary(mlx_sys::mlx_log2, &g.scale(&norm, 1.0 / NORM)?, g.0)?;
    let doublings = mlx::unary(mlx_sys::mlx_ceil, &doublings, g.0)?;
    let zero = g.scalar(0.0, a)?;
    let positive = g.greater(&doublings, &zero)?;
    let doublings = mlx::select(&positive, &doublings, &zero, g.0)?;
    let times = squarings(&doublings)?;
    let two = g.scalar(2.0, a)?;
    let scale = mlx::binary(mlx_sys::mlx_power, &two, &g.neg(&doublings)?, g.0)?;
    let mut out = approximation(&g.mul(a, &scale)?)?;
    for k in 0..times {
        let more = g.greater(&doublings, &g.scalar(f64::from(k), a)?)?;
        out = mlx::select(&more, &g.matmul(&out, &out)?, &out, g.0)?;
    }
    let fine = mlx::unary(mlx_sys::mlx_isfinite, &norm, g.0)?;
    let enough = g.not(&g.greater(&doublings, &g.scalar(f64::from(times), a)?)?)?;
    let bad = g.not(&g.and(&fine, &enough)?)?;
    Ok(vec![g.replace(&bad, f64::NAN, &out)?])
}

/// As many as the matrix of the largest norm needs, if its value can be had.
fn squarings(doublings: &Array) -> Result<i32> {
    if tape::is_running() || mlx::is_abstract(doublings)? {
        return Ok(SQUARINGS);
    }
    let axes: Vec<i32> = (0..mlx::rank(doublings) as i32).collect();
    let finite = mlx::unary(mlx_sys::mlx_isfinite, doublings, cpu().0)?;
    let known = mlx::select(&finite, doublings, &cpu().scalar(0.0, doublings)?, cpu().0)?;
    let most = mlx::reduce(mlx_sys::mlx_max_axes, &known, &axes, false, cpu().0)?;
    let most = mlx::astype(&most, crate::dtype::Dtype::Int32, cpu().0)?;
    let list = mlx::Arrays::of(&[mlx::share(&most)?])?;
    mlx::eval(&list)?;
    let mut value = 0;
    // SAFETY: a valid handle of one evaluated int32.
    crate::error::check(unsafe { mlx_sys::mlx_array_item_int32(&mut value, most.as_ptr()) })?;
    Ok(value)
}

fn approximation(x: &Array) -> Result<Array> {
    let g = cpu();
    let n = extents(x).0;
    let one = mlx::astype(&g.eye_mask(n)?, mlx::dtype(x), g.0)?;
    let x2 = g.matmul(x, x)?;
    let x4 = g.matmul(&x2, &x2)?;
    let x6 = g.matmul(&x4, &x2)?;
    let powers = [&one, &x2, &x4, &x6];
    // the sum of PADE[from], PADE[from + 2], .. times powers from the `first` on
    let sum = |from: usize, first: usize| {
        let mut total = g.scale(powers[first], PADE[from])?;
        for (k, power) in powers.iter().enumerate().skip(first + 1) {
            total = g.add(&total, &g.scale(power, PADE[from + 2 * (k - first)])?)?;
        }
        Ok::<Array, crate::error::Error>(total)
    };
    let part = |from: usize| g.add(&g.matmul(&x6, &sum(from + 8, 1)?)?, &sum(from, 0)?);
    let (even, odd) = (part(0)?, g.matmul(x, &part(1)?)?);
    let mut out = solve::solve(0, &[g.sub(&even, &odd)?, g.add(&even, &odd)?])?;
    Ok(out.swap_remove(0))
}

/// How the exponential of A' moves along dX: the upper right block of the exponential of
/// [A' dX; 0 A'] (Mathias 1996).
pub fn d_expm(node: &Node<'_>) -> Result<Vec<Array>> {
    let g = node.graph;
    let (a, d) = (&node.inputs[0], &node.cotangents[0]);
    if mlx::size(a) == 0 {
        return Ok(vec![g.zeros_like(a)?]);
    }
    let n = extents(a).0;
    // of unit size, so that it costs no squarings
    let size = mlx::stop_gradient(&largest(g, d)?, g.0)?;
    let size = g.replace(&g.is_zero(&size)?, 1.0, &size)?;
    let t = g.t(a)?;
    let above = g.beside(&t, &g.div(d, &size)?)?;
    let block = g.above(&above, &g.beside(&g.zeros_like(&t)?, &t)?)?;
    let moved = Linalg::Expm.first(0, &[&block], g.0)?;
    let corner = g.columns(&g.rows(&moved, 0, n)?, n, 2 * n)?;
    Ok(vec![g.mul(&corner, &size)?])
}

/// The largest absolute value of each matrix.
fn largest(g: Graph, x: &Array) -> Result<Array> {
    let by_rows = g.max_last(&g.abs(x)?)?;
    g.as_column(&g.as_column(&g.max_last(&by_rows)?)?)
}
