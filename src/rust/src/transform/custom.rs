//! Functions with derivatives of their own, and functions that the gradient computes again.
use crate::anchor::{self, Anchor};
use crate::device::Device;
use crate::error::{check, Error};
use crate::ffi::*;
use crate::mlx::Arrays;
use crate::tape::{self, Tracing};
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::{Leaves, Results};
use crate::transform::trampoline::Frame;
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::ffi::c_int;

extern "C" {
    fn rmlx_custom_apply(
        res: *mut mlx_vector_array,
        values: mlx_closure,
        function: mlx_closure,
        vjp: mlx_closure,
        jvp: mlx_closure,
        vmap: mlx_closure,
        inputs: mlx_vector_array,
        differentiated: mlx_vector_array,
        mapped: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
}

/// `.Call`: the results of `function(list of arrays)` at `leaves`. `rules`: a list of R functions of a
/// list of arrays, or NULL: vjp (inputs, cotangents, outputs), jvp (inputs, tangents), vmap (inputs, and
/// an int32 array of their axes; gives the results and an array of theirs).
unsafe extern "C" fn custom(function: SEXP, rules: SEXP, leaves: SEXP, caller: SEXP) -> SEXP {
    let sources = Leaves::protect(leaves);
    let cont = Rf_protect(R_MakeUnwindCont());
    let slot = Rf_protect(Results::keeper());
    let held = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 3));
    SET_VECTOR_ELT(held, 0, function);
    SET_VECTOR_ELT(held, 1, rules);
    SET_VECTOR_ELT(held, 2, caller);
    let cells = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 5));
    for i in 0..5 {
        SET_VECTOR_ELT(cells, i, anchor::cell(held));
    }
    Frame::run(cont, |traced| {
        let inputs = sources.arrays()?;
        let devices = sources.devices();
        let closure = |i: R_xlen_t, function: SEXP, traced: Tracing| {
            let mut callee = Callee::new(Function::Listed(function), caller, devices.clone());
            callee.traced = traced;
            Closure::kept(callee, Anchor::hold(VECTOR_ELT(cells, i)))
        };
        let rule = |i: R_xlen_t| match VECTOR_ELT(rules, i) {
            rule if rule == R_NilValue => Closure::none(),
            rule => closure(i + 2, rule, Tracing::Perhaps),
        };
        let values = closure(0, function, Tracing::Never);
        let again = closure(1, function, Tracing::Differentiated);
        let (vjp, jvp, vmap) = (rule(0), rule(1), rule(2));
        let device = devices.iter().fold(Device::Cpu, |all, &one| all.join(one));
        let mut outputs = Arrays::new();
        let status = rmlx_custom_apply(
            &mut outputs.0,
            values.0,
            again.0,
            vjp.0,
            jvp.0,
            vmap.0,
            inputs.0,
            tape::inputs(Tracing::Differentiated)?.0,
            tape::inputs(Tracing::Mapped)?.0,
            device.stream(),
        );
        let captured = match status {
            2 => Some("differentiated outside of it, and does not have it for an argument: its gradient would be lost"),
            3 => Some("mapped outside of it, and does not have it for an argument"),
            _ => None,
        };
        if let Some(how) = captured {
            return Err(Error::Gradient(format!(
                "the function uses an array that is {how}. Make it an argument."
            )));
        }
        check(status)?;
        traced.restore(&outputs)?;
        Results::add(slot, &outputs, |_| device)
    });
    let out = Results::to_r(slot);
    Rf_unprotect(5);
    out
}

routines![custom / 4];
