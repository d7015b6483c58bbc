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
    let scaled = if digits > 0 { size * power * more } else { size / power };
    let back = |i: f64| if digits > 0 { i / power / more } else { i * power };
    let (low, high) = (scaled.floor(), scaled.ceil());
    let (down, up) = (back(low), back(high));
    let (below, above) = (size - down, up - size);
    let even = low % 2.0 == 0.0;
    (if below < above || (even && below == above) { down } else { up }).copysign(x)
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

fn power_of_ten(n: i32) -> f64 {
    10f64.powi(n)
}

/// A step function: 0 wherever it has a derivative.
pub fn d_step(n: &Node<'_>) -> Result<Array> {
    n.graph.zeros_like(n.output)
}
