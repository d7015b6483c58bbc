//! Forward mode: Jacobian-vector products of an R closure.
use crate::error::check;
use crate::ffi::*;
use crate::mlx::Arrays;
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::{Leaves, Results};
use crate::transform::trampoline::Frame;
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::ffi::c_int;

extern "C" {
    fn rmlx_jvp(
        values: *mut mlx_vector_array,
        tangents: *mut mlx_vector_array,
        function: mlx_closure,
        primals: mlx_vector_array,
        directions: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
}

/// `.Call`: the list of derivatives of the results of `function(list of arrays)` at `leaves` along
/// `directions`.
unsafe extern "C" fn jvp(function: SEXP, leaves: SEXP, directions: SEXP, caller: SEXP) -> SEXP {
    let primals = Leaves::protect(leaves);
    let along = Leaves::protect(directions);
    let cont = Rf_protect(R_MakeUnwindCont());
    let slot = Rf_protect(Results::keeper());
    Frame::run(cont, |traced| {
        let mut callee = Callee::new(Function::Listed(function), caller, primals.devices());
        callee.leaves = leaves;
        let closure = Closure::lent(&callee);
        let (mut values, mut tangents) = (Arrays::new(), Arrays::new());
        check(rmlx_jvp(
            &mut values.0,
            &mut tangents.0,
            closure.0,
            primals.arrays()?.0,
            along.arrays()?.0,
            callee.input_device(0).stream(),
        ))?;
        traced.mark(&values)?;
        traced.restore(&tangents)?;
        Results::add(slot, &tangents, |i| callee.device(i))
    });
    let out = Results::to_r(slot);
    Rf_unprotect(4);
    out
}

routines![jvp / 4];
