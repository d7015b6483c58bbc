//! Linear maps that a transformation left as a graph: derivatives as functions of their direction.
use crate::error::check;
use crate::ffi::*;
use crate::mlx::Arrays;
use crate::transform::results::{Leaves, Results};
use crate::transform::trampoline::Frame;
use mlx_sys::mlx_vector_array;
use std::ffi::c_int;

type Replay = unsafe extern "C" fn(
    res: *mut mlx_vector_array,
    outputs: mlx_vector_array,
    inputs: mlx_vector_array,
    values: mlx_vector_array,
) -> c_int;

extern "C" {
    fn rmlx_replay(
        res: *mut mlx_vector_array,
        outputs: mlx_vector_array,
        inputs: mlx_vector_array,
        values: mlx_vector_array,
    ) -> c_int;
    fn rmlx_map_rows(
        res: *mut mlx_vector_array,
        outputs: mlx_vector_array,
        inputs: mlx_vector_array,
        values: mlx_vector_array,
    ) -> c_int;
}

unsafe fn run(how: Replay, outputs: SEXP, inputs: SEXP, values: SEXP) -> SEXP {
    let (outputs, inputs) = (Leaves::protect(outputs), Leaves::protect(inputs));
    let values = Leaves::protect(values);
    let slot = Rf_protect(Results::keeper());
    let cont = Rf_protect(R_MakeUnwindCont());
    Frame::run(cont, |traced| {
        let mut replayed = Arrays::new();
        check(how(
            &mut replayed.0,
            outputs.arrays()?.0,
            inputs.arrays()?.0,
            values.arrays()?.0,
        ))?;
        traced.restore(&replayed)?;
        let devices = outputs.devices();
        Results::add(slot, &replayed, |i| devices[i])
    });
    let out = Results::to_r(slot);
    Rf_unprotect(5);
    out
}

/// `.Call`: `outputs` as they would be if `values` had stood in the place of `inputs`, from which
/// they were computed. What does not depend on these is shared, not computed again.
unsafe extern "C" fn replay(outputs: SEXP, inputs: SEXP, values: SEXP) -> SEXP {
    run(rmlx_replay, outputs, inputs, values)
}

/// `.Call`: as [`replay`], for every row of `values` at once: these have a further first axis, and so
/// have the results.
unsafe extern "C" fn replay_rows(outputs: SEXP, inputs: SEXP, values: SEXP) -> SEXP {
    run(rmlx_map_rows, outputs, inputs, values)
}

routines![replay / 3, replay_rows / 3];
