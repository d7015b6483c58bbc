//! What an operation may be given: an mlx vector, or a plain R vector beside one.
//!
//! An R operand is weak: it takes the dtype of the array beside it where that can hold its
//! values, so that `x + 1` keeps x's dtype and `float64 + 0.1` adds the double 0.1.
use crate::convert::from_r::{self, Source};
use crate::device::{self, Device};
use crate::dtype::{self, Dtype};
use crate::error::{leave, throw, Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::mlx::{self, Array};
use crate::object;
use crate::transform::trampoline;
use std::cell::RefCell;
use std::ffi::{c_void, CStr};

/// One argument of an operation. It owns nothing: the R object keeps what it shows alive. R may
/// collect garbage between two looks, and a finalizer of the user's may then free the array, so the
/// handle is asked each time.
#[derive(Clone, Copy)]
pub enum Operand {
    /// An MLX array.
    Mlx {
        /// The handle.
        handle: SEXP,
        /// Address of the array while the handle has it.
        ctx: *mut c_void,
        /// Its device.
        device: Device,
    },
    /// A plain R vector.
    R {
        /// Its elements.
        source: Source,
        /// Its dim attribute or `R_NilValue`.
        dim: SEXP,
    },
}

/// An operand's array: the user's own, without counting a reference, or one made from R values.
pub enum Held<'a> {
    /// The user's.
    Borrowed(&'a Array),
    /// Made for the occasion.
    Made(Array),
}

impl std::ops::Deref for Held<'_> {
    type Target = Array;

    fn deref(&self) -> &Array {
        match self {
            Held::Borrowed(array) => array,
            Held::Made(array) => array,
        }
    }
}

/// Classes whose numbers are codes or times: arithmetic on them as numbers would be a mistake.
const REFUSED: [&CStr; 5] = [c"factor", c"Date", c"POSIXct", c"POSIXlt", c"difftime"];

impl Operand {
    /// Looks at an argument.
    ///
    /// # Safety
    /// `x` is protected; the caller owns nothing (this may jump).
    pub unsafe fn of(x: SEXP) -> Operand {
        object::handle_of(x);
        match Operand::again(x) {
            Ok(operand) => operand,
            Err(error) => throw(error),
        }
    }

    /// Looks at an argument that [`Operand::of`] has looked at: it does not jump then.
    ///
    /// # Safety
    /// `x` is protected, and no R code has run since.
    pub unsafe fn again(x: SEXP) -> Result<Operand> {
        let handle = object::seen_handle(x);
        if !handle.is_null() {
            return Ok(Operand::Mlx {
                handle,
                ctx: handle::address(handle)?,
                device: handle::device(handle),
            });
        }
        let numeric = matches!(
            TYPEOF(x),
            SEXPTYPE::LGLSXP | SEXPTYPE::INTSXP | SEXPTYPE::REALSXP | SEXPTYPE::CPLXSXP
        );
        let refused = Rf_isObject(x) == Rboolean::TRUE
            && REFUSED
                .iter()
                .any(|class| Rf_inherits(x, class.as_ptr()) == Rboolean::TRUE);
        if !numeric || refused {
            return Err(Error::Argument(format!(
                "Cannot convert object of class {} to mlx. Give a numeric, logical or complex vector, matrix or array{}.",
                class_name(x),
                advice(x)
            )));
        }
        Ok(Operand::R {
            source: Source::of(x),
            dim: Rf_getAttrib(x, R_DimSymbol),
        })
    }

    /// gpu for an array there; an R vector has no say.
    pub fn device(&self) -> Option<Device> {
        match self {
            Operand::Mlx { device, .. } => Some(*device),
            Operand::R { .. } => None,
        }
    }

    /// The array's dtype; none for an R vector.
    pub fn dtype(&self) -> Option<Dtype> {
        self.borrowed().map(mlx::dtype)
    }

    /// The array itself; none for an R vector. If it was freed since the operand was looked at, this
    /// leaves the computation, as the error that it then ends with.
    pub fn borrowed(&self) -> Option<&Array> {
        match self {
            // SAFETY: the R object is protected by R's call for as long as the operand is used.
            Operand::Mlx { handle, ctx, .. } => unsafe {
                if handle::peek(*handle) != *ctx {
                    leave(Error::Freed);
                }
                Some(mlx::borrow(ctx))
            },
            Operand::R { .. } => None,
        }
    }

    /// The shape.
    pub fn shape(&self) -> Result<Vec<i32>> {
        match self {
            Operand::Mlx { .. } => Ok(self
                .borrowed()
                .map(|a| mlx::shape(a).to_vec())
                .unwrap_or_default()),
            // SAFETY: dim is an attribute of a protected object.
            Operand::R { source, dim } => unsafe { shape_of(source, *dim) },
        }
    }

    /// As an array of its own dtype (an R vector: of the dtype `as_mlx()` gives it).
    pub fn array(&self, device: Device) -> Result<Held<'_>> {
        match self.borrowed() {
            Some(array) => Ok(Held::Borrowed(array)),
            None => self.array_as(natural(self)?, device).map(Held::Made),
        }
    }

    /// As an array to compute with: bools count as float32.
    pub fn number(&self, device: Device) -> Result<Held<'_>> {
        let array = self.array(device)?;
        match mlx::dtype(&array) {
            Dtype::Bool => mlx::astype(&array, Dtype::Float32, device.stream()).map(Held::Made),
            _ => Ok(array),
        }
    }

    /// As an array beside one of dtype `other`.
    pub fn array_beside(&self, other: Dtype, device: Device) -> Result<Held<'_>> {
        match self {
            Operand::Mlx { .. } => self.array(device),
            Operand::R { source, dim } => {
                let to = weak(source, other)?;
                // SAFETY: R's own constant.
                if *dim == unsafe { R_NilValue } && source.length == 1 && device == Device::Cpu {
                    if let Some(known) = constant(source, to)? {
                        return Ok(Held::Made(known));
                    }
                }
                self.array_as(to, device).map(Held::Made)
            }
        }
    }

    /// As values to put into an array of a dtype: an R vector must not change by it.
    pub fn array_into(&self, to: Dtype, device: Device) -> Result<Array> {
        if let Operand::R { source, .. } = self {
            from_r::check_kept(source, to)?;
        }
        self.array_as(to, device)
    }

    /// As an array of a dtype.
    pub fn array_as(&self, to: Dtype, device: Device) -> Result<Array> {
        match self {
            Operand::Mlx { .. } => mlx::astype(&*self.array(device)?, to, device.stream()),
            Operand::R { source, dim } => {
                // SAFETY: as in `shape`.
                let shape = unsafe { shape_of(source, *dim) }?;
                match source.number() {
                    Some(value)
                        if shape.is_empty() && (dtype::is_float(to) || to == Dtype::Complex64) =>
                    {
                        if to == Dtype::Float64 && device == Device::Gpu {
                            return Err(from_r::float64_on_gpu());
                        }
                        mlx::scalar(value, to, device.stream())
                    }
                    Some(value)
                        if shape.is_empty()
                            && to == Dtype::Int32
                            && source.fits(i32::MIN.into(), i32::MAX.into()) =>
                    {
                        mlx::scalar(value, to, device.stream())
                    }
                    _ => from_r::import(source, to, &shape, device),
                }
            }
        }
    }
}

/// A number of the last ones that stood beside arrays.
struct Constant {
    bits: u64,
    dtype: Dtype,
    array: std::mem::ManuallyDrop<Array>, // it outlives MLX's own statics at exit
}

/// How many are kept.
const CONSTANTS: usize = 16;

thread_local! {
    static KEPT: RefCell<[Option<Constant>; CONSTANTS]> = const { RefCell::new([const { None }; CONSTANTS]) };
}

/// A number as a float32 or float64 array, that of the last time if there was one: making one takes as long
/// as an operation. While a function is traced each number is an array of its own, as graphs show them.
fn constant(source: &Source, to: Dtype) -> Result<Option<Array>> {
    let value = match source.number() {
        Some(value)
            if matches!(to, Dtype::Float32 | Dtype::Float64) && !trampoline::is_inside() =>
        {
            value
        }
        _ => return Ok(None),
    };
    let bits = value.to_bits();
    // the digits of usual numbers are in the upper half
    let at = ((bits >> 32 ^ bits >> 44 ^ bits) as usize ^ to as usize) % CONSTANTS;
    KEPT.with(|kept| {
        let place = &mut kept.borrow_mut()[at];
        if let Some(known) = place {
            if known.bits == bits && known.dtype == to {
                return mlx::share(&known.array).map(Some);
            }
        }
        let array = mlx::scalar(value, to, Device::Cpu.stream())?;
        let mine = std::mem::ManuallyDrop::new(mlx::share(&array)?);
        let fresh = Constant {
            bits,
            dtype: to,
            array: mine,
        };
        if let Some(old) = place.replace(fresh) {
            drop(std::mem::ManuallyDrop::into_inner(old.array));
        }
        Ok(Some(array))
    })
}

/// Two operands as arrays that MLX may promote, and their device.
pub fn pair<'a>(x: &'a Operand, y: &'a Operand) -> Result<(Held<'a>, Held<'a>, Device)> {
    let device = match (x.device(), y.device()) {
        (Some(a), Some(b)) => a.join(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => device::default(),
    };
    pair_at(x, y, device)
}

/// As [`pair`], on the device that a `device` argument names (NULL: theirs).
///
/// # Safety
/// `on` is live and protected.
pub unsafe fn pair_on<'a>(
    x: &'a Operand,
    y: &'a Operand,
    on: SEXP,
) -> Result<(Held<'a>, Held<'a>, Device)> {
    pair_at(x, y, Device::of_operation(on, &[x, y])?)
}

fn pair_at<'a>(
    x: &'a Operand,
    y: &'a Operand,
    device: Device,
) -> Result<(Held<'a>, Held<'a>, Device)> {
    let (a, b) = match (x.dtype(), y.dtype()) {
        (None, Some(other)) => (x.array_beside(other, device)?, y.array(device)?),
        (Some(other), None) => (x.array(device)?, y.array_beside(other, device)?),
        _ => (x.array(device)?, y.array(device)?),
    };
    if device == Device::Gpu
        && (mlx::dtype(&a) == Dtype::Float64 || mlx::dtype(&b) == Dtype::Float64)
    {
        return Err(from_r::float64_on_gpu());
    }
    Ok((a, b, device))
}

/// The dtype that `as_mlx()` gives an R vector by itself.
fn natural(x: &Operand) -> Result<Dtype> {
    match x {
        Operand::R { source, .. } => natural_of(source),
        Operand::Mlx { .. } => Ok(Dtype::Float32),
    }
}

/// logical: bool; complex: complex64; integer64: int64; other numbers: the default dtype.
pub fn natural_of(source: &Source) -> Result<Dtype> {
    match source.kind {
        SEXPTYPE::LGLSXP => Ok(Dtype::Bool),
        SEXPTYPE::CPLXSXP => Ok(Dtype::Complex64),
        _ if source.integer64 => Ok(Dtype::Int64),
        _ => default_dtype(),
    }
}

/// `getOption("rmlx.dtype", "float32")`; another value than a real floating dtype is an error.
pub fn default_dtype() -> Result<Dtype> {
    // SAFETY: on R's main thread; looks up, allocates nothing.
    unsafe {
        let option = Rf_GetOption1(Rf_install(c"rmlx.dtype".as_ptr()));
        if option == R_NilValue {
            Ok(Dtype::Float32)
        } else {
            let kind = dtype::of(option, "options(rmlx.dtype = )")?;
            if !dtype::is_float(kind) {
                return Err(Error::Dtype(format!(
                    "options(rmlx.dtype = ) is \"{}\", but the default dtype of numbers must be float32, float64, float16 or bfloat16.",
                    dtype::name(kind)
                )));
            }
            Ok(kind)
        }
    }
}

/// The dtype that an R vector takes beside an array of dtype `other`.
fn weak(source: &Source, other: Dtype) -> Result<Dtype> {
    let logical = source.kind == SEXPTYPE::LGLSXP;
    if source.kind == SEXPTYPE::CPLXSXP {
        Ok(Dtype::Complex64)
    } else if dtype::is_float(other)
        || other == Dtype::Complex64
        || (logical && other == Dtype::Bool)
    {
        Ok(other)
    } else if other == Dtype::Bool {
        if source.integer64 {
            Ok(Dtype::Int64)
        } else {
            default_dtype()
        }
    } else {
        let fits = |d| {
            let (low, high) = dtype::integer_range(d);
            source.fits(low, high)
        };
        [other, Dtype::Int32, Dtype::Int64]
            .into_iter()
            .find(|&d| fits(d))
            .map_or_else(default_dtype, Ok)
    }
}

/// An R vector's shape: its dim; without one, 0-d for one element and 1-d else.
unsafe fn shape_of(source: &Source, dim: SEXP) -> Result<Vec<i32>> {
    if TYPEOF(dim) == SEXPTYPE::INTSXP {
        return Ok((0..XLENGTH(dim)).map(|i| INTEGER_ELT(dim, i)).collect());
    }
    match source.length {
        1 => Ok(Vec::new()),
        n => Ok(vec![mlx::count(n)?]),
    }
}

/// The class (or type) of an R object, for messages.
unsafe fn class_name(x: SEXP) -> String {
    let class = Rf_getAttrib(x, R_ClassSymbol);
    if TYPEOF(class) == SEXPTYPE::STRSXP && XLENGTH(class) > 0 {
        let names = (0..XLENGTH(class)).map(|i| {
            CStr::from_ptr(R_CHAR(STRING_ELT(class, i)))
                .to_string_lossy()
                .into_owned()
        });
        return names.collect::<Vec<_>>().join("/");
    }
    match TYPEOF(x) {
        SEXPTYPE::NILSXP => "NULL",
        SEXPTYPE::STRSXP => "character",
        SEXPTYPE::VECSXP => "list",
        SEXPTYPE::CLOSXP | SEXPTYPE::BUILTINSXP | SEXPTYPE::SPECIALSXP => "function",
        SEXPTYPE::RAWSXP => "raw",
        SEXPTYPE::ENVSXP => "environment",
        SEXPTYPE::SYMSXP => "name",
        SEXPTYPE::LANGSXP => "call",
        _ => "this type",
    }
    .into()
}

/// What to do instead, for the classes met most.
unsafe fn advice(x: SEXP) -> &'static str {
    let is = |class: &CStr| Rf_inherits(x, class.as_ptr()) == Rboolean::TRUE;
    if is(c"factor") {
        ": for a factor, model.matrix() or as.integer() says what its numbers should be"
    } else if is(c"Date") || is(c"POSIXct") || is(c"POSIXlt") || is(c"difftime") {
        ": for a date or time, as.numeric() says which unit you mean"
    } else if x == R_NilValue {
        "; NULL is what `list$name` gives for a name that is not there"
    } else {
        ""
    }
}
