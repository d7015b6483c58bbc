//! R functions that MLX calls.
use crate::anchor::Anchor;
use crate::depth::Walk;
use crate::device::Device;
use crate::ffi::*;
use crate::op::spread;
use crate::tape::Tracing;
use crate::transform::call::give;
use crate::transform::trampoline::trampoline;
use crate::transform::tree::{is_loss_value, put_back};
use mlx_sys::mlx_closure;
use std::cell::RefCell;
use std::ffi::{c_void, CStr};

/// An R function of arrays, which R protects.
#[derive(Clone, Copy)]
pub enum Function {
    /// Of a list of them.
    Listed(SEXP),
    /// With its own arguments: `differentiate()` of `R/grad.R`, whose frame the caller is, calls it.
    Written {
        /// list(call, environment), see [`call_of`](crate::transform::call::call_of), to be used once.
        ready: SEXP,
        /// The arguments, with skeletons in the arrays' places.
        skeletons: SEXP,
    },
}

impl Function {
    /// What it gives for a list of arrays; the caller protects it.
    ///
    /// # Safety
    /// On R's main thread, with protected arguments; the caller owns nothing (this may jump).
    pub unsafe fn result(self, arrays: SEXP, caller: SEXP) -> SEXP {
        match self {
            Function::Listed(function) => {
                let call = Rf_protect(call(function, &[arrays]));
                let value = Rf_eval(call, caller);
                Rf_unprotect(1);
                value
            }
            Function::Written { ready, skeletons } => {
                give(ready, Rf_protect(put_back(skeletons, arrays, true)));
                Rf_defineVar(Rf_install(c"ready".as_ptr()), ready, caller);
                spread::pair(true);
                let mut value = call_in(c"called", caller);
                spread::pair(false);
                if !is_loss_value(value) {
                    Rf_protect(value);
                    Rf_defineVar(Rf_install(c"result".as_ptr()), value, caller);
                    value = call_in(c"checked", caller);
                    Rf_unprotect(1);
                }
                Rf_unprotect(1);
                value
            }
        }
    }
}

/// Calls a frame's function without arguments.
unsafe fn call_in(function: &CStr, frame: SEXP) -> SEXP {
    let call = Rf_protect(call(Rf_install(function.as_ptr()), &[]));
    let value = Rf_eval(call, frame);
    Rf_unprotect(1);
    value
}

/// An R function of arrays that gives an array or a list of arrays.
pub struct Callee {
    /// The function.
    pub function: Function,
    /// The environment that it is called from.
    pub caller: SEXP,
    /// The R arrays whose names the inputs get, or NULL.
    pub leaves: SEXP,
    /// The inputs' devices.
    pub devices: Vec<Device>,
    /// What a transformation does with its inputs.
    pub traced: Tracing,
    /// Whether it gives one array of one element.
    pub scalar: bool,
    /// What MLX is going to do with the results that needs stack for every operation.
    pub walk: Option<Walk>,
    /// The devices of its last results.
    pub results: RefCell<Vec<Device>>,
}

impl Callee {
    /// A function whose inputs are traced.
    pub fn new(function: Function, caller: SEXP, devices: Vec<Device>) -> Callee {
        Callee {
            function,
            caller,
            // SAFETY: R's own constant.
            leaves: unsafe { R_NilValue },
            devices,
            traced: Tracing::Differentiated,
            scalar: false,
            walk: None,
            results: RefCell::new(Vec::new()),
        }
    }

    /// Device of an input; that of the first where MLX gives more of them than the caller did.
    pub fn input_device(&self, i: usize) -> Device {
        let devices = &self.devices;
        *devices.get(i).or(devices.first()).unwrap_or(&Device::Cpu)
    }

    /// Device of a result; that of the first where MLX made more of them.
    pub fn device(&self, i: usize) -> Device {
        let results = self.results.borrow();
        *results.get(i).or(results.first()).unwrap_or(&Device::Cpu)
    }
}

/// What MLX holds of a [`Callee`].
pub struct Closure(pub mlx_closure);

impl Closure {
    /// Of a function that outlives the closure and everything MLX makes of it.
    pub fn lent(callee: *const Callee) -> Closure {
        // SAFETY: the trampoline takes a callee; it is not freed.
        Closure(unsafe {
            mlx_sys::mlx_closure_new_func_payload(
                Some(trampoline),
                callee.cast_mut().cast::<c_void>(),
                None,
            )
        })
    }

    /// Of a function that R keeps as long as MLX has use for it.
    ///
    /// # Safety
    /// On R's main thread; `anchor` holds the function and its caller.
    pub unsafe fn kept(callee: Callee, anchor: Anchor) -> Closure {
        let payload = Box::into_raw(Box::new((callee, anchor)));
        Closure(mlx_sys::mlx_closure_new_func_payload(
            Some(kept_trampoline),
            payload.cast::<c_void>(),
            Some(free),
        ))
    }

    /// No function at all.
    pub fn none() -> Closure {
        Closure(mlx_closure {
            ctx: std::ptr::null_mut(),
        })
    }
}

impl Drop for Closure {
    fn drop(&mut self) {
        if !self.0.ctx.is_null() {
            // SAFETY: ours.
            unsafe { mlx_sys::mlx_closure_free(self.0) };
        }
    }
}

unsafe extern "C" fn kept_trampoline(
    result: *mut mlx_sys::mlx_vector_array,
    input: mlx_sys::mlx_vector_array,
    payload: *mut c_void,
) -> std::ffi::c_int {
    let (callee, _) = &*payload.cast::<(Callee, Anchor)>();
    trampoline(result, input, std::ptr::from_ref(callee).cast_mut().cast())
}

unsafe extern "C" fn free(payload: *mut c_void) {
    drop(Box::from_raw(payload.cast::<(Callee, Anchor)>()));
}
