//! Tests of the primitive: layouts, dtypes, transformations and every row's derivative.
use super::graph::Graph;
use super::table::{Exact, TABLE};
use super::testing::*;
use super::{binary, ffi, polygamma, unary};
use crate::mlx::{self, Array};

/// Rows by number.
fn rows() -> impl Iterator<Item = Exact> {
    use Exact::*;
    let all = [
        Exp,
        Exp2,
        Exp10,
        Expm1,
        Log2,
        Log10,
        Sin,
        Cos,
        Tan,
        Sinpi,
        Cospi,
        Tanpi,
        Sigmoid,
        LogSigmoid,
        Softplus,
        LogAddExp,
        LogisticDifference,
        ExpDifference,
        Gauss,
        Erf,
        Erfc,
        Erfinv,
        Gamma,
        Lgamma,
        Digamma,
        Polygamma,
        PolygammaDifference,
        Beta,
        Lbeta,
        Choose,
        Lchoose,
        Round,
        Signif,
        Logit,
        Log1mExp,
        BesselJ,
        BesselI,
        BesselIScaled,
        NormalTail,
        NormalQuantile,
        Share,
        GammaDensity,
        GammaTail,
        GammaQuantile,
        BetaDensity,
        BetaTail,
        BetaQuantile,
        FDensity,
        FTail,
        FQuantile,
        StudentDensity,
        StudentTail,
        StudentQuantile,
        BinomialDensity,
        BinomialQuantile,
        PoissonDensity,
        PoissonQuantile,
        NegativeBinomialDensity,
        NegativeBinomialQuantile,
        GammaDraw,
        GammaDrawSlope,
        PoissonDraw,
        BinomialDraw,
    ];
    assert_eq!(all.len(), TABLE.len());
    all.into_iter().inspect(|&op| {
        let name = TABLE[op as usize].name.to_str().unwrap();
        assert_eq!(name, format!("Exact{op:?}"));
    })
}

/// The row on a list of as many arrays as it takes.
fn apply(op: Exact, args: &[Array], s: mlx_sys::mlx_stream) -> crate::error::Result<Array> {
    let args: Vec<&Array> = args
        .iter()
        .take(TABLE[op as usize].arity as usize)
        .collect();
    ffi::apply(op, 0, &args, s)
}

/// Arguments at which every row is smooth: inside (0, 1), away from halves and
/// quarters; the second are whole numbers for the binomial coefficients.
fn arguments(op: Exact) -> Vec<Array> {
    let x = match op {
        Exact::BinomialDensity | Exact::PoissonDensity | Exact::NegativeBinomialDensity => {
            f64s(&[0.0, 1.0, 2.0, 3.0, 5.0, 7.0])
        }
        _ => f64s(&[0.11, 0.31, 0.37, 0.62, 0.81, 0.93]),
    };
    let y = match op {
        Exact::Choose | Exact::Lchoose => f64s(&[0.0, 1.0, 2.0, 3.0, 5.0, 40.0]),
        Exact::BinomialDensity | Exact::BinomialQuantile | Exact::BinomialDraw => {
            f64s(&[1.0, 7.0, 2.0, 40.0, 12.0, 9.0])
        }
        // Heavier tails than these bend too much for central differences.
        Exact::BetaQuantile
        | Exact::FQuantile
        | Exact::StudentQuantile
        | Exact::NegativeBinomialDensity => f64s(&[0.7, 1.2, 1.4, 3.0, 6.0, 12.0]),
        _ => f64s(&[0.7, 0.2, 1.4, 3.0, 0.05, 12.0]),
    };
    let z = f64s(&[0.9, 0.3, 0.45, 0.6, 0.2, 0.7]);
    let all = vec![x, y, z];
    all.into_iter()
        .take(TABLE[op as usize].arity as usize)
        .collect()
}

/// Rows whose slope is not that of their values at one seed: tested with them.
fn is_drawn(op: Exact) -> bool {
    op == Exact::GammaDraw
}

/// Inputs in which an argument has no slope by definition.
fn is_whole(op: Exact, argnum: usize) -> bool {
    use Exact::*;
    match op {
        Choose | Lchoose => argnum == 1,
        Share => argnum > 0,
        BinomialDensity => argnum < 2,
        PoissonDensity | NegativeBinomialDensity | GammaDraw => argnum == 0,
        BinomialQuantile
        | PoissonQuantile
        | NegativeBinomialQuantile
        | PoissonDraw
        | BinomialDraw => true,
        _ => false,
    }
}

#[test]
fn every_derivative_agrees_with_central_differences() {
    let (_turn, s) = start();
    for op in rows().filter(|&op| !is_drawn(op)) {
        let args = arguments(op);
        let f = |args: &[Array]| apply(op, args, s);
        let grads = gradient(&f, &args, s).unwrap();
        for (k, grad) in grads.iter().enumerate() {
            let forward = values(&slope(&f, &args, k, s).unwrap());
            assert_eq!(
                forward,
                values(grad),
                "{op:?}: jvp is not vjp in argument {k}"
            );
            if is_whole(op, k) {
                assert!(forward.iter().all(|&d| d == 0.0), "{op:?} in argument {k}");
            } else {
                close(&forward, &central(&f, &args, k, s).unwrap(), 2e-7);
            }
        }
    }
}

#[test]
fn every_second_derivative_agrees_with_central_differences() {
    let (_turn, s) = start();
    for op in rows().filter(|&op| !is_drawn(op) && op != Exact::GammaDrawSlope) {
        let args = arguments(op);
        let n = args.len();
        for first in (0..n).filter(|&k| !is_whole(op, k)) {
            let f = |args: &[Array]| apply(op, args, s);
            let g = |args: &[Array]| Ok(gradient(&f, args, s)?.swap_remove(first));
            let second = gradient(&g, &args, s).unwrap();
            for (k, grad) in second.iter().enumerate().filter(|&(k, _)| !is_whole(op, k)) {
                close(&values(grad), &central(&g, &args, k, s).unwrap(), 2e-6);
            }
        }
    }
}

#[test]
fn every_form_of_a_distribution_has_its_derivatives() {
    use Exact::*;
    let (_turn, s) = start();
    let tails = [NormalTail, GammaTail, BetaTail, FTail, StudentTail];
    let quantiles = [
        NormalQuantile,
        GammaQuantile,
        BetaQuantile,
        FQuantile,
        StudentQuantile,
    ];
    for op in tails.into_iter().chain(quantiles) {
        for form in 1..4 {
            let mut args = arguments(op);
            if quantiles.contains(&op) && form >= 2 {
                let log = values(&args[0]).iter().map(|p| p.ln()).collect::<Vec<_>>();
                args[0] = f64s(&log);
            }
            let f = |args: &[Array]| {
                let args: Vec<&Array> = args.iter().collect();
                ffi::apply(op, form, &args, s)
            };
            let grads = gradient(&f, &args, s).unwrap();
            for (k, grad) in grads.iter().enumerate() {
                close(&values(grad), &central(&f, &args, k, s).unwrap(), 2e-6);
            }
        }
    }
}

#[test]
fn float32_is_the_double_result_rounded_once() {
    let (_turn, s) = start();
    for op in rows() {
        let wide: Vec<Vec<f64>> = arguments(op).iter().map(values).collect();
        let narrow: Vec<Vec<f32>> = wide
            .iter()
            .map(|v| v.iter().map(|&x| x as f32).collect())
            .collect();
        let singles: Vec<Array> = narrow.iter().map(|v| f32s(v)).collect();
        let doubles: Vec<Array> = narrow
            .iter()
            .map(|v| f64s(&v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>()))
            .collect();
        let single = apply(op, &singles, s).unwrap();
        assert_eq!(mlx::dtype(&single), mlx::dtype(&singles[0]));
        let want: Vec<f64> = values(&apply(op, &doubles, s).unwrap())
            .iter()
            .map(|&y| f64::from(y as f32))
            .collect();
        close(&values(&single), &want, 0.0);
        let f = |args: &[Array]| apply(op, args, s);
        let grads = gradient(&f, &singles, s).unwrap();
        let exact = gradient(&f, &doubles, s).unwrap();
        for (grad, exact) in grads.iter().zip(&exact) {
            assert_eq!(mlx::dtype(grad), mlx::dtype(&singles[0]), "{op:?}");
            close(&values(grad), &values(exact), 2e-6);
        }
    }
}

#[test]
fn layouts_do_not_matter() {
    let (_turn, s) = start();
    let v: Vec<f64> = (0..3 * 5 * 700)
        .map(|i| f64::from(i) / 1000.0 - 5.0)
        .collect();
    let x = Array::from_slice_f64(&v, &[3, 5, 700]);
    let want = |x: &Array| values(x).iter().map(|x| x.exp()).collect::<Vec<_>>();
    let exp = |x: &Array| values(&unary(Exact::Exp, x, s).unwrap());
    let permuted = mlx::permute(&x, &[2, 0, 1], s).unwrap();
    let reversed = mlx::transpose(&x, s).unwrap();
    let steps = mlx::slice(&x, &[0, 1, 3], &[3, 5, 700], &[2, 2, 3], s).unwrap();
    let backwards = mlx::slice(&x, &[2, 4, 699], &[-4, -6, -701], &[-1, -2, -3], s).unwrap();
    let column = mlx::slice(&x, &[0, 0, 7], &[3, 5, 8], &[1, 1, 1], s).unwrap();
    let spread = mlx::broadcast(&column, &[3, 5, 600], s).unwrap();
    let scalar = mlx::broadcast(&f64s(&[0.25]), &[40, 50], s).unwrap();
    let lone = mlx::reshape(&f64s(&[0.5]), &[], s).unwrap();
    for y in [
        &x, &permuted, &reversed, &steps, &backwards, &spread, &scalar, &lone,
    ] {
        close(&exp(y), &want(y), 3e-16);
    }
    let turned = unary(Exact::Exp, &reversed, s).unwrap();
    turned.eval().unwrap();
    assert!(
        mlx::layout(&turned).1,
        "a column-major input gives a column-major result"
    );
}

#[test]
fn two_layouts_meet() {
    let (_turn, s) = start();
    let v: Vec<f64> = (0..60 * 70).map(|i| f64::from(i % 97) / 7.0).collect();
    let x = Array::from_slice_f64(&v, &[60, 70]);
    let y = mlx::transpose(&Array::from_slice_f64(&v, &[70, 60]), s).unwrap();
    let row = mlx::slice(&x, &[3, 0], &[4, 70], &[1, 1], s).unwrap();
    let lone = f64s(&[2.5]);
    let pairs = [
        (&x, &x),
        (&x, &y),
        (&y, &y),
        (&x, &row),
        (&row, &y),
        (&lone, &y),
        (&x, &lone),
        (&lone, &lone),
    ];
    for (a, b) in pairs {
        let got = binary(Exact::LogAddExp, a, b, s).unwrap();
        let shape = mlx::shape(&got).to_vec();
        let flat = |x: &Array| values(&mlx::broadcast(x, &shape, s).unwrap());
        let want: Vec<f64> = flat(a)
            .iter()
            .zip(flat(b))
            .map(|(x, y)| x.max(y) + (-(x - y).abs()).exp().ln_1p())
            .collect();
        close(&values(&got), &want, 4e-16);
    }
}

#[test]
fn a_donated_buffer_is_overwritten_safely() {
    let (_turn, s) = start();
    let v: Vec<f64> = (0..5000).map(|i| f64::from(i) / 2500.0 - 1.0).collect();
    let chain = |x: &Array| {
        let g = Graph(s);
        // The sums have no other holder, so that their buffers are donated.
        let y = g.exact(Exact::Sin, [&g.add(x, x).unwrap()]).unwrap();
        g.exact(Exact::LogAddExp, [&y, &g.neg(x).unwrap()]).unwrap()
    };
    let want: Vec<f64> = v
        .iter()
        .map(|x| ((2.0 * x).sin().exp() + (-x).exp()).ln())
        .collect();
    close(&values(&chain(&f64s(&v))), &want, 1e-15);
    let single: Vec<f32> = v.iter().map(|&x| x as f32).collect();
    close(&values(&chain(&f32s(&single))), &want, 3e-7);
}

#[test]
fn empty_arrays_stay_empty() {
    let (_turn, s) = start();
    for shape in [&[0][..], &[3, 0], &[0, 4, 2]] {
        let x = Array::from_slice_f64(&[], shape);
        assert_eq!(mlx::shape(&unary(Exact::Exp, &x, s).unwrap()), shape);
        assert!(values(&unary(Exact::Exp, &x, s).unwrap()).is_empty());
        assert!(values(&binary(Exact::Beta, &x, &f64s(&[1.0]), s).unwrap()).is_empty());
        let f = |args: &[Array]| unary(Exact::Sin, &args[0], s);
        assert!(values(&gradient(&f, &[x], s).unwrap()[0]).is_empty());
    }
}

#[test]
fn vmap_maps_any_axes() {
    let (_turn, s) = start();
    let v: Vec<f64> = (0..12).map(|i| f64::from(i) / 4.0 + 0.1).collect();
    let x = Array::from_slice_f64(&v, &[3, 4]);
    let exp = |args: &[Array]| unary(Exact::Exp, &args[0], s);
    let want: Vec<f64> = v.iter().map(|x| x.exp()).collect();
    close(
        &values(&mapped(&exp, std::slice::from_ref(&x), &[0]).unwrap()),
        &want,
        3e-16,
    );
    let columns = mapped(&exp, std::slice::from_ref(&x), &[1]).unwrap();
    close(&values(&mlx::transpose(&columns, s).unwrap()), &want, 3e-16);

    // lbeta(x[i, ], y[, i]) for y the transpose of x, and for an unmapped y.
    let lbeta = |args: &[Array]| binary(Exact::Lbeta, &args[0], &args[1], s);
    let whole = values(&binary(Exact::Lbeta, &x, &x, s).unwrap());
    let y = mlx::contiguous(&mlx::transpose(&x, s).unwrap(), s).unwrap();
    let args = [x, y];
    close(
        &values(&mapped(&lbeta, &args, &[0, 1]).unwrap()),
        &whole,
        1e-15,
    );
    let first = mlx::slice(&args[0], &[0, 0], &[1, 4], &[1, 1], s).unwrap();
    let first = mlx::reshape(&first, &[4], s).unwrap();
    let against = values(&binary(Exact::Lbeta, &args[0], &first, s).unwrap());
    let args = [args.into_iter().next().unwrap(), first];
    close(
        &values(&mapped(&lbeta, &args, &[0, -1]).unwrap()),
        &against,
        1e-15,
    );
    // The gradient of a mapped function.
    let sum = |args: &[Array]| mapped(&lbeta, args, &[0, -1]);
    let grads = gradient(&sum, &args, s).unwrap();
    let straight = gradient(&lbeta, &args, s).unwrap();
    close(&values(&grads[0]), &values(&straight[0]), 1e-15);
    close(&values(&grads[1]), &values(&straight[1]), 1e-14);
}

#[test]
fn compile_gives_the_same_and_merges_what_is_equal() {
    let (_turn, s) = start();
    let g = Graph(s);
    let f = |args: &[Array]| {
        let x = &args[0];
        let one = polygamma(1, x, s)?;
        let two = polygamma(2, x, s)?;
        g.add(
            &g.mul(&g.exact(Exact::Sin, [x])?, &g.exact(Exact::Sin, [x])?)?,
            &g.mul(&one, &two)?,
        )
    };
    let x = [f64s(&[0.3, 1.7, 4.2])];
    close(
        &values(&compiled(&f, &x).unwrap()),
        &values(&f(&x).unwrap()),
        0.0,
    );
    let slopes = |args: &[Array]| Ok(gradient(&f, args, s)?.swap_remove(0));
    close(
        &values(&compiled(&slopes, &x).unwrap()),
        &values(&slopes(&x).unwrap()),
        1e-15,
    );
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let (_turn, s) = start();
    let whole = Array::from_slice(&[1i32, 2], &[2]);
    assert!(message(unary(Exact::Exp, &whole, s)).contains("float64 or float32"));
    assert!(
        message(binary(Exact::Beta, &f64s(&[1.0]), &f32s(&[1.0]), s)).contains("all of one type")
    );
    assert!(message(unary(Exact::Beta, &f64s(&[1.0]), s)).contains("number of arguments"));
    let shapes = message(binary(
        Exact::Beta,
        &f64s(&[1.0, 2.0]),
        &f64s(&[1.0, 2.0, 3.0]),
        s,
    ));
    assert!(shapes.contains("broadcast"), "{shapes}");
    assert!(message(polygamma(u32::MAX, &f64s(&[1.0]), s)).contains("orders go up to"));
}
