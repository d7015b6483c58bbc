//! Loops over a block, compiled for the vector units of the machine at hand.
//!
//! The functions passed as `fast` are free of branches and calls, so that the compiler turns
//! the loop into vector code. They rely on fused multiply-add: where the machine has none
//! (x86-64 older than 2013), and only there, `plain` runs instead.

/// One argument.
#[inline(always)]
pub fn map1(
    inputs: &[&[f64]],
    output: &mut [f64],
    fast: impl Fn(f64) -> f64,
    plain: impl Fn(f64) -> f64,
) {
    match level() {
        // SAFETY: level() has found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { map1_avx2(inputs[0], output, fast) },
        Level::Plain => loop1(inputs[0], output, plain),
        #[allow(unreachable_patterns)]
        _ => loop1(inputs[0], output, fast),
    }
}

/// Two arguments.
#[inline(always)]
pub fn map2(
    inputs: &[&[f64]],
    output: &mut [f64],
    fast: impl Fn(f64, f64) -> f64,
    plain: impl Fn(f64, f64) -> f64,
) {
    match level() {
        // SAFETY: level() has found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { map2_avx2(inputs[0], inputs[1], output, fast) },
        Level::Plain => loop2(inputs[0], inputs[1], output, plain),
        #[allow(unreachable_patterns)]
        _ => loop2(inputs[0], inputs[1], output, fast),
    }
}

/// What the machine offers.
#[derive(Clone, Copy)]
enum Level {
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Fused multiply-add is part of the architecture (aarch64).
    #[cfg(target_arch = "aarch64")]
    Native,
    /// No fused multiply-add.
    #[allow(dead_code)]
    Plain,
}

#[inline(always)]
fn level() -> Level {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return Level::Avx2;
    }
    #[cfg(target_arch = "aarch64")]
    return Level::Native;
    #[cfg(not(target_arch = "aarch64"))]
    Level::Plain
}

/// Applies a function to each element.
#[inline(always)]
pub fn loop1(x: &[f64], output: &mut [f64], f: impl Fn(f64) -> f64) {
    for (o, &x) in output.iter_mut().zip(x) {
        *o = f(x);
    }
}

/// Applies a function to each pair of elements.
#[inline(always)]
pub fn loop2(x: &[f64], y: &[f64], output: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    for ((o, &x), &y) in output.iter_mut().zip(x).zip(y) {
        *o = f(x, y);
    }
}

/// A polynomial of eight terms by Estrin's scheme: short chains of dependent
/// operations.
#[inline(always)]
pub fn poly(x: f64, c: &[f64; 8]) -> f64 {
    let x2 = x * x;
    let low = x2.mul_add(x.mul_add(c[3], c[2]), x.mul_add(c[1], c[0]));
    let high = x2.mul_add(x.mul_add(c[7], c[6]), x.mul_add(c[5], c[4]));
    (x2 * x2).mul_add(high, low)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn map1_avx2(x: &[f64], output: &mut [f64], f: impl Fn(f64) -> f64) {
    loop1(x, output, f);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn map2_avx2(x: &[f64], y: &[f64], output: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    loop2(x, y, output, f);
}
