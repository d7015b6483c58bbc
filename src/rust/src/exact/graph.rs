//! Ordinary operations on one stream, as derivatives and composed functions use them.
use super::ffi::apply;
use super::table::Exact;
use crate::error::Result;
use crate::mlx::{self, Array};
use mlx_sys::mlx_stream;

/// Builds operations on one stream.
#[derive(Clone, Copy)]
pub struct Graph(pub mlx_stream);

impl Graph {
    /// One of our own functions.
    pub fn exact<const N: usize>(self, op: Exact, inputs: [&Array; N]) -> Result<Array> {
        apply(op, 0, &inputs, self.0)
    }

    /// The number `value` in the dtype of `like`: another dtype would promote the
    /// result, or round it through float32.
    pub fn scalar(self, value: f64, like: &Array) -> Result<Array> {
        mlx::scalar(value, mlx::dtype(like), self.0)
    }

    /// `x` times a number.
    pub fn scale(self, x: &Array, by: f64) -> Result<Array> {
        self.mul(x, &self.scalar(by, x)?)
    }

    /// A number divided by `x`.
    pub fn over(self, number: f64, x: &Array) -> Result<Array> {
        self.div(&self.scalar(number, x)?, x)
    }

    /// `x y`
    pub fn mul(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_multiply, x, y, self.0)
    }

    /// `x / y`
    pub fn div(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_divide, x, y, self.0)
    }

    /// `x + y`
    pub fn add(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_add, x, y, self.0)
    }

    /// `x - y`
    pub fn sub(self, x: &Array, y: &Array) -> Result<Array> {
        mlx::binary(mlx_sys::mlx_subtract, x, y, self.0)
    }

    /// `-x`
    pub fn neg(self, x: &Array) -> Result<Array> {
        mlx::unary(mlx_sys::mlx_negative, x, self.0)
    }

    /// `scale (1 + x²)`
    pub fn one_plus_square(self, x: &Array, scale: f64) -> Result<Array> {
        let square = mlx::unary(mlx_sys::mlx_square, x, self.0)?;
        self.scale(&self.add(&square, &self.scalar(1.0, x)?)?, scale)
    }

    /// Ones of the shape and dtype of `x`.
    pub fn ones_like(self, x: &Array) -> Result<Array> {
        mlx::unary(mlx_sys::mlx_ones_like, x, self.0)
    }

    /// Zeros of the shape and dtype of `x`.
    pub fn zeros_like(self, x: &Array) -> Result<Array> {
        mlx::unary(mlx_sys::mlx_zeros_like, x, self.0)
    }
}
