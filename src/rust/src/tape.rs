//! The gradient's tape: which reads of values leave it.
use crate::error::{guarded, raise, throw, Error};
use crate::ffi::*;
use crate::handle;
use crate::mlx::{self, Array};
use std::cell::{Cell, RefCell};

thread_local! {
    /// Ids of the arrays that running transformations differentiate.
    static INPUTS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// How often base code read an array's values without saying so.
    static SILENT_READS: Cell<f64> = const { Cell::new(0.0) };
    /// How often values went to R at all.
    static READS: Cell<f64> = const { Cell::new(0.0) };
    /// R's `on_silent_read()`, which follows options(rmlx.host_reads).
    static WATCHER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

/// The arrays that running transformations differentiate, innermost last.
pub struct Traced(usize);

impl Traced {
    /// Remembers how many there are, so that [`Traced::end`] forgets those added since.
    pub fn begin() -> Traced {
        Traced(INPUTS.with(|ids| ids.borrow().len()))
    }

    /// The transformation is over.
    pub fn end(self) {
        INPUTS.with(|ids| ids.borrow_mut().truncate(self.0));
    }

    /// MLX gave this array to the function that is being transformed.
    pub fn add(input: &Array) {
        INPUTS.with(|ids| ids.borrow_mut().push(mlx::id(input)));
    }
}

/// Errors if reading the values would cut the tape of a running gradient: the array depends on an
/// input of the transformation along a path that carries a gradient. Constants, branches taken on
/// comparisons and what follows from stop_gradient may be read.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn check_read(handle: SEXP) {
    let ctx = match handle::address(handle) {
        Ok(ctx) => ctx,
        Err(error) => throw(error),
    };
    let array = mlx::borrow(&ctx);
    if !mlx::is_tracer(array) {
        return; // almost always: no walk through the graph
    }
    match guarded(|| INPUTS.with(|ids| mlx::depends_on(array, &ids.borrow()))) {
        Some(false) => {}
        Some(true) => throw(Error::Tape(String::new())), // R's side writes the text: it knows the calls
        None => raise(),
    }
}

/// As [`check_read`], and counts the read as one that no method of ours was asked for.
///
/// # Safety
/// As [`check_read`].
pub unsafe fn check_silent_read(handle: SEXP) {
    check_read(handle);
    SILENT_READS.with(|n| n.set(n.get() + 1.0));
    let option = Rf_GetOption1(Rf_install(c"rmlx.host_reads".as_ptr()));
    let watcher = WATCHER.with(Cell::get);
    if option != R_NilValue && !watcher.is_null() {
        let call = Rf_protect(call(watcher, &[option]));
        Rf_eval(call, R_BaseEnv);
        Rf_unprotect(1);
    }
}

/// Counts that an array's values go to R.
pub fn count_read() {
    READS.with(|n| n.set(n.get() + 1.0));
}

/// `.Call`: how often values went to R so far. Our own functions should not need them: the tests
/// watch this.
unsafe extern "C" fn reads() -> SEXP {
    Rf_ScalarReal(READS.with(Cell::get))
}

/// `.Call`: the number of silent reads so far.
unsafe extern "C" fn host_reads() -> SEXP {
    Rf_ScalarReal(SILENT_READS.with(Cell::get))
}

/// `.Call`: tells which R function hears of silent reads.
unsafe extern "C" fn set_read_watcher(function: SEXP) -> SEXP {
    R_PreserveObject(function);
    WATCHER.with(|w| w.set(function));
    R_NilValue
}

routines![host_reads / 0, reads / 0, set_read_watcher / 1];
