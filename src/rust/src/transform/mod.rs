//! MLX's function transformations over R closures.
pub mod callee;
pub mod compile;
pub mod custom;
pub mod depends;
pub mod dot;
pub mod export;
pub mod fit;
pub mod forward;
pub mod grad;
pub mod graph;
pub mod import;
pub mod linear;
pub mod map;
pub mod program;
pub mod results;
pub mod subkeys;
pub mod trampoline;
