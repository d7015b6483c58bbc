//! The beta function and binomial coefficients, as R has them.
use super::ffi::apply;
use super::gamma::{gamma, lgamma};
use super::polygamma::Polygamma;
use super::table::{Exact, Node};
use super::trig::sinpi;
use super::wide::loop2;
use crate::error::Result;
use crate::mlx::Array;
use std::f64::consts::PI;

/// log B(a, b): NaN for a negative argument, Inf at 0.
pub fn lbeta(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    let (p, q) = (a.min(b), a.max(b));
    if p < 0.0 {
        f64::NAN
    } else if p == 0.0 {
        f64::INFINITY
    } else if q.is_infinite() {
        f64::NEG_INFINITY
    } else if p >= STIRLING_FROM {
        // Stirling's formula for all three; the large parts cancel on paper.
        let rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(p + q);
        let share = p / (p + q);
        -0.5 * q.ln() + HALF_LOG_TWO_PI + rest + (p - 0.5) * share.ln() + q * (-share).ln_1p()
    } else if q >= STIRLING_FROM {
        let rest = stirling_rest(q) - stirling_rest(p + q);
        lgamma(p) + rest + p - p * (p + q).ln() + (q - 0.5) * (-p / (p + q)).ln_1p()
    } else if p < 1e-306 {
        lgamma(p) + (lgamma(q) - lgamma(p + q))
    } else {
        (gamma(p) * (gamma(q) / gamma(p + q))).ln()
    }
}

/// B(a, b): NaN for a negative argument, Inf at 0.
pub fn beta(a: f64, b: f64) -> f64 {
    if a > 0.0 && b > 0.0 && a + b < 171.0 {
        // Reciprocal first: the product of the two others may overflow.
        (1.0 / gamma(a + b)) * gamma(a) * gamma(b)
    } else {
        lbeta(a, b).exp()
    }
}

/// log(2 pi) / 2
pub const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;
/// From here on Stirling's formula is used.
pub const STIRLING_FROM: f64 = 10.0;

/// log gamma(x) less Stirling's (x - 1/2) log x - x + log(2 pi) / 2, for x >= 10:
/// Abramowitz & Stegun 6.1.41.
pub fn stirling_rest(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, c| sum * y + c) / x
}

/// B(2k) / (2k (2k - 1)), from k = 1.
const STIRLING: [f64; 9] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1_260.0,
    -1.0 / 1_680.0,
    1.0 / 1_188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3_617.0 / 122_400.0,
    43_867.0 / 244_188.0,
];

/// digamma(this) - digamma(a + b)
pub fn d_lbeta(n: &Node<'_>) -> Result<Array> {
    let (this, other) = if n.argnum == 0 {
        (n.x(), n.y())
    } else {
        (n.y(), n.x())
    };
    n.graph.exact(Exact::PolygammaDifference, [this, other])
}

/// B(a, b) times the derivative of its logarithm.
pub fn d_beta(n: &Node<'_>) -> Result<Array> {
    n.graph.mul(n.output, &d_lbeta(n)?)
}

/// Below this, a binomial coefficient is a plain product.
const FEW: f64 = 30.0;

/// n over k for a real n and a whole k (which is rounded); with an order, its
/// derivative of that order in n.
pub fn choose(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop2(inputs[0], inputs[1], output, |n, k| match order {
        0 => binomial(n, k.round_ties_even()),
        _ => binomial_derivative(order as usize, n, k.round_ties_even()),
    });
}

fn binomial(n: f64, k: f64) -> f64 {
    if n.is_nan() || k.is_nan() {
        return f64::NAN;
    }
    let whole = is_whole(n);
    if k < FEW {
        let k = if whole && n >= 0.0 && n - k < k {
            (n - k).round()
        } else {
            k
        };
        if k < 0.0 {
            return 0.0;
        }
        let product = falling(n, k);
        return if whole { product.round() } else { product };
    }
    if n < 0.0 {
        let mirrored = binomial(k - n - 1.0, k);
        return if k % 2.0 == 0.0 { mirrored } else { -mirrored };
    }
    if whole {
        let n = n.round();
        return if n < k {
            0.0
        } else if n - k < FEW {
            binomial(n, n - k)
        } else {
            log_binomial(n, k).exp().round()
        };
    }
    // Between 0 and k - 1 the factors n - k + 1, .. change sign at each integer.
    let negative = n < k - 1.0 && (n - k + 1.0).floor() % 2.0 != 0.0;
    let size = log_binomial(n, k).exp();
    if negative {
        -size
    } else {
        size
    }
}

/// n (n-1) .. (n-k+1) / k!
fn falling(n: f64, k: f64) -> f64 {
    (0..k as u32).fold(1.0, |r, j| r * (n - f64::from(j)) / f64::from(j + 1))
}

/// log |n over k| for a real n and a whole k (which is rounded); with an order, its
/// derivative of that order in n.
pub fn lchoose(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    if order == 0 {
        loop2(inputs[0], inputs[1], output, |n, k| {
            log_choose(n, k.round_ties_even())
        });
        return;
    }
    let psi = Polygamma::new(order - 1);
    loop2(inputs[0], inputs[1], output, |n, k| {
        falling_slope(&psi, order, n, k.round_ties_even())
    });
}

fn log_choose(n: f64, k: f64) -> f64 {
    if n.is_nan() || k.is_nan() {
        f64::NAN
    } else if k < 0.0 {
        f64::NEG_INFINITY
    } else if k < FEW {
        // A plain product, but of logarithms where it would overflow.
        let c = falling(n, k).abs();
        if c.is_infinite() && n.is_finite() {
            (0..k as u32)
                .map(|j| ((n - f64::from(j)) / f64::from(j + 1)).abs().ln())
                .sum()
        } else {
            c.ln()
        }
    } else if n < 0.0 {
        log_choose(k - n - 1.0, k)
    } else if is_whole(n) && n.round() < k {
        f64::NEG_INFINITY
    } else if is_whole(n) && n.round() - k < FEW {
        log_choose(n.round(), n.round() - k)
    } else {
        log_binomial(n, k)
    }
}

/// For n >= 0 and k >= 0.
fn log_binomial(n: f64, k: f64) -> f64 {
    if n < k - 1.0 {
        // Reflected, 1 / gamma(n - k + 1) = gamma(k - n) sin(pi (k - n)) / pi.
        lbeta(n + 1.0, k - n) + (sinpi(n).abs() / PI).ln()
    } else {
        -(n + 1.0).ln() - lbeta(n - k + 1.0, k + 1.0)
    }
}

/// R's tolerance for a whole number; R widens it for large ones, so that 1e7 + 0.5
/// is whole there.
fn is_whole(n: f64) -> bool {
    (n - n.round()).abs() <= 1e-7
}

/// The derivative in n of the polynomial n (n-1) .. (n-k+1) / k!, by multiplying
/// the Taylor series of its factors: it has no poles, where digamma would.
fn binomial_derivative(order: usize, n: f64, k: f64) -> f64 {
    if n.is_nan() || k.is_nan() {
        return f64::NAN;
    }
    let mut series = vec![0.0; order + 1];
    series[0] = 1.0;
    for j in 0..k.max(0.0) as u64 {
        let (at, by) = (n - j as f64, 1.0 / (j + 1) as f64);
        for i in (0..=order).rev() {
            let lower = if i > 0 { series[i - 1] } else { 0.0 };
            series[i] = (series[i] * at + lower) * by;
        }
    }
    (1..=order).fold(series[order], |d, i| d * i as f64)
}

/// In n the next order; k is a whole number, in which the function has no slope.
pub fn d_choose(n: &Node<'_>) -> Result<Array> {
    if n.argnum == 1 {
        return n.graph.zeros_like(n.output);
    }
    apply(Exact::Choose, n.order + 1, &[n.x(), n.y()], n.graph.0)
}

/// psi(n + 1) - psi(n - k + 1), the derivative of log |n (n-1) .. (n-k+1)| of an order.
/// For a negative n the two poles cancel, by the reflection formula.
fn falling_slope(psi: &Polygamma, order: i32, n: f64, k: f64) -> f64 {
    if k <= 0.0 {
        0.0
    } else if n - k + 1.0 > 0.0 {
        -psi.difference(n - k + 1.0, k)
    } else if n < 0.0 {
        let mirrored = psi.difference(-n, k);
        if order % 2 == 1 {
            mirrored
        } else {
            -mirrored
        }
    } else {
        psi.at(n + 1.0) - psi.at(n - k + 1.0)
    }
}

/// In n the next order; k is a whole number, in which the function has no slope.
pub fn d_lchoose(n: &Node<'_>) -> Result<Array> {
    if n.argnum == 1 {
        return n.graph.zeros_like(n.output);
    }
    apply(Exact::Lchoose, n.order + 1, &[n.x(), n.y()], n.graph.0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::binary;

    #[test]
    fn values_by_closed_forms_and_50_digit_arithmetic() {
        let (_turn, s) = start();
        let (a, b) = (
            [2.0, 0.5, 1.0, 7.0, 500.0, 1e-300],
            [3.0, 0.5, 4.0, 1.0, 400.0, 2.0],
        );
        let want = [
            1.0 / 12.0,
            PI,
            0.25,
            1.0 / 7.0,
            5.206_657_890_864_621e-270,
            1e300,
        ];
        relative(&at2(Exact::Beta, &a[..4], &b[..4], s), &want[..4], 2e-15);
        relative(&at2(Exact::Beta, &b[..4], &a[..4], s), &want[..4], 2e-15);
        relative(&at2(Exact::Beta, &a[4..], &b[4..], s), &want[4..], 2e-13);
        // B(a, 1) = 1/a; B(a, 2) = 1 / (a (a + 1)).
        let a = [3.0, 14.0, 1e5, 1e20];
        let one: Vec<f64> = a.iter().map(|a: &f64| -a.ln()).collect();
        let two: Vec<f64> = a.iter().map(|a: &f64| -a.ln() - (a + 1.0).ln()).collect();
        relative(&at2(Exact::Lbeta, &a, &[1.0; 4], s), &one, 3e-15);
        relative(&at2(Exact::Lbeta, &[2.0; 4], &a, s), &two, 3e-15);
    }

    #[test]
    fn the_ends_are_those_of_r() {
        let (_turn, s) = start();
        let (a, b) = (
            [0.0, 1.0, -1.0, INFINITY, NAN, 0.0],
            [1.0, INFINITY, 2.0, INFINITY, 1.0, INFINITY],
        );
        close(
            &at2(Exact::Lbeta, &a, &b, s),
            &[INFINITY, NEG_INFINITY, NAN, NEG_INFINITY, NAN, INFINITY],
            0.0,
        );
        close(
            &at2(Exact::Beta, &a, &b, s),
            &[INFINITY, 0.0, NAN, 0.0, NAN, INFINITY],
            0.0,
        );
    }

    #[test]
    fn slopes_of_lbeta_do_not_cancel() {
        let (_turn, s) = start();
        let f = |args: &[Array]| binary(Exact::Lbeta, &args[0], &args[1], s);
        // d/da log B(a, 1) = -1/a
        let a = [0.3, 5.0, 1e8, 1e15];
        let grads = gradient(&f, &[f64s(&a), f64s(&[1.0; 4])], s).unwrap();
        let want: Vec<f64> = a.iter().map(|a| -1.0 / a).collect();
        relative(&values(&grads[0]), &want, 3e-15);
    }

    #[test]
    fn binomial_coefficients() {
        let (_turn, s) = start();
        let n = [
            5.0, 50.0, 5.5, -3.0, -2.5, 3.0, 60.0, 1000.0, 5.0, 5.0, NAN, 40.0,
        ];
        let k = [
            2.0, 25.0, 2.0, 3.0, 2.0, 5.0, 30.0, 999.0, -1.0, 0.0, 2.0, 35.0,
        ];
        let want = [
            10.0,
            126_410_606_437_752.0,
            12.375,
            -10.0,
            4.375,
            0.0,
            118_264_581_564_861_424.0,
            1000.0,
            0.0,
            1.0,
            NAN,
            658_008.0,
        ];
        relative(&at2(Exact::Choose, &n, &k, s), &want, 1e-13);
        let logs: Vec<f64> = want.iter().map(|c: &f64| c.abs().ln()).collect();
        relative(&at2(Exact::Lchoose, &n, &k, s), &logs, 1e-14);
        // Where one of the two overflows, and where R's own has lost its digits.
        let got = at2(Exact::Lchoose, &[1e6, -0.5, 1e200], &[5e5, 1e10, 20.0], s);
        relative(
            &got,
            &[
                693_140.047_013_063_7,
                -12.085_290_407_907_43,
                9_168.004_755_515_43,
            ],
            1e-13,
        );
        // n is rounded only when it is whole, k always.
        close(
            &at2(Exact::Choose, &[5.0 + 1e-9, 5.1], &[2.000_1, 1.9], s),
            &[10.0, 10.455],
            1e-15,
        );
    }

    #[test]
    fn binomial_coefficients_have_slopes_everywhere() {
        let (_turn, s) = start();
        let f = |args: &[Array]| binary(Exact::Choose, &args[0], &args[1], s);
        let one = |args: &[Array]| Ok(gradient(&f, args, s)?.swap_remove(0));
        // n (n-1) (n-2) / 6 at its zeros, below and above.
        let args = [f64s(&[0.0, 1.0, 2.0, -4.0, 7.5]), f64s(&[3.0])];
        let n = values(&args[0]);
        let first: Vec<f64> = n
            .iter()
            .map(|n| (3.0 * n * n - 6.0 * n + 2.0) / 6.0)
            .collect();
        let second: Vec<f64> = n.iter().map(|n| n - 1.0).collect();
        close(&values(&one(&args).unwrap()), &first, 1e-15);
        close(
            &values(&gradient(&one, &args, s).unwrap()[0]),
            &second,
            1e-15,
        );

        let f = |args: &[Array]| binary(Exact::Lchoose, &args[0], &args[1], s);
        let one = |args: &[Array]| Ok(gradient(&f, args, s)?.swap_remove(0));
        // The sum of 1 / (n - j), also at negative whole n; and of -1 / (n - j)².
        let args = [f64s(&[8.0, -4.0, 2.5, 1e9]), f64s(&[3.0])];
        let sum = |n: f64, p: i32| (0..3).map(|j| (n - f64::from(j)).powi(-p)).sum::<f64>();
        let n = values(&args[0]);
        let first: Vec<f64> = n.iter().map(|&n| sum(n, 1)).collect();
        let second: Vec<f64> = n.iter().map(|&n| -sum(n, 2)).collect();
        relative(&values(&one(&args).unwrap()), &first, 1e-14);
        relative(
            &values(&gradient(&one, &args, s).unwrap()[0]),
            &second,
            1e-14,
        );
    }
}
