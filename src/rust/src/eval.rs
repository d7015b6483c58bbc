//! Evaluation that the user can interrupt.
//!
//! MLX cannot stop what it was given, so a long evaluation is given in parts, and R may take an
//! interrupt after each (and, where MLX evaluates in the background, during each).
use crate::device::Device;
use crate::error::{guarded, raise, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::memory;
use crate::mlx::{self, Arrays};
use crate::object;
use crate::tape;
use std::time::{Duration, Instant};

/// How long to wait actively before sleeping: small evaluations end within it.
const SPIN: Duration = Duration::from_micros(30);
/// How long to look again and again where nobody wakes us: on a gpu, where a sleep takes longer than most
/// evaluations.
const ACTIVE: Duration = Duration::from_millis(20);
/// Longest sleep between two looks for an interrupt.
const LONGEST_NAP: Duration = Duration::from_millis(20);
/// Work of the first part, see [`mlx::pending`]: some 50 ms on two cores.
const FIRST_PART: f64 = 256e6;
/// What a part should take, about.
const PART: Duration = Duration::from_millis(100);

/// Evaluates one array.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn evaluate(handle: SEXP) {
    tape::count_look();
    handle::live(handle);
    if !settled(|| is_available(handle)) {
        run(Roots::One(handle));
    }
}

/// Whether an array has no values, as what vmap and compile trace.
///
/// # Safety
/// As [`evaluate`].
pub unsafe fn is_abstract(handle: SEXP) -> bool {
    let ctx = handle::live(handle);
    let array = mlx::borrow(&ctx);
    mlx::is_tracer(array) && settled(|| mlx::is_abstract(array))
}

/// What is to be evaluated; it owns nothing, so that R may jump past it.
#[derive(Clone, Copy)]
enum Roots {
    /// A handle.
    One(SEXP),
    /// An R list of handles.
    All(SEXP),
}

impl Roots {
    unsafe fn len(self) -> R_xlen_t {
        match self {
            Roots::One(_) => 1,
            Roots::All(list) => XLENGTH(list),
        }
    }

    unsafe fn get(self, i: R_xlen_t) -> SEXP {
        match self {
            Roots::One(handle) => handle,
            Roots::All(list) => VECTOR_ELT(list, i),
        }
    }

    unsafe fn arrays(self) -> Result<Arrays> {
        let arrays = Arrays::new();
        for i in 0..self.len() {
            let ctx = handle::address(self.get(i))?;
            arrays.push(mlx::borrow(&ctx))?;
        }
        Ok(arrays)
    }

    /// Those that have not been freed meanwhile.
    unsafe fn left(self) -> Result<Arrays> {
        let arrays = Arrays::new();
        for i in 0..self.len() {
            let ctx = handle::peek(self.get(i));
            if !ctx.is_null() {
                arrays.push(mlx::borrow(&ctx))?;
            }
        }
        Ok(arrays)
    }

    unsafe fn available(self) -> Result<bool> {
        for i in 0..self.len() {
            if !is_available(self.get(i))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Also true for a freed array: it will not come.
unsafe fn is_available(handle: SEXP) -> Result<bool> {
    let ctx = handle::peek(handle);
    Ok(ctx.is_null() || mlx::is_available(mlx::borrow(&ctx))?)
}

/// The answer, or the error that MLX's threads met.
///
/// # Safety
/// The caller owns nothing (this may jump).
unsafe fn settled(ask: impl FnOnce() -> Result<bool>) -> bool {
    match guarded(ask) {
        Some(yes) => yes,
        None => raise(),
    }
}

/// What a look at the roots led to.
enum Step {
    /// All of them are under way.
    All,
    /// A part of what they need is.
    Part,
    /// Nothing yet: arrays that R only has not collected yet would be kept.
    Collect(usize),
}

/// Evaluates the roots, part by part if it is much work.
unsafe fn run(roots: Roots) {
    memory::relieve();
    let mut budget = FIRST_PART;
    let (mut checked, mut collected) = (false, false);
    loop {
        let part = Rf_protect(handle::new());
        let start = Instant::now();
        let step = guarded(|| {
            let arrays = roots.arrays()?;
            let pending = mlx::pending(&arrays, budget)?;
            if !collected && memory::is_step(pending.total) {
                return Ok(Step::Collect(pending.total));
            }
            if !checked {
                memory::check_request(pending.needed)?;
            }
            let Some(first) = pending.part else {
                queue(&arrays)?;
                return Ok(Step::All);
            };
            queue(&Arrays::of(std::slice::from_ref(&first))?)?;
            handle::fill(part, Placed::new(first, Device::Cpu));
            Ok(Step::Part)
        });
        match step {
            None => raise(),
            Some(Step::Collect(bytes)) => {
                memory::make_room(bytes);
                collected = true;
                Rf_unprotect(1);
                continue;
            }
            Some(Step::All) => {
                wait(roots);
                Rf_unprotect(1);
                return;
            }
            Some(Step::Part) => wait(Roots::One(part)),
        }
        checked = true;
        collected = true;
        handle::discard(part);
        Rf_unprotect(1);
        R_CheckUserInterrupt(); // may jump: nothing is owned here
        match start.elapsed() {
            t if t < PART / 2 => budget *= 2.0,
            t if t > PART * 2 => budget /= 2.0,
            _ => {}
        }
    }
}

/// Starts an evaluation. MLX refuses to queue what a running transformation traces; that is
/// evaluated at once, unless it has no values yet.
fn queue(list: &Arrays) -> Result<()> {
    let mut traced = false;
    for i in 0..list.count() {
        let x = list.get(i)?;
        if mlx::is_tracer(&x) {
            traced = true;
            if mlx::is_abstract(&x)? {
                return Err(Error::Tape("abstract".into()));
            }
        }
    }
    if traced {
        mlx::eval(list)
    } else {
        mlx::async_eval(list)
    }
}

/// Waits until the roots are there, letting interrupts through.
unsafe fn wait(roots: Roots) {
    let (start, mut patience) = (Instant::now(), SPIN);
    while !settled(|| roots.available()) {
        let waited = start.elapsed();
        if waited < patience {
            std::thread::yield_now();
            continue;
        }
        R_CheckUserInterrupt(); // may jump: nothing is owned here
        if settled(|| mlx::await_stream(&roots.left()?, LONGEST_NAP)) {
            continue;
        }
        if waited < ACTIVE {
            patience = waited + SPIN;
        } else {
            // so that a look is late by little beside what was waited for
            std::thread::sleep((waited / 16).min(LONGEST_NAP));
        }
    }
}

/// The live handles of a list of mlx arrays; the caller protects the result.
unsafe fn handles_of(list: SEXP) -> SEXP {
    let n = XLENGTH(list);
    let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    for i in 0..n {
        let handle = object::handle_of(VECTOR_ELT(list, i));
        handle::live(handle);
        SET_VECTOR_ELT(handles, i, handle);
    }
    Rf_unprotect(1);
    handles
}

/// `.Call`: evaluates every array of a list in one go.
unsafe extern "C" fn eval_all(list: SEXP) -> SEXP {
    run(Roots::All(Rf_protect(handles_of(list))));
    Rf_unprotect(1);
    R_NilValue
}

/// `.Call`: starts to evaluate every array of a list, and does not wait.
unsafe extern "C" fn eval_start(list: SEXP) -> SEXP {
    let roots = Roots::All(Rf_protect(handles_of(list)));
    memory::relieve();
    let started = guarded(|| {
        let arrays = roots.arrays()?;
        memory::check_request(mlx::pending(&arrays, f64::INFINITY)?.needed)?;
        queue(&arrays)
    });
    if started.is_none() {
        raise();
    }
    Rf_unprotect(1);
    R_NilValue
}

routines![eval_all / 1, eval_start / 1];
