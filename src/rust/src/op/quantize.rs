//! Operations on quantized matrices. What MLX lacks on the CPU is composed of what it has.
use super::fast::missing;
use super::packing::{raw, Packing, Quantized};
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{guarded, raise, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::{self, Array};
use crate::object;
use crate::operand::{self, Operand};
use mlx_sys::mlx_stream;

/// The arguments of an operation by position in an R list, each looked at before anything is owned.
struct Arguments(SEXP);

impl Arguments {
    unsafe fn of(list: SEXP) -> Arguments {
        for i in 0..XLENGTH(list) {
            if VECTOR_ELT(list, i) != R_NilValue {
                Operand::of(VECTOR_ELT(list, i));
            }
        }
        Arguments(list)
    }

    unsafe fn operand(&self, i: usize) -> Option<Operand> {
        let x = VECTOR_ELT(self.0, i as R_xlen_t);
        (x != R_NilValue).then(|| Operand::of(x))
    }

    unsafe fn device(&self, on: SEXP) -> Result<Device> {
        let all: Vec<Operand> = (0..XLENGTH(self.0) as usize)
            .filter_map(|i| self.operand(i))
            .collect();
        Device::of_operation(on, &all.iter().collect::<Vec<_>>())
    }

    unsafe fn maybe(&self, i: usize, device: Device) -> Result<Option<Array>> {
        match self.operand(i) {
            None => Ok(None),
            Some(x) => mlx::contiguous(&*x.array(device)?, device.stream()).map(Some),
        }
    }

    unsafe fn array(&self, i: usize, name: &str, device: Device) -> Result<Array> {
        self.maybe(i, device)?.ok_or_else(|| missing(name))
    }

    /// A floating array; integers as the default floating dtype.
    unsafe fn floating(&self, i: usize, name: &str, device: Device) -> Result<Array> {
        let x = self.array(i, name, device)?;
        match mlx::dtype(&x) {
            kind if dtype::is_float(kind) => Ok(x),
            Dtype::Complex64 => Err(Error::Dtype(
                "complex numbers cannot be quantized, nor multiplied by what is.".into(),
            )),
            _ => mlx::astype(&x, operand::default_dtype()?, device.stream()),
        }
    }

    /// Weights, scales, biases and the global scale from position i on.
    unsafe fn quantized(
        &self,
        i: usize,
        global: Option<usize>,
        device: Device,
    ) -> Result<Quantized> {
        Ok(Quantized {
            w: self.array(i, "w", device)?,
            scales: self.array(i + 1, "scales", device)?,
            biases: self.maybe(i + 2, device)?,
            global: match global {
                None => None,
                Some(i) => self.global(i, device)?,
            },
        })
    }

    unsafe fn global(&self, i: usize, device: Device) -> Result<Option<Array>> {
        let Some(x) = self.maybe(i, device)? else {
            return Ok(None);
        };
        if mlx::size(&x) != 1 {
            return Err(Error::Shape("a global scale must be one number.".into()));
        }
        let x = mlx::reshape(&x, &[], device.stream())?;
        mlx::astype(&x, Dtype::Float32, device.stream()).map(Some)
    }
}

/// `.Call`: list(weights, scales[, biases]) of list(w, global scale).
unsafe extern "C" fn quantize(arguments: SEXP, packing: SEXP, on: SEXP) -> SEXP {
    let arguments = Arguments::of(arguments);
    let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 3));
    for i in 0..3 {
        SET_VECTOR_ELT(handles, i, handle::new());
    }
    let made = guarded(|| {
        let device = arguments.device(on)?;
        let packing = Packing::of(packing)?;
        let w = arguments.floating(0, "w", device)?;
        if mlx::dtype(&w) == Dtype::Float64 {
            return Err(Error::Dtype("float64 cannot be quantized: scales are float32 at most. Cast it first: mlx_cast(w, \"float32\").".into()));
        }
        let global = arguments.global(1, device)?;
        let parts = packing.quantize(&w, &global, device.stream())?;
        for i in 0..parts.count() {
            let handle = VECTOR_ELT(handles, i as R_xlen_t);
            handle::fill(handle, Placed::new(parts.get(i)?, device));
        }
        Ok(parts.count())
    });
    let Some(count) = made else { raise() };
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, count as R_xlen_t));
    for i in 0..count as R_xlen_t {
        SET_VECTOR_ELT(out, i, object::wrap(VECTOR_ELT(handles, i)));
    }
    Rf_unprotect(2);
    out
}

/// `.Call`: the numbers that list(w, scales, biases, global scale) stands for.
unsafe extern "C" fn dequantize(arguments: SEXP, packing: SEXP, to: SEXP, on: SEXP) -> SEXP {
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let to = if to == R_NilValue {
            None
        } else {
            Some(dtype::of(to, "`dtype`")?)
        };
        if to.is_some_and(|to| !dtype::is_float(to)) {
            return Err(Error::Dtype(format!(
                "`dtype` must be a floating dtype; it is {}.",
                to.map_or("none", dtype::name)
            )));
        }
        let q = arguments.quantized(0, Some(3), device)?;
        let array = Packing::of(packing)?.dequantize(&q, to, device.stream())?;
        Ok(Placed::new(array, device))
    })
}

/// The extents that a product has, after checking that it can be made.
fn product_shape(x: &Array, rows: i64, columns: i64, transpose: bool) -> Result<(i64, i64)> {
    let shape = mlx::shape(x);
    let (inner, outer) = if transpose {
        (columns, rows)
    } else {
        (rows, columns)
    };
    match shape.last() {
        Some(&last) if i64::from(last) == inner => Ok((inner, outer)),
        _ => Err(Error::Shape(format!(
            "the last axis of `x` (shape {}) must have {inner} elements, as `w` stands for a {rows} x {columns} matrix.",
            show(shape)
        ))),
    }
}

/// The last two axes swapped.
fn transposed(x: &Array, s: mlx_stream) -> Result<Array> {
    let mut axes: Vec<i32> = (0..mlx::rank(x) as i32).collect();
    let n = axes.len();
    axes.swap(n - 2, n - 1);
    mlx::permute(x, &axes, s)
}

/// `.Call`: x times the matrix that list(x, w, scales, biases) has, or (`transpose`) its transpose.
unsafe extern "C" fn quantized_matmul(
    arguments: SEXP,
    packing: SEXP,
    transpose: SEXP,
    on: SEXP,
) -> SEXP {
    let transpose = Rf_asLogical(transpose) == 1;
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let s = device.stream();
        let packing = Packing::of(packing)?;
        let x = arguments.floating(0, "x", device)?;
        let q = arguments.quantized(1, None, device)?;
        let columns = packing.check(&q)?;
        let w = mlx::shape(&q.w);
        let rows = i64::from(w[w.len() - 2]);
        let (_, outer) = product_shape(&x, rows, columns, transpose)?;
        let kind = mlx::dtype(&x);
        if mlx::size(&x) == 0 || mlx::size(&q.w) == 0 || kind == Dtype::Float64 || w.len() > 2 {
            // MLX divides by the number of rows; and in float64 it has no such product
            let whole = packing.dequantize(&q, Some(kind), s)?;
            let whole = if transpose {
                transposed(&whole, s)?
            } else {
                whole
            };
            let out = mlx::binary(mlx_sys::mlx_matmul, &as_matrix(&x, s)?, &whole, s)?;
            let out = if mlx::rank(&x) == 1 {
                mlx::reshape(&out, &[mlx::count(outer as usize)?], s)?
            } else {
                out
            };
            return Ok(Placed::new(out, device));
        }
        let array = mlx::out(|o| {
            mlx_sys::mlx_quantized_matmul(
                o,
                x.as_ptr(),
                q.w.as_ptr(),
                q.scales.as_ptr(),
                raw(&q.biases),
                transpose,
                packing.group_size(),
                packing.width(),
                packing.mode.as_ptr(),
                s,
            )
        })?;
        Ok(Placed::new(array, device))
    })
}

/// A vector as one row.
fn as_matrix(x: &Array, s: mlx_stream) -> Result<Array> {
    if mlx::rank(x) == 1 {
        return mlx::reshape(x, &[1, mlx::count(mlx::size(x))?], s);
    }
    mlx::share(x)
}

/// `.Call`: products of matrices chosen from stacks. list(x, w, scales, biases, lhs, rhs); the
/// indices are uint32, 0-based and checked.
unsafe extern "C" fn gather_qmm(arguments: SEXP, packing: SEXP, how: SEXP, on: SEXP) -> SEXP {
    let flag = |i| Rf_asLogical(VECTOR_ELT(how, i)) == 1;
    let (transpose, sorted) = (flag(0), flag(1));
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let s = device.stream();
        let packing = Packing::of(packing)?;
        let x = arguments.floating(0, "x", device)?;
        let q = arguments.quantized(1, None, device)?;
        let columns = packing.check(&q)?;
        let w = mlx::shape(&q.w);
        product_shape(&x, i64::from(w[w.len() - 2]), columns, transpose)?;
        let (lhs, rhs) = (arguments.maybe(4, device)?, arguments.maybe(5, device)?);
        if mlx::dtype(&x) == Dtype::Float64 || mlx::size(&x) == 0 || mlx::size(&q.w) == 0 {
            let whole = packing.dequantize(&q, Some(mlx::dtype(&x)), s)?;
            let whole = if transpose {
                transposed(&whole, s)?
            } else {
                whole
            };
            let array = gathered(&x, &whole, &lhs, &rhs, s)?;
            return Ok(Placed::new(array, device));
        }
        let array = mlx::out(|o| {
            mlx_sys::mlx_gather_qmm(
                o,
                x.as_ptr(),
                q.w.as_ptr(),
                q.scales.as_ptr(),
                raw(&q.biases),
                raw(&lhs),
                raw(&rhs),
                transpose,
                packing.group_size(),
                packing.width(),
                packing.mode.as_ptr(),
                sorted,
                s,
            )
        })?;
        Ok(Placed::new(array, device))
    })
}

/// Products of the matrices of two stacks that the indices (none: all, in order) choose.
fn gathered(
    x: &Array,
    w: &Array,
    lhs: &Option<Array>,
    rhs: &Option<Array>,
    s: mlx_stream,
) -> Result<Array> {
    let chosen = |x: &Array, at: &Option<Array>| -> Result<Array> {
        let Some(at) = at else { return mlx::share(x) };
        let shape = mlx::shape(x);
        let tail = &shape[shape.len() - 2..];
        let mut flat = vec![shape[..shape.len() - 2].iter().product()];
        flat.extend(tail);
        mlx::take(&mlx::reshape(x, &flat, s)?, at, 0, s)
    };
    mlx::binary(mlx_sys::mlx_matmul, &chosen(x, lhs)?, &chosen(w, rhs)?, s)
}

/// `.Call`: x w', both quantized: list(x, w, scales, lhs, rhs, global scale of x, of w), where
/// scales may be NULL (w is a plain matrix) and lhs, rhs too (products as by matmul).
unsafe extern "C" fn qqmm(arguments: SEXP, packing: SEXP, on: SEXP) -> SEXP {
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let s = device.stream();
        let packing = Packing::of(packing)?;
        let x = arguments.floating(0, "x", device)?;
        let (scale_x, scale_w) = (arguments.global(5, device)?, arguments.global(6, device)?);
        let kind = mlx::dtype(&x);
        if kind == Dtype::Float64 {
            return Err(Error::Dtype(
                "float64 cannot be quantized. Cast `x` first: mlx_cast(x, \"float32\").".into(),
            ));
        }
        let w = match arguments.maybe(2, device)? {
            None => {
                let w = mlx::astype(&arguments.floating(1, "w", device)?, kind, s)?;
                packing.rounded(&w, &scale_w, s)?
            }
            Some(scales) => {
                let q = Quantized {
                    w: arguments.array(1, "w", device)?,
                    scales,
                    biases: None,
                    global: scale_w,
                };
                packing.dequantize(&q, Some(kind), s)?
            }
        };
        let shape = mlx::shape(&w);
        let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        product_shape(&x, rows.into(), columns.into(), true)?;
        if mlx::rank(&x) < 2 {
            return Err(Error::Shape("`x` must have at least 2 axes.".into()));
        }
        let x = if mlx::size(&x) == 0 {
            x
        } else {
            packing.rounded(&x, &scale_x, s)?
        };
        let (lhs, rhs) = (arguments.maybe(3, device)?, arguments.maybe(4, device)?);
        let array = gathered(&x, &transposed(&w, s)?, &lhs, &rhs, s)?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: numbers as the bits of E4M3 floats.
unsafe extern "C" fn to_fp8(arguments: SEXP, on: SEXP) -> SEXP {
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let x = arguments.floating(0, "x", device)?;
        let array = mlx::unary(mlx_sys::mlx_to_fp8, &x, device.stream())?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: the numbers that the bits of E4M3 floats stand for.
unsafe extern "C" fn from_fp8(arguments: SEXP, to: SEXP, on: SEXP) -> SEXP {
    let arguments = Arguments::of(arguments);
    entry::one(|| {
        let device = arguments.device(on)?;
        let to = dtype::of(to, "`dtype`")?;
        let x = arguments.array(0, "x", device)?;
        if mlx::dtype(&x) != Dtype::Uint8 || !dtype::is_float(to) {
            return Err(Error::Dtype(format!(
                "`x` must be uint8 and `dtype` a floating dtype; they are {} and {}.",
                dtype::name(mlx::dtype(&x)),
                dtype::name(to)
            )));
        }
        let s = device.stream();
        // MLX's float64 ones are wrong in the last digits of float32
        let narrow = if to == Dtype::Float64 {
            Dtype::Float32
        } else {
            to
        };
        let array = mlx::out(|o| mlx_sys::mlx_from_fp8(o, x.as_ptr(), narrow.into(), s))?;
        Ok(Placed::new(mlx::astype(&array, to, s)?, device))
    })
}

routines![
    quantize / 3,
    dequantize / 4,
    quantized_matmul / 4,
    gather_qmm / 4,
    qqmm / 3,
    to_fp8 / 2,
    from_fp8 / 3,
];
