//! R's index expressions: what `x[...]` selects.
//!
//! An expression is first looked up in R ([`Arguments`], which may jump), then parsed without R
//! ([`Selection`]), with every position checked against the extent it indexes, since MLX itself
//! reads garbage out of range.
mod axis;
mod parse;
mod vector;
pub use axis::{repeated, Axis};
pub use parse::{check_mask, Selection};
pub use vector::integers;

use crate::eval;
use crate::ffi::*;
use crate::object;
use std::ffi::{c_int, CStr};

/// The index arguments of a call, evaluated: a protected R list whose elements are plain vectors, mlx
/// vectors of bools or the missing argument. It owns nothing.
#[derive(Clone, Copy)]
pub struct Arguments {
    /// The list.
    pub list: SEXP,
}

/// bit64's integer64 as doubles; anything else as it is. May jump.
unsafe fn plain_numbers(x: SEXP) -> SEXP {
    if TYPEOF(x) != SEXPTYPE::REALSXP
        || Rf_isObject(x) != Rboolean::TRUE
        || Rf_inherits(x, c"integer64".as_ptr()) != Rboolean::TRUE
    {
        return x;
    }
    let n = XLENGTH(x);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::REALSXP, n));
    for i in 0..n {
        let value = REAL_ELT(x, i).to_bits() as i64;
        let number = if value == i64::MIN {
            f64::NAN
        } else {
            value as f64
        };
        SET_REAL_ELT(out, i, number);
    }
    Rf_setAttrib(out, R_DimSymbol, Rf_getAttrib(x, R_DimSymbol));
    Rf_unprotect(1);
    out
}

/// A character vector (anything else as it is) whose strings are all ASCII or UTF-8, so that equal
/// ones have equal bytes. May jump.
unsafe fn in_utf8(x: SEXP) -> SEXP {
    if TYPEOF(x) != SEXPTYPE::STRSXP {
        return x;
    }
    let foreign = |s: SEXP| {
        s != R_NaString
            && [cetype_t::CE_NATIVE, cetype_t::CE_LATIN1]
                .iter()
                .any(|&e| e as c_int == Rf_getCharCE(s))
            && !CStr::from_ptr(R_CHAR(s)).to_bytes().is_ascii()
    };
    let n = XLENGTH(x);
    if !(0..n).any(|i| foreign(STRING_ELT(x, i))) {
        return x;
    }
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::STRSXP, n));
    for i in 0..n {
        let s = STRING_ELT(x, i);
        let s = if foreign(s) {
            Rf_mkCharCE(Rf_translateCharUTF8(s), cetype_t::CE_UTF8)
        } else {
            s
        };
        SET_STRING_ELT(out, i, s);
    }
    Rf_setAttrib(out, R_DimSymbol, Rf_getAttrib(x, R_DimSymbol));
    Rf_unprotect(1);
    out
}

/// An array's names along its axes, as UTF-8; R's attributes or NULL.
#[derive(Clone, Copy)]
pub struct Titles {
    /// Of a vector.
    pub names: SEXP,
    /// A list with one element for each axis.
    pub dimnames: SEXP,
}

impl Titles {
    /// Of an array.
    ///
    /// # Safety
    /// `x` is live and protected; the caller owns nothing (this may jump) and unprotects two.
    pub unsafe fn of(x: SEXP) -> Titles {
        let names = Rf_protect(in_utf8(Rf_getAttrib(x, R_NamesSymbol)));
        let own = Rf_getAttrib(x, R_DimNamesSymbol);
        if own == R_NilValue {
            return Titles {
                names,
                dimnames: Rf_protect(own),
            };
        }
        let dimnames = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, XLENGTH(own)));
        for axis in 0..XLENGTH(own) {
            SET_VECTOR_ELT(dimnames, axis, in_utf8(VECTOR_ELT(own, axis)));
        }
        Titles { names, dimnames }
    }
}

/// The values of an mlx index, with its shape, which a mask or a matrix of coordinates needs.
unsafe fn read(index: SEXP, handle: SEXP) -> SEXP {
    eval::evaluate(handle);
    let plain = Rf_protect(object::read(handle));
    Rf_setAttrib(plain, R_DimSymbol, Rf_getAttrib(index, R_DimSymbol));
    Rf_unprotect(1);
    plain
}

impl Arguments {
    /// The `...` of a method's frame. mlx indices are evaluated: their values decide shapes. Those that
    /// are bools stay mlx vectors, other ones are read to R.
    ///
    /// # Safety
    /// `frame` is the environment of a running R function with `...`; the caller owns nothing
    /// (this may jump) and unprotects one.
    pub unsafe fn of(frame: SEXP) -> Arguments {
        let arguments = Arguments::pending(frame);
        arguments.settle();
        arguments
    }

    /// As [`Arguments::of`], but bools are not evaluated; [`Arguments::settle`] does it.
    ///
    /// # Safety
    /// As [`Arguments::of`].
    pub unsafe fn pending(frame: SEXP) -> Arguments {
        let dots = rmlx_dots(frame);
        let mut n = 0;
        if TYPEOF(dots) == SEXPTYPE::DOTSXP {
            let mut at = dots;
            while at != R_NilValue {
                n += 1;
                at = CDR(at);
            }
        }
        let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
        let mut at = dots;
        for i in 0..n {
            let argument = CAR(at);
            if argument == R_MissingArg {
                SET_VECTOR_ELT(list, i, R_MissingArg);
            } else {
                let value = Rf_protect(Rf_eval(argument, frame));
                let handle = object::handle_of(value);
                if handle.is_null() {
                    SET_VECTOR_ELT(list, i, in_utf8(plain_numbers(value)));
                } else if TYPEOF(value) == SEXPTYPE::LGLSXP {
                    if eval::is_abstract(handle) {
                        eval::evaluate(handle); // an error
                    }
                    SET_VECTOR_ELT(list, i, value);
                } else {
                    SET_VECTOR_ELT(list, i, read(value, handle));
                }
                Rf_unprotect(1);
            }
            at = CDR(at);
        }
        Arguments { list }
    }

    /// Evaluates the bools.
    ///
    /// # Safety
    /// The caller owns nothing (this may jump).
    pub unsafe fn settle(&self) {
        for i in 0..self.count() {
            let handle = self
                .get(i)
                .map_or(std::ptr::null_mut(), |x| object::handle_of(x));
            if !handle.is_null() {
                eval::evaluate(handle);
            }
        }
    }

    /// The list with plain vectors in place of mlx bools.
    ///
    /// # Safety
    /// The caller owns nothing (this may jump) and protects the result.
    pub unsafe fn plain(&self) -> SEXP {
        let list = Rf_protect(Rf_shallow_duplicate(self.list));
        for i in 0..self.count() {
            if let Some(value) = self.get(i) {
                let handle = object::handle_of(value);
                if !handle.is_null() {
                    SET_VECTOR_ELT(list, i as R_xlen_t, read(value, handle));
                }
            }
        }
        Rf_unprotect(1);
        list
    }

    /// How many.
    pub fn count(&self) -> usize {
        // SAFETY: a live list.
        unsafe { XLENGTH(self.list) as usize }
    }

    /// One of them; `None` if it was left out, or there are fewer.
    pub fn get(&self, i: usize) -> Option<SEXP> {
        if i >= self.count() {
            return None;
        }
        // SAFETY: a live list, and `i` is below its length.
        let value = unsafe { VECTOR_ELT(self.list, i as R_xlen_t) };
        // SAFETY: a constant of R.
        (value != unsafe { R_MissingArg }).then_some(value)
    }
}
