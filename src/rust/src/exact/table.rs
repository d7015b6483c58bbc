//! The table of functions: one row each, with its kernel and its derivative.
use super::graph::Graph;
use super::wide::{loop1, loop2, loop3};
use super::{
    bessel, beta, beta_law, counts, draw, erf, expo, extreme, f_law, gamma, gamma_law, logit,
    normal_law, polygamma, round, student_law, trig,
};
use crate::error::Result;
use crate::ffi::c_text;
use crate::mlx::{self, Array};
use std::f64::consts::{LN_10, LN_2, PI};
use std::ffi::CStr;

/// Computes a block: order, inputs, output; all slices have one length. Kernels
/// run on MLX's threads, where R may not be called.
pub type Kernel<T> = fn(i32, &[&[T]], &mut [T]);

/// Builds the derivative with respect to `node.inputs[node.argnum]`.
pub type Derivative = fn(&Node<'_>) -> Result<Array>;

/// An application of a row, as its derivative sees it.
pub struct Node<'a> {
    /// The order that the row was applied with.
    pub order: i32,
    /// Which input.
    pub argnum: usize,
    /// All have the output's shape and dtype.
    pub inputs: &'a [Array],
    /// The row's result on them.
    pub output: &'a Array,
    /// Where to build.
    pub graph: Graph,
}

impl Node<'_> {
    /// The first input.
    pub fn x(&self) -> &Array {
        &self.inputs[0]
    }

    /// The second input.
    pub fn y(&self) -> &Array {
        &self.inputs[1]
    }
}

/// One function.
pub struct Row {
    /// What MLX calls it in printed graphs.
    pub name: &'static CStr,
    /// Number of inputs.
    pub arity: u32,
    /// Its values.
    pub kernel: Kernel<f64>,
    /// Its values in single precision, if those need not be computed in double.
    pub single: Option<Kernel<f32>>,
    /// Its slope.
    pub derivative: Derivative,
}

/// The kernel that applies a function of one number elementwise.
macro_rules! each {
    ($f:expr) => {
        |_, inputs, output| loop1(inputs[0], output, $f)
    };
}

/// The kernel that applies a function of two numbers elementwise.
macro_rules! each2 {
    ($f:expr) => {
        |_, inputs, output| loop2(inputs[0], inputs[1], output, $f)
    };
}

/// The kernel that applies a function of three numbers elementwise.
macro_rules! each3 {
    ($f:expr) => {
        |_, inputs, output| loop3(inputs, output, $f)
    };
}

/// The kernel in single precision, if one is given.
macro_rules! single {
    () => {
        None
    };
    ($kernel:expr) => {
        Some($kernel)
    };
}

/// Declares the rows and, in the same order, the numbers they go by.
macro_rules! table {
    ($($(#[$doc:meta])* $op:ident($arity:literal, $kernel:expr, $derivative:expr $(; $single:expr)? $(,)?),)*) => {
        /// A function that a kernel of ours computes in double precision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Exact { $($(#[$doc])* $op,)* }

        /// The function of a name.
        pub fn find(name: &str) -> Option<Exact> {
            match name {
                $(stringify!($op) => Some(Exact::$op),)*
                _ => None,
            }
        }

        /// Row `op as usize` is that of `op`.
        pub static TABLE: &[Row] = &[$(Row {
            name: c_text(concat!("Exact", stringify!($op), "\0")),
            arity: $arity,
            kernel: $kernel,
            single: single!($($single)?),
            derivative: $derivative,
        },)*];
    };
}

table! {
    /// exp(x)
    Exp(1, expo::exp, |n| mlx::share(n.output)),
    /// 2^x
    Exp2(1, each!(f64::exp2), |n| n.graph.scale(n.output, LN_2)),
    /// 10^x
    Exp10(1, each!(expo::exp10), |n| n.graph.scale(n.output, LN_10)),
    /// exp(x) - 1. MLX's value is exact in float64, its derivative is not.
    Expm1(1, each!(f64::exp_m1), |n| n.graph.exact(Exact::Exp, [n.x()])),
    /// log2(x). MLX's value is exact in float64, its derivative is not.
    Log2(1, each!(f64::log2), |n| n.graph.over(1.0 / LN_2, n.x())),
    /// log10(x). MLX's value is exact in float64, its derivative is not.
    Log10(1, each!(f64::log10), |n| n.graph.over(1.0 / LN_10, n.x())),
    /// sin(x)
    Sin(1, trig::sin, |n| n.graph.exact(Exact::Cos, [n.x()])),
    /// cos(x)
    Cos(1, trig::cos, trig::d_cos),
    /// tan(x). MLX's value is exact in float64, its derivative is not.
    Tan(1, each!(f64::tan), |n| n.graph.one_plus_square(n.output, 1.0)),
    /// sin(pi x)
    Sinpi(1, each!(trig::sinpi), trig::d_sinpi),
    /// cos(pi x)
    Cospi(1, each!(trig::cospi), trig::d_cospi),
    /// tan(pi x)
    Tanpi(1, each!(trig::tanpi), |n| n.graph.one_plus_square(n.output, PI)),
    /// 1 / (1 + exp(-x))
    Sigmoid(1, expo::sigmoid, expo::d_sigmoid),
    /// log(1 / (1 + exp(-x)))
    LogSigmoid(1, expo::log_sigmoid, expo::d_log_sigmoid),
    /// log(1 + exp(x))
    Softplus(1, expo::softplus, |n| n.graph.exact(Exact::Sigmoid, [n.x()])),
    /// log(exp(x) + exp(y))
    LogAddExp(2, expo::log_add_exp, expo::d_log_add_exp),
    /// exp(x) / (exp(x) + exp(y))
    LogisticDifference(2, expo::logistic_difference, expo::d_logistic_difference),
    /// exp(x - y)
    ExpDifference(2, expo::exp_difference, expo::d_exp_difference),
    /// exp(-x²)
    Gauss(1, erf::gauss, erf::d_gauss),
    /// The error function.
    Erf(1, each!(libm::erf), erf::d_erf),
    /// 1 - erf(x), exact where that is small.
    Erfc(1, each!(libm::erfc), erf::d_erfc),
    /// The number whose error function is x.
    Erfinv(1, each!(erf::erfinv), erf::d_erfinv),
    /// The gamma function.
    Gamma(1, each!(gamma::gamma), gamma::d_gamma),
    /// log |gamma(x)|
    Lgamma(1, each!(gamma::lgamma), |n| n.graph.exact(Exact::Digamma, [n.x()])),
    /// The derivative of `Lgamma`.
    Digamma(1, each!(polygamma::digamma), polygamma::d_polygamma),
    /// The derivative of `Digamma` of the order applied with; of order 0, `Digamma`.
    Polygamma(1, polygamma::polygamma, polygamma::d_polygamma),
    /// The polygamma function at x less that at x + y.
    PolygammaDifference(2, polygamma::difference, polygamma::d_difference),
    /// The beta function of x and y.
    Beta(2, each2!(beta::beta), beta::d_beta),
    /// log(Beta)
    Lbeta(2, each2!(beta::lbeta), beta::d_lbeta),
    /// The binomial coefficient x over y, or its derivative in x.
    Choose(2, beta::choose, beta::d_choose),
    /// log |Choose|, or its derivative in x.
    Lchoose(2, beta::lchoose, beta::d_lchoose),
    /// x to as many decimals as the order applied with.
    Round(1, round::round, round::d_step),
    /// x to as many significant digits as the order applied with.
    Signif(1, round::signif, round::d_step),
    /// log(x / (1 - x))
    Logit(1, each!(logit::logit), logit::d_logit),
    /// log(1 - exp(-x))
    Log1mExp(1, logit::log1mexp, logit::d_log1mexp),
    /// The Bessel function J of the order applied with.
    BesselJ(1, bessel::j, bessel::d_j),
    /// The modified Bessel function I of the order applied with.
    BesselI(1, bessel::i, bessel::d_i),
    /// exp(-|x|) times `BesselI`.
    BesselIScaled(1, bessel::scaled, bessel::d_scaled),
    /// Tails of the normal distribution at x; for orders see `distribution`.
    NormalTail(1, normal_law::tails, normal_law::d_tails),
    /// Quantiles of the normal distribution.
    NormalQuantile(1, normal_law::quantiles, normal_law::d_quantiles),
    /// What max(x, y) passes on of a derivative d to x.
    Share(3, each3!(extreme::share), extreme::d_share; each3!(extreme::share)),
    /// The log density of the gamma distribution at x, of a shape.
    GammaDensity(2, each2!(gamma_law::log_density), gamma_law::d_density),
    /// Tails of the gamma distribution.
    GammaTail(2, gamma_law::tails, gamma_law::d_tails),
    /// Quantiles of the gamma distribution.
    GammaQuantile(2, gamma_law::quantiles, gamma_law::d_quantiles),
    /// The log density of the beta distribution at x, of two shapes.
    BetaDensity(3, each3!(beta_law::log_density), beta_law::d_density),
    /// Tails of the beta distribution.
    BetaTail(3, beta_law::tails, beta_law::d_tails),
    /// Quantiles of the beta distribution.
    BetaQuantile(3, beta_law::quantiles, beta_law::d_quantiles),
    /// The log density of F at x, of two degrees of freedom.
    FDensity(3, each3!(f_law::log_density), f_law::d_density),
    /// Tails of F.
    FTail(3, f_law::tails, f_law::d_tails),
    /// Quantiles of F.
    FQuantile(3, f_law::quantiles, f_law::d_quantiles),
    /// The log density of t at x, of degrees of freedom.
    StudentDensity(2, each2!(student_law::log_density), student_law::d_density),
    /// Tails of t.
    StudentTail(2, student_law::tails, student_law::d_tails),
    /// Quantiles of t.
    StudentQuantile(2, student_law::quantiles, student_law::d_quantiles),
    /// The log of the binomial probability of a count, of a size and a probability.
    BinomialDensity(3, each3!(counts::binomial_log), counts::d_binomial),
    /// Quantiles of the binomial distribution.
    BinomialQuantile(3, counts::binomial_quantiles, counts::no_slope),
    /// The log of the Poisson probability of a count, of a mean.
    PoissonDensity(2, each2!(counts::poisson_log), counts::d_poisson),
    /// Quantiles of the Poisson distribution.
    PoissonQuantile(2, counts::poisson_quantiles, counts::no_slope),
    /// The log of the negative binomial probability of a count, of a size and a mean.
    NegativeBinomialDensity(3, each3!(counts::negative_binomial_log), counts::d_negative_binomial),
    /// Quantiles of the negative binomial distribution.
    NegativeBinomialQuantile(3, counts::negative_binomial_quantiles, counts::no_slope),
    /// The logarithm of a gamma draw, of a seed and a shape.
    GammaDraw(2, draw::gamma, draw::d_gamma),
    /// How it moves with the shape.
    GammaDrawSlope(2, draw::gamma_slope, draw::d_gamma_slope),
    /// A Poisson draw, of a seed and a mean.
    PoissonDraw(2, draw::poisson, counts::no_slope),
    /// A binomial draw, of a seed, a size and a probability.
    BinomialDraw(3, draw::binomial, counts::no_slope),
}
