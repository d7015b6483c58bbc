//! The R object: an ALTREP vector of class "mlx" that stands for an MLX array.
//!
//! `data1` is the handle (an external pointer), `data2` the R values once somebody read them:
//! the vector itself, or a pairlist cell holding it if base C code was given a writable pointer.
//! Nobody tells how long that code keeps the pointer (it may call R in between), so from then on every
//! use of the array sees whether the vector changed.
use crate::born;
use crate::convert::{from_r, room, to_r};
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::error::{guarded, raise, throw, Error, Result};
use crate::eval;
use crate::ffi::*;
use crate::handle::{self, Placed};
use crate::mlx;
use crate::tape;
use std::cell::Cell;
use std::ffi::{c_int, c_void, CStr};

thread_local! {
    /// real, integer, logical, complex.
    static CLASSES: Cell<[*mut c_void; 4]> = const { Cell::new([std::ptr::null_mut(); 4]) };
    static CLASS_ATTRIBUTE: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
    /// See [`attributes_for`].
    static PATTERNS: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

fn class_of(kind: SEXPTYPE) -> R_altrep_class_t {
    let i = match kind {
        SEXPTYPE::INTSXP => 1,
        SEXPTYPE::LGLSXP => 2,
        SEXPTYPE::CPLXSXP => 3,
        _ => 0,
    };
    R_altrep_class_t {
        ptr: CLASSES.with(Cell::get)[i].cast(),
    }
}

/// Turns a filled handle into the R object: ALTREP vector, class and, from rank 2, dim.
///
/// # Safety
/// `handle` is one of ours, filled and protected; the caller owns nothing (this may jump).
pub unsafe fn wrap(handle: SEXP) -> SEXP {
    let ctx = handle::peek(handle);
    let array = mlx::borrow(&ctx);
    let out = Rf_protect(R_new_altrep(
        class_of(dtype::r_type(mlx::dtype(array))),
        handle,
        R_NilValue,
    ));
    SHALLOW_DUPLICATE_ATTRIB(out, attributes_for(mlx::shape(array)));
    born::note(out);
    Rf_unprotect(1);
    out
}

/// How many shapes are remembered with the attributes that go with them.
const SHAPES: usize = 8;

/// A vector without values that has the attributes of an array of this shape: class and, from rank 2 on, dim. Copying
/// these takes no checks, and no new `dim`.
unsafe fn attributes_for(shape: &[i32]) -> SEXP {
    let patterns = PATTERNS.with(Cell::get);
    if shape.len() < 2 {
        return VECTOR_ELT(patterns, 0);
    }
    // a shape that was seen lately has its pattern at the place that its extents lead to
    let sum = shape.iter().fold(0usize, |sum, &n| {
        sum.wrapping_mul(31).wrapping_add(n as usize)
    });
    let at = 1 + (sum % SHAPES) as R_xlen_t;
    let known = VECTOR_ELT(patterns, at);
    if known != R_NilValue {
        let dim = Rf_getAttrib(known, R_DimSymbol);
        if XLENGTH(dim) == shape.len() as R_xlen_t
            && std::slice::from_raw_parts(INTEGER(dim), shape.len()) == shape
        {
            return known;
        }
    }
    let n = shape.iter().map(|&n| n as R_xlen_t).product();
    let empty = Rf_protect(handle::empty(n));
    let pattern = Rf_protect(R_new_altrep(class_of(SEXPTYPE::REALSXP), empty, R_NilValue));
    let dim = Rf_protect(Rf_allocVector(SEXPTYPE::INTSXP, shape.len() as R_xlen_t));
    std::ptr::copy_nonoverlapping(shape.as_ptr(), INTEGER(dim), shape.len());
    MARK_NOT_MUTABLE(dim);
    Rf_setAttrib(pattern, R_DimSymbol, dim);
    Rf_setAttrib(pattern, R_ClassSymbol, CLASS_ATTRIBUTE.with(Cell::get));
    SET_VECTOR_ELT(patterns, at, pattern);
    Rf_unprotect(3);
    pattern
}

/// Our own vector behind `x`: `x` itself, or what R's wrapper (made when attributes of a long
/// shared vector change) wraps; null if `x` is no mlx vector.
unsafe fn vector_of(x: SEXP) -> SEXP {
    let mut at = x;
    for _ in 0..4 {
        if ALTREP(at) == 0 {
            break;
        }
        let data1 = R_altrep_data1(at);
        if handle::is(data1) {
            return at;
        }
        at = data1;
    }
    std::ptr::null_mut()
}

/// The handle of an mlx vector, or null for any other R object. If base C code wrote into the
/// R values, the array is made anew from them first.
///
/// # Safety
/// `x` is live and protected; the caller owns nothing (this may jump).
pub unsafe fn handle_of(x: SEXP) -> SEXP {
    let vector = vector_of(x);
    if vector.is_null() {
        return vector;
    }
    let data2 = R_altrep_data2(vector);
    if TYPEOF(data2) == SEXPTYPE::LISTSXP {
        take_written(vector, data2);
    }
    R_altrep_data1(vector)
}

/// The handle of an mlx vector that [`handle_of`] has been asked for, or null; this does not jump.
///
/// # Safety
/// `x` is live, and no R code has run since.
pub unsafe fn seen_handle(x: SEXP) -> SEXP {
    let vector = vector_of(x);
    if vector.is_null() {
        return vector;
    }
    R_altrep_data1(vector)
}

/// As [`handle_of`], but anything else than an mlx vector is an error.
///
/// # Safety
/// As [`handle_of`].
pub unsafe fn mlx_handle(x: SEXP) -> SEXP {
    let handle = handle_of(x);
    if handle.is_null() {
        throw(Error::Argument(
            "is_mlx(x) is not TRUE: an mlx array was expected. Make one with `as_mlx()`.".into(),
        ));
    }
    handle
}

/// Whether `x` stands for an MLX array.
///
/// # Safety
/// `x` is live.
pub unsafe fn is(x: SEXP) -> bool {
    !vector_of(x).is_null()
}

/// Whether an object has another class than an mlx vector as we make it.
///
/// # Safety
/// `x` is live.
pub unsafe fn has_other_class(x: SEXP) -> bool {
    Rf_isObject(x) == Rboolean::TRUE
        && Rf_getAttrib(x, R_ClassSymbol) != CLASS_ATTRIBUTE.with(Cell::get)
}

/// Base C code has a writable pointer to the values in `cell`: where they changed, they are the truth.
/// At first they are compared with the array, afterwards with a copy of what was taken last.
unsafe fn take_written(vector: SEXP, cell: SEXP) {
    let (values, taken) = (CAR(cell), CDR(cell));
    if taken != R_NilValue && to_r::same(values, taken) {
        return;
    }
    let handle = R_altrep_data1(vector);
    if handle::peek(handle).is_null() || handle::forked() {
        return; // the values are all that is left
    }
    let fresh = Rf_protect(handle::new());
    let copy = Rf_protect(Rf_duplicate(values));
    let source = from_r::Source::of(copy);
    let changed = guarded(|| {
        let ctx = handle::address(handle)?;
        let array = mlx::borrow(&ctx);
        if taken == R_NilValue && to_r::equals(array, copy)? {
            return Ok(false);
        }
        let device = handle::device(handle);
        let to = mlx::dtype(array);
        let shape = mlx::shape(array).to_vec();
        handle::fill(
            fresh,
            Placed::new(from_r::import(&source, to, &shape, device)?, device),
        );
        Ok(true)
    });
    match changed {
        Some(true) => R_set_altrep_data1(vector, fresh),
        Some(false) => {}
        None => raise(),
    }
    SETCDR(cell, copy);
    Rf_unprotect(2);
}

/// The R values of one of our vectors, read from MLX if nobody did before.
unsafe fn materialise(vector: SEXP) -> SEXP {
    tape::count_look();
    let data2 = R_altrep_data2(vector);
    if data2 != R_NilValue {
        return if TYPEOF(data2) == SEXPTYPE::LISTSXP {
            CAR(data2)
        } else {
            data2
        };
    }
    tape::check_silent_read(R_altrep_data1(vector));
    // the handle is looked up again: a handler of the warning may have had it replaced
    let values = Rf_protect(read(R_altrep_data1(vector)));
    R_set_altrep_data2(vector, values);
    Rf_unprotect(1);
    values
}

/// The values of a handle as a new plain R vector without attributes.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn read(handle: SEXP) -> SEXP {
    tape::count_read();
    eval::evaluate(handle);
    let ctx = handle::live(handle);
    let array = mlx::borrow(&ctx);
    let kind = dtype::r_type(mlx::dtype(array));
    let out = Rf_protect(room::vector(kind, mlx::size(array)));
    handle::live(handle); // a finalizer may have freed it meanwhile
    if guarded(|| to_r::copy(array, to_r::address(out))).is_none() {
        raise();
    }
    Rf_unprotect(1);
    out
}

// ---- ALTREP methods: length, copies, the values

unsafe extern "C" fn length(x: SEXP) -> R_xlen_t {
    handle::length(R_altrep_data1(x))
}

unsafe extern "C" fn duplicate(x: SEXP, _deep: Rboolean) -> SEXP {
    let handle = R_altrep_data1(x);
    let data2 = R_altrep_data2(x);
    if handle::peek(handle).is_null() || handle::forked() {
        // what was read before is all there is, and it is plain R data
        return if data2 == R_NilValue {
            R_new_altrep(class_of(TYPEOF(x)), handle, R_NilValue)
        } else {
            Rf_duplicate(materialise(x))
        };
    }
    R_new_altrep(class_of(TYPEOF(x)), handle_of(x), R_NilValue)
}

unsafe extern "C" fn data_pointer(x: SEXP, writable: Rboolean) -> *mut c_void {
    let values = materialise(x);
    if writable == Rboolean::TRUE && TYPEOF(R_altrep_data2(x)) != SEXPTYPE::LISTSXP {
        Rf_protect(values);
        let cell = Rf_cons(values, R_NilValue);
        R_set_altrep_data2(x, cell);
        Rf_unprotect(1);
    }
    to_r::address(values)
}

unsafe extern "C" fn data_pointer_or_null(x: SEXP) -> *const c_void {
    if R_altrep_data2(x) == R_NilValue {
        return std::ptr::null();
    }
    to_r::address(materialise(x))
}

macro_rules! element_methods {
    ($($elt:ident, $region:ident, $t:ty;)*) => {$(
        unsafe extern "C" fn $elt(x: SEXP, i: R_xlen_t) -> $t {
            *to_r::address(materialise(x)).cast::<$t>().offset(i as isize)
        }
        unsafe extern "C" fn $region(x: SEXP, from: R_xlen_t, n: R_xlen_t, buffer: *mut $t) -> R_xlen_t {
            let values = materialise(x);
            let n = n.min(XLENGTH(values) - from).max(0);
            let source = to_r::address(values).cast::<$t>().offset(from as isize);
            std::ptr::copy_nonoverlapping(source, buffer, n as usize);
            n
        }
    )*};
}
element_methods! {
    real_elt, real_region, f64;
    integer_elt, integer_region, c_int;
    complex_elt, complex_region, Rcomplex;
}

// ---- serialisation: list(version, dtype, device, shape, bytes in row-major order)

const FORMAT_VERSION: c_int = 1;

unsafe extern "C" fn serialized_state(x: SEXP) -> SEXP {
    let handle = handle_of(x);
    let gone = handle::peek(handle).is_null() || handle::forked();
    if gone && R_altrep_data2(x) != R_NilValue {
        return std::ptr::null_mut(); // but read before: saved as plain values
    }
    tape::check_read(handle);
    let state = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 5));
    let dense = Rf_protect(handle::new());
    let filled = guarded(|| {
        let ctx = handle::address(handle)?;
        let on = Device::Cpu;
        handle::fill(
            dense,
            Placed::new(mlx::contiguous(mlx::borrow(&ctx), on.stream())?, on),
        );
        Ok(())
    });
    if filled.is_none() {
        raise();
    }
    eval::evaluate(dense);
    let ctx = handle::peek(dense);
    let array = mlx::borrow(&ctx);
    SET_VECTOR_ELT(state, 0, Rf_ScalarInteger(FORMAT_VERSION));
    SET_VECTOR_ELT(state, 1, text(dtype::name(mlx::dtype(array))));
    SET_VECTOR_ELT(state, 2, text(handle::device(handle).name()));
    let rank = mlx::rank(array);
    let shape = Rf_allocVector(SEXPTYPE::INTSXP, rank as R_xlen_t);
    SET_VECTOR_ELT(state, 3, shape);
    for (i, n) in mlx::shape(array).iter().enumerate() {
        SET_INTEGER_ELT(shape, i as R_xlen_t, *n);
    }
    let n = mlx::size(array) * dtype::size(mlx::dtype(array));
    let raw = Rf_allocVector(SEXPTYPE::RAWSXP, n as R_xlen_t);
    SET_VECTOR_ELT(state, 4, raw);
    if n > 0 {
        std::ptr::copy_nonoverlapping(mlx::bytes(array).cast::<u8>(), RAW(raw), n);
    }
    Rf_unprotect(2);
    state
}

unsafe extern "C" fn unserialize(_class: SEXP, state: SEXP) -> SEXP {
    let handle = Rf_protect(handle::new());
    if guarded(|| restore(state).map(|value| handle::fill(handle, value))).is_none() {
        raise();
    }
    let ctx = handle::peek(handle);
    let out = R_new_altrep(
        class_of(dtype::r_type(mlx::dtype(mlx::borrow(&ctx)))),
        handle,
        R_NilValue,
    );
    Rf_unprotect(1);
    out
}

/// Reads the serialised state, trusting nothing in it.
unsafe fn restore(state: SEXP) -> Result<Placed> {
    let damaged = || {
        Error::Argument("a saved mlx array is damaged: its parts do not fit together. Save it again from the original.".into())
    };
    if TYPEOF(state) != SEXPTYPE::VECSXP || XLENGTH(state) != 5 {
        return Err(damaged());
    }
    let part = |i| VECTOR_ELT(state, i);
    let kinds = [
        SEXPTYPE::INTSXP,
        SEXPTYPE::STRSXP,
        SEXPTYPE::STRSXP,
        SEXPTYPE::INTSXP,
        SEXPTYPE::RAWSXP,
    ];
    if kinds
        .iter()
        .enumerate()
        .any(|(i, kind)| TYPEOF(part(i as R_xlen_t)) != *kind)
        || (0..3).any(|i| XLENGTH(part(i)) != 1)
    {
        return Err(damaged());
    }
    let version = INTEGER_ELT(part(0), 0);
    if version < 1 {
        return Err(damaged());
    }
    if version > FORMAT_VERSION {
        return Err(Error::Argument(format!(
            "this mlx array was saved in format {version}; this rmlx reads up to {FORMAT_VERSION}. Update rmlx."
        )));
    }
    let string = |i| {
        CStr::from_ptr(R_CHAR(STRING_ELT(part(i), 0)))
            .to_string_lossy()
            .into_owned()
    };
    let kind = dtype::parse(&string(1))?;
    let wanted = if string(2) == "gpu" && device::has_gpu() && kind != Dtype::Float64 {
        Device::Gpu
    } else {
        Device::Cpu
    };
    let shape: Vec<i32> = (0..XLENGTH(part(3)))
        .map(|i| INTEGER_ELT(part(3), i))
        .collect();
    let mut expected = dtype::size(kind);
    for &n in &shape {
        let n = usize::try_from(n).map_err(|_| damaged())?;
        expected = expected.checked_mul(n).ok_or_else(damaged)?;
    }
    let raw = part(4);
    if XLENGTH(raw) as usize != expected {
        return Err(damaged());
    }
    Ok(Placed::new(
        mlx::data(RAW(raw).cast(), &shape, kind)?,
        wanted,
    ))
}

unsafe extern "C" fn inspect(
    x: SEXP,
    _pre: c_int,
    _deep: c_int,
    _pvec: c_int,
    _subtree: Option<unsafe extern "C" fn(SEXP, c_int, c_int, c_int)>,
) -> Rboolean {
    let read = if R_altrep_data2(x) == R_NilValue {
        "not read by R"
    } else {
        "read by R"
    };
    let line = format!(" mlx vector, {} elements, {read}\n\0", length(x));
    Rprintf(c"%s".as_ptr(), line.as_ptr());
    Rboolean::TRUE
}

/// Registers the ALTREP classes.
///
/// # Safety
/// Once, on R's main thread, with the library's DllInfo.
pub unsafe fn start(dll: *mut DllInfo) {
    let package = c"rmlx".as_ptr();
    let real = R_make_altreal_class(c"mlx_real".as_ptr(), package, dll);
    let integer = R_make_altinteger_class(c"mlx_integer".as_ptr(), package, dll);
    let logical = R_make_altlogical_class(c"mlx_logical".as_ptr(), package, dll);
    let complex = R_make_altcomplex_class(c"mlx_complex".as_ptr(), package, dll);
    let classes = [real, integer, logical, complex];
    for class in classes {
        R_set_altrep_Length_method(class, Some(length));
        R_set_altrep_Duplicate_method(class, Some(duplicate));
        R_set_altrep_Serialized_state_method(class, Some(serialized_state));
        R_set_altrep_Unserialize_method(class, Some(unserialize));
        R_set_altrep_Inspect_method(class, Some(inspect));
        R_set_altvec_Dataptr_method(class, Some(data_pointer));
        R_set_altvec_Dataptr_or_null_method(class, Some(data_pointer_or_null));
    }
    R_set_altreal_Elt_method(real, Some(real_elt));
    R_set_altreal_Get_region_method(real, Some(real_region));
    R_set_altinteger_Elt_method(integer, Some(integer_elt));
    R_set_altinteger_Get_region_method(integer, Some(integer_region));
    R_set_altlogical_Elt_method(logical, Some(integer_elt));
    R_set_altlogical_Get_region_method(logical, Some(integer_region));
    R_set_altcomplex_Elt_method(complex, Some(complex_elt));
    R_set_altcomplex_Get_region_method(complex, Some(complex_region));
    CLASSES.with(|c| c.set(classes.map(|class| class.ptr.cast())));
    let attribute = Rf_mkString(c"mlx".as_ptr());
    R_PreserveObject(attribute);
    MARK_NOT_MUTABLE(attribute);
    CLASS_ATTRIBUTE.with(|c| c.set(attribute));
    let patterns = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 1 + SHAPES as R_xlen_t));
    R_PreserveObject(patterns);
    let flat = Rf_allocVector(SEXPTYPE::VECSXP, 0);
    SET_VECTOR_ELT(patterns, 0, flat);
    Rf_setAttrib(flat, R_ClassSymbol, attribute);
    Rf_unprotect(1);
    PATTERNS.with(|p| p.set(patterns));
}
