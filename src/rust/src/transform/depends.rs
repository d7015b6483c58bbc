//! Order among computations.
use crate::error::{check, guarded, raise};
use crate::ffi::*;
use crate::mlx::Arrays;
use crate::transform::results::{Leaves, Results};
use mlx_sys::mlx_vector_array;
use std::ffi::c_int;

extern "C" {
    fn rmlx_depends(
        res: *mut mlx_vector_array,
        inputs: mlx_vector_array,
        before: mlx_vector_array,
    ) -> c_int;
}

/// `.Call`: the arrays of a list, which are computed after those of another.
unsafe extern "C" fn depends(arrays: SEXP, before: SEXP) -> SEXP {
    let (inputs, first) = (Leaves::protect(arrays), Leaves::protect(before));
    let slot = Rf_protect(Results::keeper());
    let done = guarded(|| {
        let mut later = Arrays::new();
        check(rmlx_depends(
            &mut later.0,
            inputs.arrays()?.0,
            first.arrays()?.0,
        ))?;
        let devices = inputs.devices();
        Results::add(slot, &later, |i| devices[i])
    });
    if done.is_none() {
        raise();
    }
    let out = Results::to_r(slot);
    Rf_unprotect(3);
    out
}

routines![depends / 2];
