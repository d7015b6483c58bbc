//! The call of a user's function: an expression with symbols for its arguments, so that calls in conditions
//! stay short, and the environment where these are found.
//!
//! Which overlay a function gets is R's to find (`R/overlay.R`); what it found of the last functions is kept
//! here, by weak references to their enclosures.
use crate::ffi::*;
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    /// R's list of weak references, each to a list(function, function as it is called, the latter's argument
    /// names and enclosure, bindings that this rests on).
    static KNOWN: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
    /// Where the next one goes.
    static NEXT: Cell<R_xlen_t> = const { Cell::new(0) };
}

/// How many functions are remembered.
const MOST: R_xlen_t = 8;

/// `.Call`: remembers what a function is called as; see [`KNOWN`].
unsafe extern "C" fn remember_call(enclosure: SEXP, made: SEXP) -> SEXP {
    if KNOWN.with(Cell::get).is_null() {
        let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, MOST));
        R_PreserveObject(list);
        KNOWN.with(|known| known.set(list));
        Rf_unprotect(1);
    }
    let list = KNOWN.with(Cell::get);
    let f = VECTOR_ELT(made, 0);
    let before =
        (0..MOST).find(|&i| remembered(list, i).is_some_and(|one| VECTOR_ELT(one, 0) == f));
    let at = before.unwrap_or_else(|| NEXT.with(|next| next.replace((next.get() + 1) % MOST)));
    let reference = R_MakeWeakRef(enclosure, made, R_NilValue, Rboolean::FALSE);
    SET_VECTOR_ELT(list, at, reference);
    R_NilValue
}

/// What is at a place of the list.
unsafe fn remembered(list: SEXP, i: R_xlen_t) -> Option<SEXP> {
    let reference = VECTOR_ELT(list, i);
    if reference == R_NilValue {
        return None;
    }
    let made = R_WeakRefValue(reference);
    (made != R_NilValue).then_some(made)
}

/// What is remembered of a function, if all that it rests on still holds; may jump.
unsafe fn known(f: SEXP) -> Option<SEXP> {
    let list = KNOWN.with(Cell::get);
    if list.is_null() {
        return None;
    }
    let mut all = (0..MOST).filter_map(|i| remembered(list, i));
    let made = all.find(|&made| VECTOR_ELT(made, 0) == f)?;
    Rf_protect(made); // a promise that is looked up may run R
    let holds = still_holds(VECTOR_ELT(made, 4));
    Rf_unprotect(1);
    holds.then_some(made)
}

/// Whether names still mean what they meant: of each, list(name, where to look, value).
unsafe fn still_holds(bindings: SEXP) -> bool {
    (0..Rf_xlength(bindings)).all(|i| {
        let binding = VECTOR_ELT(bindings, i);
        let name = Rf_installTrChar(STRING_ELT(VECTOR_ELT(binding, 0), 0));
        rmlx_lookup(name, VECTOR_ELT(binding, 1), 1) == VECTOR_ELT(binding, 2)
    })
}

/// What is remembered of a function that is to be called with such arguments; none if R's side has to see
/// to it.
///
/// # Safety
/// All are protected; the caller owns nothing (this may jump) and protects the result.
pub unsafe fn recalled(f: SEXP, args: SEXP) -> Option<SEXP> {
    let option = Rf_GetOption1(Rf_install(c"rmlx.overlay".as_ptr()));
    let plain = option == R_NilValue
        || TYPEOF(option) == SEXPTYPE::LGLSXP
            && XLENGTH(option) == 1
            && LOGICAL_ELT(option, 0) == 1;
    let functions = (0..XLENGTH(args)).any(|i| {
        matches!(
            TYPEOF(VECTOR_ELT(args, i)),
            SEXPTYPE::CLOSXP | SEXPTYPE::BUILTINSXP | SEXPTYPE::SPECIALSXP
        )
    });
    if plain && !functions {
        known(f)
    } else {
        None
    }
}

/// Counts a call of a function that is remembered, in R's `overlay_state`.
///
/// # Safety
/// As [`recalled`].
pub unsafe fn count_call(state: SEXP) {
    let calls = Rf_install(c"calls".as_ptr());
    let count = Rf_asReal(rmlx_lookup(calls, state, 0)) + 1.0;
    let count = Rf_protect(Rf_ScalarReal(count));
    Rf_defineVar(calls, count, state);
    Rf_unprotect(1);
}

/// list(call, environment) to call a function that is remembered so, as `title`; NULL where names would clash.
///
/// # Safety
/// As [`recalled`].
pub unsafe fn call_of(made: SEXP, args: SEXP, title: SEXP) -> SEXP {
    let part = |i| VECTOR_ELT(made, i);
    prepare_call(part(1), args, title, part(2), part(3))
}

/// Gives a call, see [`call_of`], other arguments of the same names.
///
/// # Safety
/// As [`recalled`].
pub unsafe fn give(ready: SEXP, args: SEXP) {
    let mut cell = CDR(VECTOR_ELT(ready, 0));
    for i in 0..XLENGTH(args) {
        Rf_defineVar(CAR(cell), VECTOR_ELT(args, i), VECTOR_ELT(ready, 1));
        cell = CDR(cell);
    }
}

/// `.Call`: list(call, environment) to call a function as transformations do; NULL if R's side has to see
/// to it.
unsafe extern "C" fn known_call(f: SEXP, args: SEXP, title: SEXP, state: SEXP) -> SEXP {
    let Some(made) = recalled(f, args) else {
        return R_NilValue;
    };
    Rf_protect(made);
    count_call(state);
    let out = call_of(made, args, title);
    Rf_unprotect(1);
    out
}

/// The symbol by which a function is given its argument `i`: the argument's name, or that of the
/// function's next open one, or a new one.
unsafe fn symbol_of(own: SEXP, given: SEXP, i: R_xlen_t, next: &mut R_xlen_t) -> SEXP {
    if given != R_NilValue && STRING_ELT(given, i) != R_BlankString {
        return Rf_installTrChar(STRING_ELT(given, i));
    }
    while *next < Rf_xlength(own) {
        let name = STRING_ELT(own, *next);
        if CStr::from_ptr(R_CHAR(name)) == c"..." {
            break;
        }
        *next += 1;
        let taken =
            given != R_NilValue && (0..XLENGTH(given)).any(|k| STRING_ELT(given, k) == name);
        if !taken {
            return Rf_installTrChar(name);
        }
    }
    R_NilValue
}

/// `.Call`: list(call, environment) to call a function as `title`, with symbols for its arguments; NULL
/// where names would clash. `own`: the names of the function's arguments; `home`: its enclosure.
unsafe extern "C" fn prepare_call(f: SEXP, args: SEXP, title: SEXP, own: SEXP, home: SEXP) -> SEXP {
    let n = XLENGTH(args);
    let given = Rf_protect(Rf_getAttrib(args, R_NamesSymbol));
    let name = Rf_installTrChar(STRING_ELT(title, 0));
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 2));
    let frame = R_NewEnv(home, 0, 0);
    SET_VECTOR_ELT(out, 1, frame);
    Rf_defineVar(name, f, frame);
    let call = Rf_protect(Rf_lcons(name, R_NilValue));
    SET_VECTOR_ELT(out, 0, call);
    let (mut last, mut next) = (call, 0);
    for i in 0..n {
        let symbol = symbol_of(own, given, i, &mut next);
        let mut seen = call;
        while symbol != R_NilValue && seen != R_NilValue {
            if CAR(seen) == symbol {
                break;
            }
            seen = CDR(seen);
        }
        if symbol == R_NilValue || seen != R_NilValue {
            Rf_unprotect(3);
            return R_NilValue;
        }
        Rf_defineVar(symbol, VECTOR_ELT(args, i), frame);
        let cell = Rf_cons(symbol, R_NilValue);
        if given != R_NilValue && STRING_ELT(given, i) != R_BlankString {
            SET_TAG(cell, symbol);
        }
        SETCDR(last, cell);
        last = cell;
    }
    Rf_unprotect(3);
    out
}

routines![remember_call / 2, known_call / 4, prepare_call / 5];
