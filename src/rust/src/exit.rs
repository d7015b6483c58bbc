//! The end of R on a machine with a gpu, see native/exit.cpp.
use crate::device::has_gpu;
use crate::ffi::*;
use crate::handle::forked;

extern "C" {
    fn rmlx_expect_exit();
}

unsafe extern "C" fn ends(_: SEXP) {
    if !forked() {
        rmlx_expect_exit();
    }
}

/// Has R tell us when it ends.
///
/// # Safety
/// Once, on R's main thread.
pub unsafe fn start() {
    if !has_gpu() {
        return;
    }
    let watch = Rf_protect(R_MakeExternalPtr(
        std::ptr::null_mut(),
        R_NilValue,
        R_NilValue,
    ));
    R_RegisterCFinalizerEx(watch, Some(ends), Rboolean::TRUE); // also when R exits
    R_PreserveObject(watch);
    Rf_unprotect(1);
}
