//! Elementwise functions of two arrays: R's operators, and where, maximum, minimum.
use crate::dtype::{self, Dtype};
use crate::entry::{self, show};
use crate::error::{Error, Result};
use crate::exact;
use crate::ffi::*;
use crate::handle::Placed;
use crate::mlx::{self, Array, Binary};
use crate::names;
use crate::op::unary::with_bits;
use crate::op::{branch, spread};
use crate::operand::{self, pair, Operand};
use crate::spent;
use mlx_sys::mlx_stream;

/// How a function of two arrays is computed.
#[derive(Clone, Copy)]
enum How {
    /// Arithmetic: two bools count as float32.
    Arithmetic(Binary),
    /// A comparison or a logical operator.
    Relation(Binary),
    /// Of truth values.
    Truth(Binary),
    /// An ordering: not defined for complex numbers.
    Order(Binary),
    /// On the bits of integers and bools.
    Bits(Binary),
    /// Composed from other operations; sees what `Arithmetic` sees.
    Composed(fn(&Array, &Array, mlx_stream) -> Result<Array>),
}

impl How {
    fn apply(self, x: &Operand, y: &Operand) -> Result<Placed> {
        let (a, b, device) = pair(x, y)?;
        let s = device.stream();
        let both_bool = mlx::dtype(&a) == Dtype::Bool && mlx::dtype(&b) == Dtype::Bool;
        let out = match self {
            How::Arithmetic(f) if !both_bool => mlx::binary(f, &a, &b, s),
            How::Composed(f) if !both_bool => f(&a, &b, s),
            How::Arithmetic(_) | How::Composed(_) => {
                let (a, b) = (
                    mlx::astype(&a, Dtype::Float32, s)?,
                    mlx::astype(&b, Dtype::Float32, s)?,
                );
                match self {
                    How::Composed(f) => f(&a, &b, s),
                    How::Arithmetic(f)
                    | How::Relation(f)
                    | How::Truth(f)
                    | How::Order(f)
                    | How::Bits(f) => mlx::binary(f, &a, &b, s),
                }
            }
            How::Order(_) if [&a, &b].iter().any(|z| mlx::dtype(z) == Dtype::Complex64) => {
                return Err(Error::Dtype("invalid comparison with complex values: complex numbers have no order. Compare Mod() or Re().".into()));
            }
            How::Bits(f) => mlx::binary(f, with_bits(&a)?, with_bits(&b)?, s),
            How::Truth(f) => mlx::binary(f, &mlx::truth(&a, s)?, &mlx::truth(&b, s)?, s),
            How::Relation(f) | How::Order(f) => mlx::binary(f, &a, &b, s),
        };
        out.map(|array| Placed::new(array, device))
            .map_err(|error| explain(error, &a, &b))
    }
}

/// Names both shapes where they were what MLX objected to.
pub fn explain(error: Error, a: &Array, b: &Array) -> Error {
    let (x, y) = (mlx::shape(a), mlx::shape(b));
    let fit = x
        .iter()
        .rev()
        .zip(y.iter().rev())
        .all(|(m, n)| m == n || *m == 1 || *n == 1);
    if fit {
        return error;
    }
    let column = match (x, y) {
        ([n], [m, _]) | ([m, _], [n]) if n == m => {
            " To make the vector a column: matrix(v, ncol = 1)."
        }
        _ => "",
    };
    Error::Shape(format!(
        "shapes {} and {} cannot be broadcast: counted from the last axis, extents must be equal or 1. (mlx arrays broadcast as in NumPy; they are not recycled.){column}",
        show(x), show(y)
    ))
}

unsafe fn run(
    compute: impl FnOnce(&Operand, &Operand) -> Result<Placed>,
    x: SEXP,
    y: SEXP,
) -> SEXP {
    let (a, b) = spread::operands(x, y);
    let out = entry::one(|| compute(&a, &b));
    spread::tell(names::elementwise(out, &[x, y]), x, y)
}

/// Functions; then those whose R callers use the arguments once, so that they are spent.
macro_rules! binary {
    (functions { $($name:ident = $how:expr;)* } spending { $($spender:ident = $does:expr;)* }) => {
        $(unsafe extern "C" fn $name(x: SEXP, y: SEXP) -> SEXP {
            run(|a, b| $how.apply(a, b), x, y)
        })*
        $(unsafe extern "C" fn $spender(x: SEXP, y: SEXP) -> SEXP {
            spent::after(run(|a, b| $does.apply(a, b), x, y), &[x, y])
        })*
        routines![$($name / 2,)* $($spender / 2,)* power_of / 2];
    };
}

use How::{Arithmetic, Bits, Composed, Order, Relation, Truth};
binary! {
    functions {
        integer_divide = Composed(floor_divide);
        modulo = Composed(modulus);
        equal = Relation(mlx_sys::mlx_equal);
        not_equal = Composed(unequal);
        less = Order(mlx_sys::mlx_less);
        less_equal = Order(mlx_sys::mlx_less_equal);
        greater = Order(mlx_sys::mlx_greater);
        greater_equal = Order(mlx_sys::mlx_greater_equal);
        logical_and = Truth(mlx_sys::mlx_logical_and);
        logical_or = Truth(mlx_sys::mlx_logical_or);
        maximum = Composed(larger);
        minimum = Composed(smaller);
        atan2 = Composed(|x, y, s| branch::note(mlx::binary(mlx_sys::mlx_arctan2, x, y, s)?));
        logaddexp = Composed(log_add_exp);
        logical_xor = Composed(exclusive_or);
        bitwise_and = Bits(mlx_sys::mlx_bitwise_and);
        bitwise_or = Bits(mlx_sys::mlx_bitwise_or);
        bitwise_xor = Bits(mlx_sys::mlx_bitwise_xor);
        left_shift = Bits(mlx_sys::mlx_left_shift);
        right_shift = Bits(mlx_sys::mlx_right_shift);
    }
    spending {
        add = Arithmetic(mlx_sys::mlx_add);
        subtract = Arithmetic(mlx_sys::mlx_subtract);
        multiply = Arithmetic(mlx_sys::mlx_multiply);
        divide = Composed(quotient);
    }
}

/// Both operands in the dtype that MLX promotes them to.
pub fn promoted(x: &Array, y: &Array, s: mlx_stream) -> Result<(Array, Array)> {
    if mlx::dtype(x) == mlx::dtype(y) {
        return Ok((mlx::share(x)?, mlx::share(y)?));
    }
    // MLX's promotion depends on the dtypes alone: read it off a sum of two scalars
    let one = |z: &Array| mlx::scalar(0.0, mlx::dtype(z), s);
    let to = mlx::dtype(&mlx::binary(mlx_sys::mlx_add, &one(x)?, &one(y)?, s)?);
    Ok((mlx::astype(x, to, s)?, mlx::astype(y, to, s)?))
}

/// x / y; integers become the default floating dtype.
fn quotient(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let whole = |z: &Array| dtype::is_integer(mlx::dtype(z)) || mlx::dtype(z) == Dtype::Bool;
    if whole(x) && whole(y) && operand::default_dtype()? != Dtype::Float32 {
        let to = operand::default_dtype()?;
        return mlx::binary(
            mlx_sys::mlx_divide,
            &mlx::astype(x, to, s)?,
            &mlx::astype(y, to, s)?,
            s,
        );
    }
    branch::note(mlx::binary(mlx_sys::mlx_divide, x, y, s)?)
}

/// x != y. vmap of MLX 0.32.2's own puts the items on the wrong axis where only y is mapped.
fn unequal(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    if !mlx::is_tracer(x) && !mlx::is_tracer(y) {
        return mlx::binary(mlx_sys::mlx_not_equal, x, y, s);
    }
    let equal = mlx::binary(mlx_sys::mlx_equal, x, y, s)?;
    mlx::unary(mlx_sys::mlx_logical_not, &equal, s)
}

fn exclusive_or(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let truth = |z: &Array| mlx::astype(z, Dtype::Bool, s);
    unequal(&truth(x)?, &truth(y)?, s)
}

/// The larger or the smaller. Where they are equal each gets half of the gradient, as in max() and
/// min() of one array; MLX gives all to the second.
fn extreme(f: Binary, x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let out = mlx::binary(f, x, y, s)?;
    if !mlx::is_tracer(&out) || !dtype::is_float(mlx::dtype(&out)) {
        return Ok(out);
    }
    mlx::halve_ties(&out)
}

fn larger(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    extreme(mlx_sys::mlx_maximum, x, y, s)
}

fn smaller(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    extreme(mlx_sys::mlx_minimum, x, y, s)
}

fn log_add_exp(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let (x, y) = promoted(x, y, s)?;
    if mlx::dtype(&x) == Dtype::Float64 {
        return exact::logaddexp(&x, &y, s);
    }
    mlx::binary(mlx_sys::mlx_logaddexp, &x, &y, s)
}

/// Whole numbers divided safely: 0 and -1 never reach MLX's integer kernels as divisors, where
/// x / 0 and the smallest number / -1 trap and end the process.
struct Division {
    quotient: Array,
    remainder: Array,
    by_zero: Array,
}

fn divide_integers(x: &Array, y: &Array, s: mlx_stream) -> Result<Division> {
    let kind = mlx::dtype(x);
    let (zero, one) = (mlx::scalar(0.0, kind, s)?, mlx::scalar(1.0, kind, s)?);
    let by_zero = mlx::binary(mlx_sys::mlx_equal, y, &zero, s)?;
    let signed = dtype::integer_range(kind).0 < 0;
    let minus = if signed {
        mlx::binary(mlx_sys::mlx_equal, y, &mlx::scalar(-1.0, kind, s)?, s)?
    } else {
        mlx::binary(
            mlx_sys::mlx_logical_and,
            &by_zero,
            &mlx::scalar(0.0, Dtype::Bool, s)?,
            s,
        )?
    };
    let masked = mlx::binary(mlx_sys::mlx_logical_or, &by_zero, &minus, s)?;
    let safe = mlx::select(&masked, &one, y, s)?;
    let remainder = mlx::binary(mlx_sys::mlx_remainder, x, &safe, s)?;
    let whole = mlx::binary(mlx_sys::mlx_subtract, x, &remainder, s)?;
    let quotient = mlx::binary(mlx_sys::mlx_floor_divide, &whole, &safe, s)?;
    let to = operand::default_dtype()?;
    let (quotient, remainder) = (
        mlx::astype(&quotient, to, s)?,
        mlx::astype(&remainder, to, s)?,
    );
    let quotient = mlx::select(
        &minus,
        &mlx::unary(mlx_sys::mlx_negative, &mlx::astype(x, to, s)?, s)?,
        &quotient,
        s,
    )?;
    Ok(Division {
        quotient,
        remainder,
        by_zero,
    })
}

/// `%/%`: the floor of the quotient. Integers give the default floating dtype, x %/% 0 is Inf.
fn floor_divide(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let (x, y) = promoted(x, y, s)?;
    let kind = mlx::dtype(&x);
    no_complex(kind, "%/%")?;
    if dtype::is_integer(kind) {
        let d = divide_integers(&x, &y, s)?;
        let to = operand::default_dtype()?;
        let infinite = mlx::binary(
            mlx_sys::mlx_divide,
            &mlx::astype(&x, to, s)?,
            &mlx::scalar(0.0, to, s)?,
            s,
        )?;
        return mlx::select(&d.by_zero, &infinite, &d.quotient, s);
    }
    // R's myfloor: the plain quotient where it has no fraction to lose, else from the remainder
    let raw = mlx::binary(mlx_sys::mlx_divide, &x, &y, s)?;
    let rest = mlx::binary(mlx_sys::mlx_remainder, &x, &y, s)?;
    let whole = mlx::binary(
        mlx_sys::mlx_divide,
        &mlx::binary(mlx_sys::mlx_subtract, &x, &rest, s)?,
        &y,
        s,
    )?;
    // SAFETY: valid handles.
    let whole = mlx::out(|o| unsafe { mlx_sys::mlx_round(o, whole.as_ptr(), 0, s) })?;
    let finite = |z: &Array| mlx::unary(mlx_sys::mlx_isfinite, z, s);
    let usual = mlx::binary(mlx_sys::mlx_logical_and, &finite(&raw)?, &finite(&y)?, s)?;
    let floor = mlx::unary(mlx_sys::mlx_floor, &raw, s)?;
    // beside an infinite divisor the quotient is a signed zero: a negative one floors to -1
    let zero = mlx::scalar(0.0, kind, s)?;
    let negative = |z: &Array| mlx::binary(mlx_sys::mlx_less, z, &zero, s);
    let opposed = unequal(&negative(&x)?, &negative(&y)?, s)?;
    let some = unequal(&x, &zero, s)?;
    let vanished = mlx::binary(mlx_sys::mlx_equal, &raw, &zero, s)?;
    let below = mlx::binary(
        mlx_sys::mlx_logical_and,
        &mlx::binary(mlx_sys::mlx_logical_and, &opposed, &some, s)?,
        &vanished,
        s,
    )?;
    let edge = mlx::select(&below, &mlx::scalar(-1.0, kind, s)?, &floor, s)?;
    mlx::stop_gradient(&mlx::select(&usual, &whole, &edge, s)?, s)
}

/// `%%`: what is left, with the divisor's sign. Integers give the default floating dtype, x %% 0
/// is NaN.
fn modulus(x: &Array, y: &Array, s: mlx_stream) -> Result<Array> {
    let (x, y) = promoted(x, y, s)?;
    no_complex(mlx::dtype(&x), "%%")?;
    if dtype::is_integer(mlx::dtype(&x)) {
        let d = divide_integers(&x, &y, s)?;
        return mlx::select(
            &d.by_zero,
            &mlx::scalar(f64::NAN, operand::default_dtype()?, s)?,
            &d.remainder,
            s,
        );
    }
    // value from the remainder function, gradient from x - floor(x / y) * y
    let value = mlx::stop_gradient(&mlx::binary(mlx_sys::mlx_remainder, &x, &y, s)?, s)?;
    let quotient = floor_divide(&x, &y, s)?;
    let smooth = mlx::binary(
        mlx_sys::mlx_subtract,
        &x,
        &mlx::binary(mlx_sys::mlx_multiply, &quotient, &y, s)?,
        s,
    )?;
    let correction = mlx::binary(
        mlx_sys::mlx_subtract,
        &smooth,
        &mlx::stop_gradient(&smooth, s)?,
        s,
    )?;
    let finite = mlx::unary(mlx_sys::mlx_isfinite, &correction, s)?;
    let correction = mlx::select(
        &finite,
        &correction,
        &mlx::scalar(0.0, mlx::dtype(&x), s)?,
        s,
    )?;
    mlx::binary(mlx_sys::mlx_add, &value, &correction, s)
}

fn no_complex(kind: Dtype, operator: &str) -> Result<()> {
    if kind == Dtype::Complex64 {
        return Err(Error::Dtype(format!(
            "`{operator}` is not defined for complex numbers."
        )));
    }
    Ok(())
}

/// `.Call`: x ^ y. Small whole exponents given as R numbers become products, which is faster,
/// exact, and has a gradient at 0.
unsafe extern "C" fn power_of(x: SEXP, y: SEXP) -> SEXP {
    spent::after(run(power, x, y), &[x, y])
}

fn power(x: &Operand, y: &Operand) -> Result<Placed> {
    let (a, b, device) = pair(x, y)?;
    let s = device.stream();
    let number = match y {
        Operand::R { source, dim } if *dim == nil() => source.number(),
        _ => None,
    };
    let kind = mlx::dtype(&a);
    let inexact = |kind| dtype::is_float(kind) || kind == Dtype::Complex64;
    let floating = inexact(kind);
    let whole = |z: &Array| dtype::is_integer(mlx::dtype(z));
    let out = match number {
        Some(2.0) if kind != Dtype::Bool => mlx::unary(mlx_sys::mlx_square, &a, s),
        Some(1.0) if kind != Dtype::Bool => mlx::share(&a),
        Some(0.5) if dtype::is_float(kind) => mlx::unary(mlx_sys::mlx_sqrt, &a, s),
        Some(3.0) if floating => mlx::binary(
            mlx_sys::mlx_multiply,
            &mlx::unary(mlx_sys::mlx_square, &a, s)?,
            &a,
            s,
        ),
        Some(-1.0) if floating => mlx::unary(mlx_sys::mlx_reciprocal, &a, s),
        Some(0.0) if floating => {
            // 1 for every x, NaN too, as in R; no slope
            mlx::full(mlx::shape(&a), &mlx::scalar(1.0, kind, s)?, kind, s)
        }
        _ if whole(&a) && whole(&b) => integer_power(&a, &b, number, s),
        _ if mlx::dtype(&a) == Dtype::Bool && mlx::dtype(&b) == Dtype::Bool => mlx::binary(
            mlx_sys::mlx_power,
            &mlx::astype(&a, Dtype::Float32, s)?,
            &mlx::astype(&b, Dtype::Float32, s)?,
            s,
        ),
        _ if floating || inexact(mlx::dtype(&b)) => mlx::power(&a, &b, s),
        _ => mlx::binary(mlx_sys::mlx_power, &a, &b, s),
    };
    out.and_then(branch::note)
        .map(|array| Placed::new(array, device))
        .map_err(|error| explain(error, &a, &b))
}

/// Whole numbers to whole powers stay whole; a negative R exponent gives fractions, so floats.
/// In an array of exponents negative ones give 0, the whole part of the fraction, as 1 / x does.
fn integer_power(x: &Array, y: &Array, number: Option<f64>, s: mlx_stream) -> Result<Array> {
    if number.is_some_and(|v| v < 0.0) {
        let to = operand::default_dtype()?;
        return mlx::binary(
            mlx_sys::mlx_power,
            &mlx::astype(x, to, s)?,
            &mlx::astype(y, to, s)?,
            s,
        );
    }
    let zero = mlx::scalar(0.0, mlx::dtype(y), s)?;
    let negative = mlx::binary(mlx_sys::mlx_less, y, &zero, s)?;
    let safe = mlx::select(&negative, &zero, y, s)?;
    let power = mlx::binary(mlx_sys::mlx_power, x, &safe, s)?;
    let none = mlx::scalar(0.0, mlx::dtype(&power), s)?;
    mlx::select(&negative, &none, &power, s)
}

fn nil() -> SEXP {
    // SAFETY: a constant of R.
    unsafe { R_NilValue }
}
