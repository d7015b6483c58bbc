//! MLX's operations as R sees them. Each family has a table with one line per operation.
pub mod assign;
pub mod binary;
pub mod bind;
pub mod categorical;
pub mod create;
pub mod index;
pub mod matmul;
pub mod random;
pub mod reduce;
pub mod rounding;
pub mod scan;
pub mod shape;
pub mod special;
pub mod unary;
