//! Kernels that users write in Metal's or CUDA's own language (`native/kernel.cpp`). R checks the
//! arguments.
use crate::device::Device;
use crate::dtype;
use crate::entry::{flag, ints};
use crate::error::{check, Result};
use crate::ffi::*;
use crate::keep::{keeper, kept};
use crate::mlx::Arrays;
use crate::transform::results::{Leaves, Results};
use mlx_sys::{mlx_dtype, mlx_stream, mlx_vector_array};
use std::ffi::{c_char, c_int, c_void};

/// `rmlx_kernel_source` in kernel.h.
#[repr(C)]
struct Source {
    cuda: bool,
    name: *const c_char,
    inputs: *const *const c_char,
    n_inputs: usize,
    outputs: *const *const c_char,
    n_outputs: usize,
    source: *const c_char,
    header: *const c_char,
    contiguous: bool,
    atomic: bool,
    shared_memory: c_int,
}

/// `rmlx_kernel_launch` in kernel.h.
#[repr(C)]
struct CLaunch {
    grid: *const c_int,
    group: *const c_int,
    extents: *const c_int,
    ranks: *const c_int,
    dtypes: *const mlx_dtype,
    n_outputs: usize,
    init: *const f32,
}

/// `rmlx_kernel_argument` in kernel.h.
#[repr(C)]
struct Argument {
    kind: c_int,
    name: *const c_char,
    number: f64,
    dtype: mlx_dtype,
}

extern "C" {
    fn rmlx_kernel_new(res: *mut *mut c_void, from: *const Source) -> c_int;
    fn rmlx_kernel_free(kernel: *mut c_void);
    fn rmlx_kernel_apply(
        res: *mut mlx_vector_array,
        kernel: *mut c_void,
        inputs: mlx_vector_array,
        how: *const CLaunch,
        arguments: *const Argument,
        n: usize,
        verbose: bool,
        stream: mlx_stream,
    ) -> c_int;
    fn rmlx_kernel_precompiled(
        res: *mut mlx_vector_array,
        name: *const c_char,
        code: *const c_char,
        length: usize,
        inputs: mlx_vector_array,
        how: *const CLaunch,
        arguments: *const Argument,
        n: usize,
        shared_memory: c_int,
        contiguous: bool,
        stream: mlx_stream,
    ) -> c_int;
}

struct Kernel(*mut c_void);

impl Drop for Kernel {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { rmlx_kernel_free(self.0) };
    }
}

/// Strings of a character vector, which R keeps.
unsafe fn strings(x: SEXP) -> Vec<*const c_char> {
    (0..XLENGTH(x)).map(|i| R_CHAR(STRING_ELT(x, i))).collect()
}

unsafe fn dtypes(x: SEXP) -> Result<Vec<mlx_dtype>> {
    (0..XLENGTH(x))
        .map(|i| {
            let name = std::ffi::CStr::from_ptr(R_CHAR(STRING_ELT(x, i)));
            dtype::parse(&name.to_string_lossy()).map(Into::into)
        })
        .collect()
}

/// How a kernel is run: list(grid and threadgroup, extents of all outputs, their ranks, their dtypes,
/// initial value or NULL).
struct Launch {
    sizes: Vec<i32>,
    extents: Vec<i32>,
    ranks: Vec<i32>,
    dtypes: Vec<mlx_dtype>,
    init: Option<f32>,
}

impl Launch {
    unsafe fn of(x: SEXP) -> Result<Launch> {
        let init = VECTOR_ELT(x, 4);
        Ok(Launch {
            sizes: ints(VECTOR_ELT(x, 0))?,
            extents: ints(VECTOR_ELT(x, 1))?,
            ranks: ints(VECTOR_ELT(x, 2))?,
            dtypes: dtypes(VECTOR_ELT(x, 3))?,
            init: (init != R_NilValue).then(|| REAL_ELT(init, 0) as f32),
        })
    }

    fn c(&self) -> CLaunch {
        CLaunch {
            grid: self.sizes.as_ptr(),
            group: self.sizes[3..].as_ptr(),
            extents: self.extents.as_ptr(),
            ranks: self.ranks.as_ptr(),
            dtypes: self.dtypes.as_ptr(),
            n_outputs: self.ranks.len(),
            init: self.init.as_ref().map_or(std::ptr::null(), |x| x),
        }
    }
}

/// list(kinds, names, numbers, dtypes), one of each for every argument.
unsafe fn arguments(x: SEXP) -> Result<Vec<Argument>> {
    let kinds = ints(VECTOR_ELT(x, 0))?;
    let (names, dtypes) = (strings(VECTOR_ELT(x, 1)), dtypes(VECTOR_ELT(x, 3))?);
    let numbers = VECTOR_ELT(x, 2);
    Ok((0..kinds.len())
        .map(|i| Argument {
            kind: kinds[i],
            name: names[i],
            number: REAL_ELT(numbers, i as R_xlen_t),
            dtype: dtypes[i],
        })
        .collect())
}

/// `.Call`: a kernel. `texts`: its name, source and header; `extra`: atomic outputs (Metal) or bytes of
/// shared memory (CUDA).
unsafe extern "C" fn kernel_new(
    cuda: SEXP,
    texts: SEXP,
    inputs: SEXP,
    outputs: SEXP,
    contiguous: SEXP,
    extra: SEXP,
) -> SEXP {
    let extra = Rf_asInteger(extra);
    keeper(|| {
        let (texts, inputs, outputs) = (strings(texts), strings(inputs), strings(outputs));
        let source = Source {
            cuda: flag(cuda, "cuda")?,
            name: texts[0],
            inputs: inputs.as_ptr(),
            n_inputs: inputs.len(),
            outputs: outputs.as_ptr(),
            n_outputs: outputs.len(),
            source: texts[1],
            header: texts[2],
            contiguous: flag(contiguous, "ensure_row_contiguous")?,
            atomic: extra != 0,
            shared_memory: extra,
        };
        let mut kernel = Kernel(std::ptr::null_mut());
        check(rmlx_kernel_new(&mut kernel.0, &source))?;
        Ok(kernel)
    })
}

/// Runs `call` on arrays and a stream, and gives R the list of its results.
unsafe fn run(
    inputs: SEXP,
    device: SEXP,
    call: impl FnOnce(*mut mlx_vector_array, &Arrays, mlx_stream) -> Result<c_int>,
) -> SEXP {
    let sources = Leaves::protect(inputs);
    let slot = Rf_protect(Results::keeper());
    crate::entry::plain(|| {
        let device = Device::of(device)?;
        let mut results = Arrays::new();
        check(call(&mut results.0, &sources.arrays()?, device.stream())?)?;
        Results::add(slot, &results, |_| device)
    });
    let out = Results::to_r(slot);
    Rf_unprotect(2);
    out
}

/// `.Call`: the list of a kernel's outputs.
unsafe extern "C" fn kernel_apply(
    kernel: SEXP,
    inputs: SEXP,
    launch: SEXP,
    template: SEXP,
    verbose: SEXP,
    device: SEXP,
) -> SEXP {
    let kernel = kept::<Kernel>(kernel);
    run(inputs, device, |results, arrays, stream| {
        let (launch, template) = (Launch::of(launch)?, arguments(template)?);
        Ok(rmlx_kernel_apply(
            results,
            kernel.0,
            arrays.0,
            &launch.c(),
            template.as_ptr(),
            template.len(),
            flag(verbose, "verbose")?,
            stream,
        ))
    })
}

/// `.Call`: the list of outputs of a kernel that was compiled before: `code` is a raw vector.
#[allow(clippy::too_many_arguments)] // as R's call has them
unsafe extern "C" fn kernel_precompiled(
    name: SEXP,
    code: SEXP,
    inputs: SEXP,
    launch: SEXP,
    scalars: SEXP,
    shared_memory: SEXP,
    contiguous: SEXP,
    device: SEXP,
) -> SEXP {
    let shared_memory = Rf_asInteger(shared_memory);
    run(inputs, device, |results, arrays, stream| {
        let (launch, scalars) = (Launch::of(launch)?, arguments(scalars)?);
        Ok(rmlx_kernel_precompiled(
            results,
            strings(name)[0],
            RAW(code).cast_const().cast::<c_char>(),
            XLENGTH(code) as usize,
            arrays.0,
            &launch.c(),
            scalars.as_ptr(),
            scalars.len(),
            shared_memory,
            flag(contiguous, "ensure_row_contiguous")?,
            stream,
        ))
    })
}

routines![kernel_new / 6, kernel_apply / 6, kernel_precompiled / 8];
