//! The graph of an R closure as data (`native/trace.cpp`).
use crate::dtype::{self, Dtype};
use crate::entry::{ints, show};
use crate::error::{check, Result};
use crate::ffi::*;
use crate::keep::{keeper, kept, texts};
use crate::mlx::Arrays;
use crate::tape;
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::Leaves;
use crate::transform::trampoline::Frame;
use mlx_sys::{mlx_closure, mlx_dtype, mlx_stream, mlx_vector_array};
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void, CStr};

/// `rmlx_graph_sink` in trace.h.
#[repr(C)]
struct Sink {
    data: *mut c_void,
    node: unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, *const f64),
    array: unsafe extern "C" fn(*mut c_void, mlx_dtype, *const c_int, c_int),
    edge: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, c_int),
    result: unsafe extern "C" fn(*mut c_void, c_int, c_int),
}

extern "C" {
    fn rmlx_trace(
        inputs: *mut mlx_vector_array,
        outputs: *mut mlx_vector_array,
        function: mlx_closure,
        primals: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
    fn rmlx_graph(
        inputs: mlx_vector_array,
        outputs: mlx_vector_array,
        copied: *const usize,
        n_copied: usize,
        given: *const usize,
        n_given: usize,
        sink: *const Sink,
    ) -> c_int;
}

/// Columns of the tables of nodes, edges and results; numbers as R counts them.
#[derive(Default)]
struct Graph {
    kinds: Vec<i32>,
    operations: Vec<String>,
    devices: Vec<String>,
    values: Vec<f64>,
    shapes: Vec<String>,
    dtypes: Vec<String>,
    /// from, to, position, output.
    edges: [Vec<i32>; 4],
    /// node, output.
    results: [Vec<i32>; 2],
}

impl Graph {
    fn sink(&mut self) -> Sink {
        Sink {
            data: std::ptr::from_mut(self).cast(),
            node,
            array,
            edge,
            result,
        }
    }
}

/// A text of C; "" for none.
unsafe fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    CStr::from_ptr(from).to_string_lossy().into_owned()
}

unsafe extern "C" fn node(
    graph: *mut c_void,
    kind: c_int,
    operation: *const c_char,
    device: *const c_char,
    value: *const f64,
) {
    let graph = &mut *graph.cast::<Graph>();
    graph.kinds.push(kind);
    graph.operations.push(text(operation));
    graph.devices.push(text(device));
    graph
        .values
        .push(value.as_ref().copied().unwrap_or(R_NaReal));
    graph.shapes.push(String::new());
    graph.dtypes.push(String::new());
}

unsafe extern "C" fn array(graph: *mut c_void, kind: mlx_dtype, shape: *const c_int, rank: c_int) {
    let graph = &mut *graph.cast::<Graph>();
    let shape = match rank {
        0 => String::new(),
        _ => show(std::slice::from_raw_parts(shape, rank as usize)),
    };
    let kind = dtype::name(Dtype::try_from(kind).unwrap_or(Dtype::Float32));
    if let (Some(shapes), Some(dtypes)) = (graph.shapes.last_mut(), graph.dtypes.last_mut()) {
        let joint = if shapes.is_empty() { "" } else { ", " };
        *shapes += &format!("{joint}[{shape}]");
        *dtypes += &format!("{joint}{kind}");
    }
}

unsafe extern "C" fn edge(
    graph: *mut c_void,
    from: c_int,
    output: c_int,
    to: c_int,
    position: c_int,
) {
    let graph = &mut *graph.cast::<Graph>();
    for (column, value) in graph.edges.iter_mut().zip([from, to, position, output]) {
        column.push(value + 1);
    }
}

unsafe extern "C" fn result(graph: *mut c_void, node: c_int, output: c_int) {
    let graph = &mut *graph.cast::<Graph>();
    for (column, value) in graph.results.iter_mut().zip([node, output]) {
        column.push(value + 1);
    }
}

unsafe fn integers(from: &[i32]) -> SEXP {
    let out = Rf_allocVector(SEXPTYPE::INTSXP, from.len() as R_xlen_t);
    for (i, &value) in from.iter().enumerate() {
        SET_INTEGER_ELT(out, i as R_xlen_t, value);
    }
    out
}

unsafe fn doubles(from: &[f64]) -> SEXP {
    let out = Rf_allocVector(SEXPTYPE::REALSXP, from.len() as R_xlen_t);
    for (i, &value) in from.iter().enumerate() {
        SET_REAL_ELT(out, i as R_xlen_t, value);
    }
    out
}

/// `.Call`: the graph of `function(list of arrays)` at `leaves`, of which a transformation within the
/// function copies those in `copied` (from 1): a list of kinds, operations, devices, values, shapes and
/// dtypes of its nodes; of where its edges start and end, in which place, and from which output; and of
/// the results' nodes and outputs.
unsafe extern "C" fn graph(function: SEXP, leaves: SEXP, copied: SEXP, caller: SEXP) -> SEXP {
    let sources = Leaves::protect(leaves);
    let cont = Rf_protect(R_MakeUnwindCont());
    let slot = Rf_protect(keeper(|| Ok(RefCell::new(Graph::default()))));
    Frame::run(cont, |traced| {
        let mut callee = Callee::new(Function::Listed(function), caller, sources.devices());
        callee.leaves = leaves;
        let closure = Closure::lent(&callee);
        let (mut inputs, mut outputs) = (Arrays::new(), Arrays::new());
        check(rmlx_trace(
            &mut inputs.0,
            &mut outputs.0,
            closure.0,
            sources.arrays()?.0,
            callee.input_device(0).stream(),
        ))?;
        traced.restore(&outputs)?;
        tell(&inputs, &outputs, copied, slot)
    });
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 12));
    let told = kept::<RefCell<Graph>>(slot);
    {
        let graph = &*told.as_ptr();
        SET_VECTOR_ELT(out, 0, integers(&graph.kinds));
        SET_VECTOR_ELT(out, 3, doubles(&graph.values));
        let columns = [
            (1, &graph.operations),
            (2, &graph.devices),
            (4, &graph.shapes),
            (5, &graph.dtypes),
        ];
        for (place, column) in columns {
            SET_VECTOR_ELT(out, place, texts(column.len(), |i| &column[i]));
        }
        for (i, column) in graph.edges.iter().chain(&graph.results).enumerate() {
            SET_VECTOR_ELT(out, 6 + i as R_xlen_t, integers(column));
        }
    }
    Rf_unprotect(4);
    out
}

unsafe fn tell(inputs: &Arrays, outputs: &Arrays, copied: SEXP, slot: SEXP) -> Result<()> {
    let copied: Vec<usize> = ints(copied)?.iter().map(|&i| i as usize - 1).collect();
    let given = tape::ids(); // of transformations outside, too
    let mut graph = kept::<RefCell<Graph>>(slot).borrow_mut();
    let sink = graph.sink();
    check(rmlx_graph(
        inputs.0,
        outputs.0,
        copied.as_ptr(),
        copied.len(),
        given.as_ptr(),
        given.len(),
        &sink,
    ))
}

routines![graph / 4];
