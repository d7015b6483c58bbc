//! `x[...] <- value`: a new array; a block of equal steps is one slice update, else a scatter.
use crate::dtype::Dtype;
use crate::entry;
use crate::error::{throw, Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::index::{Arguments, Axis, Selection, Titles};
use crate::mlx::{self, Array};
use crate::names;
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
    let mut seen = vec![false; mlx::size(x)];
    for i in 0..n {
        let mut place = 0;
        for (column, &extent) in columns.iter().zip(shape) {
            place = place * extent as usize + column[i] as usize;
        }
        refuse_duplicates(std::mem::replace(&mut seen[place], true))?;
    }
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
    let value = mlx::shape_columns(&fill(value, n, s)?, &counts, s)?;
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
        Selection::Coordinates(columns) => assign_elements(x, columns, value, s),
        Selection::Elements(axis) => {
            let positions = axis.positions(mlx::count(mlx::size(x))?);
            assign_elements(x, &unravel(&positions, mlx::shape(x)), value, s)
        }
    }
}

/// `.Call`: x with x[...] (`single`: x[[...]]) replaced, the indices being the `...` of `frame`.
unsafe extern "C" fn assign(x: SEXP, frame: SEXP, value: SEXP, single: SEXP) -> SEXP {
    if value == R_NilValue {
        throw(no_value());
    }
    let single = Rf_asLogical(single) == 1;
    let arguments = Arguments::of(frame); // protects one; the user's code may free x or value
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
        let parse = if single {
            Selection::parse_one
        } else {
            Selection::parse
        };
        let selection = parse(&arguments, mlx::shape(&array), titles)?;
        Ok(Placed::new(
            assign_to(&array, &selection, &value, s)?,
            device,
        ))
    });
    let out = names::elementwise(out, &[x]);
    Rf_unprotect(3);
    out
}

routines![assign / 4];
