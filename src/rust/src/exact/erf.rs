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
    map1(inputs, output, |x| gauss_of(x, exp_fast), |x| gauss_of(x, f64::exp));
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
    let z = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &TAIL) };
    (z * std::f64::consts::FRAC_1_SQRT_2).copysign(x)
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
