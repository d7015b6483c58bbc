//! The beta distribution: log density, tails, quantiles.
use super::distribution::{d_quantile, d_tail, deviance, log_tails, tail, Form, FIXED};
use super::graph::Graph;
use super::table::{Exact, Node};
use super::tails::{quantile as solve, Beta, Law, Part};
use super::wide::loop3;
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::LN_2;

/// All mass at one point, as R has it for shapes of 0 and infinity (two points of mass 1/2 for
/// both 0): the lower tail there.
fn point(a: f64, b: f64) -> Option<f64> {
    if a == 0.0 && b == 0.0 {
        Some(f64::NAN)
    } else if a == f64::INFINITY && b == f64::INFINITY {
        Some(0.5)
    } else if a == 0.0 || b == f64::INFINITY {
        Some(0.0)
    } else if b == 0.0 || a == f64::INFINITY {
        Some(1.0)
    } else {
        None
    }
}

fn bad(a: f64, b: f64) -> bool {
    a.is_nan() || b.is_nan() || a < 0.0 || b < 0.0
}

/// The log density at x of shapes a and b.
pub fn log_density(x: f64, a: f64, b: f64) -> f64 {
    if x.is_nan() || bad(a, b) {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&x) {
        return f64::NEG_INFINITY;
    }
    if let Some(at) = point(a, b) {
        let there = if at.is_nan() {
            x == 0.0 || x == 1.0
        } else {
            x == at
        };
        return if there {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        };
    }
    if x == 0.0 || x == 1.0 {
        let (this, other) = if x == 0.0 { (a, b) } else { (b, a) };
        return match this {
            a if a < 1.0 => f64::INFINITY,
            1.0 => other.ln(),
            _ => f64::NEG_INFINITY,
        };
    }
    let (n, d) = (a + b, b * x - a * (1.0 - x));
    Beta::new(a, b).log_norm()
        - deviance(a, n * x, d)
        - deviance(b, n * (1.0 - x), -d)
        - x.ln()
        - (-x).ln_1p()
}

/// Tails at x of shapes, or their derivatives.
pub fn tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |x, a, b| tail_of(x, a, b, form));
}

/// One tail.
pub fn tail_of(x: f64, a: f64, b: f64, form: Form) -> f64 {
    if x.is_nan() || bad(a, b) {
        f64::NAN
    } else if x <= 0.0 {
        form.certain(false)
    } else if x >= 1.0 {
        form.certain(true)
    } else if let Some(at) = point(a, b) {
        match (at.is_nan(), form.part, form.log) {
            (true, Part::Mass, true) => -LN_2,
            (true, Part::Mass, false) => 0.5,
            _ => form.certain(x >= at),
        }
    } else {
        let v = x.ln() - (-x).ln_1p() - (a.ln() - b.ln());
        let near = (b * x - a * (1.0 - x)) / (a * (1.0 - x));
        let v = if near.abs() < 0.5 { near.ln_1p() } else { v };
        tail(&Beta::new(a, b), v, form, &FIXED)
    }
}

/// Quantiles of p of shapes.
pub fn quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |p, a, b| quantile(p, a, b, form));
}

fn quantile(p: f64, a: f64, b: f64, form: Form) -> f64 {
    let Some((lower, upper)) = log_tails(p, form) else {
        return f64::NAN;
    };
    if bad(a, b) {
        f64::NAN
    } else if let Some(at) = point(a, b) {
        match at.is_nan() {
            true if lower < -LN_2 => 0.0,
            true if lower > -LN_2 => 1.0,
            true => 0.5,
            false => at,
        }
    } else if lower == f64::NEG_INFINITY {
        0.0
    } else if upper == f64::NEG_INFINITY {
        1.0
    } else {
        let odds = (solve(&Beta::new(a, b), lower, upper) + (a.ln() - b.ln())).exp();
        if odds == f64::INFINITY {
            1.0
        } else {
            odds / (1.0 + odds)
        }
    }
}

/// log x (or log(1 - x)) - digamma(this shape) + digamma(both)
fn score(g: Graph, inputs: &[Array], k: usize) -> Result<Array> {
    let (x, this, other) = (&inputs[0], &inputs[1 + k], &inputs[2 - k]);
    let log = if k == 0 {
        mlx::unary(mlx_sys::mlx_log, x, g.0)?
    } else {
        mlx::unary(mlx_sys::mlx_log1p, &g.neg(x)?, g.0)?
    };
    g.sub(&log, &g.exact(Exact::PolygammaDifference, [this, other])?)
}

/// (a - 1) / x - (b - 1) / (1 - x) in x.
pub fn d_density(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum > 0 {
        return score(g, n.inputs, n.argnum - 1);
    }
    let one = g.scalar(1.0, n.x())?;
    let left = g.div(&g.sub(&n.inputs[1], &one)?, n.x())?;
    let right = g.div(&g.sub(&n.inputs[2], &one)?, &g.sub(&one, n.x())?)?;
    g.sub(&left, &right)
}

/// See [`d_tail`].
pub fn d_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::BetaTail, Exact::BetaDensity, score)
}

/// See [`d_quantile`].
pub fn d_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::BetaTail, Exact::BetaDensity)
}
