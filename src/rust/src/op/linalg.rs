//! Factorizations as R sees them: checked shapes and dtypes, a list of results, and errors at once
//! where a matrix has no such factorization.
//!
//! Whether it has one is known only by computing, so this evaluates. While vmap or compile trace a
//! function there are no values to compute with, and the results of such a matrix will be NaN.
use crate::convert::from_r::float64_on_gpu;
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::entry::show;
use crate::error::{guarded, raise, Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::linalg::{self, batch, batched, cpu, extents, Linalg};
use crate::mlx::{self, Array};
use crate::object;
use crate::operand::{self, Operand};
use mlx_sys::mlx_stream;

/// What is computed with: floating arrays of one dtype, and their device's stream.
struct Given {
    x: Vec<Array>,
    option: i32,
    s: mlx_stream,
}

impl Given {
    /// The first array, which must be a square matrix (or a stack of them).
    fn square(&self, what: &str) -> Result<&Array> {
        let a = &self.x[0];
        let (m, n) = extents(a);
        if m != n {
            return Err(Error::Shape(format!(
                "'a' ({}) must be square: {what} is defined for square matrices only.",
                show(mlx::shape(a))
            )));
        }
        Ok(a)
    }

    /// Real arrays only.
    fn real(&self, what: &str) -> Result<&Given> {
        if mlx::dtype(&self.x[0]) == Dtype::Complex64 {
            return Err(Error::Dtype(format!(
                "{what} takes real matrices: MLX has none for complex64."
            )));
        }
        Ok(self)
    }

    /// A system's two sides with equal batch axes, and whether the right one was a vector.
    fn system(&self, what: &str) -> Result<(Array, Array, bool)> {
        let a = self.real(what)?.square(what)?;
        let vector = mlx::rank(&self.x[1]) == 1;
        let g = crate::exact::Graph(self.s);
        let b = if vector {
            g.as_column(&self.x[1])?
        } else {
            mlx::share(&self.x[1])?
        };
        let shapes = || (show(mlx::shape(&self.x[1])), show(mlx::shape(a)));
        if mlx::rank(&b) < 2 || extents(&b).0 != extents(a).1 {
            let (of_b, of_a) = shapes();
            return Err(Error::Shape(format!(
                "'b' ({of_b}) must be compatible with 'a' ({of_a})."
            )));
        }
        let Some(common) = common_batch(batch(a), batch(&b)) else {
            let (of_b, of_a) = shapes();
            return Err(Error::Shape(format!(
                "the stacks 'a' ({of_a}) and 'b' ({of_b}) do not broadcast."
            )));
        };
        let whole = |x: &Array| {
            let (m, n) = extents(x);
            mlx::broadcast(x, &[&common[..], &[m, n]].concat(), self.s)
        };
        Ok((whole(a)?, whole(&b)?, vector))
    }
}

/// The batch axes that two broadcast to.
fn common_batch(a: &[i32], b: &[i32]) -> Option<Vec<i32>> {
    let n = a.len().max(b.len());
    let at = |x: &[i32], i: usize| {
        if i + x.len() < n {
            1
        } else {
            x[i + x.len() - n]
        }
    };
    (0..n)
        .map(|i| match (at(a, i), at(b, i)) {
            (p, q) if p == q || q == 1 => Some(p),
            (1, q) => Some(q),
            _ => None,
        })
        .collect()
}

/// Results, and what tells whether they are there.
struct Made {
    arrays: Vec<Array>,
    info: Option<Array>,
}

impl Made {
    fn sure(arrays: Vec<Array>) -> Result<Made> {
        Ok(Made { arrays, info: None })
    }

    /// The last output says whether the others are there.
    fn told(mut arrays: Vec<Array>) -> Result<Made> {
        let info = arrays.pop();
        Ok(Made { arrays, info })
    }
}

/// What the numbers for one matrix say, and the tolerance of the call.
type Verdict = fn(&[f32], f64) -> Option<Error>;

/// An operation: how many results, how they are made, how many numbers for each matrix, and what
/// they say.
struct Operation {
    results: usize,
    make: fn(&Given) -> Result<Made>,
    numbers: usize,
    verdict: Verdict,
}

unsafe fn run(operation: &Operation, operands: SEXP, option: SEXP, tolerance: SEXP) -> SEXP {
    for i in 0..XLENGTH(operands) {
        Operand::of(VECTOR_ELT(operands, i));
    }
    let option = Rf_asInteger(option);
    let tolerance = Rf_asReal(tolerance);
    let n = operation.results as R_xlen_t;
    let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n + 1));
    for i in 0..=n {
        SET_VECTOR_ELT(handles, i, handle::new());
    }
    let mut kind = Dtype::Float32;
    let made = guarded(|| {
        let (given, device, half) = given(operands, option)?;
        kind = mlx::dtype(&given.x[0]);
        let made = (operation.make)(&given)?;
        for (i, array) in made.arrays.iter().enumerate() {
            let array = match half {
                Some(half) if dtype::is_float(mlx::dtype(array)) => {
                    mlx::astype(array, half, given.s)?
                }
                _ => mlx::share(array)?,
            };
            handle::fill(
                VECTOR_ELT(handles, i as R_xlen_t),
                Placed::new(array, device),
            );
        }
        let Some(info) = made.info else {
            return Ok(false);
        };
        let s = Device::Cpu.stream();
        let flat = mlx::contiguous(&mlx::reshape(&info, &[-1], s)?, s)?;
        let flat = mlx::stop_gradient(&flat, s)?;
        if mlx::is_abstract(&flat)? {
            return Ok(false);
        }
        handle::fill(VECTOR_ELT(handles, n), Placed::new(flat, Device::Cpu));
        Ok(true)
    });
    match made {
        None => raise(),
        Some(true) => check(operation, VECTOR_ELT(handles, n), kind, tolerance),
        Some(false) => {}
    }
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    for i in 0..n {
        SET_VECTOR_ELT(out, i, object::wrap(VECTOR_ELT(handles, i)));
    }
    Rf_unprotect(2);
    out
}

/// Evaluates what tells of failures, and raises the first.
unsafe fn check(operation: &Operation, info: SEXP, kind: Dtype, tolerance: f64) {
    eval::evaluate(info);
    let ctx = handle::peek(info);
    let said = guarded(|| {
        let array = mlx::borrow(&ctx);
        let n = mlx::size(array);
        if n == 0 {
            return Ok(());
        }
        // SAFETY: an evaluated, contiguous array of n float32.
        let values = std::slice::from_raw_parts(mlx::bytes(array).cast::<f32>(), n);
        let tolerance = if tolerance.is_nan() {
            linalg::epsilon(kind)
        } else {
            tolerance
        };
        let count = n / operation.numbers;
        for (i, of_one) in values.chunks(operation.numbers).enumerate() {
            let Some(error) = (operation.verdict)(of_one, tolerance) else {
                continue;
            };
            return Err(match error {
                Error::Singular(text) if count > 1 => {
                    Error::Singular(format!("{text} (matrix {} of {count} in the stack)", i + 1))
                }
                other => other,
            });
        }
        Ok(())
    });
    if said.is_none() {
        raise();
    }
}

/// The operands as floating arrays of one dtype. float16 and bfloat16 compute in float32 and are
/// cast back to what is returned third.
unsafe fn given(operands: SEXP, option: i32) -> Result<(Given, Device, Option<Dtype>)> {
    let all: Vec<Operand> = (0..XLENGTH(operands))
        .map(|i| Operand::of(VECTOR_ELT(operands, i)))
        .collect();
    let device = all
        .iter()
        .filter_map(Operand::device)
        .reduce(Device::join)
        .unwrap_or_else(device::default);
    let beside = all.iter().find_map(Operand::dtype);
    let arrays = all
        .iter()
        .map(|x| match beside {
            Some(kind) => x.array_beside(kind, device),
            None => x.array(device),
        })
        .collect::<Result<Vec<_>>>()?;
    let kinds: Vec<Dtype> = arrays.iter().map(|x| mlx::dtype(x)).collect();
    let kind = common_float(&kinds)?;
    if kind == Dtype::Float64 && device == Device::Gpu {
        return Err(float64_on_gpu());
    }
    let half = matches!(kind, Dtype::Float16 | Dtype::Bfloat16).then_some(kind);
    let to = if half.is_some() { Dtype::Float32 } else { kind };
    let s = device.stream();
    let x = arrays
        .iter()
        .map(|x| mlx::astype(x, to, s))
        .collect::<Result<Vec<_>>>()?;
    if mlx::rank(&x[0]) < 2 {
        return Err(Error::Shape(format!(
            "a matrix (or a stack of matrices in the last two axes) is needed; 'a' has shape {}.",
            show(mlx::shape(&x[0]))
        )));
    }
    Ok((Given { x, option, s }, device, half))
}

/// The dtype that holds all; integers and bools count as the default floating dtype.
pub fn common_float(kinds: &[Dtype]) -> Result<Dtype> {
    let floats: Vec<Dtype> = kinds
        .iter()
        .map(|&kind| match kind {
            k if dtype::is_float(k) || k == Dtype::Complex64 => Ok(k),
            _ => operand::default_dtype(),
        })
        .collect::<Result<_>>()?;
    let has = |kind| floats.contains(&kind);
    Ok(if has(Dtype::Complex64) {
        Dtype::Complex64
    } else if has(Dtype::Float64) {
        Dtype::Float64
    } else if floats.iter().all(|&kind| kind == floats[0]) {
        floats[0]
    } else {
        Dtype::Float32
    })
}

fn never(_: &[f32], _: f64) -> Option<Error> {
    None
}

fn singular(info: &[f32], tolerance: f64) -> Option<Error> {
    let (code, rcond) = (info[0], f64::from(info[1]));
    if code > 0.0 {
        return Some(Error::Singular(format!(
            "the system is exactly singular: U[{code},{code}] = 0"
        )));
    }
    (rcond < tolerance).then(|| {
        Error::Singular(format!(
            "the system is computationally singular: reciprocal condition number = {rcond:.5e}. It is below `tol`, {tolerance:.2e}"
        ))
    })
}

fn zero_on_diagonal(info: &[f32], _: f64) -> Option<Error> {
    (info[0] > 0.0).then(|| {
        Error::Singular(format!(
            "singular triangular matrix: the first zero on its diagonal is [{}]",
            info[0]
        ))
    })
}

fn not_positive(info: &[f32], _: f64) -> Option<Error> {
    (info[0] > 0.0).then(|| {
        Error::Singular(format!(
            "the leading minor of order {} is not positive",
            info[0]
        ))
    })
}

fn not_finite(info: &[f32], _: f64) -> Option<Error> {
    (info[0] > 0.0).then(|| Error::Argument("infinite or missing values in 'x'.".into()))
}

/// Results of a matrix that must be finite.
fn of_finite(a: &Array, arrays: Vec<Array>) -> Result<Made> {
    let g = cpu();
    let info = mlx::astype(&g.not(&linalg::finite(a)?)?, Dtype::Float32, g.0)?;
    Ok(Made {
        arrays,
        info: Some(info),
    })
}

macro_rules! operations {
    ($($name:ident: $results:literal = $make:expr, $numbers:literal $verdict:ident;)*) => {
        $(unsafe extern "C" fn $name(operands: SEXP, option: SEXP, tolerance: SEXP) -> SEXP {
            run(&Operation { results: $results, make: $make, numbers: $numbers, verdict: $verdict },
                operands, option, tolerance)
        })*
        routines![$($name / 3),*];
    };
}

// name: results = how, numbers for each matrix and what they say
operations! {
    linalg_solve: 1 = solve, 2 singular;
    linalg_inverse: 1 = |c| Made::told(
        Linalg::Inverse.apply(0, &[c.real("solve()")?.square("the inverse")?], c.s)?), 2 singular;
    linalg_rcond: 1 = reciprocal_condition, 1 never;
    linalg_triangular: 1 = triangular, 1 zero_on_diagonal;
    linalg_cholesky: 1 = cholesky, 1 not_positive;
    linalg_det: 1 = |c| Made::sure(
        Linalg::Det.apply(0, &[c.real("det()")?.square("the determinant")?], c.s)?), 1 never;
    linalg_log_det: 2 = |c| Made::sure(
        Linalg::LogDet.apply(0, &[c.real("determinant()")?.square("the determinant")?], c.s)?), 1 never;
    linalg_qr: 2 = |c| Made::sure(Linalg::Qr.apply(0, &[&c.real("qr()")?.x[0]], c.s)?), 1 never;
    linalg_complement: 1 = |c| {
        of_finite(&c.x[0], Linalg::Complement.apply(0, &[&c.x[0]], c.s)?)
    }, 1 not_finite;
    linalg_svd: 3 = |c| of_finite(&c.x[0], Linalg::Svd.apply(0, &[&c.x[0]], c.s)?), 1 not_finite;
    linalg_singular_values: 1 = singular_values, 1 not_finite;
    linalg_eigh: 2 = eigh, 1 not_finite;
    linalg_eigvalsh: 1 = symmetric_values, 1 not_finite;
    linalg_eig: 2 = |c| {
        let a = c.square("eigen()")?;
        of_finite(a, Linalg::Eig.apply(0, &[a], c.s)?)
    }, 1 not_finite;
    linalg_lu: 3 = lu, 1 never;
    linalg_expm: 1 = |c| Made::sure(
        Linalg::Expm.apply(0, &[c.real("mlx_expm()")?.square("the exponential")?], c.s)?), 1 never;
    linalg_pinv: 1 = |c| {
        let a = &c.real("pinv()")?.x[0];
        of_finite(a, Linalg::Pinv.apply(0, &[a], c.s)?)
    }, 1 not_finite;
}

fn without_column(x: &Array, vector: bool, s: mlx_stream) -> Result<Array> {
    if !vector {
        return mlx::share(x);
    }
    mlx::reshape(x, &batched(x, &[extents(x).0]), s)
}

fn solve(c: &Given) -> Result<Made> {
    let (a, b, vector) = c.system("solve()")?;
    let mut out = Linalg::Solve.apply(0, &[&a, &b], c.s)?;
    out[0] = without_column(&out[0], vector, c.s)?;
    Made::told(out)
}

/// Option 1: the upper triangle counts, 0: the lower.
fn triangular(c: &Given) -> Result<Made> {
    let (a, b, vector) = c.system("a triangular solve")?;
    let upper = c.option == 1;
    let t = crate::exact::Graph(c.s).triangle(&a, upper, 0)?;
    let mut out = Linalg::Triangular.apply(c.option, &[&t, &b], c.s)?;
    out[0] = without_column(&out[0], vector, c.s)?;
    Made::told(out)
}

/// Option 1: from the upper triangle, and the factor is upper; 0: lower.
fn cholesky(c: &Given) -> Result<Made> {
    let g = crate::exact::Graph(c.s);
    let a = c.real("chol()")?.square("chol()")?;
    let upper = c.option == 1;
    // LAPACK reads the lower triangle only, but a derivative asks for both
    let lower = if mlx::is_tracer(a) {
        g.symmetric_of(a, upper)?
    } else if upper {
        g.t(a)?
    } else {
        mlx::share(a)?
    };
    let mut out = Linalg::Cholesky.apply(0, &[&lower], c.s)?;
    if upper {
        out[0] = g.t(&out[0])?;
    }
    Made::told(out)
}

/// Of a singular matrix it is 0. Composed of the inverse, so that it has a gradient.
fn reciprocal_condition(c: &Given) -> Result<Made> {
    let g = crate::exact::Graph(c.s);
    let a = c.real("rcond()")?.square("rcond()")?;
    let out = Linalg::Inverse.apply(0, &[a], c.s)?;
    let norm = |x: &Array| -> Result<Array> {
        let rank = mlx::rank(x) as i32;
        let sums = mlx::reduce(mlx_sys::mlx_sum_axes, &g.abs(x)?, &[rank - 2], false, c.s)?;
        g.max_last(&sums)
    };
    let rcond = g.over(1.0, &g.mul(&norm(a)?, &norm(&out[0])?)?)?;
    let codes = g.columns(&g.as_row(&out[1])?, 0, 1)?;
    let bad = g.not(&g.is_zero(&mlx::reshape(&codes, batch(a), c.s)?)?)?;
    Made::sure(vec![g.replace(&bad, 0.0, &rcond)?])
}

/// Those of a traced matrix come with the vectors, which their gradient needs. Option 1: those of a
/// matrix that is not finite are NaN and no error.
fn singular_values(c: &Given) -> Result<Made> {
    let a = &c.x[0];
    let values = if mlx::is_tracer(a) {
        mlx::share(&Linalg::Svd.apply(0, &[a], c.s)?[1])?
    } else {
        linalg::singular_values(a)?
    };
    match c.option {
        1 => Made::sure(vec![values]),
        _ => of_finite(a, vec![values]),
    }
}

/// Option 1: from the upper triangle, 0: the lower.
fn eigh(c: &Given) -> Result<Made> {
    let a = c.square("eigen()")?;
    let whole = linalg::hermitian_of(crate::exact::Graph(c.s), a, c.option == 1)?;
    of_finite(a, Linalg::Eigh.apply(0, &[&whole], c.s)?)
}

/// Those of a traced matrix come with the vectors, which their gradient needs.
fn symmetric_values(c: &Given) -> Result<Made> {
    let a = c.square("eigen()")?;
    if mlx::is_tracer(a) {
        let mut all = eigh(c)?;
        all.arrays.truncate(1);
        return Ok(all);
    }
    let whole = linalg::hermitian_of(crate::exact::Graph(c.s), a, c.option == 1)?;
    of_finite(a, vec![linalg::symmetric_values(&whole)?])
}

/// p counts from 1, as int32: A[i, ] = (L U)[p[i], ].
fn lu(c: &Given) -> Result<Made> {
    let out = Linalg::Lu.apply(0, &[&c.real("mlx_lu()")?.x[0]], c.s)?;
    let p = mlx::astype(&mlx::stop_gradient(&out[0], c.s)?, Dtype::Int32, c.s)?;
    let one = mlx::scalar(1.0, Dtype::Int32, c.s)?;
    let p = mlx::binary(mlx_sys::mlx_add, &p, &one, c.s)?;
    Made::sure(vec![p, mlx::share(&out[1])?, mlx::share(&out[2])?])
}
