//! Draws that need an unknown number of random bits: gamma, Poisson, binomial.
//!
//! The first input of each row is a seed, a uniform number of 53 bits from MLX's generator; what
//! an element needs beyond comes from a generator of its own that starts there.
use super::counts::{binomial_log, poisson_log};
use super::distribution::Form;
use super::ffi::apply;
use super::normal_law;
use super::table::{Exact, Node};
use super::tails::{derivative, Gamma, Law, Part};
use super::wide::{loop2, loop3};
use crate::error::{Error, Result};
use crate::mlx::Array;

/// Steele, Lea and Flood's SplitMix64 (OOPSLA 2014).
struct Stream(u64);

impl Stream {
    fn new(seed: f64) -> Stream {
        Stream((seed * 9_007_199_254_740_992.0) as u64)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform within (0, 1).
    fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
    }

    fn normal(&mut self) -> f64 {
        normal_law::quantile(self.uniform(), Form::of(0))
    }
}

/// Logarithms of gamma draws of scale 1.
pub fn gamma(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop2(inputs[0], inputs[1], output, log_gamma);
}

/// Marsaglia and Tsang's method (ACM TOMS 26, 2000); for a shape below 1 from that of shape + 1.
fn log_gamma(seed: f64, shape: f64) -> f64 {
    if shape < 0.0 || shape.is_nan() || seed.is_nan() {
        return f64::NAN;
    }
    if shape == 0.0 || shape == f64::INFINITY {
        return if shape == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    let mut stream = Stream::new(seed);
    let boost = if shape < 1.0 {
        stream.uniform().ln() / shape
    } else {
        0.0
    };
    let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = stream.normal();
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let log_v = 3.0 * v.ln();
        let v = v * v * v;
        if stream.uniform().ln() < 0.5 * x * x + d * (1.0 - v + log_v) {
            return d.ln() + log_v + boost;
        }
    }
}

/// The row of slopes at the draws; the seed has none.
pub fn d_gamma(n: &Node<'_>) -> Result<Array> {
    if n.argnum == 0 {
        return n.graph.zeros_like(n.output);
    }
    n.graph.exact(Exact::GammaDrawSlope, [n.output, n.y()])
}

/// How the logarithm of a gamma draw moves with its shape, when its probability does not: minus the
/// derivative of the distribution function over the density. Of order 1 the derivative of that in
/// the shape, at the same place.
pub fn gamma_slope(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop2(inputs[0], inputs[1], output, |log, shape| {
        if !(shape > 0.0 && shape < f64::INFINITY && log.is_finite()) {
            return f64::NAN;
        }
        let law = Gamma::new(shape);
        let v = log - shape.ln();
        let density = law.g(v) + law.log_norm();
        let over = |part| {
            let d = derivative(&law, v, part);
            -d.m * (d.e - density).exp()
        };
        let first = over(Part::First(0));
        if order == 0 {
            first
        } else {
            over(Part::Second(0)) - first * law.scores(v)[0]
        }
    });
}

/// In the place minus its score and the slope of the log density, shape - x, times the row.
pub fn d_gamma_slope(n: &Node<'_>) -> Result<Array> {
    let (g, log, shape) = (n.graph, n.x(), n.y());
    if n.order > 0 {
        return Err(Error::Gradient(
            "third derivatives of gamma draws in their shape are not available.".into(),
        ));
    }
    if n.argnum == 1 {
        return apply(Exact::GammaDrawSlope, 1, &[log, shape], g.0);
    }
    let score = g.sub(log, &g.exact(Exact::Digamma, [shape])?)?;
    let slope = g.sub(shape, &g.exact(Exact::Exp, [log])?)?;
    g.neg(&g.add(&score, &g.mul(n.output, &slope)?)?)
}

/// Poisson draws of a mean.
pub fn poisson(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop2(inputs[0], inputs[1], output, poisson_of);
}

fn poisson_of(seed: f64, mean: f64) -> f64 {
    if !(0.0..f64::INFINITY).contains(&mean) || seed.is_nan() {
        return f64::NAN;
    }
    let mut stream = Stream::new(seed);
    if mean < 10.0 {
        // The first count whose cumulated probability exceeds a uniform number.
        let (mut u, mut p, mut k) = (stream.uniform(), (-mean).exp(), 0.0);
        while u > p && k < 1000.0 {
            u -= p;
            k += 1.0;
            p *= mean / k;
        }
        return k;
    }
    // Hoermann's PTRS (Insurance: Mathematics and Economics 12, 1993).
    let b = 0.931 + 2.53 * mean.sqrt();
    let a = -0.059 + 0.02483 * b;
    let shrink = 1.1239 + 1.1328 / (b - 3.4);
    let sure = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let (u, v) = (stream.uniform() - 0.5, stream.uniform());
        let s = 0.5 - u.abs();
        let k = ((2.0 * a / s + b) * u + mean + 0.43).floor();
        if s >= 0.07 && v <= sure {
            return k;
        }
        if k >= 0.0
            && (s >= 0.013 || v <= s)
            && (v * shrink / (a / (s * s) + b)).ln() <= poisson_log(k, mean)
        {
            return k;
        }
    }
}

/// Binomial draws of a size and a probability.
pub fn binomial(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop3(inputs, output, |seed, n, p| {
        if seed.is_nan()
            || !(0.0..=1.0).contains(&p)
            || !(0.0..f64::INFINITY).contains(&n)
            || n != n.round()
        {
            f64::NAN
        } else if p > 0.5 {
            n - binomial_of(seed, n, 1.0 - p)
        } else {
            binomial_of(seed, n, p)
        }
    });
}

fn binomial_of(seed: f64, n: f64, p: f64) -> f64 {
    let mut stream = Stream::new(seed);
    if n * p < 10.0 {
        let odds = p / (1.0 - p);
        let none = (n * (-p).ln_1p()).exp();
        let (mut u, mut r, mut k) = (stream.uniform(), none, 0.0);
        while u > r && k < n && k < 1000.0 {
            u -= r;
            k += 1.0;
            r *= (n - k + 1.0) / k * odds;
        }
        return k;
    }
    // Hoermann's BTRS (Journal of Statistical Computation and Simulation 46, 1993).
    let sd = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * sd;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let shrink = (2.83 + 5.1 / b) * sd;
    let sure = 0.92 - 4.2 / b;
    let mode = binomial_log(((n + 1.0) * p).floor(), n, p);
    loop {
        let (u, v) = (stream.uniform() - 0.5, stream.uniform());
        let s = 0.5 - u.abs();
        let k = ((2.0 * a / s + b) * u + n * p + 0.5).floor();
        if s >= 0.07 && v <= sure {
            return k;
        }
        if (0.0..=n).contains(&k)
            && (v * shrink / (a / (s * s) + b)).ln() <= binomial_log(k, n, p) - mode
        {
            return k;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means and variances of many draws, within five standard errors.
    fn moments(draw: impl Fn(f64) -> f64, mean: f64, variance: f64) {
        let n = 20_000;
        let mut seeds = Stream::new(0.25);
        let x: Vec<f64> = (0..n).map(|_| draw(seeds.uniform())).collect();
        let got = x.iter().sum::<f64>() / f64::from(n);
        let error = (variance / f64::from(n)).sqrt();
        assert!((got - mean).abs() < 5.0 * error, "mean {got}, not {mean}");
        let spread = x.iter().map(|x| (x - got).powi(2)).sum::<f64>() / f64::from(n);
        assert!(
            (spread / variance - 1.0).abs() < 0.1,
            "variance {spread}, not {variance}"
        );
    }

    #[test]
    fn draws_have_their_moments() {
        for shape in [0.5, 1.0, 7.5, 400.0] {
            moments(|seed| log_gamma(seed, shape).exp(), shape, shape);
        }
        for mean in [0.5, 9.9, 10.1, 1e6] {
            moments(|seed| poisson_of(seed, mean), mean, mean);
        }
        for (n, p) in [(10.0, 0.2), (100.0, 0.4), (1e9, 1e-3)] {
            moments(|seed| binomial_of(seed, n, p), n * p, n * p * (1.0 - p));
        }
    }

    #[test]
    fn tiny_shapes_do_not_underflow() {
        assert!(log_gamma(0.3, 1e-6) < -1000.0);
        assert_eq!(log_gamma(0.3, 0.0), f64::NEG_INFINITY);
        assert!(log_gamma(0.3, -1.0).is_nan());
    }
}
