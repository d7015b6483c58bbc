//! Large arrays to and from a CUDA device's memory, see native/transfer.cpp.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::error::Result;
use crate::mlx::{self, Array};
use mlx_sys::{mlx_array, mlx_dtype, mlx_stream};
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// From how many bytes on it pays: below, MLX's own way costs less than waiting for the device.
const LARGE: usize = 256 << 10;
/// Nothing was done: the elements are to be read or written in place.
const UNDONE: c_int = 2;

type Take = unsafe extern "C" fn(*mut c_void, *const c_void, usize, usize);
type Fill = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> c_int;

extern "C" {
    fn rmlx_is_on_device(array: mlx_array) -> c_int;
    fn rmlx_download(array: mlx_array, take: Take, data: *mut c_void) -> c_int;
    fn rmlx_upload(
        res: *mut mlx_array,
        shape: *const c_int,
        rank: c_int,
        dtype: mlx_dtype,
        stream: mlx_stream,
        fill: Fill,
        data: *mut c_void,
    ) -> c_int;
}

/// What the native code hands on to [`download`]'s and [`upload`]'s closures: these, and the bytes of an element.
struct Part<'a, F>(&'a mut F, usize);

/// Unless the environment variable RMLX_TRANSFER asks for MLX's own way.
fn is_wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| std::env::var("RMLX_TRANSFER").map_or(true, |how| how != "mlx"))
}

/// Gives the elements of an evaluated array in column-major order to `take`, in parts: where they
/// are, the number of the first and how many. False if the array is to be read in place.
pub fn download<F: FnMut(*const c_void, usize, usize)>(x: &Array, mut take: F) -> Result<bool> {
    unsafe extern "C" fn pass<F: FnMut(*const c_void, usize, usize)>(
        data: *mut c_void,
        chunk: *const c_void,
        at: usize,
        n: usize,
    ) {
        let part = &mut *data.cast::<Part<'_, F>>();
        (part.0)(chunk, at / part.1, n / part.1);
    }
    let size = dtype::size(mlx::dtype(x));
    let large = mlx::size(x) * size >= LARGE;
    // SAFETY: an evaluated array.
    if !large || !is_wanted() || unsafe { rmlx_is_on_device(x.as_ptr()) } == 0 {
        return Ok(false);
    }
    let (rows, columns) = mlx::layout(x);
    let turned;
    let dense = if columns || (rows && mlx::rank(x) < 2) {
        x
    } else {
        let s = Device::Gpu.stream();
        turned = mlx::contiguous(&mlx::transpose(x, s)?, s)?;
        mlx::eval(&mlx::Arrays::of(std::slice::from_ref(&turned))?)?;
        &turned
    };
    let mut part = Part(&mut take, size);
    // SAFETY: `pass` gets what it is made for, during the call only.
    let status = unsafe { rmlx_download(dense.as_ptr(), pass::<F>, (&raw mut part).cast()) };
    Ok(status == 0)
}

/// A dense row-major array on a gpu whose elements `fill` writes in parts: where to, the number of
/// the first and how many. None if it is to be written in place.
pub fn upload<F: FnMut(*mut c_void, usize, usize) -> Result<()>>(
    shape: &[i32],
    to: Dtype,
    device: Device,
    count: usize,
    mut fill: F,
) -> Result<Option<Array>> {
    unsafe extern "C" fn pass<F: FnMut(*mut c_void, usize, usize) -> Result<()>>(
        data: *mut c_void,
        chunk: *mut c_void,
        at: usize,
        n: usize,
    ) -> c_int {
        let part = &mut *data.cast::<Part<'_, F>>();
        (part.0)(chunk, at / part.1, n / part.1).is_err().into()
    }
    let size = dtype::size(to);
    if device != Device::Gpu || count * size < LARGE || !is_wanted() {
        return Ok(None);
    }
    let rank = mlx::count(shape.len())?;
    let mut part = Part(&mut fill, size);
    let mut undone = false;
    // SAFETY: `pass` gets what it is made for, during the call only; the slice outlives it.
    let out = mlx::out(|o| unsafe {
        let data = (&raw mut part).cast();
        let s = device.stream();
        let status = rmlx_upload(o, shape.as_ptr(), rank, to.into(), s, pass::<F>, data);
        undone = status == UNDONE;
        status
    });
    if undone {
        return Ok(None);
    }
    out.map(Some)
}
