//! Student's t distribution: log density, tails, quantiles.
use super::beta::lbeta;
use super::distribution::{d_quantile, d_tail, log1mexp, log_tails, tail, Drift, Form};
use super::graph::Graph;
use super::table::{Exact, Node};
use super::tails::{quantile as solve, Beta, Part};
use super::wide::loop2;
use super::{f_law, normal_law};
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::LN_2;

/// The log density of t.
pub fn log_density(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        f64::NAN
    } else if t.is_infinite() {
        f64::NEG_INFINITY
    } else if df == f64::INFINITY {
        normal_law::log_density(t)
    } else {
        let log = if t.abs() > 1e150 {
            2.0 * t.abs().ln() - df.ln()
        } else {
            (t * t / df).ln_1p()
        };
        -lbeta(0.5 * df, 0.5) - 0.5 * df.ln() - 0.5 * (df + 1.0) * log
    }
}

/// Tails of t, or their derivatives.
pub fn tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |t, df| tail_of(t, df, form));
}

/// One tail of t: beyond |t| lies half of what a beta distribution has below df / (df + t²).
fn tail_of(t: f64, df: f64, form: Form) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if df == f64::INFINITY {
        return match form.part {
            Part::Mass => normal_law::tail(t, form),
            _ => 0.0,
        };
    }
    let (law, v) = (Beta::new(0.5 * df, 0.5), -2.0 * t.abs().ln());
    let drift = f_law::drift(0.5 * df, 0.5);
    let drift = Drift {
        first: [drift.first[0], 0.0],
        second: [drift.second[0], 0.0, 0.0],
        scale: 0.5,
    };
    let both = |log, part| {
        let upper = false;
        tail(&law, v, Form { upper, log, part }, &drift)
    };
    // The side beyond t is small: a logarithm of its own, also where it underflows.
    if (t < 0.0) != form.upper {
        return match (form.part, form.log) {
            (Part::Mass, true) => both(true, Part::Mass) - LN_2,
            (part, true) => both(true, part),
            (part, false) => 0.5 * both(false, part),
        };
    }
    let mass = 1.0 - 0.5 * both(false, Part::Mass);
    match (form.part, form.log) {
        (Part::Mass, false) => mass,
        (Part::Mass, true) => (-0.5 * both(false, Part::Mass)).ln_1p(),
        (part, false) => -0.5 * both(false, part),
        (part @ Part::First(_), true) => -0.5 * both(false, part) / mass,
        (part, true) => {
            let first = -0.5 * both(false, Part::First(0)) / mass;
            -0.5 * both(false, part) / mass - first * first
        }
    }
}

/// Quantiles of t.
pub fn quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |p, df| {
        let Some((lower, upper)) = log_tails(p, form) else {
            return f64::NAN;
        };
        let (small, sign) = if lower < upper {
            (lower, -1.0)
        } else {
            (upper, 1.0)
        };
        if df.is_nan() || df <= 0.0 {
            f64::NAN
        } else if lower == upper {
            0.0
        } else if small == f64::NEG_INFINITY {
            sign * f64::INFINITY
        } else if df == f64::INFINITY {
            normal_law::quantile(p, form)
        } else {
            let both = small + LN_2;
            let v = solve(&Beta::new(0.5 * df, 0.5), both, log1mexp(-both));
            sign * (-0.5 * v).exp()
        }
    });
}

/// (digamma((df + 1) / 2) - digamma(df / 2) - log(1 + t²/df) + (t² - 1) / (df + t²)) / 2
fn score(g: Graph, inputs: &[Array], _: usize) -> Result<Array> {
    let (t, df) = (&inputs[0], &inputs[1]);
    let square = mlx::unary(mlx_sys::mlx_square, t, g.0)?;
    let half = g.scale(df, 0.5)?;
    let psi = g.exact(Exact::PolygammaDifference, [&half, &g.scalar(0.5, t)?])?;
    let log = mlx::unary(mlx_sys::mlx_log1p, &g.div(&square, df)?, g.0)?;
    let moved = g.div(&g.sub(&square, &g.scalar(1.0, t)?)?, &g.add(df, &square)?)?;
    g.scale(&g.sub(&moved, &g.add(&psi, &log)?)?, 0.5)
}

/// -(df + 1) t / (df + t²) in t.
pub fn d_density(n: &Node<'_>) -> Result<Array> {
    let (g, t, df) = (n.graph, n.x(), n.y());
    if n.argnum == 1 {
        return score(g, n.inputs, 0);
    }
    let above = g.mul(&g.add(df, &g.scalar(1.0, t)?)?, t)?;
    let below = g.add(df, &mlx::unary(mlx_sys::mlx_square, t, g.0)?)?;
    g.neg(&g.div(&above, &below)?)
}

/// See [`d_tail`].
pub fn d_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::StudentTail, Exact::StudentDensity, score)
}

/// See [`d_quantile`].
pub fn d_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::StudentTail, Exact::StudentDensity)
}
