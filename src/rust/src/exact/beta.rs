//! The beta function and binomial coefficients, as R has them.
use super::ffi::apply;
use super::gamma::{gamma, lgamma};
use super::table::{Exact, Node};
use super::trig::sinpi;
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::PI;

/// log B(a, b): NaN for a negative argument, Inf at 0.
pub fn lbeta(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    let (p, q) = (a.min(b), a.max(b));
    if p < 0.0 {
        f64::NAN
    } else if p == 0.0 {
        f64::INFINITY
    } else if q.is_infinite() {
        f64::NEG_INFINITY
    } else if p >= STIRLING_FROM {
        // Stirling's formula for all three; the large parts cancel on paper.
        let rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(p + q);
        let share = p / (p + q);
        -0.5 * q.ln() + HALF_LOG_TWO_PI + rest + (p - 0.5) * share.ln() + q * (-share).ln_1p()
    } else if q >= STIRLING_FROM {
        let rest = stirling_rest(q) - stirling_rest(p + q);
        lgamma(p) + rest + p - p * (p + q).ln() + (q - 0.5) * (-p / (p + q)).ln_1p()
    } else if p < 1e-306 {
        lgamma(p) + (lgamma(q) - lgamma(p + q))
    } else {
        (gamma(p) * (gamma(q) / gamma(p + q))).ln()
    }
}

/// B(a, b): NaN for a negative argument, Inf at 0.
pub fn beta(a: f64, b: f64) -> f64 {
    if a > 0.0 && b > 0.0 && a + b < 171.0 {
        // Reciprocal first: the product of the two others may overflow.
        (1.0 / gamma(a + b)) * gamma(a) * gamma(b)
    } else {
        lbeta(a, b).exp()
    }
}

const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;
const STIRLING_FROM: f64 = 10.0;

/// log gamma(x) less Stirling's (x - 1/2) log x - x + log(2 pi) / 2, for x >= 10:
/// Abramowitz & Stegun 6.1.41.
fn stirling_rest(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, c| sum * y + c) / x
}

/// B(2k) / (2k (2k - 1)), from k = 1.
const STIRLING: [f64; 9] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1_260.0,
    -1.0 / 1_680.0,
    1.0 / 1_188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3_617.0 / 122_400.0,
    43_867.0 / 244_188.0,
];

/// digamma(this) - digamma(a + b)
pub fn d_lbeta(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let this = g.exact(Exact::Digamma, [&n.inputs[n.argnum]])?;
    g.sub(&this, &g.exact(Exact::Digamma, [&g.add(n.x(), n.y())?])?)
}

/// B(a, b) times the derivative of its logarithm.
pub fn d_beta(n: &Node<'_>) -> Result<Array> {
    n.graph.mul(n.output, &d_lbeta(n)?)
}

/// Below this, a binomial coefficient is a plain product.
const FEW: f64 = 30.0;

/// n over k for a real n and a whole k (which is rounded); with an order, its
/// derivative of that order in n.
pub fn choose(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    for ((c, &n), &k) in output.iter_mut().zip(inputs[0]).zip(inputs[1]) {
        *c = if order == 0 {
            binomial(n, k.round_ties_even())
        } else {
            binomial_derivative(order as usize, n, k.round_ties_even())
        };
    }
}

fn binomial(n: f64, k: f64) -> f64 {
    if n.is_nan() || k.is_nan() {
        return f64::NAN;
    }
    let whole = is_whole(n);
    if k < FEW {
        let k = if whole && n >= 0.0 && n - k < k { (n - k).round() } else { k };
        if k < 0.0 {
            return 0.0;
        }
        let product = falling(n, k);
        return if whole { product.round() } else { product };
    }
    if n < 0.0 {
        let mirrored = binomial(k - n - 1.0, k);
        return if k % 2.0 == 0.0 { mirrored } else { -mirrored };
    }
    if whole {
        let n = n.round();
        return if n < k {
            0.0
        } else if n - k < FEW {
            binomial(n, n - k)
        } else {
            log_binomial(n, k).exp().round()
        };
    }
    // Between 0 and k - 1 the factors n - k + 1, .. change sign at each integer.
    let negative = n < k - 1.0 && (n - k + 1.0).floor() % 2.0 != 0.0;
    let size = log_binomial(n, k).exp();
    if negative {
        -size
    } else {
        size
    }
}

/// n (n-1) .. (n-k+1) / k!
fn falling(n: f64, k: f64) -> f64 {
    (0..k as u32).fold(1.0, |r, j| r * (n - f64::from(j)) / f64::from(j + 1))
}

/// log |n over k|, k rounded.
pub fn lchoose(n: f64, k: f64) -> f64 {
    let k = k.round_ties_even();
    if n.is_nan() || k.is_nan() {
        f64::NAN
    } else if k < 0.0 {
        f64::NEG_INFINITY
    } else if k < FEW {
        // A plain product, but of logarithms where it would overflow.
        let c = falling(n, k).abs();
        if c.is_infinite() && n.is_finite() {
            (0..k as u32).map(|j| ((n - f64::from(j)) / f64::from(j + 1)).abs().ln()).sum()
        } else {
            c.ln()
        }
    } else if n < 0.0 {
        lchoose(k - n - 1.0, k)
    } else if is_whole(n) && n.round() < k {
        f64::NEG_INFINITY
    } else if is_whole(n) && n.round() - k < FEW {
        lchoose(n.round(), n.round() - k)
    } else {
        log_binomial(n, k)
    }
}

/// For n >= 0 and k >= 0.
fn log_binomial(n: f64, k: f64) -> f64 {
    if n < k - 1.0 {
        // Reflected, 1 / gamma(n - k + 1) = gamma(k - n) sin(pi (k - n)) / pi.
        lbeta(n + 1.0, k - n) + (sinpi(n).abs() / PI).ln()
    } else {
        -(n + 1.0).ln() - lbeta(n - k + 1.0, k + 1.0)
    }
}

/// R's tolerance for a whole number; R widens it for large ones, so that 1e7 + 0.5
/// is whole there.
fn is_whole(n: f64) -> bool {
    (n - n.round()).abs() <= 1e-7
}

/// The derivative in n of the polynomial n (n-1) .. (n-k+1) / k!, by multiplying
/// the Taylor series of its factors: it has no poles, where digamma would.
fn binomial_derivative(order: usize, n: f64, k: f64) -> f64 {
    if n.is_nan() || k.is_nan() {
        return f64::NAN;
    }
    let mut series = vec![0.0; order + 1];
    series[0] = 1.0;
    for j in 0..k.max(0.0) as u64 {
        let (at, by) = (n - j as f64, 1.0 / (j + 1) as f64);
        for i in (0..=order).rev() {
            let lower = if i > 0 { series[i - 1] } else { 0.0 };
            series[i] = (series[i] * at + lower) * by;
        }
    }
    (1..=order).fold(series[order], |d, i| d * i as f64)
}

/// In n the next order; k is a whole number, in which the function has no slope.
pub fn d_choose(n: &Node<'_>) -> Result<Array> {
    if n.argnum == 1 {
        return n.graph.zeros_like(n.output);
    }
    apply(Exact::Choose, n.order + 1, &[n.x(), n.y()], n.graph.0)
}

/// digamma(n + 1) - digamma(n - k + 1)
pub fn d_lchoose(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum == 1 {
        return g.zeros_like(n.output);
    }
    // SAFETY: live handles.
    let k = mlx::out(|o| unsafe { mlx_sys::mlx_round(o, n.y().as_ptr(), 0, g.0) })?;
    let above = g.add(n.x(), &g.scalar(1.0, n.x())?)?;
    let upper = g.exact(Exact::Digamma, [&above])?;
    g.sub(&upper, &g.exact(Exact::Digamma, [&g.sub(&above, &k)?])?)
}
