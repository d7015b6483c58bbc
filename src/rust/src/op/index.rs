//! `x[...]`: slices where positions are equally spaced, gathers elsewhere; all on the tape.
use crate::entry;
use crate::error::{guarded, raise, throw, Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::index::{Arguments, Axis, Selection, Titles};
use crate::mlx::{self, Array};
use crate::object;
use crate::operand::Operand;
use crate::tape;
use mlx_sys::mlx_stream;
use std::cell::Cell;

thread_local! {
    /// R's `carry_index_names(out, x, indices, drop)`.
    static NAMER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

/// `.Call`: tells which R function names the result of indexing a named array.
unsafe extern "C" fn set_index_namer(function: SEXP) -> SEXP {
    R_PreserveObject(function);
    NAMER.with(|n| n.set(function));
    R_NilValue
}

/// Coordinates of column-major positions: one list for each axis.
pub fn unravel(positions: &[i32], shape: &[i32]) -> Vec<Vec<i32>> {
    let mut rest = positions.to_vec();
    let mut out = Vec::with_capacity(shape.len());
    for &extent in &shape[..shape.len().saturating_sub(1)] {
        let extent = extent.max(1);
        // the one before is often in the same column: most elements need no division
        let (mut column, mut start) = (0, 0);
        let along = rest.iter_mut().map(|p| {
            let mut offset = *p - start;
            if offset < 0 || offset >= extent {
                column = *p / extent;
                start = column * extent;
                offset = *p - start;
            }
            *p = column;
            offset
        });
        out.push(along.collect());
    }
    if !shape.is_empty() {
        out.push(rest);
    }
    out
}

/// The elements in one axis without a copy, and where column-major positions are on it; none if the
/// elements are not there yet or do not lie in one of the two orders.
fn line(x: &Array, axis: &Axis, s: mlx_stream) -> Result<Option<(Array, Axis)>> {
    if mlx::is_tracer(x) || !mlx::is_available(x)? {
        return Ok(None);
    }
    let (rows, columns) = mlx::layout(x);
    if columns {
        return Ok(Some((mlx::flatten_columns(x, s)?, axis.clone())));
    }
    if !rows {
        return Ok(None);
    }
    let shape = mlx::shape(x);
    let size = mlx::count(mlx::size(x))?;
    let mut places = vec![0; axis.count(size) as usize];
    for (along, &extent) in unravel(&axis.positions(size), shape).iter().zip(shape) {
        places
            .iter_mut()
            .zip(along)
            .for_each(|(p, i)| *p = *p * extent + i);
    }
    Ok(Some((mlx::reshape(x, &[size], s)?, Axis::of(places, size))))
}

/// One element for each row of coordinates, 1-d.
fn elements(x: &Array, columns: &[Vec<i32>], s: mlx_stream) -> Result<Array> {
    let rank = columns.len();
    let n = columns.first().map_or(0, Vec::len);
    if n == 0 {
        let kind = mlx::dtype(x);
        return mlx::full(&[0], &mlx::scalar(0.0, kind, s)?, kind, s);
    }
    if n == 1 {
        let from: Vec<i32> = columns.iter().map(|c| c[0]).collect();
        let to: Vec<i32> = from.iter().map(|i| i + 1).collect();
        return mlx::reshape(&mlx::slice(x, &from, &to, &vec![1; rank], s)?, &[1], s);
    }
    let at = columns
        .iter()
        .map(|c| mlx::indices(c, &[n as i32]))
        .collect::<Result<Vec<_>>>()?;
    let axes: Vec<i32> = (0..rank as i32).collect();
    mlx::reshape(
        &mlx::gather(x, &at, &axes, &vec![1; rank], s)?,
        &[n as i32],
        s,
    )
}

/// A block: one slice for all ranges, then a take for each list of positions.
pub fn block(x: &Array, axes: &[Axis], s: mlx_stream) -> Result<Array> {
    let shape = mlx::shape(x);
    let (mut from, mut to, mut step) = (vec![0; shape.len()], shape.to_vec(), vec![1; shape.len()]);
    let mut sliced = false;
    for (k, axis) in axes.iter().enumerate() {
        if let Axis::Range {
            from: a,
            to: b,
            step: d,
        } = axis
        {
            (from[k], to[k], step[k]) = (*a, *b, *d);
            sliced = true;
        }
    }
    let mut out = if sliced {
        mlx::slice(x, &from, &to, &step, s)?
    } else {
        mlx::share(x)?
    };
    for (k, axis) in axes.iter().enumerate() {
        if let Axis::At(positions) = axis {
            let at = mlx::indices(positions, &[positions.len() as i32])?;
            out = mlx::take(&out, &at, k as i32, s)?;
        }
    }
    Ok(out)
}

fn select(x: &Array, selection: &Selection, drop: bool, s: mlx_stream) -> Result<Array> {
    match selection {
        Selection::Everything => mlx::share(x),
        Selection::Elements(_) if mlx::rank(x) == 0 => mlx::reshape(x, &[1], s),
        Selection::Elements(axis) => {
            let size = mlx::count(mlx::size(x))?;
            if let Some((line, axis)) = line(x, axis, s)? {
                return block(&line, &[axis], s);
            }
            elements(x, &unravel(&axis.positions(size), mlx::shape(x)), s)
        }
        Selection::Coordinates(columns) => elements(x, columns, s),
        Selection::Axes(axes) => {
            let out = block(x, axes, s)?;
            if !drop || mlx::rank(x) == 1 {
                return Ok(out);
            }
            let left: Vec<i32> = mlx::shape(&out)
                .iter()
                .copied()
                .filter(|&n| n != 1)
                .collect();
            // one number stays a vector of one, as in base R
            mlx::reshape(&out, if left.is_empty() { &[1] } else { &left }, s)
        }
    }
}

/// `.Call`: x[...], the indices being the `...` of `frame`.
unsafe extern "C" fn subset(x: SEXP, frame: SEXP, drop: SEXP) -> SEXP {
    let arguments = Arguments::of(frame); // protects one; the user's code may free x
    let operand = Operand::of(x);
    let Some(device) = operand.device() else {
        throw(Error::Internal(
            "subset of something that is no mlx array".into(),
        ));
    };
    let drop = entry::plain(|| entry::flag(drop, "drop"));
    let titles = Titles::of(x); // protects two
    let out = entry::one(|| {
        let array = &*operand.array(device)?;
        let selection = Selection::parse(&arguments, mlx::shape(array), titles)?;
        Ok(Placed::new(
            select(array, &selection, drop, device.stream())?,
            device,
        ))
    });
    let namer = NAMER.with(Cell::get);
    if (titles.names == R_NilValue && titles.dimnames == R_NilValue) || namer.is_null() {
        Rf_unprotect(3);
        return out;
    }
    Rf_protect(out);
    let flag = Rf_protect(Rf_ScalarLogical(drop.into()));
    let indices = Rf_protect(arguments.plain());
    let call = Rf_protect(call(namer, &[out, x, indices, flag]));
    let out = Rf_eval(call, R_BaseEnv);
    Rf_unprotect(7);
    out
}

/// `.Call`: x[[...]]: one element as a plain R value.
unsafe extern "C" fn element(x: SEXP, frame: SEXP) -> SEXP {
    let arguments = Arguments::of(frame); // protects one; the user's code may free x
    let operand = Operand::of(x);
    let Some(device) = operand.device() else {
        throw(Error::Internal(
            "element of something that is no mlx array".into(),
        ));
    };
    tape::check_read(object::handle_of(x));
    let titles = Titles::of(x); // protects two
    let one = Rf_protect(handle::new());
    let picked = guarded(|| {
        let array = &*operand.array(device)?;
        let selection = Selection::parse_one(&arguments, mlx::shape(array), titles)?;
        let out = select(array, &selection, false, device.stream())?;
        handle::fill(one, Placed::new(out, device));
        Ok(())
    });
    if picked.is_none() {
        raise();
    }
    eval::evaluate(one);
    let value = object::read(one);
    Rf_unprotect(4);
    value
}

routines![subset / 3, element / 2, set_index_namer / 1];
