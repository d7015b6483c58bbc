//! What the tests of this module share: arrays in, numbers out, and transformations of Rust
//! closures.
use super::{ffi, register, Exact};
use crate::error::{check, Error, Result};
use crate::mlx::{self, Array, Arrays};
use mlx_sys::{mlx_closure, mlx_stream, mlx_vector_array};
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Starts a test: MLX's state is global, so tests take turns.
pub fn start() -> (MutexGuard<'static, ()>, mlx_stream) {
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    crate::error::install_handlers();
    register();
    // SAFETY: a plain constructor; the few bytes of each test's handle are left.
    (turn, unsafe { mlx_sys::mlx_default_cpu_stream_new() })
}

pub const INFINITY: f64 = f64::INFINITY;
pub const NEG_INFINITY: f64 = f64::NEG_INFINITY;
pub const NAN: f64 = f64::NAN;

/// A 1-d float64 array.
pub fn f64s(values: &[f64]) -> Array {
    Array::from_slice_f64(values, &[values.len() as i32])
}

/// A 1-d float32 array.
pub fn f32s(values: &[f32]) -> Array {
    Array::from_slice(values, &[values.len() as i32])
}

/// The values in row-major order, as doubles.
pub fn values(x: &Array) -> Vec<f64> {
    // SAFETY: a plain constructor.
    let s = unsafe { mlx_sys::mlx_default_cpu_stream_new() };
    let wide = mlx::astype(x, mlx::Array::dtype(&f64s(&[])), s).unwrap();
    let rows = mlx::contiguous(&wide, s).unwrap();
    rows.eval().unwrap();
    if mlx::size(&rows) == 0 {
        return Vec::new();
    }
    rows.try_as_slice::<f64>().unwrap().to_vec()
}

/// Values of a function of one argument.
pub fn at(f: Exact, x: &[f64], s: mlx_stream) -> Vec<f64> {
    values(&ffi::apply(f, 0, &[&f64s(x)], s).unwrap())
}

/// Values of a function of two arguments.
pub fn at2(f: Exact, x: &[f64], y: &[f64], s: mlx_stream) -> Vec<f64> {
    values(&ffi::apply(f, 0, &[&f64s(x), &f64s(y)], s).unwrap())
}

/// Fails unless all are equal to a relative (below 1: absolute) tolerance; the same
/// infinity or NaN counts as equal.
#[track_caller]
pub fn close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "lengths differ");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g == w || (g.is_nan() && w.is_nan());
        let near = (g - w).abs() <= tolerance * w.abs().max(1.0);
        assert!(same || near, "element {i} is {g:e}, not {w:e}");
    }
}

/// As `close`, with a tolerance relative to numbers of any size.
#[track_caller]
pub fn relative(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "lengths differ");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g == w || (g.is_nan() && w.is_nan());
        let near = (g - w).abs() <= tolerance * w.abs();
        assert!(same || near, "element {i} is {g:e}, not {w:e}");
    }
}

type Closure<'a> = dyn Fn(&[Array]) -> Result<Array> + 'a;

/// What the C callback finds behind its payload.
struct Payload<'a>(&'a Closure<'a>);

unsafe extern "C" fn call(
    out: *mut mlx_vector_array,
    args: mlx_vector_array,
    payload: *mut c_void,
) -> c_int {
    // SAFETY: `with_closure` passes the address of a Payload that outlives the closure.
    let f = unsafe { &*payload.cast::<Payload<'_>>() }.0;
    let list = std::mem::ManuallyDrop::new(Arrays(args));
    let run = || -> Result<()> {
        let args = (0..list.count())
            .map(|i| list.get(i))
            .collect::<Result<Vec<_>>>()?;
        let result = Arrays::of(&[f(&args)?])?;
        // SAFETY: MLX passes a place for a list, and owns what is put there.
        unsafe { check(mlx_sys::mlx_vector_array_set(out, result.0)) }
    };
    c_int::from(run().is_err())
}

fn with_closure<R>(f: &Closure<'_>, run: impl FnOnce(mlx_closure) -> R) -> R {
    let payload = Payload(f);
    let address = (&raw const payload).cast_mut().cast::<c_void>();
    // SAFETY: the closure is freed before the payload goes.
    unsafe {
        let closure = mlx_sys::mlx_closure_new_func_payload(Some(call), address, None);
        let result = run(closure);
        mlx_sys::mlx_closure_free(closure);
        result
    }
}

fn ones_like(x: &Array, s: mlx_stream) -> Result<Array> {
    mlx::unary(mlx_sys::mlx_ones_like, x, s)
}

/// The gradients of sum(f) with respect to all arguments, by vjp; lazy.
pub fn gradient(f: &Closure<'_>, args: &[Array], s: mlx_stream) -> Result<Vec<Array>> {
    let primals = Arrays::of(args)?;
    let cotangents = Arrays::of(&[ones_like(&f(args)?, s)?])?;
    let (mut out, grads) = (Arrays::new(), Arrays::new());
    let mut raw = grads.0;
    with_closure(f, |closure| {
        // SAFETY: live lists, and places for two.
        check(unsafe { mlx_sys::mlx_vjp(&mut out.0, &mut raw, closure, primals.0, cotangents.0) })
    })?;
    (0..grads.count()).map(|i| grads.get(i)).collect()
}

/// The derivative of f along ones in argument `k`, by jvp; lazy.
pub fn slope(f: &Closure<'_>, args: &[Array], k: usize, s: mlx_stream) -> Result<Array> {
    let primals = Arrays::of(args)?;
    let tangents = args.iter().enumerate().map(|(i, x)| {
        let like = if i == k {
            mlx_sys::mlx_ones_like
        } else {
            mlx_sys::mlx_zeros_like
        };
        mlx::unary(like, x, s)
    });
    let tangents = Arrays::of(&tangents.collect::<Result<Vec<_>>>()?)?;
    let (mut out, mut result) = (Arrays::new(), Arrays::new());
    with_closure(f, |closure| {
        // SAFETY: live lists, and places for two.
        check(unsafe {
            mlx_sys::mlx_jvp(&mut out.0, &mut result.0, closure, primals.0, tangents.0)
        })
    })?;
    result.get(0)
}

/// f, compiled by MLX, on args.
pub fn compiled(f: &Closure<'_>, args: &[Array]) -> Result<Array> {
    let inputs = Arrays::of(args)?;
    let mut result = Arrays::new();
    with_closure(f, |closure| {
        // SAFETY: live handles, and a place for a closure.
        unsafe {
            let mut fast = mlx_sys::mlx_closure_new();
            check(mlx_sys::mlx_compile(&mut fast, closure, false))?;
            let status = mlx_sys::mlx_closure_apply(&mut result.0, fast, inputs.0);
            mlx_sys::mlx_closure_free(fast);
            check(status)
        }
    })?;
    result.get(0)
}

/// f over the given axes of args (-1: not mapped), the result's along axis 0.
pub fn mapped(f: &Closure<'_>, args: &[Array], axes: &[i32]) -> Result<Array> {
    let inputs = Arrays::of(args)?;
    let (mut traced, mut outputs, mut result) = (Arrays::new(), Arrays::new(), Arrays::new());
    with_closure(f, |closure| {
        // SAFETY: live lists, and places for them.
        check(unsafe {
            mlx_sys::mlx_detail_vmap_trace(
                &mut traced.0,
                &mut outputs.0,
                closure,
                inputs.0,
                axes.as_ptr(),
                axes.len(),
            )
        })
    })?;
    // SAFETY: as above.
    check(unsafe {
        mlx_sys::mlx_detail_vmap_replace(
            &mut result.0,
            inputs.0,
            traced.0,
            outputs.0,
            axes.as_ptr(),
            axes.len(),
            [0].as_ptr(),
            1,
        )
    })?;
    result.get(0)
}

/// (f(x + h) - f(x - h)) / 2h, elementwise.
pub fn central(f: &Closure<'_>, args: &[Array], k: usize, s: mlx_stream) -> Result<Vec<f64>> {
    const H: f64 = 1e-5;
    let side = |h: f64| -> Result<Vec<f64>> {
        let step = mlx::scalar(h, mlx::dtype(&args[k]), s)?;
        let mut moved = args.iter().map(mlx::share).collect::<Result<Vec<_>>>()?;
        moved[k] = mlx::binary(mlx_sys::mlx_add, &args[k], &step, s)?;
        Ok(values(&f(&moved)?))
    };
    Ok(side(H)?
        .iter()
        .zip(side(-H)?)
        .map(|(a, b)| (a - b) / (2.0 * H))
        .collect())
}

/// The words of an error.
pub fn message(result: Result<Array>) -> String {
    result
        .map(|_| ())
        .map_err(|e: Error| e.to_string())
        .unwrap_err()
}
