//! A safe face of mlx-c: arrays in, arrays or an error out.
//!
//! mlx-c has a few hundred functions of a dozen shapes. Each shape has one caller here, which
//! takes the function itself: `unary(mlx_sys::mlx_exp, &x, stream)`.
mod cuda;
mod graph;
mod list;
mod pick;
pub use cuda::{ordered, real_stream, scatter_stream, triangle, truth};
pub use graph::{
    async_eval, await_stream, depends_on, depth, eval, id, is_abstract, is_available, is_tracer,
    mark_dependents, pending, stack,
};
pub use list::Arrays;
pub use pick::{gather, scatter, slice, slice_update, take, take_along};

use crate::dtype::{self as dtypes, Dtype};
use crate::error::{check, last_mlx_error, Error, Result};
pub use mlx_rs::Array;
use mlx_sys::{mlx_array, mlx_stream};
use std::ffi::{c_int, c_void};

/// Owns an array that an mlx-c constructor made.
pub fn own(raw: mlx_array) -> Result<Array> {
    if raw.ctx.is_null() {
        return Err(last_mlx_error());
    }
    // SAFETY: the constructor handed its only reference over.
    Ok(unsafe { Array::from_ptr(raw) })
}

/// Calls something that writes its result through a pointer and returns a status.
pub fn out(call: impl FnOnce(*mut mlx_array) -> c_int) -> Result<Array> {
    let mut raw = mlx_array {
        ctx: std::ptr::null_mut(),
    };
    check(call(&mut raw))?;
    own(raw)
}

/// An array handle seen as an array, without counting a reference.
///
/// # Safety
/// `ctx` must be the address of a live array for as long as the result is used.
pub unsafe fn borrow(ctx: &*mut c_void) -> &Array {
    // `Array` is `repr(transparent)` over `mlx_array`, which holds only this address.
    unsafe { &*(ctx as *const *mut c_void).cast::<Array>() }
}

/// Another reference to the same array.
pub fn share(x: &Array) -> Result<Array> {
    // SAFETY: both handles are valid; mlx_array_set counts a reference.
    out(|o| unsafe { mlx_sys::mlx_array_set(o, x.as_ptr()) })
}

/// The array's address, given away: the caller frees it.
pub fn release(x: Array) -> *mut c_void {
    let ctx = x.as_ptr().ctx;
    std::mem::forget(x);
    ctx
}

/// x -> y.
pub type Unary = unsafe extern "C" fn(*mut mlx_array, mlx_array, mlx_stream) -> c_int;
/// x, y -> z.
pub type Binary = unsafe extern "C" fn(*mut mlx_array, mlx_array, mlx_array, mlx_stream) -> c_int;
/// x, axes, keepdims -> y.
pub type Reduction =
    unsafe extern "C" fn(*mut mlx_array, mlx_array, *const c_int, usize, bool, mlx_stream) -> c_int;
/// x, axis, keepdims -> y.
pub type AxisReduction =
    unsafe extern "C" fn(*mut mlx_array, mlx_array, c_int, bool, mlx_stream) -> c_int;
/// x, axes or a shape -> y.
pub type WithInts =
    unsafe extern "C" fn(*mut mlx_array, mlx_array, *const c_int, usize, mlx_stream) -> c_int;

/// One array to one.
pub fn unary(f: Unary, x: &Array, s: mlx_stream) -> Result<Array> {
    // SAFETY: valid handles; the type says what f takes.
    out(|o| unsafe { f(o, x.as_ptr(), s) })
}

/// Two arrays to one.
pub fn binary(f: Binary, x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    // SAFETY: as in `unary`.
    out(|o| unsafe { f(o, x.as_ptr(), y.as_ptr(), s) })
}

extern "C" {
    fn rmlx_power(res: *mut mlx_array, x: mlx_array, y: mlx_array, s: mlx_stream) -> c_int;
    fn rmlx_halve_ties(res: *mut mlx_array, extreme: mlx_array) -> c_int;
}

/// x^y of floating or complex arrays, with slopes at 0.
pub fn power(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    // SAFETY: valid handles.
    out(|o| unsafe { rmlx_power(o, x.as_ptr(), y.as_ptr(), s) })
}

/// What `mlx_maximum` or `mlx_minimum` just gave, with half of the derivative for each of two that are equal.
pub fn halve_ties(extreme: &Array) -> Result<Array> {
    // SAFETY: a valid handle.
    out(|o| unsafe { rmlx_halve_ties(o, extreme.as_ptr()) })
}

/// A reduction over 0-based axes.
///
/// An array without elements is replaced by a row-major one: of a transposed one MLX 0.32.2 reads
/// extents beyond the end of an empty list, and then loops for as long as they happen to say.
pub fn reduce(f: Reduction, x: &Array, axes: &[i32], keep: bool, s: mlx_stream) -> Result<Array> {
    if size(x) == 0 {
        let (kind, shape) = (dtype(x), shape(x));
        let empty = full(shape, &scalar(0.0, kind, s)?, kind, s)?;
        return reduce_as_it_is(f, &empty, axes, keep, s);
    }
    reduce_as_it_is(f, x, axes, keep, s)
}

fn reduce_as_it_is(
    f: Reduction,
    x: &Array,
    axes: &[i32],
    keep: bool,
    s: mlx_stream,
) -> Result<Array> {
    // SAFETY: as in `unary`; the slice lives during the call.
    out(|o| unsafe { f(o, x.as_ptr(), axes.as_ptr(), axes.len(), keep, s) })
}

/// A reduction over one 0-based axis.
pub fn reduce_axis(
    f: AxisReduction,
    x: &Array,
    axis: i32,
    keep: bool,
    s: mlx_stream,
) -> Result<Array> {
    // SAFETY: as in `unary`.
    out(|o| unsafe { f(o, x.as_ptr(), axis, keep, s) })
}

/// One array and an axis to one array.
pub fn with_axis(
    f: unsafe extern "C" fn(*mut mlx_array, mlx_array, c_int, mlx_stream) -> c_int,
    x: &Array,
    axis: i32,
    s: mlx_stream,
) -> Result<Array> {
    // SAFETY: as in `unary`.
    out(|o| unsafe { f(o, x.as_ptr(), axis, s) })
}

/// One array and a list of integers (axes, a shape) to one array.
pub fn with_ints(f: WithInts, x: &Array, ints: &[i32], s: mlx_stream) -> Result<Array> {
    // SAFETY: as in `reduce`.
    out(|o| unsafe { f(o, x.as_ptr(), ints.as_ptr(), ints.len(), s) })
}

/// Shape.
pub fn shape(x: &Array) -> &[i32] {
    let (raw, rank) = (x.as_ptr(), rank(x));
    if rank == 0 {
        return &[];
    }
    // SAFETY: MLX keeps `rank` extents at this address as long as the array lives.
    unsafe { std::slice::from_raw_parts(mlx_sys::mlx_array_shape(raw), rank) }
}

/// Number of axes.
pub fn rank(x: &Array) -> usize {
    // SAFETY: a valid handle.
    unsafe { mlx_sys::mlx_array_ndim(x.as_ptr()) }
}

/// Number of elements.
pub fn size(x: &Array) -> usize {
    // SAFETY: a valid handle.
    unsafe { mlx_sys::mlx_array_size(x.as_ptr()) }
}

/// Element type.
pub fn dtype(x: &Array) -> Dtype {
    // SAFETY: a valid handle.
    let raw = unsafe { mlx_sys::mlx_array_dtype(x.as_ptr()) };
    Dtype::try_from(raw).unwrap_or(Dtype::Float32)
}

/// Casts; the same array if it already is of that dtype. A cast to integers or bools is a step
/// function: it ends the tape, which MLX would lead through it.
pub fn astype(x: &Array, to: Dtype, s: mlx_stream) -> Result<Array> {
    if dtype(x) == to {
        return share(x);
    }
    if dtypes::is_inexact(dtype(x)) && !dtypes::is_inexact(to) && is_tracer(x) {
        return cuda::cast(&stop_gradient(x, s)?, to, s);
    }
    cuda::cast(x, to, s)
}

/// Row-major reshape.
///
/// Between two shapes of rank 2 or more it goes by way of one axis, forth and so also in the
/// gradient: MLX 0.32.2 splits axes of a column-major array in place and goes on calling the
/// result column-major, after which arithmetic on it pairs the wrong elements.
pub fn reshape(x: &Array, shape: &[i32], s: mlx_stream) -> Result<Array> {
    if rank(x) >= 2 && shape.len() >= 2 && self::shape(x) != shape {
        let flat = with_ints(mlx_sys::mlx_reshape, x, &[count(size(x))?], s)?;
        return with_ints(mlx_sys::mlx_reshape, &flat, shape, s);
    }
    with_ints(mlx_sys::mlx_reshape, x, shape, s)
}

/// All axes reversed.
pub fn transpose(x: &Array, s: mlx_stream) -> Result<Array> {
    unary(mlx_sys::mlx_transpose, x, s)
}

/// Axes in another order.
pub fn permute(x: &Array, axes: &[i32], s: mlx_stream) -> Result<Array> {
    with_ints(mlx_sys::mlx_transpose_axes, x, axes, s)
}

/// 1-d, in R's column-major order.
pub fn flatten_columns(x: &Array, s: mlx_stream) -> Result<Array> {
    if rank(x) < 2 {
        return reshape(x, &[-1], s);
    }
    reshape(&transpose(x, s)?, &[count(size(x))?], s)
}

/// Gives a 1-d array in column-major order a shape.
pub fn shape_columns(x: &Array, shape: &[i32], s: mlx_stream) -> Result<Array> {
    if shape.len() < 2 {
        return reshape(x, shape, s);
    }
    let reversed: Vec<i32> = shape.iter().rev().copied().collect();
    transpose(&reshape(x, &reversed, s)?, s)
}

/// A size as MLX counts extents.
pub fn count(n: usize) -> Result<i32> {
    i32::try_from(n).map_err(|_| {
        Error::Shape(format!(
            "{n} elements are more than an MLX axis holds (2^31 - 1)."
        ))
    })
}

/// Broadcasts to a shape.
pub fn broadcast(x: &Array, shape: &[i32], s: mlx_stream) -> Result<Array> {
    if self::shape(x) == shape {
        return share(x);
    }
    with_ints(mlx_sys::mlx_broadcast_to, x, shape, s)
}

/// A constant array.
pub fn full(shape: &[i32], value: &Array, dtype: Dtype, s: mlx_stream) -> Result<Array> {
    // SAFETY: as in `reduce`.
    out(|o| unsafe {
        mlx_sys::mlx_full(
            o,
            shape.as_ptr(),
            shape.len(),
            value.as_ptr(),
            dtype.into(),
            s,
        )
    })
}

/// An array of one value that a gradient may depend on: [`full`]'s gradient is wrong, since MLX
/// 0.32.2 multiplies it by the value.
pub fn spread(shape: &[i32], value: &Array, dtype: Dtype, s: mlx_stream) -> Result<Array> {
    contiguous(&broadcast(&astype(value, dtype, s)?, shape, s)?, s)
}

/// A 0-d array of a dtype from a double, exactly where the dtype holds it.
pub fn scalar(value: f64, dtype: Dtype, s: mlx_stream) -> Result<Array> {
    let (value_i64, value_u64, value_u32) = (value as i64, value as u64, value as u32);
    // SAFETY: plain constructors.
    match dtype {
        Dtype::Float64 => own(unsafe { mlx_sys::mlx_array_new_float64(value) }),
        Dtype::Float32 => own(unsafe { mlx_sys::mlx_array_new_float32(value as f32) }),
        Dtype::Bool => own(unsafe { mlx_sys::mlx_array_new_bool(value != 0.0) }),
        Dtype::Complex64 => own(unsafe { mlx_sys::mlx_array_new_complex(value as f32, 0.0) }),
        Dtype::Int32 => own(unsafe { mlx_sys::mlx_array_new_int(value as i32) }),
        // SAFETY: one element of that dtype.
        Dtype::Int64 => unsafe { data((&raw const value_i64).cast(), &[], dtype) },
        // SAFETY: one element of that dtype.
        Dtype::Uint64 => unsafe { data((&raw const value_u64).cast(), &[], dtype) },
        // SAFETY: one element of that dtype.
        Dtype::Uint32 => unsafe { data((&raw const value_u32).cast(), &[], dtype) },
        Dtype::Float16 | Dtype::Bfloat16 => astype(
            &own(unsafe { mlx_sys::mlx_array_new_float32(value as f32) })?,
            dtype,
            s,
        ),
        _ => astype(
            &own(unsafe { mlx_sys::mlx_array_new_int(value as i32) })?,
            dtype,
            s,
        ),
    }
}

/// An array of the elements at `from`, copied.
///
/// # Safety
/// `from` holds as many elements of the dtype as the shape counts.
pub unsafe fn data(from: *const c_void, shape: &[i32], dtype: Dtype) -> Result<Array> {
    let n = count(shape.len())?;
    // SAFETY: as the caller promises.
    own(unsafe { mlx_sys::mlx_array_new_data(from, shape.as_ptr(), n, dtype.into()) })
}

/// int32 positions, as many as the shape counts.
pub fn indices(values: &[i32], shape: &[i32]) -> Result<Array> {
    debug_assert_eq!(values.len() as i32, shape.iter().product::<i32>());
    // SAFETY: as asserted.
    unsafe { data(values.as_ptr().cast(), shape, Dtype::Int32) }
}

/// 0, 1, .., n - 1.
pub fn iota(n: i32, s: mlx_stream) -> Result<Array> {
    // SAFETY: plain numbers.
    out(|o| unsafe { mlx_sys::mlx_arange(o, 0.0, f64::from(n), 1.0, Dtype::Int32.into(), s) })
}

/// Joined along an axis.
pub fn concatenate(parts: &[Array], axis: i32, s: mlx_stream) -> Result<Array> {
    let list = Arrays::of(parts)?;
    // SAFETY: as in `unary`; the list outlives the call.
    out(|o| unsafe { mlx_sys::mlx_concatenate_axis(o, list.0, axis, s) })
}

/// x where the condition holds, else y.
pub fn select(condition: &Array, x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let condition = truth(condition, s)?;
    // SAFETY: as in `unary`.
    out(|o| unsafe { mlx_sys::mlx_where(o, condition.as_ptr(), x.as_ptr(), y.as_ptr(), s) })
}

/// Cut out of the tape.
pub fn stop_gradient(x: &Array, s: mlx_stream) -> Result<Array> {
    unary(mlx_sys::mlx_stop_gradient, x, s)
}

/// Whether the elements lie in row-major (first) or column-major (second) order without gaps. Told
/// from the strides: MLX's own flags are wrong after some reshapes (see [`reshape`]).
pub fn layout(x: &Array) -> (bool, bool) {
    let (shape, strides) = (shape(x), strides(x));
    let packed = |axes: &[usize]| {
        let mut expected = 1;
        axes.iter().all(|&k| {
            let fits = shape[k] == 1 || strides[k] == expected;
            expected *= shape[k] as isize;
            fits
        })
    };
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    let columns = packed(&axes);
    axes.reverse();
    (packed(&axes), columns)
}

/// Row-major without gaps.
pub fn contiguous(x: &Array, s: mlx_stream) -> Result<Array> {
    // SAFETY: as in `unary`.
    out(|o| unsafe { mlx_sys::mlx_contiguous(o, x.as_ptr(), false, s) })
}

/// The first byte of an evaluated array's elements. mlx-c has an accessor per dtype; all of them
/// return the same address, so the byte one serves.
pub fn bytes(x: &Array) -> *mut c_void {
    // SAFETY: a valid, evaluated handle.
    unsafe { mlx_sys::mlx_array_data_uint8(x.as_ptr()) as *mut c_void }
}

/// Whether MLX has a usable GPU.
pub fn gpu_is_available() -> bool {
    let mut yes = false;
    // SAFETY: a device of our own, freed below.
    unsafe {
        let device = mlx_sys::mlx_device_new_type(mlx_sys::mlx_device_type__MLX_GPU, 0);
        if mlx_sys::mlx_device_is_available(&mut yes, device) != 0 {
            yes = false;
        }
        mlx_sys::mlx_device_free(device);
    }
    yes
}

/// This thread's default CPU and (if any) GPU stream, kept for the life of the process.
pub fn default_streams(gpu: bool) -> [*mut c_void; 2] {
    // SAFETY: plain constructors.
    unsafe {
        let cpu = mlx_sys::mlx_default_cpu_stream_new().ctx;
        let gpu = if gpu {
            mlx_sys::mlx_default_gpu_stream_new().ctx
        } else {
            cpu
        };
        [cpu, gpu]
    }
}

/// No dtype given, for scans.
pub fn no_dtype() -> mlx_sys::mlx_optional_dtype {
    mlx_sys::mlx_optional_dtype {
        value: Dtype::Float32.into(),
        has_value: false,
    }
}

extern "C" {
    fn rmlx_array_uninitialised(
        out: *mut mlx_array,
        shape: *const c_int,
        rank: c_int,
        dtype: mlx_sys::mlx_dtype,
    ) -> c_int;
}

/// A dense row-major array whose elements the caller writes (at [`bytes`]) before it is used.
pub fn uninitialised(shape: &[i32], dtype: Dtype) -> Result<Array> {
    let n = count(shape.len())?;
    // SAFETY: the slice lives during the call.
    out(|o| unsafe { rmlx_array_uninitialised(o, shape.as_ptr(), n, dtype.into()) })
}

/// Distances between neighbours along each axis, in elements.
pub fn strides(x: &Array) -> Vec<isize> {
    let n = rank(x);
    if n == 0 {
        return Vec::new();
    }
    // SAFETY: MLX keeps `n` strides at this address as long as the array lives.
    let raw = unsafe { std::slice::from_raw_parts(mlx_sys::mlx_array_strides(x.as_ptr()), n) };
    raw.iter().map(|&s| s as isize).collect() // MLX's own are signed; mlx-c shows them as size_t
}
