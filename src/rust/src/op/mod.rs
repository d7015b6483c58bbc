//! MLX's operations as R sees them. Each family has a table with one line per operation.
pub mod assign;
pub mod binary;
pub mod bind;
pub mod blocks;
pub mod create;
pub mod index;
pub mod linalg;
pub mod matmul;
pub mod product;
pub mod reduce;
pub mod rounding;
pub mod scan;
pub mod shape;
pub mod unary;
