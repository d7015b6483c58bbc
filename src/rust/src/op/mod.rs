//! MLX's operations as R sees them. Each family has a table with one line per operation.
pub mod assign;
pub mod attention;
pub mod binary;
pub mod bind;
pub mod blocks;
pub mod categorical;
pub mod conv;
pub mod create;
pub mod fast;
pub mod fft;
pub mod index;
pub mod layout;
pub mod linalg;
pub mod matmul;
<<<<<<< HEAD
pub mod product;
=======
pub mod packing;
>>>>>>> 94324a5d48ff6312a07da60401a2bc73d39f2eec
pub mod quantize;
pub mod random;
pub mod reduce;
pub mod rounding;
pub mod scan;
pub mod scatter;
pub mod shape;
pub mod sort;
pub mod special;
pub mod unary;
