//! vmap of an R closure.
use crate::device::Device;
use crate::error::{check, Error};
use crate::ffi::*;
use crate::keep::{keeper, kept};
use crate::mlx::Arrays;
use crate::tape::Tracing;
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::{Leaves, Results};
use crate::transform::trampoline::Frame;
use mlx_sys::mlx_vector_array;
use std::cell::RefCell;
use std::ffi::c_int;

extern "C" {
    fn rmlx_map_graph(
        res: *mut mlx_vector_array,
        outputs: mlx_vector_array,
        stand_ins: mlx_vector_array,
        items: mlx_vector_array,
        in_axes: *const c_int,
        out_axes: *const c_int,
    ) -> c_int;
}

/// A function's graph for one item.
struct Trace {
    inputs: Arrays,
    stand_ins: Arrays,
    outputs: Arrays,
    axes: Vec<i32>,
    devices: Vec<Device>,
}

/// Axes as MLX counts them, -1 for an array that is not mapped.
unsafe fn axes_of(axes: SEXP) -> Vec<i32> {
    (0..XLENGTH(axes)).map(|i| INTEGER_ELT(axes, i)).collect()
}

/// `.Call`: the graph of `function(list of arrays)` for one item of `leaves` along `axes`.
unsafe extern "C" fn map_trace(function: SEXP, leaves: SEXP, axes: SEXP, caller: SEXP) -> SEXP {
    let sources = Leaves::protect(leaves);
    let cont = Rf_protect(R_MakeUnwindCont());
    let slot = Rf_protect(keeper(|| Ok(RefCell::new(None::<Trace>))));
    Frame::run(cont, |traced| {
        let mut callee = Callee::new(Function::Listed(function), caller, sources.devices());
        callee.traced = Tracing::Mapped;
        let closure = Closure::lent(&callee);
        let axes = axes_of(axes);
        let inputs = sources.arrays()?;
        let (mut stand_ins, mut outputs) = (Arrays::new(), Arrays::new());
        check(mlx_sys::mlx_detail_vmap_trace(
            &mut stand_ins.0,
            &mut outputs.0,
            closure.0,
            inputs.0,
            axes.as_ptr(),
            axes.len(),
        ))?;
        traced.restore(&outputs)?;
        let devices = (0..outputs.count()).map(|i| callee.device(i)).collect();
        *kept::<RefCell<Option<Trace>>>(slot).borrow_mut() = Some(Trace {
            inputs,
            stand_ins,
            outputs,
            axes,
            devices,
        });
        Ok(())
    });
    Rf_unprotect(3);
    slot
}

/// `.Call`: the results of a [`map_trace`] for all items, which lie along `axes` of them; -1: that are the
/// same for all items.
unsafe extern "C" fn map_replace(slot: SEXP, axes: SEXP) -> SEXP {
    let cont = Rf_protect(R_MakeUnwindCont());
    let results = Rf_protect(Results::keeper());
    Frame::run(cont, |traced| {
        let Some(trace) = kept::<RefCell<Option<Trace>>>(slot).borrow_mut().take() else {
            return Ok(());
        };
        let out_axes = axes_of(axes);
        let mut mapped = Arrays::new();
        let status = rmlx_map_graph(
            &mut mapped.0,
            trace.outputs.0,
            trace.stand_ins.0,
            trace.inputs.0,
            trace.axes.as_ptr(),
            out_axes.as_ptr(),
        );
        if status == 2 {
            return Err(Error::Argument(
                "`out_axes` is NULL for a result that differs from item to item: name the axis along which the items are put.".into(),
            ));
        }
        check(status)?;
        traced.mark(&mapped)?;
        Results::add(results, &mapped, |i| trace.devices[i])
    });
    let out = Results::to_r(results);
    Rf_unprotect(2);
    out
}

routines![map_trace / 4, map_replace / 2];
