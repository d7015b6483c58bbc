//! value_and_grad of an R closure.
use crate::error::check;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::Arrays;
use crate::names;
use crate::object;
use crate::transform::call::{call_of, recalled};
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::Leaves;
use crate::transform::trampoline::Frame;
use crate::transform::tree::{put_back, split_arguments};
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::ffi::{c_int, CStr};

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
        let mut callee = Callee::new(R_NilValue, caller, sources.devices());
        callee.function = function;
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

/// `.Call`: list(value, gradients like the arguments) of a function that was called before; NULL where R's side has to see to the function or its arguments. `written` stands for the function in the
/// user's call, `checked` gets a result that is no number, `convert` is `as_mlx()`, `state` counts calls.
unsafe extern "C" fn differentiate(
    f: SEXP,
    args: SEXP,
    argnums: SEXP,
    written: SEXP,
    checked: SEXP,
    caller: SEXP,
    convert: SEXP,
    state: SEXP,
) -> SEXP {
    let named = TYPEOF(f) == SEXPTYPE::CLOSXP && TYPEOF(written) == SEXPTYPE::SYMSXP;
    if !named || is_of_dots(written) || XLENGTH(args) == 0 {
        return R_NilValue;
    }
    let Some(made) = recalled(f, args, state) else {
        return R_NilValue;
    };
    Rf_protect(made);
    let parts = Rf_protect(split_arguments(args, argnums, convert));
    if parts == R_NilValue {
        Rf_unprotect(2);
        return R_NilValue;
    }
    let (skeletons, leaves) = (VECTOR_ELT(parts, 0), VECTOR_ELT(parts, 1));
    let ready = Rf_protect(call_of(made, skeletons, written));
    if ready == R_NilValue {
        Rf_unprotect(3);
        return R_NilValue;
    }
    let function = Function::Written {
        ready,
        skeletons,
        checked,
    };
    let out = Rf_protect(gradient(function, leaves, caller));
    let chosen = Rf_protect(chosen(skeletons, VECTOR_ELT(parts, 2)));
    SET_VECTOR_ELT(out, 1, put_back(chosen, VECTOR_ELT(out, 1), false));
    Rf_unprotect(5);
    out
}

/// Whether a symbol is `...` or one of `..1`, `..2`, ..., which have no name of the user's.
unsafe fn is_of_dots(symbol: SEXP) -> bool {
    CStr::from_ptr(R_CHAR(PRINTNAME(symbol)))
        .to_bytes()
        .starts_with(b"..")
}

/// The elements of a list at these positions, from 1, with their names; the caller protects them.
unsafe fn chosen(list: SEXP, which: SEXP) -> SEXP {
    let n = XLENGTH(which);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    let names = Rf_getAttrib(list, R_NamesSymbol);
    let own = if names == R_NilValue {
        R_NilValue
    } else {
        let own = Rf_allocVector(SEXPTYPE::STRSXP, n);
        Rf_setAttrib(out, R_NamesSymbol, own);
        own
    };
    for i in 0..n {
        let at = INTEGER_ELT(which, i) as R_xlen_t - 1;
        SET_VECTOR_ELT(out, i, VECTOR_ELT(list, at));
        if own != R_NilValue {
            SET_STRING_ELT(own, i, STRING_ELT(names, at));
        }
    }
    Rf_unprotect(1);
    out
}

routines![value_and_grad / 3, differentiate / 8];
