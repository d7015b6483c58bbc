//! rmlx below R: MLX arrays as ALTREP vectors, operations on them, gradients of R closures.
//!
//! Every `.Call` routine is registered here, from the tables of the modules that define them.
#![allow(clippy::missing_safety_doc)]
// The entries and what they share are FFI from end to end: blocks inside would say nothing.
#![allow(unsafe_op_in_unsafe_fn)]

pub mod anchor;
pub mod born;
pub mod convert;
pub mod depth;
pub mod device;
pub mod dtype;
pub mod entry;
pub mod error;
pub mod eval;
pub mod exact;
pub mod exit;
pub mod ffi;
pub mod file;
pub mod handle;
pub mod index;
pub mod keep;
pub mod linalg;
pub mod memory;
pub mod mlx;
pub mod names;
pub mod object;
pub mod op;
pub mod operand;
mod pin;
pub mod rule;
mod spent;
pub mod stream;
pub mod tape;
pub mod transform;

use ffi::*;

/// Every module's routines.
const TABLES: &[&[Routine]] = &[
    error::ROUTINES,
    tape::ROUTINES,
    eval::ROUTINES,
    memory::ROUTINES,
    device::ROUTINES,
    device::COLD_ROUTINES,
    file::ROUTINES,
    stream::ROUTINES,
    op::assign::ROUTINES,
    op::attention::ROUTINES,
    op::binary::ROUTINES,
    op::bind::ROUTINES,
    op::conv::ROUTINES,
    op::categorical::ROUTINES,
    op::blocks::ROUTINES,
    op::branch::ROUTINES,
    op::create::ROUTINES,
    op::fast::ROUTINES,
    op::fft::ROUTINES,
    op::index::ROUTINES,
    op::kernel::ROUTINES,
    op::layout::ROUTINES,
    op::linalg::ROUTINES,
    op::matmul::ROUTINES,
    op::product::ROUTINES,
    op::quantize::ROUTINES,
    op::random::ROUTINES,
    op::reduce::ROUTINES,
    op::rounding::ROUTINES,
    op::scan::ROUTINES,
    op::scatter::ROUTINES,
    op::shape::ROUTINES,
    op::sort::ROUTINES,
    op::special::ROUTINES,
    op::spread::ROUTINES,
    op::unary::ROUTINES,
    transform::call::ROUTINES,
    transform::compile::ROUTINES,
    transform::custom::ROUTINES,
    transform::depends::ROUTINES,
    transform::dot::ROUTINES,
    transform::export::ROUTINES,
    transform::forward::ROUTINES,
    transform::grad::ROUTINES,
    transform::graph::ROUTINES,
    transform::import::ROUTINES,
    transform::linear::ROUTINES,
    transform::map::ROUTINES,
    transform::tree::ROUTINES,
];

/// Called by R_init_rmlx: registers the routines and the ALTREP classes and starts MLX.
///
/// # Safety
/// Once, on R's main thread, with the library's DllInfo.
#[no_mangle]
pub unsafe extern "C" fn rmlx_register(dll: *mut DllInfo) {
    let mut table: Vec<R_CallMethodDef> = TABLES
        .iter()
        .flat_map(|routines| routines.iter())
        .map(|routine| R_CallMethodDef {
            name: routine.name.as_ptr(),
            // SAFETY: R calls it back with as many arguments as `arguments` says.
            fun: Some(std::mem::transmute::<
                *const std::ffi::c_void,
                unsafe extern "C" fn() -> *mut std::ffi::c_void,
            >(routine.function)),
            numArgs: routine.arguments,
        })
        .collect();
    table.push(R_CallMethodDef {
        name: std::ptr::null(),
        fun: None,
        numArgs: 0,
    });
    R_registerRoutines(
        dll,
        std::ptr::null(),
        table.as_ptr(),
        std::ptr::null(),
        std::ptr::null(),
    );
    error::install_handlers();
    pin::start();
    handle::start();
    anchor::start();
    object::start(dll);
    device::start();
    memory::start();
    born::start();
    exit::start();
    exact::register();
    rule::register();
}
