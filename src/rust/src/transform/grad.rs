//! value_and_grad of an R closure.
use crate::error::{check, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::{self, Arrays};
use crate::names;
use crate::object;
use crate::transform::trampoline::{trampoline, Frame};
use mlx_sys::{mlx_closure, mlx_closure_value_and_grad};
use std::ffi::c_void;

/// An mlx-c closure that calls the R function of a running frame.
struct Closure(mlx_closure);

impl Closure {
    fn new(frame: *mut Frame) -> Closure {
        // SAFETY: the frame outlives the closure; it is not freed by it.
        Closure(unsafe {
            mlx_sys::mlx_closure_new_func_payload(Some(trampoline), frame.cast::<c_void>(), None)
        })
    }
}

impl Drop for Closure {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { mlx_sys::mlx_closure_free(self.0) };
    }
}

struct ValueAndGrad(mlx_closure_value_and_grad);

impl ValueAndGrad {
    fn of(closure: &Closure, n: usize) -> Result<ValueAndGrad> {
        let which: Vec<i32> = (0..n as i32).collect();
        // SAFETY: a valid closure and slice; the new object is ours.
        unsafe {
            let mut out = ValueAndGrad(mlx_sys::mlx_closure_value_and_grad_new());
            check(mlx_sys::mlx_value_and_grad(
                &mut out.0,
                closure.0,
                which.as_ptr(),
                n,
            ))?;
            Ok(out)
        }
    }

    fn apply(&self, inputs: &Arrays) -> Result<(Arrays, Arrays)> {
        let (mut values, mut grads) = (Arrays::new(), Arrays::new());
        // SAFETY: valid objects.
        check(unsafe {
            mlx_sys::mlx_closure_value_and_grad_apply(&mut values.0, &mut grads.0, self.0, inputs.0)
        })?;
        Ok((values, grads))
    }
}

impl Drop for ValueAndGrad {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { mlx_sys::mlx_closure_value_and_grad_free(self.0) };
    }
}

/// `.Call`: list(value, gradients) of `function(list of arrays)` at `leaves`, all of them
/// floating mlx arrays. The function is called from the frame `caller`, to which R's calls then lead.
unsafe extern "C" fn value_and_grad(function: SEXP, leaves: SEXP, caller: SEXP) -> SEXP {
    let n = XLENGTH(leaves);
    // Looking at a vector may allocate in R, so it is done before anything is owned.
    let sources = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    for i in 0..n {
        SET_VECTOR_ELT(sources, i, object::mlx_handle(VECTOR_ELT(leaves, i)));
    }
    let cont = Rf_protect(R_MakeUnwindCont());
    let handles = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n + 1));
    for i in 0..=n {
        SET_VECTOR_ELT(handles, i, handle::new());
    }
    let mut frame = Frame::new(cont, function, leaves, caller);
    let at = &raw mut frame;
    Frame::run(at, |traced| {
        let inputs = Arrays::new();
        for i in 0..n {
            let ctx = handle::address(VECTOR_ELT(sources, i))?;
            inputs.push(mlx::borrow(&ctx))?;
        }
        let closure = Closure::new(at);
        let (values, grads) = ValueAndGrad::of(&closure, n as usize)?.apply(&inputs)?;
        traced.restore(&values)?;
        traced.restore(&grads)?;
        handle::fill(
            VECTOR_ELT(handles, n),
            Placed::new(values.get(0)?, (*at).device),
        );
        for i in 0..n {
            handle::fill(
                VECTOR_ELT(handles, i),
                Placed::new(
                    grads.get(i as usize)?,
                    handle::device(VECTOR_ELT(sources, i)),
                ),
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
