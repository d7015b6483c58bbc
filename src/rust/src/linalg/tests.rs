//! What R cannot reach yet: the rules under jvp, vmap and compile.
use super::*;
use crate::exact::testing::{close, compiled, gradient, mapped, slope, start as turn, values};
use crate::exact::Graph;
use std::sync::MutexGuard;

fn start() -> (MutexGuard<'static, ()>, Graph) {
    let (guard, s) = turn();
    crate::device::start();
    crate::rule::register();
    (guard, Graph(s))
}

/// A 3 x 3 matrix, well conditioned; `i` varies it.
fn matrix(i: usize) -> Array {
    let values: Vec<f64> = (0..9)
        .map(|k| ((k * k + i) as f64).sin() + if k % 4 == 0 { 3.0 } else { 0.0 })
        .collect();
    Array::from_slice_f64(&values, &[3, 3])
}

fn symmetric(g: Graph, i: usize) -> Array {
    g.symmetrised(&matrix(i)).unwrap()
}

fn stack(parts: &[Array], g: Graph) -> Array {
    let layers: Vec<Array> = parts
        .iter()
        .map(|x| mlx::reshape(x, &[1, 3, 3], g.0).unwrap())
        .collect();
    mlx::concatenate(&layers, 0, g.0).unwrap()
}

/// All outputs that carry a gradient, in one number per matrix that no sign changes.
fn summary(op: Linalg, x: &Array, g: Graph) -> Result<Array> {
    let mut total: Option<Array> = None;
    for part in op.apply(0, &[x], g.0)? {
        if mlx::dtype(&part) != mlx::dtype(x) {
            continue; // positions and codes
        }
        let rank = mlx::rank(&part) - (mlx::rank(x) - 2);
        let square = g.mul(&part, &part)?;
        let weights = g.add(&square, &g.scale(&g.mul(&square, &square)?, 0.3)?)?;
        let mut sum = weights;
        for _ in 0..rank {
            let last = mlx::rank(&sum) as i32 - 1;
            sum = mlx::reduce(mlx_sys::mlx_sum_axes, &sum, &[last], false, g.0)?;
        }
        total = Some(match total {
            Some(t) => g.add(&t, &sum)?,
            None => sum,
        });
    }
    total.ok_or_else(|| Error::Internal("no outputs".into()))
}

const UNARY: [Linalg; 11] = [
    Linalg::Inverse,
    Linalg::Cholesky,
    Linalg::LogDet,
    Linalg::Det,
    Linalg::Cofactors,
    Linalg::Qr,
    Linalg::Svd,
    Linalg::Eigh,
    Linalg::Lu,
    Linalg::Pinv,
    Linalg::Triangular,
];

/// `Triangular` has two inputs: its second is fixed here.
fn of(op: Linalg, x: &Array, g: Graph) -> Result<Array> {
    if op != Linalg::Triangular {
        return summary(op, x, g);
    }
    let b = mlx::broadcast(&matrix(7), &batched(x, &[3, 3]), g.0)?;
    let y = Linalg::Triangular.first(0, &[&g.tril(x, 0)?, &b], g.0)?;
    let sums = g.sum_last(&g.mul(&y, &y)?, 2)?;
    mlx::reshape(&sums, batch(x), g.0)
}

#[test]
fn forward_and_reverse_derivatives_agree() {
    let (_turn, g) = start();
    for op in UNARY {
        let f = |args: &[Array]| of(op, &g.symmetrised(&args[0])?, g);
        let x = [matrix(1)];
        let forward = values(&slope(&f, &x, 0, g.0).unwrap());
        let reverse = values(&gradient(&f, &x, g.0).unwrap()[0]);
        let sum: f64 = reverse.iter().sum();
        assert!(sum.abs() > 1e-6 || op == Linalg::Qr, "{op:?} has no slope");
        close(&forward, &[sum], 1e-9);
    }
}

#[test]
fn vmap_gives_the_results_of_each_matrix() {
    let (_turn, g) = start();
    let parts = [symmetric(g, 1), symmetric(g, 2)];
    let x = stack(&parts, g);
    for op in UNARY {
        let f = |args: &[Array]| of(op, &args[0], g);
        let want: Vec<f64> = parts
            .iter()
            .flat_map(|part| values(&of(op, part, g).unwrap()))
            .collect();
        let got = values(&mapped(&f, &[mlx::share(&x).unwrap()], &[0]).unwrap());
        close(&got, &want, 1e-12);
        // the mapped axis last
        let moved = mlx::permute(&x, &[1, 2, 0], g.0).unwrap();
        close(&values(&mapped(&f, &[moved], &[2]).unwrap()), &want, 1e-12);
        // gradients inside vmap
        let slopes = |args: &[Array]| mlx::share(&gradient(&f, args, g.0)?[0]);
        let want: Vec<f64> = parts
            .iter()
            .flat_map(|part| values(&gradient(&f, &[mlx::share(part).unwrap()], g.0).unwrap()[0]))
            .collect();
        let got = values(&mapped(&slopes, &[mlx::share(&x).unwrap()], &[0]).unwrap());
        close(&got, &want, 1e-10);
    }
}

#[test]
fn vmap_over_one_side_of_a_system_broadcasts_the_other() {
    let (_turn, g) = start();
    let parts = [matrix(1), matrix(2)];
    let (a, b) = (stack(&parts, g), matrix(3));
    let f = |args: &[Array]| Linalg::Solve.first(0, &[&args[0], &args[1]], g.0);
    let each = |a: &Array, b: &Array| {
        values(&f(&[mlx::share(a).unwrap(), mlx::share(b).unwrap()]).unwrap())
    };
    let left = mapped(
        &f,
        &[mlx::share(&a).unwrap(), mlx::share(&b).unwrap()],
        &[0, -1],
    )
    .unwrap();
    close(
        &values(&left),
        &[each(&parts[0], &b), each(&parts[1], &b)].concat(),
        1e-12,
    );
    let right = mapped(&f, &[b, a], &[-1, 0]).unwrap();
    let b = matrix(3);
    close(
        &values(&right),
        &[each(&b, &parts[0]), each(&b, &parts[1])].concat(),
        1e-12,
    );
}

#[test]
fn compiled_functions_give_the_same() {
    let (_turn, g) = start();
    for op in UNARY {
        let f = |args: &[Array]| of(op, &args[0], g);
        let x = [symmetric(g, 4)];
        close(
            &values(&compiled(&f, &x).unwrap()),
            &values(&f(&x).unwrap()),
            1e-12,
        );
        let slopes = |args: &[Array]| mlx::share(&gradient(&f, args, g.0)?[0]);
        close(
            &values(&compiled(&slopes, &x).unwrap()),
            &values(&slopes(&x).unwrap()),
            1e-12,
        );
    }
}

#[test]
fn failures_inside_compiled_functions_are_nan() {
    let (_turn, g) = start();
    let singular = Array::from_slice_f64(&[1.0, 2.0, 2.0, 4.0], &[2, 2]);
    for op in [Linalg::Inverse, Linalg::Cholesky] {
        let f = |args: &[Array]| op.first(0, &[&args[0]], g.0);
        let got = values(&compiled(&f, &[mlx::share(&singular).unwrap()]).unwrap());
        assert!(got.iter().all(|v| v.is_nan()), "{op:?}: {got:?}");
    }
}

#[test]
fn a_gradient_that_is_not_known_says_so() {
    let (_turn, g) = start();
    let f = |args: &[Array]| {
        let wide = mlx::astype(&args[0], crate::dtype::Dtype::Complex64, g.0)?;
        let values = Linalg::Eigh.first(0, &[&wide], g.0)?;
        mlx::reduce(mlx_sys::mlx_sum_axes, &values, &[0], false, g.0)
    };
    let error = gradient(&f, &[symmetric(g, 1)], g.0)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, Error::Gradient(_)), "{error}");
}
