//! Exponentials and what is built on them.
use super::table::{Exact, Node};
use super::wide::{map1, map2};
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::{LN_2, LOG2_E};

/// Adding and subtracting 1.5 * 2^52 rounds to an integer, which then stands in
/// the low bits of the sum.
pub const SHIFT: f64 = 6_755_399_441_055_744.0;

/// log 2 - `LN_2`
const LN_2_LOW: f64 = 2.319_046_813_846_299_6e-17;

/// exp(x) without branches, to 1 ulp: x = k log 2 + r, |r| <= log(2) / 2, and the
/// Taylor series of exp(r).
#[inline(always)]
pub fn exp_fast(x: f64) -> f64 {
    // Beyond these bounds the result is 0 or Inf anyway. NaN passes both.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let k = x.mul_add(LOG2_E, SHIFT) - SHIFT;
    let r = k.mul_add(-LN_2, x);
    let r = k.mul_add(-LN_2_LOW, r);
    // Estrin's scheme: short chains of dependent operations.
    let r2 = r * r;
    let r4 = r2 * r2;
    let a = r.mul_add(1.0 / 6.0, 0.5);
    let b = r.mul_add(1.0 / 120.0, 1.0 / 24.0);
    let c = r.mul_add(1.0 / 5_040.0, 1.0 / 720.0);
    let d = r.mul_add(1.0 / 362_880.0, 1.0 / 40_320.0);
    let e = r.mul_add(1.0 / 39_916_800.0, 1.0 / 3_628_800.0);
    let f = r.mul_add(1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0);
    let low = r2.mul_add(b, a);
    let mid = r2.mul_add(d, c);
    let high = r2.mul_add(f, e);
    let p = r4.mul_add(r4.mul_add(high, mid), low);
    let q = r2.mul_add(p, r);
    // 2^k in two steps, since k itself may be beyond a double's exponents.
    let half = k.mul_add(0.5, SHIFT) - SHIFT;
    (1.0 + q) * power_of_two(half) * power_of_two(k - half)
}

/// 2^k for an integer |k| < 1023.
#[inline(always)]
fn power_of_two(k: f64) -> f64 {
    f64::from_bits((k + SHIFT).to_bits().wrapping_add(1023) << 52)
}

/// exp(x)
pub fn exp(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map1(inputs, output, exp_fast, f64::exp);
}

/// 10^x
pub fn exp10(x: f64) -> f64 {
    10f64.powf(x)
}

/// 1 / (1 + exp(-x)), by whichever form does not overflow.
#[inline(always)]
fn logistic(x: f64, exp: impl Fn(f64) -> f64) -> f64 {
    let e = exp(-x.abs());
    (if x >= 0.0 { 1.0 } else { e }) / (1.0 + e)
}

/// 1 / (1 + exp(-x))
pub fn sigmoid(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map1(inputs, output, |x| logistic(x, exp_fast), |x| logistic(x, f64::exp));
}

/// s(x) s(-x): 1 - s(x) would lose all digits for large x.
pub fn d_sigmoid(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.mul(n.output, &g.exact(Exact::Sigmoid, [&g.neg(n.x())?])?)
}

/// log(1 + exp(x))
pub fn softplus(x: f64) -> f64 {
    // Not f64::max, which ignores NaN; the second term carries it here.
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + (-x.abs()).exp().ln_1p()
}

/// log(1 / (1 + exp(-x)))
pub fn log_sigmoid(x: f64) -> f64 {
    -softplus(-x)
}

/// log(exp(x) + exp(y)), also where both are the same infinity.
pub fn log_add_exp(x: f64, y: f64) -> f64 {
    if x == y {
        return x + LN_2;
    }
    let larger = if x > y { x } else { y };
    larger + (-(x - y).abs()).exp().ln_1p()
}

/// The weights that the two arguments have in the result.
pub fn d_log_add_exp(n: &Node<'_>) -> Result<Array> {
    let (x, y) = (n.x(), n.y());
    let (this, other) = if n.argnum == 0 { (x, y) } else { (y, x) };
    n.graph.exact(Exact::LogisticDifference, [this, other])
}

#[inline(always)]
fn logistic_of(x: f64, y: f64, exp: impl Fn(f64) -> f64) -> f64 {
    logistic(if x == y { 0.0 } else { x - y }, exp)
}

/// exp(x) / (exp(x) + exp(y)), a half where both are the same infinity.
pub fn logistic_difference(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map2(
        inputs,
        output,
        |x, y| logistic_of(x, y, exp_fast),
        |x, y| logistic_of(x, y, f64::exp),
    );
}

/// ± s(x - y) s(y - x)
pub fn d_logistic_difference(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let d = g.mul(n.output, &g.exact(Exact::LogisticDifference, [n.y(), n.x()])?)?;
    if n.argnum == 0 {
        Ok(d)
    } else {
        g.neg(&d)
    }
}

#[inline(always)]
fn exp_of(x: f64, y: f64, exp: impl Fn(f64) -> f64) -> f64 {
    exp(if x == y { 0.0 } else { x - y })
}

/// exp(x - y), 1 where both are the same infinity: so a row of nothing but -Inf
/// has a logsumexp of -Inf and equal weights, and no NaN.
pub fn exp_difference(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map2(inputs, output, |x, y| exp_of(x, y, exp_fast), |x, y| exp_of(x, y, f64::exp));
}

/// ± the value itself.
pub fn d_exp_difference(n: &Node<'_>) -> Result<Array> {
    if n.argnum == 0 {
        mlx::share(n.output)
    } else {
        n.graph.neg(n.output)
    }
}

/// s(-x)
pub fn d_log_sigmoid(n: &Node<'_>) -> Result<Array> {
    n.graph.exact(Exact::Sigmoid, [&n.graph.neg(n.x())?])
}
