//! `mlx_where()`: x where a condition holds, else y, with gradients in which the branch that is not
//! chosen has no part.
//!
//! While R evaluates the branches, the operations in them whose slope may be infinite or undefined are
//! noted; `native/branch.cpp` says what becomes of them.
use crate::dtype::Dtype;
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array, Arrays};
use crate::names;
use crate::operand::{pair, Operand};
use crate::tape;
use mlx_sys::{mlx_array, mlx_vector_array};
use std::cell::{Cell, RefCell};
use std::ffi::c_int;

extern "C" {
    fn rmlx_branch(
        res: *mut mlx_array,
        copies: mlx_vector_array,
        x: mlx_array,
        chosen: mlx_array,
        singular: mlx_vector_array,
    ) -> c_int;
}

thread_local! {
    /// How many calls of mlx_where() are evaluating their branches.
    static OPEN: Cell<usize> = const { Cell::new(0) };
    /// The operations that these noted, innermost last.
    static NOTES: RefCell<Vec<Array>> = const { RefCell::new(Vec::new()) };
}

/// Notes an operation whose slope may be infinite or undefined, and gives it back.
pub fn note(x: Array) -> Result<Array> {
    if OPEN.with(Cell::get) > 0 && mlx::is_tracer(&x) {
        let noted = mlx::share(&x)?;
        NOTES.with(|notes| notes.borrow_mut().push(noted));
    }
    Ok(x)
}

/// `.Call`: starts to note operations; how many were noted before. NULL where nothing is
/// differentiated.
unsafe extern "C" fn note_branches() -> SEXP {
    if !tape::is_running() {
        return R_NilValue;
    }
    OPEN.with(|open| open.set(open.get() + 1));
    noted()
}

/// `.Call`: how many operations were noted.
unsafe extern "C" fn noted() -> SEXP {
    Rf_ScalarInteger(NOTES.with(|notes| notes.borrow().len() as i32))
}

/// `.Call`: ends what `note_branches()` started, which gave `start`.
unsafe extern "C" fn end_notes(start: SEXP) -> SEXP {
    let start = Rf_asInteger(start) as usize;
    OPEN.with(|open| open.set(open.get() - 1));
    if OPEN.with(Cell::get) == 0 {
        NOTES.with(|notes| notes.borrow_mut().truncate(start));
    }
    R_NilValue
}

/// A branch with the operations noted in it, whose copies are appended to a list.
fn branch(x: &Array, chosen: &Array, noted: &[Array], copies: &Arrays) -> Result<Array> {
    if noted.is_empty() || mlx::shape(x) != mlx::shape(chosen) {
        return mlx::share(x);
    }
    let singular = Arrays::of(noted)?;
    // SAFETY: valid handles.
    mlx::out(|o| unsafe { rmlx_branch(o, copies.0, x.as_ptr(), chosen.as_ptr(), singular.0) })
}

/// `.Call`: x where the condition holds, else y; all three broadcast. `start` and `middle`: how many
/// operations were noted before x and before y were evaluated; NULL: none were.
unsafe extern "C" fn where_of(
    condition: SEXP,
    x: SEXP,
    y: SEXP,
    start: SEXP,
    middle: SEXP,
) -> SEXP {
    let (c, a, b) = (Operand::of(condition), Operand::of(x), Operand::of(y));
    let noted = (start != R_NilValue)
        .then(|| (Rf_asInteger(start) as usize, Rf_asInteger(middle) as usize));
    let out = entry::one(|| {
        let (a, b, mut device) = pair(&a, &b)?;
        if let Some(other) = c.device() {
            device = device.join(other);
        }
        let s = device.stream();
        let c = mlx::astype(&*c.array(device)?, Dtype::Bool, s)?;
        let array = mlx::select(&c, &a, &b, s).map_err(|error| {
            let shapes = [mlx::shape(&c), mlx::shape(&a), mlx::shape(&b)];
            match error {
                Error::Mlx(_) => Error::Shape(format!(
                    "the condition's shape ({}) and those of `x` ({}) and `y` ({}) cannot be broadcast together.",
                    show(shapes[0]), show(shapes[1]), show(shapes[2])
                )),
                other => other,
            }
        })?;
        let Some((start, middle)) = noted else {
            return Ok(Placed::new(array, device));
        };
        // what was noted gives way to its copies, for a branch that all this is part of
        let noted = NOTES.with(|notes| notes.borrow_mut().split_off(start));
        let (in_a, in_b) = noted.split_at(middle - start);
        let copies = Arrays::new();
        let chosen = mlx::broadcast(&c, mlx::shape(&array), s)?;
        let other = mlx::unary(mlx_sys::mlx_logical_not, &chosen, s)?;
        let a = branch(&a, &chosen, in_a, &copies)?;
        let b = branch(&b, &other, in_b, &copies)?;
        for k in 0..copies.count() {
            note(copies.get(k)?)?;
        }
        Ok(Placed::new(mlx::select(&chosen, &a, &b, s)?, device))
    });
    names::elementwise(out, &[x, y, condition])
}

routines![note_branches / 0, noted / 0, end_notes / 1, where_of / 5];
