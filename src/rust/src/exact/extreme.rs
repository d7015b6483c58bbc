//! How a derivative is shared between two values of which the larger one was taken.
use super::table::{Exact, Node};
use crate::error::Result;
use crate::mlx::Array;
use std::ops::{Add, Mul};

/// d if x is above y, half of it if they are equal, else nothing of it.
pub fn share<T>(d: T, x: T, y: T) -> T
where
    T: Copy + PartialOrd + From<f32> + Add<Output = T> + Mul<Output = T>,
{
    let half = |yes: bool| T::from(if yes { 0.5 } else { 0.0 });
    d * (half(x > y) + half(x >= y))
}

/// It is linear in d, and constant in x and y.
pub fn d_share(n: &Node<'_>) -> Result<Array> {
    if n.argnum > 0 {
        return n.graph.zeros_like(n.output);
    }
    let one = n.graph.ones_like(n.output)?;
    n.graph
        .exact(Exact::Share, [&one, &n.inputs[1], &n.inputs[2]])
}
