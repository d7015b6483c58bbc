//! The error function and its relatives.
use super::expo::exp_fast;
use super::table::{Exact, Node};
use super::wide::map1;
use crate::error::Result;
use crate::mlx::Array;
use std::f64::consts::FRAC_2_SQRT_PI;

#[inline(always)]
fn gauss_of(x: f64, exp: impl Fn(f64) -> f64) -> f64 {
    // x² = h + l exactly: rounding x² alone would cost x² ulps.
    let h = x * x;
    let l = x.mul_add(x, -h);
    let e = exp(-h);
    // Past 750 the result is 0, and l may not be a number.
    if h > 750.0 {
        0.0
    } else {
        e - e * l
    }
}

/// exp(-x²)
pub fn gauss(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    map1(
        inputs,
        output,
        |x| gauss_of(x, exp_fast),
        |x| gauss_of(x, f64::exp),
    );
}

/// -2 x exp(-x²)
pub fn d_gauss(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.scale(&g.mul(n.x(), n.output)?, -2.0)
}

/// 2/sqrt(pi) exp(-x²)
pub fn d_erf(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.scale(&g.exact(Exact::Gauss, [n.x()])?, FRAC_2_SQRT_PI)
}

/// -2/sqrt(pi) exp(-x²)
pub fn d_erfc(n: &Node<'_>) -> Result<Array> {
    n.graph.neg(&d_erf(n)?)
}

/// The number whose erf is x: Inf at 1, NaN beyond.
///
/// The rational approximations of Wichura's PPND16 (Algorithm AS 241, Applied
/// Statistics 37, 1988) for the normal quantile z of p = (1 + x) / 2, restated in
/// x, where nothing cancels: erfinv(x) = z / sqrt(2).
pub fn erfinv(x: f64) -> f64 {
    let a = x.abs();
    if a <= 0.85 {
        let r = 0.180_625 - 0.25 * x * x;
        return 0.5 * x * ratio(r, &CENTRE) * std::f64::consts::FRAC_1_SQRT_2;
    }
    if a == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    // NaN for |x| > 1 and for NaN: the logarithm of a negative number.
    let r = (-(0.5 * (1.0 - a)).ln()).sqrt();
    let z = normal_quantile_tail(r);
    (z * std::f64::consts::FRAC_1_SQRT_2).copysign(x)
}

/// The normal quantile beyond which lies exp(-r²), for r from 1.6 to 27: Wichura's.
pub fn normal_quantile_tail(r: f64) -> f64 {
    if r <= 5.0 {
        ratio(r - 1.6, &MIDDLE)
    } else {
        ratio(r - 5.0, &TAIL)
    }
}

/// Numerator and denominator, lowest power first.
type Ratio = [[f64; 8]; 2];

fn ratio(r: f64, [above, below]: &Ratio) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    horner(above) / horner(below)
}

#[allow(clippy::excessive_precision)] // as published
const CENTRE: Ratio = [
    [
        3.387_132_872_796_366_608,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ],
];

#[allow(clippy::excessive_precision)] // as published
const MIDDLE: Ratio = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];

#[allow(clippy::excessive_precision)] // as published
const TAIL: Ratio = [
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1,
        2.653_218_952_657_612_309_3e-2,
        1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_9e-1,
        1.369_298_809_227_358_053_1e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

/// sqrt(pi)/2 exp(y²)
pub fn d_erfinv(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.over(1.0 / FRAC_2_SQRT_PI, &g.exact(Exact::Gauss, [n.output])?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::exact::unary;

    #[test]
    fn values_of_the_handbook() {
        let (_turn, s) = start();
        // Abramowitz & Stegun, table 7.1.
        let x = [0.5, 1.0, 2.0, 1e-300, INFINITY, NEG_INFINITY, NAN];
        let erf = [
            0.520_499_877_813_046_5,
            0.842_700_792_949_714_9,
            0.995_322_265_018_952_7,
            1.128_379_167_095_512_6e-300,
            1.0,
            -1.0,
            NAN,
        ];
        relative(&at(Exact::Erf, &x, s), &erf, 1e-15);
        let x = [0.5, 10.0, 26.0, -3.0, INFINITY];
        let erfc = [
            0.479_500_122_186_953_5,
            2.088_487_583_762_544_7e-45,
            5.663_192_408_856_143e-296,
            1.999_977_909_503_001_4,
            0.0,
        ];
        relative(&at(Exact::Erfc, &x, s), &erfc, 1e-14);
    }

    #[test]
    fn gauss_keeps_its_digits() {
        let (_turn, s) = start();
        // Two of them by 50-digit arithmetic.
        let x = [0.0, 1.0, 10.1, 26.3, 28.0, 1e200, INFINITY, NAN];
        let want = [
            1.0,
            (-1f64).exp(),
            4.984_480_496_942_965e-45,
            4.007_281_139_193_885e-301,
            0.0,
            0.0,
            0.0,
            NAN,
        ];
        relative(&at(Exact::Gauss, &x, s), &want, 1e-15);
        // exp(-(a + b)²) = exp(-a²) exp(-2ab) exp(-b²), with few bits in a and b.
        let (a, b) = (25.0f64, 0.812_5f64);
        let want = (-(a * a)).exp() * (-2.0 * a * b).exp() * (-(b * b)).exp();
        relative(&at(Exact::Gauss, &[a + b], s), &[want], 1e-15);
    }

    #[test]
    fn erfinv_undoes_erf() {
        let (_turn, s) = start();
        let x: Vec<f64> = (-55..=55).map(|i| f64::from(i) / 20.0).collect();
        let there = at(Exact::Erf, &x, s);
        // Rounding erf(x) moves x by the slope of erfinv there.
        for ((got, x), y) in at(Exact::Erfinv, &there, s).iter().zip(&x).zip(&there) {
            let slope = (x * x).exp();
            assert!(
                (got - x).abs() <= 1e-15 * (1.0 + slope * y.abs()),
                "{got} is not {x}"
            );
        }
        let x = [1.0, -1.0, 1.5, -2.0, NAN, 0.0, 1e-300, 0.5];
        let want = [
            INFINITY,
            NEG_INFINITY,
            NAN,
            NAN,
            NAN,
            0.0,
            8.862_269_254_527_58e-301,
            0.476_936_276_204_469_9,
        ];
        relative(&at(Exact::Erfinv, &x, s), &want, 1e-15);
    }

    #[test]
    fn slopes_by_closed_forms() {
        let (_turn, s) = start();
        let x = [f64s(&[-5.0, -0.3, 0.0, 2.0, 6.0])];
        let slope = |op: Exact| {
            let f = move |args: &[Array]| unary(op, &args[0], s);
            values(&gradient(&f, &x, s).unwrap()[0])
        };
        let want: Vec<f64> = values(&x[0])
            .iter()
            .map(|x| FRAC_2_SQRT_PI * (-x * x).exp())
            .collect();
        relative(&slope(Exact::Erf), &want, 1e-15);
        let negative: Vec<f64> = want.iter().map(|d| -d).collect();
        relative(&slope(Exact::Erfc), &negative, 1e-15);
        let f = |args: &[Array]| unary(Exact::Erfinv, &args[0], s);
        let ends = gradient(&f, &[f64s(&[-1.0, 0.0, 1.0])], s).unwrap();
        close(
            &values(&ends[0]),
            &[INFINITY, 1.0 / FRAC_2_SQRT_PI, INFINITY],
            1e-15,
        );
    }
}
