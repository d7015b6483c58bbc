//! The border to `native/exact.cpp`: what C++ calls, and what it is called by.
use super::graph::Graph;
use super::table::{Exact, Node, TABLE};
use crate::error::Result;
use crate::mlx::{out, Array};
use crate::op::branch::note;
use mlx_sys::{mlx_array, mlx_stream};
use std::ffi::{c_char, c_int};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

/// `rmlx_exact_row` in exact.h: the part of a row that MLX needs to see.
#[repr(C)]
struct CRow {
    name: *const c_char,
    arity: u32,
    has_single: bool,
}

type CKernel<T> = unsafe extern "C" fn(
    row: u32,
    order: i32,
    inputs: *const *const T,
    arity: u32,
    output: *mut T,
    n: usize,
) -> c_int;

type CDerivative = unsafe extern "C" fn(
    res: *mut mlx_array,
    row: u32,
    order: i32,
    argnum: u32,
    inputs: *const mlx_array,
    arity: u32,
    output: mlx_array,
    stream: mlx_stream,
    message: *mut c_char,
    capacity: usize,
) -> c_int;

extern "C" {
    fn rmlx_exact_register(
        rows: *const CRow,
        count: usize,
        kernel: CKernel<f64>,
        single: CKernel<f32>,
        derivative: CDerivative,
    );
    fn rmlx_exact_apply(
        res: *mut mlx_array,
        row: u32,
        order: i32,
        inputs: *const mlx_array,
        arity: u32,
        stream: mlx_stream,
    ) -> c_int;
}

/// `RMLX_EXACT_MAX_ARITY` in exact.h.
const MAX_ARITY: usize = 3;

/// Hands the table to C++. To be called before the first array is made; the
/// second and later calls do nothing.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let rows: Vec<CRow> = TABLE
            .iter()
            .map(|row| CRow {
                name: row.name.as_ptr(),
                arity: row.arity,
                has_single: row.single.is_some(),
            })
            .collect();
        let rows: &'static [CRow] = rows.leak();
        // SAFETY: the rows are leaked, so they outlive every operation, and the
        // three functions have the types that exact.h declares.
        unsafe { rmlx_exact_register(rows.as_ptr(), rows.len(), kernel, single, derivative) };
    });
}

/// Makes the lazy result of a row on inputs that broadcast together.
pub fn apply(op: Exact, order: i32, inputs: &[&Array], s: mlx_stream) -> Result<Array> {
    let mut handles = [mlx_array {
        ctx: std::ptr::null_mut(),
    }; MAX_ARITY];
    for (handle, input) in handles.iter_mut().zip(inputs) {
        *handle = input.as_ptr();
    }
    let arity = inputs.len() as u32;
    // SAFETY: live handles, of which C++ copies what it keeps; it checks the
    // arity against the table before it reads them.
    note(out(|o| unsafe {
        rmlx_exact_apply(o, op as u32, order, handles.as_ptr(), arity, s)
    })?)
}

/// Runs a kernel on what C++ passes: `arity` addresses of n numbers each, which do not change during the
/// call, and a place for n numbers, which overlaps no input (exact.h promises it).
unsafe fn on_slices<T>(
    inputs: *const *const T,
    arity: u32,
    output: *mut T,
    n: usize,
    kernel: impl FnOnce(&[&[T]], &mut [T]),
) -> c_int {
    let run = AssertUnwindSafe(|| {
        let mut slices: [&[T]; MAX_ARITY] = [&[]; MAX_ARITY];
        for (k, slice) in slices.iter_mut().enumerate().take(arity as usize) {
            // SAFETY: see above.
            *slice = unsafe { std::slice::from_raw_parts(*inputs.add(k), n) };
        }
        // SAFETY: see above.
        let output = unsafe { std::slice::from_raw_parts_mut(output, n) };
        kernel(&slices[..arity as usize], output);
    });
    // A panic may not cross into C++, which makes an MLX error of the status.
    c_int::from(catch_unwind(run).is_err())
}

/// Runs the kernel of a row. Called on MLX's threads.
unsafe extern "C" fn kernel(
    row: u32,
    order: i32,
    inputs: *const *const f64,
    arity: u32,
    output: *mut f64,
    n: usize,
) -> c_int {
    on_slices(inputs, arity, output, n, |inputs, output| {
        (TABLE[row as usize].kernel)(order, inputs, output);
    })
}

/// As [`kernel`], of a row that has one in single precision.
unsafe extern "C" fn single(
    row: u32,
    order: i32,
    inputs: *const *const f32,
    arity: u32,
    output: *mut f32,
    n: usize,
) -> c_int {
    on_slices(inputs, arity, output, n, |inputs, output| {
        let single = TABLE[row as usize].single;
        single.expect("C++ asks only rows that have one")(order, inputs, output);
    })
}

/// Builds the derivative of a row. Called on the thread that traces.
unsafe extern "C" fn derivative(
    res: *mut mlx_array,
    row: u32,
    order: i32,
    argnum: u32,
    inputs: *const mlx_array,
    arity: u32,
    output: mlx_array,
    stream: mlx_stream,
    message: *mut c_char,
    capacity: usize,
) -> c_int {
    let run = AssertUnwindSafe(|| {
        // SAFETY: `Array` is repr(transparent) over mlx_array. These are borrowed
        // for the call: only references are made, so nothing is freed.
        let inputs = unsafe { std::slice::from_raw_parts(inputs.cast::<Array>(), arity as usize) };
        // SAFETY: as above.
        let output = unsafe { &*(&raw const output).cast::<Array>() };
        let argnum = argnum as usize;
        let node = Node {
            order,
            argnum,
            inputs,
            output,
            graph: Graph(stream),
        };
        (TABLE[row as usize].derivative)(&node)
    });
    let text = match catch_unwind(run) {
        Ok(Ok(array)) => {
            // SAFETY: C++ passes a place for one handle, and owns it from here.
            unsafe { (*res).ctx = crate::mlx::release(array) };
            return 0;
        }
        Ok(Err(error)) => {
            let text = error.to_string();
            crate::error::keep_for_mlx(error);
            text
        }
        Err(_) => "it panicked".to_owned(),
    };
    let length = text.len().min(capacity.saturating_sub(1));
    // SAFETY: `message` has room for `capacity` bytes, and length < capacity.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), message.cast::<u8>(), length);
        *message.add(length) = 0;
    }
    1
}
