//! The R objects that were made while a transformation ran a function. What only this list still knows of when the
//! function is over lets its array go: R's collector would come late, MLX would meanwhile keep every
//! intermediate value's memory, and could not put a result where its operand was.
//!
//! R counts the references to an object, and overwrites objects with one reference only; so do we. Objects
//! that a function's evaluation made and has on its stack, which is not counted, are out of use when it is over.
use crate::ffi::*;
use crate::spent;
use std::cell::Cell;

thread_local! {
    /// R's list of these objects, how many there are, and how many functions run.
    static LIST: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// How many are remembered: the collector sees to the rest.
const MOST: usize = 1024;

/// Makes room for the list.
///
/// # Safety
/// Once, on R's main thread; the caller owns nothing (this may jump).
pub unsafe fn start() {
    let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, MOST as R_xlen_t));
    R_PreserveObject(list);
    LIST.with(|l| l.set(list));
    Rf_unprotect(1);
}

/// An object that stands for an array was made.
///
/// # Safety
/// On R's main thread; it is live.
pub unsafe fn note(vector: SEXP) {
    let at = COUNT.with(Cell::get);
    if at < MOST && RUNNING.with(Cell::get) > 0 {
        SET_VECTOR_ELT(LIST.with(Cell::get), at as R_xlen_t, vector);
        COUNT.with(|count| count.set(at + 1));
    }
}

/// A function begins: what is made from here on is its own.
pub fn begin() -> usize {
    RUNNING.with(|running| running.set(running.get() + 1));
    COUNT.with(Cell::get)
}

/// The function that began at `from` is over.
pub fn end(from: usize) {
    RUNNING.with(|running| running.set(running.get() - 1));
    forget(from);
}

/// Lets go of the arrays that the function that began at `from` made and nobody can get at any more.
///
/// # Safety
/// On R's main thread; the function is over, and all that is wanted of it is known to R.
pub unsafe fn release(from: usize) {
    let list = LIST.with(Cell::get);
    for i in from..COUNT.with(Cell::get) {
        spent::let_go(VECTOR_ELT(list, i as R_xlen_t));
    }
}

/// Remembers no more objects than `count`; R's collector may have the others.
pub fn forget(count: usize) {
    let list = LIST.with(Cell::get);
    for i in count..COUNT.with(|n| n.replace(count.min(n.get()))) {
        // SAFETY: the list is R's for good; this writes to places that it has.
        unsafe { SET_VECTOR_ELT(list, i as R_xlen_t, R_NilValue) };
    }
}
