//! Exact float64: functions in double precision that MLX rounds through float32 or lacks.
//!
//! MLX computes exp, sin, cos, sigmoid, erf, erfinv and what is built on them in float32, for
//! float64 arrays too, and has no gamma functions (design, section 10). Here they are kernels
//! of our own (`table` lists them), run by one MLX primitive (`native/exact.cpp`), whose
//! derivatives are built from ordinary operations and each other: jvp, vjp, vmap and compile
//! work to any order. float32 arrays are taken too, and each result is rounded once.
//!
//! All of them run on the CPU: pass a stream of the CPU device, whatever the default is.
mod bessel;
mod beta;
mod beta_law;
mod counts;
mod distribution;
mod draw;
mod erf;
mod expo;
mod extreme;
mod f_law;
mod ffi;
mod gamma;
mod gamma_law;
mod graph;
mod logit;
mod logsum;
mod normal_law;
mod polygamma;
mod round;
mod student_law;
mod table;
mod tails;
mod trig;
mod wide;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use ffi::register;
pub use graph::Graph;
pub use logsum::{log_softmax, logaddexp, logcumsumexp, logsumexp, softmax, softplus};
pub use table::{find, Exact};

use crate::error::{Error, Result};
use crate::mlx::Array;
use mlx_sys::mlx_stream;

/// A function of one argument.
pub fn unary(f: Exact, x: &Array, s: mlx_stream) -> Result<Array> {
    ffi::apply(f, 0, &[x], s)
}

/// A function of two arguments, which broadcast together.
pub fn binary(f: Exact, x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    ffi::apply(f, 0, &[x, y], s)
}

/// A function of any number of arguments, which broadcast together, of an order.
pub fn apply(f: Exact, order: i32, inputs: &[&Array], s: mlx_stream) -> Result<Array> {
    ffi::apply(f, order, inputs, s)
}

/// The polygamma function of order `n`: 0 is digamma, 1 trigamma.
pub fn polygamma(n: u32, x: &Array, s: mlx_stream) -> Result<Array> {
    // Beyond, the functions overflow or vanish; differentiation adds a few orders.
    let order = i32::try_from(n).ok().filter(|&n| n <= 1_000_000);
    let order = order.ok_or_else(|| {
        Error::Argument(format!("polygamma of order {n}: orders go up to 1000000."))
    })?;
    ffi::apply(Exact::Polygamma, order, &[x], s)
}

/// `x` to `digits` decimals (negative: to tens, hundreds, ..), as R's round.
pub fn round(x: &Array, digits: i32, s: mlx_stream) -> Result<Array> {
    ffi::apply(Exact::Round, digits, &[x], s)
}

/// `x` to `digits` significant digits, as R's signif.
pub fn signif(x: &Array, digits: i32, s: mlx_stream) -> Result<Array> {
    ffi::apply(Exact::Signif, digits, &[x], s)
}
