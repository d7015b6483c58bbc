//! Operands that nobody has any more when an operation is done, such as `x * 2` in `x * 2 + 1`. Their arrays
//! go at once: R's collector would come late, and MLX can put a result where its operand was if
//! nobody else has it.
//!
//! R counts the references to an object, and overwrites a vector to which only one refers; so do we. An
//! operand that is the value of a variable, of a list's element or of another function's argument has a second one
//! beside that of the method's own argument. Only entries whose R callers use an operand once say that it
//! is spent.
//!
//! What compiled code has on its stack is not counted. In `y - exp(f())` the first operand lies there, and R itself
//! overwrites it if `f()` empties `y` and gives its value; ours is then an array that is gone, which is an error.
use crate::ffi::*;
use crate::{handle, object};

/// What an operation gave, once the operands' arrays that nobody else has are let go.
///
/// # Safety
/// On R's main thread; the operands are live. The operation is over, and nothing of it looks at them again.
pub unsafe fn after(out: SEXP, operands: &[SEXP]) -> SEXP {
    // a method of a class of the user's may have handed its own arguments on, by NextMethod()
    if !operands.iter().any(|&x| object::has_other_class(x)) {
        for &x in operands {
            let_go(x);
        }
    }
    out
}

/// Lets the array of an mlx vector go if at most one reference to it counts; does nothing to another object.
///
/// # Safety
/// On R's main thread; `x` is live, and whoever refers to it has done with it.
pub unsafe fn let_go(x: SEXP) {
    if ALTREP(x) == 0 || rmlx_is_shared(x) != 0 {
        return;
    }
    let handle = R_altrep_data1(x);
    if handle::is(handle) && rmlx_is_shared(handle) == 0 {
        handle::free(handle);
    }
}
