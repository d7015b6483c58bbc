//! The gamma function and the logarithm of its absolute value.
use super::table::{Exact, Node};
use crate::error::Result;
use crate::mlx::Array;

/// log |gamma(x)|, Inf at the poles, as in R.
///
/// Relative error below 1e-15, but beside its zeros on the negative axis, where
/// the error is 1e-15 absolutely.
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// gamma(x), NaN at 0 and the negative integers, as in R.
pub fn gamma(x: f64) -> f64 {
    if x == 0.0 {
        f64::NAN
    } else {
        libm::tgamma(x)
    }
}

/// gamma(x) digamma(x)
pub fn d_gamma(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.mul(n.output, &g.exact(Exact::Digamma, [n.x()])?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::unary;
    use std::f64::consts::PI;

    #[test]
    fn values_of_the_handbook() {
        let (_turn, s) = start();
        // Abramowitz & Stegun, tables 6.1 and 6.3, and factorials.
        let x = [1.5, 0.5, 5.0, 11.0, 23.0, 171.0, -0.5, -1.5, 1e-300];
        let root = PI.sqrt();
        let want = [
            0.5 * root,
            root,
            24.0,
            3_628_800.0,
            1_124_000_727_777_607_680_000.0,
            7.257_415_615_307_999e306,
            -2.0 * root,
            4.0 / 3.0 * root,
            1e300,
        ];
        relative(&at(Exact::Gamma, &x, s), &want, 2e-15);
        let logs: Vec<f64> = want.iter().map(|g: &f64| g.abs().ln()).collect();
        relative(&at(Exact::Lgamma, &x, s), &logs, 1e-14);
    }

    #[test]
    fn the_ends_are_those_of_r() {
        let (_turn, s) = start();
        let x = [
            0.0,
            -0.0,
            -1.0,
            -30.0,
            172.0,
            -200.5,
            INFINITY,
            NEG_INFINITY,
            NAN,
        ];
        close(
            &at(Exact::Gamma, &x, s),
            &[NAN, NAN, NAN, NAN, INFINITY, 0.0, INFINITY, NAN, NAN],
            0.0,
        );
        let x = [
            0.0,
            -1.0,
            -30.0,
            INFINITY,
            NEG_INFINITY,
            NAN,
            1e305,
            1.0,
            2.0,
        ];
        let want = [
            INFINITY,
            INFINITY,
            INFINITY,
            INFINITY,
            INFINITY,
            NAN,
            7.012_884_533_631_839e307,
            0.0,
            0.0,
        ];
        relative(&at(Exact::Lgamma, &x, s), &want, 1e-15);
    }

    #[test]
    fn lgamma_of_small_large_and_negative_numbers() {
        let (_turn, s) = start();
        // By 50-digit arithmetic.
        let x = [1e-10, 100.25, 1e10, -2.5, -100.3];
        let want = [
            23.025_850_929_882_736,
            360.284_559_637_764_23,
            220_258_509_288.810_58,
            -0.056_243_716_497_674_05,
            -363.766_206_182_676_3,
        ];
        relative(&at(Exact::Lgamma, &x, s), &want, 1e-14);
    }

    #[test]
    fn recurrence_and_reflection() {
        let (_turn, s) = start();
        let x: Vec<f64> = (1..200).map(|i| f64::from(i) * 0.370_1 - 30.0).collect();
        let next: Vec<f64> = x.iter().map(|x| x + 1.0).collect();
        let want: Vec<f64> = at(Exact::Gamma, &x, s)
            .iter()
            .zip(&x)
            .map(|(g, x)| g * x)
            .collect();
        relative(&at(Exact::Gamma, &next, s), &want, 1e-13);
        let mirrored: Vec<f64> = x.iter().map(|x| 1.0 - x).collect();
        let sines = at(Exact::Sinpi, &x, s);
        let sums: Vec<f64> = sines.iter().map(|s| (PI / s.abs()).ln()).collect();
        let both: Vec<f64> = at(Exact::Lgamma, &x, s)
            .iter()
            .zip(at(Exact::Lgamma, &mirrored, s))
            .map(|(a, b)| a + b)
            .collect();
        for (got, want) in both.iter().zip(&sums) {
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        }
    }

    #[test]
    fn the_slope_of_gamma_is_gamma_times_digamma() {
        let (_turn, s) = start();
        let f = |args: &[Array]| unary(Exact::Gamma, &args[0], s);
        let grads = gradient(&f, &[f64s(&[1.0, 2.0, 4.0])], s).unwrap();
        let euler = 0.577_215_664_901_532_9;
        close(
            &values(&grads[0]),
            &[-euler, 1.0 - euler, 6.0 * (11.0 / 6.0 - euler)],
            2e-15,
        );
    }
}
