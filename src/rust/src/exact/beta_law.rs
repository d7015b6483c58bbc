//! The beta distribution, and F and t, which are its odds: log densities, tails, quantiles.
use super::beta::lbeta;
use super::distribution::{d_quantile, d_tail, deviance, log_tails, tail, Drift, Form, FIXED};
use super::gamma_law;
use super::graph::Graph;
use super::normal_law;
use super::table::{Exact, Node};
use super::tails::{quantile as solve, Beta, Law, Part};
use super::wide::{loop2, loop3};
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::LN_2;
use std::f64::{INFINITY, NAN, NEG_INFINITY};

/// All mass at one point, as R has it for shapes of 0 and infinity (two points of mass 1/2 for
/// both 0): the lower tail there.
fn point(a: f64, b: f64) -> Option<f64> {
    if a == 0.0 && b == 0.0 {
        Some(NAN)
    } else if a == INFINITY && b == INFINITY {
        Some(0.5)
    } else if a == 0.0 || b == INFINITY {
        Some(0.0)
    } else if b == 0.0 || a == INFINITY {
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
        return NAN;
    }
    if !(0.0..=1.0).contains(&x) {
        return NEG_INFINITY;
    }
    if let Some(at) = point(a, b) {
        let there = if at.is_nan() { x == 0.0 || x == 1.0 } else { x == at };
        return if there { INFINITY } else { NEG_INFINITY };
    }
    if x == 0.0 || x == 1.0 {
        let (this, other) = if x == 0.0 { (a, b) } else { (b, a) };
        return match this {
            a if a < 1.0 => INFINITY,
            1.0 => other.ln(),
            _ => NEG_INFINITY,
        };
    }
    let (n, d) = (a + b, b * x - a * (1.0 - x));
    Beta::new(a, b).log_norm() - deviance(a, n * x, d) - deviance(b, n * (1.0 - x), -d)
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
        NAN
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
        return NAN;
    };
    if bad(a, b) {
        NAN
    } else if let Some(at) = point(a, b) {
        match at.is_nan() {
            true if lower < -LN_2 => 0.0,
            true if lower > -LN_2 => 1.0,
            true => 0.5,
            false => at,
        }
    } else if lower == NEG_INFINITY {
        0.0
    } else if upper == NEG_INFINITY {
        1.0
    } else {
        let odds = (solve(&Beta::new(a, b), lower, upper) + (a.ln() - b.ln())).exp();
        if odds == INFINITY {
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

/// The log density of F at x: of its logarithm, less log x.
pub fn f_log_density(x: f64, d1: f64, d2: f64) -> f64 {
    if x.is_nan() || bad(d1, d2) || d1 == 0.0 || d2 == 0.0 {
        NAN
    } else if x < 0.0 || x == INFINITY {
        NEG_INFINITY
    } else if x == 0.0 {
        match d1 {
            d if d < 2.0 => INFINITY,
            2.0 => 0.0,
            _ => NEG_INFINITY,
        }
    } else if d1 == INFINITY && d2 == INFINITY {
        if x == 1.0 {
            INFINITY
        } else {
            NEG_INFINITY
        }
    } else if d2 == INFINITY {
        gamma_law::log_density(0.5 * d1 * x, 0.5 * d1) + (0.5 * d1).ln()
    } else if d1 == INFINITY {
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
fn f_drift(a: f64, b: f64) -> Drift {
    Drift {
        first: [1.0 / a, -1.0 / b],
        second: [-1.0 / (a * a), 0.0, 1.0 / (b * b)],
        scale: 0.5,
    }
}

/// Tails of F at x, or their derivatives.
pub fn f_tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |x, d1, d2| f_tail(x, d1, d2, form));
}

/// One tail of F.
pub fn f_tail(x: f64, d1: f64, d2: f64, form: Form) -> f64 {
    if x.is_nan() || bad(d1, d2) || d1 == 0.0 || d2 == 0.0 {
        NAN
    } else if x <= 0.0 {
        form.certain(false)
    } else if d1 == INFINITY && d2 == INFINITY {
        match (x == 1.0, form.part, form.log) {
            (true, Part::Mass, true) => -LN_2,
            (true, Part::Mass, false) => 0.5,
            _ => form.certain(x > 1.0),
        }
    } else if d2 == INFINITY && form.part == Part::Mass {
        gamma_law::tail_of(0.5 * d1 * x, 0.5 * d1, form)
    } else if d1 == INFINITY && form.part == Part::Mass {
        let upper = !form.upper;
        gamma_law::tail_of(0.5 * d2 / x, 0.5 * d2, Form { upper, ..form })
    } else {
        let (a, b) = (0.5 * d1, 0.5 * d2);
        tail(&Beta::new(a, b), x.ln(), form, &f_drift(a, b))
    }
}

/// Quantiles of F.
pub fn f_quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop3(inputs, output, |p, d1, d2| {
        let Some((lower, upper)) = log_tails(p, form) else {
            return NAN;
        };
        if bad(d1, d2) || d1 == 0.0 || d2 == 0.0 {
            NAN
        } else if lower == NEG_INFINITY {
            0.0
        } else if upper == NEG_INFINITY {
            INFINITY
        } else if d1 == INFINITY && d2 == INFINITY {
            1.0
        } else if d2 == INFINITY {
            2.0 / d1 * gamma_law::quantile(p, 0.5 * d1, form)
        } else if d1 == INFINITY {
            let upper = !form.upper;
            0.5 * d2 / gamma_law::quantile(p, 0.5 * d2, Form { upper, ..form })
        } else {
            solve(&Beta::new(0.5 * d1, 0.5 * d2), lower, upper).exp()
        }
    });
}

/// Half of log(share) - digamma(this / 2) + digamma(both / 2) + the part of log odds, where share
/// is u / (1 + u) of the odds u, or 1 / (1 + u).
fn f_score(g: Graph, inputs: &[Array], k: usize) -> Result<Array> {
    let (x, d1, d2) = (&inputs[0], &inputs[1], &inputs[2]);
    let below = g.add(d2, &g.mul(d1, x)?)?;
    let log = |a: &Array| mlx::unary(mlx_sys::mlx_log, a, g.0);
    let halves = [g.scale(d1, 0.5)?, g.scale(d2, 0.5)?];
    let psi = g.exact(
        Exact::PolygammaDifference,
        [&halves[k], &halves[1 - k]],
    )?;
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
pub fn d_f_density(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    if n.argnum > 0 {
        return f_score(g, n.inputs, n.argnum - 1);
    }
    let (x, d1, d2) = (&n.inputs[0], &n.inputs[1], &n.inputs[2]);
    let below = g.add(d2, &g.mul(d1, x)?)?;
    let left = g.div(&g.sub(&g.scale(d1, 0.5)?, &g.scalar(1.0, x)?)?, x)?;
    let right = g.div(&g.mul(&g.add(d1, d2)?, d1)?, &below)?;
    g.sub(&left, &g.scale(&right, 0.5)?)
}

/// See [`d_tail`].
pub fn d_f_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::FTail, Exact::FDensity, f_score)
}

/// See [`d_quantile`].
pub fn d_f_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::FTail, Exact::FDensity)
}

/// The log density of t.
pub fn t_log_density(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        NAN
    } else if t.is_infinite() {
        NEG_INFINITY
    } else if df == INFINITY {
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
pub fn t_tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |t, df| t_tail(t, df, form));
}

/// One tail of t: beyond |t| lies half of what a beta distribution has below df / (df + t²).
fn t_tail(t: f64, df: f64, form: Form) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return NAN;
    }
    if df == INFINITY {
        return match form.part {
            Part::Mass => normal_law::tail(t, form),
            _ => 0.0,
        };
    }
    let (law, v) = (Beta::new(0.5 * df, 0.5), -2.0 * t.abs().ln());
    let drift = f_drift(0.5 * df, 0.5);
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
pub fn t_quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop2(inputs[0], inputs[1], output, |p, df| {
        let Some((lower, upper)) = log_tails(p, form) else {
            return NAN;
        };
        let (small, sign) = if lower < upper { (lower, -1.0) } else { (upper, 1.0) };
        if df.is_nan() || df <= 0.0 {
            NAN
        } else if lower == upper {
            0.0
        } else if small == NEG_INFINITY {
            sign * INFINITY
        } else if df == INFINITY {
            normal_law::quantile(p, form)
        } else {
            let both = small + LN_2;
            let v = solve(&Beta::new(0.5 * df, 0.5), both, super::distribution::log1mexp(-both));
            sign * (-0.5 * v).exp()
        }
    });
}

/// (digamma((df + 1) / 2) - digamma(df / 2) - log(1 + t²/df) + (t² - 1) / (df + t²)) / 2
fn t_score(g: Graph, inputs: &[Array], _: usize) -> Result<Array> {
    let (t, df) = (&inputs[0], &inputs[1]);
    let square = mlx::unary(mlx_sys::mlx_square, t, g.0)?;
    let half = g.scale(df, 0.5)?;
    let psi = g.exact(Exact::PolygammaDifference, [&half, &g.scalar(0.5, t)?])?;
    let log = mlx::unary(mlx_sys::mlx_log1p, &g.div(&square, df)?, g.0)?;
    let moved = g.div(
        &g.sub(&square, &g.scalar(1.0, t)?)?,
        &g.add(df, &square)?,
    )?;
    g.scale(&g.sub(&moved, &g.add(&psi, &log)?)?, 0.5)
}

/// -(df + 1) t / (df + t²) in t.
pub fn d_t_density(n: &Node<'_>) -> Result<Array> {
    let (g, t, df) = (n.graph, n.x(), n.y());
    if n.argnum == 1 {
        return t_score(g, n.inputs, 0);
    }
    let above = g.mul(&g.add(df, &g.scalar(1.0, t)?)?, t)?;
    let below = g.add(df, &mlx::unary(mlx_sys::mlx_square, t, g.0)?)?;
    g.neg(&g.div(&above, &below)?)
}

/// See [`d_tail`].
pub fn d_t_tails(n: &Node<'_>) -> Result<Array> {
    d_tail(n, Exact::StudentTail, Exact::StudentDensity, t_score)
}

/// See [`d_quantile`].
pub fn d_t_quantiles(n: &Node<'_>) -> Result<Array> {
    d_quantile(n, Exact::StudentTail, Exact::StudentDensity)
}
