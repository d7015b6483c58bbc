//! Sums of exponentials, composed of ordinary operations and our own: differentiable to any
//! order, and free of overflow.
use super::graph::Graph;
use super::table::Exact;
use crate::dtype::Dtype;
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
                Err(Error::Index(format!(
                    "axis {axis} is not one of an array of rank {rank}."
                )))
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
    if mlx::dtype(x) == Dtype::Complex64 {
        return mlx::binary(mlx_sys::mlx_logaddexp, x, y, s); // single precision is all there is
    }
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

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// A 3 x 4 matrix of moderate numbers.
    fn matrix() -> (Array, Vec<f64>) {
        let v: Vec<f64> = (0..12)
            .map(|i| f64::from(i * 7 % 12) * 0.83 - 4.0)
            .collect();
        (Array::from_slice_f64(&v, &[3, 4]), v)
    }

    fn naive(x: &[f64]) -> f64 {
        x.iter().map(|x| x.exp()).sum::<f64>().ln()
    }

    #[test]
    fn logsumexp_over_any_axes() {
        let (_turn, s) = start();
        let (x, v) = matrix();
        let rows: Vec<f64> = v.chunks(4).map(naive).collect();
        let columns: Vec<f64> = (0..4).map(|j| naive(&[v[j], v[j + 4], v[j + 8]])).collect();
        let kept = logsumexp(&x, &[1], true, s).unwrap();
        assert_eq!(mlx::shape(&kept), [3, 1]);
        close(&values(&kept), &rows, 1e-15);
        close(
            &values(&logsumexp(&x, &[-2], false, s).unwrap()),
            &columns,
            1e-15,
        );
        let all = logsumexp(&x, &[0, 1], false, s).unwrap();
        assert_eq!(mlx::rank(&all), 0);
        close(&values(&all), &[naive(&v)], 1e-15);
        let turned = mlx::transpose(&x, s).unwrap();
        close(
            &values(&logsumexp(&turned, &[0], false, s).unwrap()),
            &rows,
            1e-15,
        );
        close(&values(&logsumexp(&x, &[], false, s).unwrap()), &v, 1e-15);
    }

    #[test]
    fn logsumexp_of_extremes() {
        let (_turn, s) = start();
        let lse = |x: &[f64]| values(&logsumexp(&f64s(x), &[0], false, s).unwrap())[0];
        assert_eq!(lse(&[1000.0, 1000.0]), 1000.0 + 2f64.ln());
        assert_eq!(lse(&[-1000.0, -1001.0]), -1000.0 + (-1f64).exp().ln_1p());
        assert_eq!(lse(&[NEG_INFINITY, NEG_INFINITY]), NEG_INFINITY);
        assert_eq!(lse(&[INFINITY, 1.0, INFINITY]), INFINITY);
        assert_eq!(lse(&[]), NEG_INFINITY);
        assert!(lse(&[NAN, 1.0]).is_nan());
        let none = Array::from_slice_f64(&[], &[3, 0]);
        close(
            &values(&logsumexp(&none, &[1], false, s).unwrap()),
            &[NEG_INFINITY; 3],
            0.0,
        );
        assert!(values(&logsumexp(&none, &[0], false, s).unwrap()).is_empty());
        assert!(message(logsumexp(&none, &[2], false, s)).contains("rank 2"));
    }

    #[test]
    fn the_slope_of_logsumexp_is_softmax_and_never_nan() {
        let (_turn, s) = start();
        let (x, _) = matrix();
        let f = |args: &[Array]| logsumexp(&args[0], &[1], false, s);
        let soft = values(&softmax(&x, &[1], s).unwrap());
        close(&values(&gradient(&f, &[x], s).unwrap()[0]), &soft, 1e-15);
        let whole = |args: &[Array]| logsumexp(&args[0], &[0], false, s);
        let at = |x: &[f64]| values(&gradient(&whole, &[f64s(x)], s).unwrap()[0]);
        close(&at(&[NEG_INFINITY, NEG_INFINITY]), &[0.5, 0.5], 0.0);
        close(&at(&[INFINITY, 3.0]), &[1.0, 0.0], 0.0);
        close(&at(&[NEG_INFINITY, 3.0]), &[0.0, 1.0], 0.0);
        // Second derivatives: diag(p) - p p', here summed over one row: 0; and of p[0].
        let p = values(&softmax(&f64s(&[0.3, -1.0, 2.0]), &[0], s).unwrap());
        let first = |args: &[Array]| {
            let grads = gradient(&whole, args, s)?.swap_remove(0);
            mlx::slice(&grads, &[0], &[1], &[1], s)
        };
        let second = gradient(&first, &[f64s(&[0.3, -1.0, 2.0])], s).unwrap();
        close(
            &values(&second[0]),
            &[p[0] * (1.0 - p[0]), -p[0] * p[1], -p[0] * p[2]],
            1e-15,
        );
    }

    #[test]
    fn softmax_adds_up_and_agrees_with_its_logarithm() {
        let (_turn, s) = start();
        let (x, _) = matrix();
        for axes in [&[1][..], &[0], &[0, 1]] {
            let p = softmax(&x, axes, s).unwrap();
            let sums = mlx::reduce(mlx_sys::mlx_sum_axes, &p, axes, false, s).unwrap();
            close(&values(&sums), &vec![1.0; mlx::size(&sums)], 1e-15);
            let logs = values(&log_softmax(&x, axes, s).unwrap());
            close(
                &logs,
                &values(&p).iter().map(|p| p.ln()).collect::<Vec<_>>(),
                1e-14,
            );
        }
        let far = f64s(&[0.0, -700.0]);
        relative(
            &values(&softmax(&far, &[0], s).unwrap()),
            &[1.0, (-700f64).exp()],
            1e-15,
        );
        // As MLX in float32.
        assert!(values(&softmax(&f64s(&[NEG_INFINITY; 2]), &[0], s).unwrap())[0].is_nan());
        assert!(values(&softmax(&f64s(&[]), &[0], s).unwrap()).is_empty());
    }

    #[test]
    fn logcumsumexp_in_every_direction() {
        let (_turn, s) = start();
        let v: Vec<f64> = (0..37)
            .map(|i| f64::from(i * 29 % 37) * 40.0 - 700.0)
            .collect();
        // log_add_exp by hand, one after the other.
        let scan = |x: &mut dyn Iterator<Item = f64>| {
            let mut sum = NEG_INFINITY;
            let next = |x: f64| {
                sum = if sum == NEG_INFINITY {
                    x
                } else {
                    sum.max(x) + (-(sum - x).abs()).exp().ln_1p()
                };
                sum
            };
            x.map(next).collect::<Vec<f64>>()
        };
        let forward = scan(&mut v.iter().copied());
        let mut backward = scan(&mut v.iter().rev().copied());
        backward.reverse();
        let go = |reverse, inclusive| {
            values(&logcumsumexp(&f64s(&v), 0, reverse, inclusive, s).unwrap())
        };
        relative(&go(false, true), &forward, 1e-15);
        relative(&go(true, true), &backward, 1e-15);
        assert_eq!(go(false, false)[0], NEG_INFINITY);
        relative(&go(false, false)[1..], &forward[..36], 1e-15);
        assert_eq!(go(true, false)[36], NEG_INFINITY);
        relative(&go(true, false)[..36], &backward[1..], 1e-15);
    }

    #[test]
    fn logcumsumexp_along_an_axis_and_of_extremes() {
        let (_turn, s) = start();
        let (x, v) = matrix();
        let got = values(&logcumsumexp(&x, -1, false, true, s).unwrap());
        let want: Vec<f64> = v
            .chunks(4)
            .flat_map(|row| (1..=4).map(|k| naive(&row[..k])))
            .collect();
        close(&got, &want, 2e-15);
        let got = values(&logcumsumexp(&x, 0, true, true, s).unwrap());
        let want: Vec<f64> = (0..12)
            .map(|i| naive(&(i..12).step_by(4).map(|i| v[i]).collect::<Vec<_>>()))
            .collect();
        close(&got, &want, 2e-15);
        let gone = [NEG_INFINITY, NEG_INFINITY, 1.0, NEG_INFINITY];
        let f = |args: &[Array]| logcumsumexp(&args[0], 0, false, true, s);
        close(
            &values(&f(&[f64s(&gone)]).unwrap()),
            &[NEG_INFINITY, NEG_INFINITY, 1.0, 1.0],
            0.0,
        );
        let grads = values(&gradient(&f, &[f64s(&gone)], s).unwrap()[0]);
        assert!(grads.iter().all(|g| !g.is_nan()), "{grads:?}");
        let empty = Array::from_slice_f64(&[], &[0, 3]);
        assert!(values(&logcumsumexp(&empty, 0, false, true, s).unwrap()).is_empty());
    }

    #[test]
    fn the_slope_of_logcumsumexp_agrees_with_central_differences() {
        let (_turn, s) = start();
        let x = [f64s(&[0.5, -1.0, 2.0, 0.1, 1.7])];
        for (reverse, inclusive) in [(false, true), (true, false)] {
            let f = |args: &[Array]| {
                let y = logcumsumexp(&args[0], 0, reverse, inclusive, s)?;
                let (from, to) = if inclusive { (0, 5) } else { (0, 4) };
                mlx::reduce(
                    mlx_sys::mlx_sum_axes,
                    &mlx::slice(&y, &[from], &[to], &[1], s)?,
                    &[0],
                    false,
                    s,
                )
            };
            let grads = values(&gradient(&f, &x, s).unwrap()[0]);
            // One element at a time, since each of them moves all that follow.
            for (k, grad) in grads.iter().enumerate() {
                let moved = |h: f64| {
                    let mut v = values(&x[0]);
                    v[k] += h;
                    values(&f(&[f64s(&v)]).unwrap())[0]
                };
                close(&[*grad], &[(moved(1e-5) - moved(-1e-5)) / 2e-5], 1e-8);
            }
        }
    }

    #[test]
    fn logaddexp_and_softplus_broadcast_and_differentiate() {
        let (_turn, s) = start();
        let (x, v) = matrix();
        let zero = f64s(&[0.0]);
        let sums = values(&logaddexp(&x, &zero, s).unwrap());
        close(
            &sums,
            &v.iter().map(|x| x.exp().ln_1p()).collect::<Vec<_>>(),
            1e-15,
        );
        close(&sums, &values(&softplus(&x, s).unwrap()), 1e-15);
        let f = |args: &[Array]| logaddexp(&args[0], &args[1], s);
        let grads = gradient(&f, &[x, zero], s).unwrap();
        assert_eq!(mlx::shape(&grads[1]), [1]);
        let total: f64 = v.iter().map(|x| 1.0 / (1.0 + x.exp())).sum();
        close(&values(&grads[1]), &[total], 1e-15);
    }
}
