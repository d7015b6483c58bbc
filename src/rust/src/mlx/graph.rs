//! MLX's graph of lazy arrays: evaluating it, and what `native/graph.cpp` tells of it.
use super::{own, Array, Arrays};
use crate::error::{check, Result};
use mlx_sys::{mlx_array, mlx_vector_array};
use std::ffi::c_int;
use std::time::Duration;

/// Evaluates a list and waits.
pub fn eval(list: &Arrays) -> Result<()> {
    // SAFETY: a valid list.
    check(unsafe { mlx_sys::mlx_eval(list.0) })
}

/// Queues the evaluation of a list.
pub fn async_eval(list: &Arrays) -> Result<()> {
    // SAFETY: a valid list.
    check(unsafe { mlx_sys::mlx_async_eval(list.0) })
}

/// Whether the value is there. MLX says here, and once only, if its evaluation in the background
/// failed.
pub fn is_available(x: &Array) -> Result<bool> {
    let mut yes = false;
    // SAFETY: a valid handle.
    check(unsafe { mlx_sys::_mlx_array_is_available(&mut yes, x.as_ptr()) })?;
    Ok(yes)
}

extern "C" {
    fn rmlx_await(asleep: *mut bool, roots: mlx_vector_array, seconds: f64) -> c_int;
    fn rmlx_is_tracer(out: *mut bool, x: mlx_array) -> c_int;
    fn rmlx_is_abstract(out: *mut bool, x: mlx_array) -> c_int;
    fn rmlx_graph_depth(out: *mut usize, roots: mlx_vector_array) -> c_int;
    fn rmlx_stack(size: *mut usize, left: *mut usize);
    fn rmlx_array_id(out: *mut usize, x: mlx_array) -> c_int;
    fn rmlx_depends_on(out: *mut bool, x: mlx_array, ids: *const usize, n: usize) -> c_int;
    fn rmlx_mark_dependents(roots: mlx_vector_array, ids: *const usize, n: usize) -> c_int;
    fn rmlx_pending(
        needed: *mut usize,
        total: *mut usize,
        part: *mut mlx_array,
        roots: mlx_vector_array,
        budget: f64,
    ) -> c_int;
}

/// Sleeps until a stream that computes one of the arrays has done its work, at most for this long. False at
/// once where no thread of MLX's could tell: on a gpu, and when all is there.
pub fn await_stream(list: &Arrays, longest: Duration) -> Result<bool> {
    let mut asleep = false;
    // SAFETY: a valid list.
    check(unsafe { rmlx_await(&mut asleep, list.0, longest.as_secs_f64()) })?;
    Ok(asleep)
}

/// What tells an array from others in MLX's graph, however many handles it has.
pub fn id(x: &Array) -> usize {
    let mut id = 0;
    // SAFETY: a valid handle.
    unsafe { rmlx_array_id(&mut id, x.as_ptr()) };
    id
}

/// The most operations behind a list of which each needs the one before.
pub fn depth(list: &Arrays) -> Result<usize> {
    let mut depth = 0;
    // SAFETY: a valid list.
    check(unsafe { rmlx_graph_depth(&mut depth, list.0) })?;
    Ok(depth)
}

/// Bytes of this thread's stack and how many are left; zeros if the system does not say.
pub fn stack() -> (usize, usize) {
    let (mut size, mut left) = (0, 0);
    // SAFETY: writes two numbers.
    unsafe { rmlx_stack(&mut size, &mut left) };
    (size, left)
}

/// Whether the array was computed from one of `ids` along a path that carries a gradient.
pub fn depends_on(x: &Array, ids: &[usize]) -> Result<bool> {
    let mut yes = false;
    // SAFETY: a valid handle; the slice lives during the call.
    check(unsafe { rmlx_depends_on(&mut yes, x.as_ptr(), ids.as_ptr(), ids.len()) })?;
    Ok(yes)
}

/// Marks arrays, and what they were computed from, as traced where they depend on one of `ids`.
pub fn mark_dependents(list: &Arrays, ids: &[usize]) -> Result<()> {
    // SAFETY: a valid list; the slice lives during the call.
    check(unsafe { rmlx_mark_dependents(list.0, ids.as_ptr(), ids.len()) })
}

/// What has to be computed for a list.
pub struct Pending {
    /// The least memory it takes.
    pub needed: usize,
    /// The memory of all that is made, if none of it is released meanwhile.
    pub total: usize,
    /// If it is more work than a budget (roughly bytes read and written), an array with about that
    /// much work before it.
    pub part: Option<Array>,
}

/// What has to be computed for a list.
pub fn pending(list: &Arrays, budget: f64) -> Result<Pending> {
    let (mut needed, mut total) = (0, 0);
    let mut part = mlx_array {
        ctx: std::ptr::null_mut(),
    };
    // SAFETY: a valid list; what comes back in `part` is ours.
    check(unsafe { rmlx_pending(&mut needed, &mut total, &mut part, list.0, budget) })?;
    let part = if part.ctx.is_null() {
        None
    } else {
        Some(own(part)?)
    };
    Ok(Pending {
        needed,
        total,
        part,
    })
}

/// Whether MLX holds the array for part of the graph of a running transformation.
pub fn is_tracer(x: &Array) -> bool {
    let mut yes = false;
    // SAFETY: a valid handle.
    unsafe { rmlx_is_tracer(&mut yes, x.as_ptr()) };
    yes
}

/// Whether the array stands for values that are not there while vmap or compile trace a function.
pub fn is_abstract(x: &Array) -> Result<bool> {
    let mut yes = false;
    // SAFETY: a valid handle.
    check(unsafe { rmlx_is_abstract(&mut yes, x.as_ptr()) })?;
    Ok(yes)
}
