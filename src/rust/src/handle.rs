//! The external pointer behind every R mlx vector: owner of one MLX array.
//!
//! Its address is the array, its tag says the device, its protected slot holds the length of a
//! freed array.
use crate::device::Device;
use crate::error::{throw, Error, Result};
use crate::ffi::*;
use crate::mlx::{self, Array};
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

/// An array and the device that its operations run on.
pub struct Placed {
    /// The array.
    pub array: Array,
    /// Its device.
    pub device: Device,
}

impl Placed {
    /// An array on a device.
    pub fn new(array: Array, device: Device) -> Placed {
        Placed { array, device }
    }
}

thread_local! {
    static TAGS: Cell<[SEXP; 2]> = const { Cell::new([std::ptr::null_mut(); 2]) };
}
static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_forked_child() {
    FORKED.store(true, Ordering::Relaxed);
}

extern "C" {
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> i32;
}

/// Installs the tags and the watch for forks.
///
/// # Safety
/// Once, on R's main thread.
pub unsafe fn start() {
    TAGS.with(|t| {
        t.set([
            Rf_install(c"mlx_cpu".as_ptr()),
            Rf_install(c"mlx_gpu".as_ptr()),
        ])
    });
    pthread_atfork(None, None, Some(in_forked_child));
}

/// Whether this process is a fork of the one that loaded the package.
pub fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// An empty handle. Everything that R may refuse happens here, before an array exists.
///
/// # Safety
/// On R's main thread; the caller protects the result.
pub unsafe fn new() -> SEXP {
    if forked() {
        throw(Error::Forked);
    }
    let tag = TAGS.with(Cell::get)[0];
    let x = Rf_protect(R_MakeExternalPtr(std::ptr::null_mut(), tag, R_NilValue));
    R_RegisterCFinalizerEx(x, Some(finalize), Rboolean::FALSE);
    Rf_unprotect(1);
    x
}

/// Moves an array into an empty handle; allocates nothing in R.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn fill(handle: SEXP, value: Placed) {
    R_SetExternalPtrTag(
        handle,
        TAGS.with(Cell::get)[usize::from(value.device == Device::Gpu)],
    );
    R_SetExternalPtrAddr(handle, mlx::release(value.array));
}

unsafe extern "C" fn finalize(handle: SEXP) {
    let ctx = R_ExternalPtrAddr(handle);
    if !ctx.is_null() {
        R_ClearExternalPtr(handle);
        // A forked child must not touch MLX: its locks may be held by threads that do not exist.
        if !forked() {
            drop(Array::from_ptr(mlx_sys::mlx_array { ctx }));
        }
    }
}

/// Whether an object is a handle of ours.
///
/// # Safety
/// `x` is any live R object.
pub unsafe fn is(x: SEXP) -> bool {
    if TYPEOF(x) != SEXPTYPE::EXTPTRSXP {
        return false;
    }
    let tag = R_ExternalPtrTag(x);
    let tags = TAGS.with(Cell::get);
    tag == tags[0] || tag == tags[1]
}

/// The device of a handle.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn device(handle: SEXP) -> Device {
    if R_ExternalPtrTag(handle) == TAGS.with(Cell::get)[1] {
        Device::Gpu
    } else {
        Device::Cpu
    }
}

/// The address of the array; an error for a freed one or in a forked process.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn address(handle: SEXP) -> Result<*mut c_void> {
    let ctx = R_ExternalPtrAddr(handle);
    if forked() {
        Err(Error::Forked)
    } else if ctx.is_null() {
        Err(Error::Freed)
    } else {
        Ok(ctx)
    }
}

/// As [`address`]; the error is raised.
///
/// # Safety
/// As [`address`]; the caller owns nothing (this may jump).
pub unsafe fn live(handle: SEXP) -> *mut c_void {
    match address(handle) {
        Ok(ctx) => ctx,
        Err(error) => throw(error),
    }
}

/// Number of elements, also of a freed array.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn length(handle: SEXP) -> R_xlen_t {
    let ctx = R_ExternalPtrAddr(handle);
    if ctx.is_null() {
        let kept = R_ExternalPtrProtected(handle);
        return if TYPEOF(kept) == SEXPTYPE::REALSXP {
            *REAL(kept) as R_xlen_t
        } else {
            0
        };
    }
    mlx::size(mlx::borrow(&ctx)) as R_xlen_t
}

/// Notes that more than one R vector stands on the handle.
///
/// # Safety
/// `handle` is one of ours, with an array.
pub unsafe fn note_sharing(handle: SEXP) {
    R_SetExternalPtrProtected(handle, Rf_ScalarLogical(1)); // R's one and only TRUE
}

/// Whether [`note_sharing`] was told of the handle.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn is_shared(handle: SEXP) -> bool {
    TYPEOF(R_ExternalPtrProtected(handle)) == SEXPTYPE::LGLSXP
}

/// Lets go of the array; the handle is empty afterwards.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn discard(handle: SEXP) {
    finalize(handle);
}

/// Gives the array's memory back now.
///
/// # Safety
/// `handle` is one of ours and protected.
pub unsafe fn free(handle: SEXP) {
    if R_ExternalPtrAddr(handle).is_null() {
        return;
    }
    let kept = Rf_protect(Rf_ScalarReal(length(handle) as f64));
    R_SetExternalPtrProtected(handle, kept);
    Rf_unprotect(1);
    finalize(handle);
}
