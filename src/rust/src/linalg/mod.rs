//! Factorizations of matrices, and what is solved with them, with their gradients.
//!
//! MLX has the factorizations themselves, on the CPU: here they are guarded against what it fails or
//! ends the process on (matrices of extent 0, NaN where LAPACK does not take it), told apart from
//! failures (singular, not positive definite), and given gradients. All take stacks of matrices.
//!
//! A row whose factorization can fail has a last output of float32, one number (or two) for each
//! matrix, which says so; the others are NaN there. The caller raises the error where it can, see
//! `op/linalg.rs`.
mod cholesky;
mod determinant;
mod exponential;
mod lu;
mod matrix;
mod orthogonal;
mod pseudo;
mod solve;
mod spectral;

#[cfg(test)]
mod tests;

pub use matrix::{batch, batched, cpu, extents};
pub use pseudo::epsilon;
pub use spectral::{finite, hermitian_of, singular_values, symmetric_values};

use crate::error::{Error, Result};
use crate::ffi::c_text;
use crate::mlx::{self, Array};
use crate::rule::{self, Node, Row};
use mlx_sys::mlx_stream;

/// Declares the rows and, in the same order, the numbers they go by.
macro_rules! table {
    ($($(#[$doc:meta])* $op:ident($name:literal, $forward:expr, $backward:expr $(,)?),)*) => {
        /// An operation on matrices.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Linalg { $($(#[$doc])* $op,)* }

        /// Row `op as usize` is that of `op`.
        pub static TABLE: &[Row] = &[$(Row {
            name: $name,
            title: c_text(concat!("Rule", stringify!($op), "\0")),
            forward: $forward,
            backward: $backward,
        },)*];
    };
}

table! {
    /// A, B -> X with A X = B; code and rcond of A.
    Solve("solve()", solve::solve, solve::d_solve),
    /// A -> its inverse; code and rcond.
    Inverse("the inverse", solve::inverse, solve::d_inverse),
    /// Triangular T (flags: 1 upper, 0 lower), B -> X with T X = B; code.
    Triangular("a triangular solve", solve::triangular, solve::d_triangular),
    /// Symmetric A -> lower L with L L' = A; code.
    Cholesky("chol()", cholesky::cholesky, cholesky::d_cholesky),
    /// A -> sign and log of the absolute value of its determinant.
    LogDet("determinant()", determinant::log_det, determinant::d_log_det),
    /// A -> its determinant.
    Det("det()", determinant::det, determinant::d_det),
    /// A -> the matrix of its cofactors, the derivative of `Det`.
    Cofactors("the second derivative of det()", determinant::cofactors, determinant::d_cofactors),
    /// A, G -> how the cofactors move along G.
    CofactorSlope("the third derivative of det()", determinant::cofactor_slope, determinant::d_cofactor_slope),
    /// A -> Q, R of as many columns and rows as the smaller extent.
    Qr("qr()", orthogonal::qr, orthogonal::d_qr),
    /// Q with orthonormal columns -> the columns that make it square.
    Complement("the columns that complete an orthonormal basis", orthogonal::complement, orthogonal::d_complement),
    /// A -> U, d, V' of as many columns, values and rows as the smaller extent.
    Svd("svd()", spectral::svd, spectral::d_svd),
    /// Symmetric A -> ascending eigenvalues, eigenvectors.
    Eigh("eigen()", spectral::eigh, spectral::d_eigh),
    /// A -> eigenvalues and eigenvectors, complex64.
    Eig("eigen() of a matrix that is not symmetric", spectral::eig, spectral::d_eig),
    /// A -> positions p, L, U with A[i, ] = (L U)[p[i], ].
    Lu("mlx_lu()", lu::lu, lu::d_lu),
    /// A -> its exponential.
    Expm("mlx_expm()", exponential::expm, exponential::d_expm),
    /// A -> its Moore-Penrose inverse.
    Pinv("pinv()", pseudo::pinv, pseudo::d_pinv),
}

impl Linalg {
    /// The row's outputs. The inputs have equal batch axes.
    pub fn apply(self, flags: i32, inputs: &[&Array], s: mlx_stream) -> Result<Vec<Array>> {
        rule::apply(self as usize, flags, inputs, s)
    }

    /// The row's first output.
    pub fn first(self, flags: i32, inputs: &[&Array], s: mlx_stream) -> Result<Array> {
        mlx::share(&self.apply(flags, inputs, s)?[0])
    }
}

/// Rows with real gradients only.
fn real_only(node: &Node<'_>) -> Result<()> {
    match mlx::dtype(&node.inputs[0]) {
        crate::dtype::Dtype::Complex64 => Err(Error::Gradient(format!(
            "rmlx knows the gradient of {} for real matrices only. Where its value is wanted without one, use mlx_stop_gradient(x).",
            node.name
        ))),
        _ => Ok(()),
    }
}

/// Calls one of MLX's factorizations, which fill a list.
fn factors(
    call: impl FnOnce(*mut mlx_sys::mlx_vector_array) -> std::ffi::c_int,
) -> Result<Vec<Array>> {
    let mut out = mlx::Arrays::new();
    crate::error::check(call(&mut out.0))?;
    (0..out.count()).map(|i| out.get(i)).collect()
}

extern "C" {
    fn rmlx_mappable(res: *mut mlx_sys::mlx_vector_array, x: mlx_sys::mlx_array)
        -> std::ffi::c_int;
}

/// All outputs of the factorization that x is one of, so that vmap can map it.
fn mappable(x: &Array) -> Result<Vec<Array>> {
    // SAFETY: a valid handle.
    factors(|o| unsafe { rmlx_mappable(o, x.as_ptr()) })
}

/// Calls one of MLX's factorizations, which make a pair.
fn two(
    call: impl FnOnce(*mut mlx_sys::mlx_array, *mut mlx_sys::mlx_array) -> std::ffi::c_int,
) -> Result<(Array, Array)> {
    let null = || mlx_sys::mlx_array {
        ctx: std::ptr::null_mut(),
    };
    let (mut a, mut b) = (null(), null());
    crate::error::check(call(&mut a, &mut b))?;
    Ok((mlx::own(a)?, mlx::own(b)?))
}
