//! Rounding to decimal or significant digits, as R 4 does it. MLX rounds the power of ten
//! to float32 first.
use super::table::Node;
use crate::error::Result;
use crate::mlx::Array;

/// Decimal digits that a double is sure to hold.
const DIGITS: f64 = 15.0;

/// Decimal exponents of doubles go up to this.
const MAX_EXPONENT: i32 = 308;

/// The block rounded to `digits` decimals: of the two candidates, which are the
/// doubles nearest to decimal numbers, the nearer one; in a tie the even one.
pub fn round(digits: i32, inputs: &[&[f64]], output: &mut [f64]) {
    for (y, &x) in output.iter_mut().zip(inputs[0]) {
        *y = round_to(x, digits);
    }
}

fn round_to(x: f64, digits: i32) -> f64 {
    // All digits asked for are there already (x has no more than 15 in front).
    let enough = |x: f64| f64::from(digits) > DIGITS - (LOG10_2 * (0.5 + exponent(x))).ceil();
    if digits == 0 {
        return x.round_ties_even();
    }
    if !x.is_finite() || x == 0.0 || digits > MAX_EXPONENT + DIGITS as i32 || enough(x) {
        return x;
    }
    if digits < -MAX_EXPONENT {
        return 0.0f64.copysign(x);
    }
    let size = x.abs();
    // 10^digits may itself be too large: then in two steps.
    let first = digits.min(MAX_EXPONENT);
    let (power, more) = (power_of_ten(first.abs()), power_of_ten(digits - first));
    let scaled = if digits > 0 {
        size * power * more
    } else {
        size / power
    };
    let back = |i: f64| {
        if digits > 0 {
            i / power / more
        } else {
            i * power
        }
    };
    let (low, high) = (scaled.floor(), scaled.ceil());
    let (down, up) = (back(low), back(high));
    let (below, above) = (size - down, up - size);
    let even = low % 2.0 == 0.0;
    (if below < above || (even && below == above) {
        down
    } else {
        up
    })
    .copysign(x)
}

/// The block rounded to `digits` significant digits, at least one.
pub fn signif(digits: i32, inputs: &[&[f64]], output: &mut [f64]) {
    for (y, &x) in output.iter_mut().zip(inputs[0]) {
        *y = signif_to(x, digits.max(1));
    }
}

fn signif_to(x: f64, digits: i32) -> f64 {
    if !x.is_finite() || x == 0.0 || digits > 22 {
        return x;
    }
    let size = x.abs();
    let decimals = digits - 1 - size.log10().floor() as i32;
    let value = if decimals > 0 {
        let first = decimals.min(MAX_EXPONENT);
        let (power, more) = (power_of_ten(first), power_of_ten(decimals - first));
        (size * power * more).round_ties_even() / power / more
    } else {
        let power = power_of_ten(-decimals);
        (size / power).round_ties_even() * power
    };
    value.copysign(x)
}

const LOG10_2: f64 = std::f64::consts::LOG10_2;

/// The binary exponent of a finite number other than 0.
fn exponent(x: f64) -> f64 {
    f64::from(libm::ilogb(x))
}

/// 10^n for n >= 0, by squaring as R does it, so that the last bits agree (powi leaves them to
/// the compiler).
fn power_of_ten(n: i32) -> f64 {
    let (mut power, mut square, mut n) = (1.0, 10.0, n);
    while n > 0 {
        if n % 2 == 1 {
            power *= square;
        }
        square *= square;
        n /= 2;
    }
    power
}

/// A step function: 0 wherever it has a derivative.
pub fn d_step(n: &Node<'_>) -> Result<Array> {
    n.graph.zeros_like(n.output)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact;

    /// The values that `f` gives, one by one of the digits.
    fn each(f: fn(f64, i32) -> f64, cases: &[(f64, i32, f64)]) {
        for &(x, digits, want) in cases {
            let got = f(x, digits);
            assert!(
                got == want || (got.is_nan() && want.is_nan()),
                "{x} to {digits}: {got}, not {want}"
            );
        }
    }

    #[test]
    fn decimals_are_those_of_r() {
        // By R 4.2.2.
        each(
            round_to,
            &[
                (0.15, 1, 0.1),
                (0.25, 1, 0.2),
                (0.35, 1, 0.3),
                (0.45, 1, 0.4),
                (2.675, 2, 2.67),
                (1.005, 2, 1.0),
                (5.015, 2, 5.02),
                (-1.005, 2, -1.0),
                (2.5, 0, 2.0),
                (-1.5, 0, -2.0),
                (1e15 + 0.5, 0, 1e15),
                (123_456.789, -3, 123_000.0),
                (25.0, -1, 20.0),
                (1_234.567_89, 20, 1_234.567_89),
                (1e-310, 311, 1e-310),
                (1.6e-310, 310, 2e-310),
                (7.0, -310, 0.0),
                (1e300, 300, 1e300),
                (INFINITY, 2, INFINITY),
                (NAN, 2, NAN),
            ],
        );
    }

    #[test]
    fn significant_digits_are_those_of_r() {
        each(
            signif_to,
            &[
                (123_456.0, 2, 120_000.0),
                (0.001_234_5, 3, 0.001_23),
                (-2.5, 1, -2.0),
                (99.99, 3, 100.0),
                (1.234_567_8e-9, 5, 1.234_6e-9),
                (4.94e-324, 1, 5e-324),
                (PI, 30, PI),
                (INFINITY, 3, INFINITY),
                (0.0, 3, 0.0),
            ],
        );
    }

    const PI: f64 = std::f64::consts::PI;

    #[test]
    fn the_slope_is_zero() {
        let (_turn, s) = start();
        let x = [f64s(&[1.234, -5.678])];
        close(
            &values(&exact::round(&x[0], 1, s).unwrap()),
            &[1.2, -5.7],
            0.0,
        );
        close(
            &values(&exact::signif(&x[0], 2, s).unwrap()),
            &[1.2, -5.7],
            0.0,
        );
        let f = |args: &[Array]| exact::round(&args[0], 1, s);
        close(&values(&gradient(&f, &x, s).unwrap()[0]), &[0.0, 0.0], 0.0);
    }
}
