//! Compiled R functions: tracing one, finding the trace for a call, running it.
use crate::entry::{self, plain};
use crate::error::{guarded, raise, throw, Error};
use crate::ffi::*;
use crate::handle;
use crate::keep::{keeper, kept};
use crate::memory;
use crate::mlx::{self, Arrays};
use crate::names;
use crate::object;
use crate::op::random::{fresh_bits, key_of};
use crate::tape;
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::fit::{self, Plan};
use crate::transform::program::{compiles, fusion_trouble, Graph, Kind, Program};
use crate::transform::results::{Leaves, Results};
use crate::transform::subkeys::{self, Subkeys};
use crate::transform::trampoline::Frame;
use std::cell::{Cell, OnceCell};

thread_local! {
    static ENABLED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether functions are compiled at all; MLX's environment variable says so at first.
fn enabled() -> bool {
    ENABLED.with(|enabled| {
        let on = enabled.get().unwrap_or_else(|| {
            std::env::var("MLX_DISABLE_COMPILE").map_or(true, |text| text.is_empty() || text == "0")
                && (handle::forked() || compiles())
        });
        enabled.set(Some(on));
        on
    })
}

/// `.Call`: turns compilation on or off; tells whether it was on.
unsafe extern "C" fn compile_switch(on: SEXP) -> SEXP {
    let was = enabled();
    if on != R_NilValue {
        let on = plain(|| entry::flag(on, "on"));
        if on {
            mlx_sys::mlx_enable_compile();
        } else {
            mlx_sys::mlx_disable_compile();
        }
        ENABLED.with(|enabled| enabled.set(Some(on && compiles())));
    }
    Rf_ScalarLogical(was.into())
}

/// `.Call`: why MLX cannot compile fused operations of the cpu; empty where it can.
unsafe extern "C" fn compile_trouble() -> SEXP {
    let on = enabled();
    let why = Rf_protect(keeper(|| {
        mlx_sys::mlx_enable_compile();
        let why = fusion_trouble();
        if !on {
            mlx_sys::mlx_disable_compile();
        }
        why
    }));
    let out = text(kept::<String>(why));
    Rf_unprotect(1);
    out
}

/// `.Call`: where a compiled function's traces are kept.
unsafe extern "C" fn compile_home() -> SEXP {
    let none = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 0));
    let home = R_MakeExternalPtr(std::ptr::null_mut(), R_NilValue, none);
    Rf_unprotect(1);
    home
}

/// `.Call`: the traces, the last used first.
unsafe extern "C" fn compile_traces(home: SEXP) -> SEXP {
    Rf_shallow_duplicate(R_ExternalPtrProtected(home))
}

/// `.Call`: replaces the traces.
unsafe extern "C" fn compile_keep(home: SEXP, traces: SEXP) -> SEXP {
    R_SetExternalPtrProtected(home, traces);
    R_NilValue
}

/// `.Call`: the stand-in for the key of random draws, of which a trace has one among its inputs.
unsafe extern "C" fn compile_key(key: SEXP) -> SEXP {
    let ctx = handle::live(object::mlx_handle(key));
    if guarded(|| subkeys::start_from(mlx::borrow(&ctx))).is_none() {
        raise();
    }
    R_NilValue
}

/// `.Call`: whether a function of these arrays has to run as it is: compilation is off, or a
/// transformation around it traces what it does.
unsafe extern "C" fn compile_is_off(leaves: SEXP) -> SEXP {
    let leaves = Leaves::protect(leaves);
    let off = !enabled()
        || subkeys::is_tracing()
        || plain(|| {
            let arrays = leaves.arrays()?;
            for i in 0..arrays.count() {
                if mlx::is_tracer(&arrays.get(i)?) {
                    return Ok(true);
                }
            }
            Ok(false)
        });
    Rf_unprotect(1);
    Rf_ScalarLogical(off.into())
}

/// `.Call`: runs `function(list of arrays)` once, on stand-ins for `leaves`, the last of which is a key,
/// and keeps the graph. The arrays of `captured` will be inputs of it, too.
unsafe extern "C" fn compile_trace(
    function: SEXP,
    leaves: SEXP,
    captured: SEXP,
    shapeless: SEXP,
    caller: SEXP,
) -> SEXP {
    let sources = Leaves::protect(leaves);
    let outside = Leaves::protect(captured);
    let shapeless = Rf_asLogical(shapeless) == 1;
    let cont = Rf_protect(R_MakeUnwindCont());
    let slot = Rf_protect(keeper(|| Ok(OnceCell::<Program>::new())));
    Frame::run(cont, |traced| {
        let mut callee = Callee::new(Function::Listed(function), caller, sources.devices());
        if !shapeless {
            callee.leaves = leaves;
        }
        let closure = Closure::lent(&callee);
        let (inputs, around) = (sources.arrays()?, outside.arrays()?);
        let looks = tape::looks();
        let subkeys = Subkeys::begin();
        let graph = Graph::trace(&closure, &inputs, &around, shapeless)?;
        let draws = subkeys.drawn();
        drop(subkeys);
        traced.restore(&Arrays::new())?;
        let arguments = inputs.count() - 1;
        let mut kinds = Vec::new();
        for (i, device) in sources.devices().into_iter().take(arguments).enumerate() {
            kinds.push(Kind::of(&inputs.get(i)?, device));
        }
        let (mut ids, mut same) = (Vec::new(), Vec::new());
        for (i, device) in outside.devices().into_iter().enumerate() {
            let array = around.get(i)?;
            let id = mlx::id(&array);
            same.push(ids.iter().position(|other| *other == id).unwrap_or(i));
            ids.push(id);
            kinds.push(Kind::of(&array, device));
        }
        let results = callee.results.borrow().clone();
        let program = Program {
            graph,
            kinds,
            arguments,
            same,
            results,
            draws,
            strict: tape::looks() > looks,
            shapeless,
            replays: Cell::new(0.0),
        };
        kept::<OnceCell<Program>>(slot)
            .set(program)
            .map_err(|_| Error::Internal("a second trace".into()))
    });
    Rf_unprotect(4);
    slot
}

/// `.Call`: the R objects that belong to a trace, see `fit.rs`; of the arrays that it captured the handles
/// are added if these must stay the very same.
unsafe extern "C" fn compile_plan(trace: SEXP, plan: SEXP, captured: SEXP) -> SEXP {
    let Some(program) = fit::program(trace) else {
        return R_NilValue;
    };
    let n = XLENGTH(plan);
    let whole = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n + 1));
    for i in 0..n {
        SET_VECTOR_ELT(whole, i, VECTOR_ELT(plan, i));
    }
    let held = Rf_protect(Rf_allocVector(
        SEXPTYPE::VECSXP,
        program.kinds.len() as R_xlen_t,
    ));
    if program.strict {
        for i in 0..XLENGTH(captured) {
            let handle = object::mlx_handle(VECTOR_ELT(captured, i));
            SET_VECTOR_ELT(held, program.arguments as R_xlen_t + i, handle);
        }
    }
    SET_VECTOR_ELT(whole, n, held);
    R_SetExternalPtrProtected(trace, whole);
    Rf_unprotect(2);
    trace
}

/// Runs a trace on handles and sets the state's variables.
unsafe fn run(trace: SEXP, inputs: SEXP) -> SEXP {
    if handle::forked() {
        throw(Error::Forked);
    }
    memory::relieve();
    let Some(program) = fit::program(trace) else {
        return R_NilValue;
    };
    let plan = Plan::of(trace);
    let bits = if program.draws { fresh_bits() } else { 0 };
    let slot = Rf_protect(Results::keeper());
    let done = guarded(|| {
        let results = program.run(inputs, key_of(bits)?)?;
        Results::add(slot, &results, |i| program.results[i])
    });
    if done.is_none() {
        raise();
    }
    let arrays = Rf_protect(Results::to_r(slot));
    let titles = plan.result_names();
    for i in 0..XLENGTH(titles) {
        let (title, array) = (VECTOR_ELT(titles, i), VECTOR_ELT(arrays, i));
        if title != R_NilValue {
            names::put(array, VECTOR_ELT(title, 0), VECTOR_ELT(title, 1));
            let own = VECTOR_ELT(title, 2);
            let tags = Rf_getAttrib(own, R_NamesSymbol);
            for k in 0..Rf_xlength(tags) {
                let tag = Rf_installTrChar(STRING_ELT(tags, k));
                Rf_setAttrib(array, tag, VECTOR_ELT(own, k));
            }
        }
    }
    let out = Rf_protect(fit::filled(plan.result(), arrays));
    let updates = plan.updates();
    for i in 0..XLENGTH(updates) {
        let update = VECTOR_ELT(updates, i);
        let value = Rf_protect(fit::filled(VECTOR_ELT(update, 2), arrays));
        Rf_defineVar(VECTOR_ELT(update, 1), value, VECTOR_ELT(update, 0));
        Rf_unprotect(1);
    }
    Rf_unprotect(3);
    out
}

/// `.Call`: the result for a list of arguments from the trace that fits them; NULL if there is none.
unsafe extern "C" fn compile_replay(home: SEXP, arguments: SEXP) -> SEXP {
    if !enabled() || subkeys::is_tracing() {
        return R_NilValue;
    }
    let traces = Rf_protect(R_ExternalPtrProtected(home));
    for i in 0..XLENGTH(traces) {
        let trace = VECTOR_ELT(traces, i);
        let inputs = Rf_protect(fit::inputs(trace, arguments, true));
        if inputs == R_NilValue {
            Rf_unprotect(1);
            continue;
        }
        if i > 0 {
            let first = VECTOR_ELT(traces, 0);
            Rf_protect(first);
            Rf_protect(trace);
            SET_VECTOR_ELT(traces, 0, trace);
            SET_VECTOR_ELT(traces, i, first);
            Rf_unprotect(2);
        }
        let out = if tape::is_running() && is_traced(inputs) {
            R_NilValue
        } else {
            if let Some(program) = fit::program(trace) {
                program.replays.set(program.replays.get() + 1.0);
            }
            run(trace, inputs)
        };
        Rf_unprotect(2);
        return out;
    }
    Rf_unprotect(1);
    R_NilValue
}

/// Whether a transformation around follows one of the arrays.
unsafe fn is_traced(handles: SEXP) -> bool {
    (0..XLENGTH(handles)).any(|i| {
        let ctx = handle::peek(VECTOR_ELT(handles, i));
        mlx::is_tracer(mlx::borrow(&ctx))
    })
}

/// `.Call`: the result of a trace for all its inputs, a list of arrays.
unsafe extern "C" fn compile_run(trace: SEXP, leaves: SEXP) -> SEXP {
    let n = XLENGTH(leaves);
    let inputs = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    for i in 0..n {
        SET_VECTOR_ELT(inputs, i, object::mlx_handle(VECTOR_ELT(leaves, i)));
    }
    let out = run(trace, inputs);
    Rf_unprotect(1);
    out
}

/// `.Call`: which traces were made for such arguments, whatever the variables were.
unsafe extern "C" fn compile_fitting(traces: SEXP, arguments: SEXP) -> SEXP {
    let n = XLENGTH(traces);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::LGLSXP, n));
    for i in 0..n {
        let fits = fit::arguments_fit(VECTOR_ELT(traces, i), arguments);
        SET_LOGICAL_ELT(out, i, fits.into());
    }
    Rf_unprotect(1);
    out
}

/// `.Call`: the position of the trace for all shapes that fits arguments of others than it knows yet;
/// NULL if there is none.
unsafe extern "C" fn compile_alike(traces: SEXP, arguments: SEXP) -> SEXP {
    for i in 0..XLENGTH(traces) {
        if fit::inputs(VECTOR_ELT(traces, i), arguments, false) != R_NilValue {
            return Rf_ScalarInteger(i as i32 + 1);
        }
    }
    R_NilValue
}

/// `.Call`: notes that `trace` is right for extents of `other`, the same function's trace for other
/// arguments, too, if their graphs are the same but for extents. Else it gives what differs.
unsafe extern "C" fn compile_widen(trace: SEXP, other: SEXP) -> SEXP {
    let (Some(program), Some(wider)) = (fit::program(trace), fit::program(other)) else {
        return R_NilValue;
    };
    let said = Rf_protect(keeper(|| {
        let text = program.graph.difference(&wider.graph)?;
        if text.is_empty() {
            for (kind, new) in program.kinds.iter().zip(&wider.kinds) {
                let mut free = kind.free.borrow_mut();
                for (k, free) in free.iter_mut().enumerate() {
                    *free |= kind.shape[k] != new.shape[k];
                }
            }
        }
        Ok(text)
    }));
    let out = text(kept::<String>(said));
    Rf_unprotect(1);
    out
}

/// `.Call`: list(operations traced, operations left, replays, whether it draws, whether values were read,
/// list of the arguments' and the state's shapes, their dtypes, their devices).
unsafe extern "C" fn compile_facts(trace: SEXP) -> SEXP {
    let Some(program) = fit::program(trace) else {
        return R_NilValue;
    };
    let (traced, left) = program.graph.operations();
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 8));
    SET_VECTOR_ELT(out, 0, Rf_ScalarReal(traced as f64));
    SET_VECTOR_ELT(out, 1, Rf_ScalarReal(left as f64));
    SET_VECTOR_ELT(out, 2, Rf_ScalarReal(program.replays.get()));
    SET_VECTOR_ELT(out, 3, Rf_ScalarLogical(program.draws.into()));
    SET_VECTOR_ELT(out, 4, Rf_ScalarLogical(program.strict.into()));
    let n = program.arguments as R_xlen_t;
    SET_VECTOR_ELT(out, 5, Rf_allocVector(SEXPTYPE::VECSXP, n));
    SET_VECTOR_ELT(out, 6, Rf_allocVector(SEXPTYPE::STRSXP, n));
    SET_VECTOR_ELT(out, 7, Rf_allocVector(SEXPTYPE::STRSXP, n));
    for i in 0..program.arguments {
        let (kind, at) = (&program.kinds[i], i as R_xlen_t);
        let rank = kind.shape.len() as R_xlen_t;
        let shape = Rf_allocVector(SEXPTYPE::INTSXP, rank);
        SET_VECTOR_ELT(VECTOR_ELT(out, 5), at, shape);
        for (k, extent) in kind.shape.iter().enumerate() {
            let free = program.shapeless && kind.free.borrow()[k];
            let shown = if free { R_NaInt } else { *extent };
            SET_INTEGER_ELT(shape, k as R_xlen_t, shown);
        }
        for (part, name) in [(6, crate::dtype::name(kind.dtype)), (7, kind.device.name())] {
            let name = Rf_protect(text(name));
            SET_STRING_ELT(VECTOR_ELT(out, part), at, STRING_ELT(name, 0));
            Rf_unprotect(1);
        }
    }
    Rf_unprotect(1);
    out
}

routines![
    compile_alike / 2,
    compile_facts / 1,
    compile_fitting / 2,
    compile_home / 0,
    compile_is_off / 1,
    compile_keep / 2,
    compile_key / 1,
    compile_plan / 3,
    compile_replay / 2,
    compile_run / 2,
    compile_switch / 1,
    compile_trace / 5,
    compile_traces / 1,
    compile_trouble / 0,
    compile_widen / 2,
];
