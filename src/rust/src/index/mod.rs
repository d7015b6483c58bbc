//! R's index expressions: what `x[...]` selects.
//!
//! An expression is first looked up in R ([`Arguments`], which may jump), then parsed without R
//! ([`Selection`]), with every position checked against the extent it indexes, since MLX itself
//! reads garbage out of range.
mod parse;
pub use parse::{Axis, Selection};

use crate::eval;
use crate::ffi::*;
use crate::object;

/// The index arguments of a call, evaluated: a protected R list whose elements are plain vectors
/// or the missing argument. It owns nothing.
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

impl Arguments {
    /// The `...` of a method's frame. mlx indices are read to R: their values decide shapes.
    ///
    /// # Safety
    /// `frame` is the environment of a running R function with `...`; the caller owns nothing
    /// (this may jump) and unprotects one.
    pub unsafe fn of(frame: SEXP) -> Arguments {
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
                    SET_VECTOR_ELT(list, i, plain_numbers(value));
                } else {
                    eval::evaluate(handle);
                    let plain = Rf_protect(object::read(handle));
                    // a mask or coordinate matrix needs its shape
                    Rf_setAttrib(plain, R_DimSymbol, Rf_getAttrib(value, R_DimSymbol));
                    SET_VECTOR_ELT(list, i, plain);
                    Rf_unprotect(1);
                }
                Rf_unprotect(1);
            }
            at = CDR(at);
        }
        Arguments { list }
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
