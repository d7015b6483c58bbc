//! value_and_grad of an R closure.
use crate::error::check;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::Arrays;
use crate::names;
use crate::object;
use crate::transform::callee::{Callee, Closure};
use crate::transform::results::Leaves;
use crate::transform::trampoline::Frame;
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::ffi::c_int;

extern "C" {
    fn rmlx_value_and_grad(
        values: *mut mlx_vector_array,
        grads: *mut mlx_vector_array,
        function: mlx_closure,
        primals: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
}

/// `.Call`: list(value, gradients) of `function(list of arrays)` at `leaves`, all of them
/// floating mlx arrays. The function is called from the frame `caller`, to which R's calls then lead.
unsafe extern "C" fn value_and_grad(function: SEXP, leaves: SEXP, caller: SEXP) -> SEXP {
    let n = XLENGTH(leaves);
    let sources = Leaves::protect(leaves);
    let cont = Rf_protect(R_MakeUnwindCont());
    let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n + 1));
    for i in 0..=n {
        SET_VECTOR_ELT(handles, i, handle::new());
    }
    Frame::run(cont, |traced| {
        let mut callee = Callee::new(function, caller, sources.devices());
        callee.leaves = leaves;
        callee.scalar = true;
        let closure = Closure::lent(&callee);
        let (mut values, mut grads) = (Arrays::new(), Arrays::new());
        check(rmlx_value_and_grad(
            &mut values.0,
            &mut grads.0,
            closure.0,
            sources.arrays()?.0,
            callee.input_device(0).stream(),
        ))?;
        traced.restore(&values)?;
        traced.restore(&grads)?;
        handle::fill(
            VECTOR_ELT(handles, n),
            Placed::new(values.get(0)?, callee.device(0)),
        );
        for (i, &device) in callee.devices.iter().enumerate() {
            handle::fill(
                VECTOR_ELT(handles, i as R_xlen_t),
                Placed::new(grads.get(i)?, device),
            );
        }
        Ok(())
    });
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 2));
    let grads = Rf_allocVector(SEXPTYPE::VECSXP, n);
    SET_VECTOR_ELT(out, 1, grads);
    for i in 0..n {
        let grad = object::wrap(VECTOR_ELT(handles, i));
        SET_VECTOR_ELT(grads, i, grad);
        names::elementwise(grad, &[VECTOR_ELT(leaves, i)]);
    }
    SET_VECTOR_ELT(out, 0, object::wrap(VECTOR_ELT(handles, n)));
    Rf_unprotect(4);
    out
}

routines![value_and_grad / 3];
