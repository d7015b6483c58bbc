//! Memory for the large R vectors that values are copied into.
//!
//! The first write to every page of fresh memory waits for the system, which takes longer than the copy
//! itself. So the memory of vectors that R collected is kept for the next ones, up to a limit, and fresh
//! memory is asked for in large pages.
use crate::convert::to_r;
use crate::ffi::*;
use crate::memory;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;

/// From how many bytes on.
const LARGE: usize = 4 << 20;
/// Most bytes that are kept, and how many more may be in use before R's collector runs.
const MOST: usize = 128 << 20;
/// Most bytes in use. R does not count them, in its limit or in what `gc()` shows: more are vectors of its own.
const UNCOUNTED: usize = 512 << 20;

/// A block's own size, kept in front of what R gets, which stays aligned as R wants it.
const FRONT: usize = 64;

thread_local! {
    /// Blocks that no vector uses.
    static KEPT: RefCell<Vec<*mut usize>> = const { RefCell::new(Vec::new()) };
    /// Bytes of those that vectors use; we see to their collection.
    static USED: Cell<usize> = const { Cell::new(0) };
    /// How much that was after the last collection.
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// # Safety
/// `block` is one of ours.
unsafe fn size(block: *mut usize) -> usize {
    *block
}

unsafe extern "C" fn allocate(_: *mut Allocator, bytes: usize) -> *mut c_void {
    let fits = |&block: &*mut usize| {
        let size = size(block);
        size >= bytes && size <= bytes + bytes / 4
    };
    let kept = KEPT.with_borrow_mut(|kept| {
        let at = kept.iter().rposition(fits)?;
        Some(kept.remove(at))
    });
    let block = kept.unwrap_or_else(|| {
        let mut block = libc::malloc(bytes + FRONT);
        if block.is_null() {
            clear();
            block = libc::malloc(bytes + FRONT);
        }
        if !block.is_null() {
            memory::prefer_large_pages(block, bytes + FRONT);
            block.cast::<usize>().write(bytes);
        }
        block.cast()
    });
    if block.is_null() {
        return std::ptr::null_mut(); // R's own error
    }
    USED.with(|used| used.set(used.get() + size(block)));
    block.byte_add(FRONT).cast()
}

/// R's collector found that nobody needs a vector.
unsafe extern "C" fn collected(_: *mut Allocator, memory: *mut c_void) {
    let block = memory.byte_sub(FRONT).cast::<usize>();
    USED.with(|used| used.set(used.get() - size(block)));
    KEPT.with_borrow_mut(|kept| {
        kept.push(block);
        let mut total: usize = kept.iter().map(|&block| size(block)).sum();
        while total > MOST {
            let oldest = kept.remove(0);
            total -= size(oldest);
            libc::free(oldest.cast());
        }
    });
}

/// Gives back what is kept.
pub fn clear() {
    for block in KEPT.take() {
        // SAFETY: ours, and nobody uses it.
        unsafe { libc::free(block.cast()) };
    }
}

/// A new R vector.
///
/// # Safety
/// On R's main thread; the caller owns nothing (this may jump) and protects the result.
pub unsafe fn vector(kind: SEXPTYPE, n: usize) -> SEXP {
    let bytes = n * to_r::width(kind);
    if bytes < LARGE {
        return Rf_allocVector(kind, n as R_xlen_t);
    }
    BASE.with(|base| {
        base.set(memory::relieve_of(
            || USED.with(Cell::get),
            base.get(),
            MOST,
        ))
    });
    if USED.with(Cell::get) + bytes > UNCOUNTED {
        return Rf_allocVector(kind, n as R_xlen_t);
    }
    let mut allocator = Allocator {
        allocate: Some(allocate),
        free: Some(collected),
        reserved: std::ptr::null_mut(),
        data: std::ptr::null_mut(),
    };
    Rf_allocVector3(kind, n as R_xlen_t, &mut allocator)
}
