//! R's C API: what extendr-ffi declares, and what it lacks.
// extendr-ffi declares SEXP as a pointer to an opaque struct, which rustc cannot see through.
#![allow(improper_ctypes)]

pub use extendr_ffi::*;
use std::ffi::{c_char, c_int, c_void, CStr};

/// A routine's entry in R's table of `.Call` routines.
pub struct Routine {
    /// The C name; R sees it as `C_<name>`.
    pub name: &'static std::ffi::CStr,
    /// The function, its signature erased.
    pub function: *const c_void,
    /// How many arguments `.Call` must give it.
    pub arguments: c_int,
}
// SAFETY: a routine is a constant: a name and the address of a function.
unsafe impl Sync for Routine {}

/// Makes the table of a module's routines: `routines![add / 2, sum / 3]`.
macro_rules! routines {
    ($($name:ident / $n:literal),* $(,)?) => {
        /// This module's `.Call` routines.
        pub const ROUTINES: &[$crate::ffi::Routine] = &[$(
            $crate::ffi::Routine {
                // SAFETY: the literal ends with its only NUL.
                name: unsafe { std::ffi::CStr::from_bytes_with_nul_unchecked(
                    concat!(stringify!($name), "\0").as_bytes()) },
                function: $name as *const std::ffi::c_void,
                arguments: $n,
            }
        ),*];
    };
}
pub(crate) use routines;

/// A text that ends with its only NUL, as C has it.
pub const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a NUL within a text"),
    }
}

/// How R gets and gives back the memory of one vector.
#[repr(C)]
pub struct Allocator {
    /// Gives that many bytes.
    pub allocate: Option<unsafe extern "C" fn(*mut Allocator, usize) -> *mut c_void>,
    /// Takes them back; called by the collector.
    pub free: Option<unsafe extern "C" fn(*mut Allocator, *mut c_void)>,
    /// R's own.
    pub reserved: *mut c_void,
    /// The allocator's own.
    pub data: *mut c_void,
}

extern "C" {
    /// A vector whose memory an allocator gives. R keeps a copy of that in the vector.
    pub fn Rf_allocVector3(kind: SEXPTYPE, n: R_xlen_t, allocator: *mut Allocator) -> SEXP;
    /// Takes up the jump that `rmlx_protect` stopped.
    pub fn R_ContinueUnwind(cont: SEXP) -> !;
    /// Sets a cell's first field.
    pub fn SETCAR(cell: SEXP, value: SEXP) -> SEXP;
    /// An R error if little is left of the C stack.
    pub fn R_CheckStack();
    /// A copy whose elements are shared.
    pub fn Rf_shallow_duplicate(x: SEXP) -> SEXP;
    /// Sets an element of a logical vector.
    pub fn SET_LOGICAL_ELT(x: SEXP, i: R_xlen_t, v: c_int);
    /// A new environment.
    pub fn R_NewEnv(enclosure: SEXP, hash: c_int, size: c_int) -> SEXP;
    /// A reference that keeps its value as long as something else keeps its key.
    pub fn R_MakeWeakRef(key: SEXP, value: SEXP, finalizer: SEXP, on_exit: Rboolean) -> SEXP;
    /// The value; NULL where the key is gone.
    pub fn R_WeakRefValue(reference: SEXP) -> SEXP;
    /// A full collection.
    pub fn R_gc();
    /// Evaluates a call; may jump.
    pub fn Rf_eval(call: SEXP, env: SEXP) -> SEXP;
    /// A character vector of one string in the native encoding.
    pub fn Rf_mkString(s: *const c_char) -> SEXP;
    /// A string's encoding, as a `cetype_t`.
    pub fn Rf_getCharCE(x: SEXP) -> c_int;
    /// A string's text in UTF-8; may jump.
    pub fn Rf_translateCharUTF8(x: SEXP) -> *const c_char;
    /// A string in an encoding.
    pub fn Rf_mkCharCE(text: *const c_char, encoding: cetype_t) -> SEXP;
    /// A double vector of one.
    pub fn Rf_ScalarReal(v: f64) -> SEXP;
    /// A logical vector of one.
    pub fn Rf_ScalarLogical(v: c_int) -> SEXP;
    /// A character vector of one.
    pub fn Rf_ScalarString(v: SEXP) -> SEXP;
    /// Jumps if the user pressed Ctrl-C.
    pub fn R_CheckUserInterrupt();
    /// The value of an option, `R_NilValue` if unset.
    pub fn Rf_GetOption1(tag: SEXP) -> SEXP;
    /// Whether an object inherits from an S3 class.
    pub fn Rf_inherits(x: SEXP, class: *const c_char) -> Rboolean;
    /// First element as a logical.
    pub fn Rf_asLogical(x: SEXP) -> c_int;
    /// First element as an integer.
    pub fn Rf_asInteger(x: SEXP) -> c_int;
    /// First element as a double.
    pub fn Rf_asReal(x: SEXP) -> f64;
    /// Sets how a class of complex vectors copies a range of its elements.
    pub fn R_set_altcomplex_Get_region_method(
        class: R_altrep_class_t,
        f: Option<unsafe extern "C" fn(SEXP, R_xlen_t, R_xlen_t, *mut Rcomplex) -> R_xlen_t>,
    );
    /// The attributes, as R keeps them: a pairlist.
    pub fn ATTRIB(x: SEXP) -> SEXP;
    /// Gives an object the attributes of another; their values are shared.
    pub fn SHALLOW_DUPLICATE_ATTRIB(to: SEXP, from: SEXP);
    /// The symbol of a string.
    pub fn Rf_installTrChar(text: SEXP) -> SEXP;
    /// `src/lookup.c`: a variable's value, `R_UnboundValue` if there is none; may jump.
    pub fn rmlx_lookup(name: SEXP, frame: SEXP, inherits: c_int) -> SEXP;
    /// `src/lookup.c`: the same of a function.
    pub fn rmlx_lookup_function(name: SEXP, frame: SEXP) -> SEXP;
    /// `src/shared.c`: whether R counts more than one reference to an object.
    pub fn rmlx_is_shared(x: SEXP) -> c_int;
    /// `src/dots.c`: the `...` of a frame.
    pub fn rmlx_dots(frame: SEXP) -> SEXP;
    /// `src/unwind.c`: runs `body`, catching R's jumps.
    pub fn rmlx_protect(
        body: unsafe extern "C" fn(*mut c_void) -> SEXP,
        data: *mut c_void,
        cont: SEXP,
        out: *mut SEXP,
    ) -> c_int;
}

/// A call of a function with these arguments; the caller protects the result.
///
/// # Safety
/// On R's main thread, with protected arguments.
pub unsafe fn call(function: SEXP, arguments: &[SEXP]) -> SEXP {
    let mut tail = R_NilValue;
    let mut kept = 0;
    for &argument in arguments.iter().rev() {
        tail = Rf_protect(Rf_cons(argument, tail));
        kept += 1;
    }
    let out = Rf_lcons(function, tail);
    Rf_unprotect(kept);
    out
}

/// A character vector of one string.
///
/// # Safety
/// On R's main thread; the caller owns nothing (this may jump) and protects the result.
pub unsafe fn text(s: &str) -> SEXP {
    Rf_ScalarString(Rf_mkCharLenCE(
        s.as_ptr().cast(),
        s.len() as c_int,
        cetype_t::CE_UTF8,
    ))
}
