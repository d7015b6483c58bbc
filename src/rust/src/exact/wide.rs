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
    if !is_fused() {
        return loop1(inputs[0], output, plain);
    }
    // SAFETY: is_fused() has found these instructions on this machine.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        map1_avx2(inputs[0], output, fast);
    }
    #[cfg(not(target_arch = "x86_64"))]
    loop1(inputs[0], output, fast);
}

/// Two arguments.
#[inline(always)]
pub fn map2(
    inputs: &[&[f64]],
    output: &mut [f64],
    fast: impl Fn(f64, f64) -> f64,
    plain: impl Fn(f64, f64) -> f64,
) {
    if !is_fused() {
        return loop2(inputs[0], inputs[1], output, plain);
    }
    // SAFETY: is_fused() has found these instructions on this machine.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        map2_avx2(inputs[0], inputs[1], output, fast);
    }
    #[cfg(not(target_arch = "x86_64"))]
    loop2(inputs[0], inputs[1], output, fast);
}

/// Whether the machine has fused multiply-add, on x86-64 together with AVX2.
#[inline(always)]
fn is_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let found = cfg!(target_arch = "aarch64");
    found
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

/// Applies a function to each triple of elements.
#[inline(always)]
pub fn loop3<T: Copy>(inputs: &[&[T]], output: &mut [T], f: impl Fn(T, T, T) -> T) {
    let (x, y, z) = (inputs[0], inputs[1], inputs[2]);
    for (((o, &x), &y), &z) in output.iter_mut().zip(x).zip(y).zip(z) {
        *o = f(x, y, z);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_see_every_element() {
        let x: Vec<f64> = (0..1003).map(f64::from).collect();
        let mut y = vec![0.0; x.len()];
        map1(&[&x], &mut y, |x| x + 1.0, |x| x + 1.0);
        assert!(y.iter().zip(&x).all(|(y, x)| *y == x + 1.0));
        map2(&[&x, &x], &mut y, |a, b| a * b, |a, b| a * b);
        assert!(y.iter().zip(&x).all(|(y, x)| *y == x * x));
    }

    #[test]
    fn polynomials() {
        let c = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(poly(1.0, &c), 36.0);
        assert_eq!(poly(-2.0, &c), -711.0);
    }
}
