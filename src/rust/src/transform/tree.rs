//! Nested lists of arrays, as `R/tree.R` has them: what is differentiated of the arguments of a function,
//! and how its leaves are put back.
use crate::dtype;
use crate::error::{throw, Error};
use crate::ffi::*;
use crate::handle;
use crate::mlx;
use crate::object;

/// A place in a skeleton: a list of a number, of class "rmlx_leaf".
unsafe fn is_leaf(x: SEXP) -> bool {
    Rf_isObject(x) == Rboolean::TRUE && Rf_inherits(x, c"rmlx_leaf".as_ptr()) == Rboolean::TRUE
}

/// Times and versions are lists inside, but values to their users.
unsafe fn is_node(x: SEXP) -> bool {
    TYPEOF(x) == SEXPTYPE::VECSXP
        && (Rf_isObject(x) == Rboolean::FALSE
            || [c"rmlx_leaf", c"POSIXlt", c"numeric_version"]
                .iter()
                .all(|class| Rf_inherits(x, class.as_ptr()) == Rboolean::FALSE))
}

/// What a tree's element is to a transformation.
#[derive(PartialEq)]
enum Kind {
    /// A list, which is walked through.
    Node,
    /// An array with derivatives.
    Leaf,
    /// R doubles that will be one.
    Numbers,
    /// An array without derivatives.
    Constant,
    /// Anything else.
    Other,
}

/// May jump.
unsafe fn kind_of(x: SEXP) -> Kind {
    let handle = object::handle_of(x);
    if !handle.is_null() {
        let ctx = handle::live(handle);
        return if dtype::is_inexact(mlx::dtype(mlx::borrow(&ctx))) {
            Kind::Leaf
        } else {
            Kind::Constant
        };
    }
    if is_node(x) {
        Kind::Node
    } else if TYPEOF(x) == SEXPTYPE::REALSXP && Rf_isObject(x) == Rboolean::FALSE {
        Kind::Numbers
    } else {
        Kind::Other
    }
}

/// How many leaves a tree has; more than that where it is no usual one.
unsafe fn count(x: SEXP) -> R_xlen_t {
    match kind_of(x) {
        Kind::Leaf | Kind::Numbers => 1,
        Kind::Node => {
            R_CheckStack();
            (0..XLENGTH(x)).map(|i| count(VECTOR_ELT(x, i))).sum()
        }
        Kind::Constant | Kind::Other => 0,
    }
}

/// Moves leaves into a list, from position `at` on, and gives the skeleton that is left.
unsafe fn take_out(x: SEXP, leaves: SEXP, at: &mut R_xlen_t, convert: SEXP) -> SEXP {
    let leaf = match kind_of(x) {
        Kind::Node => {
            R_CheckStack();
            let out = Rf_protect(Rf_shallow_duplicate(x));
            for i in 0..XLENGTH(x) {
                SET_VECTOR_ELT(out, i, take_out(VECTOR_ELT(x, i), leaves, at, convert));
            }
            Rf_unprotect(1);
            return out;
        }
        Kind::Leaf => x,
        Kind::Numbers => converted(x, convert),
        Kind::Constant | Kind::Other => return x,
    };
    SET_VECTOR_ELT(leaves, *at, leaf);
    *at += 1;
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 1));
    SET_VECTOR_ELT(out, 0, Rf_ScalarInteger(*at as i32));
    let class = Rf_protect(Rf_mkString(c"rmlx_leaf".as_ptr()));
    Rf_setAttrib(out, R_ClassSymbol, class);
    Rf_unprotect(2);
    out
}

/// What `as_mlx()` makes of a vector.
unsafe fn converted(x: SEXP, convert: SEXP) -> SEXP {
    let call = Rf_protect(call(convert, &[x]));
    let out = Rf_eval(call, R_BaseEnv);
    Rf_unprotect(1);
    out
}

/// The positions, from 0, that `argnums` gives of a list's elements, one after the other; `f` returns whether
/// it can go on. Whether all of it was usual.
unsafe fn each_chosen(args: SEXP, argnums: SEXP, mut f: impl FnMut(R_xlen_t) -> bool) -> bool {
    let n = XLENGTH(args);
    if argnums == R_NilValue {
        return (0..n).all(f);
    }
    let names = Rf_getAttrib(args, R_NamesSymbol);
    let named = |name| {
        let nameless = name == R_BlankString || name == R_NaString;
        let mut of_args = 0..Rf_xlength(names);
        let at = of_args.find(|&i| !nameless && STRING_ELT(names, i) == name);
        at.map_or(0.0, |i| i as f64 + 1.0)
    };
    let chosen = |k| match TYPEOF(argnums) {
        SEXPTYPE::INTSXP => f64::from(INTEGER_ELT(argnums, k)),
        SEXPTYPE::STRSXP => named(STRING_ELT(argnums, k)),
        _ => REAL_ELT(argnums, k),
    };
    (0..XLENGTH(argnums)).all(|k| {
        let at = chosen(k);
        let usual = at >= 1.0 && at <= n as f64 && at.fract() == 0.0;
        usual && (0..k).all(|earlier| chosen(earlier) != at) && f(at as R_xlen_t - 1)
    })
}

/// Whether an argument is given to a function as an array: numbers are.
unsafe fn is_number(x: SEXP) -> bool {
    let atomic = matches!(
        TYPEOF(x),
        SEXPTYPE::LGLSXP
            | SEXPTYPE::INTSXP
            | SEXPTYPE::REALSXP
            | SEXPTYPE::CPLXSXP
            | SEXPTYPE::RAWSXP
    );
    let factor =
        Rf_isObject(x) == Rboolean::TRUE && Rf_inherits(x, c"factor".as_ptr()) == Rboolean::TRUE;
    atomic && !factor && !object::is(x)
}

/// `.Call`: list(skeletons of all arguments, leaves of those in `argnums`, these positions); NULL where
/// something in them is not usual, for R's side to see to. `convert` is `as_mlx()`.
///
/// # Safety
/// Called by R, or like that: all are protected, and this may jump.
pub unsafe extern "C" fn split_arguments(args: SEXP, argnums: SEXP, convert: SEXP) -> SEXP {
    let n = XLENGTH(args);
    let usual = match TYPEOF(argnums) {
        SEXPTYPE::NILSXP => true,
        SEXPTYPE::INTSXP | SEXPTYPE::REALSXP | SEXPTYPE::STRSXP => {
            Rf_isObject(argnums) == Rboolean::FALSE && XLENGTH(argnums) > 0
        }
        _ => false,
    };
    // a data frame is a matrix here
    let is_frame = |x| TYPEOF(x) == SEXPTYPE::VECSXP && Rf_isObject(x) == Rboolean::TRUE;
    if !usual || !each_chosen(args, argnums, |i| !is_frame(VECTOR_ELT(args, i))) {
        return R_NilValue;
    }
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, 3));
    let skeletons = Rf_shallow_duplicate(args);
    SET_VECTOR_ELT(out, 0, skeletons);
    for i in 0..n {
        let x = VECTOR_ELT(args, i);
        if is_number(x) {
            SET_VECTOR_ELT(skeletons, i, converted(x, convert));
        }
    }
    let (mut total, mut chosen) = (0, 0);
    let usual = each_chosen(args, argnums, |i| {
        let leaves = count(VECTOR_ELT(skeletons, i));
        total += leaves;
        chosen += 1;
        leaves > 0 || argnums == R_NilValue
    });
    if !usual || total == 0 {
        Rf_unprotect(1);
        return R_NilValue;
    }
    let leaves = Rf_allocVector(SEXPTYPE::VECSXP, total);
    SET_VECTOR_ELT(out, 1, leaves);
    let which = Rf_allocVector(SEXPTYPE::INTSXP, chosen);
    SET_VECTOR_ELT(out, 2, which);
    let (mut at, mut k) = (0, 0);
    each_chosen(args, argnums, |i| {
        SET_INTEGER_ELT(which, k, i as i32 + 1);
        k += 1;
        let x = VECTOR_ELT(skeletons, i);
        SET_VECTOR_ELT(skeletons, i, take_out(x, leaves, &mut at, convert));
        true
    });
    Rf_unprotect(1);
    out
}

/// The elements of a list at these positions, from 1, with their names; the caller protects them.
///
/// # Safety
/// Both are protected; the caller owns nothing (this may jump).
pub unsafe fn chosen(list: SEXP, which: SEXP) -> SEXP {
    let n = XLENGTH(which);
    let out = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    let names = Rf_getAttrib(list, R_NamesSymbol);
    let own = if names == R_NilValue {
        R_NilValue
    } else {
        let own = Rf_allocVector(SEXPTYPE::STRSXP, n);
        Rf_setAttrib(out, R_NamesSymbol, own);
        own
    };
    for i in 0..n {
        let at = INTEGER_ELT(which, i) as R_xlen_t - 1;
        SET_VECTOR_ELT(out, i, VECTOR_ELT(list, at));
        if own != R_NilValue {
            SET_STRING_ELT(own, i, STRING_ELT(names, at));
        }
    }
    Rf_unprotect(1);
    out
}

/// `.Call`: a skeleton with its leaves put back; everything else in it stays (`keep`), or is NULL.
unsafe extern "C" fn restore_tree(skeleton: SEXP, leaves: SEXP, keep: SEXP) -> SEXP {
    put_back(skeleton, leaves, Rf_asLogical(keep) == 1)
}

/// As [`restore_tree`].
///
/// # Safety
/// Both are protected; the caller owns nothing (this may jump) and protects the result.
pub unsafe fn put_back(x: SEXP, leaves: SEXP, keep: bool) -> SEXP {
    if is_leaf(x) {
        let at = Rf_asInteger(VECTOR_ELT(x, 0)) as R_xlen_t - 1;
        if TYPEOF(leaves) != SEXPTYPE::VECSXP || at < 0 || at >= XLENGTH(leaves) {
            throw(Error::Internal("a leaf is missing".into()));
        }
        return VECTOR_ELT(leaves, at);
    }
    if !is_node(x) {
        return if keep { x } else { R_NilValue };
    }
    R_CheckStack();
    let out = Rf_protect(Rf_shallow_duplicate(x));
    for i in 0..XLENGTH(x) {
        SET_VECTOR_ELT(out, i, put_back(VECTOR_ELT(x, i), leaves, keep));
    }
    Rf_unprotect(1);
    out
}

/// Puts every array of a tree into a list, from position `at` on; only counts them without a list.
unsafe fn gather(x: SEXP, list: Option<SEXP>, at: &mut R_xlen_t) {
    if object::is(x) {
        if let Some(list) = list {
            SET_VECTOR_ELT(list, *at, x);
        }
        *at += 1;
    } else if is_node(x) {
        R_CheckStack();
        for i in 0..XLENGTH(x) {
            gather(VECTOR_ELT(x, i), list, at);
        }
    }
}

/// `.Call`: every array in a tree.
unsafe extern "C" fn arrays_within(x: SEXP) -> SEXP {
    let mut n = 0;
    gather(x, None, &mut n);
    let list = Rf_protect(Rf_allocVector(SEXPTYPE::VECSXP, n));
    n = 0;
    gather(x, Some(list), &mut n);
    Rf_unprotect(1);
    list
}

/// Whether a function gave what can be differentiated: an array of one floating-point number.
///
/// # Safety
/// On R's main thread; `x` is live.
pub unsafe fn is_loss_value(x: SEXP) -> bool {
    let handle = object::handle_of(x);
    !handle.is_null() && {
        let ctx = handle::peek(handle);
        !ctx.is_null() && {
            let array = mlx::borrow(&ctx);
            mlx::size(array) == 1 && dtype::is_inexact(mlx::dtype(array))
        }
    }
}

/// `.Call`: as [`is_loss_value`].
unsafe extern "C" fn is_loss(x: SEXP) -> SEXP {
    Rf_ScalarLogical(is_loss_value(x).into())
}

routines![
    split_arguments / 3,
    restore_tree / 3,
    is_loss / 1,
    arrays_within / 1
];
