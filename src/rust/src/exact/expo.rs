//! Exponentials and what is built on them.
use super::table::{Exact, Node};
use super::wide::{map1, map2, poly};
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
    map1(
        inputs,
        output,
        |x| logistic(x, exp_fast),
        |x| logistic(x, f64::exp),
    );
}

/// s(x) s(-x): 1 - s(x) would lose all digits for large x.
pub fn d_sigmoid(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.mul(n.output, &g.exact(Exact::Sigmoid, [&g.neg(n.x())?])?)
}

/// log(1 + t) for 0 <= t <= 1, without branches, to 2 ulps: 2 atanh(s) for
/// s = t / (2 + t) <= 1/3, by the series Abramowitz & Stegun 4.1.27.
#[inline(always)]
fn log1p_fast(t: f64) -> f64 {
    let s = t / (2.0 + t);
    let s2 = s * s;
    let s8 = (s2 * s2) * (s2 * s2);
    let series = (s8 * s8).mul_add(poly(s2, &ATANH_HIGH), poly(s2, &ATANH_LOW));
    (s * s2).mul_add(series, 2.0 * s)
}

/// 2/3, 2/5, ..
const ATANH_LOW: [f64; 8] = [
    2.0 / 3.0,
    2.0 / 5.0,
    2.0 / 7.0,
    2.0 / 9.0,
    2.0 / 11.0,
    2.0 / 13.0,
    2.0 / 15.0,
    2.0 / 17.0,
];

/// .. to 2/33
const ATANH_HIGH: [f64; 8] = [
    2.0 / 19.0,
    2.0 / 21.0,
    2.0 / 23.0,
    2.0 / 25.0,
    2.0 / 27.0,
    2.0 / 29.0,
    2.0 / 31.0,
    2.0 / 33.0,
];

/// log(1 + exp(-|x|))
#[inline(always)]
fn rest_fast(x: f64) -> f64 {
    log1p_fast(exp_fast(-x.abs()))
}

/// log(1 + exp(-|x|))
fn rest_plain(x: f64) -> f64 {
    (-x.abs()).exp().ln_1p()
}

#[inline(always)]
fn softplus_of(x: f64, rest: impl Fn(f64) -> f64) -> f64 {
    // Not f64::max, which ignores NaN; the rest carries it here.
    (if x > 0.0 { x } else { 0.0 }) + rest(x)
}

/// log(1 + exp(x))
pub fn softplus(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map1(
        inputs,
        output,
        |x| softplus_of(x, rest_fast),
        |x| softplus_of(x, rest_plain),
    );
}

/// log(1 / (1 + exp(-x)))
pub fn log_sigmoid(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map1(
        inputs,
        output,
        |x| -softplus_of(-x, rest_fast),
        |x| -softplus_of(-x, rest_plain),
    );
}

#[inline(always)]
fn log_add_exp_of(x: f64, y: f64, rest: impl Fn(f64) -> f64) -> f64 {
    let value = (if x > y { x } else { y }) + rest(x - y);
    // Also where both are the same infinity, whose difference is NaN.
    if x == y {
        x + LN_2
    } else {
        value
    }
}

/// log(exp(x) + exp(y))
pub fn log_add_exp(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map2(
        inputs,
        output,
        |x, y| log_add_exp_of(x, y, rest_fast),
        |x, y| log_add_exp_of(x, y, rest_plain),
    );
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
    let d = g.mul(
        n.output,
        &g.exact(Exact::LogisticDifference, [n.y(), n.x()])?,
    )?;
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
    map2(
        inputs,
        output,
        |x, y| exp_of(x, y, exp_fast),
        |x, y| exp_of(x, y, f64::exp),
    );
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

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::{binary, unary};

    /// From the smallest results to the largest.
    fn range() -> Vec<f64> {
        (-14_900..=14_200)
            .map(|i| f64::from(i) / 20.0 + 0.001)
            .collect()
    }

    /// Half of that, where no result is subnormal.
    fn moderate() -> Vec<f64> {
        range().iter().map(|x| 0.5 * x).collect()
    }

    #[test]
    fn exp_is_the_systems_to_an_ulp() {
        let (_turn, s) = start();
        let x = range();
        for (got, x) in at(Exact::Exp, &x, s).iter().zip(&x) {
            let want = x.exp();
            let ulp = (want.to_bits() as i64 - got.to_bits() as i64).abs();
            assert!(ulp <= 1, "exp({x}) is {got:e}, not {want:e}");
        }
    }

    #[test]
    fn machines_without_fused_multiply_add_get_the_same() {
        type F = fn(f64) -> f64;
        let pairs: [(F, F); 4] = [
            (exp_fast, f64::exp),
            (|x| logistic(x, exp_fast), |x| logistic(x, f64::exp)),
            (rest_fast, rest_plain),
            (
                |x| softplus_of(x, rest_fast),
                |x| softplus_of(x, rest_plain),
            ),
        ];
        for (fast, plain) in pairs {
            for x in moderate() {
                relative(&[fast(x)], &[plain(x)], 5e-16);
            }
        }
        for (x, y) in moderate().into_iter().zip(moderate().into_iter().rev()) {
            let fast = [
                exp_of(x, y, exp_fast),
                logistic_of(x, y, exp_fast),
                log_add_exp_of(x, y, rest_fast),
            ];
            let plain = [
                exp_of(x, y, f64::exp),
                logistic_of(x, y, f64::exp),
                log_add_exp_of(x, y, rest_plain),
            ];
            relative(&fast, &plain, 5e-16);
        }
    }

    #[test]
    fn exp_beyond_the_range_is_0_or_inf() {
        let (_turn, s) = start();
        let x = [
            NAN,
            INFINITY,
            NEG_INFINITY,
            709.782_712_893_384,
            709.79,
            1e300,
            -745.2,
            -1e300,
            0.0,
            -0.0,
        ];
        let want = [
            NAN,
            INFINITY,
            0.0,
            1.797_693_134_862_273_2e308,
            INFINITY,
            INFINITY,
            0.0,
            0.0,
            1.0,
            1.0,
        ];
        relative(&at(Exact::Exp, &x, s), &want, 1e-15);
    }

    #[test]
    fn powers_of_two_and_ten_are_exact() {
        let (_turn, s) = start();
        let n: Vec<f64> = (-20..=22).map(f64::from).collect();
        let two: Vec<f64> = n.iter().map(|n| n.exp2()).collect();
        let ten: Vec<f64> = (-20..=22)
            .map(|n| format!("1e{n}").parse().unwrap())
            .collect();
        assert_eq!(at(Exact::Exp2, &n, s), two);
        assert_eq!(at(Exact::Exp10, &n, s), ten);
    }

    #[test]
    fn sigmoid_keeps_its_digits_in_both_tails() {
        let (_turn, s) = start();
        let x = [
            -740.0,
            -50.0,
            -1.0,
            0.0,
            1.0,
            50.0,
            NEG_INFINITY,
            INFINITY,
            NAN,
        ];
        let want = [
            (-740f64).exp(),
            (-50f64).exp(),
            0.268_941_421_369_995_1,
            0.5,
            0.731_058_578_630_004_9,
            1.0,
            0.0,
            1.0,
            NAN,
        ];
        relative(&at(Exact::Sigmoid, &x, s), &want, 1e-15);
        let f = |args: &[Array]| unary(Exact::Sigmoid, &args[0], s);
        let tails = gradient(&f, &[f64s(&[-50.0, 0.0, 50.0])], s).unwrap();
        let small = (-50f64).exp();
        relative(&values(&tails[0]), &[small, 0.25, small], 1e-15);
    }

    #[test]
    fn softplus_and_log_sigmoid_keep_their_digits() {
        let (_turn, s) = start();
        let x = [
            -700.0,
            -40.0,
            -1.0,
            0.0,
            1e-9,
            1.0,
            40.0,
            800.0,
            INFINITY,
            NEG_INFINITY,
            NAN,
        ];
        let want: Vec<f64> = x
            .iter()
            .map(|&x: &f64| if x > 0.0 { x } else { 0.0 } + rest_plain(x))
            .collect();
        relative(&at(Exact::Softplus, &x, s), &want, 5e-16);
        let mirrored: Vec<f64> = x.iter().map(|x| -x).collect();
        let negative: Vec<f64> = want.iter().map(|y| -y).collect();
        relative(&at(Exact::LogSigmoid, &mirrored, s), &negative, 5e-16);
        let f = |args: &[Array]| unary(Exact::LogSigmoid, &args[0], s);
        let slopes = gradient(&f, &[f64s(&[-800.0, 50.0])], s).unwrap();
        relative(&values(&slopes[0]), &[1.0, (-50f64).exp()], 1e-15);
    }

    #[test]
    fn infinities_meet_without_nan() {
        let (_turn, s) = start();
        let x = [
            NEG_INFINITY,
            INFINITY,
            NEG_INFINITY,
            INFINITY,
            1.0,
            NAN,
            800.0,
        ];
        let y = [NEG_INFINITY, INFINITY, 1.0, 1.0, 1.0, 1.0, 799.0];
        let sums = [
            NEG_INFINITY,
            INFINITY,
            1.0,
            INFINITY,
            1.0 + LN_2,
            NAN,
            800.0 + (-1f64).exp().ln_1p(),
        ];
        close(&at2(Exact::LogAddExp, &x, &y, s), &sums, 1e-15);
        let shares = [0.5, 0.5, 0.0, 1.0, 0.5, NAN, 1.0 / (1.0 + (-1f64).exp())];
        close(&at2(Exact::LogisticDifference, &x, &y, s), &shares, 1e-15);
        let ratios = [1.0, 1.0, 0.0, INFINITY, 1.0, NAN, 1f64.exp()];
        close(&at2(Exact::ExpDifference, &x, &y, s), &ratios, 1e-15);
        let f = |args: &[Array]| binary(Exact::LogAddExp, &args[0], &args[1], s);
        let grads = gradient(&f, &[f64s(&x), f64s(&y)], s).unwrap();
        close(&values(&grads[0]), &shares, 1e-15);
    }
}
