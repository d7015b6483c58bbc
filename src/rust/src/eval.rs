//! Evaluation that the user can interrupt.
use crate::error::{guarded, raise, throw, Result};
use crate::ffi::*;
use crate::handle;
use crate::memory;
use crate::mlx::{self, Arrays};
use crate::object;
use std::time::{Duration, Instant};

/// How long to wait actively before sleeping between looks: most evaluations end within it.
const SPIN: Duration = Duration::from_micros(200);
/// Longest sleep between two looks for an interrupt.
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// Evaluates one array.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn evaluate(handle: SEXP) {
    let ctx = match handle::address(handle) {
        Ok(ctx) => ctx,
        Err(error) => throw(error),
    };
    if mlx::is_available(mlx::borrow(&ctx)) {
        return;
    }
    memory::relieve();
    let queued = guarded(|| {
        let list = Arrays::of(std::slice::from_ref(mlx::borrow(&ctx)))?;
        queue(&list, mlx::is_tracer(mlx::borrow(&ctx)))
    });
    if queued.is_none() {
        raise();
    }
    wait(|| mlx::is_available(mlx::borrow(&ctx)));
}

/// Starts an evaluation. MLX refuses to queue what a running transformation traces; that is
/// evaluated at once, without interrupts.
fn queue(list: &Arrays, traced: bool) -> Result<()> {
    if traced {
        mlx::eval(list)
    } else {
        mlx::async_eval(list)
    }
}

/// Waits until `done`, letting interrupts through.
unsafe fn wait(done: impl Fn() -> bool) {
    let start = Instant::now();
    let mut nap = Duration::from_micros(50);
    while !done() {
        if start.elapsed() < SPIN {
            std::thread::yield_now();
            continue;
        }
        R_CheckUserInterrupt(); // may jump: nothing is owned here
        std::thread::sleep(nap);
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

/// `.Call`: evaluates every array of a list in one go.
unsafe extern "C" fn eval_all(list: SEXP) -> SEXP {
    memory::relieve();
    let n = XLENGTH(list);
    // written values are imported first: that may jump
    for i in 0..n {
        object::handle_of(VECTOR_ELT(list, i));
    }
    let queued = guarded(|| {
        let arrays = Arrays::new();
        let mut traced = false;
        for i in 0..n {
            let ctx = handle::address(object::handle_of(VECTOR_ELT(list, i)))?;
            arrays.push(mlx::borrow(&ctx))?;
            traced |= mlx::is_tracer(mlx::borrow(&ctx));
        }
        queue(&arrays, traced)
    });
    if queued.is_none() {
        raise();
    }
    for i in 0..n {
        let ctx = R_ExternalPtrAddr(object::handle_of(VECTOR_ELT(list, i)));
        wait(|| mlx::is_available(mlx::borrow(&ctx)));
    }
    R_NilValue
}

routines![eval_all / 1];
