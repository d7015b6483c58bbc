//! names and dimnames: where base R's functions keep them, so do ours.
//!
//! They are ordinary R attributes of the mlx vector; nothing here reads values.
use crate::ffi::*;

/// dimnames, or names as a list of one; `R_NilValue` if there are none.
///
/// # Safety
/// `x` is live; the caller protects the result.
unsafe fn of(x: SEXP) -> SEXP {
    let dimnames = Rf_getAttrib(x, R_DimNamesSymbol);
    if dimnames != R_NilValue {
        return dimnames;
    }
    let names = Rf_getAttrib(x, R_NamesSymbol);
    if names == R_NilValue {
        return names;
    }
    Rf_protect(names);
    let list = Rf_allocVector(SEXPTYPE::VECSXP, 1);
    SET_VECTOR_ELT(list, 0, names);
    Rf_unprotect(1);
    list
}

/// The rank that the attributes speak of.
unsafe fn rank(x: SEXP) -> usize {
    let dim = Rf_getAttrib(x, R_DimSymbol);
    if dim == R_NilValue {
        1
    } else {
        XLENGTH(dim) as usize
    }
}

unsafe fn same_shape(x: SEXP, y: SEXP) -> bool {
    if XLENGTH(x) != XLENGTH(y) || rank(x) != rank(y) {
        return false;
    }
    let (a, b) = (Rf_getAttrib(x, R_DimSymbol), Rf_getAttrib(y, R_DimSymbol));
    rank(x) == 1 || (0..XLENGTH(a)).all(|i| INTEGER_ELT(a, i) == INTEGER_ELT(b, i))
}

/// Sets names (rank 1) or dimnames from a list with one element per axis.
unsafe fn set(out: SEXP, list: SEXP) {
    let any = (0..XLENGTH(list)).any(|i| VECTOR_ELT(list, i) != R_NilValue);
    if !any {
        return;
    }
    if Rf_getAttrib(out, R_DimSymbol) != R_NilValue {
        Rf_setAttrib(out, R_DimNamesSymbol, list);
    } else if XLENGTH(list) == 1 && XLENGTH(VECTOR_ELT(list, 0)) == XLENGTH(out) {
        Rf_setAttrib(out, R_NamesSymbol, VECTOR_ELT(list, 0));
    }
}

/// Sets names and dimnames, each of which may be NULL.
///
/// # Safety
/// All are live and protected; the caller owns nothing (this may jump).
pub unsafe fn put(x: SEXP, names: SEXP, dimnames: SEXP) {
    if dimnames != R_NilValue {
        Rf_setAttrib(x, R_DimNamesSymbol, dimnames);
    } else if names != R_NilValue {
        Rf_setAttrib(x, R_NamesSymbol, names);
    }
}

/// Elementwise: the names of the first operand that has the result's shape.
///
/// # Safety
/// All are live and protected; the caller owns nothing (this may jump).
pub unsafe fn elementwise(out: SEXP, operands: &[SEXP]) -> SEXP {
    for &x in operands {
        // the common case: nothing but class and dim
        if Rf_getAttrib(x, R_NamesSymbol) == R_NilValue
            && Rf_getAttrib(x, R_DimNamesSymbol) == R_NilValue
        {
            continue;
        }
        if same_shape(x, out) {
            Rf_protect(out);
            set(out, Rf_protect(of(x)));
            Rf_unprotect(2);
            break;
        }
    }
    out
}

/// Axes of the operand in the order of the result's; -1 is a new one. It owns nothing, so that R may
/// jump past it: the numbers lie in an R vector, made before anything else if there are names at all.
pub struct Kept {
    axes: SEXP,
    n: R_xlen_t,
}

impl Kept {
    /// Room for the axes of `x` and some more.
    ///
    /// # Safety
    /// `x` is live and protected; the caller owns nothing (this may jump), and gives the result to
    /// [`select`], which unprotects it.
    pub unsafe fn room(x: SEXP, more: R_xlen_t) -> Kept {
        let named = Rf_getAttrib(x, R_NamesSymbol) != R_NilValue
            || Rf_getAttrib(x, R_DimNamesSymbol) != R_NilValue;
        let axes = if named {
            Rf_allocVector(SEXPTYPE::INTSXP, rank(x) as R_xlen_t + more)
        } else {
            R_NilValue
        };
        Kept {
            axes: Rf_protect(axes),
            n: 0,
        }
    }

    /// Notes the axes.
    pub fn set(&mut self, axes: impl IntoIterator<Item = i32>) {
        // SAFETY: a protected integer vector, or NULL.
        unsafe {
            if self.axes == R_NilValue {
                return;
            }
            let room = XLENGTH(self.axes);
            for (i, axis) in (0..room).zip(axes) {
                SET_INTEGER_ELT(self.axes, i, axis);
                self.n = i + 1;
            }
        }
    }
}

/// The result keeps the axes `kept` of `x`, in that order.
///
/// # Safety
/// As [`elementwise`].
pub unsafe fn select(out: SEXP, x: SEXP, kept: Kept) -> SEXP {
    Rf_protect(out);
    let old = Rf_protect(of(x));
    if old != R_NilValue && kept.n > 0 {
        let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, kept.n));
        let titles = Rf_getAttrib(old, R_NamesSymbol);
        let new_titles = Rf_protect(Rf_allocVector(SEXPTYPE::STRSXP, kept.n));
        for i in 0..kept.n {
            let axis = R_xlen_t::from(INTEGER_ELT(kept.axes, i) as isize);
            if axis >= 0 && axis < XLENGTH(old) {
                SET_VECTOR_ELT(list, i, VECTOR_ELT(old, axis));
                if titles != R_NilValue {
                    SET_STRING_ELT(new_titles, i, STRING_ELT(titles, axis));
                }
            }
        }
        if titles != R_NilValue && kept.n > 1 {
            Rf_setAttrib(list, R_NamesSymbol, new_titles);
        }
        set(out, list);
        Rf_unprotect(2);
    }
    Rf_unprotect(3);
    out
}

/// A matrix product: rows of x, columns of y, with the axes of each counted from its end (1 is the
/// last), since either may be a stack of matrices.
///
/// # Safety
/// As [`elementwise`].
pub unsafe fn product(out: SEXP, x: SEXP, x_back: R_xlen_t, y: SEXP, y_back: R_xlen_t) -> SEXP {
    let sides = [
        (Rf_getAttrib(x, R_DimNamesSymbol), x_back),
        (Rf_getAttrib(y, R_DimNamesSymbol), y_back),
    ];
    if sides.iter().all(|(dimnames, _)| *dimnames == R_NilValue) {
        return out;
    }
    Rf_protect(out);
    let rank = rank(out) as R_xlen_t;
    let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, rank));
    let titles = Rf_protect(Rf_allocVector(SEXPTYPE::STRSXP, rank));
    let mut titled = false;
    for (axis, (dimnames, back)) in (rank - 2..).zip(sides) {
        if dimnames == R_NilValue {
            continue;
        }
        let from = XLENGTH(dimnames) - back;
        SET_VECTOR_ELT(list, axis, VECTOR_ELT(dimnames, from));
        let old = Rf_getAttrib(dimnames, R_NamesSymbol);
        if old != R_NilValue {
            SET_STRING_ELT(titles, axis, STRING_ELT(old, from));
            titled = true;
        }
    }
    if titled {
        Rf_setAttrib(list, R_NamesSymbol, titles);
    }
    set(out, list);
    Rf_unprotect(3);
    out
}
