//! Conversion between R vectors and MLX arrays, one pass over the elements each way.
pub mod from_r;
pub mod to_r;
mod transfer;
