//! Operations with derivatives of our own (`native/rule.cpp`): the values are composed of other
//! operations, and so is the gradient, which MLX asks for when it differentiates.
use crate::error::{check, keep_for_mlx, Error, Result};
use crate::exact::Graph;
use crate::linalg::TABLE;
use crate::mlx::{Array, Arrays};
use mlx_sys::{mlx_stream, mlx_vector_array};
use std::ffi::{c_char, c_int, CStr};
use std::mem::ManuallyDrop;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// One operation. Leading axes of the inputs are a batch, equal in all of them.
pub struct Row {
    /// What it is called in messages.
    pub name: &'static str,
    /// What MLX shows in graphs.
    pub title: &'static CStr,
    /// The outputs: flags, inputs.
    pub forward: fn(i32, &[Array]) -> Result<Vec<Array>>,
    /// The gradient of every input.
    pub backward: fn(&Node<'_>) -> Result<Vec<Array>>,
}

/// An application of a row, as its gradient sees it.
pub struct Node<'a> {
    /// The row's name.
    pub name: &'static str,
    /// What the row was applied with.
    pub flags: i32,
    /// Its inputs.
    pub inputs: &'a [Array],
    /// The gradient of each output.
    pub cotangents: &'a [Array],
    /// Its outputs.
    pub outputs: &'a [Array],
    /// Where to build.
    pub graph: Graph,
}

type CForward = unsafe extern "C" fn(
    res: mlx_vector_array,
    row: u32,
    flags: i32,
    inputs: mlx_vector_array,
) -> c_int;

type CBackward = unsafe extern "C" fn(
    res: mlx_vector_array,
    row: u32,
    flags: i32,
    inputs: mlx_vector_array,
    cotangents: mlx_vector_array,
    outputs: mlx_vector_array,
    stream: mlx_stream,
) -> c_int;

type CTitle = unsafe extern "C" fn(row: u32) -> *const c_char;

extern "C" {
    fn rmlx_rule_register(forward: CForward, backward: CBackward, title: CTitle);
    fn rmlx_rule_apply(
        res: *mut mlx_vector_array,
        row: u32,
        flags: i32,
        inputs: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
}

/// Tells C++ the functions.
pub fn register() {
    // SAFETY: functions of the types that rule.h declares.
    unsafe { rmlx_rule_register(forward, backward, title) };
}

/// The lazy outputs of a row of the table.
pub fn apply(row: usize, flags: i32, inputs: &[&Array], s: mlx_stream) -> Result<Vec<Array>> {
    let list = Arrays::new();
    inputs.iter().try_for_each(|x| list.push(x))?;
    let mut out = Arrays::new();
    // SAFETY: valid lists, of which C++ copies what it keeps.
    check(unsafe { rmlx_rule_apply(&mut out.0, row as u32, flags, list.0, s) })?;
    all(&out)
}

fn all(list: &Arrays) -> Result<Vec<Array>> {
    (0..list.count()).map(|i| list.get(i)).collect()
}

/// The arrays of a list that C++ lent.
fn lent(list: mlx_vector_array) -> Result<Vec<Array>> {
    all(&ManuallyDrop::new(Arrays(list)))
}

/// Appends what `work` makes to a list that C++ lent; an error or a panic is kept for the caller of
/// MLX.
fn deliver(to: mlx_vector_array, work: impl FnOnce() -> Result<Vec<Array>>) -> c_int {
    let run = AssertUnwindSafe(|| {
        let to = ManuallyDrop::new(Arrays(to));
        work()?.iter().try_for_each(|x| to.push(x))
    });
    match catch_unwind(run) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            keep_for_mlx(error);
            1
        }
        Err(_) => {
            keep_for_mlx(Error::Internal("a panic in an operation's rule".into()));
            1
        }
    }
}

unsafe extern "C" fn title(row: u32) -> *const c_char {
    TABLE[row as usize].title.as_ptr()
}

unsafe extern "C" fn forward(
    res: mlx_vector_array,
    row: u32,
    flags: i32,
    inputs: mlx_vector_array,
) -> c_int {
    deliver(res, || (TABLE[row as usize].forward)(flags, &lent(inputs)?))
}

unsafe extern "C" fn backward(
    res: mlx_vector_array,
    row: u32,
    flags: i32,
    inputs: mlx_vector_array,
    cotangents: mlx_vector_array,
    outputs: mlx_vector_array,
    stream: mlx_stream,
) -> c_int {
    deliver(res, || {
        let row = &TABLE[row as usize];
        (row.backward)(&Node {
            name: row.name,
            flags,
            inputs: &lent(inputs)?,
            cotangents: &lent(cotangents)?,
            outputs: &lent(outputs)?,
            graph: Graph(stream),
        })
    })
}
