//! Distributions of counts: log densities and quantiles of the binomial, the Poisson and the
//! negative binomial distribution (of a size and a mean). Their distribution functions are tails of
//! the gamma, beta and F distributions.
use super::beta::HALF_LOG_TWO_PI;
use super::distribution::{deviance, log_tails, Form};
use super::table::{Exact, Node};
use super::tails::{rest, Part};
use super::wide::{loop2, loop3};
use super::{beta_law, f_law, gamma_law};
use crate::error::Result;
use crate::mlx::{self, Array};

/// R's tolerance for a whole number.
fn is_whole(x: f64) -> bool {
    (x - x.round()).abs() <= 1e-7 * x.abs().max(1.0)
}

/// The log of the probability of k out of n, where p has the complement q; k and n - k need not be
/// whole. `apart` is n p - k, with its digits.
fn binomial_raw(k: f64, rest_k: f64, p: f64, q: f64, apart: f64) -> f64 {
    let n = k + rest_k;
    if k == 0.0 && n == 0.0 {
        0.0
    } else if k == 0.0 {
        n * if p < 0.5 { (-p).ln_1p() } else { q.ln() }
    } else if rest_k == 0.0 {
        n * if q < 0.5 { (-q).ln_1p() } else { p.ln() }
    } else if p == 0.0 || q == 0.0 {
        f64::NEG_INFINITY
    } else {
        rest(n)
            - rest(k)
            - rest(rest_k)
            - deviance(k, n * p, apart)
            - deviance(rest_k, n * q, -apart)
            + 0.5 * (n / k / rest_k).ln()
            - HALF_LOG_TWO_PI
    }
}

/// The log of the binomial probability of k.
pub fn binomial_log(k: f64, n: f64, p: f64) -> f64 {
    if k.is_nan() || n.is_nan() || p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if n < 0.0 || !is_whole(n) {
        return f64::NAN;
    }
    let (k, n, whole) = (k.round(), n.round(), is_whole(k));
    if !whole || k < 0.0 || k > n {
        return f64::NEG_INFINITY;
    }
    binomial_raw(k, n - k, p, 1.0 - p, n * p - k)
}

/// The log of the Poisson probability of k.
pub fn poisson_log(k: f64, mean: f64) -> f64 {
    if k.is_nan() || mean.is_nan() || mean < 0.0 {
        f64::NAN
    } else if k < 0.0 || k == f64::INFINITY || mean == f64::INFINITY || !is_whole(k) {
        f64::NEG_INFINITY
    } else if k.round() == 0.0 {
        -mean
    } else if mean == 0.0 {
        f64::NEG_INFINITY
    } else {
        let k = k.round();
        -rest(k) - deviance(k, mean, mean - k) - 0.5 * k.ln() - HALF_LOG_TWO_PI
    }
}

/// The log of the negative binomial probability of k, of a size and a mean.
pub fn negative_binomial_log(k: f64, size: f64, mean: f64) -> f64 {
    if k.is_nan() || size.is_nan() || mean.is_nan() || size < 0.0 || mean < 0.0 {
        f64::NAN
    } else if k < 0.0 || k == f64::INFINITY || !is_whole(k) {
        f64::NEG_INFINITY
    } else if size == f64::INFINITY {
        poisson_log(k, mean)
    } else if k.round() == 0.0 {
        if size == 0.0 {
            0.0
        } else {
            -size * (mean / size).ln_1p()
        }
    } else if size == 0.0 || mean == 0.0 || mean == f64::INFINITY {
        f64::NEG_INFINITY
    } else {
        let k = k.round();
        let (p, q) = (size / (size + mean), mean / (size + mean));
        let apart = size * ((k - mean) / (size + mean));
        (size / (size + k)).ln() + binomial_raw(size, k, p, q, apart)
    }
}

/// The smallest count whose lower tail is at least that of p, as R has it: but for rounding errors.
fn search(
    p: f64,
    form: Form,
    mean: f64,
    sd: f64,
    last: f64,
    tail: impl Fn(f64, Form) -> f64,
) -> f64 {
    let Some((lower, upper)) = log_tails(p, form) else {
        return f64::NAN;
    };
    if lower == f64::NEG_INFINITY {
        return 0.0;
    }
    if upper == f64::NEG_INFINITY {
        return last;
    }
    let fuzz = 64.0 * f64::EPSILON;
    let side = Form {
        upper: upper < lower,
        log: true,
        part: Part::Mass,
    };
    let enough = |k: f64| {
        if side.upper {
            tail(k, side) <= upper + fuzz
        } else {
            tail(k, side) >= lower - fuzz
        }
    };
    let z = super::normal_law::quantile(p, form).clamp(-1e8, 1e8);
    let start = (mean + sd * z).floor().clamp(0.0, last.min(1e300));
    let mut step = (0.01 * sd).floor().max(1.0);
    // Below `low` there is not enough, at `high` there is.
    let (mut low, mut high) = (start - 1.0, start);
    if enough(start) {
        while low >= 0.0 && enough(low) {
            high = low;
            low = (low - step).max(-1.0);
            step *= 2.0;
        }
    } else {
        low = start;
        high = (start + step).min(last);
        while high < last && !enough(high) {
            low = high;
            step *= 2.0;
            high = (high + step).min(last);
        }
    }
    while high - low > 1.0 && high.is_finite() {
        let middle = (0.5 * (low + high)).floor();
        if middle <= low || middle >= high {
            break; // beyond 2^53 counts are not all doubles
        }
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Quantiles of the Poisson distribution.
pub fn poisson_quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |p, mean| {
        if p.is_nan() || mean.is_nan() || mean < 0.0 || mean == f64::INFINITY {
            return f64::NAN;
        }
        search(p, form, mean, mean.sqrt(), f64::INFINITY, |k, side| {
            let upper = !side.upper;
            gamma_law::tail_of(mean, k + 1.0, Form { upper, ..side })
        })
    });
}

/// Quantiles of the binomial distribution.
pub fn binomial_quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |q, n, p| {
        if q.is_nan()
            || !(0.0..=1.0).contains(&p)
            || !(0.0..f64::INFINITY).contains(&n)
            || !is_whole(n)
        {
            return f64::NAN;
        }
        let n = n.round();
        search(q, form, n * p, (n * p * (1.0 - p)).sqrt(), n, |k, side| {
            if k >= n {
                return side.certain(true);
            }
            let upper = !side.upper;
            beta_law::tail_of(p, k + 1.0, n - k, Form { upper, ..side })
        })
    });
}

/// Quantiles of the negative binomial distribution of a size and a mean.
pub fn negative_binomial_quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |p, size, mean| {
        // Not `size < 0`, which is false for NaN.
        if p.is_nan() || !(size >= 0.0 && mean >= 0.0) {
            return f64::NAN;
        }
        if size == 0.0 || mean == 0.0 {
            return if log_tails(p, form).is_some() {
                0.0
            } else {
                f64::NAN
            };
        }
        let sd = (mean + mean * mean / size).sqrt();
        search(p, form, mean, sd, f64::INFINITY, |k, side| {
            f_law::tail_of((k + 1.0) / mean, 2.0 * size, 2.0 * (k + 1.0), side)
        })
    });
}

/// (k - n p) / (p (1 - p)) in p; the counts have no slope.
pub fn d_binomial(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum < 2 {
        return g.zeros_like(n.output);
    }
    let (k, size, p) = (&n.inputs[0], &n.inputs[1], &n.inputs[2]);
    let q = g.sub(&g.scalar(1.0, p)?, p)?;
    // Not over p (1 - p) at once: k / p and (n - k) / (1 - p) have a value at the ends.
    let zero = g.scalar(0.0, p)?;
    let part = |count: &Array, of: &Array| -> Result<Array> {
        let none = mlx::binary(mlx_sys::mlx_equal, count, &zero, g.0)?;
        let safe = mlx::select(&none, &g.scalar(1.0, p)?, of, g.0)?;
        g.div(count, &safe)
    };
    g.sub(&part(k, p)?, &part(&g.sub(size, k)?, &q)?)
}

/// k / mean - 1 in the mean.
pub fn d_poisson(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum == 0 {
        return g.zeros_like(n.output);
    }
    let (k, mean) = (n.x(), n.y());
    let none = mlx::binary(mlx_sys::mlx_equal, k, &g.scalar(0.0, k)?, g.0)?;
    let one = g.scalar(1.0, k)?;
    let safe = mlx::select(&none, &one, mean, g.0)?;
    g.sub(&g.div(k, &safe)?, &one)
}

/// In the mean k / mean - (k + size) / (size + mean); in the size
/// digamma(k + size) - digamma(size) - log(1 + mean / size) + (mean - k) / (size + mean).
pub fn d_negative_binomial(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let (k, size, mean) = (&n.inputs[0], &n.inputs[1], &n.inputs[2]);
    let both = g.add(size, mean)?;
    match n.argnum {
        0 => g.zeros_like(n.output),
        1 => {
            let psi = g.exact(Exact::PolygammaDifference, [size, k])?;
            let log = mlx::unary(mlx_sys::mlx_log1p, &g.div(mean, size)?, g.0)?;
            g.sub(&g.div(&g.sub(mean, k)?, &both)?, &g.add(&psi, &log)?)
        }
        _ => {
            let none = mlx::binary(mlx_sys::mlx_equal, k, &g.scalar(0.0, k)?, g.0)?;
            let safe = mlx::select(&none, &g.scalar(1.0, k)?, mean, g.0)?;
            g.sub(&g.div(k, &safe)?, &g.div(&g.add(k, size)?, &both)?)
        }
    }
}

/// Counts have no slope.
pub fn no_slope(n: &Node<'_>) -> Result<Array> {
    n.graph.zeros_like(n.output)
}
