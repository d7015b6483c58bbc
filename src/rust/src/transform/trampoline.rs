//! How MLX calls an R function, and how R leaves through MLX.
//!
//! The R function runs inside `rmlx_protect`: when R wants to jump (an error, an interrupt, a
//! restart, `return()`), the jump is stopped in C and kept. The trampoline returns a failure, MLX
//! unwinds its C++ frames, the entry frees what it owns and only then lets R jump on. So the very
//! condition that the user's code raised reaches the user's handlers, and no jump crosses a Rust
//! or C++ frame.
use crate::depth::{self, Walk};
use crate::device::Device;
use crate::error::{guarded, raise, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::{self, Arrays};
use crate::names;
use crate::object;
use crate::tape::Traced;
use mlx_sys::mlx_vector_array;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;

/// One running entry that MLX may call R from. It lives on the entry's stack; nested
/// transformations form a chain.
pub struct Frame {
    /// R's continuation token, protected by the entry.
    cont: SEXP,
    /// `function(list of arrays)` giving one array.
    function: SEXP,
    /// The R arrays that the inputs stand for: their devices and names.
    leaves: SEXP,
    /// The environment that the function is called from.
    caller: SEXP,
    /// R asked to leave; the target is in `cont`.
    jumped: bool,
    /// Device of the function's result.
    pub device: Device,
    outer: *mut Frame,
}

thread_local! {
    static INNERMOST: Cell<*mut Frame> = const { Cell::new(std::ptr::null_mut()) };
}

impl Frame {
    /// A frame for a call of `function`.
    pub fn new(cont: SEXP, function: SEXP, leaves: SEXP, caller: SEXP) -> Frame {
        Frame {
            cont,
            function,
            leaves,
            caller,
            jumped: false,
            device: Device::Cpu,
            outer: std::ptr::null_mut(),
        }
    }

    /// Runs `work`, during which MLX may call [`trampoline`], and leaves as R or MLX demand. The
    /// frame goes by its address: the trampoline writes to it while this runs. `work` gives what
    /// MLX's transformation returned to [`Traced::restore`].
    ///
    /// # Safety
    /// On R's main thread; `frame` is live, its fields are protected, and the caller owns nothing
    /// (this may jump).
    pub unsafe fn run(frame: *mut Frame, work: impl FnOnce(&Traced) -> Result<()>) {
        (*frame).outer = INNERMOST.with(Cell::get);
        INNERMOST.with(|top| top.set(frame));
        let traced = Traced::begin();
        let done = guarded(|| work(&traced));
        traced.end();
        INNERMOST.with(|top| top.set((*frame).outer));
        if (*frame).jumped {
            R_ContinueUnwind((*frame).cont);
        }
        if done.is_none() {
            raise();
        }
    }
}

/// What the protected body needs; plain data, so that R may jump past it.
struct Body {
    function: SEXP,
    leaves: SEXP,
    caller: SEXP,
    input: mlx_vector_array,
    output: mlx_vector_array,
    device: Device,
}

/// Every R allocation and the call itself. Owns nothing at any point where R may jump.
unsafe extern "C" fn body(data: *mut c_void) -> SEXP {
    let body = &mut *data.cast::<Body>();
    let n = XLENGTH(body.leaves);
    let arguments = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    for i in 0..n {
        let leaf = VECTOR_ELT(body.leaves, i);
        let device = handle::device(object::handle_of(leaf));
        let fresh = Rf_protect(handle::new());
        let input = body.input;
        let filled = guarded(|| {
            let array =
                mlx::out(|o| unsafe { mlx_sys::mlx_vector_array_get(o, input, i as usize) })?;
            Traced::add(&array)?;
            handle::fill(fresh, Placed::new(array, device));
            Ok(())
        });
        if filled.is_none() {
            raise();
        }
        let argument = object::wrap(fresh);
        SET_VECTOR_ELT(arguments, i, argument);
        names::elementwise(argument, &[leaf]);
        Rf_unprotect(1);
    }
    let call = Rf_protect(call(body.function, &[arguments]));
    let value = Rf_protect(Rf_eval(call, body.caller));
    let result = object::handle_of(value);
    let (output, device) = (body.output, &mut body.device);
    let kept = guarded(|| {
        if result.is_null() {
            return Err(Error::Internal("a traced function gave no array".into()));
        }
        *device = handle::device(result);
        let ctx = handle::address(result)?;
        let scalar = mlx::reshape(mlx::borrow(&ctx), &[], device.stream())?;
        crate::error::check(mlx_sys::mlx_vector_array_append_value(
            output,
            scalar.as_ptr(),
        ))?;
        depth::check(&ManuallyDrop::new(Arrays(output)), Walk::Gradient)
    });
    if kept.is_none() {
        raise();
    }
    Rf_unprotect(3);
    value
}

/// What MLX calls. It must return normally, always.
///
/// # Safety
/// Called by mlx-c with valid vectors, while the payload's frame runs.
pub unsafe extern "C" fn trampoline(
    result: *mut mlx_vector_array,
    input: mlx_vector_array,
    payload: *mut c_void,
) -> c_int {
    let frame = payload.cast::<Frame>(); // no reference: the chain leads to it as well
    let innermost = INNERMOST.with(Cell::get);
    if innermost.is_null() || (*innermost).jumped || (*frame).jumped {
        return 1; // already leaving: never enter R again
    }
    if (*result).ctx.is_null() {
        *result = mlx_sys::mlx_vector_array_new();
    }
    let mut data = Body {
        function: (*frame).function,
        leaves: (*frame).leaves,
        caller: (*frame).caller,
        input,
        output: *result,
        device: Device::Cpu,
    };
    let mut value = R_NilValue;
    let jumped = rmlx_protect(body, (&raw mut data).cast(), (*frame).cont, &mut value) != 0;
    (*frame).device = data.device;
    (*frame).jumped = jumped;
    jumped.into()
}
