//! MLX's matrix products of some blocks, and of matrices picked from stacks. Where MLX takes float32
//! alone, they are composed.
use crate::device;
use crate::dtype::Dtype;
use crate::entry::show;
use crate::error::{Error, Result};
use crate::exact::Graph;
use crate::ffi::*;
use crate::linalg::extents;
use crate::mlx::{self, Array};
use crate::op::product::{contract, look, native, run};
use crate::operand::Operand;
use mlx_sys::{mlx_array, mlx_stream};

/// An operand that may be missing, as mlx-c wants it.
fn or_null(x: Option<&Array>) -> mlx_array {
    x.map_or(
        mlx_array {
            ctx: std::ptr::null_mut(),
        },
        |x| x.as_ptr(),
    )
}

/// A mask or positions beside the operands; NULL is none.
unsafe fn beside(x: SEXP) -> Result<Option<Array>> {
    if x == R_NilValue {
        return Ok(None);
    }
    let operand = Operand::of(x);
    let array = operand.array(operand.device().unwrap_or_else(device::default))?;
    mlx::share(&array).map(Some)
}

/// `.Call`: a product of which blocks are left out. Operands: a, b; masks: of the result, of a, of
/// b, each may be NULL.
unsafe extern "C" fn block_masked(operands: SEXP, masks: SEXP, block: SEXP) -> SEXP {
    look(masks);
    let block = Rf_asInteger(block);
    run(operands, |x, s| {
        if x.iter().any(|x| mlx::rank(x) < 2) {
            return Err(Error::Shape(
                "mlx_block_masked_mm() multiplies matrices: `a` and `b` must have at least two axes."
                    .into(),
            ));
        }
        let (a, b) = (mlx::shape(&x[0]), mlx::shape(&x[1]));
        if a[a.len() - 1] != b[b.len() - 2] {
            return Err(Error::Shape(format!(
                "Non-conformable arrays: mlx_block_masked_mm() of {} and {}.",
                show(a),
                show(b)
            )));
        }
        let (out, left, right) = (
            beside(VECTOR_ELT(masks, 0))?,
            beside(VECTOR_ELT(masks, 1))?,
            beside(VECTOR_ELT(masks, 2))?,
        );
        if x.iter().all(|x| native(x, s)) {
            // SAFETY: valid handles or null.
            return mlx::out(|o| unsafe {
                mlx_sys::mlx_block_masked_mm(
                    o,
                    x[0].as_ptr(),
                    x[1].as_ptr(),
                    block,
                    or_null(out.as_ref()),
                    or_null(left.as_ref()),
                    or_null(right.as_ref()),
                    s,
                )
            })
            .map_err(|error| match error {
                Error::Mlx(_) => Error::Shape(format!(
                    "mlx_block_masked_mm() of {} and {}: the matrices do not conform, or a mask has not one element for each block of {block} x {block}.",
                    show(mlx::shape(&x[0])),
                    show(mlx::shape(&x[1]))
                )),
                other => other,
            });
        }
        let whole = |mask: &Array| mlx::dtype(mask) == Dtype::Bool;
        let terms = if [&out, &left, &right].into_iter().flatten().all(whole) {
            inner_extent(&x[0])
        } else {
            f64::INFINITY // what numbers in a mask make of the products, only the values tell
        };
        contract(x, terms, s, |x, s| {
            let a = masked(&x[0], left.as_ref(), block, s)?;
            let b = masked(&x[1], right.as_ref(), block, s)?;
            let product = mlx::binary(mlx_sys::mlx_matmul, &a, &b, s)?;
            masked(&product, out.as_ref(), block, s)
        })
    })
}

/// How many products an element of a matrix product sums.
fn inner_extent(x: &Array) -> f64 {
    f64::from(extents(x).1)
}

/// x with its blocks left out, or multiplied by numbers.
fn masked(x: &Array, mask: Option<&Array>, block: i32, s: mlx_stream) -> Result<Array> {
    let Some(mask) = mask else {
        return mlx::share(x);
    };
    let (m, n) = extents(x);
    let mut each = mlx::share(mask)?;
    for axis in [-2, -1] {
        // SAFETY: a valid handle.
        each = mlx::out(|o| unsafe { mlx_sys::mlx_repeat_axis(o, each.as_ptr(), block, axis, s) })?;
    }
    let (rows, columns) = extents(&each);
    if rows < m || columns < n {
        return Err(Error::Shape(format!(
            "a mask of {} has too few elements for blocks of {block} in {}.",
            show(mlx::shape(mask)),
            show(mlx::shape(x))
        )));
    }
    let g = Graph(s);
    let each = g.columns(&g.rows(&each, 0, m)?, 0, n)?;
    if mlx::dtype(mask) == Dtype::Bool {
        return mlx::select(&each, x, &g.scalar(0.0, x)?, s);
    }
    g.mul(x, &mlx::astype(&each, mlx::dtype(x), s)?)
}

/// `.Call`: products of matrices picked from two stacks; positions from 0 as uint32, or NULL.
unsafe extern "C" fn gathered(operands: SEXP, positions: SEXP, sorted: SEXP) -> SEXP {
    look(positions);
    let sorted = Rf_asLogical(sorted) == 1;
    run(operands, |x, s| {
        if x.iter().any(|x| mlx::rank(x) < 2) {
            return Err(Error::Shape(
                "mlx_gather_mm() multiplies matrices: `a` and `b` must have at least two axes."
                    .into(),
            ));
        }
        let left = beside(VECTOR_ELT(positions, 0))?;
        let right = beside(VECTOR_ELT(positions, 1))?;
        if x.iter().all(|x| native(x, s)) {
            // SAFETY: valid handles or null.
            return mlx::out(|o| unsafe {
                mlx_sys::mlx_gather_mm(
                    o,
                    x[0].as_ptr(),
                    x[1].as_ptr(),
                    or_null(left.as_ref()),
                    or_null(right.as_ref()),
                    sorted,
                    s,
                )
            });
        }
        contract(x, inner_extent(&x[0]), s, |x, s| {
            let a = picked(&x[0], left.as_ref(), s)?;
            let b = picked(&x[1], right.as_ref(), s)?;
            mlx::binary(mlx_sys::mlx_matmul, &a, &b, s)
        })
    })
}

/// The matrices of a stack at positions.
fn picked(x: &Array, at: Option<&Array>, s: mlx_stream) -> Result<Array> {
    let Some(at) = at else {
        return mlx::share(x);
    };
    let (m, n) = extents(x);
    mlx::take(&mlx::reshape(x, &[-1, m, n], s)?, at, 0, s)
}

routines![block_masked / 3, gathered / 3];
