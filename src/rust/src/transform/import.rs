//! Functions that were exported to a file, by Python or here.
use crate::device::Device;
use crate::entry::plain;
use crate::error::{check, last_mlx_error, Error};
use crate::ffi::*;
use crate::keep::{keeper, kept};
use crate::mlx::Arrays;
use crate::operand::Operand;
use crate::transform::results::Results;
use mlx_sys::{mlx_imported_function, mlx_map_string_to_array};
use std::ffi::CStr;

/// A function of a file.
struct Imported(mlx_imported_function);

impl Drop for Imported {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { mlx_sys::mlx_imported_function_free(self.0) };
    }
}

/// Arguments by name.
struct Named(mlx_map_string_to_array);

impl Drop for Named {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { mlx_sys::mlx_map_string_to_array_free(self.0) };
    }
}

/// `.Call`: the function of a file, whose path was checked.
unsafe extern "C" fn import_function(path: SEXP) -> SEXP {
    keeper(|| {
        let name = CStr::from_ptr(R_CHAR(STRING_ELT(path, 0)));
        let raw = mlx_sys::mlx_imported_function_new(name.as_ptr());
        if raw.ctx.is_null() {
            return Err(Error::File(format!(
                "{} cannot be read as an exported function: {}",
                name.to_string_lossy(),
                last_mlx_error()
            )));
        }
        Ok(Imported(raw))
    })
}

/// `.Call`: the list of its results. `names`: "" for an argument by position.
unsafe extern "C" fn import_call(function: SEXP, arguments: SEXP, names: SEXP, on: SEXP) -> SEXP {
    let n = XLENGTH(arguments);
    for i in 0..n {
        Operand::of(VECTOR_ELT(arguments, i));
    }
    let imported = kept::<Imported>(function);
    let slot = Rf_protect(Results::keeper());
    plain(|| {
        let operands: Vec<Operand> = (0..n)
            .map(|i| Operand::of(VECTOR_ELT(arguments, i)))
            .collect();
        let device = Device::of_operation(on, &operands.iter().collect::<Vec<_>>())?;
        let (positional, named) = (Arrays::new(), Named(mlx_sys::mlx_map_string_to_array_new()));
        for (i, operand) in operands.iter().enumerate() {
            let array = operand.array(device)?;
            let name = R_CHAR(STRING_ELT(names, i as R_xlen_t));
            if *name == 0 {
                positional.push(&array)?;
            } else {
                check(mlx_sys::mlx_map_string_to_array_insert(
                    named.0,
                    name,
                    array.as_ptr(),
                ))?;
            }
        }
        let mut results = Arrays::new();
        check(mlx_sys::mlx_imported_function_apply_kwargs(
            &mut results.0,
            imported.0,
            positional.0,
            named.0,
        ))?;
        Results::add(slot, &results, |_| device)
    });
    let out = Results::to_r(slot);
    Rf_unprotect(1);
    out
}

routines![import_function / 1, import_call / 4];
