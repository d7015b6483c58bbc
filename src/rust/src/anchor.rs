//! R objects that MLX's objects hold, until those are destroyed, on whatever thread.
//!
//! The objects are tags of a doubly linked list of R cells (car: the cell before, cdr: the next), so
//! that holding one and letting it go only writes pointers and allocates nothing.
use crate::ffi::*;
use crate::handle;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::thread::ThreadId;

thread_local! {
    static LIST: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

/// R's thread, and the cells that other threads or R's collector let go of: R may not be touched then.
static MAIN: Mutex<Option<ThreadId>> = Mutex::new(None);
static LEFT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// Whether there are such cells.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Starts the list.
///
/// # Safety
/// Once, on R's main thread.
pub unsafe fn start() {
    let head = Rf_protect(Rf_cons(R_NilValue, R_NilValue));
    R_PreserveObject(head);
    Rf_unprotect(1);
    LIST.with(|list| list.set(head));
    *lock(&MAIN) = Some(std::thread::current().id());
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Room for an object in the list, which [`Anchor::hold`] puts there. The caller protects the result.
///
/// # Safety
/// On R's main thread; `x` is protected; the caller owns nothing (this may jump).
pub unsafe fn cell(x: SEXP) -> SEXP {
    let cell = Rf_cons(R_NilValue, R_NilValue);
    SET_TAG(cell, x);
    cell
}

/// Lets go of what could not be let go of at once.
///
/// # Safety
/// On R's main thread.
pub unsafe fn settle() {
    if WAITING.swap(false, Ordering::Acquire) {
        for left in std::mem::take(&mut *lock(&LEFT)) {
            unlink(left as SEXP);
        }
    }
}

unsafe fn unlink(cell: SEXP) {
    let (before, after) = (CAR(cell), CDR(cell));
    SETCDR(before, after);
    if after != R_NilValue {
        SETCAR(after, before);
    }
}

/// Keeps one R object alive.
pub struct Anchor(SEXP);

// SAFETY: only its address leaves R's thread, by way of LEFT.
unsafe impl Send for Anchor {}

impl Anchor {
    /// Holds the object of a [`cell`].
    ///
    /// # Safety
    /// On R's main thread; `cell` is protected and not held yet.
    pub unsafe fn hold(cell: SEXP) -> Anchor {
        let head = LIST.with(Cell::get);
        let first = CDR(head);
        SETCAR(cell, head);
        SETCDR(cell, first);
        if first != R_NilValue {
            SETCAR(first, cell);
        }
        SETCDR(head, cell);
        Anchor(cell)
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        let main = *lock(&MAIN) == Some(std::thread::current().id());
        if main && !handle::is_collecting() {
            // SAFETY: on R's main thread; the cell is in the list.
            unsafe { unlink(self.0) };
        } else {
            lock(&LEFT).push(self.0 as usize);
            WAITING.store(true, Ordering::Release);
        }
    }
}
