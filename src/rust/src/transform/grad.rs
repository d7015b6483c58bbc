//! value_and_grad of an R closure.
use crate::error::check;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::Arrays;
use crate::names;
use crate::object;
use crate::transform::call::{call_of, count_call, recalled};
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::Leaves;
use crate::transform::trampoline::Frame;
use crate::transform::tree::{chosen, put_back, split_arguments};
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
    gradient(Function::Listed(function), leaves, caller)
}

/// list(value, gradients); the caller protects it.
unsafe fn gradient(function: Function, leaves: SEXP, caller: SEXP) -> SEXP {
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
        traced.mark(&values)?;
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

/// `.Call`: list(value, gradients like the arguments) of a function that is remembered; NULL where R's side
/// has to see to it or to its arguments. `given` is what `given_function()` gave, `caller` the frame of R's
/// `differentiate()`, `convert` is `as_mlx()`, `state` counts calls.
unsafe extern "C" fn differentiate(
    given: SEXP,
    args: SEXP,
    argnums: SEXP,
    caller: SEXP,
    convert: SEXP,
    state: SEXP,
) -> SEXP {
    let Some(made) = recalled(VECTOR_ELT(given, 0), args) else {
        return R_NilValue;
    };
    Rf_protect(made);
    let ready = Rf_protect(call_of(made, args, VECTOR_ELT(given, 1)));
    if ready == R_NilValue {
        Rf_unprotect(2);
        return R_NilValue;
    }
    let parts = Rf_protect(split_arguments(args, argnums, convert));
    if parts == R_NilValue {
        Rf_unprotect(3);
        return R_NilValue;
    }
    count_call(state);
    let (skeletons, leaves) = (VECTOR_ELT(parts, 0), VECTOR_ELT(parts, 1));
    let function = Function::Written { ready, skeletons };
    let out = Rf_protect(gradient(function, leaves, caller));
    let like = Rf_protect(chosen(skeletons, VECTOR_ELT(parts, 2)));
    SET_VECTOR_ELT(out, 1, put_back(like, VECTOR_ELT(out, 1), false));
    Rf_unprotect(5);
    out
}

routines![value_and_grad / 3, differentiate / 6];
