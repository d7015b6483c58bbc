//! The handle behind every R mlx vector: owner of one MLX array.
//!
//! It is a raw vector whose memory comes from us: R tells its allocator when it frees a vector, so the
//! array goes with it. (A finalizer would take three more R objects for each array, and R walks through
//! all of those at every collection.)
use crate::anchor;
use crate::device::Device;
use crate::error::{throw, Error, Result};
use crate::ffi::*;
use crate::mlx::{self, Array};
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// What a handle holds.
#[repr(C)]
struct Content {
    /// The address of [`MARK`], which no other raw vector begins with.
    mark: *const u8,
    /// The array; null for none.
    ctx: *mut c_void,
    /// Its device.
    device: Device,
    /// The length of an array that was freed.
    length: R_xlen_t,
}

static MARK: u8 = 0;
const BYTES: usize = size_of::<Content>();
/// Where the content lies in the memory that R asks for.
static OFFSET: AtomicUsize = AtomicUsize::new(0);
static FORKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether R's collector is running.
    static COLLECTING: Cell<bool> = const { Cell::new(false) };
    static SPARE: Spare = const {
        Spare {
            first: Cell::new(std::ptr::null_mut()),
            count: Cell::new(0),
        }
    };
}

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

/// Installs the watch for forks.
///
/// # Safety
/// Once.
pub unsafe fn start() {
    pthread_atfork(None, None, Some(in_forked_child));
}

/// Whether this process is a fork of the one that loaded the package.
pub fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Whether R's collector is running: nothing of R's may be touched.
pub fn is_collecting() -> bool {
    COLLECTING.with(Cell::get)
}

/// Memory of collected handles, each beginning with the address of the next.
struct Spare {
    first: Cell<*mut c_void>,
    count: Cell<usize>,
}

/// How many are kept: about as many as R makes between two collections.
const MOST_SPARE: usize = 1 << 15;

unsafe extern "C" fn allocate(_: *mut Allocator, bytes: usize) -> *mut c_void {
    OFFSET.store(bytes - BYTES, Ordering::Relaxed); // the vector's content is the end of it
    SPARE.with(|spare| {
        let memory = spare.first.get();
        if memory.is_null() {
            return libc::malloc(bytes);
        }
        spare.first.set(*memory.cast());
        spare.count.set(spare.count.get() - 1);
        memory
    })
}

unsafe fn give_back(memory: *mut c_void) {
    SPARE.with(|spare| {
        if spare.count.get() >= MOST_SPARE {
            return libc::free(memory);
        }
        memory.cast::<*mut c_void>().write(spare.first.get());
        spare.first.set(memory);
        spare.count.set(spare.count.get() + 1);
    });
}

/// R's collector found that nothing refers to a handle.
unsafe extern "C" fn collected(_: *mut Allocator, memory: *mut c_void) {
    COLLECTING.with(|c| c.set(true));
    let content = memory
        .byte_add(OFFSET.load(Ordering::Relaxed))
        .cast::<Content>();
    drop_array(content);
    give_back(memory);
    COLLECTING.with(|c| c.set(false));
}

/// An empty handle. Everything that R may refuse happens here, before an array exists.
///
/// # Safety
/// On R's main thread; the caller protects the result.
pub unsafe fn new() -> SEXP {
    if forked() {
        throw(Error::Forked);
    }
    anchor::settle();
    let mut allocator = Allocator {
        allocate: Some(allocate),
        free: Some(collected),
        reserved: std::ptr::null_mut(),
        data: std::ptr::null_mut(),
    };
    let handle = Rf_allocVector3(SEXPTYPE::RAWSXP, BYTES as R_xlen_t, &mut allocator);
    content(handle).write(Content {
        mark: &MARK,
        ctx: std::ptr::null_mut(),
        device: Device::Cpu,
        length: 0,
    });
    handle
}

/// The handle of an array of that length which is gone.
///
/// # Safety
/// As [`new`].
pub unsafe fn empty(length: R_xlen_t) -> SEXP {
    let handle = new();
    (*content(handle)).length = length;
    handle
}

unsafe fn content(handle: SEXP) -> *mut Content {
    RAW(handle).cast()
}

/// Moves an array into an empty handle; allocates nothing in R.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn fill(handle: SEXP, value: Placed) {
    let content = content(handle);
    (*content).device = value.device;
    (*content).ctx = mlx::release(value.array);
}

unsafe fn drop_array(content: *mut Content) {
    let ctx = std::mem::replace(&mut (*content).ctx, std::ptr::null_mut());
    // A forked child must not touch MLX: its locks may be held by threads that do not exist.
    if !ctx.is_null() && !forked() {
        drop(Array::from_ptr(mlx_sys::mlx_array { ctx }));
    }
}

/// Whether an object is a handle of ours.
///
/// # Safety
/// `x` is any live R object.
pub unsafe fn is(x: SEXP) -> bool {
    TYPEOF(x) == SEXPTYPE::RAWSXP
        && ALTREP(x) == 0
        && XLENGTH(x) == BYTES as R_xlen_t
        && std::ptr::eq((*content(x)).mark, &MARK)
}

/// The device of a handle.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn device(handle: SEXP) -> Device {
    (*content(handle)).device
}

/// The address of the array; null for a freed one.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn peek(handle: SEXP) -> *mut c_void {
    (*content(handle)).ctx
}

/// The address of the array; an error for a freed one or in a forked process.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn address(handle: SEXP) -> Result<*mut c_void> {
    let ctx = peek(handle);
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
    let ctx = peek(handle);
    if ctx.is_null() {
        (*content(handle)).length
    } else {
        mlx::size(mlx::borrow(&ctx)) as R_xlen_t
    }
}

/// Lets go of the array; the handle is empty afterwards.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn discard(handle: SEXP) {
    drop_array(content(handle));
}

/// Gives the array's memory back now; its length stays known.
///
/// # Safety
/// `handle` is one of ours.
pub unsafe fn free(handle: SEXP) {
    (*content(handle)).length = length(handle);
    discard(handle);
}
