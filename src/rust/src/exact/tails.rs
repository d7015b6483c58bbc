//! Tails of the gamma and beta distributions, with their derivatives in the shapes.
//!
//! On the scale of `v`, the logarithm of x (of the odds x / (1 - x)) counted from its mode, both
//! densities are exp(log_norm + g(v)) with a concave, analytic g, g(0) = 0, whose formulas here
//! lose no digits for any shapes. A tail is the integral of that, by Gauss and Legendre's rule of
//! 16 points on panels that grow with the distance from where g bends: so it has a small relative
//! error however far out, and a logarithm where it is too small for a double. The derivative in a
//! shape is the integral of the density times its score (the derivative of its logarithm); the
//! score has mean 0, and the side is taken on which it has one sign, so that nothing cancels.
use super::beta::{stirling_rest, HALF_LOG_TWO_PI, STIRLING_FROM};
use super::gamma::lgamma;
use super::polygamma::{digamma, digamma_tail, Polygamma};

/// A distribution whose log density on the scale of v is concave.
pub trait Law {
    /// The log density at v less that at the mode, v = 0.
    fn g(&self, v: f64) -> f64;
    /// The slope of `g`.
    fn slope(&self, v: f64) -> f64;
    /// The derivatives of the log density in the shapes.
    fn scores(&self, v: f64) -> [f64; 2];
    /// The second derivatives of the log density in the shapes: 11, 12, 22.
    fn bends(&self) -> [f64; 3];
    /// The log density at the mode.
    fn log_norm(&self) -> f64;
    /// Where g bends, and over what distance.
    fn anchor(&self) -> (f64, f64);
}

/// (e^v - 1) - v
pub fn phi(v: f64) -> f64 {
    if v.abs() > 0.5 {
        return v.exp_m1() - v;
    }
    let sum = (3..=17).rev().fold(1.0, |s, k| 1.0 + s * v / f64::from(k));
    0.5 * v * v * sum
}

/// y - log(1 + y)
pub fn lambda(y: f64) -> f64 {
    if !(-0.35..=0.5).contains(&y) {
        return y - y.ln_1p();
    }
    // log(1 + y) = 2 artanh(r), and y - 2r = y r
    let r = y / (2.0 + y);
    let s = r * r;
    let sum = (1..=14)
        .rev()
        .fold(0.0, |sum, k| sum * s + 1.0 / f64::from(2 * k + 1));
    r * (y - 2.0 * s * sum)
}

/// log gamma(x) less Stirling's (x - 1/2) log x - x + log(2 pi) / 2, for x > 0.
pub fn rest(x: f64) -> f64 {
    if x >= STIRLING_FROM {
        stirling_rest(x)
    } else {
        lgamma(x) - (x - 0.5) * x.ln() + x - HALF_LOG_TWO_PI
    }
}

/// log x - digamma(x), for x > 0.
fn delta(x: f64) -> f64 {
    if x >= 12.0 {
        digamma_tail(x)
    } else {
        x.ln() - digamma(x)
    }
}

fn trigamma(x: f64) -> f64 {
    Polygamma::new(1).at(x)
}

/// The gamma distribution of a shape; v = log(x / shape).
pub struct Gamma {
    shape: f64,
}

impl Gamma {
    /// Of a positive shape.
    pub fn new(shape: f64) -> Gamma {
        Gamma { shape }
    }
}

impl Law for Gamma {
    fn g(&self, v: f64) -> f64 {
        -self.shape * phi(v)
    }

    fn slope(&self, v: f64) -> f64 {
        -self.shape * v.exp_m1()
    }

    fn scores(&self, v: f64) -> [f64; 2] {
        [v + delta(self.shape), 0.0]
    }

    fn bends(&self) -> [f64; 3] {
        [-trigamma(self.shape), 0.0, 0.0]
    }

    fn log_norm(&self) -> f64 {
        0.5 * self.shape.ln() - HALF_LOG_TWO_PI - rest(self.shape)
    }

    fn anchor(&self) -> (f64, f64) {
        let a = self.shape.max(1.0);
        (a.ln() - self.shape.ln(), 1.0 / a.sqrt())
    }
}

/// The beta distribution of two shapes; v = log(x / (1 - x)) - log(a / b).
pub struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    /// Of positive shapes.
    pub fn new(a: f64, b: f64) -> Beta {
        Beta { a, b }
    }

    /// log(x / p) and log((1 - x) / (1 - p)), where p is the x of the mode.
    fn logs(&self, v: f64) -> [f64; 2] {
        let n = self.a + self.b;
        if v <= 0.0 {
            let l = (self.a / n * v.exp_m1()).ln_1p();
            [v - l, -l]
        } else {
            let l = (self.b / n * (-v).exp_m1()).ln_1p();
            [-l, -l - v]
        }
    }
}

impl Law for Beta {
    fn g(&self, v: f64) -> f64 {
        let [x, y] = self.logs(v);
        -self.a * phi(x) - self.b * phi(y)
    }

    fn slope(&self, v: f64) -> f64 {
        let (a, b, n) = (self.a, self.b, self.a + self.b);
        if v <= 0.0 {
            let e = v.exp_m1();
            -a * (b / n) * e / (1.0 + a / n * e)
        } else {
            let e = (-v).exp_m1();
            b * (a / n) * e / (1.0 + b / n * e)
        }
    }

    fn scores(&self, v: f64) -> [f64; 2] {
        let [x, y] = self.logs(v);
        let both = delta(self.a + self.b);
        [x + delta(self.a) - both, y + delta(self.b) - both]
    }

    fn bends(&self) -> [f64; 3] {
        let psi = Polygamma::new(1);
        let both = psi.at(self.a + self.b);
        [
            -psi.difference(self.a, self.b),
            both,
            -psi.difference(self.b, self.a),
        ]
    }

    fn log_norm(&self) -> f64 {
        let (a, b, n) = (self.a, self.b, self.a + self.b);
        0.5 * (a.min(b).ln() + (a.max(b) / n).ln())
            - HALF_LOG_TWO_PI
            - (rest(a) + rest(b) - rest(n))
    }

    fn anchor(&self) -> (f64, f64) {
        let (a, b) = (self.a.max(1.0), self.b.max(1.0));
        let at = a.ln() - b.ln() - (self.a.ln() - self.b.ln());
        (at, (1.0 / a + 1.0 / b).sqrt().min(1.0))
    }
}

/// Which integrals of a tail: its mass, or its derivatives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The probability.
    Mass,
    /// The derivative in a shape, 0 or 1.
    First(usize),
    /// The second derivative in two shapes: 11, 12, 22.
    Second(usize),
}

/// A number as m exp(e).
#[derive(Clone, Copy, Debug)]
pub struct Scaled {
    /// Its value over the scale.
    pub m: f64,
    /// The scale's logarithm.
    pub e: f64,
}

impl Scaled {
    /// As a double, perhaps 0.
    pub fn value(self) -> f64 {
        self.m * self.e.exp()
    }

    /// The logarithm.
    pub fn ln(self) -> f64 {
        self.m.ln() + self.e
    }

    fn negate(self) -> Scaled {
        Scaled {
            m: -self.m,
            e: self.e,
        }
    }
}

/// The integral of a part over the tail below or above v.
fn integral<L: Law>(law: &L, v: f64, upper: bool, part: Part) -> Scaled {
    let bends = law.bends_for(part);
    let weight = |t: f64| match part {
        Part::Mass => 1.0,
        Part::First(k) => law.scores(t)[k],
        Part::Second(k) => {
            let [a, b] = law.scores(t);
            [a * a, a * b, b * b][k] + bends
        }
    };
    let top = if upper { v.max(0.0) } else { v.min(0.0) };
    let reference = law.g(top);
    let (anchor, width) = law.anchor();
    let density = |t: f64| (law.g(t) - reference).exp();
    let mut sum = 0.0;
    // Outward from the anchor, or from v where that lies beyond it.
    let mut go = |from: f64, end: f64| {
        let sign = if end > from { 1.0 } else { -1.0 };
        let mut t = from;
        for _ in 0..10_000 {
            let slope = law.slope(t);
            let size = width.max((t - anchor).abs()).min(12.0 / slope.abs());
            let left = (end - t).abs();
            let last = left <= size;
            let half = 0.5 * if last { left } else { size };
            let middle = t + sign * half;
            let mut panel = 0.0;
            for (x, w) in NODES {
                for t in [middle - half * x, middle + half * x] {
                    panel += w * density(t) * weight(t);
                }
            }
            sum += half * panel;
            t += sign * 2.0 * half;
            let slope = sign * law.slope(t);
            let beyond = density(t) * weight(t).abs() / -slope;
            if last || half == 0.0 || half.is_nan() || (slope < 0.0 && beyond <= 1e-18 * sum.abs())
            {
                return;
            }
        }
    };
    if upper {
        if v < anchor {
            go(anchor, v);
        }
        go(v.max(anchor), f64::INFINITY);
    } else {
        if v > anchor {
            go(anchor, v);
        }
        go(v.min(anchor), f64::NEG_INFINITY);
    }
    Scaled {
        m: sum,
        e: reference + law.log_norm(),
    }
}

trait Bends: Law {
    /// The constant that a second derivative's weight has beside the scores.
    fn bends_for(&self, part: Part) -> f64 {
        match part {
            Part::Second(k) => self.bends()[k],
            _ => 0.0,
        }
    }
}
impl<L: Law> Bends for L {}

/// Points and weights of Gauss and Legendre's rule of 16 points on (-1, 1), the positive half.
#[allow(clippy::excessive_precision)] // as published
const NODES: [(f64, f64); 8] = [
    (0.989_400_934_991_649_93, 0.027_152_459_411_754_095),
    (0.944_575_023_073_232_58, 0.062_253_523_938_647_893),
    (0.865_631_202_387_831_74, 0.095_158_511_682_492_785),
    (0.755_404_408_355_003_03, 0.124_628_971_255_533_87),
    (0.617_876_244_402_643_75, 0.149_595_988_816_576_73),
    (0.458_016_777_657_227_39, 0.169_156_519_395_002_54),
    (0.281_603_550_779_258_91, 0.182_603_415_044_923_59),
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
];

/// One side of v: its probability, or the logarithm.
pub fn tail<L: Law>(law: &L, v: f64, upper: bool, log: bool) -> f64 {
    // The smaller side; both are tried where the first turns out to be the larger.
    let first = v > 0.0;
    let one = integral(law, v, first, Part::Mass);
    let (side, small) = if one.ln() <= -0.6 || one.m.is_nan() {
        (first, one)
    } else {
        (!first, integral(law, v, !first, Part::Mass))
    };
    match (side == upper, log) {
        (true, true) => small.ln().min(0.0),
        (true, false) => small.value().min(1.0),
        (false, true) => (-small.value().min(1.0)).ln_1p(),
        (false, false) => 1.0 - small.value().min(1.0),
    }
}

/// A derivative of the lower tail in the shapes.
pub fn derivative<L: Law>(law: &L, v: f64, part: Part) -> Scaled {
    let below = match part {
        Part::First(k) => law.scores(v)[k] * if k == 0 { 1.0 } else { -1.0 } <= 0.0,
        _ => v <= 0.0,
    };
    if below {
        integral(law, v, false, part)
    } else {
        integral(law, v, true, part).negate()
    }
}

/// The logarithm of one side of v.
pub fn log_tail<L: Law>(law: &L, v: f64, upper: bool) -> f64 {
    tail(law, v, upper, true)
}

/// Where the lower and the upper tail have these logarithms: Newton's method on the smaller one,
/// whose logarithm is concave, so that it converges from anywhere.
pub fn quantile<L: Law>(law: &L, log_lower: f64, log_upper: f64) -> f64 {
    let upper = log_upper < log_lower;
    let target = if upper { log_upper } else { log_lower };
    let sign = if upper { -1.0 } else { 1.0 };
    let norm = law.log_norm();
    let mut v = 0.0;
    for _ in 0..200 {
        let here = log_tail(law, v, upper);
        let slope = sign * (norm + law.g(v) - here).exp();
        let mut step = (target - here) / slope;
        // Not beyond where the density says that the tail is far too small.
        while step.abs() > 1e-3 && norm + law.g(v + step) < target - 60.0 {
            step *= 0.5;
        }
        if !step.is_finite() {
            return f64::NAN;
        }
        v += step;
        if step.abs() <= 1e-8 * law.anchor().1 || step.abs() <= 4.0 * f64::EPSILON * v.abs() {
            return v;
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::super::testing::relative;
    use super::*;

    #[test]
    fn small_differences_keep_their_digits() {
        for x in [1e-8_f64, -1e-8, 0.3, -0.3, 0.49, -0.34] {
            let exact: f64 = (2..40)
                .rev()
                .map(|k| x.powi(k) / (1..=k).map(f64::from).product::<f64>())
                .sum();
            relative(&[phi(x)], &[exact], 1e-15);
            let log: f64 = (2..120).rev().map(|k| (-x).powi(k) / f64::from(k)).sum();
            relative(&[lambda(x)], &[log], 1e-15);
        }
    }

    #[test]
    fn an_exponential_distribution_has_its_tails_and_quantiles() {
        let law = Gamma::new(1.0);
        for x in [1e-300, 1e-9, 0.3, 1.0, 2.0, 40.0, 700.0] {
            let v = f64::ln(x);
            relative(
                &[tail(&law, v, true, true), tail(&law, v, false, false)],
                &[-x, -(-x).exp_m1()],
                1e-13,
            );
            let back = quantile(&law, tail(&law, v, false, true), -x).exp();
            relative(&[back], &[x], 1e-13);
        }
    }

    #[test]
    fn powers_are_beta_tails() {
        // P = x^a for b = 1, and its derivative in a is x^a log x.
        for a in [1e-10_f64, 0.1, 1.0, 30.0, 1e6] {
            for log in [-1e-12, -1e-3, -0.7, -20.0] {
                let x = f64::exp(log);
                let v = log - (-f64::exp_m1(log)).ln() - a.ln();
                let law = Beta::new(a, 1.0);
                relative(&[tail(&law, v, false, true)], &[a * log], 1e-9);
                let got = derivative(&law, v, Part::First(0)).value();
                if x.powf(a) > 1e-300 {
                    relative(&[got], &[x.powf(a) * log], 1e-9);
                }
            }
        }
    }

    #[test]
    fn both_sides_add_up() {
        for (a, b) in [(1e-3, 1e3), (0.5, 0.5), (2.0, 3e5), (1e8, 1e8)] {
            let law = Beta::new(a, b);
            for v in [-2.0, -1e-4, 0.0, 1e-5, 0.3] {
                let sum = tail(&law, v, false, false) + tail(&law, v, true, false);
                relative(&[sum], &[1.0], 1e-14);
            }
        }
    }
}
