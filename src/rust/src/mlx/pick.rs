//! Elements at positions: slices, gathers and scatters.
use super::{dtype, full, out, rank, scalar, scatter_stream, shape, size, Array, Arrays};
use crate::error::Result;
use mlx_sys::{mlx_array, mlx_stream};
use std::ffi::c_int;

/// A block with steps: 0-based starts, ends past the last.
pub fn slice(x: &Array, from: &[i32], to: &[i32], step: &[i32], s: mlx_stream) -> Result<Array> {
    // SAFETY: valid handles; the slices live during the call.
    out(|o| unsafe {
        mlx_sys::mlx_slice(
            o,
            x.as_ptr(),
            from.as_ptr(),
            from.len(),
            to.as_ptr(),
            to.len(),
            step.as_ptr(),
            step.len(),
            s,
        )
    })
}

extern "C" {
    fn rmlx_slice_update(
        res: *mut mlx_array,
        x: mlx_array,
        value: mlx_array,
        from: *const c_int,
        to: *const c_int,
        step: *const c_int,
        rank: usize,
        s: mlx_stream,
    ) -> c_int;
}

/// x with a block replaced by a value that broadcasts to it.
pub fn slice_update(
    x: &Array,
    value: &Array,
    from: &[i32],
    to: &[i32],
    step: &[i32],
    s: mlx_stream,
) -> Result<Array> {
    // SAFETY: valid handles; the slices live during the call.
    out(|o| unsafe {
        rmlx_slice_update(
            o,
            x.as_ptr(),
            value.as_ptr(),
            from.as_ptr(),
            to.as_ptr(),
            step.as_ptr(),
            from.len(),
            s,
        )
    })
}

/// What positions that select nothing give. MLX's own result would end the process in its gradient,
/// where MLX 0.32.2 divides by the number of positions.
fn nothing(x: &Array, shape: &[i32], s: mlx_stream) -> Result<Array> {
    let kind = dtype(x);
    full(shape, &scalar(0.0, kind, s)?, kind, s)
}

extern "C" {
    fn rmlx_take(
        res: *mut mlx_array,
        x: mlx_array,
        at: mlx_array,
        axis: c_int,
        s: mlx_stream,
    ) -> c_int;
}

/// Elements along an axis.
pub fn take(x: &Array, at: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    let k = axis as usize;
    let mut result = shape(x).to_vec();
    result.splice(k..=k, shape(at).iter().copied());
    if result.contains(&0) {
        return nothing(x, &result, s);
    }
    // SAFETY: valid handles.
    out(|o| unsafe { rmlx_take(o, x.as_ptr(), at.as_ptr(), axis, s) })
}

/// One element for each position along an axis.
pub fn take_along(x: &Array, at: &Array, axis: i32, s: mlx_stream) -> Result<Array> {
    if size(at) == 0 {
        return nothing(x, shape(at), s);
    }
    // SAFETY: valid handles.
    out(|o| unsafe { mlx_sys::mlx_take_along_axis(o, x.as_ptr(), at.as_ptr(), axis, s) })
}

/// Slices of `sizes` at index arrays that broadcast, one for each of `axes`.
pub fn gather(
    x: &Array,
    at: &[Array],
    axes: &[i32],
    sizes: &[i32],
    s: mlx_stream,
) -> Result<Array> {
    if sizes.contains(&0) || at.iter().any(|positions| size(positions) == 0) {
        let rank = at.iter().map(rank).max().unwrap_or(0);
        let mut result = vec![1; rank];
        for positions in at {
            let own = shape(positions);
            for (extent, &n) in result[rank - own.len()..].iter_mut().zip(own) {
                if n != 1 {
                    *extent = n;
                }
            }
        }
        result.extend(sizes);
        return nothing(x, &result, s);
    }
    let list = Arrays::of(at)?;
    // SAFETY: valid handles; the slices and the list live during the call.
    out(|o| unsafe {
        mlx_sys::mlx_gather(
            o,
            x.as_ptr(),
            list.0,
            axes.as_ptr(),
            axes.len(),
            sizes.as_ptr(),
            sizes.len(),
            s,
        )
    })
}

/// x with the slices at index arrays replaced.
pub fn scatter(
    x: &Array,
    at: &[Array],
    updates: &Array,
    axes: &[i32],
    s: mlx_stream,
) -> Result<Array> {
    let list = Arrays::of(at)?;
    let s = scatter_stream(x, s);
    // SAFETY: valid handles; the slices and the list live during the call.
    out(|o| unsafe {
        mlx_sys::mlx_scatter(
            o,
            x.as_ptr(),
            list.0,
            updates.as_ptr(),
            axes.as_ptr(),
            axes.len(),
            s,
        )
    })
}
