//! Trigonometric functions.
use super::expo::SHIFT;
use super::table::{Exact, Node};
use super::wide::{loop1, map1, poly};
use crate::error::Result;
use crate::mlx::Array;
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, PI};

/// pi/2 in three parts, of which std's constant is the first.
const HALF_PI: [f64; 3] = [
    FRAC_PI_2,
    6.123_233_995_736_766e-17,
    -1.497_384_904_859_169_8e-33,
];

/// Up to here the three parts of pi/2 leave an exact remainder.
const REDUCIBLE: f64 = 1e9;

/// Sine of x + turns * pi/2, without branches, to 1 ulp for |x| <= REDUCIBLE.
///
/// Cody and Waite's reduction with fused multiply-add: x = k pi/2 + r + low, then
/// the Taylor series of sine and cosine of r, |r| <= pi/4 (Abramowitz & Stegun
/// 4.3.65 and 4.3.66), with the first-order correction for low.
#[inline(always)]
fn sine_fast(x: f64, turns: u64) -> f64 {
    let shifted = x.mul_add(FRAC_2_PI, SHIFT);
    let k = shifted - SHIFT;
    let quarter = shifted.to_bits().wrapping_add(turns);
    // The first step is exact; the rounding of the second is caught in `low`.
    let a = k.mul_add(-HALF_PI[0], x);
    let b = k * HALF_PI[1];
    let b_low = k.mul_add(HALF_PI[1], -b);
    let r = a - b;
    let low = k.mul_add(-HALF_PI[2], ((a - r) - b) - b_low);

    let r2 = r * r;
    let s = poly(r2, &SINE);
    let c = poly(r2, &COSINE);
    // sin(r + low) = r - r³/6 + .. + low (1 - r²/2)
    let sine = r + (r2 * r).mul_add(s, low * r2.mul_add(-0.5, 1.0));
    // cos(r + low) = 1 - r²/2 + .. - low r; what 1 - r²/2 rounds off is added back.
    let h = 0.5 * r2;
    let w = 1.0 - h;
    let cosine = w + (((1.0 - w) - h) + (r2 * r2).mul_add(c, -r * low));

    let value = if quarter & 1 == 0 { sine } else { cosine };
    f64::from_bits(value.to_bits() ^ ((quarter & 2) << 62))
}

/// (sin(r) - r) / r³ in powers of r²: -1/3!, 1/5!, ..
const SINE: [f64; 8] = [
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5_040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
    1.0 / 355_687_428_096_000.0,
];

/// (cos(r) - 1 + r²/2) / r⁴ in powers of r²: 1/4!, -1/6!, ..
const COSINE: [f64; 8] = [
    1.0 / 24.0,
    -1.0 / 720.0,
    1.0 / 40_320.0,
    -1.0 / 3_628_800.0,
    1.0 / 479_001_600.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 20_922_789_888_000.0,
    -1.0 / 6_402_373_705_728_000.0,
];

/// The fast form for a block of moderate numbers, else the system's own, which
/// reduces numbers of any size.
#[inline(always)]
fn sine_block(
    inputs: &[&[f64]],
    output: &mut [f64],
    fast: impl Fn(f64) -> f64,
    plain: impl Fn(f64) -> f64,
) {
    // A NaN counts as moderate: it comes out as NaN either way.
    if inputs[0]
        .iter()
        .fold(false, |large, x| large | (x.abs() > REDUCIBLE))
    {
        loop1(inputs[0], output, plain);
    } else {
        map1(inputs, output, fast, plain);
    }
}

/// sin(x)
pub fn sin(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    // -0 would lose its sign in the sums above.
    let fast = |x: f64| if x == 0.0 { x } else { sine_fast(x, 0) };
    sine_block(inputs, output, fast, f64::sin);
}

/// cos(x)
pub fn cos(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    sine_block(inputs, output, |x| sine_fast(x, 1), f64::cos);
}

/// -sin(x)
pub fn d_cos(n: &Node<'_>) -> Result<Array> {
    n.graph.neg(&n.graph.exact(Exact::Sin, [n.x()])?)
}

/// sin(pi x), exact at integers and halves; NaN for an infinity, as in R.
pub fn sinpi(x: f64) -> f64 {
    // x - 2 round(x / 2) is exact, in [-1, 1].
    let r = x - 2.0 * (0.5 * x).round();
    let a = r.abs();
    let value = if a <= 0.25 {
        (PI * a).sin()
    } else if a < 0.75 {
        (PI * (0.5 - a)).cos()
    } else {
        (PI * (1.0 - a)).sin()
    };
    value.copysign(r)
}

/// cos(pi x), exact at integers and halves; NaN for an infinity, as in R.
pub fn cospi(x: f64) -> f64 {
    let a = (x - 2.0 * (0.5 * x).round()).abs();
    if a <= 0.25 {
        (PI * a).cos()
    } else if a < 0.75 {
        (PI * (0.5 - a)).sin()
    } else {
        -(PI * (1.0 - a)).cos()
    }
}

/// pi cos(pi x)
pub fn d_sinpi(n: &Node<'_>) -> Result<Array> {
    n.graph.scale(&n.graph.exact(Exact::Cospi, [n.x()])?, PI)
}

/// -pi sin(pi x)
pub fn d_cospi(n: &Node<'_>) -> Result<Array> {
    n.graph.scale(&n.graph.exact(Exact::Sinpi, [n.x()])?, -PI)
}

/// tan(pi x), exact at integers and quarters; NaN at halves and for an infinity,
/// as in R.
pub fn tanpi(x: f64) -> f64 {
    let r = x - x.round();
    let a = r.abs();
    let value = if a < 0.25 {
        (PI * a).tan()
    } else if a == 0.25 {
        1.0
    } else if a < 0.5 {
        1.0 / (PI * (0.5 - a)).tan()
    } else {
        f64::NAN
    };
    value.copysign(r)
}

/// cot(pi x), exact at halves; infinite at integers.
pub fn cotpi(x: f64) -> f64 {
    let r = x - x.round();
    let a = r.abs();
    let value = if a <= 0.25 {
        1.0 / (PI * a).tan()
    } else {
        (PI * (0.5 - a)).tan()
    };
    value.copysign(r)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::unary;

    #[test]
    fn sine_and_cosine_are_the_systems_to_an_ulp() {
        let (_turn, s) = start();
        let mut x: Vec<f64> = (-8_000..8_000)
            .map(|i| f64::from(i) * 0.01 + 1e-4)
            .collect();
        // Next to multiples of pi/2, where the remainder is all cancellation.
        x.extend((1..2_000).map(|k| f64::from(k * k) * FRAC_PI_2));
        x.extend((0..60).map(|k| 1.1f64 * (f64::from(k) * 0.5 - 10.0).exp2()));
        for (op, f) in [
            (Exact::Sin, f64::sin as fn(f64) -> f64),
            (Exact::Cos, f64::cos),
        ] {
            let want: Vec<f64> = x.iter().map(|&x| f(x)).collect();
            relative(&at(op, &x, s), &want, 2.3e-16);
        }
    }

    #[test]
    fn sine_of_large_and_special_numbers() {
        let (_turn, s) = start();
        let x = [PI, 1e22, 1e300, 0.0, 1e-310, INFINITY, NAN];
        let want = [
            1.224_646_799_147_353_2e-16,
            -0.852_200_849_767_188_8,
            (1e300f64).sin(),
            0.0,
            1e-310,
            NAN,
            NAN,
        ];
        relative(&at(Exact::Sin, &x, s), &want, 1e-15);
        // One block without the large ones.
        relative(
            &at(Exact::Sin, &[PI, 3.0], s),
            &[want[0], 3f64.sin()],
            1e-15,
        );
        assert!(at(Exact::Sin, &[-0.0], s)[0].is_sign_negative());
    }

    #[test]
    fn functions_of_pi_x_are_exact_where_r_says_so() {
        let (_turn, s) = start();
        let x = [
            0.0,
            0.5,
            1.0,
            1.5,
            2.0,
            -0.5,
            -1.0,
            1e15 + 0.5,
            1e300,
            INFINITY,
            NAN,
        ];
        let sin = [0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, NAN, NAN];
        let cos = [1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0, NAN, NAN];
        assert_eq!(at(Exact::Sinpi, &x, s)[..9], sin[..9]);
        assert_eq!(at(Exact::Cospi, &x, s)[..9], cos[..9]);
        close(&at(Exact::Sinpi, &x, s), &sin, 0.0);
        close(&at(Exact::Cospi, &x, s), &cos, 0.0);
        let x = [0.25, 0.75, -0.25, 1.0, 7.25, 0.5, 1.5, INFINITY, 1.0 / 3.0];
        let tan = [1.0, -1.0, -1.0, 0.0, 1.0, NAN, NAN, NAN, 3f64.sqrt()];
        close(&at(Exact::Tanpi, &x, s), &tan, 4e-16);
    }

    #[test]
    fn sinpi_of_sixths() {
        let (_turn, s) = start();
        let x: Vec<f64> = [1.0, 5.0, 7.0, 11.0, -1.0]
            .iter()
            .map(|k| k / 6.0)
            .collect();
        close(
            &at(Exact::Sinpi, &x, s),
            &[0.5, 0.5, -0.5, -0.5, -0.5],
            1e-15,
        );
        let x: Vec<f64> = [1.0, 2.0, 4.0, 5.0, -2.0].iter().map(|k| k / 3.0).collect();
        close(
            &at(Exact::Cospi, &x, s),
            &[0.5, -0.5, -0.5, 0.5, -0.5],
            1e-15,
        );
    }

    #[test]
    fn derivatives_return_after_four() {
        let (_turn, s) = start();
        let f = |args: &[Array]| unary(Exact::Sin, &args[0], s);
        let one = |args: &[Array]| Ok(gradient(&f, args, s)?.swap_remove(0));
        let two = |args: &[Array]| Ok(gradient(&one, args, s)?.swap_remove(0));
        let three = |args: &[Array]| Ok(gradient(&two, args, s)?.swap_remove(0));
        let x = [f64s(&[0.3, -2.0, 11.0])];
        let four = values(&gradient(&three, &x, s).unwrap()[0]);
        close(&four, &values(&f(&x).unwrap()), 0.0);
    }
}
