//! Errors: what can go wrong below R, and how it becomes an R condition.
//!
//! Nothing here jumps while Rust or C++ owns something: an error is first filed with [`file`],
//! its frames return, and the entry, owning nothing, calls [`raise`].
use crate::ffi::*;
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void, CStr, CString};

/// A failure with the class that its R condition gets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Shapes that do not fit each other or the operation.
    #[error("{0}")]
    Shape(String),
    /// A dtype the operation does not take, or a value the dtype does not hold.
    #[error("{0}")]
    Dtype(String),
    /// A device that is not there or cannot do this.
    #[error("{0}")]
    Device(String),
    /// An index or axis out of range or of an unusable kind.
    #[error("{0}")]
    Index(String),
    /// An argument of the wrong kind.
    #[error("{0}")]
    Argument(String),
    /// A value that a transformation traces was asked for as plain numbers. Instead of words: what kept it
    /// from being read, of which R makes the text.
    #[error("{0}")]
    Tape(String),
    /// A derivative that nobody knows or that is not implemented.
    #[error("{0}")]
    Gradient(String),
    /// A graph too deep for the stack.
    #[error("{0}")]
    Depth(String),
    /// A matrix for which an operation is not defined.
    #[error("{0}")]
    Singular(String),
    /// The array's memory was given back by `mlx_free()`.
    #[error("this mlx array was released by `mlx_free()`: its values are gone. Make it again, or free it later.")]
    Freed,
    /// The process is a fork of the one that started MLX.
    #[error("MLX cannot run in a forked process (parallel::mclapply, fork): its threads stayed in the parent. Use a PSOCK cluster, callr or mirai, or read the values before forking.")]
    Forked,
    /// A request larger than the memory limit.
    #[error("{0}")]
    Memory(String),
    /// A file that is not there, is damaged, or cannot be written.
    #[error("{0}")]
    File(String),
    /// MLX refused; its own words.
    #[error("{0}")]
    Mlx(String),
    /// A bug of ours.
    #[error(
        "rmlx met an internal error ({0}). The session is fine; please report what you called."
    )]
    Internal(String),
}

/// The result of anything below R.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The condition's subclass of `rmlx_error`.
    fn class(&self) -> &'static CStr {
        match self {
            Error::Shape(_) => c"rmlx_error_shape",
            Error::Dtype(_) => c"rmlx_error_dtype",
            Error::Device(_) => c"rmlx_error_device",
            Error::Index(_) => c"rmlx_error_index",
            Error::Argument(_) => c"rmlx_error_argument",
            Error::Tape(_) => c"rmlx_error_tape",
            Error::Gradient(_) => c"rmlx_error_gradient",
            Error::Depth(_) => c"rmlx_error_depth",
            Error::Singular(_) => c"rmlx_error_singular",
            Error::Freed => c"rmlx_error_freed",
            Error::Forked => c"rmlx_error_fork",
            Error::Memory(_) => c"rmlx_error_memory",
            Error::File(_) => c"rmlx_error_file",
            Error::Mlx(_) => c"rmlx_error_mlx",
            Error::Internal(_) => c"rmlx_error_internal",
        }
    }
}

thread_local! {
    /// MLX's words on its last failure on this thread.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
    /// An error of ours on its way through MLX, which knows only that something failed.
    static KEPT: RefCell<Option<Error>> = const { RefCell::new(None) };
    /// The error on its way to R.
    static FILED: RefCell<Option<(CString, &'static CStr)>> = const { RefCell::new(None) };
    /// R's `raise_native(message, class)`, set when the namespace loads.
    static RAISER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

extern "C" {
    /// mlx-rs's own handler, which is exported by name.
    fn default_mlx_error_handler(message: *const c_char, data: *mut c_void);
}

unsafe extern "C" fn on_mlx_error(message: *const c_char, data: *mut c_void) {
    // SAFETY: mlx-c passes a NUL-terminated text that lives during the call.
    let text = unsafe { CStr::from_ptr(message) }
        .to_string_lossy()
        .into_owned();
    LAST.with(|last| *last.borrow_mut() = text);
    // SAFETY: the same arguments, for mlx-rs's own bookkeeping.
    unsafe { default_mlx_error_handler(message, data) };
}

/// Takes over MLX's error handler (without one mlx-c ends the process) and silences Rust's
/// panic printout: a panic reaches the user as an R error.
pub fn install_handlers() {
    // mlx-rs registers its handler once, at its first call; ours has to come after.
    let _ = mlx_rs::memory::active_memory();
    // SAFETY: a static function and no data.
    unsafe { mlx_sys::mlx_set_error_handler(Some(on_mlx_error), std::ptr::null_mut(), None) };
    if cfg!(not(test)) {
        std::panic::set_hook(Box::new(|_| {}));
    }
}

/// Keeps an error of a function that MLX called, until the failure comes back from MLX.
pub fn keep_for_mlx(error: Error) {
    KEPT.with(|kept| *kept.borrow_mut() = Some(error));
}

/// MLX's last words, without the C++ file and line.
pub fn last_mlx_error() -> Error {
    if let Some(error) = KEPT.with(|kept| kept.borrow_mut().take()) {
        return error;
    }
    let text = LAST.with(|last| std::mem::take(&mut *last.borrow_mut()));
    let cut = text.rfind(" at /").unwrap_or(text.len());
    let said = text[..cut].trim();
    if let Some(said) = said.strip_prefix("[rmlx dtype] ") {
        return Error::Dtype(said.into());
    }
    // "[matmul] text": the bracket is MLX's function, not the user's.
    let said = match said.strip_prefix('[').and_then(|s| s.split_once("] ")) {
        Some((_, rest)) => rest,
        None => said,
    };
    if let (true, Some((_, what))) = (
        text.starts_with("[Primitive::"),
        said.split_once("Not implemented for "),
    ) {
        return Error::Gradient(format!(
            "MLX cannot differentiate or map {}.",
            what.trim_end_matches('.')
        ));
    }
    if let Some(kind) = said.strip_prefix("Not supported for ") {
        return Error::Dtype(format!(
            "MLX does not have this function for {}.",
            kind.trim_end_matches('.')
        ));
    }
    if said.starts_with("Attempting to eval an array during function transformations") {
        return Error::Tape("abstract".into());
    }
    if said.starts_with("Attempting to eval an array without a primitive") {
        return Error::Tape("gone".into());
    }
    Error::Mlx(if said.is_empty() {
        "MLX failed without a message.".into()
    } else {
        said.into()
    })
}

/// An mlx-c status as a result.
pub fn check(status: c_int) -> Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(last_mlx_error())
    }
}

/// Puts an error by until [`raise`]; the caller then unwinds its own frames.
pub fn file(error: Error) {
    let class = error.class();
    let text = error.to_string().replace('\0', " ");
    FILED.with(|f| *f.borrow_mut() = CString::new(text).ok().map(|t| (t, class)));
}

/// Runs `body`, turning both an error and a panic into a filed error (`None`).
pub fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Option<T> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    crate::stream::end_of_entry();
    let error = match outcome {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(error)) => error,
        Err(payload) => match payload.downcast::<Error>() {
            Ok(error) => *error,
            Err(payload) => Error::Internal(
                payload
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string()))
                    .unwrap_or_else(|| "unknown".into()),
            ),
        },
    };
    file(error);
    None
}

/// Leaves the computation that [`guarded`] runs with an error, from where none can be returned.
pub fn leave(error: Error) -> ! {
    std::panic::resume_unwind(Box::new(error))
}

/// Raises the filed error as an R condition of class `rmlx_error`.
///
/// # Safety
/// On R's main thread, from frames that own nothing: this jumps.
pub unsafe fn raise() -> ! {
    let filed = FILED.with(|f| f.borrow().as_ref().map(|(t, c)| (t.as_ptr(), c.as_ptr())));
    let (text, class) =
        filed.unwrap_or((c"unknown failure".as_ptr(), c"rmlx_error_internal".as_ptr()));
    let text = Rf_protect(Rf_ScalarString(Rf_mkCharLenCE(
        text,
        CStr::from_ptr(text).to_bytes().len() as c_int,
        cetype_t::CE_UTF8,
    )));
    let class = Rf_protect(Rf_mkString(class));
    let raiser = RAISER.with(Cell::get);
    if !raiser.is_null() {
        let call = Rf_protect(call(raiser, &[text, class]));
        Rf_eval(call, R_BaseEnv);
    }
    Rf_error(c"%s".as_ptr(), R_CHAR(STRING_ELT(text, 0)));
}

/// Files `error` and raises it.
///
/// # Safety
/// As [`raise`].
pub unsafe fn throw(error: Error) -> ! {
    file(error);
    raise()
}

/// `.Call`: tells which R function raises native errors.
unsafe extern "C" fn set_raiser(function: SEXP) -> SEXP {
    R_PreserveObject(function);
    RAISER.with(|r| r.set(function));
    R_NilValue
}

routines![set_raiser / 1];
