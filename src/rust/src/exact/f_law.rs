//! The F distribution, whose odds d1 x / d2 are those of a beta distribution: log density, tails,
//! quantiles.
use super::distribution::{d_quantile, d_tail, deviance, log_tails, tail, Drift, Form};
use super::gamma_law;
use super::graph::Graph;
use super::table::{Exact, Node};
use super::tails::{quantile as solve, Beta, Law, Part};
use super::wide::loop3;
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::LN_2;

/// Whether these are no degrees of freedom.
fn bad(d1: f64, d2: f64) -> bool {
    d1.is_nan() || d2.is_nan() || d1 <= 0.0 || d2 <= 0.0
}

/// The log density of F at x: of its logarithm, less log x.
pub fn log_density(x: f64, d1: f64, d2: f64) -> f64 {
    if x.is_nan() || bad(d1, d2) {
        f64::NAN
    } else if x < 0.0 || x == f64::INFINITY {
        f64::NEG_INFINITY
    } else if x == 0.0 {
        match d1 {
            d if d < 2.0 => f64::INFINITY,
            2.0 => 0.0,
            _ => f64::NEG_INFINITY,
        }
    } else if d1 == f64::INFINITY && d2 == f64::INFINITY {
        if x == 1.0 {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }
    } else if d2 == f64::INFINITY {
        gamma_law::log_density(0.5 * d1 * x, 0.5 * d1) + (0.5 * d1).ln()
    } else if d1 == f64::INFINITY {
        gamma_law::log_density(0.5 * d2 / x, 0.5 * d2) + (0.5 * d2).ln() - 2.0 * x.ln()
    } else {
        let (a, b) = (0.5 * d1, 0.5 * d2);
        let (odds, n) = (a / b * x, a + b);
        // The share of the first shape in n, n odds / (1 + odds), less a.
        let d = a * (x - 1.0) / (1.0 + odds);
        let (first, second) = (n * (odds / (1.0 + odds)), n / (1.0 + odds));
        Beta::new(a, b).log_norm() - deviance(a, first, d) - deviance(b, second, -d) - x.ln()
    }
}

/// How log odds = log(a x / b) moves with the shapes a = d1 / 2 and b = d2 / 2.
pub fn drift(a: f64, b: f64) -> Drift {
    Drift {
        first: [1.0 / a, -1.0 / b],
        second: [-1.0 / (a * a), 0.0, 1.0 / (b * b)],
        scale: 0.5,
    }
}

/// Tails of F at x, or their derivatives.
pub fn tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |x, d1, d2| tail_of(x, d1, d2, form));
}

/// One tail of F.
pub fn tail_of(x: f64, d1: f64, d2: f64, form: Form) -> f64 {
    if x.is_nan() || bad(d1, d2) {
        f64::NAN
    } else if x <= 0.0 {
        form.certain(false)
    } else if d1 == f64::INFINITY && d2 == f64::INFINITY {
        match (x == 1.0, form.part, form.log) {
            (true, Part::Mass, true) => -LN_2,
            (true, Part::Mass, false) => 0.5,
            _ => form.certain(x > 1.0),
        }
    } else if d2 == f64::INFINITY && form.part == Part::Mass {
        gamma_law::tail_of(0.5 * d1 * x, 0.5 * d1, form)
    } else if d1 == f64::INFINITY && form.part == Part::Mass {
        let upper = !form.upper;
        gamma_law::tail_of(0.5 * d2 / x, 0.5 * d2, Form { upper, ..form })
    } else {
        let (a, b) = (0.5 * d1, 0.5 * d2);
        tail(&Beta::new(a, b), x.ln(), form, &drift(a, b))
    }
}

/// Quantiles of F.
pub fn quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |p, d1, d2| {
        let Some((lower, upper)) = log_tails(p, form) else {
            return f64::NAN;
        };
        if bad(d1, d2) {
            f64::NAN
        } else if lower == f64::NEG_INFINITY {
            0.0
        } else if upper == f64::NEG_INFINITY {
            f64::INFINITY
        } else if d1 == f64::INFINITY && d2 == f64::INFINITY {
            1.0
        } else if d2 == f64::INFINITY {
            2.0 / d1 * gamma_law::quantile(p, 0.5 * d1, form)
        } else if d1 == f64::INFINITY {
            let upper = !form.upper;
            0.5 * d2 / gamma_law::quantile(p, 0.5 * d2, Form { upper, ..form })
        } else {
            solve(&Beta::new(0.5 * d1, 0.5 * d2), lower, upper).exp()
        }
    });
}

/// Half of log(share) - digamma(this / 2) + digamma(both / 2) + the part of log odds, where share
/// is u / (1 + u) of the odds u, or 1 / (1 + u).
fn score(g: Graph, inputs: &[Array], k: usize) -> Result<Array> {
    let (x, d1, d2) = (&inputs[0], &inputs[1], &inputs[2]);
    let below = g.add(d2, &g.mul(d1, x)?)?;
    let log = |a: &Array| mlx::unary(mlx_sys::mlx_log, a, g.0);
    let halves = [g.scale(d1, 0.5)?, g.scale(d2, 0.5)?];
    let psi = g.exact(Exact::PolygammaDifference, [&halves[k], &halves[1 - k]])?;
    let apart = g.sub(&g.scalar(1.0, x)?, x)?;
    let (share, moved) = if k == 0 {
        (g.div(&g.mul(d1, x)?, &below)?, g.mul(d2, &apart)?)
    } else {
        (g.div(d2, &below)?, g.neg(&g.mul(d1, &apart)?)?)
    };
    let sum = g.add(&g.sub(&log(&share)?, &psi)?, &g.div(&moved, &below)?)?;
    g.scale(&sum, 0.5)
}

/// (d1 / 2 - 1) / x - (d1 + d2) / 2 d1 / (d2 + d1 x) in x.
pub fn d_density(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum > 0 {
        return score(g, n.inputs, n.argnum - 1);
    }
    let (x, d1, d2) = (&n.inputs[0], &n.inputs[1], &n.inputs[2]);
    let below = g.add(d2, &g.mul(d1, x)?)?;
    let left = g.div(&g.sub(&g.scale(d1, 0.5)?, &g.scalar(1.0, x)?)?, x)?;
    let right = g.div(&g.mul(&g.add(d1, d2)?, d1)?, &below)?;
    g.sub(&left, &g.scale(&right, 0.5)?)
}

/// See [`d_tail`].
pub fn d_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::FTail, Exact::FDensity, score)
}

/// See [`d_quantile`].
pub fn d_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::FTail, Exact::FDensity)
}
