//! MLX's function transformations over R closures.
pub mod dot;
pub mod grad;
pub mod import;
pub mod trampoline;
