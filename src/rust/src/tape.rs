//! The gradient's tape: which reads of values leave it.
use crate::dtype::Dtype;
use crate::error::{throw, Error};
use crate::ffi::*;
use crate::handle;
use crate::mlx;
use std::cell::Cell;

thread_local! {
    /// How often base code read an array's values without saying so.
    static SILENT_READS: Cell<f64> = const { Cell::new(0.0) };
    /// R's `on_silent_read()`, which follows options(rmlx.host_reads).
    static WATCHER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

/// Errors if reading the values would cut the tape of a running gradient: MLX traces the array,
/// and it is neither a bool (a branch may be taken on it) nor the result of stop_gradient.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn check_read(handle: SEXP) {
    let ctx = match handle::address(handle) {
        Ok(ctx) => ctx,
        Err(error) => throw(error),
    };
    let array = mlx::borrow(&ctx);
    if mlx::is_tracer(array) && differentiable(mlx::dtype(array)) && !handle::may_be_read(handle) {
        throw(Error::Tape(String::new())); // R's side writes the text: it knows the calls
    }
}

/// Bools and integers carry no gradient, so reading them loses none.
fn differentiable(dtype: Dtype) -> bool {
    matches!(
        dtype,
        Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32 | Dtype::Float64 | Dtype::Complex64
    )
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

routines![host_reads / 0, set_read_watcher / 1];
