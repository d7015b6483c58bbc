//! The gamma distribution of scale 1: log density, tails, quantiles.
use super::distribution::{d_quantile, d_tail, deviance, log_tails, tail, Form, FIXED};
use super::graph::Graph;
use super::table::{Exact, Node};
use super::tails::{quantile as solve, Gamma, Law};
use super::wide::loop2;
use crate::error::Result;
use crate::mlx::{self, Array};

/// The log density at x.
pub fn log_density(x: f64, shape: f64) -> f64 {
    if x.is_nan() || shape.is_nan() || shape < 0.0 {
        f64::NAN
    } else if x < 0.0 || x == f64::INFINITY || shape == f64::INFINITY {
        f64::NEG_INFINITY
    } else if x == 0.0 {
        match shape {
            a if a < 1.0 => f64::INFINITY,
            1.0 => 0.0,
            _ => f64::NEG_INFINITY,
        }
    } else if shape == 0.0 {
        f64::NEG_INFINITY
    } else {
        Gamma::new(shape).log_norm() - deviance(shape, x, x - shape) - x.ln()
    }
}

/// Tails at x of a shape, or their derivatives.
pub fn tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |x, a| tail_of(x, a, form));
}

/// One tail.
pub fn tail_of(x: f64, shape: f64, form: Form) -> f64 {
    if x.is_nan() || shape.is_nan() || shape < 0.0 {
        f64::NAN
    } else if x <= 0.0 || shape == f64::INFINITY {
        form.certain(false)
    } else if shape == 0.0 {
        form.certain(true)
    } else {
        let near = (x - shape) / shape;
        let v = if near.abs() < 0.5 {
            near.ln_1p()
        } else {
            x.ln() - shape.ln()
        };
        tail(&Gamma::new(shape), v, form, &FIXED)
    }
}

/// Quantiles of p of a shape.
pub fn quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |p, a| quantile(p, a, form));
}

/// One quantile.
pub fn quantile(p: f64, shape: f64, form: Form) -> f64 {
    let Some((lower, upper)) = log_tails(p, form) else {
        return f64::NAN;
    };
    if shape.is_nan() || shape < 0.0 {
        f64::NAN
    } else if lower == f64::NEG_INFINITY || shape == 0.0 {
        0.0
    } else if upper == f64::NEG_INFINITY || shape.is_infinite() {
        f64::INFINITY
    } else {
        shape * solve(&Gamma::new(shape), lower, upper).exp()
    }
}

/// log x - digamma(shape)
fn score(g: Graph, inputs: &[Array], _: usize) -> Result<Array> {
    let log = mlx::unary(mlx_sys::mlx_log, &inputs[0], g.0)?;
    g.sub(&log, &g.exact(Exact::Digamma, [&inputs[1]])?)
}

/// (shape - 1) / x - 1 in x.
pub fn d_density(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum == 1 {
        return score(g, n.inputs, 0);
    }
    let one = g.scalar(1.0, n.x())?;
    g.sub(&g.div(&g.sub(n.y(), &one)?, n.x())?, &one)
}

/// See [`d_tail`].
pub fn d_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::GammaTail, Exact::GammaDensity, score)
}

/// See [`d_quantile`].
pub fn d_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::GammaTail, Exact::GammaDensity)
}
