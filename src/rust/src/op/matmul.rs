//! Matrix products.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::memory;
use crate::mlx::{self, Array};
use crate::names;
use crate::operand::{self, pair, Operand};
use crate::tape;

/// Which product: x y, x' y or x y'.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    TransposedLeft,
    TransposedRight,
}

/// A vector takes the side that fits, as in base R: first a row or column that makes the product
/// conformable.
fn as_matrices(x: &Array, y: &Array, form: Form, s: mlx_sys::mlx_stream) -> Result<(Array, Array)> {
    let column = |z: &Array| mlx::reshape(z, &[mlx::size(z) as i32, 1], s);
    let row = |z: &Array| mlx::reshape(z, &[1, mlx::size(z) as i32], s);
    let (rx, ry) = (mlx::rank(x), mlx::rank(y));
    let (nx, ny) = (mlx::size(x) as i32, mlx::size(y) as i32);
    let (x, y) = match (rx < 2, ry < 2) {
        (false, false) => (mlx::share(x)?, mlx::share(y)?),
        (true, true) => match form {
            Form::Plain if nx == ny => (row(x)?, column(y)?),
            Form::Plain if nx == 1 => (column(x)?, row(y)?),
            Form::Plain => (column(x)?, if ny == 1 { column(y)? } else { row(y)? }),
            _ => (column(x)?, column(y)?),
        },
        (true, false) => {
            let shape = mlx::shape(y);
            let inner = match form {
                Form::TransposedRight => shape[shape.len() - 1],
                _ => shape[shape.len() - 2],
            };
            let as_row = nx == inner;
            let x = match form {
                Form::TransposedLeft if as_row => column(x)?,
                Form::TransposedLeft => row(x)?,
                _ if as_row => row(x)?,
                _ => column(x)?,
            };
            (x, mlx::share(y)?)
        }
        (false, true) => {
            let shape = mlx::shape(x);
            let inner = match form {
                Form::TransposedLeft => shape[shape.len() - 2],
                _ => shape[shape.len() - 1],
            };
            let as_column = ny == inner;
            let y = match form {
                Form::TransposedRight if as_column => row(y)?,
                Form::TransposedRight => column(y)?,
                _ if as_column => column(y)?,
                _ => row(y)?,
            };
            (mlx::share(x)?, y)
        }
    };
    let last_two = |z: &Array| {
        let rank = mlx::rank(z) as i32;
        let mut order: Vec<i32> = (0..rank).collect();
        order.swap(rank as usize - 2, rank as usize - 1);
        mlx::permute(z, &order, s)
    };
    Ok(match form {
        Form::Plain => (x, y),
        Form::TransposedLeft => (last_two(&x)?, y),
        Form::TransposedRight => (x, last_two(&y)?),
    })
}

fn product(x: &Operand, y: &Operand, form: Form) -> Result<Placed> {
    let (a, b, device) = pair(x, y)?;
    let s = device.stream();
    let (shape_a, shape_b) = (mlx::shape(&a).to_vec(), mlx::shape(&b).to_vec());
    let (a, b) = as_matrices(&a, &b, form, s)?;
    let (m, n) = (mlx::shape(&a), mlx::shape(&b));
    let inner = (m[m.len() - 1], n[n.len() - 2]);
    let batches = m[..m.len() - 2]
        .iter()
        .rev()
        .zip(n[..n.len() - 2].iter().rev())
        .all(|(p, q)| p == q || *p == 1 || *q == 1);
    if inner.0 != inner.1 || !batches {
        let what = match form {
            Form::Plain => "%*%",
            Form::TransposedLeft => "crossprod",
            Form::TransposedRight => "tcrossprod",
        };
        return Err(Error::Shape(format!(
            "Non-conformable arrays: {what} of {} and {}.",
            show(&shape_a),
            show(&shape_b)
        )));
    }
    let rows = m[m.len() - 2] as usize;
    let columns = n[n.len() - 1] as usize;
    memory::check_request(rows.saturating_mul(columns).saturating_mul(4))?;
    let exact = |z: &Array| dtype::is_float(mlx::dtype(z)) || mlx::dtype(z) == Dtype::Complex64;
    let array = if exact(&a) || exact(&b) {
        mlx::binary(mlx_sys::mlx_matmul, &a, &b, s)?
    } else {
        whole_numbers(&[a, b], |x, s| {
            mlx::binary(mlx_sys::mlx_matmul, &x[0], &x[1], s)
        })?
    };
    Ok(Placed::new(array, device))
}

/// Largest whole number up to which float32 holds every one.
const FLOAT32_EXACT: f64 = 16777216.0;

/// A sum of products of whole numbers: computed in float64, returned in the default floating dtype
/// if that holds every element exactly.
pub fn whole_numbers(
    x: &[Array],
    f: impl Fn(&[Array], mlx_sys::mlx_stream) -> Result<Array>,
) -> Result<Array> {
    let s = Device::Cpu.stream();
    let wide = x
        .iter()
        .map(|x| mlx::astype(x, Dtype::Float64, s))
        .collect::<Result<Vec<_>>>()?;
    let product = f(&wide, s)?;
    let to = operand::default_dtype()?;
    if to != Dtype::Float64 && mlx::size(&product) > 0 {
        let axes: Vec<i32> = (0..mlx::rank(&product) as i32).collect();
        let size = mlx::unary(mlx_sys::mlx_abs, &product, s)?;
        let largest = mlx::reduce(mlx_sys::mlx_max_axes, &size, &axes, false, s)?;
        let mut value = 0.0;
        tape::count_look();
        // SAFETY: a valid float64 scalar.
        crate::error::check(unsafe {
            mlx_sys::mlx_array_item_float64(&mut value, largest.as_ptr())
        })?;
        if value > FLOAT32_EXACT {
            let kinds: Vec<_> = x.iter().map(|x| dtype::name(mlx::dtype(x))).collect();
            return Err(Error::Dtype(format!(
                "the product of {} arrays has elements up to {value}, which float32 does not hold exactly. Cast one with mlx_cast(x, \"float64\") first.",
                kinds.join(" and ")
            )));
        }
    }
    mlx::astype(&product, to, s)
}

unsafe fn run(x: SEXP, y: SEXP, form: Form) -> SEXP {
    let (a, b) = (Operand::of(x), Operand::of(y));
    let out = entry::one(|| product(&a, &b, form));
    let (row, column) = match form {
        Form::Plain => (2, 1),
        Form::TransposedLeft => (1, 1),
        Form::TransposedRight => (2, 2),
    };
    names::product(out, x, row, y, column)
}

/// `.Call`: x %*% y.
unsafe extern "C" fn matmul(x: SEXP, y: SEXP) -> SEXP {
    run(x, y, Form::Plain)
}

/// `.Call`: t(x) %*% y.
unsafe extern "C" fn cross_product(x: SEXP, y: SEXP) -> SEXP {
    run(x, y, Form::TransposedLeft)
}

/// `.Call`: x %*% t(y).
unsafe extern "C" fn outer_cross_product(x: SEXP, y: SEXP) -> SEXP {
    run(x, y, Form::TransposedRight)
}

routines![matmul / 2, cross_product / 2, outer_cross_product / 2];
