//! MLX's function transformations over R closures.
pub mod grad;
pub mod import;
pub mod trampoline;
