//! The polygamma functions: the derivatives of log gamma, of any order.
//!
//! Relative error about 1e-15 for small orders and positive arguments (growing as the order
//! times 1e-16); for negative ones, where the functions have zeros, the error is of that
//! size beside the larger of the two terms of the reflection formula.
use super::ffi::apply;
use super::table::{Exact, Node};
use super::trig::cotpi;
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
    for (y, &x) in output.iter_mut().zip(inputs[0]) {
        *y = if order == 0 { digamma(x) } else { f.at(x) };
    }
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
    let y = 1.0 / (a * a);
    let tail = DIGAMMA_TAIL.iter().rev().fold(0.0, |sum, c| sum * y + c) * y;
    a.ln() - (tail + 0.5 / a + below)
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

/// The polygamma function of one order n >= 1.
struct Polygamma {
    n: i32,
    /// n!, and (n - 1)!
    factorials: [f64; 2],
    /// The derivative of the cotangent, by the powers of the cotangent; empty until
    /// there is a negative argument.
    reflection: std::cell::OnceCell<Vec<f64>>,
}

impl Polygamma {
    fn new(n: i32) -> Polygamma {
        let below: f64 = (1..n).map(f64::from).product();
        let factorials = [below * f64::from(n), below];
        Polygamma { n, factorials, reflection: std::cell::OnceCell::new() }
    }

    fn at(&self, x: f64) -> f64 {
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
        if odd {
            self.magnitude(x)
        } else {
            -self.magnitude(x)
        }
    }

    /// |psi(n, x)| = n! sum over k >= 0 of (x + k)^(-n-1), Abramowitz & Stegun 6.4.10,
    /// its tail by the asymptotic series 6.4.11. x > 0.
    fn magnitude(&self, x: f64) -> f64 {
        let n = f64::from(self.n);
        let (mut a, mut sum) = (x, 0.0);
        while a < n + 13.0 {
            let term = self.term(a);
            sum += term;
            if term < 1e-18 * sum || sum.is_infinite() {
                return sum;
            }
            a += 1.0;
        }
        let y = 1.0 / (a * a);
        let mut bracket = 1.0 + 0.5 * n / a;
        let mut rising = n * (n + 1.0) * y;
        let mut next = n;
        for b in BERNOULLI {
            bracket += b * rising;
            next += 2.0;
            rising *= next * (next + 1.0) * y;
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
        let mirrored = self.magnitude(1.0 - x);
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
