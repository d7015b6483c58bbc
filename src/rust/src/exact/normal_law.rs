//! The standard normal distribution: tails and quantiles.
use super::beta::HALF_LOG_TWO_PI;
use super::distribution::{log_tails, Form};
use super::erf::{erfinv, normal_quantile_tail};
use super::table::{Exact, Node};
use super::wide::loop1;
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, SQRT_2};

/// The log density at z.
pub fn log_density(z: f64) -> f64 {
    -0.5 * z * z - HALF_LOG_TWO_PI
}

/// Tails at z.
pub fn tails(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop1(inputs[0], output, |z| tail(z, form));
}

/// One tail at z.
pub fn tail(z: f64, form: Form) -> f64 {
    let z = if form.upper { -z } else { z };
    match form.log {
        false if z > -5.0 => 0.5 * libm::erfc(-z * FRAC_1_SQRT_2),
        false => {
            // exp(-z²/2) of z² = h² + (z - h)(z + h), whose first part is exact.
            let h = (z * 16.0).trunc() / 16.0;
            let e = (-0.5 * h * h).exp() * (-0.5 * (z - h) * (z + h)).exp();
            if z < -40.0 {
                0.0
            } else {
                e * (-HALF_LOG_TWO_PI).exp() * mills(-z)
            }
        }
        true if z > 0.0 => (-0.5 * libm::erfc(z * FRAC_1_SQRT_2)).ln_1p(),
        true if z > -5.0 => (0.5 * libm::erfc(-z * FRAC_1_SQRT_2)).ln(),
        true if z == f64::NEG_INFINITY => z,
        true => log_density(z) + mills(-z).ln(),
    }
}

/// Mills' ratio of the upper tail to the density, for z >= 5, by Laplace's continued
/// fraction, Abramowitz & Stegun 26.2.14.
fn mills(z: f64) -> f64 {
    1.0 / (1..=60).rev().fold(z, |c, k| z + f64::from(k) / c)
}

/// Quantiles of p.
pub fn quantiles(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let form = Form::of(order);
    loop1(inputs[0], output, |p| quantile(p, form));
}

/// One quantile.
pub fn quantile(p: f64, form: Form) -> f64 {
    let Some((lower, upper)) = log_tails(p, form) else {
        return f64::NAN;
    };
    let (small, sign) = if lower < upper {
        (lower, -1.0)
    } else {
        (upper, 1.0)
    };
    if small == f64::NEG_INFINITY {
        return sign * f64::INFINITY;
    }
    if !form.log && (0.1..=0.9).contains(&p) {
        let z = SQRT_2 * erfinv(2.0 * p - 1.0);
        return if form.upper { -z } else { z };
    }
    if small > -2.3 {
        return sign * SQRT_2 * erfinv(-(small + LN_2).exp_m1());
    }
    let r = (-small).sqrt();
    // The rational approximation ends at exp(-27²); from there on Newton's method.
    let mut z = if r <= 27.0 {
        normal_quantile_tail(r)
    } else {
        SQRT_2 * r
    };
    let lower_log = Form::of(2);
    for _ in 0..if r <= 27.0 { 1 } else { 5 } {
        let here = tail(-z, lower_log);
        z += (here - small) * (here - log_density(z)).exp();
    }
    sign * z
}

/// The density of the tail's sign, for logarithms over the tail.
pub fn d_tails(n: &Node<'_>) -> Result<Array> {
    let (g, form) = (n.graph, Form::of(n.order));
    let density = if form.log {
        let square = mlx::unary(mlx_sys::mlx_square, n.x(), g.0)?;
        let log = g.sub(&g.scale(&square, -0.5)?, n.output)?;
        let log = g.sub(&log, &g.scalar(HALF_LOG_TWO_PI, n.x())?)?;
        g.exact(Exact::Exp, [&log])?
    } else {
        let gauss = g.exact(Exact::Gauss, [&g.scale(n.x(), FRAC_1_SQRT_2)?])?;
        g.scale(&gauss, (-HALF_LOG_TWO_PI).exp())?
    };
    if form.upper {
        g.neg(&density)
    } else {
        Ok(density)
    }
}

/// One over the density, for logarithms times the tail.
pub fn d_quantiles(n: &Node<'_>) -> Result<Array> {
    let (g, form) = (n.graph, Form::of(n.order));
    let square = mlx::unary(mlx_sys::mlx_square, n.output, g.0)?;
    let mut log = g.scale(&square, 0.5)?;
    if form.log {
        log = g.add(&log, n.x())?;
    }
    let slope = g.scale(&g.exact(Exact::Exp, [&log])?, HALF_LOG_TWO_PI.exp())?;
    if form.upper {
        g.neg(&slope)
    } else {
        Ok(slope)
    }
}
