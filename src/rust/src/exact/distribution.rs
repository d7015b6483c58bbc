//! What the rows of all distributions share: their orders, their derivatives, their edges.
//!
//! A row of tails or quantiles has an order: 1 for the upper tail, 2 for logarithms of
//! probabilities, and from 4 on which derivative in the shapes.
use super::ffi::apply;
use super::graph::Graph;
use super::table::{Exact, Node};
use super::tails::{self, Law, Part};
use crate::error::{Error, Result};
use crate::mlx::{self, Array};
use std::f64::consts::LN_2;

/// The orders of the derivatives: none, 1, 2, 11, 12, 22.
const PARTS: [Part; 6] = [
    Part::Mass,
    Part::First(0),
    Part::First(1),
    Part::Second(0),
    Part::Second(1),
    Part::Second(2),
];

/// What the order of a row asks for.
#[derive(Clone, Copy)]
pub struct Form {
    /// The upper tail.
    pub upper: bool,
    /// Probabilities as logarithms.
    pub log: bool,
    /// The tail itself or a derivative.
    pub part: Part,
}

impl Form {
    /// Of an order.
    pub fn of(order: i32) -> Form {
        Form {
            upper: order & 1 != 0,
            log: order & 2 != 0,
            part: PARTS[(order >> 2) as usize % PARTS.len()],
        }
    }

    fn order(self) -> i32 {
        let part = PARTS.iter().position(|&p| p == self.part).unwrap_or(0) as i32;
        i32::from(self.upper) + 2 * i32::from(self.log) + 4 * part
    }

    /// A probability 0 or 1 of the lower tail, in this form; its derivatives are 0.
    pub fn certain(self, lower: bool) -> f64 {
        match (self.part, lower != self.upper, self.log) {
            (Part::Mass, true, false) => 1.0,
            (Part::Mass, false, true) => f64::NEG_INFINITY,
            _ => 0.0,
        }
    }
}

/// The logarithms of the lower and the upper tail that a probability means; none for what is no
/// probability.
pub fn log_tails(p: f64, form: Form) -> Option<(f64, f64)> {
    let (this, other) = if form.log {
        (p, log1mexp(-p))
    } else {
        (p.ln(), (-p).ln_1p())
    };
    let valid = if form.log {
        p <= 0.0
    } else {
        (0.0..=1.0).contains(&p)
    };
    valid.then_some(if form.upper {
        (other, this)
    } else {
        (this, other)
    })
}

/// log(1 - exp(-x)), by Maechler's choice of two formulas.
pub fn log1mexp(x: f64) -> f64 {
    if x <= LN_2 {
        (-(-x).exp_m1()).ln()
    } else {
        (-(-x).exp()).ln_1p()
    }
}

/// How the place v of a tail moves with the shapes, where it does: its first derivatives, its
/// second (11, 12, 22), and by what the shapes of the law move with those of the row.
pub struct Drift {
    /// First derivatives.
    pub first: [f64; 2],
    /// Second derivatives.
    pub second: [f64; 3],
    /// Each shape of the law is this times that of the row.
    pub scale: f64,
}

/// v stays where it is.
pub const FIXED: Drift = Drift {
    first: [0.0; 2],
    second: [0.0; 3],
    scale: 1.0,
};

/// The tail at v, or a derivative, in a form.
pub fn tail<L: Law>(law: &L, v: f64, form: Form, drift: &Drift) -> f64 {
    if v.is_nan() {
        return f64::NAN;
    }
    if v.is_infinite() {
        return form.certain(v > 0.0);
    }
    let sign = if form.upper { -1.0 } else { 1.0 };
    // Over the probability, so that logarithms survive where both underflow.
    let scale = if form.log {
        tails::log_tail(law, v, form.upper)
    } else {
        0.0
    };
    let density = (law.log_norm() + law.g(v) - scale).exp();
    let first = |i: usize| {
        let part = tails::derivative(law, v, Part::First(i));
        drift.scale * sign * (part.m * (part.e - scale).exp() + density * drift.first[i])
    };
    match form.part {
        Part::Mass => tails::tail(law, v, form.upper, form.log),
        Part::First(i) => first(i),
        Part::Second(k) => {
            let (i, j) = [(0, 0), (0, 1), (1, 1)][k];
            let part = tails::derivative(law, v, form.part);
            let (s, c) = (law.scores(v), drift.first);
            let moved = s[i] * c[j] + s[j] * c[i] + law.slope(v) * c[i] * c[j] + drift.second[k];
            let whole = part.m * (part.e - scale).exp() + density * moved;
            let whole = drift.scale * drift.scale * sign * whole;
            if form.log {
                whole - first(i) * first(j)
            } else {
                whole
            }
        }
    }
}

/// The derivative of a log density in a shape, from the inputs of its row: x and the shapes.
pub type Score = fn(Graph, &[Array], usize) -> Result<Array>;

/// exp(x), minus it if `minus`.
fn signed_exp(g: Graph, x: &Array, minus: bool) -> Result<Array> {
    let e = g.exact(Exact::Exp, [x])?;
    if minus {
        g.neg(&e)
    } else {
        Ok(e)
    }
}

/// Any row at inputs.
fn row(n: &Node<'_>, op: Exact, order: i32, inputs: &[Array]) -> Result<Array> {
    apply(op, order, &inputs.iter().collect::<Vec<_>>(), n.graph.0)
}

/// The derivative of a row of tails: by the density in x, by a row of its own in the shapes.
pub fn d_tail(n: &Node<'_>, this: Exact, density: Exact, score: Score) -> Result<Array> {
    let (g, form) = (n.graph, Form::of(n.order));
    let part = match (form.part, n.argnum) {
        (Part::Second(_), _) => {
            return Err(Error::Gradient(
                "third derivatives of a distribution function in its shapes are not available."
                    .into(),
            ))
        }
        (Part::Mass, 0) => {
            let log = row(n, density, 0, n.inputs)?;
            let log = if form.log {
                g.sub(&log, n.output)?
            } else {
                log
            };
            return signed_exp(g, &log, form.upper);
        }
        (Part::First(k), 0) => {
            let (log, score) = (row(n, density, 0, n.inputs)?, score(g, n.inputs, k)?);
            if !form.log {
                return g.mul(&signed_exp(g, &log, form.upper)?, &score);
            }
            let mass = Form {
                part: Part::Mass,
                ..form
            };
            let log = g.sub(&log, &row(n, this, mass.order(), n.inputs)?)?;
            let score = g.sub(&score, n.output)?;
            return g.mul(&signed_exp(g, &log, form.upper)?, &score);
        }
        (Part::Mass, k) => Part::First(k - 1),
        (Part::First(i), k) => Part::Second(i + k - 1),
    };
    row(n, this, Form { part, ..form }.order(), n.inputs)
}

/// The derivative of a row of quantiles, by the implicit rule.
pub fn d_quantile(n: &Node<'_>, tail: Exact, density: Exact) -> Result<Array> {
    let (g, form) = (n.graph, Form::of(n.order));
    let mut at = vec![mlx::share(n.output)?];
    for shape in &n.inputs[1..] {
        at.push(mlx::share(shape)?);
    }
    let density = row(n, density, 0, &at)?;
    if n.argnum == 0 {
        let log = if form.log {
            g.sub(n.x(), &density)?
        } else {
            g.neg(&density)?
        };
        return signed_exp(g, &log, form.upper);
    }
    let log = Form { log: true, ..form };
    let part = Part::First(n.argnum - 1);
    let mass = row(n, tail, log.order(), &at)?;
    let slope = row(n, tail, Form { part, ..log }.order(), &at)?;
    g.mul(
        &signed_exp(g, &g.sub(&mass, &density)?, !form.upper)?,
        &slope,
    )
}

/// m ((m + d) / m - 1 - log((m + d) / m)): the deviance of x = m + d, where d has its digits.
pub fn deviance(m: f64, x: f64, d: f64) -> f64 {
    if d.abs() <= 0.5 * m {
        m * tails::lambda(d / m)
    } else {
        d - m * (x.ln() - m.ln())
    }
}
