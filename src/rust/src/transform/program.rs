//! The compiled graph of one run of an R function.
use crate::device::Device;
use crate::dtype::Dtype;
use crate::error::{check, Error, Result};
use crate::ffi::*;
use crate::handle;
use crate::mlx::{self, Array, Arrays};
use crate::transform::callee::Closure;
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void, CStr};

extern "C" {
    fn rmlx_program_trace(
        program: *mut *mut c_void,
        function: mlx_closure,
        inputs: mlx_vector_array,
        captured: mlx_vector_array,
        shapeless: bool,
    ) -> c_int;
    fn rmlx_program_run(
        res: *mut mlx_vector_array,
        program: *mut c_void,
        inputs: mlx_vector_array,
        stream: mlx_stream,
    ) -> c_int;
    fn rmlx_program_free(program: *mut c_void);
    fn rmlx_program_operations(traced: *mut usize, left: *mut usize, program: *mut c_void);
    fn rmlx_program_difference(
        out: *mut c_char,
        capacity: usize,
        a: *mut c_void,
        b: *mut c_void,
    ) -> c_int;
    fn rmlx_compiles() -> bool;
    fn rmlx_fusion_trouble(out: *mut c_char, capacity: usize) -> c_int;
}

/// Whether MLX traces functions to compile them. Compilation must be on when this is first asked.
pub fn compiles() -> bool {
    // SAFETY: no arguments, and nothing is thrown.
    unsafe { rmlx_compiles() }
}

/// Why fused operations of the cpu cannot be compiled here; empty where they can. Compilation must be on
/// when this is first asked.
pub fn fusion_trouble() -> Result<String> {
    let mut text: [c_char; 4000] = [0; 4000];
    // SAFETY: the text ends within the capacity.
    unsafe {
        check(rmlx_fusion_trouble(text.as_mut_ptr(), text.len()))?;
        Ok(CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
    }
}

/// MLX's side of it.
pub struct Graph(*mut c_void);

impl Graph {
    /// Runs a function on stand-ins for `inputs`; `captured` become further inputs, after these.
    pub fn trace(
        function: &Closure,
        inputs: &Arrays,
        captured: &Arrays,
        shapeless: bool,
    ) -> Result<Graph> {
        let mut program = std::ptr::null_mut();
        // SAFETY: live handles; the program is ours.
        check(unsafe {
            rmlx_program_trace(&mut program, function.0, inputs.0, captured.0, shapeless)
        })?;
        Ok(Graph(program))
    }

    /// Its results at other inputs. R is not entered.
    pub fn run(&self, inputs: &Arrays, stream: mlx_stream) -> Result<Arrays> {
        let mut results = Arrays::new();
        // SAFETY: a live program.
        check(unsafe { rmlx_program_run(&mut results.0, self.0, inputs.0, stream) })?;
        Ok(results)
    }

    /// How many operations the function made, and how many MLX's compiler left of them.
    pub fn operations(&self) -> (usize, usize) {
        let (mut traced, mut left) = (0, 0);
        // SAFETY: a live program.
        unsafe { rmlx_program_operations(&mut traced, &mut left, self.0) };
        (traced, left)
    }

    /// In what the graph differs from another, apart from extents; empty for nothing.
    pub fn difference(&self, other: &Graph) -> Result<String> {
        let mut text: [c_char; 200] = [0; 200];
        // SAFETY: live programs; the text ends within the capacity.
        unsafe {
            check(rmlx_program_difference(
                text.as_mut_ptr(),
                text.len(),
                self.0,
                other.0,
            ))?;
            Ok(CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // A forked child must not touch MLX.
        if !handle::forked() {
            // SAFETY: ours.
            unsafe { rmlx_program_free(self.0) };
        }
    }
}

/// What an input must be like.
pub struct Kind {
    /// Its dtype.
    pub dtype: Dtype,
    /// Its shape at the trace.
    pub shape: Vec<i32>,
    /// Its device.
    pub device: Device,
    /// Axes that may have another extent: nothing else changes then.
    pub free: RefCell<Vec<bool>>,
}

impl Kind {
    /// That of an array.
    pub fn of(array: &Array, device: Device) -> Kind {
        let shape = mlx::shape(array).to_vec();
        Kind {
            dtype: mlx::dtype(array),
            free: RefCell::new(vec![false; shape.len()]),
            shape,
            device,
        }
    }
}

/// A compiled graph and what goes with it.
pub struct Program {
    /// MLX's side.
    pub graph: Graph,
    /// Its inputs without the key of random draws: arguments and state, then what it captured.
    pub kinds: Vec<Kind>,
    /// How many of them are arguments and state.
    pub arguments: usize,
    /// For each captured array the first that was the same one.
    pub same: Vec<usize>,
    /// The devices of the results.
    pub results: Vec<Device>,
    /// Whether it draws random numbers.
    pub draws: bool,
    /// Whether something else than the graph depends on the values of what it captured: these must
    /// then be the very same arrays.
    pub strict: bool,
    /// Whether it is for all extents.
    pub shapeless: bool,
    /// How often a call found it.
    pub replays: Cell<f64>,
}

impl Program {
    /// Results for these inputs.
    ///
    /// # Safety
    /// `inputs` is a protected list of handles, one for each of `kinds`.
    pub unsafe fn run(&self, inputs: SEXP, key: Array) -> Result<Arrays> {
        let arrays = Arrays::new();
        let mut device = Device::Cpu;
        for i in 0..self.kinds.len() {
            if i == self.arguments {
                arrays.push(&key)?;
            }
            let handle = VECTOR_ELT(inputs, i as R_xlen_t);
            device = device.join(handle::device(handle));
            let ctx = handle::address(handle)?;
            arrays.push(mlx::borrow(&ctx))?;
        }
        if self.kinds.len() == self.arguments {
            arrays.push(&key)?;
        }
        self.graph
            .run(&arrays, device.stream())
            .map_err(|error| match error {
                Error::Mlx(text) if self.shapeless => Error::Argument(format!(
                    "the function cannot be compiled for all shapes: {text} Use `shapeless = FALSE`."
                )),
                other => other,
            })
    }
}
