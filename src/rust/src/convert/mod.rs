//! Conversion between R vectors and MLX arrays, one pass over the elements each way.
pub mod from_r;
mod pass;
pub mod room;
mod tile;
pub mod to_r;
mod transfer;
