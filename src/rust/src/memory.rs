//! Memory: when to run R's collector, and what people can see and set.
//!
//! R sees some fifty bytes per array, so without help its collector would let gigabytes of dead
//! temporaries pile up. Where memory is made we compare MLX's active memory with what it was
//! after the last collection. When it grew by a step all of R's heap is collected, some 30 ms; long
//! before, R looks through its youngest objects only, which takes a millisecond and finds most
//! temporaries.
use crate::born;
use crate::error::{throw, Error, Result};
use crate::ffi::*;
use extendr_api::prelude::*;
use std::cell::Cell;
use std::ffi::c_void;

thread_local! {
    static STEP: Cell<usize> = const { Cell::new(STEP_RANGE.0) };
    /// Active bytes after the last collection of all, and after the last one.
    static BASE: Cell<usize> = const { Cell::new(0) };
    static YOUNG_BASE: Cell<usize> = const { Cell::new(0) };
    /// The call that collects R's youngest objects.
    static COLLECT_YOUNG: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Smallest and largest collection step.
const STEP_RANGE: (usize, usize) = (256 << 20, 1 << 30);

/// With CUDA the step is this part of the card's memory: a collection takes as long as a product of large
/// matrices there.
const CARD_PART: usize = 32;

/// The youngest objects are looked through at this part of a step.
const YOUNG_PART: usize = 4;

/// Bytes of memory that the machine has, and that this process may address.
fn machine_memory() -> (usize, usize) {
    // SAFETY: plain queries; the struct is ours.
    unsafe {
        let pages = libc::sysconf(libc::_SC_PHYS_PAGES).max(0) as usize;
        let page = libc::sysconf(libc::_SC_PAGESIZE).max(0) as usize;
        let mut space = libc::rlimit {
            rlim_cur: libc::RLIM_INFINITY,
            rlim_max: libc::RLIM_INFINITY,
        };
        libc::getrlimit(libc::RLIMIT_AS, &mut space);
        let ram = pages.saturating_mul(page);
        (
            if ram == 0 { usize::MAX } else { ram },
            usize::try_from(space.rlim_cur).unwrap_or(usize::MAX),
        )
    }
}

/// Sets the collection step, MLX's cache limit and the memory limit from what the machine, and its
/// gpu, have.
///
/// # Safety
/// Once, on R's main thread.
pub unsafe fn start() {
    let no = Rf_protect(Rf_ScalarLogical(0));
    let young = Rf_protect(call(Rf_install(c"gc".as_ptr()), &[no, no, no]));
    R_PreserveObject(young);
    Rf_unprotect(2);
    COLLECT_YOUNG.with(|call| call.set(young));
    let (ram, space) = machine_memory();
    let card = crate::device::gpu_memory();
    let step = match card {
        Some(bytes) if has_cuda() => (bytes / CARD_PART).max(STEP_RANGE.0),
        _ => (ram / 64).clamp(STEP_RANGE.0, STEP_RANGE.1),
    };
    memory_set_step(step as f64);
    LIMIT.with(|limit| limit.set(ram.min(space).min(card.unwrap_or(usize::MAX))));
}

/// Whether MLX computes with CUDA here.
fn has_cuda() -> bool {
    let mut cuda = false;
    // SAFETY: writes one truth value.
    unsafe { mlx_sys::mlx_cuda_is_available(&mut cuda) == 0 && cuda }
}

/// Bytes held by live arrays.
fn active() -> usize {
    let mut bytes = 0;
    // SAFETY: writes one number.
    unsafe { mlx_sys::mlx_get_active_memory(&mut bytes) };
    bytes
}

/// Whether the arrays grew by a step since all was collected.
fn grew_by_a_step(now: usize) -> bool {
    let base = BASE.with(Cell::get);
    now > base.saturating_add(STEP.with(Cell::get).max(base / 2))
}

/// Runs R's collector if the arrays grew by a step, or by a part of one, since it last ran.
///
/// # Safety
/// On R's main thread; everything live must be protected; the caller owns nothing (this may jump).
pub unsafe fn relieve() {
    let now = active();
    let young = YOUNG_BASE.with(Cell::get);
    if grew_by_a_step(now) {
        collect();
    } else if now > young.saturating_add(STEP.with(Cell::get) / YOUNG_PART) {
        collect_young();
    }
    BASE.with(|b| b.set(b.get().min(now)));
    YOUNG_BASE.with(|b| b.set(b.get().min(now)));
}

/// As [`relieve`], for memory of R objects that R does not count: `held()` bytes, which were `base` when
/// the collector last ran. The new base.
///
/// # Safety
/// As [`relieve`].
pub unsafe fn relieve_of(held: impl Fn() -> usize, base: usize, step: usize) -> usize {
    let step = step.max(base / 2);
    if held() <= base.saturating_add(step) {
        return base.min(held());
    }
    collect_young();
    if held() > base.saturating_add(step / 4) {
        collect();
        return held();
    }
    base.min(held())
}

/// Whether making so many bytes is a reason to run R's collector before: what R has not collected
/// would stay in memory when it is computed.
pub fn is_step(bytes: usize) -> bool {
    bytes > STEP.with(Cell::get)
}

/// Runs R's collector before so many bytes are made.
///
/// # Safety
/// As [`relieve`].
pub unsafe fn make_room(bytes: usize) {
    collect_young();
    let now = active();
    if grew_by_a_step(now) || now.saturating_add(bytes) > LIMIT.with(Cell::get) {
        collect();
    }
}

/// Runs R's collector on all it has.
unsafe fn collect() {
    born::forget(0);
    R_gc();
    BASE.with(|b| b.set(active()));
    YOUNG_BASE.with(|b| b.set(active()));
}

/// Runs R's collector on its youngest objects, and now and then on older ones, as R sees fit.
unsafe fn collect_young() {
    born::forget(0);
    Rf_eval(COLLECT_YOUNG.with(Cell::get), R_BaseEnv);
    YOUNG_BASE.with(|b| b.set(active()));
}

/// Refuses a request that memory cannot hold: MLX, or the system, would end the process.
pub fn check_request(bytes: usize) -> Result<()> {
    let limit = LIMIT.with(Cell::get);
    if active().saturating_add(bytes) > limit {
        return Err(refused(bytes, limit));
    }
    // what others use counts too; asking the system takes some microseconds
    if bytes > LARGE {
        let free = free_memory();
        if bytes > free {
            return Err(refused(bytes, active().saturating_add(free)));
        }
    }
    Ok(())
}

/// From how many bytes on a request is compared with the memory that is free.
const LARGE: usize = 512 << 20;

fn refused(bytes: usize, limit: usize) -> Error {
    let gb = |bytes: usize| bytes as f64 / 1e9;
    Error::Memory(format!(
        "this needs {:.2} GB, but the limit is {:.2} GB with {:.2} GB in use. Free arrays (`mlx_free()`, `rm()` and `gc()`) or make it smaller.",
        gb(bytes), gb(limit), gb(active())
    ))
}

/// Bytes that the system could still give: free, or in caches (its own and MLX's). Without limit
/// where the system does not tell.
fn free_memory() -> usize {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else {
        return usize::MAX;
    };
    let kilobytes = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<usize>().ok()
    };
    let mut cached = 0;
    // SAFETY: writes one number.
    unsafe { mlx_sys::mlx_get_cache_memory(&mut cached) };
    match (kilobytes("MemAvailable:"), kilobytes("SwapFree:")) {
        (Some(memory), swap) => (memory + swap.unwrap_or(0)) * 1024 + cached,
        _ => usize::MAX,
    }
}

/// From how many bytes on large pages pay.
const LARGE_PAGES: usize = 4 << 20;

/// Asks the system to back memory that nobody has written to yet by large pages, if it is much: it is
/// some thousand times as often that the first write to a small page has to wait.
///
/// # Safety
/// So many bytes there are the caller's.
pub unsafe fn prefer_large_pages(at: *mut c_void, bytes: usize) {
    #[cfg(target_os = "linux")]
    if bytes >= LARGE_PAGES {
        let page = libc::sysconf(libc::_SC_PAGESIZE).max(1) as usize;
        let skipped = at.align_offset(page);
        let length = (bytes - skipped) / page * page;
        libc::madvise(at.byte_add(skipped), length, libc::MADV_HUGEPAGE);
    }
}

/// In a fork MLX would wait for its lock, perhaps for ever.
unsafe fn refuse_forked() {
    if crate::handle::forked() {
        throw(Error::Forked);
    }
}

/// `.Call`: active, cached and peak bytes, the memory limit and the collection step.
unsafe extern "C" fn memory_state() -> SEXP {
    refuse_forked();
    let (mut cached, mut peak) = (0, 0);
    mlx_sys::mlx_get_cache_memory(&mut cached);
    mlx_sys::mlx_get_peak_memory(&mut peak);
    let limit = LIMIT.with(Cell::get);
    let state = [active(), cached, peak, limit, STEP.with(Cell::get)];
    let out = Rf_allocVector(SEXPTYPE::REALSXP, state.len() as R_xlen_t);
    for (i, bytes) in state.into_iter().enumerate() {
        SET_REAL_ELT(out, i as R_xlen_t, bytes as f64);
    }
    out
}

/// Sets the collection step and with it, unless MLX has a card of its own, the cache limit: to ask CUDA
/// for more memory takes as long as a large matrix product.
#[extendr]
fn memory_set_step(bytes: f64) {
    STEP.with(|s| s.set(bytes as usize));
    if has_cuda() {
        return;
    }
    let mut old = 0;
    // SAFETY: plain numbers.
    unsafe { mlx_sys::mlx_set_cache_limit(&mut old, bytes as usize) };
}

/// Sets the largest total that may be asked for.
#[extendr]
fn memory_set_limit(bytes: f64) {
    LIMIT.with(|l| l.set(bytes as usize));
}

/// `.Call`: sets one of MLX's own limits (1: of what is in use, 2: of kept buffers, 3: of memory that
/// stays in place); its former value.
unsafe extern "C" fn memory_set_own(which: SEXP, bytes: SEXP) -> SEXP {
    refuse_forked();
    let mut old = 0;
    let bytes = Rf_asReal(bytes) as usize;
    match Rf_asInteger(which) {
        1 => mlx_sys::mlx_set_memory_limit(&mut old, bytes),
        2 => mlx_sys::mlx_set_cache_limit(&mut old, bytes),
        _ => mlx_sys::mlx_set_wired_limit(&mut old, bytes),
    };
    Rf_ScalarReal(old as f64)
}

/// `.Call`: gives cached buffers back to the system.
unsafe extern "C" fn clear_cache() -> SEXP {
    refuse_forked();
    crate::convert::room::clear();
    mlx_sys::mlx_clear_cache();
    R_NilValue
}

/// `.Call`: starts the peak anew.
unsafe extern "C" fn memory_reset_peak() -> SEXP {
    refuse_forked();
    mlx_sys::mlx_reset_peak_memory();
    R_NilValue
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
    clear_cache / 0,
    memory_state / 0,
    wrap__memory_set_step / 1,
    wrap__memory_set_limit / 1,
    memory_set_own / 2,
    memory_reset_peak / 0,
];
