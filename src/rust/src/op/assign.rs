//! `x[...] <- value`: a new array; a block of equal steps is one slice update, one value where a mask holds
//! a choice between the two, else a scatter.
use crate::convert::from_r::{self, Source};
use crate::device::Device;
use crate::dtype::Dtype;
use crate::entry;
use crate::error::{throw, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::index::{check_mask, integers, repeated, Arguments, Axis, Selection, Titles};
use crate::mlx::{self, Array};
use crate::names;
use crate::object;
use crate::op::index::unravel;
use crate::operand::Operand;
use mlx_sys::mlx_stream;

fn no_value() -> Error {
    Error::Argument("Replacement value must have length >= 1.".into())
}

/// The value's elements in column-major order, repeated to `n`.
pub fn fill(value: &Array, n: usize, s: mlx_stream) -> Result<Array> {
    let length = mlx::size(value);
    if length == 0 {
        return Err(no_value());
    }
    if n % length != 0 {
        return Err(Error::Argument(format!(
            "Number of items to replace is not a multiple of replacement length ({n} items, {length} values)."
        )));
    }
    let flat = mlx::flatten_columns(value, s)?;
    if length == n {
        return Ok(flat);
    }
    let (rows, columns) = (mlx::count(n / length)?, mlx::count(length)?);
    mlx::reshape(
        &mlx::broadcast(&flat, &[rows, columns], s)?,
        &[mlx::count(n)?],
        s,
    )
}

fn refuse_duplicates(repeats: bool) -> Result<()> {
    if repeats {
        return Err(Error::Index(
            "Duplicate indices are not allowed in assignment. mlx_at_add() and its like combine values at one place.".into(),
        ));
    }
    Ok(())
}

/// Replaces one element for each row of coordinates.
fn assign_elements(x: &Array, columns: &[Vec<i32>], value: &Array, s: mlx_stream) -> Result<Array> {
    let n = columns.first().map_or(0, Vec::len);
    let shape = mlx::shape(x);
    if n == 0 {
        return mlx::share(x); // as in base R, whatever the value
    }
    let value = fill(value, n, s)?;
    let at = columns
        .iter()
        .map(|c| mlx::indices(c, &[n as i32]))
        .collect::<Result<Vec<_>>>()?;
    let axes: Vec<i32> = (0..shape.len() as i32).collect();
    let mut updates = vec![1; shape.len() + 1];
    updates[0] = n as i32;
    mlx::scatter(x, &at, &mlx::reshape(&value, &updates, s)?, &axes, s)
}

/// Replaces a block.
fn assign_block(x: &Array, axes: &[Axis], value: &Array, s: mlx_stream) -> Result<Array> {
    let shape = mlx::shape(x).to_vec();
    for (axis, &extent) in axes.iter().zip(&shape) {
        refuse_duplicates(axis.repeats(extent))?;
    }
    let counts: Vec<i32> = axes
        .iter()
        .zip(&shape)
        .map(|(axis, &extent)| axis.count(extent))
        .collect();
    let n: usize = counts.iter().map(|&c| c as usize).product();
    if n == 0 {
        return mlx::share(x);
    }
    let value = if mlx::shape(value) == counts {
        mlx::share(value)?
    } else if mlx::size(value) == 1 {
        mlx::broadcast(&mlx::reshape(value, &[], s)?, &counts, s)?
    } else {
        mlx::shape_columns(&fill(value, n, s)?, &counts, s)?
    };
    if !axes.iter().any(|axis| matches!(axis, Axis::At(_))) {
        let (mut from, mut to, mut step) =
            (vec![0; shape.len()], shape.clone(), vec![1; shape.len()]);
        for (k, axis) in axes.iter().enumerate() {
            if let Axis::Range {
                from: a,
                to: b,
                step: d,
            } = axis
            {
                (from[k], to[k], step[k]) = (*a, *b, *d);
            }
        }
        return mlx::slice_update(x, &value, &from, &to, &step, s);
    }
    // scatter: index arrays that broadcast to a grid, then whole slices along the other axes
    let chosen: Vec<usize> = (0..axes.len()).filter(|&k| axes[k] != Axis::All).collect();
    let mut at = Vec::with_capacity(chosen.len());
    for (i, &k) in chosen.iter().enumerate() {
        let mut grid = vec![1; chosen.len()];
        grid[i] = counts[k];
        at.push(mlx::indices(&axes[k].positions(shape[k]), &grid)?);
    }
    let others = (0..axes.len()).filter(|k| !chosen.contains(k));
    let order: Vec<i32> = chosen
        .iter()
        .copied()
        .chain(others)
        .map(|k| k as i32)
        .collect();
    let moved = mlx::permute(&value, &order, s)?;
    let slices = (0..axes.len()).map(|k| if chosen.contains(&k) { 1 } else { shape[k] });
    let updates: Vec<i32> = chosen.iter().map(|&k| counts[k]).chain(slices).collect();
    let along: Vec<i32> = chosen.iter().map(|&k| k as i32).collect();
    mlx::scatter(x, &at, &mlx::reshape(&moved, &updates, s)?, &along, s)
}

fn assign_to(x: &Array, selection: &Selection, value: &Array, s: mlx_stream) -> Result<Array> {
    match selection {
        // its only element
        _ if mlx::rank(x) == 0 => mlx::reshape(&fill(value, 1, s)?, &[], s),
        Selection::Everything => assign_block(x, &vec![Axis::All; mlx::rank(x)], value, s),
        Selection::Axes(axes) => assign_block(x, axes, value, s),
        Selection::Coordinates(columns) => {
            let places = selection.flat(mlx::shape(x))?;
            refuse_duplicates(repeated(&places, mlx::size(x)))?;
            assign_elements(x, columns, value, s)
        }
        Selection::Elements(axis) => {
            let size = mlx::count(mlx::size(x))?;
            refuse_duplicates(axis.repeats(size))?;
            let positions = axis.positions(size);
            assign_elements(x, &unravel(&positions, mlx::shape(x)), value, s)
        }
    }
}

/// The only index, if it is a mask of all elements of an array of several, one value goes where it holds,
/// and so nobody need know where that is.
unsafe fn whole_mask(x: SEXP, arguments: &Arguments, value: SEXP) -> Option<Mask> {
    let index = arguments.get(0)?;
    let n = XLENGTH(x);
    let is = arguments.count() == 1
        && TYPEOF(index) == SEXPTYPE::LGLSXP
        && n > 1
        && XLENGTH(index) == n
        && XLENGTH(value) == 1
        && object::is(x);
    is.then(|| match object::handle_of(index) {
        handle if handle.is_null() => Mask::R(index, Source::of(index)),
        handle => Mask::Mlx(handle),
    })
}

/// A mask of all elements.
#[derive(Clone, Copy)]
enum Mask {
    /// A logical vector.
    R(SEXP, Source),
    /// The handle of an array of bools.
    Mlx(SEXP),
}

impl Mask {
    /// As an array of that shape.
    unsafe fn array(&self, shape: &[i32], device: Device) -> Result<Array> {
        match self {
            Mask::R(index, source) => {
                check_mask(&integers(*index))?;
                from_r::import(source, Dtype::Bool, shape, device)
            }
            Mask::Mlx(handle) => {
                let ctx = handle::address(*handle)?;
                let mask = mlx::borrow(&ctx);
                if mlx::shape(mask) == shape {
                    return mlx::share(mask);
                }
                let s = device.stream();
                mlx::shape_columns(&mlx::flatten_columns(mask, s)?, shape, s)
            }
        }
    }
}

/// Sets the user's own attributes of x: they stay on an array that is assigned into.
unsafe fn set_own_attributes(out: SEXP, x: SEXP) {
    let known = [R_ClassSymbol, R_DimSymbol, R_NamesSymbol, R_DimNamesSymbol];
    let mut at = ATTRIB(x);
    while at != R_NilValue {
        if !known.contains(&TAG(at)) {
            Rf_setAttrib(out, TAG(at), CAR(at));
        }
        at = CDR(at);
    }
}

/// `.Call`: a copy of `out` with the user's own attributes of x.
unsafe extern "C" fn keep_attributes(out: SEXP, x: SEXP) -> SEXP {
    let copy = Rf_protect(Rf_shallow_duplicate(out));
    set_own_attributes(copy, x);
    Rf_unprotect(1);
    copy
}

/// `.Call`: x with x[...] (`single`: x[[...]]) replaced, the indices being the `...` of `frame`.
unsafe extern "C" fn assign(x: SEXP, frame: SEXP, value: SEXP, single: SEXP) -> SEXP {
    if value == R_NilValue {
        throw(no_value());
    }
    let single = Rf_asLogical(single) == 1;
    let arguments = Arguments::pending(frame); // protects one; the user's code may free x or value
    let mask = if single {
        None
    } else {
        whole_mask(x, &arguments, value)
    };
    if mask.is_none() {
        arguments.settle();
    }
    let (target, new) = (Operand::of(x), Operand::of(value));
    let titles = Titles::of(x); // protects two
    let out = entry::one(|| {
        let own = target.device().unwrap_or_else(crate::device::default);
        let device = new.device().map_or(own, |d| d.join(own));
        let s = device.stream();
        let array = target.array(device)?;
        let kind = mlx::dtype(&array);
        if new.dtype() == Some(Dtype::Complex64) && kind != Dtype::Complex64 {
            return Err(Error::Dtype(format!(
                "complex values cannot be assigned into a {} array. Cast it with mlx_cast(x, \"complex64\") first.",
                crate::dtype::name(kind)
            )));
        }
        let value = new.array_into(kind, device)?;
        let shape = mlx::shape(&array);
        let out = match mask {
            Some(mask) => {
                let one = mlx::reshape(&value, &[], s)?;
                mlx::select(&mask.array(shape, device)?, &one, &array, s)?
            }
            None => {
                let parse = if single {
                    Selection::parse_one
                } else {
                    Selection::parse
                };
                assign_to(&array, &parse(&arguments, shape, titles)?, &value, s)?
            }
        };
        Ok(Placed::new(out, device))
    });
    let out = Rf_protect(names::elementwise(out, &[x]));
    set_own_attributes(out, x);
    Rf_unprotect(4);
    out
}

routines![assign / 4, keep_attributes / 2];
