//! How MLX calls an R function, and how R leaves through MLX.
//!
//! The R function runs inside `rmlx_protect`: when R wants to jump (an error, an interrupt, a
//! restart, `return()`), the jump is stopped in C and kept. The trampoline returns a failure, MLX
//! unwinds its C++ frames, the entry frees what it owns and only then lets R jump on. So the very
//! condition that the user's code raised reaches the user's handlers, and no jump crosses a Rust
//! or C++ frame.
use crate::born;
use crate::depth;
use crate::error::{guarded, raise, Error, Result};
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx::{self, Arrays};
use crate::names;
use crate::object;
use crate::op::spread;
use crate::tape::Traced;
use crate::transform::callee::Callee;
use mlx_sys::mlx_vector_array;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;

/// One running entry that MLX may call R from. It lives on the entry's stack; nested
/// transformations form a chain. MLX may call functions that other entries gave it (rules of custom
/// functions, checkpoints): what they raise goes to the innermost entry, which is the one that MLX's
/// frames lead to.
pub struct Frame {
    /// R's continuation token, protected by the entry.
    cont: SEXP,
    /// R asked to leave; the target is in `cont`.
    jumped: bool,
    outer: *mut Frame,
}

thread_local! {
    static INNERMOST: Cell<*mut Frame> = const { Cell::new(std::ptr::null_mut()) };
}

/// Whether a transformation runs, of whatever kind.
pub fn is_inside() -> bool {
    !INNERMOST.with(Cell::get).is_null()
}

impl Frame {
    /// Runs `work`, during which MLX may call [`trampoline`], and leaves as R or MLX demand. `work`
    /// gives what MLX's transformation returned to [`Traced::restore`].
    ///
    /// # Safety
    /// On R's main thread; `cont` is R's continuation token and protected; the caller owns nothing
    /// that R's jump would leak (this may jump).
    pub unsafe fn run(cont: SEXP, work: impl FnOnce(&mut Traced) -> Result<()>) {
        let mut frame = Frame {
            cont,
            jumped: false,
            outer: INNERMOST.with(Cell::get),
        };
        let at = &raw mut frame; // the trampoline writes to it while this runs
        INNERMOST.with(|top| top.set(at));
        let mut traced = Traced::begin();
        let mut done = guarded(|| work(&mut traced));
        if guarded(|| traced.end()).is_none() {
            done = None;
        }
        INNERMOST.with(|top| top.set((*at).outer));
        if (*at).jumped {
            R_ContinueUnwind(cont);
        }
        if done.is_none() {
            raise();
        }
    }
}

/// What the protected body needs; plain data, so that R may jump past it.
struct Body {
    callee: *const Callee,
    input: mlx_vector_array,
    output: mlx_vector_array,
    /// Where its own objects begin, see [`born`].
    born: usize,
}

/// Every R allocation and the call itself. Owns nothing at any point where R may jump.
unsafe extern "C" fn body(data: *mut c_void) -> SEXP {
    let Body {
        callee,
        input,
        output,
        born,
    } = *data.cast::<Body>();
    let n = mlx_sys::mlx_vector_array_size(input);
    let leaves = (*callee).leaves;
    let arrays = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n as R_xlen_t));
    for i in 0..n {
        let fresh = Rf_protect(handle::new());
        let filled = guarded(|| {
            let array = mlx::out(|o| unsafe { mlx_sys::mlx_vector_array_get(o, input, i) })?;
            Traced::add(&array, (*callee).traced)?;
            handle::fill(fresh, Placed::new(array, (*callee).input_device(i)));
            Ok(())
        });
        if filled.is_none() {
            raise();
        }
        let argument = object::wrap(fresh);
        SET_VECTOR_ELT(arrays, i as R_xlen_t, argument);
        if leaves != R_NilValue {
            names::elementwise(argument, &[VECTOR_ELT(leaves, i as R_xlen_t)]);
        }
        Rf_unprotect(1);
    }
    let value = Rf_protect((*callee).function.result(arrays, (*callee).caller));
    let single = !object::handle_of(value).is_null();
    let count = if single { 1 } else { Rf_xlength(value) };
    let fine = single || TYPEOF(value) == SEXPTYPE::VECSXP;
    let results = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, count));
    for i in 0..if fine { count } else { 0 } {
        let result = if single { value } else { VECTOR_ELT(value, i) };
        SET_VECTOR_ELT(results, i, object::handle_of(result));
    }
    let kept = guarded(|| {
        let mut devices = Vec::new();
        for i in 0..count {
            let result = VECTOR_ELT(results, i);
            if !fine || !handle::is(result) {
                return Err(Error::Internal("a traced function gave no array".into()));
            }
            let device = handle::device(result);
            devices.push(device);
            let ctx = handle::address(result)?;
            let array = mlx::borrow(&ctx);
            let scalar;
            let array = if (*callee).scalar {
                scalar = mlx::reshape(array, &[], device.stream())?;
                &scalar
            } else {
                array
            };
            crate::error::check(mlx_sys::mlx_vector_array_append_value(
                output,
                array.as_ptr(),
            ))?;
        }
        *(*callee).results.borrow_mut() = devices;
        match (*callee).walk {
            Some(walk) => depth::check(&ManuallyDrop::new(Arrays(output)), walk),
            None => Ok(()),
        }
    });
    if kept.is_none() {
        raise();
    }
    born::release(born);
    Rf_unprotect(3);
    value
}

/// What MLX calls. It must return normally, always.
///
/// # Safety
/// Called by mlx-c with valid vectors, while a frame runs; the payload is a live [`Callee`].
pub unsafe extern "C" fn trampoline(
    result: *mut mlx_vector_array,
    input: mlx_vector_array,
    payload: *mut c_void,
) -> c_int {
    let frame = INNERMOST.with(Cell::get); // no reference: the body may push others
    if frame.is_null() || (*frame).jumped {
        return 1; // already leaving: never enter R again
    }
    if (*result).ctx.is_null() {
        *result = mlx_sys::mlx_vector_array_new();
    }
    let mut data = Body {
        callee: payload.cast::<Callee>(),
        input,
        output: *result,
        born: born::begin(),
    };
    let mut value = R_NilValue;
    let pairing = spread::is_pairing();
    let jumped = rmlx_protect(body, (&raw mut data).cast(), (*frame).cont, &mut value) != 0;
    spread::pair(pairing);
    born::end(data.born);
    (*frame).jumped = jumped;
    jumped.into()
}
