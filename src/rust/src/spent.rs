//! Operands that nobody has any more when an operation is done, such as `x * 2` in `x * 2 + 1`. Their arrays
//! go at once: R's collector would come late, and MLX can put a result where its operand was if
//! nobody else has it.
//!
//! R counts the references to an object, and overwrites a vector to which only one refers; so do we. An
//! operand that is the value of a variable, of a list's element or of another function's argument has a second one
//! beside that of the method's own argument. Only entries whose R callers use an operand once say that it
//! is spent.
use crate::ffi::*;
use crate::{handle, object};

/// Lets go of the operands' arrays that nobody else has.
///
/// # Safety
/// On R's main thread; the operands are live. The operation is over, and nothing of it looks at them again.
pub unsafe fn release(operands: &[SEXP]) {
    // a method of a class of the user's may have handed its own arguments on, by NextMethod()
    if operands.iter().any(|&x| object::has_other_class(x)) {
        return;
    }
    for &x in operands {
        if ALTREP(x) == 0 || rmlx_is_shared(x) != 0 {
            continue;
        }
        let handle = R_altrep_data1(x);
        if handle::is(handle) && rmlx_is_shared(handle) == 0 && !handle::forked() {
            handle::free(handle);
        }
    }
}
