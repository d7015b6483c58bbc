//! The graph of operations behind arrays, as text for Graphviz.
use crate::depth::{self, Walk};
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::keep::{keeper, kept, texts};
use crate::mlx::{self, Arrays};
use crate::object;
use std::ffi::CStr;

struct Namer(mlx_sys::mlx_node_namer);

impl Drop for Namer {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { mlx_sys::mlx_node_namer_free(self.0) };
    }
}

/// A file without a name, gone when closed: mlx-c writes to C's files only.
struct Scratch(*mut libc::FILE);

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { libc::fclose(self.0) };
    }
}

impl Scratch {
    fn open() -> Result<Scratch> {
        // SAFETY: no arguments.
        let file = unsafe { libc::tmpfile() };
        if file.is_null() {
            return Err(Error::File("no temporary file could be made.".into()));
        }
        Ok(Scratch(file))
    }

    fn text(&self) -> String {
        let mut out = Vec::new();
        let mut part = [0u8; 4096];
        // SAFETY: an open file of ours; the buffer is as long as said.
        unsafe {
            libc::rewind(self.0);
            loop {
                let n = libc::fread(part.as_mut_ptr().cast(), 1, part.len(), self.0);
                if n == 0 {
                    break;
                }
                out.extend(&part[..n]);
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// `.Call`: the graph of a list of mlx arrays; those with a name ("": none) are called so.
unsafe extern "C" fn graph_dot(arrays: SEXP, names: SEXP) -> SEXP {
    for i in 0..XLENGTH(arrays) {
        object::handle_of(VECTOR_ELT(arrays, i)); // may jump; below it does not
    }
    let told = Rf_protect(keeper(|| {
        let namer = Namer(mlx_sys::mlx_node_namer_new());
        let list = Arrays::new();
        for i in 0..XLENGTH(arrays) {
            let ctx = handle::address(object::handle_of(VECTOR_ELT(arrays, i)))?;
            let array = mlx::borrow(&ctx);
            list.push(array)?;
            let name = R_CHAR(STRING_ELT(names, i));
            if !CStr::from_ptr(name).is_empty() {
                let status = mlx_sys::mlx_node_namer_set_name(namer.0, array.as_ptr(), name);
                check(status)?;
            }
        }
        depth::check(&list, Walk::Show)?;
        let scratch = Scratch::open()?;
        let file = scratch.0.cast();
        check(mlx_sys::mlx_export_to_dot(file, namer.0, list.0))?;
        Ok(scratch.text())
    }));
    let out = texts(1, |_| kept::<String>(told).as_str());
    Rf_unprotect(1);
    out
}

routines![graph_dot / 2];
