//! The gradient's tape: which reads of values leave it.
use crate::error::{check, guarded, raise, throw, Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::mlx::{self, Array, Arrays};
use crate::object;
use std::cell::{Cell, RefCell};

thread_local! {
    /// The arrays that running transformations trace, innermost last.
    static INPUTS: RefCell<Vec<Input>> = const { RefCell::new(Vec::new()) };
    /// How often base code read an array's values without saying so.
    static SILENT_READS: Cell<f64> = const { Cell::new(0.0) };
    /// How often anybody looked at an array's values, R or we.
    static LOOKS: Cell<f64> = const { Cell::new(0.0) };
    /// How often values went to R at all.
    static READS: Cell<f64> = const { Cell::new(0.0) };
    /// R's `on_silent_read()`, which follows options(rmlx.host_reads).
    static WATCHER: Cell<SEXP> = const { Cell::new(std::ptr::null_mut()) };
}

/// What a transformation does with the inputs of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// Differentiates them: reading their values leaves the tape.
    Differentiated,
    /// Maps them: they have no values.
    Mapped,
    /// Differentiates those that MLX holds for traced, and has the values of the others. A custom
    /// function's rules are such functions: they may be transposed.
    Perhaps,
    /// Neither, as far as the function is concerned: it runs for its values.
    Never,
}

/// An array that MLX gave to a function that is being transformed.
struct Input {
    id: usize,
    array: Array,
    how: Tracing,
}

extern "C" {
    fn rmlx_custom_release(roots: mlx_sys::mlx_vector_array) -> std::ffi::c_int;
}

/// One running transformation, known by how many arrays those around it differentiate; and what it gave.
pub struct Traced {
    outside: usize,
    results: Arrays,
}

impl Traced {
    /// A transformation starts.
    pub fn begin() -> Traced {
        Traced {
            outside: INPUTS.with(|inputs| inputs.borrow().len()),
            results: Arrays::new(),
        }
    }

    /// MLX finished the transformation with these results, whose graph may be differentiated or mapped
    /// further when all transformations are over: what they need for it is kept.
    pub fn restore(&mut self, results: &Arrays) -> Result<()> {
        (0..results.count()).try_for_each(|i| self.results.push(&results.get(i)?))?;
        self.mark(results)
    }

    /// MLX finished the transformation with these results, and took the mark of a traced array from
    /// its inputs and from everything that the results were computed from. What transformations
    /// further out trace gets it back: an evaluation would else cut their graph.
    pub fn mark(&self, results: &Arrays) -> Result<()> {
        if self.outside == 0 {
            return Ok(());
        }
        INPUTS.with(|inputs| {
            let inputs = inputs.borrow();
            let (outer, own) = inputs.split_at(self.outside);
            let outer: Vec<usize> = outer.iter().map(|input| input.id).collect();
            let roots = Arrays::new();
            for i in 0..results.count() {
                roots.push(&results.get(i)?)?;
            }
            for input in own {
                roots.push(&input.array)?;
            }
            mlx::mark_dependents(&roots, &outer)
        })
    }

    /// The transformation is over.
    pub fn end(self) -> Result<()> {
        INPUTS.with(|inputs| inputs.borrow_mut().truncate(self.outside));
        if self.outside > 0 {
            return Ok(());
        }
        // SAFETY: a valid list.
        check(unsafe { rmlx_custom_release(self.results.0) })
    }

    /// MLX gave this array to the function that is being transformed.
    pub fn add(array: &Array, how: Tracing) -> Result<()> {
        let how = match how {
            Tracing::Perhaps if mlx::is_tracer(array) => Tracing::Differentiated,
            Tracing::Perhaps | Tracing::Never => return Ok(()),
            known => known,
        };
        let input = Input {
            id: mlx::id(array),
            array: mlx::share(array)?,
            how,
        };
        INPUTS.with(|inputs| inputs.borrow_mut().push(input));
        Ok(())
    }
}

/// Whether a transformation is running.
pub fn is_running() -> bool {
    INPUTS.with(|inputs| !inputs.borrow().is_empty())
}

/// Errors if reading the values would cut the tape of a running gradient: the array depends on an
/// input of the transformation along a path that carries a gradient. Constants, branches taken on
/// comparisons and what follows from stop_gradient may be read.
///
/// # Safety
/// `handle` is one of ours and protected; the caller owns nothing (this may jump).
pub unsafe fn check_read(handle: SEXP) {
    let ctx = handle::live(handle);
    let array = mlx::borrow(&ctx);
    if !mlx::is_tracer(array) {
        return; // almost always: no walk through the graph
    }
    // R's side writes the text of the error: it knows the calls
    let left = guarded(|| {
        if mlx::is_abstract(array)? {
            return Ok(Some("abstract"));
        }
        Ok(mlx::depends_on(array, &ids())?.then_some("gradient"))
    });
    match left {
        Some(None) => {}
        Some(Some(how)) => throw(Error::Tape(how.into())),
        None => raise(),
    }
}

/// The ids of what running transformations trace.
pub fn ids() -> Vec<usize> {
    INPUTS.with(|inputs| inputs.borrow().iter().map(|input| input.id).collect())
}

/// What running transformations trace in this way.
pub fn inputs(how: Tracing) -> Result<Arrays> {
    let list = Arrays::new();
    INPUTS.with(|inputs| {
        let inputs = inputs.borrow();
        let mut wanted = inputs.iter().filter(|input| input.how == how);
        wanted.try_for_each(|input| list.push(&input.array))
    })?;
    Ok(list)
}

/// `.Call`: whether a transformation runs.
unsafe extern "C" fn is_tracing() -> SEXP {
    Rf_ScalarLogical(is_running().into())
}

/// As [`check_read`], and counts the read as one that no method of ours was asked for.
///
/// # Safety
/// As [`check_read`].
pub unsafe fn check_silent_read(handle: SEXP) {
    check_read(handle);
    SILENT_READS.with(|n| n.set(n.get() + 1.0));
    let option = Rf_GetOption1(Rf_install(c"rmlx.host_reads".as_ptr()));
    let watcher = WATCHER.with(Cell::get);
    if option != R_NilValue && !watcher.is_null() {
        let call = Rf_protect(call(watcher, &[option]));
        Rf_eval(call, R_BaseEnv);
        Rf_unprotect(1);
    }
}

/// Whether `x` is an array that a running transformation traces.
unsafe fn traced(x: SEXP) -> bool {
    let handle = object::handle_of(x);
    if handle.is_null() {
        return false;
    }
    let ctx = handle::peek(handle);
    !ctx.is_null() && !handle::forked() && mlx::is_tracer(mlx::borrow(&ctx))
}

/// `.Call`: whether a running transformation traces x.
unsafe extern "C" fn is_traced(x: SEXP) -> SEXP {
    Rf_ScalarLogical(traced(x).into())
}

/// `.Call`: whether a running transformation traces an element of a list.
unsafe extern "C" fn any_traced(list: SEXP) -> SEXP {
    let any = (0..XLENGTH(list)).any(|i| traced(VECTOR_ELT(list, i)));
    Rf_ScalarLogical(any.into())
}

/// Counts that an array's values go to R.
pub fn count_read() {
    READS.with(|n| n.set(n.get() + 1.0));
}

/// Counts that something depends on an array's values now, and not only through MLX's graph.
pub fn count_look() {
    LOOKS.with(|n| n.set(n.get() + 1.0));
}

/// How often [`count_look`] counted so far.
pub fn looks() -> f64 {
    LOOKS.with(Cell::get)
}

/// `.Call`: how often values went to R so far. Our own functions should not need them: the tests
/// watch this.
unsafe extern "C" fn reads() -> SEXP {
    Rf_ScalarReal(READS.with(Cell::get))
}

/// `.Call`: the number of silent reads so far.
unsafe extern "C" fn host_reads() -> SEXP {
    Rf_ScalarReal(SILENT_READS.with(Cell::get))
}

/// `.Call`: whether an array's values are not there while vmap or compile trace a function.
unsafe extern "C" fn is_abstract(x: SEXP) -> SEXP {
    let handle = object::mlx_handle(x);
    let ctx = handle::live(handle);
    match guarded(|| mlx::is_abstract(mlx::borrow(&ctx))) {
        Some(yes) => Rf_ScalarLogical(yes.into()),
        None => raise(),
    }
}

/// `.Call`: tells which R function hears of silent reads.
unsafe extern "C" fn set_read_watcher(function: SEXP) -> SEXP {
    R_PreserveObject(function);
    WATCHER.with(|w| w.set(function));
    R_NilValue
}

routines![
    any_traced / 1,
    host_reads / 0,
    is_abstract / 1,
    is_traced / 1,
    is_tracing / 0,
    reads / 0,
    set_read_watcher / 1,
];
