//! R functions that MLX calls.
use crate::anchor::Anchor;
use crate::depth::Walk;
use crate::device::Device;
use crate::ffi::*;
use crate::tape::Tracing;
use crate::transform::trampoline::trampoline;
use mlx_sys::mlx_closure;
use std::cell::RefCell;
use std::ffi::c_void;

/// An R function of arrays, which R protects.
#[derive(Clone, Copy)]
pub enum Function {
    /// Of a list of them.
    Listed(SEXP),
    /// With its own arguments, see [`crate::transform::call`].
    Written {
        /// list(call, environment), to be used once.
        ready: SEXP,
        /// The arguments, with skeletons in the arrays' places.
        skeletons: SEXP,
        /// Gets a result that is no number, and gives one or raises an error.
        checked: SEXP,
    },
}

/// An R function of arrays that gives an array or a list of arrays.
pub struct Callee {
    /// The function.
    pub function: Function,
    /// The environment that R's calls lead to.
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
    /// A function of a list, whose inputs are traced.
    pub fn new(function: SEXP, caller: SEXP, devices: Vec<Device>) -> Callee {
        Callee {
            function: Function::Listed(function),
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
