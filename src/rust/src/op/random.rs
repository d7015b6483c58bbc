//! Random numbers from MLX's generator, whose keys come from R's, so that set.seed() governs all.
use crate::device::Device;
use crate::dtype::{self, Dtype};
use crate::entry::{self, ints};
use crate::error::{Error, Result};
use crate::exact::{self, Exact};
use crate::ffi::*;
use crate::handle::Placed;
use crate::memory;
use crate::mlx::{self, Array};
use crate::op::create::{check_shape, place};
use crate::operand::Operand;
use crate::transform::subkeys;
use mlx_sys::mlx_stream;

extern "C" {
    fn GetRNGstate();
    fn PutRNGstate();
    fn unif_rand() -> f64;
}

/// 64 bits of R's generator, which moves on.
///
/// # Safety
/// On R's main thread; the caller owns nothing (this may jump).
pub unsafe fn fresh_bits() -> u64 {
    GetRNGstate();
    // 16 bits a number: all of R's generators have as many.
    let bits = (0..4).fold(0u64, |bits, _| {
        (bits << 16) | (unif_rand() * 65536.0) as u64
    });
    PutRNGstate();
    bits
}

/// The key of 64 bits.
pub fn key_of(bits: u64) -> Result<Array> {
    // SAFETY: a plain number.
    mlx::out(|o| unsafe { mlx_sys::mlx_random_key(o, bits) })
}

/// What a draw starts from.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// The user's key.
    Given(Operand),
    /// Bits of R's generator.
    Fresh(u64),
    /// The next key of the function that is being compiled.
    Subkey,
}

impl Key {
    /// Of the argument `key`: NULL takes 64 bits from R's generator, or a subkey while a function is
    /// being compiled.
    ///
    /// # Safety
    /// `key` is protected; the caller owns nothing (this may jump).
    pub(super) unsafe fn of(key: SEXP) -> Key {
        if key != R_NilValue {
            return Key::Given(Operand::of(key));
        }
        if subkeys::is_tracing() {
            return Key::Subkey;
        }
        Key::Fresh(fresh_bits())
    }

    /// The key itself.
    pub(super) fn array(self) -> Result<Array> {
        match self {
            Key::Given(operand) => {
                let other = || {
                    Error::Argument("`key` must be a key: two uint32 numbers, as mlx_key() and mlx_key_split() make them.".into())
                };
                let array = operand.array(Device::Cpu).map_err(|error| match error {
                    Error::Argument(_) => other(),
                    error => error,
                })?;
                if mlx::dtype(&array) != Dtype::Uint32 || mlx::shape(&array) != [2] {
                    return Err(other());
                }
                mlx::share(&array)
            }
            Key::Fresh(bits) => key_of(bits),
            Key::Subkey => subkeys::next(),
        }
    }
}

/// Random bits of 1, 2 or 4 bytes.
fn bits(shape: &[i32], width: i32, key: &Array, s: mlx_stream) -> Result<Array> {
    // SAFETY: live handles; the slice lives during the call.
    mlx::out(|o| unsafe {
        mlx_sys::mlx_random_bits(o, shape.as_ptr(), shape.len(), width, key.as_ptr(), s)
    })
}

/// Uniform in [0, 1), of 53 bits in float64 and of 24 or fewer, by MLX, in narrower dtypes.
pub(super) fn uniform(shape: &[i32], kind: Dtype, key: &Array, s: mlx_stream) -> Result<Array> {
    if kind != Dtype::Float64 {
        let (low, high) = (mlx::scalar(0.0, kind, s)?, mlx::scalar(1.0, kind, s)?);
        // SAFETY: as in `bits`.
        return mlx::out(|o| unsafe {
            mlx_sys::mlx_random_uniform(
                o,
                low.as_ptr(),
                high.as_ptr(),
                shape.as_ptr(),
                shape.len(),
                kind.into(),
                key.as_ptr(),
                s,
            )
        });
    }
    let both: Vec<i32> = [2].iter().chain(shape).copied().collect();
    let words = bits(&both, 4, key, s)?;
    let part = |k: i32, shift: f64| -> Result<Array> {
        let word = mlx::take(&words, &mlx::indices(&[k], &[])?, 0, s)?;
        let shift = mlx::scalar(shift, Dtype::Uint32, s)?;
        let word = mlx::binary(mlx_sys::mlx_right_shift, &word, &shift, s)?;
        mlx::astype(&word, Dtype::Float64, s)
    };
    let scale = |x: &Array, by: f64| -> Result<Array> {
        mlx::binary(
            mlx_sys::mlx_multiply,
            x,
            &mlx::scalar(by, Dtype::Float64, s)?,
            s,
        )
    };
    let (high, low) = (part(0, 5.0)?, part(1, 6.0)?);
    let whole = mlx::binary(mlx_sys::mlx_add, &scale(&high, 67_108_864.0)?, &low, s)?;
    scale(&whole, 1.0 / 9_007_199_254_740_992.0)
}

/// Uniform within (0, 1): 0 becomes half of the smallest other number.
fn open_uniform(shape: &[i32], kind: Dtype, key: &Array, s: mlx_stream) -> Result<Array> {
    let x = uniform(shape, kind, key, s)?;
    let least = if kind == Dtype::Float64 { -54 } else { -25 };
    let least = mlx::scalar(2f64.powi(least), mlx::dtype(&x), s)?;
    mlx::binary(mlx_sys::mlx_maximum, &x, &least, s)
}

/// Standard normal: in float64 the quantiles of uniform numbers, else MLX's own.
fn normal(shape: &[i32], kind: Dtype, key: &Array, s: mlx_stream) -> Result<Array> {
    if kind == Dtype::Float64 {
        let u = open_uniform(shape, kind, key, s)?;
        return exact::unary(Exact::NormalQuantile, &u, s);
    }
    // SAFETY: as in `bits`.
    mlx::out(|o| unsafe {
        mlx_sys::mlx_random_normal(
            o,
            shape.as_ptr(),
            shape.len(),
            kind.into(),
            0.0,
            1.0,
            key.as_ptr(),
            s,
        )
    })
}

/// Standard Gumbel: -log(-log(u)).
pub(super) fn gumbel(shape: &[i32], kind: Dtype, key: &Array, s: mlx_stream) -> Result<Array> {
    let minus_log = |x: &Array| -> Result<Array> {
        mlx::unary(
            mlx_sys::mlx_negative,
            &mlx::unary(mlx_sys::mlx_log, x, s)?,
            s,
        )
    };
    minus_log(&minus_log(&open_uniform(shape, kind, key, s)?)?)
}

type Draw = fn(&[i32], Dtype, &Array, mlx_stream) -> Result<Array>;

/// Draws of a shape and a floating dtype on a device.
unsafe fn standard(draw: Draw, dim: SEXP, dtype: SEXP, device: SEXP, key: SEXP) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        if !dtype::is_float(kind) {
            return Err(Error::Dtype(format!(
                "these random numbers are floating: `dtype` must be float16, bfloat16, float32 or float64, not {}.",
                dtype::name(kind)
            )));
        }
        let shape = ints(dim)?;
        check_shape(&shape, kind)?;
        let array = draw(&shape, kind, &key.array()?, device.stream())?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: uniform in [0, 1).
unsafe extern "C" fn random_uniform(dim: SEXP, dtype: SEXP, device: SEXP, key: SEXP) -> SEXP {
    standard(uniform, dim, dtype, device, key)
}

/// `.Call`: uniform within (0, 1).
unsafe extern "C" fn random_open_uniform(dim: SEXP, dtype: SEXP, device: SEXP, key: SEXP) -> SEXP {
    standard(open_uniform, dim, dtype, device, key)
}

/// `.Call`: standard normal.
unsafe extern "C" fn random_normal(dim: SEXP, dtype: SEXP, device: SEXP, key: SEXP) -> SEXP {
    standard(normal, dim, dtype, device, key)
}

/// `.Call`: standard Gumbel.
unsafe extern "C" fn random_gumbel(dim: SEXP, dtype: SEXP, device: SEXP, key: SEXP) -> SEXP {
    standard(gumbel, dim, dtype, device, key)
}

/// `.Call`: random bits of 1, 2 or 4 bytes as unsigned integers.
unsafe extern "C" fn random_bits(dim: SEXP, width: SEXP, device: SEXP, key: SEXP) -> SEXP {
    memory::relieve();
    let (key, width) = (Key::of(key), Rf_asInteger(width));
    entry::one(|| {
        let device = Device::of(device)?;
        let shape = ints(dim)?;
        check_shape(&shape, Dtype::Uint32)?;
        let array = bits(&shape, width, &key.array()?, device.stream())?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: the key of a seed, or of bits of R's generator.
unsafe extern "C" fn random_key(seed: SEXP) -> SEXP {
    let key = if seed == R_NilValue {
        Key::of(seed)
    } else {
        // A negative seed counts from the end of the 64-bit numbers.
        Key::Fresh(Rf_asReal(seed) as i64 as u64)
    };
    entry::one(|| Ok(Placed::new(key.array()?, Device::Cpu)))
}

/// `.Call`: a key split into the rows of a matrix.
unsafe extern "C" fn random_split(key: SEXP, num: SEXP) -> SEXP {
    let (key, num) = (Key::of(key), Rf_asInteger(num));
    entry::one(|| {
        let key = key.array()?;
        let s = Device::Cpu.stream();
        // SAFETY: live handles.
        let array =
            mlx::out(|o| unsafe { mlx_sys::mlx_random_split_num(o, key.as_ptr(), num, s) })?;
        Ok(Placed::new(array, Device::Cpu))
    })
}

/// `.Call`: a row of draws of the table, computed from 53 random bits an element and parameters in
/// float64, on the cpu.
unsafe extern "C" fn random_law(
    name: SEXP,
    dim: SEXP,
    parameters: SEXP,
    dtype: SEXP,
    device: SEXP,
    key: SEXP,
) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    let first = Operand::of(VECTOR_ELT(parameters, 0));
    let count = XLENGTH(parameters);
    let second = if count > 1 {
        Some(Operand::of(VECTOR_ELT(parameters, 1)))
    } else {
        None
    };
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        let name = entry::name(name)?;
        let f = exact::find(&name)
            .ok_or_else(|| Error::Internal(format!("no function {name} in the table")))?;
        let shape = ints(dim)?;
        check_shape(&shape, Dtype::Float64)?;
        let s = Device::Cpu.stream();
        let seeds = uniform(&shape, Dtype::Float64, &key.array()?, s)?;
        let mut arguments = vec![seeds];
        for parameter in [Some(first), second].into_iter().flatten() {
            let array = match parameter {
                Operand::R { .. } => parameter.array_as(Dtype::Float64, Device::Cpu)?,
                Operand::Mlx { .. } => {
                    mlx::astype(&*parameter.array(Device::Cpu)?, Dtype::Float64, s)?
                }
            };
            arguments.push(mlx::broadcast(&array, &shape, s).map_err(|_| misfit(&array, &shape))?);
        }
        let array = exact::apply(f, 0, &arguments.iter().collect::<Vec<_>>(), s)?;
        Ok(Placed::new(
            mlx::astype(&array, kind, Device::Cpu.stream())?,
            device,
        ))
    })
}

fn misfit(parameter: &Array, shape: &[i32]) -> Error {
    Error::Shape(format!(
        "a parameter of shape {} does not broadcast to the shape of the draws, {}.",
        entry::show(mlx::shape(parameter)),
        entry::show(shape)
    ))
}

/// `.Call`: whole numbers from `low` up to, but without, `high`.
unsafe extern "C" fn random_integers(
    low: SEXP,
    high: SEXP,
    dim: SEXP,
    dtype: SEXP,
    device: SEXP,
    key: SEXP,
) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    let (low, high) = (Operand::of(low), Operand::of(high));
    entry::one(|| {
        let (kind, device) = place(dtype, device)?;
        if !dtype::is_integer(kind) {
            return Err(Error::Dtype(format!(
                "these random numbers are whole: `dtype` must be an integer dtype, not {}.",
                dtype::name(kind)
            )));
        }
        let shape = ints(dim)?;
        check_shape(&shape, kind)?;
        let s = device.stream();
        let key = key.array()?;
        let (low, high) = (low.array_as(kind, device)?, high.array_as(kind, device)?);
        // SAFETY: as in `bits`.
        let array = mlx::out(|o| unsafe {
            mlx_sys::mlx_random_randint(
                o,
                low.as_ptr(),
                high.as_ptr(),
                shape.as_ptr(),
                shape.len(),
                kind.into(),
                key.as_ptr(),
                s,
            )
        })?;
        Ok(Placed::new(array, device))
    })
}

/// `.Call`: the slices of x along an axis in random order.
unsafe extern "C" fn random_permutation(x: SEXP, axis: SEXP, key: SEXP) -> SEXP {
    memory::relieve();
    let key = Key::of(key);
    let (x, axis) = (Operand::of(x), Rf_asInteger(axis));
    entry::one(|| {
        let device = x.device().unwrap_or_else(crate::device::default);
        let array = x.array(device)?;
        let axis = entry::axis_of(axis, mlx::rank(&array))?;
        let s = device.stream();
        let key = key.array()?;
        if mlx::size(&array) == 0 {
            // there is one order; MLX divides by the extent 0
            return Ok(Placed::new(mlx::share(&array)?, device));
        }
        // SAFETY: live handles.
        let out = mlx::out(|o| unsafe {
            mlx_sys::mlx_random_permutation(o, array.as_ptr(), axis, key.as_ptr(), s)
        })?;
        Ok(Placed::new(out, device))
    })
}

routines![
    random_gumbel / 4,
    random_uniform / 4,
    random_open_uniform / 4,
    random_normal / 4,
    random_bits / 4,
    random_key / 1,
    random_split / 2,
    random_law / 6,
    random_integers / 6,
    random_permutation / 3
];
