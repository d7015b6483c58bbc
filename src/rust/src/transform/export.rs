//! R closures written to a file (`native/export.cpp`).
use crate::depth::Walk;
use crate::entry;
use crate::error::{check, last_mlx_error, Error, Result};
use crate::ffi::*;
use crate::file::source::path_of;
use crate::file::target::Draft;
use crate::keep::{keeper, kept};
use crate::mlx::Arrays;
use crate::transform::callee::{Callee, Closure, Function};
use crate::transform::results::Leaves;
use crate::transform::trampoline::Frame;
use mlx_sys::{mlx_closure, mlx_vector_array};
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void, CStr, CString};

extern "C" {
    fn rmlx_exporter_new(res: *mut *mut c_void, file: *const c_char, shapeless: bool) -> c_int;
    fn rmlx_exporter_add(
        results: *mut mlx_vector_array,
        exporter: *mut c_void,
        function: mlx_closure,
        inputs: mlx_vector_array,
        names: *const *const c_char,
    ) -> c_int;
    fn rmlx_exporter_began(exporter: *mut c_void) -> bool;
    fn rmlx_exporter_close(exporter: *mut c_void) -> c_int;
    fn rmlx_exporter_free(exporter: *mut c_void);
}

/// MLX's writer.
struct Writer(*mut c_void);

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { rmlx_exporter_free(self.0) };
    }
}

/// A file that is being written.
struct Open {
    writer: Writer,
    draft: Draft,
    /// How many functions it holds.
    count: usize,
}

/// Where functions go: an open file, or why there is none.
enum State {
    Open(Open),
    Over(&'static str),
}

/// What R keeps.
type Exporter = RefCell<State>;

const CLOSED: &str = "the exporter is closed: mlx_exporter() makes another.";
const FAILED: &str = "the export to this file failed before: mlx_exporter() starts it anew.";
const BUSY: &str = "the exporter is at work on this very function.";

/// `.Call`: starts a file.
unsafe extern "C" fn export_open(path: SEXP, shapeless: SEXP) -> SEXP {
    keeper(|| {
        let shapeless = entry::flag(shapeless, "shapeless")?;
        let draft = Draft::of(&path_of(
            CStr::from_ptr(R_CHAR(STRING_ELT(path, 0))).to_bytes(),
        ))?;
        let at = CString::new(draft.at.as_os_str().as_encoded_bytes())
            .map_err(|_| Error::File("a path cannot hold a NUL.".into()))?;
        let mut writer = Writer(std::ptr::null_mut());
        check(rmlx_exporter_new(&mut writer.0, at.as_ptr(), shapeless))?;
        let open = Open {
            writer,
            draft,
            count: 0,
        };
        Ok(Exporter::new(State::Open(open)))
    })
}

/// `.Call`: writes `function(list of arrays)` for arguments like `leaves`; `names`: "" for an argument
/// by position.
unsafe extern "C" fn export_add(
    exporter: SEXP,
    function: SEXP,
    leaves: SEXP,
    names: SEXP,
    caller: SEXP,
) -> SEXP {
    let sources = Leaves::protect(leaves);
    let cont = Rf_protect(R_MakeUnwindCont());
    let exporter = kept::<Exporter>(exporter);
    Frame::run(cont, |traced| {
        let inputs = sources.arrays()?;
        // out of its place while R runs, which may come here again or jump
        let mut file = match exporter.replace(State::Over(BUSY)) {
            State::Open(file) => file,
            State::Over(why) => {
                *exporter.borrow_mut() = State::Over(why);
                return Err(Error::Argument(why.into()));
            }
        };
        let mut callee = Callee::new(Function::Listed(function), caller, sources.devices());
        callee.leaves = leaves;
        callee.walk = Some(Walk::Trace);
        let texts: Vec<*const c_char> = (0..XLENGTH(names))
            .map(|i| R_CHAR(STRING_ELT(names, i)))
            .collect();
        let closure = Closure::lent(&callee);
        let mut results = Arrays::new();
        let status = rmlx_exporter_add(
            &mut results.0,
            file.writer.0,
            closure.0,
            inputs.0,
            texts.as_ptr(),
        );
        let whole = status == 0 || !rmlx_exporter_began(file.writer.0);
        file.count += usize::from(status == 0);
        *exporter.borrow_mut() = if whole {
            State::Open(file)
        } else {
            State::Over(FAILED)
        };
        told(status)?;
        traced.restore(&results)
    });
    Rf_unprotect(2);
    R_NilValue
}

fn told(status: c_int) -> Result<()> {
    match status {
        0 => Ok(()),
        2 => Err(Error::File(format!(
            "the function uses {}, which rmlx computes itself and MLX cannot write to a file. Such are exp(), sin() and others in float64, and special functions as lgamma() in every dtype.",
            last_mlx_error()
        ))),
        3 => Err(Error::File(
            "the function uses an array of a transformation outside of it, which has no values to write. Make it an argument.".into(),
        )),
        _ => Err(match last_mlx_error() {
            Error::Mlx(text) => match text.split_once("serialize primitive ") {
                Some((_, name)) => Error::File(format!(
                    "the function uses {}, which MLX cannot write to a file.",
                    name.trim_end_matches('.')
                )),
                None => Error::File(format!("the function cannot be exported: {text}")),
            },
            other => other,
        }),
    }
}

/// `.Call`: puts the file in its place. FALSE if it was closed before.
unsafe extern "C" fn export_close(exporter: SEXP) -> SEXP {
    let exporter = kept::<Exporter>(exporter);
    let closed = entry::plain(|| {
        let open = match exporter.replace(State::Over(CLOSED)) {
            State::Open(open) => open,
            State::Over(why) => {
                *exporter.borrow_mut() = State::Over(why);
                return if why == CLOSED {
                    Ok(false)
                } else {
                    Err(Error::File(why.into()))
                };
            }
        };
        if open.count == 0 {
            return Err(Error::Argument(
                "nothing was exported: call the exporter with arguments of the function before."
                    .into(),
            ));
        }
        check(rmlx_exporter_close(open.writer.0))?;
        drop(open.writer);
        open.draft.finish()?;
        Ok(true)
    });
    Rf_ScalarLogical(closed.into())
}

/// `.Call`: gives an unfinished file up. R calls this also of what it has let go of already.
unsafe extern "C" fn export_discard(exporter: SEXP) -> SEXP {
    if let Some(exporter) = R_ExternalPtrAddr(exporter).cast::<Exporter>().as_ref() {
        *exporter.borrow_mut() = State::Over(CLOSED);
    }
    R_NilValue
}

routines![
    export_open / 2,
    export_add / 5,
    export_close / 1,
    export_discard / 1
];
