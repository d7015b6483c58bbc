//! Contractions and products beside %*%: einsum, tensordot, inner products, Kronecker, cross,
//! Hadamard, and diagonals.
use crate::convert::from_r::float64_on_gpu;
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::{self, axis_of, show};
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array, Arrays};
use crate::op::binary::explain;
use crate::op::linalg::common_float;
use crate::op::whole::whole_numbers;
use crate::operand::Operand;
use mlx_sys::mlx_stream;
use std::ffi::{c_char, c_int, CStr, CString};

/// The operands side by side, and their device.
struct Sides {
    x: Vec<Array>,
    device: Device,
}

/// Looks at operands, some of which may be NULL: this may jump.
///
/// # Safety
/// `operands` is a protected list; the caller owns nothing.
pub unsafe fn look(operands: SEXP) {
    for i in 0..XLENGTH(operands) {
        if VECTOR_ELT(operands, i) != R_NilValue {
            Operand::of(VECTOR_ELT(operands, i));
        }
    }
}

/// The operands that are there as arrays; R vectors take the dtype of an array beside them.
unsafe fn sides(operands: SEXP) -> Result<Sides> {
    let all: Vec<Operand> = (0..XLENGTH(operands))
        .map(|i| VECTOR_ELT(operands, i))
        .filter(|&x| x != R_NilValue)
        .map(|x| Operand::of(x))
        .collect();
    let device = all
        .iter()
        .filter_map(Operand::device)
        .reduce(Device::join)
        .unwrap_or_else(device::default);
    let beside = all.iter().find_map(Operand::dtype);
    let mut x = Vec::new();
    for operand in &all {
        let array = match beside {
            Some(kind) => operand.array_beside(kind, device)?,
            None => operand.array(device)?,
        };
        if device == Device::Gpu && mlx::dtype(&array) == Dtype::Float64 {
            return Err(float64_on_gpu());
        }
        x.push(mlx::share(&array)?);
    }
    Ok(Sides { x, device })
}

/// A sum of at most `terms` products: floats as they are promoted; whole numbers exactly.
pub fn contract(
    x: &[Array],
    terms: f64,
    s: mlx_stream,
    f: impl Fn(&[Array], mlx_stream) -> Result<Array>,
) -> Result<Array> {
    let kinds: Vec<Dtype> = x.iter().map(mlx::dtype).collect();
    let inexact = |&kind: &Dtype| dtype::is_float(kind) || kind == Dtype::Complex64;
    if !kinds.iter().any(inexact) {
        return whole_numbers(x, terms, s, f);
    }
    let to = common_float(&kinds)?;
    let x = x
        .iter()
        .map(|x| mlx::astype(x, to, s))
        .collect::<Result<Vec<_>>>()?;
    f(&x, s)
}

/// Runs `f` on the operands that are there, on their device's stream.
///
/// # Safety
/// As [`look`].
pub unsafe fn run(operands: SEXP, f: impl FnOnce(&[Array], mlx_stream) -> Result<Array>) -> SEXP {
    look(operands);
    entry::one(|| {
        let sides = sides(operands)?;
        Ok(Placed::new(
            f(&sides.x, sides.device.stream())?,
            sides.device,
        ))
    })
}

fn call2(f: mlx::Binary) -> impl Fn(&[Array], mlx_stream) -> Result<Array> {
    move |x, s| mlx::binary(f, &x[0], &x[1], s)
}

fn last_extent(x: &Array) -> f64 {
    mlx::shape(x).last().map_or(1.0, |&n| f64::from(n))
}

/// Both last axes must agree.
fn check_inner(what: &str, a: &Array, b: &Array) -> Result<()> {
    let last = |x: &Array| mlx::shape(x).last().copied();
    match (last(a), last(b)) {
        (Some(p), Some(q)) if p != q => Err(Error::Shape(format!(
            "Non-conformable arrays: {what} of {} and {}, whose last axes differ.",
            show(mlx::shape(a)),
            show(mlx::shape(b))
        ))),
        _ => Ok(()),
    }
}

/// `.Call`: sums over the last axes of both.
unsafe extern "C" fn inner(operands: SEXP) -> SEXP {
    run(operands, |x, s| {
        check_inner("mlx_inner()", &x[0], &x[1])?;
        contract(x, last_extent(&x[0]), s, call2(mlx_sys::mlx_inner))
    })
}

/// `.Call`: matrix product with NumPy's rules for vectors and stacks.
unsafe extern "C" fn matmul_stacks(operands: SEXP) -> SEXP {
    run(operands, |x, s| {
        if x.iter().any(|x| mlx::rank(x) == 0) {
            return Err(Error::Shape(
                "mlx_matmul() needs arrays with at least one axis; use `*` for a 0-d array.".into(),
            ));
        }
        contract(x, last_extent(&x[0]), s, call2(mlx_sys::mlx_matmul)).map_err(|_| {
            Error::Shape(format!(
                "Non-conformable arrays: mlx_matmul() of {} and {}.",
                show(mlx::shape(&x[0])),
                show(mlx::shape(&x[1]))
            ))
        })
    })
}

/// `.Call`: tensordot over pairs of axes.
unsafe extern "C" fn tensordot(operands: SEXP, axes_a: SEXP, axes_b: SEXP) -> SEXP {
    run(operands, |x, s| {
        let (a, b) = (&x[0], &x[1]);
        let (of_a, of_b) = (
            entry::axes(axes_a, mlx::rank(a))?,
            entry::axes(axes_b, mlx::rank(b))?,
        );
        let fits = of_a.len() == of_b.len()
            && of_a
                .iter()
                .zip(&of_b)
                .all(|(&i, &j)| mlx::shape(a)[i as usize] == mlx::shape(b)[j as usize]);
        if !fits {
            return Err(Error::Shape(format!(
                "mlx_tensordot() sums over pairs of axes of equal extents; those named of {} and {} differ.",
                show(mlx::shape(a)),
                show(mlx::shape(b))
            )));
        }
        let summed = |&k: &i32| f64::from(mlx::shape(a)[k as usize]);
        let terms = of_a.iter().map(summed).product();
        contract(x, terms, s, |x, s| {
            // SAFETY: valid handles; the slices live during the call.
            mlx::out(|o| unsafe {
                mlx_sys::mlx_tensordot(
                    o,
                    x[0].as_ptr(),
                    x[1].as_ptr(),
                    of_a.as_ptr(),
                    of_a.len(),
                    of_b.as_ptr(),
                    of_b.len(),
                    s,
                )
            })
        })
    })
}

/// `.Call`: sums of the products of elements along an axis, which broadcast else; the first operand's
/// complex conjugate is taken.
unsafe extern "C" fn vector_dot(operands: SEXP, axis: SEXP) -> SEXP {
    let axis = Rf_asInteger(axis);
    run(operands, |x, s| {
        let rank = mlx::rank(&x[0]).max(mlx::rank(&x[1]));
        let k = axis_of(axis, rank)?;
        let from_end = k - rank as i32;
        let extent = |x: &Array| {
            let at = mlx::rank(x) as i32 + from_end;
            usize::try_from(at).map_or(1, |at| mlx::shape(x)[at])
        };
        let terms = f64::from(extent(&x[0]).max(extent(&x[1])));
        contract(x, terms, s, |x, s| {
            let first = mlx::unary(mlx_sys::mlx_conjugate, &x[0], s)?;
            let products = mlx::binary(mlx_sys::mlx_multiply, &first, &x[1], s)
                .map_err(|error| explain(error, &x[0], &x[1]))?;
            mlx::reduce(mlx_sys::mlx_sum_axes, &products, &[k], false, s)
        })
    })
}

/// `.Call`: sums of products by Einstein's convention.
unsafe extern "C" fn einsum(operands: SEXP, subscripts: SEXP) -> SEXP {
    run(operands, |x, s| {
        let text = CString::new(entry::name(subscripts)?)
            .map_err(|_| Error::Argument("`subscripts` has a NUL.".into()))?;
        let terms = x.iter().map(|x| mlx::size(x) as f64).product(); // there may be fewer
        contract(x, terms, s, |x, s| {
            let list = Arrays::of(x)?;
            // SAFETY: a valid list and text.
            mlx::out(|o| unsafe { mlx_sys::mlx_einsum(o, text.as_ptr(), list.0, s) })
        })
        .map_err(|error| unfit(error, &text, x))
    })
}

/// Instead of MLX's words, which tell of its own way, what subscripts have to be.
fn unfit(error: Error, subscripts: &CStr, x: &[Array]) -> Error {
    let Error::Mlx(_) = error else { return error };
    let shapes: Vec<String> = x.iter().map(|x| show(mlx::shape(x))).collect();
    Error::Shape(format!(
        "the subscripts \"{}\" do not fit {} {}: they need a part for each operand, a letter for each of its axes, equal extents for equal letters, and in the result letters of the operands.",
        subscripts.to_string_lossy(),
        if shapes.len() == 1 { "an operand of shape" } else { "operands of shapes" },
        shapes.join(" and ")
    ))
}

extern "C" {
    fn rmlx_einsum_path(
        out: *mut c_char,
        capacity: usize,
        subscripts: *const c_char,
        operands: mlx_sys::mlx_vector_array,
    ) -> c_int;
}

/// `.Call`: the order in which an Einstein sum is multiplied, as an R list of positions from 1.
unsafe extern "C" fn einsum_path(operands: SEXP, subscripts: SEXP) -> SEXP {
    const STEPS: usize = 64;
    look(operands);
    // plain data, which R may jump past: for each step, how many positions and the first two
    let mut steps = [(0usize, [0i32; 3]); STEPS];
    let count = entry::plain(|| {
        let x = sides(operands)?.x;
        let text = CString::new(entry::name(subscripts)?)
            .map_err(|_| Error::Argument("`subscripts` has a NUL.".into()))?;
        let list = Arrays::of(&x)?;
        let mut path = vec![0u8; 4096];
        let at = path.as_mut_ptr().cast();
        check(rmlx_einsum_path(at, path.len(), text.as_ptr(), list.0))
            .map_err(|error| unfit(error, &text, &x))?;
        let path = String::from_utf8_lossy(&path).into_owned();
        let mut count = 0;
        for step in path.split('\0').next().unwrap_or("").split_terminator(';') {
            let at: Vec<i32> = step.split(' ').filter_map(|k| k.parse().ok()).collect();
            if count == STEPS || at.len() > 3 {
                return Err(Error::Argument(
                    "an Einstein sum of too many operands.".into(),
                ));
            }
            steps[count].0 = at.len();
            steps[count].1[..at.len()].copy_from_slice(&at);
            count += 1;
        }
        Ok(count)
    });
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, count as R_xlen_t));
    for (i, (n, at)) in steps[..count].iter().enumerate() {
        let positions = Rf_allocVector(SEXPTYPE::INTSXP, *n as R_xlen_t);
        SET_VECTOR_ELT(out, i as R_xlen_t, positions);
        for (k, position) in at[..*n].iter().enumerate() {
            SET_INTEGER_ELT(positions, k as R_xlen_t, position + 1);
        }
    }
    Rf_unprotect(1);
    out
}

/// An array of one axis without elements, in the dtype of x.
fn nothing(x: &Array, s: mlx_stream) -> Result<Array> {
    let kind = mlx::dtype(x);
    mlx::full(&[0], &mlx::scalar(0.0, kind, s)?, kind, s)
}

/// `.Call`: Kronecker product.
unsafe extern "C" fn kron(operands: SEXP) -> SEXP {
    run(operands, |x, s| {
        let (a, b) = (mlx::shape(&x[0]), mlx::shape(&x[1]));
        if mlx::size(&x[0]) > 0 && mlx::size(&x[1]) > 0 {
            return mlx::binary(mlx_sys::mlx_kron, &x[0], &x[1], s);
        }
        // MLX refuses arrays without elements
        let n = a.len().max(b.len());
        let at = |x: &[i32], i: usize| {
            if i + x.len() < n {
                1
            } else {
                x[i + x.len() - n]
            }
        };
        let shape: Vec<i32> = (0..n).map(|i| at(a, i) * at(b, i)).collect();
        let product = mlx::binary(
            mlx_sys::mlx_multiply,
            &nothing(&x[0], s)?,
            &nothing(&x[1], s)?,
            s,
        )?;
        mlx::reshape(&product, &shape, s)
    })
}

/// `.Call`: cross product of vectors of 3 (or 2) along an axis.
unsafe extern "C" fn vector_product(operands: SEXP, axis: SEXP) -> SEXP {
    run(operands, |x, s| {
        let (a, b) = (&x[0], &x[1]);
        let axis = Rf_asInteger(axis);
        let k = axis_of(axis, mlx::rank(a))?;
        let extents =
            [a, b].map(|x| axis_of(axis, mlx::rank(x)).map(|k| mlx::shape(x)[k as usize]));
        for extent in extents {
            if !matches!(extent?, 2 | 3) {
                return Err(Error::Shape(format!(
                    "mlx_cross() needs vectors of 3 (or 2) along the axis; the shapes are {} and {}.",
                    show(mlx::shape(a)),
                    show(mlx::shape(b))
                )));
            }
        }
        // SAFETY: valid handles.
        mlx::out(|o| unsafe {
            mlx_sys::mlx_linalg_cross(o, a.as_ptr(), b.as_ptr(), k - mlx::rank(a) as i32, s)
        })
    })
}

/// `.Call`: a diagonal over two axes, which becomes the last axis.
unsafe extern "C" fn diagonal(operands: SEXP, offset: SEXP, axis1: SEXP, axis2: SEXP) -> SEXP {
    let offset = Rf_asInteger(offset);
    let (axis1, axis2) = (Rf_asInteger(axis1), Rf_asInteger(axis2));
    run(operands, |x, s| {
        let x = &x[0];
        let rank = mlx::rank(x);
        let (i, j) = (axis_of(axis1, rank)?, axis_of(axis2, rank)?);
        if i == j {
            return Err(Error::Index("a diagonal needs two different axes.".into()));
        }
        let shape = mlx::shape(x);
        let (m, n) = (shape[i as usize], shape[j as usize]);
        let length = (m + offset.min(0)).min(n - offset.max(0)).max(0);
        if length == 0 || mlx::size(x) == 0 {
            let mut left: Vec<i32> = (0..rank as i32)
                .filter(|&k| k != i && k != j)
                .map(|k| shape[k as usize])
                .collect();
            left.push(length);
            let kind = mlx::dtype(x);
            return mlx::full(&left, &mlx::scalar(0.0, kind, s)?, kind, s);
        }
        // SAFETY: a valid handle.
        mlx::out(|o| unsafe { mlx_sys::mlx_diagonal(o, x.as_ptr(), offset, i, j, s) })
    })
}

/// `.Call`: a matrix with a vector on its k-th diagonal.
unsafe extern "C" fn diagonal_matrix(operands: SEXP, k: SEXP) -> SEXP {
    let k = Rf_asInteger(k);
    run(operands, |x, s| {
        let x = &x[0];
        if mlx::size(x) == 0 {
            let (n, kind) = (k.abs(), mlx::dtype(x));
            return mlx::full(&[n, n], &mlx::scalar(0.0, kind, s)?, kind, s);
        }
        // SAFETY: a valid handle.
        mlx::out(|o| unsafe { mlx_sys::mlx_diag(o, x.as_ptr(), k, mlx::scatter_stream(x, s)) })
    })
}

/// `.Call`: the Hadamard transform of the last axis, not scaled.
unsafe extern "C" fn hadamard(operands: SEXP) -> SEXP {
    run(operands, |x, s| {
        let kind = common_float(&[mlx::dtype(&x[0])])?;
        let x = mlx::astype(&x[0], kind, s)?;
        let n = mlx::shape(&x).last().copied().unwrap_or(0);
        let odd = if n > 0 { n >> n.trailing_zeros() } else { 0 };
        let fits = odd == 1 || (matches!(odd, 3 | 5 | 7) && n % 4 == 0);
        if !fits {
            return Err(Error::Shape(format!(
                "mlx_hadamard_transform() needs a last axis of m * 2^k elements with m = 1, 12, 20 or 28; it has {n}."
            )));
        }
        if native(&x, s) {
            return transform(&x, s);
        }
        // the matrix has elements 1 and -1 only: exact in float32
        // SAFETY: plain numbers.
        let identity =
            mlx::out(|o| unsafe { mlx_sys::mlx_eye(o, n, n, 0, Dtype::Float32.into(), s) })?;
        let matrix = mlx::astype(&transform(&identity, s)?, kind, s)?;
        mlx::binary(mlx_sys::mlx_matmul, &x, &matrix, s)
    })
}

/// MLX's own transform, not scaled.
fn transform(x: &Array, s: mlx_stream) -> Result<Array> {
    let scale = mlx_sys::mlx_optional_float {
        value: 1.0,
        has_value: true,
    };
    // SAFETY: a valid handle.
    mlx::out(|o| unsafe { mlx_sys::mlx_hadamard_transform(o, x.as_ptr(), scale, s) })
}

/// Whether MLX's special products take the dtype: on the CPU it is float32 alone.
pub fn native(x: &Array, s: mlx_stream) -> bool {
    let kind = mlx::dtype(x);
    kind == Dtype::Float32 || (dtype::is_float(kind) && s.ctx != Device::Cpu.stream().ctx)
}

routines![
    inner / 1,
    matmul_stacks / 1,
    tensordot / 3,
    vector_dot / 2,
    einsum / 2,
    einsum_path / 2,
    kron / 1,
    vector_product / 2,
    diagonal / 4,
    diagonal_matrix / 2,
    hadamard / 1,
];
