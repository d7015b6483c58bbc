//! The polygamma functions: the derivatives of log gamma, of any order.
//!
//! Relative error about 1e-15 for small orders and positive arguments (growing as the order
//! times 1e-16); for negative ones, where the functions have zeros, the error is of that
//! size beside the larger of the two terms of the reflection formula.
use super::ffi::apply;
use super::table::{Exact, Node};
use super::trig::cotpi;
use super::wide::{loop1, loop2};
use crate::error::Result;
use crate::mlx::Array;
use std::f64::consts::PI;

/// The next order.
pub fn d_polygamma(n: &Node<'_>) -> Result<Array> {
    apply(Exact::Polygamma, n.order + 1, &[n.x()], n.graph.0)
}

/// The block's polygamma functions of one order; of order 0, digamma.
pub fn polygamma(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let f = Polygamma::new(order);
    loop1(inputs[0], output, |x| f.at(x));
}

/// psi(a) - psi(a + b) of one order, without cancellation for positive a and a + b.
pub fn difference(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    let f = Polygamma::new(order);
    loop2(inputs[0], inputs[1], output, |a, b| f.difference(a, b));
}

/// In a the difference of the next order, in b minus its second part.
pub fn d_difference(n: &Node<'_>) -> Result<Array> {
    let (g, order) = (n.graph, n.order + 1);
    if n.argnum == 0 {
        return apply(Exact::PolygammaDifference, order, &[n.x(), n.y()], g.0);
    }
    g.neg(&apply(
        Exact::Polygamma,
        order,
        &[&g.add(n.x(), n.y())?],
        g.0,
    )?)
}

/// The positive zero of digamma, and what its double leaves.
const ROOT: [f64; 2] = [1.461_632_144_968_362_2, 9.549_995_429_965_697e-17];

/// The Taylor series of digamma about its root, from the linear term: the
/// polygamma functions at the root over the factorials.
const AT_ROOT: [f64; 19] = [
    0.967_672_245_447_621_2,
    -0.442_763_168_983_592_1,
    0.258_499_760_955_651,
    -0.163_942_705_442_406_52,
    0.107_824_050_691_262_37,
    -0.072_199_561_256_454_71,
    0.048_804_288_164_143_11,
    -0.033_161_126_474_847_36,
    0.022_597_648_232_218_104,
    -0.015_424_765_904_948_96,
    0.010_538_791_616_612_175,
    -0.007_204_534_386_356_869,
    0.004_926_781_395_729_853,
    -0.003_369_801_655_439_328,
    0.002_305_126_326_734_928,
    -0.001_576_936_771_430_197_2,
    0.001_078_825_201_916_296_7,
    -0.000_738_070_938_996_005_2,
    0.000_504_953_265_834_602,
];

/// B(2k) / 2k, from k = 1.
const DIGAMMA_TAIL: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 120.0,
    1.0 / 252.0,
    -1.0 / 240.0,
    1.0 / 132.0,
    -691.0 / 32_760.0,
    1.0 / 12.0,
    -3_617.0 / 8_160.0,
];

/// The derivative of log |gamma|: NaN at 0 and the negative integers, as in R.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        return if x == x.floor() {
            f64::NAN
        } else {
            // Reflection, Abramowitz & Stegun 6.3.7.
            digamma(1.0 - x) - PI * cotpi(x)
        };
    }
    let from_root = (x - ROOT[0]) - ROOT[1];
    if from_root.abs() < 0.2 {
        return from_root * AT_ROOT.iter().rev().fold(0.0, |sum, c| sum * from_root + c);
    }
    if x.is_infinite() {
        return x;
    }
    // Recurrence, 6.3.5, up to where the asymptotic series, 6.3.18, holds.
    let (mut a, mut below) = (x, 0.0);
    while a < 12.0 {
        below += 1.0 / a;
        a += 1.0;
    }
    a.ln() - (digamma_tail(a) + below)
}

/// log x - digamma(x), for x >= 12.
pub fn digamma_tail(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    DIGAMMA_TAIL.iter().rev().fold(0.0, |sum, c| sum * y + c) * y + 0.5 / x
}

/// digamma(x) - digamma(x + b) for positive x and x + b: the formulas of `digamma`, each
/// difference worked out on paper.
fn digamma_difference(x: f64, b: f64) -> f64 {
    if x.is_infinite() {
        return if b.is_finite() { 0.0 } else { f64::NAN };
    }
    let (mut a, mut below) = (x, 0.0);
    while a < 12.0 {
        below += b / (a + b) / a;
        a += 1.0;
    }
    if b.is_infinite() {
        return f64::NEG_INFINITY;
    }
    // The divided difference of the tail, by Horner's scheme at both ends.
    let (y, z) = (1.0 / (a * a), 1.0 / (a + b) / (a + b));
    let (value, slope) = DIGAMMA_TAIL
        .iter()
        .rev()
        .fold((0.0, 0.0), |(value, slope), c| {
            (value * z + c, slope * y + value)
        });
    // p(y) y - p(z) z = (y - z) (p(z) + y p[y, z])
    let apart = b * (2.0 * a + b) * y * z;
    let tail = apart * (value + y * slope);
    -((b / a).ln_1p() + tail + 0.5 * b / (a + b) / a + below)
}

/// B(2k) / (2k)!, from k = 1.
const BERNOULLI: [f64; 14] = [
    8.333_333_333_333_333e-2,
    -1.388_888_888_888_889e-3,
    3.306_878_306_878_307e-5,
    -8.267_195_767_195_768e-7,
    2.087_675_698_786_81e-8,
    -5.284_190_138_687_493e-10,
    1.338_253_653_068_467_9e-11,
    -3.389_680_296_322_582_7e-13,
    8.586_062_056_277_845e-15,
    -2.174_868_698_558_062e-16,
    5.509_002_828_360_229_5e-18,
    -1.395_446_468_581_252_3e-19,
    3.534_707_039_629_467e-21,
    -8.953_517_427_037_546e-23,
];

/// Up to this order n! and moderate powers are plain numbers.
const SMALL: i32 = 16;

/// The polygamma function of one order n.
pub struct Polygamma {
    n: i32,
    /// n!, and (n - 1)!
    factorials: [f64; 2],
    /// The derivative of the cotangent, by the powers of the cotangent; empty until
    /// there is a negative argument.
    reflection: std::cell::OnceCell<Vec<f64>>,
}

impl Polygamma {
    /// That of order `n` >= 0.
    pub fn new(n: i32) -> Polygamma {
        let below: f64 = (1..n).map(f64::from).product();
        let factorials = [below * f64::from(n), below];
        Polygamma {
            n,
            factorials,
            reflection: std::cell::OnceCell::new(),
        }
    }

    /// psi(n, x)
    pub fn at(&self, x: f64) -> f64 {
        if self.n == 0 {
            return digamma(x);
        }
        let odd = self.n % 2 == 1;
        if x <= 0.0 {
            return if x == x.floor() {
                // The two sides of the pole agree for odd orders only.
                if odd {
                    f64::INFINITY
                } else {
                    f64::NAN
                }
            } else {
                self.reflected(x)
            };
        }
        let magnitude = self.magnitude(x, |_, _| 1.0);
        if odd {
            magnitude
        } else {
            -magnitude
        }
    }

    /// psi(n, a) - psi(n, a + b)
    pub fn difference(&self, a: f64, b: f64) -> f64 {
        // Not `a <= 0`, which is false for NaN.
        if !(a > 0.0 && a + b > 0.0) {
            return self.at(a) - self.at(a + b);
        }
        if self.n == 0 {
            return digamma_difference(a, b);
        }
        // a^-p - (a + b)^-p = a^-p (1 - (1 + b/a)^-p)
        let magnitude = self.magnitude(a, |a, p| -(-p * (b / a).ln_1p()).exp_m1());
        if self.n % 2 == 1 {
            magnitude
        } else {
            -magnitude
        }
    }

    /// |psi(n, x)| = n! sum over k >= 0 of (x + k)^(-n-1), Abramowitz & Stegun 6.4.10,
    /// its tail by the asymptotic series 6.4.11, x > 0; with each power a^-p weighted
    /// by `weight(a, p)`.
    fn magnitude(&self, x: f64, weight: impl Fn(f64, f64) -> f64) -> f64 {
        let n = f64::from(self.n);
        if x.is_infinite() {
            return 0.0;
        }
        let (mut a, mut sum) = (x, 0.0);
        while a < n + 13.0 {
            let term = self.term(a) * weight(a, n + 1.0);
            sum += term;
            if term.abs() < 1e-18 * sum.abs() || sum.is_infinite() {
                return sum;
            }
            a += 1.0;
        }
        let y = 1.0 / (a * a);
        let mut bracket = weight(a, n) + 0.5 * n / a * weight(a, n + 1.0);
        let mut rising = n * (n + 1.0) * y;
        let mut power = n;
        for b in BERNOULLI {
            power += 2.0;
            bracket += b * rising * weight(a, power);
            rising *= power * (power + 1.0) * y;
        }
        sum + self.leading(a) * bracket
    }

    /// n! / a^(n+1), for a < n + 13.
    fn term(&self, a: f64) -> f64 {
        if self.n <= SMALL {
            self.factorials[0] / a.powi(self.n + 1)
        } else if self.n <= 170 {
            // Neither the factorial nor the power need be a double, but no partial
            // product is smaller than exp(-a) or larger than the result.
            (1..=self.n).fold(1.0 / a, |p, j| p * (f64::from(j) / a))
        } else {
            let n = f64::from(self.n);
            (libm::lgamma(n + 1.0) - (n + 1.0) * a.ln()).exp()
        }
    }

    /// (n-1)! / a^n, for a >= n + 13.
    fn leading(&self, a: f64) -> f64 {
        if self.n <= SMALL {
            self.factorials[1] / a.powi(self.n)
        } else {
            // All factors are below 1: what underflows is indeed 0.
            (1..self.n).fold(1.0 / a, |p, j| p * (f64::from(j) / a))
        }
    }

    /// By the reflection formula, Abramowitz & Stegun 6.4.7.
    fn reflected(&self, x: f64) -> f64 {
        let c = cotpi(x);
        let powers = self.reflection.get_or_init(|| cotangent_derivative(self.n));
        let q = powers.iter().rev().fold(0.0, |sum, p| sum * c + p);
        let here = if q == 0.0 {
            0.0
        } else {
            PI.powi(self.n + 1) * q * self.factorials[0]
        };
        let mirrored = self.magnitude(1.0 - x, |_, _| 1.0);
        if self.n % 2 == 1 {
            here - mirrored
        } else {
            -here - mirrored
        }
    }
}

/// The derivative of order n of (-1)^n cot, over n!, by the powers of cot: all are
/// positive, and all odd or all even, so that nothing cancels. From
/// d/dx cot^k = -k (cot^(k-1) + cot^(k+1)).
fn cotangent_derivative(n: i32) -> Vec<f64> {
    let mut powers = vec![0.0, 1.0];
    for order in 1..=n {
        let mut next = vec![0.0; powers.len() + 1];
        for (k, p) in powers.iter().enumerate().skip(1) {
            let p = p * k as f64 / f64::from(order);
            next[k - 1] += p;
            next[k + 1] += p;
        }
        powers = next;
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::{self, unary};
    use mlx_sys::mlx_stream;

    const EULER: f64 = 0.577_215_664_901_532_9;
    /// zeta(3)
    const APERY: f64 = 1.202_056_903_159_594_3;

    fn psi(n: u32, x: &[f64], s: mlx_stream) -> Vec<f64> {
        values(&exact::polygamma(n, &f64s(x), s).unwrap())
    }

    #[test]
    fn closed_forms_at_one_and_a_half() {
        let (_turn, s) = start();
        relative(
            &psi(0, &[1.0, 0.5, 2.0], s),
            &[-EULER, -EULER - 4f64.ln(), 1.0 - EULER],
            2e-15,
        );
        relative(
            &psi(1, &[1.0, 0.5], s),
            &[PI.powi(2) / 6.0, PI.powi(2) / 2.0],
            1e-15,
        );
        relative(
            &psi(2, &[1.0, 0.5], s),
            &[-2.0 * APERY, -14.0 * APERY],
            1e-15,
        );
        relative(
            &psi(3, &[1.0, 0.5], s),
            &[PI.powi(4) / 15.0, PI.powi(4)],
            1e-15,
        );
    }

    #[test]
    fn values_by_50_digit_arithmetic() {
        let (_turn, s) = start();
        relative(
            &psi(0, &[-2.5, 1e300, 12.0], s),
            &[
                1.103_156_640_645_243,
                690.775_527_898_213_7,
                2.442_661_679_975_811,
            ],
            1e-14,
        );
        relative(
            &psi(1, &[-2.5, 1e300], s),
            &[9.539_246_644_989_124, 1e-300],
            1e-15,
        );
        relative(&psi(6, &[1.0], s), &[-726.011_479_714_984_4], 1e-15);
        relative(
            &psi(100, &[1.5, 10.0], s),
            &[-1.530_334_926_217_600_4e140, -9.333_237_300_479_085e56],
            1e-14,
        );
    }

    #[test]
    fn digamma_keeps_its_digits_at_its_root() {
        let (_turn, s) = start();
        // The double next to the root misses it by ROOT[1]; slope 0.9676722454476212.
        relative(&psi(0, &[ROOT[0]], s), &[-ROOT[1] * AT_ROOT[0]], 1e-15);
        let x = [1.261, 1.262, 1.661, 1.662];
        let series: Vec<f64> = psi(0, &x, s);
        for (got, x) in series.iter().zip(x) {
            // Across the border of the series: by the recurrence from x + 1.
            let want = psi(0, &[x + 1.0], s)[0] - 1.0 / x;
            assert!((got - want).abs() < 1e-15, "{got} is not {want}");
        }
    }

    #[test]
    fn poles_and_infinities_are_those_of_r() {
        let (_turn, s) = start();
        let x = [0.0, -1.0, NEG_INFINITY, INFINITY, NAN];
        close(&psi(0, &x, s), &[NAN, NAN, NAN, INFINITY, NAN], 0.0);
        close(
            &psi(1, &x, s),
            &[INFINITY, INFINITY, INFINITY, 0.0, NAN],
            0.0,
        );
        close(&psi(2, &x, s), &[NAN, NAN, NAN, 0.0, NAN], 0.0);
    }

    #[test]
    fn recurrence_and_reflection() {
        let (_turn, s) = start();
        let x: Vec<f64> = (0..150).map(|i| f64::from(i) * 0.173 - 9.05).collect();
        let next: Vec<f64> = x.iter().map(|x| x + 1.0).collect();
        let mut sign_factorial = 1.0;
        for n in 0..30 {
            // psi(n, x + 1) - psi(n, x) = (-1)^n n! x^(-n-1)
            let (here, there) = (psi(n, &x, s), psi(n, &next, s));
            for ((h, t), x) in here.iter().zip(&there).zip(&x) {
                let step = sign_factorial / x.powi(n as i32 + 1);
                let size = h.abs().max(t.abs());
                assert!(
                    (t - h - step).abs() < 3e-14 * size.max(1.0),
                    "order {n} at {x}: {h} to {t}"
                );
            }
            sign_factorial *= -f64::from(n + 1);
        }
    }

    #[test]
    fn the_chain_of_derivatives_runs_through_all_orders() {
        let (_turn, s) = start();
        let x = [f64s(&[-3.3, -0.4, 0.2, 1.0, 7.5, 40.0])];
        let lgamma = |args: &[Array]| unary(Exact::Lgamma, &args[0], s);
        let one = |args: &[Array]| Ok(gradient(&lgamma, args, s)?.swap_remove(0));
        let two = |args: &[Array]| Ok(gradient(&one, args, s)?.swap_remove(0));
        let three = |args: &[Array]| Ok(gradient(&two, args, s)?.swap_remove(0));
        let four = |args: &[Array]| slope(&three, args, 0, s);
        let points = values(&x[0]);
        relative(&values(&one(&x).unwrap()), &psi(0, &points, s), 0.0);
        relative(&values(&two(&x).unwrap()), &psi(1, &points, s), 0.0);
        relative(&values(&three(&x).unwrap()), &psi(2, &points, s), 0.0);
        relative(&values(&four(&x).unwrap()), &psi(3, &points, s), 0.0);
    }

    #[test]
    fn differences_do_not_cancel() {
        let (_turn, s) = start();
        let f = |n, a, b| {
            values(
                &apply(
                    Exact::PolygammaDifference,
                    n,
                    &[&f64s(&[a]), &f64s(&[b])],
                    s,
                )
                .unwrap(),
            )[0]
        };
        // psi(a + 1) - psi(a) = 1/a, psi'(a + 1) - psi'(a) = -1/a².
        for a in [1e-8, 0.7, 3.0, 14.0, 1e6, 1e15] {
            relative(
                &[f(0, a, 1.0), f(1, a, 1.0)],
                &[-1.0 / a, 1.0 / (a * a)],
                2e-15,
            );
        }
        // A small step is the slope.
        relative(&[f(0, 3.0, 1e-12)], &[-1e-12 * psi(1, &[3.0], s)[0]], 1e-11);
        relative(
            &[f(0, -0.5, 1.0)],
            &[psi(0, &[-0.5], s)[0] - psi(0, &[0.5], s)[0]],
            0.0,
        );
        close(
            &[f(0, INFINITY, 1.0), f(0, 1.0, INFINITY), f(0, 2.0, 0.0)],
            &[0.0, NEG_INFINITY, 0.0],
            0.0,
        );
        assert!(f(0, NAN, 1.0).is_nan() && f(1, 1.0, NAN).is_nan());
    }
}
