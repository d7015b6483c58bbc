//! MLX's operations as R sees them. Each family has a table with one line per operation.
pub mod assign;
pub mod attention;
pub mod binary;
pub mod bind;
pub mod conv;
pub mod create;
pub mod fast;
pub mod fft;
pub mod index;
pub mod matmul;
pub mod packing;
pub mod quantize;
pub mod reduce;
pub mod rounding;
pub mod scan;
pub mod shape;
pub mod unary;
