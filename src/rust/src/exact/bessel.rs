//! Bessel functions J and I of whole orders; differentiation goes up and down the orders.
use super::ffi::apply;
use super::table::{Exact, Node};
use super::wide::loop1;
use crate::error::Result;
use crate::mlx::{self, Array};
use std::f64::consts::{E, PI};

/// Whether a function of a high order is below the smallest double: (|x| / 2)^n / n!, by Stirling's
/// formula, times exp(`grows`), bounds it. Recurrences would take as many steps as the order says.
fn vanishes(order: i32, x: f64, grows: f64) -> bool {
    let n = f64::from(order);
    order > 100 && n * (E * x.abs() / (2.0 * n)).ln() + grows < -760.0
}

/// J of an order.
pub fn j(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop1(inputs[0], output, |x| match order {
        0 => libm::j0(x),
        1 => libm::j1(x),
        n if vanishes(n, x, 0.0) => 0.0,
        n => libm::jn(n, x),
    });
}

/// I of an order.
pub fn i(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop1(inputs[0], output, |x| {
        if x.is_infinite() {
            if order % 2 == 0 {
                f64::INFINITY
            } else {
                x
            }
        } else if vanishes(order, x, x.abs()) {
            0.0
        } else if x.abs() <= SERIES_TO {
            series(order, x)
        } else {
            // In two steps: exp(x) overflows a little before the function does.
            let half = (0.5 * x.abs()).exp();
            half * scaled_of(order, x) * half
        }
    });
}

/// exp(-|x|) I of an order.
pub fn scaled(order: i32, inputs: &[&[f64]], output: &mut [f64]) {
    loop1(inputs[0], output, |x| scaled_of(order, x));
}

/// Up to here the power series is summed.
const SERIES_TO: f64 = 30.0;

/// The power series, Abramowitz & Stegun 9.6.10: all terms have one sign.
fn series(order: i32, x: f64) -> f64 {
    let half = 0.5 * x;
    let first = (1..=order).fold(1.0, |p, k| p * (half / f64::from(k)));
    let (square, n) = (half * half, f64::from(order));
    let (mut term, mut sum, mut k) = (first, first, 1.0);
    while term.abs() > 1e-17 * f64::abs(sum) {
        term *= square / (k * (k + n));
        sum += term;
        k += 1.0;
    }
    sum
}

fn scaled_of(order: i32, x: f64) -> f64 {
    let (size, n) = (x.abs(), f64::from(order));
    let odd = order % 2 == 1 && x < 0.0;
    if size.is_infinite() {
        return if odd { -0.0 } else { 0.0 };
    }
    if vanishes(order, x, 0.0) {
        return 0.0;
    }
    if size <= f64::max(SERIES_TO, n * n).min(700.0) {
        return series(order, x) * (-size).exp();
    }
    // Hankel's expansion, 9.7.1.
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        let odd = f64::from(2 * k - 1);
        let next = -term * (4.0 * n * n - odd * odd) / (f64::from(8 * k) * size);
        if next.abs() >= f64::abs(term) && odd > 2.0 * n || next.abs() < 1e-17 * f64::abs(sum) {
            break;
        }
        term = next;
        sum += term;
    }
    let value = sum / (2.0 * PI * size).sqrt();
    if odd {
        -value
    } else {
        value
    }
}

/// The functions of the orders beside one; for -1 that of 1.
fn beside(n: &Node<'_>, op: Exact) -> Result<(Array, Array)> {
    let at = |order: i32| apply(op, order, &[n.x()], n.graph.0);
    Ok((at((n.order - 1).abs())?, at(n.order + 1)?))
}

/// (J(n - 1) - J(n + 1)) / 2
pub fn d_j(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let (below, above) = beside(n, Exact::BesselJ)?;
    if n.order == 0 {
        return g.neg(&above);
    }
    g.scale(&g.sub(&below, &above)?, 0.5)
}

/// (I(n - 1) + I(n + 1)) / 2
pub fn d_i(n: &Node<'_>) -> Result<Array> {
    let (below, above) = beside(n, Exact::BesselI)?;
    n.graph.scale(&n.graph.add(&below, &above)?, 0.5)
}

/// That of I, scaled, less the sign times the function.
pub fn d_scaled(n: &Node<'_>) -> Result<Array> {
    let g = n.graph;
    let (below, above) = beside(n, Exact::BesselIScaled)?;
    let slope = g.scale(&g.add(&below, &above)?, 0.5)?;
    let sign = mlx::unary(mlx_sys::mlx_sign, n.x(), g.0)?;
    g.sub(&slope, &g.mul(&sign, n.output)?)
}
