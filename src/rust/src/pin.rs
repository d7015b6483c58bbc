//! Keeps the library in memory for good: R vectors whose memory came from us may live on after the
//! namespace, and then their collection needs our code.
use std::ffi::c_void;

/// Takes a reference to the library that nobody gives back.
///
/// # Safety
/// Once.
pub unsafe fn start() {
    let mut place: libc::Dl_info = std::mem::zeroed();
    if libc::dladdr(start as *const c_void, &mut place) != 0 {
        libc::dlopen(place.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD);
    }
}
