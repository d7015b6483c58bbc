//! Index vectors to positions.
use super::vector::{bools, doubles, holding, integers, within};
use super::{Arguments, Axis, Titles};
use crate::entry::show;
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::mlx;
use crate::object;
use std::collections::HashMap;
use std::ffi::{c_int, CStr};
use std::ops::Range;

/// What an index expression selects.
#[derive(Debug)]
pub enum Selection {
    /// `x[]`.
    Everything,
    /// One selection per axis.
    Axes(Vec<Axis>),
    /// Positions in the column-major flattening.
    Elements(Axis),
    /// One row of coordinates per element: `columns[k]` holds the positions along axis k.
    Coordinates(Vec<Vec<i32>>),
}

impl Selection {
    /// Parses the arguments of an array of `shape`.
    ///
    /// # Safety
    /// `titles` are protected.
    pub unsafe fn parse(arguments: &Arguments, shape: &[i32], titles: Titles) -> Result<Selection> {
        let n = arguments.count();
        if n == 0 || (n == 1 && arguments.get(0).is_none()) {
            return Ok(Selection::Everything);
        }
        if shape.is_empty() {
            if n == 1 && arguments.get(0).is_some_and(|index| only_element(index)) {
                return Ok(Selection::Elements(Axis::All));
            }
            return Err(Error::Index("Cannot subset a scalar mlx array. It is its only element: use it as it is, or `as.numeric()`.".into()));
        }
        let Titles { names, dimnames } = titles;
        let title = |axis: usize| {
            if shape.len() == 1 {
                names
            } else if dimnames == R_NilValue {
                dimnames
            } else {
                VECTOR_ELT(dimnames, axis as R_xlen_t)
            }
        };
        if n == 1 && shape.len() > 1 {
            if let Some(index) = arguments.get(0) {
                return whole(index, shape, dimnames);
            }
        }
        if n > shape.len() {
            return Err(Error::Index(format!(
                "Incorrect number of indices supplied. The array has {} axes (shape {}), the expression {n} indices.",
                shape.len(), show(shape)
            )));
        }
        let mut axes = vec![Axis::All; shape.len()];
        for (k, axis) in axes.iter_mut().enumerate().take(n) {
            if let Some(index) = arguments.get(k) {
                *axis = positions(
                    index,
                    shape[k],
                    &|| format!("axis {} (extent {})", k + 1, shape[k]),
                    title(k),
                )?;
            }
        }
        Ok(Selection::Axes(axes))
    }

    /// As [`Selection::parse`] for `[[`, which selects one element; `[[1]]` of a 0-d array is its
    /// value.
    ///
    /// # Safety
    /// As [`Selection::parse`].
    pub unsafe fn parse_one(
        arguments: &Arguments,
        shape: &[i32],
        titles: Titles,
    ) -> Result<Selection> {
        let (selection, n) = match arguments.get(0) {
            Some(index) if shape.is_empty() && arguments.count() == 1 => {
                let n = whole(index, &[1], R_NilValue)?.count(&[1]);
                (Selection::Everything, n)
            }
            _ => {
                let selection = Selection::parse(arguments, shape, titles)?;
                let n = selection.count(shape);
                (selection, n)
            }
        };
        if n != 1 {
            return Err(Error::Index(format!(
                "`[[` takes exactly one element; this selects {n}. Use `[`."
            )));
        }
        Ok(selection)
    }

    /// How many elements.
    fn count(&self, shape: &[i32]) -> i64 {
        let size = shape.iter().map(|&n| i64::from(n)).product();
        match self {
            Selection::Everything => size,
            Selection::Axes(axes) => axes
                .iter()
                .zip(shape)
                .map(|(axis, &extent)| i64::from(axis.count(extent)))
                .product(),
            Selection::Elements(axis) => i64::from(axis.count(size as i32)),
            Selection::Coordinates(columns) => columns.first().map_or(0, Vec::len) as i64,
        }
    }
}

impl Selection {
    /// The selected positions in the column-major flattening of `shape`, 0-based.
    pub fn flat(&self, shape: &[i32]) -> Result<Vec<i32>> {
        let size: i64 = shape.iter().map(|&n| i64::from(n)).product();
        let size = mlx::count(size as usize)?;
        let strides = shape.iter().scan(1, |stride, &n| {
            let here = *stride;
            *stride *= n;
            Some(here)
        });
        Ok(match self {
            Selection::Everything => (0..size).collect(),
            Selection::Elements(axis) => axis.positions(size),
            Selection::Coordinates(columns) => {
                let mut out = vec![0; columns.first().map_or(0, Vec::len)];
                for (column, stride) in columns.iter().zip(strides) {
                    out.iter_mut()
                        .zip(column)
                        .for_each(|(p, i)| *p += i * stride);
                }
                out
            }
            Selection::Axes(axes) => {
                let mut out = vec![0];
                for ((axis, stride), &n) in axes.iter().zip(strides).zip(shape) {
                    let along = axis.positions(n);
                    out = along
                        .iter()
                        .flat_map(|i| out.iter().map(move |p| p + i * stride))
                        .collect();
                }
                out
            }
        })
    }
}

/// Whether an index is 1 or TRUE, which select a 0-d array's element.
unsafe fn only_element(index: SEXP) -> bool {
    XLENGTH(index) == 1
        && match TYPEOF(index) {
            SEXPTYPE::LGLSXP if object::is(index) => {
                let mask = handle::address(object::seen_handle(index));
                let mask = mask.and_then(|ctx| bools(mlx::borrow(&ctx)));
                mask.is_ok_and(|mask| mask[0] != 0)
            }
            SEXPTYPE::LGLSXP => LOGICAL_ELT(index, 0) == 1,
            SEXPTYPE::INTSXP | SEXPTYPE::REALSXP => number(index, 0).trunc() == 1.0,
            _ => false,
        }
}

/// A single index on an array of rank two or more.
unsafe fn whole(index: SEXP, shape: &[i32], dimnames: SEXP) -> Result<Selection> {
    let dim = Rf_getAttrib(index, R_DimSymbol);
    let named = TYPEOF(index) == SEXPTYPE::STRSXP;
    let numeric = matches!(TYPEOF(index), SEXPTYPE::INTSXP | SEXPTYPE::REALSXP);
    if (numeric || named) && TYPEOF(dim) == SEXPTYPE::INTSXP && XLENGTH(dim) == 2 {
        let (rows, columns) = (INTEGER_ELT(dim, 0), INTEGER_ELT(dim, 1));
        if columns as usize == shape.len() {
            return if named {
                named_coordinates(index, rows as usize, shape, dimnames)
            } else {
                coordinates(index, rows as usize, shape)
            };
        }
        if rows > 1 && columns > 1 {
            return Err(Error::Index(format!(
                "a matrix of indices needs one column per dimension: {} for shape {}; it has {columns}.",
                shape.len(), show(shape)
            )));
        }
    }
    let size: i64 = shape.iter().map(|&n| i64::from(n)).product();
    let size = i32::try_from(size).map_err(|_| {
        Error::Index(
            "a single index reaches 2^31 - 1 elements; index each axis of this array.".into(),
        )
    })?;
    let axis = positions(
        index,
        size,
        &|| format!("the array ({size} elements)"),
        R_NilValue,
    )?;
    Ok(Selection::Elements(axis))
}

unsafe fn coordinates(index: SEXP, rows: usize, shape: &[i32]) -> Result<Selection> {
    let mut columns = Vec::with_capacity(shape.len());
    for (k, &extent) in shape.iter().enumerate() {
        let mut column = Vec::with_capacity(rows);
        for i in 0..rows {
            let value = number(index, k * rows + i);
            if value.is_nan() {
                return Err(Error::Index(
                    "Index contains NA: every coordinate must be a number.".into(),
                ));
            }
            if value < 1.0 {
                return Err(Error::Index(format!(
                    "Matrix indices must be positive; row {} has {value}.",
                    i + 1
                )));
            }
            if value >= f64::from(extent) + 1.0 {
                return Err(out_of_bounds(
                    value,
                    &format!("axis {} (extent {extent})", k + 1),
                ));
            }
            column.push(value as i32 - 1);
        }
        columns.push(column);
    }
    Ok(Selection::Coordinates(columns))
}

/// Rows of names: column k holds names along axis k.
unsafe fn named_coordinates(
    index: SEXP,
    rows: usize,
    shape: &[i32],
    dimnames: SEXP,
) -> Result<Selection> {
    let mut columns = Vec::with_capacity(shape.len());
    for (k, &extent) in shape.iter().enumerate() {
        let names = if dimnames == R_NilValue {
            dimnames
        } else {
            VECTOR_ELT(dimnames, k as R_xlen_t)
        };
        let what = format!("axis {} (extent {extent})", k + 1);
        columns.push(places(index, k * rows..(k + 1) * rows, &what, names)?);
    }
    Ok(Selection::Coordinates(columns))
}

fn out_of_bounds(value: f64, what: &str) -> Error {
    let shown = if value.is_finite() {
        value.to_string()
    } else {
        "Inf".into()
    };
    Error::Index(format!("Index out of bounds: {shown} on {what}."))
}

/// One element of an integer or double vector; NA as NaN.
unsafe fn number(x: SEXP, i: usize) -> f64 {
    match TYPEOF(x) {
        SEXPTYPE::REALSXP => REAL_ELT(x, i as R_xlen_t),
        _ => match INTEGER_ELT(x, i as R_xlen_t) {
            c_int::MIN => f64::NAN,
            v => f64::from(v),
        },
    }
}

/// The positions that an index vector selects among `extent`.
unsafe fn positions(
    index: SEXP,
    extent: i32,
    what: &dyn Fn() -> String,
    names: SEXP,
) -> Result<Axis> {
    match TYPEOF(index) {
        SEXPTYPE::LGLSXP => logical(index, extent, what),
        SEXPTYPE::INTSXP | SEXPTYPE::REALSXP => numeric(index, extent, what),
        SEXPTYPE::STRSXP => {
            let all = 0..XLENGTH(index) as usize;
            Ok(Axis::of(places(index, all, &what(), names)?, extent))
        }
        SEXPTYPE::NILSXP => Ok(Axis::of(Vec::new(), extent)),
        _ => Err(Error::Index(
            "Unsupported index type. Index with numbers, logicals, names, an mlx array of those, or a coordinate matrix.".into(),
        )),
    }
}

unsafe fn logical(index: SEXP, extent: i32, what: &dyn Fn() -> String) -> Result<Axis> {
    let n = XLENGTH(index);
    if n != 1 && n != R_xlen_t::from(extent as isize) {
        return Err(Error::Index(format!(
            "a logical index must have length 1 or that of {}; it has length {n}.",
            what()
        )));
    }
    let all = |yes: bool| match yes {
        true => Axis::All,
        false => Axis::of(Vec::new(), extent),
    };
    if object::is(index) {
        let ctx = handle::address(object::seen_handle(index))?;
        let mask = bools(mlx::borrow(&ctx))?;
        return Ok(match mask[..] {
            [one] if extent != 1 => all(one != 0),
            _ => holding(&mask, extent, |v| v != 0),
        });
    }
    let mask = integers(index);
    check_mask(&mask)?;
    Ok(match mask[..] {
        [one] if extent != 1 => all(one != 0),
        _ => holding(&mask, extent, |v| v != 0),
    })
}

/// Errors if a logical vector holds an NA.
pub fn check_mask(mask: &[c_int]) -> Result<()> {
    if mask.iter().fold(false, |any, &v| any | (v == c_int::MIN)) {
        return Err(Error::Index(
            "Index contains NA: say TRUE or FALSE for every position.".into(),
        ));
    }
    Ok(())
}

unsafe fn numeric(index: SEXP, extent: i32, what: &dyn Fn() -> String) -> Result<Axis> {
    let found = if TYPEOF(index) == SEXPTYPE::INTSXP {
        within(
            &integers(index),
            extent,
            |p| p >= 1 && p <= extent,
            |p| p - 1,
        )
    } else {
        let end = f64::from(extent) + 1.0;
        within(
            &doubles(index),
            extent,
            |p| p >= 1.0 && p < end,
            |p| p as i32 - 1,
        )
    };
    match found {
        Some(axis) => Ok(axis),
        None => signed(index, extent, what),
    }
}

/// Positions of which one is negative, or wrong.
unsafe fn signed(index: SEXP, extent: i32, what: &dyn Fn() -> String) -> Result<Axis> {
    let n = XLENGTH(index) as usize;
    let (mut positive, mut negative) = (false, false);
    for i in 0..n {
        let value = number(index, i);
        if value.is_nan() {
            return Err(Error::Index(
                "Index contains NA: every position must be a number.".into(),
            ));
        }
        let value = value.trunc();
        if value == 0.0 {
            return Err(Error::Index(
                "Index contains zeros: positions start at 1.".into(),
            ));
        }
        positive |= value > 0.0;
        negative |= value < 0.0;
        if positive && negative {
            return Err(Error::Index("Cannot mix positive and negative indices: positive ones select, negative ones leave out.".into()));
        }
        if value.abs() > f64::from(extent) {
            return Err(out_of_bounds(value, &what()));
        }
    }
    let values = (0..n).map(|i| number(index, i) as i32);
    if !negative {
        return Ok(Axis::of(values.map(|v| v - 1).collect(), extent));
    }
    let mut keep = vec![true; extent as usize];
    for value in values {
        keep[(-value - 1) as usize] = false;
    }
    Ok(Axis::of(
        (0..extent).filter(|&i| keep[i as usize]).collect(),
        extent,
    ))
}

/// The positions of some of the names in `index`; of equal names along the axis the first counts.
unsafe fn places(index: SEXP, some: Range<usize>, what: &str, names: SEXP) -> Result<Vec<i32>> {
    if TYPEOF(names) != SEXPTYPE::STRSXP {
        return Err(Error::Index(format!(
            "a character index needs names, and {what} has none."
        )));
    }
    let text = |x: SEXP, i: R_xlen_t| CStr::from_ptr(R_CHAR(STRING_ELT(x, i))).to_bytes();
    let mut known: HashMap<&[u8], i32> = HashMap::new();
    for i in 0..XLENGTH(names) {
        if STRING_ELT(names, i) != R_NaString {
            known.entry(text(names, i)).or_insert(i as i32);
        }
    }
    let mut chosen = Vec::new();
    for i in some {
        if STRING_ELT(index, i as R_xlen_t) == R_NaString {
            return Err(Error::Index(
                "Index contains NA: every name must be there.".into(),
            ));
        }
        let name = text(index, i as R_xlen_t);
        match known.get(name) {
            Some(&position) => chosen.push(position),
            None => {
                return Err(Error::Index(format!(
                    "Index out of bounds: {what} has no name \"{}\".",
                    String::from_utf8_lossy(name)
                )))
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equally_spaced_positions_become_a_range() {
        assert_eq!(
            Axis::of(vec![1, 3, 5], 9),
            Axis::Range {
                from: 1,
                to: 6,
                step: 2
            }
        );
        assert_eq!(
            Axis::of(vec![2], 9),
            Axis::Range {
                from: 2,
                to: 3,
                step: 1
            }
        );
        assert_eq!(Axis::of(vec![0, 1, 2], 3), Axis::All);
    }

    #[test]
    fn descending_and_uneven_positions_stay_a_list() {
        assert_eq!(Axis::of(vec![3, 2, 1], 9), Axis::At(vec![3, 2, 1]));
        assert_eq!(Axis::of(vec![1, 1], 9), Axis::At(vec![1, 1]));
    }

    #[test]
    fn a_range_counts_and_lists_its_positions() {
        let range = Axis::Range {
            from: 1,
            to: 6,
            step: 2,
        };
        assert_eq!(range.count(9), 3);
        assert_eq!(range.positions(9), vec![1, 3, 5]);
        assert_eq!(Axis::of(Vec::new(), 4).count(4), 0);
    }

    #[test]
    fn repeated_positions_are_noticed() {
        assert!(Axis::At(vec![2, 0, 2]).repeats(3));
        assert!(!Axis::At(vec![2, 0, 1]).repeats(3));
    }
}
