//! Whether a compiled graph is the right one for a call: arguments like those of its trace, and
//! unchanged variables.
//!
//! Nothing is owned here, since looking up variables may run R code, which may jump.
use crate::device;
use crate::ffi::*;
use crate::handle;
use crate::mlx;
use crate::object;
use crate::transform::program::Program;
use std::cell::OnceCell;
use std::ffi::c_int;

/// The R objects of a trace, in this order.
#[derive(Clone, Copy)]
pub struct Plan(SEXP);

/// Positions in a plan.
#[derive(Clone, Copy)]
enum Part {
    /// The arguments; leaves in the place of arrays.
    Arguments,
    /// For each input NULL or its names, dimnames and further attributes.
    Names,
    /// Variables.
    Slots,
    /// The result; leaves in the place of arrays.
    Result,
    /// For each result NULL or its names, dimnames and further attributes.
    ResultNames,
    /// What becomes of the state's variables.
    Updates,
    /// Options that decide what a function does.
    Settings,
    /// The captured arrays' handles where they must be the very same.
    Held,
}

impl Plan {
    unsafe fn part(self, part: Part) -> SEXP {
        VECTOR_ELT(self.0, part as R_xlen_t)
    }

    /// That of a trace.
    pub unsafe fn of(trace: SEXP) -> Plan {
        Plan(R_ExternalPtrProtected(trace))
    }

    /// The skeleton of the result.
    pub unsafe fn result(self) -> SEXP {
        self.part(Part::Result)
    }

    /// The results' names.
    pub unsafe fn result_names(self) -> SEXP {
        self.part(Part::ResultNames)
    }

    /// What becomes of the state's variables.
    pub unsafe fn updates(self) -> SEXP {
        self.part(Part::Updates)
    }
}

/// The program of a trace.
///
/// # Safety
/// `trace` was made by `compile_trace` and is protected while the result is used.
pub unsafe fn program<'a>(trace: SEXP) -> Option<&'a Program> {
    crate::keep::kept::<OnceCell<Program>>(trace).get()
}

/// The handles of all inputs for a call with `arguments`, or NULL if the trace does not fit. `extents`:
/// whether extents count that are not known to be free.
///
/// # Safety
/// On R's main thread; all are protected; the caller owns nothing (this may jump) and protects the result.
pub unsafe fn inputs(trace: SEXP, arguments: SEXP, extents: bool) -> SEXP {
    let Some(fit) = Fit::begin(trace, |_| extents) else {
        return R_NilValue;
    };
    let fits = fit.arguments(arguments) && fit.slots() && fit.aliases();
    Rf_unprotect(1);
    if fits {
        fit.found
    } else {
        R_NilValue
    }
}

/// Whether the arguments fit, whatever the variables are.
///
/// # Safety
/// As [`inputs`].
pub unsafe fn arguments_fit(trace: SEXP, arguments: SEXP) -> bool {
    let Some(fit) = Fit::begin(trace, |program| !program.shapeless) else {
        return false;
    };
    let fits = fit.arguments(arguments);
    Rf_unprotect(1);
    fits
}

/// list(default dtype, default device)
unsafe fn settings(settings: SEXP) -> bool {
    let dtype = Rf_GetOption1(Rf_install(c"rmlx.dtype".as_ptr()));
    same(VECTOR_ELT(settings, 0), dtype)
        && crate::entry::string(VECTOR_ELT(settings, 1))
            .is_some_and(|d| d == device::default().name())
}

/// Whether R code sees no difference between two values that are no arrays.
unsafe fn same(a: SEXP, b: SEXP) -> bool {
    if a == b {
        return true;
    }
    let kind = TYPEOF(a);
    if kind != TYPEOF(b) || object::is(a) || object::is(b) {
        return false;
    }
    match kind {
        SEXPTYPE::ENVSXP | SEXPTYPE::SYMSXP | SEXPTYPE::EXTPTRSXP | SEXPTYPE::NILSXP => false,
        _ => R_compute_identical(a, b, NUMBERS_BY_BITS) == Rboolean::TRUE,
    }
}

/// `identical(a, b, num.eq = FALSE)`: 0 and -0 differ.
const NUMBERS_BY_BITS: c_int = 16 + 1;

/// The elements of an object's list of attributes.
unsafe fn attributes(x: SEXP) -> impl Iterator<Item = SEXP> {
    let start = ATTRIB(x);
    std::iter::successors(Some(start), |&at| Some(unsafe { CDR(at) }))
        .take_while(|&at| at != R_NilValue)
}

/// Whether two lists have the same attributes.
unsafe fn same_attributes(a: SEXP, b: SEXP) -> bool {
    attributes(a).count() == attributes(b).count()
        && attributes(a).all(|x| attributes(b).any(|y| TAG(x) == TAG(y) && same(CAR(x), CAR(y))))
}

/// Whether an array has these attributes, a named list or NULL, besides those of every array.
unsafe fn same_own_attributes(expected: SEXP, array: SEXP) -> bool {
    let names = Rf_getAttrib(expected, R_NamesSymbol);
    let mut count = 0;
    for own in attributes(array) {
        let (tag, value) = (TAG(own), CAR(own));
        let usual = tag == R_NamesSymbol
            || tag == R_DimSymbol
            || tag == R_DimNamesSymbol
            || tag == R_ClassSymbol && XLENGTH(value) == 1;
        if usual {
            continue;
        }
        let fits = (0..Rf_xlength(names)).any(|i| {
            Rf_installTrChar(STRING_ELT(names, i)) == tag && same(VECTOR_ELT(expected, i), value)
        });
        if !fits {
            return false;
        }
        count += 1;
    }
    count == Rf_xlength(names)
}

/// The position, from 0, that a leaf of a skeleton stands for.
unsafe fn leaf(skeleton: SEXP) -> Option<usize> {
    if TYPEOF(skeleton) == SEXPTYPE::VECSXP
        && Rf_inherits(skeleton, c"rmlx_leaf".as_ptr()) == Rboolean::TRUE
    {
        Some(Rf_asInteger(VECTOR_ELT(skeleton, 0)) as usize - 1)
    } else {
        None
    }
}

#[derive(Clone, Copy)]
struct Fit<'a> {
    program: &'a Program,
    plan: Plan,
    found: SEXP,
    extents: bool,
}

/// How a slot is looked up; the numbers are those of R/captures.R.
const FUNCTION: c_int = 1;
const FRAME: c_int = 2;
const COUNT: c_int = 3;

impl Fit<'_> {
    /// Starts to look whether a trace fits. Protects one object, which the caller unprotects; `extents`
    /// as in [`inputs`].
    unsafe fn begin<'a>(trace: SEXP, extents: impl Fn(&Program) -> bool) -> Option<Fit<'a>> {
        let program = program(trace)?;
        let n = program.kinds.len() as R_xlen_t;
        Some(Fit {
            program,
            plan: Plan::of(trace),
            found: Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n)),
            extents: extents(program),
        })
    }

    /// Whether the settings and the arguments are as they were.
    unsafe fn arguments(self, arguments: SEXP) -> bool {
        settings(self.plan.part(Part::Settings))
            && self.value(self.plan.part(Part::Arguments), arguments)
    }

    /// Whether a value has the structure of a skeleton and fitting arrays in the places of its leaves.
    unsafe fn value(self, skeleton: SEXP, value: SEXP) -> bool {
        if let Some(i) = leaf(skeleton) {
            return self.array(i, value);
        }
        if TYPEOF(skeleton) != SEXPTYPE::VECSXP {
            return same(skeleton, value);
        }
        if skeleton == value {
            return true; // there is no array in it
        }
        if TYPEOF(value) != SEXPTYPE::VECSXP || XLENGTH(skeleton) != XLENGTH(value) {
            return false;
        }
        same_attributes(skeleton, value)
            && (0..XLENGTH(skeleton))
                .all(|i| self.value(VECTOR_ELT(skeleton, i), VECTOR_ELT(value, i)))
    }

    unsafe fn array(self, i: usize, value: SEXP) -> bool {
        let vector = object::handle_of(value);
        if vector.is_null() || handle::peek(vector).is_null() {
            return false;
        }
        let captured = i >= self.program.arguments;
        let at = i as R_xlen_t;
        if captured && self.program.strict && vector != VECTOR_ELT(self.plan.part(Part::Held), at) {
            return false;
        }
        let kind = &self.program.kinds[i];
        let ctx = handle::peek(vector);
        let array = mlx::borrow(&ctx);
        let shape = mlx::shape(array);
        if mlx::dtype(array) != kind.dtype
            || shape.len() != kind.shape.len()
            || handle::device(vector) != kind.device
        {
            return false;
        }
        let titles = VECTOR_ELT(self.plan.part(Part::Names), at);
        let title = |k: R_xlen_t| {
            if titles == R_NilValue {
                R_NilValue
            } else {
                VECTOR_ELT(titles, k)
            }
        };
        if !same_own_attributes(title(2), value) {
            return false;
        }
        if self.program.shapeless && !captured {
            let free = kind.free.borrow();
            let changed = |k: usize| shape[k] != kind.shape[k] && !free[k];
            if self.extents && (0..shape.len()).any(changed) {
                return false;
            }
        } else {
            let fits = shape == kind.shape
                && same(title(0), Rf_getAttrib(value, R_NamesSymbol))
                && same(title(1), Rf_getAttrib(value, R_DimNamesSymbol));
            if !fits {
                return false;
            }
        }
        SET_VECTOR_ELT(self.found, at, vector);
        true
    }

    /// Whether all variables are as they were.
    unsafe fn slots(self) -> bool {
        let slots = self.plan.part(Part::Slots);
        (0..XLENGTH(slots)).all(|i| {
            let slot = VECTOR_ELT(slots, i);
            let (frame, name) = (VECTOR_ELT(slot, 0), VECTOR_ELT(slot, 1));
            let (how, expected) = (Rf_asInteger(VECTOR_ELT(slot, 2)), VECTOR_ELT(slot, 3));
            let bound = Rf_asLogical(VECTOR_ELT(slot, 4)) == 1;
            if how == COUNT {
                return Rf_xlength(frame) == Rf_asInteger(expected) as R_xlen_t;
            }
            let value = match how {
                FUNCTION => rmlx_lookup_function(name, frame),
                FRAME => rmlx_lookup(name, frame, 0),
                _ => rmlx_lookup(name, frame, 1),
            };
            if value == R_UnboundValue {
                return !bound;
            }
            let value = Rf_protect(value);
            let fits = bound && self.value(expected, value);
            Rf_unprotect(1);
            fits
        })
    }

    /// Whether captured arrays that were one are one, still: the graph has a single input for them.
    unsafe fn aliases(self) -> bool {
        let id = |i: usize| {
            let ctx = handle::peek(VECTOR_ELT(self.found, i as R_xlen_t));
            mlx::id(mlx::borrow(&ctx))
        };
        let same = self.program.same.iter().enumerate();
        let mut again = same.filter(|(i, first)| i != *first);
        again
            .all(|(i, &first)| id(self.program.arguments + i) == id(self.program.arguments + first))
    }
}

/// A skeleton with `arrays` in the places of its leaves.
///
/// # Safety
/// As [`inputs`].
pub unsafe fn filled(skeleton: SEXP, arrays: SEXP) -> SEXP {
    if let Some(i) = leaf(skeleton) {
        return VECTOR_ELT(arrays, i as R_xlen_t);
    }
    if TYPEOF(skeleton) != SEXPTYPE::VECSXP {
        return skeleton;
    }
    let out = Rf_protect(Rf_shallow_duplicate(skeleton));
    for i in 0..XLENGTH(skeleton) {
        SET_VECTOR_ELT(out, i, filled(VECTOR_ELT(skeleton, i), arrays));
    }
    Rf_unprotect(1);
    out
}
