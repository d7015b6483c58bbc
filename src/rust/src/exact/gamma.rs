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
