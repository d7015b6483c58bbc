//! A plain vector beside one column: R's recycling would pair them, broadcasting makes a matrix. R's
//! side tells the user; in functions that are transformed as they were written for R's vectors, they
//! are paired.
use crate::ffi::*;
use crate::object;
use crate::operand::Operand;
use std::cell::Cell;

thread_local! {
    /// R's `on_spread(first, n, m)`.
    static WATCHER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
    /// Whether a vector beside a column of as many rows is paired with it.
    static PAIRING: Cell<bool> = const { Cell::new(false) };
}

/// Sets whether vectors are paired with columns, and tells whether they were.
pub fn pair(yes: bool) -> bool {
    PAIRING.with(|p| p.replace(yes))
}

/// Whether they are.
pub fn is_pairing() -> bool {
    PAIRING.with(Cell::get)
}

/// `.Call`: as [`pair`].
unsafe extern "C" fn pair_columns(yes: SEXP) -> SEXP {
    Rf_ScalarLogical(pair(Rf_asLogical(yes) == 1).into())
}

/// Whether an R vector is to be paired with the column that `array` may be.
unsafe fn pairs(vector: SEXP, array: SEXP) -> bool {
    is_pairing()
        && object::handle_of(vector).is_null()
        && rows(vector, array).is_some_and(|m| XLENGTH(vector) == m as R_xlen_t)
}

/// The two operands of an operation; a vector that is paired with a column takes its shape.
///
/// # Safety
/// `x` and `y` are protected; the caller owns nothing (this may jump).
pub unsafe fn operands(x: SEXP, y: SEXP) -> (Operand, Operand) {
    let (mut a, mut b) = (Operand::of(x), Operand::of(y));
    if let Operand::R { dim, .. } = &mut a {
        if pairs(x, y) {
            *dim = Rf_getAttrib(y, R_DimSymbol);
        }
    }
    if let Operand::R { dim, .. } = &mut b {
        if pairs(y, x) {
            *dim = Rf_getAttrib(x, R_DimSymbol);
        }
    }
    (a, b)
}

/// `.Call`: tells which R function hears of it.
unsafe extern "C" fn set_spread_watcher(function: SEXP) -> SEXP {
    R_PreserveObject(function);
    WATCHER.with(|w| w.set(function));
    R_NilValue
}

/// The rows of the one column that `array` is, if `vector` is a vector of several numbers: an R vector
/// of any length, or a 1-d array of as many numbers, which may have been an R vector before.
unsafe fn rows(vector: SEXP, array: SEXP) -> Option<i32> {
    if XLENGTH(vector) < 2 || Rf_getAttrib(vector, R_DimSymbol) != R_NilValue {
        return None;
    }
    let dim = Rf_getAttrib(array, R_DimSymbol);
    let column = TYPEOF(dim) == SEXPTYPE::INTSXP && XLENGTH(dim) == 2 && INTEGER_ELT(dim, 1) == 1;
    if !column || INTEGER_ELT(dim, 0) < 2 {
        return None;
    }
    let rows = INTEGER_ELT(dim, 0);
    let fits = XLENGTH(vector) == rows as R_xlen_t || object::handle_of(vector).is_null();
    fits.then_some(rows)
}

/// Tells R's side where one of two operands is a vector and the other a column.
///
/// # Safety
/// All are live, `x` and `y` protected; the caller owns nothing (this may jump).
pub unsafe fn tell(out: SEXP, x: SEXP, y: SEXP) -> SEXP {
    if pairs(x, y) || pairs(y, x) {
        return out;
    }
    let (first, vector, m) = match (rows(x, y), rows(y, x)) {
        (Some(m), _) => (true, x, m),
        (_, Some(m)) => (false, y, m),
        _ => return out,
    };
    let watcher = WATCHER.with(Cell::get);
    if watcher.is_null() {
        return out;
    }
    Rf_protect(out);
    let first = Rf_protect(Rf_ScalarLogical(first.into()));
    let n = Rf_protect(Rf_ScalarReal(XLENGTH(vector) as f64));
    let m = Rf_protect(Rf_ScalarInteger(m));
    let call = Rf_protect(call(watcher, &[first, n, m]));
    Rf_eval(call, R_BaseEnv);
    Rf_unprotect(5);
    out
}

routines![set_spread_watcher / 1, pair_columns / 1];
