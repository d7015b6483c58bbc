//! Memory: when to run R's collector, and what people can see and set.
//!
//! R sees some fifty bytes per array, so without help its collector would let gigabytes of dead
//! temporaries pile up. Where memory is made we compare MLX's active memory with what it was
//! after the last collection, and collect when it grew by a step.
use crate::error::{Error, Result};
use crate::ffi::*;
use extendr_api::prelude::*;
use std::cell::Cell;

thread_local! {
    static STEP: Cell<usize> = const { Cell::new(1 << 28) };
    static BASE: Cell<usize> = const { Cell::new(0) };
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Bytes held by live arrays.
fn active() -> usize {
    let mut bytes = 0;
    // SAFETY: writes one number.
    unsafe { mlx_sys::mlx_get_active_memory(&mut bytes) };
    bytes
}

/// Runs R's collector if the arrays grew by a step since it last ran.
///
/// # Safety
/// On R's main thread; everything live must be protected.
pub unsafe fn relieve() {
    let now = active();
    let base = BASE.with(Cell::get);
    let step = STEP.with(Cell::get);
    if now > base.saturating_add(step.max(base / 2)) {
        R_gc();
        BASE.with(|b| b.set(active()));
    } else if now < base {
        BASE.with(|b| b.set(now));
    }
}

/// Refuses a request that memory cannot hold: MLX would end the process.
pub fn check_request(bytes: usize) -> Result<()> {
    let limit = LIMIT.with(Cell::get);
    if active().saturating_add(bytes) > limit {
        return Err(Error::Memory(format!(
            "this needs {:.2} GB, but the limit is {:.2} GB with {:.2} GB in use. Free arrays (`mlx_free()`, `rm()` and `gc()`) or make it smaller.",
            bytes as f64 / 1e9, limit as f64 / 1e9, active() as f64 / 1e9
        )));
    }
    Ok(())
}

/// Active, cached and peak bytes, the cache limit, the memory limit and the collection step.
#[extendr]
fn memory_state() -> Vec<f64> {
    let (mut cached, mut peak, mut limit) = (0, 0, 0);
    // SAFETY: each writes one number.
    unsafe {
        mlx_sys::mlx_get_cache_memory(&mut cached);
        mlx_sys::mlx_get_peak_memory(&mut peak);
        mlx_sys::mlx_get_memory_limit(&mut limit);
    }
    [active(), cached, peak, limit, STEP.with(Cell::get)].iter().map(|&b| b as f64).collect()
}

/// Sets the collection step and with it the cache limit.
#[extendr]
fn memory_set_step(bytes: f64) {
    STEP.with(|s| s.set(bytes as usize));
    let mut old = 0;
    // SAFETY: plain numbers.
    unsafe { mlx_sys::mlx_set_cache_limit(&mut old, bytes as usize) };
}

/// Sets the largest total that may be asked for.
#[extendr]
fn memory_set_limit(bytes: f64) {
    LIMIT.with(|l| l.set(bytes as usize));
}

/// Gives cached buffers back to the system.
#[extendr]
fn memory_clear_cache() {
    // SAFETY: no arguments.
    unsafe { mlx_sys::mlx_clear_cache() };
}

/// Starts the peak anew.
#[extendr]
fn memory_reset_peak() {
    // SAFETY: no arguments.
    unsafe { mlx_sys::mlx_reset_peak_memory() };
}

/// `.Call`: frees an array now.
unsafe extern "C" fn free_now(x: SEXP) -> SEXP {
    let handle = crate::object::handle_of(x);
    if !handle.is_null() {
        crate::handle::free(handle);
    }
    R_NilValue
}

routines![
    free_now / 1,
    wrap__memory_state / 0,
    wrap__memory_set_step / 1,
    wrap__memory_set_limit / 1,
    wrap__memory_clear_cache / 0,
    wrap__memory_reset_peak / 0,
];
