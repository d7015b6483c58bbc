//! Logarithms of odds and of complements.
use super::distribution;
use super::table::{Exact, Node};
use super::wide::loop1;
use crate::error::Result;
use crate::mlx::Array;

/// log(p / (1 - p)): NaN outside [0, 1].
pub fn logit(p: f64) -> f64 {
    if (0.25..=0.75).contains(&p) {
        2.0 * (2.0 * p - 1.0).atanh()
    } else {
        p.ln() - (-p).ln_1p()
    }
}

/// 1 / (p (1 - p))
pub fn d_logit(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let one = g.scalar(1.0, n.x())?;
    g.div(&one, &g.mul(n.x(), &g.sub(&one, n.x())?)?)
}

/// log(1 - exp(-x)): NaN for negative x.
pub fn log1mexp(_: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop1(inputs[0], output, distribution::log1mexp);
}

/// 1 / (exp(x) - 1)
pub fn d_log1mexp(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    g.over(1.0, &g.exact(Exact::Expm1, [n.x()])?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn logit_keeps_its_digits_at_both_ends_and_in_the_middle() {
        let (_turn, s) = start();
        let p = [0.5, 0.5 + 1e-10, 1e-300, 1.0 - 1e-15, 0.0, 1.0, -0.1, NAN];
        let got = at(Exact::Logit, &p, s);
        let near = 4.0 * (p[1] - 0.5);
        relative(
            &got,
            &[
                0.0,
                near,
                -690.775_527_898_213_7,
                (p[3] / (1.0 - p[3])).ln(),
                NEG_INFINITY,
                INFINITY,
                NAN,
                NAN,
            ],
            1e-15,
        );
    }

    #[test]
    fn log1mexp_is_right_for_small_and_large() {
        let (_turn, s) = start();
        let got = at(Exact::Log1mExp, &[1e-20, 50.0, 0.0, INFINITY, -1.0], s);
        relative(
            &got,
            &[-20.0 * 10f64.ln(), -(-50f64).exp(), NEG_INFINITY, 0.0, NAN],
            1e-15,
        );
    }
}
