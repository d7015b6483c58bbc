//! Sums of exponentials, composed of ordinary operations and our own: differentiable to any
//! order, and free of overflow.
use super::graph::Graph;
use super::table::Exact;
use crate::error::{Error, Result};
use crate::mlx::{self, Array};
use mlx_sys::mlx_stream;

/// `axes` counted from 0.
fn axes_of(x: &Array, axes: &[i32]) -> Result<Vec<i32>> {
    let rank = mlx::rank(x) as i32;
    axes.iter()
        .map(|&axis| {
            let from_start = if axis < 0 { axis + rank } else { axis };
            if (0..rank).contains(&from_start) {
                Ok(from_start)
            } else {
                Err(Error::Shape(format!("axis {axis} is not one of an array of rank {rank}.")))
            }
        })
        .collect()
}

/// The largest element over some axes, kept, and out of the tape: the results do
/// not depend on what is subtracted.
fn largest(x: &Array, axes: &[i32], s: mlx_stream) -> Result<Array> {
    mlx::stop_gradient(&mlx::reduce(mlx_sys::mlx_max_axes, x, axes, true, s)?, s)
}

/// log(sum(exp(x))) over `axes`. Of nothing, or of nothing but -Inf, it is -Inf;
/// there, and where +Inf occurs, the largest elements share the gradient equally.
pub fn logsumexp(x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    let g = Graph(s);
    let axes = axes_of(x, axes)?;
    let sum = |e: &Array| mlx::reduce(mlx_sys::mlx_sum_axes, e, &axes, true, s);
    let log = |sum: &Array| mlx::unary(mlx_sys::mlx_log, sum, s);
    let result = if axes.iter().any(|&axis| mlx::shape(x)[axis as usize] == 0) {
        // MLX has no maximum of nothing.
        log(&sum(&g.exact(Exact::Exp, [x])?)?)?
    } else {
        let largest = largest(x, &axes, s)?;
        let parts = g.exact(Exact::ExpDifference, [x, &largest])?;
        g.add(&log(&sum(&parts)?)?, &largest)?
    };
    if keep {
        return Ok(result);
    }
    mlx::with_ints(mlx_sys::mlx_squeeze_axes, &result, &axes, s)
}

/// exp(x) / sum(exp(x)) over `axes`. As MLX's: NaN where an infinity is the largest.
pub fn softmax(x: &Array, axes: &[i32], s: mlx_stream) -> Result<Array> {
    let g = Graph(s);
    let axes = axes_of(x, axes)?;
    if mlx::size(x) == 0 {
        return mlx::share(x);
    }
    let e = g.exact(Exact::Exp, [&g.sub(x, &largest(x, &axes, s)?)?])?;
    g.div(&e, &mlx::reduce(mlx_sys::mlx_sum_axes, &e, &axes, true, s)?)
}

/// log(softmax(x)), without the underflow.
pub fn log_softmax(x: &Array, axes: &[i32], s: mlx_stream) -> Result<Array> {
    Graph(s).sub(x, &logsumexp(x, axes, true, s)?)
}

/// log(exp(x) + exp(y)), elementwise.
pub fn logaddexp(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    Graph(s).exact(Exact::LogAddExp, [x, y])
}

/// log(1 + exp(x)), elementwise.
pub fn softplus(x: &Array, s: mlx_stream) -> Result<Array> {
    Graph(s).exact(Exact::Softplus, [x])
}

/// The logsumexp of each element along `axis` and all before it (after it, if
/// `reverse`), with itself if `inclusive`.
///
/// By doubling (Hillis and Steele): after the step of width w an element holds the
/// result over the last 2w elements, so log2(n) steps do.
pub fn logcumsumexp(
    x: &Array,
    axis: i32,
    reverse: bool,
    inclusive: bool,
    s: mlx_stream,
) -> Result<Array> {
    let axis = axes_of(x, &[axis])?[0];
    let n = mlx::shape(x)[axis as usize];
    if mlx::size(x) == 0 {
        return mlx::share(x);
    }
    let part = |y: &Array, from: i32, to: i32| {
        let (mut start, mut stop) = (vec![0; mlx::rank(y)], mlx::shape(y).to_vec());
        (start[axis as usize], stop[axis as usize]) = (from, to);
        mlx::slice(y, &start, &stop, &vec![1; start.len()], s)
    };
    let join = |first: Array, second: Array| mlx::concatenate(&[first, second], axis, s);
    let mut y = if inclusive {
        mlx::share(x)?
    } else {
        let mut one = mlx::shape(x).to_vec();
        one[axis as usize] = 1;
        let nothing = mlx::scalar(f64::NEG_INFINITY, mlx::dtype(x), s)?;
        let nothing = mlx::full(&one, &nothing, mlx::dtype(x), s)?;
        if reverse {
            join(part(x, 1, n)?, nothing)?
        } else {
            join(nothing, part(x, 0, n - 1)?)?
        }
    };
    let mut width = 1;
    while width < n {
        let sums = logaddexp(&part(&y, width, n)?, &part(&y, 0, n - width)?, s)?;
        y = if reverse {
            join(sums, part(&y, n - width, n)?)?
        } else {
            join(part(&y, 0, width)?, sums)?
        };
        width = width.saturating_mul(2);
    }
    Ok(y)
}
