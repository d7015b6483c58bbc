//! Rust values that R keeps while it makes its own objects from them, so that a jump leaks nothing.
use crate::error::{guarded, raise, throw, Error, Result};
use crate::ffi::*;

/// Something of ours that R keeps, so that a jump leaks nothing.
///
/// # Safety
/// On R's main thread; the caller protects the result and owns nothing.
pub unsafe fn keeper<T>(make: impl FnOnce() -> Result<T>) -> SEXP {
    unsafe extern "C" fn finalize<T>(keeper: SEXP) {
        let address = R_ExternalPtrAddr(keeper).cast::<T>();
        R_ClearExternalPtr(keeper);
        if !address.is_null() {
            drop(Box::from_raw(address));
        }
    }
    let keeper = Rf_protect(R_MakeExternalPtr(
        std::ptr::null_mut(),
        R_NilValue,
        R_NilValue,
    ));
    R_RegisterCFinalizerEx(keeper, Some(finalize::<T>), Rboolean::FALSE);
    match guarded(|| make().map(Box::new)) {
        Some(made) => R_SetExternalPtrAddr(keeper, Box::into_raw(made).cast()),
        None => raise(),
    }
    Rf_unprotect(1);
    keeper
}

/// What a keeper keeps. Only this package's R code hands keepers around, each to its own kind.
///
/// # Safety
/// `keeper` was made for a T and is protected while the result is used.
pub unsafe fn kept<'a, T>(keeper: SEXP) -> &'a T {
    let address = if TYPEOF(keeper) == SEXPTYPE::EXTPTRSXP {
        R_ExternalPtrAddr(keeper).cast::<T>()
    } else {
        std::ptr::null_mut()
    };
    match address.as_ref() {
        Some(kept) => kept,
        None => throw(Error::Internal("a closed file".into())),
    }
}

/// A character vector of these texts.
///
/// # Safety
/// On R's main thread; the caller protects the result and owns nothing.
pub unsafe fn texts<'a>(n: usize, text: impl Fn(usize) -> &'a str) -> SEXP {
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::STRSXP, n as R_xlen_t));
    for i in 0..n {
        let text = text(i);
        let text = Rf_mkCharLenCE(text.as_ptr().cast(), text.len() as i32, cetype_t::CE_UTF8);
        SET_STRING_ELT(out, i as R_xlen_t, text);
    }
    Rf_unprotect(1);
    out
}
